"""What frames cost, stage by stage, as runs have measured it; `n2s.runtime.forecast` plans other machines with it."""

from __future__ import annotations

import os
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from n2s.plan.stages import Plan
from n2s.runtime.executors.base import Rendered, Task
from n2s.runtime.forecast import Film, forecast
from n2s.runtime.pace import FEWEST, subject
from n2s.runtime.store import Store

KIND = "costs"  # of what the store notes
GPU = "cuda"
STORING = "(storing)"  # among the stages: measuring the codes, writing and checking


@dataclass(frozen=True)
class Costs:
    """What a run has measured.

    Attributes
    ----------
    stages : dict of str to float
        Seconds that a worker spent for each frame, in each node or fused run of nodes.
    opening : float
        Seconds until a worker began with its first chunk: starting, imports, models, kernels.
    planning, hearing, joining : float
        Seconds for each frame of a film, at home: planning before, of music that was heard before, and how much longer
        that takes where it is new; joining and checking after.
    jobs, processors : int
        How many chunks were rendered at the same time, and on how many processors.
    """

    stages: dict[str, float]
    opening: float
    planning: float
    hearing: float
    joining: float
    jobs: int
    processors: int

    @property
    def frame(self) -> float:
        """Seconds that a worker spends for a frame."""
        return sum(self.stages.values())


def kind_of_workers(plan: Plan) -> str:
    """Return "cuda" where a card decodes a plan's frames, else "cpu"."""
    files = [node.get("files", {}) for node in plan.keys.static["nodes"]]
    return GPU if any(about.get("provider") == GPU for about in files) else "cpu"


def _subject(plans: Sequence[Plan], kind: str) -> dict[str, Any]:
    return {"frames": subject(plans[0], 0, plans[1:]), "by": kind}


@dataclass
class CostTally:
    """Collects what the tasks of a run cost, by the films that are made of their frames."""

    plans: dict[tuple[int, ...], Sequence[Plan]] = field(default_factory=dict)  # by their identity
    seconds: dict[tuple[int, ...], dict[str, float]] = field(default_factory=dict)
    frames: Counter[tuple[int, ...]] = field(default_factory=Counter)
    tasks: list[float] = field(default_factory=list)  # the seconds of each

    def add(self, plans: Sequence[Plan], task: Task, rendered: Rendered) -> None:
        """Add a task that made a chunk of films, whose plans are given in the order of its chunks."""
        made = tuple(map(id, plans))
        self.plans[made] = plans
        spent = self.seconds.setdefault(made, {})
        seconds = [item for cost in (rendered, *rendered.beside) for item in cost.seconds.items()]
        busy = sum(each for _, each in seconds)
        for name, each in (*seconds, (STORING, max(0.0, rendered.took - busy))):
            spent[name] = spent.get(name, 0.0) + each
        self.frames[made] += task.stop - task.start
        self.tasks.append(max(rendered.took, busy))

    def note(self, store: Store, jobs: int, planning: float, rendering: float, joining: float, frames: int) -> None:
        """Note the costs in the store; ``frames`` are those of all films, the three times are seconds of the run."""
        if sum(self.frames.values()) < FEWEST:
            return
        ideal = forecast([Film(0.0, tuple(self.tasks), 0.0)], jobs).seconds
        for made, plans in self.plans.items():
            about = _subject(plans, kind_of_workers(plans[0]))
            known = store.noted(KIND, about) or {}
            stages = {name: spent / self.frames[made] for name, spent in self.seconds[made].items()}
            before = [planning / frames]
            if (last := known.get(str(jobs))) is not None:
                before += [last["planning"], last["planning"] + last["hearing"]]
            home = {"planning": min(before), "hearing": max(before) - min(before), "joining": joining / frames}
            opening = max(0.0, rendering - ideal)
            costs = Costs(stages, opening, **home, jobs=jobs, processors=os.cpu_count() or 1)
            store.note(KIND, about, known | {str(jobs): asdict(costs)})


def known_costs(store: Store, plans: Sequence[Plan], kind: str, workers: int) -> Costs | None:
    """Return what frames cost of which films of some plans are made, on so many workers of a kind, by the run that kept
    its processors as busy.

    A worker beside others is slower than one alone on its machine, whose encoder has processors of its own.
    """
    known: Mapping[str, Any] = store.noted(KIND, _subject(plans, kind)) or {}
    costs = [Costs(**value) for _, value in sorted(known.items(), key=lambda item: int(item[0]))]

    def apart(each: Costs) -> float:
        return abs(min(1.0, each.jobs / each.processors) - min(1.0, workers / each.processors))

    return min(costs, key=apart, default=None)
