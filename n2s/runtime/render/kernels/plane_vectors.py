"""Vector instructions for sums over the light of one colour: the sums of `vectors`, bit by bit."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.extending import intrinsic

from n2s.runtime.render.kernels.vectors import (
    _I32,
    _I64,
    _add,
    _fetch,
    _pointers,
    _put,
    _shuffle,
    _spread,
    _take,
    _weights,
)


def _put_block_of_plane(rows, columns, plane, down, across, row):
    """Return the signature of the same sum over numbers of one colour, to place ``to`` of a row, and what writes it."""
    signature = types.void(plane, types.int64, types.int64, down, types.int64, across, types.int64, row, types.int64)

    def generate(context, builder, signature, arguments):
        source, by_row, by_column, target = _pointers(context, builder, signature, arguments, 0, 3, 5, 7)
        _, at, pitch, _, y, _, x, _, to = arguments
        first, beside = builder.gep(source, [at]), builder.gep(by_row, [builder.mul(y, _I64(rows))])
        total = None
        for k in range(rows):
            weight = _spread(builder, builder.load(builder.gep(beside, [_I64(k)])), columns)
            line = _take(builder, builder.gep(first, [builder.mul(pitch, _I64(k))]), columns)
            total = _add(builder, total, line, weight)
        pairs, weights = None, _weights(builder, by_column, x, columns)
        for lane in range(0, columns, 2):
            both = [lane, lane + 1]
            pairs = _add(builder, pairs, _shuffle(builder, total, both), _shuffle(builder, weights, both))
        even, odd = (builder.extract_element(pairs, _I32(lane)) for lane in range(2))
        builder.store(builder.fadd(even, odd), builder.gep(target, [to]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def put_two_of_plane(typing, plane, at, other, pitch, down, across, x, row):
    """Put two weighted sums of four rows of four numbers, as `put_4_by_4`, to places ``x`` and ``x`` + 1 of a row.

    The numbers of one begin at ``at``, those of the other at ``other``; ``down`` and ``across`` are (places, 4).
    """
    signature = types.void(plane, types.int64, types.int64, types.int64, down, across, types.int64, row)

    def generate(context, builder, signature, arguments):
        source, by_row, by_column, target = _pointers(context, builder, signature, arguments, 0, 4, 5, 7)
        _, at, other, pitch, _, _, x, _ = arguments
        beside = builder.gep(source, [at]), builder.gep(source, [other])
        begin = builder.mul(x, _I64(4))
        down, across = (_take(builder, builder.gep(weights, [begin]), 8) for weights in (by_row, by_column))
        lanes, total = ir.Constant(ir.VectorType(_I32, 8), list(range(8))), None
        for k in range(4):
            apart = builder.mul(pitch, _I64(k))
            left, right = (_take(builder, builder.gep(first, [apart]), 4) for first in beside)
            both = builder.shuffle_vector(left, right, lanes)
            total = _add(builder, total, both, _shuffle(builder, down, [k] * 4 + [4 + k] * 4))
        pairs = None
        for half in ([0, 1, 4, 5], [2, 3, 6, 7]):
            pairs = _add(builder, pairs, _shuffle(builder, total, half), _shuffle(builder, across, half))
        sums = builder.fadd(_shuffle(builder, pairs, [0, 2]), _shuffle(builder, pairs, [1, 3]))
        _put(builder, sums, builder.gep(target, [x]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def put_4_by_8_of_plane(typing, plane, at, pitch, down, y, across, x, row, to):
    """Put the same of four rows of eight numbers; ``across`` is (places, 8)."""
    return _put_block_of_plane(4, 8, plane, down, across, row)


@intrinsic
def put_8_by_4_of_plane(typing, plane, at, pitch, down, y, across, x, row, to):
    """Put the same of eight rows of four numbers; ``down`` is (places, 8)."""
    return _put_block_of_plane(8, 4, plane, down, across, row)


@intrinsic
def fetch_plane(typing, plane, at, pitch):
    """Ask for four rows of four numbers of one colour, which mostly lie in one line of the cache."""
    signature = types.void(plane, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        (source,) = _pointers(context, builder, signature, arguments, 0)
        _, at, pitch = arguments
        for row in range(4):
            _fetch(builder, builder.gep(source, [builder.add(at, builder.mul(pitch, _I64(row)))]))
        return context.get_dummy_value()

    return signature, generate
