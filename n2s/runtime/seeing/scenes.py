"""Scenes: the stretches of a film between changes of its layout.

A **layout** is the mean luminance over a stretch of time in 16 x 9 cells, without its own mean; two are compared by
their correlation. At each tenth of a second this is done for the second before and the second after. A scene ends where
they are least alike within a second around, below 0.5, and where the change is sudden: within half a second around,
some tenth of a second brings more than twice as much, as sqrt(1 - correlation), as any in the half second before that
and in the half second after. So what moves all the time is one scene, and what travels slowly from picture to picture
is too, and no scene is shorter than a second. A picture that is nearly even, black for one, is like every other even
one and unlike all else.

A **cut** ends a scene too, even to a picture whose layout is alike: a single frame whose change
(`n2s.runtime.seeing.movement`) is at least 0.5, and twice that of any frame within a quarter of a second.
"""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

import numpy as np

from n2s.runtime.films.luminance import COLUMNS, ROWS, WHITE

STEPS_PER_SECOND = 10  # at which layouts are compared
UNLIKE = 0.5  # the highest correlation at the end of a scene
SUDDEN = 2.0  # how many times as much must change there as around
CUT, CLEAR = 0.5, 2.0  # the change of a frame at a cut, and over how many times that of the frames around
NEAR = 4  # parts of a second: of a quarter of one around
EVEN = 0.005  # of white: the deviation of cells below which a picture is nearly even
AT_ONCE = 512  # steps that are compared at a time


class Layouts:
    """Collects the layout of each tenth of a second of a film, which is given a few frames at a time."""

    def __init__(self, fps: Fraction):
        self.step = max(1, round(fps / STEPS_PER_SECOND))  # frames
        self.second = max(2, round(fps / self.step))  # steps
        self._found: list[np.ndarray] = []
        self._rest = np.zeros((0, ROWS // 2 * COLUMNS // 2))

    def add(self, luminance: np.ndarray) -> None:
        """Take the next frames, uint16 (B, rows, columns)."""
        cells = luminance.reshape(len(luminance), ROWS // 2, 2, COLUMNS // 2, 2).mean(axis=(2, 4)) / WHITE
        rest = np.concatenate([self._rest, cells.reshape(len(cells), -1)])
        whole = len(rest) // self.step * self.step
        self._found.append(_kept(rest[:whole].reshape(-1, self.step, rest.shape[1]).mean(axis=1)))
        self._rest = rest[whole:]

    def scene_starts(self) -> list[int]:
        """Return the frame at which each scene begins, the first one at 0."""
        last = [_kept(self._rest.mean(axis=0, keepdims=True))] if len(self._rest) else []
        return [0, *(step * self.step for step in find_changes(np.concatenate([*self._found, *last]), self.second))]


def _kept(layouts: np.ndarray) -> np.ndarray:
    """Return layouts as they are kept, uint16: those of hours lie in memory at once."""
    return np.rint(layouts * WHITE).astype(np.uint16)


def find_cuts(change: np.ndarray, fps: Fraction) -> list[int]:
    """Return the frames that a cut leads to, by the change of each frame, (frames,)."""
    reach = max(1, round(fps / NEAR))
    around = np.lib.stride_tricks.sliding_window_view(np.pad(change, reach), 2 * reach + 1).copy()
    around[:, reach] = 0
    return np.flatnonzero((change >= CUT) & (change >= CLEAR * around.max(axis=1))).tolist()


def join_scenes(starts: Sequence[int], cuts: Sequence[int], fps: Fraction) -> list[int]:
    """Return the frames at which scenes begin, those of cuts among them; a cut stands for a start within a second."""
    kept = [start for start in starts if not start or all(abs(start - cut) >= fps for cut in cuts)]
    return sorted({*kept, *cuts})


def find_changes(layouts: np.ndarray, second: int) -> list[int]:
    """Return the steps at which the layout changes; ``layouts`` are those of the steps, uint16 (steps, cells)."""
    count, half = len(layouts), second // 2
    at = np.arange(second, count - second + 1)
    if not len(at):
        return []
    across, alike = np.empty(len(at)), np.empty(count - 1)
    for begin in range(0, count, AT_ONCE):  # some steps at a time, with those around them
        first, last = max(0, begin - second), min(count, begin + AT_ONCE + second)
        cells = layouts[first:last] / WHITE
        sums = np.concatenate([np.zeros((1, cells.shape[1])), cells.cumsum(axis=0)])
        here = np.arange(max(begin, second), min(begin + AT_ONCE, count - second + 1)) - first
        before, after = ((sums[here + d] - sums[here + d - second]) / second for d in (0, second))
        across[here + first - second] = likeness(_evened(before), _evened(after))
        steps = _evened(layouts[begin : begin + AT_ONCE + 1] / WHITE)
        alike[begin : begin + AT_ONCE] = likeness(steps[:-1], steps[1:])
    around = _largest(-np.pad(across, second, constant_values=1.0), 2 * second + 1)
    # Place i has the change from step i - 1 to step i.
    change = np.concatenate([[0.0], np.sqrt(np.maximum(1 - alike, 0)), [0.0]])
    inside = _largest(change, 2 * half - 1)[at - half + 1]
    beyond = _largest(change, second - half)
    outside = np.maximum(beyond[at - second + 1], beyond[at + half])
    ends = (across <= -around) & (across < UNLIKE) & (inside > SUDDEN * outside)
    found: list[int] = []
    for place in at[ends].tolist():
        if not found or place - found[-1] > second:
            found.append(place)
    return found


def _evened(cells: np.ndarray) -> np.ndarray:
    """Return layouts without their mean lightness."""
    return cells - cells.mean(axis=1, keepdims=True)


def _largest(values: np.ndarray, length: int) -> np.ndarray:
    """Return the largest of each so many values in a row, (places,), by the first one's place."""
    return np.lib.stride_tricks.sliding_window_view(values, length).max(axis=1)


def likeness(a: np.ndarray, b: np.ndarray) -> np.ndarray:
    """Return the correlation of layouts, row by row."""
    size_a, size_b = np.sqrt((a**2).mean(axis=1)), np.sqrt((b**2).mean(axis=1))
    even_a, even_b = size_a < EVEN, size_b < EVEN
    told = ~(even_a | even_b)
    alike = np.divide((a * b).mean(axis=1), size_a * size_b, out=np.zeros(len(a)), where=told)
    return np.where(even_a & even_b, 1.0, alike)
