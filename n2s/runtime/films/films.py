"""Films: segments and music joined to a file or folder that is published when it is whole."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.amounts import amount_text
from n2s.graph.code.identity import code_digest
from n2s.graph.codings import ending_of, sound_codec, sound_rate
from n2s.graph.declare import Node
from n2s.graph.errors import RenderError
from n2s.graph.format import Format
from n2s.graph.format_registry import format_of
from n2s.graph.graph import Graph
from n2s.graph.keys import digest
from n2s.plan.formats import call_format, check_written
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan
from n2s.runtime.context import Music
from n2s.runtime.films import folders
from n2s.runtime.films.kept_frames import frames_folder, publish_frames
from n2s.runtime.films.targets import Targets
from n2s.runtime.media.levels import Levels, gain_to, measure_levels
from n2s.runtime.media.sound import Sound, notes, sound_of
from n2s.runtime.store import Store, publish
from n2s.version import VERSION

SAMPLES_AT_ONCE = 1 << 16
DIGITS = 12  # of a digest, where people read it


@dataclass(frozen=True)
class Passage:
    """Samples start..stop of a piece of music, and by what they are multiplied."""

    music: Music
    start: int
    stop: int
    gain: float = 1.0


@dataclass(frozen=True)
class Chapter:
    """A named stretch of a film, in samples of its music."""

    title: str
    start: int
    stop: int


@dataclass
class Film:
    """A film to be made: its sink, which chunks of which plans, which music, what is written into it."""

    path: Path
    sink: Node
    size: tuple[int, int]
    fps: Fraction
    parts: list[tuple[Plan, Chunk]]
    music: list[Passage]
    title: str = ""
    artist: str = ""
    chapters: list[Chapter] = field(default_factory=list)
    tags: dict[str, str] = field(default_factory=dict)  # what else is written into it: "album", "track"
    between: list[tuple[int, int]] = field(default_factory=list)  # frames start..stop between tracks, of an album
    cover: Path | None = None
    cover_digest: str = ""

    @property
    def format(self) -> Format:
        return format_of(self.sink)

    @property
    def plans(self) -> list[Plan]:
        """The plans of its chunks, each once."""
        return list({id(plan): plan for plan, _ in self.parts}.values())

    @cached_property
    def keys(self) -> frozenset[str]:
        """The keys of its chunks."""
        return frozenset(chunk.key for _, chunk in self.parts)

    @property
    def frames(self) -> int:
        return sum(chunk.count for _, chunk in self.parts)

    @property
    def suffix(self) -> str:
        """The suffix of its segments in the store."""
        return self.format.suffix

    @property
    def pieces(self) -> list[Music]:
        return [passage.music for passage in self.music]

    @property
    def has_sound(self) -> bool:
        return bool(self.music) and self.format.carries_sound

    @property
    def sound(self) -> Sound:
        """How its music is delivered; only for a film that has some."""
        return delivered_sound(self.sink, self.music)

    @property
    def samples(self) -> int:
        """Samples of its sound, at the rate of its sound."""
        count = sum(passage.stop - passage.start for passage in self.music)
        return self.sound.count(count) if self.music else 0

    def notes(self) -> list[str]:
        """Return, in sentences for the user, how its sound differs from its music."""
        return notes(self.sound, self.pieces, self.path.name) if self.has_sound else []

    @cached_property
    def pictures(self) -> str:
        """The digest of what all its frames are made of: its graph, however it is written, its models and its music."""
        return digest([chunk.key for _, chunk in self.parts])

    @property
    def provenance(self) -> str:
        """What its metadata say of where it came from: "n2s 0.1.0 graph=… model=… seed=7"."""
        described = [node.get("files", {}) for plan in self.plans for node in plan.keys.static["nodes"]]
        models = dict.fromkeys(files["decoder"][:DIGITS] for files in described if "decoder" in files)
        seeds = dict.fromkeys(str(plan.graph.header.seed) for plan in self.plans)
        told = {"graph": [self.pictures[:DIGITS]], "model": models, "seed": seeds}
        return " ".join([f"n2s {VERSION}", *(f"{name}={','.join(values)}" for name, values in told.items() if values)])

    @cached_property
    def identity(self) -> str:
        """The digest of what decides the film's bytes."""
        return digest(self.recipe())

    def recipe(self) -> dict[str, Any]:
        """Return what decides the film's bytes; the code of its format stands in the keys of its segments."""
        return {
            "segments": [chunk.key for _, chunk in self.parts],
            "sound": self.sound_recipe() if self.has_sound else None,
            "joined": call_format(self.parts[0][0].graph, self.parts[0][0].end, self.format.join_recipe, self.sink),
            "metadata": self.metadata() if self.format.carries_metadata else None,
            "fps": str(self.fps),
            "join": code_digest(__name__),
        }

    def sound_recipe(self) -> dict[str, Any]:
        """Return what decides the bytes of its encoded music."""
        plan, made = self.parts[0][0], self.format
        return {
            "passages": [[passage.music.digest, passage.start, passage.stop, passage.gain] for passage in self.music],
            "sound": self.sound.recipe(self.pieces),
            "format": call_format(plan.graph, plan.end, made.sound_recipe, self.sink),
            "ffmpeg": plan.environment["ffmpeg"],
            # Formats of one module have the same code behind them; their names tell them apart.
            "code": [code_digest(__name__), type(made).__name__, code_digest(type(made))],
        }

    def metadata(self) -> list[Any]:
        """Return all that is written into it beside pictures and sound, and the rate that chapters are counted in."""
        rate = self.music[0].music.rate if self.music else 1
        chapters = [[chapter.title, chapter.start, chapter.stop] for chapter in self.chapters]
        return [self.title, self.artist, rate, chapters, self.tags, self.cover_digest, self.provenance]


