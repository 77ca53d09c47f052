"""Out of focus, and sharper."""

from __future__ import annotations

import numpy as np

from n2s.graph.declare import Filter, Gaussians, Param, param, port
from n2s.graph.shader import luma, to_display
from n2s.graph.types import Frames


class Blur(Filter):
    """Blur a picture, in light, so that highlights keep their strength as they do out of focus.

    out = to_display(the Gaussian of deviation ``radius`` * to_light(rgb)); with a radius of exactly 0, the picture
    itself.
    """

    frames: Frames = port("what is blurred")
    radius: Param = param(
        0.01, ge=0, le=0.5, unit="heights", help="how soft it gets: the blur's width, in heights of the frame"
    )

    neutral = {"radius": 0}

    def spread(self, radius) -> Gaussians:
        return Gaussians(radius[:, None], np.where(radius > 0, np.float32(1), np.float32(0))[:, None])

    @staticmethod
    def pixel(rgb, soft, at, radius):
        r = rgb[0] if radius <= 0 else to_display(soft[0])
        g = rgb[1] if radius <= 0 else to_display(soft[1])
        b = rgb[2] if radius <= 0 else to_display(soft[2])
        return r, g, b


class Sharpen(Filter):
    """Sharpen edges and texture, in luma alone, so that colours get no fringes.

    out = rgb + amount * d * limit / (limit + |d|), d = luma(rgb) - luma of rgb blurred in light by ``radius``. Fine
    texture, where d is small, is strengthened by the amount; at strong edges the change never exceeds amount * limit,
    so that no bright or dark halo runs along them.
    """

    frames: Frames = port("what is sharpened")
    amount: Param = param(0.5, ge=0, le=4, help="how much of the difference from the blurred picture is added")
    radius: Param = param(
        0.0012,
        ge=0,
        le=0.02,
        unit="heights",
        help="how fine the detail is that gets sharper, in heights of the frame",
    )
    limit: Param = param(0.06, ge=0.001, le=1, help="the largest difference that counts, in display values")

    neutral = {"amount": 0}

    def spread(self, amount, radius, limit) -> Gaussians:
        return Gaussians(radius[:, None], np.where(amount > 0, np.float32(1), np.float32(0))[:, None])

    @staticmethod
    def pixel(rgb, soft, at, amount, limit):
        around = luma(to_display(soft[0]), to_display(soft[1]), to_display(soft[2]))
        detail = luma(rgb[0], rgb[1], rgb[2]) - around
        change = amount * detail * (limit / (limit + abs(detail)))
        change = 0 if amount <= 0 else change
        return rgb[0] + change, rgb[1] + change, rgb[2] + change
