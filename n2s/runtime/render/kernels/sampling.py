"""The filter that reads a picture at places that lenses tell; compiled into the kernels that need it.

Where neighbouring places are at most 1.16 pixels apart, four by four pixels are weighted by the Catmull-Rom cubic; at
a whole pixel that is this pixel, bit by bit. Where they are farther apart, the cubic is widened by as much along the
rows and along the columns, on a picture that was halved until the cubic spans few pixels. Sums go over rows first, then
over columns, always in the same order, so that all ways to a pixel give the same bits.
"""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

import numpy as np
from numba import carray, njit  # pyright: ignore[reportPrivateImportUsage]

from n2s.runtime.render.kernels.light_levels import (
    LEVELS,
    MOST_TAPS,
    PAD,
    add_weighted,
    build_levels,
    copy_block,
    cubic,
    fill_light,
    fill_sides,
    inside,
)
from n2s.runtime.render.kernels.vectors import floats_at, numbers_at, small_numbers_at, take_4, take_4_by_4, take_block

f32 = np.float32

NEAR = f32(64 / 1.03)  # steps are counted in 1/64 pixels; slightly wider ones are none
LEAP = f32(1 / 8)  # of the height: neighbouring places farther apart lie on both sides of a seam
ONE = np.int32(0x3F800000)  # the bits of 1
JOB = 20
SINGLES, COUNTS = 23, 8  # rows of floats and of whole numbers to work in


@njit(error_model="numpy")
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


@njit(error_model="numpy")
def add_rows(first, second, third, fourth, weights, sums):
    a, b, c, d = weights[0], weights[1], weights[2], weights[3]
    for x in range(sums.size):
        upper = first[x] * abs(first[x]) * a + second[x] * abs(second[x]) * b
        sums[x] = upper + third[x] * abs(third[x]) * c + fourth[x] * abs(fourth[x]) * d


@njit(error_model="numpy")
def choose_levels(wide_x, wide_y, count, chosen):
    """Fill the level on which the filter of each place spans at most 8 pixels, or 16 where it is longer than wide.

    Return the largest of them.
    """
    last, most = np.int32(count - 1), np.int32(0)
    for i in range(chosen.size):
        short = (f32(min(wide_x[i], wide_y[i])).view(np.int32) >> np.int32(23)) - np.int32(127)  # the power of two
        long = (f32(max(wide_x[i], wide_y[i])).view(np.int32) >> np.int32(23)) - np.int32(128)
        chosen[i] = min(max(max(short, long), np.int32(0)), last)
        most = max(most, chosen[i])
    return np.int64(most)


