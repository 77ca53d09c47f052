"""n2s draw: draw a graph, or its plan."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.commands.common import (
    AsJson,
    GraphFile,
    Overrides,
    StoreFolder,
    load,
    read_time,
    refuse_overwrite,
    report_file,
)

# Imported inside functions is what help and completion do not need, so that these start fast.


def draw(
    graph: GraphFile,
    output: Annotated[
        Path | None,
        typer.Option("-o", "--output", help="the .svg, .png, .pdf or .dot file to write; default: GRAPH.svg"),
    ] = None,
    plan: Annotated[
        bool, typer.Option("--plan", help="also show fused nodes, and which chunks are stored; this analyses the music")
    ] = False,
    thumbnails: Annotated[
        str | None, typer.Option(help="show the frame that each node gives at this time: 80, 1:20", metavar="TIME")
    ] = None,
    store: StoreFolder = None,
    set_: Overrides = [],
    json: AsJson = False,
) -> None:
    """Draw a graph: nodes with their settings, links coloured by what flows, sub-graphs as clusters."""
    import tempfile

    from n2s.graph.describe.diagram import diagram, form_of, render_diagram
    from n2s.graph.errors import GraphError
    from n2s.runtime.session import Session

    time = read_time("--thumbnails", thumbnails)
    loaded = load(graph, set_)
    target = output or graph.with_suffix(".svg")
    refuse_overwrite(target, output is not None, loaded)
    form_of(target, time is not None)
    if not plan and time is None:
        render_diagram(diagram(loaded), target)
        report_file(target, json)
        return
    with tempfile.TemporaryDirectory() as folder, Session(loaded, store) as session:
        if any(node.kind == "track" for node in loaded.nodes.values()):
            raise GraphError("An album has no plan of its own; draw the graph of one of its tracks.")
        maps = {sink: chunk_map(session.plan(sink), session.store) for sink in loaded.sinks()} if plan else {}
        pictures = node_pictures(session, time, Path(folder)) if time is not None else {}
        render_diagram(diagram(loaded, maps, pictures), target, Path(folder) if pictures else None)
    report_file(target, json)


def chunk_map(plan: Any, store: Any) -> Any:
    """Return which nodes of a film are computed together, and which of its chunks the store has."""
    from n2s.graph.describe.diagram import ChunkMap
    from n2s.runtime.store import SEGMENTS

    stored = tuple(store.has(SEGMENTS, chunk.key, plan.format.suffix) for chunk in plan.chunks())
    kernels = {stage.nodes[-1]: stage.kernel.nodes for stage in plan.stages if stage.kernel}
    return ChunkMap(kernels, stored)


def node_pictures(session: Any, time: Any, folder: Path) -> dict[str, Path]:
    """Return a picture of what each node of frames or mattes of the first film gives at a time."""
    from n2s.graph.types import PICTURES
    from n2s.runtime.media.png import write_picture
    from n2s.runtime.seeing.contact import to_pixels
    from n2s.runtime.seeing.views import frame_in_track

    plan, clock, pictures = session.plan(), session.clock, {}
    frame = frame_in_track(time, clock.place(time), clock, "--thumbnails")
    for i, name in enumerate(plan.streamed_nodes):
        if next(iter(type(plan.graph.nodes[name]).outputs.values())).kind in PICTURES:
            pictures[name] = folder / f"{i}.png"
            write_picture(pictures[name], to_pixels(session.frame(name, frame)))
    return pictures
