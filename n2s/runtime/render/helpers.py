"""Threads that have no chunk of their own, and help those that have one."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any


class Helpers:
    """Counts which of some threads have nothing to do, and lends them for short pieces of work.

    Parameters
    ----------
    threads : int
        How many there are, with those that have a chunk.

    Attributes
    ----------
    free : int
        How many have nothing to do; less than 0 for a moment, where chunks begin while others are helped.
    """

    def __init__(self, threads: int):
        self.free = threads
        self._lock = threading.Lock()
        self._pool = ThreadPoolExecutor(threads, thread_name_prefix="helper")

    @contextmanager
    def busy(self) -> Iterator[None]:
        """Return a context within which the calling thread is none of those that are free."""
        self._count(-1)
        try:
            yield
        finally:
            self._count(1)

    def _count(self, more: int) -> None:
        with self._lock:
            self.free += more

    def lend(self, work: Callable[[], Any]) -> Future | None:
        """Let a free thread do some work, and return what tells its result; None where no thread is free."""
        with self._lock:
            if self.free <= 0:
                return None
            self.free -= 1
        try:
            future = self._pool.submit(work)
        except RuntimeError:  # it was closed
            self._count(1)
            return None
        future.add_done_callback(lambda _: self._count(1))
        return future

    def close(self) -> None:
        """Wait for what is under way, and lend nothing more."""
        self._pool.shutdown(wait=True, cancel_futures=True)
        self.free = 0