def cover_of(graph: Graph, sink: Node) -> Path | None:
    """Return the picture that stands for a sink's film."""
    path = getattr(sink, "cover", None)
    return graph.resolve(path) if path else None


class FilmMaker:
    """Joins films out of the store.

    Parameters
    ----------
    store : Store
    targets : Targets
        Told of every film that is published.
    """

    def __init__(self, store: Store, targets: Targets):
        self.store, self.targets = store, targets

    def finished(self, film: Film) -> dict[str, Any] | None:
        """Return the record of a film that is already in its place, unchanged; None without one."""
        record = self.store.noted("films", self._subject(film))
        state = folders.state(film.path)
        return record["film"] if record and state and state == record.get("state") else None

    def _subject(self, film: Film) -> dict[str, Any]:
        return {"film": film.identity, "path": str(film.path)}

    def segments(self, film: Film) -> list[Path]:
        """Return the segments of a film, all of which were finished."""
        found = []
        for _, chunk in film.parts:
            path = self.store.find("segments", chunk.key, film.suffix)
            if path is None:
                raise RenderError(
                    f"A finished segment vanished from the store {self.store.address}, or cannot be read there, before "
                    f"{film.path.name} was joined. Run again; if the film is larger than the "
                    f"{amount_text(self.store.limit)} that the store may hold, let it hold more with N2S_STORE_LIMIT."
                )
            found.append(path)
        return found

    def publish(self, film: Film, segments: list[Path]) -> dict[str, Any]:
        """Join a film, check it, publish it, and return its record."""
        began = time.perf_counter()
        sound, made, plan = self.music(film), film.format, film.parts[0][0]
        sha256, inspected, length, written = "", {}, 0, ""

        def write(path: Path) -> None:
            nonlocal sha256, inspected, length, written
            call_format(plan.graph, plan.end, made.join, path, film, segments, sound)
            check_written(plan.graph, plan.end, "join", made.verify, path, film, is_folder=made.is_folder)
            inspected = call_format(plan.graph, plan.end, made.inspect, path, film)
            sha256 = folders.seal(path)
            length, written = folders.size(path), folders.times(path)
            self.targets.check_again(film.path, made.is_folder)
            self.targets.note(film.path, path, sha256)

        (folders.publish_folder if made.is_folder else publish)(film.path, write)
        folders.remove_unfinished(film.path, time.time())
        levels = read_levels(film.music, film.sound, self.store) if film.has_sound else None  # noted with the music
        record = {
            "path": str(film.path),
            "title": film.title,
            "frames": film.frames,
            "fps": str(film.fps),
            "seconds": float(film.frames / film.fps),
            "samples": film.samples,
            "sound": film.sound.summary() if film.has_sound else None,
            "levels": levels and told_levels(levels),
            "inspected": inspected,
            "bytes": length,
            "identity": film.identity,
            "pictures": film.pictures,
            "sha256": sha256,
            "chapters": [chapter.title for chapter in film.chapters],
            "joined_in": round(time.perf_counter() - began, 3),
        }
        state = folders.state(film.path)
        if folders.is_there(film.path, written):  # another run may have published its own here since
            self.store.note("films", self._subject(film), {"state": state, "film": record})
        return record

    def keep_frames(self, film: Film) -> None:
        """Write every frame of a film beside it as ``<film>-frames/000000.png``, as players show them."""
        folder, plan = frames_folder(film.path), film.parts[0][0]
        folders.remove_unfinished(folder, time.time())

        def write(empty: Path) -> None:
            call_format(plan.graph, plan.end, film.format.write_frames, film.path, empty)
            self.targets.refuse_strangers((), [folder])

        publish_frames(folder, write, film.frames)

    def music(self, film: Film, check: Callable[[], None] = lambda: None) -> Path | None:
        """Encode the film's music in one go and measure how loud it is, or take both from the store; None if silent.

        ``check`` is called often, and raises to give up.
        """
        if not film.has_sound:
            return None
        recipe, suffix = film.sound_recipe(), film.format.sound_suffix
        key = digest(recipe)
        made = self.store.find("audio-tracks", key, suffix) or self.store.add(
            "audio-tracks", key, suffix, recipe, lambda path: self._write_music(film, path, check)
        )
        read_levels(film.music, film.sound, self.store, check)  # here, beside the frames, so that nothing waits for it
        return made

    def _write_music(self, film: Film, path: Path, check: Callable[[], None]) -> None:
        plan, failed = film.parts[0][0], []
        blocks = delivered(film.music, film.sound, check, failed)
        call_format(plan.graph, plan.end, film.format.write_sound, path, film, blocks, passing=failed)
        for passage in film.music:
            passage.music.check()


