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
from sounds import Sound

from n2s.graph.errors import MediaError
from n2s.hearing.beats import Beats, find_beats
from n2s.hearing.loudness import integrated
from n2s.hearing.net import WEIGHTS, Ears
from n2s.hearing.rows import STEP, analyse
from n2s.hearing.song import Kind, hear
from n2s.hearing.strikes import strikes

WITH_DRUMS = [piece for piece in songs.PIECES if songs.STYLES[piece.style].drums]
WITHOUT = [piece for piece in songs.PIECES if not songs.STYLES[piece.style].drums]


@cache
def song(piece: songs.Piece) -> songs.Song:
    return songs.compose(piece)


@cache
def heard(piece: songs.Piece, ears: Kind = "net") -> dict[str, np.ndarray]:
    return hear(Sound(song(piece).samples), ears)


@cache
def found(piece: songs.Piece, ears: Kind = "net") -> Beats:
    everything = heard(piece, ears)
    return find_beats(everything, everything["begins"])


def f_measure(piece: songs.Piece, ears: Kind = "net") -> float:
    return mir_eval.beat.f_measure(song(piece).beats, found(piece, ears).times)


def is_level_right(piece: songs.Piece) -> bool:
    times = found(piece).times
    return len(times) > 3 and abs(np.log2(np.median(np.diff(times)) / np.median(np.diff(song(piece).beats)))) < 0.2


@pytest.mark.parametrize(("tempo", "expected"), [(150, 75), (130, 65), (96, 96), (80, 80)])
def test_beats_that_are_weak_are_left_out_where_the_others_are_not_too_slow(tempo: float, expected: float) -> None:
    count = int(60 / STEP)
    beats = np.rint(np.arange(0.5, 59, 60 / tempo) / STEP).astype(int)
    beat, downbeat = np.full((2, count), 0.01, np.float32)
    beat[beats], beat[beats[::2]], downbeat[beats[::8]] = 0.35, 0.9, 0.9
    tones, levels = np.ones((count, 12), np.float32), np.ones((count, 4), np.float32)
    times = find_beats({"beat": beat, "downbeat": downbeat, "chroma": tones, "levels": levels}, beat).times
    assert 60 / np.median(np.diff(times)) == pytest.approx(expected, rel=0.02)


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


def test_beats_and_drums_with_plain_ears() -> None:
    measures = {piece.name: f_measure(piece, "plain") for piece in WITH_DRUMS}
    assert np.mean(list(measures.values())) >= 0.92, measures
    assert np.mean([f_measure(piece, "plain") for piece in songs.PIECES]) >= 0.83
    for column, (drum, least) in enumerate({"kick": 0.75, "snare": 0.75, "hat": 0.9}.items()):
        strikes_found = {
            piece.name: f_of_strikes(piece, drum, column, "plain")
            for piece in WITH_DRUMS
            if len(song(piece).hits.get(drum, ())) > 8
        }
        assert np.mean(list(strikes_found.values())) >= least, strikes_found


