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
    """Load the weight of a row or column from an array (4, width)."""
    return builder.load(builder.gep(weights, [builder.add(builder.mul(width, _I64(row)), x)]))


def _across(builder, pair, weights, width, x):
    """Return the sum over four columns of two vectors of two pixels each."""
    total = None
    for half in range(2):
        lanes = ir.Constant(_vector(8), ir.Undefined)
        for lane in range(2):
            weight = _load_weight(builder, weights, width, 2 * half + lane, x)
            lanes = builder.insert_element(lanes, weight, _I32(4 * lane))
        part = builder.fmul(pair[half], _shuffle(builder, lanes, [0] * 4 + [4] * 4))
        total = part if total is None else builder.fadd(total, part)
    return builder.fadd(_shuffle(builder, total, [0, 1, 2, 3]), _shuffle(builder, total, [4, 5, 6, 7]))


@intrinsic
def take_4_by_4(typing, light, at, pitch, down, across, width, x):
    """Return the weighted sum of four rows of four pixels from ``at`` on, rows ``pitch`` floats apart.

    The weights of rows and columns are those of column ``x`` of two arrays (4, width).
    """
    signature = _COLOURS(light, types.int64, types.int64, down, across, types.int64, types.int64)

    def generate(context, builder, signature, arguments):
        source, rows, columns = _pointers(context, builder, signature, arguments, 0, 3, 4)
        _, at, pitch, _, _, width, x = arguments
        first = builder.gep(source, [at])
        pair = [None, None]
        for row in range(4):
            weight = _spread(builder, _load_weight(builder, rows, width, row, x), 8)
            line = builder.gep(first, [builder.mul(pitch, _I64(row))])
            for half in range(2):
                part = builder.fmul(_take(builder, builder.gep(line, [_I64(8 * half)]), 8), weight)
                pair[half] = part if pair[half] is None else builder.fadd(pair[half], part)
        return _colours(context, builder, _across(builder, pair, columns, width, x), signature.return_type)

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
def take_block(typing, light, at, pitch, down, height, across, breadth, width, x):
    """Return the weighted sum of ``height`` rows of ``breadth`` pixels, an even number, from ``at`` on.

    The weights are those of column ``x`` of two arrays (taps, width). Columns are summed in two lanes, those of even
    and of odd numbers, which are added at the end.
    """
    signature = _COLOURS(light, types.int64, types.int64, down, types.int64, across, *[types.int64] * 3)

    def generate(context, builder, signature, arguments):
        source, rows, columns = _pointers(context, builder, signature, arguments, 0, 3, 5)
        _, at, pitch, _, height, _, breadth, width, x = arguments
        nothing = ir.Constant(_vector(8), None)
        total = cgutils.alloca_once_value(builder, nothing)

        def weight_of(weights, tap):
            return builder.load(builder.gep(weights, [builder.add(builder.mul(width, tap), x)]))

        def add_pairs(first, count):
            """Add some pairs of columns, from one on, to the total: all of their sums over rows in one loop."""
            place = builder.add(at, builder.mul(first, _I64(8)))
            pairs = [cgutils.alloca_once(builder, _vector(8)) for _ in range(count)]
            for pair in pairs:
                builder.store(nothing, pair)
            with cgutils.for_range(builder, height) as over_rows:
                line = builder.gep(source, [builder.add(place, builder.mul(pitch, over_rows.index))])
                weight = _spread(builder, weight_of(rows, over_rows.index), 8)
                for i, pair in enumerate(pairs):
                    part = builder.fmul(_take(builder, builder.gep(line, [_I64(8 * i)]), 8), weight)
                    builder.store(builder.fadd(builder.load(pair), part), pair)
            for i, pair in enumerate(pairs):
                lanes = ir.Constant(_vector(8), ir.Undefined)
                for lane in range(2):
                    column = builder.add(builder.mul(first, _I64(2)), _I64(2 * i + lane))
                    lanes = builder.insert_element(lanes, weight_of(columns, column), _I32(4 * lane))
                part = builder.fmul(builder.load(pair), _shuffle(builder, lanes, [0] * 4 + [4] * 4))
                builder.store(builder.fadd(builder.load(total), part), total)

        # The usual breadths have code of their own, because sums that do not wait for each other are faster.
        usual, done = (2, 3, 4), builder.append_basic_block("done")
        blocks = [builder.append_basic_block(f"pairs{count}") for count in usual]
        other = builder.append_basic_block("others")
        pairs = builder.lshr(breadth, _I64(1))
        choice = builder.switch(pairs, other)
        for count, block in zip(usual, blocks):
            choice.add_case(_I64(count), block)
            with builder.goto_block(block):
                add_pairs(_I64(0), count)
                builder.branch(done)
        with builder.goto_block(other):
            with cgutils.for_range(builder, pairs) as over_pairs:
                add_pairs(over_pairs.index, 1)
            builder.branch(done)
        builder.position_at_end(done)
        both = builder.load(total)
        both = builder.fadd(_shuffle(builder, both, [0, 1, 2, 3]), _shuffle(builder, both, [4, 5, 6, 7]))
        return _colours(context, builder, both, signature.return_type)

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
