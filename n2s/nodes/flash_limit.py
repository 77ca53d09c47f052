"""The least lowering of a film's light with which no second has too many flashes, solved on a coarse grid."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np

from n2s.nodes.flash_rules import CHANGE, Grid, flashes_of_light

LEFT = 0.085  # of a flash that is lowered: below what counts, by what the grid and the codes of a film may be off
SPARED = 0.3, 0.5, 0.7, 0.9, np.inf  # flashes of this part of the highest are left alone, if that is enough
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


def too_many(light: np.ndarray, grid: Grid, second: int) -> np.ndarray:
    """Return which cells have too many flashes of light in the second that ends with each frame, bool (T, C)."""
    return flashes_of_light(light).broken(grid, second)


def solve_lowering(light: np.ndarray, grid: Grid, second: int) -> np.ndarray:
    """Return by how much each cell is lowered, (T, C) within 0..1, of relative luminance (T, C)."""
    lowering = np.zeros(light.shape)
    for _ in range(ROUNDS):
        broken = too_many(seen(light, lowering, grid), grid, second)
        if not broken.any():
            break
        for start, stop in stretches(broken.any(axis=1), second):
            first, last = max(0, start - 2 * second), min(len(light), stop + 2 * second)
            inside = np.zeros(last - first, bool)
            inside[start - first : stop - first] = True
            cells = broken[start:stop].any(axis=0)
            lowering[first:last] = _solve_stretch(light[first:last], lowering[first:last], cells, inside, grid, second)
    return lowering


def stretches(broken: np.ndarray, second: int) -> Iterator[tuple[int, int]]:
    """Yield the first frame and the one after the last of all seconds that end in a marked frame, (T,), joined."""
    ends = np.flatnonzero(broken)
    if not len(ends):
        return
    gaps = np.flatnonzero(np.diff(ends) > second)
    for first, last in zip(ends[np.append(0, gaps + 1)], ends[np.append(gaps, len(ends) - 1)]):
        yield max(0, first - second + 1), last + 1


def _solve_stretch(
    light: np.ndarray, lowering: np.ndarray, cells: np.ndarray, inside: np.ndarray, grid: Grid, second: int
) -> np.ndarray:
    """Return more lowering of some frames, so that their seconds ``inside`` pass."""
    made = lowering
    for more in _ways(light, cells, inside, grid, second):
        made = np.maximum(lowering, more)
        if not (too_many(seen(light, made, grid), grid, second).any(axis=1) & inside).any():
            break
    return made


def _ways(
    light: np.ndarray, cells: np.ndarray, inside: np.ndarray, grid: Grid, second: int
) -> Iterator[np.ndarray]:
    """Yield ways to lower some frames, from the gentlest on.

    First the smaller flashes alone, then all, then all with less left of them, then, where the grid is too coarse to
    part what flashes from what does not, all light around, slowly.
    """
    near = _around(cells, 1, grid)
    for spared in SPARED:
        yield _shaved(light, near, inside, grid, second // 2, LEFT, spared)
    for left in (0.06, 0.03):
        yield _shaved(light, _around(cells, 2, grid), inside, grid, second, left, np.inf)
    for reach in (2, grid.rows + grid.columns):
        yield _dimmed(light, _around(cells, reach, grid), inside, second)


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


def _shaved(
    light: np.ndarray, cells: np.ndarray, inside: np.ndarray, grid: Grid, width: int, left: float, spared: float
) -> np.ndarray:
    """Lower what is for less than ``width`` frames brighter than before and after, to ``left`` above that.

    Peaks outside of the seconds in question stay, and those at which the cells together rise to the part ``spared`` of
    what they do at most.
    """
    ground = _highest(-_highest(-light, width), width)
    ceiling = ground + left
    above = (light > ceiling) & cells
    together = (light - ground)[:, cells].mean(axis=1, keepdims=True)
    height = _over_runs(together, together > LEFT / 4)
    chosen = above & (height < spared * together[inside].max()) & (_over_runs(above & inside[:, None], above) > 0)
    gain = np.where(chosen, ceiling / np.maximum(light, 1e-9), 1.0)
    # Lowering runs on into the cells beside. Dark ones take all of it unseen, bright ones little, or they would flash.
    beside = np.minimum(_largest_around(1 - gain, grid), LEFT / 2 / np.maximum(light, 1e-9))
    gain = np.where(chosen, gain, 1 - beside)
    for _ in range(4):  # what they do not take, these must make up for
        shown = seen(light, 1 - gain, grid)
        gain = np.where(chosen, np.clip(gain * ceiling / np.maximum(shown, 1e-9), 0, gain), gain)
    return 1 - gain


def _over_runs(values: np.ndarray, on: np.ndarray) -> np.ndarray:
    """Return the largest value of each run of frames in which a cell is ``on``, at each frame of it."""
    there, back = np.array(values, np.float64), np.array(values, np.float64)
    for t in range(1, len(values)):
        there[t] = np.where(on[t], np.maximum(there[t], there[t - 1]), 0)
    for t in range(len(values) - 2, -1, -1):
        back[t] = np.where(on[t], np.maximum(back[t], back[t + 1]), 0)
    return np.maximum(there, back)


def _highest(values: np.ndarray, width: int) -> np.ndarray:
    """Return the highest value of ``width`` frames around each, and of one more where that is even."""
    reach = max(1, width // 2)
    padded = np.pad(values, [(reach, reach), *[(0, 0)] * (values.ndim - 1)], mode="edge")
    return np.lib.stride_tricks.sliding_window_view(padded, 2 * reach + 1, axis=0).max(axis=-1)


def _dimmed(light: np.ndarray, cells: np.ndarray, inside: np.ndarray, second: int) -> np.ndarray:
    """Lower cells as one, as far as the one that changes most needs; it takes half a second to begin and to end."""
    half = max(3, second // 2)
    swing = _highest(light[:, cells], 2 * second) + _highest(-light[:, cells], 2 * second)
    gain = np.minimum(1, LEFT / np.maximum(swing.max(axis=1), CHANGE / 2))
    needed = np.where(inside, 1 - gain, 0)
    return smoothed(needed, half)[:, None] * cells


def smoothed(needed: np.ndarray, width: int) -> np.ndarray:
    """Return what is at least ``needed``, (T,), and takes ``width`` frames to begin and to end."""
    held = np.pad(_highest(np.pad(needed, width), 2 * width + 1), width)
    line = np.convolve(held, np.hanning(width + 2)[1:-1] / np.hanning(width + 2).sum(), mode="same")
    inner = line[2 * width : len(line) - 2 * width]
    return np.where(inner > 1e-9, np.maximum(inner, needed), 0)
