"""The camera in front of the picture."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port
from n2s.graph.shader import fma
from n2s.graph.types import Frames


class Camera(Lens):
    """Zoom, pan and turn about a point; with the shutter open, what moves is blurred along its way.

    (x, y) shows c + R(-turn) ((x, y) - c) / zoom + (pan_x, pan_y), c = (center_x, center_y), all in heights of the
    frame from its centre. With a shutter of 180 degrees a frame is the mean of what is seen during half of its time;
    the parameters move in straight lines from frame to frame.
    """

    frames: Frames = port("what is in front of the camera")
    zoom: Param = param(1.0, ge=0.02, le=50, help="how near it comes; above 1 nearer")
    pan_x: Param = param(0.0, ge=-100, le=100, unit="heights", help="how far it has moved to the right")
    pan_y: Param = param(0.0, ge=-100, le=100, unit="heights", help="how far it has moved down")
    turn: Param = param(0.0, ge=-36000, le=36000, unit="degrees", help="how far the picture is turned clockwise")
    center_x: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point it zooms and turns about, to the right")
    center_y: Param = param(0.0, ge=-10, le=10, unit="heights", help="the point it zooms and turns about, down")

    neutral = {"zoom": 1, "pan_x": 0, "pan_y": 0, "turn": 0, "shutter": 0}

    def prepare(self, zoom, pan_x, pan_y, turn, center_x, center_y) -> dict[str, Any]:
        angle = np.deg2rad(np.remainder(turn.astype(np.float64), 360))
        # A turn of a quarter is exact, and so is none.
        quarters = np.remainder(turn, 90) == 0
        cosine, sine = (np.where(quarters, np.round(part), part) for part in (np.cos(angle), np.sin(angle)))
        return {
            "along": (cosine / zoom - 1).astype(np.float32),
            "beside": (sine / zoom).astype(np.float32),
            "center_x": center_x,
            "center_y": center_y,
            "pan_x": pan_x,
            "pan_y": pan_y,
        }

    @staticmethod
    def where(x, y, at, along, beside, center_x, center_y, pan_x, pan_y):
        # What is added to the place is 0 for a camera at rest, whatever its centre is.
        dx = x - center_x
        dy = y - center_y
        return x + fma(dx, along, fma(dy, beside, pan_x)), y + fma(dy, along, fma(-dx, beside, pan_y))
