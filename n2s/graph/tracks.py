"""Tracks of an album: their graphs, under the album's frame rate and size."""

from __future__ import annotations

from typing import Any

from n2s.graph.errors import GraphError, Problem
from n2s.graph.graph import Graph


def load_track(album: Graph, name: str) -> Graph:
    """Return the graph of a track, with the album's frame rate and size.

    Raises
    ------
    GraphError
        When the graph states another frame rate or size than the album.
    """
    header, track = album.header, album.nodes[name]
    path = album.resolve(track.path)
    if album.path and path == album.path.resolve():
        raise GraphError([Problem(album.where(name, "path"), "An album cannot be a track of itself.")])
    places = {key: album.where(name, "set", key, key=True) for key in track.set} if album.document else {}
    if album.document:
        places["preset"] = album.where(name, "preset")
    graph = Graph.load(path, track.set, track.preset, places=places)
    inherited = {}
    for field in ("fps", "size"):
        own, wanted = getattr(graph.header, field), getattr(header, field)
        asked = album.document is not None and (field,) in album.document.places  # of the whole album, tracks included
        if own != wanted and field in graph.given and not asked:
            text = f"{field} is {_shown(own)}, but the album has {_shown(wanted)}; take it out of the track."
            raise GraphError([Problem(graph.document.where((field,)), text)])
        inherited[field] = wanted
    graph.header = graph.header.model_copy(update=inherited)
    return graph


def _shown(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)
