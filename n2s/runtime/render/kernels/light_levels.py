"""A picture as light, and smaller copies of it: what the filter of lenses (`sampling`) reads.

A picture is turned into light once per frame: float32 red, green, blue and 0 for each pixel, side by side, so that one
vector instruction takes a pixel. Some pixels beyond each edge are those that the edge's rule puts there. Level 1 has
two thirds of the rows and columns, and each further level half of those of the level two before: levels are 1, 1.5, 2,
3, 4, 6, 8 ... times as coarse as the picture. A level is made when a place first needs it.
"""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

import numpy as np
from numba import njit

from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.vectors import sum_pixels

f32 = np.float32

PAD = 4  # pixels beyond each edge, so that eight pixels about any place of a picture are there
LEVELS = 15  # the picture, two thirds of it, and their halves
LEAST = 32  # rows and columns: no level is made of one that has fewer


@njit(**INNER)
def inside(i, n, rule):
    """Return the pixel that lies at index i of n, as the edge's rule says: 1 mirrors, 2 repeats, others continue."""
    if 0 <= i < n:
        return i
    if rule == 1:
        i = i % (2 * n)
        return min(i, 2 * n - 1 - i)
    if rule == 2:
        return i % n
    return min(max(i, 0), n - 1)


@njit(**INNER)
def fill_light(picture, flat, rule):
    """Turn a picture (3, H, W) into light, the first level."""
    height, width = picture.shape[1:]
    pitch = (width + 2 * PAD) * 4
    for y in range(height):
        line = flat[(y + PAD) * pitch : (y + PAD + 1) * pitch]
        middle, red, green, blue = line[PAD * 4 : pitch - PAD * 4], picture[0, y], picture[1, y], picture[2, y]
        for x in range(width):
            r, g, b = red[x], green[x], blue[x]
            middle[4 * x], middle[4 * x + 1] = r * abs(r), g * abs(g)
            middle[4 * x + 2], middle[4 * x + 3] = b * abs(b), f32(0)
        fill_sides(line, width, rule)
    fill_ends(flat, height, pitch, rule)


@njit(**INNER)
def fill_sides(line, width, rule):
    """Fill the pixels beyond both ends of a line of light."""
    for x in range(-PAD, 0):
        for to in (x, width - 1 - x):
            source, target = (inside(to, width, rule) + PAD) * 4, (to + PAD) * 4
            for c in range(4):
                line[target + c] = line[source + c]


@njit(**INNER)
def fill_ends(flat, height, pitch, rule):
    """Fill the rows above and below those of a level that begins with ``flat``."""
    for y in range(-PAD, 0):
        for to in (y, height - 1 - y):
            source, target = (inside(to, height, rule) + PAD) * pitch, (to + PAD) * pitch
            for i in range(pitch):
                flat[target + i] = flat[source + i]


@njit(**INNER)
def plan_levels(height, width, levels):
    """Fill height, width, first float and floats per row of each level in the memory of light; return their count."""
    end = 0
    for level in range(LEVELS):
        rows, columns = height, width
        if level:
            rows, columns = levels[max(level - 2, 0), 0], levels[max(level - 2, 0), 1]
            if min(rows, columns) < LEAST:
                return level
            more, times, of = (2, 2, 3) if level == 1 else (1, 1, 2)
            rows, columns = (times * rows + more) // of, (times * columns + more) // of
        pitch = (columns + 2 * PAD) * 4
        levels[level, 0], levels[level, 1], levels[level, 2], levels[level, 3] = rows, columns, end, pitch
        end += (rows + 2 * PAD) * pitch
    return LEVELS


@njit(**INNER)
def cubic(x):
    """Return the Catmull-Rom kernel."""
    x = min(abs(x), f32(2))
    near = (f32(1.5) * x - f32(2.5)) * x * x + f32(1)
    far = ((f32(-0.5) * x + f32(2.5)) * x - f32(4)) * x + f32(2)
    return near if x < f32(1) else far


