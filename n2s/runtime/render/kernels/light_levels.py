"""A picture as light, and its halves: what the filter of lenses (`sampling`) reads.

A picture is turned into light once per frame: float32 red, green, blue and 0 for each pixel, side by side, so that one
vector instruction takes a pixel. Two pixels beyond each edge are those that the edge's rule puts there. Each further
level has half the rows and columns of the one before, and is made when a place first needs it.
"""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

import numpy as np
from numba import njit

from n2s.runtime.render.kernels.vectors import take_block

f32 = np.float32

PAD = 2  # pixels beyond each edge
LEVELS = 8  # pictures, each half of the one before; the first is whole
MOST_TAPS = 16  # of a filter, in each direction: no level is smaller than twice as many pixels


@njit(error_model="numpy")
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


@njit(error_model="numpy")
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
    for y in range(-PAD, 0):
        for to in (y, height - 1 - y):
            source, target = (inside(to, height, rule) + PAD) * pitch, (to + PAD) * pitch
            for i in range(pitch):
                flat[target + i] = flat[source + i]


@njit(error_model="numpy")
def fill_sides(line, width, rule):
    """Fill the pixels beyond both ends of a line of light."""
    for x in range(-PAD, 0):
        for to in (x, width - 1 - x):
            source, target = (inside(to, width, rule) + PAD) * 4, (to + PAD) * 4
            for c in range(4):
                line[target + c] = line[source + c]


@njit(error_model="numpy")
def cubic(x):
    """Return the Catmull-Rom kernel."""
    x = min(abs(x), f32(2))
    near = (f32(1.5) * x - f32(2.5)) * x * x + f32(1)
    far = ((f32(-0.5) * x + f32(2.5)) * x - f32(4)) * x + f32(2)
    return near if x < f32(1) else far


@njit(error_model="numpy")
def plan_levels(height, width, levels):
    """Fill height, width, first float and floats per row of each level in the memory of light; return their count."""
    levels[0, 0], levels[0, 1], levels[0, 3] = height, width, (width + 2 * PAD) * 4
    levels[0, 2] = PAD * levels[0, 3] + PAD * 4
    end = (height + 2 * PAD) * levels[0, 3]
    for level in range(1, LEVELS):
        if min(levels[level - 1, 0], levels[level - 1, 1]) < 2 * MOST_TAPS:
            return level
        levels[level, 0], levels[level, 1] = (levels[level - 1, 0] + 1) // 2, (levels[level - 1, 1] + 1) // 2
        levels[level, 2], levels[level, 3] = end, levels[level, 1] * 4
        end += levels[level, 0] * levels[level, 3]
    return LEVELS


@njit(error_model="numpy")
def copy_block(flat, level, left, breadth, top, height, rule, block):
    """Copy a block of pixels of a level, (rows, columns, first float, pitch), that lies partly beyond its edge."""
    rows, columns, start, pitch = level
    for i in range(height):
        line = start + inside(top + i, rows, rule) * pitch
        for k in range(breadth):
            at, to = line + inside(left + k, columns, rule) * 4, (i * breadth + k) * 4
            for c in range(4):
                block[to + c] = flat[at + c]


@njit(error_model="numpy")
def halve(source, pitch, height, width, target, across, rule):
    """Halve a picture of light by the cubic of twice its width; ``across`` has room for one line."""
    weights = np.empty(8, f32)
    for i in range(8):
        weights[i] = cubic((f32(i) - f32(3.5)) * f32(0.5)) * f32(0.5)  # their sum is 1
    one, block = np.ones(1, f32), np.empty(8 * 4, f32)
    half_height, half_width = (height + 1) // 2, (width + 1) // 2
    line = across[: width * 4]
    for y in range(half_height):
        first = 2 * y - 3
        add_4(source, pitch, first, height, rule, weights[:4], line, False)
        add_4(source, pitch, first + 4, height, rule, weights[4:], line, True)
        for x in range(half_width):
            at, left = (y * half_width + x) * 4, 2 * x - 3
            if left >= 0 and left + 8 <= width:
                r, g, b = take_block(line, left * 4, 0, one, 1, weights, 8, 1, 0)
            else:
                copy_block(line, (1, width, 0, 0), left, 8, 0, 1, rule, block)
                r, g, b = take_block(block, 0, 0, one, 1, weights, 8, 1, 0)
            target[at], target[at + 1], target[at + 2], target[at + 3] = r, g, b, f32(0)


@njit(error_model="numpy")
def add_4(source, pitch, top, height, rule, weights, target, more):
    """Fill a line with the weighted sum of four rows, or add it to what the line holds, row by row."""
    size = target.size
    at_0, at_1 = inside(top, height, rule) * pitch, inside(top + 1, height, rule) * pitch
    at_2, at_3 = inside(top + 2, height, rule) * pitch, inside(top + 3, height, rule) * pitch
    a, b = source[at_0 : at_0 + size], source[at_1 : at_1 + size]
    c, d = source[at_2 : at_2 + size], source[at_3 : at_3 + size]
    w_a, w_b, w_c, w_d = weights[0], weights[1], weights[2], weights[3]
    for x in range(size):
        held = target[x] if more else f32(0)
        target[x] = held + a[x] * w_a + b[x] * w_b + c[x] * w_c + d[x] * w_d


@njit(error_model="numpy")
def add_weighted(source, weight, target):
    for i in range(target.size):
        target[i] += source[i] * weight


@njit(error_model="numpy")
def build_levels(flat, levels, state, last, across, rule):
    """Fill the levels up to ``last``, as far as they are not filled yet."""
    for level in range(state[1], last + 1):
        height, width, start = levels[level - 1, 0], levels[level - 1, 1], levels[level - 1, 2]
        halve(flat[start:], levels[level - 1, 3], height, width, flat[levels[level, 2] :], across, rule)
        state[1] = level + 1
