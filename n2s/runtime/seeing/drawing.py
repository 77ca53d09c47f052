"""Drawings: boxes, curves and words as data, which are painted to pixels or written as SVG.

All lengths are in pixels, from the upper left corner. What comes later in a drawing lies above what came before.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple, cast

import numpy as np

from n2s.runtime.seeing.lettering import width

Colour = tuple[int, int, int]


class Box(NamedTuple):
    """A rectangle; ``right`` and ``bottom`` are the first pixels outside."""

    left: int
    top: int
    right: int
    bottom: int


class Boxes(NamedTuple):
    """Filled rectangles of one colour."""

    boxes: tuple[Box, ...]
    colour: Colour


class Curve(NamedTuple):
    """Values, float64 (T,), evenly over a box: ``low`` lies at its lower edge and ``high`` at the upper one."""

    box: Box
    values: np.ndarray
    low: float
    high: float
    colour: Colour


class Words(NamedTuple):
    """A line of text: where it begins, has its middle or ends, and where its letters have their upper edge."""

    x: int
    top: int
    text: str
    colour: Colour
    anchor: Literal["start", "middle", "end"] = "start"

    @property
    def left(self) -> int:
        """Where it begins in small letters."""
        wide = width(self.text)
        return self.x - {"start": 0, "middle": wide // 2, "end": wide}[self.anchor]


@dataclass
class Drawing:
    """What is drawn on a sheet of paper, in order."""

    title: str
    size: tuple[int, int]
    paper: Colour
    marks: list[Boxes | Curve | Words] = field(default_factory=list)

    def fill(self, colour: Colour, boxes: Iterable[Box]) -> None:
        """Draw rectangles of one colour."""
        self.marks.append(Boxes(tuple(boxes), colour))

    def curve(self, box: Box, values: np.ndarray, low: float, high: float, colour: Colour) -> None:
        """Draw a line through values."""
        self.marks.append(Curve(box, values, low, high, colour))

    def write(self, x: int, top: int, text: str, colour: Colour, anchor: str = "start") -> None:
        """Write a line of text."""
        self.marks.append(Words(x, top, text, colour, cast(Any, anchor)))
