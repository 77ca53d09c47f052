"""Films: segments and music joined to a file that is published when it is whole."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.code.identity import code_digest
from n2s.graph.code.loaded import stamp
from n2s.graph.errors import RenderError
from n2s.graph.keys import digest
from n2s.plan.film import Chunk, FilmPlan
from n2s.runtime.context import Music
from n2s.runtime.films import encoder, mp4
from n2s.runtime.films.targets import Targets
from n2s.runtime.media.sound import Sound, notes, sound_of
from n2s.runtime.store import Store, publish

SAMPLES_AT_ONCE = 1 << 16


@dataclass(frozen=True)
class Passage:
    """Samples start..stop of a piece of music."""

    music: Music
    start: int
    stop: int


@dataclass(frozen=True)
class Chapter:
    """A named stretch of a film, in samples of its music."""

    title: str
    start: int
    stop: int


@dataclass
class Film:
    """A film to be made: which chunks of which plans, which music, what is written into it."""

    path: Path
    format: str
    fps: Fraction
    parts: list[tuple[FilmPlan, Chunk]]
    music: list[Passage]
    bitrate: int = 192
    title: str = ""
    artist: str = ""
    chapters: list[Chapter] = field(default_factory=list)
    audio_rate: int | str | None = None

    @property
    def frames(self) -> int:
        return sum(chunk.count for _, chunk in self.parts)

    @property
    def suffix(self) -> str:
        """The suffix of its segments in the store."""
        return ".txt" if self.format == "digests" else ".mp4"

    @property
    def pieces(self) -> list[Music]:
        return [passage.music for passage in self.music]

    @property
    def sound(self) -> Sound:
        """How its music is delivered; only for a film that has some."""
        return sound_of(self.pieces, self.audio_rate)

    @property
    def samples(self) -> int:
        """Samples of its sound, at the rate of its sound."""
        count = sum(passage.stop - passage.start for passage in self.music)
        return self.sound.count(count) if self.music else 0

    def notes(self) -> list[str]:
        """Return, in sentences for the user, how its sound differs from its music."""
        return notes(self.sound, self.pieces, self.path.name) if self.format == "film" and self.music else []

    @cached_property
    def identity(self) -> str:
        """The digest of what decides the film's bytes."""
        return digest(self.recipe())

    def recipe(self) -> dict[str, Any]:
        """Return what decides the film's bytes."""
        return {
            "segments": [chunk.key for _, chunk in self.parts],
            "audio": self.audio_recipe() if self.format == "film" else None,
            "metadata": self.metadata() if self.format == "film" else None,
            "fps": str(self.fps),
            "join": code_digest(__name__),
        }

    def audio_recipe(self) -> dict[str, Any] | None:
        if not self.music:
            return None
        passages = [[passage.music.digest, passage.start, passage.stop] for passage in self.music]
        environment = self.parts[0][0].environment
        return {
            "passages": passages,
            "sound": self.sound.recipe(self.pieces),
            "bitrate": self.bitrate,
            "ffmpeg": environment["ffmpeg"],
            "code": code_digest(__name__),
        }

    def metadata(self) -> str:
        """Return title, artist and chapters in FFmpeg's metadata format."""
        rate = self.music[0].music.rate if self.music else 1
        lines = [";FFMETADATA1"]
        lines += [f"{key}={_escape(value)}" for key, value in (("title", self.title), ("artist", self.artist)) if value]
        for chapter in self.chapters:
            lines += ["[CHAPTER]", f"TIMEBASE=1/{rate}", f"START={chapter.start}", f"END={chapter.stop}"]
            lines += [f"title={_escape(chapter.title)}"]
        return "\n".join(lines) + "\n"


