"""Reading music: any local file in, exact float32 samples out, or a clear word about what is wrong with it.

Two decoders do the work. soundfile (libsndfile) reads wav, flac, ogg, opus, mp3, aiff and caf; an ffmpeg executable,
found by whoever calls, reads everything else through a pipe. Neither tells the whole truth about damaged files
(libsndfile plays a cut wav or ogg to its end without a word), so containers are checked before they are decoded (containers.py).
Nothing is kept between calls: no cache, no global, no clock.
"""

from __future__ import annotations

import hashlib
import os
import re
import signal
import struct
import subprocess
import tempfile
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np

from ..graph.errors import MediaError
from .containers import AGAIN, CHECKS, damaged, kind_of, local_file, truncated, xing

BLOCK = 1 << 16                 # samples decoded at a time
LOUDEST = 1e4                   # 80 dB above full scale is no music any more
MOST_CHANNELS = 8               # 7.1
READABLE = "wav, flac, ogg, opus, mp3, aiff, caf, or anything ffmpeg decodes, such as m4a"
# The demuxers a piece of music may come in. Playlists and concat scripts stay out: they name other files.
CONTAINERS = "mov,matroska,webm,aac,mp3,asf,ac3,eac3,ape,wv,tta,dsf,avi,flv,mpegts,mpeg,ogg,wav,w64,flac,caf,aiff,au"


@dataclass(frozen=True)
class AudioInfo:
    """What a piece of music is.

    Attributes
    ----------
    digest : str
        SHA-256, in hexadecimal, of the line ``"<rate> <channels>\\n"`` followed by every sample as interleaved
        little-endian float32. Tags and pictures are not part of it, so retagging a file leaves it alone.
    rate : int
        Samples a second, as stored; nothing is resampled.
    channels : int
        1 to 8.
    samples : int
        Samples in each channel, counted by decoding them all; at least 1.
    """

    digest: str
    rate: int
    channels: int
    samples: int


def probe(path: str | os.PathLike, ffmpeg: Callable[[], str]) -> AudioInfo:
    """Decode a file once from end to end, in blocks, and say what is in it.

    Parameters
    ----------
    path : str or path
        A local file.
    ffmpeg : callable
        Returns the path of an ffmpeg executable; called only for files soundfile does not read.

    Raises
    ------
    MediaError
        The file is missing, a folder, empty, not audio, truncated or damaged, holds no samples, more than eight
        channels, or samples that are not finite numbers.
    """
    path = local_file(path)
    with _open(path, ffmpeg) as source:
        rate, channels = source.rate, source.channels
        sha = hashlib.sha256(f"{rate} {channels}\n".encode())
        samples = 0
        while len(block := source.read(BLOCK)):
            wrong = np.flatnonzero(~np.isfinite(block).all(axis=1))
            if len(wrong):
                seconds = (samples + int(wrong[0])) / rate
                raise MediaError(f"{path} has samples that are not finite numbers (NaN or infinity), the first at "
                                 f"{seconds:.3f} s; all must be finite. Export it again from where it was made.")
            if np.abs(block).max() > LOUDEST:
                raise MediaError(f"{path} has samples of {np.abs(block).max():.3g} where full scale is 1; is it integer PCM "
                                 "marked as float? Export it again from where it was made.")
            sha.update(np.ascontiguousarray(block, "<f4"))
            samples += len(block)
        source.check_end(samples)
    if samples == 0:
        raise MediaError(f"{path} holds no samples; at least one is needed. {AGAIN}")
    return AudioInfo(sha.hexdigest(), rate, channels, samples)