@njit(error_model="numpy")
def weigh_many(places, wide, chosen, weights, starts, taps, sums, begins, narrow):
    """Fill the widened weights about each place on its level, their sums, the first pixels and how many there are."""
    most = np.int32(0)
    for i in range(places.size):
        scale = np.int32((np.int32(127) - chosen[i]) << np.int32(23)).view(np.float32)
        place = (places[i] + f32(0.5)) * scale - f32(0.5)
        width = min(max(wide[i] * scale, f32(1)), f32(MOST_TAPS // 4))
        reach = np.int32(np.ceil(f32(2) * width))
        first = np.int32(np.floor(place)) - reach + np.int32(1)
        starts[i], taps[i] = first, reach * np.int32(2)
        begins[i], narrow[i], sums[i] = f32(first) - place, f32(1) / width, f32(0)
        most = max(most, taps[i])
    for tap in range(most):
        line = weights[tap]
        for i in range(places.size):
            line[i] = cubic((begins[i] + f32(tap)) * narrow[i])
            sums[i] += line[i]


@njit(error_model="numpy")
def list_wide(wide_x, wide_y, wide):
    """List the places whose filter is widened; return how many there are."""
    count = 0
    for x in range(wide.size):
        wide[count] = x
        count += (f32(wide_x[x]).view(np.int32) | f32(wide_y[x]).view(np.int32)) != ONE  # none is below 1
    return count


@njit(error_model="numpy")
def gather(values, which, out):
    for i in range(which.size):
        out[i] = values[which[i]]


@njit(error_model="numpy")
def take_wide(
    flat, levels, state, rule, places_x, places_y, wide_x, wide_y, wide, taken, line, block, many, singles, counts
):
    """Fill the colours (3, width) of the places that are listed in ``wide``, more than a pixel apart."""
    across, down = many[0], many[1]
    n_wide, width = wide.size, across.shape[1]
    chosen, left, top = counts[0][:n_wide], counts[1][:n_wide], counts[2][:n_wide]
    breadth, height = counts[3][:n_wide], counts[4][:n_wide]
    sum_x, sum_y, begins, narrow = singles[0][:n_wide], singles[1][:n_wide], singles[2][:n_wide], singles[3][:n_wide]
    at_x, at_y, far_x, far_y = singles[4][:n_wide], singles[5][:n_wide], singles[6][:n_wide], singles[7][:n_wide]
    gather(places_x, wide, at_x)
    gather(places_y, wide, at_y)
    gather(wide_x, wide, far_x)
    gather(wide_y, wide, far_y)
    build_levels(flat, levels, state, choose_levels(far_x, far_y, state[0], chosen), line, rule)
    weigh_many(at_x, far_x, chosen, across, left, breadth, sum_x, begins, narrow)
    weigh_many(at_y, far_y, chosen, down, top, height, sum_y, begins, narrow)
    for i in range(n_wide):
        sum_x[i] = f32(1) / (sum_x[i] * sum_y[i])
    red, green, blue = taken[0], taken[1], taken[2]
    if is_level(at_y) and is_level(far_y) and is_level(chosen):  # rows are summed once for all
        k = chosen[0]
        rows, columns, start, pitch = levels[k, 0], levels[k, 1], levels[k, 2], levels[k, 3]
        sums = line[: columns * 4]
        for i in range(sums.size):
            sums[i] = f32(0)
        for i in range(height[0]):
            at = start + inside(top[0] + i, rows, rule) * pitch
            add_weighted(flat[at : at + sums.size], down[i, 0], sums)
        for i in range(n_wide):
            down[0, i] = f32(1)
        for i in range(n_wide):
            first, n = np.int64(left[i]), np.int64(breadth[i])
            if first >= 0 and first + n <= columns:
                r, g, b = take_block(sums, first * 4, 0, down, 1, across, n, width, i)
            else:
                copy_block(sums, (np.int64(1), columns, np.int64(0), np.int64(0)), first, n, 0, 1, rule, block)
                r, g, b = take_block(block, 0, 0, down, 1, across, n, width, i)
            share, x = sum_x[i], wide[i]
            red[x], green[x], blue[x] = r * share, g * share, b * share
    else:
        # The loop calls no function with arrays but for few pixels: counting who holds an array would take longer.
        for i in range(n_wide):
            k = chosen[i]
            rows, columns, start, pitch = levels[k, 0], levels[k, 1], levels[k, 2], levels[k, 3]
            first, n, upper, m = np.int64(left[i]), np.int64(breadth[i]), np.int64(top[i]), np.int64(height[i])
            if first >= 0 and upper >= 0 and first + n <= columns and upper + m <= rows:
                at = start + upper * pitch + first * 4
                r, g, b = take_block(flat, at, pitch, down, m, across, n, width, i)
            else:
                copy_block(flat, (rows, columns, start, pitch), first, n, upper, m, rule, block)
                r, g, b = take_block(block, 0, n * 4, down, m, across, n, width, i)
            share, x = sum_x[i], wide[i]
            red[x], green[x], blue[x] = r * share, g * share, b * share


@njit(error_model="numpy")
def steps_between(x0, x1, x2, y0, y1, y2, leap, wide_x, wide_y):
    """Fill how far apart places are along columns and rows of the picture, in 1/64, at least 1; say if any is more.

    Given are the places of the row before, the row, and the row after, each (width + 2,): with one place more on both
    sides. Of the steps forward and backward the longer one counts, because one across a fold (a mirror's edge) is too
    short. One of more than ``leap`` pixels is across a seam (from one edge to the other): then the shorter one counts.
    """
    furthest = leap * leap
    most = np.int32(0)  # positive numbers are in the order of their bits, and whole numbers are compared faster
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
        # Up to an eighth more than a pixel is none, and widens nothing; from a quarter on all of it counts.
        x, y = max(min(x, f32(2) * x - f32(1.25)), f32(1)), max(min(y, f32(2) * y - f32(1.25)), f32(1))
        wide_x[i], wide_y[i] = x, y
        most = max(most, max(f32(x).view(np.int32), f32(y).view(np.int32)))
    return most > ONE


@njit(error_model="numpy")
def weigh_4(places, weights, starts, unit):
    """Fill the four weights about each place, and where the first of its pixels begins."""
    for i in range(places.size):
        place = places[i]
        whole = np.floor(place)
        t = place - whole
        u = f32(1) - t
        starts[i] = (np.int32(whole) + np.int32(PAD - 1)) * unit
        weights[0, i] = f32(-0.5) * t * u * u
        weights[1, i] = f32(1) + t * t * (f32(1.5) * t - f32(2.5))
        weights[2, i] = f32(1) + u * u * (f32(1.5) * u - f32(2.5))
        weights[3, i] = f32(-0.5) * u * t * t


@njit(error_model="numpy")
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


@njit(error_model="numpy")
def is_level(values):
    """Say whether all values of a row are the same, bit by bit."""
    first, other = values.view(np.int32)[0], np.int32(0)
    for value in values.view(np.int32):
        other |= value ^ first
    return other == 0


@njit(error_model="numpy")
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


@njit(error_model="numpy")
def take_row(job):
    """Add a row of light, as seen at its places, to the rows of some colours.

    Parameters
    ----------
    job : int
        The address of `JOB` whole numbers: addresses of

        - the picture, float32 (3, H, W)
        - memory for its light and that of its halves, filled where they are needed first
        - the levels, int64 (levels, 4), as `plan_levels` fills them
        - int64 (2,): how many levels there are, and how many of them are filled
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
    many, at = carray(floats_at(at), (2, MOST_TAPS, width)), at + 8 * MOST_TAPS * width
    line, block = carray(floats_at(at), line_size), carray(floats_at(at + 4 * line_size), MOST_TAPS * MOST_TAPS * 4)
    places_x, places_y, wide_x, wide_y = singles[0], singles[1], singles[2], singles[3]
    across, down, taken = singles[4:8], singles[8:12], singles[12:15]
    at_x, at_y, pitch = counts[0], counts[1], levels[0, 3]
    red, green, blue = taken[0], taken[1], taken[2]
    shrinks = steps_between(x0, x1, x2, y0, y1, y2, f32(height) * LEAP, wide_x, wide_y)
    resolve(x1, width, rule, places_x)
    resolve(y1, height, rule, places_y)
    wide = counts[2][: list_wide(wide_x, wide_y, counts[2]) if shrinks else 0]
    if wide.size:
        if state[1] == 0:
            fill_light(picture, flat, rule)
            state[1] = 1
        take_wide(
            flat, levels, state, rule, places_x, places_y, wide_x, wide_y, wide, taken, line, block, many, singles[15:],
            counts[3:],
        )  # fmt: skip
    if wide.size < width:
        weigh_4(places_x, across, at_x, np.int32(4))
        if is_level(places_y) and not wide.size:  # the picture itself is read, row by row
            weigh_4(places_y[:1], down, at_y, np.int32(pitch))
            sum_lines(picture, np.int64(np.floor(places_y[0])) - 1, rule, down[:, 0], taken, line)
            for x in range(width):
                red[x], green[x], blue[x] = take_4(line, np.int64(at_x[x]), across, width, x)
        else:
            weigh_4(places_y, down, at_y, np.int32(pitch))
            if state[1] == 0:
                fill_light(picture, flat, rule)
                state[1] = 1
            begin = 0
            for i in range(wide.size + 1):  # what lies between the places of widened filters
                end = np.int64(wide[i]) if i < wide.size else width
                for x in range(begin, end):
                    first = np.int64(at_x[x]) + at_y[x]
                    red[x], green[x], blue[x] = take_4_by_4(flat, first, pitch, down, across, width, x)
                begin = end + 1
    add_row(taken, cover, given[16], given[17], given[19] == 0, rows)


@njit(error_model="numpy")
def room_for(width):
    """Return how many floats `take_row` works in."""
    return (SINGLES + COUNTS + 2 * MOST_TAPS) * width + (width + 2 * PAD) * 4 + MOST_TAPS * MOST_TAPS * 4
