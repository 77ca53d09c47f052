"""A lens of currents that carry a picture along."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.declare import Lens, Param, param, port, setting
from n2s.graph.shader import cos, fma, hash32, pixel_hash, sin, uniform
from n2s.graph.types import Frames

GOLDEN = 0.381966  # of a turn, the golden angle: however many directions lie so far apart, they are spread evenly


class Flow(Lens):
    """Carry the picture along currents without end, as oil on water is carried: it bends, and never tears.

    Three octaves of curl noise follow each other, each the sum of four waves, which move a place p along their crests:
    p + high * sum of m sin(2 pi (n p / length + speed phase + offset)), n the direction of a wave and m across it.
    Lengths are ``size``, a half and a quarter of it, times 0.75..1.25; waves of an octave are ``roughness`` times as
    high as those of the one before, and together all carry places by ``amount``, the root of the mean square.
    Directions lie the golden angle apart; offsets and lengths are hashes of the seed. Speeds are whole numbers, higher
    for small waves, so that the flow comes back with each whole ``phase``: `phase: = bar / 8` makes a loop of 8 bars.
    """

    frames: Frames = port("what is carried")
    amount: Param = param(0.05, ge=-2, le=2, unit="heights", help="how far the picture is carried, on average")
    size: Param = param(0.8, ge=0.01, le=20, unit="heights", help="how large the largest eddies are")
    roughness: Param = param(0.5, ge=0, le=1, help="how much smaller eddies count; 0 leaves the largest alone")
    phase: Param = param(0.0, ge=-1e6, le=1e6, help="how far it has flowed; whole numbers look alike: = time / 20")
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
        x, y = carry(x, y, at.seed, 0, often, large, phase, -phase, phase, -2 * phase)
        x, y = carry(x, y, at.seed, 4, 2 * often, medium, 2 * phase, -3 * phase, 2 * phase, -phase)
        return carry(x, y, at.seed, 8, 4 * often, small, 4 * phase, -3 * phase, 3 * phase, -5 * phase)


def carry(x, y, seed, first, often, high, phase_0, phase_1, phase_2, phase_3):
    """Return where four waves carry a place: all four are worked out there, and their moves are added up."""
    far_0, across_0, down_0 = wave(x, y, seed, first, often, phase_0)
    far_1, across_1, down_1 = wave(x, y, seed, first + 1, often, phase_1)
    far_2, across_2, down_2 = wave(x, y, seed, first + 2, often, phase_2)
    far_3, across_3, down_3 = wave(x, y, seed, first + 3, often, phase_3)
    left = fma(far_3, down_3, fma(far_2, down_2, fma(far_1, down_1, far_0 * down_0)))
    down = fma(far_3, across_3, fma(far_2, across_2, fma(far_1, across_1, far_0 * across_0)))
    return fma(-high, left, x), fma(high, down, y)


def wave(x, y, seed, number, often, phase):
    """Return how high a wave of height 1 is at a place, and its direction: it moves places along its crests."""
    angle = uniform(hash32(seed)) + GOLDEN * number
    across, down = cos(angle), sin(angle)
    length = 0.75 + 0.5 * uniform(pixel_hash(seed, number, 0, 0))
    offset = uniform(pixel_hash(seed, number, 0, 1))
    steep = often / length
    return sin(fma(x, across * steep, fma(y, down * steep, phase + offset))), across, down
