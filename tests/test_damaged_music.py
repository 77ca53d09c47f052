"""Damaged music: refused with the way out, or taken as far as it goes, in its place and the same however it is read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import harness
import music_files as files
import numpy as np
import pytest
import tiny
from places import Place, n2s

from n2s.graph.errors import GraphError, MediaError
from n2s.nodes import AudioSource
from n2s.runtime.media.audio import probe

KEEP = "Or set damaged: keep on the AudioSource to take what is there; n2s new --keep-damaged does so."
PIECE = files.noise(4.0, 3)
KINDS = {
    "a.wav": ["-c:a", "pcm_s16le"],
    "a.aiff": ["-c:a", "pcm_s16be"],
    "a.flac": ["-c:a", "flac"],
    "a.ogg": [*files.CODECS["ogg"], "-page_duration", "300000"],
    "a.opus": [*files.CODECS["opus"], "-page_duration", "300000"],
    "a.mp3": files.CODECS["mp3"],
    "a.m4a": ["-c:a", "aac", "-b:a", "256k", "-movflags", "+faststart"],
    "a.webm": ["-c:a", "libopus", "-b:a", "256k"],
    "a.wv": ["-c:a", "wavpack"],
    "a.aac": ["-c:a", "aac", "-b:a", "256k"],
    "a.wma": ["-c:a", "wmav2", "-b:a", "256k"],
    "a.tta": [],
}


@pytest.fixture(scope="session")
def shelf(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("damaged")
    for name, options in KINDS.items():
        files.encode(folder / name, PIECE, *options)
    files.piped(folder / "piped.flac", PIECE, "flac")
    return folder


def refused(path: Path) -> None:
    with pytest.raises(MediaError) as caught:
        probe(path, files.ffmpeg)
    assert str(caught.value).endswith(KEEP) and type(caught.value) is MediaError


@pytest.mark.parametrize("name", [*KINDS, "piped.flac"])
def test_what_is_there_of_a_cut_file_is_kept(name: str, shelf: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    data = (shelf / name).read_bytes()
    path.write_bytes(data[: len(data) * 3 // 5 + 1])
    whole = files.read(shelf / name)[1]
    refused(path)
    info, samples = files.read(path, keep=True)
    assert info.missing and 0.45 * len(whole) < info.samples < 0.65 * len(whole)
    # What is there is what the whole file has there; a lossy codec may need what follows for its last block.
    sure = info.samples - 4096
    assert np.array_equal(samples[:sure], whole[:sure])


@pytest.mark.parametrize("damage", ["noise", "zeros", "gone"])
@pytest.mark.parametrize("name", ["a.flac", "piped.flac", "a.ogg", "a.opus", "a.mp3"])
def test_damage_in_the_middle_is_silent_and_the_rest_is_in_its_place(
    name: str, damage: str, shelf: Path, tmp_path: Path
) -> None:
    path = tmp_path / name
    data = (shelf / name).read_bytes()
    at, count = len(data) // 2, 5000
    spoilt = {"noise": np.random.default_rng(4).bytes(count), "zeros": bytes(count), "gone": b""}[damage]
    path.write_bytes(data[:at] + spoilt + data[at + count :])
    refused(path)
    info, samples = files.read(path, keep=True)
    whole = files.read(shelf / name)[1]
    assert info.missing
    rate = info.rate
    assert np.array_equal(samples[: rate * 3 // 2], whole[: rate * 3 // 2])
    if damage == "gone" and name == "a.mp3":
        return  # nothing in an mp3 says that frames are gone; only the loose end is noticed
    assert info.samples == len(whole)
    assert files.likeness(samples[-rate * 3 // 2 :], whole[-rate * 3 // 2 :]) > 0.99
    differs = np.flatnonzero(np.abs(samples - whole).max(axis=1) > 0.02)
    assert 0 < len(differs) and differs[-1] - differs[0] < 0.8 * rate
    silent = np.flatnonzero(np.abs(samples[differs[0] : differs[-1]]).max(axis=1) < 1e-4)
    assert len(silent) > 0.3 * (differs[-1] - differs[0])


@pytest.mark.parametrize("name", ["a.m4a", "a.aac", "a.wv", "a.tta", "a.webm"])
def test_what_ffmpeg_decodes_of_a_spoilt_file_is_kept(name: str, shelf: Path, tmp_path: Path) -> None:
    path = tmp_path / name
    data = (shelf / name).read_bytes()
    path.write_bytes(data[: len(data) // 2] + np.random.default_rng(4).bytes(3000) + data[len(data) // 2 + 3000 :])
    refused(path)
    info, samples = files.read(path, keep=True)
    whole = files.read(shelf / name)[1]
    rate = info.rate
    sure = rate if name == "a.tta" else rate * 3 // 2  # its frames are of 1.04 s
    assert info.missing and np.array_equal(samples[:sure], whole[:sure])
    assert np.abs(samples).max() <= 1  # or one loud packet of nonsense would turn down the whole film
    if name in ("a.m4a", "a.wv", "a.tta"):
        assert info.samples == len(whole) and files.likeness(samples[-rate:], whole[-rate:]) > 0.99


@pytest.mark.parametrize("kind", ["ogg", "opus"])
@pytest.mark.parametrize("begins", [0, 10**9])
def test_lost_pages_at_the_beginning_are_silent_but_not_those_that_never_were(
    kind: str, begins: int, shelf: Path, tmp_path: Path
) -> None:
    pages = list(files.ogg_pages((shelf / f"a.{kind}").read_bytes()))
    headers = next(i for i, page in enumerate(pages) if files.ogg_position(page) > 0)
    moved = [files.ogg_page(page, position=files.ogg_position(page) + begins, number=i + bool(begins) * 5000)
             for i, page in enumerate(pages[headers:], headers)]  # fmt: skip
    path = tmp_path / f"a.{kind}"
    path.write_bytes(b"".join(pages[:headers]) + bytes(len(moved[0])) + b"".join(moved[1:]))
    refused(path)
    info, samples = files.read(path, keep=True)
    whole = files.read(shelf / f"a.{kind}")[1]
    if begins:
        assert 0.8 * len(whole) < info.samples < len(whole)
    else:
        assert info.samples == len(whole) and not samples[: info.rate // 8].any()
    assert files.likeness(samples[-2 * info.rate :], whole[-2 * info.rate :]) > 0.99


@pytest.mark.parametrize("name", KINDS)
def test_a_whole_file_is_the_same_with_keep(name: str, shelf: Path) -> None:
    assert probe(shelf / name, files.ffmpeg, keep=True) == probe(shelf / name, files.ffmpeg)


@pytest.mark.parametrize(
    "content", [b"This is a letter, not a song.\n" * 300, b"", b"OggS", b"fLaC", b"\xff\xfb\x90\x64", b"RIFF"]
)
def test_what_is_no_music_is_refused_with_keep_too(content: bytes, tmp_path: Path) -> None:
    (tmp_path / "a.mp3").write_bytes(content)
    for keep in (False, True):
        with pytest.raises(MediaError):
            probe(tmp_path / "a.mp3", files.ffmpeg, keep)


@pytest.mark.parametrize("name", KINDS)
def test_nothing_but_a_refusal_or_music_comes_of_any_damage(name: str, shelf: Path, tmp_path: Path) -> None:
    data = (shelf / name).read_bytes()
    rng = np.random.default_rng(7)
    for _ in range(3):
        at, count = int(rng.integers(0, len(data))), int(rng.integers(1, 4000))
        spoilt = [
            data[:at],
            data[:at] + rng.bytes(count) + data[at + count :],
            data[at:],
            data[:at] + data[at + count :],
        ]
        (tmp_path / name).write_bytes(spoilt[int(rng.integers(0, 4))])
        for keep in (False, True):
            try:
                files.read(tmp_path / name, keep=keep)
            except MediaError as error:
                assert str(tmp_path / name) in str(error)


def test_a_run_takes_what_is_there_says_so_once_and_writes_it_down(place: Place) -> None:
    place.music.write_bytes(place.music.read_bytes()[: place.music.stat().st_size * 2 // 3])
    place.refused(GraphError, "is truncated", KEEP)
    place.edit("path: music.wav}", "path: music.wav, damaged: keep}")
    report = place.run()
    told = [text for text in place.said_ if "damaged: keep" in text]
    assert len(told) == 1 and "it ends too early" in told[0] and str(place.music) in told[0]
    music = json.loads(report.record.read_text())["music"][str(place.music)]
    assert music["missing"] in told[0] and music["samples"] == report.films[0]["samples"] < 22050
    assert report.films[0]["frames"] == 20
    place.said_.clear()
    again = place.run()  # from the store: it is said again, and nothing is rendered
    assert again.rendered == 0 and len([text for text in place.said_ if "damaged: keep" in text]) == 1


def test_new_refuses_damaged_music_with_the_way_out(tmp_path: Path) -> None:
    path = tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    path.write_bytes(path.read_bytes()[:-1000])
    done = n2s("new", path, "-o", tmp_path / "music.yaml")
    assert done.returncode == 2 and "is truncated" in done.stderr and KEEP in " ".join(done.stderr.split())
    assert not (tmp_path / "music.yaml").exists()


def test_the_setting_is_declared() -> None:
    assert AudioSource(path="a.wav").damaged == "refuse"
    with pytest.raises(Exception, match="refuse or keep|'refuse' or 'keep'"):
        AudioSource(path="a.wav", damaged="ignore")


def test_a_film_of_kept_music_is_in_step(shelf: Path, studio: Any, tmp_path: Path, store: Any) -> None:
    data = (shelf / "a.flac").read_bytes()
    (tmp_path / "a.flac").write_bytes(data[:50000] + bytes(3000) + data[53000:])
    graph = harness.around("Grain", studio.model)
    graph["nodes"] |= {"track": {"node": "AudioSource", "path": "a.flac", "damaged": "keep"}}
    for name in ("picture.png",):
        (tmp_path / name).write_bytes((studio.folder / name).read_bytes())
    report = harness.run(harness.load(graph, tmp_path), tmp_path / "out", store)
    assert report.films[0]["frames"] == 120
