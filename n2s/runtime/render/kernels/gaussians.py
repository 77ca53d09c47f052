"""Sums of Gaussians on the levels of a pyramid, which `pyramid.compile_part` compiles as a kernel of their own."""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

import numpy as np
from numba import njit

from n2s.runtime.render.kernels import pyramid
from n2s.runtime.render.kernels.fused import fma
from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.pair_vectors import add_pairs, put_pairs

mirrored = njit(**INNER)(pyramid.mirrored)


def add_gaussian(source, rows, columns, gains, total, first):
    """Add to a picture (3, h, w) the Gaussian of another one; the ``first`` is written in place of what was there.

    total += sum over s of gain * columns[|s|] * (sum over t of rows[|t|] * source[y + t, x + s]). ``rows`` and
    ``columns`` have the weight of the centre, then those of pairs, an even number of them; ``gains`` has one number for
    each colour.
    """
    height, width = source.shape[1:]
    flat, onto, reach, pairs = source.reshape(-1), total.reshape(-1), columns.size - 1, rows.size - 1
    wide, sums = np.empty(width + 2 * reach, np.float32), np.empty(width, np.float32)
    above, below = np.empty(pairs + 1, np.int64), np.empty(pairs + 1, np.int64)
    left, right = reach - np.arange(reach + 1), reach + np.arange(reach + 1)
    for c in range(3):
        across = columns * gains[c]
        for y in range(height):
            for t in range(pairs + 1):
                above[t] = (c * height + mirrored(y - t, height)) * width
                below[t] = (c * height + mirrored(y + t, height)) * width
            sum_pairs(flat, above, below, rows, width, wide, reach)
            for x in range(reach):
                wide[x] = wide[reach + mirrored(x - reach, width)]
                wide[reach + width + x] = wide[reach + mirrored(width + x, width)]
            begin = (c * height + y) * width
            if first:
                sum_pairs(wide, left, right, across, width, onto, begin)
            else:
                sum_pairs(wide, left, right, across, width, sums, 0)
                out = total[c, y]
                for x in range(width):
                    out[x] = out[x] + sums[x]


@njit(**INNER)
def sum_pairs(flat, before, behind, weights, count, line, to):
    """Put weighted sums of ``count`` numbers and of those on both sides of them to places of a line.

    ``before`` and ``behind`` say where the numbers begin; first comes the middle, which is the same in both. There is
    an even number of pairs behind it. All sums go from the middle on.
    """
    whole, size = count - count % 16, weights.size
    first = 3 if size & 2 else 5
    here, centre = before[0], weights[0]
    if first == 3:
        ups, downs, two = (before[1], before[2]), (behind[1], behind[2]), (weights[1], weights[2])
        for x in range(0, whole, 16):
            put_pairs(flat, here, centre, ups, downs, two, x, line, to + x)
    else:
        up, down, four = four_of(before, 1), four_of(behind, 1), four_of(weights, 1)
        for x in range(0, whole, 16):
            put_pairs(flat, here, centre, up, down, four, x, line, to + x)
    for t in range(first, size, 4):
        up, down, four = four_of(before, t), four_of(behind, t), four_of(weights, t)
        for x in range(0, whole, 16):
            add_pairs(flat, up, down, four, x, line, to + x)
    for x in range(whole, count):
        total = centre * flat[here + x]
        for t in range(1, size):
            total = fma(weights[t], flat[before[t] + x] + flat[behind[t] + x], total)
        line[to + x] = total


@njit(**INNER)
def four_of(numbers, first):
    """Return four numbers of an array as a tuple, for which processors have room."""
    return numbers[first], numbers[first + 1], numbers[first + 2], numbers[first + 3]
