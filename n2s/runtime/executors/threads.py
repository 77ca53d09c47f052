"""Rendering in threads of this process."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Any, cast

from n2s.graph.errors import Cancelled
from n2s.runtime.executors.base import Job, Rendered, Renderer, Task, default_count

if TYPE_CHECKING:
    from n2s.runtime.context import RunContext
    from n2s.runtime.events import Events


class ThreadExecutor:
    """Renders in this process: ``threads`` chunks at the same time, with one thread each.

    Decoders, kernels and pipes let other threads run while they work, and every chunk has an encoder process of its
    own; two chunks of one thread are faster than one chunk of two.
    """

    def __init__(self, threads: int | None = None):
        self.threads = threads or default_count()
        self._pool: ThreadPoolExecutor | None = None
        self._stopping = threading.Event()
        self._futures: dict[Future, Task] = {}

    def start(self, job: Job, context: RunContext, events: Events) -> None:
        self._renderer: Renderer = job.open(context, events)
        self._renderer.warm_up()
        self._events = events
        self._stopping.clear()
        self._pool = ThreadPoolExecutor(self.threads, thread_name_prefix="chunk")

    def submit(self, task: Task) -> None:
        self._futures[cast(Any, self._pool).submit(self._run, task)] = task

    def _run(self, task: Task) -> Rendered:
        self._progress(0)
        return self._renderer.render(task, self._progress)

    def _progress(self, frames: int) -> None:
        if self._stopping.is_set():
            raise Cancelled
        if frames:
            self._events.rendered(frames)

    def finished(self) -> Iterator[tuple[Task, Rendered]]:
        while self._futures:
            # A bounded wait, so that Ctrl-C is heard at once.
            done, _ = wait(self._futures, timeout=0.2, return_when=FIRST_COMPLETED)
            self._events.waited()
            for future in sorted(done, key=lambda future: self._futures[future].start):
                yield self._futures.pop(future), future.result()

    def stop(self) -> None:
        self._stopping.set()
        if self._pool is not None:
            self._pool.shutdown(wait=True, cancel_futures=True)
            self._pool = None
        self._futures.clear()
