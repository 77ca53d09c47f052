"""What a run record says, as plain data: what was rendered, out of what, by what, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from n2s.graph.graph import Graph
from n2s.runtime import machine
from n2s.runtime.context import RunContext
from n2s.runtime.films.films import Film
from n2s.runtime.films.planned import PlannedFilms
from n2s.runtime.readiness import input_files
from n2s.runtime.records import Report, current_folder
from n2s.runtime.seeing.provenance import TEXTS, overrides_of_file, read_commit, sha256_of


def record_values(
    graph: Graph,
    asked: tuple[Sequence[Any], bool, Sequence[str]],
    planned: PlannedFilms,
    context: RunContext,
    report: Report,
    seconds: float,
) -> dict[str, Any]:
    """Return what the record of a run holds beside its id, its status and when it began.

    Parameters
    ----------
    asked : triple
        The times that the films were to begin and to end at, None where none was asked for; whether this span was
        measured by itself; and the tracks of an album that were asked for alone.
    seconds : float
        Of the whole run.
    """
    span, excerpt, only = asked
    overrides = overrides_of_file(graph)
    path = graph.path if overrides is not None else None  # a graph that was edited may be in no file
    rendered, spent = report.frames - report.frames_beside, report.seconds
    return {
        "graph": str(path) if path else None,
        "commit": read_commit(path.parent) if path else None,
        "overrides": overrides or [],
        "span": [None if time is None else str(time) for time in span],
        "excerpt": excerpt,
        "only": list(only),
        "graphs": _graphs(graph, planned.films),
        "files": {_named(path): sha256_of(path) for path in sorted(input_files(graph)) if path.suffix in TEXTS},
        "models": context.model_digests(),
        "music": context.music_heard(),
        "environment": machine.environment(),
        "machine": machine.describe(),
        "stages": {
            planned.names[film.path]: [[stage.name for stage in plan.stages] for plan in film.plans]
            for film in planned.films
        },
        "chunks": {"rendered": report.rendered, "beside": report.beside, "stored": report.stored},
        "frames": {"rendered": report.frames, "stored": report.frames_stored, "measured": report.measured},
        "seconds": {"all": round(seconds, 3), "rendering": round(spent, 3)},
        "memory": report.memory,
        "frames_per_second": round(rendered / spent, 2) if rendered and spent else None,
        "nodes": {name: _cost(taken, *report.made_twice(name)) for name, taken in report.nodes.items()},
        "films": report.films,
    }


def _graphs(graph: Graph, films: Sequence[Film]) -> dict[str, dict[str, Any]]:
    """Return what is known of each graph file that took part."""
    known = [*(plan.graph for film in films for plan in film.plans), graph]
    found = {str(each.path): each for each in known if each.path}
    return {
        path: {"sha256": sha256_of(Path(path)), "title": each.header.title, "seed": each.header.seed}
        for path, each in sorted(found.items())
    }


def _named(path: Path) -> str:
    """Return the path of a file within the current folder as it is seen from there, so that both may be moved."""
    here = current_folder()
    return path.relative_to(here).as_posix() if here and path.is_relative_to(here) else str(path)


def _cost(seconds: float, frames: int, twice: int) -> dict[str, Any]:
    speed = round((frames + twice) / seconds, 1) if seconds and frames else None
    return {"seconds": round(seconds, 4), "frames": frames, "made_twice": twice, "frames_per_second": speed}
