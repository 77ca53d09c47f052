"""n2s preview: pictures of a film, or of the output of any node, without rendering more than they need."""

from __future__ import annotations

import math
import shlex
from pathlib import Path
from typing import Annotated, Any, cast

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
    read_length,
    read_time,
    refuse_overwrite,
    report_file,
    say,
)
from n2s.commands.variations import MOST_VARIATIONS
from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.timecodes import minutes, timecode
from n2s.graph.wording import listed

# Imported inside functions is what help and completion do not need, so that these start fast.

MOST, MOST_STRIPS, CONTACT = 400, 40, 24


def preview(
    graph: GraphFile,
    at: Annotated[
        list[str],
        typer.Option("--at", help="show this time, may be repeated: 80, 1:20, 8 bars, at drop", metavar="TIME"),
    ] = [],
    node: Annotated[
        str | None, typer.Option(help="show an output or a parameter of a node", metavar="NODE[.OUTPUT]")
    ] = None,
    every: Annotated[
        str | None, typer.Option(help="one picture every 10 (seconds), every 2 bars, …", metavar="TIME")
    ] = None,
    sheet: Annotated[
        int | None, typer.Option(min=1, max=MOST, help="this many pictures, spread over the track")
    ] = None,
    contact: Annotated[bool, typer.Option("--contact", help=f"short for --sheet {CONTACT}")] = False,
    gif: Annotated[bool, typer.Option("--gif", help="the best seconds as a GIF, or those of --from and --to")] = False,
    webp: Annotated[bool, typer.Option("--webp", help="the same as animated WebP")] = False,
    webm: Annotated[bool, typer.Option("--webm", help="the same as WebM, with sound")] = False,
    variations: Annotated[
        int | None,
        typer.Option(min=2, max=MOST_VARIATIONS, help="one moment under so many seeds, on a sheet to choose from"),
    ] = None,
    vary: Annotated[
        list[str],
        typer.Option(
            "--vary",
            metavar="N.S=V,V,…",
            help="one moment under each value of a setting, 0..8 for all from 0 to 8; may be repeated: each with each",
        ),
    ] = [],
    strip: Annotated[
        bool,
        typer.Option("--strip", help="consecutive frames around the hardest kicks, or around each time of --at"),
    ] = False,
    output: Annotated[
        Path | None,
        typer.Option(
            "-o", "--output", help="the .png file to write, or .svg of a signal; default: renders/GRAPH-NODE.png"
        ),
    ] = None,
    from_: Begin = None,
    to: End = None,
    set_: Overrides = [],
    size: Size = None,
    fps: Fps = None,
    json: AsJson = False,
    store: StoreFolder = None,
) -> None:
    """Draw a film or a node's output: frames, mattes and latents as pictures or a contact sheet, signals as plots.

    Without times, the middle of the film is shown. A signal is drawn over the whole track, with the times marked, and
    what a node hears of the music over it too: as .png, or as .svg, whose lines stay sharp at every size.

    A strip shows what moves and when: ten frames around each of four kicks, or attacks where there are no kicks, the
    hardest one of each quarter of the film.

    --gif, --webp and --webm render a few bars from the first drop on, small. --variations and --vary show one moment
    under several seeds or settings.

    With --json, ``times`` has the seconds of the pictures, of the strikes of strips, or of what is marked in a plot;
    variations have one time, ``seconds``.
    """
    moving = [kind for kind, asked in (("gif", gif), ("webp", webp), ("webm", webm)) if asked]
    varied = [option for option, asked in (("--variations", variations), ("--vary", vary)) if asked]
    sheets = [option for option, asked in (("--sheet", sheet), ("--contact", contact)) if asked]
    refuse_combinations(moving, varied, at, node, every, sheets, strip, (from_, to))
    if moving:
        from n2s.commands.moving import moving_preview

        span = read_time("--from", from_), read_time("--to", to)
        moving_preview(graph, moving[0], set_, Shape(size, fps), span, output, store, json)
        return
    sheet = CONTACT if contact else sheet
    from n2s.runtime.media.png import write_picture
    from n2s.runtime.seeing.drawn import FORMS, write_drawing
    from n2s.runtime.seeing.labels import counts_beats
    from n2s.runtime.seeing.preview import draw_frames, draw_signal
    from n2s.runtime.seeing.summary import summary_text
    from n2s.runtime.seeing.views import View
    from n2s.runtime.session import Session

    what = ["strip"] if strip else ["variations"] if varied else ["sheet"] if sheet or every is not None else []
    name = "-".join([graph.stem, *([node.replace("/", "-")] if node else []), *what])
    target = output or Path("renders") / f"{name}.png"
    if target.suffix.lower() not in FORMS:
        raise GraphError(f'A preview is written as .png, that of a signal also as .svg, not "{target.name}".')
    if several := next((text.split(",") for text in at if "," in text), []):
        typed = " ".join(f"--at {shlex.quote(one.strip())}" for one in several)
        raise ArgumentError(f"--at takes one time, and may be repeated: {typed}.")
    times, step = [read_time("--at", text) for text in at], read_length("--every", every)
    loaded = load(graph, set_, Shape(size, fps))
    refuse_overwrite(target, output is not None, loaded)
    hears = not strip and node in loaded.flat.nodes and counts_beats(loaded.flat.nodes[node])
    if varied:
        if target.suffix.lower() == ".svg":
            raise ArgumentError(f"{varied[0]} shows pictures, which are written as .png; .svg is for signals.")
        from n2s.commands.variations import draw_variations, seeds, settings

        chosen = settings(vary) if vary else seeds(loaded, cast(int, variations))
        with Session(loaded, store, say) as session:
            time = times[0] if times else None
            drawn, seconds = draw_variations(graph, chosen, set_, Shape(size, fps), session, node, time)
        write_picture(target, drawn)
        labels = [label for label, _ in chosen]
        report_file(target, json, f"  at {minutes(seconds)}: {'; '.join(labels)}", variations=labels, seconds=seconds)
        return
    heard: dict[str, Any] = {}
    with Session(loaded, store, say) as session:
        view = View(session, f"{node}.beat" if hears else node)
        frames = choose_strikes(view, times) if strip else choose_frames(view, times, step, sheet)
        if hears:
            heard = preview_heard(view, target, frames)
        elif view.kind == "signal":
            write_drawing(target, draw_signal(view, frames))
        elif target.suffix.lower() == ".svg":
            raise GraphError(f'"{view.name}" gives {view.kind}, which are written as .png; .svg is for signals.')
        else:
            write_picture(target, (strips if strip else draw_frames)(view, frames))
    shown = ", ".join(timecode(frame, view.clock.fps) for frame in frames)
    when = f" at {shown}" if shown else ""
    times = [float(frame / view.clock.fps) for frame in frames]
    if hears:
        report_file(target, json, f"  {node}{when}: {summary_text(heard)}", node=node, times=times, heard=heard)
    else:
        report_file(target, json, f"  {view.name}{when}", node=view.name, times=times)


