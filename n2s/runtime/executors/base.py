"""Work as plain data, and who does it.

A `Job` says what is to be made, without anything that lives in one process alone; `Task` names one piece of it. Whoever
opens a job gets a `Renderer`, which renders tasks into the store. An `Executor` decides where that happens; it has four
methods: start, submit, finished, stop.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from n2s.runtime.context import RunContext
    from n2s.runtime.events import Events


@dataclass(frozen=True)
class Task:
    """A piece of a job, as plain data.

    Attributes
    ----------
    plan : int
        Which of the job's plans it belongs to.
    start, stop : int
        Its frames.
    key : str
        What its result is called in the store.
    measures : tuple of (int, str)
        What is measured of the same frames on the way: the measure's number among the job's plans, and the key under
        which its numbers go into the store.
    beside : tuple of (int, str)
        Chunks of other films that are made of the same frames: the number of the film's plan among the job's, and the
        key of the chunk, which has the frames of the task.
    """

    plan: int
    start: int
    stop: int
    key: str
    measures: tuple[tuple[int, str], ...] = ()
    beside: tuple[tuple[int, str], ...] = ()

    @property
    def chunks(self) -> tuple[tuple[int, str], ...]:
        """The number of the plan, and the key, of each chunk that it makes."""
        return (self.plan, self.key), *self.beside

    @property
    def keys(self) -> tuple[str, ...]:
        """Every key under which it puts something into the store."""
        return (self.key, *(key for _, key in (*self.beside, *self.measures)))


@dataclass(frozen=True)
class Rendered:
    """The report on a finished task; the result itself is in the store.

    Attributes
    ----------
    seconds : dict of str to float
        Seconds spent in each node or fused run of nodes.
    frames : dict of str to int
        Frames that each of them computed, those around the task's own included.
    where : str
        Who did it: "chunk_0 of process 4242".
    took : float
        Seconds from the beginning of the task to its end, storing included.
    beside : tuple of Rendered
        What each of the task's chunks of other films has cost in addition to the first.
    """

    seconds: dict[str, float] = field(default_factory=dict)
    frames: dict[str, int] = field(default_factory=dict)
    where: str = ""
    took: float = 0.0
    beside: tuple[Rendered, ...] = ()


class Renderer(Protocol):
    """An opened job; `render` may be called from several threads at once."""

    def warm_up(self) -> None:
        """Open and compile all that the job needs, before threads share it; else each task opens what it needs."""
        ...

    def render(self, task: Task, progress: Callable[[int], None]) -> Rendered:
        """Render a task into the store.

        ``progress`` is called often, with the number of frames that were finished since the last call; it raises
        `Cancelled` when the task is given up.
        """
        ...


class Job(Protocol):
    """What is to be rendered, as data that can be pickled."""

    def for_others(self, context: RunContext) -> Job:
        """Return the job for machines that may not see the files of this one, after they were put into the store."""
        ...

    def open(self, context: RunContext, events: Events) -> Renderer:
        """Return what renders the job's tasks in this process.

        Parameters
        ----------
        context : RunContext
            The store, and what was opened in this process.
        events : Events
            Told of steps that take a moment.
        """
        ...


class Executor(Protocol):
    """Renders tasks somewhere, in any order; the results lie in the store.

    Packages bring their own through an entry point; see `n2s.runtime.executors.registry`.
    """

    def start(self, job: Job, context: RunContext, events: Events) -> None:
        """Take a job; called again, after `stop`, when the rest was planned again."""
        ...

    def submit(self, task: Task) -> None:
        """Take a task of the job; also while `finished` is being read."""
        ...

    def finished(self) -> Iterator[tuple[Task, Rendered]]:
        """Yield each submitted task as it ends, until none is left; the first failure is raised."""
        ...

    def stop(self) -> None:
        """Cancel tasks that run or wait; return when nothing runs any more."""
        ...


def parallel_tasks(executor: Executor) -> int | None:
    """Return how many tasks an executor does at the same time, but for the last; None where it does not say."""
    return getattr(executor, "threads", 0) or getattr(executor, "workers", 0) or None


def default_count() -> int:
    """Return how many chunks to render at the same time: one per processor that this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return max(1, len(os.sched_getaffinity(0)))
    return max(1, os.cpu_count() or 1)
