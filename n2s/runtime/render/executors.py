"""Where chunks are rendered. An executor is four verbs: start, submit, finished, stop."""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from dataclasses import dataclass
from typing import Any, Protocol

from n2s.graph.errors import Cancelled


@dataclass(frozen=True)
class Task:
    """A chunk to render, as plain data: which film of the run, which frames, under which key.

    Whoever holds the same graphs and the same store can render it, and finds the same bytes.
    """

    film: int
    start: int
    stop: int
    key: str


class Executor(Protocol):
    """Renders tasks somewhere, in any order; the results lie in the store."""

    def start(self, render: Callable[[Task, Callable[[], None]], Any]) -> None:
        """Take the function that renders a task; it calls its second argument often, which raises when stopped."""
        ...

    def submit(self, task: Task) -> None: ...

    def finished(self) -> Iterator[tuple[Task, Any]]:
        """Yield each submitted task with its result as it ends; the first failure is raised."""
        ...

    def stop(self) -> None:
        """Give up what is under way and what waits; return when nothing runs any more."""
        ...


def default_jobs() -> int:
    """Return how many chunks to keep in flight: one a processor, as far as this process may use them."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)


class LocalExecutor:
    """Renders on this machine, ``jobs`` chunks in flight, one thread each.

    Decoders, kernels and pipes let other threads run while they work, and every chunk has an encoder process of its
    own; two chunks of one thread are faster than one chunk of two.
    """

    def __init__(self, jobs: int | None = None):
        self.jobs = jobs or default_jobs()
        self._pool = ThreadPoolExecutor(self.jobs, thread_name_prefix="chunk")
        self._stopping = threading.Event()
        self._futures: dict[Future, Task] = {}
        self._render: Callable = lambda task, check: None

    def start(self, render: Callable[[Task, Callable[[], None]], Any]) -> None:
        self._render = render

    def submit(self, task: Task) -> None:
        self._futures[self._pool.submit(self._run, task)] = task

    def _run(self, task: Task) -> Any:
        self._check()
        return self._render(task, self._check)

    def _check(self) -> None:
        if self._stopping.is_set():
            raise Cancelled

    def finished(self) -> Iterator[tuple[Task, Any]]:
        while self._futures:
            # A bounded wait, so that Ctrl-C is heard at once.
            done, _ = wait(self._futures, timeout=0.2, return_when=FIRST_COMPLETED)
            for future in sorted(done, key=lambda future: self._futures[future].start):
                yield self._futures.pop(future), future.result()

    def stop(self) -> None:
        self._stopping.set()
        self._pool.shutdown(wait=True, cancel_futures=True)