def delivered_sound(sink: Node, music: Sequence[Passage]) -> Sound:
    """Return how passages of music become the sound of a sink's film; loudness that was asked for is in their gains."""
    pieces, codec = [passage.music for passage in music], sound_codec(sink)
    sound = sound_of(pieces, sound_rate(sink), codec, ending_of(getattr(sink, "path", "")))
    return sound if getattr(sink, "loudness", None) is None else replace(sound, gain=1.0)


def read_levels(
    music: Sequence[Passage], sound: Sound, store: Store, check: Callable[[], None] = lambda: None
) -> Levels:
    """Return how loud passages of music are as a film's sound, as the store has noted it or measured now.

    ``check`` is called often, and raises to give up.
    """
    subject = {
        "passages": [[passage.music.digest, passage.start, passage.stop, passage.gain] for passage in music],
        "sound": sound.recipe([passage.music for passage in music]),
        "code": [code_digest(__name__), code_digest(Levels.__module__)],
    }
    if (found := store.noted("levels", subject)) is None:
        failed: list[BaseException] = []
        try:
            found = list(measure_levels(delivered(music, sound, check, failed), sound.rate, sound.layout))
        except RenderError:
            if failed:
                raise failed[0] from None
            raise
        store.note("levels", subject, [None if math.isinf(value) else value for value in found])
    return Levels(*(-math.inf if value is None else value for value in found))


def turned_to(
    wanted: float, music: Sequence[Passage], sink: Node, store: Store, sound: Sound | None = None
) -> tuple[list[Passage], float]:
    """Return passages as loud as was asked for, by one gain, and how loud they become in LUFS.

    ``sound`` is that of the film in which they are heard; left out: of a film of them alone.
    """
    plain = [replace(passage, gain=1.0) for passage in music]
    levels = read_levels(plain, sound or delivered_sound(sink, plain), store)
    decibels = gain_to(levels, wanted)
    return [replace(passage, gain=round(10 ** (decibels / 20), 6)) for passage in plain], levels.loudness + decibels


def told_levels(levels: Levels) -> dict[str, float | None]:
    """Return levels as plain data; None for what silence has none of."""
    names = {"loudness": levels.loudness, "range": levels.range, "true_peak": levels.peak}
    return {name: None if math.isinf(value) else value for name, value in names.items()}


def delivered(
    music: Sequence[Passage], sound: Sound, check: Callable[[], None], failed: list[BaseException]
) -> Iterator[np.ndarray]:
    """Yield music as it is delivered, float32 (n, channels); what fails while it is read is noted."""
    try:
        for passage in music:
            matrix = sound.matrix(passage.music) * np.float32(passage.gain)
            with passage.music.reader() as reader:
                for start in range(passage.start, passage.stop, SAMPLES_AT_ONCE):
                    samples = reader.read(start, min(SAMPLES_AT_ONCE, passage.stop - start))
                    check()
                    yield sound.deliver(samples, matrix).T
    except Exception as error:
        failed.append(error)
        raise
