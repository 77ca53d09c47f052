"""How the light of a picture and its smaller copies are made; compiled apart from the filter that reads them."""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

from numba import carray, njit  # pyright: ignore[reportPrivateImportUsage]

from n2s.runtime.render.kernels.addresses import numbers_at
from n2s.runtime.render.kernels.fused import fma
from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.lens_room import IS_PLANE, JOB, NEEDED, plane_of, room_at, seen_at
from n2s.runtime.render.kernels.light_levels import (
    ALL,
    HALF,
    LEVELS,
    PAD,
    PLANE,
    STATE,
    THIRDS,
    THIRDS_BACK,
    fill_ends,
    fill_line,
    fill_line_of_plane,
    fill_sides,
    inside,
    level_of,
)
from n2s.runtime.render.kernels.vectors import sum_columns, sum_columns_twice, sum_rows


def make_light(job):
    """Make the light that a row of places needs, as far as it is not there; `take_row` says what the job is."""
    if job == 0:
        return
    given = carray(numbers_at(job), JOB)
    seen, colour = seen_at(given), given[16]
    light, floats, which = (plane_of(seen, colour), PLANE, 1 + colour) if given[IS_PLANE] else (seen.flat, ALL, 0)
    build_levels(seen, light, floats, which, given[NEEDED], room_at(given[12], given[14], seen.levels[0, 3]).lines)


