"""Decoders: libsndfile, FFmpeg through a pipe, and several of them one after the other.

Each has ``rate``, ``channels``, ``layout``, ``seekable`` and ``missing`` (what of the music was not to be had, in
words), gives float32 (n, channels) by ``read``, with fewer rows only at the end, and looks by ``check_end`` whether
that was the end. What may be decoded of damaged music is decided by ``keep``.
"""

from __future__ import annotations

import os
import re
import signal
import struct
import subprocess
import tempfile
import threading
from collections.abc import Callable
from typing import Any, cast

import numpy as np

from n2s.graph.errors import MediaError
from n2s.runtime.media.music.layouts import layout_of_mask
from n2s.runtime.media.music.reading import AGAIN, READABLE, Part, Reading, damage_error, truncation_error
from n2s.runtime.media.music.splice import Splice
from n2s.runtime.media.quiet import quiet_libraries

BLOCK = 1 << 16  # samples decoded at a time
MOST_CHANNELS = 8  # 7.1
# The demuxers a piece of music may come in. Playlists and concat scripts stay out: they name other files.
CONTAINERS = (
    "mov,matroska,webm,aac,mp3,asf,ac3,eac3,ape,wv,tta,dsf,iff,avi,flv,mpegts,mpeg,ogg,wav,w64,flac,caf,aiff,au,"
    "amr,dts,dtshd,truehd,mlp,voc,nut,mpc,mpc8,tak,oma,rm,mxf,sox,adx"
)
LOSS = re.compile(r"premature|partial|truncat|\bCRC\b", re.IGNORECASE)  # these words can come with status 0
CHANGED = "audio parameters changed"
SHORT = 0.1, 2112  # seconds and samples that a stated duration may be too long: rounding, the delay of an encoder
COUNT = "asetpts=N/SR/TB"  # times that follow from the samples: joined files begin again at 0
BRIDGE = "aresample=async=1:min_hard_comp=0.001"  # silence where packets are missing, by their times


def open_source(path: str, reading: Reading, ffmpeg: Callable[[], str], keep: bool = False) -> Source:
    """Return a decoder of a file, as it is to be read."""
    if reading.plain:
        source = open_part(path, reading.parts[0], ffmpeg, keep)
    else:
        source = Chain(path, reading, ffmpeg, keep)
    source.layout = reading.layout or source.layout
    return source


def open_part(path: str, part: Part, ffmpeg: Callable[[], str], keep: bool) -> Source:
    """Return a decoder of one part: libsndfile where it is able to, else FFmpeg."""
    source: Source | None = None
    if part.kind not in ("", "mpeg"):
        import soundfile  # slow to import; plans of music that is known already read none

        try:
            source = Soundfile(path, part, keep)
        except soundfile.LibsndfileError as error:
            if part.kind == "flac":  # FFmpeg would bridge the damage with silence
                raise damage_error(path, 0.0, error) from None
    if source is None:  # some codec in a familiar container, or something else altogether
        source = FFmpeg(path, part, ffmpeg, keep)
    if source.channels > MOST_CHANNELS:
        source.close()
        raise MediaError(f"{path} has {source.channels} channels; 1 to {MOST_CHANNELS} can be used. Mix it down.")
    return source


class Source:
    """What all decoders share."""

    rate = channels = 1
    layout = ""
    seekable = False
    missing = ""

    def read(self, n: int) -> np.ndarray:
        raise NotImplementedError

    def close(self) -> None:
        raise NotImplementedError

    def check_end(self, samples: int) -> None:
        """Refuse music that ended after so many samples, before its end."""

    def __enter__(self) -> Source:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()


