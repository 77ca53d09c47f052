"""The pass after the sizes: how decoders show latents that are moved by parts of a cell.

A camera moves latents by whole cells, because what lies between cells would have to be mixed, and shimmers. The rest of
its shift is known before anything is rendered: its parameters are resident. It travels past the latents, from the
camera to the kernel that crops and resamples the decoded frames, which moves its crop.
"""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from n2s.graph import authors
from n2s.graph.errors import GraphError, Problem
from n2s.graph.remainders import leaves_remainder, reader_problem
from n2s.plan.stages import Framing, Plan, Stage


def frame(plan: Plan) -> Plan:
    """Return the plan with the framing of every decoder whose latents leave it a part of a cell.

    Along an axis on which a film is ever moved by a part of a cell, one cell less is shown in all of its frames. What
    decides is how the film is moved and not what is written, so that a signal of zeros shows what zero shows.

    Raises
    ------
    GraphError
        When another node reads such latents: it would see them jump.
    """
    stages = {stage.name: stage for stage in plan.nodes}
    return replace(plan, nodes=tuple(_framed(plan, stage, stages) for stage in plan.nodes))


def _framed(plan: Plan, stage: Stage, stages: dict[str, Stage]) -> Stage:
    for read in stage.reads.values():
        camera = stages[read.stage].node
        if not leaves_remainder(plan.graph, camera):
            continue
        if text := reader_problem(plan.graph, stage.node, camera):
            raise GraphError([Problem(plan.graph.where(stage.node, key=True), text)])
        grid = cast(tuple[int, int], stage.grid)
        whole = Framing(camera, grid, grid)
        moved = (remainder_at(plan, whole, (0, _frames(plan, camera))) != 0).any(axis=0)
        if moved.any():
            rows, columns = (cells - int(moves) for cells, moves in zip(grid, moved))
            return replace(stage, framing=Framing(camera, grid, (rows, columns)))
    return stage


def remainder_at(plan: Plan, framing: Framing, span: tuple[int, int]) -> np.ndarray:
    """Return by how many cells the frames of a span are moved down and to the right, float64 (B, 2).

    Beyond the end of the track they stand still, as its signals and latents do.
    """
    node, count, params = plan.graph.nodes[framing.camera], span[1] - span[0], {}
    frames = np.minimum(np.arange(*span), plan.values.clock.frames - 1)
    for field in node.params():
        value = plan.values.params[framing.camera, field]
        params[field] = np.asarray(value[frames] if np.ndim(value) else np.full(count, value), np.float32)
    made = authors.call(plan.graph, framing.camera, "remainder", node.remainder, framing.grid, span=span, **params)
    if not isinstance(made, np.ndarray) or made.shape != (count, 2) or not np.isfinite(made).all():
        text = f"remainder gave {authors.shown(made)}; finite parts of a cell ({count}, 2) were wanted."
        raise authors.wrong(plan.graph, framing.camera, text)
    return np.clip(made.astype(np.float64), -0.5, 0.5)


def _frames(plan: Plan, camera: str) -> int:
    """Return in how many frames to look for a node's remainder: all, or one where nothing moves."""
    moves = any(np.ndim(plan.values.params[camera, field]) for field in plan.graph.nodes[camera].params())
    return plan.values.clock.frames if moves else 1
