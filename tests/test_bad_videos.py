"""Files that are no videos, videos that are damaged or change, and decoders that nobody reads any more."""

from __future__ import annotations

import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from places import POSIX
from test_video import graph_of
from videos import X264, ffmpeg, numbered, numbers_in, write_video

from n2s.graph.errors import GraphError, MediaError, MissingFileError
from n2s.runtime.media.video.listing import DAMAGE, _Found, _take
from n2s.runtime.readiness import check_inputs


def cut(path: Path, count: int) -> Path:
    path.write_bytes(path.read_bytes()[:count])
    return path


def test_a_video_that_is_cut_short(tmp_path: Path, read_video: Any) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(60), *X264, "-movflags", "+faststart")
    cut(path, path.stat().st_size * 2 // 3)
    with pytest.raises(
        MediaError, match=r"its last frame is number \d+, which ends at 1\.\d\d s of 2\.40 s.*damaged: keep"
    ):
        read_video(path)
    video = read_video(path, keep=True)
    count = len(video.times)
    assert 20 < count < 59 and "of 2.40 s" in video.info.missing
    assert numbers_in(video.read(range(count))[0]) == list(range(count))


def test_damage_in_the_middle(tmp_path: Path, read_video: Any) -> None:
    path = write_video(tmp_path / "a.mp4", numbered(60), *X264, "-g", "10")
    whole, _ = read_video(path).read(range(60))
    data = bytearray(path.read_bytes())
    middle = len(data) // 2
    data[middle : middle + 300] = bytes(300)
    path.write_bytes(data)
    with pytest.raises(MediaError, match=r"about frame [123]\d, at .* Export or copy it again"):
        read_video(path)
    video = read_video(path, keep=True)
    count = len(video.times)
    assert 5 < count < 40 and "about frame" in video.info.missing
    assert read_video(path, keep=True).read(range(count))[0].tobytes() == whole[:count].tobytes()


@pytest.mark.parametrize(
    ("name", "codec"), [("a.gif", "gif"), ("a.avi", "mjpeg"), ("a.avi", "mpeg4"), ("a.ts", "mpeg2video")]
)
def test_a_frame_that_a_decoder_makes_up_is_damage(name: str, codec: str, tmp_path: Path, read_video: Any) -> None:
    noise = np.random.default_rng(1).integers(0, 256, (8, 64, 96, 3), dtype=np.uint8)
    path = write_video(tmp_path / name, noise, "-c:v", codec)
    read_video(path)
    cut(path, path.stat().st_size // 2)
    with pytest.raises(MediaError, match="is cut short or damaged: FFmpeg says “"):
        read_video(path)


@pytest.mark.parametrize("between", ["overread 8", "ac-tex damaged at 3 0", "[error] LZW decode failed"])
def test_damage_is_heard_between_the_pieces_of_a_frame(between: str) -> None:
    """FFmpeg's threads do not wait for each other's lines to end, and the level is left out in the middle of one."""
    found = _Found("")
    said = "[Parsed_showinfo_0 @ 0x1] [info] "
    first = (
        f"{said}n:   0 pts:      0 pts_time:0       duration:      1 fmt:yuv444p sar:0/1 s:96x64 i:P iskey:1 type:I "
    )
    for line in (first + between, f"{said}checksum:A1E1FC64 plane_checksum:[2067F334 87760F47 D050F9DA]"):
        _take(found, line)
    assert len(found.frames) == 1 and len(found.wrong) == 1 and found.wrong[0] in between
    assert DAMAGE.search(found.wrong[0])


def test_what_is_no_video(tmp_path: Path, read_video: Any) -> None:
    music, still, list_, moov = (tmp_path / name for name in ("a.m4a", "a.png", "a.m3u8", "cut.mp4"))
    ffmpeg("-f", "lavfi", "-i", "sine=d=0.2", music)
    write_video(still, numbered(1), "-frames:v", "1")
    list_.write_text("#EXTM3U\n#EXTINF:3,\nb.ts\n")
    cut(write_video(moov, numbered(20)), 900)
    (tmp_path / "empty.mp4").write_bytes(b"")
    (tmp_path / "noise.mkv").write_bytes(np.random.default_rng(0).bytes(5000))
    for name, said in (
        ("a.m4a", "has no pictures in it"), ("a.png", "shown by an ImageSource"), ("a.m3u8", "is a playlist"),
        ("cut.mp4", "which stands at its end, is missing"), ("empty.mp4", r"is empty \(0 bytes\)"),
        ("noise.mkv", "is no video"),
    ):  # fmt: skip
        with pytest.raises(MediaError, match=said) as caught:
            read_video(tmp_path / name)
        assert name in str(caught.value)
    for name, said in (("none.mp4", "there is no such video"), (".", "this is a folder")):
        with pytest.raises(MissingFileError, match=said):
            read_video(tmp_path / name)


def test_check_looks_at_the_beginning_of_videos(tmp_path: Path) -> None:
    whole = write_video(tmp_path / "a.mkv", numbered(5))
    graph = graph_of(tmp_path, 5)
    check_inputs(graph)
    for data, words in (
        (whole.read_bytes()[:200], "is no video, or too damaged"),
        (b"la la", "is a text file, and no video"),
    ):
        whole.write_bytes(data)
        with pytest.raises(GraphError, match=rf"video.path: .*a\.mkv {words}"):
            check_inputs(graph)


def test_frames_that_change_their_size(tmp_path: Path, read_video: Any) -> None:
    parts = [write_video(tmp_path / f"{w}.ts", numbered(9, w), *X264) for w in (96, 128)]
    path = tmp_path / "both.ts"
    path.write_bytes(b"".join(part.read_bytes() for part in parts))
    with pytest.raises(MediaError, match="changes its frames on the way|times are missing or do not rise"):
        read_video(path)


def test_a_video_that_changes_while_it_is_read(tmp_path: Path, read_video: Any) -> None:
    path = write_video(tmp_path / "a.mkv", numbered(40), "-c:v", "ffv1")
    video = read_video(path)
    video.read([3])
    video.close()
    write_video(path, numbered(40)[::-1], "-c:v", "ffv1")
    with pytest.raises(MediaError, match="Was the file changed"):
        video.read([4])


@POSIX
def test_a_decoder_ends_with_whoever_reads(tmp_path: Path) -> None:
    """A process that is killed closes no decoder; what it decodes then has nowhere to go."""
    path = write_video(tmp_path / "a.mkv", numbered(200, 640, 480), "-c:v", "ffv1")
    code = f"""if True:
        import os, signal
        from pathlib import Path
        from n2s.runtime.context import RunContext
        from n2s.runtime.store import Store
        video = RunContext(Store({str(tmp_path / "s")!r}), print).video(Path({str(path)!r}))
        video.read([2])
        print(video._idle[0]._process.pid, flush=True)
        os.kill(os.getpid(), signal.SIGKILL)"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    pid, until = int(done.stdout.split()[-1]), time.monotonic() + 10
    while _runs(pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(pid)


def _runs(pid: int) -> bool:
    try:
        return "Z" not in Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0]
    except OSError:
        return False


def test_a_missing_video_is_found_before_any_work(tmp_path: Path) -> None:
    graph = graph_of(tmp_path, 5)
    with pytest.raises(GraphError, match=r"video.path: .*a\.mkv does not exist"):
        check_inputs(graph)
