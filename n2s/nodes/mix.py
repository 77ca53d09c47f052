"""Two pictures in one."""

from __future__ import annotations

from typing import Literal

from n2s.graph.declare import Node, Param, Pointwise, param, port, setting
from n2s.graph.types import Frames, Matte
from n2s.nodes.blends import BLENDS, dissolve

Mode = Literal["normal", "screen", "add", "multiply", "overlay", "soft-light", "difference", "lighten", "darken"]


class Mix(Pointwise):
    """Dissolve from one picture to another, in light, as two projectors would; or blend the two.

    out = to_display(mix(to_light(a), to_light(B), share)), share = amount * matte; where it is exactly 0 or 1, a or B
    itself. B is b, or with another ``mode`` what that makes of both (W3C's Compositing and Blending, of display values;
    ``add`` of light)::

        screen      a + b - a b            difference  |a - b|
        add         the light of both      lighten     max(a, b)
        multiply    a b                    darken      min(a, b)
        overlay     2 a b where a is at most 1/2, else screen(2 a - 1, b)
        soft-light  a - (1 - 2 b) a (1 - a) where b is at most 1/2, else a + (2 b - 1) (D(a) - a), with
                    D(a) = ((16 a - 12) a + 4) a up to 1/4, and sqrt(a) above

    Where values leave 0..1, what is subtracted by screen is the product of both held within 0..1; so it is never below
    either of two that shine, and of what is brighter than white all above it is added. Soft-light changes a by what the
    two held within 0..1 say. In products, what lies below black is black.
    """

    a: Frames = port("shown at 0")
    b: Frames = port("shown at 1")
    matte: Matte = port("where b shows; everywhere without one", optional=True)
    amount: Param = param(0.5, ge=0, le=1, help="how much of b")
    mode: Mode = setting(
        "normal", help="what is made of both: normal shows b; screen and add brighten, multiply darkens"
    )

    neutral = {"amount": 0}
    neutral_mattes = ("matte",)

    def brings(self, name: str) -> dict[str, Node]:
        return _blended(self, name, self.a, self.b)

    @staticmethod
    def pixel(a, b, matte, at, amount):
        return dissolve(a, b, amount * matte)


class Over(Pointwise):
    """Lay one picture over another where its matte lets it show, in light, as glass before a lamp would.

    out = to_display(mix(to_light(back), to_light(front), amount * matte)), colours straight, not multiplied by the
    matte; where that is exactly 0 or 1, the picture itself. `front: picture, matte: picture.matte` shows a cut-out.
    With another ``mode`` the front is blended with the back, a in the formulas of `Mix`.
    """

    back: Frames = port("what lies behind")
    front: Frames = port("what lies in front")
    matte: Matte = port("where the front shows: 1 hides the back")
    amount: Param = param(1, ge=0, le=1, help="how much of the front is there at all")
    mode: Mode = setting("normal", help="what is made of both: normal shows the front; see Mix")

    neutral = {"amount": 0}
    neutral_mattes = ("matte",)

    def brings(self, name: str) -> dict[str, Node]:
        return _blended(self, name, self.back, self.front)

    @staticmethod
    def pixel(back, front, matte, at, amount):
        return dissolve(back, front, amount * matte)


def _blended(node: Mix | Over, name: str, below: Frames, above: Frames) -> dict[str, Node]:
    """Return the node that takes the place of one with a mode, by its name: its pixel code has that mode alone."""
    if node.mode == "normal":
        return {}
    return {name: BLENDS[node.mode](a=below, b=above, matte=node.matte, amount=node.amount, cache=node.cache)}