class Soundfile(Source):
    """A part as libsndfile reads it."""

    def __init__(self, path: str, part: Part, keep: bool):
        import soundfile  # slow to import; plans of music that is known already read none

        self._path, self._kind, self._keep, self._error = path, part.kind, keep, soundfile.LibsndfileError
        self._splice = Splice(path, part.pieces) if part.pieces is not None else None
        try:
            with quiet_libraries():
                self._file = soundfile.SoundFile(cast(Any, self._splice or path))
        except BaseException:
            if self._splice:
                self._splice.close()
            raise
        self.rate, self.channels, self.frames = self._file.samplerate, self._file.channels, self._file.frames
        self.seekable = part.kind not in ("ogg", "mp3") and self._file.seekable() and not keep
        self._ended = False
        self._rest = np.zeros((0, self.channels), np.float32)

    def read(self, n: int) -> np.ndarray:
        if not (self._keep or self._kind == "mp3"):
            return self._decode(n)
        # Of mono, and after damage, libmpg123's samples depend on how many are asked for: always as many, then.
        blocks, there = [self._rest], len(self._rest)
        while there < n and len(block := self._decode(BLOCK)):
            blocks.append(block)
            there += len(block)
        whole = np.concatenate(blocks)
        block, self._rest = whole[:n], whole[n:]
        # A damaged frame may decode to anything.
        return block.clip(-1, 1) if self._keep and self._kind == "mp3" else block

    def _decode(self, n: int) -> np.ndarray:
        # In steps: libsndfile raises for the whole request, and the message should come close to where the damage is.
        steps = []
        while n > 0 and not self._ended:
            at = self._file.tell() if self.seekable or self._kind == "flac" else 0
            try:
                with quiet_libraries():
                    steps.append(self._file.read(min(n, BLOCK), dtype="float32", always_2d=True))
            except self._error as error:
                wrong = damage_error(self._path, at / self.rate, error)
                if not self._keep:
                    raise wrong from None
                self.missing, self._ended = wrong.missing, True
                break
            n -= len(steps[-1])
            if not len(steps[-1]):
                break
        return steps[0] if len(steps) == 1 else np.concatenate(steps or [np.zeros((0, self.channels), np.float32)])

    def seek(self, position: int) -> None:
        try:
            with quiet_libraries():
                self._file.seek(position)
        except self._error as error:
            raise damage_error(self._path, position / self.rate, error) from None

    def check_end(self, samples: int) -> None:
        slack = 3 * 1152 if self._kind == "mp3" else 0  # encoders differ on whether they count the header's frame
        if samples + slack < self.frames and not self.missing:
            wrong = truncation_error(self._path, f"{samples / self.rate:.2f} s of {self.frames / self.rate:.2f} s")
            if not self._keep:
                raise wrong
            self.missing = wrong.missing

    def close(self) -> None:
        with quiet_libraries():
            self._file.close()
        if self._splice:
            self._splice.close()


