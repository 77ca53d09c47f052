"""Arrays and functions by their addresses, which are whole numbers of 64 bits."""

from __future__ import annotations

from llvmlite import ir
from numba import types
from numba.core import cgutils
from numba.extending import intrinsic

_FLOAT, _I32, _I64 = ir.FloatType(), ir.IntType(32), ir.IntType(64)


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
