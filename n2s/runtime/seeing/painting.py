"""Drawings as pixels, with numpy: smooth curves, sharp boxes, small letters."""

from __future__ import annotations

import numpy as np

from n2s.runtime.seeing.drawing import Boxes, Curve, Drawing
from n2s.runtime.seeing.lettering import letter

_FINE = 4  # computed columns per column of pixels
_RADIUS = 1.0  # half the thickness of a curve, in pixels


def paint(drawing: Drawing) -> np.ndarray:
    """Return a drawing as pixels, uint8 (H, W, 3)."""
    wide, tall = drawing.size
    pixels = np.full((tall, wide, 3), drawing.paper, np.uint8)
    for mark in drawing.marks:
        if isinstance(mark, Boxes):
            for left, top, right, bottom in mark.boxes:
                pixels[top:bottom, left:right] = mark.colour
        elif isinstance(mark, Curve):
            _draw_curve(pixels, mark)
        else:
            letter(pixels, mark.left, mark.top, mark.text, mark.colour)
    return pixels


def _draw_curve(pixels: np.ndarray, curve: Curve) -> None:
    left, top, right, bottom = curve.box
    inside = pixels[top:bottom, left:right]
    coverage = _line(curve.values, curve.low, curve.high, right - left, bottom - top)
    mixed = inside + (np.array(curve.colour, np.float32) - inside) * coverage[:, :, None]
    inside[:] = np.rint(mixed).astype(np.uint8)


def _line(values: np.ndarray, low: float, high: float, wide: int, tall: int) -> np.ndarray:
    """Return how much of each pixel (tall, wide) a line covers, 0..1.

    In every fine column the line covers an interval of heights: the range of the values there, widened by the line's
    radius. A pixel's coverage is exact vertically, and a mean over its fine columns horizontally.
    """
    edges = np.linspace(0, len(values) - 1, wide * _FINE + 1) if len(values) > 1 else np.zeros(wide * _FINE + 1)
    heights = (high - values) / (high - low) * (tall - 1) + 0.5
    ends = np.interp(edges, np.arange(len(values)), heights)
    first, last = np.minimum(ends[:-1], ends[1:]), np.maximum(ends[:-1], ends[1:])
    # Values between two edges, where there are more values than fine columns.
    inside = np.searchsorted(edges, np.arange(len(values)), side="right") - 1
    inside = np.clip(inside, 0, len(first) - 1)
    np.minimum.at(first, inside, heights)
    np.maximum.at(last, inside, heights)
    upper, lower = first.copy(), last.copy()
    reach = int(_RADIUS * _FINE)
    for shift in range(-reach, reach + 1):
        grown = np.sqrt(max(_RADIUS**2 - (shift / _FINE) ** 2, 0.0))
        source = np.clip(np.arange(len(first)) + shift, 0, len(first) - 1)
        upper = np.minimum(upper, first[source] - grown)
        lower = np.maximum(lower, last[source] + grown)
    rows = np.arange(tall, dtype=np.float32)[:, None]
    upper, lower = upper.astype(np.float32), lower.astype(np.float32)
    covered = np.clip(np.minimum(lower, rows + 1) - np.maximum(upper, rows), 0, 1)
    return covered.reshape(tall, wide, _FINE).mean(axis=2)
