"""Where a picture lies in the frame: how it is fitted, on which side, how large."""

from __future__ import annotations

from typing import Literal, NamedTuple

Fit = Literal["cover", "contain", "stretch"]


class Span(NamedTuple):
    """One axis of a picture in the frame, in pixels of the frame.

    Attributes
    ----------
    start, stop : float
        Where the first pixel of the picture begins and its last one ends; perhaps beyond the frame.
    low, high : float
        What of this is shown.
    """

    start: float
    stop: float
    low: float
    high: float


class Placing(NamedTuple):
    """How a picture lies in a box, which is the frame without its margin, and no higher than ``height``.

    Attributes
    ----------
    fit : "cover", "contain" or "stretch"
        It fills the box and what is too much is cropped; all of it is in the box; it is stretched to the box.
    x, y : float
        Which point of it, as shares of its width and height, lies over the same point of the box; ``y`` is also where
        the box lies in what is left of the frame.
    height, margin : float
        How high the box is at most, and how far it stays from the edges of the frame, in heights of the frame.
    pixel : float
        How wide one of its pixels is for its height.
    """

    fit: Fit = "cover"
    x: float = 0.5
    y: float = 0.5
    height: float = 1.0
    margin: float = 0.0
    pixel: float = 1.0

    def spans(self, shape: tuple[int, int], size: tuple[int, int]) -> tuple[Span, Span]:
        """Return where the rows and the columns of a picture (height, width) lie in a frame (width, height)."""
        frame, sides = (size[1], size[0]), (shape[0], shape[1] * self.pixel)
        margins = [min(self.margin * size[1], (whole - 1) / 2) for whole in frame]
        left = [whole - 2 * margin for whole, margin in zip(frame, margins)]
        box = [min(left[0], self.height * size[1]), left[1]]
        begin = [margins[0] + (left[0] - box[0]) * self.y, margins[1]]
        ratios = [room / side for room, side in zip(box, sides)]
        if self.fit != "stretch":
            ratios = [(min if self.fit == "contain" else max)(ratios)] * 2
        made = []
        for side, ratio, room, low, share in zip(sides, ratios, box, begin, (self.y, self.x)):
            shown = side * ratio
            start = low + (room - shown) * share
            made.append(Span(start, start + shown, max(start, low), min(start + shown, low + room)))
        return made[0], made[1]
