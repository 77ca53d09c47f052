"""A picture that is stirred."""

from __future__ import annotations

from typing import Any

from n2s.graph.declare import Lens, Param, param, port
from n2s.graph.shader import cos, sin
from n2s.graph.types import Frames


class Swirl(Lens):
    """Turn the picture about a point, most at the point and less and less towards a radius.

    (x, y) shows c + R(-turn) ((x, y) - c), turn = angle (1 - d^2 / radius^2)^2 within the radius and 0 beyond it, with
    c = (center_x, center_y) and d the distance from c.
    """

    frames: Frames = port("what is stirred")
    angle: Param = param(90.0, ge=-36000, le=36000, unit="degrees", help="how far its middle is turned clockwise")
    radius: Param = param(0.5, ge=0.001, le=10, unit="heights", help="how far from the point nothing turns any more")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point, from the centre to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point, from the centre down")

    neutral = {"angle": 0, "shutter": 0}

    def prepare(self, angle, radius, center_x, center_y) -> dict[str, Any]:
        return {
            "turns": angle / 360,
            "tight": 1 / (radius * radius),
            "center_x": center_x,
            "center_y": center_y,
        }

    @staticmethod
    def where(x, y, at, turns, tight, center_x, center_y):
        dx, dy = x - center_x, y - center_y
        near = max(1 - (dx * dx + dy * dy) * tight, 0)
        turn = turns * near * near
        along, beside = cos(turn) - 1, sin(turn)
        # What is added to the place is 0 where nothing turns, whatever the point is.
        return x + (dx * along + dy * beside), y + (dy * along - dx * beside)
