"""n2s explain: which graph and which run a film came from, and what every parameter was at one of its moments."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any, cast

import typer

from n2s.commands.common import FILMS, AsJson, StoreFolder, from_here, print_line, read_time, say
from n2s.graph.errors import ArgumentError
from n2s.graph.timecodes import minutes, timecode

# Imported inside functions is what help and completion do not need, so that these start fast.

ROOM = 44  # characters of a parameter's name


def explain(
    film: Annotated[Path, typer.Argument(help="a film that n2s wrote", metavar="FILM")],
    at: Annotated[
        str | None, typer.Option("--at", help="this time of the film: 82.6, 1:22.6, at B", metavar="TIME")
    ] = None,
    frame: Annotated[int | None, typer.Option(min=0, help="this frame of the film")] = None,
    everything: Annotated[bool, typer.Option("--all", help="also the parameters that nothing moves")] = False,
    graph: Annotated[
        Path | None, typer.Option("--graph", help="the film's graph, where it was moved", metavar="GRAPH")
    ] = None,
    out: Annotated[Path | None, typer.Option("--out", help="the folder of the run that wrote it")] = None,
    store: StoreFolder = None,
    json: AsJson = False,
) -> None:
    """Say which graph, settings and run a film came from; with a time, what every parameter was then and what moved it.

    A film is known by its bytes, so it may have been renamed, or by its metadata, where its bytes were changed; a film
    that is a folder of pictures, by the list of them that n2s keeps there. Its run is sought beside it, in the folder
    above, in renders/, and in --out; the run knows where its graph is. Of a moment, the pictures that are seen come
    first, then parameters: of the film's own graph in its order, of the nodes of its looks, of what lies deeper in
    these.
    """
    from n2s.runtime.seeing.provenance import find_origin

    if at is not None and frame is not None:
        raise ArgumentError("--at and --frame both name a moment; give one of them.")
    folders = [*([out] if out else []), film.resolve().parent, film.resolve().parent.parent, FILMS, FILMS / "draft"]
    origin = find_origin(film, folders)
    if graph is not None:
        if not graph.is_file():
            raise ArgumentError(f"{graph}: there is no such graph.")
        origin = origin.with_graph(graph)
    about = origin_data(origin)
    moment = None if at is None and frame is None else moment_data(origin, at, frame, store)
    if json:
        print_line(about | ({"moment": moment} if moment else {}))
        return
    print("\n".join([*origin_text(film, about), *(moment_text(moment, everything) if moment else [])]))


def origin_data(origin: Any) -> dict[str, Any]:
    """Return what a film's record says of where it came from, as plain data."""
    from n2s.runtime.seeing.again import command_again

    record, film = origin.record, origin.film
    return {
        "film": film["path"],
        "graph": str(origin.graph),
        "state": origin.state,
        "unchanged": origin.unchanged,
        "exact": origin.exact,
        "commit": record.get("commit"),
        "again": command_again(record, origin.graph, Path(from_here(origin.out)), FILMS),
        "overrides": record.get("overrides", []),
        "seed": record["graphs"].get(record["graph"], {}).get("seed"),
        "run": record["id"],
        "version": record["environment"].get("engine"),
        "models": record.get("models", {}),
        "frames": film["frames"],
        "seconds": film["seconds"],
        "sha256": film["sha256"],
    }


def origin_text(film: Path, about: dict[str, Any]) -> list[str]:
    """Return where a film came from, in lines."""
    known = "the list of its pictures" if film.is_dir() else "its metadata"
    given = ", ".join(f"{target} = {value} ({option})" for target, value, option in about["overrides"])
    return [
        f"{film}: {about['frames']} frames, {minutes(about['seconds'])}",
        *([] if about["exact"] else [f"  bytes     CHANGED since; it is known by {known}"]),
        f"  graph     {about['graph']}, {about['state']}; seed {about['seed']}",
        *([f"  commit    {about['commit']}"] if about["commit"] else []),
        *([f"  settings  {given}"] if given else []),
        f"  run       {about['run']}",
        *(f"  model     {folder}" for folder in about["models"]),
        f"  again     {about['again']}",
        f"  sha256    {about['sha256']}",
    ]


