"""Films that keep a matte: ProRes 4444, FFV1 and PNG, read back by others and by the library itself."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny
from PIL import Image

from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.session import Session

WIDTH, HEIGHT = 64, 32
RAMP = np.arange(256).repeat(HEIGHT * WIDTH // 256).reshape(HEIGHT, WIDTH)  # each opacity of 8 bits


def film(folder: Path, sink: dict[str, Any], matte: str | None = "logo.matte", **nodes: Any) -> Graph:
    picture = np.dstack([np.full((HEIGHT, WIDTH), 200), RAMP, 255 - RAMP, RAMP]).astype(np.uint8)
    Image.fromarray(picture).save(folder / "logo.png")
    given = {"frames": "logo", **({"matte": matte} if matte else {})}
    nodes = {"logo": {"node": "ImageSource", "path": "logo.png"}, **nodes, "out": {**sink, **given}}
    return harness.load({"n2s": 1, "size": [WIDTH, HEIGHT], "fps": 10, "duration": 0.5, "nodes": nodes}, folder)


def alpha_planes(path: Path) -> np.ndarray:
    """Return the last plane of each frame."""
    with av.open(str(path)) as container:
        frames = list(container.decode(video=0))
    wide = frames[0].format.name.endswith("le")
    planes = [frame.planes[len(frame.planes) - 1] for frame in frames]
    codes = [np.frombuffer(plane, np.uint16 if wide else np.uint8).reshape(plane.height, -1) for plane in planes]
    return np.array(codes)[:, :, :WIDTH]


@pytest.mark.parametrize("chroma", ["4:2:0", "4:2:2", "4:4:4"])
@pytest.mark.parametrize("depth", [8, 10])
def test_an_archive_keeps_every_opacity(depth: int, chroma: str, tmp_path: Path, store: Any) -> None:
    sink = {"node": "FFmpegSink", "path": "film.mkv", "codec": "ffv1", "depth": depth, "chroma": chroma}
    harness.run(film(tmp_path, sink), tmp_path / "out", store)
    found = alpha_planes(tmp_path / "out/film.mkv")
    assert len(found) == 5
    assert np.array_equal(found[0], RAMP if depth == 8 else np.floor(RAMP / 255 * 1023 + 0.5))


def test_prores_4444_keeps_a_matte_that_a_video_source_reads(tmp_path: Path, store: Any) -> None:
    sink = {"node": "FFmpegSink", "path": "film.mov", "codec": "prores4444"}
    harness.run(film(tmp_path, sink), tmp_path / "out", store)
    with av.open(str(tmp_path / "out/film.mov")) as container:
        made = container.streams.video[0].codec_context
        assert made.pix_fmt == "yuva444p12le" and (made.colorspace, made.color_range) == (1, 1)
    found = alpha_planes(tmp_path / "out/film.mov").astype(float)
    assert np.abs(found / 4095 - RAMP / 255).max() < 1 / 1023
    again = harness.load(
        {
            "n2s": 1, "size": [WIDTH, HEIGHT], "fps": 10, "duration": 0.5,
            "nodes": {"film": {"node": "VideoSource", "path": "out/film.mov"}},
        },
        tmp_path,
    )  # fmt: skip
    with Session(again, store) as session:
        matte = session.frame("film.matte", 2)
    assert np.abs(matte[0] - RAMP / 255).max() < 1 / 255


@pytest.mark.parametrize("depth", [8, 16])
def test_png_pictures_have_straight_alpha(depth: int, tmp_path: Path, store: Any) -> None:
    sink = {"node": "PNGSink", "path": "frames", "depth": depth, "dither": False}
    harness.run(film(tmp_path, sink), tmp_path / "out", store)
    if depth == 8:
        with Image.open(tmp_path / "out/frames/000004.png") as picture:
            found = np.asarray(picture)
            assert picture.mode == "RGBA" and np.array_equal(found[..., 3], RAMP)
            assert np.abs(found[..., 1].astype(int) - RAMP).max() <= 1 and (found[..., 0] == 200).all()
    else:
        with av.open(str(tmp_path / "out/frames/000000.png")) as container:
            frame = next(container.decode(video=0))
            assert frame.format.name == "rgba64be"
            codes = np.frombuffer(frame.planes[0], ">u2").reshape(HEIGHT, -1, 4)[:, :WIDTH]
        assert np.array_equal(codes[..., 3], np.floor(RAMP / 255 * 65535 + 0.5))


def test_a_matte_that_moves_is_the_same_however_it_is_made(tmp_path: Path, store: Any, new_store: Any) -> None:
    """Of pointwise nodes, in threads, in processes, in chunks of any length; pictures stay what they are."""
    moving = {
        "fade": {"node": "Keyframes", "points": [[0, 0.0], [0.4, 1.0]], "interpolate": "linear"},
        "disc": {"node": "RadialMatte", "radius": "= 0.1 + 0.5 * fade"},
        "shaped": {"node": "InvertMatte", "matte": "disc", "amount": "= fade"},
    }

    def made(name: str, matte: str | None, kept: Any, chunk: int, **options: Any) -> Path:
        sink = {"node": "FFmpegSink", "path": "film.mkv", "codec": "ffv1", "depth": 8, "chunk": chunk}
        harness.run(film(tmp_path, sink, matte, **moving), tmp_path / name, kept, **options)
        return tmp_path / name / "film.mkv"

    alpha = alpha_planes(made("threads", "shaped", store, 2))
    assert np.ptp(alpha[0]) > 100 and not np.array_equal(alpha[0], alpha[4])
    processes = made("processes", "shaped", new_store(), 2, executor=ProcessExecutor(2))
    assert processes.read_bytes() == (tmp_path / "threads/film.mkv").read_bytes()
    assert np.array_equal(alpha_planes(made("long", "shaped", store, 5)), alpha)
    opaque = made("opaque", None, store, 2)
    with av.open(str(opaque)) as one, av.open(str(processes)) as other:
        for plain, with_matte in zip(one.decode(video=0), other.decode(video=0), strict=True):
            for k in range(3):
                assert bytes(plain.planes[k]) == bytes(with_matte.planes[k])


@pytest.mark.parametrize("codec", ["h264", "prores", "vp9"])
def test_other_codecs_say_which_have_room(codec: str, tmp_path: Path) -> None:
    path = {"h264": "film.mp4", "prores": "film.mov", "vp9": "film.webm"}[codec]
    with pytest.raises(GraphError, match=r"matte: .* has no transparency; ProRes 4444 \(codec: prores4444\) or"):
        film(tmp_path, {"node": "FFmpegSink", "path": path, "codec": codec})


def test_an_album_has_no_transparency(tmp_path: Path, store: Any) -> None:
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    film(tmp_path, {"node": "PNGSink", "path": "frames"})
    (tmp_path / "track.yaml").write_text(
        "n2s: 1\nsize: [64, 32]\nnodes:\n  music: {node: AudioSource, path: music.wav}\n"
        "  logo: {node: ImageSource, path: logo.png}\n"
        "  out: {node: FFmpegSink, frames: logo, matte: logo.matte, audio: music, path: a.mkv, codec: ffv1}\n"
    )
    (tmp_path / "album.yaml").write_text(
        "n2s: 1\nsize: [64, 32]\nnodes:\n  one: {node: Track, path: track.yaml}\n"
        "  album: {node: Album, tracks: [one], path: album.mkv, codec: ffv1}\n"
    )
    with pytest.raises(GraphError, match=r"track\.yaml:6:\d+ +out\.matte: the film of an album has no transparency"):
        harness.run(Graph.load(tmp_path / "album.yaml"), tmp_path / "out", store)
