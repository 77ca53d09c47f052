"""Nodes that show a picture from elsewhere: maps of coordinates."""

from __future__ import annotations

from typing import Any, ClassVar, Literal

from n2s.graph.kinds.cache import cache_setting
from n2s.graph.node import Node
from n2s.graph.specs import Output, setting
from n2s.graph.types import FRAMES

Edge = Literal["mirror", "wrap", "clamp", "black"]


class Lens(Node):
    """A node that reads each pixel of its picture from another place.

    Its author writes the static method ``where(x, y, at, <parameters>)``, which returns the place (x, y) that is shown
    at (x, y). Both are measured from the centre of the frame in heights of the frame, x to the right and y down: the
    frame reaches from -0.5 to 0.5 in y and from -at.aspect / 2 to at.aspect / 2 in x. ``at`` has width and height (in
    pixels), aspect, frame, seed and channel (0 for red, 1 for green, 2 for blue; a lens that looks at it says
    ``per_channel = True``). A lens with more ports of Frames gets their colours at (x, y), before ``at``, as (r, g, b)
    tuples. ``prepare`` and what the code may call are as for `Pointwise`.

    Lenses that follow each other directly are by definition one map and one sample: the last one maps the place of the
    pixel, the one before maps the place that this gives, and so on; the picture is read at the place that the first one
    gives. Each applies its own ``edge`` to the places it gives, in this order. The picture is read in light with the
    Catmull-Rom cubic, which returns it as it is where the map does nothing; where the map shrinks it, the cubic
    softens and reads smaller copies.
    """

    kind: ClassVar[str] = "lens"
    outputs: ClassVar[dict[str, Output]] = {"frames": Output(FRAMES)}
    per_channel: ClassVar[bool] = False

    edge: Edge = setting("mirror", help="what lies beyond the picture: its mirror image, itself again, its edge, black")
    shutter: float = setting(
        0.0, ge=0, le=360, unit="degrees", help="how much of a frame's time the shutter is open, about its middle"
    )
    cache: Literal["frames", None] = cache_setting()

    def prepare(self, *_: Any, **params: Any) -> dict[str, Any]:
        return params
