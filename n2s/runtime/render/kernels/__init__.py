"""Generated kernels: a run of pointwise nodes, the resampling before it and the colour conversion after it, compiled
into one function that passes over memory once.

The source of every node's ``pixel`` is read (`pixels`), placed in the source of a function over frames (`numba_rows`), and
compiled into a file that is kept (`kept`).
"""

from n2s.runtime.media.resample import taps_for
from n2s.runtime.render.kernels.dither import dither_pattern
from n2s.runtime.render.kernels.kept import CompileError, compile_kernel
from n2s.runtime.render.kernels.numba_rows import Picture, generate
from n2s.runtime.render.kernels.pixels import PixelError, uniform_names
from n2s.runtime.render.kernels.seeds import node_seed

__all__ = [
    "CompileError",
    "Picture",
    "PixelError",
    "compile_kernel",
    "dither_pattern",
    "generate",
    "node_seed",
    "taps_for",
    "uniform_names",
]
