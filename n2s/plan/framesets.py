"""Sets of a track's frames."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np


@dataclass(frozen=True)
class FrameSet:
    """Frames first..stop of a track, or of these the ``chosen`` ones, by their numbers, rising.

    A span may begin before the track and end after it; chosen frames lie in it.
    """

    length: int
    first: int
    stop: int
    chosen: np.ndarray | None = None

    @classmethod
    def of(cls, length: int, frames: np.ndarray) -> FrameSet:
        """Return frames by their numbers, in any order; those outside of the track are taken as its ends."""
        chosen = np.unique(np.clip(frames, 0, length - 1))
        if not len(chosen):
            return cls(length, 0, 0)
        first, stop = int(chosen[0]), int(chosen[-1]) + 1
        return cls(length, first, stop, None if stop - first == len(chosen) else chosen)

    @property
    def inside(self) -> slice | np.ndarray:
        """What of it lies in the track, as an index."""
        return slice(max(0, self.first), max(0, self.stop)) if self.chosen is None else self.chosen

    @property
    def span(self) -> tuple[int, int]:
        """From where to where it reaches in the track."""
        return max(0, self.first), min(self.length, self.stop)

    def widened(self, before: int, after: int) -> FrameSet:
        """Return it with some frames before and after each of its own."""
        if not (before or after) or self.stop <= self.first:
            return self
        if self.chosen is None:
            return FrameSet(self.length, self.first - before, self.stop + after)
        return FrameSet.of(self.length, (self.chosen[:, None] + np.arange(-before, after + 1)).ravel())

    def joined(self, other: FrameSet) -> FrameSet:
        """Return what is in one of two sets."""
        if self.chosen is None and other.chosen is None and max(self.first, other.first) <= min(self.stop, other.stop):
            return FrameSet(self.length, min(self.first, other.first), max(self.stop, other.stop))
        numbers = np.arange(self.length)
        return FrameSet.of(self.length, np.concatenate([numbers[self.inside], numbers[other.inside]]))
