"""What the maps of lenses do beside the code of their authors; compiled into the kernels that have lenses."""

from __future__ import annotations

import numpy as np
from numba import njit

from n2s.runtime.render.kernels.fused import fma
from n2s.runtime.render.kernels.jit import INNER

f32, i32 = np.float32, np.int32


@njit(**INNER)
def read_row(picture, xs, ys, high, offset_x, offset_y, spots, parts, row):
    """Fill a row (3, n) with the colours of a picture (3, H, W) at places in heights, mixed of the four about each.

    Its edge continues. First it is worked out where pixels lie, which vectorises, into ``spots`` (3, n) and ``parts``
    (2, n); then they are read.
    """
    height, width = picture.shape[1:]
    right, bottom = f32(width - 1), f32(height - 1)
    first, beside, below, across, down = spots[0], spots[1], spots[2], parts[0], parts[1]
    for i in range(xs.size):
        x, y = fma(xs[i], high, offset_x), fma(ys[i], high, offset_y)
        x, y = x if x > f32(0) else f32(0), y if y > f32(0) else f32(0)
        x, y = min(x, right), min(y, bottom)
        left, top = i32(x), i32(y)
        first[i] = i32(top * i32(width)) + left
        beside[i] = i32(f32(left) < right)
        below[i] = i32(width) if f32(top) < bottom else i32(0)
        across[i], down[i] = x - f32(left), y - f32(top)
    red, green, blue = picture[0].reshape(-1), picture[1].reshape(-1), picture[2].reshape(-1)
    for i in range(xs.size):
        # Whole numbers without a sign are not looked at for a place that is counted from the end.
        a = np.uint64(first[i])
        b, c, d = a + np.uint64(beside[i]), a + np.uint64(below[i]), a + np.uint64(beside[i]) + np.uint64(below[i])
        t, u = across[i], down[i]
        row[0, i] = mix_4(red[a], red[b], red[c], red[d], t, u)
        row[1, i] = mix_4(green[a], green[b], green[c], green[d], t, u)
        row[2, i] = mix_4(blue[a], blue[b], blue[c], blue[d], t, u)


@njit(**INNER)
def mix_4(a, b, c, d, t, u):
    """Return the mixture of two values above and two below."""
    upper, lower = fma(b - a, t, a), fma(d - c, t, c)
    return fma(lower - upper, u, upper)


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
