"""Segments: a chunk's frames as its film's format stores them."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from contextlib import closing
from pathlib import Path

import numpy as np

from n2s.graph.format import Shape
from n2s.plan.formats import call_format, check_written
from n2s.plan.keys import Chunk
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
    plan, waited = maker.plan, 0.0
    sink, header, made = plan.node, plan.graph.header, plan.format
    not_the_formats: list[BaseException] = []  # what failed while frames were made

    def blocks() -> Generator[np.ndarray, None, None]:
        nonlocal waited
        stop = chunk.start
        with closing(maker.blocks(chunk.start, chunk.stop, tally, lambda: progress(0), seen)) as source:
            while True:
                began = time.perf_counter()
                try:
                    codes = next(source, None)
                    if codes is not None:
                        look(stop := stop + len(codes), codes)
                except BaseException as error:
                    not_the_formats.append(error)
                    raise
                waited += time.perf_counter() - began
                if codes is None:
                    return
                yield codes
                progress(len(codes))

    began = time.perf_counter()
    shape = Shape(header.size, header.fps)
    with closing(blocks()) as given:  # at once, also where it fails: frames that were to be kept lie in files by then
        call_format(plan.graph, plan.end, made.write_segment, path, sink, shape, given, passing=not_the_formats)
    tally.add(f"{plan.end} (encoder)", time.perf_counter() - began - waited, chunk.count)
    check_written(plan.graph, plan.end, "write_segment", made.check_segment, path, sink, shape, chunk.count)
