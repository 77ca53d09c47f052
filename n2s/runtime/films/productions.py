"""From a graph to one of its films: its music and its signals, its plan, its sound, what is written into it."""

from __future__ import annotations

from collections.abc import Callable, Collection
from dataclasses import dataclass, replace
from math import ceil, isfinite
from pathlib import Path
from typing import Any, cast

from n2s.graph.codings import COVERED, ending_of
from n2s.graph.declare import Node
from n2s.graph.errors import ArgumentError, GraphError, Problem
from n2s.graph.format_registry import format_of
from n2s.graph.graph import Graph
from n2s.graph.header import Header
from n2s.graph.time import Clock, sample_at
from n2s.graph.tracks import track_name
from n2s.graph.values import Values
from n2s.plan.film import plan_film
from n2s.plan.keys import Chunk
from n2s.plan.ranges import check_ranges, empty_columns
from n2s.plan.stages import Plan
from n2s.runtime.context import Music, RunContext
from n2s.runtime.films.films import Chapter, Film, Passage, cover_of, turned_to
from n2s.runtime.films.moments import frame_meant
from n2s.runtime.films.profiled import BLEND, WHOLE, Span, as_profiled, profile_of, reshapes
from n2s.runtime.films.targets import EXCERPT, film_path, part, version
from n2s.runtime.media.sound import Sound
from n2s.runtime.render.analysis import Known, Measuring, analyse, behind_measures, resolve_time
from n2s.runtime.timing import time_warnings


def frames_of(span: Span, graph: Graph, clock: Clock, context: RunContext) -> tuple[int, int]:
    """Return the frames start..stop of a span of time."""
    first, last = (time and resolve_time(time, graph, clock, cast(Any, context)) for time in span)
    start = 0 if first is None else frame_meant(span[0], first, clock.fps)
    end = clock.frames if last is None else frame_meant(span[1], last, clock.fps)
    stop = min(clock.frames, end)
    if not 0 <= start < stop:
        asked = " ".join(f"{option} {time}" for option, time in zip(("--from", "--to"), span) if time is not None)
        raise ArgumentError(f"{asked} leaves no frame of a track of {clock.duration:.2f} s.")
    return start, stop


@dataclass
class Production:
    """A graph with its resident values."""

    graph: Graph
    values: Values

    @property
    def name(self) -> str:
        return track_name(self.graph, "the graph")

    def music(self, sink: str) -> Music:
        """Return the music that a sink plays."""
        return self.values.read(self.graph.nodes[sink].audio)

    def samples(self, piece: Music) -> int:
        """Return the samples of a film's sound: as many as the music has, or as the stated duration takes."""
        if self.graph.header.duration is None:
            return piece.samples
        clock = self.values.clock
        return clock.frames * piece.rate * clock.fps.denominator // clock.fps.numerator


