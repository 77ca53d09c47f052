"""Tasks are submitted to an executor as far as they are admitted, and told of as they end."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from n2s.graph.errors import RenderError
from n2s.runtime.executors.base import Executor, Rendered, Task


class Admission:
    """Says which tasks may begin now; this one lets all of them begin."""

    def admits(self, task: Task, flying: int) -> bool:
        """Say whether a task may begin while so many others are under way; with none, it must."""
        return True

    def ended(self, task: Task, flying: int) -> None:
        """Hear of a task that was done while so many, itself among them, were under way."""


def submit_admitted(
    executor: Executor, tasks: Iterable[Task], admission: Admission | None = None
) -> Iterator[tuple[Task, Rendered]]:
    """Submit tasks in their order, and yield them as they end. Where one has to wait, those behind it wait, too.

    Raises
    ------
    RenderError
        When the executor ends before it told of all.
    """
    admission = admission or Admission()
    waiting = {task.key: task for task in tasks}
    flying: dict[str, None] = {}

    def submit() -> None:
        while waiting:
            task = next(iter(waiting.values()))
            if not admission.admits(task, len(flying)):
                return
            flying[task.key] = None
            executor.submit(waiting.pop(task.key))

    submit()
    for task, rendered in executor.finished():
        admission.ended(task, len(flying))
        flying.pop(task.key, None)
        submit()
        yield task, rendered
    if flying:
        raise RenderError(
            f"The executor ended and told nothing of {len(flying)} of its tasks. Run again; if it happens twice, "
            "choose another executor."
        )
