"""Nodes that look at frames and say a few numbers of each."""

from __future__ import annotations

from typing import Any, ClassVar

from n2s.graph.node import Node
from n2s.graph.parsing import Seconds
from n2s.graph.specs import setting

ROWS = 64  # of the frames that are looked at; light and colour need no more
LEAST = 16, 9  # width and height, so that a grid of this many cells has a pixel in each


class Measure(Node):
    """A node that says a few numbers of each frame that it looks at; they become signals.

    It has one port, of Frames, settings and no parameters. Its author writes ``measure(self, frame)``: one frame
    arrives as float32 (3, h, w), read-only, in the size that ``input_size`` says; a number or a row of numbers is
    returned, or a dict of them by output name. All must be finite, and of the same count for every frame.

    One frame in every ``every`` seconds is looked at, and the last one; `n2s.plan.measures` says which. The numbers of
    the frames between are interpolated along straight lines.

    Frames are looked at before the film is planned. A measure whose numbers hardly ever change the film may declare
    ``unmeasured``: what stands for its numbers, in the form in which ``measure`` returns them, as long as a frame was
    not looked at. Then frames are looked at while the film is rendered, and chunks that the true numbers change are
    rendered once more.
    """

    every: Seconds = setting(
        0.25,
        ge=0,
        le=600,
        unit="s",
        keyed=False,  # the frames that it means are in the key
        help="one frame in each stretch of this length is looked at; 0: every frame",
    )

    kind: ClassVar[str] = "measure"
    unmeasured: ClassVar[Any] = None  # a number or a row of numbers, or a dict of them by output

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        """Return the width and height in which it looks at the frames of a film of ``size``; constants only.

        What it looks at is computed in that size: 64 rows, and as many columns as keep the shape, by default.
        """
        width, height = size
        rows = max(LEAST[1], min(height, ROWS))
        return max(LEAST[0], round(width * rows / height)), rows
