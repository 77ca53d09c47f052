"""Frames of a plan's end, a few at a time; where they are kept; what is opened and compiled before threads share it."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing, contextmanager
from typing import Any

import numpy as np

from n2s.plan.stages import Plan, Stage
from n2s.runtime.render.helpers import Helpers
from n2s.runtime.render.kept import (
    KeptFrames,
    MadeFrames,
    NothingKept,
    RecentFrames,
    RecentOrStored,
    SeenFrames,
    SharedFrames,
    StoredFrames,
)
from n2s.runtime.render.opened import BLOCK, Opened
from n2s.runtime.render.tally import Tally
from n2s.runtime.render.work import Work
from n2s.runtime.store import Store


class FrameMaker:
    """Makes the frames of one plan; what its nodes opened is shared by all threads.

    Parameters
    ----------
    plan : Plan
    store : Store
        Which has the folder of compiled kernels.
    recent : RecentFrames, optional
        Frames in memory, which are looked for before they are computed; without it those of nodes with
        ``cache: frames`` are, in the store.
    opened : dict, optional
        What nodes have opened for other plans of the same files.
    """

    def __init__(
        self, plan: Plan, store: Store, recent: RecentFrames | None = None, opened: dict[str, Any] | None = None
    ):
        self.plan, self.store, self.recent, self.began = plan, store, recent, time.time()
        self.opened = Opened(plan, store, opened)
        self.helpers: Helpers | None = None  # threads that decode ahead while chunks are made

    def blocks(
        self,
        start: int,
        stop: int,
        tally: Tally | None = None,
        check: Callable[[], None] = lambda: None,
        seen: SeenFrames | None = None,
    ) -> Generator[np.ndarray, None, None]:
        """Yield what the plan's end gives for frames start..stop, a block at a time.

        For a sink these are the codes of its format: (B, codes per frame), uint8 or uint16; see
        `n2s.graph.format.Pixels`. ``tally``, ``check`` and ``seen`` are as those of `working`.
        """
        with self.working(start, stop, tally, check, seen) as work:
            for first in range(start, stop, BLOCK):
                yield work.make(first, min(first + BLOCK, stop))

    def frames(self, start: int, stop: int) -> np.ndarray:
        """Return what the plan's end gives for frames start..stop."""
        with self.working(start, stop) as work:
            return work.make(start, stop)

    def pick(
        self, frames: Sequence[int], tally: Tally | None = None, check: Callable[[], None] = lambda: None
    ) -> Generator[np.ndarray, None, None]:
        """Yield what the end gives for these rising frame numbers only; neighbouring frames come in blocks.

        ``tally`` and ``check`` are as those of `blocks`.
        """
        at = 0
        with self.working(0, 0, tally, check) as work:
            while at < len(frames):
                count = count_neighbours(frames[at:], BLOCK)
                yield work.make(frames[at], frames[at] + count)
                at += count

    @contextmanager
    def working(
        self,
        start: int,
        stop: int,
        tally: Tally | None = None,
        check: Callable[[], None] = lambda: None,
        seen: SeenFrames | None = None,
        made: Callable[[Stage, int, int], np.ndarray | None] | None = None,
    ) -> Iterator[Work]:
        """Return a context within which rising frames of the end are made; all of start..stop, if that is a chunk.

        ``tally`` counts what each node costs; ``check`` is called between nodes, and may raise to give up; ``seen`` has
        frames that other work for the same values has made or will look for; ``made`` is as that of `MadeFrames`.
        """
        kept, helpers = self._kept(), self.helpers if start < stop else None
        if made is not None:
            kept = MadeFrames(made, kept)
        if seen is not None:
            kept = SharedFrames(seen, kept)
        stop = min(stop, self.plan.values.clock.frames)
        with (
            kept.chunk(start, stop),
            closing(Work(self.opened, kept, tally or Tally(), check, helpers=helpers, stop=stop)) as work,
        ):
            yield work

    def _kept(self) -> KeptFrames:
        """Return where one piece of work looks for frames before it computes them."""
        keeping = any(stage.keep for stage in self.plan.stages)
        stored = StoredFrames(self.plan, self.store, self.began)
        return RecentOrStored(self.plan, self.recent, stored) if self.recent else stored if keeping else NothingKept()

    def warm_up(self) -> None:
        """Make the first frame, so that kernels are compiled and models opened before threads share them."""
        self.frames(0, 1)


def count_neighbours(frames: Sequence[int], most: int) -> int:
    """Return how many of some rising frames, from the first on, follow each other; ``most`` at most."""
    count = 1
    while count < min(most, len(frames)) and frames[count] == frames[0] + count:
        count += 1
    return count
