"""A lens of currents that carry a picture along."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import cos, hash32, sin, uniform
from n2s.graph.types import Frames

GOLDEN = 0.381966  # of a turn: directions that many are taken of lie evenly


class Flow(Lens):
    """Carry the picture along currents without end, as oil on water is carried: it bends, and never tears.

    Twelve waves follow each other, four in each of three octaves. A wave moves each place along its crests, by
    high sin(2 pi (n p / length + speed phase + offset)), n its direction; that keeps areas, so that nothing is folded
    or piled up. Lengths are ``size``, a half and a quarter of it, times 0.75..1.25; the waves of an octave are
    ``roughness`` times as high as those of the one before, and all together carry places by ``amount``, the root of
    the mean square. Directions lie the golden angle apart; offsets and lengths are hashes of the seed. Speeds are whole
    numbers, higher for small waves, so that the flow comes back with each whole ``phase``: `phase: = bar / 8` loops.
    """

    frames: Frames = port("what is carried")
    amount: Param = param(0.05, ge=-2, le=2, unit="heights", help="how far it is carried, in the mean")
    size: Param = param(0.8, ge=0.01, le=20, unit="heights", help="how large the largest eddies are")
    roughness: Param = param(0.5, ge=0, le=1, help="how much smaller eddies count; 0 leaves the largest alone")
    phase: Param = param(0.0, ge=-1e6, le=1e6, help="how far it has flown; whole numbers look alike: = time / 20")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, other currents")

    neutral = {"amount": 0, "shutter": 0}

    def prepare(self, amount, size, roughness, phase) -> dict[str, Any]:
        square = roughness * roughness
        high = amount / np.sqrt(2 * (1 + square + square * square))
        return {
            "phase": np.remainder(phase, 1), "often": 1 / size,
            "large": high, "medium": high * roughness, "small": high * square,
        }  # fmt: skip

    @staticmethod
    def where(x, y, at, phase, often, large, medium, small):
        x, y = carry(x, y, at.seed, 0, often, phase, large)
        x, y = carry(x, y, at.seed, 1, often, -phase, large)
        x, y = carry(x, y, at.seed, 2, often, phase, large)
        x, y = carry(x, y, at.seed, 3, often, -2 * phase, large)
        x, y = carry(x, y, at.seed, 4, 2 * often, 2 * phase, medium)
        x, y = carry(x, y, at.seed, 5, 2 * often, -3 * phase, medium)
        x, y = carry(x, y, at.seed, 6, 2 * often, 2 * phase, medium)
        x, y = carry(x, y, at.seed, 7, 2 * often, -phase, medium)
        x, y = carry(x, y, at.seed, 8, 4 * often, 4 * phase, small)
        x, y = carry(x, y, at.seed, 9, 4 * often, -3 * phase, small)
        x, y = carry(x, y, at.seed, 10, 4 * often, 3 * phase, small)
        return carry(x, y, at.seed, 11, 4 * often, -5 * phase, small)


def carry(x, y, seed, number, often, phase, high):
    """Return the place that one wave shows at a place: moved along its crests."""
    word = hash32(hash32(seed) + number)
    angle = GOLDEN * number + uniform(hash32(seed))
    across, down = cos(angle), sin(angle)
    often = often / (0.75 + 0.5 * uniform(hash32(word)))
    move = high * sin((across * x + down * y) * often + (phase + uniform(word)))
    return x - down * move, y + across * move
