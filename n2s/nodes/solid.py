"""Frames of one colour."""

from __future__ import annotations

import numpy as np

from n2s.graph.colours import Colour, display_of
from n2s.graph.context import Block
from n2s.graph.declare import FRAMES_OUTPUT, Streamed, setting


class Solid(Streamed):
    """Show one colour: the ground of a title card, or something to mix with."""

    colour: Colour = setting("#000000", help="as #rrggbb")

    outputs = FRAMES_OUTPUT
    reads = frozenset()

    def compute(self, block: Block) -> np.ndarray:
        colour = np.array(display_of(self.colour), np.float32)
        return np.broadcast_to(colour[:, None, None], (block.count, 3, 2, 2))
