"""The numbers of lenses while the shutter is open."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph import authors
from n2s.plan.stages import Lensing, Plan
from n2s.runtime.render import kernels
from n2s.runtime.render.edges import prepared_columns, read_only


def lens_moves(plan: Plan, lensing: Lensing, span: tuple[int, int]) -> np.ndarray:
    """Return the numbers that lenses are given, float32 (B, M, columns), for frames start..stop.

    There are `kernels.MOMENTS` moments where the shutter is open and a parameter moves, evenly spread over the time
    that it is open, about the frame's own time; else one. Between frames parameters move in straight lines; beyond the
    ends of the track they stand still.
    """
    nodes = [plan.graph.nodes[name] for name in lensing.lenses]
    values = {
        (name, field): plan.values.params[name, field]
        for name, node in zip(lensing.lenses, nodes)
        for field in node.params()
    }
    shutter = max(node.shutter for node in nodes) / 360
    moving = shutter > 0 and any(np.ndim(value) for value in values.values())
    times = np.linspace(-0.5, 0.5, kernels.MOMENTS) * shutter if moving else np.zeros(1)
    columns: list[np.ndarray] = []
    shape = span[1] - span[0], len(times)
    for name, node in zip(lensing.lenses, nodes):
        params: dict[str, Any] = {}
        for field in node.params():
            params[field] = read_only(_between(values[name, field], span, times).ravel())
        prepared = authors.call(plan.graph, name, "prepare", node.prepare, span=span, **params)
        names = kernels.uniform_names(type(node), "where")
        made = prepared_columns(plan.graph, name, prepared, names, span, count=shape[0] * shape[1], method="where")
        columns += [np.broadcast_to(column, shape[0] * shape[1]).reshape(shape) for column in made]
    if not columns:
        return np.zeros((*shape, 0), np.float32)
    return np.ascontiguousarray(np.stack(columns, axis=-1), np.float32)


def _between(values: np.ndarray, span: tuple[int, int], times: np.ndarray) -> np.ndarray:
    """Return a parameter at times (frames) about each frame of a span: float32 (B, M)."""
    if not np.ndim(values):
        return np.full((span[1] - span[0], len(times)), values, np.float32)
    frames = np.arange(*span)[:, None]
    here, there = (values[np.clip(frames + offset, 0, len(values) - 1)] for offset in (0, np.sign(times).astype(int)))
    return (here + (there - here) * np.abs(times).astype(np.float32)).astype(np.float32)
