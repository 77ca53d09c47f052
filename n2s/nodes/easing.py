"""Easings: ways from 0 to 1, by their usual names.

A family has three forms: "in" begins slowly, "out" is the same backwards and ends slowly, "in_out" is one after the
other at half size. The families are those of Robert Penner (*Programming Macromedia Flash MX*, 2002, chapter 7).
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal, get_args

import numpy as np

Ease = Callable[[np.ndarray], np.ndarray]

BACK = 1.70158  # overshoots by a tenth

FAMILIES: dict[str, Ease] = {  # their "in" forms
    "quad": lambda t: t**2,
    "cubic": lambda t: t**3,
    "quart": lambda t: t**4,
    "sine": lambda t: 1 - np.cos(t * np.pi / 2),
    "expo": lambda t: (2.0 ** (10 * t) - 1) / 1023,
    "circ": lambda t: 1 - np.sqrt(np.maximum(1 - t * t, 0)),
    "back": lambda t: t * t * ((BACK + 1) * t - BACK),
    "elastic": lambda t: np.where(t >= 1, 1.0, 2.0 ** (10 * t - 10) * np.cos(2 * np.pi * (t - 1) / 0.3)) * (t > 0),
    "bounce": lambda t: 1 - _fall(1 - t),
}

EasingName = Literal[
    "linear", "smooth",
    "in_quad", "out_quad", "in_out_quad", "in_cubic", "out_cubic", "in_out_cubic",
    "in_quart", "out_quart", "in_out_quart", "in_sine", "out_sine", "in_out_sine",
    "in_expo", "out_expo", "in_out_expo", "in_circ", "out_circ", "in_out_circ",
    "in_back", "out_back", "in_out_back", "in_elastic", "out_elastic", "in_out_elastic",
    "in_bounce", "out_bounce", "in_out_bounce",
]  # fmt: skip
NAMES = get_args(EasingName)


def ease(name: str, t: np.ndarray) -> np.ndarray:
    """Return how far an easing has come at t, both 0..1; "back" and "elastic" leave that range on their way."""
    t = np.clip(t, 0.0, 1.0)
    if name == "linear":
        return t
    if name == "smooth":
        return t * t * (3.0 - 2.0 * t)
    form, family = name.rsplit("_", 1)
    begin = FAMILIES[family]
    if form == "in":
        return begin(t)
    if form == "out":
        return 1 - begin(1 - t)
    return np.where(t < 0.5, begin(np.minimum(2 * t, 1)) / 2, 1 - begin(np.minimum(2 - 2 * t, 1)) / 2)


def _fall(t: np.ndarray) -> np.ndarray:
    """Return the height that a ball has fallen which bounces three times, each time for half as long."""
    parts = [(1.0, 0.0, 0.0), (2.0, 1.5, 0.75), (2.5, 2.25, 0.9375), (2.75, 2.625, 0.984375)]  # ends, middles, lows
    found = np.zeros_like(t)
    before = 0.0
    for end, middle, low in parts:
        here = (t >= before / 2.75) & (t <= end / 2.75)
        found = np.where(here, 7.5625 * (t - middle / 2.75) ** 2 + low, found)
        before = end
    return found
