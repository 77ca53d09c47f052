"""Files of kept frames: each frame compressed by itself, an index behind them, so that a few can be read at a time.

Bytes of one significance lie together before they are compressed: high bytes of neighbouring pixels are alike, low ones
are noise. Compression is lossless.
"""

from __future__ import annotations

import json
import os
import shutil
import tempfile
from pathlib import Path

import numpy as np
import zstandard

from n2s.runtime.store import Store

FORMAT = 1
LEVEL = 1  # of Zstandard: a frame packs in a quarter of the time that it takes to decode; higher levels save a per cent


def _pack(frame: np.ndarray) -> bytes:
    width = frame.dtype.itemsize
    planes = np.ascontiguousarray(frame).view(np.uint8).reshape(-1, width).T
    return zstandard.ZstdCompressor(LEVEL).compress(np.ascontiguousarray(planes))


def _unpack(data: bytes, shape: tuple[int, ...], dtype: np.dtype) -> np.ndarray:
    planes = np.frombuffer(zstandard.ZstdDecompressor().decompress(data), np.uint8).reshape(dtype.itemsize, -1)
    return np.ascontiguousarray(planes.T).view(dtype).reshape(shape)


class FrameWriter:
    """Collects frames from ``start`` on in a temporary file of the store's disk.

    Frames must come in order; those before ``start``, or that came already, are passed over. After a gap nothing more
    is taken, and ``count`` stays short.
    """

    def __init__(self, store: Store, start: int, dtype: type):
        self.start, self.count, self.dtype = start, 0, np.dtype(dtype)
        self._offsets, self._shape = [0], ()
        store.root.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(".tmp", ".frames-", store.root)
        self._file, self._path = os.fdopen(handle, "wb"), Path(name)

    def add(self, first: int, frames: np.ndarray) -> None:
        for frame in frames[max(0, self.start + self.count - first) :]:
            if first > self.start + self.count:
                return
            self._shape = frame.shape
            self._file.write(_pack(frame.astype(self.dtype)))
            self._offsets.append(self._file.tell())
            self.count += 1

    def move_to(self, path: Path) -> None:
        """Finish the file at a path."""
        about = {"format": FORMAT, "dtype": self.dtype.str, "shape": self._shape, "offsets": self._offsets}
        index = json.dumps(about).encode()
        self._file.write(index + len(index).to_bytes(8, "little"))
        self._file.close()
        shutil.move(self._path, path)

    def close(self) -> None:
        self._file.close()
        self._path.unlink(missing_ok=True)


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
            made[i - start] = _unpack(
                self._file.read(self._offsets[i + 1] - self._offsets[i]), self._shape, self._dtype
            )
        return made

    def close(self) -> None:
        self._file.close()
