"""Latents between their cells: reading them at any place, with the variance that they have.

The mean of two cells is paler than either, but where they are alike. So a mix a x + b y of neighbours is divided by the
length that such mixes have in this frame and channel: sqrt(a² + b² + 2 a b r), r the likeness of neighbours. For cells
that have nothing to do with each other weights are of unit length, for even latents they add up to 1.
"""

from __future__ import annotations

import numpy as np

from n2s.graph import shader
from n2s.nodes.drift import Spread

SMOOTH = 4.0  # cells: the scale of the smooth part of noise
LIKENESS = 0.87  # of neighbours in this smooth part, on average
FADE = 4.0  # cells beyond the edge, after which there is as much noise as there will be
MOST_NOISE = 0.125  # turns on the circle from the mirrored picture to noise: half of each


def read_cells(latents: np.ndarray, down: np.ndarray, across: np.ndarray) -> np.ndarray:
    """Return latents (N, C, h, w) at places (N, H, W), in cells from the first one; beyond the edge they are mirrored.

    A whole number gives the cell itself, bit by bit.
    """
    return _read(latents, down, across, likeness(latents, 2), likeness(latents, 3))


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


def likeness(latents: np.ndarray, axis: int) -> np.ndarray:
    """Return how alike neighbours along an axis are in each frame and channel, float32 (N, C, 1, 1), -0.9..1.

    r = 2 sum(x y) / sum(x² + y²) over all neighbours x and y.
    """
    n, channels, rows, columns = latents.shape
    wide = latents.astype(np.float64)
    x, y = (wide[:, :, :-1], wide[:, :, 1:]) if axis == 2 else (wide[..., :-1], wide[..., 1:])
    if x.shape[axis] == 0:
        return np.ones((n, channels, 1, 1), np.float32)
    products, squares = (v.reshape(n * channels, -1).sum(axis=1) for v in (2 * x * y, x * x + y * y))
    found = np.where(squares > 0, products / np.maximum(squares, 1e-300), 1)
    return np.clip(found, -0.9, 1).astype(np.float32).reshape(n, channels, 1, 1)


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


def read_noisy_cells(latents: np.ndarray, down: np.ndarray, across: np.ndarray, key: np.ndarray) -> np.ndarray:
    """Return latents at places like `read_cells`; beyond the edge the mirrored picture fades into hashed noise.

    The noise has the mean, the deviation and the smoothness that the channel has in the picture: a smooth part and one
    of single cells, by the likeness of neighbours. Each cell beyond the edge has its own, which never changes.
    """
    alike = [likeness(latents, axis) for axis in (2, 3)]
    made = np.empty((*latents.shape[:2], *down.shape[1:]), np.float32)
    for i in range(len(latents)):
        frame, places = latents[i : i + 1], [down[i], across[i]]
        spans = [(int(np.floor(p.min())), int(np.floor(p.max())) + 2) for p in places]
        if any(start < 0 or stop > count + 1 for (start, stop), count in zip(spans, latents.shape[2:])):
            frame = _surrounded(frame, spans, key)
            places = [place - start for place, (start, _) in zip(places, spans)]
        made[i] = _read(frame, places[0][None], places[1][None], *(r[i : i + 1] for r in alike))[0]
    return made


def _surrounded(frame: np.ndarray, spans: list[tuple[int, int]], key: np.ndarray) -> np.ndarray:
    """Return the cells of a frame (1, C, h, w) in spans of rows and columns that may lie beyond its edge."""
    counts = frame.shape[2:]
    rows, columns = (np.arange(*span) for span in spans)
    seen = frame[:, :, mirrored(rows, counts[0])][..., mirrored(columns, counts[1])]
    beyond = [np.maximum(np.maximum(-at, at - count + 1), 0) for at, count in zip((rows, columns), counts)]
    apart = np.maximum(beyond[0][:, None], beyond[1][None, :]).astype(np.float32)
    turns = np.minimum(apart / np.float32(FADE), 1) * np.float32(MOST_NOISE)
    wide = frame.astype(np.float64).reshape(frame.shape[1], -1)
    mean = wide.sum(axis=1, keepdims=True) / wide.shape[1]
    deviation = np.sqrt(((wide - mean) ** 2).sum(axis=1) / wide.shape[1])
    mean, deviation = (v.astype(np.float32).reshape(-1, 1, 1) for v in (mean, deviation))
    alike = likeness(frame - mean, 2) + likeness(frame - mean, 3)
    noise = _noise(rows, columns, frame.shape[1], np.sqrt(np.clip(alike / (2 * LIKENESS), 0, 1)), key)
    faded = mean + ((seen - mean) * shader.cos(turns) + deviation * noise * shader.sin(turns))
    return np.where(apart > 0, faded, seen)


def _noise(rows: np.ndarray, columns: np.ndarray, channels: int, smooth: np.ndarray, key: np.ndarray) -> np.ndarray:
    down, along = Spread(rows, SMOOTH), Spread(columns, SMOOTH)
    coarse = _draw(down.places, along.places, channels, key)
    fine = _draw(rows.astype(np.uint32), columns.astype(np.uint32), channels, shader.hash32(key + np.uint32(1)))
    return smooth * along.spread(down.spread(coarse, 1), 2) + np.sqrt(1 - smooth * smooth) * fine


def _draw(rows: np.ndarray, columns: np.ndarray, channels: int, key: np.ndarray) -> np.ndarray:
    """Return normal numbers by their rows, columns and channels, float32 (C, rows, columns)."""
    place = shader.hash32(shader.hash32(shader.hash32(key) ^ rows[:, None]) + columns[None, :])
    number = shader.hash32(np.arange(1, channels + 1, dtype=np.uint32))[:, None, None]
    return shader.gaussian(shader.hash32(place ^ number))
