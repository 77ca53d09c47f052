"""Mirrors about a point."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import atan2, cos, fract, length, sin
from n2s.graph.types import Frames


class Kaleidoscope(Lens):
    """Repeat a wedge of the picture all around a point, each time beside its mirror image, so that nothing breaks.

    At the distance d and the angle a from c = (center_x, center_y), it shows what lies at the distance d and the angle
    turn + w / segments; w goes from 0 to half a turn and back while a segments goes once around.
    """

    frames: Frames = port("what is mirrored")
    segments: int = setting(6, ge=1, le=100, help="how often the wedge and its mirror image are seen")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="the direction in which the wedge begins")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point, from the centre to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point, from the centre down")

    def prepare(self, turn, center_x, center_y) -> dict[str, Any]:
        return {
            "segments": np.full_like(turn, self.segments),
            "part": np.full_like(turn, 1 / self.segments),
            "turns": np.remainder(turn, 360) / 360,
            "center_x": center_x,
            "center_y": center_y,
        }

    @staticmethod
    def where(x, y, at, segments, part, turns, center_x, center_y):
        dx, dy = x - center_x, y - center_y
        distance = length(dx, dy)
        fold = abs(fract(atan2(dy, dx) * segments + 0.5) - 0.5)
        angle = turns + fold * part
        return center_x + distance * cos(angle), center_y + distance * sin(angle)