class AudioReader:
    """Samples of one file, by position: a context manager for one thread.

    Reading forwards is cheap, and so is stepping back by up to ``BLOCK`` samples, which are kept. Further back, a file
    of plain or lossless samples seeks and a lossy one is decoded from its start again: a lossy decoder that starts in
    the middle lacks its past and would give other samples than the ones behind the digest.

    Parameters
    ----------
    path : str or path
    info : AudioInfo
        What ``probe`` said about this file.
    ffmpeg : callable
        As for ``probe``.
    """

    def __init__(self, path: str | os.PathLike, info: AudioInfo, ffmpeg: Callable[[], str]):
        self.info = info
        self._path = local_file(path)
        self._ffmpeg = ffmpeg
        self._source: _Soundfile | _FFmpeg | None = None
        self._forget(0)

    rate = property(lambda self: self.info.rate)
    channels = property(lambda self: self.info.channels)
    samples = property(lambda self: self.info.samples)
    digest = property(lambda self: self.info.digest)

    def read(self, start: int, n: int) -> np.ndarray:
        """The samples ``start`` to ``start + n``.

        Returns
        -------
        ndarray
            float32 (channels, n), C-contiguous, full scale ±1, zero outside [0, samples).

        Raises
        ------
        MediaError
            The file is no longer the one that was probed.
        """
        out = np.zeros((self.channels, max(n, 0)), np.float32)
        low, high = max(start, 0), min(start + n, self.samples)
        if low >= high:
            return out
        self._go(low)
        fresh = self._take(high - self._at)
        known = np.concatenate([self._kept, fresh]) if len(fresh) else self._kept
        begin = self._at + len(fresh) - len(known)
        out[:, low - start:high - start] = known[low - begin:high - begin].T
        if len(fresh):
            self._at += len(fresh)
            self._kept = known[-BLOCK:].copy()
        return out

    def close(self) -> None:
        """End the decoder; a later read starts it again."""
        source, self._source = self._source, None
        self._forget(0)
        if source is not None:
            source.close()

    def __enter__(self) -> AudioReader:
        return self

    def __exit__(self, *_) -> None:
        self.close()

    def _forget(self, at: int) -> None:
        self._at = at                                            # where the decoder stands
        self._kept = np.zeros((0, self.channels), np.float32)    # the samples just before that place

    def _go(self, position: int) -> None:
        """Bring the decoder to ``position``, or leave it further on where the samples kept reach back to there."""
        if self._source is not None and position < self._at - len(self._kept):
            if self._source.seekable:
                self._source.seek(position)
                self._forget(position)
            else:
                self.close()
        if self._source is None:
            self._source = _open(self._path, self._ffmpeg, checked=True)
            if (self._source.rate, self._source.channels) != (self.rate, self.channels):
                raise self._changed()
        if position > self._at:
            if self._source.seekable:
                self._source.seek(position)
            else:
                for skip in range(self._at, position, BLOCK):
                    self._take(min(BLOCK, position - skip))
            self._forget(position)

    def _take(self, n: int) -> np.ndarray:
        if n <= 0:
            return self._kept[:0]
        block = self._source.read(n)
        if len(block) < n:
            raise self._changed()
        return block

    def _changed(self) -> MediaError:
        return MediaError(f"{self._path} has changed since it was analysed; the same {self.samples} samples at "
                          f"{self.rate} Hz were wanted. Start the render again.")


# Decoders: rate, channels, seekable, read(n) -> float32 (n, channels), fewer rows only at the end, check_end, close


def _open(path: str, ffmpeg: Callable[[], str], checked: bool = False) -> _Soundfile | _FFmpeg:
    kind = kind_of(path)
    if kind in CHECKS and not checked:
        CHECKS[kind](path)
    if kind == "mp3" and not xing(path):
        kind = None     # without a count of frames libsndfile guesses the length and may stop long before the end
    source = None
    if kind is not None:
        import soundfile

        try:
            source = _Soundfile(path, kind)
        except soundfile.LibsndfileError as error:
            if kind == "flac":      # ffmpeg would bridge the damage with silence
                raise damaged(path, 0.0, error) from None
    if source is None:              # some codec in a familiar container, or something else altogether
        source = _FFmpeg(path, ffmpeg)
    if source.channels > MOST_CHANNELS:
        source.close()
        raise MediaError(f"{path} has {source.channels} channels; 1 to {MOST_CHANNELS} can be used. Mix it down.")
    return source


class _Source:
    def __enter__(self):
        return self

    def __exit__(self, *_) -> None:
        self.close()


