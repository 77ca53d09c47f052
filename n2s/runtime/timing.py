"""What of a graph is wrong in time, as far as that is known without hearing its music: a title after the film's end,
crossfades that are longer than the tracks."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

from n2s.graph import authors
from n2s.graph.errors import GraphError, MediaError, Problem
from n2s.graph.graph import Graph
from n2s.graph.landmarks import Moment
from n2s.graph.node import Node
from n2s.graph.paths import MUSIC, path_settings, paths
from n2s.graph.time import Clock
from n2s.graph.times import is_musical
from n2s.graph.tracks import joins_films, load_track
from n2s.runtime.films.seams import check_crossfades
from n2s.runtime.media.glance import music_length

FINE = 1_000_000  # samples per second, finer than those of music


class UnheardClock(Clock):
    """The clock of a film whose music was not heard: it knows no beats, bars, sections and drops."""

    def place(self, time: Any) -> float:
        if isinstance(time, Moment) or is_musical(time):
            raise GraphError(f'"{time}" is heard in the music, which was not read.')
        return super().place(time)

    def seconds(self, duration: Any) -> float:
        if is_musical(duration):
            raise GraphError(f'"{duration}" is as long as the tempo of the music says, which was not read.')
        return super().seconds(duration)


def unheard_clock(graph: Graph) -> Clock | None:
    """Return the clock of a film as far as it is known without hearing its music; None where its length is not known,
    or nothing asks for it."""
    header = graph.header
    if all(type(node).check_times is Node.check_times for node in graph.in_place.nodes.values()):
        return None
    length = header.duration if header.duration is not None else _music_length(graph)
    return None if length is None else UnheardClock(header.fps, _frames(graph, length))


def _frames(graph: Graph, length: float) -> int:
    return max(1, round(Fraction(length) * graph.header.fps))


def _music_length(graph: Graph) -> float | None:
    """Return the length of the music that the sinks play, or of the only music there is, by its header."""
    nodes = graph.in_place.nodes
    played = {link.node for name in graph.sinks() if (link := getattr(nodes.get(name), "audio", None))}
    files = {
        graph.in_place.resolve(path.text)
        for name, node in nodes.items()
        if not played or name in played
        for field in path_settings(node)
        for path in paths(node, field)
        if path.holds == MUSIC
    }
    return music_length(files.pop()) if len(files) == 1 else None


def crossfade_problems(graph: Graph) -> list[Problem]:
    """Return which tracks of a graph's albums are too short for their crossfades, of those whose length is known."""
    found = []
    for album in filter(joins_films, graph.nodes.values()):
        lengths = [_most_samples(load_track(graph, link.node)) for link in album.tracks]
        try:
            check_crossfades(graph, album, lengths, FINE)
        except GraphError as error:
            found += error.problems
    return found


def _most_samples(track: Graph) -> int | None:
    """Return how many samples at `FINE` the music of a track has at most: lengths in seconds are rounded."""
    header = track.header
    if header.duration is not None:
        seconds = _frames(track, header.duration) / header.fps
    elif (seconds := _music_length(track)) is None:
        return None
    return math.ceil(seconds * FINE) + FINE // 1000


def time_warnings(graph: Graph, clock: Clock) -> list[Problem]:
    """Return what of a graph's nodes never shows, because it lies wholly outside the film."""
    found: dict[Problem, None] = {}
    for name in graph.flat.nodes:
        written, own = graph.flat.origin(name)  # as it was, before what it brings took its place
        node = written.nodes[own]
        if type(node).check_times is Node.check_times:
            continue
        try:
            told = authors.call(written, own, "check_times", node.check_times, clock, written.resolve)
        except (GraphError, MediaError):  # not known yet, or told by whoever reads the file
            continue
        for place, text in told:
            found[Problem(written.where(own, *place), f"{name.partition(':')[0]}.{place[0]}: {text}.")] = None
    return list(found)
