"""A chunk that several films have: frames that are the same for them are made once, and each film's encoder is fed.

Each film has work of its own, which makes its codes. The works take turns, a block at a time, and each looks for the
last stages that it shares with one before it among the frames that this one has just made. Films that store the same
codes share one work.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from n2s.plan.keys import Chunk
from n2s.plan.shared import borrowed, have_same_codes
from n2s.plan.stages import Stage
from n2s.runtime.render.feeds import Feed
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kept import SeenFrames
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.render.segments import encode, write_segment
from n2s.runtime.render.tally import Tally
from n2s.runtime.render.work import Work


@dataclass
class Output:
    """A chunk of one film.

    Attributes
    ----------
    add : callable
        Takes a function that writes the segment at a path, and puts that into the store.
    look : callable
        Given the codes of its frames, block by block.
    tally : Tally
        What it costs in addition to the outputs before it.
    """

    maker: FrameMaker
    chunk: Chunk
    add: Callable[[Callable[[Path], None]], None]
    look: Callable[[np.ndarray], None]
    tally: Tally = field(default_factory=Tally)

    def encode(self, blocks: Iterator[np.ndarray], tally: Tally) -> None:
        """Write its segment out of blocks of codes."""
        self.add(lambda path: encode(self.maker.plan, path, self.chunk.count, blocks, tally))


def write_chunk(
    outputs: Sequence[Output],
    progress: Callable[[int], None],
    seen: SeenFrames | None = None,
    look: Callable[[int], None] = lambda stop: None,
) -> None:
    """Make the frames of a chunk and write it as a segment of each film that has it.

    When one of several encoders fails, the others go on, and its error is raised when they are done.

    Parameters
    ----------
    outputs : sequence of Output
        All of the same frames.
    progress : callable
        Called with the number of frames that were made, with 0 in between; it may raise to give up.
    seen : SeenFrames, optional
        Keeps the frames of the first film's decoders for others.
    look : callable
        Called with the frame up to which the first film's frames are made.
    """
    first = outputs[0]
    if len(outputs) == 1:

        def look_at(stop: int, codes: np.ndarray) -> None:
            first.look(codes)
            look(stop)

        first.add(lambda path: write_segment(first.maker, first.chunk, path, first.tally, progress, seen, look_at))
        return
    check, feeds, encoding = partial(progress, 0), [], [Tally() for _ in outputs]
    with ExitStack() as stack:
        makings = _begin(outputs, stack, check, seen)
        try:
            for output, tally in zip(outputs, encoding):
                feeds.append(Feed(partial(output.encode, tally=tally), check))
            for start in range(first.chunk.start, first.chunk.stop, BLOCK):
                stop = min(start + BLOCK, first.chunk.stop)
                for making in makings:
                    if taking := [place for place in making.places if feeds[place].takes_more]:
                        codes = making.work.make(start, stop)
                        for place in taking:
                            outputs[place].look(codes)
                            feeds[place].put(codes)
                        if making is makings[0]:
                            look(stop)
                progress(stop - start)
            for feed in feeds:
                feed.finish()
        except BaseException:
            for feed in feeds:
                feed.give_up()
            raise
    for output, tally in zip(outputs, encoding):
        for name, seconds in tally.seconds.items():
            output.tally.add(name, seconds, tally.frames[name])
    if errors := [feed.error for feed in feeds if feed.error is not None]:
        raise errors[0]


@dataclass
class _Making:
    """The work on codes, and the places of the outputs that store them."""

    maker: FrameMaker
    work: Work
    places: list[int]


def _begin(
    outputs: Sequence[Output], stack: ExitStack, check: Callable[[], None], seen: SeenFrames | None
) -> list[_Making]:
    """Begin the works that make the codes of some outputs; they end with the stack.

    What sees most frames around its own comes first, as others find there what they need; where frames are measured on
    the way, it is the first film, whose frames these are.
    """
    makings: list[_Making] = []
    order = range(len(outputs))
    for place in order if seen else sorted(order, key=lambda place: -_reach(outputs[place].maker)):
        output = outputs[place]
        maker, (start, stop) = output.maker, (output.chunk.start, output.chunk.stop)
        twin = next((m for m in makings if have_same_codes(maker.plan, m.maker.plan, start, stop)), None)
        if twin is not None:
            twin.places.append(place)
            continue
        made = _lender(maker, makings, start, stop) if makings else None
        working = maker.working(start, stop, output.tally, check, None if makings else seen, made)
        makings.append(_Making(maker, stack.enter_context(working), [place]))
    return makings


def _reach(maker: FrameMaker) -> int:
    """Return how many frames around a plan's own its stages make."""
    return max(stage.before + stage.after for stage in maker.opened.course.stages)


def _lender(
    maker: FrameMaker, makings: Sequence[_Making], start: int, stop: int
) -> Callable[[Stage, int, int], np.ndarray | None]:
    """Return what finds frames of a plan's stages, from a number on, among those that other works have just made."""
    lent: dict[str, list[tuple[Work, Stage, int, int]]] = {}
    for making in makings:
        theirs = making.work.stages
        for name, other, first, last in borrowed(
            maker.plan, maker.opened.course.stages, making.maker.plan, theirs, start, stop
        ):
            stage = next(stage for stage in theirs if stage.name == other)
            making.work.lend(stage)
            lent.setdefault(name, []).append((making.work, stage, first, last))

    def made(stage: Stage, begin: int, end: int) -> np.ndarray | None:
        for work, other, first, last in lent.get(stage.name, ()):
            if first <= begin < last and (found := work.made(other, begin, min(end, last))) is not None:
                return found
        return None

    return made
