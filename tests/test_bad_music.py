"""Bad music: missing, cut, silent or absurd, it is a film or a clear refusal, and the film of before stays."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from places import Place

from n2s.graph.errors import GraphError, MediaError


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
    place.refused(GraphError if what in ("missing", "a folder") else MediaError, str(place.music), *words)
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
