"""Film grain."""

from __future__ import annotations

from n2s.graph.declare import Param, Pointwise, param, port, setting
from n2s.graph.shader import gaussian, luma, pixel_hash
from n2s.graph.types import Frames


class Grain(Pointwise):
    """Add grain, new in every frame, strongest in the mid-tones and gone in pure black and white.

    out = rgb + amount * 4 y (1 - y) * n, y the luma held within 0..1, n nearly normal with deviation 1, the same for
    the three colours; n is a hash of seed, frame, row and column, so that any frame can be made alone.
    """

    frames: Frames = port("what is grained")
    amount: Param = param(0.04, ge=0, le=1, help="deviation of the grain at mid-grey, in display values")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, another grain")

    neutral = {"amount": 0}

    @staticmethod
    def pixel(rgb, at, amount):
        y = min(max(luma(rgb[0], rgb[1], rgb[2]), 0), 1)
        noise = amount * (4 * y * (1 - y)) * gaussian(pixel_hash(at.seed, at.frame, at.row, at.column))
        return rgb[0] + noise, rgb[1] + noise, rgb[2] + noise
