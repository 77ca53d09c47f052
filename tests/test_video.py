"""Videos: which frame is shown when, the same bits in any order, and colours."""

from __future__ import annotations

import json
from fractions import Fraction
from math import floor
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
from videos import X264, ffmpeg, numbered, numbers_in, write_video

from n2s.graph.errors import MediaError
from n2s.runtime.media.video.frames import _Decoder
from n2s.runtime.media.video.listing import FrameLines

COUNT = 70
HEVC = ["-c:v", "libx265", "-preset", "ultrafast", "-x265-params", "log-level=none:open-gop=1:keyint=20:bframes=3"]
FORMATS = {
    "mp4, b-frames, one keyframe": ("a.mp4", [*X264, "-bf", "3", "-g", "250"]),
    "mp4, short groups": ("a.mp4", [*X264, "-bf", "2", "-g", "3"]),
    "ts, open groups": ("a.ts", [*X264, "-x264-params", "open_gop=1:keyint=15:bframes=3"]),
    "no keyframes": ("a.mp4", [*X264, "-x264-params", "intra-refresh=1:keyint=20"]),
    "10 bits": ("a.mkv", [*HEVC, "-pix_fmt", "yuv420p10le"]),
    "mpeg": ("a.mpg", ["-c:v", "mpeg2video", "-g", "12", "-bf", "2", "-q:v", "2"]),
    "lossless": ("a.mkv", ["-c:v", "ffv1"]),
    "prores": ("a.mov", ["-c:v", "prores_ks"]),
    "webm": ("a.webm", ["-c:v", "libvpx-vp9", "-cpu-used", "8", "-crf", "20", "-b:v", "0"]),
}  # fmt: skip
STOPS = [0, 0.7, 2.1]


@pytest.mark.parametrize("what", FORMATS)
def test_any_order_gives_the_same_frames(what: str, tmp_path: Path, read_video: Any) -> None:
    name, options = FORMATS[what]
    path = write_video(tmp_path / name, numbered(COUNT), *options)
    whole, matte = read_video(path).read(range(COUNT))
    assert numbers_in(whole) == list(range(COUNT)) and (matte == 1).all()
    video, order = read_video(path), np.random.default_rng(4).permutation(COUNT)[:16].tolist()
    for numbers in (order[:8], order[8:12], [40, 41, 42, 43], [43, 43, 44], [3]):
        made, _ = video.read(numbers)
        assert made.tobytes() == whole[numbers].tobytes()


def test_what_decodes_to_something_else_from_the_middle_is_read_from_the_beginning(
    tmp_path: Path, read_video: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(30), *X264, "-g", "10")
    whole, _ = read_video(path).read(range(30))
    plain, begun = _Decoder.read, []
    monkeypatch.setattr(
        _Decoder, "read", lambda self, n: begun.append(self.first) or (plain(self, n), None)[bool(self.first)]
    )
    made, _ = read_video(path).read([25])
    assert made[0].tobytes() == whole[25].tobytes() and begun == [20, 0]


def test_other_frames_than_were_listed_are_refused(tmp_path: Path, read_video: Any) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(20))
    video = read_video(path)
    video.info.sums[12] = "00000000"
    assert numbers_in(video.read([11])[0]) == [11]
    with pytest.raises(MediaError, match="FFmpeg gives no frame 12, or not the one"):
        video.read([12])


def test_decoders_that_wait_are_few_and_end(tmp_path: Path, read_video: Any) -> None:
    path = write_video(tmp_path / "a.mkv", numbered(60), "-c:v", "ffv1", "-g", "1")
    video = read_video(path)
    for number in (50, 30, 10, 5, 0, 58):
        video.read([number])
    waiting = list(video._idle)
    assert len(waiting) == 4
    video.close()
    assert all(decoder._process.poll() is not None for decoder in waiting) and not video._idle
    assert numbers_in(video.read([7])[0]) == [7]
    decoder = video._idle[0]
    video.read([8, 9, 10, 11])
    assert video._idle == [decoder], "reading on starts no other decoder"


def test_messages_that_come_between_the_pieces_of_a_frame() -> None:
    lines, head = FrameLines(), "[Parsed_showinfo_0 @ 0x5] [info] "
    said = (
        "n:   0 pts:      5 pts_time:0.2 duration:    512 duration_time:0.04 fmt:yuv420p cl:left sar:1/1 s:32x18 i:P "
        "iskey:1 type:I "
    )
    whole = f"{head}{said} checksum:9DC9DE4C plane_checksum:[9002E33D A363E8E9 F1E91217] mean:[122 129 126]"
    (frame,) = filter(None, [lines.take(whole)])
    parts = [
        f"{head}{said}[info] Output #0, null, to 'pipe:':",
        "[info]   Metadata:",
        f"{head} checksum:9DC9DE4C plane",
    ]
    assert [lines.take(part) for part in parts] == [None, None, frame]
    assert (frame.time, frame.lasts, frame.is_key, frame.sum, frame.size) == (5, 512, True, "9DC9DE4C", (32, 18))
    assert lines.take(f"{head} color_range:tv color_space:bt709") is None


