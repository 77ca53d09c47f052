"""What frames a video has: it is decoded once from end to end, and FFmpeg says of each when it is shown.

Times are whole ticks of the file's clock, so a frame rate that varies is no special case. Beside its time each frame is
known by a sum of its decoded pixels: what is read later must have it (`frames`).
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple, cast

from n2s.graph.errors import MediaError, MissingFileError
from n2s.runtime.media.music.reading import AGAIN
from n2s.runtime.media.signatures import what_is
from n2s.runtime.media.video.colours import matrix_of

# The demuxers that a video may come in. Playlists and concat scripts stay out: they name other files.
CONTAINERS = (
    "mov,matroska,webm,avi,flv,mpegts,mpeg,mpegvideo,ogg,asf,mxf,gif,apng,ivf,obu,h264,hevc,m4v,mjpeg,nut,dv,rm,"
    "yuv4mpegpipe"
)
READABLE = "MP4, MOV, MKV, WebM, AVI, GIF and what else FFmpeg reads as a video"
_OF_DECODERS = (  # always an error; the last ones MPEG, JPEG and GIF say of a frame that they make none the less
    r"error while decoding|Invalid NAL|Invalid data found|Error submitting packet|missing picture"
    r"|LZW decode failed|overread|bad vlc|illegal .*vlc|damaged at|overflow at|Error at MB"
)
DAMAGE = re.compile(
    rf"premature|partial file|truncat|\bCRC\b|corrupt|concealing|marker bit missing|{_OF_DECODERS}", re.IGNORECASE
)
WIDEST = 16384  # of a side in pixels
HDR = {"smpte2084": "PQ", "arib-std-b67": "HLG"}
_FRAME = re.compile(
    r"\bn: *(?P<n>\d+) pts: *(?P<time>-?\d+|NOPTS) (?:.*?duration: *(?P<lasts>\d+) )?.*?fmt:(?P<form>\w+)"
    r".*? sar:(?P<sar>\d+/\d+) s:(?P<size>\d+x\d+) .*?iskey:(?P<key>\d)"
)
_SUM = re.compile(r" checksum:([0-9A-F]+)")
_WITHIN = re.compile(rf"showinfo.*?((?:{_OF_DECODERS}).*)", re.IGNORECASE)
_WRONG = re.compile(r"\[(?:error|fatal|panic)\]\s*(?:\[[^\]]*\]\s*)*(.*)")
_COLOURS = re.compile(r"showinfo.*color_range:(\S+) color_space:(\S+) color_primaries:\S+ color_trc:(\S+)")


class Seen(NamedTuple):
    """What FFmpeg says of one frame: its number, time and duration in ticks, whether it stands alone, its sum."""

    number: int
    time: int | None
    lasts: int
    is_key: bool
    sum: str
    size: tuple[int, int]
    form: str
    sar: str


class FrameLines:
    """Reads what FFmpeg's showinfo says of frames, line by line.

    It says it in two pieces, and what other threads of FFmpeg have to say may come between them.
    """

    def __init__(self) -> None:
        self._begun: re.Match[str] | None = None

    def take(self, line: str) -> Seen | None:
        """Take a line; return the frame that it completes."""
        if match := _FRAME.search(line):
            self._begun = match
        begun, end = self._begun, _SUM.search(line, match.end() if match else 0)
        if not begun or not end:
            return None
        self._begun = None
        width, height = begun["size"].split("x")
        return Seen(
            int(begun["n"]), None if begun["time"] == "NOPTS" else int(begun["time"]), int(begun["lasts"] or 0),
            begun["key"] == "1", end[1], (int(width), int(height)), begun["form"], begun["sar"],
        )  # fmt: skip


@dataclass(frozen=True)
class VideoInfo:
    """What a video is.

    Attributes
    ----------
    size : (int, int)
        Width and height in pixels, turned as the file says.
    sar : str
        The width of a pixel for its height, "4/3".
    tick : (int, int)
        The unit of times, in seconds: numerator and denominator.
    times, sums, keys : list
        Of each frame its time in ticks of the file, its sum, and the numbers of those that stand alone.
    last : int
        How many ticks the last frame lasts.
    form : str
        FFmpeg's name of its pixels.
    matrix, full : (float, float), bool
        What its colours become RGB by (`colours`), and whether they have the full range.
    decoder : str
        The decoder where it is not FFmpeg's own choice.
    hdr : str
        Its transfer curve where it is HDR.
    missing : str
        What of it is not there, in words; "" where all is. Only one that was read with ``keep`` has it.
    """

    size: tuple[int, int]
    sar: str
    tick: tuple[int, int]
    times: list[int] = field(repr=False)
    sums: list[str] = field(repr=False)
    keys: list[int] = field(repr=False)
    last: int
    form: str
    matrix: tuple[float, float]
    full: bool
    decoder: str = ""
    hdr: str = ""
    missing: str = ""

    @property
    def pixel(self) -> float:
        """How wide a pixel is for its height."""
        across, down = map(int, self.sar.split("/"))
        return across / down if across and down else 1.0


def list_frames(path: Path, ffmpeg: Callable[[], str], keep: bool = False) -> VideoInfo:
    """Decode a video once from end to end, and say what is in it.

    Parameters
    ----------
    path : Path
    ffmpeg : callable
        Returns the path of an FFmpeg.
    keep : bool
        Take what comes before the end of a file that is cut short, or before the first damage. What comes after damage
        is not certain: FFmpeg may make one thing of it now and another later.

    Raises
    ------
    MediaError
        When it is missing, no video, has no frames or times, changes its size, or is damaged.
    """
    _check_file(path)
    found = _decode(path, ffmpeg, "")
    if found.transparent and found.frames and "yuva" not in found.frames[0].form:
        # FFmpeg's own decoders of VP8 and VP9 leave the transparency of WebM out.
        found = _decode(path, ffmpeg, {"vp8": "libvpx", "vp9": "libvpx-vp9"}[found.transparent])
    _check_any(path, found)
    missing, good = _missing(found)
    if missing and not (keep and good):
        way_out = "To use what comes before, write damaged: keep." if good else ""
        raise MediaError(f"{path} is cut short or damaged: {missing}. {AGAIN} {way_out}".rstrip())
    del found.frames[good:]
    _check_alike(path, found)
    first, times = found.frames[0], [seen.time for seen in found.frames]
    last = _last_duration(found.frames)
    full = found.colours[0] == "pc" or first.form.startswith("yuvj")
    return VideoInfo(
        first.size, first.sar, found.tick, cast(list[int], times), [seen.sum for seen in found.frames],
        [i for i, seen in enumerate(found.frames) if seen.is_key], max(last, 1), first.form,
        matrix_of(found.colours[1], first.size[1]), full, found.decoder, HDR.get(found.colours[2], ""), missing,
    )  # fmt: skip


def check_first_frame(path: Path, ffmpeg: Callable[[], str]) -> None:
    """Refuse what has no frame that can be decoded, by its first one alone.

    Raises
    ------
    MediaError
        When it is missing, or no video.
    """
    _check_file(path)
    _check_any(path, _decode(path, ffmpeg, "", only_first=True))


@dataclass
class _Found:
    """What FFmpeg said while it decoded a video."""

    decoder: str
    lines: FrameLines = field(default_factory=FrameLines)
    frames: list[Seen] = field(default_factory=list)
    tick: tuple[int, int] = (0, 1)
    colours: tuple[str, str, str] = ("", "", "")
    head: list[str] = field(default_factory=list)  # what it said before the first frame
    wrong: list[str] = field(default_factory=list)
    places: list[int] = field(default_factory=list)  # how many frames had come before each of these
    status: int = 0
    transparent: str = ""  # the codec of a WebM with transparency


def command(ffmpeg: str, path: Path, decoder: str, before: Iterable[str] = ()) -> list[str]:
    """Return the beginning of a command that decodes the frames of a video as they are, with the file's own times.

    One thread: what is made of damage must not depend on how many there are.
    """
    return [
        ffmpeg, "-hide_banner", "-nostdin", "-nostats", "-v", "level+info", "-threads", "1", "-copyts",
        "-protocol_whitelist", "file,pipe", "-format_whitelist", CONTAINERS, *(["-c:v", decoder] if decoder else []),
        *before, "-i", f"file:{os.path.abspath(path)}", "-map", "0:V:0", "-fps_mode", "passthrough",
    ]  # fmt: skip


def _decode(path: Path, ffmpeg: Callable[[], str], decoder: str, only_first: bool = False) -> _Found:
    found = _Found(decoder)
    count = ["-frames:v", "1"] if only_first else []
    order = [*command(ffmpeg(), path, decoder), *count, "-vf", "showinfo", "-f", "null", "-"]
    with subprocess.Popen(
        order, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, start_new_session=True
    ) as process:
        try:
            for line in _lines(cast(Any, process.stderr)):
                _take(found, line)
        except BaseException:
            process.kill()
            raise
    found.status = process.returncode
    return found


def _lines(pipe: Iterable[bytes]) -> Iterator[str]:
    for line in pipe:
        yield line.decode("utf-8", "replace").rstrip()


def _told_wrong(line: str) -> str:
    """Return the error that a line tells; "" for none.

    One that comes between two pieces of what showinfo says of a frame lacks its level, and is known by its words.
    """
    match = _WRONG.search(line) or _WITHIN.search(line)
    return match[1] if match else ""


def _take(found: _Found, line: str) -> None:
    """Take in a line of what FFmpeg says."""
    if wrong := _told_wrong(line):
        found.wrong.append(wrong)
        found.places.append(len(found.frames))
    if seen := found.lines.take(line):
        found.frames.append(seen)
    elif (match := _COLOURS.search(line)) and not found.colours[0]:
        found.colours = cast(Any, match.groups())
    elif match := re.search(r"showinfo.*config in time_base: (\d+)/(\d+)", line):
        found.tick = int(match[1]), int(match[2])
    elif "showinfo" in line:
        return
    elif not found.frames:
        found.head.append(line)
        if match := re.search(r"Video: (vp[89])\b", line):
            found.transparent = f"{match[1]}?"
        elif re.search(r"alpha_mode\s*: 1", line, re.IGNORECASE):
            found.transparent = found.transparent.rstrip("?")
        elif "Stream mapping" in line and found.transparent.endswith("?"):
            found.transparent = ""


def _check_file(path: Path) -> None:
    if not path.is_file():
        why = "this is a folder" if path.is_dir() else "there is no such video"
        raise MissingFileError(f"{path}: {why}. Check the path.")
    if not path.stat().st_size:
        raise MediaError(f"{path} is empty (0 bytes); a video is wanted. {AGAIN}")


def _check_any(path: Path, found: _Found) -> None:
    """Refuse what has no frames."""
    said = "\n".join(found.wrong)
    if not found.frames:
        if (kind := what_is(path)).what:
            cure = "A still picture is shown by an ImageSource." if "picture" in kind.what else kind.cure
            raise kind._replace(cure=cure).refusal(path, "video", READABLE)
        if "matches no streams" in said:
            raise MediaError(f"{path} has no pictures in it; a video is wanted: {READABLE}.")
        if "not on whitelist" in said:
            raise MediaError(
                f"{path} is no video; wanted: {READABLE}. A still picture is shown by an ImageSource, and of a "
                "playlist the files themselves are wanted."
            )
        if "moov atom not found" in said:
            raise MediaError(
                f"{path} is cut short, or no video: the list of its frames, which stands at its end, is missing. "
                f"{AGAIN}"
            )
        why = found.wrong[0] if found.wrong else "no frame could be decoded"
        raise MediaError(f"{path} is no video, or too damaged to be read ({why}); wanted: {READABLE}.")


def _check_alike(path: Path, found: _Found) -> None:
    """Refuse frames that change their size, or whose times do not rise."""
    first = found.frames[0]
    for i, (seen, before) in enumerate(zip(found.frames, [None, *found.frames])):
        if (seen.size, seen.form) != (first.size, first.form):
            a, b = (f"{each.size[0]}x{each.size[1]} {each.form}" for each in (first, seen))
            raise MediaError(
                f"{path} changes its frames on the way, from {a} to {b} at frame {i}; all must be alike. Cut it there, "
                "or encode it again."
            )
        # FFmpeg counts from 0 again where something else than their size changes.
        if seen.number not in (0, before.number + 1 if before else 0) or not found.tick[0]:
            raise MediaError(f"{path} cannot be listed: what FFmpeg says of its frames has gaps. Run again.")
        if seen.time is None or (before and seen.time <= cast(int, before.time)):
            raise MediaError(
                f"{path} has frames whose times are missing or do not rise (frame {i}). Give it new ones: "
                f'ffmpeg -fflags +genpts -i "{path.name}" -c:v libx264 -crf 12 -c:a copy new.mkv'
            )
    if max(first.size) > WIDEST:
        raise MediaError(f"{path} has frames of {first.size[0]}x{first.size[1]}; sides up to {WIDEST} can be read.")


def _last_duration(frames: list[Seen]) -> int:
    """Return how many ticks the last frame lasts; as long as most, where the file does not say it."""
    steps = sorted((b.time or 0) - (a.time or 0) for a, b in zip(frames, frames[1:]))
    return frames[-1].lasts or (steps[len(steps) // 2] if steps else 1)


def _missing(found: _Found) -> tuple[str, int]:
    """Say what of a video is not there, "" where all is; and how many frames come before any damage."""
    stated, count = _stated_seconds(found.head), len(found.frames)
    times = [frame.time or 0 for frame in found.frames]
    seconds = (times[-1] + _last_duration(found.frames) - times[0]) * found.tick[0] / found.tick[1]
    ends = f"its last frame is number {count - 1}, which ends at {seconds:.2f} s"
    wrong = [(line, place) for line, place in zip(found.wrong, found.places) if DAMAGE.search(line)]
    if found.status and not wrong:
        wrong = list(zip(found.wrong, found.places))[:1] or [("it failed", count)]
    good = wrong[0][1] if wrong else count
    if stated and seconds < stated - max(0.1, 2 * seconds / count):
        return f"{ends} of {stated:.2f} s", good
    if not wrong:
        return "", good
    at = (times[good] - times[0]) * found.tick[0] / found.tick[1] if good < count else seconds
    return f"FFmpeg says “{wrong[0][0].rstrip('.')}” about frame {good}, at {at:.2f} s; {ends}", good


def _stated_seconds(lines: list[str]) -> float | None:
    """Return how long a file says that its pictures last, where it has nothing else that could last longer."""
    text = "\n".join(lines).partition("Stream mapping:")[0]
    found = re.search(r"Duration: (\d+):(\d\d):(\d\d\.\d+)", text)
    if not found or len(re.findall(r"Stream #0:\d+", text)) != 1 or "Estimating duration" in text:
        return None
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)
