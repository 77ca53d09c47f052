"""Jobs for executors, without music and pictures; other processes find them here."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.keys import digest
from n2s.runtime.executors.base import Rendered, Task
from n2s.runtime.store import Store


@dataclass(frozen=True)
class Squares:
    """Each task's result is the square of its first frame; ``waits`` is how long a task takes."""

    waits: float = 0.0

    def for_others(self, context: Any) -> Squares:
        return self

    def open(self, context: Any, events: Any) -> Squarer:
        return Squarer(context, self.waits)


@dataclass
class Squarer:
    context: Any
    waits: float

    def warm_up(self) -> None:
        pass

    def render(self, task: Task, progress: Callable[[int], None]) -> Rendered:
        self.context.say(f"{task.key} begins")
        end = time.monotonic() + self.waits
        while time.monotonic() < end:
            progress(0)
            time.sleep(0.005)
        self.context.store.add("toys", task.key, ".txt", {}, lambda path: path.write_text(str(task.start**2)))
        progress(1)
        return Rendered({"square": self.waits}, {"square": 1}, f"process {os.getpid()}")


@dataclass(frozen=True)
class Endless:
    """A task goes on until it is given up; a file says that it has begun, another one that it was ended in order."""

    folder: Path

    def for_others(self, context: Any) -> Endless:
        return self

    def open(self, context: Any, events: Any) -> Endless:
        return self

    def warm_up(self) -> None:
        pass

    def render(self, task: Task, progress: Callable[[int], None]) -> Rendered:
        (self.folder / "begun").touch()
        try:
            while True:
                progress(1)
                time.sleep(0.005)
        finally:
            (self.folder / "ended").touch()


@dataclass(frozen=True)
class Deadly:
    """Each task kills the process that renders it."""

    def for_others(self, context: Any) -> Deadly:
        return self

    def open(self, context: Any, events: Any) -> Deadly:
        return self

    def render(self, task: Task, progress: Callable[[int], None]) -> Rendered:
        os.kill(os.getpid(), signal.SIGKILL)
        return Rendered()


def task(name: str) -> Task:
    """Return a task that is known by a name; its frames count from the length of the name."""
    return Task(0, len(name), len(name) + 1, digest(name))


def tasks(count: int) -> list[Task]:
    """Return tasks that begin with frames 1, 2, 3 and so on."""
    return [task("x" * start) for start in range(1, count + 1)]


def results(store: Store, tasks: list[Task]) -> list[int]:
    """Return the results of some tasks."""
    return [int(store.find("toys", each.key, ".txt").read_text()) for each in tasks]


@dataclass(frozen=True)
class Hungry:
    """Each task holds so many bytes for a moment; its result is their number."""

    bytes: int
    waits: float = 0.25

    def for_others(self, context: Any) -> Hungry:
        return self

    def open(self, context: Any, events: Any) -> Eater:
        return Eater(context.store, self.bytes, self.waits)


@dataclass
class Eater:
    store: Store
    bytes: int
    waits: float

    def warm_up(self) -> None:
        pass

    def render(self, task: Task, progress: Callable[[int], None]) -> Rendered:
        held = np.ones(self.bytes, np.uint8)  # touched, so that it is resident
        progress(1)
        end = time.monotonic() + self.waits
        while time.monotonic() < end:
            progress(0)
            time.sleep(0.005)
        self.store.add("toys", task.key, ".txt", {}, lambda path: path.write_text(str(held.sum())))
        return Rendered()
