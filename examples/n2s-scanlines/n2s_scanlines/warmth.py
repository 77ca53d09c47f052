"""How warm frames are."""

from __future__ import annotations

import numpy as np

from n2s.graph.declare import SIGNAL_OUTPUT, Measure, port
from n2s.graph.shader import to_light
from n2s.graph.types import Frames


class Warmth(Measure):
    """Say how warm each frame is, from -1, blue, to 1, red.

    warmth = (R - B) / (R + B), R and B the mean light of red and of blue; 0 where a frame has neither.
    """

    frames: Frames = port("what is looked at")

    outputs = SIGNAL_OUTPUT

    def measure(self, frame: np.ndarray) -> float:
        red, _, blue = np.maximum(to_light(frame), 0).mean(axis=(1, 2), dtype=np.float64)
        return (red - blue) / (red + blue) if red + blue else 0.0