@dataclass(frozen=True)
class OfAlbum:
    """What an album makes of the film of a track: what names its version, its gain, its cover and tags."""

    shape: str
    gain: float
    cover: Path | None
    tags: dict[str, str]

    def cover_of(self, sink: Node) -> Path | None:
        """Return the album's cover, where the film of a track may hold one."""
        return self.cover if ending_of(sink.path) in COVERED else None


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
    excerpt : bool
        Films are parts that were measured by themselves, and are named so.
    look : callable, optional
        Told before a loop is measured that nothing but some frames of a sink of a graph has to be looked at.
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
        excerpt: bool = False,
        look: Callable[[Graph, str, range], None] = lambda graph, sink, frames: None,
    ):
        self.only, self.excerpt = only, excerpt
        self.context, self.environment, self.out, self.began, self.known = context, environment, out, began, known
        self.measure, self.look = measure, look
        self._produced: dict[int, Production] = {}
        self._planned: dict[tuple[int, str], Plan] = {}

    def produce(self, graph: Graph) -> Production:
        if id(graph) not in self._produced:
            self.began(f"planning {track_name(graph, 'the graph')}")
            values = self._analysed(graph, self.measure)
            for text in empty_columns(graph, values):
                self.context.say(text)
            for warning in time_warnings(graph, values.clock):
                self.context.say(f"warning: {warning}")
            self._produced[id(graph)] = Production(graph, values)
        return self._produced[id(graph)]

    def _analysed(
        self, graph: Graph, measure: Measuring | None = None, without: frozenset[str] = frozenset()
    ) -> Values:
        """Analyse a graph, and close its music: an album may have more tracks than files may be open."""
        try:
            return analyse(graph, cast(Any, self.context), self.known, measure, without)
        finally:
            self.context.close_music()

    def plan(self, production: Production, sink: str) -> Plan:
        """Return the plan of a film, which an album shares with its track."""
        known = id(production), sink
        if known not in self._planned:
            plan = plan_film(production.graph, sink, production.values, self.context, self.environment)
            check_ranges(plan)
            self._planned[known] = plan
        return self._planned[known]

    def film(self, graph: Graph, sink: str, span: Span, album: OfAlbum | None = None) -> Film:
        """Return one film of a graph that is not flattened; ``album`` is what an album makes of its track."""
        profile = profile_of(graph.flat.nodes[sink])
        if reshapes(profile):
            graph, (start, stop) = self._reshaped(graph, sink, span)
            production = self.produce(graph.flat)
        else:
            production = self.produce(graph.flat)
            start, stop = frames_of(span, production.graph, production.values.clock, self.context)
        plan = self.plan(production, sink)
        node, clock = plan.node, production.values.clock
        passages = []
        if getattr(node, "audio", None) and not (profile and profile.silent):
            piece = production.music(sink)
            passages = [_passage(piece, production.samples(piece), start, stop, clock)]
            gain = album and album.gain
            passages = self.turned(node, passages) if gain is None else [replace(passages[0], gain=gain)]
        ending = (album.shape if album else "") + version(graph)
        if span != WHOLE:
            ending += part(start, stop, clock.frames, clock.fps)
        ending += EXCERPT * self.excerpt
        parts = [(plan, chunk) for chunk in plan.chunks(start, stop)]
        cover = cover_of(graph, node) or (album.cover_of(node) if album else None)
        tags = album.tags if album else {}
        film = self.put_together(graph.header, node, ending, parts, passages, cover=cover, tags=tags)
        for text in profile.problems(film.size, film.fps, film.frames / film.fps) if profile else ():
            self.context.say(f"{film.path.name} {text} by {node.profile}.")
        return film

    def _reshaped(self, graph: Graph, sink: str, span: Span) -> tuple[Graph, tuple[int, int]]:
        """Return a graph with what the profile of a sink asks for before it, and the frames that are shown.

        What is heard decides on them, and no measure. A loop is a film of its own: nothing outside of it and of what
        its end dissolves into is measured.
        """
        flat = graph.flat
        if sink not in graph.nodes:
            text = f"{sink}.profile: {flat.nodes[sink].profile} is for sinks that are in no sub-graph."
            raise GraphError([Problem(flat.where(sink, "profile"), text)])
        heard = self._analysed(flat, without=behind_measures(flat))
        start, stop = frames_of(span, flat, heard.clock, self.context)
        asked = None if span == WHOLE else (start, stop if span[1] is not None else None)
        graph, (start, stop) = as_profiled(graph, sink, heard, asked)
        if cast(Any, profile_of(flat.nodes[sink])).loops:
            self.look(graph, sink, range(max(0, start - ceil(BLEND * heard.clock.fps)), stop))
        return graph, (start, stop)

    def turned(self, sink: Node, passages: list[Passage], sound: Sound | None = None, film: str = "") -> list[Passage]:
        """Return passages as loud as the sink asks for, in a film of such a sound or of them alone.

        The user is told where that cannot be, of the ``film``; left out: of the sink's.
        """
        wanted = getattr(sink, "loudness", None)
        if wanted is None or not passages:
            return passages
        turned, loudness = turned_to(wanted, passages, sink, self.context.store, sound)
        if not isfinite(loudness):
            what = passages[0].music.name if len(passages) == 1 else sink.path
            text = "cannot be measured: it is silent, or shorter than 0.4 s. It is not turned up."
            self.context.say(f"The loudness of {what} {text}")
        elif loudness < wanted - 0.1:
            text = (
                f"The sound of {film or sink.path} becomes {loudness:.1f} LUFS, not {wanted:g}: its true peak is -1 "
                "dBTP then."
            )
            self.context.say(text)
        return turned

    def put_together(
        self,
        header: Header,
        sink: Node,
        ending: str,
        parts: list[tuple[Plan, Chunk]],
        passages: list[Passage],
        chapters: list[Chapter] | None = None,
        cover: Path | None = None,
        tags: dict[str, str] | None = None,
    ) -> Film:
        """Return a film, after the user was told how its sound differs from its music.

        Its chapters are one of its title, unless others are given; ``tags`` are written into it too.
        """
        if chapters is None and passages and header.title:
            chapters = [Chapter(header.title, 0, passages[0].stop - passages[0].start)]
        path = film_path(self.out, sink.path, ending, format_of(sink).is_folder)
        film = Film(path, sink, header.size, header.fps, parts, passages, header.title, header.artist, chapters or [])
        film.tags, film.cover = tags or {}, cover
        film.cover_digest = self.context.file_digest(cover) if cover else ""
        for text in film.notes():
            self.context.say(text)
        return film


def _passage(piece: Music, samples: int, start: int, stop: int, clock: Any) -> Passage:
    """The music of frames start..stop of a film that sounds for so many samples; past its end the music is silent."""
    end = samples if stop >= clock.frames else sample_at(stop, clock.fps, piece.rate)
    return Passage(piece, min(sample_at(start, clock.fps, piece.rate), samples - 1), min(end, samples))
