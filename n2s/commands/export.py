"""n2s export: the numbers behind a film, for other programs."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from n2s.commands.common import AsJson, GraphFile, Overrides, StoreFolder, load, made, say
from n2s.graph.errors import GraphError


def export(
    graph: GraphFile,
    port: Annotated[str, typer.Option(help="a node, one of its outputs or parameters", metavar="NODE[.OUTPUT]")],
    output: Annotated[Path, typer.Option("-o", "--output", help="the .npz file to write")],
    from_: Annotated[float | None, typer.Option("--from", min=0, help="begin at this second")] = None,
    to: Annotated[float | None, typer.Option(min=0, help="end before this second")] = None,
    every: Annotated[int, typer.Option(min=1, help="take every so many frames")] = 1,
    set_: Overrides = (),
    json: AsJson = False,
    store: StoreFolder = None,
) -> None:
    """Write what a node gives to an .npz file: values (a row a frame), frames (their numbers), times (s), fps.

    Frames have the film's size, whatever their node decodes or reads.
    """
    from n2s.runtime.context import RunContext
    from n2s.runtime.export import write_arrays
    from n2s.runtime.store import Store
    from n2s.runtime.views import View

    if output.suffix.lower() != ".npz":
        raise GraphError(f'An export is written as .npz, not "{output.name}".')
    context = RunContext(Store(store), say)
    try:
        view = View(load(graph, set_), port, context)
        start = view.frame_at(from_ or 0.0, "--from")
        stop = view.clock.frames if to is None else min(view.clock.frames, round(to * view.clock.fps))
        frames = range(start, stop, every)
        if not frames:
            raise GraphError(f"--from {from_ or 0:g} --to {to} leaves no frame of a track of {view.clock.duration:.2f} s.")
        shape = write_arrays(output, view, frames)
    finally:
        context.close()
    made(output, json, f"  {view.name}: {view.kind}, values {' x '.join(map(str, shape))}", node=view.name, shape=list(shape))
