"""Latents between their cells: reading them at any place, with the variance that they have.

The mean of two cells is paler than either, but where they are alike. So a mix a x + b y of neighbours is divided by the
length that such mixes have in this frame and channel: sqrt(a² + b² + 2 a b r), r the likeness of neighbours. For cells
that have nothing to do with each other weights are of unit length, for even latents they add up to 1.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np

Around = Callable[[np.ndarray, np.ndarray, np.ndarray], np.ndarray]


def read_cells(latents: np.ndarray, down: np.ndarray, across: np.ndarray, around: Around | None = None) -> np.ndarray:
    """Return latents (N, C, h, w) at places (N, H, W), in cells from the first one.

    A whole number gives the cell itself, bit by bit. Beyond the edge latents are mirrored, or ``around`` is asked: it
    returns the cells (1, C, n, m) of a frame (1, C, h, w) in n rows and m columns, of which some lie beyond its edge.
    """
    alike = likeness(latents)
    if around is None:
        return _read(latents, down, across, *alike)
    made = np.empty((*latents.shape[:2], *down.shape[1:]), np.float32)
    for i in range(len(latents)):
        frame, places = latents[i : i + 1], [down[i], across[i]]
        spans = [(int(np.floor(p.min())), int(np.floor(p.max())) + 2) for p in places]
        if any(start < 0 or stop > count + 1 for (start, stop), count in zip(spans, latents.shape[2:])):
            frame = around(frame, *(np.arange(*span) for span in spans))
            places = [place - start for place, (start, _) in zip(places, spans)]
        made[i] = _read(frame, places[0][None], places[1][None], *(r[i : i + 1] for r in alike))[0]
    return made


def _read(latents: np.ndarray, down: np.ndarray, across: np.ndarray, *alike: np.ndarray) -> np.ndarray:
    rows, columns = latents.shape[2:]
    (top, below, low), (left, right, far) = (_neighbours(p, n) for p, n in ((down, rows), (across, columns)))
    low, far = low[:, None], far[:, None]
    high, near = 1 - low, 1 - far
    flat = latents.reshape(*latents.shape[:2], -1)
    upper = near * _take(flat, top * columns + left) + far * _take(flat, top * columns + right)
    lower = near * _take(flat, below * columns + left) + far * _take(flat, below * columns + right)
    length = mix_length(high, low, alike[0]) * mix_length(near, far, alike[1])
    return (high * upper + low * lower) / np.sqrt(length)


def mix_length(a: np.ndarray, b: np.ndarray, alike: np.ndarray) -> np.ndarray:
    """Return the squared length of a x + b y for neighbours that are so alike."""
    return a * a + b * b + 2 * a * b * alike


def likeness(latents: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return how alike neighbours in columns, and in rows, are: float32 (N, C, 1, 1), -0.9..1.

    r = 2 sum(x y) / sum(x² + y²) over all neighbours x and y.
    """
    n, channels, rows, columns = latents.shape
    wide = latents.astype(np.float64).reshape(n * channels, rows, columns)
    squares = wide * wide
    whole = squares.reshape(len(wide), -1).sum(axis=1)
    found = []
    for x, y, ends in (
        (wide[:, :-1], wide[:, 1:], (squares[:, 0], squares[:, -1])),
        (wide[..., :-1], wide[..., 1:], (squares[..., 0], squares[..., -1])),
    ):
        both = 2 * np.ascontiguousarray(x * y).reshape(len(wide), -1).sum(axis=1)
        each = 2 * whole - sum(np.ascontiguousarray(end).sum(axis=1) for end in ends)
        alike = np.where(each > 0, both / np.maximum(each, 1e-300), 1)
        found.append(np.clip(alike, -0.9, 1).astype(np.float32).reshape(n, channels, 1, 1))
    return found[0], found[1]


def _neighbours(places: np.ndarray, count: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the cells before and behind places along a mirrored row, and how far each place is on its way."""
    first = np.floor(places)
    way = (places - first).astype(np.float32)
    first = first.astype(np.int64)
    return mirrored(first, count), mirrored(first + 1, count), way


def mirrored(places: np.ndarray, count: int) -> np.ndarray:
    """Return which of ``count`` cells is seen at places of a row that is mirrored at both ends, without end."""
    inside = np.remainder(places, 2 * count)
    return np.minimum(inside, 2 * count - 1 - inside)


def _take(flat: np.ndarray, cells: np.ndarray) -> np.ndarray:
    taken = np.empty((*flat.shape[:2], *cells.shape[1:]), np.float32)
    for frame, place, out in zip(flat, cells, taken):
        np.take(frame, place, axis=1, out=out, mode="clip")
    return taken
