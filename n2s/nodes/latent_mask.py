"""Two latents in one picture, each where a mask says."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np

from n2s.graph import shader
from n2s.graph.context import Block, Scene
from n2s.graph.declare import LATENTS_OUTPUT, MusicalTime, Param, Streamed, param, port, setting
from n2s.graph.types import Latents
from n2s.nodes.blending import angle_between, arc_weights
from n2s.nodes.drift import Drift, Spread, drift_key, from_centre


class LatentMask(Streamed):
    """Let one latent grow into another, cell by cell, where a mask of noise, a disc or a wipe has come to.

    m = 1 - smoothstep(p - s / 2, p + s / 2, v), s = softness / extent, p from -s / 2 to 1 + s / 2 as ``amount`` goes
    from 0 to 1; out goes along the arc from a (m = 0) to b (m = 1), channel by channel: sin((1 - m) A) / sin A * a
    + sin(m A) / sin A * b, A the angle between a and b in this channel. So cells keep their variance, what both have in
    common stays, and amounts of 0 and 1 give a and b themselves.

    v, 0..1, is of the cell: ``noise`` that drifts, spread evenly, so that b covers about ``amount`` of the picture;
    ``radial`` the distance from the centre over that of the corners; ``wipe`` the way along ``angle``. Its extent is
    the cells in which v goes from 0 to 1, of noise at its mean slope 1.5 scale. The decoder draws one picture of what
    comes out: forms grow into each other, where a mix of frames would show both.
    """

    a: Latents = port("what is seen at amount 0")
    b: Latents = port("what is seen at amount 1")
    amount: Param = param(0.5, ge=0, le=1, help="how much of b has come")
    mask: Literal["noise", "radial", "wipe"] = setting("noise", help="where b comes first")
    softness: Param = param(
        6.0, ge=0.01, le=256, unit="latent cells", help="how wide the edge is; below 4 it has steps"
    )
    angle: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="where the wipe moves to: 0 right, 90 down")
    scale: float = setting(4.0, ge=1, le=64, unit="latent cells", help="size of the noise")
    period: MusicalTime = setting(12.0, ge=0.05, le=3600, unit="s", help="the time of one swing of the noise")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other noise")

    outputs = LATENTS_OUTPUT
    reads = frozenset()
    neutral = {"amount": 0}

    def open(self, scene: Scene, grid: tuple[int, int]) -> Any:
        rows, columns = (from_centre(cells) for cells in grid)
        if self.mask != "noise":
            return rows[:, None], columns[None, :]
        down, across = Spread(rows, self.scale), Spread(columns, self.scale)
        period = scene.clock.seconds(self.period)
        return down, across, Drift(drift_key(scene.seed, b"MASK", self.seed), down, across, 1, period)

    def compute(self, block: Block, a: np.ndarray, b: np.ndarray, amount: np.ndarray, softness: np.ndarray,
                angle: np.ndarray) -> np.ndarray:  # fmt: skip
        values, extent = self._values(block, angle)
        amount, softness = amount[:, None, None], softness[:, None, None] / extent
        half = softness * np.float32(0.5)
        edge = amount * (1 + softness) - half
        way = np.clip((values - (edge - half)) / softness, 0, 1)
        shown = 1 - way * way * (3 - 2 * way)
        shown = np.where(amount <= 0, np.float32(0), np.where(amount >= 1, np.float32(1), shown))[:, None]
        of_a, of_b = arc_weights(shown, angle_between(a, b))
        return of_a * a + of_b * b

    def latents_shown(self, amount: np.ndarray, **_: np.ndarray) -> dict[str, float]:
        """Return how much of the picture is a's and how much b's, for `n2s explain`."""
        return {"a": 1 - float(amount), "b": float(amount)}

    def _values(self, block: Block, angle: np.ndarray) -> tuple[np.ndarray, np.ndarray | np.float32]:
        """Return when b comes in each cell, float32 (B or 1, h, w), 0..1, and in how many cells it goes from 0 to 1."""
        if self.mask == "noise":
            down, across, noise = block.resources
            drift = across.spread(down.spread(noise.coarse(block.times, 1), 2), 3)[:, 0]
            below = 1 / (1 + shader.exp2(drift * np.float32(-2.4554)))  # nearly the share of noise that is below
            return below, np.float32(1.5 * self.scale)
        rows, columns = block.resources
        if self.mask == "radial":
            corner = np.float32(max(np.hypot(rows[0, 0], columns[0, 0]), 1e-3))
            return (np.hypot(rows, columns) / corner).astype(np.float32)[None], corner
        turns = angle[:, None, None] * np.float32(1 / 360)
        across, down = shader.cos(turns), shader.sin(turns)
        whole = 2 * (abs(across) * abs(columns[0, 0]) + abs(down) * abs(rows[0, 0])).astype(np.float32)
        whole = np.maximum(whole, np.float32(1e-3))
        return (0.5 + (rows * down + columns * across) / whole).astype(np.float32), whole
