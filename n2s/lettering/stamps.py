"""Letters as pixels: each shape is rasterised once for a place within a pixel, and stamped where it stands."""

from __future__ import annotations

import math
from collections import OrderedDict
from collections.abc import Callable, Hashable, Sequence
from dataclasses import dataclass
from threading import Lock
from typing import Any

import numpy as np

from n2s.lettering.raster import coverage, soften

PARTS = 16  # of a pixel: how finely places are told apart
SOFT = 3.0  # pixels: from this deviation on a blur hides places within a pixel
SMALLEST = 8  # the most that a size is divided by
MOST_PIXELS = 1 << 25  # that are remembered
REACH = 3.0  # standard deviations of a blur that are drawn
EMPTY = np.zeros((0, 0), np.float32)


@dataclass(frozen=True)
class Stamp:
    """A shape in a frame: its key, where its origin stands in pixels, how opaque it is."""

    key: Hashable
    x: float
    y: float
    opacity: float


class Stamps:
    """Draws shapes, and remembers the pixels of those it drew last.

    Parameters
    ----------
    edges : callable
        Returns the edges of a shape by its key, in pixels from its origin, (N, 4).
    size : pair of int
        Width and height of the frames.
    sigma : float
        The standard deviation by which shapes are blurred, in pixels.
    coarse : bool
        Draw what is blurred in a smaller size. To enlarge it costs its reader as much as to draw some lines.
    """

    def __init__(
        self,
        edges: Callable[[Any], np.ndarray],
        size: tuple[int, int],
        sigma: float = 0.0,
        coarse: bool = False,
    ):
        divisor = 1
        while coarse and sigma / (2 * divisor) >= SOFT and divisor < SMALLEST and min(size) >= 4 * divisor:
            divisor *= 2
        self._edges, self._size = edges, tuple(-(-side // divisor) for side in size)
        self._scale = self._size[1] / size[1]
        self._sigma = sigma * self._scale
        self._parts = 1 if self._sigma >= SOFT else PARTS
        self._drawn: OrderedDict[Hashable, tuple[np.ndarray, int, int]] = OrderedDict()
        self._pixels = 0
        self._last: tuple[Hashable, np.ndarray] | None = None
        self._lock = Lock()

    def frames(self, each: Sequence[Sequence[Stamp]]) -> np.ndarray:
        """Return mattes, float32 (B, 1, height, width), of what stands in each of some frames."""
        each = [tuple(stamp for stamp in stamps if stamp.opacity > 0) for stamps in each]
        key = tuple(each)
        if (last := self._last) and last[0] == key:
            return last[1]
        made = np.zeros((len(each), 1, *self._size[::-1]), np.float32)
        for plane, stamps in zip(made[:, 0], each):
            self._draw(plane, stamps)
        if len(set(each)) == 1:  # it stands still, perhaps in the next frames too
            self._last = key, made
        return made

    def _draw(self, plane: np.ndarray, stamps: Sequence[Stamp]) -> None:
        height, width = plane.shape
        for stamp in stamps:
            (left, across), (top, down) = (self._parted(place) for place in (stamp.x, stamp.y))
            pixels, x, y = self._pixels_of(stamp.key, across, down)
            x, y = x + left, y + top
            rows, columns = slice(max(y, 0), max(y + pixels.shape[0], 0)), slice(max(x, 0), max(x + pixels.shape[1], 0))
            seen = plane[rows, columns]
            seen += pixels[max(-y, 0) :, max(-x, 0) :][: seen.shape[0], : seen.shape[1]] * np.float32(stamp.opacity)
            np.minimum(seen, np.float32(1), out=seen)

    def _pixels_of(self, key: Hashable, across: int, down: int) -> tuple[np.ndarray, int, int]:
        """Return a shape's pixels, and where the first of them lies, for a place within a pixel."""
        named = key, across, down
        with self._lock:
            if named in self._drawn:
                self._drawn.move_to_end(named)
                return self._drawn[named]
        made = self._rasterise(self._edges(key) * self._scale + np.tile((across, down), 2) / self._parts)
        with self._lock:
            if named not in self._drawn:
                self._drawn[named] = made
                self._pixels += made[0].size
            while self._pixels > MOST_PIXELS and len(self._drawn) > 1:
                self._pixels -= self._drawn.popitem(last=False)[1][0].size
        return made

    def _rasterise(self, edges: np.ndarray) -> tuple[np.ndarray, int, int]:
        if not len(edges):
            return EMPTY, 0, 0
        pad = math.ceil(REACH * self._sigma) if self._sigma else 0
        places = edges.reshape(-1, 2)
        x, y = (math.floor(low) - pad for low in places.min(axis=0))
        width, height = (math.ceil(high) + pad - low for high, low in zip(places.max(axis=0), (x, y)))
        pixels = coverage(edges - np.tile((x, y), 2), max(width, 1), max(height, 1))
        return (soften(pixels, self._sigma) if self._sigma else pixels), x, y

    def _parted(self, place: float) -> tuple[int, int]:
        """Return a place in whole pixels and parts of one."""
        return divmod(math.floor(place * self._scale * self._parts + 0.5), self._parts)
