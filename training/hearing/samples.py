"""Samples in memory, read the way a file is."""

from __future__ import annotations

import numpy as np


class Samples:
    """What `hear` reads, of an array (channels, n)."""

    def __init__(self, samples: np.ndarray, rate: int):
        self._all, self.rate = samples, rate
        self.channels, self.samples = samples.shape

    def read(self, start: int, n: int) -> np.ndarray:
        out = np.zeros((self.channels, n), np.float32)
        low, high = (min(max(place, 0), self.samples) for place in (start, start + n))
        out[:, low - start : high - start] = self._all[:, low:high]
        return out
