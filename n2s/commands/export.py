"""n2s export: write the numbers of a node to a file, for other programs."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
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
from n2s.graph.errors import ArgumentError, GraphError

# Imported inside functions is what help and completion do not need, so that these start fast.

TELL_EVERY = 5.0  # seconds


def export(
    graph: GraphFile,
    output: Annotated[Path, typer.Option("-o", "--output", help="the file to write: .npz, or .txt for labels")],
    port: Annotated[
        str | None,
        typer.Option("--node", "--port", help="a node, or one of its outputs or parameters", metavar="NODE[.OUTPUT]"),
    ] = None,
    labels: Annotated[
        bool,
        typer.Option("--labels", help="write beats and bars as labels of Audacity; correct them, and give them back"),
    ] = False,
    timelines: Annotated[
        bool, typer.Option("--timelines", help="write every signal and parameter of the track, with a schema")
    ] = False,
    latents: Annotated[
        bool, typer.Option("--latents", help="with --timelines: also what each decoder is given, frame by frame")
    ] = False,
    from_: Begin = None,
    to: End = None,
    every: Annotated[
        str, typer.Option(help="one value every N frames, or every 250 ms, 2 beats, …", metavar="N|TIME")
    ] = "1",
    set_: Overrides = [],
    size: Size = None,
    fps: Fps = None,
    json: AsJson = False,
    store: StoreFolder = None,
) -> None:
    """Write the output of a node to an .npz file: values (one row per frame), frames (numbers), times (s), fps.

    Frames have the size of the film, even if their node gives another size. With --labels, write where beats and bars
    were heard; a Features node takes the file, corrected, as its ``beats``. With --timelines, write all that moves in
    the track: signal/NODE.OUTPUT, param/NODE.PARAMETER, times, sections, drops, and a schema as JSON; with --latents
    also latents/NODE.
    """
    if latents and not timelines:
        raise ArgumentError("--latents goes with --timelines; --node NODE writes the latents of one node.")
    if timelines:
        if port or labels or from_ or to or every != "1":
            raise ArgumentError("--timelines writes all of the track; it goes with no --node, --labels and times.")
        return export_timelines(load(graph, set_, Shape(size, fps)), output, latents, store, json)
    if labels:
        if from_ or to or every != "1":
            raise ArgumentError("--labels writes those of the whole track; it takes no --from, --to and --every.")
        return export_labels(load(graph, set_, Shape(size, fps)), port, output, store, json)
    if port is None:
        raise ArgumentError("--node says what is written: a node, or one of its outputs or parameters.")
    from n2s.runtime.films.moments import frame_meant
    from n2s.runtime.seeing.export import write_arrays
    from n2s.runtime.seeing.views import View
    from n2s.runtime.session import Session

    if output.suffix.lower() != ".npz":
        raise GraphError(f'An export is written as .npz, not "{output.name}".')
    begin, end, step = read_time("--from", from_), read_time("--to", to), read_step(every)
    loaded = load(graph, set_, Shape(size, fps))
    refuse_overwrite(output, True, loaded)
    with Session(loaded, store, say) as session:
        view = View(session, port)
        start = view.frame_at(begin, "--from") if begin else 0
        stop = (
            view.clock.frames
            if end is None
            else min(view.clock.frames, frame_meant(end, view.seconds(end), view.clock.fps))
        )
        frames = range(start, stop, step) if isinstance(step, int) else frames_every(view, step, begin, start, stop)
        if not frames:
            raise GraphError(
                f"--from {begin or 0} --to {end} contains no frame; the track lasts {view.clock.duration:.2f} s."
            )
        shape = write_arrays(output, view, frames, _Progress(len(frames)))
    report_file(
        output,
        json,
        f"  {view.name}: {view.kind}, values {' x '.join(map(str, shape))}",
        node=view.name,
        shape=list(shape),
    )


def frames_every(view: Any, step: Any, begin: Any, start: int, stop: int) -> Sequence[int]:
    """Return the frames, from ``start`` to before ``stop``, that are shown at every so much time from a time on."""
    from n2s.graph.expressions import Number
    from n2s.runtime.films.moments import frame_meant

    length, fps = view.length(step), view.clock.fps
    if length * fps <= 1:
        return range(start, stop)
    first = view.seconds(begin) if begin else 0.0
    times = [first + number * length for number in range(math.ceil((stop - start) / (length * fps)) + 1)]
    return [frame for time in times if start <= (frame := frame_meant(Number(time), time, fps)) < stop]


class _Progress:
    """Tells every few seconds how many frames are written."""

    def __init__(self, frames: int):
        self._frames, self._last = frames, time.monotonic()

    def __call__(self, count: int) -> None:
        if count < self._frames and (now := time.monotonic()) - self._last >= TELL_EVERY:
            self._last = now
            say(f"{count} of {self._frames} frames are written.")


def export_timelines(graph: Any, output: Path, latents: bool, store: str | None, json: bool) -> None:
    """Write every signal and parameter of a track, and the latents if they are asked for."""
    from n2s.graph.check import refuse_album
    from n2s.runtime.seeing.export import write_timelines
    from n2s.runtime.session import Session

    if output.suffix.lower() != ".npz":
        raise GraphError(f'An export is written as .npz, not "{output.name}".')
    refuse_album(graph)
    refuse_overwrite(output, True, graph)
    with Session(graph, store, say) as session:
        count = write_timelines(output, session, latents)
    report_file(output, json, f"  {count} timelines", arrays=count)


def export_labels(graph: Any, port: str | None, output: Path, store: str | None, json: bool) -> None:
    """Write where a graph's beats and bars are."""
    from n2s.graph.check import refuse_album
    from n2s.runtime.seeing.labels import labelled_node, labels, write_labels
    from n2s.runtime.session import Session

    if output.suffix.lower() != ".txt":
        raise ArgumentError(f'Labels are written as .txt, not "{output.name}".')
    refuse_album(graph)
    node = labelled_node(graph.flat, port)
    refuse_overwrite(output, True, graph)
    with Session(graph, store, say) as session:
        found = labels(session.values, node)
    write_labels(output, found)
    beats = sum("." in label.text for label in found)
    about = f"  {node}: {beats} beats, {len(found) - beats} sections"
    report_file(output, json, about, node=node, beats=beats, sections=len(found) - beats)


def read_step(text: str) -> Any:
    """Read a number of frames, or a time with its unit."""
    if text.strip().isdecimal() and text.isascii():
        if not 0 < (frames := int(text)) < 10**9:
            raise ArgumentError(f"--every takes a number of frames from 1 on, not {text}.")
        return frames
    length = cast(Any, read_length("--every", text))  # a text was given
    if not length.unit or not length.value:
        raise ArgumentError(f'--every takes a whole number of frames, or a time like "250 ms", not "{text}".')
    return length
