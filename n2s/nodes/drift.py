"""Smooth noise over the latent grid that changes in time without end."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph import shader

WAVES = 3


class Drift:
    """Noise of unit variance that drifts: each value of a coarse grid is a sum of three cosines of time.

    Their frequencies are 0.5 to 1.5 per period and their phases random, both hashed from the place, so that the motion
    never stops or repeats, and does not depend on the frame rate.

    Parameters
    ----------
    key : int
        What else is hashed: 32 bits.
    rows, columns : Spread or Curve
        They name the places of the coarse grid.
    channels : int
        How many independent fields there are.
    period : float
        The time of one swing, on average, in seconds.
    """

    def __init__(self, key: np.ndarray, rows: Spread | Curve, columns: Spread | Curve, channels: int, period: float):
        number = np.arange(channels, dtype=np.uint32)[:, None, None]
        place = shader.hash32(shader.hash32(shader.hash32(key) ^ rows.places[:, None]) + columns.places[None, :])
        self.waves = []
        for wave in range(WAVES):
            bits = shader.hash32(place ^ shader.hash32(number * np.uint32(2 * WAVES) + np.uint32(2 * wave)))
            frequency = (0.5 + shader.uniform(bits)).astype(np.float64) / period
            phase = shader.uniform(shader.hash32(bits ^ np.uint32(0x9E3779B9))).astype(np.float64)
            self.waves.append((frequency, phase))

    def coarse(self, times: np.ndarray, channels: int) -> np.ndarray:
        """Return the coarse grid at some times (s), float32 (B, channels, rows, columns)."""
        times = times[:, None, None, None]
        total = 0.0
        for frequency, phase in self.waves:
            turns = times * frequency[:channels] + phase[:channels]
            total = total + np.cos(2 * np.pi * (turns - np.floor(turns)))
        return (total * np.sqrt(2 / WAVES)).astype(np.float32)


def drift_key(seed: int, name: bytes, own: int) -> np.ndarray:
    """Return the 32 bits of a node's noise, from the graph's seed, four letters of its type and its own seed."""
    return np.asarray(shader.hash32(np.array([seed ^ int.from_bytes(name, "big")], np.uint32)) ^ np.uint32(own))


class Spread:
    """Bilinear weights from a coarse row of values to the places of cells, each cell's weights of unit length.

    ``places`` names the values of the coarse row, one of which stands at every ``scale`` cells from the centre.
    """

    def __init__(self, cells: np.ndarray, scale: float):
        position = cells / scale
        left = np.floor(position).astype(np.int64)
        first = int(left.min())
        self.left = left - first
        self.places = np.arange(first, int(left.max()) + 2, dtype=np.int64).astype(np.uint32)
        t = position - left
        length = np.sqrt(t * t + (1 - t) * (1 - t))
        self.weights = ((1 - t) / length).astype(np.float32), (t / length).astype(np.float32)

    def spread(self, values: np.ndarray, axis: int) -> np.ndarray:
        shape = [1] * values.ndim
        shape[axis] = -1
        left, right = (weight.reshape(shape) for weight in self.weights)
        return np.take(values, self.left, axis) * left + np.take(values, self.left + 1, axis) * right


class Curve:
    """Weights of the cubic B-spline from a coarse row of values to cells, and those of its slope (per cell)."""

    def __init__(self, cells: np.ndarray, scale: float):
        position = cells / scale
        left = np.floor(position).astype(np.int64)
        first = int(left.min()) - 1
        self.left = left - 1 - first
        self.places = np.arange(first, int(left.max()) + 3, dtype=np.int64).astype(np.uint32)
        t = position - left
        bump = [(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]
        self.weights = [weight / 6 for weight in bump]
        slopes = [-((1 - t) ** 2) / 2, (3 * t**2 - 4 * t) / 2, (-3 * t**2 + 2 * t + 1) / 2, t**2 / 2]
        self.slopes = [slope / scale for slope in slopes]

    def spread(self, values: np.ndarray, axis: int, slope: bool = False) -> np.ndarray:
        """Return the curve at the cells, or its slope."""
        shape = [1] * values.ndim
        shape[axis] = -1
        total: Any = 0.0
        for i, weight in enumerate(self.slopes if slope else self.weights):
            total = total + np.take(values, self.left + i, axis) * weight.reshape(shape).astype(np.float32)
        return total


def from_centre(cells: int) -> np.ndarray:
    """Return the places of a row of cells, counted from its centre, so that a larger grid shows more of the same."""
    return np.arange(cells) - (cells - 1) / 2
