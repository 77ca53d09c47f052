"""The glass of a lens."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.types import Frames


class Barrel(Lens):
    """Bend straight lines as the glass of a lens does, outwards like a barrel or inwards like a pincushion.

    (x, y) shows (x, y) s (1 + strength r^2), r = 1 in the corners of the frame. s is 1 / (1 + strength) where strength
    is above 0 and the picture has to fill the frame, else 1.
    """

    frames: Frames = port("what is in front of the glass")
    strength: Param = param(0.25, ge=-0.3, le=4, help="above 0 a barrel, below 0 a pincushion")
    fill: bool = setting(True, help="whether a barrel is enlarged so that the picture's corners stay in the corners")

    neutral = {"strength": 0, "shutter": 0}

    def prepare(self, strength) -> dict[str, Any]:
        scale = 1 / (1 + np.maximum(strength, 0)) if self.fill else np.ones_like(strength)
        return {"scale": scale, "bend": scale * strength}

    @staticmethod
    def where(x, y, at, scale, bend):
        corner = 4 / (1 + at.aspect * at.aspect)
        zoom = scale + bend * (x * x + y * y) * corner
        return x * zoom, y * zoom
