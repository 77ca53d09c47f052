"""Bad music: missing, cut, silent or absurd, it is a film or a clear refusal, and the film of before stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import music_files as files
import numpy as np
import pytest
import tiny
from places import Place

from n2s.graph.errors import GraphError, MediaError
from n2s.runtime.media import glance
from n2s.runtime.media.audio import probe


def cut(path: Path) -> None:
    path.write_bytes(path.read_bytes()[: path.stat().st_size // 2])


def samples(values: Any, rate: int = 22050) -> Callable[[Path], None]:
    return lambda path: tiny.write_wav(path, np.asarray(values, np.float32).reshape(len(values), -1), rate) and None


def as_folder(path: Path) -> None:
    path.unlink()
    path.mkdir()


MUSIC = {
    "missing": (Path.unlink, ["does not exist", "Check the path."]),
    "empty": (lambda path: path.write_bytes(b""), ["is empty (0 bytes)", "Export or copy it again."]),
    "truncated": (cut, ["is truncated: it holds", "bytes its header promises", "Export or copy it again."]),
    "corrupt": (
        lambda path: path.write_bytes(np.random.default_rng(0).bytes(5000)),
        ["is not audio, or too damaged to be read", "wanted: wav, flac, ogg"],
    ),
    "a folder": (as_folder, ["is a folder", "Name the file itself."]),
    "NaN": (
        samples([0.1] * 22050 + [np.nan]),
        ["not finite numbers (NaN or infinity)", "the first at 1.000 s", "Export it again"],
    ),
    "infinite": (samples([0.1] * 11025 + [-np.inf]), ["the first at 0.500 s", "Export it again"]),
    "no samples": (
        lambda path: tiny.write_wav(path, np.zeros((0, 1), np.float32)),
        ["holds no samples; at least one is needed", "Export or copy it again."],
    ),
    "far too loud": (samples([1e30] * 2205), []),
}


@pytest.mark.parametrize("what", MUSIC)
def test_music_that_is_none(place: Place, what: str) -> None:
    good = place.music.read_bytes()
    spoil, words = MUSIC[what]
    spoil(place.music)
    found_late = what in ("NaN", "infinite", "far too loud")
    place.refused(MediaError if found_late else GraphError, str(place.music), *words)
    place.music.rmdir() if place.music.is_dir() else place.music.unlink(missing_ok=True)
    place.music.write_bytes(good)
    assert place.run().rendered == 2


@pytest.mark.parametrize(
    ("values", "rate", "frames"),
    [
        pytest.param(np.zeros(8000), 8000, 30, id="silent, 8 kHz"),
        pytest.param(tiny.clicks(1, rate=8000), 8000, 30, id="8 kHz mono"),
        pytest.param([0.5], 22050, 1, id="one sample"),
        pytest.param([0.0], 48000, 1, id="one silent sample"),
        pytest.param(np.ones(735 * 7) * 0.3, 22050, 7, id="direct current"),
        pytest.param(np.random.default_rng(1).uniform(-1, 1, (4801, 6)), 96000, 2, id="six channels at 96 kHz"),
    ],
)
def test_odd_music_that_makes_a_film(place: Place, values: Any, rate: int, frames: int) -> None:
    samples(values, rate)(place.music)
    report = place.run()
    assert report.films[0]["frames"] == report.frames == frames
    assert report.films[0]["samples"] == -(-len(values) * min(48000, rate) // rate)
    assert place.film.stat().st_size == report.films[0]["bytes"]
    assert place.rubbish() == []


@pytest.mark.parametrize("rate", [1, 10, 100])
def test_music_of_an_absurd_rate_is_a_film_or_refused(place: Place, rate: int) -> None:
    samples(np.linspace(-0.5, 0.5, rate + 1), rate)(place.music)
    try:
        assert place.run().films[0]["samples"] == rate + 1
    except MediaError as error:
        assert str(place.music) in str(error)


def test_music_that_goes_bad_between_runs_leaves_the_film(place: Place) -> None:
    place.run()
    samples([np.nan] * 9)(place.music)
    place.refused(MediaError, "not finite")


def png(path: Path) -> None:
    path.unlink()
    tiny.write_png(path, np.zeros((2, 2, 3), np.uint8))


def head(count: int) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(path.read_bytes()[:count]) and None


def text(words: str, coding: str = "utf-8") -> Callable[[Path], None]:
    return lambda path: path.write_bytes(words.encode(coding)) and None


NO_MUSIC = {
    "a picture": (png, "is a PNG picture, and no music; wanted: wav, flac"),
    "a text": (text("la la la\n"), "is a text file, and no music"),
    "a text of Windows": (text("la la läh\n", "utf-16"), "is a text file, and no music"),
    "a web page": (text("<!DOCTYPE html><html>"), "is a web page, and no music"),
    "a playlist": (text("#EXTM3U\nsong.mp3\n"), "is a playlist, and no music"),
    "a pointer": (text("version https://git-lfs.github.com/spec/v1\n"), "git lfs pull"),
    "notes": (lambda path: path.write_bytes(b"MThd\0\0\0\6\0\0\0\1\0\x60"), "read its notes with a Midi"),
    "nothing": (text(""), "is empty (0 bytes)"),
    "zeros": (lambda path: path.write_bytes(bytes(9999)), "a file of zeros"),
    "a header": (head(44), "too damaged to be read"),
    "a piece of a header": (head(20), "is not audio, or too damaged"),
    "cut": (cut, "is truncated"),
}  # fmt: skip


@pytest.mark.parametrize("what", NO_MUSIC)
def test_check_says_what_is_no_music_and_where_it_is_named(what: str, place: Place, n2s: Any) -> None:
    spoil, said = NO_MUSIC[what]
    spoil(place.music)
    line = next(i for i, text in enumerate(place.graph.read_text().splitlines(), 1) if "AudioSource" in text)
    for command in (["check"], ["run"], ["plan"]):
        status, out, err = n2s(*command, place.graph)
        assert (status, out) == (2, ""), command
        assert f"{place.graph}:{line}:" in err and f"track.path: {place.music}" in err and said in err, command


@pytest.mark.parametrize("kind", ["flac", "ogg", "mp3", "opus", "m4a", "webm", "wav", "aiff", "wma", "aac"])
def test_check_looks_at_both_ends_of_music_of_every_kind(kind: str, tmp_path: Path) -> None:
    path = files.encode(tmp_path / f"a.{kind}", files.noise(2.0))
    assert glance.music_problem(path, files.ffmpeg) == ""
    for share in (0.01, 0.6) if kind in ("flac", "ogg", "mp3", "opus", "m4a", "wav", "aiff") else (0.01,):
        part = tmp_path / f"{share}.{kind}"
        part.write_bytes(path.read_bytes()[: max(8, int(path.stat().st_size * share))])
        assert str(part) in glance.music_problem(part, files.ffmpeg), share


def test_a_glance_at_music_refuses_nothing_that_is_read(tmp_path: Path) -> None:
    piece = files.noise(1.0)
    whole = files.encode(tmp_path / "a.flac", piece)
    other = files.encode(tmp_path / "b.mp3", piece)
    for path in (
        files.piped(tmp_path / "piped.flac", piece, "flac"),
        files.piped(tmp_path / "piped.wav", piece, "wav"),
        files.join(tmp_path / "joined.flac", whole, whole),
        files.join(tmp_path / "joined.mp3", other, other),
        files.encode(tmp_path / "short.flac", piece[:500]),
        files.encode(tmp_path / "short.mp3", piece[:500]),
        files.encode(tmp_path / "short.ogg", piece[:500]),
    ):
        probe(path, files.ffmpeg)
        assert glance.music_problem(path, files.ffmpeg) == "", path


def test_what_is_there_of_damaged_music_passes_where_it_is_to_be_kept(place: Place, n2s: Any) -> None:
    cut(place.music)
    place.edit("path: music.wav", "path: music.wav, damaged: keep")
    assert n2s("check", place.graph)[0] == 0
    png(place.music)
    assert n2s("check", place.graph)[0] == 2


def test_check_reads_a_file_of_beats(place: Place, n2s: Any) -> None:
    (place.folder / "beats.txt").write_text("one\ttwo\n")
    place.edit("  travel:", "  heard: {node: Features, audio: track, beats: beats.txt}\n  travel:")
    status, _, err = n2s("check", place.graph)
    assert status == 2 and "heard.beats: " in err and "beats.txt:1: " in err
