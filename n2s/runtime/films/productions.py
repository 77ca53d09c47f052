"""From a graph to the films it asks for: one per sink; for an album, one per track and one of all."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Collection
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any

from n2s.graph.codings import sound_rate
from n2s.graph.declare import Node
from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.format_registry import format_of
from n2s.graph.graph import Graph
from n2s.graph.header import Header
from n2s.graph.registry import suggest
from n2s.graph.time import album_boundaries, exact_lengths, frames_to_cover, sample_at
from n2s.graph.tracks import coded_track, joins_films
from n2s.graph.values import Values
from n2s.plan.film import plan_film
from n2s.plan.keys import Chunk
from n2s.plan.ranges import check_ranges, empty_columns
from n2s.plan.stages import Plan
from n2s.runtime.context import Music, RunContext
from n2s.runtime.films.cards import card_graph, gap_before
from n2s.runtime.films.films import Chapter, Film, Passage, turned_to
from n2s.runtime.films.profiled import WHOLE, Span, as_profiled, profile_of, reshapes
from n2s.runtime.films.targets import film_path, part, version
from n2s.runtime.media.convert import at_rate
from n2s.runtime.media.sound import common_rate
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
    only : collection of str
        The tracks of an album whose films are wanted; none of them stands for all, and the album's own film.
    """

    def __init__(
        self,
        context: RunContext,
        environment: dict[str, Any],
        out: Path,
        began: Callable[[str], None],
        known: Known | None = None,
        measure: Measuring | None = None,
        only: Collection[str] = (),
    ):
        self.only = only
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
        self._check_only(graph)
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

    def _check_only(self, graph: Graph) -> None:
        """Refuse tracks that an album does not have."""
        tracks = [link.node for node in graph.nodes.values() if joins_films(node) for link in node.tracks]
        for name in self.only:
            if name not in tracks:
                known = suggest(name, tracks) if tracks else "It is for albums."
                raise ArgumentError(f'--only: the graph has no track "{name}". {known}')

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
        film = self._put_together(graph.header, node, ending, parts, passages, cover=cover_of(graph, node))
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
        cover: Path | None = None,
        **tags: str,
    ) -> Film:
        """Return a film, after the user was told how its sound differs from its music.

        Its chapters are one of its title, unless others are given; ``tags`` are written into it too.
        """
        if chapters is None and passages and header.title:
            chapters = [Chapter(header.title, 0, passages[0].stop - passages[0].start)]
        path = film_path(self.out, sink.path, ending, format_of(sink).is_folder)
        film = Film(path, sink, header.size, header.fps, parts, passages, header.title, header.artist, chapters or [])
        film.tags, film.cover = tags, cover
        film.cover_digest = self.context.file_digest(cover) if cover else ""
        for text in film.notes():
            self.context.say(text)
        return film

    def _album(self, graph: Graph, sink: str) -> list[Film]:
        album = graph.nodes[sink]
        if reshapes(profile_of(album)):
            self.context.say(f"The profile {album.profile} is for tracks: each gets a film, the album none.")
            chosen = (link.node for link in album.tracks if not self.only or link.node in self.only)
            coded = (coded_track(graph, sink, name) for name in chosen)
            return [self._film(track, name, WHOLE, version(graph)) for track, name in coded]
        links = [link for link in album.tracks if not self.only or link.node in self.only]
        tracks = [self._track(graph, sink, link.node) for link in links]
        own = [_music(production, name) for production, name in tracks]
        rate = common_rate(own, sound_rate(album))
        pieces = [at_rate(piece, rate, self.context.store, self.context.audio) for piece in own]
        if any(piece.rate != rate for piece in own):
            other = ", ".join(f"{piece.path.name} ({piece.rate} Hz)" for piece in own if piece.rate != rate)
            self.context.say(f"The music of {album.path} has {rate} Hz: {other} is converted for it.")
        counts = [production.samples(piece) for (production, _), piece in zip(tracks, own)]
        lengths = exact_lengths([(count, piece.rate) for count, piece in zip(counts, own)], rate)
        plans = [self._plan(production, name) for production, name in tracks]
        titles = [graph.nodes[link.node].title or production.name for link, (production, _) in zip(links, tracks)]
        passages = [Passage(piece, 0, length) for piece, length in zip(pieces, lengths)]
        if album.normalise == "track":
            passages = [self._turned(album, [passage])[0] for passage in passages]
        else:
            passages = self._turned(album, passages)
        films = []
        for link, plan, piece, count, passage in zip(links, plans, own, counts, passages):
            of_track = Passage(piece, 0, count, passage.gain)
            tags = {"album": graph.header.title, "track": f"{album.tracks.index(link) + 1}/{len(album.tracks)}"}
            cover = cover_of(plan.graph, plan.node) or cover_of(graph, album)
            films.append(self._film_of_track(plan, of_track, version(graph), cover, tags))
        if self.only:
            return films
        shown: list[tuple[Plan, Passage]] = []
        chapters, at = [], 0
        for i, (plan, passage, title) in enumerate(zip(plans, passages, titles)):
            gap = round(gap_before(album, i) * rate)
            if gap:
                card = card_graph(graph, plan.node, title if album.cards else "", Fraction(gap, rate))
                shown.append((self._plan(self._produce(card.flat), "out"), Passage(passage.music, 0, gap, gain=0.0)))
            shown.append((plan, passage))
            before = 0 if album.cards else gap
            chapters.append(Chapter(title, at + before, at + gap + passage.stop))
            at += gap + passage.stop
        bounds = album_boundaries([passage.stop for _, passage in shown], rate, graph.header.fps)
        parts = [
            (plan, chunk) for i, (plan, _) in enumerate(shown) for chunk in plan.chunks(0, bounds[i + 1] - bounds[i])
        ]
        music = [passage for _, passage in shown]
        cover = cover_of(graph, album)
        return [*films, self._put_together(graph.header, album, version(graph), parts, music, chapters, cover)]

    def _film_of_track(
        self, plan: Plan, passage: Passage, shape: str, cover: Path | None, tags: dict[str, str]
    ) -> Film:
        header = plan.graph.header
        frames = frames_to_cover(passage.stop, passage.music.rate, header.fps)
        parts = [(plan, chunk) for chunk in plan.chunks(0, frames)]
        ending = shape + version(plan.graph)
        return self._put_together(header, plan.node, ending, parts, [passage], cover=cover, **tags)

    def _track(self, album_graph: Graph, album_name: str, track_name: str) -> tuple[Production, str]:
        """Load a track's graph under the album's frame rate, size and coding, and hear its music."""
        graph, sink = coded_track(album_graph, album_name, track_name)
        return self._produce(graph.flat), sink


def _music(production: Production, sink: str) -> Music:
    return production.values.read(production.graph.nodes[sink].audio)


def cover_of(graph: Graph, sink: Node) -> Path | None:
    """Return the picture that stands for a sink's film."""
    path = getattr(sink, "cover", None)
    return graph.resolve(path) if path else None


def _passage(piece: Music, samples: int, start: int, stop: int, clock: Any) -> Passage:
    """The music of frames start..stop of a film that sounds for so many samples; past its end the music is silent."""
    end = samples if stop >= clock.frames else sample_at(stop, clock.fps, piece.rate)
    return Passage(piece, min(sample_at(start, clock.fps, piece.rate), samples - 1), min(end, samples))