class _Soundfile(_Source):
    """A file as libsndfile reads it."""

    def __init__(self, path: str, kind: str):
        import soundfile

        self._path, self._kind, self._error = path, kind, soundfile.LibsndfileError
        self._file = soundfile.SoundFile(path)
        self.rate, self.channels = self._file.samplerate, self._file.channels
        self.seekable = kind not in ("ogg", "mp3")

    def read(self, n: int) -> np.ndarray:
        # In steps: libsndfile raises for the whole request, and the message should come close to where the damage is.
        steps = []
        while n > 0:
            at = self._file.tell() if self.seekable else 0
            try:
                steps.append(self._file.read(min(n, BLOCK), dtype="float32", always_2d=True))
            except self._error as error:
                raise damaged(self._path, at / self.rate, error) from None
            n -= len(steps[-1])
            if not len(steps[-1]):
                break
        return steps[0] if len(steps) == 1 else np.concatenate(steps or [np.zeros((0, self.channels), np.float32)])

    def seek(self, position: int) -> None:
        try:
            self._file.seek(position)
        except self._error as error:
            raise damaged(self._path, position / self.rate, error) from None

    def check_end(self, samples: int) -> None:
        slack = 3 * 1152 if self._kind == "mp3" else 0      # encoders differ on whether they count the header's frame
        if samples + slack < self._file.frames:
            raise truncated(self._path, f"{samples / self.rate:.2f} s of {self._file.frames / self.rate:.2f} s")

    def close(self) -> None:
        self._file.close()


class _FFmpeg(_Source):
    """A file as an ffmpeg process decodes it, written down a pipe as float32.

    The pipe carries the au format: raw samples like f32le, but behind a header of 24 bytes or more that tells rate and
    channels, which no ffprobe is then needed for. Its samples are big-endian.
    """

    seekable = False

    def __init__(self, path: str, ffmpeg: Callable[[], str]):
        self._path, self._process = path, None
        self._stderr = tempfile.TemporaryFile()     # a pipe nobody reads would stop ffmpeg once it is full
        self._read = 0
        self.rate = self.channels = 1
        try:
            self._start(ffmpeg)
        except BaseException:
            self.close()
            raise

    def _start(self, ffmpeg: Callable[[], str]) -> None:
        try:
            self._process = subprocess.Popen(
                [ffmpeg(), "-v", "error", "-nostats", "-nostdin", "-xerror", "-threads", "1",
                 "-protocol_whitelist", "file,pipe", "-format_whitelist", CONTAINERS,
                 "-i", "file:" + os.path.abspath(self._path),
                 "-map", "0:a:0", "-c:a", "pcm_f32be", "-fflags", "+bitexact", "-f", "au", "pipe:1"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=self._stderr, start_new_session=True)
        except (OSError, RuntimeError, ImportError) as error:
            raise MediaError(f"{self._path} needs ffmpeg to be read, and none was found ({error}). Install it "
                             f"(pip install imageio-ffmpeg), or convert the file to wav or flac.") from None
        header = self._process.stdout.read(24)
        if len(header) < 24 or header[:4] != b".snd":
            said = self._end()[1]
            if "matches no streams" in said:
                raise MediaError(f"{self._path} has no sound in it; a piece of music is wanted: {READABLE}.")
            raise MediaError(f"{self._path} is not audio, or too damaged to be read ({said or 'nothing decoded'}); "
                             f"wanted: {READABLE}.")
        offset, _, _, self.rate, self.channels = struct.unpack(">5I", header[4:])
        self._process.stdout.read(offset - 24)

    def read(self, n: int) -> np.ndarray:
        width = 4 * self.channels
        data = self._process.stdout.read(n * width)
        if len(data) < n * width:
            status, said = self._end()
            if status or re.search("premature|partial|truncat", said, re.I):    # these words can come with status 0
                raise damaged(self._path, (self._read + len(data) // width) / self.rate, said)
        block = np.frombuffer(data[:len(data) // width * width], ">f4").reshape(-1, self.channels)
        self._read += len(block)
        return block.astype(np.float32)

    def check_end(self, samples: int) -> None:
        """ffmpeg's status was looked at when the pipe ran dry."""

    def _end(self) -> tuple[int, str]:
        """Wait for the process; its exit status and the first line of what it said, without its own addresses."""
        status = self._process.wait()
        self._stderr.seek(0)
        lines = self._stderr.read(4096).decode("utf-8", "replace").strip().splitlines()
        telling = re.compile("premature|partial|truncat|matches no streams", re.I)
        said = next(filter(telling.search, lines), lines[0] if lines else "")
        return status, re.sub(r"^(\[[^\]]*\]\s*)+", "", said)

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
        self._stderr.close()
