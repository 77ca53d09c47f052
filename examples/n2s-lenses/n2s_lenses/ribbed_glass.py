"""The glass of bathroom doors."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port
from n2s.graph.shader import cos, fract, sin
from n2s.graph.types import Frames


class RibbedGlass(Lens):
    """Look through ribbed glass: each rib is a lens of its own, which shows a slice of the picture wider than itself.

    With n = (cos angle, sin angle) and t = fract((n p - move) / width) - 1/2, the place between the sides of a rib,
    p shows p + strength width t n.
    """

    frames: Frames = port("what is behind the glass")
    strength: Param = param(1.5, ge=-10, le=10, help="how many widths more a rib shows than its own; below 0 fewer")
    width: Param = param(0.06, ge=0.001, le=10, unit="heights", help="how wide a rib is")
    angle: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="the direction across the ribs; 0: they stand")
    move: Param = param(0.0, ge=-1e4, le=1e4, unit="heights", help="how far the glass has moved across its ribs")

    neutral = {"strength": 0, "shutter": 0}

    def prepare(self, strength, width, angle, move) -> dict[str, Any]:
        turns = np.remainder(angle, 360) / np.float32(360)
        return {
            "across": cos(turns),
            "down": sin(turns),
            "often": 1 / width,
            "moved": np.remainder(move / width, 1),
            "far": strength * width,
        }

    @staticmethod
    def where(x, y, at, across, down, often, moved, far):
        t = fract((across * x + down * y) * often - moved) - 0.5
        return x + far * t * across, y + far * t * down
