"""Harmony and melody of the music, as signals."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.context import AudioHandle, Scene
from n2s.graph.declare import Output, Resident, port
from n2s.graph.errors import GraphError
from n2s.graph.types import SIGNAL, Audio
from n2s.hearing.harmony import harmonic_change
from n2s.hearing.key import find_key, minor_around, name_of
from n2s.hearing.rows import STEP
from n2s.hearing.tones import compile_librosa, hear_tones
from n2s.nodes.heard import TONES

CLEAR = 0.3  # share of what is held, from which a pitch leads
LIBRARIES = ("librosa", "scipy", "soxr")  # whose versions decide what is heard
PATIENCE = 2.0  # s, after which the user is told what takes so long
COMPILES = "librosa is compiled for its first use, which takes about half a minute, once per installation."
MISSING = "{node} hears with librosa, which is not installed. Cure: pip install 'n2s[hearing]'."


def library_versions() -> dict[str, str] | None:
    """Return the versions of what decides what is heard; None where something is not installed."""
    try:
        return {library: version(library) for library in LIBRARIES}
    except PackageNotFoundError:
        return None


def start_compiling(context: Any) -> None:
    """Let librosa compile in a thread, beside what else is heard, where this store has never seen it compiled."""
    if versions := library_versions():
        threading.Thread(target=_compile_once, args=(context, versions), name="librosa").start()


def _compile_once(context: Any, versions: dict[str, str]) -> None:
    def make() -> dict[str, np.ndarray]:
        compile_librosa()
        return {"compiled": np.ones(1, np.float32)}

    context.keep("compiled", dict(versions), make)


class Harmony(Resident):
    """Hear the harmony: pitch classes, key, major and minor, changes of chords.

    A constant-Q transform with three bins per semitone, of what is held and not struck, at the tuning of the piece, so
    that it tells chords from drums, and hears tones below A2 and above A6, which the quicker ``features.chroma`` does
    not.

    ``chroma`` is how much of each pitch class sounds, the largest being 1. ``key`` is the tonic of the whole piece,
    0 for C to 11 for B. ``minor`` is 0 where the 16 s around are clearly major and 1 where they are clearly minor: a
    number for colour. ``tonal`` is the place of the harmony in the tonal space of six dimensions, where chords that are
    related lie near each other (Harte, Sandler and Gasser, "Detecting harmonic change in musical audio", 2006);
    ``change`` is how much the harmony of the half second after differs from that of the one before. Needs librosa.
    """

    audio: Audio = port("the music")

    rate = "any"
    begin_early = staticmethod(start_compiling)
    outputs = {
        "minor": Output(SIGNAL, "how minor, and not major, the seconds around are", "0..1"),
        "key": Output(SIGNAL, "the tonic of the piece, 0 for C", "0..11"),
        "change": Output(SIGNAL, "how much the harmony after differs from that before", "0..1"),
        "chroma": Output(SIGNAL, "how much of each pitch class sounds; the largest is 1", "0..1", names=TONES),
        "tonal": Output(SIGNAL, "place of the harmony: fifths, minor thirds, major thirds, two each", "-1..1", 6),
    }

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return self.outputs[output].columns

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        return _lacking(self)

    def compute(self, scene: Scene, audio: AudioHandle) -> dict[str, np.ndarray]:
        heard = _heard(scene, audio, "Harmony")
        chroma = heard["chroma"].astype(np.float64)
        tonic, is_minor, fit = find_key(chroma)
        if fit > 0:
            scene.context.say(f"{_name(audio)}: {name_of(tonic, is_minor)}")
        largest = chroma.max(axis=1, keepdims=True)
        loud = np.where(largest > 0, chroma / np.where(largest > 0, largest, 1), 0)
        return {
            "chroma": _at_frames(scene, loud),
            "key": np.full(scene.clock.frames, tonic if fit > 0 else 0),
            "minor": _at_frames(scene, minor_around(chroma, STEP)),
            "tonal": np.clip(_at_frames(scene, heard["tonal"]), -1, 1),
            "change": _at_frames(scene, harmonic_change(chroma)),
        }


class Melody(Resident):
    """Hear the voice that leads: its pitch, and how clearly it leads.

    ``pitch`` is in notes, 60 for middle C, between C3 and C7; where none leads it stays. ``height`` is the same within
    the range of the piece, 0 the lowest and 1 the highest tenth. ``clear`` is what share of all that is held belongs to
    that pitch and its harmonics; below about 0.3 nothing leads. The pitch is the way through the salience of harmonics
    that is most salient and seldom leaps. Needs librosa.
    """

    audio: Audio = port("the music")

    rate = "any"
    begin_early = staticmethod(start_compiling)
    outputs = {
        "pitch": Output(SIGNAL, "the pitch that leads, 60 for middle C", "notes"),
        "height": Output(SIGNAL, "the same within the range of the piece", "0..1"),
        "clear": Output(SIGNAL, "how clearly it leads", "0..1"),
    }

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 0

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        return _lacking(self)

    def compute(self, scene: Scene, audio: AudioHandle) -> dict[str, np.ndarray]:
        heard = _heard(scene, audio, "Melody")
        pitch, clear = heard["pitch"].astype(np.float64), heard["clear"].astype(np.float64)
        leads = np.flatnonzero(clear >= CLEAR)
        if len(leads):
            last = leads[np.maximum(np.searchsorted(leads, np.arange(len(pitch)), side="right") - 1, 0)]
            low, high = np.percentile(pitch[leads], [10, 90])
            pitch = pitch[last]
        else:
            low = high = pitch = np.full(len(pitch), 60.0)
        height = np.clip((pitch - low) / np.maximum(high - low, 1.0), 0, 1)
        nearest = np.minimum(np.round(scene.clock.times(0, scene.clock.frames) / STEP).astype(int), len(pitch) - 1)
        return {"pitch": pitch[nearest], "height": height[nearest], "clear": np.clip(_at_frames(scene, clear), 0, 1)}


def _lacking(node: Harmony | Melody) -> list[tuple[tuple, str]]:
    """Return that librosa is missing, beside what is wrong with files, so that n2s check finds it too."""
    return [] if library_versions() else [(("audio",), MISSING.format(node=type(node).__name__))]


def _heard(scene: Scene, audio: AudioHandle, reader: str) -> Mapping[str, np.ndarray]:
    """Return what tones are heard; they are kept under the music's digest."""

    versions = library_versions()
    if versions is None:
        raise GraphError(MISSING.format(node=reader))

    def make() -> dict[str, np.ndarray]:
        telling = threading.Timer(PATIENCE, scene.context.say, [COMPILES])
        telling.start()
        try:
            _compile_once(scene.context, versions)
        finally:
            telling.cancel()
        return hear_tones(audio)

    return scene.context.keep("tones", {"audio": audio.digest} | versions, make)


def _at_frames(scene: Scene, rows: np.ndarray) -> np.ndarray:
    """Return rows that are `STEP` apart at the times of frames, along straight lines; (T,) or (T, K)."""
    times, steps = scene.clock.times(0, scene.clock.frames), np.arange(len(rows)) * STEP
    if rows.ndim == 1:
        return np.interp(times, steps, rows)
    return np.stack([np.interp(times, steps, column) for column in rows.T], axis=1)


def _name(audio: AudioHandle) -> str:
    path = getattr(audio, "path", None)
    return path.name if path else "the music"
