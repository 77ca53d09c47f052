"""The thresholds of rounding to codes."""

from __future__ import annotations

import numpy as np


def dither_pattern(dither: bool, width: int) -> np.ndarray:
    """Return the thresholds (64, width) of rounding to codes: a half, or a noise that holds every level once.

    It is interleaved gradient noise, fract(52.9829189 * fract(0.06711056 x + 0.00583715 y)) (Jimenez, 2014), ranked so
    that the thresholds are (rank + 1/2) / 4096 and their mean is a half.
    """
    if not dither:
        return np.full((64, width), 0.5, np.float32)
    y, x = np.mgrid[0:64, 0:64].astype(np.float64)
    noise = np.mod(52.9829189 * np.mod(0.06711056 * x + 0.00583715 * y, 1.0), 1.0)
    ranks = np.empty(64 * 64)
    ranks[np.argsort(noise.ravel(), kind="stable")] = np.arange(64 * 64)
    tile = ((ranks.reshape(64, 64) + 0.5) / 4096).astype(np.float32)
    return np.ascontiguousarray(np.tile(tile, (1, -(-width // 64)))[:, :width])
