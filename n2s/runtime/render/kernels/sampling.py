"""The filter that reads a picture at places that lenses tell; compiled into the kernels that need it.

Where neighbouring places are at most 1.14 pixels apart, four by four pixels are weighted by the Catmull-Rom cubic; at
a whole pixel that is this pixel, bit by bit. Where they are farther apart, the cubic gets softer, and four by four
pixels of a smaller copy are read as soon as there is one that is fine enough. Where a picture shrinks much more in one
direction than in the other, more pixels are read along this one. Sums go over rows first, then over columns, always in
the same order, so that all ways to a pixel give the same bits.
"""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

import numpy as np
from numba import carray, njit  # pyright: ignore[reportPrivateImportUsage]

from n2s.runtime.render.kernels.addresses import call_at, floats_at, numbers_at
from n2s.runtime.render.kernels.filter_weights import (
    choose_levels,
    list_lengths,
    put_together,
    steps_between,
    weigh_4,
    weigh_long,
    weigh_soft,
)
from n2s.runtime.render.kernels.fused import fma
from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.lens_room import (
    AHEAD,
    COUNTED,
    IS_PLANE,
    IS_SHRUNK,
    JOB,
    MAKE_LIGHT,
    NEAR_AHEAD,
    NEEDED,
    TAKE_LEVEL_ROW,
    plane_of,
    room_at,
    seen_at,
)
from n2s.runtime.render.kernels.level_rows import is_level, is_steady, repeats
from n2s.runtime.render.kernels.light_levels import ALL, LEVELS, PLANE, level_of
from n2s.runtime.render.kernels.plane_vectors import (
    fetch_plane,
    put_4_by_8_of_plane,
    put_8_by_4_of_plane,
    put_two_of_plane,
)
from n2s.runtime.render.kernels.vectors import fetch_rows, put_4_by_4, put_4_by_8, put_8_by_4, put_colours_apart

f32, i32 = np.float32, np.int32

OF_PLANE = 3  # the row of `Room.taken` for one colour alone; weights are made in the first two
LEAP = f32(1 / 8)  # of the height: neighbouring places farther apart lie on both sides of a seam
NEAR, SHRINKS = 1, 2  # what a level row was whose columns the next one may have, too