class FFmpeg(Source):
    """A part as an FFmpeg process decodes it, written down a pipe as a wav file of float32.

    Its header tells rate, channels and speakers, for which no ffprobe is then needed. What is no file of its own is
    written to FFmpeg's standard input by a thread.
    """

    def __init__(self, path: str, part: Part, ffmpeg: Callable[[], str], keep: bool):
        self._path, self._keep = path, keep
        self._process: Any = None  # of FFmpeg, while a part is read
        self._stderr = tempfile.TemporaryFile()  # a pipe nobody reads would stop FFmpeg once it is full
        self._read = 0
        self._feeder: threading.Thread | None = None
        try:
            self._start(ffmpeg, part)
        except BaseException:
            self.close()
            raise

    def _start(self, ffmpeg: Callable[[], str], part: Part) -> None:
        # Encoders of mp3 are known to write wrong checksums.
        strict = "crccheck+explode" if self._keep else "crccheck"  # explode: what is wrong is left out, not played
        source = ["-f", "mp3"] if part.kind == "mpeg" else ["-err_detect", strict]
        source += ["-i", "file:" + os.path.abspath(self._path) if part.pieces is None else "pipe:0"]
        try:
            self._process = subprocess.Popen(
                [ffmpeg(), "-hide_banner", "-v", "level+info", "-nostats", *([] if self._keep else ["-xerror"]),
                 *(["-nostdin"] if part.pieces is None else []), "-threads", "1",
                 "-protocol_whitelist", "file,pipe", "-format_whitelist", CONTAINERS, *source,
                 "-map", "0:a:0", "-af", f"{BRIDGE},{COUNT}" if self._keep else COUNT,
                 "-c:a", "pcm_f32le", "-fflags", "+bitexact", "-f", "wav", "pipe:1"],
                stdin=subprocess.DEVNULL if part.pieces is None else subprocess.PIPE,
                stdout=subprocess.PIPE, stderr=self._stderr, start_new_session=True)  # fmt: skip
        except (OSError, RuntimeError, ImportError) as error:
            raise MediaError(_unstarted(self._path, error)) from None
        if part.pieces is not None:
            self._feeder = threading.Thread(target=self._feed, args=(part,), daemon=True, name="music")
            self._feeder.start()
        if not self._read_header():
            message = self._end()[1]
            if "matches no streams" in message:
                raise MediaError(f"{self._path} has no sound in it; a piece of music is wanted: {READABLE}.")
            if "moov atom not found" in message:
                raise MediaError(
                    f"{self._path} is cut short: the list of its samples, which stands at its end, is missing. {AGAIN}"
                )
            raise MediaError(
                f"{self._path} is not audio, or too damaged to be read ({message or 'nothing decoded'}); "
                f"wanted: {READABLE}."
            )

    def _feed(self, part: Part) -> None:
        try:
            with Splice(self._path, cast(Any, part.pieces)) as splice, self._process.stdin as pipe:
                while data := splice.read(BLOCK):
                    pipe.write(data)
        except OSError:  # FFmpeg ended before the file did; its status tells why
            pass

    def _read_header(self) -> bool:
        """Read the wav's header up to its samples; say whether there is one."""
        pipe = self._process.stdout
        if len(head := pipe.read(12)) < 12 or head[8:] != b"WAVE":
            return False
        while len(head := pipe.read(8)) == 8 and head[:4] != b"data":
            data = pipe.read(struct.unpack("<I", head[4:])[0])
            if head[:4] == b"fmt ":
                self.channels, self.rate = struct.unpack("<2xHI", data[:8])
                mask = struct.unpack("<I", data[20:24])[0] if len(data) >= 24 else 0
                self.layout = layout_of_mask(mask, self.channels)
        return head[:4] == b"data"

    def read(self, n: int) -> np.ndarray:
        width = 4 * self.channels
        data = self._process.stdout.read(n * width)
        block = np.frombuffer(data[: len(data) // width * width], "<f4").reshape(-1, self.channels)
        self._read += len(block)
        if len(data) < n * width:
            self._check_status()
        block = block.astype(np.float32)
        return block.clip(-1, 1) if self._keep else block  # a damaged packet may decode to anything

    def _check_status(self) -> None:
        status, error = self._end()
        lines = self._lines()
        if any(CHANGED in line for line in lines):
            raise MediaError(
                f"{self._path} changes its sample rate or its channels on the way; a piece of music has one "
                "of each. Convert it to wav or flac, or cut it where it changes."
            )
        seconds = self._read / self.rate
        wrong = None
        if (stated := stated_seconds(lines)) and seconds < stated - SHORT[0] - SHORT[1] / self.rate:
            wrong = truncation_error(self._path, f"{seconds:.2f} s of {stated:.2f} s")
        if status or LOSS.search(error) or any(re.match(r"\[in#.*\[error\]", line) for line in lines):
            wrong = damage_error(self._path, seconds, error)
        if wrong and not self._keep:
            raise wrong
        if error and self._keep:
            self.missing = f"some of it cannot be decoded ({error.rstrip('.')}); {seconds:.2f} s are left"
        elif wrong:
            self.missing = wrong.missing

    def _lines(self) -> list[str]:
        self._stderr.seek(0)
        return self._stderr.read(1 << 20).decode("utf-8", "replace").splitlines()

    def _end(self) -> tuple[int, str]:
        """Wait for the process; return its exit status and its first error message, without memory addresses."""
        status = self._process.wait()
        wrong = [line for line in self._lines() if re.search(r"\[(error|fatal|panic)\]", line)]
        telling = re.compile(f"{LOSS.pattern}|matches no streams", re.IGNORECASE)
        error = re.sub(r"^(\[[^\]]*\]\s*)+", "", next(filter(telling.search, wrong), wrong[0] if wrong else ""))
        return status, re.sub("^Format not on whitelist.*", "its container format is not one for music", error)

    def close(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            if process.poll() is None:
                try:
                    os.killpg(process.pid, signal.SIGKILL) if os.name == "posix" else process.kill()
                except ProcessLookupError:
                    pass
            process.stdout.close()
            process.wait()
            if self._feeder:
                self._feeder.join()
        self._stderr.close()


def _unstarted(path: str, error: Exception) -> str:
    if isinstance(error, OSError) and not isinstance(error, FileNotFoundError | PermissionError):
        return (
            f"ffmpeg, which {path} needs to be read, cannot be started: {error.strerror}. Close other programs, or let "
            "this one open more files (ulimit -n)."
        )
    return (
        f"{path} needs ffmpeg to be read, and none was found ({error}). Install it (pip install imageio-ffmpeg), or "
        "convert the file to wav or flac."
    )


def stated_seconds(lines: list[str]) -> float | None:
    """Return how long a file says it is, in FFmpeg's words; None where that is a guess, or it has pictures too."""
    text = "\n".join(lines).partition("Stream mapping:")[0]
    found = re.search(r"Duration: (\d+):(\d\d):(\d\d\.\d+)", text)
    streams = [line for line in re.findall(r"Stream #0:\d+.*", text) if "(attached pic)" not in line]
    if not found or len(streams) != 1 or "Estimating duration" in text:
        return None
    hours, minutes, seconds = found.groups()
    return int(hours) * 3600 + int(minutes) * 60 + float(seconds)


class Chain(Source):
    """Parts one after the other, silence where damage lies between two parts of one stream."""

    def __init__(self, path: str, reading: Reading, ffmpeg: Callable[[], str], keep: bool):
        self._path, self._ffmpeg, self._keep = path, ffmpeg, keep
        self._waiting = list(reading.parts)
        self._source: Any = None  # a `Source`, while a part is read
        self._begun = False
        self._silent = self._of_part = self._of_stream = self._origin = 0
        if not self._waiting:
            raise MediaError(f"{path} is too damaged to be read: no whole part of it is left; wanted: {READABLE}.")
        self._open_next()
        self.rate, self.channels, self.layout = self._source.rate, self._source.channels, self._source.layout

    def _open_next(self) -> None:
        """Go to the next part; music that has other rates or channels on the way is none."""
        part, first = self._waiting.pop(0), not self._begun
        self._begun = True
        source = self._source = open_part(self._path, part, self._ffmpeg, self._keep)
        if not first and (source.rate, source.channels) != (self.rate, self.channels):
            raise MediaError(
                f"{self._path} is joined of pieces that differ: {self.rate} Hz with {self.channels} channels, then "
                f"{source.rate} Hz with {source.channels}; a piece of music has one of each. Convert them, or cut the "
                "file where it changes."
            )
        self._of_part = self._silent = 0
        frames = getattr(source, "frames", 0)
        begins, ends = (
            at * source.rate // part.clock if at and part.clock else at for at in (part.begins_at, part.ends_at)
        )
        if not part.joined:
            self._of_stream = 0
            self._origin = begins if begins is not None else (ends or frames) - frames
        if ends is not None:
            self._silent = max(0, ends - frames - self._origin - self._of_stream)

    def read(self, n: int) -> np.ndarray:
        blocks = []
        while n > 0 and self._source is not None:
            if self._silent:
                block = np.zeros((min(n, self._silent), self.channels), np.float32)
                self._silent -= len(block)
            else:
                block = self._source.read(n)
                self._of_part += len(block)
            self._of_stream += len(block)
            n -= len(block)
            blocks.append(block)
            if not len(block):
                self._close_part()
                if not self._waiting:
                    break
                self._open_next()
        return blocks[0] if len(blocks) == 1 else np.concatenate(blocks or [np.zeros((0, self.channels), np.float32)])

    def _close_part(self) -> None:
        self._source.check_end(self._of_part)
        self.missing = "; ".join(dict.fromkeys(filter(None, [self.missing, self._source.missing])))
        self.close()

    def close(self) -> None:
        source, self._source = self._source, None
        if source is not None:
            source.close()
