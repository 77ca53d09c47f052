"""n2s run: render the films of a graph."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import Annotated, Any

import typer

from n2s.commands.common import (
    FILMS,
    AsJson,
    Begin,
    End,
    Fps,
    GraphFile,
    Overrides,
    Shape,
    Size,
    StoreFolder,
    from_here,
    load,
    print_line,
    read_amount,
    read_time,
)
from n2s.commands.output import work_is_done, write_line
from n2s.graph.timecodes import minutes

# Imported inside functions is what help and completion do not need, so that these start fast.

DEAREST = 6  # nodes whose times the summary tells one by one


def run(
    graph: GraphFile,
    out: Annotated[Path, typer.Option(help="folder for films and run records")] = FILMS,
    store: StoreFolder = None,
    jobs: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="threads, each of which renders one chunk; default: one per processor"),
    ] = None,
    workers: Annotated[
        int | None,
        typer.Option(min=1, max=256, help="render in this many processes instead of threads, one chunk in each"),
    ] = None,
    executor: Annotated[
        str | None,
        typer.Option(
            "--executor",
            "--engine",
            help="what renders: threads, processes, dask (processes of this machine), dask://HOST:PORT (a cluster), or "
            "a name from a package",
            metavar="NAME",
        ),
    ] = None,
    set_: Overrides = [],
    size: Size = None,
    fps: Fps = None,
    profile: Annotated[
        list[str],
        typer.Option(
            "--profile",
            metavar="NAME",
            help="what the films are for, may be repeated: archive, youtube, reels, square, canvas, apple, draft; it "
            "decides coding, size and frame rate",
        ),
    ] = [],
    draft: Annotated[
        bool, typer.Option("--draft", help="short for --profile draft: half the size and frame rate, into OUT/draft")
    ] = False,
    from_: Begin = None,
    to: End = None,
    excerpt: Annotated[
        bool,
        typer.Option(
            "--excerpt",
            help="with --from and --to: a film of these seconds by themselves, soon; what is measured looks at nothing "
            "else, so that light may differ from the whole film's",
        ),
    ] = False,
    dry_run: Annotated[
        bool,
        typer.Option(
            "--dry-run", help="print what would be rendered, and render nothing; what a look measures is measured"
        ),
    ] = False,
    force: Annotated[bool, typer.Option("--force", help="render every chunk again")] = False,
    overwrite: Annotated[bool, typer.Option("--overwrite", help="replace files that n2s did not write")] = False,
    keep_frames: Annotated[
        bool,
        typer.Option("--keep-frames", help="also write the frames of each film as PNG files, into a folder beside it"),
    ] = False,
    only: Annotated[
        list[str],
        typer.Option("--only", metavar="TRACK", help="of an album, the film of this track alone; may be repeated"),
    ] = [],
    strict: Annotated[
        bool,
        typer.Option("--strict", help="fail where a film breaks a quality gate: black, frozen, banded, …"),
    ] = False,
    max_memory: Annotated[
        str | None,
        typer.Option(
            help="the most that the run's processes may use together, like 6GB: fewer chunks are rendered at a time, "
            "and a run that cannot keep to it ends",
            metavar="SIZE",
        ),
    ] = None,
    json: AsJson = False,
) -> None:
    """Render the films of a graph; of an album, its own film and one per track.

    A part of a film, or another use, size or frame rate, is written to a file of its own, so that the whole film stays
    as it is: ember-0m10s-0m20s.mp4, ember-youtube.mp4, ember-320x180-24fps.mp4. A file that n2s did not write is only
    replaced with --overwrite. What several profiles or sinks share is computed once, frames included.
    """
    from n2s.graph.errors import N2SError
    from n2s.runtime.executors.registry import choose_executor
    from n2s.runtime.obstacles import refuse_file
    from n2s.runtime.progress import JsonEvents, watcher
    from n2s.runtime.run import Run
    from n2s.runtime.stores import open_store

    refuse_file(out, "--out")
    events = JsonEvents(write_line) if json else watcher()
    span = read_time("--from", from_), read_time("--to", to)
    kept = open_store(store)
    asked: list[Any] = list(dict.fromkeys([*profile, *(["draft"] if draft else [])])) or [None]
    graphs = [(name, load(graph, set_, Shape(size, fps, name))) for name in asked]  # all that is wrong is told first
    refuse_film(out, graphs[0][1])
    if draft and profile and not json:
        events.said(f"--draft makes a film of its own, beside --profile {' and '.join(dict.fromkeys(profile))}.")
    most = None if max_memory is None else read_amount("--max-memory", max_memory)
    settings = span, force, events, overwrite, keep_frames, strict, only, most, excerpt
    runs = []
    for name, loaded in graphs:
        chosen = choose_executor(executor, jobs, workers)
        folder = out / "draft" if name == "draft" else out
        runs.append(Run(loaded, folder, kept, chosen, *settings))
    failed: list[N2SError] = []
    for place, (name, job) in enumerate(zip(asked, runs)):
        job.later = runs[place + 1 :]
        if dry_run:
            show_dry_run(job, json)
            continue
        try:
            report = job.execute()
        except N2SError as error:
            failed.append(error)
            if not job.is_rendered:
                break
            continue  # the films of other profiles may be without fault
        work_is_done()
        if json:
            print_line({"event": "done", "profile": name, **vars(report), "record": str(report.record)})
        else:
            print(summary(report))
    for error in failed[1:]:
        events.said(str(error))
    if failed:
        raise failed[0]


def refuse_film(out: Path, graph: Any) -> None:
    """Refuse the name of a film where the folder of all of a graph's films is wanted, unless a folder is called so."""
    from n2s.graph.codings import SOUNDS
    from n2s.graph.errors import ArgumentError
    from n2s.graph.file.given import given_text
    from n2s.runtime.films.wanted import film_sinks

    if out.suffix.lower() in (*SOUNDS, ".gif", ".webp") and not out.is_dir():
        named = (f"{sink}.path={given_text(out.name)}" for sink in film_sinks(graph.flat))
        cure = next((f": --set {shlex.quote(setting)}" for setting in named), "")
        text = f"--out names a folder, and {out.name} looks like a film. A film's name is its sink's path{cure}."
        raise ArgumentError(text)


