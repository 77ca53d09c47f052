"""Lines of text in their place: broken or made smaller where they are too wide, within the part that all screens show.

Lengths are shares of the frame's height, from its upper left corner, where they are not in em, the size of the font.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import Literal

import numpy as np

from n2s.lettering.bidi import Embedding, embed
from n2s.lettering.font import Font
from n2s.lettering.shaping import Letter, breaks, shape

Place = Literal[
    "centre", "top", "bottom", "left", "right", "top left", "top right", "bottom left", "bottom right"
]  # fmt: skip
Align = Literal["left", "centre", "right"]
Fit = Literal["wrap", "shrink"]


@dataclass(frozen=True, eq=False)
class Line:
    """One line: its letters from left to right. ``embedding`` is that of a line that was broken off a paragraph."""

    font: Font
    text: str
    tracked: bool
    embedding: Embedding | None = None

    @cached_property
    def letters(self) -> tuple[Letter, ...]:
        text = self.text.rstrip()
        return shape(self.font, text, self.tracked, self.embedding and self.embedding.part(0, len(text)))

    @cached_property
    def _before(self) -> tuple[list[float], list[int]]:
        """How far advances alone bring each letter, and the line's end; and how many spaces lie before each."""
        advances = list(accumulate((letter.advance for letter in self.letters), initial=0.0))
        return advances, list(accumulate((int(letter.spaced) for letter in self.letters), initial=0))

    def start(self, letter: int, tracking: float) -> float:
        """Return where a letter begins, in em from the line's beginning."""
        advances, spaces = self._before
        return advances[letter] + tracking * spaces[letter]

    def width(self, tracking: float) -> float:
        """Return how wide the line is in em; behind its last letter there is no spacing."""
        last = len(self.letters)
        return self.start(last, tracking) - (tracking if last and self.letters[-1].spaced else 0)

    @cached_property
    def reach(self) -> tuple[float, float]:
        """How far its outlines reach above and below its baseline, in em."""
        reaches = [
            (above + y, below - y)
            for letter in self.letters
            for glyph, _, y in letter.glyphs
            for above, below in [self.font.reach(glyph)]
        ]
        return max((above for above, _ in reaches), default=0.0), max((below for _, below in reaches), default=0.0)

    def edges(self, first: int, last: int, tracking: float, scale: float) -> np.ndarray:
        """Return the outline of some letters in pixels, (N, 4), from where the first begins; an em has ``scale``."""
        origin, found = self.start(first, tracking), [np.zeros((0, 4))]
        for i in range(first, last):
            for glyph, x, y in self.letters[i].glyphs:
                shift = np.array([(self.start(i, tracking) - origin + x) * scale, -y * scale])
                found.append(self.font.edges(glyph, scale) + np.concatenate([shift, shift]))
        return np.concatenate(found)


@dataclass(frozen=True, eq=False)
class Block:
    """Lines in their place. ``size`` is that of the font, ``baselines`` where each line stands.

    A line begins at ``anchor`` minus its width times ``side``: 0 aligns left, 1 right, 0.5 at the centre.
    """

    lines: tuple[Line, ...]
    size: float
    baselines: tuple[float, ...]
    anchor: float
    side: float

    def left(self, line: int, tracking: float) -> float:
        """Return where a line begins."""
        return self.anchor - self.side * self.lines[line].width(tracking) * self.size


def lay_out(
    font: Font, text: str, aspect: float, *, size: float, tracking: float, leading: float, place: Place,
    align: Align | None, margin: float, fit: Fit, x: float = 0.0, y: float = 0.0,
) -> Block:  # fmt: skip
    """Return a text in its place, not larger than what lies within the margins.

    Parameters
    ----------
    aspect : float
        The frame's width over its height.
    tracking : float
        The widest letter spacing that there will be, in em.
    margin : float
        The share of each side that is left free at both of its ends.
    """
    wide, high = aspect * (1 - 2 * margin), 1 - 2 * margin
    lines = [Line(font, line.strip(), tracking != 0) for line in rows_of(text)]
    if fit == "wrap":
        lines = [part for line in lines for part in wrap(line, wide / size, tracking)]
    widest = max(line.width(tracking) for line in lines)
    size = wide / widest if widest * size > wide else size
    above, below = max(lines[0].reach[0], font.cap), lines[-1].reach[1]
    size = min(size, high / (above + below + leading * (len(lines) - 1)))
    tall = (font.cap + leading * (len(lines) - 1)) * size
    first = {"t": margin, "b": 1 - margin - tall}.get(up(place), 0.5 - tall / 2) + font.cap * size + y
    first = max(min(first, 1 - margin - below * size - (tall - font.cap * size)), margin + above * size)
    across = {"left": 0.0, "right": 1.0}.get(place.split()[-1], 0.5)
    side = {"left": 0.0, "centre": 0.5, "right": 1.0}[align] if align else across
    block = widest * size
    left = margin * aspect + across * (wide - block) + x
    left = max(min(left, (1 - margin) * aspect - block), margin * aspect)
    baselines = tuple(first + leading * size * i for i in range(len(lines)))
    return Block(tuple(lines), size, baselines, left + side * block, side)


def up(place: str) -> str:
    """Return "t" of places at the top, "b" of those at the bottom, and "" of others."""
    return place[0] if place.startswith(("top", "bottom")) else ""


def rows_of(text: str) -> list[str]:
    """Return the rows that a text is written in; there is one at least."""
    return text.strip("\n").splitlines() or [""]


def wrap(line: Line, widest: float, tracking: float) -> list[Line]:
    """Return a line broken so that no part is wider than ``widest`` em where that can be, all about equally long."""
    if line.width(tracking) <= widest:
        return [line]
    places = [0, *breaks(line.text), len(line.text)]
    embedding = line.embedding or embed(line.text)

    def part(start: int, stop: int) -> Line:
        return Line(line.font, line.text[start:stop], line.tracked, embedding.part(start, stop))

    def broken(limit: float) -> list[Line]:
        found, begin = [], 0
        for place, following in zip(places, places[1:]):
            if begin < place and part(begin, following).width(tracking) > limit:
                found.append(part(begin, place))
                begin = place
        return [*found, part(begin, len(line.text))]

    best = broken(widest)
    low, high = 0.0, widest
    for _ in range(12):  # the narrowest limit that needs no more lines
        middle = (low + high) / 2
        parts = broken(middle)
        if len(parts) == len(best) and max(part.width(tracking) for part in parts) <= widest:
            best, high = parts, middle
        else:
            low = middle
    return best