def refuse_combinations(
    moving: list[str],
    varied: list[str],
    at: list[str],
    node: Any,
    every: Any,
    sheets: list[str],
    strip: bool,
    span: Any,
) -> None:
    """Refuse options that ask for two kinds of preview.

    Raises
    ------
    ArgumentError
        With what to leave out.
    """
    several = ["--every"] * (every is not None) + sheets
    stills = several + ["--strip"] * strip
    kinds = [*(f"--{kind}" for kind in moving), *varied, *stills]
    if (moving or varied) and len(kinds) > 1:
        raise ArgumentError(f"Give {listed(kinds)}: they cannot be combined.")
    if moving and (at or node):
        raise ArgumentError(
            f"--{moving[0]} shows the film, from --from to --to; leave out {'--at' if at else '--node'}."
        )
    if not moving and span != (None, None):
        raise ArgumentError("--from and --to go with --gif, --webp and --webm.")
    if strip and several:
        raise ArgumentError(f"--strip shows frames around strikes; it goes with --at, and not with {listed(several)}.")
    if len(times := ["--at"] * bool(at) + several) > 1:
        raise ArgumentError(f"Give {listed(times)}: they cannot be combined.")
    if varied and len(at) > 1:
        raise ArgumentError(f"{varied[0]} shows one time; give --at once.")


def preview_heard(view: Any, target: Path, frames: list[int]) -> dict[str, Any]:
    """Draw what a node hears of the music, with some frames marked, and return it as a few numbers."""
    from n2s.runtime.seeing.drawn import write_drawing
    from n2s.runtime.seeing.preview import draw_heard, heard_by
    from n2s.runtime.seeing.summary import summarise

    write_drawing(target, draw_heard(view, frames))
    return summarise(heard_by(view), view.clock)


def choose_frames(view: Any, at: list[Any], every: Any, sheet: int | None) -> list[int]:
    """Return the numbers of the frames to show, in rising order."""
    from n2s.graph.expressions import Number
    from n2s.runtime.seeing.preview import spread

    duration = view.clock.duration
    if every is not None:
        step = view.length(every)
        if not step > 0 or duration / step > MOST:
            raise GraphError(
                f"--every {every} would give more than {MOST} pictures in {duration:.1f} s; give a longer time."
            )
        at = [Number(i * step) for i in range(max(1, math.ceil(duration / step - 1e-9)))]
    elif sheet:
        at = spread(view, sheet)
    elif not at and view.kind != "signal":
        at = [Number(duration / 2)]
    return sorted({view.frame_at(time, "--at") for time in at})


def choose_strikes(view: Any, at: list[Any]) -> list[int]:
    """Return the frames around which strips are shown, in rising order."""
    from n2s.runtime.seeing.strips import strongest_strikes

    if view.kind == "signal":
        raise GraphError(f'"{view.name}" is a signal; --strip shows frames, mattes or latents.')
    if len(at) > MOST_STRIPS:
        raise GraphError(f"--strip shows {MOST_STRIPS} times at most; {len(at)} were given.")
    return sorted({view.frame_at(time, "--at") for time in at}) or strongest_strikes(view.graph, view.values)


def strips(view: Any, strikes: list[int]) -> Any:
    """Return strips around some frames as a picture, uint8 (H, W, 3)."""
    from n2s.runtime.seeing.contact import pictures_of
    from n2s.runtime.seeing.strips import draw_strips, frames_around

    frames = frames_around(strikes, view.clock.frames)
    labels = [timecode(strike, view.clock.fps) for strike in strikes]
    return draw_strips(dict(zip(frames, pictures_of(view, frames))), strikes, labels)