@njit(**INNER)
def halve(flat, source, target, rule, line):
    """Make a level from one twice as fine, both (rows, columns, first float, pitch), by the cubic of twice its width.

    ``line`` has room for a row of the finer one.
    """
    weights = (
        cubic(f32(-1.75)) * f32(0.5), cubic(f32(-1.25)) * f32(0.5), cubic(f32(-0.75)) * f32(0.5),
        cubic(f32(-0.25)) * f32(0.5), cubic(f32(0.25)) * f32(0.5), cubic(f32(0.75)) * f32(0.5),
        cubic(f32(1.25)) * f32(0.5), cubic(f32(1.75)) * f32(0.5),
    )  # fmt: skip
    pitch = target[3]
    for y in range(target[0]):
        first = source[2] + (2 * y - 3 + PAD) * source[3]
        sum_4(flat, first, source[3], weights[:4], line)
        add_2(flat, first + 4 * source[3], source[3], weights[4:6], line)
        add_2(flat, first + 6 * source[3], source[3], weights[6:], line)
        made = flat[target[2] + (y + PAD) * pitch : target[2] + (y + PAD + 1) * pitch]
        for x in range(target[1]):
            sum_pixels(line, (2 * x - 3 + PAD) * 4, weights, made, (x + PAD) * 4)
        fill_sides(made, target[1], rule)
    fill_ends(flat[target[2] :], target[0], pitch, rule)


@njit(**INNER)
def take_two_thirds(flat, source, target, rule, line):
    """Make the level of two thirds of the rows and columns, as `halve` does, by the cubic of 1.5 times its width.

    Of three thirds of two pixels each, one pixel's middle lies a quarter behind a pixel, the other's as far before one.
    """
    scale = f32(1 / 1.5)
    a, b, c = cubic(f32(2.25) * scale), cubic(f32(1.25) * scale), cubic(f32(0.25) * scale)
    d, e, f = cubic(f32(0.75) * scale), cubic(f32(1.75) * scale), cubic(f32(2.75) * scale)
    one = f32(1) / (((((a + b) + c) + d) + e) + f)
    behind = (a * one, b * one, c * one, d * one, e * one, f * one)
    before = (f * one, e * one, d * one, c * one, b * one, a * one)
    pitch = target[3]
    for y in range(target[0]):
        weights = before if y & 1 else behind
        first = source[2] + (3 * (y >> 1) - 2 + (y & 1) + PAD) * source[3]
        sum_4(flat, first, source[3], weights[:4], line)
        add_2(flat, first + 4 * source[3], source[3], weights[4:], line)
        made = flat[target[2] + (y + PAD) * pitch : target[2] + (y + PAD + 1) * pitch]
        for x in range(0, target[1], 2):
            left = (3 * (x >> 1) - 2 + PAD) * 4
            sum_pixels(line, left, behind, made, (x + PAD) * 4)
            sum_pixels(line, left + 4, before, made, (x + PAD + 1) * 4)  # the last may be one too many
        fill_sides(made, target[1], rule)
    fill_ends(flat[target[2] :], target[0], pitch, rule)


@njit(**INNER)
def sum_4(flat, first, pitch, weights, line):
    """Fill a line with the weighted sum of four rows."""
    a, b = flat[first : first + pitch], flat[first + pitch : first + 2 * pitch]
    c, d = flat[first + 2 * pitch : first + 3 * pitch], flat[first + 3 * pitch : first + 4 * pitch]
    for i in range(pitch):
        line[i] = a[i] * weights[0] + b[i] * weights[1] + c[i] * weights[2] + d[i] * weights[3]


@njit(**INNER)
def add_2(flat, first, pitch, weights, line):
    """Add two rows to a line."""
    a, b = flat[first : first + pitch], flat[first + pitch : first + 2 * pitch]
    for i in range(pitch):
        line[i] = line[i] + a[i] * weights[0] + b[i] * weights[1]


@njit(**INNER)
def build_levels(picture, flat, levels, state, needed, line, rule):
    """Make the levels whose bits are set in ``needed``, and those they are made from, as far as they are not there."""
    for level in range(LEVELS - 1, 1, -1):
        needed |= ((needed >> level) & 1) << (level - 2)
    missing = (needed | 1) & ~state[1]
    state[1] |= missing
    if missing & 1:
        fill_light(picture, flat, rule)
    for level in range(1, LEVELS):
        if (missing >> level) & 1:
            made, finer = levels[level], levels[max(level - 2, 0)]
            source, target = (finer[0], finer[1], finer[2], finer[3]), (made[0], made[1], made[2], made[3])
            if level == 1:
                take_two_thirds(flat, source, target, rule, line)
            else:
                halve(flat, source, target, rule, line)
