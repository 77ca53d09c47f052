"""A picture as light, and smaller copies of it: what the filter of lenses (`sampling`) reads.

A picture is turned into light once per frame: float32 red, green, blue and 0 for each pixel, side by side, so that one
vector instruction takes a pixel. Some pixels beyond each edge are those that the edge's rule puts there. Level 1 has
two thirds of the rows and columns, and each further level half of those of the level two before: levels are 1, 1.5, 2,
3, 4, 6, 8 ... times as coarse as the picture. A level is made when a place first needs it.

A lens that shows each colour at places of its own reads planes instead: the same picture and copies of one colour, a
number for each pixel, which lie as those of all colours do, at a quarter of their distances.
"""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

import numpy as np
from numba import njit

from n2s.runtime.render.kernels.jit import INNER

f32 = np.float32

PAD = 4  # pixels beyond each edge, so that eight pixels about any place of a picture are there
LEVELS = 15  # the picture, two thirds of it, and their halves
ALL, PLANE = 4, 1  # floats of a pixel, of all colours side by side or of one
STATE = 8  # the levels that are there, as bits: of all colours, red, green, blue; then those of the picture before
LINES = 11  # rows of light to work in: eight of two thirds of the picture, eight of a half, and a little
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
def fill_line(picture, y, line, rule):
    """Turn row ``y`` of a picture (3, H, W) into a line of light."""
    width, red, green, blue = picture.shape[2], picture[0, y], picture[1, y], picture[2, y]
    middle = line[PAD * ALL : (PAD + width) * ALL]
    for x in range(width):
        r, g, b = red[x], green[x], blue[x]
        middle[4 * x], middle[4 * x + 1] = r * abs(r), g * abs(g)
        middle[4 * x + 2], middle[4 * x + 3] = b * abs(b), f32(0)
    fill_sides(line, width, rule, ALL)


@njit(**INNER)
def fill_line_of_plane(values, line, rule):
    """Turn a row of one colour into a line of its light."""
    middle = line[PAD : PAD + values.size]
    for x in range(values.size):
        middle[x] = values[x] * abs(values[x])
    fill_sides(line, values.size, rule, PLANE)


@njit(**INNER)
def fill_sides(line, width, rule, floats):
    """Fill the pixels beyond both ends of a line of light."""
    for x in range(-PAD, 0):
        for to in (x, width - 1 - x):
            source, target = (inside(to, width, rule) + PAD) * floats, (to + PAD) * floats
            for c in range(floats):
                line[target + c] = line[source + c]


@njit(**INNER)
def fill_ends(flat, level, rule, floats):
    """Fill the rows above and below those of a level."""
    height, width, first, pitch = level
    for y in range(-PAD, 0):
        for to in (y, height - 1 - y):
            source, target = first + (inside(to, height, rule) + PAD) * pitch, first + (to + PAD) * pitch
            for i in range((width + 2 * PAD) * floats):
                flat[target + i] = flat[source + i]


@njit(**INNER)
def level_of(levels, number, floats):
    """Return height, width, first float and floats per row of a level whose pixels have so many floats."""
    apart = ALL // floats
    return levels[number, 0], levels[number, 1], levels[number, 2] // apart, levels[number, 3] // apart


def plan_levels(height, width, levels):
    """Fill height, width, first float and floats per row of each level in the memory of light, int64 (LEVELS + 1, 4).

    Rows of all levels are equally far apart. Level 1 lies below the picture and level 2 below that; right of level 1
    lie those of odd numbers, one below the other, and right of level 2 those of even ones. The last row tells how many
    levels there are, and where all end.
    """
    # Levels 1 and 3 side by side are up to 18 pixels wider than the picture; four pixels are a line of the cache.
    count, pitch = 0, (width + 5 * PAD + 1) // 4 * 16
    for level in range(LEVELS):
        rows, columns = height, width
        if level:
            rows, columns = levels[max(level - 2, 0), 0], levels[max(level - 2, 0), 1]
            if min(rows, columns) < LEAST:
                break
            more, times, of = (2, 2, 3) if level == 1 else (1, 1, 2)
            rows, columns = (times * rows + more) // of, (times * columns + more) // of
        levels[level, 0], levels[level, 1], count = rows, columns, level + 1
    top = height + 2 * PAD
    levels[0, 2], levels[0, 3] = 0, pitch
    for first in range(1, min(count, 3)):
        low, beside = top + levels[first, 0] + 2 * PAD, top
        levels[first, 2], levels[first, 3] = top * pitch, pitch
        for level in range(first + 2, count, 2):
            levels[level, 2], levels[level, 3] = beside * pitch + (levels[first, 1] + 2 * PAD) * 4, pitch
            beside += levels[level, 0] + 2 * PAD
        top = max(low, beside)
    levels[LEVELS] = (count, 0, top * pitch, pitch)


def cubic(x):
    """Return the Catmull-Rom kernel."""
    x = min(abs(x), f32(2))
    near = (f32(1.5) * x - f32(2.5)) * x * x + f32(1)
    far = ((f32(-0.5) * x + f32(2.5)) * x - f32(4)) * x + f32(2)
    return near if x < f32(1) else far


def _thirds() -> tuple:
    """Return the weights of six pixels of which one of two thirds is made, by the cubic of 1.5 times its width.

    Of three thirds of two pixels each, one pixel's middle lies a quarter behind a pixel, the other's as far before one;
    the weights of the second are those of the first from the last to the first.
    """
    six, total = [cubic(f32(i - 2.25) * f32(1 / 1.5)) for i in range(6)], f32(0)
    for weight in six:
        total = total + weight
    return tuple(weight * (f32(1) / total) for weight in six)


THIRDS = _thirds()
THIRDS_BACK = THIRDS[::-1]
HALF = tuple(cubic(f32(i * 0.5 - 1.75)) * f32(0.5) for i in range(8))  # the cubic of twice its width
