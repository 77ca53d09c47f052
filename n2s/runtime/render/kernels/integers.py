"""Arithmetic of whole numbers of 32 bits, for numba, which computes with 64 and cuts the result down to 32.

LLVM often sees that the upper half is not needed, but not in a hash: there it multiplied 64 bits twice as often as 32
would have to be, a tenth of the time of tone and grain. They are written for LLVM, and give the same bits.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic


def _operation(name: str) -> Any:
    """Return an intrinsic that computes a whole number without a sign from two of any size."""

    @intrinsic
    def operation(typing, a, b):
        def generate(context, builder, signature, arguments):
            a, b = (context.cast(builder, *pair, types.uint32) for pair in zip(arguments, signature.args))
            return getattr(builder, name)(a, b)

        if isinstance(a, types.Integer) and isinstance(b, types.Integer):
            return types.uint32(a, b), generate
        return None

    return operation


add32, subtract32, multiply32 = _operation("add"), _operation("sub"), _operation("mul")
and32, or32, xor32 = _operation("and_"), _operation("or_"), _operation("xor")
left32, right32 = _operation("shl"), _operation("lshr")
