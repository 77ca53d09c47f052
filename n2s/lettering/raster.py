"""The pixels that an outline covers: the exact area of each pixel that lies inside.

Every edge adds to the pixels that it crosses the signed area to its right, and to those further right its height; sums
along the rows are then the coverage. Only sums, products and roundings to whole numbers are used, in float64, so that
the bits are the same on every machine.
"""

from __future__ import annotations

import math

import numpy as np

FINE = 0.02  # pixels: the farthest that a chord lies from its curve
STEPS = 65536.0  # of coverage: what is finer is what rounding left


def flatten(contours: tuple[tuple[np.ndarray, ...], ...], scale: float) -> np.ndarray:
    """Return the edges of an outline, float64 (N, 4): x, y, x, y, in pixels, y down, ``scale`` pixels to its unit."""
    found = [np.zeros((0, 4))]
    for contour in contours:
        points = [curve for part in contour for curve in _chords(part * (scale, -scale))]
        if points:
            corners = np.array([points[-1], *points])  # a contour is closed, whatever its font says
            if not np.array_equal(contour[0][0] * (scale, -scale), points[-1]):
                corners = np.array([points[-1], contour[0][0] * (scale, -scale), *points])
            found.append(np.concatenate([corners[:-1], corners[1:]], axis=1))
    return np.concatenate(found)


def _chords(curve: np.ndarray) -> np.ndarray:
    """Return the ends of the chords of one curve, (n, 2): as many as keep it within `FINE`."""
    if len(curve) == 2:
        return curve[1:]
    bends = np.abs(curve[:-2] - 2 * curve[1:-1] + curve[2:]).sum(axis=1).max()
    degree = len(curve) - 1
    count = max(1, math.ceil(math.sqrt(bends * degree * (degree - 1) / (8 * FINE))))
    t = (np.arange(1, count + 1) / count)[:, None]
    points = list(curve)
    while len(points) > 1:  # de Casteljau
        points = [a + (b - a) * t for a, b in zip(points, points[1:])]
    points[0][-1] = curve[-1]
    return points[0]


def coverage(edges: np.ndarray, width: int, height: int) -> np.ndarray:
    """Return how much of each pixel lies inside edges (N, 4), float32 (height, width) within 0..1.

    Edges lie within 0..width and 0..height. What is wound around more than once counts as once; only in
    a pixel in which outlines cross each other it counts for more.
    """
    x0, y0, x1, y1 = np.asarray(edges, np.float64).reshape(-1, 4).T
    turn = np.where(y1 > y0, 1.0, -1.0)
    low, high = np.minimum(y0, y1), np.maximum(y0, y1)
    keep = high > low
    x0, y0, x1, y1, turn, low, high = (part[keep] for part in (x0, y0, x1, y1, turn, low, high))
    slope = (x1 - x0) / (y1 - y0)
    # Cut at the rows.
    which, row = _cells(low, high)
    top, bottom = np.maximum(low[which], row), np.minimum(high[which], row + 1)
    ends = np.minimum(x0, x1)[which], np.maximum(x0, x1)[which]
    a, b = (np.clip(x0[which] + (y - y0[which]) * slope[which], *ends) for y in (top, bottom))
    tall = (bottom - top) * turn[which]
    # Cut at the columns.
    left, right = np.minimum(a, b), np.maximum(a, b)
    piece, column = _cells(left, right)
    begin, end = np.maximum(left[piece], column), np.minimum(right[piece], column + 1)
    wide = (right - left)[piece]
    share = np.where(wide > 0, (end - begin) / np.where(wide > 0, wide, 1), 1.0)
    rise = tall[piece] * share
    beside = ((begin + end) / 2 - column) * rise  # what of it lies left of the edge in its pixel
    place = row[piece].astype(np.int64) * (width + 2) + column.astype(np.int64)
    size = height * (width + 2)
    total = np.bincount(place, rise - beside, size + 1)[:size] + np.bincount(place + 1, beside, size + 1)[:size]
    sums = np.abs(np.cumsum(total.reshape(height, width + 2), axis=1)[:, :width])
    return (np.minimum(np.rint(sums * STEPS), STEPS) / STEPS).astype(np.float32)


def _cells(low: np.ndarray, high: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return, for each cell of width 1 that stretches reach into, the number of the stretch and where it begins."""
    first = np.floor(low)
    count = np.maximum(np.ceil(high) - first, 1).astype(np.int64)
    which = np.repeat(np.arange(len(low)), count)
    ahead = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    return which, first[which] + ahead


def soften(pixels: np.ndarray, sigma: float) -> np.ndarray:
    """Return pixels (h, w) blurred by three means in a row, nearly a Gaussian; beyond the edge there is nothing."""
    made = pixels.astype(np.float64)
    # In each mean pixels up to ``whole`` away count once, the next ones by ``rest``: that makes the variance right.
    wanted = sigma * sigma / 3
    whole = math.floor((math.sqrt(1 + 4 * sigma * sigma) - 1) / 2)
    count = 2 * whole + 1
    rest = count * (wanted - whole * (whole + 1) / 3) / (2 * ((whole + 1) ** 2 - wanted))
    for axis in (0, 1):
        made = np.moveaxis(made, axis, 0)
        for _ in range(3):
            made = _mean(made, whole, rest)
        made = np.moveaxis(made, 0, axis)
    return np.maximum(made, 0).astype(np.float32)


def _mean(rows: np.ndarray, whole: int, rest: float) -> np.ndarray:
    pad = np.zeros((whole + 2, *rows.shape[1:]))
    sums = np.cumsum(np.concatenate([pad, rows, pad]), axis=0)
    count = len(rows)
    inner = sums[2 * whole + 2 : 2 * whole + 2 + count] - sums[1 : 1 + count]
    outer = sums[2 * whole + 3 : 2 * whole + 3 + count] - sums[:count]
    return (inner + (outer - inner) * rest) / (2 * (whole + rest) + 1)
