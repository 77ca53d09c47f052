"""Drawings as SVG: one path for the boxes of a colour, one for each curve, and text that can be searched.

Curves have no more points than their columns of pixels show, so that a file is small however long the music is.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from xml.sax.saxutils import escape

import numpy as np

from n2s.runtime.seeing.drawing import Box, Boxes, Colour, Curve, Drawing, Words
from n2s.runtime.seeing.lettering import HEIGHT

_LETTERS = 2 * HEIGHT  # the height of a capital
_FONT = round(_LETTERS / 0.73)  # capitals of most fonts without serifs are 0.73 of their size
_FLAT = 0.5  # pixels; a column whose values differ by less is one point


def to_svg(drawing: Drawing) -> bytes:
    """Return a drawing as an SVG file; the same drawing gives the same bytes."""
    wide, tall = drawing.size
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{wide}" height="{tall}" viewBox="0 0 {wide} {tall}" '
        f'font-family="sans-serif" font-size="{_FONT}" stroke-linejoin="round">',
        f"<title>{_escaped(drawing.title)}</title>",
        _boxes(Boxes((Box(0, 0, wide, tall),), drawing.paper)),
        *map(_mark, drawing.marks),
        "</svg>\n",
    ]
    return "\n".join(filter(None, lines)).encode()


def _mark(mark: Boxes | Curve | Words) -> str:
    return {Boxes: _boxes, Curve: _curve, Words: _words}[type(mark)](mark)


def _boxes(mark: Boxes) -> str:
    path = "".join(
        f"M{left} {top}h{right - left}v{bottom - top}h{left - right}z"
        for left, top, right, bottom in _joined(mark.boxes)
    )
    return f'<path fill="{_hex(mark.colour)}" shape-rendering="crispEdges" d="{path}"/>' if path else ""


def _joined(boxes: Iterable[Box]) -> Iterator[Box]:
    """Yield boxes, those as one that stand side by side and are equally high."""
    last: Box | None = None
    for box in boxes:
        if last and (last.right, last.top, last.bottom) == (box.left, box.top, box.bottom):
            last = last._replace(right=box.right)
            continue
        if last:
            yield last
        last = box
    if last:
        yield last


def _curve(mark: Curve) -> str:
    points = np.rint(_points(mark) * 10).astype(int)  # tenths of pixels
    steps = np.diff(points, axis=0)
    path = f"M{_tenths(*points[0])}" + "".join(
        f"v{_tenths(down)}" if not along else f"l{_tenths(along, down)}" for along, down in steps if along or down
    )
    return f'<path fill="none" stroke="{_hex(mark.colour)}" stroke-width="2" d="{path}"/>'


def _points(mark: Curve) -> np.ndarray:
    """Return the points (N, 2) of a curve: every value, or the range of values in each column where there are many."""
    left, top, right, bottom = mark.box
    wide, tall, count = right - left, bottom - top, len(mark.values)
    heights = top + (mark.high - mark.values) / (mark.high - mark.low) * (tall - 1) + 0.5
    if count == 1:
        return np.array([(left, heights[0]), (right, heights[0])])
    across = np.arange(count) * (wide / (count - 1))
    if count <= 2 * wide:
        return np.stack([left + across, heights], axis=1)
    starts = np.searchsorted(across, np.arange(wide))  # the first value of each column
    highest, lowest = np.minimum.reduceat(heights, starts), np.maximum.reduceat(heights, starts)
    points, before = [], heights[0]
    for column, (first, last) in enumerate(zip(highest, lowest)):
        x = left + column + 0.5
        if last - first < _FLAT:
            points.append((x, (first + last) / 2))
        else:  # the nearer end first, so that the line goes no way twice
            points += [(x, y) for y in sorted((first, last), key=lambda y, before=before: abs(y - before))]
        before = points[-1][1]
    return np.array([(left, heights[0]), *points, (right, heights[-1])])


def _words(mark: Words) -> str:
    anchor = f' text-anchor="{mark.anchor}"' if mark.anchor != "start" else ""
    spaces = ' xml:space="preserve"' if "  " in mark.text else ""
    place = f'x="{mark.x}" y="{mark.top + _LETTERS}" fill="{_hex(mark.colour)}"'
    return f"<text {place}{anchor}{spaces}>{_escaped(mark.text)}</text>"


def _escaped(text: str) -> str:
    """Return text as XML has it; characters that XML cannot have are shown as a replacement."""
    return escape("".join(c if c.isprintable() else "\N{REPLACEMENT CHARACTER}" for c in text))


def _tenths(*numbers: int) -> str:
    """Return numbers of tenths as short as a path may have them: ``-1.5 .3`` is ``-1.5.3``, ``2 -1`` is ``2-1``."""
    text = ""
    for number in numbers:
        whole, tenth = divmod(abs(int(number)), 10)
        word = f"{whole or ''}.{tenth}" if tenth else str(whole)
        word = f"-{word}" if number < 0 else word
        separate = text and not word.startswith("-") and not (word.startswith(".") and "." in text)
        text += f" {word}" if separate else word
    return text


def _hex(colour: Colour) -> str:
    return "#{:02x}{:02x}{:02x}".format(*colour)
