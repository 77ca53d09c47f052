"""A file that is put together from stretches of another file and from bytes of our own."""

from __future__ import annotations

import io
import os
from bisect import bisect_right
from itertools import accumulate
from typing import Any, cast

from n2s.runtime.media.music.reading import Bytes


class Splice(io.RawIOBase):
    """A read-only binary file over ``pieces``, which libsndfile and pipes read like any other."""

    def __init__(self, path: str | os.PathLike, pieces: tuple[Bytes, ...]):
        self._file = open(path, "rb")  # noqa: SIM115
        self._pieces = [piece for piece in pieces if size_of(piece)]
        self._starts = [0, *accumulate(map(size_of, self._pieces))]
        self._at = 0

    @property
    def size(self) -> int:
        return self._starts[-1]

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def tell(self) -> int:
        return self._at

    def seek(self, offset: int, whence: int = os.SEEK_SET) -> int:
        self._at = max(0, offset + {os.SEEK_SET: 0, os.SEEK_CUR: self._at, os.SEEK_END: self.size}[whence])
        return self._at

    def readinto(self, buffer: object) -> int:
        view = memoryview(cast(Any, buffer)).cast("B")
        done = 0
        while done < len(view) and self._at < self.size:
            data = self._read_within_piece(len(view) - done)
            if not data:
                break  # the file became shorter meanwhile
            view[done : done + len(data)] = data
            done += len(data)
        return done

    def _read_within_piece(self, count: int) -> bytes:
        index = bisect_right(self._starts, self._at) - 1
        piece, offset = self._pieces[index], self._at - self._starts[index]
        count = min(count, size_of(piece) - offset)
        if isinstance(piece, bytes):
            data = piece[offset : offset + count]
        else:
            self._file.seek(piece[0] + offset)
            data = self._file.read(count)
        self._at += len(data)
        return data

    def close(self) -> None:
        self._file.close()
        super().close()


def size_of(piece: Bytes) -> int:
    """Return the number of bytes of a piece."""
    return len(piece) if isinstance(piece, bytes) else piece[1] - piece[0]