def take_row(job):
    """Add a row of light, as seen at its places, to the rows of some colours.

    Parameters
    ----------
    job : int
        The address of `JOB` whole numbers: addresses of

        - the picture, float32 (3, H, W)
        - memory for its light and its smaller copies, filled where they are needed first
        - the levels, int64 (`LEVELS` + 1, 4), as `plan_levels` fills them
        - int64 `STATE`, what of the light is there
        - places along columns, in pixels: of the row before, the row, and the row after; each float32 (W + 2,)
        - the same along rows
        - how much of each place is seen, float32 (W + 2,)
        - the rows that are added to, float32 (3, W)
        - float32 `room_for`, memory to work in, which keeps what the next row may need

        then H, W, the rule of the edge, the first and the last colour, how many floats the light takes, and the number
        of the sample: the first one begins the rows; then the addresses of `make_light` and `take_level_row`, compiled,
        and what these are told.
    """
    if job == 0:
        return
    given = carray(numbers_at(job), JOB)
    height, width, rule, first, last = given[13], given[14], given[15], given[16], given[17]
    seen = seen_at(given)
    room = room_at(given[12], width, seen.levels[0, 3])
    x0, x1, x2 = (
        carray(floats_at(given[4]), width + 2), carray(floats_at(given[5]), width + 2),
        carray(floats_at(given[6]), width + 2),
    )  # fmt: skip
    y0, y1, y2 = (
        carray(floats_at(given[7]), width + 2), carray(floats_at(given[8]), width + 2),
        carray(floats_at(given[9]), width + 2),
    )  # fmt: skip
    kept, places, leap, counts = room.kept, (x0, x1, x2, y0, y1, y2), f32(height) * LEAP, (width, 0, 0)
    steady = is_steady(places)
    if steady and kept[0] and repeats(places, leap, room):
        shrinks, needed, is_row = kept[0] == SHRINKS, np.int64(kept[1]), True
        room.places[1, 0] = held(y1[1], height, rule)
    else:
        shrinks = steps_between(x0, x1, x2, y0, y1, y2, leap, room.wide[0, :width], room.wide[1, :width])
        for axis in range(2):  # each function is called in one place, where it is compiled
            resolve(y1 if axis else x1, height if axis else width, rule, room.places[axis, :width])
        is_row = is_level(room.places[1, :width]) and (not shrinks or is_level(room.wide[1, :width]))
        needed, any_long = np.int64(1), False
        if shrinks:
            needed, any_long = choose_levels(room.wide[0], room.wide[1], seen.levels[LEVELS, 0], room.chosen, room.long)
        for axis in range(1 if is_row else 2):
            weigh(room, axis, shrinks)
        if any_long:
            counts = list_lengths(room.long, room.short, room.wide_ones, room.high)
        if counts[1]:
            weigh_listed(room, np.int64(0), room.wide_ones[: counts[1]])
        for x in range(width + 2):  # to put one array into another takes two seconds to compile
            room.columns[x] = x1[x]
        is_kept = steady and is_row and counts[0] == width and needed & (needed - 1) == 0  # one level, short filters
        kept[0], kept[1] = (SHRINKS if shrinks else NEAR) if is_kept else 0, needed
    is_plane = first == last and not is_row
    given[NEEDED], given[IS_PLANE], given[IS_SHRUNK] = needed, is_plane, shrinks
    given[COUNTED], given[COUNTED + 1], given[COUNTED + 2] = counts
    if not (is_row and needed == 1 and counts[2] == 0):  # else the picture itself is read
        call_at(given[MAKE_LIGHT], job)
    if is_row:
        call_at(given[TAKE_LEVEL_ROW], job)
    else:
        light, floats = (plane_of(seen, first), PLANE) if is_plane else (seen.flat, ALL)
        see_places(light, floats, seen.levels, room, needed, counts)
    if not is_plane:
        for x in range(0, width, 8):
            put_colours_apart(room.colours, x, room.taken, room.taken.shape[1])
    cover, rows = carray(floats_at(given[10]), width + 2), carray(floats_at(given[11]), (3, width))
    add_row(room.taken[OF_PLANE:] if is_plane else room.taken[first:], cover, first, last, given[19] == 0, rows)


@njit(**INNER)
def resolve(places, size, rule, out):
    """Fill places in pixels as `held` has them."""
    for i in range(out.size):
        out[i] = held(places[i + 1], size, rule)


@njit(**INNER)
def held(place, size, rule):
    """Return a place rounded to 1/256 pixel and held within the picture; what is no number lies at its edge.

    Where the edge continues, its outermost pixels do from their middle on: about places farther out the cubic would
    overshoot.
    """
    rim = f32(0.5) if rule else f32(0)
    low, high = -rim, f32(size - 1) + rim
    place = np.floor(fma(place, f32(256), f32(0.5))) * f32(1 / 256)
    place = place if place > low else low
    return place if place < high else high


@njit(**INNER)
def weigh(room, axis, shrinks):
    """Fill the weights of four pixels along columns or rows, and the first of them."""
    places = room.places[axis, : room.chosen.size]
    if shrinks:
        weigh_soft(places, room.wide[axis], room.chosen, room.apart, room.at[axis])
    else:
        weigh_4(places, room.apart, room.at[axis])
    put_together(room.apart[:4], room.weights[axis], places.size)


@njit(**INNER)
def weigh_listed(room, axis, which):
    """Fill the weights of eight pixels, along columns or rows, of the places that are listed in ``which``."""
    place, wide, level = room.taken[0], room.taken[1], room.level
    for i in range(which.size):
        x = which[i]
        place[i], wide[i], level[i] = room.places[axis, x], room.wide[axis, x], room.chosen[x]
    weigh_long(place[: which.size], wide, level, room.apart)
    put_together(room.apart, room.many, which.size)


