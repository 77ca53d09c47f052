"""Resampling: tables of where each row or column of a picture comes from, and pictures brought to a size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import cast

import numpy as np

from n2s.graph.placing import Placing, Span

LEAST_WEIGHT = np.float32(1 / 255)  # of what shows, below which its colour tells nothing
LEAST_SHOWN = 1e-4  # of a pixel; less is an error of rounding


@dataclass(frozen=True)
class Taps:
    """For each of n outputs: the first source index, and the weights of the sources from there on.

    ``first`` is int64 (n,), ``weights`` float32 (n, taps); they sum to 1.
    """

    first: np.ndarray
    weights: np.ndarray

    @classmethod
    def make(cls, source: int, target: int, scale: float, offset: float = 0.0) -> Taps:
        """Return the taps that read ``target`` samples, ``scale`` source samples apart, about the source's centre.

        ``offset`` is how many source samples further on the middle of what is read lies.

        The filter is the Catmull-Rom cubic, which returns a picture of the same size as it is; where the picture
        shrinks it is widened by the scale, so that nothing aliases. Beyond the edge the edge continues.
        """
        width = max(1.0, scale)
        position = (np.arange(target) - (target - 1) / 2) * scale + ((source - 1) / 2 + offset)
        reach = int(np.ceil(2 * width))
        taps = min(2 * reach, source)
        first = np.floor(position).astype(np.int64) - reach + 1
        index = first[:, None] + np.arange(2 * reach)
        weights = catmull_rom((index - position[:, None]) / width)
        weights /= weights.sum(axis=1, keepdims=True)
        start = np.clip(first, 0, source - taps)
        folded = np.zeros((target, taps))
        rows = np.arange(target)[:, None]
        np.add.at(folded, (rows, np.clip(index, 0, source - 1) - start[:, None]), weights)
        return cls(start, folded.astype(np.float32))

    @classmethod
    def place(cls, source: int, target: int, span: Span, matte: bool) -> Taps:
        """Return the taps that put ``source`` samples at a place among ``target`` ones.

        Beside what is shown of them all is 0. A pixel that is shown in part has its whole colour, and so much of its
        ``matte`` as is shown.
        """
        scale = source / (span.stop - span.start)
        taps = cls.make(source, target, scale, (target / 2 - span.start) * scale - source / 2)
        edges = np.arange(target + 1)
        shown = np.clip(np.minimum(edges[1:], span.high) - np.maximum(edges[:-1], span.low), 0, 1)
        shown[shown < LEAST_SHOWN] = 0
        shown = shown if matte else (shown > 0).astype(np.float64)
        return cls(taps.first, (taps.weights * shown[:, None]).astype(np.float32))


def taps_for(
    shape: tuple[int, int],
    size: tuple[int, int],
    loose: tuple[int, int] = (0, 0),
    offset: tuple[float, float] = (0.0, 0.0),
    placing: Placing | None = None,
    matte: bool = False,
) -> tuple[Taps, Taps] | None:
    """Return the taps (rows, columns) that bring a picture (height, width) to a size (width, height).

    None where it fits. ``loose`` is how many of its rows and columns are not shown, and ``offset`` how many rows and
    columns the middle of what is shown lies below and to the right of its own. ``placing`` puts it elsewhere than over
    the whole frame, a ``matte`` with soft edges where these lie between pixels.
    """
    width, height = size
    if placing is not None:
        down, across = placing.spans(shape, size)
        return Taps.place(shape[0], height, down, matte), Taps.place(shape[1], width, across, matte)
    if shape == (height, width) and loose == (0, 0):
        return None
    scale = min((shape[0] - loose[0]) / height, (shape[1] - loose[1]) / width)
    return Taps.make(shape[0], height, scale, offset[0]), Taps.make(shape[1], width, scale, offset[1])


def catmull_rom(x: np.ndarray) -> np.ndarray:
    """Return the Catmull-Rom kernel: 1.5|x|³ - 2.5|x|² + 1 to 1, -0.5|x|³ + 2.5|x|² - 4|x| + 2 to 2, 0 beyond."""
    x = np.abs(x)
    near = (1.5 * x - 2.5) * x * x + 1
    far = ((-0.5 * x + 2.5) * x - 4) * x + 2
    return np.where(x < 1, near, np.where(x < 2, far, 0.0))


def place_picture(
    colours: np.ndarray, transparency: np.ndarray, size: tuple[int, int], placing: Placing
) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture (3, H, W) and how much of it shows where (1, H, W), placed in a frame (width, height).

    It is resampled in light, and what shows more counts more, so that hidden colours leave no rim. Where nothing of it
    is shown both are 0.
    """
    hidden, shape = not (transparency == 1).all(), colours.shape[1:]
    rows, columns = cast(tuple[Taps, Taps], taps_for(shape, size, placing=placing))
    light = colours * np.abs(colours)
    made = _resample(_resample(light, 1, rows), 2, columns)
    if hidden:
        weighted, weight = (
            _resample(_resample(part, 1, rows), 2, columns) for part in (light * transparency, transparency)
        )
        made = np.where(weight > LEAST_WEIGHT, weighted / np.maximum(weight, LEAST_WEIGHT), made)
    rows, columns = cast(tuple[Taps, Taps], taps_for(shape, size, placing=placing, matte=True))
    matte = np.clip(_resample(_resample(transparency, 1, rows), 2, columns), 0, 1)
    display = np.copysign(np.sqrt(np.abs(made)), made)
    return np.ascontiguousarray(display, np.float32), np.ascontiguousarray(matte, np.float32)


def fit_picture(picture: np.ndarray, size: tuple[int, int], fit: str = "cover") -> np.ndarray:
    """Return a picture (3, H, W), 0..1, at a size (height, width), resampled in light like decoded frames.

    ``cover`` fills the size and crops about the centre; ``mirror`` shows the whole picture and mirrors its edges.
    """
    shape = picture.shape[1:]
    ratios = [have / wanted for have, wanted in zip(shape, size)]
    scale = min(ratios) if fit == "cover" else max(ratios)
    inner = [min(wanted, max(1, round(have / scale))) for have, wanted in zip(shape, size)]
    light = np.square(picture)
    for axis in (1, 2):
        light = _resample(light, axis, Taps.make(shape[axis - 1], inner[axis - 1], scale))
    margins = [((wanted - have) // 2, wanted - have - (wanted - have) // 2) for have, wanted in zip(inner, size)]
    return np.pad(np.sqrt(np.clip(light, 0, 1)), [(0, 0), *margins], mode="symmetric")


def _resample(picture: np.ndarray, axis: int, taps: Taps) -> np.ndarray:
    source = np.moveaxis(picture, axis, 0)
    reach = taps.weights.shape[1]
    lines = [np.einsum("t,tab->ab", row, source[first : first + reach]) for first, row in zip(taps.first, taps.weights)]
    return np.moveaxis(np.stack(lines), 0, axis)
