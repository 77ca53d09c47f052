"""The films that a graph asks for: one per sink; of an album, one per track and one of all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable

from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.graph import Graph
from n2s.graph.registry import suggest
from n2s.graph.time import Clock
from n2s.graph.tracks import joins_films
from n2s.runtime.context import RunContext
from n2s.runtime.films.albums import album_films
from n2s.runtime.films.films import Film
from n2s.runtime.films.productions import Planner, frames_of
from n2s.runtime.films.profiled import WHOLE, Span, profile_of

OF_TRACKS = "--from and --to cut tracks, not albums; give them with a track's graph."


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
                raise GraphError(OF_TRACKS)
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


def film_sinks(graph: Graph) -> list[str]:
    """Return the sinks of a flat graph that make films of frames of their own; an album has none."""
    return [name for name in graph.sinks() if any(kind.streamed for kind in graph.nodes[name].ports.values())]


def frames_by_themselves(
    graph: Graph, span: Span, excerpt: bool, clock: Callable[[], Clock], context: RunContext
) -> range | None:
    """Return the frames that are looked at by themselves, those of an excerpt; None for the whole film.

    A span without frames is refused here, before anything is measured; see `frames_of_excerpt`.
    """
    if excerpt:
        return frames_of_excerpt(graph, span, clock, context)
    if span != WHOLE and film_sinks(graph.flat):
        frames_of(span, graph.flat, clock(), context)
    return None


def frames_of_excerpt(graph: Graph, span: Span, clock: Callable[[], Clock], context: RunContext) -> range:
    """Return the frames that an excerpt shows; ``clock`` hears the music, if need be.

    Raises
    ------
    ArgumentError
        When no span is asked for, one without frames, or a loop, which is measured by itself anyway.
    GraphError
        When the graph is an album.
    """
    if any(joins_films(graph.flat.nodes[sink]) for sink in graph.flat.sinks()):
        raise GraphError(OF_TRACKS)
    for sink in film_sinks(graph.flat):
        profile = profile_of(graph.flat.nodes[sink])
        if profile and profile.loops:
            text = f"--excerpt: {graph.flat.nodes[sink].profile} is a loop, which is always measured by itself"
            raise ArgumentError(f"{text}; leave --excerpt out.")
    if span == WHOLE:
        raise ArgumentError("--excerpt: say which seconds it shows, with --from, --to or both.")
    return range(*frames_of(span, graph.flat, clock(), context))


def _check_only(planner: Planner, graph: Graph) -> None:
    """Refuse tracks that an album does not have."""
    tracks = [link.node for node in graph.nodes.values() if joins_films(node) for link in node.tracks]
    for name in planner.only:
        if name not in tracks:
            known = suggest(name, tracks) if tracks else "It is for albums."
            raise ArgumentError(f'--only: the graph has no track "{name}". {known}')
