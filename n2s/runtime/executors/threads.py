"""Rendering in threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

from n2s.graph.errors import Cancelled
from n2s.runtime.executors.base import Job, Rendered, Renderer, Task, default_count
from n2s.runtime.render.helpers import Helpers

if TYPE_CHECKING:
    from n2s.runtime.context import RunContext
    from n2s.runtime.events import Events

LAST = 4  # a quarter as many chunks as threads begin at once where they are the last


class ThreadExecutor:
    """Renders in this process: ``threads`` chunks at the same time, with one thread each.

    Decoders, kernels and pipes let other threads run while they work, and every chunk has an encoder process of its
    own; two chunks of one thread are faster than one chunk of two. A thread without a chunk decodes for the others.

    The last few chunks do not wait for a thread, but begin beside the others: 17 chunks on 16 processors take little
    longer than 16, where the last one alone would take as long again.
    """

    def __init__(self, threads: int | None = None):
        self.threads = threads or default_count()
        self.most_at_once = self.threads + self.threads // LAST
        self._pool: ThreadPoolExecutor | None = None
        self._stopping = threading.Event()
        self._futures: dict[Future, Task] = {}
        self._turn = threading.Condition()
        self._waiting = self._running = 0
        self._knows_all = False  # no task has come since it was last asked for those that are done

    def start(self, job: Job, context: RunContext, events: Events) -> None:
        self._helpers = context.helpers = Helpers(self.threads)
        self._renderer: Renderer = job.open(context, events)
        self._renderer.warm_up()
        self._events = events
        self._stopping.clear()
        self._waiting = self._running = 0
        self._pool = ThreadPoolExecutor(self.most_at_once, thread_name_prefix="chunk")

    def submit(self, task: Task) -> None:
        with self._turn:
            self._waiting += 1
            self._knows_all = False
        self._futures[cast(Any, self._pool).submit(self._run, task)] = task

    def _run(self, task: Task) -> Rendered:
        with self._begun(), self._helpers.busy():
            self._progress(0)
            return self._renderer.render(task, self._progress)

    @contextmanager
    def _begun(self) -> Iterator[None]:
        """Wait until a chunk may begin: fewer than ``threads`` are under way, or it is one of the last."""
        with self._turn:
            self._turn.wait_for(self._may_begin)
            self._waiting -= 1
            self._running += 1
            self._turn.notify_all()  # one fewer waits, so that the others may be the last
        try:
            yield
        finally:
            with self._turn:
                self._running -= 1
                self._turn.notify_all()

    def _may_begin(self) -> bool:
        few = self._knows_all and self._waiting <= self.most_at_once - self.threads
        return self._running < self.threads or few or self._stopping.is_set()

    def _progress(self, frames: int) -> None:
        if self._stopping.is_set():
            raise Cancelled
        if frames:
            self._events.rendered(frames)

    def finished(self) -> Iterator[tuple[Task, Rendered]]:
        while self._futures:
            with self._turn:
                self._knows_all = True
                self._turn.notify_all()
            # A bounded wait, so that Ctrl-C is heard at once.
            done, _ = wait(self._futures, timeout=0.2, return_when=FIRST_COMPLETED)
            self._events.waited()
            for future in sorted(done, key=lambda future: self._futures[future].start):
                yield self._futures.pop(future), future.result()

    def stop(self) -> None:
        self._stopping.set()
        with self._turn:
            self._turn.notify_all()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
            self._helpers.close()
        self._futures.clear()
