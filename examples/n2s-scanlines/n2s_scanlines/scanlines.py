"""The lines of an old screen."""

from __future__ import annotations

from n2s.graph.declare import Param, Pointwise, param, port
from n2s.graph.shader import smoothstep
from n2s.graph.types import Frames


class Scanlines(Pointwise):
    """Darken the gaps between the lines of an old screen.

    out = rgb * (1 - amount * smoothstep(0.2, 0.5, d)), d = |fract(v * lines + shift) - 0.5|, v from 0 at the top to 1
    at the bottom, so that a draft shows as many lines as the film. More lines than half the film's rows turn into
    broad stripes.
    """

    frames: Frames = port("what is shown on the screen")
    amount: Param = param(0.4, ge=0, le=1, help="how dark the gaps are")
    lines: Param = param(90, ge=1, le=2160, unit="lines", help="how many there are from top to bottom")
    shift: Param = param(0, ge=-1e6, le=1e6, unit="lines", help="how far they have moved up; = 2 * time lets them roll")

    neutral = {"amount": 0}

    @staticmethod
    def pixel(rgb, at, amount, lines, shift):
        distance = abs((at.v * lines + shift) % 1 - 0.5)
        gain = 1 - amount * smoothstep(0.2, 0.5, distance)
        return rgb[0] * gain, rgb[1] * gain, rgb[2] * gain
