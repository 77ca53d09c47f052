"""Rendering in the workers of a cluster."""

from __future__ import annotations

import pickle
import secrets
import time
from collections import deque
from collections.abc import Iterator
from concurrent.futures import wait
from contextlib import ExitStack, suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Any

from distributed import Client, Future, KilledWorker, Security

from n2s.graph.authors import in_words
from n2s.graph.errors import ArgumentError, OtherCode, RenderError
from n2s.runtime.executors.base import Job, Rendered, Task, default_count
from n2s.runtime.executors.cluster.calls import begun, calling, scheduler_gone
from n2s.runtime.executors.cluster.crew import ANSWER_SECONDS, Crew
from n2s.runtime.executors.cluster.local import LocalWorkers, quiet
from n2s.runtime.executors.cluster.plugin import STOP_SECONDS, TOPIC, JobPlugin, render_there
from n2s.runtime.executors.opened import Order
from n2s.runtime.executors.packing import unpack_error

if TYPE_CHECKING:
    from n2s.runtime.context import RunContext
    from n2s.runtime.events import Events

IN_FLIGHT = 2  # tasks for each thread of a worker: one that is rendered, one that waits beside it
CONNECT_SECONDS = 5  # within which a scheduler must answer
LOOK_SECONDS = 1.0  # between two looks at which workers there are
REGISTER_SECONDS = 1.0  # within which a scheduler has heard of a job; workers may take it later, or never


