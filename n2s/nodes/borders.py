"""What lies around a picture: bars, and the window of a film gate."""

from __future__ import annotations

from typing import Any

from n2s.graph.colours import Colour, display_of
from n2s.graph.declare import Param, Pointwise, param, port, setting
from n2s.graph.shader import length, mix, smoothstep
from n2s.graph.types import Frames


class Border(Pointwise):
    """Lay a border around a picture: bars that leave another aspect, a film gate with round corners.

    The window is the largest one of the ``aspect`` that lies ``margin`` inside the frame; with an aspect of 0 it is all
    that lies so far inside. With ``amount`` it closes in, from the whole frame at 0, in straight lines; so a signal
    lets bars come and go. d is the distance outside of the window with corners of ``radius``; out = mix(rgb, colour,
    smoothstep(0, softness, d)), so that nothing inside the window is covered. All lengths are shares of the frame's
    height, and the edge is never harder than a pixel.

    Cinema has 2.39 and 1.85, television 1.78 (16:9), old film 1.375, a square 1, portraits 0.8 (4:5) and 0.5625 (9:16).
    """

    frames: Frames = port("what is framed")
    amount: Param = param(1.0, ge=0, le=1, help="how far the border has closed in")
    aspect: Param = param(2.39, ge=0, le=50, help="width by height of the window; 0 is what the margin leaves")
    margin: Param = param(0.0, ge=0, le=0.5, unit="heights", help="how far from the frame's edges it lies at least")
    radius: Param = param(0.0, ge=0, le=1, unit="heights", help="of its corners; at most what makes its ends round")
    softness: Param = param(0.0, ge=0, le=0.5, unit="heights", help="how wide its edge is")
    colour: Colour = setting("#000000", help="the colour of the border, as #rrggbb")

    neutral = {"amount": 0}

    def fill(self, scene: Any) -> dict[str, Any]:
        return dict(zip(("red", "green", "blue"), display_of(self.colour)))

    @staticmethod
    def pixel(rgb, at, amount, aspect, margin, radius, softness, red, green, blue):
        whole, pixel = at.width / at.height, 1 / at.height
        free = max(whole - 2 * margin, 0)
        tall = max(1 - 2 * margin, 0)
        chosen = aspect > 0
        # Far below any aspect but 0: parameters are multiples of 2**-16.
        high = mix(tall, min(tall, free / max(aspect, 1e-6)), chosen)
        wide = mix(whole, mix(free, high * aspect, chosen), amount) * 0.5
        high = mix(1, high, amount) * 0.5
        corner = min(radius * amount, min(wide, high))
        x = abs((at.u - 0.5) * whole) - wide + corner
        y = abs(at.v - 0.5) - high + corner
        outside = length(max(x, 0), max(y, 0)) + min(max(x, y), 0) - corner
        cover = smoothstep(-0.5 * pixel, max(softness, 0.5 * pixel), outside)
        cover = 0 if amount <= 0 else cover
        return mix(rgb[0], red, cover), mix(rgb[1], green, cover), mix(rgb[2], blue, cover)
