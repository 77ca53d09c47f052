"""Movement: how much a picture's geometry changes from frame to frame, and how far that follows strikes of a drum.

All of it is read off the luminance of every frame in small (`n2s.runtime.films.luminance`).

**Change.** Flashes are light and no movement. So the cells of a frame are put in the order of their lightness, which
stays as it is whether a picture gets lighter or darker, harder or softer: a cell's rank is the share of the frame's
cells that are darker, and cells that are hardly told apart share one,

    rank_i = mean over cells j of (1 + tanh((g_i - g_j) / 0.01)) / 2,
    change = 3 * sum w_i |rank_i - rank before_i| / sum w_i,       w_i = g_i / (g_i + 0.05),

g_i in w_i being the lighter one of both frames: what is nearly black counts little. The change is 0 where nothing moves
and about 1 at a cut to another picture. A flash that burns a picture out, or crushes its blacks, hides a part of it and
so moves the order a little.

**Following** is the correlation, over all frames, of change and strikes. Both are given the same tail first, 2^(-t /
0.05 s) with a sum of 1. It is the largest one where the picture comes 3 frames early to 3 frames late. The strongest
2 % of the changes, cuts for one, count as much as the next ones. The deviation of the change is taken to be 0.004 more
than it is, so that where hardly anything moves nothing follows.
"""

from __future__ import annotations

from fractions import Fraction
from functools import cache
from typing import NamedTuple

import numpy as np

from n2s.runtime.films.luminance import WHITE

ALIKE = 0.01  # of white: lightnesses that are hardly told apart
DARK = 0.05  # of white: counts half
LEVELS = 256  # at which ranks are computed; they run straight between
MOST_LATE = 3  # frames
TAIL_SECONDS = 0.05  # in which a strike fades to a half
STRONGEST = 98.0  # percentile of changes; those above are as strong as there
LEAST_CHANGE = 0.004


class Following(NamedTuple):
    """How far changes follow strikes, as a correlation, and by how many frames they come late."""

    r: float
    late: int


class Changes:
    """Measures the changes of a film, which is given a few frames at a time."""

    def __init__(self) -> None:
        self._last: np.ndarray | None = None  # luminance of the last frame

    def of(self, luminance: np.ndarray) -> np.ndarray:
        """Return the change of each of the next frames, uint16 (B, rows, columns), since the one before it.

        That of the film's first frame is 0.
        """
        cells = np.concatenate([luminance[:1] if self._last is None else self._last, luminance])
        self._last = luminance[-1:]
        moved = np.abs(np.diff(ranks_of(cells), axis=0))
        lightness = cells.reshape(len(cells), -1) / WHITE
        seen = np.maximum(lightness[1:], lightness[:-1])
        weight = seen / (seen + DARK) + 1e-9  # so that of two black frames it is no 0
        return 3 * (weight * moved).sum(axis=1) / weight.sum(axis=1)


def ranks_of(luminance: np.ndarray) -> np.ndarray:
    """Return the rank of each cell of some frames, 0..1, float64 (B, cells).

    Each cell is shared by the two levels it lies between, so that ranks are those of the mean of two histograms.
    """
    frames, top = len(luminance), LEVELS - 1
    place = luminance.reshape(frames, -1) * (top / WHITE)
    level = np.minimum(place.astype(np.int64), top - 1)
    upper = place - level
    in_frame = level + (np.arange(frames) * LEVELS)[:, None]
    counts = np.bincount(in_frame.ravel(), (1 - upper).ravel(), frames * LEVELS)
    counts += np.bincount(in_frame.ravel() + 1, upper.ravel(), frames * LEVELS)
    # Not as a matrix product: BLAS would share it among threads, which wait for each other where encoders are at work.
    darker = np.einsum("fl,lm->fm", counts.reshape(frames, LEVELS), _is_darker()) / place.shape[1]
    below, above = np.take_along_axis(darker, level, 1), np.take_along_axis(darker, level + 1, 1)
    return below + (above - below) * upper


@cache
def _is_darker() -> np.ndarray:
    """Return how far each level, a row, is darker than each other one, a column: 0.5 where both are the same."""
    level = np.arange(LEVELS) / (LEVELS - 1)
    return (1 + np.tanh((level - level[:, None]) / ALIKE)) / 2


def measure_following(
    change: np.ndarray, strikes: np.ndarray, fps: Fraction, strongest: float = STRONGEST
) -> Following | None:
    """Return how far changes follow strikes, impulses in their frames; None where nothing is struck.

    ``strongest`` is the percentile of the changes above which none counts more.
    """
    if len(change) < 2 or not np.any(strikes > 0):
        return None
    change = np.minimum(change, np.percentile(change[1:], strongest))
    change, strikes = _with_tail(change, fps), _with_tail(strikes, fps)
    found = [Following(_correlation(change, strikes, late), late) for late in range(-MOST_LATE, MOST_LATE + 1)]
    return min(found, key=lambda following: (-round(following.r, 6), abs(following.late), following.late))


def _with_tail(values: np.ndarray, fps: Fraction) -> np.ndarray:
    """Return values that fade behind each frame as 2^(-t / `TAIL_SECONDS`)."""
    half = float(TAIL_SECONDS * fps)
    tail = 2.0 ** (-np.arange(1 + int(10 * half)) / half)
    return np.convolve(values.astype(np.float64), tail / tail.sum())[: len(values)]


def _correlation(change: np.ndarray, strikes: np.ndarray, late: int) -> float:
    """Return the correlation of strikes with the changes that come some frames later."""
    first, last = max(0, -late), len(strikes) - max(0, late)
    if last - first < 2:
        return 0.0
    change, strikes = change[first + late : last + late], strikes[first:last]
    change, strikes = change - change.mean(), strikes - strikes.mean()
    spread = (change.std() + LEAST_CHANGE) * strikes.std()
    return float((change * strikes).mean() / spread) if spread > 0 else 0.0
