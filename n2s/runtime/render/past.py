"""What echoes make of past frames: the hidden stages "light" and "past"."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from n2s.graph import authors
from n2s.plan.echoes import echo_of, scale_of, still_value
from n2s.plan.stages import Stage
from n2s.runtime.render.edges import read_only, step_numbers
from n2s.runtime.render.kernels import CompileError, PixelError, echoes, node_seed
from n2s.runtime.render.opened import Opened
from n2s.runtime.render.rings import InPlace


class Light:
    """Makes the light that an echo reads: of frames as they are, or of half their size, with a black border."""

    reads_in_place = False

    def __init__(self, opened: Opened, stage: Stage):
        self.scale = scale_of(opened.plan, stage.node)
        self.kernel = echoes.light(opened.store.kernels)

    def make(self, given: np.ndarray, span: tuple[int, int], params: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        self.kernel(given, self.scale, out)


class Past:
    """Makes the past of an echo: the total of the past frames, each of which took a step, oldest first.

    Past frames are read where they lie. Frames of a block whose past stays in place are made together; others one by
    one, by another kernel, which reads each past frame where the author's map says.
    """

    reads_in_place = True

    def __init__(self, opened: Opened, stage: Stage):
        plan = opened.plan
        self.graph, self.name, self.ages = plan.graph, stage.node, np.array(stage.ages)
        self.node = echo_of(plan, stage.node)
        self.seed = np.uint32(node_seed(plan.scene.seed, self.node))
        self.seconds = (self.ages / float(plan.graph.header.fps)).astype(np.float32)
        (read,) = stage.reads.values()
        self.of_light = read.stage == f"{stage.owner} light"
        try:
            self.kernels = opened.once(type(self.node), lambda: echoes.Echoes(type(self.node), opened.store.kernels))
        except PixelError as error:
            raise authors.wrong(self.graph, self.name, f"{error.text}.") from error

    def make(self, given: InPlace, span: tuple[int, int], params: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        frames = np.arange(*span)
        there = frames[:, None] >= self.ages
        numbers = self._numbers(there, params, span)
        still = self._is_still(params, len(out))
        try:
            self._make(given, frames, still, numbers, out)
        except CompileError as error:
            text = f"step or where cannot be compiled: {error}"
            raise authors.wrong(self.graph, self.name, text) from error.__cause__

    def _numbers(self, there: np.ndarray, params: Mapping[str, np.ndarray], span: tuple[int, int]) -> np.ndarray:
        """Return the author's numbers for each frame and each age, float32 (B, K, N)."""
        given = {field: read_only(values[:, None]) for field, values in params.items()}
        ages, node = read_only(self.seconds), self.node
        made = authors.call(
            self.graph, self.name, "prepare_steps", node.prepare_steps, span=span,
            age=ages, there=read_only(there), **given,
        )  # fmt: skip
        return step_numbers(self.graph, self.name, made, self.kernels.names, there.shape)

    def _is_still(self, params: Mapping[str, np.ndarray], count: int) -> np.ndarray:
        """Say for each frame whether its past frames are read at their own places, bool (B,)."""
        moves = hasattr(self.node, "where")
        still = np.full(count, not moves or bool(self.node.still))
        for field in self.node.still if moves else ():
            still &= params[field] == still_value(self.node, field)
        return still

    def _make(
        self, given: InPlace, frames: np.ndarray, still: np.ndarray, numbers: np.ndarray, out: np.ndarray
    ) -> None:
        """Make frames in runs of those that are alike in whether their past stays in place."""
        edges = [0, *(np.flatnonzero(still[1:] != still[:-1]) + 1), len(frames)]
        slots = given.slots
        for start, stop in zip(edges, edges[1:]):
            run = slice(start, stop)
            if still[start]:
                self.kernels.still(self.of_light)(
                    frames[start], self.seed, *_turns(frames[run], self.ages, given), self.seconds, numbers[run],
                    slots, out[run],
                )  # fmt: skip
            else:
                places = given.places(frames[run, None] - self.ages)
                self.kernels.moving(frames[start], self.seed, places, self.seconds, numbers[run], slots, out[run])


def _turns(frames: np.ndarray, ages: np.ndarray, given: InPlace) -> tuple[np.ndarray, np.ndarray]:
    """Return the slots of all frames that a block reads, oldest first, and which age each has for each frame."""
    seen = np.unique(frames[:, None] - ages)
    seen = seen[seen >= 0]
    turns = np.full((len(seen), len(frames)), -1, np.int64)
    for f, frame in enumerate(frames):
        for k, age in enumerate(ages):
            if frame >= age:
                turns[np.searchsorted(seen, frame - age), f] = k
    return given.places(seen).astype(np.int64), turns