def show_dry_run(job: Any, json: bool = False) -> None:
    """Print what a run would render."""
    from n2s.runtime.foresee import foresee
    from n2s.runtime.measuring import measuring_text

    foreseen = foresee(job)
    tasks, todo, expected, films = foreseen.missing, foreseen.tasks, foreseen.estimate, job.films
    job.events.ended()
    for film in films:
        stale = [chunk for _, chunk in film.parts if chunk.key in tasks]
        frames = sum(chunk.count for chunk in stale)
        done = not stale and job.planned.finished(film) is not None
        if json:
            print_line(
                {
                    "event": "film",
                    "film": job.planned.names[film.path],
                    "path": str(film.path),
                    "chunks": len(film.parts),
                    "frames": film.frames,
                    "to_render": len(stale),
                    "frames_to_render": frames,
                    "up_to_date": done,
                }
            )
            continue
        rendering = f"{len(stale)} of {len(film.parts)} chunks ({frames} of {film.frames} frames) to render"
        joining = "nothing to render; the film is not there as it should be, and is joined of what is stored"
        print(f"{job.planned.names[film.path]}: {rendering if stale else 'up to date' if done else joining}")
    if foreseen.measured and not json:
        print(measuring_text(foreseen.measured, job.span))
    if json:
        waits = todo or foreseen.measured
        seconds, size = (expected.seconds, expected.bytes) if expected else (None, None) if waits else (0.0, 0)
        print_line({"event": "estimate", "frames_to_measure": foreseen.measured, "seconds": seconds, "bytes": size})
    elif tasks and not todo and not foreseen.measured:
        print("They are rendered with those above, of the same frames.")
    elif todo or foreseen.measured:
        print(f"That is {expected.text()}." if expected else "How long it takes is known when it has begun.")
        if foreseen.follows:
            print(foreseen.follows)
    job.context.close()


