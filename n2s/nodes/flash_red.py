"""The least greying of saturated red with which no second has too many red flashes."""

from __future__ import annotations

import numpy as np

from n2s.nodes.flash_limit import ROUNDS, smoothed, stretches
from n2s.nodes.flash_rules import LUMINANCE, Grid, breaking, in_a_second, is_saturated, red_rises

LEFT = 0.7  # R / (R + G + B) of what was saturated red: below what counts, whatever the curve of a screen


def limited_red(light: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return light (T, C, 3) whose R / (R + G + B) is at most ``limit``, (T,): it is mixed with grey of its luminance.

    The same as the pixels of `Guard`, but for the curve between light and display values.
    """
    return light + red_share(light, limit[:, None])[..., None] * ((light @ LUMINANCE)[..., None] - light)


def red_share(light: np.ndarray, limit: np.ndarray) -> np.ndarray:
    """Return how much grey brings R / (R + G + B) of light (..., 3) to a limit: 0 for none."""
    total, grey, red = light.sum(axis=-1), light @ LUMINANCE, light[..., 0]
    over = red - limit * total
    return np.where(over > 0, over / np.maximum(over + grey * (3 * limit - 1), 1e-9), 0)


def solve_red(light: np.ndarray, grid: Grid, second: int) -> np.ndarray:
    """Return the largest R / (R + G + B) that each frame may have, (T,); 1 where all may stay as it is."""
    limit = np.ones(len(light))
    if not is_saturated(light).any():
        return limit
    for _ in range(ROUNDS):
        broken = breaking(in_a_second(red_rises(limited_red(light, limit)), second), grid).any(axis=1)
        if not broken.any():
            break
        needed = np.zeros(len(light))
        for start, stop in stretches(broken, second):
            needed[start:stop] = 1 - LEFT
        limit = np.minimum(limit, 1 - smoothed(needed, max(3, second // 4)))
    return limit
