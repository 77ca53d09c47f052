"""Which stages one piece of work makes, and how long it holds their frames."""

from __future__ import annotations

from collections.abc import Sequence

from n2s.plan.hold import held_frames
from n2s.plan.stages import Stage, stages_up_to, widen


class Course:
    """The stages that are made together, a block of frames of the last one after the other.

    A stage that picks frames of others asks for them one by one, and these are made on courses of their own.

    Attributes
    ----------
    stages : tuple of Stage
    held : dict of str to int
        How many frames are held from block to block; see `held_frames`.
    done_with : dict of str to list of Stage
        For each stage those that nothing reads after it.
    picked : dict of (str, str) to Course
        By a stage and its port, the course of what it picks frames of.
    """

    def __init__(self, stages: Sequence[Stage], end: str):
        self.stages = widen(stages_up_to(stages, end, picked=False))
        self.held = held_frames(self.stages)
        self.picked = {
            (stage.name, port): Course(stages, read.stage)
            for stage in self.stages
            for port, read in stage.reads.items()
            if read.picked
        }
        self.done_with = self._last_readers()

    @property
    def nodes(self) -> list[str]:
        """The node of each stage, here and on the courses of what is picked."""
        return [*(s.node for s in self.stages), *(name for course in self.picked.values() for name in course.nodes)]

    def _last_readers(self) -> dict[str, list[Stage]]:
        by_name, done = {stage.name: stage for stage in self.stages}, set()
        found: dict[str, list[Stage]] = {stage.name: [] for stage in self.stages}
        for stage in reversed(self.stages):
            for name in self._read_by(stage):
                if name in by_name and name not in done:
                    done.add(name)
                    found[stage.name].append(by_name[name])
        return found

    def _read_by(self, stage: Stage) -> list[str]:
        """Return what a stage reads; what it picks may come from anything on the way to that."""
        names = []
        for port, read in stage.reads.items():
            course = self.picked.get((stage.name, port))
            names += [read.stage] if course is None else course._all_stages()
        return names

    def _all_stages(self) -> list[str]:
        return [
            *(stage.name for stage in self.stages),
            *(name for course in self.picked.values() for name in course._all_stages()),
        ]
