"""Frames of a video by their numbers: FFmpeg decodes on from where it stands, or from a frame that stands alone.

Wherever it begins, a frame is known by its time and by the sum of its decoded pixels, which must be those that the file
was listed with (`listing`). A file in which what stands alone does not, after which it decodes to something else, is
read from its beginning instead. So each frame has the same bits, whoever reads it in whatever order.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import subprocess
import tempfile
import threading
import weakref
from collections.abc import Callable, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

import numpy as np

from n2s.graph.errors import ChangedFileError, MediaError
from n2s.runtime.media.video.colours import Conversion
from n2s.runtime.media.video.listing import FrameLines, Seen, VideoInfo, command

IDLE = 4  # decoders that wait where they stand, each for somebody who reads on
STEP = 16  # frames that are rather decoded and dropped than jumped over, which starts a decoder


class Video:
    """The frames of one file, for threads that read different parts of it at the same time.

    Parameters
    ----------
    path : Path
    info : VideoInfo
    ffmpeg : callable
        Returns the path of an FFmpeg.
    """

    def __init__(self, path: Path, info: VideoInfo, ffmpeg: Callable[[], str]):
        self.path, self.info, self._ffmpeg = path, info, ffmpeg
        self._conversion = Conversion(info.form, info.matrix, info.full)
        self.tick, self.pixel = Fraction(*info.tick), info.pixel
        self.times = np.array(info.times, np.int64) - info.times[0]
        self.length = int(self.times[-1]) + info.last
        listed = repr([info.times, info.sums, info.last]).encode()
        self.digest = hashlib.sha256(listed).hexdigest()
        self._keys = np.array(info.keys, np.int64)
        self._idle: list[_Decoder] = []
        self._lock = threading.Lock()
        weakref.finalize(self, _close_all, self._idle)

    def read(self, numbers: Sequence[int]) -> tuple[np.ndarray, np.ndarray]:
        """Return frames by their numbers, colours (B, 3, H, W) and mattes (B, 1, H, W), float32; -1: nothing.

        Raises
        ------
        MediaError
            When the file is no longer the one that was listed.
        """
        width, height = self.info.size
        colours = np.empty((len(numbers), 3, height, width), np.float32)
        matte = np.broadcast_to(np.float32(1), (len(numbers), 1, height, width))
        if self._conversion.has_matte or min(numbers) < 0:
            matte = matte.copy()
        made: dict[int, int] = {}
        for i, number in enumerate(numbers):
            if number < 0:
                colours[i], matte[i] = 0, 0
            elif number in made:
                colours[i] = colours[made[number]]
                if self._conversion.has_matte:
                    matte[i] = matte[made[number]]
            else:
                made[number] = i
                self._conversion.convert(self._planes(number), colours[i], matte[i])
        return colours, matte

    def close(self) -> None:
        """End the decoders that wait; a later read starts others."""
        with self._lock:
            _close_all(self._idle)

    def _planes(self, number: int) -> np.ndarray:
        decoder = self._take(number)
        try:
            planes = decoder.read(number)
            if planes is None and decoder.first:  # from another beginning it is not the same
                decoder.close()
                self._keys = self._keys[:0]  # and would not be from others
                decoder = self._start(0)
                planes = decoder.read(number)
            if planes is None:
                raise ChangedFileError(
                    f"{self.path}: FFmpeg gives no frame {number}, or not the one that it gave when the file was "
                    "listed. Was the file changed? Run again; what is finished is kept."
                )
        except BaseException:
            decoder.close()
            raise
        self._give_back(decoder)
        return planes

    def _take(self, number: int) -> _Decoder:
        """Return a decoder that comes to a frame soon, or one that begins near it."""
        key = int(self._keys[max(np.searchsorted(self._keys, number, "right") - 1, 0)]) if len(self._keys) else 0
        with self._lock:
            near = [idle for idle in self._idle if idle.gives(number) and number - idle.next <= STEP or
                    idle.gives(number) and idle.next >= key]  # fmt: skip
            if near:
                found = max(near, key=lambda idle: idle.next)
                self._idle.remove(found)
                return found
        return self._start(key)

    def _start(self, key: int) -> _Decoder:
        return _Decoder(self.path, self.info, self._conversion, self._ffmpeg(), key)

    def _give_back(self, decoder: _Decoder) -> None:
        with self._lock:
            self._idle.append(decoder)
            spare = self._idle[:-IDLE]
            del self._idle[:-IDLE]
        for old in spare:
            old.close()


def _close_all(decoders: list[_Decoder]) -> None:
    while decoders:
        decoders.pop().close()


class _Decoder:
    """An FFmpeg that decodes a video from one of its frames on. ``next`` is the number of the frame that comes next."""

    def __init__(self, path: Path, info: VideoInfo, conversion: Conversion, ffmpeg: str, first: int):
        self.info, self.first, self.next = info, first, first
        self._shape, self._kind = (conversion.planes, *info.size[::-1]), conversion.kind
        self._last: tuple[int, np.ndarray] | None = None
        self._lines, self._line = FrameLines(), b""
        seek, choose = [], ""
        if first:
            at = -(-info.times[first] * info.tick[0] * 10**6 // info.tick[1])  # microseconds, upwards
            seek = ["-noaccurate_seek", "-seek_timestamp", "1", "-ss", f"{at}us"]
            choose = f"select=gte(pts\\,{info.times[first]}),"
        chain = f"{choose}showinfo,{conversion.filters}"
        # Messages go to a file, because a pipe that nobody reads would stop it once it is full.
        messages, self._name = tempfile.mkstemp(prefix="n2s-video-")
        self._messages = open(self._name, "rb")  # with a place of its own in the file
        try:
            self._process = subprocess.Popen(
                [*command(ffmpeg, path, info.decoder, seek), "-vf", chain, "-f", "rawvideo", "pipe:1"],
                stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=messages, start_new_session=True,
            )  # fmt: skip
        except OSError as error:
            _forget(self._messages, self._name)
            raise MediaError(f"{path} needs FFmpeg to be read, which cannot be started: {error.strerror}.") from None
        finally:
            os.close(messages)
            with contextlib.suppress(OSError):  # Windows keeps the names of open files
                os.unlink(self._name)
        # Whoever loses it without a word, a thread that was ended for instance, leaves no process behind.
        self.close = weakref.finalize(self, _end, self._process, self._messages, self._name)

    def gives(self, number: int) -> bool:
        """Say whether a frame is still to come, or is the last one that came."""
        return self.next <= number or (self._last is not None and self._last[0] == number)

    def read(self, number: int) -> np.ndarray | None:
        """Return the planes of a frame; None where what comes is not as it was listed."""
        if self._last is not None and self._last[0] == number:
            return self._last[1]
        planes = None
        while self.next <= number:
            planes = np.empty(self._shape, self._kind)
            if cast(Any, self._process.stdout).readinto(memoryview(planes).cast("B")) < planes.nbytes:
                return None
            seen = self._hear()
            if seen is None or (seen.time, seen.sum) != (self.info.times[self.next], self.info.sums[self.next]):
                return None
            self.next += 1
            self._last = self.next - 1, planes
        return planes

    def _hear(self) -> Seen | None:
        """Return what FFmpeg said of the next frame, which it does before it hands that over."""
        while True:
            line, end, rest = self._line.partition(b"\n")
            if end:
                self._line = rest
                if seen := self._lines.take(line.decode("utf-8", "replace")):
                    return seen
                continue
            if not (more := self._messages.read(1 << 16)):
                return None
            self._line += more


def _end(process: subprocess.Popen, messages: Any, name: str) -> None:
    """End a decoder's FFmpeg, and forget its messages."""
    if process.poll() is None:
        process.kill()
    cast(Any, process.stdout).close()
    process.wait()
    _forget(messages, name)


def _forget(messages: Any, name: str) -> None:
    messages.close()
    with contextlib.suppress(OSError):
        os.unlink(name)
