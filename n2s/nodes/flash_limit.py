"""The least lowering of a film's light with which no second has too many flashes, solved on a coarse grid."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

import numpy as np

from n2s.nodes.flash_rules import LIGHT, Grid, Kind

SPARED = 0.3, 0.5, 0.7, 0.9, np.inf  # flashes of this part of the highest are left alone, if that is enough
MADE_UP = 0.5  # how much of its gain a cell on an edge keeps, at least, when it makes up for its neighbours
ROUNDS = 8


def seen(light: np.ndarray, lowering: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the light (T, C) of cells when ``lowering`` (T, C) runs straight from the centre of each to the next."""
    return light * (1 - spread(lowering, grid))


def spread(lowering: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the means over the cells of what runs straight between their centres."""
    cells = lowering.reshape(-1, *grid)
    for axis in (1, 2):
        padded = np.pad(cells, [(1, 1) if i == axis else (0, 0) for i in range(3)], mode="edge")
        sides = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=axis)
        cells = 0.125 * (sides[..., 0] + sides[..., 2]) + 0.75 * cells
    return cells.reshape(lowering.shape)


def solve_lowering(
    light: np.ndarray, grid: Grid, second: int, kind: Kind = LIGHT, shown: np.ndarray | None = None
) -> np.ndarray:
    """Return by how much each cell is lowered, (T, C) within 0..1, of light of a kind (T, C).

    ``second`` is in frames. ``shown`` is the luminance of the cells, where the light that flashes is another one.
    """
    shown = light if shown is None else np.maximum(light, shown)
    lowering = np.zeros(light.shape)
    for _ in range(ROUNDS):
        broken = np.asarray(kind.flashes(seen(light, lowering, grid)).broken(grid, second))
        if not broken.any():
            break
        before = lowering.copy()
        for start, stop in stretches(np.asarray(broken.any(axis=1)), second):
            first, last = max(0, start - 2 * second), min(len(light), stop + 2 * second)
            inside = np.zeros(last - first, bool)
            inside[start - first : stop - first] = True
            cells = np.asarray(broken[start:stop].any(axis=0))
            values = _Stretch(light[first:last], shown[first:last], inside, grid, second, kind)
            lowering[first:last] = values.solve(lowering[first:last], cells)
        if (lowering == before).all():
            break
    return lowering


def stretches(broken: np.ndarray, second: int) -> Iterator[tuple[int, int]]:
    """Yield the first frame and the one after the last of all seconds that end in a marked frame, (T,), joined."""
    ends = np.flatnonzero(broken)
    if not len(ends):
        return
    gaps = np.flatnonzero(np.diff(ends) > second)
    for first, last in zip(ends[np.append(0, gaps + 1)], ends[np.append(gaps, len(ends) - 1)]):
        yield max(0, first - second + 1), last + 1


class _Stretch(NamedTuple):
    """Some frames of a film, of which the seconds ``inside``, bool (T,), have too many flashes.

    ``light`` (T, C) is what flashes, ``shown`` (T, C) the luminance that goes with it; ``second`` is in frames.
    """

    light: np.ndarray
    shown: np.ndarray
    inside: np.ndarray
    grid: Grid
    second: int
    kind: Kind

    def solve(self, lowering: np.ndarray, cells: np.ndarray) -> np.ndarray:
        """Return more lowering than there is, by the gentlest way with which these seconds pass."""
        made = lowering
        for more in self.ways(cells):
            made = np.maximum(lowering, more)
            broken = self.kind.flashes(seen(self.light, made, self.grid)).broken(self.grid, self.second)
            if not (broken.any(axis=1) & self.inside).any():
                return made
        return made if self.kind.dims else lowering

    def ways(self, cells: np.ndarray) -> Iterator[np.ndarray]:
        """Yield ways to lower what flashes in some cells, bool (C,), from the gentlest on.

        First the smaller flashes alone, then all, then all with less left of them, then, where the grid is too coarse
        to part what flashes from what does not, all light around, slowly.
        """
        near, wider = (_around(cells, reach, self.grid) for reach in (1, 2))
        for spared in SPARED:
            yield self.shaved(near, self.second // 2, self.kind.left, spared)
        for part in (1, 0.7, 0.35):
            yield self.shaved(wider, self.second, part * self.kind.left, np.inf, 0)
        for where in (wider, np.ones_like(cells)) if self.kind.dims else ():
            yield self.dimmed(where)

    def shaved(self, cells: np.ndarray, width: int, left: float, spared: float, keeps: float = MADE_UP) -> np.ndarray:
        """Lower what is for less than ``width`` frames brighter than before and after, to ``left`` above that.

        Peaks outside of the seconds in question stay, and those at which the cells together rise to the part ``spared``
        of what they do at most.
        """
        light, inside = self.light, self.inside
        ground = _highest(-_highest(-light, width), width)
        ceiling = ground + left
        above = (light > ceiling) & cells
        together = (light - ground)[:, cells].mean(axis=1, keepdims=True)
        height = largest_of_runs(together, together > left / 4)
        begun = largest_of_runs(above & inside[:, None], above) > 0
        chosen = above & (height < spared * together[inside].max()) & begun
        # Where another light is lowered, luminance may not fall below its own ground: that would be a flash, too.
        lowest = -_highest(-self.shown, width) - left / 2
        least = np.clip(lowest / np.maximum(self.shown, 1e-9), 0, 1)
        wanted = np.where(chosen, np.maximum(least, ceiling / np.maximum(light, 1e-9)), 1.0)
        # It runs on into the cells beside. Dark ones take all of it unseen, bright ones little, or they would flash.
        beside = np.minimum(_largest_around(1 - wanted, self.grid), left / 2 / np.maximum(self.shown, 1e-9))
        gain = np.where(chosen, wanted, 1 - beside)
        for _ in range(4):  # what those do not take, these must make up for
            reached = seen(light, 1 - gain, self.grid)
            made_up = np.maximum(gain * ceiling / np.maximum(reached, 1e-9), np.maximum(least, wanted * keeps))
            gain = np.where(chosen, np.minimum(made_up, gain), gain)
        return 1 - gain

    def dimmed(self, cells: np.ndarray) -> np.ndarray:
        """Lower cells as one, as far as the one that changes most needs; it takes half a second to begin and to end."""
        swing = _highest(self.light[:, cells], 2 * self.second) + _highest(-self.light[:, cells], 2 * self.second)
        gain = self.kind.left / np.maximum(swing.max(axis=1), self.kind.left)
        return smoothed(np.where(self.inside, 1 - gain, 0), max(3, self.second // 2))[:, None] * cells


def _around(cells: np.ndarray, reach: int, grid: Grid) -> np.ndarray:
    """Return cells and those around them, bool (C,)."""
    for _ in range(min(reach, max(grid))):
        cells = _largest_around(cells[None], grid)[0]
    return cells


def _largest_around(values: np.ndarray, grid: Grid) -> np.ndarray:
    """Return the largest of the values of each cell and the eight around it, (T, C)."""
    cells = values.reshape(-1, *grid)
    for axis in (1, 2):
        padded = np.pad(cells, [(1, 1) if i == axis else (0, 0) for i in range(3)], mode="edge")
        cells = np.lib.stride_tricks.sliding_window_view(padded, 3, axis=axis).max(axis=-1)
    return cells.reshape(values.shape)


def largest_of_runs(values: np.ndarray, on: np.ndarray) -> np.ndarray:
    """Return the largest value of each run of frames in which a cell is ``on``, at each frame of it."""
    there, back = np.array(values, np.float64), np.array(values, np.float64)
    for t in range(1, len(values)):
        there[t] = np.where(on[t], np.maximum(there[t], there[t - 1]), 0)
    for t in range(len(values) - 2, -1, -1):
        back[t] = np.where(on[t], np.maximum(back[t], back[t + 1]), 0)
    return np.maximum(there, back)


def _highest(values: np.ndarray, width: int) -> np.ndarray:
    """Return the highest value of the ``width`` frames around each; of one more where that is even, of 3 at least."""
    reach = max(1, width // 2)
    padded = np.pad(values, [(reach, reach), *[(0, 0)] * (values.ndim - 1)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).max(axis=-1)


def smoothed(needed: np.ndarray, width: int) -> np.ndarray:
    """Return what is at least ``needed``, (T,), and takes ``width`` frames to begin and to end."""
    held = np.pad(_highest(np.pad(needed, width), 2 * width + 1), width)
    line = np.convolve(held, np.hanning(width + 2)[1:-1] / np.hanning(width + 2).sum(), mode="same")
    inner = line[2 * width : len(line) - 2 * width]
    return np.where(inner > 1e-9, np.maximum(inner, needed), 0)
