"""Reading music: any local file in, exact float32 samples out, or a clear word about what is wrong with it.

Two decoders do the work. soundfile (libsndfile) reads wav, flac, ogg, opus, mp3, aiff, caf, w64 and au; an ffmpeg
executable, found by whoever calls, reads everything else through a pipe. Neither tells the whole truth: libsndfile
plays a cut wav or ogg to its end without a word, and of files that were joined end to end the first alone. So
containers are looked at before they are decoded (containers.py), and what is read is everything in the file or an
error.

A damaged file is an error, unless its music is wanted as far as it goes (``keep``). Then a file that is cut ends where
it is cut; damage in the middle of flac, ogg and mp3 becomes silence as long as what is lost (in mp3, whose frames have
no times, as long as the lost bytes last at the mean bitrate), and so does what FFmpeg cannot decode in a container
that states times; where nothing states a time, the rest follows at once. What lossy codecs make of damage is held
within full scale. Nothing is kept between calls: no cache, no global, no clock.
"""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np

from n2s.graph.errors import ChangedFileError, MediaError
from n2s.runtime.media.containers import local_file, read_container
from n2s.runtime.media.music.decoders import BLOCK, Source, open_source
from n2s.runtime.media.music.reading import AGAIN, Part, Reading, is_damage

LOUDEST = 1e4  # 80 dB above full scale is no music any more


@dataclass(frozen=True)
class AudioInfo:
    """What a piece of music is.

    Attributes
    ----------
    digest : str
        SHA-256, in hexadecimal, of the line ``"<rate> <channels>\\n"`` followed by every sample as interleaved
        little-endian float32. Tags and pictures are not part of it, so retagging a file leaves it alone.
    rate : int
        Samples per second, as stored; nothing is resampled.
    channels : int
        1 to 8.
    samples : int
        Samples in each channel, counted by decoding them all; at least 1.
    peak : float
        The largest magnitude of a sample; full scale is 1.
    layout : str
        The speakers of the channels in their order, as "FL+FR+FC"; "" where the file does not say.
    missing : str
        What of the music is not there, in words; "" where all is. Only a file that was read with ``keep`` has it.
    spliced : bool
        It is read in several parts, or under another header than its own.
    decoder : str
        What reads a file that is not spliced, as in `n2s.runtime.media.music.reading.Part`.
    """

    digest: str
    rate: int
    channels: int
    samples: int
    peak: float = 0.0
    layout: str = ""
    missing: str = ""
    spliced: bool = True
    decoder: str = ""


def probe(path: str | os.PathLike, ffmpeg: Callable[[], str], keep: bool = False) -> AudioInfo:
    """Decode a file once from end to end, in blocks, and say what is in it.

    Parameters
    ----------
    path : str or path
        A local file.
    ffmpeg : callable
        Returns the path of an ffmpeg executable; called only for files soundfile does not read.
    keep : bool
        Take what is there of a truncated or damaged file.

    Raises
    ------
    MediaError
        The file is missing, a folder, empty, not audio, truncated or damaged, holds no samples, more than eight
        channels, pieces of several rates or numbers of channels, or samples that are not finite numbers.
    """
    path = local_file(path)
    try:
        return _probe(path, ffmpeg, read_container(path), keep=False)
    except MediaError as error:
        if not keep or not is_damage(error):
            raise
        return _probe(path, ffmpeg, read_container(path, keep), keep, error.missing)


def _probe(path: str, ffmpeg: Callable[[], str], reading: Reading, keep: bool, why: str = "") -> AudioInfo:
    samples, peak = 0, 0.0
    with open_source(path, reading, ffmpeg, keep) as source:
        rate, channels = source.rate, source.channels
        sha = hashlib.sha256(f"{rate} {channels}\n".encode())
        while len(block := source.read(BLOCK)):
            wrong = np.flatnonzero(~np.isfinite(block).all(axis=1))
            if len(wrong):
                seconds = (samples + int(wrong[0])) / rate
                raise MediaError(
                    f"{path} has samples that are not finite numbers (NaN or infinity), the first at "
                    f"{seconds:.3f} s; all must be finite. Export it again from where it was made."
                )
            peak = max(peak, float(np.abs(block).max()))
            if peak > LOUDEST:
                raise MediaError(
                    f"{path} has samples of {peak:.3g} where full scale is 1; is it integer PCM "
                    "marked as float? Export it again from where it was made."
                )
            sha.update(np.ascontiguousarray(block, "<f4"))
            samples += len(block)
        source.check_end(samples)
        missing = "; ".join(dict.fromkeys(filter(None, [reading.missing, source.missing]))) or why
    if samples == 0:
        raise MediaError(f"{path} holds no samples; at least one is needed. {AGAIN}")
    kind = reading.parts[0].kind if reading.plain else ""
    return AudioInfo(sha.hexdigest(), rate, channels, samples, peak, source.layout, missing, not reading.plain, kind)


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
        self._source: Any = None  # a `Source`, while it is open
        self._reading: Reading | None = None
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
        out[:, low - start : high - start] = known[low - begin : high - begin].T
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
        self._at = at  # where the decoder stands
        self._kept = np.zeros((0, self.channels), np.float32)  # the samples just before that place

    def _go(self, position: int) -> None:
        """Bring the decoder to ``position``, or leave it further on where the samples kept reach back to there."""
        if self._source is not None and position < self._at - len(self._kept):
            if self._source.seekable:
                self._source.seek(position)
                self._forget(position)
            else:
                self.close()
        if self._source is None:
            self._source = self._open()
            if (self._source.rate, self._source.channels) != (self.rate, self.channels):
                raise self._changed()
        if position > self._at:
            if self._source.seekable:
                self._source.seek(position)
            else:
                for skip in range(self._at, position, BLOCK):
                    self._take(min(BLOCK, position - skip))
            self._forget(position)

    def _open(self) -> Source:
        if self._reading is None:
            keep = bool(self.info.missing)
            plain = Reading((Part(self.info.decoder),))
            self._reading = read_container(self._path, keep) if self.info.spliced or keep else plain
        return open_source(self._path, self._reading, self._ffmpeg, bool(self.info.missing))

    def _take(self, n: int) -> np.ndarray:
        if n <= 0:
            return self._kept[:0]
        block = self._source.read(n)
        if len(block) < n:
            raise self._changed()
        return block

    def _changed(self) -> ChangedFileError:
        return ChangedFileError(
            f"{self._path} has changed since it was analysed; the same {self.samples} samples at "
            f"{self.rate} Hz were wanted. Start the render again."
        )
