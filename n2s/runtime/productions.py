"""From a graph to the films it asks for: a film a sink; for an album, one for each track and one of all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n2s.graph.errors import GraphError, Problem
from n2s.graph.graph import Graph
from n2s.graph.plan import FilmPlan
from n2s.graph.time import album_boundaries, frames_to_cover, sample_at
from n2s.graph.tracks import load_track
from n2s.graph.values import Values
from n2s.runtime.analysis import analyse
from n2s.runtime.context import Music, RunContext
from n2s.runtime.films import Chapter, Film, Passage

CODING = ("crf", "preset", "depth", "dither", "chunk", "audio_bitrate", "audio_rate")


@dataclass
class Production:
    """A graph with its resident values."""

    graph: Graph
    values: Values

    @property
    def name(self) -> str:
        return self.graph.header.title or (self.graph.path.stem if self.graph.path else "the graph")


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
    """

    def __init__(self, context: RunContext, environment: dict[str, Any], out: Path, began: Callable[[str], None]):
        self.context, self.environment, self.out, self.began = context, environment, out, began
        self._produced: dict[int, Production] = {}

    def films(self, graph: Graph, span: tuple[float | None, float | None] = (None, None)) -> list[Film]:
        """Return the films of a graph, those of an album's tracks first.

        Parameters
        ----------
        span : pair of float or None
            Seconds to begin and to end at.
        """
        films = []
        graph = graph.flat
        for sink in graph.sinks():
            if graph.nodes[sink].format == "album":
                if span != (None, None):
                    raise GraphError("--from and --to cut tracks, not albums; give them with a track's graph.")
                films += self._album(graph, sink)
            else:
                films.append(self._film(graph, sink, span))
        paths = [film.path for film in films]
        if double := next((path for path in paths if paths.count(path) > 1), None):
            raise GraphError(f"Two films would be written to {double}; give their sinks different paths.")
        return films

    def _produce(self, graph: Graph) -> Production:
        if id(graph) not in self._produced:
            name = graph.header.title or (graph.path.stem if graph.path else "the graph")
            self.began(f"hearing {name}")
            self._produced[id(graph)] = Production(graph, analyse(graph, self.context))
        return self._produced[id(graph)]

    def _plan(self, production: Production, sink: str) -> FilmPlan:
        plan = FilmPlan(production.graph, sink, production.values, self.context, self.environment)
        plan.check_ranges()
        return plan

    def _film(self, graph: Graph, sink: str, span: tuple[float | None, float | None]) -> Film:
        production = self._produce(graph)
        plan = self._plan(production, sink)
        node, header, clock = plan.node, graph.header, production.values.clock
        start, stop = _frames(span, clock.fps, clock.frames)
        music = [_music(production, sink)] if node.audio else []
        passages = [_passage(piece, start, stop, clock) for piece in music]
        chapters = [Chapter(header.title, 0, passages[0].stop - passages[0].start)] if passages and header.title else []
        return self._noted(Film(
            self.out / node.path, node.format, header.fps, [(plan, chunk) for chunk in plan.chunks(start, stop)], passages,
            getattr(node, "audio_bitrate", 192), header.title, header.artist, chapters,
            getattr(node, "audio_rate", None),
        ))  # fmt: skip

    def _noted(self, film: Film) -> Film:
        """Return a film, after the user was told how its sound differs from its music."""
        for text in film.notes():
            self.context.say(text)
        return film

    def _album(self, graph: Graph, sink: str) -> list[Film]:
        album = graph.nodes[sink]
        tracks = [self._track(graph, sink, link.node) for link in album.tracks]
        pieces = [_music(production, name) for production, name in tracks]
        rates = {piece.rate for piece in pieces}
        if len(rates) > 1:
            listed = ", ".join(f"{piece.path.name} {piece.rate} Hz" for piece in pieces)
            text = f"An album has one sample rate, but its tracks have several: {listed}. Convert them to one."
            raise GraphError([Problem(graph.where(sink, "tracks"), text)])
        rate, fps = pieces[0].rate, graph.header.fps
        bounds = album_boundaries([piece.samples for piece in pieces], rate, fps)
        films, parts, chapters, at = [], [], [], 0
        for i, ((production, name), piece) in enumerate(zip(tracks, pieces)):
            plan = self._plan(production, name)
            films.append(self._film_of_track(plan, piece))
            parts += [(plan, chunk) for chunk in plan.chunks(0, bounds[i + 1] - bounds[i])]
            title = graph.nodes[album.tracks[i].node].title or production.name
            chapters.append(Chapter(title, at, at + piece.samples))
            at += piece.samples
        passages = [Passage(piece, 0, piece.samples) for piece in pieces]
        header = graph.header
        whole = Film(
            self.out / album.path, "film", fps, parts, passages, album.audio_bitrate, header.title, header.artist,
            chapters, album.audio_rate,
        )  # fmt: skip
        return [*films, self._noted(whole)]

    def _film_of_track(self, plan: FilmPlan, piece: Music) -> Film:
        header, node = plan.graph.header, plan.node
        chapters = [Chapter(header.title, 0, piece.samples)] if header.title else []
        parts = [(plan, chunk) for chunk in plan.chunks(0, frames_to_cover(piece.samples, piece.rate, header.fps))]
        return self._noted(Film(
            self.out / node.path, "film", header.fps, parts, [Passage(piece, 0, piece.samples)],
            node.audio_bitrate, header.title, header.artist, chapters, node.audio_rate,
        ))  # fmt: skip

    def _track(self, album_graph: Graph, album_name: str, track_name: str) -> tuple[Production, str]:
        """Load a track's graph under the album's frame rate, size and coding, and hear its music."""
        album, track = album_graph.nodes[album_name], album_graph.nodes[track_name]
        path = album_graph.resolve(track.path)
        graph = load_track(album_graph, track_name)
        sinks = [name for name in graph.sinks() if graph.nodes[name].format == "film"]
        if len(sinks) != 1:
            text = f"{path.name} has {len(sinks)} film sinks; a track of an album has exactly one."
            raise GraphError([Problem(album_graph.where(track_name, "path"), text)])
        sink = graph.nodes[sinks[0]]
        update = {}
        for field in CODING:
            wanted, own = getattr(album, field), getattr(sink, field)
            if field in album.model_fields_set | sink.model_fields_set and own != wanted:
                if field in sink.model_fields_set:
                    text = f"{sinks[0]}.{field} is {own}, but the album has {wanted}; take it out of one of them."
                    raise GraphError([Problem(graph.where(sinks[0], field), text)])
                update[field] = wanted
        graph.nodes[sinks[0]] = sink.model_copy(update=update)
        if not sink.audio:
            text = f"{sinks[0]}.audio: a track of an album needs its music connected to the sink."
            raise GraphError([Problem(graph.where(sinks[0], key=True), text)])
        return self._produce(graph.flat), sinks[0]


def _music(production: Production, sink: str) -> Music:
    return production.values.read(production.graph.nodes[sink].audio)


def _frames(span: tuple[float | None, float | None], fps: Any, frames: int) -> tuple[int, int]:
    if any(end is not None and not abs(end) < 1e9 for end in span):
        raise GraphError(f"--from {span[0]} --to {span[1]}: a time in seconds was wanted.")
    start = 0 if span[0] is None else round(span[0] * fps)
    stop = frames if span[1] is None else min(frames, round(span[1] * fps))
    if not 0 <= start < stop:
        raise GraphError(f"--from {span[0]} --to {span[1]} leaves no frame of a track of {float(frames / fps):.2f} s.")
    return start, stop


def _passage(piece: Music, start: int, stop: int, clock: Any) -> Passage:
    end = piece.samples if stop >= clock.frames else sample_at(stop, clock.fps, piece.rate)
    return Passage(piece, min(sample_at(start, clock.fps, piece.rate), piece.samples - 1), min(end, piece.samples))
