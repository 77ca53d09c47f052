"""Films: exact frames, times, colours, sound, chapters; albums; motion with the music."""

from __future__ import annotations

import json
import os
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny

from n2s.formats.mp4 import read_mp4
from n2s.graph.graph import Graph
from n2s.graph.time import album_boundaries
from n2s.runtime.session import Session

TAGGED_BT709 = 1
LIMITED = 1


def decode(path: Path, form: str = "gray8") -> list[np.ndarray]:
    with av.open(str(path)) as container:
        return [frame.to_ndarray(format=form) for frame in container.decode(video=0)]


def counting_graph(folder: Path, fps: str, audio: str, **sink: Any) -> Path:
    """A film of a grey picture whose luma counts: frame k has display value 0.1 + 0.005 * k."""
    values = {
        "n2s": 1, "title": "Counting = 1; #2", "fps": fps, "size": [64, 32],
        "nodes": {
            "track": {"node": "AudioSource", "path": audio},
            "grey": {"node": "ImageSource", "path": "grey.png"},
            "count": {"node": "Tone", "frames": "grey", "contrast": 0, "pivot": "= 0.1 + 0.005 * frame"},
            "out": {"node": "FFmpegSink", "frames": "count", "audio": "track", "path": "count.mp4", "crf": 1,
                    "dither": False} | sink,
        },
    }  # fmt: skip
    tiny.write_png(folder / "grey.png", np.full((32, 64, 3), 128, np.uint8))
    path = folder / "count.yaml"
    path.write_text(json.dumps(values))
    return path


