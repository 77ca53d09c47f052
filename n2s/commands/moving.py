"""Previews that move: a few seconds of a film as GIF, animated WebP or WebM, small and soon."""

from __future__ import annotations

import os
import time
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from n2s.commands.common import Shape, from_here, load, report_file
from n2s.graph.codings import rate_problem
from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.timecodes import timecode

# Imported inside functions is what help and completion do not need, so that these start fast.

LEAST, MOST = 3.0, 6.0  # s that are shown where no times are given


@dataclass(frozen=True)
class Kind:
    """How one kind of file is made: its longer side and frame rate at most, and the settings of its sink."""

    longest: int
    fps: Fraction
    node: str
    settings: dict[str, Any]


KINDS = {
    "gif": Kind(400, Fraction(25, 2), "AnimationSink", {}),  # frames of 8/100 s, which a GIF can have
    "webp": Kind(480, Fraction(15), "AnimationSink", {}),
    "webm": Kind(854, Fraction(30), "FFmpegSink", {"codec": "vp9", "preset": "veryfast", "crf": 32}),
}


def moving_preview(
    path: Path,
    kind: str,
    overrides: list[str],
    shape: Shape,
    span: tuple[Any, Any],
    output: Path | None,
    store: str | None,
    json: bool,
) -> None:
    """Render the best seconds of a film, or those of a span, and write them as one small file."""
    from n2s.graph.amounts import amount_text
    from n2s.graph.check import refuse_album
    from n2s.graph.excerpts import choose_excerpt
    from n2s.graph.expressions import Number
    from n2s.graph.whole import remove, temporary_name
    from n2s.runtime.events import Events
    from n2s.runtime.films.folders import remove_unfinished
    from n2s.runtime.films.targets import Targets
    from n2s.runtime.progress import watcher
    from n2s.runtime.readiness import input_files
    from n2s.runtime.run import Run
    from n2s.runtime.session import Session
    from n2s.runtime.store import absolute, check_folder
    from n2s.runtime.stores import open_store

    target = absolute(output or Path("renders") / f"{path.stem}-preview.{kind}")
    if target.suffix.lower() != f".{kind}":
        raise GraphError(f'--{kind} writes a .{kind} file, not "{target.name}".')
    loaded = load(path, overrides, shape)
    refuse_album(loaded)
    if not loaded.sinks():
        raise GraphError("The graph makes no film.")
    small = Shape(shape.size or small_size(loaded.header.size, kind), shape.fps or small_rate(loaded.header.fps, kind))
    graph = with_sink(load(path, overrides, small), kind, target.name)
    if text := rate_problem(graph.nodes[graph.sinks()[0]], graph.header.fps):
        raise ArgumentError(f"--fps: {text}.")
    kept, events = open_store(store), Events() if json else watcher()
    targets = Targets(kept, target.parent, output is not None)
    targets.check({target: False}, input_files(graph))
    with Session(graph, kept, events.said) as session:
        clock = session.clock
        if span == (None, None):
            start, stop = choose_excerpt(clock, LEAST, MOST)
            span = Number(float(start / clock.fps)), Number(float(stop / clock.fps))
    check_folder(target.parent)
    remove_unfinished(target, time.time())
    folder = temporary_name(target)  # a run writes records beside its film, too
    try:
        report = Run(graph, folder, kept, span=span, events=events, excerpt=True).execute()
        made = Path(report.films[0]["path"])
        targets.note(target, made, report.films[0]["sha256"])
        os.replace(made, target)
    finally:
        remove(folder)
    film, begin = report.films[0], timecode(frame_of_span(span, clock), clock.fps)
    words = f"  {film['seconds']:.1f} s from {begin} on, {amount_text(film['bytes'])}"
    report_file(Path(from_here(target)), json, words, seconds=film["seconds"], bytes=film["bytes"])


def frame_of_span(span: tuple[Any, Any], clock: Any) -> int:
    """Return the first frame of a span."""
    from n2s.runtime.films.moments import frame_meant

    return 0 if span[0] is None else frame_meant(span[0], clock.place(span[0]), clock.fps)


def small_size(size: tuple[int, int], kind: str) -> str:
    """Return the size of a preview in words of the command line: sides are even."""
    by = min(1, Fraction(KINDS[kind].longest, max(size)))
    return "x".join(str(max(16, round(side * by / 2) * 2)) for side in size)


def small_rate(fps: Fraction, kind: str) -> str:
    """Return the frame rate of a preview: the film's, halved until it is low enough; a GIF has one of its own."""
    most = KINDS[kind].fps
    if kind == "gif":
        return str(min(fps, most))
    while fps > most:
        fps /= 2
    return str(fps)


def with_sink(graph: Any, kind: str, name: str) -> Any:
    """Return a graph whose only film is a preview of its first one."""
    from n2s.graph.registry import node_types

    sinks = graph.sinks()
    node = graph.nodes[sinks[0]]
    made = KINDS[kind]
    links = {"frames": node.frames} | ({"audio": node.audio} if getattr(node, "audio", None) else {})
    sink = node_types()[made.node](path=name, **links, **made.settings)
    rest = {other: kept for other, kept in graph.nodes.items() if other not in sinks}
    return graph.replaced(nodes={**rest, sinks[0]: sink})
