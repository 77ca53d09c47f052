"""n2s preview: pictures of a film, or of the output of any node, without rendering more than they need."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.commands.common import (
    AsJson,
    Fps,
    GraphFile,
    Overrides,
    Shape,
    Size,
    StoreFolder,
    load,
    read_time,
    refuse_overwrite,
    report_file,
    say,
)
from n2s.graph.errors import GraphError
from n2s.graph.timecodes import timecode

# Imported inside functions is what help and completion do not need, so that these start fast.

MOST = 400


def preview(
    graph: GraphFile,
    at: Annotated[
        list[str],
        typer.Option("--at", help="show this time, may be repeated: 80, 1:20, 8 bars, at drop", metavar="TIME"),
    ] = (),
    node: Annotated[
        str | None, typer.Option(help="show an output or a parameter of a node", metavar="NODE[.OUTPUT]")
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="one picture every 10 (seconds), every 2 bars, …", metavar="TIME")
    ] = None,
    sheet: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="this many pictures, spread over the track")
    ] = None,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="the .png file to write, or .svg of a signal; default: renders/GRAPH-NODE.png"
        ),
    ] = None,
    set_: Overrides = (),
    size: Size = None,
    fps: Fps = None,
    json: AsJson = False,
    store: StoreFolder = None,
) -> None:
    """Draw a film or a node's output: frames, mattes and latents as pictures or a contact sheet, signals as plots.

    Without times, the middle of the film is shown. A signal is drawn over the whole track, with the times marked, and
    what a node hears of the music over it too: as .png, or as .svg, whose lines stay sharp at every size.
    """
    from n2s.runtime.media.png import write_picture
    from n2s.runtime.seeing.drawn import FORMS, write_drawing
    from n2s.runtime.seeing.labels import counts_beats
    from n2s.runtime.seeing.summary import summary_text
    from n2s.runtime.seeing.views import View
    from n2s.runtime.session import Session

    target = output or Path("renders") / f"{graph.stem}{'-' + node.replace('/', '-') if node else ''}.png"
    if target.suffix.lower() not in FORMS:
        raise GraphError(f'A preview is written as .png, that of a signal also as .svg, not "{target.name}".')
    if sum(bool(given) for given in (at, every is not None, sheet)) > 1:
        raise GraphError("--at, --every and --sheet cannot be combined; give only one of them.")
    times, step = [read_time("--at", text) for text in at], read_time("--every", every)
    loaded = load(graph, set_, Shape(size, fps))
    refuse_overwrite(target, output is not None, loaded)
    hears = node in loaded.flat.nodes and counts_beats(loaded.flat.nodes[node])
    with Session(loaded, store, say) as session:
        view = View(session, f"{node}.beat" if hears else node)
        frames = choose_frames(view, times, step, sheet)
        if hears:
            heard = preview_heard(session, node, target, frames)
        elif view.kind == "signal":
            write_drawing(target, plotted(view, frames))
        elif target.suffix.lower() == ".svg":
            raise GraphError(f'"{view.name}" gives {view.kind}, which are written as .png; .svg is for signals.')
        else:
            write_picture(target, picture(view, frames))
    times = ", ".join(timecode(frame, view.clock.fps) for frame in frames)
    at = f" at {times}" if times else ""
    if hears:
        report_file(target, json, f"  {node}{at}: {summary_text(heard)}", node=node, heard=heard)
    else:
        report_file(target, json, f"  {view.name}{at}", node=view.name)


def preview_heard(session: Any, node: str, target: Path, frames: list[int]) -> dict[str, Any]:
    """Draw what a node hears of the music, with some frames marked, and return it as a few numbers."""
    from n2s.runtime.seeing.drawn import write_drawing
    from n2s.runtime.seeing.summary import summarise
    from n2s.runtime.seeing.timeline import timeline

    values, clock = session.values, session.clock
    signals = {output: value for (name, output), value in values.outputs.items() if name == node}
    write_drawing(target, timeline(node, signals, clock, [float(frame / clock.fps) for frame in frames]))
    return summarise(signals, clock)


def choose_frames(view: Any, at: list[Any], every: Any, sheet: int | None) -> list[int]:
    """Return the numbers of the frames to show, in rising order."""
    from n2s.graph.expressions import Number

    duration = view.clock.duration
    if every is not None:
        step = view.seconds(every)
        if not step > 0 or duration / step > MOST:
            raise GraphError(
                f"--every {every} would give more than {MOST} pictures in {duration:.1f} s; give a longer time."
            )
        at = [Number(i * step) for i in range(max(1, math.ceil(duration / step - 1e-9)))]
    elif sheet:
        at = [Number((i + 0.5) * duration / sheet) for i in range(sheet)]
    elif not at and view.kind != "signal":
        at = [Number(duration / 2)]
    return sorted({view.frame_at(time, "--at") for time in at})


def picture(view: Any, frames: list[int]) -> Any:
    """Return the picture of frames, mattes or latents, uint8 (H, W, 3)."""
    from n2s.runtime.seeing.contact import mosaic, sheet, to_pixels

    draw = mosaic if view.kind == "latents" else to_pixels
    pictures = [draw(value) for block in view.blocks(frames) for value in block]
    return sheet(pictures, [timecode(frame, view.clock.fps) for frame in frames])


def plotted(view: Any, frames: list[int]) -> Any:
    """Return the drawing of a signal, with some frames marked."""
    from n2s.runtime.seeing.plots import plot

    clock = view.clock
    marks = [float(frame / clock.fps) for frame in frames]
    return plot(view.signal, clock.times(0, clock.frames), view.name, marks, view.names)
