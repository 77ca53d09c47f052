"""Films that keep a matte: ProRes 4444, FFV1, VP9, PNG, OpenEXR and WebP, read back by others and by the library."""

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


def test_a_matte_that_moves_is_the_same_however_it_is_made(
    tmp_path: Path, store: Any, new_store: Any, pool: Any
) -> None:
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
    processes = made("processes", "shaped", new_store(), 2, executor=ProcessExecutor(2, pool))
    assert processes.read_bytes() == (tmp_path / "threads/film.mkv").read_bytes()
    assert np.array_equal(alpha_planes(made("long", "shaped", store, 5)), alpha)
    opaque = made("opaque", None, store, 2)
    with av.open(str(opaque)) as one, av.open(str(processes)) as other:
        for plain, with_matte in zip(one.decode(video=0), other.decode(video=0), strict=True):
            for k in range(3):
                assert bytes(plain.planes[k]) == bytes(with_matte.planes[k])


@pytest.mark.parametrize("ending", [".webm", ".mkv"])
def test_vp9_keeps_a_matte_for_web_pages(ending: str, tmp_path: Path, store: Any) -> None:
    """Over the borders of chunks, too; browsers look for it where the track says AlphaMode 1."""
    moving = {
        "fade": {"node": "Keyframes", "points": [[0, 0.0], [0.4, 1.0]], "interpolate": "linear"},
        "shaped": {"node": "InvertMatte", "matte": "logo.matte", "amount": "= fade"},
    }
    sink = {"node": "FFmpegSink", "path": f"film{ending}", "codec": "vp9", "crf": 4, "chunk": 2}
    harness.run(film(tmp_path, sink, "shaped", **moving), tmp_path / "out", store)
    path = tmp_path / f"out/film{ending}"
    assert b"\x53\xc0\x81\x01" in path.read_bytes()
    values = {
        "n2s": 1, "size": [WIDTH, HEIGHT], "fps": 10, "duration": 0.5,
        "nodes": {"film": {"node": "VideoSource", "path": f"out/film{ending}"}},
    }  # fmt: skip
    with Session(harness.load(values, tmp_path), store) as session:
        found = [session.frame("film.matte", k)[0] for k in range(5)]
    for k, matte in enumerate(found):
        amount = min(k / 4, 1)
        wanted = RAMP / 255 + (1 - 2 * RAMP / 255) * amount
        assert np.abs(matte - wanted).mean() < 0.02


def test_exr_holds_light_that_is_multiplied_by_its_opacity(tmp_path: Path, store: Any) -> None:
    sink = {"node": "EXRSink", "path": "light"}
    harness.run(film(tmp_path, sink), tmp_path / "out", store)
    with av.open(str(tmp_path / "out/light/000002.exr")) as container:
        (frame,) = container.decode(video=0)
        kind = {"gbrapf16le": np.float16, "gbrapf32le": np.float32}[frame.format.name]
        planes = [np.frombuffer(plane, kind).reshape(HEIGHT, -1)[:, :WIDTH] for plane in frame.planes]
    opacity = RAMP / 255
    assert np.abs(planes[3] - opacity).max() < 2**-11
    assert np.abs(planes[2] - opacity * (200 / 255) ** 2).max() < 2**-11  # red
    assert np.abs(planes[0] - opacity * opacity**2).max() < 2**-10  # green


def test_an_animated_webp_keeps_every_opacity(tmp_path: Path, store: Any) -> None:
    sink = {"node": "AnimationSink", "path": "film.webp", "dither": False}
    harness.run(film(tmp_path, sink), tmp_path / "out", store)
    with Image.open(tmp_path / "out/film.webp") as picture:
        found = np.asarray(picture.convert("RGBA"))
    assert np.array_equal(found[..., 3], RAMP)


@pytest.mark.parametrize(
    ("sink", "told"),
    [
        ({"path": "film.mp4"}, r"matte: .* has no transparency; VP9 \(codec: vp9\), ProRes 4444"),
        ({"path": "film.mov", "codec": "prores"}, r"matte: .* has no transparency; VP9 .* or FFV1 \(codec: ffv1\) has"),
        ({"path": "film.webm", "codec": "vp9", "depth": 10}, "matte: VP9 of 10 bits has no transparency; leave out"),
        ({"path": "film.mp4", "codec": "vp9"}, r"path: \.mp4 has no room for a matte of VP9; \.webm or \.mkv has"),
        ({"node": "AnimationSink", "path": "film.gif"}, "matte: pixels of a GIF are opaque or not seen at all"),
    ],
)
def test_what_has_no_room_says_what_has(sink: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=told):
        film(tmp_path, {"node": "FFmpegSink", **sink})


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
