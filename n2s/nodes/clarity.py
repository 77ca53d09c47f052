"""Local contrast."""

from __future__ import annotations

import numpy as np

from n2s.graph.declare import Filter, Gaussians, Param, param, port
from n2s.graph.shader import luma
from n2s.graph.types import Frames

NARROW = 1 / 3  # the second of two Gaussians, against the first


class Clarity(Filter):
    """Strengthen local contrast, in luma alone: forms stand out, and edges get no halos.

    out = rgb + amount * m * (y - e) * limit² / (limit² + v), y the luma held within 0..1, m = 4 y (1 - y), e and v its
    mean and its variance around the place: under two Gaussians of the deviations ``radius`` and a third of it, half of
    each, none of them below 0.0035 heights. Where a strong edge is near, v is large, and little changes; that is the
    weight of the guided filter (He, Sun and Tang, 2013). Below 0 the amount softens forms, as mist does, and leaves
    edges.
    """

    frames: Frames = port("what gets clearer")
    amount: Param = param(0.6, ge=-1, le=3, help="how much of the local contrast is added; below 0 it is taken away")
    radius: Param = param(0.05, ge=0.005, le=0.3, unit="heights", help="how large forms are, in heights of the frame")
    limit: Param = param(
        0.1, ge=0.005, le=1, help="edges of more contrast than this are left alone, so that no halo shows"
    )

    neutral = {"amount": 0}
    finest = 0.0035  # finer forms are for Sharpen, and these are made in half the size

    def spread(self, amount, radius, limit) -> Gaussians:
        sigma = np.stack([radius, radius * np.float32(NARROW)], axis=1)
        half = np.where(amount != 0, np.float32(0.5), np.float32(0))[:, None, None]
        return Gaussians(sigma, np.broadcast_to(half * np.array([1, 1, 0], np.float32), (len(sigma), 2, 3)))

    @staticmethod
    def source(rgb, at):
        y = min(max(luma(rgb[0], rgb[1], rgb[2]), 0), 1)
        return y, y * y, 0 * y

    @staticmethod
    def pixel(rgb, soft, at, amount, limit):
        y = min(max(luma(rgb[0], rgb[1], rgb[2]), 0), 1)
        variance = max(soft[1] - soft[0] * soft[0], 0)
        edge = limit * limit
        change = amount * (4 * y * (1 - y)) * (y - soft[0]) * (edge / (edge + variance))
        return rgb[0] + change, rgb[1] + change, rgb[2] + change