def summary(report: Any) -> str:
    """Return what a run did, in a few lines."""
    from n2s.graph.amounts import amount_text
    from n2s.graph.wording import counted
    from n2s.runtime.seeing.flashes import flashes_text, long_flashing_text
    from n2s.runtime.seeing.following import following_text
    from n2s.runtime.seeing.gates import gates_text

    lines = [""]
    if report.measured:
        some = "all" if report.measured_beside == report.measured else report.measured_beside
        beside = f", {some} of them while they were rendered" * bool(report.measured_beside)
        lines.append(f"Measured {counted(report.measured, 'frame')}{beside}.")
    for film in report.films:
        path = from_here(film["path"])
        size = amount_text(film["bytes"])
        lines.append(f"{path}  {counted(film['frames'], 'frame')}, {minutes(film['seconds'])}, {size}")
        if len(film["following"]) == 1:  # the tracks of an album have films of their own
            lines.append(f"  {following_text(film['following'][0])}")
        if len(film["flashes"]) == 1:
            (flashes,) = film["flashes"]
            lines += [f"  {text}" for text in (flashes_text(flashes), long_flashing_text(flashes)) if text]
        lines.append(f"  {gates_text(film['gates'])}")
    if report.rendered:
        frames = report.frames - report.frames_beside
        rendered = f"{counted(report.rendered, 'chunk')} ({counted(report.frames, 'frame')}{again_text(report)})"
        beside = f"{'all' if not frames else report.beside} with another film of the same frames" * bool(report.beside)
        taken = f"in {minutes(report.seconds)}, {frames / max(report.seconds, 1e-9):.1f} frames/s" * bool(frames)
        done = ", ".join(filter(None, [f"Rendered {rendered} {taken}".rstrip(), beside]))
        lines.append(f"{done}; {report.stored} came from the store.")
        if spent := spent_text(report):
            lines.append(f"Time by node: {spent}.")
    else:
        lines.append(f"Rendered 0 chunks; {report.stored} came from the store.")
    if report.memory.get("peak"):
        lines.append(memory_text(report.memory))
    lines.append(f"Record: {from_here(report.record)}")
    return "\n".join(lines)


def again_text(report: Any) -> str:
    """Return in words how many of the frames are counted twice, because what was measured changed them."""
    return f", {report.frames_again} of these made twice" * bool(report.frames_again)


def spent_text(report: Any) -> str:
    """Return in words which nodes took most time, the dearest first; the record has all of them."""
    from n2s.graph.wording import counted

    told = sorted(((seconds, name) for name, seconds in report.nodes.items() if seconds >= 0.05), reverse=True)
    parts = [f"{name} {seconds:.1f} s{twice_text(report, name)}" for seconds, name in told[:DEAREST]]
    if rest := told[DEAREST:]:
        parts.append(f"{counted(len(rest), 'other')} {sum(seconds for seconds, _ in rest):.1f} s")
    return ", ".join(parts)


def memory_text(memory: dict[str, Any]) -> str:
    """Return in words how much memory a run used."""
    from n2s.graph.amounts import amount_text
    from n2s.graph.wording import counted

    allowed = f" of {amount_text(memory['limit'])}" if memory["limit"] else ""
    at_once = memory["chunks_at_once"]
    return f"Memory: at most {amount_text(memory['peak'])}{allowed}" + (
        f", with {counted(at_once, 'chunk')} at a time." if at_once else "."
    )


def twice_text(report: Any, name: str) -> str:
    """Return how many frames of films a node made, and how many of these twice, where it did so with any."""
    from n2s.graph.wording import counted

    frames, twice = report.made_twice(name)
    more = "made twice" if twice <= frames else "more times made"
    return f" ({counted(frames, 'frame')}, {twice} {more})" if twice else ""
