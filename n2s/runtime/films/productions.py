"""From a graph to the films it asks for: one per sink; for an album, one per track and one of all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n2s.graph.declare import Node
from n2s.graph.errors import ArgumentError, GraphError, Problem
from n2s.graph.format_registry import format_of
from n2s.graph.graph import Graph
from n2s.graph.header import Header
from n2s.graph.time import album_boundaries, frames_to_cover, sample_at
from n2s.graph.tracks import coded_track, joins_films
from n2s.graph.values import Values
from n2s.plan.film import plan_film
from n2s.plan.keys import Chunk
from n2s.plan.ranges import check_ranges, empty_columns
from n2s.plan.stages import Plan
from n2s.runtime.context import Music, RunContext
from n2s.runtime.films.films import Chapter, Film, Passage, turned_to
from n2s.runtime.films.profiled import WHOLE, Span, as_profiled, profile_of, reshapes
from n2s.runtime.films.targets import film_path, part, version
from n2s.runtime.render.analysis import Known, Measuring, analyse, frame_of, resolve_time

LONGEST = 1e9  # seconds; no track comes near it


@dataclass
class Production:
    """A graph with its resident values."""

    graph: Graph
    values: Values

    @property
    def name(self) -> str:
        return self.graph.header.title or (self.graph.path.stem if self.graph.path else "the graph")

    def samples(self, piece: Music) -> int:
        """Return the samples of a film's sound: as many as the music has, or as the stated duration takes."""
        if self.graph.header.duration is None:
            return piece.samples
        clock = self.values.clock
        return clock.frames * piece.rate * clock.fps.denominator // clock.fps.numerator


