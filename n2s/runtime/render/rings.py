"""Where the frames of a value lie while they are needed: in one array for a block, or in a ring from block to block.

Both answer the same questions: `first` and `stop` tell which frames are there, ``window`` returns some that follow each
other, ``take`` returns any, and ``places`` tells where they lie in ``slots``, for those who read without copying.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np


class Span:
    """Frames from ``first`` on, in an array (T, ...) that is used as it is."""

    def __init__(self, first: int, frames: np.ndarray):
        self.first, self.slots = first, frames

    @property
    def stop(self) -> int:
        return self.first + len(self.slots)

    def window(self, start: int, stop: int) -> np.ndarray:
        """Return frames start..stop, as a view."""
        return self.slots[start - self.first : stop - self.first]

    def take(self, frames: np.ndarray) -> np.ndarray:
        """Return a copy of frames by their numbers."""
        return self.slots[self.places(frames)]

    def places(self, frames: np.ndarray) -> np.ndarray:
        """Return where frames lie in ``slots``."""
        return frames - self.first


class Ring:
    """Frames first..stop in slots, (N, ...); new frames take the slots of those that were forgotten.

    Frame k lies in slot (k - ``anchor``) mod N. Where the number of slots is a multiple of a block's length, and the
    anchor is the end of a block, the frames of a block lie side by side, so that kernels write and read them in place.

    Parameters
    ----------
    shape : tuple of int
        Of a frame.
    slots : int
    first, anchor : int
        Frame numbers.
    """

    def __init__(self, shape: tuple[int, ...], slots: int, first: int, anchor: int):
        self.slots = np.empty((slots, *shape), np.float32)
        self.first = self.stop = first
        self.anchor = anchor

    def places(self, frames: np.ndarray) -> np.ndarray:
        """Return where frames lie in ``slots``."""
        return (frames - self.anchor) % len(self.slots)

    def take(self, frames: np.ndarray) -> np.ndarray:
        """Return a copy of frames by their numbers."""
        return self.slots[self.places(frames)]

    def window(self, start: int, stop: int) -> np.ndarray:
        """Return frames start..stop: a view where they lie side by side, a copy elsewhere."""
        at = (start - self.anchor) % len(self.slots)
        if at + stop - start <= len(self.slots):
            return self.slots[at : at + stop - start]
        return self.take(np.arange(start, stop))

    def forget(self, first: int) -> None:
        """Let the slots of frames before ``first`` be used again."""
        self.first = max(self.first, first)

    def extend(self, stop: int) -> Iterator[tuple[int, int, np.ndarray]]:
        """Yield, for the frames that follow those that are there up to ``stop``, the slots to write them into.

        They come as (start, stop, slots start..stop), in one piece, or in two where the ring begins again.
        """
        self._make_room(stop - self.first)
        while self.stop < stop:
            at = (self.stop - self.anchor) % len(self.slots)
            count = min(stop - self.stop, len(self.slots) - at)
            self.stop += count
            yield self.stop - count, self.stop, self.slots[at : at + count]

    def append(self, frames: np.ndarray) -> None:
        """Put copies of frames behind those that are there."""
        begin = self.stop
        for start, stop, slots in self.extend(begin + len(frames)):
            slots[:] = frames[start - begin : stop - begin]

    def _make_room(self, count: int) -> None:
        if count > len(self.slots):
            grown = Ring(self.slots.shape[1:], count, self.first, self.first)
            grown.append(self.window(self.first, self.stop))
            self.slots, self.anchor = grown.slots, grown.anchor


class InPlace(NamedTuple):
    """A value that is read where it lies. From frame ``last`` on it stands still."""

    value: Span | Ring
    last: int

    @property
    def slots(self) -> np.ndarray:
        """The memory that the frames lie in, float32 (N, ...), contiguous."""
        return np.require(self.value.slots, np.float32, ("C", "A", "W"))

    def places(self, frames: np.ndarray) -> np.ndarray:
        """Return the slots of frames by their numbers; -1 for those before the first, which there are none of."""
        return np.where(frames < 0, -1, self.value.places(np.clip(frames, 0, self.last)))
