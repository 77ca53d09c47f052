"""Segments: a chunk's frames as its film's format stores them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import closing
from pathlib import Path

import numpy as np

from n2s.graph.format import Shape
from n2s.plan.formats import call_format, check_written
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kept import SeenFrames
from n2s.runtime.render.tally import Tally


def write_segment(
    maker: FrameMaker,
    chunk: Chunk,
    path: Path,
    tally: Tally,
    progress: Callable[[int], None],
    seen: SeenFrames | None = None,
    look: Callable[[int, np.ndarray], None] = lambda stop, codes: None,
) -> None:
    """Make a chunk's frames, write them as a segment and check that it is complete.

    ``tally`` counts what each node costs, and the format as "<sink> (encoder)"; ``progress`` is called with the
    number of frames that were written, with 0 while they are made, and may raise to give up. ``look`` is called with
    the number of each frame up to which they were made, of which ``seen`` has the decoder's, and with the latest codes.
    """
    not_the_formats: list[BaseException] = []  # what failed while frames were made

    def blocks() -> Generator[np.ndarray, None, None]:
        stop = chunk.start
        with closing(maker.blocks(chunk.start, chunk.stop, tally, lambda: progress(0), seen)) as source:
            while True:
                try:
                    codes = next(source, None)
                    if codes is not None:
                        look(stop := stop + len(codes), codes)
                except BaseException as error:
                    not_the_formats.append(error)
                    raise
                if codes is None:
                    return
                yield codes

    with closing(blocks()) as given:  # at once, also where it fails: frames that were to be kept lie in files by then
        encode(maker.plan, path, chunk.count, given, tally, progress, not_the_formats)


def encode(
    plan: Plan,
    path: Path,
    frames: int,
    blocks: Iterator[np.ndarray],
    tally: Tally,
    progress: Callable[[int], None] = lambda frames: None,
    passing: Sequence[BaseException] = (),
) -> None:
    """Write blocks of codes as a segment of so many frames and check that it is complete.

    ``tally`` counts what the format costs, without the time that it waits for blocks; errors in ``passing`` are not the
    format's, and are raised as they are.
    """
    sink, waited, shape = plan.node, 0.0, Shape(plan.graph.header.size, plan.graph.header.fps)

    def timed() -> Generator[np.ndarray, None, None]:
        nonlocal waited
        while True:
            asked = time.perf_counter()
            codes = next(blocks, None)
            waited += time.perf_counter() - asked
            if codes is None:
                return
            yield codes
            progress(len(codes))

    began = time.perf_counter()
    with closing(timed()) as given:
        call_format(plan.graph, plan.end, plan.format.write_segment, path, sink, shape, given, passing=passing)
    tally.add(f"{plan.end} (encoder)", time.perf_counter() - began - waited, frames)
    check_written(plan.graph, plan.end, "write_segment", plan.format.check_segment, path, sink, shape, frames)
