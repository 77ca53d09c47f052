"""Pyramids: pictures of half the size, of half of that, and so on; `gaussians` has the sums of Gaussians on them.

These are plain functions on float32 rows, in a fixed order of operations. They are compiled from their text, as
generated kernels are, alone (`compile_part`) or as helpers of a kernel (`TEXTS`).

Halving and enlarging use binomial kernels that are centred whatever the size: n pixels become (n + 1) // 2, and

=========  ===========================================  =================================================
size       one of half the size, i                      two of the full size, 2 i and 2 i + 1
=========  ===========================================  =================================================
even       (1 5 10 10 5 1) / 32 of 2 i - 2 .. 2 i + 3   (5 10 1) / 16 and (1 10 5) / 16 of i - 1 .. i + 1
odd        (1 4 6 4 1) / 16 of 2 i - 2 .. 2 i + 2       (1 6 1) / 8 and (0 4 4) / 8 of i - 1 .. i + 1
=========  ===========================================  =================================================

So nothing moves, and what a kernel adds to the variance of a Gaussian is known: 1.25 pixels of the full size each way
where it is even, 1 where it is odd. Enlarging again and again draws smooth curves, without corners. Beyond the edge the
picture is mirrored: a half of what is mirrored is the half mirrored, so that all levels show the same there.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable
from pathlib import Path

import numpy as np

from n2s.graph.shader import fma
from n2s.runtime.render.kernels.jit import IMPORTS, INNER, KERNEL, decorator
from n2s.runtime.render.kernels.kept import compile_kernel, digest_of
from n2s.runtime.render.kernels.texts import kernel_of

f32 = np.float32


def mirrored(place, count):
    """Return which of ``count`` rows or columns is seen at any place: … 1 0 | 0 1 … count - 1 | count - 1 …"""
    place = place % (2 * count)
    return min(place, 2 * count - 1 - place)


def halve_rows(r0, r1, r2, r3, r4, r5, odd_rows, odd_columns, tall, out):
    """Make one row of half the size from six rows (five where the height is odd); ``tall`` has width + 5 numbers."""
    width = r0.size
    if odd_rows:
        for x in range(width):
            tall[x + 2] = fma(r2[x], f32(0.375), fma(r1[x] + r3[x], f32(0.25), (r0[x] + r4[x]) * f32(0.0625)))
    else:
        for x in range(width):
            outer = fma(r1[x] + r4[x], f32(0.15625), (r0[x] + r5[x]) * f32(0.03125))
            tall[x + 2] = fma(r2[x] + r3[x], f32(0.3125), outer)
    for x in (-2, -1, width, width + 1, width + 2):
        tall[x + 2] = tall[mirrored(x, width) + 2]
    if odd_columns:
        for i in range(out.size):
            k = np.uint64(2) * np.uint64(i)
            outer = (tall[k] + tall[k + np.uint64(4)]) * f32(0.0625)
            outer = fma(tall[k + np.uint64(1)] + tall[k + np.uint64(3)], f32(0.25), outer)
            out[i] = fma(tall[k + np.uint64(2)], f32(0.375), outer)
    else:
        for i in range(out.size):
            k = np.uint64(2) * np.uint64(i)
            outer = (tall[k] + tall[k + np.uint64(5)]) * f32(0.03125)
            outer = fma(tall[k + np.uint64(1)] + tall[k + np.uint64(4)], f32(0.15625), outer)
            out[i] = fma(tall[k + np.uint64(2)] + tall[k + np.uint64(3)], f32(0.3125), outer)


def enlarge_row(source, y, odd_rows, odd_columns, tall, out):
    """Make row ``y`` of the full size from a plane of half of it; ``tall`` has two, and ``out`` up to one more."""
    height, width = source.shape
    middle = y >> 1
    above, here, below = source[max(middle - 1, 0)], source[middle], source[min(middle + 1, height - 1)]
    if odd_rows:
        a, b, c = (f32(0), f32(0.5), f32(0.5)) if y & 1 else (f32(0.125), f32(0.75), f32(0.125))
    else:
        a, b, c = (f32(0.0625), f32(0.625), f32(0.3125)) if y & 1 else (f32(0.3125), f32(0.625), f32(0.0625))
    for x in range(width):
        tall[x + 1] = fma(c, below[x], fma(b, here[x], a * above[x]))
    tall[0] = tall[1]
    tall[width + 1] = tall[width]
    if odd_columns:
        for i in range(np.uint64(width)):
            left, here, right = tall[i], tall[i + np.uint64(1)], tall[i + np.uint64(2)]
            out[np.uint64(2) * i] = fma(f32(0.125), right, fma(f32(0.75), here, f32(0.125) * left))
            out[np.uint64(2) * i + np.uint64(1)] = fma(f32(0.5), right, f32(0.5) * here)
    else:
        for i in range(np.uint64(width)):
            left, here, right = tall[i], tall[i + np.uint64(1)], tall[i + np.uint64(2)]
            out[np.uint64(2) * i] = fma(f32(0.0625), right, fma(f32(0.625), here, f32(0.3125) * left))
            out[np.uint64(2) * i + np.uint64(1)] = fma(f32(0.3125), right, fma(f32(0.625), here, f32(0.0625) * left))


def halve(source, target):
    """Make a picture (3, h, w) of half the size of another (3, H, W)."""
    height, width = source.shape[1:]
    tall = np.empty(width + 5, np.float32)
    for c in range(3):
        rows = source[c]
        for i in range(target.shape[1]):
            k = 2 * i
            halve_rows(
                rows[mirrored(k - 2, height)],
                rows[mirrored(k - 1, height)],
                rows[k],
                rows[mirrored(k + 1, height)],
                rows[mirrored(k + 2, height)],
                rows[mirrored(k + 3, height)],
                height & 1,
                width & 1,
                tall,
                target[c, i],
            )


def enlarge(source, total, first):
    """Add to a picture (3, H, W) one of half the size; the ``first`` is written in place of what was there."""
    height, width = total.shape[1:]
    tall = np.empty(source.shape[2] + 2, np.float32)
    row = np.empty(2 * source.shape[2], np.float32)
    for c in range(3):
        for y in range(height):
            enlarge_row(source[c], y, height & 1, width & 1, tall, row)
            out = total[c, y]
            if first:
                for x in range(width):
                    out[x] = row[x]
            else:
                for x in range(width):
                    out[x] = out[x] + row[x]


HEADER = f'''\
"""Generated by n2s; do not edit."""

import numpy as np
{IMPORTS}
f32 = np.float32
'''
TEXTS = {function.__name__: inspect.getsource(function) for function in (mirrored, halve_rows, enlarge_row)}
_PARTS = {
    function.__name__: inspect.getsource(function).replace(f"def {function.__name__}(", "def kernel(", 1)
    for function in (halve, enlarge)
}


def compile_part(name: str, folder: Path) -> Callable:
    """Return `halve`, `enlarge` or the `add_gaussian` of `gaussians` as machine code, which is kept in ``folder``."""
    if name == "add_gaussian":
        text = kernel_of("gaussians", name, digest_of("gaussians", "pair_vectors", "pyramid", "vectors"))
    else:
        helpers = [f"{decorator(INNER)}\n{text}" for text in TEXTS.values()]
        text = "\n\n".join([HEADER, *helpers, f"{decorator(KERNEL)}\n{_PARTS[name]}"])
    return compile_kernel(text, folder)
