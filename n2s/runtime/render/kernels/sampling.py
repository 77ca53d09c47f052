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

from n2s.runtime.render.kernels.filter_weights import (
    choose_levels,
    list_long,
    steps_between,
    weigh_4,
    weigh_long,
    weigh_soft,
)
from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.light_levels import LEVELS, PAD, build_levels, fill_sides, inside, sum_4
from n2s.runtime.render.kernels.vectors import (
    fetch_4_by_4,
    floats_at,
    numbers_at,
    small_numbers_at,
    take_4,
    take_4_by_4,
    take_4_by_8,
    take_8_by_4,
)

f32 = np.float32

LEAP = f32(1 / 8)  # of the height: neighbouring places farther apart lie on both sides of a seam
AHEAD = 32  # places: pixels are asked for so long before they are taken
JOB = 20
SINGLES, COUNTS = 26, 8  # rows of floats and of whole numbers to work in


@njit(**INNER)
def sum_lines(picture, top, rule, weights, sums, line):
    """Fill a line of light with the weighted sum of four rows of a picture, the same as of rows of `fill_light`.

    ``sums`` (3, width) has room for each colour by itself.
    """
    height, width = picture.shape[1:]
    for c in range(3):
        plane = picture[c]
        add_rows(
            plane[inside(top, height, rule)], plane[inside(top + 1, height, rule)],
            plane[inside(top + 2, height, rule)], plane[inside(top + 3, height, rule)], weights, sums[c],
        )  # fmt: skip
    middle, red, green, blue = line[PAD * 4 : (PAD + width) * 4], sums[0], sums[1], sums[2]
    for x in range(width):
        middle[4 * x], middle[4 * x + 1], middle[4 * x + 2], middle[4 * x + 3] = red[x], green[x], blue[x], f32(0)
    fill_sides(line, width, rule)


@njit(**INNER)
def add_rows(first, second, third, fourth, weights, sums):
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    for x in range(sums.size):
        upper = first[x] * abs(first[x]) * a + second[x] * abs(second[x]) * b
        sums[x] = upper + third[x] * abs(third[x]) * c + fourth[x] * abs(fourth[x]) * d


@njit(**INNER)
def find_pixels(levels, chosen, long, at_x, at_y, at, pitches):
    """Fill where the first pixel of each place lies in the light, and how far the rows of its level are apart."""
    begins, apart = np.empty(LEVELS, np.int32), np.empty(LEVELS, np.int32)
    for level in range(LEVELS):
        begins[level], apart[level] = levels[level, 2], levels[level, 3]
    for i in range(at.size):
        k = chosen[i]
        pitches[i] = apart[k]
        left = at_x[i] - np.int32((long[i] & np.int32(1)) << np.int32(1))
        top = at_y[i] - (long[i] & np.int32(2))
        at[i] = np.int32(begins[k] + np.int32(np.int32(top) * apart[k])) + np.int32(np.int32(left) << np.int32(2))


@njit(**INNER)
def find_near_pixels(level, at_x, at_y, at, pitches):
    """Do the same where all places are read on one level, by short filters."""
    begin, pitch = np.int32(level[2]), np.int32(level[3])
    for i in range(at.size):
        pitches[i] = pitch
        at[i] = np.int32(begin + np.int32(at_y[i] * pitch)) + np.int32(at_x[i] << np.int32(2))


@njit(**INNER)
def leaves_its_row(at_y):
    """Say whether places soon lie in another row of the picture, so that a processor does not foresee their reads."""
    changes = np.int32(0)
    for i in range(1, at_y.size):
        changes += np.int32(at_y[i] != at_y[i - 1])
    return 16 * changes > at_y.size


@njit(**INNER)
def weigh_listed(places_x, places_y, wide_x, wide_y, chosen, long, which, singles, level, weights):
    """Fill the weights (8, count) along the longer step of the places that are listed in ``which``."""
    place, wide = singles[0], singles[1]
    for i in range(which.size):
        x = which[i]
        place[i], wide[i] = (places_x[x], wide_x[x]) if long[x] == 1 else (places_y[x], wide_y[x])
        level[i] = chosen[x]
    weigh_long(place[: which.size], wide, level, weights)


@njit(**INNER)
def resolve(places, size, rule, out):
    """Fill places in pixels, rounded to 1/256 and held within the picture; what is no number lies at its edge.

    Where the edge continues, its outermost pixels do from their middle on: about places farther out the cubic would
    overshoot.
    """
    rim = f32(0.5) if rule else f32(0)
    low, high = -rim, f32(size - 1) + rim
    for i in range(out.size):
        place = np.floor(places[i + 1] * f32(256) + f32(0.5)) * f32(1 / 256)
        place = place if place > low else low
        out[i] = place if place < high else high


@njit(**INNER)
def is_level(values):
    """Say whether all values of a row are the same, bit by bit."""
    first, other = values.view(np.int32)[0], np.int32(0)
    for value in values.view(np.int32):
        other |= value ^ first
    return other == 0


@njit(**INNER)
def add_row(taken, cover, first, last, is_first, rows):
    """Add colours (3, width), as far as they are seen, to the rows from ``first`` to ``last``, which begin at 0."""
    for c in range(first, last + 1):
        colours, row = taken[c], rows[c]
        if is_first:
            for x in range(row.size):
                row[x] = f32(0) + colours[x] * cover[x + 1]
        else:
            for x in range(row.size):
                row[x] += colours[x] * cover[x + 1]


