"""What the maps of lenses do beside the code of their authors; compiled into the kernels that have lenses."""

from __future__ import annotations

import numpy as np
from numba import njit

from n2s.runtime.render.kernels.jit import INNER

f32 = np.float32


@njit(**INNER)
def mix_4(plane, left, top, right, bottom, t, u):
    """Return the mixture of four values of a plane."""
    upper = plane[top, left] + (plane[top, right] - plane[top, left]) * t
    lower = plane[bottom, left] + (plane[bottom, right] - plane[bottom, left]) * t
    return upper + (lower - upper) * u


@njit(**INNER)
def read_at(picture, x, y):
    """Return the colour of a picture (3, H, W) at a place in pixels, mixed of the four about it; its edge continues."""
    height, width = picture.shape[1:]
    x = x if x > f32(0) else f32(0)
    y = y if y > f32(0) else f32(0)
    x, y = min(x, f32(width - 1)), min(y, f32(height - 1))
    left, top = np.int64(x), np.int64(y)
    right, bottom = min(left + 1, width - 1), min(top + 1, height - 1)
    t, u = x - f32(left), y - f32(top)
    return (
        mix_4(picture[0], left, top, right, bottom, t, u),
        mix_4(picture[1], left, top, right, bottom, t, u),
        mix_4(picture[2], left, top, right, bottom, t, u),
    )


@njit(**INNER)
def copy_row(picture, y, row):
    """Fill a row (3, W + 2) with that of a picture (3, H, W), whose edges go on by one pixel on both sides."""
    height, width = picture.shape[1:]
    y = min(max(y, 0), height - 1)
    for c in range(3):
        source, target = picture[c, y], row[c]
        for x in range(width):
            target[x + 1] = source[x]
        target[0], target[width + 1] = source[0], source[width - 1]


@njit(**INNER)
def beyond(place, half, height, rule):
    """Return a place, in heights from the centre, as an edge's rule takes it back into the frame.

    A place inside is left as it is, not merely almost. Where the edge continues, the middle of its pixels does.
    """
    t = (place + half) * (f32(1) / (f32(2) * half))  # a division that does not depend on the place is done once
    if rule == 1:
        t = t - f32(2) * np.floor(t * f32(0.5))
        taken = min(t, f32(2) - t) * (f32(2) * half) - half
    elif rule == 2:
        taken = (t - np.floor(t)) * (f32(2) * half) - half
    else:
        taken = np.copysign(half - f32(0.5) / height, place)
    return place if abs(place) <= half else taken  # chosen at the end, or the loop around it would not vectorise


@njit(**INNER)
def seen(place, half, height):
    """Return how much of a pixel at a place is seen where black lies beyond the edge, which may cut the pixel in two.

    Places are rounded to 1/256 pixel, so that a whole pixel is seen whole or not at all.
    """
    over = np.floor((abs(place) - half) * height * f32(256) + f32(0.5)) * f32(1 / 256)
    return min(max(f32(0.5) - over, f32(0)), f32(1))
