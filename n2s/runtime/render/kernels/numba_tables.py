"""How rows that numba computes read tables: the places of a row first, then what lies there."""

from __future__ import annotations

from abc import ABC, abstractmethod
from typing import Any, cast

from n2s.graph.declare import Cube, Line, Tile
from n2s.runtime.render.kernels.parted import Read
from n2s.runtime.render.kernels.writer import Writer


class ReadRows(ABC):
    """Writes one read of a table.

    The loop before it leaves in rows, for each pixel, what the function ``place`` of `n2s.graph.shader` gives: first
    the numbers of ``cells``, as whole numbers, because turning them into some costs as much as a read; then
    ``weights``. The read leaves what it found in rows again.
    """

    place = ""
    cells = weights = 0
    sides: tuple[int, ...] = ()  # the axes of the table whose lengths are the first arguments of ``place``
    arguments = 0  # how many numbers pixel code reads it with
    channels = 3

    def __init__(self, read: Read, name: str, table: int):
        self.read, self.name, self.table = read, name, f"table{table}"

    @property
    def found(self) -> str:
        """What was found for the pixel at x."""
        if self.channels == 1:
            return f"{self.name}_found[x]"
        return f"({', '.join(f'{self.name}_found[u64(4) * u64(x) + u64({channel})]' for channel in range(3))})"

    @property
    def step(self) -> int:
        """How many numbers a cell of the table has."""
        return 4 if self.channels > 1 else 1

    def write_start(self, code: Writer) -> None:
        """Write what is done once."""
        for what, count, kind in (("cell", self.cells, "int32"), ("weight", self.weights, "float32")):
            if count:
                code.add(f"{self.name}_{what} = np.empty(({count}, width), np.{kind})")
                code.add(*(f"{self.name}_{what}{i} = {self.name}_{what}[{i}]" for i in range(count)))
        code.add(f"{self.name}_found = np.empty({self.step} * width, np.float32)")  # a colour is put there at once
        code.add(*(f"{self.name}_side{axis} = f32({self.table}.shape[{axis}])" for axis in self.sides))

    def write_place(self, code: Writer, call: str) -> None:
        """Write what keeps the place of the pixel at x; ``call`` gives what pixel code reads the table with."""
        given = [f"{self.name}_side{axis}" for axis in self.sides] + [f"read[{i}]" for i in range(self.arguments)]
        code.add(f"read = {call}", f"place = {self.place}({', '.join(given)})")
        value = "place[{}]" if self.cells + self.weights > 1 else "place"
        for i in range(self.cells):
            code.add(f"{self.name}_cell{i}[x] = np.int32({value.format(i)}) * np.int32({self.step})")
        code.add(*(f"{self.name}_weight{i}[x] = {value.format(self.cells + i)}" for i in range(self.weights)))

    def write_read(self, code: Writer) -> None:
        """Write the loop over a row that reads. Unsigned numbers spare a look for negative ones at each read."""
        code.add(f"numbers = {self.table}[f if {self.table}.shape[0] > 1 else 0].reshape(-1)")
        with code.block("for x in range(width):"):
            code.add(*(f"cell{i} = u64({self.name}_cell{i}[x])" for i in range(self.cells)))
            code.add(*(f"weight{i} = {self.name}_weight{i}[x]" for i in range(self.weights)))
            self.write_pixel(code)

    @abstractmethod
    def write_pixel(self, code: Writer) -> None:
        """Write what reads for the pixel at x."""


class LineRows(ReadRows):
    place, cells, weights, sides, arguments = "line_place", 1, 1, (1,), 1

    def write_pixel(self, code: Writer) -> None:
        weights = "(f32(1) - weight0, weight0)"
        code.add(f"sum_cells(numbers, (cell0, cell0 + u64(4)), {weights}, {self.name}_found, x)")


class CubeRows(ReadRows):
    place, cells, weights, sides, arguments = "cube_place", 3, 4, (1,), 3

    def write_read(self, code: Writer) -> None:
        code.add(f"size = u64({self.table}.shape[1])", "far = (size * size + size + u64(1)) * u64(4)")
        super().write_read(code)

    def write_pixel(self, code: Writer) -> None:
        cells, weights = "(cell0, cell1, cell2, cell0 + far)", "(weight0, weight1, weight2, weight3)"
        code.add(f"sum_cells(numbers, {cells}, {weights}, {self.name}_found, x)")


class TileRows(ReadRows):
    place, cells, sides, arguments = "tile_place", 1, (1, 2), 2

    def __init__(self, read: Read, name: str, table: int):
        super().__init__(read, name, table)
        self.channels = cast(Any, read.kind).channels

    def write_pixel(self, code: Writer) -> None:
        colour = f"copy_cell(numbers, cell0, {self.name}_found, x)"
        code.add(f"{self.name}_found[x] = numbers[cell0]" if self.channels == 1 else colour)


ROWS = {Line: LineRows, Cube: CubeRows, Tile: TileRows}
