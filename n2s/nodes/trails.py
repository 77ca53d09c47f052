"""Trails: what moves leaves its past behind."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, Literal

import numpy as np

from n2s.graph.declare import Echo, MusicalTime, Param, param, port, setting
from n2s.graph.shader import hold_unit, to_display, to_light
from n2s.graph.types import Frames


class Trails(Echo):
    """Let what moves leave trails: past frames shine on, ever fainter, and may grow, turn and drift as they age.

    There are ``copies`` past frames, their ages t spread evenly over ``length`` and rounded to whole frames. Each has
    the weight w = decay^(t / length). With L the light of the picture and L_t that of a past one::

        max     out = L + amount * max(0, max over t of w L_t - L)
        sum     out = L + amount * (sum over t of v L_t - L), v = w / sum of w, the picture itself among them with w = 1
        screen  out = 1 - (1 - L) (1 - amount * S), S = 1 - product over t of (1 - w L_t)
        add     out = L + amount * sum over t of w L_t

    So with ``max`` what was bright lingers, and with ``sum`` the light of the whole length is averaged, as in a long
    exposure. Neither burns out, and a still film looks as it does without trails. ``screen`` and ``add`` shine more the
    more there is; only ``add`` burns out. In the products of ``screen`` light counts as 1 at most: so what is
    brighter than white adds all that is above it. Frames before the first do not exist: trails grow from the beginning.

    Few copies are seen one by one, as echoes: `length: 2 beats, copies: 4` shows what was there at each half beat
    before. Beats are as long as the tempo of the whole piece says.

    A past frame of age t is seen enlarged by 2^(zoom t) and turned by turn * t about the centre of the picture, and
    then moved by (x t, y t). At half size only the difference to the picture is made small, never the picture itself.
    """

    frames: Frames = port("what moves")
    amount: Param = param(1.0, ge=0, le=1, help="how much of the trails is seen")
    length: MusicalTime = setting(0.4, gt=0, le=8, unit="s", help="how far back the trails reach")
    copies: int = setting(12, ge=1, le=24, help="how many past frames they are made of")
    decay: Param = param(0.1, ge=0, le=1, help="what is left of a frame's light at the end of the length")
    blend: Literal["max", "sum", "screen", "add"] = setting(
        "max", help="what is made of all frames: the brightest, their mean, slides on one screen, all of their light"
    )
    zoom: Param = param(0, ge=-8, le=8, unit="doublings/s", help="how fast past frames grow; below 0 they shrink")
    turn: Param = param(0, ge=-720, le=720, unit="degrees/s", help="how fast they turn, clockwise")
    x: Param = param(0, ge=-4, le=4, unit="heights/s", help="how fast they drift to the right")
    y: Param = param(0, ge=-4, le=4, unit="heights/s", help="how fast they drift down")
    size: Literal["half", "full"] = setting("half", help="the size that trails are made in; half is softer, and faster")

    neutral = {"amount": 0}
    still = {"zoom": 0, "turn": 0, "x": 0, "y": 0}

    def reach(self, fps: Any) -> list[int]:
        frames = self.length.value * float(fps)
        return sorted({0, *(max(1, math.floor(frames * i / self.copies + 0.5)) for i in range(1, self.copies + 1))})

    def scale(self) -> int:
        return 2 if self.size == "half" else 1

    def prepare(self, amount: np.ndarray, **others: np.ndarray) -> dict[str, Any]:
        return {
            "amount": amount,
            "least": -3e38 if self.blend == "sum" else 0.0,
            "screens": np.float32(self.blend == "screen"),
        }

    def prepare_steps(
        self, age: np.ndarray, there: np.ndarray, decay: np.ndarray, zoom: np.ndarray, turn: np.ndarray,
        x: np.ndarray, y: np.ndarray, **others: np.ndarray,
    ) -> dict[str, Any]:  # fmt: skip
        """Return the weights of past frames, and how to go from a place to the one that is seen there.

        The picture itself, of age 0, comes last, and is taken off the total.
        """
        length = self.length.value
        weight = _each(lambda share, t: share ** (t / length), decay, age) * there
        if self.blend == "sum":
            weight /= weight.sum(axis=1, keepdims=True)
        past = age > 0
        grow = _each(lambda doublings, t: 2 ** (-doublings * t), zoom, age)
        cosine = _each(lambda angle, t: math.cos(math.radians(angle * t)), turn, age)
        sine = _each(lambda angle, t: math.sin(math.radians(angle * t)), turn, age)
        return {
            "weight": np.where(past, weight, {"max": -1, "sum": weight - 1}.get(self.blend, 0)),
            "summed": np.where(past, self.blend != "max", True),
            "screened": np.float32(self.blend == "screen"),
            "along": grow * cosine, "across": grow * sine, "shift_x": x * age, "shift_y": y * age,
        }  # fmt: skip

    @staticmethod
    def where(x, y, age, at, along, across, shift_x, shift_y):
        x, y = x - shift_x, y - shift_y
        return along * x + across * y, along * y - across * x

    @staticmethod
    def step(total, rgb, age, at, weight, summed, screened):
        r, g, b = weight * rgb[0], weight * rgb[1], weight * rgb[2]
        return (  # the larger and the smaller of two are both: their sum
            max(r, total[0]) + summed * min(r, total[0]) - screened * min(r, 1) * min(total[0], 1),
            max(g, total[1]) + summed * min(g, total[1]) - screened * min(g, 1) * min(total[1], 1),
            max(b, total[2]) + summed * min(b, total[2]) - screened * min(b, 1) * min(total[2], 1),
        )

    @staticmethod
    def pixel(rgb, past, at, amount, least, screens):
        return (
            joined(rgb[0], amount * max(past[0], least), screens),
            joined(rgb[1], amount * max(past[1], least), screens),
            joined(rgb[2], amount * max(past[2], least), screens),
        )


def joined(colour, difference, screens):
    """Return a display value with light added; where there is none to add it keeps its bits.

    On one screen, where ``screens`` is 1, less is added the brighter it is; of what is over white, all above it.
    """
    hidden = screens * hold_unit(to_light(colour))
    difference = difference * (1 - hidden) + hidden * max(difference - 1, 0)
    return colour if difference == 0 else to_display(max(to_light(colour) + difference, 0))


def _each(function: Callable[[float, float], float], values: np.ndarray, ages: np.ndarray) -> np.ndarray:
    """Return a function of each value and each age, (B, K): number by number, so that all frames have the same bits."""
    return np.array([[function(float(value), float(age)) for age in ages] for value in values[:, 0]])
