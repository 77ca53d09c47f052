"""An executor that another package might bring: one task after the other in this process, the last one first."""

from __future__ import annotations

from typing import Any


class Backwards:
    def __init__(self, count: int | None = None):
        self.tasks: list[Any] = []

    def start(self, job: Any, context: Any, events: Any) -> None:
        self.renderer, self.events = job.open(context, events), events

    def submit(self, task: Any) -> None:
        self.tasks.append(task)

    def finished(self) -> Any:
        while self.tasks:
            task = self.tasks.pop()
            yield task, self.renderer.render(task, self.events.rendered)

    def stop(self) -> None:
        self.tasks.clear()