@njit(**INNER)
def build_levels(seen, light, floats, which, needed, lines):
    """Make the levels whose bits are set in ``needed``, and those they are made from, as far as they are not there.

    The picture's rows become light and are summed for both levels that are made of it while they are at hand: all of a
    picture is too much for a processor's memory, and would be waited for each time. So what the picture before needed
    is made at once. Pixels of the light have so many ``floats``: those of all colours, where ``which`` is 0, or of the
    first, second or third alone. ``lines`` is `LINES` rows.
    """
    picture, levels, state, rule = seen.picture, seen.levels, seen.state, seen.rule
    for level in range(LEVELS - 1, 2, -1):
        needed |= ((needed >> level) & 1) << (level - 2)
    if state[which] == 0:
        needed |= state[STATE // 2 + which] & 6
    missing = (needed | 1) & ~state[which]
    state[which] |= missing
    if missing == 0:
        return
    two_thirds = level_of(levels, 1, floats)
    for number in range(LEVELS - 2):
        finer, target = level_of(levels, number, floats), level_of(levels, number + 2, floats)
        is_lit, is_thirds = number == 0 and missing & 1, number == 0 and missing & 2
        is_half = (missing >> (number + 2)) & 1
        if not (is_lit or is_thirds or is_half):
            continue
        for row in range(-PAD, finer[0] + PAD):
            if is_lit:
                y, begin = inside(row, finer[0], rule), (row + PAD) * finer[3]
                if floats == ALL:
                    fill_line(picture, y, light[begin : begin + finer[3]], rule)
                else:
                    fill_line_of_plane(picture[which - 1, y], light[begin : begin + finer[3]], rule)
            if is_thirds:
                take_thirds_of_row(light, row, finer, two_thirds, rule, lines, floats)
            if is_half:
                halve_row(light, row, finer, target, rule, lines[6 * levels[0, 3] :], floats)
        for level in (1, number + 2):
            if (missing >> level) & 1 and (level > 1 or is_thirds):
                fill_ends(light, level_of(levels, level, floats), rule, floats)


@njit(**INNER)
def halve_row(light, row, source, target, rule, lines, floats):
    """Sum over the columns of a row of a level; where it is the last one of eight, make a row of half of that level.

    Levels are (rows, columns, first float, pitch). Rows come from -3 on, one after the other; ``lines`` keeps eight.
    """
    width, size = target[1], (target[1] + 1) // 2 * 8
    first, line = source[2] + (row + PAD) * source[3] + (PAD - 3) * floats, (row & 7) * size
    if floats == ALL:
        for x in range(width):
            sum_columns(light, first + 8 * x, HALF, lines, line + 4 * x)
    else:
        halve_columns(light[first : first + 2 * width + 6], lines[line : line + width])
    y = (row >> 1) - 2
    if row & 1 or not 0 <= y < target[0]:
        return
    rows = (
        (row + 1 & 7) * size, (row + 2 & 7) * size, (row + 3 & 7) * size, (row + 4 & 7) * size,
        (row + 5 & 7) * size, (row + 6 & 7) * size, (row + 7 & 7) * size, line,
    )  # fmt: skip
    put_sum_of_rows(lines, rows, HALF, light, target, y, rule, floats)


@njit(**INNER)
def take_thirds_of_row(light, row, source, target, rule, lines, floats):
    """Do the same for the level of two thirds of the rows and columns, of which each row is made of six; from -2 on."""
    width, size = target[1], (target[1] + 1) // 2 * 8
    first, line = source[2] + (row + PAD) * source[3] + (PAD - 2) * floats, (row & 7) * size
    if floats == ALL:
        for x in range(0, width, 2):  # the last may be one too many
            sum_columns_twice(light, first + 6 * x, THIRDS, THIRDS_BACK, lines, line + 4 * x)
    else:
        pairs = (width + 1) // 2
        take_thirds_of_columns(light[first : first + 3 * pairs + 4], lines[line : line + 2 * pairs])
    third = row // 3
    y = 2 * third - 2 + row - 3 * third
    if row - 3 * third == 2 or not 0 <= y < target[0]:
        return
    rows = (
        (row + 3 & 7) * size, (row + 4 & 7) * size, (row + 5 & 7) * size,
        (row + 6 & 7) * size, (row + 7 & 7) * size, line,
    )  # fmt: skip
    put_sum_of_rows(lines, rows, THIRDS_BACK if y & 1 else THIRDS, light, target, y, rule, floats)


@njit(**INNER)
def put_sum_of_rows(lines, rows, weights, light, target, y, rule, floats):
    """Put the weighted sum of some of the lines, which begin where ``rows`` says, to row ``y`` of a level."""
    width, begin = target[1], target[2] + (y + PAD) * target[3]
    made = light[begin : begin + (width + 2 * PAD) * floats]
    whole = width * floats // 8 * 8
    for i in range(0, whole, 8):
        sum_rows(lines, rows, i, weights, made, PAD * floats + i)
    for i in range(whole, width * floats):
        total = lines[rows[0] + i] * weights[0]
        for k in range(1, len(rows)):
            total = fma(lines[rows[k] + i], weights[k], total)
        made[PAD * floats + i] = total
    fill_sides(made, width, rule, floats)


@njit(**INNER)
def halve_columns(line, halves):
    """Fill the numbers of half a line: those of eight numbers each, as `sum_columns` sums pixels."""
    for x in range(halves.size):
        even, odd = line[2 * x] * HALF[0], line[2 * x + 1] * HALF[1]
        even, odd = fma(line[2 * x + 2], HALF[2], even), fma(line[2 * x + 3], HALF[3], odd)
        even, odd = fma(line[2 * x + 4], HALF[4], even), fma(line[2 * x + 5], HALF[5], odd)
        even, odd = fma(line[2 * x + 6], HALF[6], even), fma(line[2 * x + 7], HALF[7], odd)
        halves[x] = even + odd


@njit(**INNER)
def take_thirds_of_columns(line, thirds):
    """Fill the numbers of two thirds of a line: those of six numbers each, as `sum_columns_twice` sums pixels."""
    for pair in range(thirds.size // 2):
        left, right = line[3 * pair] * THIRDS[0], line[3 * pair + 1] * THIRDS_BACK[0]
        left, right = fma(line[3 * pair + 1], THIRDS[1], left), fma(line[3 * pair + 2], THIRDS_BACK[1], right)
        left, right = fma(line[3 * pair + 2], THIRDS[2], left), fma(line[3 * pair + 3], THIRDS_BACK[2], right)
        left, right = fma(line[3 * pair + 3], THIRDS[3], left), fma(line[3 * pair + 4], THIRDS_BACK[3], right)
        left, right = fma(line[3 * pair + 4], THIRDS[4], left), fma(line[3 * pair + 5], THIRDS_BACK[4], right)
        left, right = fma(line[3 * pair + 5], THIRDS[5], left), fma(line[3 * pair + 6], THIRDS_BACK[5], right)
        thirds[2 * pair], thirds[2 * pair + 1] = left, right
