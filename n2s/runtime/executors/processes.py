"""Rendering in other processes of this machine."""

from __future__ import annotations

import os
import sys
import time
from collections import Counter, deque
from collections.abc import Iterator
from multiprocessing.connection import wait
from typing import TYPE_CHECKING, Any

from n2s.graph.authors import in_words
from n2s.graph.errors import OtherCode, RenderError
from n2s.runtime.executors.base import Job, Rendered, Task, default_count
from n2s.runtime.executors.opened import Order
from n2s.runtime.executors.packing import unpack_error
from n2s.runtime.executors.pool import STOP_SECONDS, Worker, WorkerPool

if TYPE_CHECKING:
    from n2s.runtime.context import RunContext
    from n2s.runtime.events import Events

MOST_ATTEMPTS = 3  # of one task, and of starting workers, one after the other


class ProcessExecutor:
    """Renders in ``workers`` processes, each one chunk at a time with one thread.

    A worker that dies is reported, and its task goes to a new one, `MOST_ATTEMPTS` times at most.

    Parameters
    ----------
    workers : int, optional
        One per processor when left out.
    pool : WorkerPool, optional
        Lends workers, and gets them back at the end; without it they are started, and ended with the run.
    """

    def __init__(self, workers: int | None = None, pool: WorkerPool | None = None):
        self.workers = workers or default_count()
        self._pool = pool
        self._crew: list[Worker] = []
        self._waiting: deque[Task] = deque()
        self._doing: dict[Worker, Task] = {}
        self._lost: list[tuple[str, int]] = []  # what workers that are gone had begun: its key, and the process

    def start(self, job: Job, context: RunContext, events: Events) -> None:
        path = [folder or os.getcwd() for folder in sys.path]
        self._order = ("job", Order.of(job, context), path)
        self._context, self._events = context, events
        self._informed: set[Worker] = set()  # those that have the job
        self._progress: Counter[Worker] = Counter()  # frames of the task that each is at
        self._attempts: Counter[str] = Counter()
        self._stillborn = 0  # workers that died before they were heard of, since one was

    def submit(self, task: Task) -> None:
        self._waiting.append(task)
        if len(self._crew) < min(self.workers, len(self._waiting) + len(self._doing)):
            self._crew.append(self._new_worker())

    def _new_worker(self) -> Worker:
        return Worker() if self._pool is None else self._pool.take()

    def finished(self) -> Iterator[tuple[Task, Rendered]]:
        while self._waiting or self._doing:
            self._hand_out()
            # A bounded wait, so that Ctrl-C is heard at once.
            ready = wait([worker.connection for worker in self._crew], timeout=0.2)
            self._events.waited()
            for worker in [worker for worker in self._crew if worker.connection in ready]:
                try:
                    answer = worker.receive()
                except (EOFError, OSError):
                    self._replace_lost(worker)
                    continue
                if rendered := self._hear(worker, *answer):
                    yield self._doing.pop(worker), rendered

    def _hand_out(self) -> None:
        """Give every worker that listens and has nothing to do a task."""
        for worker in list(self._crew):
            if self._waiting and worker.ready and worker not in self._doing:
                self._doing[worker] = task = self._waiting.popleft()
                self._progress[worker] = 0
                try:
                    if worker not in self._informed:
                        self._informed.add(worker)
                        worker.jobs += 1
                        worker.send(*self._order)
                    worker.send("task", task)
                except OSError:
                    self._replace_lost(worker)

    def _hear(self, worker: Worker, what: str, *told: Any) -> Rendered | None:
        """Act on an answer; return what it says of a task that is done."""
        if what == "ready":
            self._stillborn = 0
        elif what == "done":
            return told[0]
        elif what == "said":
            self._context.say(*told)
        elif what == "rendered":
            self._progress[worker] += told[0]
            self._events.rendered(*told)
        elif what == "failed":
            error = unpack_error(*told)
            if not isinstance(error, OtherCode) or worker.jobs == 1:
                raise error
            # A kept worker has the code of the moment when it was started; a new one has that of now.
            self._give_back_task(worker)
            worker.kill()
            self._crew[self._crew.index(worker)] = Worker()
        return None

    def _replace_lost(self, worker: Worker) -> None:
        """Let another worker do what one that is gone was at.

        Raises
        ------
        RenderError
            When that has happened too often.
        """
        how = worker.gone()
        self._crew.remove(worker)
        task = self._give_back_task(worker)
        if task is not None:
            self._lost += [(key, worker.pid) for key in task.keys]
            self._attempts[task.key] += 1
            frames = in_words((task.start, task.stop))
            if self._attempts[task.key] == MOST_ATTEMPTS:
                raise RenderError(
                    f"A worker process {how} while it rendered {frames}, as {MOST_ATTEMPTS - 1} did before it. Memory"
                    " may be too small: take fewer --workers, or a smaller picture. What is finished is kept; run again"
                    " to go on."
                )
            self._context.say(f"A worker process {how} while it rendered {frames}; another one begins them again.")
        elif not worker.ready:
            self._stillborn += 1
            if self._stillborn == MOST_ATTEMPTS:
                raise RenderError(
                    f"Worker processes cannot be started: the last of {MOST_ATTEMPTS} {how} before it was heard of. "
                    "Use --jobs instead."
                )
        if self._waiting:
            self._crew.append(self._new_worker())

    def _give_back_task(self, worker: Worker) -> Task | None:
        """Put the task of a worker that does not finish it in front of those that wait; return it."""
        task = self._doing.pop(worker, None)
        if task is not None:
            self._waiting.appendleft(task)
            if undone := self._progress[worker]:
                self._events.rendered(-undone)
        return task

    def stop(self) -> None:
        crew, self._crew = self._crew, []
        self._waiting.clear()
        try:
            self._dismiss(crew)
        except BaseException:  # whoever was not waited for hears that nobody is left, and ends in order
            for worker in crew:
                worker.leave()
            raise
        finally:
            self._doing.clear()
        for key, pid in self._lost:
            self._context.store.forget_unfinished(key, pid)
        self._lost.clear()

    def _dismiss(self, crew: list[Worker]) -> None:
        """Let workers give up what they are at, and take them off the list; who does so in time goes to the pool."""
        informed = [worker for worker in crew if worker.ready and worker.whole]
        for worker in crew:
            try:
                if worker in informed:
                    worker.send("close")
                elif worker in self._doing:
                    worker.leave()  # an interruption cut off a message, but it hears that nobody is left
            except OSError:
                pass  # it is gone, which is found out below
        deadline = time.monotonic() + STOP_SECONDS
        for worker in list(crew):
            fit = worker.closed(deadline) if worker in informed else worker.whole
            if fit and self._pool is not None:
                self._pool.give(worker)
            else:
                # What is killed in the middle leaves an FFmpeg behind that may still begin a file.
                worker.kill(max(0.0, deadline - time.monotonic()) if worker in self._doing else 0.0)
                if worker in self._doing:
                    self._lost += [(key, worker.pid) for key in self._doing[worker].keys]
            crew.remove(worker)
