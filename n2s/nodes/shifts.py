"""Pictures pulled apart: by colour, and by another picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port
from n2s.graph.shader import luma
from n2s.graph.types import Frames


class ChromaShift(Lens):
    """Pull red and blue apart, as a poor lens does: away from the centre, along a direction, or both.

    Red shows (x, y) (1 - radial r^2) - (dx, dy), blue (x, y) (1 + radial r^2) + (dx, dy), green (x, y);
    r = 1 in the corners, (dx, dy) = amount (cos angle, sin angle).
    """

    frames: Frames = port("what is pulled apart")
    radial: Param = param(0.006, ge=-0.5, le=0.5, help="how much larger red is than green in the corners")
    amount: Param = param(0.0, ge=-1, le=1, unit="heights", help="how far red is moved along the angle")
    angle: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="the direction, 0 to the right, 90 down")

    per_channel = True
    neutral = {"radial": 0, "amount": 0, "shutter": 0}

    def prepare(self, radial, amount, angle) -> dict[str, Any]:
        turn = np.deg2rad(angle.astype(np.float64))
        return {
            "radial": radial,
            "dx": (amount * np.cos(turn)).astype(np.float32),
            "dy": (amount * np.sin(turn)).astype(np.float32),
        }

    @staticmethod
    def where(x, y, at, radial, dx, dy):
        side = at.channel - 1
        corner = 4 / (1 + at.aspect * at.aspect)
        scale = 1 + side * radial * (x * x + y * y) * corner
        return x * scale + side * dx, y * scale + side * dy


class Displace(Lens):
    """Move each pixel by the brightness of another picture at its place.

    (x, y) shows (x, y) + (luma(by) - middle) (move_x, move_y). A smooth picture bends, a sharp one breaks.
    """

    frames: Frames = port("what is moved")
    by: Frames = port("whose brightness moves it")
    move_x: Param = param(0.1, ge=-10, le=10, unit="heights", help="how far white shows what lies to the right")
    move_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="how far white shows what lies below")
    middle: Param = param(0.5, ge=0, le=1, help="the brightness that moves nothing")

    neutral = {"move_x": 0, "move_y": 0, "shutter": 0}

    @staticmethod
    def where(x, y, by, at, move_x, move_y, middle):
        by_light = luma(by[0], by[1], by[2]) - middle
        return x + by_light * move_x, y + by_light * move_y
