"""A gate for signals."""

from __future__ import annotations

import numpy as np

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, Resident, port, setting
from n2s.graph.types import Signal


class NoiseGate(Resident):
    """Let a signal through while it is strong, and give 0 while it is not.

    The gate opens where the signal reaches ``high`` and shuts where it falls below ``low``; between the two it stays as
    it is, so that a signal that trembles about one threshold does not flicker. It begins shut.
    """

    signal: Signal = port("what is let through")
    high: float = setting(0.6, ge=-1000, le=1000, help="the value that opens the gate")
    low: float = setting(0.4, ge=-1000, le=1000, help="the value below which it shuts; above high, high counts")

    outputs = SIGNAL_OUTPUT
    neutral = {"high": -1000, "low": -1000}

    def compute(self, scene: Scene, signal: np.ndarray) -> np.ndarray:
        opens, shuts = signal >= self.high, signal < min(self.low, self.high)
        # Each frame is as the last one before it that opened or shut the gate.
        frame = np.arange(len(signal)).reshape(-1, *[1] * (signal.ndim - 1))
        opened = np.maximum.accumulate(np.where(opens, frame, -1), axis=0)
        shut = np.maximum.accumulate(np.where(shuts, frame, -1), axis=0)
        return np.where(opened > shut, signal, 0)
