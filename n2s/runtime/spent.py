"""What a run has spent: on nodes, on frames, beside them; the store remembers it for estimates and forecasts."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from n2s.plan.stages import Plan
from n2s.runtime.costs import CostTally
from n2s.runtime.executors.base import Rendered, Task
from n2s.runtime.pace import PaceTally
from n2s.runtime.records import Report
from n2s.runtime.render.tally import Tally
from n2s.runtime.store import Store


class Spent:
    """Collects what tasks and measures of one run cost."""

    def __init__(self) -> None:
        self._costs, self._pace, self._tally = CostTally(), PaceTally(), Tally()

    def add_task(self, plans: Sequence[Plan], task: Task, rendered: Rendered) -> None:
        """Add a task that rendered chunks, whose plans are given in their order; `add` takes what each has cost."""
        seconds = Counter(rendered.seconds)
        for cost in rendered.beside:
            seconds.update(cost.seconds)
        self._pace.add(plans, task, seconds)
        self._costs.add(plans, task, rendered)

    def add_looking(self, task: Task, frames: int, rendered: Rendered) -> None:
        """Add a task that measured so many frames, for no film."""
        self._pace.add_measured(task, frames, rendered.seconds)
        self.add(rendered)

    def add(self, cost: Rendered) -> None:
        """Add seconds and frames, node by node."""
        self._tally.seconds.update(cost.seconds)
        self._tally.frames.update(cost.frames)

    def add_measures(self, plans: Sequence[Plan]) -> int:
        """Add what the measures of some plans cost before there was a film to render.

        Returns
        -------
        int
            How many frames they looked at.
        """
        looked_at = 0
        for values in {id(plan.values): plan.values for plan in plans}.values():
            for measured in values.measured.values():
                looked_at += 0 if measured.waiting else measured.frames - measured.stored
                self._tally.seconds.update(measured.seconds)
                self._tally.frames.update(measured.computed)
        return looked_at

    def tell(self, report: Report) -> None:
        """Write seconds and frames of each node into a report, the dearest first."""
        report.nodes = dict(self._tally.seconds.most_common())
        report.computed = {name: self._tally.frames[name] for name in report.nodes}

    def add_film(self, film: Mapping[str, Any], segments: Sequence[Path]) -> None:
        """Add a film that was joined of segments, by its record."""
        self._pace.add_sound(film["bytes"] - sum(path.stat().st_size for path in segments), film["frames"])

    def remember(self, store: Store, jobs: int, planning: float, rendering: float, joining: float, frames: int) -> None:
        """Let the store know how long the frames of each film took, how many bytes they have, and what each stage cost.

        The three times are seconds of the run; ``frames`` are those of all films.
        """
        self._pace.note(store, jobs, rendering)
        self._costs.note(store, jobs, planning, rendering, joining, frames)
