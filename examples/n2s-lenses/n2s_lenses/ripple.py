"""Waves on water."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port
from n2s.graph.shader import length, sin
from n2s.graph.types import Frames


class Ripple(Lens):
    """Let waves run outwards from a point, lower and lower.

    (x, y) shows (x, y) + v amplitude sin(2 pi (d / wavelength - phase)) / (1 + d^2 / reach^2), with d the distance from
    the point c = (center_x, center_y) and v = ((x, y) - c) / sqrt(d^2 + wavelength^2 / 16): the direction away from c,
    smooth at c itself. Waves higher than a sixth of their length break: they show some places more than once.
    """

    frames: Frames = port("what lies under the water")
    amplitude: Param = param(0.012, ge=-1, le=1, unit="heights", help="how far the waves move what they pass")
    wavelength: Param = param(0.15, ge=0.001, le=10, unit="heights", help="how far one wave is from the next")
    phase: Param = param(0.0, ge=-1e6, le=1e6, unit="waves", help="how many have left; = 2 * time sends two a second")
    reach: Param = param(0.6, ge=0.001, le=100, unit="heights", help="how far away they are half as high")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="where they begin, from the centre to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="where they begin, from the centre down")

    neutral = {"amplitude": 0, "shutter": 0}

    def prepare(self, amplitude, wavelength, phase, reach, center_x, center_y) -> dict[str, Any]:
        return {
            "amplitude": amplitude,
            "waves": 1 / wavelength,
            "phase": np.remainder(phase, 1),
            "fall": 1 / (reach * reach),
            "soft": wavelength / 4,
            "center_x": center_x,
            "center_y": center_y,
        }

    @staticmethod
    def where(x, y, at, amplitude, waves, phase, fall, soft, center_x, center_y):
        dx, dy = x - center_x, y - center_y
        distance = length(dx, dy)
        height = amplitude * sin(distance * waves - phase)
        move = height / ((1 + distance * distance * fall) * length(distance, soft))
        return x + dx * move, y + dy * move
