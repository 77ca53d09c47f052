"""What works in a worker of the cluster: one opened job for each run, whose answers go to whoever started the run."""

from __future__ import annotations

import asyncio
import pickle
import threading
import time
from typing import Any, cast

from distributed import Worker, WorkerPlugin, get_worker

from n2s.graph.errors import OtherCode
from n2s.runtime.executors.base import Task
from n2s.runtime.executors.opened import OpenedJob, Order
from n2s.runtime.executors.packing import pack_error

TOPIC = "n2s"  # of the scheduler's events; one for all runs, because a scheduler forgets none
TELL_EVERY_SECONDS = 0.5
JOB_SECONDS = 10.0  # within which the job of a task comes to a worker, by way of the scheduler
STOP_SECONDS = 10.0  # for a task to be given up; one that compiles a kernel does not hear of it before it is done


def render_there(run: str, task: Task) -> None:
    """Render a task in the worker that this is called in, as soon as the job has come to it."""
    worker, end = get_worker(), time.monotonic() + JOB_SECONDS
    while not getattr(worker.plugins.get(run), "ready", False):
        if time.monotonic() > end:
            error = OtherCode("the job did not come to it, and its log says why")
            tell_home(worker, run, task.key, "failed", pack_error(error))
            return
        time.sleep(0.01)
    cast(JobPlugin, worker.plugins[run]).render(task)


def tell_home(worker: Worker, run: str, key: str, *answer: Any) -> None:
    """Send an answer to whoever started the run."""
    worker.log_event(TOPIC, [run, pickle.dumps((key, worker.address, *answer))])


class JobPlugin(WorkerPlugin):
    """Holds the job of a run in a worker; new workers get it from the scheduler as they come.

    Answers are events: pickled tuples of a task's key, the worker's address and what `OpenedJob` tells, where
    "rendered" counts all frames of the task so far. So a task that begins again in another worker counts from 0.
    """

    ready = False  # until it was set up; a worker lists it before that

    def __init__(self, run: str, order: Order):
        self.name, self.order = run, order

    def setup(self, worker: Worker) -> None:
        self._worker, self._lock, self._given_up, self._busy = worker, threading.Lock(), threading.Event(), 0
        self._opened: OpenedJob | None = None
        self.ready = True

    def _tell(self, key: str, *answer: Any) -> None:
        tell_home(self._worker, self.name, key, *answer)

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
