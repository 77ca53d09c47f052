"""Currents that carry the cells of latents."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, MusicalTime, Param, Streamed, param, port, setting
from n2s.graph.types import Latents
from n2s.nodes.cells import read_cells
from n2s.nodes.drift import Curve, Drift, drift_key, from_centre


class LatentWarp(Streamed):
    """Carry cells along smooth currents that change without end, as on water: they turn, and pile up nowhere.

    out at a cell is what lies at the cell + amount * f, f = (d psi / dy, -d psi / dx) / its mean length, psi noise
    that drifts on a grid with one value every ``scale`` cells and cubic B-splines between them. Between cells latents
    are read with weights that keep the variance of each channel in each frame; beyond the edge they are mirrored. Up to
    a quarter of ``scale`` forms are bent; beyond that cells are drawn apart, and show. Time is in seconds, so that
    another frame rate shows the same motion.
    """

    latents: Latents = port("what is carried")
    amount: Param = param(1.0, ge=0, le=32, unit="latent cells", help="how far cells are carried, on average")
    period: MusicalTime = setting(16.0, ge=0.05, le=3600, unit="s", help="the time of one swing, on average")
    scale: float = setting(8.0, ge=1, le=64, unit="latent cells", help="size of the eddies")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other currents")

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    neutral = {"amount": 0}

    def open(self, scene: Scene, grid: tuple[int, int]) -> Any:
        rows, columns = (Curve(from_centre(cells), self.scale) for cells in grid)
        drift = Drift(drift_key(scene.seed, b"WARP", self.seed), rows, columns, 1, scene.clock.seconds(self.period))
        # The mean square of the flow is that of its weights, as values of the coarse grid are independent.
        even, steep = ([np.mean(sum(w * w for w in weights)) for weights in kind]
                       for kind in zip(*((axis.weights, axis.slopes) for axis in (rows, columns))))  # fmt: skip
        return rows, columns, drift, np.float32(np.sqrt(steep[0] * even[1] + even[0] * steep[1]))

    def compute(self, block: Block, latents: np.ndarray, amount: np.ndarray) -> np.ndarray:
        rows, columns, drift, length = block.resources
        coarse = drift.coarse(block.times, 1)[:, 0]
        gain = amount[:, None, None] / length
        across = columns.spread(rows.spread(coarse, 1, slope=True), 2) * gain
        down = -columns.spread(rows.spread(coarse, 1), 2, slope=True) * gain
        height, width = latents.shape[2:]
        return read_cells(latents, np.arange(height)[:, None] + down, np.arange(width) + across)
