"""Tension: where music builds up, drops, rests and goes on, as weights of bars that sum to one.

Offline the future is known: a build is what comes before a drop. Weights, and not states, so that a film never flips
between two of them.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

NAMES = ("build", "drop", "rest", "sustain")
LEAST = 6.0  # LU between quiet and loud bars, so that even music stays even
RISE, LOUD = 0.18, 0.55  # of energy, at a drop: by how much it rises, and how much it is at least
AROUND = 4  # bars before and after, of which the means are compared
STEEP = 0.1  # LU per bar by which the bars of a build rise
LONGEST = 8  # bars of a build; and in which a drop fades
QUIET, SPAN = 0.5, 0.3  # of energy: from where on bars rest, and how far below they do nothing else


@dataclass(frozen=True)
class Tension:
    """The energy of each bar, 0..1, and the bars with which drops begin, each with the bars that build up to it."""

    energy: np.ndarray
    drops: tuple[tuple[int, int], ...]

    def weights(self, bars: np.ndarray) -> np.ndarray:
        """Return the weights of `NAMES` at some places, counted in bars, (T, 4); they sum to 1."""
        count = len(self.energy)
        place = np.clip(np.floor(bars).astype(int), 0, count - 1)
        rest = np.clip((QUIET - self.energy[place]) / SPAN, 0, 1)
        build, drop = np.zeros(len(bars)), np.zeros(len(bars))
        for start, built in self.drops:
            if built:
                near = (bars >= start - built) & (bars < start)
                build[near] = np.maximum(build[near], 1 - (start - bars[near]) / built)
            after = (bars >= start) & (bars < start + LONGEST)
            drop[after] = np.maximum(drop[after], 1 - (bars[after] - start) / LONGEST)
        rest = rest * (1 - np.maximum(build, drop))
        sustain = np.maximum(1 - build - drop - rest, 0)
        found = np.stack([build, drop, rest, sustain], axis=1)
        return found / found.sum(axis=1, keepdims=True)


def find_tension(loudness: np.ndarray, kicks: np.ndarray, starts: np.ndarray) -> Tension:
    """Return where a piece builds up and drops.

    Parameters
    ----------
    loudness : ndarray (B,)
        Of each bar, LUFS.
    kicks : ndarray (B,)
        How many bass drums are struck in it.
    starts : ndarray of int
        The bars with which sections begin; drops are looked for there.
    """
    low, high = np.percentile(loudness, [10, 95])
    level = np.clip(1 + (loudness - high) / max(high - low, LEAST), 0, 1)
    most = float(np.percentile(kicks, 95))
    energy = 0.7 * level + 0.3 * (np.clip(kicks / most, 0, 1) if most > 0 else level)
    drops = []
    for place, start in enumerate(starts):
        before, after = energy[max(start - AROUND, 0) : start], energy[start : start + AROUND]
        if len(before) and after.mean() > LOUD and after.mean() - before.mean() > RISE:
            since = max(int(starts[place - 1]), int(start) - LONGEST)
            built = int(start) - since
            drops.append((int(start), built if built > 1 and _rises(loudness[since:start]) else min(built, 2)))
    return Tension(energy, tuple(drops))


def _rises(loudness: np.ndarray) -> bool:
    """Return whether the line of least squares through the bars rises; summed here, for the same bits everywhere."""
    place = np.arange(len(loudness)) - (len(loudness) - 1) / 2
    return float((place * loudness).sum() / (place**2).sum()) > STEEP
