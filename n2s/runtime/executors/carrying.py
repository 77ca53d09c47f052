"""Tasks are carried out by an executor, as many at once as the run's budget of memory allows."""

from __future__ import annotations

import gc
import threading
from collections.abc import Callable, Iterable, Iterator
from typing import TYPE_CHECKING, Any

from n2s.runtime.budget import MemoryBudget, MemoryExceeded
from n2s.runtime.events import Events
from n2s.runtime.executors.admission import Admission, submit_admitted
from n2s.runtime.executors.base import Executor, Job, Rendered, Task, parallel_tasks

if TYPE_CHECKING:
    from n2s.runtime.context import RunContext
    from n2s.runtime.store import Store


def carry_out(
    executor: Executor,
    job: Job,
    tasks: Iterable[Task],
    context: RunContext,
    events: Events,
    kind_of: Callable[[Task], Any],
    began: Callable[[], None] = lambda: None,
) -> Iterator[tuple[Task, Rendered]]:
    """Let an executor do the tasks of a job, and yield them as they end; the caller stops it.

    Where memory runs short it is stopped and started again, and what is not done begins anew with fewer tasks at once.

    Parameters
    ----------
    kind_of : callable
        Returns plain data, alike for tasks that take as much memory.
    began : callable
        Told when the executor is ready for tasks.
    """
    left = {task.key: task for task in tasks}
    most = getattr(executor, "most_at_once", None) or parallel_tasks(executor)
    admission = _Memory(context.memory, context.store, most, kind_of)
    while True:
        heard = _Heard(events, context.memory)
        try:
            executor.start(job, context, heard)
            context.memory.begin()
            began()
            for task, rendered in submit_admitted(executor, list(left.values()), admission):
                del left[task.key]
                heard.frames -= task.stop - task.start
                yield task, rendered
        except MemoryExceeded as error:
            executor.stop()
            fewer = admission.allow_fewer(error)
        else:
            break
        gc.collect()  # what was under way lives on in the frames of its errors
        context.say(fewer)
        events.rendered(-max(0, heard.frames))
    admission.remember()


class _Memory(Admission):
    """Lets tasks begin while the budget has room for them."""

    def __init__(self, budget: MemoryBudget, store: Store, jobs: int | None, kind_of: Callable[[Task], Any]):
        self._budget, self._store, self._jobs, self._kind_of = budget, store, jobs, kind_of
        self._flying = 0
        self._kinds: dict[tuple[int, ...], Any] = {}  # by the numbers of a task's plans

    def _kind(self, task: Task) -> Any:
        plans = tuple(number for number, _ in task.chunks)
        if plans not in self._kinds:
            self._kinds[plans] = self._kind_of(task)
        return self._kinds[plans]

    def admits(self, task: Task, flying: int) -> bool:
        admitted = self._budget.admits(self._kind(task), flying, self._jobs, self._store)
        self._flying = flying + admitted
        return admitted

    def ended(self, task: Task, flying: int) -> None:
        self._budget.ended(self._kind(task), flying, self._jobs)
        self._flying = flying - 1

    def allow_fewer(self, error: MemoryExceeded) -> str:
        return self._budget.allow_fewer(error, self._flying, self._jobs)

    def remember(self) -> None:
        for kind in self._kinds.values():
            self._budget.remember(kind, self._store)


class _Heard(Events):
    """Hands on what an executor tells, and looks at the memory whenever it is heard of.

    ``frames`` counts them, so that those of tasks that are begun anew can be taken back.
    """

    def __init__(self, events: Events, budget: MemoryBudget):
        self.said, self.began = events.said, events.began
        self._events, self._budget = events, budget
        self._lock, self.frames = threading.Lock(), 0

    def rendered(self, frames: int) -> None:
        with self._lock:
            self.frames += frames
        self._events.rendered(frames)
        self._budget.guard()

    def waited(self) -> None:
        self._budget.guard()
