"""n2s plan: show what a run would do, and render nothing."""

from __future__ import annotations

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
    duration,
    load,
    planning_watcher,
    print_line,
)

ROW = 60  # marks per line of the map
MOST_MARKS = 4 * ROW
STORED, WAITING, MIXED = "█", "░", "▒"


def plan(
    graph: GraphFile,
    set_: Overrides = (),
    size: Size = None,
    fps: Fps = None,
    store: StoreFolder = None,
    out: Annotated[Path, typer.Option(help="folder of the films, to see whether they are up to date")] = Path(
        "renders"
    ),
    json: AsJson = False,
) -> None:
    """Show each film's length and stages, the signals that drive it, and which of its chunks are in the store."""
    from n2s.runtime.run import Run
    from n2s.runtime.seeing.explain import describe_film
    from n2s.runtime.store import Store

    loaded, events = load(graph, set_, Shape(size, fps)), planning_watcher(json)
    if not loaded.sinks() and not loaded.interface:
        show_analysis(loaded, Store(store), events, json)
        return
    job = Run(loaded, out, Store(store), events=events)
    try:
        films = [describe_film(job, film) for film in job.plan()]
    finally:
        job.events.ended()
        job.context.close()
    for i, about in enumerate(films):
        if json:
            print_line(about)
        else:
            print(("\n" if i else "") + "\n".join(text(about)))


def show_analysis(graph: Any, store: Any, events: Any, json: bool) -> None:
    """Show the length, the tempo and the signals of a graph without a film."""
    from n2s.runtime.context import RunContext
    from n2s.runtime.readiness import check_inputs
    from n2s.runtime.render.analysis import analyse
    from n2s.runtime.seeing.explain import describe_analysis

    context = RunContext(store, events.said)
    try:
        check_inputs(graph)
        about = describe_analysis(graph.flat, analyse(graph.flat, context))
    finally:
        events.ended()
        context.close()
    if json:
        print_line(about)
        return
    print(f"{about['title'] or graph.path.stem}: no film")
    print(
        f"  {about['frames']} frames at {about['fps']}/s, {duration(about['seconds'])}, "
        f"{about['tempo']:.4g} beats per minute"
    )
    room = min(28, max((len(signal["signal"]) for signal in about["signals"]), default=0))
    heading = "signals"
    for signal in about["signals"]:
        low, high = signal["range"]
        columns = f"{signal['columns']} columns, " if signal["columns"] else ""
        print(f"  {heading:8}{signal['signal']:{room}}  {columns}{low:.3g} to {high:.3g}")
        heading = ""


def text(about: dict[str, Any]) -> list[str]:
    """Return a film's plan in lines."""
    width, height = about["size"]
    title = f"  ({about['title']})" if about["title"] else ""
    chunks = about["chunks"]
    lines = [
        f"{about['film']}{title}",
        f"  {about['frames']} frames at {about['fps']}/s, {duration(about['seconds'])}, {width}x{height}; "
        f"{len(chunks)} chunk{'s' if len(chunks) != 1 else ''} of {about['chunk_frames']} frames",
    ]
    if about["joins"]:
        lines.append(f"  joins   {', '.join(about['joins'])}")
    heading = "stages"
    for stage in about["stages"]:
        lines.append(f"  {heading:8}{stage_text(stage)}")
        heading = ""
    heading = "driven"
    names = [f"{drive['node']}.{drive['field']}" for drive in about["driven"]]
    room = min(28, max(map(len, names), default=0))
    for name, drive in zip(names, about["driven"]):
        low, high = drive["range"]
        lines.append(f"  {heading:8}{name:{room}}  {drive['by']}   ({low:.3g} to {high:.3g})")
        heading = ""
    return lines + chunk_map(about)


def stage_text(stage: dict[str, Any]) -> str:
    """Return one stage in words."""
    if stage["stage"] == "kernel":
        nodes = " + ".join(stage["nodes"]) if stage["nodes"] else "nothing but resampling"
        return f"kernel  {nodes}{' → ' + stage['to'] if stage['to'] else ''}, one pass"
    details = ", ".join(stage["details"])
    return f"{stage['stage']:7} {stage['node']} ({stage['type']}{', ' + details if details else ''})"


def chunk_map(about: dict[str, Any]) -> list[str]:
    """Return the map of a film's chunks: one mark per chunk, or per group of chunks where there are many."""
    chunks, fps = about["chunks"], about["frames"] / about["seconds"]
    each = -(-len(chunks) // MOST_MARKS)
    marks, times, at = [], [], 0
    for first in range(0, len(chunks), each):
        group = chunks[first : first + each]
        stored = sum(chunk["stored"] for chunk in group)
        marks.append(STORED if stored == len(group) else MIXED if stored else WAITING)
        times.append(at / fps)
        at += sum(chunk["stop"] - chunk["start"] for chunk in group)
    lines, heading = [], "chunks"
    for row in range(0, len(marks), ROW):
        lines.append(f"  {heading:8}{duration(times[row]):>7}  {''.join(marks[row : row + ROW])}")
        heading = ""
    legend = (
        f"{about['stored']} stored {STORED}, {about['to_render']} to render {WAITING} "
        f"({about['frames_to_render']} frames)"
    )
    if each > 1:
        legend += f"; a mark stands for {each} chunks, {MIXED} for some of both"
    if about["up_to_date"]:
        legend = f"{about['stored']} stored {STORED}; the film is up to date"
    return [*lines, f"  {'':8}{legend}"]
