"""A job in a process that it came to as bytes: opened once, then its tasks are rendered, and answered in plain data."""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

from n2s.graph.amounts import amount_text
from n2s.graph.errors import Cancelled, RenderError
from n2s.runtime.budget import SHARE
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events
from n2s.runtime.executors.base import Job, Renderer, Task
from n2s.runtime.executors.packing import pack_error, pack_job, unpack_job
from n2s.runtime.memory import used_memory
from n2s.runtime.stores import open_store

# ("said", text), ("rendered", frames since the last answer), ("done", rendered), ("failed", error as bytes)
Tell = Callable[..., None]


@dataclass(frozen=True)
class Order:
    """All that another process needs to open a job: the job as bytes, where the store is, and its limit.

    ``limit`` is None where the process reads that of its own machine. ``memory`` is the most bytes that this process
    and all that it starts may use; None: whoever started it looks at it.
    """

    job: bytes
    store: str
    limit: int | None
    memory: int | None = None

    @classmethod
    def of(cls, job: Job, context: RunContext, memory: int | None = None, elsewhere: bool = False) -> Order:
        """Return the order of a job; ``elsewhere``: for other machines, each with a disk of its own for copies."""
        limit = None if elsewhere and context.store.is_distant else context.store.limit
        return cls(pack_job(job), context.store.address, limit, memory)


class OpenedJob:
    """Opens the job of an order and renders its tasks, also in several threads at once.

    An error while it is opened is told of with each task.

    Parameters
    ----------
    order : Order
    say : callable
        Takes sentences for the user.
    given_up : threading.Event
        While it is set, tasks end as soon as they can, and tell nothing.
    """

    def __init__(self, order: Order, say: Callable[[str], None], given_up: threading.Event):
        self._given_up, self._memory = given_up, order.memory
        self._context: RunContext | None = None
        self._renderer: Renderer | None = None
        self._failure: BaseException | None = None
        try:
            self._context = RunContext(open_store(order.store, order.limit), say)
            self._renderer = unpack_job(order.job).open(self._context, Events())
        except Exception as error:
            self._failure = error

    def do(self, task: Task, tell: Tell) -> None:
        """Render a task into the store, and tell how it went."""

        def progress(frames: int) -> None:
            if self._given_up.is_set():
                raise Cancelled
            if frames:
                tell("rendered", frames)
            if self._memory is not None and (used := used_memory() or 0) > SHARE * self._memory:
                raise RenderError(
                    f"A worker uses {amount_text(used)} of memory, and its share of --max-memory is "
                    f"{amount_text(self._memory)}. Give more, a smaller --size, or start fewer workers on a machine."
                )

        answer: tuple[Any, ...]
        try:
            if self._failure is not None:
                raise self._failure
            answer = "done", cast(Renderer, self._renderer).render(task, progress)
        except BaseException as error:
            if self._given_up.is_set():
                _flush_prints()
                return
            answer = "failed", pack_error(error)
        _flush_prints()
        tell(*answer)

    def close(self) -> None:
        if self._context is not None:
            self._context.close()
            self._context.store.leave()


def _flush_prints() -> None:
    """Show what nodes have printed: once its last task is told of, this process may be ended at any moment."""
    for stream in (sys.stdout, sys.stderr):
        try:
            stream.flush()
        except (AttributeError, OSError, ValueError):  # there is none, nobody reads it, or a node closed it
            pass