class Planner:
    """Turns graphs into films.

    Parameters
    ----------
    context : RunContext
    environment : mapping
        What decides bits beside the graphs.
    out : Path
        The folder that films are written to.
    began : callable
        Told when a step begins that may take a moment.
    known : dict, optional
        What resident nodes gave before; see `analyse`.
    measure : callable, optional
        Looks at frames, where graphs have measures.
    """

    def __init__(
        self,
        context: RunContext,
        environment: dict[str, Any],
        out: Path,
        began: Callable[[str], None],
        known: Known | None = None,
        measure: Measuring | None = None,
    ):
        self.context, self.environment, self.out, self.began, self.known = context, environment, out, began, known
        self.measure = measure
        self._produced: dict[int, Production] = {}

    def films(self, graph: Graph, span: Span = (None, None)) -> list[Film]:
        """Return the films of a graph, those of an album's tracks first.

        Parameters
        ----------
        span : pair of Number or None
            The times to begin and to end at.
        """
        films = []
        whole, graph = graph, graph.flat
        for sink in graph.sinks():
            if joins_films(graph.nodes[sink]):
                if span != (None, None):
                    raise GraphError("--from and --to cut tracks, not albums; give them with a track's graph.")
                films += self._album(graph, sink)
            else:
                films.append(self._film(whole, sink, span))
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

    def _produce(self, graph: Graph) -> Production:
        if id(graph) not in self._produced:
            name = graph.header.title or (graph.path.stem if graph.path else "the graph")
            self.began(f"hearing {name}")
            values = analyse(graph, self.context, self.known, self.measure)
            for text in empty_columns(graph, values):
                self.context.say(text)
            self._produced[id(graph)] = Production(graph, values)
        return self._produced[id(graph)]

    def _plan(self, production: Production, sink: str) -> Plan:
        plan = plan_film(production.graph, sink, production.values, self.context, self.environment)
        check_ranges(plan)
        return plan

    def _frames(self, span: Span, production: Production) -> tuple[int, int]:
        """Return the frames of a span of time."""
        clock = production.values.clock
        first, last = (time and resolve_time(time, production.graph, clock, self.context) for time in span)
        start = 0 if first is None else frame_of(span[0], min(first, LONGEST), clock.fps)
        stop = clock.frames if last is None else min(clock.frames, frame_of(span[1], min(last, LONGEST), clock.fps))
        if not 0 <= start < stop:
            asked = " ".join(f"{option} {time}" for option, time in zip(("--from", "--to"), span) if time is not None)
            raise ArgumentError(f"{asked} leaves no frame of a track of {clock.duration:.2f} s.")
        return start, stop

    def _film(self, graph: Graph, sink: str, span: Span, shape: str = "") -> Film:
        """Return one film of a graph that is not flattened; ``shape`` names what an album makes of it."""
        production, profile, chosen = self._produce(graph.flat), profile_of(graph.nodes[sink]), span
        if reshapes(profile):
            graph, chosen = as_profiled(graph, sink, production.values, span)
            production = self._produce(graph.flat)
        plan = self._plan(production, sink)
        node, clock = plan.node, production.values.clock
        start, stop = self._frames(chosen, production)
        sounds = getattr(node, "audio", None) and not (profile and profile.silent)
        passages = []
        if sounds:
            piece = _music(production, sink)
            passages = self._turned(node, [_passage(piece, production.samples(piece), start, stop, clock)])
        ending = shape + version(graph)
        if chosen == span:  # and not what the profile chose
            ending += part(start, stop, clock.frames, clock.fps)
        parts = [(plan, chunk) for chunk in plan.chunks(start, stop)]
        film = self._put_together(graph.header, node, ending, parts, passages)
        for text in profile.problems(film.size, film.fps, film.frames / film.fps) if profile else ():
            self.context.say(f"{film.path.name} {text} by {node.profile}.")
        return film

    def _turned(self, sink: Node, passages: list[Passage]) -> list[Passage]:
        """Return passages as loud as the sink asks for; the user is told where peaks allow less."""
        wanted = getattr(sink, "loudness", None)
        if wanted is None or not passages:
            return passages
        turned, loudness = turned_to(wanted, passages, sink, self.context.store)
        if loudness < wanted - 0.1:
            text = (
                f"The sound of {sink.path} becomes {loudness:.1f} LUFS, not {wanted:g}: its true peak is -1 dBTP then."
            )
            self.context.say(text)
        return turned

    def _put_together(
        self,
        header: Header,
        sink: Node,
        ending: str,
        parts: list[tuple[Plan, Chunk]],
        passages: list[Passage],
        chapters: list[Chapter] | None = None,
    ) -> Film:
        """Return a film, after the user was told how its sound differs from its music.

        Its chapters are one of its title, unless others are given.
        """
        if chapters is None and passages and header.title:
            chapters = [Chapter(header.title, 0, passages[0].stop - passages[0].start)]
        path = film_path(self.out, sink.path, ending, format_of(sink).is_folder)
        film = Film(path, sink, header.size, header.fps, parts, passages, header.title, header.artist, chapters or [])
        for text in film.notes():
            self.context.say(text)
        return film

    def _album(self, graph: Graph, sink: str) -> list[Film]:
        album = graph.nodes[sink]
        if reshapes(profile_of(album)):
            self.context.say(f"The profile {album.profile} is for tracks: each gets a film, the album none.")
            coded = (coded_track(graph, sink, link.node) for link in album.tracks)
            return [self._film(track, name, WHOLE, version(graph)) for track, name in coded]
        tracks = [self._track(graph, sink, link.node) for link in album.tracks]
        pieces = [_music(production, name) for production, name in tracks]
        rates = {piece.rate for piece in pieces}
        if len(rates) > 1:
            listed = ", ".join(f"{piece.path.name} {piece.rate} Hz" for piece in pieces)
            text = f"An album has one sample rate, but its tracks have several: {listed}. Convert them to one."
            raise GraphError([Problem(graph.where(sink, "tracks"), text)])
        rate, fps = pieces[0].rate, graph.header.fps
        lengths = [production.samples(piece) for (production, _), piece in zip(tracks, pieces)]
        bounds = album_boundaries(lengths, rate, fps)
        passages = [Passage(piece, 0, length) for piece, length in zip(pieces, lengths)]
        if album.normalise == "track":
            passages = [self._turned(album, [passage])[0] for passage in passages]
        else:
            passages = self._turned(album, passages)
        films, parts, chapters, at = [], [], [], 0
        for i, (production, name) in enumerate(tracks):
            plan = self._plan(production, name)
            films.append(self._film_of_track(plan, passages[i], version(graph)))
            parts += [(plan, chunk) for chunk in plan.chunks(0, bounds[i + 1] - bounds[i])]
            title = graph.nodes[album.tracks[i].node].title or production.name
            chapters.append(Chapter(title, at, at + lengths[i]))
            at += lengths[i]
        return [*films, self._put_together(graph.header, album, version(graph), parts, passages, chapters)]

    def _film_of_track(self, plan: Plan, passage: Passage, shape: str) -> Film:
        header = plan.graph.header
        frames = frames_to_cover(passage.stop, passage.music.rate, header.fps)
        parts = [(plan, chunk) for chunk in plan.chunks(0, frames)]
        return self._put_together(header, plan.node, shape + version(plan.graph), parts, [passage])

    def _track(self, album_graph: Graph, album_name: str, track_name: str) -> tuple[Production, str]:
        """Load a track's graph under the album's frame rate, size and coding, and hear its music."""
        graph, sink = coded_track(album_graph, album_name, track_name)
        return self._produce(graph.flat), sink


def _music(production: Production, sink: str) -> Music:
    return production.values.read(production.graph.nodes[sink].audio)


def _passage(piece: Music, samples: int, start: int, stop: int, clock: Any) -> Passage:
    """The music of frames start..stop of a film that sounds for so many samples; past its end the music is silent."""
    end = samples if stop >= clock.frames else sample_at(stop, clock.fps, piece.rate)
    return Passage(piece, min(sample_at(start, clock.fps, piece.rate), samples - 1), min(end, samples))
