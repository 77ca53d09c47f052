"""What the filter of lenses (`sampling`) reads, and the memory that it works in: arrays at addresses."""

# pyright: reportCallIssue=false
# Intrinsics are declared with the typing context before what they are called with.

from __future__ import annotations

from collections import namedtuple

from numba import carray, njit  # pyright: ignore[reportPrivateImportUsage]

from n2s.runtime.render.kernels.addresses import floats_at, numbers_at, small_numbers_at
from n2s.runtime.render.kernels.jit import INNER
from n2s.runtime.render.kernels.light_levels import ALL, LEVELS, LINES, STATE

JOB = 28  # whole numbers that `take_row` is given, and then gives to functions that are compiled apart:
MAKE_LIGHT, TAKE_LEVEL_ROW = 20, 21  # their addresses
NEEDED, IS_PLANE, IS_SHRUNK, COUNTED = 22, 23, 24, 25  # what `make_light` and `take_level_row` ask for
AHEAD, NEAR_AHEAD = 48, 16  # places: pixels are asked for so long before they are taken, fewer where filters are long
SINGLES, COUNTS, KEPT = 16, 8, 2  # rows of floats and of whole numbers, and whole numbers about the row before
PLACES = 4 + 4 + 8 + 4  # floats of each place that stand side by side: weights and colours

# ``picture`` (3, H, W) and ``light`` of it: `light_levels` says what ``flat``, ``levels`` and ``state`` are, and which
# pixel ``rule`` puts beyond an edge.
Seen = namedtuple("Seen", "picture flat levels state rule")

# Of each place of a row, first along columns and then along rows of the picture: where it lies, how far it is from its
# neighbours, where its pixels begin on its level, and the weights of four pixels (2, span, 4) or, where the filter is
# long, of eight (span, 8). Then the level on which it is read, whether its filter is long, where its pixels begin in
# the light, and its colours, side by side (span, 4) and each by itself (4, span). ``short``, ``wide_ones`` and ``high``
# list places by their filter. ``apart`` (8, span) holds weights before they stand side by side. ``columns`` are the
# places of the row before, and ``kept`` says what is still there of it.
Room = namedtuple(
    "Room",
    "places wide at weights many chosen long starts colours taken short wide_ones high apart level columns kept lines",
)


@njit(**INNER)
def seen_at(given):
    """Return what a job reads; `take_row` says which number of it is what."""
    height, width, size = given[13], given[14], given[18]
    return Seen(
        carray(floats_at(given[0]), (3, height, width)), carray(floats_at(given[1]), size),
        carray(numbers_at(given[2]), (LEVELS + 1, 4)), carray(numbers_at(given[3]), STATE), given[15],
    )  # fmt: skip


@njit(**INNER)
def plane_of(seen, colour):
    """Return the light of one colour and its smaller copies: planes lie behind the light of all colours."""
    size = seen.levels[LEVELS, 2] // ALL
    begin = seen.levels[LEVELS, 2] + colour * size
    return seen.flat[begin : begin + size]


@njit(**INNER)
def room_at(at, width, pitch):
    """Return the memory at an address, for places of a row of ``width``."""
    span = (width + 7) // 8 * 8  # places are worked on by eights
    singles, at = carray(floats_at(at), (SINGLES, span)), at + 4 * SINGLES * span
    counts, at = carray(small_numbers_at(at), (COUNTS, span)), at + 4 * COUNTS * span
    weights, at = carray(floats_at(at), (2, span, 4)), at + 32 * span
    many, at = carray(floats_at(at), (span, 8)), at + 32 * span
    colours, at = carray(floats_at(at), (span, 4)), at + 16 * span
    lines, at = carray(floats_at(at), LINES * pitch), at + 4 * LINES * pitch
    starts, at = carray(small_numbers_at(at), span + AHEAD), at + 4 * (span + AHEAD)
    columns, at = carray(floats_at(at), width + 2), at + 4 * (width + 2)
    return Room(
        singles[0:2], singles[2:4], counts[0:2], weights, many, counts[2][:width], counts[3][:width], starts,
        colours, singles[12:16], counts[4], counts[5], counts[6], singles[4:12], counts[7],
        columns, carray(small_numbers_at(at), KEPT), lines,
    )  # fmt: skip


def room_for(width: int, pitch: int) -> int:
    """Return how many floats `room_at` has; they begin as 0."""
    span = (width + 7) // 8 * 8
    return (SINGLES + COUNTS + PLACES) * span + LINES * pitch + span + AHEAD + width + 2 + KEPT
