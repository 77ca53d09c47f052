"""The frames of stages that show frames of others as they are; those that are shown again soon are held."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from itertools import groupby

import numpy as np

from n2s.plan.picks import Picked

MOST_HELD = 16  # frames, of each node; what is shown again and has no place is computed again

Make = Callable[[int, int], np.ndarray]  # gives frames first..last


class Picking:
    """Gives the frames of one stage, and asks for those of its pictures that it needs.

    Parameters
    ----------
    picked : Picked
    make : mapping of int to callable
        Makes frames of a port.
    free : list of array
        Takes the memory of frames that were made for nobody else.
    """

    def __init__(self, picked: Picked, make: Mapping[int, Make], free: list[np.ndarray]):
        self.picked, self.make, self.free = picked, make, free
        self._held: dict[tuple[int, int], np.ndarray] = {}

    def whole(self, start: int, stop: int) -> np.ndarray | None:
        """Return frames start..stop as they were made, for nobody else; None where they have to be put together."""
        ports, frames = self.picked.at(np.arange(start, stop))
        port, first = int(ports[0]), int(frames[0])
        run = [(port, frame) for frame in range(first, first + stop - start)]
        if port < 0 or run != list(zip(ports.tolist(), frames.tolist())) or not self._held.keys().isdisjoint(run):
            return None
        made, keep = self.make[port](first, first + len(run)), self._worth_holding([*self._held, *run], stop)
        self._held = {shown: frame for shown, frame in self._held.items() if shown in keep}
        self._held |= {shown: frame.copy() for shown, frame in zip(run, made) if shown in keep}
        return made if made.flags.owndata else made.copy()

    def write(self, start: int, out: np.ndarray) -> None:
        """Write the stage's frames from frame ``start`` on into ``out``, (B, 3, H, W)."""
        stop = start + len(out)
        ports, frames = self.picked.at(np.arange(start, stop))
        places: dict[tuple[int, int], list[int]] = {}
        for place, shown in enumerate(zip(ports.tolist(), frames.tolist())):
            places.setdefault(shown, []).append(place)
        keep = self._worth_holding([*self._held, *places], stop)
        for (port, frame), where in places.items():
            if port < 0:
                out[where] = 0
            elif (port, frame) in self._held:
                out[where] = self._held[port, frame]
        missing = sorted(shown for shown in places if shown[0] >= 0 and shown not in self._held)
        for run in _runs(missing):
            port, first = run[0]
            made = self.make[port](first, first + len(run))
            for shown, frame in zip(run, made):
                out[places[shown]] = frame
                if shown in keep:
                    self._held[shown] = frame.copy()
            if made.flags.owndata:
                self.free.append(made)
        self._held = {shown: frame for shown, frame in self._held.items() if shown in keep}

    def _worth_holding(self, candidates: list[tuple[int, int]], after: int) -> set[tuple[int, int]]:
        """Return which of some frames are held after a block: those that are shown again, the soonest first."""
        uses = {
            shown: use
            for shown in candidates
            if shown[0] >= 0 and (use := self.picked.next_use(*shown, after)) is not None
        }
        return set(sorted(uses, key=lambda shown: (uses[shown], shown))[:MOST_HELD])


def _runs(shown: list[tuple[int, int]]) -> list[list[tuple[int, int]]]:
    """Return sorted ports and frames, cut into those of one port that follow each other."""
    numbered = groupby(enumerate(shown), key=lambda item: (item[1][0], item[1][1] - item[0]))
    return [[one for _, one in run] for _, run in numbered]
