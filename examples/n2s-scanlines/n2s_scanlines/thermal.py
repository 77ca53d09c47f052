"""The colours of a thermal camera."""

from __future__ import annotations

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.declare import Line, Param, Pointwise, param, port
from n2s.graph.shader import luma, mix_light, read_line
from n2s.graph.types import Frames

COLD_TO_HOT = [(0, 0, 0.1), (0.25, 0, 0.6), (0.9, 0.1, 0.4), (1, 0.6, 0), (1, 1, 0.7)]


class Thermal(Pointwise):
    """Show bright places as hot ones, in the colours of a thermal camera.

    out = mix_light(rgb, colours(luma(rgb) * heat), amount); ``colours`` runs from blue over red to pale yellow.
    """

    frames: Frames = port("what is measured")
    amount: Param = param(1, ge=0, le=1, help="how much of the colours")
    heat: Param = param(1, ge=0, le=4, help="how hot white is")

    neutral = {"amount": 0}
    tables = {"colours": Line()}

    def fill(self, scene: Scene) -> dict[str, np.ndarray]:
        return {"colours": np.array(COLD_TO_HOT)}

    @staticmethod
    def pixel(rgb, at, colours, amount, heat):
        r, g, b = read_line(colours, luma(rgb[0], rgb[1], rgb[2]) * heat)
        return mix_light(rgb[0], r, amount), mix_light(rgb[1], g, amount), mix_light(rgb[2], b, amount)
