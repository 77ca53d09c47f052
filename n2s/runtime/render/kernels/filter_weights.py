"""The weights of the filter of lenses: how far places are apart, on which level they are read, what counts how much.

Compiled into `sampling`, which reads the pixels.
"""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

import numpy as np
from numba import njit

from n2s.runtime.render.kernels.fused import fma
from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.light_levels import PAD
from n2s.runtime.render.kernels.vectors import put_4_side_by_side, put_8_side_by_side

f32, i32 = np.float32, np.int32

NEAR = f32(64 / 1.03)  # steps are counted in 1/64 pixels; slightly wider ones are none
ONE = i32(0x3F800000)  # the bits of 1
FIRST = i32(254)  # bits of floats are shifted by 22: what is left counts levels, and this is that of 1
THIRD = i32(0x155555)  # what the bits of 2/3 lie below those of 3/4, which is as far from 1 as 1 from 1.5
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
        x, y = counted(across_x * across_x + down_x * down_x), counted(across_y * across_y + down_y * down_y)
        wide_x[i], wide_y[i] = x, y
        most = max(most, max(f32(x).view(i32), f32(y).view(i32)))
    return most > ONE


@njit(**INNER)
def counted(square):
    """Return a step of a squared length, counted; what is no number is 1, too."""
    step = np.floor(np.sqrt(square) * NEAR + f32(0.5)) * f32(1 / 64)
    return step if step > f32(1) else f32(1)


@njit(**INNER)
def step_of_rows(before, here, after, leap):
    """Return how far rows of places, each within one row of the picture, are apart along rows of the picture."""
    ahead, behind = after - here, here - before
    a, b = ahead * ahead, behind * behind
    return counted(a if (a <= b) != (max(a, b) <= leap * leap) else b)


@njit(**INNER)
def choose_levels(wide_x, wide_y, count, chosen, long):
    """Fill the level on which each place is read, and where its filter is long: 1 along rows, 2 along columns.

    The shorter step takes the last level that is no coarser than it is. Four pixels reach as far as steps of 1.5 pixels
    of their level. Where they do not reach as far as the longer step does, a level is taken that is coarser by up to a
    quarter; where that does not help, eight pixels are, and a level on which the longer step is at most three pixels.
    Return the levels that are needed, as bits, and whether any filter is long.
    """
    last, needed, any_long = i32(count - 1), i32(0), i32(0)
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
        any_long |= long[i]
    return np.int64(needed), any_long != 0


@njit(**INNER)
def list_lengths(long, short, wide, high):
    """List the places whose filter is four by four pixels, those where it is long along rows, and those along columns.

    Return how many there are of each.
    """
    shorts = wides = highs = 0
    for x in range(long.size):
        short[shorts], wide[wides], high[highs] = x, x, x
        shorts += long[x] == 0
        wides += long[x] == 1
        highs += long[x] == 2
    return shorts, wides, highs


@njit(**INNER)
def weigh_4(places, weights, starts):
    """Fill the four weights about each place of the picture itself, and the first of its pixels."""
    for i in range(places.size):
        place = places[i]
        whole = np.floor(place)
        starts[i] = i32(whole) + i32(PAD - 1)
        weights[0, i], weights[1, i], weights[2, i], weights[3, i] = soft_cubic(place - whole, f32(0))


@njit(**INNER)
def weigh_soft(places, wide, chosen, weights, starts):
    """Fill the four weights about each place on its level, and the first of its pixels.

    They are those of a cubic between Catmull-Rom and the softer B-spline: the more pixels of the level a step passes,
    the softer. On smaller copies, which are a little soft themselves, it begins sharper than Catmull-Rom.
    """
    for i in range(places.size):
        starts[i], four = four_about(places[i], wide[i], chosen[i])
        weights[0, i], weights[1, i], weights[2, i], weights[3, i] = four


@njit(**INNER)
def four_about(place, wide, level):
    """Return the first of four pixels of a level about a place, and their weights."""
    scale = fineness(level)
    place, step = fma(place + f32(0.5), scale, f32(-0.5)), wide * scale
    first = min(max(fma(f32(4), step, f32(-4.5)), f32(0)), f32(0.9))
    whole = np.floor(place)
    return i32(whole) + i32(PAD - 1), soft_cubic(place - whole, first if level == 0 else softness(step))


@njit(**INNER)
def weigh_long(places, wide, chosen, weights):
    """Fill the eight weights about each place on its level, of the cubic that is twice as wide."""
    for i in range(places.size):
        a, b, c, d, e, f, g, h = eight_about(places[i], wide[i], chosen[i])
        weights[0, i], weights[1, i], weights[2, i], weights[3, i] = a, b, c, d
        weights[4, i], weights[5, i], weights[6, i], weights[7, i] = e, f, g, h


@njit(**INNER)
def eight_about(place, wide, level):
    """Return the weights of eight pixels of a level about a place; they begin two before the first of four."""
    scale = fineness(level)
    place, soft = fma(place + f32(0.5), scale, f32(-0.5)), softness(wide * scale * f32(0.5))
    half = (place - np.floor(place)) * f32(0.5)
    a, c, e, g = soft_cubic(half + f32(0.5), soft)
    b, d, f, h = soft_cubic(half, soft)
    return (
        a * f32(0.5), b * f32(0.5), c * f32(0.5), d * f32(0.5), e * f32(0.5), f * f32(0.5), g * f32(0.5), h * f32(0.5)
    )  # fmt: skip


@njit(**INNER)
def put_together(weights, places, count):
    """Put what stands in rows, four or eight, side by side for each place; places are worked on by eights."""
    if places.shape[1] == 4:
        for x in range(0, count, 8):
            put_4_side_by_side(weights, weights.shape[1], x, places)
    else:
        for x in range(0, count, 8):
            put_8_side_by_side(weights, weights.shape[1], x, places)


@njit(**INNER)
def fineness(level):
    """Return how many pixels of a level one of the picture is: 1, 2/3, 1/2, 1/3, 1/4 ..."""
    return i32((FIRST << i32(22)) - (level << i32(22)) - (-(level & i32(1)) & THIRD)).view(f32)


@njit(**INNER)
def softness(step):
    """Return how much of the B-spline is in the cubic of a step on a smaller copy, which is a little soft itself."""
    return min(max(fma(f32(1.9), step, f32(-1.85)), f32(-0.2)), f32(1))


@njit(**INNER)
def soft_cubic(t, soft):
    """Return the weights of four pixels, the second of them at a distance t, between Catmull-Rom and the B-spline."""
    u = f32(1) - t
    tt, uu, spline, sharp = t * t, u * u, f32(1 / 6) * soft, fma(f32(-0.5), soft, f32(0.5))
    top, slope, rise = fma(f32(-1 / 3), soft, f32(1)), f32(1.5) - soft, fma(f32(1.5), soft, f32(-2.5))
    return (
        uu * fma(spline, u, -(sharp * t)), fma(tt, fma(slope, t, rise), top),
        fma(uu, fma(slope, u, rise), top), tt * fma(spline, t, -(sharp * u)),
    )  # fmt: skip
