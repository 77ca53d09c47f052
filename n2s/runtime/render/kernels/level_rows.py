"""Rows of places that lie in one row of the picture, as those of a camera that does not turn, of mirrors, or of waves.

The picture's rows are summed once for all places of the row; then each place takes its columns of that sum. Where the
next row has the same columns, what was found for them holds for it, too.
"""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

import numpy as np
from numba import carray, njit  # pyright: ignore[reportPrivateImportUsage]

from n2s.runtime.render.kernels.addresses import numbers_at
from n2s.runtime.render.kernels.filter_weights import eight_about, four_about, step_of_rows
from n2s.runtime.render.kernels.fused import fma
from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.lens_room import COUNTED, IS_SHRUNK, JOB, NEEDED, room_at, seen_at
from n2s.runtime.render.kernels.light_levels import ALL, LEVELS, PAD, fill_sides, inside
from n2s.runtime.render.kernels.vectors import put_4, put_4_side_by_side, put_8, sum_rows

f32, i32 = np.float32, np.int32


@njit(**INNER)
def is_level(values):
    """Say whether all values of a row are the same, bit by bit."""
    first, other = values.view(i32)[0], i32(0)
    for value in values.view(i32):
        other |= value ^ first
    return other == 0


@njit(**INNER)
def is_steady(places):
    """Say whether three rows of places have the same columns, each with all its places in one row of the picture."""
    x0, x1, x2, y0, y1, y2 = places
    left, here, right, other = x0.view(i32), x1.view(i32), x2.view(i32), i32(0)
    up, level, down = y0.view(i32), y1.view(i32), y2.view(i32)
    for i in range(here.size):
        columns_differ = i32((left[i] ^ here[i]) | (right[i] ^ here[i]))
        rows_differ = i32((up[i] ^ up[0]) | (level[i] ^ level[0])) | i32(down[i] ^ down[0])
        other |= i32(columns_differ | rows_differ)
    return other == 0


@njit(**INNER)
def repeats(places, leap, room):
    """Say whether steady rows of places have the columns of the row before, and its step along rows of the picture."""
    here, kept, other = places[1].view(i32), room.columns.view(i32), i32(0)
    for i in range(here.size):
        other |= i32(kept[i] ^ here[i])
    return other == 0 and step_of_rows(places[3][0], places[4][0], places[5][0], leap) == room.wide[1, 0]


@njit(**INNER)
def sum_lines(picture, top, rule, weights, first, last, sums, line):
    """Fill a line of light with the weighted sum of four rows of a picture, the same as of rows of its light.

    Only colours from ``first`` to ``last`` are summed. ``sums`` (4, width or more) is memory to do it in.
    """
    height, width = picture.shape[1:]
    for c in range(first, last + 1):
        plane = picture[c]
        add_rows(
            plane[inside(top, height, rule)], plane[inside(top + 1, height, rule)],
            plane[inside(top + 2, height, rule)], plane[inside(top + 3, height, rule)], weights, sums[c, :width],
        )  # fmt: skip
    for x in range(0, width, 8):
        put_4_side_by_side(sums, sums.shape[1], x, line[PAD * 4 :])
    fill_sides(line, width, rule, ALL)


@njit(**INNER)
def add_rows(first, second, third, fourth, weights, sums):
    a, b, c, d = weights
    for x in range(sums.size):
        upper = fma(second[x] * abs(second[x]), b, first[x] * abs(first[x]) * a)
        sums[x] = fma(fourth[x] * abs(fourth[x]), d, fma(third[x] * abs(third[x]), c, upper))


def take_level_row(job):
    """Fill the colours of places of which all have the same row, and are as far from the next one.

    `take_row` says what the job is: it tells the levels they are read on, as bits, whether the picture shrinks, and how
    many places have short filters, long ones along rows, and long ones along columns.
    """
    if job == 0:
        return
    given = carray(numbers_at(job), JOB)
    needed, shrinks, first, last = given[NEEDED], given[IS_SHRUNK], given[16], given[17]
    shorts, wides, highs = given[COUNTED], given[COUNTED + 1], given[COUNTED + 2]
    seen = seen_at(given)
    room = room_at(given[12], given[14], seen.levels[0, 3])
    place = room.places[1, 0]
    lines, starts, at_x, width = room.lines, room.starts, room.at[0], room.chosen.size
    across, many, colours, begin = room.weights[0], room.many, room.colours, i32(0)
    step = room.wide[1, 0] if shrinks else f32(1)
    if needed == 1 and highs == 0:
        top, weights = four_about(place, step, i32(0))
        sum_lines(seen.picture, np.int64(top) - PAD, seen.rule, weights, first, last, room.taken, lines)
        for x in range(width):
            starts[x] = at_x[x] << i32(2)
    else:
        begin = sum_levels(seen, room, place, step, needed, highs > 0)
    for i in range(shorts):
        x = np.int64(room.short[np.uint64(i)]) if shorts < width else i
        put_4(lines, np.int64(starts[np.uint64(x)]), across, x, colours, x)
    for i in range(wides):
        x = np.int64(room.wide_ones[np.uint64(i)])
        put_8(lines, np.int64(starts[np.uint64(x)]) - 8, many, i, colours, x)
    for i in range(highs):
        x = np.int64(room.high[np.uint64(i)])
        put_4(lines, np.int64(starts[np.uint64(x)] + begin), across, x, colours, x)


@njit(**INNER)
def sum_levels(seen, room, place, step, needed, are_high):
    """Fill a line for each level that is needed, and where the columns of places begin on them; return their size.

    Behind the lines of four rows are, if ``are_high``, those of eight.
    """
    flat, lines, starts, at_x, width, to = seen.flat, room.lines, room.starts, room.at[0], room.chosen.size, 0
    for x in range(width):
        starts[x] = at_x[x] << i32(2)
    for number in range(LEVELS):
        if (needed >> number) & 1:
            level, begin = seen.levels[number], i32(to)
            if to:
                for x in range(width):
                    starts[x] += begin if room.chosen[x] == i32(number) else i32(0)
            top, weights = four_about(place, step, i32(number))
            first, pitch, size = level[2] + np.int64(top) * level[3], level[3], line_size(level)
            rows = (first, first + pitch, first + 2 * pitch, first + 3 * pitch)
            for i in range(0, size, 8):
                sum_rows(flat, rows, i, weights, lines, to + i)
            to += size
    behind = to
    for number in range(LEVELS if are_high else 0):
        if (needed >> number) & 1:
            level = seen.levels[number]
            top, _ = four_about(place, step, i32(number))
            first, pitch, size = level[2] + (np.int64(top) - 2) * level[3], level[3], line_size(level)
            rows = (
                first, first + pitch, first + 2 * pitch, first + 3 * pitch,
                first + 4 * pitch, first + 5 * pitch, first + 6 * pitch, first + 7 * pitch,
            )  # fmt: skip
            weights = eight_about(place, step, i32(number))
            for i in range(0, size, 8):
                sum_rows(flat, rows, i, weights, lines, behind + i)
            behind += size
    return i32(to)


@njit(**INNER)
def line_size(level):
    """Return how many floats a line of a level takes where two pixels are summed at once."""
    return (level[1] + 2 * PAD + 1) // 2 * 8
