"""How the light of a picture and its smaller copies are made; compiled apart from the filter that reads them."""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

from numba import carray, njit  # pyright: ignore[reportPrivateImportUsage]

from n2s.runtime.render.kernels.addresses import numbers_at
from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.lens_room import IS_PLANE, JOB, NEEDED, plane_of, room_at, seen_at
from n2s.runtime.render.kernels.light_levels import (
    HALF,
    LEVELS,
    PAD,
    THIRDS,
    THIRDS_BACK,
    fill_ends,
    fill_line,
    fill_sides,
    inside,
)
from n2s.runtime.render.kernels.vectors import sum_columns, sum_columns_twice, sum_rows


def make_light(job):
    """Make the light that a row of places needs, as far as it is not there; `take_row` says what the job is."""
    if job == 0:
        return
    given = carray(numbers_at(job), JOB)
    seen = seen_at(given)
    if given[IS_PLANE]:
        fill_plane(seen, given[16])
    else:
        build_levels(seen, given[NEEDED], room_at(given[12], given[14], seen.levels[0, 3]).lines)


@njit(**INNER)
def build_levels(seen, needed, lines):
    """Make the levels whose bits are set in ``needed``, and those they are made from, as far as they are not there.

    The picture's rows become light and are summed for both levels that are made of it while they are at hand: all of a
    picture is too much for a processor's memory, and would be waited for each time. So what the picture before needed
    is made at once. ``lines`` is `LINES` rows.
    """
    picture, flat, levels, state, rule = seen
    for level in range(LEVELS - 1, 2, -1):
        needed |= ((needed >> level) & 1) << (level - 2)
    if state[0] == 0:
        needed |= state[2] & 6
    missing = (needed | 1) & ~state[0]
    state[0] |= missing
    if missing == 0:
        return
    two_thirds = as_tuple(levels[1])
    for number in range(LEVELS - 2):
        finer, target = as_tuple(levels[number]), as_tuple(levels[number + 2])
        is_lit, is_thirds = number == 0 and missing & 1, number == 0 and missing & 2
        is_half = (missing >> (number + 2)) & 1
        if not (is_lit or is_thirds or is_half):
            continue
        for row in range(-PAD, finer[0] + PAD):
            if is_lit:
                begin = (row + PAD) * finer[3]
                fill_line(picture, inside(row, finer[0], rule), flat[begin : begin + finer[3]], rule)
            if is_thirds:
                take_thirds_of_row(flat, row, finer, two_thirds, rule, lines)
            if is_half:
                halve_row(flat, row, finer, target, rule, lines[6 * finer[3] :])
        for level in (1, number + 2):
            if (missing >> level) & 1 and (level > 1 or is_thirds):
                fill_ends(flat, as_tuple(levels[level]), rule)


@njit(**INNER)
def fill_plane(seen, colour):
    """Make the light of one colour by itself.

    A lens that shows each colour at places of its own reads a quarter of what the light of all would be.
    """
    if (seen.state[1] >> colour) & 1:
        return
    seen.state[1] |= 1 << colour
    height, width = seen.picture.shape[1:]
    plane, pitch = plane_of(seen, colour)
    for y in range(-PAD, height + PAD):
        line = plane[(y + PAD) * pitch : (y + PAD + 1) * pitch]
        middle, values = line[PAD : PAD + width], seen.picture[colour, inside(y, height, seen.rule)]
        for x in range(width):
            middle[x] = values[x] * abs(values[x])
        for x in range(-PAD, 0):
            line[x + PAD] = middle[inside(x, width, seen.rule)]
            line[width - 1 - x + PAD] = middle[inside(width - 1 - x, width, seen.rule)]


@njit(**INNER)
def halve_row(flat, row, source, target, rule, lines):
    """Sum over the columns of a row of a level; where it is the last one of eight, make a row of half of that level.

    Levels are (rows, columns, first float, pitch). Rows come from -3 on, one after the other; ``lines`` keeps eight.
    """
    width, size = target[1], (target[1] + 1) // 2 * 8
    first, line = source[2] + (row + PAD) * source[3] + (PAD - 3) * 4, (row & 7) * size
    for x in range(width):
        sum_columns(flat, first + 8 * x, HALF, lines, line + 4 * x)
    y = (row >> 1) - 2
    if row & 1 or not 0 <= y < target[0]:
        return
    rows = (
        (row + 1 & 7) * size, (row + 2 & 7) * size, (row + 3 & 7) * size, (row + 4 & 7) * size,
        (row + 5 & 7) * size, (row + 6 & 7) * size, (row + 7 & 7) * size, line,
    )  # fmt: skip
    made = target[2] + (y + PAD) * target[3]
    for i in range(0, size, 8):
        sum_rows(lines, rows, i, HALF, flat, made + PAD * 4 + i)
    fill_sides(flat[made : made + target[3]], width, rule)


@njit(**INNER)
def take_thirds_of_row(flat, row, source, target, rule, lines):
    """Do the same for the level of two thirds of the rows and columns, of which each row is made of six; from -2 on."""
    width, size = target[1], (target[1] + 1) // 2 * 8
    first, line = source[2] + (row + PAD) * source[3] + (PAD - 2) * 4, (row & 7) * size
    for x in range(0, width, 2):  # the last may be one too many
        sum_columns_twice(flat, first + 6 * x, THIRDS, THIRDS_BACK, lines, line + 4 * x)
    third = row // 3
    y = 2 * third - 2 + row - 3 * third
    if row - 3 * third == 2 or not 0 <= y < target[0]:
        return
    rows = (
        (row + 3 & 7) * size, (row + 4 & 7) * size, (row + 5 & 7) * size,
        (row + 6 & 7) * size, (row + 7 & 7) * size, line,
    )  # fmt: skip
    made = target[2] + (y + PAD) * target[3]
    for i in range(0, size, 8):
        sum_rows(lines, rows, i, THIRDS_BACK if y & 1 else THIRDS, flat, made + PAD * 4 + i)
    fill_sides(flat[made : made + target[3]], width, rule)


@njit(**INNER)
def as_tuple(level):
    return level[0], level[1], level[2], level[3]
