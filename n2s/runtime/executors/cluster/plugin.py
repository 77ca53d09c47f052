"""What works in a worker of the cluster: one opened job for each run, whose answers go to whoever started the run."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from typing import Any, cast

from distributed import Worker, WorkerPlugin, get_worker

from n2s.runtime.executors.base import Task
from n2s.runtime.executors.opened import OpenedJob, Order

TOPIC = "n2s"  # of the scheduler's events; one for all runs, because a scheduler forgets none
TELL_EVERY_SECONDS = 0.5
STOP_SECONDS = 10.0  # for a task to be given up; one that compiles a kernel does not hear of it before it is done


def render_there(run: str, task: Task) -> None:
    """Render a task in the worker that this is called in."""
    cast(JobPlugin, get_worker().plugins[run]).render(task)


class JobPlugin(WorkerPlugin):
    """Holds the job of a run in a worker; new workers get it from the scheduler as they come.

    Answers are events: pickled tuples of a task's key, the worker's address and what `OpenedJob` tells, where
    "rendered" counts all frames of the task so far. So a task that begins again in another worker counts from 0.
    """

    def __init__(self, run: str, order: Order):
        self.name, self.order = run, order

    def setup(self, worker: Worker) -> None:
        self._worker, self._lock, self._given_up, self._busy = worker, threading.Lock(), threading.Event(), 0
        self._opened: OpenedJob | None = None

    def _tell(self, key: str, *answer: Any) -> None:
        self._worker.log_event(TOPIC, [self.name, pickle.dumps((key, self._worker.address, *answer))])

    def render(self, task: Task) -> None:
        with self._lock:
            self._busy += 1
            if self._opened is None:  # with the first task: a worker that joins a cluster need not have one
                self._opened = OpenedJob(self.order, lambda text: self._tell("", "said", text), self._given_up)
        frames, told = 0, 0.0

        def tell(what: str, value: Any) -> None:
            nonlocal frames, told
            frames += value if what == "rendered" else 0
            if (now := time.monotonic()) - told >= TELL_EVERY_SECONDS or what != "rendered":
                told = now
                self._tell(task.key, "rendered", frames)
            if what != "rendered":
                self._tell(task.key, what, value)

        try:
            self._tell(task.key, "rendered", 0)
            self._opened.do(task, tell)
        finally:
            with self._lock:
                self._busy -= 1

    async def teardown(self, worker: Worker) -> None:
        """Let the tasks under way be given up, and close what they had opened."""
        self._given_up.set()
        end = time.monotonic() + STOP_SECONDS
        while self._busy and time.monotonic() < end:
            await asyncio.sleep(0.02)
        if self._opened is not None and not self._busy:
            self._opened.close()
