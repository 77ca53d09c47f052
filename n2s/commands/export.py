"""n2s export: the numbers behind a film, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.commands.common import (
    AsJson,
    Begin,
    End,
    Fps,
    GraphFile,
    Overrides,
    Shape,
    Size,
    StoreFolder,
    load,
    made,
    read_time,
    say,
    spare,
)
from n2s.graph.errors import ArgumentError, GraphError

# Imported inside functions is what help and completion do not need, so that these start fast.


def export(
    graph: GraphFile,
    port: Annotated[str, typer.Option(help="a node, one of its outputs or parameters", metavar="NODE[.OUTPUT]")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the .npz file to write")],
    from_: Begin = None,
    to: End = None,
    every: Annotated[
        str, typer.Option(help="take every so many frames, or one every 250 ms, 2 beats", metavar="N|TIME")
    ] = "1",
    set_: Overrides = (),
    size: Size = None,
    fps: Fps = None,
    json: AsJson = False,
    store: StoreFolder = None,
) -> None:
    """Write what a node gives to an .npz file: values (a row a frame), frames (their numbers), times (s), fps.

    Frames have the film's size, whatever their node decodes or reads.
    """
    from n2s.runtime.seeing.export import write_arrays
    from n2s.runtime.seeing.views import View
    from n2s.runtime.session import Session

    if output.suffix.lower() != ".npz":
        raise GraphError(f'An export is written as .npz, not "{output.name}".')
    begin, end, step = read_time("--from", from_), read_time("--to", to), read_step(every)
    loaded = load(graph, set_, Shape(size, fps))
    spare(output, True, loaded)
    with Session(loaded, store, say) as session:
        view = View(session, port)
        start = view.frame_at(begin, "--from") if begin else 0
        stop = (
            view.clock.frames
            if end is None
            else min(view.clock.frames, round(min(view.seconds(end), 1e9) * view.clock.fps))
        )
        frames = range(
            start, stop, step if isinstance(step, int) else max(1, round(view.seconds(step) * view.clock.fps))
        )
        if not frames:
            raise GraphError(
                f"--from {begin or 0} --to {end} leaves no frame of a track of {view.clock.duration:.2f} s."
            )
        shape = write_arrays(output, view, frames)
    made(
        output,
        json,
        f"  {view.name}: {view.kind}, values {' x '.join(map(str, shape))}",
        node=view.name,
        shape=list(shape),
    )


def read_step(text: str) -> Any:
    """Read a number of frames, or a time with its unit."""
    if text.strip().isdecimal() and text.isascii():
        if not 0 < (frames := int(text)) < 10**9:
            raise ArgumentError(f"--every: a number of frames from 1 on was wanted, not {text}.")
        return frames
    time = read_time("--every", text)
    if not time.unit or not time.value:
        raise ArgumentError(f'--every: a whole number of frames was wanted, or a time like "250 ms", not "{text}".')
    return time
