"""The luminance of every frame in small, kept beside its film's segments: enough to tell where and when a film changes.

It is taken from the codes that a format is given, on their way there, from some rows of each frame alone: it costs a
small part of what making the frame does, and no film is ever decoded for it. Whatever bits a frame has, its luminance
follows by whole numbers, so that it is the same for all executors, chunks and machines.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import lru_cache
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.code.identity import code_digest
from n2s.graph.format import Pixels
from n2s.graph.keys import digest
from n2s.runtime.films.flaws import NAMES, light_planes, measure_flaws
from n2s.runtime.store import Store, write_arrays

KIND = "luminance"  # of the store's entries
COLUMNS, ROWS = 32, 18  # cells of a frame, whatever its shape is
WHITE = 65535
FRAME_BYTES = 1250  # that the store keeps of a frame: its cells, its flaws, and its share of the entry
ROWS_READ = 6  # of a cell; dither and grain are gone in the mean of these
RGB = np.array([54, 183, 19], np.uint64)  # BT.709's shares of luminance, of 256


def measure_luminance(codes: np.ndarray, pixels: Pixels, size: tuple[int, int]) -> np.ndarray:
    """Return the mean luminance of each cell of some frames, uint16 (B, 18, 32), from black 0 to white 65535.

    Parameters
    ----------
    codes : array (B, codes of a frame), uint8 or uint16
    pixels : Pixels
        What these are.
    size : (int, int)
        Width and height of a frame.
    """
    width, height = size
    reading, columns, counts = _cells(width, height)
    is_rgb = pixels.layout == "rgb"
    planes = light_planes(codes, pixels, size)
    exact = np.uint16 if pixels.bits <= 10 else np.uint32  # holds the sum of a few codes
    rows = planes[:, reading].reshape(len(codes), ROWS, ROWS_READ, *planes.shape[2:]).sum(axis=2, dtype=exact)
    sums = np.add.reduceat(rows, columns, axis=2, dtype=np.uint32).astype(np.uint64)
    if is_rgb:
        sums, counts, black, white = sums @ RGB, counts * 256, 0, 2**pixels.bits - 1
    else:
        sums, black, white = sums[..., 0], 16 << pixels.bits - 8, 219 << pixels.bits - 8
    above = np.maximum(sums, black * counts) - black * counts
    means = (2 * WHITE * above + white * counts) // (2 * white * counts)  # halves are rounded upwards
    return np.minimum(means, WHITE).astype(np.uint16)


@lru_cache(8)
def _cells(width: int, height: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return which rows are read, the first column of each cell, and how many codes are read of each cell."""
    places = 2 * ROWS * ROWS_READ
    reading = (2 * np.arange(ROWS * ROWS_READ) + 1) * height // places
    edges = np.arange(COLUMNS + 1) * width // COLUMNS
    return reading, edges[:-1], (ROWS_READ * np.maximum(np.diff(edges), 1)).astype(np.uint64)


class ChunkLuminance:
    """Collects the luminance of a chunk's frames, and their flaws, while they are made."""

    def __init__(self, pixels: Pixels, size: tuple[int, int]):
        self._pixels, self._size = pixels, size
        self._blocks: list[np.ndarray] = []
        self._flaws: list[np.ndarray] = []

    def look(self, codes: np.ndarray) -> None:
        """Take the next frames of the chunk."""
        self._blocks.append(measure_luminance(codes, self._pixels, self._size))
        first = sum(map(len, self._flaws))
        self._flaws.append(measure_flaws(codes, self._pixels, self._size, first))

    def keep(self, store: Store, segment: str) -> None:
        """Put it into the store, beside the segment of a key."""

        def write(path: Path) -> None:
            write_arrays(path, {"luminance": np.concatenate(self._blocks), "flaws": np.concatenate(self._flaws)})

        store.add(KIND, _key(segment), ".npz", {"segment": segment}, write)


def stored_luminance(store: Store, parts: list[tuple[Any, Any]]) -> Iterator[np.ndarray | None]:
    """Yield the luminance of each chunk of a film, (frames, 18, 32); None where the store has none.

    It has none of segments that were made before luminance was kept, or before the code above was changed.
    """
    return _stored(store, parts, "luminance", (ROWS, COLUMNS))


def stored_flaws(store: Store, parts: list[tuple[Any, Any]]) -> Iterator[np.ndarray | None]:
    """Yield the flaws of each chunk of a film, (frames, 2), as `measure_flaws` gives them; None likewise."""
    return _stored(store, parts, "flaws", (len(NAMES),))


def _stored(store: Store, parts: list[tuple[Any, Any]], name: str, shape: tuple[int, ...]) -> Iterator:
    for _, chunk in parts:
        found = store.arrays(KIND, _key(chunk.key))
        array = found.get(name) if found else None
        yield array if array is not None and array.shape == (chunk.count, *shape) else None


def _key(segment: str) -> str:
    return digest({"segment": segment, "code": code_digest(__name__)})
