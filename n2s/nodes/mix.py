"""Two pictures in one."""

from __future__ import annotations

from n2s.graph.declare import Param, Pointwise, param, port
from n2s.graph.shader import mix, to_display, to_light
from n2s.graph.types import Frames


class Mix(Pointwise):
    """Dissolve from one picture to another, in light, as two projectors would.

    out = to_display(mix(to_light(a), to_light(b), amount)); with an amount of exactly 0 or 1, the picture itself.
    """

    a: Frames = port("shown at 0")
    b: Frames = port("shown at 1")
    amount: Param = param(0.5, ge=0, le=1, help="how much of b")

    neutral = {"amount": 0}

    @staticmethod
    def pixel(a, b, at, amount):
        r = to_display(mix(to_light(a[0]), to_light(b[0]), amount))
        g = to_display(mix(to_light(a[1]), to_light(b[1]), amount))
        blue = to_display(mix(to_light(a[2]), to_light(b[2]), amount))
        # A square and its root can differ in the last bit; a dissolve that has ended must not.
        r = a[0] if amount <= 0 else (b[0] if amount >= 1 else r)
        g = a[1] if amount <= 0 else (b[1] if amount >= 1 else g)
        blue = a[2] if amount <= 0 else (b[2] if amount >= 1 else blue)
        return r, g, blue