# --- which frame is shown when ---------------------------------------------------------------------------------------


def shown(folder: Path, store: Any, frames: int, fps: str = "30", **settings: Any) -> list[int]:
    """Return which frames of a video a film shows; -1 for black ones."""
    made = harness.frames(graph_of(folder, frames, fps, **settings), store, "video", [(0, frames)])
    return [-1 if not frame.any() else number for frame, number in zip(made, numbers_in(made))]


def graph_of(folder: Path, frames: int, fps: str = "30", **settings: Any) -> Any:
    nodes = {
        "video": {"node": "VideoSource", "path": "a.mkv", **settings},
        "out": {"node": "DigestSink", "frames": "video", "path": "f.txt"},
    }
    seconds = float(frames / Fraction(fps))
    return harness.load({"n2s": 1, "size": [96, 64], "fps": fps, "duration": seconds, "nodes": nodes}, folder)


def last_before(times: list[Fraction], at: Fraction, tick: Fraction) -> int:
    """Return the last frame whose time is not after ``at`` and half a tick."""
    return max([i for i, time in enumerate(times) if time <= at + tick / 2], default=0)


@pytest.mark.parametrize("fps", ["30", "24000/1001", "50", "60"])
def test_a_film_shows_the_last_frame_that_has_come(fps: str, tmp_path: Path, store: Any) -> None:
    write_video(tmp_path / "a.mkv", numbered(40), "-c:v", "ffv1")
    times = [Fraction(i, 25) for i in range(40)]
    wanted = [last_before(times, n / Fraction(fps), Fraction(1, 1000)) for n in range(30)]
    assert shown(tmp_path, store, 30, fps) == wanted
    assert len(set(wanted)) > 12


def test_a_rate_that_is_rounded_to_ticks_shows_every_frame_once(tmp_path: Path, store: Any) -> None:
    """Matroska rounds 30000/1001 to milliseconds, and half of the times become later than those of the film."""
    write_video(tmp_path / "a.mkv", numbered(40), "-c:v", "ffv1", fps="30000/1001")
    assert shown(tmp_path, store, 40, "30000/1001") == list(range(40))


def test_a_rate_that_varies(tmp_path: Path, store: Any, read_video: Any) -> None:
    rule = "settb=1/1000,setpts='(N*0.03+0.002*N*N+0.012*mod(N\\,3))/TB'"
    write_video(
        tmp_path / "a.mkv",
        numbered(30),
        "-vf",
        rule,
        "-fps_mode",
        "passthrough",
        "-enc_time_base",
        "1/1000",
        *X264,
        "-bf",
        "2",
    )
    video = read_video(tmp_path / "a.mkv")
    exact = [Fraction(30 * i + 2 * i * i + 12 * (i % 3), 1000) for i in range(30)]
    steps = np.diff([float(time) for time in exact])
    assert steps.max() > 3 * steps.min()
    listed = [int(time) * video.tick for time in video.times]
    assert all(abs(a - b) <= Fraction(2, 1000) for a, b in zip(listed, exact))
    wanted = [last_before(listed, Fraction(n, 30), video.tick) for n in range(80)]
    assert shown(tmp_path, store, 80) == wanted and max(wanted) == 29


@pytest.mark.parametrize(("start", "speed"), [(0.5, 1), ("250 ms", 2), (0, 0.5), (0.2, 0), (0.1, 1.37)])
def test_start_and_speed(start: Any, speed: float, tmp_path: Path, store: Any) -> None:
    write_video(tmp_path / "a.mkv", numbered(60), "-c:v", "ffv1")
    begin = Fraction(1, 4) if start == "250 ms" else Fraction(str(start))
    wanted = [min(floor((begin + Fraction(str(speed)) * n / 30) * 25 + Fraction(1, 80)), 59) for n in range(20)]
    assert shown(tmp_path, store, 20, start=start, speed=speed) == wanted


BEYOND = {
    "hold": lambda place: min(max(place, 0), 9),
    "loop": lambda place: place % 10,
    "black": lambda place: place if 0 <= place < 10 else -1,
}


