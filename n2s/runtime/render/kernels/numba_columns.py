"""How kernels for numba work out once for each column of a frame what is the same in all of its rows."""

from __future__ import annotations

from collections.abc import Iterator

from n2s.runtime.render.kernels.by_column import ByColumn, by_column
from n2s.runtime.render.kernels.program import Pixel, Program
from n2s.runtime.render.kernels.writer import Writer

_PLACE = "At(at_x, f32(0), at_u, f32(0), f32(width), f32(height), f32(0), u32(0), column, frame, seed{})"


def columns_of(pixel: Pixel) -> ByColumn | None:
    """Return the code of a pixel record where a part of it is the same in a column; of code with tables None."""
    return None if pixel.tables else by_column(pixel.code)


def _parted(program: Program) -> Iterator[tuple[int, Pixel, ByColumn]]:
    for number, pixel in enumerate(program.records):
        if isinstance(pixel, Pixel) and (columns := columns_of(pixel)):
            yield number, pixel, columns


def write_columns_start(code: Writer, program: Program) -> None:
    """Write what is worked out once of places, and where what pixel code makes of them for a frame is put."""
    code.add("across, away = np.empty(width, np.float32), np.empty(width, np.float32)")
    with code.block("for x in range(width):"):
        code.add("at_x = f32(np.int32(x))", "across[x] = (at_x + f32(0.5)) / f32(width)")
        code.add("dx = at_x + f32(0.5) - half_width", "away[x] = dx * dx")
    # Read in the loops they would be read there over and over: a store might have changed them, for all LLVM knows.
    code.add(*(f"seed{pixel.seed} = u32(seeds[{pixel.seed}])" for pixel in program.pixels))
    for number, _, columns in _parted(program):
        code.add(f"columns{number} = np.empty(({columns.count}, width), np.float32)")
        code.add(*(f"columns{number}_{i} = columns{number}[{i}]" for i in range(columns.count)))


def write_columns(code: Writer, program: Program) -> None:
    """Write the loops over the columns of a frame."""
    for number, pixel, columns in _parted(program):
        given = [_PLACE.format(pixel.seed), *(f"step{pixel.seed}_{name}" for name in pixel.uniforms)]
        with code.block("for x in range(width):"):
            code.add("column = u32(x)", "at_x = f32(np.int32(x))", "at_u = across[x]")
            code.add(f"of_column = {columns.columns}({', '.join(given)})")
            code.add(*(f"columns{number}_{i}[x] = of_column[{i}]" for i in range(columns.count)))