def moment_data(origin: Any, at: str | None, frame: int | None, store: str | None) -> dict[str, Any]:
    """Return what every parameter was at a moment of a film, as plain data.

    Raises
    ------
    ArgumentError
        When the film has no such moment, or its graph is gone, or makes it no longer.
    """
    from n2s.graph.tracks import track_name
    from n2s.runtime.films.moments import frame_of_film
    from n2s.runtime.seeing.places import places_at
    from n2s.runtime.seeing.provenance import load_as_given, parameters_shown, place_in
    from n2s.runtime.session import Session

    if not origin.graph.is_file():
        raise ArgumentError(
            f"{origin.film['path']} was made of {origin.graph}, which is not there any more. Name the graph where it "
            "lies now: --graph GRAPH."
        )
    given = origin.record.get("overrides", [])
    graph = load_as_given(origin.graph, given)
    begin, end = (text and read_time("--from", text) for text in origin.record.get("span", (None, None)))
    if not origin.unchanged:
        say("The graph has changed since; what is told is how it is now.")
    time = read_time("--at", at)
    with Session(graph, store, say, remember=False) as session:
        excerpt = origin.record.get("excerpt", False)
        planned = session.films(origin.out, cast(Any, (begin, end)), excerpt=excerpt)
        film = planned.like(Path(origin.film["path"]))
        if film is None:
            raise ArgumentError(f"{origin.graph} no longer makes {Path(origin.film['path']).name}.")
        number = frame if frame is not None else frame_of_film(film, time)
        if film.identity != origin.film.get("identity") and origin.unchanged:
            say("What it is made of has changed since; what is told is how it is now.")
        plan, own = place_in(film.parts, number)
        clock = plan.values.clock
        marks = clock.landmarks
        seconds = float(own / clock.fps)
        return {
            "frame": number,
            "time": timecode(number, film.fps),
            "track": track_name(plan.graph),
            "frame_of_track": own,
            "bar": round(float(marks.count("bar", cast(Any, [seconds]))[0]), 3) if marks else None,
            "section": next((letter for start, letter in reversed(marks.sections) if start <= seconds), None)
            if marks
            else None,
            "places": places_at(plan, own),
            "parameters": parameters_shown(film.parts, number),
        }


def moment_text(moment: dict[str, Any], everything: bool) -> list[str]:
    """Return what every parameter was at a moment, in lines; those that nothing moves only on request."""
    from n2s.runtime.seeing.places import places_text

    place = f"frame {moment['frame']} at {moment['time']}: {moment['track']}, its frame {moment['frame_of_track']}"
    place += "" if moment["bar"] is None else f", bar {moment['bar']:.2f}"
    place += "" if moment["section"] is None else f", section {moment['section']}"
    lines = [place]
    lines += [
        f"  {f'{name} shows':{ROOM}} {places_text(shares)}" for name, shares in moment["places"].items() if shares
    ]
    for told in moment["parameters"]:
        if "written" not in told and not everything:
            continue
        value = told["value"]
        shown = f"{value:.4g}" if isinstance(value, float) else " ".join(f"{number:.4g}" for number in value)
        line = f"  {told['parameter']:{ROOM}} {shown:>10}"
        if "written" in told:
            moved = ", ".join(f"{name} {number_text(number)}" for name, number in told["moved_by"].items())
            line += f"   {told['written']}" + (f"   ({moved})" if moved else "")
        lines.append(line)
    return lines


def number_text(number: Any) -> str:
    """Return a number or several, shortly."""
    return f"{number:.4g}" if isinstance(number, float) else "[" + " ".join(f"{each:.3g}" for each in number[:8]) + "]"
