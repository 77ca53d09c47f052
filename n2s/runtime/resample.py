"""Resampling tables: where each row or column of a picture comes from."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class Taps:
    """For each of n outputs: the first source index, and the weights of the sources from there on.

    ``first`` is int64 (n,), ``weights`` float32 (n, taps); they sum to 1.
    """

    first: np.ndarray
    weights: np.ndarray

    @classmethod
    def make(cls, source: int, target: int, scale: float) -> Taps:
        """Return the taps that read ``target`` samples, ``scale`` source samples apart, about the source's centre.

        The filter is the Catmull-Rom cubic, which returns a picture of the same size as it is; where the picture
        shrinks it is widened by the scale, so that nothing aliases. Beyond the edge the edge continues.
        """
        width = max(1.0, scale)
        position = (np.arange(target) - (target - 1) / 2) * scale + (source - 1) / 2
        reach = int(np.ceil(2 * width))
        taps = min(2 * reach, source)
        first = np.floor(position).astype(np.int64) - reach + 1
        index = first[:, None] + np.arange(2 * reach)
        weights = catmull_rom((index - position[:, None]) / width)
        weights /= weights.sum(axis=1, keepdims=True)
        start = np.clip(first, 0, source - taps)
        folded = np.zeros((target, taps))
        rows = np.arange(target)[:, None]
        np.add.at(folded, (rows, np.clip(index, 0, source - 1) - start[:, None]), weights)
        return cls(start, folded.astype(np.float32))


def catmull_rom(x: np.ndarray) -> np.ndarray:
    """Return the Catmull-Rom kernel: 1.5|x|³ - 2.5|x|² + 1 to 1, -0.5|x|³ + 2.5|x|² - 4|x| + 2 to 2, 0 beyond."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))