@pytest.mark.parametrize("beyond", BEYOND)
def test_beyond_its_ends(beyond: str, tmp_path: Path, store: Any) -> None:
    frames = np.maximum(numbered(10), 20)
    write_video(tmp_path / "a.mkv", frames, "-c:v", "ffv1")
    wanted = [BEYOND[beyond](n - 5) for n in range(40)]
    assert shown(tmp_path, store, 40, "25", start=-0.2, beyond=beyond) == wanted


def test_no_matte_where_nothing_is_shown(tmp_path: Path, store: Any) -> None:
    write_video(tmp_path / "a.mkv", numbered(5), "-c:v", "ffv1")
    graph_of(tmp_path, 10, "25", beyond="black")
    values = json.loads((tmp_path / "graph.yaml").read_text())
    values["nodes"]["over"] = {"node": "Over", "back": "video", "front": "video", "matte": "video"}
    values["nodes"]["out"]["frames"] = "over"
    made = harness.frames(harness.load(values, tmp_path), store, "video.matte", [(0, 10)])
    assert made.mean(axis=(1, 2, 3)).tolist() == [1] * 5 + [0] * 5


# --- the same film ---------------------------------------------------------------------------------------------------


def test_a_film_is_the_same_whoever_renders_it(tmp_path: Path, new_store: Any, executor: Any) -> None:
    write_video(tmp_path / "a.mkv", numbered(60), *X264, "-g", "50", "-bf", "3")
    films = []
    for chunk, count in ((50, 1), (7, 3)):
        graph = graph_of(tmp_path, 50, beyond="loop", start=1.3, fit="contain", height=0.8)
        values = json.loads((tmp_path / "graph.yaml").read_text())
        values["nodes"]["out"]["chunk"] = chunk
        graph = harness.load(values, tmp_path)
        harness.run(graph, tmp_path / f"out{chunk}", new_store(), executor=executor(count))
        films.append((tmp_path / f"out{chunk}" / "f.txt").read_text().splitlines())
    lines = [[line for line in film if not line.startswith("#")] for film in films]
    assert len(lines[0]) >= 50 and lines[0] == lines[1]