@pytest.mark.parametrize("fps", ["30", "30000/1001", "24", "12.5"])
@pytest.mark.parametrize("chunk", [7, 60])
def test_every_frame_is_there_once_at_its_time(fps: str, chunk: int, tmp_path: Path, store: Any, executor: Any) -> None:
    samples = 44100 * 5 + 123
    tiny.write_wav(tmp_path / "music.wav", np.zeros((samples, 2), np.float32) + 0.01, 44100)
    graph = Graph.load(counting_graph(tmp_path, fps, "music.wav", chunk=chunk))
    report = harness.run(graph, tmp_path / "out", store, executor=executor())
    rate = graph.header.fps
    frames = -(-samples * rate.numerator // (44100 * rate.denominator))
    assert report.films[0]["frames"] == frames
    with av.open(str(tmp_path / "out/count.mp4")) as container:
        video = container.streams.video[0]
        assert video.codec_context.name == "h264" and video.codec_context.pix_fmt == "yuv420p"
        assert video.codec_context.colorspace == TAGGED_BT709 and video.codec_context.color_range == LIMITED
        assert video.codec_context.color_primaries == 1 and video.codec_context.color_trc == 1
        decoded = list(container.decode(video))
        assert [frame.pts * video.time_base * rate for frame in decoded] == list(range(frames))
        lumas = np.array([frame.to_ndarray()[:32].mean() for frame in decoded])
    np.testing.assert_allclose(lumas, np.round(16 + 219 * (0.1 + 0.005 * np.arange(frames))), atol=1)
    assert (np.diff(lumas) > 0).all()
    with av.open(str(tmp_path / "out/count.mp4")) as container:
        audio = container.streams.audio[0]
        assert audio.codec_context.name == "aac" and audio.duration * audio.time_base == Fraction(samples, 44100)
        assert audio.time_base == Fraction(1, 44100)
        assert container.chapters()[0]["metadata"]["title"] == "Counting = 1; #2"


@pytest.mark.parametrize(
    "rgb", [(255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255), (0, 0, 0), (40, 90, 200), (250, 128, 10)]
)
@pytest.mark.parametrize("depth", [8, 10])
def test_colours_arrive(rgb: tuple[int, int, int], depth: int, tmp_path: Path, store: Any) -> None:
    tiny.write_png(tmp_path / "patch.png", np.full((32, 64, 3), rgb, np.uint8))
    nodes = {
        "patch": {"node": "ImageSource", "path": "patch.png"},
        "out": {
            "node": "FFmpegSink",
            "frames": "patch",
            "path": "patch.mp4",
            "crf": 4,
            "depth": depth,
            "dither": False,
        },
    }
    graph = harness.load({"n2s": 1, "size": [64, 32], "duration": 0.2, "nodes": nodes}, tmp_path)
    harness.run(graph, tmp_path, store)
    form = "yuv420p" if depth == 8 else "yuv420p10le"
    frame = decode(tmp_path / "patch.mp4", form)[1].astype(np.float64) / (1 if depth == 8 else 4)
    y, u, v = frame[:32].mean(), frame[32:40].mean(), frame[40:48].mean()
    luma, blue, red = (y - 16) / 219, (u - 128) / 224 * 1.8556, (v - 128) / 224 * 1.5748
    r, b = luma + red, luma + blue
    g = (luma - 0.2126 * r - 0.0722 * b) / 0.7152
    np.testing.assert_allclose(np.array([r, g, b]) * 255, rgb, atol=2.5)


def test_dither_keeps_the_mean_and_breaks_bands(tmp_path: Path, store: Any) -> None:
    ramp = np.linspace(20, 26, 256).repeat(64).reshape(256, 64).T
    tiny.write_png(tmp_path / "ramp.png", np.repeat(np.round(ramp).astype(np.uint8)[:, :, None], 3, axis=2))
    lumas = {}
    for dither in (True, False):
        nodes = {
            "ramp": {"node": "ImageSource", "path": "ramp.png"},
            "half": {"node": "Tone", "frames": "ramp", "contrast": 0.1, "pivot": 0.1},
            "out": {"node": "DigestSink", "frames": "half", "path": "ramp.txt", "dither": dither},
        }
        graph = harness.load({"n2s": 1, "size": [256, 64], "duration": 0.04, "nodes": nodes}, tmp_path)
        lumas[dither] = harness.codes(graph, store)[0, : 256 * 64].reshape(64, 256).astype(np.float64)
        exact = 16 + 219 * (0.1 + 0.1 * (np.round(ramp) / 255 - 0.1))
        assert abs((lumas[dither] - exact).mean()) < (0.02 if dither else 0.51)
    assert np.abs((lumas[True] - exact).mean(axis=0)).max() < np.abs((lumas[False] - exact).mean(axis=0)).max()


def write_album(folder: Path, model: Path, lengths: list[int], rate: int = 22050, **album: Any) -> Path:
    tracks = {}
    for i, samples in enumerate(lengths):
        music = tiny.clicks(samples / rate + 1, bpm=90 + 30 * i, rate=rate, channels=1 + i % 2)[:samples]
        tiny.write_wav(folder / f"music{i}.wav", music, rate)
        tiny.write_graph(folder, model, f"music{i}.wav", f"track{i}", title=f"Piece {i}", settings="crf: 28")
        tracks[f"track{i}"] = {"node": "Track", "path": f"track{i}.yaml"}
    nodes = tracks | {"album": {"node": "Album", "tracks": list(tracks), "path": "album.mp4", "crf": 28} | album}
    path = folder / "album.yaml"
    path.write_text(json.dumps({"n2s": 1, "title": "The album", "fps": 30, "size": [96, 64], "nodes": nodes}))
    return path


def test_an_album_is_gapless_and_made_of_its_tracks_segments(
    studio: Any, tmp_path: Path, store: Any, executor: Any
) -> None:
    lengths = [44321, 30011, 55555]
    graph = Graph.load(write_album(tmp_path, studio.model, lengths))
    report = harness.run(graph, tmp_path / "out", store, executor=executor())
    bounds = album_boundaries(lengths, 22050, Fraction(30))
    film = report.films[-1]
    assert [Path(f["path"]).name for f in report.films] == ["track0.mp4", "track1.mp4", "track2.mp4", "album.mp4"]
    assert film["frames"] == bounds[-1] and film["samples"] == sum(lengths)
    tracks = {track.handler: track for track in read_mp4(tmp_path / "out/album.mp4")}
    assert tracks["vide"].samples == bounds[-1]
    assert tracks["soun"].duration == Fraction(sum(lengths), 22050)
    with av.open(str(tmp_path / "out/album.mp4")) as container:
        chapters = container.chapters()
        assert [c["metadata"]["title"] for c in chapters] == ["Piece 0", "Piece 1", "Piece 2"]
        assert [round(c["start"] * c["time_base"] * 22050) for c in chapters] == [0, 44321, 74332]
        assert container.metadata["title"] == "The album"
    # The pictures of the album are the pictures of the tracks, bit for bit, up to the album's boundaries.
    whole = decode(tmp_path / "out/album.mp4", "yuv420p")
    for i in range(3):
        alone = decode(tmp_path / f"out/track{i}.mp4", "yuv420p")
        count = bounds[i + 1] - bounds[i]
        assert abs(len(alone) - count) <= 1
        shared = (min(count, len(alone)) // 60) * 60
        for a, b in zip(alone[:shared], whole[bounds[i] : bounds[i] + shared]):
            assert (a == b).all()


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="which files are open is read in /proc")
def test_planning_leaves_no_music_open(studio: Any, tmp_path: Path, store: Any) -> None:
    """An album may have more tracks than files may be open, and each that FFmpeg reads has a process."""
    album = Graph.load(write_album(tmp_path, studio.model, [4410] * 3))
    with Session(album, store) as session:
        session.films(tmp_path / "out")
        there = {os.path.realpath(link) for link in Path("/proc/self/fd").iterdir()}
        assert not [path for path in there if path.endswith(".wav")]


def test_album_boundaries_do_not_drift() -> None:
    lengths = [44100 * 211 + 17 * i for i in range(40)]
    for fps in (Fraction(30), Fraction(30000, 1001), Fraction(24000, 1001)):
        bounds = album_boundaries(lengths, 44100, fps)
        exact = np.cumsum([0, *lengths])
        for bound, samples in zip(bounds[:-1], exact):
            assert abs(Fraction(bound) / fps - Fraction(int(samples), 44100)) <= Fraction(1, 2) / fps


def test_a_second_run_renders_nothing_and_an_album_shares_chunks(
    studio: Any, tmp_path: Path, store: Any, executor: Any
) -> None:
    path = write_album(tmp_path, studio.model, [44321, 30011])
    first = harness.run(Graph.load(path), tmp_path / "out", store, executor=executor())
    second = harness.run(Graph.load(path), tmp_path / "out", store, executor=executor())
    assert first.rendered and second.rendered == 0
    assert [film["sha256"] for film in first.films] == [film["sha256"] for film in second.films]
    (tmp_path / "out/album.mp4").unlink()
    third = harness.run(Graph.load(path), tmp_path / "out", store, executor=executor())
    assert third.rendered == 0 and third.films[-1]["sha256"] == first.films[-1]["sha256"]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"track": ("fps: 30", "fps: 25")}, "fps is 25, but the album has 30; take it out of the track"),
        ({"track": ("size: [96, 64]", "size: [64, 64]")}, "size is 64x64, but the album has 96x64"),
        ({"track": ("crf: 28", "crf: 20")}, "out.crf is 20, but the album has 28"),
    ],
)
def test_a_track_that_contradicts_the_album_is_refused(
    change: dict, words: str, studio: Any, tmp_path: Path, store: Any
) -> None:
    path = write_album(tmp_path, studio.model, [4410, 4410])
    track = tmp_path / "track1.yaml"
    track.write_text(track.read_text().replace(*change["track"]))
    with pytest.raises(Exception, match="track1.yaml") as caught:
        harness.run(Graph.load(path), tmp_path / "out", store)
    assert words in str(caught.value) and caught.value.exit_status == 2


