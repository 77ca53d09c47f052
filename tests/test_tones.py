"""Harmony and melody, heard with librosa in music whose notes are known."""

from __future__ import annotations

import importlib.metadata
import threading
from fractions import Fraction
from importlib.metadata import PackageNotFoundError
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import songs
from sounds import Sound

from n2s.graph.context import Scene
from n2s.graph.errors import GraphError
from n2s.graph.time import Clock
from n2s.hearing import tones
from n2s.hearing.key import find_key, minor_around, name_of
from n2s.hearing.rows import STEP
from n2s.nodes import Harmony, Melody
from n2s.nodes import tones as nodes
from n2s.runtime.context import RunContext

RATE = 22050


def played(notes: list[tuple[float, float, float]], seconds: float, partials: int = 8, rate: int = RATE) -> np.ndarray:
    """Return the sound of notes, each (begin, end, pitch), with the partials of a sawtooth; float32 (n,)."""
    made = np.zeros(round(seconds * rate))
    for begin, end, pitch in notes:
        first, last = round(begin * rate), min(round(end * rate), len(made))
        turns = 440 * 2 ** ((pitch - 69) / 12) * np.arange(last - first) / rate
        fade = np.minimum(1, np.minimum(np.arange(last - first), np.arange(last - first)[::-1]) / (0.02 * rate))
        made[first:last] += fade * sum(np.sin(2 * np.pi * k * turns) / k for k in range(1, partials + 1))
    return made.astype(np.float32)


def chords(progression: list[tuple[int, ...]], tonic: int, seconds: float = 2.0, cents: float = 0.0) -> np.ndarray:
    notes = [
        (i * seconds, (i + 1) * seconds, 48 + tonic + tone + cents / 100)
        for i, chord in enumerate(progression)
        for tone in chord
    ]
    return 0.1 * played(notes, len(progression) * seconds)


MAJOR = [(0, 4, 7), (5, 9, 12), (7, 11, 14), (0, 4, 7)]
MINOR = [(0, 3, 7), (5, 8, 12), (7, 11, 14), (0, 3, 7)]  # with the leading tone: no other key has these


@pytest.mark.parametrize("tonic", range(0, 12, 2))
@pytest.mark.parametrize("minor", [False, True])
def test_key_and_mode(tonic: int, minor: bool) -> None:
    heard = tones.hear_tones(Sound(chords(MINOR if minor else MAJOR, tonic), RATE))
    assert find_key(heard["chroma"])[:2] == (tonic, minor)
    around = minor_around(heard["chroma"], STEP).mean()
    assert around > 0.6 if minor else around < 0.4


def test_keys_of_composed_songs() -> None:
    """Songs in C, with drums; where the chords of one are those of its relative too, both names are right."""
    right = []
    for piece in songs.PIECES[::4]:
        chord = songs.STYLES[piece.style].chords[0]
        names = {"C minor", "Eb major", "G minor"} if 3 in chord else {"C major", "A minor", "F major", "D minor"}
        tonic, minor, _ = find_key(tones.hear_tones(Sound(songs.compose(piece).samples))["chroma"])
        right.append(name_of(tonic, minor) in names)
    assert np.mean(right) >= 0.9, right


