"""The phosphor of an old screen."""

from __future__ import annotations

import math

import numpy as np

from n2s.graph.declare import Echo, Param, Seconds, param, port, setting
from n2s.graph.shader import to_display, to_light
from n2s.graph.types import Frames

LONGEST = {"red": 0.6, "green": 1.0, "blue": 0.35}  # how long each colour glows, beside green


class Afterglow(Echo):
    """Let bright places glow on as the phosphor of an old screen does: green longest, blue shortest.

    out = the larger of L and amount * (max over past frames of L_t * 2^(-t / (glow * c))) in light, t the age of a
    frame and c 0.6, 1 and 0.35 for red, green and blue. Four times as long as ``glow`` is looked back.
    """

    frames: Frames = port("what is shown on the screen")
    amount: Param = param(0.8, ge=0, le=1, help="how bright the glow is")
    glow: Seconds = setting(0.08, ge=0.01, le=0.5, unit="s", help="time in which half of green light is left")

    neutral = {"amount": 0}

    def reach(self, fps):
        return range(1, math.ceil(4 * self.glow.resolve(120) * float(fps)) + 1)

    def prepare_steps(self, age, there, amount):
        halvings = age.astype(np.float64) / self.glow.resolve(120)
        return {colour: [2 ** -(t / longest) for t in halvings] for colour, longest in LONGEST.items()}

    @staticmethod
    def step(total, rgb, age, at, red, green, blue):
        return max(total[0], red * rgb[0]), max(total[1], green * rgb[1]), max(total[2], blue * rgb[2])

    @staticmethod
    def pixel(rgb, past, at, amount):
        return (
            brighter(rgb[0], amount * past[0]),
            brighter(rgb[1], amount * past[1]),
            brighter(rgb[2], amount * past[2]),
        )


def brighter(colour, light):
    """Return the brighter of a display value and a light, as a display value."""
    return to_display(light) if light > max(to_light(colour), 0) else colour
