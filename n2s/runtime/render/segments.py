"""Segments: a chunk's frames as the store keeps them, encoded or as a list of digests."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable
from pathlib import Path

from n2s.graph.errors import RenderError
from n2s.plan.film import Chunk
from n2s.runtime.films import encoder, mp4
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.tally import Tally


def write_segment(maker: FrameMaker, chunk: Chunk, path: Path, tally: Tally, progress: Callable[[int], None]) -> None:
    """Encode a chunk's frames to a segment."""
    sink, header = maker.plan.node, maker.plan.graph.header
    arguments = encoder.segment_arguments(header.size, header.fps, sink.crf, sink.preset, sink.depth)
    with encoder.FFmpeg(arguments, path) as ffmpeg:
        for codes in maker.blocks(chunk.start, chunk.stop, tally, lambda: progress(0)):
            began = time.perf_counter()
            ffmpeg.write(memoryview(codes).cast("B"))
            tally.add(f"{maker.plan.sink} (encoder)", time.perf_counter() - began, len(codes))
            progress(len(codes))
        began = time.perf_counter()
        ffmpeg.finish()
        tally.add(f"{maker.plan.sink} (encoder)", time.perf_counter() - began, 0)
    check_segment(path, chunk.count)


def write_digests(maker: FrameMaker, chunk: Chunk, path: Path, tally: Tally, progress: Callable[[int], None]) -> None:
    """List the SHA-256 of each of a chunk's frames."""
    lines = []
    for codes in maker.blocks(chunk.start, chunk.stop, tally, lambda: progress(0)):
        lines += [f"{hashlib.sha256(frame).hexdigest()}\n" for frame in codes]
        progress(len(codes))
    path.write_text("".join(lines))


def check_segment(path: Path, frames: int) -> None:
    """Refuse a segment that has not exactly the frames it should: FFmpeg can end well with a short file."""
    try:
        found = next(track.samples for track in mp4.read_mp4(path) if track.handler == "vide")
    except (ValueError, StopIteration, OSError):
        found = None
    if found != frames:
        raise RenderError(f"FFmpeg made a segment of {found} frames instead of {frames}; run again to go on.")