@pytest.mark.parametrize("cents", [-35, 0, 35])
def test_pitch_classes_at_any_tuning(cents: float) -> None:
    chroma = tones.hear_tones(Sound(chords([(0, 4, 7)], 2, 4.0, cents), RATE))["chroma"]
    loudest = np.argsort(chroma[len(chroma) // 2])[-3:]
    assert sorted(loudest.tolist()) == [2, 6, 9]


def test_opposite_phases_do_not_cancel() -> None:
    one = chords(MAJOR, 0)
    alone = tones.hear_tones(Sound(one, RATE))["chroma"]
    both = tones.hear_tones(Sound(np.stack([one, -one]), RATE))["chroma"]
    np.testing.assert_allclose(both, alone, rtol=1e-4, atol=1e-4)


def melody(seed: int, seconds: float) -> tuple[list[tuple[float, float, float]], np.ndarray]:
    """Return notes of a melody and the pitch that it has at every step, 0 where it rests."""
    rng, at, pitch, notes = np.random.default_rng(seed), 0.5, 69, []
    steps = int(np.ceil(seconds / STEP)) + 1
    true = np.zeros(steps)
    while at < seconds - 2:
        length = float(rng.choice([0.25, 0.5, 1.0]))
        if rng.random() > 0.2:
            pitch = int(np.clip(pitch + rng.integers(-4, 5), 57, 81))
            notes.append((at, at + 0.95 * length, pitch))
            true[round(at / STEP) : round((at + 0.95 * length) / STEP)] = pitch
        at += length
    return notes, true


@pytest.mark.parametrize("style", ["house", "rock"])
def test_a_melody_over_a_band(style: str) -> None:
    """A voice about as loud as all others together: 9 of 10 steps within half a semitone, and it is clear."""
    song = songs.compose(next(piece for piece in songs.PIECES if piece.style == style))
    band = song.samples
    notes, true = melody(1, band.shape[1] / songs.RATE)
    lead = played(notes, band.shape[1] / songs.RATE, rate=songs.RATE)[: band.shape[1]]
    heard = tones.hear_tones(Sound(band + 1.25 * float(np.sqrt(np.mean(band**2))) * lead))
    sings = true[: len(heard["pitch"])] > 0
    near = np.abs(heard["pitch"][sings] - true[: len(sings)][sings]) < 0.5
    assert near.mean() > 0.9
    assert np.median(heard["clear"][sings]) > nodes.CLEAR


def test_blocks_join_without_a_seam(monkeypatch: pytest.MonkeyPatch) -> None:
    notes, _ = melody(3, 20)
    whole = tones.hear_tones(Sound(0.2 * played(notes, 20), RATE))
    monkeypatch.setattr(tones, "BLOCK", 200)
    parts = tones.hear_tones(Sound(0.2 * played(notes, 20), RATE))
    assert (whole["pitch"] == parts["pitch"]).mean() > 0.99
    np.testing.assert_allclose(parts["chroma"], whole["chroma"], rtol=1e-2, atol=1e-2 * whole["chroma"].max())


@pytest.mark.parametrize("kind", ["silence", "noise", "moment"])
def test_nothing_leads_where_no_tone_is(kind: str) -> None:
    rng = np.random.default_rng(0)
    samples = {
        "silence": np.zeros((2, 3 * 44100)), "noise": 0.2 * rng.standard_normal((2, 6 * 44100)),
        "moment": 0.2 * rng.standard_normal((1, 50)),
    }[kind]  # fmt: skip
    heard = tones.hear_tones(Sound(samples.astype(np.float32)))
    assert np.median(heard["clear"]) < nodes.CLEAR
    assert all(np.isfinite(value).all() for value in heard.values())
    if kind == "silence":
        assert find_key(heard["chroma"])[2] == 0 and (heard["tonal"] == 0).all()


class Studio:
    """A scene around a second of sound, and what was kept under which recipe."""

    def __init__(self, context: Any, folder: Path):
        self.recipes: list[dict] = []
        self._keep, context.keep = context.keep, self.keep
        self.scene = Scene(Clock(Fraction(30), 30), 0, (32, 32), context, folder)
        self.sound = Sound(np.zeros((1, RATE)), RATE)
        self.sound.digest = "silence"

    def keep(self, name: str, recipe: dict, make: Any) -> Any:
        self.recipes.append(recipe)
        return self._keep(name, recipe, make)


@pytest.fixture
def studio_of_silence(store: Any, tmp_path: Path) -> Studio:
    return Studio(RunContext(store, print), tmp_path)


def test_without_librosa(monkeypatch: pytest.MonkeyPatch, studio_of_silence: Studio) -> None:
    def version(library: str) -> str:
        raise PackageNotFoundError(library)

    monkeypatch.setattr(nodes, "version", version)
    for node in (Harmony(), Melody()):
        with pytest.raises(GraphError, match=f"{type(node).__name__} hears with librosa, which is not installed. Cure"):
            node.compute(studio_of_silence.scene, studio_of_silence.sound)
        ((path, told),) = node.check_files(Path)  # as n2s check does
        assert path == ("audio",) and "Cure: pip install" in told
    monkeypatch.undo()
    assert Harmony().check_files(Path) == []


def test_what_is_heard_is_kept_by_the_versions_of_libraries(studio_of_silence: Studio) -> None:
    """Both nodes read the sound once, and librosa's version is in the key."""
    scene, sound = studio_of_silence.scene, studio_of_silence.sound
    harmony, melody = Harmony().compute(scene, sound), Melody().compute(scene, sound)
    first, second = (recipe for recipe in studio_of_silence.recipes if "audio" in recipe)
    assert first == second
    assert first["librosa"] == importlib.metadata.version("librosa")
    assert (harmony["minor"] == 0.5).all() and (melody["pitch"] == 60).all() and (melody["clear"] == 0).all()


def test_librosa_compiles_beside_other_work_once_per_store(
    monkeypatch: pytest.MonkeyPatch, studio_of_silence: Studio
) -> None:
    compiled: list[str] = []
    monkeypatch.setattr(nodes, "compile_librosa", lambda: compiled.append(threading.current_thread().name))
    for _ in range(2):
        Harmony.begin_early(studio_of_silence.scene.context)
        for thread in threading.enumerate():
            if thread.name == "librosa":
                thread.join()
    assert compiled == ["librosa"]
    monkeypatch.setattr(nodes, "library_versions", lambda: None)
    Harmony.begin_early(studio_of_silence.scene.context)
    assert compiled == ["librosa"], "nothing begins without librosa"
