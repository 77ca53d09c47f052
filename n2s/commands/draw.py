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
    set_: Overrides = (),
    json: AsJson = False,
) -> None:
    """Draw a graph: nodes with their settings, links coloured by what flows, sub-graphs as clusters."""
    import tempfile

    from n2s.graph.describe.diagram import diagram, render_diagram

    time = read_time("--thumbnails", thumbnails)
    loaded = load(graph, set_)
    target = output or graph.with_suffix(".svg")
    refuse_overwrite(target, output is not None, loaded)
    if not plan and time is None:
        render_diagram(diagram(loaded), target)
        report_file(target, json)
        return
    with tempfile.TemporaryDirectory() as folder:
        films = plan_sinks(loaded, store)
        pictures = node_pictures(films.films[0][1], films.cache, time, Path(folder)) if time is not None else {}
        render_diagram(diagram(loaded, films.maps if plan else {}, pictures), target)
    report_file(target, json)


class Planned:
    """The plans of a graph's own sinks, with what the store holds of them."""

    def __init__(self, films: list[tuple[str, Any]], maps: dict[str, Any], cache: Path):
        self.films, self.maps, self.cache = films, maps, cache


def plan_sinks(graph: Any, store: Path | None) -> Planned:
    """Plan a graph's sinks without rendering anything."""
    from n2s.graph.describe.diagram import ChunkMap
    from n2s.graph.errors import GraphError
    from n2s.runtime.run import Run
    from n2s.runtime.store import Store

    if any(node.kind == "track" for node in graph.nodes.values()):
        raise GraphError("An album has no plan of its own; draw the graph of one of its tracks.")
    job = Run(graph, store=Store(store))
    films, maps = [], {}
    for film in job.plan():
        plan = film.parts[0][0]
        kernel = plan.kernel(next(link.node for port, link in plan.node.links().items() if port == "frames"))
        stored = tuple(job.store.find("segments", chunk.key, film.suffix) is not None for _, chunk in film.parts)
        films.append((plan.sink, plan))
        maps[plan.sink] = ChunkMap(kernel.steps, stored)
    job.context.close()
    job.executor.stop()
    return Planned(films, maps, job.store.kernels)


def node_pictures(plan: Any, cache: Path, time: Any, folder: Path) -> dict[str, Path]:
    """Return a picture of what each node of frames gives at a time."""
    import numpy as np

    from n2s.graph.types import FRAMES
    from n2s.runtime.media.pictures import write_picture
    from n2s.runtime.render.frames import FrameMaker

    maker, pictures = FrameMaker(plan, cache), {}
    clock = plan.values.clock
    frame = min(round(min(time.resolve(clock.tempo), 1e9) * clock.fps), clock.frames - 1)
    for i, name in enumerate(plan.order):
        if any(output.kind is FRAMES for output in type(plan.graph.nodes[name]).outputs.values()):
            pixels = maker.frames(name, frame, frame + 1)[0].transpose(1, 2, 0)
            pictures[name] = folder / f"{i}.png"
            write_picture(pictures[name], np.round(np.clip(pixels, 0, 1) * 255).astype(np.uint8))
    return pictures
