"""n2s plan: show what a run would do, and render nothing."""

from __future__ import annotations

from functools import partial
from typing import Annotated, Any

import typer

from n2s.commands.common import (
    FILMS,
    AsJson,
    FilmsFolder,
    Fps,
    GraphFile,
    Overrides,
    Shape,
    Size,
    StoreFolder,
    load,
    planning_watcher,
    print_line,
)
from n2s.commands.simulated import OPTION, read_asked, simulate
from n2s.commands.simulated import text as simulation_text
from n2s.graph.errors import ArgumentError
from n2s.graph.timecodes import minutes

# Imported inside functions is what help and completion do not need, so that these start fast.

ROW = 60  # marks per line of the map
MOST_MARKS = 4 * ROW
STORED, WAITING, MIXED = "█", "░", "▒"


def plan(
    graph: GraphFile,
    set_: Overrides = [],
    size: Size = None,
    fps: Fps = None,
    store: StoreFolder = None,
    out: FilmsFolder = FILMS,
    simulated: Annotated[
        str | None,
        typer.Option(
            OPTION,
            metavar="workers=N,…",
            help="tell how long the films would take on other machines, by what such frames cost here: "
            "workers=64,gpu=8,tracks=10000,homes=4,price=0.05,gpu_price=2",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Show each film's length and stages, the signals that drive it, and which of its chunks are in the store.

    With --simulate, show how long all of them take on so many workers of one thread, or with a card, and what these
    cost at a price for an hour; with tracks, also for a catalogue of so many like them, of which as many as there are
    homes are heard, planned and joined at the same time.
    """
    from n2s.runtime.obstacles import refuse_file
    from n2s.runtime.seeing.explain import describe_analysis, describe_film
    from n2s.runtime.session import Session
    from n2s.runtime.store import absolute

    refuse_file(out, "--out")
    asked = None if simulated is None else read_asked(simulated)
    loaded, events = load(graph, set_, Shape(size, fps)), planning_watcher(json)
    makes_no_film = not loaded.sinks() and not loaded.interface
    if makes_no_film and asked is not None:
        raise ArgumentError(f"{OPTION} tells how long films take, and {graph} makes none. Leave it out, or add a sink.")
    try:
        with Session(loaded, store, events.said, remember=False) as session:
            if makes_no_film:
                described, show = [describe_analysis(loaded.flat, session.values)], analysis_text
            elif asked is not None:
                described = [simulate(session.films(absolute(out), began=events.began), asked)]
                show = partial(simulation_text, asked=asked)
            else:
                planned = session.films(absolute(out), began=events.began)
                described, show = [describe_film(planned, film) for film in planned.films], text
    finally:
        events.ended()
    for i, about in enumerate(described):
        if json:
            print_line(about)
        else:
            print(("\n" if i else "") + "\n".join(show(about)))


def analysis_text(about: dict[str, Any]) -> list[str]:
    """Return the length, the tempo and the signals of a graph without a film, as lines."""
    lines = [
        f"{about['title'] or about['name']}: no film",
        f"  {about['frames']} frames at {about['fps']}/s, {minutes(about['seconds'])}, "
        f"{about['tempo']:.4g} beats per minute",
    ]
    room = min(28, max((len(signal["signal"]) for signal in about["signals"]), default=0))
    heading = "signals"
    for signal in about["signals"]:
        low, high = signal["range"]
        columns = f"{signal['columns']} columns, " if signal["columns"] else ""
        lines.append(f"  {heading:8}{signal['signal']:{room}}  {columns}{low:.3g} to {high:.3g}")
        heading = ""
    return [*lines, kept_text(about)]


def text(about: dict[str, Any]) -> list[str]:
    """Return a film's plan in lines."""
    width, height = about["size"]
    title = f"  ({about['title']})" if about["title"] else ""
    chunks = about["chunks"]
    lines = [
        f"{about['film']}{title}",
        f"  {about['frames']} frames at {about['fps']}/s, {minutes(about['seconds'])}, {width}x{height}; "
        f"{len(chunks)} chunk{'s' if len(chunks) != 1 else ''} of {about['chunk_frames']} frames",
    ]
    if about["joins"]:
        lines.append(f"  joins   {', '.join(about['joins'])}")
    if about["shares"]:
        shared = [f"{count} of {len(chunks)} chunks with {name}" for name, count in about["shares"].items()]
        lines.append(f"  shares  the frames of {', '.join(shared)}")
    heading = "stages"
    for stage in about["stages"]:
        lines.append(f"  {heading:8}{stage_text(stage)}")
        heading = ""
    heading = "driven"
    names = [f"{drive['node']}.{drive['field']}" for drive in about["driven"]]
    room = min(28, max(map(len, names), default=0))
    for name, drive in zip(names, about["driven"]):
        low, high = drive["range"]
        held = f", {100 * drive['held']:.0f} % of the time at {high:.3g}" if drive["held"] else ""
        held = ", never moves" if drive["held"] == 1 else held
        lines.append(f"  {heading:8}{name:{room}}  {drive['by']}   ({low:.3g} to {high:.3g}{held})")
        heading = ""
    heading = "measure"
    for measure in about["measures"]:
        lines += [f"  {heading:8}{line}" for line, heading in zip(measure_text(measure), [heading, ""])]
        heading = ""
    return [*lines, kept_text(about), *chunk_map(about)]


def kept_text(about: dict[str, Any]) -> str:
    """Return in words how large what is kept beside frames is."""
    from n2s.runtime.seeing.sizes import sizes_text

    return f"  {'kept':8}{sizes_text(about['kept'])}"


def measure_text(measure: dict[str, Any]) -> list[str]:
    """Return in words what a measure costs: how many frames it looks at, and of how many these are made."""
    frames, stored = measure["frames"], measure["stored"]
    looked = f"looks at {frames} frames, {_percent(measure['share'])} of the film's"
    done = f"{stored} from the store, {frames - stored} measured now"
    if measure["on_the_way"]:
        done = f"{stored} from the store, {frames - stored} while the film is rendered"
        done += "; chunks that they change are rendered again" if frames > stored else ""
    sources = [f"{count} of {node}" for node, count in measure["sources"].items() if count > frames]
    made = f", made of {' and '.join(sources)}" if sources else ""
    lines = [f"{measure['node']} ({measure['type']}) {looked}{made}: {done}"]
    if measure["unkept"]:
        lines.append(f"cache: frames on {', '.join(measure['unkept'])} keeps what is otherwise made for the film again")
    return lines


def _percent(share: float) -> str:
    return f"{100 * share:.0f} %" if share >= 0.1 else f"{100 * share:.2g} %"


def stage_text(stage: dict[str, Any]) -> str:
    """Return one stage in words."""
    steps = stage.get("kernel", {}).get("nodes", [])
    details = ", ".join([stage["type"], *stage["details"]])
    if stage["stage"] == "kernel":
        return f"kernel  {' + '.join(steps)}, one pass{''.join(f', {said}' for said in stage['details'])}"
    if stage["stage"] == "fit":
        return f"fit     {stage['nodes'][0]} to {stage['details'][0]}"
    before = f"{' + '.join(steps)} → " if steps else ""
    return f"{stage['stage']:7} {before}{stage['nodes'][-1]} ({details})"


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
        lines.append(f"  {heading:8}{minutes(times[row]):>7}  {''.join(marks[row : row + ROW])}")
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
