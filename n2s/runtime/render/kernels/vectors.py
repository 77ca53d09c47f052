"""Vector instructions for sums over pixels of light: red, green, blue and 0 side by side.

They are written for LLVM, which makes of them what the processor has. All are sums and products of float32, rounded one
by one, as everywhere in kernels.
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
    """Store four floats anywhere."""
    builder.store(value, builder.bitcast(pointer, _vector(4).as_pointer())).align = 4


def _shuffle(builder, value, lanes):
    undefined = ir.Constant(value.type, ir.Undefined)
    return builder.shuffle_vector(value, undefined, ir.Constant(ir.VectorType(_I32, len(lanes)), lanes))


def _spread(builder, number, n):
    """Return a vector of n times one number."""
    lane = builder.insert_element(ir.Constant(_vector(n), ir.Undefined), number, _I32(0))
    return _shuffle(builder, lane, [0] * n)


def _pointers(context, builder, signature, arguments, *which):
    return [context.make_array(signature.args[i])(context, builder, arguments[i]).data for i in which]


def _colours(context, builder, value, place_type):
    """Return red, green and blue of a vector as a tuple."""
    parts = [builder.extract_element(value, _I32(i)) for i in range(3)]
    return context.make_tuple(builder, place_type, parts)


_COLOURS = types.UniTuple(types.float32, 3)


def _load_weight(builder, weights, width, row, x):
    """Load the weight of a row or column from an array (taps, width)."""
    return builder.load(builder.gep(weights, [builder.add(builder.mul(width, _I64(row)), x)]))


def _across(builder, pairs, weights, width, x):
    """Return the sum over columns of vectors of two pixels each: those of even and of odd numbers, then both."""
    total = None
    for number, pair in enumerate(pairs):
        lanes = ir.Constant(_vector(8), ir.Undefined)
        for lane in range(2):
            weight = _load_weight(builder, weights, width, 2 * number + lane, x)
            lanes = builder.insert_element(lanes, weight, _I32(4 * lane))
        part = builder.fmul(pair, _shuffle(builder, lanes, [0] * 4 + [4] * 4))
        total = part if total is None else builder.fadd(total, part)
    return builder.fadd(_shuffle(builder, total, [0, 1, 2, 3]), _shuffle(builder, total, [4, 5, 6, 7]))


def _take_block(rows, columns, light, down, across):
    """Return the signature of a weighted sum of pixels, and what writes it."""
    signature = _COLOURS(light, types.int64, types.int64, down, types.int64, across, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        source, by_row, by_column = _pointers(context, builder, signature, arguments, 0, 3, 5)
        _, at, pitch, _, y, _, x, width = arguments
        first = builder.gep(source, [at])
        pairs = [None] * (columns // 2)
        for row in range(rows):
            weight = _spread(builder, _load_weight(builder, by_row, width, row, y), 8)
            line = builder.gep(first, [builder.mul(pitch, _I64(row))])
            for i, pair in enumerate(pairs):
                part = builder.fmul(_take(builder, builder.gep(line, [_I64(8 * i)]), 8), weight)
                pairs[i] = part if pair is None else builder.fadd(pair, part)
        return _colours(context, builder, _across(builder, pairs, by_column, width, x), signature.return_type)

    return signature, generate


@intrinsic
def take_4_by_4(typing, light, at, pitch, down, y, across, x, width):
    """Return the weighted sum of four rows of four pixels from ``at`` on, rows ``pitch`` floats apart.

    The weights of rows are those of column ``y`` of an array (4, width), those of columns of column ``x`` of another.
    """
    return _take_block(4, 4, light, down, across)


@intrinsic
def take_4_by_8(typing, light, at, pitch, down, y, across, x, width):
    """Return the same of four rows of eight pixels."""
    return _take_block(4, 8, light, down, across)


@intrinsic
def take_8_by_4(typing, light, at, pitch, down, y, across, x, width):
    """Return the same of eight rows of four pixels."""
    return _take_block(8, 4, light, down, across)


@intrinsic
def fetch_4_by_4(typing, light, at, pitch):
    """Ask for four rows of four pixels from ``at`` on, so that they lie in the cache when they are taken.

    A processor foresees reads that go straight on, and waits for others. It changes no value.
    """
    signature = types.void(light, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        (source,) = _pointers(context, builder, signature, arguments, 0)
        _, at, pitch = arguments
        byte = ir.IntType(8).as_pointer()
        form = ir.FunctionType(ir.VoidType(), [byte, _I32, _I32, _I32])
        fetch = cgutils.get_or_insert_function(builder.module, form, "llvm.prefetch.p0i8")
        for row in range(4):
            line = builder.gep(source, [builder.add(at, builder.mul(pitch, _I64(row)))])
            for end in (0, 15):  # four pixels are as long as a line of the cache, and mostly lie in two
                place = builder.bitcast(builder.gep(line, [_I64(end)]), byte)
                builder.call(fetch, [place, _I32(0), _I32(3), _I32(1)])  # to read, to keep near, data
        return context.get_dummy_value()

    return signature, generate


@intrinsic
def take_4(typing, line, at, across, width, x):
    """Return the weighted sum of four pixels of a line from ``at`` on: `take_4_by_4` where rows are summed already."""
    signature = _COLOURS(line, types.int64, across, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        source, columns = _pointers(context, builder, signature, arguments, 0, 2)
        _, at, _, width, x = arguments
        first = builder.gep(source, [at])
        pair = [_take(builder, builder.gep(first, [_I64(8 * half)]), 8) for half in range(2)]
        return _colours(context, builder, _across(builder, pair, columns, width, x), signature.return_type)

    return signature, generate


@intrinsic
def sum_pixels(typing, line, at, weights, target, to):
    """Put the weighted sum of some pixels of a line, from ``at`` on, to a pixel of another; weights are a tuple."""
    signature = types.void(line, types.int64, weights, target, types.int64)

    def generate(context, builder, signature, arguments):
        source, target = _pointers(context, builder, signature, arguments, 0, 3)
        _, at, weights, _, to = arguments
        first, total = builder.gep(source, [at]), None
        for i in range(len(signature.args[2])):
            weight = _spread(builder, builder.extract_value(weights, i), 4)
            part = builder.fmul(_take(builder, builder.gep(first, [_I64(4 * i)]), 4), weight)
            total = part if total is None else builder.fadd(total, part)
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
            part = builder.fmul(_spread(builder, builder.extract_value(weights, i), 4), cell)
            total = part if total is None else builder.fadd(total, part)
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


@intrinsic
def floats_at(typing, address):
    """Return the pointer to floats that an address means."""
    return _pointer_to(types.float32, _FLOAT)


@intrinsic
def numbers_at(typing, address):
    """Return the pointer to whole numbers of 64 bits that an address means."""
    return _pointer_to(types.int64, _I64)


@intrinsic
def small_numbers_at(typing, address):
    """Return the pointer to whole numbers of 32 bits that an address means."""
    return _pointer_to(types.int32, _I32)


def _pointer_to(number, form):
    def generate(context, builder, signature, arguments):
        return builder.inttoptr(arguments[0], form.as_pointer())

    return types.CPointer(number)(types.int64), generate


@intrinsic
def call_at(typing, address, argument):
    """Call a function that numba compiled, which takes one whole number, gives nothing and raises nothing."""

    def generate(context, builder, signature, arguments):
        pointer = ir.IntType(8).as_pointer()
        form = ir.FunctionType(_I32, [pointer.as_pointer(), pointer.as_pointer(), _I64])
        function = builder.inttoptr(arguments[0], form.as_pointer())
        given, raised = (cgutils.alloca_once(builder, pointer) for _ in range(2))
        builder.call(function, [given, raised, arguments[1]])
        return context.get_dummy_value()

    return types.void(types.int64, types.int64), generate
