"""What a back end is: it compiles a program once, and what it returns is run for every block of frames.

There are two: the compiler of rows for numba (`numba_rows`), and the printer of C++ for CUDA (`cuda_run`), whose
pictures may lie on a GPU. Another need only know the records of `program`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Protocol

import numpy as np

from n2s.runtime.render.kernels.program import Program


class Run(Protocol):
    """A compiled program, safe to be called by several threads at once.

    Parameters
    ----------
    first : int
        The number of the block's first frame.
    seeds : uint32 (steps,)
        As `node_seed` gives them, one for each pixel record; one number, of any value, where there is none.
    uniforms : float32 (B, columns)
        The numbers of each frame that the pixel records are given, where their columns say.
    thresholds : float32 (64, width)
        As `dither_pattern` gives them; layouts of floats do not look at them.
    pictures : sequence of float32 (B, 3, h, w), or (B, 1, h, w) for a matte
        One for each load, contiguous, of the heights and widths that the program was made for.
    out : array (B, *layout.shape(size))
        What is stored, of the layout's type; overwritten.
    moves : sequence of float32 (B, M, columns)
        One for each sample through lenses: the numbers of each frame that the lenses are given, where their columns
        say, at M moments from the opening of the shutter to its closing; one moment where nothing moves.
    offsets : sequence of float64 (B, 2)
        One for each sample by a fit that is moved: by how many rows and columns of the picture, in each frame.
    tables : sequence of float32 (1 or B, ...), contiguous and writeable
        Those of the pixel records in their order, as `Table.packed` gives them, one for all frames or one for each.

    Returns
    -------
    bool
        Whether NaN or infinity may be in what was read or made. Where it says no, there is none; where it says yes,
        there may be none either, because finite colours may overflow in a sum.
    """

    def __call__(
        self,
        first: int,
        seeds: np.ndarray,
        uniforms: np.ndarray,
        thresholds: np.ndarray,
        pictures: Sequence[np.ndarray],
        out: np.ndarray,
        tables: Sequence[np.ndarray] = (),
        moves: Sequence[np.ndarray] = (),
        offsets: Sequence[np.ndarray] = (),
    ) -> bool: ...


class BackEnd(Protocol):
    """Compiles programs; ``folder`` is where it may keep what it made between runs.

    What cannot be compiled raises `CompileError`, here or at the first run.
    """

    def compile(self, program: Program, folder: Path) -> Run: ...
