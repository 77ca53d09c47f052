"""What lies beyond the edge of latents, without end."""

from __future__ import annotations

from typing import cast

import numpy as np

from n2s.graph import shader
from n2s.nodes.cells import likeness
from n2s.nodes.drift import Spread

SEAM = 4  # cells in which a picture grows into the next one
SMOOTH = 4.0  # cells: the scale of the smooth part of noise
LIKENESS = 0.87  # of neighbours in this smooth part, on average
FADE = 4  # cells beyond the edge, after which there is as much noise as there will be
MOST_NOISE = 0.125  # turns on the circle from picture to noise: half of each


def repeated(frame: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the cells of a frame (1, C, h, w) in some rows and columns, where it stands beside itself again and again.

    What lies within a cell cannot be mirrored: edges would run against each other. So cells are only moved.
    """
    return frame[:, :, np.remainder(rows, frame.shape[2])][..., np.remainder(columns, frame.shape[3])]


def joined(frame: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    """Return the same where copies grow out of each other: forms, which may be mirrored, without seams.

    In the first four cells of a copy the mirrored end of the picture before it becomes the copy, on a circle about the
    channel's mean, so that its deviation stays. The frame itself is left as it is.
    """
    mean, _ = _mean_and_deviation(frame)
    for axis, places in ((2, rows), (3, columns)):
        count = frame.shape[axis]
        tile, again = np.divmod(places, count)
        depth = np.where(tile > 0, again, count - 1 - again)
        before = np.where(tile > 0, count - 1 - depth, depth)
        turns = np.minimum((depth + 0.5) / SEAM, 1).astype(np.float32) * np.float32(0.25)
        shape = (-1, 1) if axis == 2 else (1, -1)
        copy, end = (np.take(frame, at, axis) for at in (again, before))
        gain, rest = (part.reshape(shape) for part in (shader.sin(turns), shader.cos(turns)))
        grown = ((tile != 0) & (depth < SEAM)).reshape(shape)
        frame = np.where(grown, mean + (gain * (copy - mean) + rest * (end - mean)), copy)
    return frame


class Noise:
    """Copies that become one half picture and one half hashed noise, from four cells beyond the edge on.

    The noise has the mean, the deviation and the smoothness that the channel has in the picture: a smooth part and one
    of single cells, by the likeness of neighbours. Each cell has its own, which never changes.
    """

    def __init__(self, key: np.ndarray):
        self.key = key
        self._known: dict[tuple[int, ...], tuple[np.ndarray, np.ndarray]] = {}  # of the frames before, mostly the same

    def __call__(self, frame: np.ndarray, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
        beyond = [np.maximum(np.maximum(-at, at - n + 1), 0) for at, n in zip((rows, columns), frame.shape[2:])]
        apart = np.maximum(beyond[0][:, None], beyond[1][None, :])
        turns = np.minimum(apart / FADE, 1).astype(np.float32) * np.float32(MOST_NOISE)
        mean, deviation = _mean_and_deviation(frame)
        alike = cast(np.ndarray, sum(likeness(frame - mean)))[0] / np.float32(2 * LIKENESS)
        smooth = np.sqrt(np.clip(alike, 0, 1))
        place = int(rows[0]), int(columns[0]), len(rows), len(columns)
        if place not in self._known:
            self._known[place] = self._drawn(rows, columns, frame.shape[1])
        coarse, fine = self._known[place]
        noise = smooth * coarse + np.sqrt(1 - smooth * smooth) * fine
        seen = joined(frame, rows, columns)
        faded = mean + ((seen - mean) * shader.cos(turns) + deviation * noise * shader.sin(turns))
        return np.where(apart > 0, faded, seen)

    def _drawn(self, rows: np.ndarray, columns: np.ndarray, channels: int) -> tuple[np.ndarray, np.ndarray]:
        """Return smooth noise and noise of single cells, float32 (C, rows, columns), of unit variance."""
        down, along = Spread(rows, SMOOTH), Spread(columns, SMOOTH)
        coarse = along.spread(down.spread(_draw(down.places, along.places, channels, self.key), 1), 2)
        other = np.asarray(shader.hash32(self.key + np.uint32(1)))
        return coarse, _draw(rows.astype(np.uint32), columns.astype(np.uint32), channels, other)


def _mean_and_deviation(frame: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return those of each channel of one frame, float32 (C, 1, 1)."""
    wide = frame.astype(np.float64).reshape(frame.shape[1], -1)
    mean = wide.sum(axis=1, keepdims=True) / wide.shape[1]
    deviation = np.sqrt(((wide - mean) ** 2).sum(axis=1) / wide.shape[1])
    return mean.astype(np.float32)[..., None], deviation.astype(np.float32)[:, None, None]


def _draw(rows: np.ndarray, columns: np.ndarray, channels: int, key: np.ndarray) -> np.ndarray:
    """Return normal numbers by their rows, columns and channels, float32 (C, rows, columns)."""
    place = shader.hash32(shader.hash32(shader.hash32(key) ^ rows[:, None]) + columns[None, :])
    number = np.asarray(shader.hash32(np.arange(1, channels + 1, dtype=np.uint32)))[:, None, None]
    return np.asarray(shader.gaussian(shader.hash32(place ^ number)))
