"""A glance at music and videos before any work: whether a file is such a thing at all, and can be begun to be read.

It must cost next to nothing for a file that is sound. So the kinds that most files are of are known by their headers
and their first packets; only what is not sound at first sight is really opened and begun to be decoded, and refused in
the words of whoever would read it. Where a format says how long a file is, its end is looked at too. What is damaged
between them is found when all of it is read.
"""

from __future__ import annotations

import mmap
import os
import re
import struct
from collections.abc import Callable, Iterator
from functools import lru_cache
from pathlib import Path

from n2s.graph.errors import MediaError
from n2s.runtime.media.containers import after_id3, kind_of, local_file, read_container
from n2s.runtime.media.music import flac, ogg, riff
from n2s.runtime.media.music.mpeg import frame_at, xing
from n2s.runtime.media.music.reading import AGAIN, is_damage
from n2s.runtime.media.video.listing import check_first_frame

OF_CHUNKS = ("wav", "w64", "aiff", "caf")  # their headers, which are short, say how long they are
FEW = 4096  # samples that are decoded where a file is begun to be read
BEGINNING = 1 << 18  # bytes in which Matroska names its codecs
MOST_TAGS = 1 << 20  # bytes behind the music of an mp3
FRAMES_IN_A_ROW = 3  # of mp3: two bytes of noise are easily taken for one


def music_problem(path: Path, ffmpeg: Callable[[], str], keep: bool = False) -> str:
    """Say why a file is no music that can be read; nothing where its beginning is.

    Parameters
    ----------
    path : Path
    ffmpeg : callable
        Returns the path of an FFmpeg; called only for what is not known by its first bytes.
    keep : bool
        What is there of a damaged file will do.
    """
    return _problem(path, _begin_music, ffmpeg, keep)


def video_problem(path: Path, ffmpeg: Callable[[], str], keep: bool = False) -> str:
    """Say why a file is no video that can be read; nothing where its beginning is; as `music_problem`."""
    return _problem(path, _begin_video, ffmpeg, keep)


def music_length(path: Path) -> float | None:
    """Return how long music is by its header, in seconds; None where that is not certain, or costs more than a glance.

    Of files that were joined end to end, a header speaks of the first alone.
    """
    try:
        kind = kind_of(name := local_file(path))
        start = after_id3(name)
        if kind == "wav":
            return riff.length_of_wav(name) if read_container(name).plain else None
        if kind not in ("flac", "ogg", "mp3") or not _is_sound(name, kind):
            return None
        if kind == "ogg":
            return ogg.length(name)
        with open(name, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if kind == "flac":
                return flac.length(data, start)
            counts, frame = xing(name, start), frame_at(data, start)
            alone = counts and counts[1] and len(data) - start < counts[1] + MOST_TAGS
            return counts[0] * frame.samples / frame.rate if alone and counts and frame else None
    except (MediaError, OSError):
        return None


def _problem(path: Path, begin: Callable, ffmpeg: Callable[[], str], keep: bool) -> str:
    try:
        found = os.stat(path)
    except (OSError, ValueError) as error:
        return f"{str(path)!r} cannot be read: {error}. Check the path."
    return _known_problem(path, begin, ffmpeg, keep, found.st_mtime_ns, found.st_size)


@lru_cache(maxsize=256)
def _known_problem(path: Path, begin: Callable, ffmpeg: Callable[[], str], keep: bool, changed: int, size: int) -> str:
    """Say it of a file as it was at a time, which a session asks for with each edit."""
    try:
        begin(path, ffmpeg, keep)
    except MediaError as error:
        return "" if keep and is_damage(error) else str(error)
    return ""


def _begin_music(path: Path, ffmpeg: Callable[[], str], keep: bool) -> None:
    name = local_file(path)
    kind = kind_of(name)
    if _is_sound(name, kind):
        return
    reading = read_container(name, keep)
    if kind in OF_CHUNKS and reading.plain and reading.parts[0].kind and riff.has_samples(name, kind):
        return
    from n2s.runtime.media.music.decoders import open_source  # slow to import, and seldom needed

    with open_source(name, reading, ffmpeg, keep) as source:
        if not len(source.read(FEW)):
            source.check_end(0)
            raise MediaError(f"{name} holds no samples; at least one is needed. {AGAIN}")
    if kind == "flac":
        flac.check_count(name, after_id3(name))


def _is_sound(path: str, kind: str) -> bool:
    """Say whether a file is music at first sight."""
    if kind == "ogg":
        return ogg.is_sound_at_both_ends(path)
    if kind not in ("flac", "mp3", ""):
        return False
    start = after_id3(path)
    with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
        if kind == "flac":
            return flac.is_sound_at_both_ends(data, start)
        return _has_frames(path, data, start) if kind else _has_track(data, b"soun", b"A_")


def _has_frames(path: str, data: mmap.mmap, start: int) -> bool:
    """Say whether frames of mp3 follow one another, and as many bytes as the first of them promises."""
    counts = xing(path, start)
    if counts and len(data) - start < (counts[1] or 0):
        return False
    at = start
    for _ in range(FRAMES_IN_A_ROW):
        frame = frame_at(data, at)
        if frame is None or at + frame.size > len(data):
            return False
        at += frame.size
    return True


def _begin_video(path: Path, ffmpeg: Callable[[], str], keep: bool) -> None:
    if os.path.getsize(path):
        with open(path, "rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as data:
            if _has_track(data, b"vide", b"V_"):
                return
    check_first_frame(path, ffmpeg)


def _has_track(data: mmap.mmap, handler: bytes, codec: bytes) -> bool:
    """Say whether a whole MP4 or MOV has a track of a kind, or Matroska names such a codec at its beginning."""
    if data[:4] == b"\x1a\x45\xdf\xa3":
        return re.search(codec + rb"[A-Z]{3}", data[:BEGINNING]) is not None
    if data[4:8] != b"ftyp":
        return False
    boxes = list(_boxes(data))
    if any(stop > len(data) for _, _, stop in boxes) or b"mdat" not in {name for name, _, _ in boxes}:
        return False
    return any(
        name == b"moov" and re.search(rb"hdlr.{8}" + handler, data[start:stop], re.DOTALL) is not None
        for name, start, stop in boxes
    )


def _boxes(data: mmap.mmap) -> Iterator[tuple[bytes, int, int]]:
    """Yield the outermost boxes of an MP4: their names, and where they begin and end, which may be behind the file."""
    at = 0
    while at + 8 <= len(data):
        length = struct.unpack(">I", data[at : at + 4])[0]
        if length == 1 and at + 16 <= len(data):
            length = struct.unpack(">Q", data[at + 8 : at + 16])[0]
        stop = at + length if length else len(data)
        yield data[at + 4 : at + 8], at, stop
        at = max(stop, at + 8)