def test_the_list_is_kept(tmp_path: Path, new_store: Any, read_video: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    path, store = write_video(tmp_path / "a.mkv", numbered(9), "-c:v", "ffv1"), new_store()
    info = read_video(path, store=store).info
    monkeypatch.setattr("n2s.runtime.media.video.listing._decode", None)
    assert read_video(path, store=store).info == info


def test_a_key_is_that_of_the_bytes(tmp_path: Path, store: Any) -> None:
    keys = []
    for count in (20, 21, 20):
        write_video(tmp_path / "a.mkv", numbered(count), "-c:v", "ffv1", "-fflags", "+bitexact", "-flags", "+bitexact")
        keys.append(harness.keys(graph_of(tmp_path, 15), store))
    assert keys[0] == keys[2] != keys[1]


# --- colours and shapes ----------------------------------------------------------------------------------------------

FLAT = (200, 90, 40)
MATRICES = {"bt709": (0.2126, 0.0722), "smpte170m": (0.299, 0.114), "bt2020nc": (0.2627, 0.0593)}


def flat_video(path: Path, matrix: str, depth: int, full: bool, size: tuple[int, int], tagged: bool = True) -> Any:
    """Write frames of one colour as YUV that is made here, by the definition of its matrix; return its exact RGB."""
    kr, kb = MATRICES[matrix]
    to_yuv = np.array([[kr, 1 - kr - kb, kb], [0, 0, 0], [0, 0, 0]])
    to_yuv[1] = (np.array([0, 0, 1]) - to_yuv[0]) / (2 - 2 * kb)
    to_yuv[2] = (np.array([1, 0, 0]) - to_yuv[0]) / (2 - 2 * kr)
    top, scale = 2**depth - 1, 2 ** (depth - 8)
    wide = np.array([top] * 3 if full else [219 * scale, 224 * scale, 224 * scale])
    low = np.array([0 if full else 16 * scale, 128 * scale, 128 * scale])
    codes = np.round(to_yuv @ np.divide(FLAT, 255) * wide + low)
    height, width = size[1], size[0]
    form = f"yuv444p{'' if depth == 8 else f'{depth}le'}"
    tags = ["-colorspace", matrix, "-color_range", "pc" if full else "tv"] if tagged else []
    frame = np.concatenate([np.full((height, width), code, "<u2" if depth > 8 else "u1") for code in codes])
    raw = path.with_suffix(".yuv")
    raw.write_bytes(frame.tobytes() * 3)
    ffmpeg("-f", "rawvideo", "-pix_fmt", form, "-s", f"{width}x{height}", *tags, "-i", raw, "-c:v", "ffv1", *tags, path)
    return np.linalg.solve(to_yuv, (codes - low) / wide)


@pytest.mark.parametrize("full", [False, True])
@pytest.mark.parametrize("depth", [8, 10])
@pytest.mark.parametrize("matrix", MATRICES)
def test_colours_by_the_matrix_and_range_of_the_file(
    matrix: str, depth: int, full: bool, tmp_path: Path, read_video: Any
) -> None:
    wanted = flat_video(tmp_path / "a.mkv", matrix, depth, full, (36, 22))
    made, _ = read_video(tmp_path / "a.mkv").read([1])
    np.testing.assert_allclose(made[0].mean(axis=(1, 2)), wanted, atol=1e-5)
    np.testing.assert_allclose(wanted * 255, FLAT, atol=1.6)


@pytest.mark.parametrize(("rows", "matrix"), [(576, "smpte170m"), (720, "bt709")])
def test_untagged_colours(rows: int, matrix: str, tmp_path: Path, read_video: Any) -> None:
    wanted = flat_video(tmp_path / "a.mkv", matrix, 8, False, (64, rows), tagged=False)
    made, _ = read_video(tmp_path / "a.mkv").read([0])
    np.testing.assert_allclose(made[0].mean(axis=(1, 2)), wanted, atol=1e-5)


def test_colours_of_jpegs(tmp_path: Path, read_video: Any) -> None:
    frames = np.full((4, 32, 48, 3), FLAT, np.uint8)
    path = write_video(tmp_path / "a.avi", frames, "-c:v", "mjpeg", "-q:v", "1", "-pix_fmt", "yuvj420p")
    made, _ = read_video(path).read([2])
    np.testing.assert_allclose(made[0].mean(axis=(1, 2)) * 255, FLAT, atol=2)


def test_rgb_is_read_as_it_is_in_odd_sizes(tmp_path: Path, read_video: Any) -> None:
    frames = np.random.default_rng(3).integers(0, 256, (3, 53, 71, 3), np.uint8)
    path = write_video(tmp_path / "a.mkv", frames, "-c:v", "ffv1", "-pix_fmt", "gbrp")
    made, _ = read_video(path).read([0, 1, 2])
    np.testing.assert_array_equal(made, (frames.transpose(0, 3, 1, 2) / np.float32(255)).astype(np.float32))


@pytest.mark.parametrize(("name", "options"), [
    ("a.mov", ["-c:v", "prores_ks", "-profile:v", "4444", "-pix_fmt", "yuva444p10le"]),
    ("a.mov", ["-c:v", "png", "-pix_fmt", "rgba"]),
    ("a.webm", ["-c:v", "libvpx-vp9", "-crf", "10", "-b:v", "0", "-pix_fmt", "yuva420p", "-auto-alt-ref", "0"]),
])  # fmt: skip
def test_transparency(name: str, options: list[str], tmp_path: Path, read_video: Any) -> None:
    frames = np.zeros((4, 48, 64, 4), np.uint8)
    frames[..., 0], frames[:, :, 32:, 3], frames[:, :, :32, 3] = 180, 64, 255
    made, matte = read_video(write_video(tmp_path / name, frames, *options, form="rgba")).read([0, 3])
    np.testing.assert_allclose(matte[:, 0, 8:40, 4:28], 1, atol=0.02)
    np.testing.assert_allclose(matte[:, 0, 8:40, 36:60], 64 / 255, atol=0.02)
    np.testing.assert_allclose(made[:, 0, 8:40, 4:28], 180 / 255, atol=0.03)


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_it_is_turned_as_the_file_says(turn: int, tmp_path: Path, read_video: Any) -> None:
    frames = numbered(30)
    frames[:, :20, :30] = 255
    upright, turned = write_video(tmp_path / "a.mp4", frames), tmp_path / "b.mp4"
    ffmpeg("-display_rotation", turn, "-i", upright, "-c", "copy", turned)
    wanted, made = (read_video(path).read([13])[0][0] for path in (upright, turned))
    np.testing.assert_allclose(made, np.rot90(wanted, turn // 90, axes=(1, 2)), atol=0.02)


def test_pixels_that_are_not_square(tmp_path: Path, store: Any) -> None:
    frames = np.zeros((5, 64, 72, 3), np.uint8)
    frames[:, 16:48, 24:48] = 255  # as wide as high when it is shown
    write_video(tmp_path / "a.mkv", frames, "-vf", "setsar=4/3", "-c:v", "ffv1")
    made = harness.frames(graph_of(tmp_path, 5, "25"), store, "video", [(0, 1)])[0, 1] > 0.7
    assert made.any(axis=0).sum() == made.any(axis=1).sum() == 32
