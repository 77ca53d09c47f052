"""Blinds."""

from __future__ import annotations

from n2s.graph.declare import MATTE_OUTPUT, Param, Pointwise, param
from n2s.graph.shader import smoothstep


class BlindsMatte(Pointwise):
    """Show a picture through blinds that open.

    out = 1 - smoothstep(m - soft, m + soft, d), m = open * (1 + 2 * soft) - soft, d = the distance from the middle of
    a gap, 0..1, at fract(v * slats); closed at 0, gone at 1, and alike at every size.
    """

    open: Param = param(0.5, ge=0, le=1, help="how far the blinds are open")
    slats: Param = param(9, ge=1, le=500, unit="slats", help="how many there are from top to bottom")
    soft: Param = param(0.05, ge=0.001, le=1, help="how soft their edges are")

    outputs = MATTE_OUTPUT

    def prepare(self, open, slats, soft):
        middle = open * (1 + 2 * soft) - soft  # so that 0 is closed and 1 is open, whatever the softness
        return {"slats": slats, "low": middle - soft, "high": middle + soft}

    @staticmethod
    def pixel(at, slats, low, high):
        distance = abs((at.v * slats) % 1 - 0.5) * 2
        return 1 - smoothstep(low, high, distance)
