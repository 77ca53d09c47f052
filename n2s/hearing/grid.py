"""The grid of beats and bars: where they lie, and how many have gone by at any time."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from n2s.hearing.beats import Beats

BEYOND = 16  # beats before the first mark of a tempo map and after the last, from which their tempos go on
FEWEST = 8  # beats that may be seen as even
SURE, MOST_ARE = 0.5, 0.5  # of the likeliest beat, and of all between the first and the last: which must be even
FURTHEST, USUALLY = 0.045, 0.012  # s: how far from even distances beats may be found, at most and on average
USUAL = 120.0  # beats per minute, of music that shows no tempo


@dataclass(frozen=True)
class Grid:
    """The beats of a piece, which go on at their tempo before the first one and after the last.

    Attributes
    ----------
    beats : ndarray
        Times in seconds, float64, rising; at least two.
    first : ndarray of int
        The numbers of those that begin a bar, rising.
    bar : int
        Beats in a bar.
    knots : (ndarray, ndarray), optional
        Numbers of beats, and their times in seconds, between which a tempo is exact, and at whose ends it goes on;
        else the beats are these, counted from 0.
    """

    beats: np.ndarray
    first: np.ndarray
    bar: int
    knots: tuple[np.ndarray, np.ndarray] | None = None

    @classmethod
    def of(cls, found: Beats) -> Grid:
        """Return the grid of what was found; of 120 beats per minute in fours where nothing was."""
        if len(found.times) < 2:
            return cls.steady(USUAL, 0.0, 4)
        first = found.first if len(found.first) else np.array([0])
        return cls(_evened(found.times, found.likely), first, max(found.bar, 1))

    @classmethod
    def steady(cls, tempo: float, first_beat: float, bar: int) -> Grid:
        """Return a grid of one tempo, with a bar that begins at ``first_beat``."""
        return cls(first_beat + np.arange(2) * 60 / tempo, np.array([0]), bar)

    @classmethod
    def mapped(cls, marks: Sequence[tuple[float, float]], bar: int) -> Grid:
        """Return a grid whose tempo changes at some times: ``marks`` are seconds and beats per minute, rising.

        A bar begins at the first of them, which is beat 0; before it and after the last one their tempos go on.
        """
        times, tempos = np.array(marks, dtype=np.float64).T
        gone = np.concatenate([[0], np.cumsum(np.diff(times) * tempos[:-1] / 60)])
        before, after = BEYOND * 60 / tempos[0], BEYOND * 60 / tempos[-1]
        times = np.concatenate([[times[0] - before], times, [times[-1] + after]])
        gone = np.concatenate([[-BEYOND], gone, [gone[-1] + BEYOND]])
        whole = np.arange(-BEYOND, int(np.floor(gone[-1] + 1e-9)) + 1)
        return cls(np.interp(whole, gone, times), whole[BEYOND::bar], bar, (gone, times))

    @property
    def tempo(self) -> float:
        """Beats per minute of the whole piece."""
        return 60 * (len(self.beats) - 1) / float(self.beats[-1] - self.beats[0])

    def count(self, times: np.ndarray) -> np.ndarray:
        """Return how many beats have gone by at some times: 0 at beat 0, straight in between; float64."""
        numbers, known = self._knots()
        found = np.interp(times, known, numbers)
        before, after = self._ends()
        found = np.where(times < known[0], numbers[0] + (times - known[0]) / before, found)
        return np.where(times > known[-1], numbers[-1] + (times - known[-1]) / after, found)

    def _knots(self) -> tuple[np.ndarray, np.ndarray]:
        return self.knots or (np.arange(len(self.beats), dtype=np.float64), self.beats)

    def _ends(self) -> tuple[float, float]:
        """Return the interval at which beats go on before the first and after the last one.

        Beats that were heard or set by hand are a little off; what knots say is exact.
        """
        if self.knots:
            numbers, known = self.knots
            steps = np.diff(known) / np.diff(numbers)
            return float(steps[0]), float(steps[-1])
        apart = np.diff(self.beats)
        return float(np.median(apart[:8])), float(np.median(apart[-8:]))

    def tempo_at(self, times: np.ndarray) -> np.ndarray:
        """Return the tempo around some times, beats per minute: the mean of the four beats around."""
        apart = np.diff(self.beats)
        if len(apart) < 4 or np.ptp(apart) < 1e-6:
            return np.full(len(times), self.tempo)
        smooth = np.convolve(np.pad(apart, (1, 2), mode="edge"), np.full(4, 0.25), mode="valid")
        middles = (self.beats[1:] + self.beats[:-1]) / 2
        return 60 / np.interp(times, middles, smooth)

    def bars(self, count: np.ndarray) -> np.ndarray:
        """Return how many bars have gone by after some beats: 0 at the first whole bar, straight in between."""
        first = self.first.astype(np.float64)
        if len(first) > 1:
            place = np.arange(len(first), dtype=np.float64)
            found = np.interp(count, first, place)
        else:
            place, found = np.zeros(1), np.zeros(len(count))
        found = np.where(count < first[0], (count - first[0]) / self.bar, found)
        return np.where(count >= first[-1], place[-1] + (count - first[-1]) / self.bar, found)

    def first_beat(self, bar: int) -> float:
        """Return which beat a bar begins with; bars are counted from the first whole one."""
        if 0 <= bar < len(self.first):
            return float(self.first[bar])
        if bar < 0:
            return float(self.first[0] + bar * self.bar)
        return float(self.first[-1] + (bar - len(self.first) + 1) * self.bar)

    def bar_times(self, count: int) -> np.ndarray:
        """Return with which times the first bars begin, in seconds, and when the last of them ends: count + 1 times."""
        return self.times(np.array([self.first_beat(bar) for bar in range(count + 1)]))

    def times(self, beats: np.ndarray) -> np.ndarray:
        """Return the times of beats in seconds, float64; before the first and after the last the tempo goes on."""
        numbers, known = self._knots()
        before, after = self._ends()
        found = np.interp(beats, numbers, known)
        found = np.where(beats < numbers[0], known[0] + (beats - numbers[0]) * before, found)
        return np.where(beats > numbers[-1], known[-1] + (beats - numbers[-1]) * after, found)

    def time(self, beat: float) -> float:
        """Return the time of one beat."""
        return float(self.times(np.array([beat]))[0])

    def starts(self, count: np.ndarray) -> np.ndarray:
        """Return how many beats ago the bar began, after some beats: 0 up to the beats in the bar, float64."""
        bar = np.floor(self.bars(count) + 1e-9)
        first = self.first.astype(np.float64)
        place = bar.astype(int)
        inside = first[np.clip(place, 0, len(first) - 1)]
        beyond = np.where(place < 0, place, np.maximum(place - (len(first) - 1), 0)) * self.bar
        return np.maximum(count - inside - beyond, 0)


def _evened(times: np.ndarray, likely: np.ndarray) -> np.ndarray:
    """Return beats at even distances, where those that are sure leave no doubt that they are.

    Then beats that are not, in an intro for instance, lie where the others would have them.
    """
    sure = np.flatnonzero(likely >= SURE * likely.max(initial=0.0))
    if len(sure) < FEWEST or len(sure) < MOST_ARE * (sure[-1] - sure[0] + 1):
        return times
    place, at = sure - sure.mean(), times[sure]
    even = at.mean() + (np.arange(len(times)) - sure.mean()) * ((place * at).sum() / (place * place).sum())
    off = np.abs(times - even)[sure]
    return even if off.max() < FURTHEST and off.mean() < USUALLY else times


def phase(count: np.ndarray) -> np.ndarray:
    """Return counts without their whole parts, float64 in [0, 1)."""
    found = count - np.floor(count)
    return np.where(found < 1, found, 0.0)  # a hair before a whole one the subtraction rounds up to 1
