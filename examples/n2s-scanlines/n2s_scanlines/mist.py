"""A mist filter before the lens."""

from __future__ import annotations

import numpy as np

from n2s.graph.declare import Filter, Gaussians, Param, param, port
from n2s.graph.shader import mix, to_display, to_light
from n2s.graph.types import Frames


class Mist(Filter):
    """Scatter a part of the light, as a mist filter before the lens does.

    out = to_display(mix(light, soft, amount)), soft half of the light spread by ``radius`` and half by a quarter of it:
    all light stays in the picture, so that highlights get soft and shadows get milky.
    """

    frames: Frames = port("what is seen through the filter")
    amount: Param = param(0.3, ge=0, le=1, help="how much of the light is scattered")
    radius: Param = param(0.03, ge=0, le=0.5, unit="heights", help="how far, in heights of the frame")

    neutral = {"amount": 0}

    def spread(self, amount, radius):
        sigma = np.stack([radius, radius / 4], axis=1)
        return Gaussians(sigma, np.full_like(sigma, 0.5))

    @staticmethod
    def pixel(rgb, soft, at, amount):
        r = to_display(mix(to_light(rgb[0]), soft[0], amount))
        g = to_display(mix(to_light(rgb[1]), soft[1], amount))
        b = to_display(mix(to_light(rgb[2]), soft[2], amount))
        return (r, g, b) if amount > 0 else rgb
