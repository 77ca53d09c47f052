"""How much blue saturated red needs at least, so that no second has too many red flashes."""

from __future__ import annotations

import numpy as np

from n2s.nodes.flash_limit import ROUNDS, smoothed, stretches
from n2s.nodes.flash_rules import LUMINANCE, REDNESS, SATURATED, Counted, Grid, flashes_of_hue, is_saturated

LEFT = 0.75  # R / (R + G + B) of what was saturated red: below what counts, whatever the curve of a screen


def limited_red(light: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return light (T, C, 3) whose R / (R + G + B) is at most ``limit``, (T,): it is mixed with blue of its luminance.

    The same as the pixels of `Guard`, but for the curve between light and display values.
    """
    return light + red_share(light, limit[:, None])[..., None] * (blue_of(light) - light)


def red_share(light: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return how much blue brings R / (R + G + B) of light (..., 3) to a limit: 0 for none."""
    total, red = light.sum(axis=-1), light[..., 0]
    over = red - limit * total
    return np.where(over > 0, over / np.maximum(over + limit * blue_of(light)[..., 2], 1e-9), 0)


def blue_of(light: np.ndarray) -> np.ndarray:
    """Return blue of the luminance of light (..., 3)."""
    return (light @ LUMINANCE)[..., None] * np.array([0, 0, 1 / LUMINANCE[2]])


def red_flashes(light: np.ndarray, redness: np.ndarray, limit: np.ndarray) -> tuple[Counted, Counted]:
    """Count the flashes of red by both rules, where its share is held to ``limit``, (T,).

    What is held below what is saturated has no ``redness``, the mean of R - G - B of the saturated pixels of a cell.
    """
    return flashes_of_hue(limited_red(light, limit)), REDNESS.flashes(redness * (limit >= SATURATED)[:, None])


def solve_red(light: np.ndarray, redness: np.ndarray, grid: Grid, second: int) -> np.ndarray:
    """Return the largest R / (R + G + B) that each frame may have, (T,); 1 where all may stay as it is."""
    limit = np.ones(len(light))
    if not (redness.any() or is_saturated(light).any()):
        return limit
    for _ in range(ROUNDS):
        broken = [counted.broken(grid, second).any(axis=1) for counted in red_flashes(light, redness, limit)]
        if not np.any(broken):
            break
        needed = np.zeros(len(light))
        for start, stop in stretches(np.any(broken, axis=0), second):
            needed[start:stop] = 1 - LEFT
        limit = np.minimum(limit, 1 - smoothed(needed, max(3, second // 4)))
    return limit
