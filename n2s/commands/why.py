"""n2s why: show why chunks have to be rendered."""

from __future__ import annotations

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
    read_time,
)
from n2s.graph.errors import GraphError
from n2s.graph.timecodes import minutes

# Imported inside functions is what help and completion do not need, so that these start fast.


def why(
    graph: GraphFile,
    chunk: Annotated[int | None, typer.Option(min=0, help="only this chunk, counted from 0")] = None,
    at: Annotated[
        str | None, typer.Option(help="only the chunk shown at this time: 80, 1:20, 8 bars, at drop", metavar="TIME")
    ] = None,
    set_: Overrides = [],
    size: Size = None,
    fps: Fps = None,
    store: StoreFolder = None,
    out: FilmsFolder = FILMS,
    json: AsJson = False,
) -> None:
    """Show why chunks have to be rendered: what differs from the most similar chunk in the store."""
    from n2s.runtime.obstacles import refuse_file
    from n2s.runtime.seeing.explain import Explainer
    from n2s.runtime.session import Session
    from n2s.runtime.store import absolute

    if chunk is not None and at is not None:
        raise GraphError("--chunk and --at both choose a chunk; give only one of them.")
    refuse_file(out, "--out")
    time = read_time("--at", at)
    loaded, events = load(graph, set_, Shape(size, fps)), planning_watcher(json)
    try:
        with Session(loaded, store, events.said, remember=False) as session:
            planned = session.films(absolute(out), began=events.began)
            explainer = Explainer(planned)
            chosen = chosen_chunks(planned.films, chunk, time)
            stale = [about for film, index in chosen for about in explainer.film(film, index)]
    finally:
        events.ended()
    if json:
        for about in stale:
            print_line(about)
        return
    for film, _ in chosen:
        its = [about for about in stale if about["path"] == str(film.path)]
        print("\n".join(text(planned.names[film.path], film, its)))


def chosen_chunks(films: list[Any], chunk: int | None, at: Any) -> list[tuple[Any, int | None]]:
    """Return the films that have what --chunk or --at chooses, with its index; if none has, tell it of the longest."""
    found, errors = [], []
    for film in films:
        try:
            found.append((film, find_chunk(film, chunk, at)))
        except GraphError as error:
            errors.append((len(film.parts) if at is None else film.frames / film.fps, error))
    if errors and not found:
        raise max(errors, key=lambda known: known[0])[1]
    return found


def find_chunk(film: Any, chunk: int | None, at: Any) -> int | None:
    """Return the index of the chunk that --chunk or --at chooses; None for all."""
    from n2s.runtime.films.moments import frame_of_film

    if at is not None:
        frame, passed = frame_of_film(film, at), 0
        for i, (_, part) in enumerate(film.parts):
            passed += part.count
            if 0 <= frame < passed:
                return i
        raise GraphError(f"--at {at} lies outside {film.path.name}, which lasts {float(film.frames / film.fps):.2f} s.")
    if chunk is not None and chunk >= len(film.parts):
        raise GraphError(f"--chunk {chunk}: {film.path.name} has chunks 0 to {len(film.parts) - 1}.")
    return chunk


def text(name: str, film: Any, stale: list[dict[str, Any]]) -> list[str]:
    """Return the stale chunks of a film with their causes in lines; neighbours with the same causes share one entry."""
    if not stale:
        return [f"{name}: nothing to render."]
    groups: list[list[dict[str, Any]]] = []
    for about in stale:
        same = (
            groups
            and cause_texts(groups[-1][-1]) == cause_texts(about)
            and groups[-1][-1]["chunk"] + 1 == about["chunk"]
        )
        groups[-1].append(about) if same else groups.append([about])
    count = sum(not about["stored"] for about in stale)
    lines = [f"{name}: {count} of {len(film.parts)} chunks to render"]
    for group in groups:
        first, last = group[0], group[-1]
        which = f"chunk {first['chunk']}" if first is last else f"chunks {first['chunk']} to {last['chunk']}"
        lines.append(f"  {which}, {minutes(first['from'])} to {minutes(last['to'])}")
        lines += [f"    {cause['text']}{frames_text(i, group)}" for i, cause in enumerate(first["causes"])]
    return lines


def cause_texts(about: dict[str, Any]) -> list[str]:
    return [cause["text"] for cause in about["causes"]]


def frames_text(i: int, group: list[dict[str, Any]]) -> str:
    """Return the range of frames in which a cause holds, over all chunks of a group."""
    causes = [about["causes"][i] for about in group]
    return f" in frames {causes[0]['start']}..{causes[-1]['stop']}" if "start" in causes[0] else ""
