"""The weights of the filter of lenses: how far places are apart, on which level they are read, what counts how much.

Compiled into `sampling`, which reads the pixels.
"""

from __future__ import annotations

import numpy as np
from numba import njit

from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.light_levels import PAD

f32, i32 = np.float32, np.int32

NEAR = f32(64 / 1.03)  # steps are counted in 1/64 pixels; slightly wider ones are none
ONE = i32(0x3F800000)  # the bits of 1
FIRST = i32(254)  # bits of floats are shifted by 22: what is left counts levels, and this is that of 1
BELOW = i32(0x3FFFFF)  # added before, so that levels are counted upwards


@njit(**INNER)
def steps_between(x0, x1, x2, y0, y1, y2, leap, wide_x, wide_y):
    """Fill how far apart places are along columns and rows of the picture, in 1/64, at least 1; say if any is more.

    Given are the places of the row before, the row, and the row after, each (width + 2,): with one place more on both
    sides. Of the steps forward and backward the longer one counts, because one across a fold (a mirror's edge) is too
    short. One of more than ``leap`` pixels is across a seam (from one edge to the other): then the shorter one counts.
    """
    furthest = leap * leap
    most = i32(0)  # positive numbers are in the order of their bits, and whole numbers are compared faster
    for i in range(wide_x.size):
        x, y = x1[i + 1], y1[i + 1]
        ax, ay, bx, by = x1[i + 2] - x, y1[i + 2] - y, x - x1[i], y - y1[i]
        a, b = ax * ax + ay * ay, bx * bx + by * by
        ahead = (a <= b) != (max(a, b) <= furthest)
        across_x, across_y = ax if ahead else bx, ay if ahead else by
        ax, ay, bx, by = x2[i + 1] - x, y2[i + 1] - y, x - x0[i + 1], y - y0[i + 1]
        a, b = ax * ax + ay * ay, bx * bx + by * by
        ahead = (a <= b) != (max(a, b) <= furthest)
        down_x, down_y = ax if ahead else bx, ay if ahead else by
        x = np.floor(np.sqrt(across_x * across_x + down_x * down_x) * NEAR + f32(0.5)) * f32(1 / 64)
        y = np.floor(np.sqrt(across_y * across_y + down_y * down_y) * NEAR + f32(0.5)) * f32(1 / 64)
        x, y = x if x > f32(1) else f32(1), y if y > f32(1) else f32(1)  # what is no number is 1, too
        wide_x[i], wide_y[i] = x, y
        most = max(most, max(f32(x).view(i32), f32(y).view(i32)))
    return most > ONE


@njit(**INNER)
def choose_levels(wide_x, wide_y, count, chosen, long):
    """Fill the level on which each place is read, and where its filter is long: 1 along rows, 2 along columns.

    The shorter step takes the last level that is no coarser than it is. Four pixels reach as far as steps of 1.5 pixels
    of their level. Where they do not reach as far as the longer step does, a level is taken that is coarser by up to a
    quarter; where that does not help, eight pixels are, and a level on which the longer step is at most three pixels.
    Return the levels that are needed, as bits.
    """
    last, needed = i32(count - 1), i32(0)
    for i in range(chosen.size):
        shorter, longer = min(wide_x[i], wide_y[i]), max(wide_x[i], wide_y[i])
        own = i32((f32(shorter).view(i32) >> i32(22)) - FIRST)
        coarsest = i32((f32(shorter * f32(1.25)).view(i32) >> i32(22)) - FIRST)
        wanted = i32(((f32(longer * f32(1 / 1.5)).view(i32) + BELOW) >> i32(22)) - FIRST)
        least = i32(((f32(longer * f32(1 / 3)).view(i32) + BELOW) >> i32(22)) - FIRST)
        is_long = (wanted > coarsest) | (wanted > last)
        level = i32(min(max(own, least if is_long else wanted), last))  # `own` is at least 0
        chosen[i], long[i] = level, i32(is_long) << i32(wide_y[i] > wide_x[i])
        needed |= i32(i32(1) << level)
    return np.int64(needed)


