"""Two pictures in one."""

from __future__ import annotations

from n2s.graph.declare import Param, Pointwise, param, port
from n2s.graph.shader import mix, to_display, to_light
from n2s.graph.types import Frames, Matte


def dissolve(a, b, share):
    """Return a colour between two, by their light."""
    r = to_display(mix(to_light(a[0]), to_light(b[0]), share))
    g = to_display(mix(to_light(a[1]), to_light(b[1]), share))
    blue = to_display(mix(to_light(a[2]), to_light(b[2]), share))
    # A square and its root can differ in the last bit; a dissolve that has ended must not.
    r = a[0] if share <= 0 else (b[0] if share >= 1 else r)
    g = a[1] if share <= 0 else (b[1] if share >= 1 else g)
    blue = a[2] if share <= 0 else (b[2] if share >= 1 else blue)
    return r, g, blue


class Mix(Pointwise):
    """Dissolve from one picture to another, in light, as two projectors would.

    out = to_display(mix(to_light(a), to_light(b), share)), share = amount * matte; where it is exactly 0 or 1, the
    picture itself.
    """

    a: Frames = port("shown at 0")
    b: Frames = port("shown at 1")
    matte: Matte = port("where b shows; everywhere without one", optional=True)
    amount: Param = param(0.5, ge=0, le=1, help="how much of b")

    neutral = {"amount": 0}

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, b, amount * matte)


class Over(Pointwise):
    """Lay one picture over another where its matte lets it show, in light, as glass before a lamp would.

    out = to_display(mix(to_light(back), to_light(front), amount * matte)), colours straight, not multiplied by the
    matte; where that is exactly 0 or 1, the picture itself. `front: picture, matte: picture.matte` shows a cut-out.
    """

    back: Frames = port("what lies behind")
    front: Frames = port("what lies in front")
    matte: Matte = port("where the front shows: 1 hides the back")
    amount: Param = param(1, ge=0, le=1, help="how much of the front is there at all")

    neutral = {"amount": 0}

    @staticmethod
    def pixel(back, front, matte, at, amount):
        return dissolve(back, front, amount * matte)
