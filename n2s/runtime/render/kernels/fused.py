"""A product and a sum in one instruction, for numba, which has none.

LLVM makes it of what the processor has, a vector of them in loops; where it has none, it calls the C library, which
gives the same bits and takes its time. What it gives never changes, so kernels that are kept know it by its name.
"""

from __future__ import annotations

from typing import Any

from numba import types
from numba.extending import intrinsic


@intrinsic
def _fused(typing, a, b, c):
    def generate(context, builder, signature, arguments):
        return builder.fma(*arguments)

    return types.float32(types.float32, types.float32, types.float32), generate


fma: Any = _fused  # a * b + c of float32, rounded once; `n2s.graph.shader.fma` computes it from Python