@njit(**INNER)
def list_long(long, which):
    """List the places whose filter is too long for four pixels; return how many there are."""
    count = 0
    for x in range(long.size):
        which[count] = x
        count += long[x] != 0
    return count


@njit(**INNER)
def weigh_4(places, weights, starts):
    """Fill the four weights about each place of the picture itself, and the first of its pixels."""
    for i in range(places.size):
        place = places[i]
        whole = np.floor(place)
        t = place - whole
        u = f32(1) - t
        starts[i] = i32(whole) + i32(PAD - 1)
        weights[0, i] = f32(-0.5) * t * u * u
        weights[1, i] = f32(1) + t * t * (f32(1.5) * t - f32(2.5))
        weights[2, i] = f32(1) + u * u * (f32(1.5) * u - f32(2.5))
        weights[3, i] = f32(-0.5) * u * t * t


@njit(**INNER)
def weigh_soft(places, wide, chosen, weights, starts):
    """Fill the four weights about each place on its level, and the first of its pixels.

    They are those of a cubic between Catmull-Rom and the softer B-spline: the more pixels of the level a step passes,
    the softer. On smaller copies, which are a little soft themselves, it begins sharper than Catmull-Rom.
    """
    for i in range(places.size):
        level = chosen[i]
        scale = f32(1) / i32((level + FIRST) << i32(22)).view(f32)
        place, step = (places[i] + f32(0.5)) * scale - f32(0.5), wide[i] * scale
        first = min(max(f32(4) * step - f32(4.5), f32(0)), f32(0.9))
        soft = first if level == 0 else softness(step)
        whole = np.floor(place)
        starts[i] = i32(whole) + i32(PAD - 1)
        weights[0, i], weights[1, i], weights[2, i], weights[3, i] = soft_cubic(place - whole, soft)


@njit(**INNER)
def weigh_long(places, wide, chosen, weights):
    """Fill the eight weights about each place on its level, of the cubic that is twice as wide."""
    for i in range(places.size):
        scale = f32(1) / i32((chosen[i] + FIRST) << i32(22)).view(f32)
        place, soft = (places[i] + f32(0.5)) * scale - f32(0.5), softness(wide[i] * scale * f32(0.5))
        half = (place - np.floor(place)) * f32(0.5)
        a, b, c, d = soft_cubic(half + f32(0.5), soft)
        weights[0, i], weights[2, i], weights[4, i], weights[6, i] = (
            a * f32(0.5),
            b * f32(0.5),
            c * f32(0.5),
            d * f32(0.5),
        )
        a, b, c, d = soft_cubic(half, soft)
        weights[1, i], weights[3, i], weights[5, i], weights[7, i] = (
            a * f32(0.5),
            b * f32(0.5),
            c * f32(0.5),
            d * f32(0.5),
        )


@njit(**INNER)
def softness(step):
    """Return how much of the B-spline is in the cubic of a step on a smaller copy, which is a little soft itself."""
    return min(max(f32(1.9) * step - f32(1.85), f32(-0.2)), f32(1))


@njit(**INNER)
def soft_cubic(t, soft):
    """Return the weights of four pixels, the second of them at a distance t, between Catmull-Rom and the B-spline."""
    u = f32(1) - t
    tt, uu = t * t, u * u
    a, b = f32(-0.5) * t * u * u, f32(1) + tt * (f32(1.5) * t - f32(2.5))
    c, d = f32(1) + uu * (f32(1.5) * u - f32(2.5)), f32(-0.5) * u * t * t
    return (
        a + soft * (uu * u * f32(1 / 6) - a), b + soft * (f32(2 / 3) + tt * (f32(0.5) * t - f32(1)) - b),
        c + soft * (f32(2 / 3) + uu * (f32(0.5) * u - f32(1)) - c), d + soft * (tt * t * f32(1 / 6) - d),
    )  # fmt: skip
