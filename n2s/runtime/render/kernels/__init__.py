"""Kernels: a run of pointwise nodes, the resampling before it and the conversion after it, in one pass over memory.

What a kernel does is a program, plain records (`program`); the source of each node's ``pixel`` is read and checked for
them (`pixels`). A back end (`back_end`) compiles a program: `numba_rows` for processors, whose machine code is kept in
files (`kept`), and `cuda_run` for GPUs, which gives the same bits.
"""

from n2s.runtime.render.kernels.back_end import Run
from n2s.runtime.render.kernels.dither import dither_pattern
from n2s.runtime.render.kernels.from_plan import Picture, program_of, program_of_source
from n2s.runtime.render.kernels.kept import CompileError
from n2s.runtime.render.kernels.layouts import LAYOUTS
from n2s.runtime.render.kernels.numba_lenses import MOMENTS
from n2s.runtime.render.kernels.numba_rows import NumbaRows
from n2s.runtime.render.kernels.pixels import PixelError, table_names, uniform_names
from n2s.runtime.render.kernels.program import Program
from n2s.runtime.render.kernels.seeds import node_seed

compile_program = NumbaRows().compile

__all__ = [
    "LAYOUTS",
    "MOMENTS",
    "CompileError",
    "Picture",
    "PixelError",
    "Program",
    "Run",
    "compile_program",
    "dither_pattern",
    "node_seed",
    "program_of",
    "program_of_source",
    "table_names",
    "uniform_names",
]
