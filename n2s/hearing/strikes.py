"""Strikes of drums: when they are, to the row, and how hard."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from n2s.hearing.rows import STEP

LIKELY, SURE = 0.25, 0.75  # from which a peak of the net is a strike, and from which it counts whole
APART = 2  # steps: two strikes of one drum are at least so far apart
NEAR = 0.03  # s around the net's peak in which the attack is looked for
BEFORE, AFTER = 0.012, 0.035  # s around the attack, in which all that rises is the drum's
USUAL = 95  # percentile: the strength of strikes that is 1


def strikes(
    likelihood: np.ndarray, onset: np.ndarray, rise: np.ndarray, hop: int, rate: int
) -> tuple[np.ndarray, np.ndarray]:
    """Return the rows of strikes, rising, and how hard they are, 0 .. 1.

    How hard a strike is says how much the drum's own bands rise in the moment around, one after the other. It is where
    the product of this and of what begins in all bands is largest: a bass drum that falls through the bands reaches
    its own late, and something else may begin beside it.

    Parameters
    ----------
    likelihood : ndarray (K,)
        By steps; its peaks say where a drum is struck.
    onset : ndarray (J,)
        How much begins, by rows.
    rise : ndarray (J,)
        How much of it in the drum's bands.
    hop, rate : int
        Samples between rows, and samples per second.
    """
    padded = np.pad(likelihood, APART)
    around = np.lib.stride_tricks.sliding_window_view(padded, 2 * APART + 1)
    peaks = np.flatnonzero((likelihood >= LIKELY) & (likelihood >= around.max(axis=1)))
    peaks = peaks[np.diff(peaks, prepend=-APART - 1) > APART]
    if not len(peaks):
        return np.zeros(0, int), np.zeros(0)
    reach = max(1, round(NEAR * rate / hop))
    middle = np.minimum(np.round(peaks * STEP * rate / hop).astype(int), len(rise) - 1)
    near = np.clip(middle[:, None] + np.arange(-reach, reach + 1), 0, len(rise) - 1)
    before, after = round(BEFORE * rate / hop), round(AFTER * rate / hop)
    around = np.lib.stride_tricks.sliding_window_view(np.pad(rise, (before, after)), before + after + 1)
    risen = np.einsum("jw->j", around, dtype=np.float64)
    best = near[np.arange(len(near)), np.argmax((onset * risen)[near], axis=1)]
    rows, where = np.unique(best, return_index=True)
    strength = risen[rows]
    usual = np.percentile(strength, USUAL)
    hard = np.clip(strength / usual, 0, 1) if usual > 0 else np.zeros(len(rows))
    return rows, hard * np.minimum(likelihood[peaks[where]] / SURE, 1)


def attacks(onset: np.ndarray) -> np.ndarray:
    """Return the rows in which something begins: those that rise more than their neighbours, two either way."""
    around = np.lib.stride_tricks.sliding_window_view(np.pad(onset, 2), 5).max(axis=1)
    rows = np.flatnonzero((onset > 0) & (onset >= around))
    return rows[np.diff(rows, prepend=-3) > 2]


def impulses(
    rows: np.ndarray, hard: np.ndarray, sharp: np.ndarray, hop: int, rate: int, fps: Fraction, frames: int
) -> np.ndarray:
    """Return a signal at film frames, (T,), that is 0 but in the frames of some rows, where these rise most steeply."""
    made = np.zeros(frames)
    samples = rows.astype(np.int64) * hop + np.round(sharp[rows]).astype(np.int64)
    num, den = fps.numerator, fps.denominator * rate
    frame = (2 * samples * num + den) // (2 * den)  # the nearest
    inside = (frame >= 0) & (frame < frames)
    np.maximum.at(made, frame[inside], hard[inside])
    return made
