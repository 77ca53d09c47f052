"""Vector instructions for sums over pairs of numbers on both sides of others, as those of a Gaussian.

As in `vectors`, each product is added by a fused multiply-add, so that a sum is rounded once for each pair.
"""

from __future__ import annotations

from numba import types
from numba.extending import intrinsic

from n2s.runtime.render.kernels.vectors import _add, _pointers, _put, _spread, _take


def _add_pairs(context, builder, signature, arguments, flat, total, first):
    """Return a total and the weighted sums of pairs of 16 numbers; ``first`` is where their offsets are told."""
    before, behind, weights, x = arguments[first : first + 4]
    for i in range(len(signature.args[first + 2])):
        weight = _spread(builder, builder.extract_value(weights, i), 16)
        offsets = (builder.add(builder.extract_value(way, i), x) for way in (before, behind))
        pair = builder.fadd(*(_take(builder, builder.gep(flat, [offset]), 16) for offset in offsets))
        total = _add(builder, total, weight, pair)
    return total


@intrinsic
def put_pairs(typing, flat, middle, centre, before, behind, weights, x, line, to):
    """Put the weighted sum of 16 numbers, times ``centre``, and of pairs of as many on both sides, to a line.

    The numbers begin ``x`` floats behind ``middle``, those of pairs as far behind offsets that two tuples have. The two
    of a pair are added, and have one of the ``weights``.
    """
    signature = types.void(flat, types.int64, types.float32, before, behind, weights, types.int64, line, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 7)
        here = _take(builder, builder.gep(source, [builder.add(arguments[1], arguments[6])]), 16)
        total = builder.fmul(_spread(builder, arguments[2], 16), here)
        total = _add_pairs(context, builder, signature, arguments, source, total, 3)
        _put(builder, total, builder.gep(target, [arguments[8]]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def add_pairs(typing, flat, before, behind, weights, x, line, to):
    """Add more pairs to what `put_pairs` put to a line."""
    signature = types.void(flat, before, behind, weights, types.int64, line, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 5)
        place = builder.gep(target, [arguments[6]])
        total = _add_pairs(context, builder, signature, arguments, source, _take(builder, place, 16), 1)
        _put(builder, total, place)
        return context.get_dummy_value()

    return signature, generate
