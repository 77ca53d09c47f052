"""Albums: the graphs of their tracks, under the album's frame rate, size, coding and model, and what they write."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any, cast

from n2s.graph.check import written_already
from n2s.graph.codings import coding_problem, ending_of, has_alpha
from n2s.graph.declare import Node, Sink
from n2s.graph.errors import GraphError, Problem
from n2s.graph.film_names import collision
from n2s.graph.graph import Graph
from n2s.graph.types import FILM


def is_album(graph: Graph) -> bool:
    """Say whether a graph joins tracks."""
    return any(joins_films(node) for node in graph.nodes.values())


def joins_films(node: Node) -> bool:
    """Say whether a node is a sink that joins the films of tracks."""
    return isinstance(node, Sink) and FILM in node.ports.values()


def track_name(graph: Graph, nameless: str = "") -> str:
    """Return what a track is called: its title, or the name of its file; ``nameless`` where it has neither."""
    return graph.header.title or (graph.path.stem if graph.path else nameless)


def coding(album: Node, film: Node) -> list[str]:
    """Return the settings by which an album's sink codes the films of its tracks: those of a base that both share.

    There are none where the film's sink is of another format, whose segments the album cannot join.
    """
    shared = next(cls for cls in type(album).__mro__ if issubclass(type(film), cls))
    alike = issubclass(shared, Sink) and {shared.format} == {album.format, film.format}
    return [field for field in shared.settings() if field not in ("path", "cover")] if alike else []


def load_track(album: Graph, name: str) -> Graph:
    """Return the graph of a track, with the album's frame rate and size, and its model where the track names none.

    It is read once for each album.

    Raises
    ------
    GraphError
        When the graph states another frame rate or size than the album.
    """
    if name not in album.loaded_tracks:
        album.loaded_tracks[name] = _load_track(album, name)
    return album.loaded_tracks[name]


def _load_track(album: Graph, name: str) -> Graph:
    header, track = album.header, album.nodes[name]
    try:
        path = album.resolved(track.path)
    except GraphError as error:
        raise GraphError([Problem(album.where(name, "path"), f"{name}.path: {error}")]) from None
    if album.path and path == album.path.resolve():
        raise GraphError([Problem(album.where(name, "path"), "An album cannot be a track of itself.")])
    places: dict[str, Any] = {}
    if album.document:
        places |= {key: album.where(name, "set", key, key=True) for key in track.set}
        places["preset"] = album.where(name, "preset")
    try:
        graph = Graph.load(path, track.set, track.preset, places=places)
    except GraphError as error:
        if len(error.problems) == 1 and error.problems[0].position and not error.problems[0].position.line:
            found = error.problems[0]  # of the file as a whole: that it is missing, or no text
            if found.position and not found.position.argument:
                text = f"{name}.path: {found.position.path}: {found.text}"
                raise GraphError([Problem(album.where(name, "path"), text)]) from None
        raise
    if is_album(graph):
        raise GraphError([Problem(album.where(name, "path"), f"{name}: {path.name} is an album; a track was wanted.")])
    inherited: dict[str, Any] = {}
    for field in ("fps", "size"):
        own, wanted = getattr(graph.header, field), getattr(header, field)
        asked = album.overridden_at(field) is not None  # of the whole album, tracks included
        if own != wanted and field in graph.header.model_fields_set and not asked:
            text = f"{field} is {_shown(own)}, but the album has {_shown(wanted)}; take it out of the track."
            raise GraphError([Problem(cast(Any, graph.document).where((field,)), text)])
        inherited[field] = wanted
    if album.model_folder and not graph.header.model:
        inherited["model"] = str(album.model_folder)
    return graph.replaced(header=graph.header.model_copy(update=inherited))


def _shown(value: Any) -> str:
    return "x".join(map(str, value)) if isinstance(value, tuple) else str(value)


def coded_track(album: Graph, sink: str, name: str) -> tuple[Graph, str]:
    """Return a track's graph under the coding of an album's sink, and the name of its own sink.

    Raises
    ------
    GraphError
        When it has not exactly one film sink, states another coding than the album, or plays no music.
    """
    node, graph = album.nodes[sink], load_track(album, name)
    asked = album.overridden_at("nodes", sink, "profile") is not None  # of the whole album, tracks included
    sinks = [name for name in graph.sinks() if coding(node, graph.nodes[name])]
    if len(sinks) != 1:
        others = [f"{other} ({type(graph.nodes[other]).__name__})" for other in graph.sinks() if other not in sinks]
        apart = f", beside {', '.join(others)}, whose films it cannot join" if others else ""
        album_format = f"{type(node).__name__}'s format"
        file = graph.path.name if graph.path else name
        text = f"{file} has {len(sinks)} sinks of {album_format}{apart}; a track has exactly one."
        raise GraphError([Problem(album.where(name, "path"), text)])
    film, update = graph.nodes[sinks[0]], {}
    for field in coding(node, film):
        wanted, own = getattr(node, field), getattr(film, field)
        if own != wanted:
            if field in film.model_fields_set and not asked:
                text = f"{sinks[0]}.{field} is {own}, but the album has {wanted}; take it out of one of them."
                raise GraphError([Problem(graph.where(sinks[0], field), text)])
            update[field] = wanted
    if getattr(film, "audio", None) is None:
        text = f"{sinks[0]}.audio: a track of an album needs its music connected to the sink."
        raise GraphError([Problem(graph.where(sinks[0], key=True), text)])
    if has_alpha(film):
        text = f"{sinks[0]}.matte: the film of an album has no transparency; take it out of the track."
        raise GraphError([Problem(graph.where(sinks[0], "matte"), text)])
    if asked and ending_of(film.path) != ending_of(node.path):
        update["path"] = str(PurePosixPath(film.path).with_suffix(ending_of(node.path)))
    coded = film.model_copy(update=update)
    field, text = coding_problem(coded) if update and hasattr(coded, "codec") else ("", "")
    if text:
        place = f"{sinks[0]}.{field}"
        text = f"{place}: under the album's coding, {text}; give the track another, as with set: {{{place}: …}}."
        raise GraphError([Problem(album.where(name, "path"), text)])
    return graph.replaced(nodes={**graph.nodes, sinks[0]: coded}), sinks[0]


def album_problems(album: Graph) -> list[Problem]:
    """Return what is wrong with the tracks of a graph, and with the paths of the films that it and they write."""
    problems: dict[Problem, None] = {}  # each once: two tracks may be one graph
    for name, node in album.nodes.items():
        if node.kind == "track":
            _noting(problems, lambda name=name: load_track(album, name))
    films = {node.path: name for name, node in album.nodes.items() if isinstance(node, Sink)}
    for sink, node in album.nodes.items():
        if not joins_films(node):
            continue
        for i, link in enumerate(node.tracks):
            found = _noting(problems, lambda sink=sink, link=link: coded_track(album, sink, link.node))
            if found is None:
                continue
            graph, own = found
            path = graph.nodes[own].path
            if other := collision(path, films):
                way = f"as with set: {{{own}.path: …}} on the track"
                text = written_already(path, other, films[other]).removesuffix(".")
                place = album.where(sink, "tracks", i) if films[other] == link.node else album.where(link.node, "path")
                problems[Problem(place, f"{link.node}: {text}, {way}.")] = None
            else:
                films[path] = link.node
    return list(problems)


def _noting(problems: dict[Problem, None], find: Any) -> Any:
    """Return what a function finds; note what is wrong and return None where it raises."""
    try:
        return find()
    except GraphError as error:
        problems.update(dict.fromkeys(error.problems))
    return None
