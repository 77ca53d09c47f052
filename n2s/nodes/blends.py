"""Blend modes: what two pictures make of each other before one is laid over the other.

Formulas are those of W3C's Compositing and Blending (https://www.w3.org/TR/compositing-1/#blending), on display values,
as layers in pictures and pages have them; ``add`` alone is of light. ``multiply``, ``lighten`` and ``darken`` are the
same in light and in display values.

Those formulas hold for 0..1 alone. Frames may be brighter than white, or darker than black, between two nodes; so what
is taken off from 1, or multiplied, is held where more would turn bright into dark.
"""

from __future__ import annotations

from n2s.graph.declare import Param, Pointwise, param, port
from n2s.graph.shader import hold_unit, mix, to_display, to_light
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


def screen(a, b):
    """Return what two values make as two slides on one screen: a + b - a b; what is over white adds all of itself."""
    return a + b - hold_unit(a) * hold_unit(b)


def multiply(a, b):
    """Return a b; what lies below black is black, as two of them would make light."""
    return max(a, 0) * max(b, 0)


def hard_light(a, b):
    """Return 2 a b where b is dark, else the screen of a and 2 b - 1."""
    return 2 * multiply(a, b) if b <= 0.5 else screen(max(a, 0), 2 * b - 1)


def raised(a):
    """Return what soft light makes of a value at most: a curve up to 1/4, and the root above."""
    low = min(a, 0.25)  # both are 1/2 where they meet
    return ((16 * low - 12) * low + 4) * low + to_display(max(a, 0.25)) - 0.5


def soft_light(a, b):
    """Return a, darker where b is below a half, and brighter where it is above; what lies outside 0..1 stays."""
    inside, turn = hold_unit(a), 2 * hold_unit(b) - 1
    return a + min(turn, 0) * inside * (1 - inside) + max(turn, 0) * (raised(inside) - inside)


class _Blend(Pointwise):
    """Blend a picture with another, and dissolve to that."""

    a: Frames = port("what lies below")
    b: Frames = port("what lies above")
    matte: Matte = port("where b counts; everywhere without one", optional=True)
    amount: Param = param(0.5, ge=0, le=1, help="how much of the blend")

    neutral = {"amount": 0}
    neutral_mattes = ("matte",)


class AddBlend(_Blend):
    """The light of both: B = to_display(to_light(a) + to_light(b))."""

    @staticmethod
    def pixel(a, b, matte, at, amount):
        r = to_display(to_light(a[0]) + to_light(b[0]))
        g = to_display(to_light(a[1]) + to_light(b[1]))
        blue = to_display(to_light(a[2]) + to_light(b[2]))
        return dissolve(a, (r, g, blue), amount * matte)


class ScreenBlend(_Blend):
    """What two slides show on one screen: B = a + b - a b."""

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, (screen(a[0], b[0]), screen(a[1], b[1]), screen(a[2], b[2])), amount * matte)


class MultiplyBlend(_Blend):
    """What comes through both of two slides: B = a b."""

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, (multiply(a[0], b[0]), multiply(a[1], b[1]), multiply(a[2], b[2])), amount * matte)


class OverlayBlend(_Blend):
    """Multiply where a is dark, screen where it is bright: B = 2 a b, or screen(2 a - 1, b) where a is above a half."""

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, (hard_light(b[0], a[0]), hard_light(b[1], a[1]), hard_light(b[2], a[2])), amount * matte)


class SoftLightBlend(_Blend):
    """Darken and brighten softly: B = a - (1 - 2 b) a (1 - a), or a + (2 b - 1) (D(a) - a) where b is above a half."""

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, (soft_light(a[0], b[0]), soft_light(a[1], b[1]), soft_light(a[2], b[2])), amount * matte)


class DifferenceBlend(_Blend):
    """What is not alike: B = |a - b|."""

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, (abs(a[0] - b[0]), abs(a[1] - b[1]), abs(a[2] - b[2])), amount * matte)


class LightenBlend(_Blend):
    """The brighter of both, colour by colour: B = max(a, b)."""

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, (max(a[0], b[0]), max(a[1], b[1]), max(a[2], b[2])), amount * matte)


class DarkenBlend(_Blend):
    """The darker of both, colour by colour: B = min(a, b)."""

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, (min(a[0], b[0]), min(a[1], b[1]), min(a[2], b[2])), amount * matte)


BLENDS = {
    "screen": ScreenBlend,
    "add": AddBlend,
    "multiply": MultiplyBlend,
    "overlay": OverlayBlend,
    "soft-light": SoftLightBlend,
    "difference": DifferenceBlend,
    "lighten": LightenBlend,
    "darken": DarkenBlend,
}