@pytest.mark.parametrize("rate", [1000, 4000, 8000])
def test_music_at_a_low_rate_has_beats_for_plain_ears(rate: int) -> None:
    """Hats have no band there, and are not struck; what is low is heard as ever, four beats in two seconds."""
    beat = np.r_[np.sin(np.arange(rate // 8) * 2 * np.pi * 90 / rate), np.zeros(rate // 2 - rate // 8)]
    with np.errstate(invalid="raise", divide="raise"):
        listened = hear(Sound(np.tile(beat, (1, 32)).astype(np.float32), rate), "plain")
    assert all(np.isfinite(listened[name]).all() for name in ("beat", "downbeat", "kick", "snare", "hat"))
    assert not listened["hat"].any() and listened["kick"].max() > 0.5
    assert np.median(np.diff(find_beats(listened, listened["begins"]).times)) == pytest.approx(0.5, rel=0.02)


def test_rubato() -> None:
    """A tempo that breathes by 12 % within each phrase, a ritardando and a silent bar, without drums and with them."""
    measures = {piece.name: f_measure(piece) for piece in songs.RUBATO}
    assert all(measures[piece.name] >= 0.9 for piece in songs.RUBATO if songs.STYLES[piece.style].drums), measures
    assert measures["piano, rubato"] >= 0.85, measures


def played(samples: np.ndarray, how: str) -> tuple[np.ndarray, np.ndarray]:
    """Return music at another pace, as a tape plays it, and where each of its samples lies then."""
    count = samples.shape[1]
    share = np.arange(count) / count
    pace = {
        "plain": np.ones(count), "slow": np.full(count, 0.7), "fast": np.full(count, 1.35),
        "drift": 1 + 0.08 * np.sin(3 * np.pi * share), "ramp": 0.9 + 0.25 * share,
    }[how]  # fmt: skip
    places = np.concatenate([[0], np.cumsum(1 / pace)])[:count]
    source = np.interp(np.arange(int(places[-1])), places, np.arange(count))
    made = [np.interp(source, np.arange(count), channel) for channel in samples]
    return np.stack(made).astype(np.float32), places


def test_the_demo_pieces_at_any_pace() -> None:
    """Music with real mixes, plain, slower, faster, drifting and rising; beats count where it sounds."""
    soundfile = pytest.importorskip("soundfile")
    measures = {}
    for name, bpm in (("ember.flac", 96), ("moss.ogg", 66), ("tide.mp3", 130)):
        samples, rate = soundfile.read(Path(__file__).parents[1] / "audio" / name, dtype="float32")
        for how in ("plain", "slow", "fast", "drift", "ramp"):
            music, places = played(samples.T, how)
            beats = np.arange(0, samples.shape[0] / rate, 60 / bpm) * rate
            true = np.interp(beats, np.arange(len(places)), places) / rate
            begin, end = 3.0, music.shape[1] / rate - 4.0
            everything = hear(Sound(music, rate))
            times = find_beats(everything, everything["begins"]).times
            true, times = true[(true > begin) & (true < end)], times[(times > begin - 0.07) & (times < end + 0.07)]
            measures[name, how] = mir_eval.beat.f_measure(true, times)
    assert np.mean(list(measures.values())) >= 0.9, measures
    assert np.mean([measure >= 0.9 for measure in measures.values()]) >= 0.8, measures


@pytest.mark.parametrize("ears", ["net", "plain"])
@pytest.mark.parametrize("sound", ["silence", "noise", "tone", "moment"])
def test_no_beats_where_there_are_none(sound: str, ears: Kind) -> None:
    count, rng = 20 * 44100, np.random.default_rng(0)
    samples = {
        "silence": np.zeros((2, count)),
        "noise": 0.2 * rng.standard_normal((2, count)),
        "tone": 0.3 * np.sin(0.05 * np.arange(count)),
        "moment": 0.3 * rng.standard_normal(100),
    }[sound]
    everything = hear(Sound(samples), ears)
    assert len(find_beats(everything, everything["begins"]).times) == 0


def f_of_strikes(piece: songs.Piece, drum: str, column: int, ears: Kind = "net") -> float:
    everything = heard(piece, ears)
    rows, _ = strikes(everything[drum], everything["onset"], everything["struck"][:, column], 512, 44100)
    return mir_eval.onset.f_measure(song(piece).hits[drum], rows * 512 / 44100)[0]


@pytest.mark.parametrize("drum", ["kick", "snare", "hat"])
def test_strikes_of_drums(drum: str) -> None:
    column, measures = {"kick": 0, "snare": 1, "hat": 2}[drum], {}
    for piece in WITH_DRUMS:
        if len(song(piece).hits.get(drum, ())) > 8:
            measures[piece.name] = f_of_strikes(piece, drum, column)
    assert np.mean(list(measures.values())) >= 0.9, measures


@pytest.mark.parametrize("damage", ["missing", "no file of weights", "cut short", "another net"])
def test_weights_that_cannot_be_read(damage: str, tmp_path: Path) -> None:
    path, whole = tmp_path / "net.npz", Path(WEIGHTS).read_bytes()
    if damage == "another net":
        np.savez(path, **{"0 in": np.zeros(3)})
    elif damage != "missing":
        path.write_bytes(whole[: len(whole) // 2] if damage == "cut short" else b"nothing")
    with pytest.raises(MediaError, match=re.escape(str(path))):
        Ears.load(path)


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
