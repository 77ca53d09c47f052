"""Beats, bars, drums and loudness, heard in composed music whose truth is known, with mir_eval as the judge."""

from __future__ import annotations

import re
import subprocess
import wave
from functools import cache
from pathlib import Path

import imageio_ffmpeg
import mir_eval
import numpy as np
import pytest
import songs
from test_hearing import Sound

from n2s.hearing.beats import Beats, find_beats
from n2s.hearing.loudness import integrated
from n2s.hearing.rows import analyse
from n2s.hearing.song import hear
from n2s.hearing.strikes import strikes

WITH_DRUMS = [piece for piece in songs.PIECES if songs.STYLES[piece.style].drums]
WITHOUT = [piece for piece in songs.PIECES if not songs.STYLES[piece.style].drums]


@cache
def song(piece: songs.Piece) -> songs.Song:
    return songs.compose(piece)


@cache
def heard(piece: songs.Piece) -> dict[str, np.ndarray]:
    return hear(Sound(song(piece).samples))


@cache
def found(piece: songs.Piece) -> Beats:
    return find_beats(heard(piece), heard(piece)["begins"])


def f_measure(piece: songs.Piece) -> float:
    return mir_eval.beat.f_measure(song(piece).beats, found(piece).times)


def is_level_right(piece: songs.Piece) -> bool:
    times = found(piece).times
    return len(times) > 3 and abs(np.log2(np.median(np.diff(times)) / np.median(np.diff(song(piece).beats)))) < 0.2


def test_beats_with_drums() -> None:
    measures = {piece.name: f_measure(piece) for piece in WITH_DRUMS}
    assert np.mean(list(measures.values())) >= 0.95, measures
    right = {piece.name: is_level_right(piece) for piece in WITH_DRUMS}
    assert np.mean(list(right.values())) >= 0.9, right


def test_beats_without_drums() -> None:
    measures = {piece.name: f_measure(piece) for piece in WITHOUT}
    assert np.mean([measure >= 0.8 for measure in measures.values()]) >= 0.7, measures


def test_beats_on_average() -> None:
    assert np.mean([f_measure(piece) for piece in songs.PIECES]) >= 0.9


def test_bars_with_drums() -> None:
    measures = {}
    for piece in WITH_DRUMS:
        beats = found(piece)
        measures[piece.name] = mir_eval.beat.f_measure(song(piece).downbeats, beats.times[beats.first])
    assert np.mean(list(measures.values())) >= 0.9, measures


@pytest.mark.parametrize("sound", ["silence", "noise", "tone", "moment"])
def test_no_beats_where_there_are_none(sound: str) -> None:
    count, rng = 20 * 44100, np.random.default_rng(0)
    samples = {
        "silence": np.zeros((2, count)),
        "noise": 0.2 * rng.standard_normal((2, count)),
        "tone": 0.3 * np.sin(0.05 * np.arange(count)),
        "moment": 0.3 * rng.standard_normal(100),
    }[sound]
    everything = hear(Sound(samples))
    assert len(find_beats(everything, everything["begins"]).times) == 0


@pytest.mark.parametrize("drum", ["kick", "snare", "hat"])
def test_strikes_of_drums(drum: str) -> None:
    column, measures = {"kick": 0, "snare": 1, "hat": 2}[drum], {}
    for piece in WITH_DRUMS:
        true = song(piece).hits.get(drum)
        if true is not None and len(true) > 8:
            rows, _ = strikes(heard(piece)[drum], heard(piece)["struck"][:, column], 512, 44100)
            measures[piece.name] = mir_eval.onset.f_measure(true, rows * 512 / 44100)[0]
    assert np.mean(list(measures.values())) >= 0.9, measures


def test_loudness_is_that_of_ffmpeg(tmp_path: Path) -> None:
    for piece in songs.PIECES[::6]:
        samples = song(piece).samples
        with wave.open(str(tmp_path / "song.wav"), "wb") as file:
            file.setnchannels(2)
            file.setsampwidth(2)
            file.setframerate(44100)
            file.writeframes((samples.T * 32767).astype("<i2").tobytes())
        command = [
            imageio_ffmpeg.get_ffmpeg_exe(),
            "-i",
            str(tmp_path / "song.wav"),
            "-af",
            "ebur128",
            "-f",
            "null",
            "-",
        ]
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        theirs = float(re.findall(r"I:\s+(-?[\d.]+) LUFS", said)[-1])
        rows = analyse(Sound(samples))
        assert integrated(rows["weighted"], 2, int(rows["hop"]), 44100) == pytest.approx(theirs, abs=0.1), piece.name