class DaskExecutor:
    """Renders in workers of dask.distributed: of a running cluster, or of one on this machine for this run alone.

    Workers that would not render what was planned get no tasks, and it is said why.

    Parameters
    ----------
    workers : int, optional
        How many processes to start, without an address; one per processor when left out.
    address : str, optional
        Host and port of a scheduler: "10.0.0.2:8786".
    """

    def __init__(self, workers: int | None = None, address: str | None = None):
        self._address = address and f"{'tls' if Security().tls_client_cert else 'tcp'}://{address}"
        self.workers = workers or default_count()
        if self._address:
            with _connected(self._address) as client, calling(client):
                self.workers = sum(client.nthreads().values())
        self._client: Any = None  # a Client, whose annotations are those of the asynchronous one
        self._local: LocalWorkers | None = None

    def start(self, job: Job, context: RunContext, events: Events) -> None:
        self._context, self._events, self._run = context, events, f"n2s-{secrets.token_hex(8)}"
        self._waiting: deque[Task] = deque()
        self._flying: dict[str, tuple[Task, Future, list[str]]] = {}  # by key; with the workers that may take it
        self._frames: dict[str, int] = {}  # that were rendered of each task
        self._answers: SimpleQueue[tuple] = SimpleQueue()
        address = self._address
        if address is None:
            self._local = LocalWorkers(self.workers)
            address = self._local.address
        self._client = _connected(address)
        with calling(self._client):
            self._client.subscribe_topic(TOPIC, self._heard)
        self._crew = Crew(self._client, context.say, context.store)
        self._look_round(ANSWER_SECONDS)
        most = context.memory.limit  # of this machine it is kept here, of others by their workers
        share = None if most is None or self._local else most // self._crew.most_per_machine
        order = Order.of(job.for_others(context), context, share, elsewhere=True)
        # Its errors are those of any worker, of one that is left out, too. A fit one tells of it with its tasks.
        wait([begun(self._client.register_plugin, JobPlugin(self._run, order), name=self._run)], REGISTER_SECONDS)

    def _heard(self, event: tuple[float, list]) -> None:
        run, answer = event[1]
        if run == self._run:
            self._answers.put(pickle.loads(answer))

    def _look_round(self, seconds: float) -> None:
        """See who came and who went; take back what nobody is left for."""
        self._crew.look_round(seconds)
        self._looked = time.monotonic()
        if not self._crew.fit:
            if self._local is None and not self._crew.asked:
                self._context.say("No worker is there yet; the tasks wait for one (dask worker, on another machine).")
            elif self._local is not None and not self._local.runs():
                raise RenderError("Worker processes cannot be started. Use --jobs, or --workers without --engine.")
        for key, (_, _, workers) in list(self._flying.items()):
            if workers and not self._crew.fit.keys() & set(workers):
                self._take_back(key)

    def _take_back(self, key: str) -> None:
        """Put a task that nobody finishes in front of those that wait."""
        task, future, _ = self._flying.pop(key)
        with calling(self._client):
            future.cancel()
        self._count(key, 0)
        self._waiting.appendleft(task)

    def _count(self, key: str, frames: int) -> None:
        """Tell how many frames more, or fewer, there are of a task."""
        if more := frames - self._frames.get(key, 0):
            self._events.rendered(more)
        self._frames[key] = frames

    def submit(self, task: Task) -> None:
        self._waiting.append(task)

    def _hand_out(self) -> None:
        workers = self._crew.chosen  # a restriction costs dask's own balancing
        while self._waiting and len(self._flying) < IN_FLIGHT * sum(self._crew.fit.values()):
            task = self._waiting.popleft()
            name = f"{self._run}-{task.key}-{secrets.token_hex(2)}"
            how = {"key": name, "pure": False, "workers": workers or None}
            with calling(self._client):
                future = self._client.submit(render_there, self._run, task, **how)
            self._flying[task.key] = task, future, workers
            future.add_done_callback(lambda future, key=task.key: self._answers.put((key, "", "ended", future)))

    def finished(self) -> Iterator[tuple[Task, Rendered]]:
        while self._waiting or self._flying:
            if time.monotonic() - self._looked > LOOK_SECONDS:
                self._look_round(0.2 if self._crew.fit else LOOK_SECONDS)
            self._hand_out()
            self._events.waited()
            with suppress(Empty):  # a bounded wait, so that Ctrl-C is heard at once
                key, *answer = self._answers.get(timeout=0.2)
                if rendered := self._hear(key, *answer):
                    yield self._flying.pop(key)[0], rendered

    def _hear(self, key: str, address: str, what: str, told: Any) -> Rendered | None:
        """Act on an answer; return what it says of a task that is done."""
        if what == "said":
            self._context.say(told)
        elif key not in self._flying:  # it was taken back, or is done
            pass
        elif what == "rendered":
            self._count(key, told)
        elif what == "done":
            return told
        elif what == "failed":
            error = unpack_error(told)
            if not isinstance(error, OtherCode):
                raise error
            self._crew.leave_out(address, str(error))
            self._take_back(key)
        elif told is self._flying[key][1]:  # it ended without an answer
            self._ended(key, told)
        return None

    def _ended(self, key: str, future: Future) -> None:
        frames = in_words((self._flying[key][0].start, self._flying[key][0].stop))
        if future.status == "finished":  # the answer was lost on its way
            self._take_back(key)
        elif future.status == "cancelled":
            raise scheduler_gone()
        elif isinstance(error := future.exception(), KilledWorker):
            raise RenderError(
                f"{error.allowed_failures + 1} workers died one after the other while they had {frames} to render. "
                "Their memory may be too small. What is finished is kept; run again to go on."
            )
        else:
            raise RenderError(f"A worker failed before it rendered {frames}: {type(error).__name__}: {error}.")

    def stop(self) -> None:
        client, self._client = self._client, None
        local, self._local = self._local, None
        with quiet(), ExitStack() as steps:  # each of which is done whatever interrupts another one
            if local is not None:
                steps.callback(local.close)
            if client is not None:
                steps.callback(self._leave, client)
                wait([begun(self._give_back, client)], STOP_SECONDS if self._flying else ANSWER_SECONDS)

    def _leave(self, client: Any) -> None:
        self._flying.clear()
        with suppress(Exception):  # the scheduler may be gone, which was told of before
            client.close()

    def _give_back(self, client: Any) -> None:
        """Let workers give up what they are at; return when no task is under way any more."""
        client.cancel([future for _, future, _ in self._flying.values()])
        client.unregister_worker_plugin(self._run)


def _connected(address: str) -> Any:
    try:
        return Client(address, timeout=CONNECT_SECONDS, set_as_default=False)
    except Exception as error:  # nobody is there, the address is none, a certificate is not trusted
        raise ArgumentError(
            f"The scheduler {address} does not answer ({error}). Is it running (dask scheduler), and is its port open "
            "to this machine? Where it speaks TLS, this machine needs a certificate, too."
        ) from None