@njit(**INNER)
def see_places(light, floats, levels, room, needed, counts):
    """Fill the colours of places, of which ``counts`` have short filters, long ones along rows, and along columns.

    Pixels of the light have so many ``floats``: those of all colours, or of one, which is put to `OF_PLANE`.
    """
    shorts, wides, highs = counts
    starts, pitch, width, is_plane = room.starts, level_of(levels, 0, floats)[3], room.chosen.size, floats == PLANE
    across, down, many = room.weights[0], room.weights[1], room.many
    colours, row = room.colours, room.taken[OF_PLANE]
    find_pixels(levels, needed, room, starts[:width], floats)
    starts[width:] = starts[width - 1]
    # Whole numbers without a sign are not looked at for a place that is counted from the end.
    if is_plane:  # those with long filters are read once more: two at once take half as long as one by one
        for x in range(0, width, 2):
            a, b = np.uint64(x), np.uint64(x + 1)
            fetch_plane(light, np.int64(starts[a + np.uint64(AHEAD)]), pitch)
            fetch_plane(light, np.int64(starts[b + np.uint64(AHEAD)]), pitch)
            put_two_of_plane(light, np.int64(starts[a]), np.int64(starts[b]), pitch, down, across, x, row)
    else:
        for i in range(shorts):
            x, later = np.int64(i), np.int64(i + AHEAD)
            if shorts < width:
                x, later = np.int64(room.short[np.uint64(i)]), np.int64(room.short[np.uint64(min(later, shorts - 1))])
            fetch_rows(light, np.int64(starts[np.uint64(later)]), pitch, 15)
            put_4_by_4(light, np.int64(starts[np.uint64(x)]), pitch, down, x, across, x, colours, x)
    for i in range(wides):
        x, ahead = np.int64(room.wide_ones[np.uint64(i)]), room.wide_ones[np.uint64(min(i + NEAR_AHEAD, wides - 1))]
        first, later = np.int64(starts[np.uint64(x)]) - 2 * floats, np.int64(starts[np.uint64(ahead)]) - 2 * floats
        if is_plane:
            fetch_rows(light, later, pitch, 7)
            put_4_by_8_of_plane(light, first, pitch, down, x, many, i, row, x)
        else:
            fetch_rows(light, later, pitch, 16)
            fetch_rows(light, later + 31, pitch, 0)
            put_4_by_8(light, first, pitch, down, x, many, i, colours, x)
    if highs:
        weigh_listed(room, np.int64(1), room.high[:highs])
    for i in range(highs):
        x, ahead = np.int64(room.high[np.uint64(i)]), room.high[np.uint64(min(i + NEAR_AHEAD, highs - 1))]
        first, later = np.int64(starts[np.uint64(x)]) - 2 * pitch, np.int64(starts[np.uint64(ahead)]) - 2 * pitch
        if is_plane:
            fetch_plane(light, later, pitch)
            fetch_plane(light, later + 4 * pitch, pitch)
            put_8_by_4_of_plane(light, first, pitch, many, i, across, x, row, x)
        else:
            fetch_rows(light, later, pitch, 15)
            fetch_rows(light, later + 4 * pitch, pitch, 15)
            put_8_by_4(light, first, pitch, many, i, across, x, colours, x)


@njit(**INNER)
def find_pixels(levels, needed, room, at, floats):
    """Fill where the first pixel of each place lies in the light; ``needed`` are the levels of the row, as bits."""
    pitch, at_x, at_y, chosen = i32(level_of(levels, 0, floats)[3]), room.at[0], room.at[1], room.chosen
    for i in range(at.size):
        at[i] = i32(at_y[i] * pitch) + i32(at_x[i] * i32(floats))
    for level in range(1, LEVELS):
        if (needed >> level) & 1:  # a row has few levels, and looking up where each one begins would take longer
            number, begin = i32(level), i32(level_of(levels, level, floats)[2])
            for i in range(at.size):
                at[i] += begin if chosen[i] == number else i32(0)


@njit(**INNER)
def add_row(taken, cover, first, last, is_first, rows):
    """Add colours, as far as they are seen, to the rows from ``first`` to ``last``, which begin at 0.

    The colours taken begin with the first one.
    """
    for c in range(first, last + 1):
        colours, row = taken[c - first], rows[c]
        if is_first:
            for x in range(row.size):
                row[x] = f32(0) + colours[x] * cover[x + 1]
        else:
            for x in range(row.size):
                row[x] += colours[x] * cover[x + 1]
