"""Rounds of a run in words: frames that come once more, because of what was measured while they were made."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, cast

from n2s.graph.wording import counted, listed
from n2s.runtime.events import Events
from n2s.runtime.executors.base import Task
from n2s.runtime.films.planned import PlannedFilms
from n2s.runtime.progress import time_text
from n2s.runtime.records import Report
from n2s.runtime.seeing.flashes import counting_node


@dataclass
class Rounds:
    """What the rounds of one run have made so far.

    Attributes
    ----------
    causes : list of str
        What may change frames of the round under way when all are made; none: nothing comes after it.
    """

    causes: list[str] = field(default_factory=list)
    _made: set[tuple[int, int, int]] = field(default_factory=set)  # plan, first frame, stop
    _began: float = 0.0
    _frames: int = 0  # of all rounds before
    _seconds: float = 0.0  # in which they were rendered

    def begin(self, planned: PlannedFilms, tasks: Sequence[Task], events: Events, say: Callable[[str], None]) -> None:
        """Announce a round of some tasks: which of their frames come once more, and whether others may follow."""
        self.causes = causes_of(planned)
        if tasks and (text := following_text(self.causes)):
            say(text)
        events.announced(self.again(tasks), bool(self.causes))

    def ready(self) -> None:
        """Note that the frames of a round begin to be made."""
        self._began = time.monotonic()

    def end(self, frames: int) -> None:
        """Note that so many frames of a round are made."""
        self._frames += frames
        self._seconds += time.monotonic() - self._began if self._began else 0.0

    def note(self, task: Task, report: Report) -> None:
        """Note that a task has made frames of a film; a report counts those that this run had made before."""
        if again := self.again([task]):
            report.again += 1
            report.frames_again += again
        self._made.add((task.plan, task.start, task.stop))

    def again(self, tasks: Sequence[Task]) -> int:
        """Return how many frames of some tasks were made before in this run."""
        return sum(task.stop - task.start for task in tasks if (task.plan, task.start, task.stop) in self._made)

    def tell_next(self, tasks: Sequence[Task], frames: int, say: Callable[[str], None]) -> None:
        """Say in a sentence what the tasks of the next round are, of films of so many frames."""
        changed, again = sum(task.stop - task.start for task in tasks), self.again(tasks)
        if not changed:
            return
        if not again:
            text = f"Now come {counted(changed, 'frame')} that depend on what was measured"
        elif again == changed:
            text = (
                f"Now come {again} of {counted(frames, 'frame')} again, in chunks with some that {listed(self.causes)}"
            )
        else:
            text = f"Now come {counted(changed, 'frame')} that depend on what was measured, {again} of them again"
        say(f"{text}{self._expected(changed)}.")

    def _expected(self, frames: int) -> str:
        """Return how long so many frames take at the speed of those before."""
        if not self._frames or self._seconds <= 0:
            return ""
        return f": about {time_text(frames * self._seconds / self._frames)} more"


def causes_of(planned: PlannedFilms) -> list[str]:
    """Return, as ends of "frames that …", why frames may come once more when all were looked at."""
    found: dict[str, None] = {}
    for plan in planned.plans:
        nodes, counting = plan.graph.nodes, counting_node(plan.graph.nodes)
        for name, measured in plan.values.measured.items():
            if not measured.waiting:
                continue
            if counting is None or name not in {link.node for link in nodes[counting].links().values()}:
                found[f"{name.partition(':')[0]} changes"] = None
            elif cast(Any, nodes[counting]).mode == "limit":
                found["flash too much"] = None
    return list(found)


def following_text(causes: Sequence[str]) -> str:
    """Return in a sentence what may follow when all frames were looked at; "" where nothing does."""
    return f"Frames that {listed(causes)} come once more; how many is known when all are made." if causes else ""
