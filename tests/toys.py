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

from n2s.graph.errors import MediaError
from n2s.graph.keys import digest
from n2s.runtime.executors.base import Rendered, Task
from n2s.runtime.store import Store


@dataclass(frozen=True)
class Sums:
    """Each task's result is one more than the sum of those it needs; ``waits`` is how long a task takes."""

    waits: float = 0.0

    def for_others(self, context: Any) -> Sums:
        return self

    def open(self, context: Any, events: Any) -> Adder:
        return Adder(context, self.waits)


@dataclass
class Adder:
    context: Any
    waits: float

    def warm_up(self) -> None:
        pass

    def render(self, task: Task, progress: Callable[[int], None]) -> Rendered:
        self.context.say(f"{task.key} begins")
        store = self.context.store
        paths = [store.find("sums", need, ".txt") for need in task.needs]
        if None in paths:
            raise MediaError(f"{task.key} began before what it needs was done.")
        total = 1 + sum(int(path.read_text()) for path in paths)
        end = time.monotonic() + self.waits
        while time.monotonic() < end:
            progress(0)
            time.sleep(0.005)
        store.add("sums", task.key, ".txt", {}, lambda path: path.write_text(str(total)))
        progress(1)
        return Rendered({"sum": self.waits}, {"sum": 1}, f"process {os.getpid()}")


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


def task(name: str, *needs: str) -> Task:
    """Return a task that is known by a name; its frames count from the length of the name."""
    return Task(0, len(name), len(name) + 1, digest(name), tuple(digest(need) for need in needs))


def chain(length: int) -> list[Task]:
    """Return tasks of which each needs the two before it, the last one first: sums grow like Fibonacci's."""
    names = [f"link {number}" for number in range(length)]
    return [task(name, *names[max(0, i - 2) : i]) for i, name in enumerate(names)][::-1]


def results(store: Store, tasks: list[Task]) -> list[int]:
    """Return the results of some tasks."""
    return [int(store.find("sums", each.key, ".txt").read_text()) for each in tasks]


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
        self.store.add("sums", task.key, ".txt", {}, lambda path: path.write_text(str(held.sum())))
        return Rendered()