@njit(**INNER)
def take_row(job):
    """Add a row of light, as seen at its places, to the rows of some colours.

    Parameters
    ----------
    job : int
        The address of `JOB` whole numbers: addresses of

        - the picture, float32 (3, H, W)
        - memory for its light and its smaller copies, filled where they are needed first
        - the levels, int64 (levels, 4), as `plan_levels` fills them
        - int64 (2,): how many levels there are, and, as bits, which of them are filled
        - places along columns, in pixels: of the row before, the row, and the row after; each float32 (W + 2,)
        - the same along rows
        - how much of each place is seen, float32 (W + 2,)
        - the rows that are added to, float32 (3, W)
        - float32 `room_for(W)`, memory to work in

        then H, W, the rule of the edge, the first and the last colour, how many floats the light takes, and the number
        of the sample: the first one begins the rows.
    """
    if job == 0:
        return
    given = carray(numbers_at(job), JOB)
    height, width, rule = given[13], given[14], given[15]
    picture, flat = carray(floats_at(given[0]), (3, height, width)), carray(floats_at(given[1]), given[18])
    levels, state = carray(numbers_at(given[2]), (LEVELS, 4)), carray(numbers_at(given[3]), 2)
    x0, x1, x2 = (
        carray(floats_at(given[4]), width + 2), carray(floats_at(given[5]), width + 2),
        carray(floats_at(given[6]), width + 2),
    )  # fmt: skip
    y0, y1, y2 = (
        carray(floats_at(given[7]), width + 2), carray(floats_at(given[8]), width + 2),
        carray(floats_at(given[9]), width + 2),
    )  # fmt: skip
    cover, rows = carray(floats_at(given[10]), width + 2), carray(floats_at(given[11]), (3, width))
    line_size = (width + 2 * PAD) * 4
    singles, at = carray(floats_at(given[12]), (SINGLES, width)), given[12] + 4 * SINGLES * width
    counts, at = carray(small_numbers_at(at), (COUNTS, width)), at + 4 * COUNTS * width
    line = carray(floats_at(at), line_size)
    places_x, places_y, wide_x, wide_y = singles[0], singles[1], singles[2], singles[3]
    across, down, taken, many = singles[4:8], singles[8:12], singles[12:15], singles[17:25]
    at_x, at_y, chosen, long = counts[0], counts[1], counts[2], counts[3]
    red, green, blue = taken[0], taken[1], taken[2]
    shrinks = steps_between(x0, x1, x2, y0, y1, y2, f32(height) * LEAP, wide_x, wide_y)
    resolve(x1, width, rule, places_x)
    resolve(y1, height, rule, places_y)
    is_row, which, needed = is_level(places_y), counts[4][:0], np.int64(1)
    if shrinks:
        needed = choose_levels(wide_x, wide_y, state[0], chosen, long)
        build_levels(picture, flat, levels, state, needed, line, rule)
        which = counts[4][: list_long(long, counts[4])]
        weigh_soft(places_x, wide_x, chosen, across, at_x)
        weigh_soft(places_y, wide_y, chosen, down, at_y)
        weigh_listed(places_x, places_y, wide_x, wide_y, chosen, long, which, singles[15:17], counts[7], many)
        is_row = is_row and not which.size and is_level(wide_y) and is_level(wide_x)
        if is_row:
            level, w = levels[chosen[0]], down[:, 0]
            sum_4(flat, level[2] + at_y[0] * level[3], level[3], (w[0], w[1], w[2], w[3]), line)
    else:
        weigh_4(places_x, across, at_x)
        if is_row:  # the picture itself is read, row by row
            weigh_4(places_y[:1], down, at_y)
            sum_lines(picture, np.int64(at_y[0]) - PAD, rule, down[:, 0], taken, line)
        else:
            weigh_4(places_y, down, at_y)
            build_levels(picture, flat, levels, state, needed, line, rule)
    if is_row:
        for x in range(width):
            red[x], green[x], blue[x] = take_4(line, np.int64(at_x[x]) * 4, across, width, x)
    else:
        at, pitches = counts[5], counts[6]
        if needed == 1 and not which.size:
            find_near_pixels(levels[0], at_x, at_y, at, pitches)
        else:
            find_pixels(levels, chosen, long, at_x, at_y, at, pitches)
        begin, last, is_fetched = 0, width - 1, shrinks or leaves_its_row(at_y)
        # The loops call no function with arrays: counting who holds an array would take longer.
        for i in range(which.size + 1):  # what lies between the places of long filters, and these
            end = np.int64(which[i]) if i < which.size else width
            for x in range(begin, end):
                if is_fetched:
                    ahead = min(x + AHEAD, last)
                    fetch_4_by_4(flat, np.int64(at[ahead]), np.int64(pitches[ahead]))
                first, pitch = np.int64(at[x]), np.int64(pitches[x])
                red[x], green[x], blue[x] = take_4_by_4(flat, first, pitch, down, x, across, x, width)
            if end < width:
                x, ahead, then = end, min(end + AHEAD, last), np.int64(which[min(i + 8, which.size - 1)])
                fetch_4_by_4(flat, np.int64(at[ahead]), np.int64(pitches[ahead]))
                rest = 16 if long[then] == 1 else 4 * np.int64(pitches[then])
                fetch_4_by_4(flat, at[then] + rest, np.int64(pitches[then]))
                first, pitch = np.int64(at[x]), np.int64(pitches[x])
                if long[x] == 1:
                    red[x], green[x], blue[x] = take_4_by_8(flat, first, pitch, down, x, many, i, width)
                else:
                    red[x], green[x], blue[x] = take_8_by_4(flat, first, pitch, many, i, across, x, width)
            begin = end + 1
    add_row(taken, cover, given[16], given[17], given[19] == 0, rows)


@njit(**INNER)
def room_for(width):
    """Return how many floats `take_row` works in."""
    return (SINGLES + COUNTS) * width + (width + 2 * PAD) * 4