def _escape(text: str) -> str:
    for character in "\\=;#\n":
        text = text.replace(character, "\\" + character)
    return text


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
        """Return the record of a film that already lies, unchanged, where it should."""
        record = self.store.noted("films", self._subject(film))
        state = stamp(str(film.path))
        return record["film"] if record and state and list(state) == record.get("state") else None

    def _subject(self, film: Film) -> dict[str, Any]:
        return {"film": film.identity, "path": str(film.path)}

    def publish(self, film: Film, segments: list[Path]) -> dict[str, Any]:
        """Join a film, check it, publish it, and return its record."""
        began = time.perf_counter()
        audio = self.music(film)
        sha256 = ""

        def write(path: Path) -> None:
            nonlocal sha256
            if film.format == "digests":
                path.write_text("".join(segment.read_text() for segment in segments))
            else:
                self._join(film, segments, audio, path)
            with open(path, "rb") as file:
                sha256 = hashlib.file_digest(file, "sha256").hexdigest()
            self.targets.note(film.path, path)

        publish(film.path, write)
        status = film.path.stat()
        record = {
            "path": str(film.path),
            "title": film.title,
            "frames": film.frames,
            "fps": str(film.fps),
            "seconds": float(film.frames / film.fps),
            "samples": film.samples,
            "sound": film.sound.summary() if film.music and film.format == "film" else None,
            "bytes": status.st_size,
            "sha256": sha256,
            "chapters": [chapter.title for chapter in film.chapters],
            "joined_in": round(time.perf_counter() - began, 3),
        }
        note = {"state": list(stamp(str(film.path)) or ()), "film": record}
        self.store.note("films", self._subject(film), note)
        return record

    def music(self, film: Film, check: Callable[[], None] = lambda: None) -> Path | None:
        """Encode the film's music in one go, or take it from the store; None for a film without sound.

        ``check`` is called often, and raises to give up.
        """
        if film.format != "film" or not film.music:
            return None
        recipe = film.audio_recipe()
        key = digest(recipe)
        return self.store.find("audio-tracks", key, ".mp4") or self.store.add(
            "audio-tracks", key, ".mp4", recipe, lambda path: self._encode_music(film, path, check)
        )

    def _encode_music(self, film: Film, path: Path, check: Callable[[], None]) -> None:
        sound = film.sound
        arguments = encoder.audio_arguments(sound.rate, sound.layout, film.bitrate, sound.delivered, film.samples)
        with encoder.FFmpeg(arguments, path) as ffmpeg:
            for passage in film.music:
                matrix = sound.matrix(passage.music)
                for samples in _read(passage):
                    check()
                    ffmpeg.write(np.ascontiguousarray(sound.deliver(samples, matrix).T, "<f4").tobytes())
            ffmpeg.finish()
        for passage in film.music:
            passage.music.check()

    def _join(self, film: Film, segments: list[Path], audio: Path | None, path: Path) -> None:
        listing, metadata = path.with_suffix(".list"), path.with_suffix(".meta")
        try:
            quoted = ["file:" + str(segment).replace("'", "'\\''") for segment in segments]
            listing.write_text(
                "ffconcat version 1.0\n" + "".join(f"file '{name}'\n" for name in quoted), encoding="utf-8"
            )
            metadata.write_text(film.metadata(), encoding="utf-8")
            encoder.run_ffmpeg(encoder.join_arguments(listing, audio, metadata, film.fps), path)
        finally:
            listing.unlink(missing_ok=True)
            metadata.unlink(missing_ok=True)
        check_film(path, film)


def _read(passage: Passage) -> Iterator[np.ndarray]:
    with passage.music.reader() as reader:
        for start in range(passage.start, passage.stop, SAMPLES_AT_ONCE):
            yield reader.read(start, min(SAMPLES_AT_ONCE, passage.stop - start))


def check_film(path: Path, film: Film) -> None:
    """Refuse a joined film that is not exactly as long as its parts.

    Raises
    ------
    RenderError
        When a frame is missing or doubled, or the sound has another length than the music.
    """
    try:
        tracks = {track.handler: track for track in mp4.read_mp4(path)}
    except (ValueError, OSError):
        tracks = {}
    frames = tracks["vide"].samples if "vide" in tracks else None
    if frames != film.frames:
        raise RenderError(
            f"{film.path.name} came out with {frames} frames instead of {film.frames} and was not published; "
            "run again, with --force if it happens twice."
        )
    if film.music:
        rate = film.sound.delivered
        samples = tracks["soun"].duration * rate if "soun" in tracks else None
        # The length is kept in the film's time base, whose ticks may be coarser than samples.
        if samples is None or abs(samples - film.samples) > Fraction(rate, 1000):
            raise RenderError(
                f"{film.path.name} came out with {samples} samples of sound instead of {film.samples} and was "
                "not published; run again, with --force if it happens twice."
            )
