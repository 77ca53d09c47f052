"""Files of kept frames: each frame compressed by itself, an index behind them, so that a few can be read at a time.

Bytes of one significance lie together before they are compressed: high bytes of neighbouring pixels are alike, low ones
are noise. Compression is lossless.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path
from typing import Any, cast

import numpy as np
import zstandard

from n2s.graph.whole import temporary_name
from n2s.runtime.disk_errors import disk_error

LEVEL = 1  # of Zstandard: packs a frame in a quarter of the time that it takes to decode; higher levels save 1 %


def _pack(frame: np.ndarray) -> bytes:
    planes = np.ascontiguousarray(frame).view(np.uint8).reshape(-1, frame.dtype.itemsize).T
    return zstandard.ZstdCompressor(LEVEL).compress(cast(Any, np.ascontiguousarray(planes)))


def _unpack(data: bytes, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    planes = np.frombuffer(zstandard.ZstdDecompressor().decompress(data), np.uint8).reshape(dtype.itemsize, -1)
    made = np.empty(planes.shape[::-1], np.uint8)
    for place, plane in enumerate(planes):  # one after the other, which takes a third of the time of a transposition
        made[:, place] = plane
    return made.view(dtype).reshape(shape)


class FrameWriter:
    """Collects frames start..stop, under a temporary name beside ``path``.

    Frames come in order; those that came already are passed over, and so are those from ``stop`` on. After a gap
    nothing more is taken. Raises RenderError, from all of its methods, where the disk does not take them.
    """

    def __init__(self, path: Path, start: int, stop: int, dtype: type):
        self.path, self.next, self.stop, self.dtype = path, start, stop, np.dtype(dtype)
        self._offsets, self._shape = [0], ()
        self._temporary = temporary_name(path)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._file = open(self._temporary, "wb")
        except OSError as error:
            raise disk_error(error, path) from error

    @property
    def bytes(self) -> int:
        """How many were written."""
        return self._offsets[-1]

    @property
    def whole(self) -> bool:
        """Whether all frames were written."""
        return self.next == self.stop

    def add(self, first: int, frames: np.ndarray) -> None:
        """Take frames, the first of which is number ``first``."""
        if first > self.next:
            return
        try:
            for frame in frames[self.next - first : self.stop - first]:
                self._shape = frame.shape
                self._file.write(_pack(frame.astype(self.dtype)))
                self._offsets.append(self._file.tell())
                self.next += 1
        except OSError as error:
            raise disk_error(error, self.path) from error

    def move_to(self, path: Path) -> None:
        """Finish the file, and give it another name in its folder."""
        about = {"dtype": self.dtype.str, "shape": self._shape, "offsets": self._offsets}
        index = json.dumps(about).encode()
        self._file.write(index + len(index).to_bytes(8, "little"))
        self._file.close()
        os.replace(self._temporary, path)

    def close(self) -> None:
        """Let go of what was not finished."""
        with contextlib.suppress(OSError):  # what still waits to be written may not fit on the disk
            self._file.close()
        self._temporary.unlink(missing_ok=True)


class FrameReader:
    """Reads frames of a file, counted from its first."""

    def __init__(self, path: Path):
        self._file = open(path, "rb")
        self._file.seek(-8, os.SEEK_END)
        length = int.from_bytes(self._file.read(8), "little")
        self._file.seek(-8 - length, os.SEEK_END)
        about = json.loads(self._file.read(length))
        self._shape, self._dtype, self._offsets = tuple(about["shape"]), np.dtype(about["dtype"]), about["offsets"]

    def read(self, start: int, stop: int) -> np.ndarray:
        """Return frames start..stop as float32."""
        made = np.empty((stop - start, *self._shape), np.float32)
        self._file.seek(self._offsets[start])
        for i in range(start, stop):
            data = self._file.read(self._offsets[i + 1] - self._offsets[i])
            made[i - start] = _unpack(data, self._shape, self._dtype)
        return made

    def close(self) -> None:
        self._file.close()
