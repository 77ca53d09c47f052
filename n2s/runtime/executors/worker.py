"""What runs in a process that renders: orders come in by a pipe, and reports go back by it.

Orders: ("job", order, module search path), ("task", task), ("close",), ("end",).
Answers: ("ready",), ("said", text), ("rendered", frames), ("done", rendered), ("failed", error), ("closed",).
"""

from __future__ import annotations

import importlib
import os
import signal
import sys
import threading
from multiprocessing.connection import Connection
from queue import SimpleQueue
from typing import Any, cast

from n2s.graph.errors import Cancelled
from n2s.runtime.executors.base import Task
from n2s.runtime.executors.opened import OpenedJob, Order
from n2s.runtime.ffmpeg import kill_running

GRACE_SECONDS = 0.8  # for a task to be given up in order; then the process ends, and its FFmpeg too


def work(connection: Connection) -> None:
    """Do what is ordered until the end is ordered, or nobody is left to order anything."""
    worker = _Worker(connection)
    # A terminal sends Ctrl-C to all, and word that it was closed; who started this process acts on it.
    for name in ("SIGINT", "SIGHUP"):
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), signal.SIG_IGN)
    signal.signal(signal.SIGTERM, worker.asked_to_end)
    try:
        worker.tell("ready")
        while order := worker.orders.get():
            getattr(worker, order[0])(*order[1:])
    except Cancelled:  # nobody listens any more
        pass
    sys.exit(worker.status)


class _Worker:
    """The state of this process, with a method for each order."""

    def __init__(self, connection: Connection):
        self.connection = connection
        self.orders: SimpleQueue[tuple] = SimpleQueue()
        self.status = 0
        self._telling = threading.Lock()
        self._given_up = threading.Event()
        self._idle = threading.Event()
        self._idle.set()
        self._opened: OpenedJob | None = None
        threading.Thread(target=self._listen, daemon=True, name="orders").start()

    def _listen(self) -> None:
        """Take orders while a task is being rendered, so that it can be given up."""
        while True:
            try:
                order = self.connection.recv()
            except (EOFError, OSError):  # the process that gives orders is gone
                order = ("end",)
            if order[0] == "task":
                self._idle.clear()
            elif order[0] != "job":
                self._given_up.set()
                if not self._idle.wait(GRACE_SECONDS):
                    kill_running()
                    os._exit(1)
            if order[0] == "end":
                self.orders.put(())
                return
            self.orders.put(order)

    def asked_to_end(self, number: int, _: Any) -> None:
        """Give up what is under way, in order; heard between two steps of Python's."""
        self.status = 128 + number
        self._given_up.set()
        self.orders.put(())
        raise Cancelled

    def tell(self, *answer: Any) -> None:
        with self._telling:  # a node may have threads of its own that say something
            try:
                self.connection.send(answer)
            except OSError:
                raise Cancelled from None

    def job(self, order: Order, path: list[str]) -> None:
        """Open a job."""
        self._drop()
        sys.path[:] = path
        importlib.invalidate_caches()
        self._opened = OpenedJob(order, lambda text: self.tell("said", text), self._given_up)

    def task(self, task: Task) -> None:
        try:
            cast(OpenedJob, self._opened).do(task, self.tell)
        finally:
            self._idle.set()

    def close(self) -> None:
        """Let go of the job, after its task was given up."""
        self._drop()
        self._given_up.clear()
        self.tell("closed")

    def _drop(self) -> None:
        if self._opened is not None:
            self._opened.close()
        self._opened = None
