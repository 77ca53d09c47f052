"""Vector instructions for sums over pixels of light: red, green, blue and 0 side by side.

They are written for LLVM, which makes of them what the processor has. All are sums of products of float32, each added
by a fused multiply-add, so that it is rounded once.
"""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_FLOAT, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)


def _vector(n):
    return ir.VectorType(_FLOAT, n)


def _take(builder, pointer, n):
    """Load n floats from anywhere."""
    value = builder.load(builder.bitcast(pointer, _vector(n).as_pointer()))
    value.align = 4
    return value


def _put(builder, value, pointer):
    """Store floats anywhere."""
    builder.store(value, builder.bitcast(pointer, value.type.as_pointer())).align = 4


def _shuffle(builder, value, lanes):
    undefined = ir.Constant(value.type, ir.Undefined)
    return builder.shuffle_vector(value, undefined, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def _spread(builder, number, n):
    """Return a vector of n times one number."""
    lane = builder.insert_element(ir.Constant(_vector(n), ir.Undefined), number, _I32(0))
    return _shuffle(builder, lane, [0] * n)


def _spread_two(builder, first, second):
    """Return a vector of four times one number and four times another."""
    lanes = ir.Constant(_vector(8), ir.Undefined)
    for lane, number in ((0, first), (4, second)):
        lanes = builder.insert_element(lanes, number, _I32(lane))
    return _shuffle(builder, lanes, [0] * 4 + [4] * 4)


def _add(builder, total, a, b):
    """Return total + a * b, rounded once; a sum begins with None."""
    if total is None:
        return builder.fmul(a, b)
    form = ir.FunctionType(total.type, [total.type] * 3)
    fused = cgutils.get_or_insert_function(builder.module, form, f"llvm.fma.v{total.type.count}f32")
    return builder.call(fused, [a, b, total])


def _sum_of_halves(builder, value):
    """Return the sum of both halves of eight floats."""
    return builder.fadd(_shuffle(builder, value, [0, 1, 2, 3]), _shuffle(builder, value, [4, 5, 6, 7]))


def _pointers(context, builder, signature, arguments, *which):
    return [context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in which]


def _weights(builder, pointer, number, n):
    """Load the n weights of a place from an array (places, n)."""
    return _take(builder, builder.gep(pointer, [builder.mul(number, _I64(n))]), n)


def _across(builder, pairs, weights):
    """Return the sum over columns of vectors of two pixels each: those of even and of odd numbers, then both."""
    total = None
    for number, pair in enumerate(pairs):
        both = _shuffle(builder, weights, [2 * number] * 4 + [2 * number + 1] * 4)
        total = _add(builder, total, pair, both)
    return _sum_of_halves(builder, total)


def _put_block(rows, columns, light, down, across, colours):
    """Return the signature of a weighted sum of pixels, and what writes it."""
    signature = types.void(
        light, types.int64, types.int64, down, types.int64, across, types.int64, colours, types.int64
    )

    def generate(context, builder, signature, arguments):
        source, by_row, by_column, target = _pointers(context, builder, signature, arguments, 0, 3, 5, 7)
        _, at, pitch, _, y, _, x, _, to = arguments
        first, beside = builder.gep(source, [at]), builder.gep(by_row, [builder.mul(y, _I64(rows))])
        pairs = [None] * (columns // 2)
        for row in range(rows):
            weight = _spread(builder, builder.load(builder.gep(beside, [_I64(row)])), 8)
            line = builder.gep(first, [builder.mul(pitch, _I64(row))])
            for i, pair in enumerate(pairs):
                pairs[i] = _add(builder, pair, _take(builder, builder.gep(line, [_I64(8 * i)]), 8), weight)
        total = _across(builder, pairs, _weights(builder, by_column, x, columns))
        _put(builder, total, builder.gep(target, [builder.mul(to, _I64(4))]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def put_4_by_4(typing, light, at, pitch, down, y, across, x, colours, to):
    """Put the weighted sum of four rows of four pixels from ``at`` on, rows ``pitch`` floats apart, to pixel ``to``.

    The weights of rows are row ``y`` of an array (places, 4), those of columns row ``x`` of another.
    """
    return _put_block(4, 4, light, down, across, colours)


@intrinsic
def put_4_by_8(typing, light, at, pitch, down, y, across, x, colours, to):
    """Put the same of four rows of eight pixels; ``across`` is (places, 8)."""
    return _put_block(4, 8, light, down, across, colours)


@intrinsic
def put_8_by_4(typing, light, at, pitch, down, y, across, x, colours, to):
    """Put the same of eight rows of four pixels; ``down`` is (places, 8)."""
    return _put_block(8, 4, light, down, across, colours)


def _fetch(builder, pointer):
    """Ask for what lies at a pointer, so that it is in the cache when it is taken.

    A processor foresees reads that go straight on, and waits for others. It changes no value.
    """
    byte = ir.IntType(8).as_pointer()
    form = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
    fetch = cgutils.get_or_insert_function(builder.module, form, "llvm.prefetch.p0i8")
    builder.call(fetch, [builder.bitcast(pointer, byte), _I32(0), _I32(3), _I32(1)])  # to read, to keep near, data


@intrinsic
def fetch_rows(typing, light, at, pitch, end):
    """Ask for four rows of pixels from ``at`` on to ``end``, a literal, floats later."""
    signature = types.void(light, types.int64, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        (source,) = _pointers(context, builder, signature, arguments, 0)
        _, at, pitch, end = arguments
        for row in range(4):
            line = builder.gep(source, [builder.add(at, builder.mul(pitch, _I64(row)))])
            for place in (_I64(0), end):  # four pixels are as long as a line of the cache, and mostly lie in two
                _fetch(builder, builder.gep(line, [place]))
        return context.get_dummy_value()

    return signature, generate


def _put_line(n, line, across, colours):
    """Return the signature of a weighted sum of n pixels of a line, and what writes it."""
    signature = types.void(line, types.int64, across, types.int64, colours, types.int64)

    def generate(context, builder, signature, arguments):
        source, columns, target = _pointers(context, builder, signature, arguments, 0, 2, 4)
        _, at, _, x, _, to = arguments
        first = builder.gep(source, [at])
        pairs = [_take(builder, builder.gep(first, [_I64(4 * i)]), 8) for i in range(0, n, 2)]
        total = _across(builder, pairs, _weights(builder, columns, x, n))
        _put(builder, total, builder.gep(target, [builder.mul(to, _I64(4))]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def put_4(typing, line, at, across, x, colours, to):
    """Put the weighted sum of four pixels of a line from ``at`` on: `put_4_by_4` where rows are summed already."""
    return _put_line(4, line, across, colours)


@intrinsic
def put_8(typing, line, at, across, x, colours, to):
    """Put the same of eight pixels; ``across`` is (places, 8)."""
    return _put_line(8, line, across, colours)


@intrinsic
def sum_rows(typing, light, rows, x, weights, line, to):
    """Put the weighted sum of rows to a line: two pixels of each, ``x`` floats behind where the row begins.

    ``rows`` and ``weights`` are tuples, one number for each row; the sum is that from the first to the last.
    """
    signature = types.void(light, rows, types.int64, weights, line, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 4)
        _, rows, x, weights, _, to = arguments
        total = None
        for i in range(len(signature.args[1])):
            weight = _spread(builder, builder.extract_value(weights, i), 8)
            row = builder.gep(source, [builder.add(builder.extract_value(rows, i), x)])
            total = _add(builder, total, _take(builder, row, 8), weight)
        _put(builder, total, builder.gep(target, [to]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def sum_columns(typing, line, at, weights, target, to):
    """Put the weighted sum of an even number of pixels of a line, from ``at`` on, to a pixel of another.

    It is the sum of those of even numbers and that of odd ones; ``weights`` is a tuple.
    """
    signature = types.void(line, types.int64, weights, target, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 3)
        _, at, weights, _, to = arguments
        first, total = builder.gep(source, [at]), None
        for i in range(0, len(signature.args[2]), 2):
            pair = _spread_two(builder, *(builder.extract_value(weights, i + lane) for lane in range(2)))
            total = _add(builder, total, _take(builder, builder.gep(first, [_I64(4 * i)]), 8), pair)
        _put(builder, _sum_of_halves(builder, total), builder.gep(target, [to]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def sum_columns_twice(typing, line, at, weights, others, target, to):
    """Put two weighted sums of pixels of a line to two pixels of another: the second one begins a pixel further on.

    Each is the sum from the first pixel to the last; ``weights`` and ``others`` are tuples.
    """
    signature = types.void(line, types.int64, weights, others, target, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 4)
        _, at, weights, others, _, to = arguments
        first, total = builder.gep(source, [at]), None
        for i in range(len(signature.args[2])):
            pair = _spread_two(builder, *(builder.extract_value(both, i) for both in (weights, others)))
            total = _add(builder, total, _take(builder, builder.gep(first, [_I64(4 * i)]), 8), pair)
        _put(builder, total, builder.gep(target, [to]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def sum_cells(typing, table, cells, weights, target, x):
    """Put the weighted sum of some cells of a table, each of four numbers, to the four numbers of a pixel ``x``.

    ``cells`` and ``weights`` are tuples; a cell is named by its first number. It is the sum from the first to the last.
    """
    signature = types.void(table, cells, weights, target, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 3)
        _, cells, weights, _, x = arguments
        total = None
        for i in range(len(signature.args[1])):
            cell = _take(builder, builder.gep(source, [builder.extract_value(cells, i)]), 4)
            total = _add(builder, total, _spread(builder, builder.extract_value(weights, i), 4), cell)
        _put(builder, total, builder.gep(target, [builder.mul(x, _I64(4))]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def copy_cell(typing, table, cell, target, x):
    """Put a cell of a table to the four numbers of a pixel ``x``."""
    signature = types.void(table, types.uint64, target, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 2)
        _, cell, _, x = arguments
        value = _take(builder, builder.gep(source, [cell]), 4)
        _put(builder, value, builder.gep(target, [builder.mul(x, _I64(4))]))
        return context.get_dummy_value()

    return signature, generate


def _interleaved(builder, first, second):
    """Return the numbers of two vectors by turns."""
    n = first.type.count
    lanes = [lane for i in range(n) for lane in (i, n + i)]
    return builder.shuffle_vector(first, second, ir.Constant(ir.VectorType(_I32, 2 * n), lanes))


def _side_by_side(builder, source, first, pitch, x):
    """Return eight numbers from ``x`` on of four rows, ``pitch`` floats apart: four of each column."""
    begin = builder.gep(source, [builder.add(builder.mul(pitch, _I64(first)), x)])
    a, b, c, d = (_take(builder, builder.gep(begin, [builder.mul(pitch, _I64(k))]), 8) for k in range(4))
    return _interleaved(builder, _interleaved(builder, a, c), _interleaved(builder, b, d))


@intrinsic
def put_4_side_by_side(typing, rows, pitch, x, target):
    """Put eight numbers from ``x`` on of four rows, ``pitch`` floats apart, to eight rows of an array (columns, 4)."""
    signature = types.void(rows, types.int64, types.int64, target)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 3)
        _, pitch, x, _ = arguments
        made = _side_by_side(builder, source, 0, pitch, x)
        _put(builder, made, builder.gep(target, [builder.mul(x, _I64(4))]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def put_8_side_by_side(typing, rows, pitch, x, target):
    """Put eight numbers from ``x`` on of eight rows, ``pitch`` floats apart, to eight rows of an array (columns, 8)."""
    signature = types.void(rows, types.int64, types.int64, target)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 3)
        _, pitch, x, _ = arguments
        upper, lower = (_side_by_side(builder, source, first, pitch, x) for first in (0, 4))
        for column in range(8):
            lanes = [4 * column + k for k in range(4)] + [32 + 4 * column + k for k in range(4)]
            made = builder.shuffle_vector(upper, lower, ir.Constant(ir.VectorType(_I32, 8), lanes))
            at = builder.mul(builder.add(x, _I64(column)), _I64(8))
            _put(builder, made, builder.gep(target, [at]))
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def put_colours_apart(typing, colours, x, rows, pitch):
    """Put red, green and blue of eight pixels (columns, 4) from ``x`` on to three rows, ``pitch`` floats apart."""
    signature = types.void(colours, types.int64, rows, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 2)
        _, x, _, pitch = arguments
        pixels = _take(builder, builder.gep(source, [builder.mul(x, _I64(4))]), 32)
        for colour in range(3):
            place = builder.gep(target, [builder.add(builder.mul(pitch, _I64(colour)), x)])
            _put(builder, _shuffle(builder, pixels, list(range(colour, 32, 4))), place)
        return context.get_dummy_value()

    return signature, generate
