"""What a run record says, as plain data: what was rendered, out of what, by what, how fast."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n2s.graph.graph import Graph
from n2s.runtime import machine
from n2s.runtime.context import RunContext
from n2s.runtime.films.films import Film
from n2s.runtime.films.planned import PlannedFilms
from n2s.runtime.readiness import graphs_within, input_files
from n2s.runtime.records import Report, current_folder
from n2s.runtime.seeing.provenance import TEXTS, overrides_of_file, read_commit, sha256_of


@dataclass(frozen=True)
class Sources:
    """The graph of a run and the texts that it reads, as they are when it is planned; they may be edited meanwhile.

    Attributes
    ----------
    graph : Graph
    path : Path or None
        The file that gives the graph; one that was edited may be in none.
    commit : str or None
        At which that file stands.
    overrides : list
        What was laid over it.
    digests : dict of Path to str
        The SHA-256 of each file: of graphs, of the bytes that were read.
    """

    graph: Graph
    path: Path | None
    commit: str | None
    overrides: list[list[Any]]
    digests: dict[Path, str | None]

    @classmethod
    def of(cls, graph: Graph) -> Sources:
        overrides = overrides_of_file(graph)
        path = graph.path if overrides is not None else None
        read = {
            each.path.resolve(): each.document.digest
            for each in graphs_within(graph)
            if each.path and each.document and each.document.digest
        }
        files = {file for file in input_files(graph) if file.suffix in TEXTS}
        files |= {each.path.resolve() for each in graphs_within(graph) if each.path}
        digests = {file: read.get(file) or sha256_of(file) for file in files}
        return cls(graph, path, read_commit(path.parent) if path else None, overrides or [], digests)


def record_values(
    sources: Sources,
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
    rendered, spent = report.frames - report.frames_beside, report.seconds
    return {
        "graph": str(sources.path) if sources.path else None,
        "commit": sources.commit,
        "overrides": sources.overrides,
        "span": [None if time is None else str(time) for time in span],
        "excerpt": excerpt,
        "only": list(only),
        "graphs": _graphs(sources, planned.films),
        "files": {_named(path): digest for path, digest in sorted(sources.digests.items()) if path.suffix in TEXTS},
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


def _graphs(sources: Sources, films: Sequence[Film]) -> dict[str, dict[str, Any]]:
    """Return what is known of each graph file that took part."""
    known = [*(plan.graph for film in films for plan in film.plans), sources.graph]
    found = {str(each.path): each for each in known if each.path}
    digests = sources.digests
    return {
        path: {"sha256": digests.get(Path(path).resolve()), "title": each.header.title, "seed": each.header.seed}
        for path, each in sorted(found.items())
    }


def _named(path: Path) -> str:
    """Return the path of a file within the current folder as it is seen from there, so that both may be moved."""
    here = current_folder()
    return path.relative_to(here).as_posix() if here and path.is_relative_to(here) else str(path)


def _cost(seconds: float, frames: int, twice: int) -> dict[str, Any]:
    speed = round((frames + twice) / seconds, 1) if seconds and frames else None
    return {"seconds": round(seconds, 4), "frames": frames, "made_twice": twice, "frames_per_second": speed}