def motion_correlation(folder: Path, model: Path, store: Any, exposure: str) -> tuple[float, int]:
    """Return the best correlation of mean frame difference and onset signal, and the lag in frames where it is."""
    tiny.write_wav(folder / "clicks.wav", tiny.clicks(12, bpm=120, first=0.3))
    graph = Graph.load(tiny.write_graph(folder, model, "clicks.wav", "moving", exposure=exposure))
    plan = harness.plan(graph, store)
    pictures = harness.codes(graph, store)[:, : 96 * 64].astype(np.float64)
    moved = np.concatenate([[0], np.abs(np.diff(pictures, axis=0)).mean(axis=1)])
    onset = plan.values.outputs["features", "onset"]
    lags = range(-10, 11)
    scores = [np.corrcoef(np.roll(onset, lag)[12:-12], moved[12:-12])[0, 1] for lag in lags]
    best = int(np.argmax(scores))
    return scores[best], lags[best]


def test_the_picture_moves_with_the_music(studio: Any, tmp_path: Path, store: Any) -> None:
    score, lag = motion_correlation(tmp_path, studio.model, store, "= 1.5 * pulse")
    assert score >= 0.6 and abs(lag) <= 1
    still, _ = motion_correlation(tmp_path, studio.model, store, "0")
    assert abs(still) < 0.2


def test_a_picture_arrives_exactly(tmp_path: Path) -> None:
    from n2s.runtime.media.pictures import read_picture

    pixels = np.random.default_rng(1).integers(0, 256, (20, 30, 3)).astype(np.uint8)
    pixels[0, 0] = 255
    picture = read_picture(tiny.write_png(tmp_path / "picture.png", pixels))
    np.testing.assert_allclose(picture.transpose(1, 2, 0) * 255, pixels, atol=1e-4)
