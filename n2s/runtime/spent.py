"""What a run has spent: on nodes, on frames, beside them; the store remembers it for estimates and forecasts."""

from __future__ import annotations

from collections.abc import Sequence

from n2s.graph.values import Measured
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
        self._pace.add(plans, [key for _, key in task.chunks], task.stop - task.start)
        self._costs.add(plans, task, rendered)

    def add(self, cost: Rendered) -> None:
        """Add seconds and frames, node by node."""
        self._tally.seconds.update(cost.seconds)
        self._tally.frames.update(cost.frames)

    def add_measured(self, measured: Measured) -> None:
        """Add what a measure cost, before there was a film to render."""
        self._tally.seconds.update(measured.seconds)
        self._tally.frames.update(measured.computed)

    def tell(self, report: Report) -> None:
        """Write seconds and frames of each node into a report, the dearest first."""
        report.nodes = dict(self._tally.seconds.most_common())
        report.computed = {name: self._tally.frames[name] for name in report.nodes}

    def remember_pace(self, store: Store, jobs: int, rendering: float) -> None:
        """Let the store know how long the frames of each film took, and how many bytes they have."""
        self._pace.note(store, jobs, rendering)

    def remember_costs(
        self, store: Store, jobs: int, planning: float, rendering: float, joining: float, frames: int
    ) -> None:
        """Let the store know the cost of each stage, and of what stands beside the rendering, all in seconds."""
        self._costs.note(store, jobs, planning, rendering, joining, frames)
