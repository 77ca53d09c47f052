"""Films: segments and music joined to a file that is published when it is whole."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import RenderError
from n2s.graph.keys import code_digest, digest
from n2s.graph.plan import Chunk, FilmPlan
from n2s.runtime import encoder, mp4
from n2s.runtime.context import Music
from n2s.runtime.store import Store, publish
from n2s.runtime.targets import Targets

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

    @property
    def frames(self) -> int:
        return sum(chunk.count for _, chunk in self.parts)

    @property
    def suffix(self) -> str:
        """The suffix of its segments in the store."""
        return ".txt" if self.format == "digests" else ".mp4"

    @property
    def samples(self) -> int:
        return sum(passage.stop - passage.start for passage in self.music)

    @property
    def channels(self) -> int:
        """Those of the music where it agrees, else stereo."""
        counts = {passage.music.channels for passage in self.music}
        return counts.pop() if len(counts) == 1 else 2

    def recipe(self) -> dict[str, Any]:
        """Return what decides the film's bytes."""
        return {
            "segments": [chunk.key for _, chunk in self.parts],
            "audio": self.audio_recipe() if self.format == "film" else None,
            "metadata": self.metadata() if self.format == "film" else None,
            "fps": str(self.fps),
            "join": code_digest(encoder.join_arguments),
        }

    def audio_recipe(self) -> dict[str, Any] | None:
        if not self.music:
            return None
        passages = [[passage.music.digest, passage.start, passage.stop] for passage in self.music]
        environment = self.parts[0][0].environment
        return {"passages": passages, "channels": self.channels, "bitrate": self.bitrate, "ffmpeg": environment["ffmpeg"],
                "code": code_digest(encoder.audio_arguments), "downmix": code_digest(to_channels)}  # fmt: skip

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


def to_channels(samples: np.ndarray, channels: int) -> np.ndarray:
    """Return samples (channels, n) for another number of channels: mono to both sides, surround by ITU-R BS.775.

    Left = L + 0.707 C + 0.707 Ls, scaled so that nothing can clip; the low-frequency channel is left out.
    """
    have = len(samples)
    if have == channels:
        return samples
    if have == 1:
        return np.repeat(samples, channels, axis=0)
    if channels == 2 and have >= 5:
        centre, left, right = samples[2], samples[-2], samples[-1]
        half = np.float32(0.70710678)
        gain = np.float32(1 / (1 + 2 * 0.70710678))
        return np.stack([samples[0] + half * (centre + left), samples[1] + half * (centre + right)]) * gain
    if channels == 2:
        return np.ascontiguousarray(samples[:2])
    return np.repeat(samples.mean(axis=0, dtype=np.float32)[None], channels, axis=0)


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
        try:
            status = film.path.stat()
        except OSError:
            return None
        same = record and (status.st_size, status.st_mtime_ns) == (record["bytes"], record["changed"])
        return record["film"] if same else None

    def _subject(self, film: Film) -> dict[str, Any]:
        return {"film": digest(film.recipe()), "path": str(film.path)}

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
            "bytes": status.st_size,
            "sha256": sha256,
            "chapters": [chapter.title for chapter in film.chapters],
            "joined_in": round(time.perf_counter() - began, 3),
        }
        note = {"bytes": status.st_size, "changed": status.st_mtime_ns, "film": record}
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
        rate = film.music[0].music.rate
        with encoder.FFmpeg(encoder.audio_arguments(rate, film.channels, film.bitrate), path) as ffmpeg:
            for samples in _read(film.music):
                check()
                ffmpeg.write(np.ascontiguousarray(to_channels(samples, film.channels).T, "<f4").tobytes())
            ffmpeg.finish()

    def _join(self, film: Film, segments: list[Path], audio: Path | None, path: Path) -> None:
        listing, metadata = path.with_suffix(".list"), path.with_suffix(".meta")
        try:
            quoted = ["file:" + str(segment).replace("'", "'\\''") for segment in segments]
            listing.write_text("ffconcat version 1.0\n" + "".join(f"file '{name}'\n" for name in quoted), encoding="utf-8")
            metadata.write_text(film.metadata(), encoding="utf-8")
            encoder.run_ffmpeg(encoder.join_arguments(listing, audio, metadata, film.fps), path)
        finally:
            listing.unlink(missing_ok=True)
            metadata.unlink(missing_ok=True)
        check_film(path, film)


def _read(passages: Iterable[Passage]) -> Iterable[np.ndarray]:
    for passage in passages:
        with passage.music.reader() as reader:
            for start in range(passage.start, passage.stop, SAMPLES_AT_ONCE):
                yield reader.read(start, min(SAMPLES_AT_ONCE, passage.stop - start))


def check_segment(path: Path, frames: int) -> None:
    """Refuse a segment that has not exactly the frames it should: FFmpeg can end well with a short file."""
    try:
        found = next(track.samples for track in mp4.read_mp4(path) if track.handler == "vide")
    except (ValueError, StopIteration, OSError):
        found = None
    if found != frames:
        raise RenderError(f"FFmpeg made a segment of {found} frames instead of {frames}; run again to go on.")


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
        raise RenderError(f"{film.path.name} came out with {frames} frames instead of {film.frames} and was not published; "
                          "run again, with --force if it happens twice.")
    if film.music:
        rate = film.music[0].music.rate
        samples = tracks["soun"].duration * rate if "soun" in tracks else None
        # The length is kept in the film's time base, whose ticks may be coarser than samples.
        if samples is None or abs(samples - film.samples) > Fraction(rate, 1000):
            raise RenderError(f"{film.path.name} came out with {samples} samples of sound instead of {film.samples} and was "
                              "not published; run again, with --force if it happens twice.")
