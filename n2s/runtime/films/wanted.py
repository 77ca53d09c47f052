"""The films that a graph asks for: one per sink; of an album, one per track and one of all."""

from __future__ import annotations

import os
import sys

from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.graph import Graph
from n2s.graph.registry import suggest
from n2s.graph.tracks import joins_films
from n2s.runtime.films.albums import album_films
from n2s.runtime.films.films import Film
from n2s.runtime.films.productions import Planner
from n2s.runtime.films.profiled import WHOLE, Span


def wanted_films(planner: Planner, graph: Graph, span: Span = WHOLE) -> list[Film]:
    """Return the films of a graph, those of an album's tracks first.

    Parameters
    ----------
    span : pair of Number or None
        The times to begin and to end at.
    """
    films: list[Film] = []
    whole, graph = graph, graph.flat
    _check_only(planner, graph)
    for sink in graph.sinks():
        if joins_films(graph.nodes[sink]):
            if span != WHOLE:
                raise GraphError("--from and --to cut tracks, not albums; give them with a track's graph.")
            films += album_films(planner, graph, sink)
        else:
            films.append(planner.film(whole, sink, span))
    paths = [film.path for film in films]
    for path in paths:
        try:
            os.fsencode(path)
        except UnicodeEncodeError:
            encoding = sys.getfilesystemencoding()
            text = f"{str(path)!a} cannot be written: the system's encoding of file names is {encoding}."
            raise GraphError(f"{text} Set PYTHONUTF8=1, or choose a name in its characters.") from None
    if double := next((path for path in paths if paths.count(path) > 1), None):
        raise GraphError(f"Two films would be written to {double}; give their sinks different paths.")
    return films


def _check_only(planner: Planner, graph: Graph) -> None:
    """Refuse tracks that an album does not have."""
    tracks = [link.node for node in graph.nodes.values() if joins_films(node) for link in node.tracks]
    for name in planner.only:
        if name not in tracks:
            known = suggest(name, tracks) if tracks else "It is for albums."
            raise ArgumentError(f'--only: the graph has no track "{name}". {known}')
