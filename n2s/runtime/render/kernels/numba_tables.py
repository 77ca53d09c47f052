"""How rows that numba computes read tables: the places of a row first, then what lies there."""

from __future__ import annotations

from n2s.graph.declare import Cube, Line, Tile
from n2s.runtime.render.kernels.parted import Read
from n2s.runtime.render.kernels.writer import Writer


class ReadRows:
    """Writes one read of a table.

    The loop before it leaves ``rows`` numbers for each pixel in ``{name}_place``: what the function ``place`` of
    `n2s.graph.shader` gives. The read leaves colours in ``{name}_found``.
    """

    place = ""
    rows = 0
    shape: tuple[int, ...] = ()  # which axes of the table are the first arguments of ``place``

    def __init__(self, read: Read, name: str, table: int):
        self.read, self.name, self.table = read, name, f"table{table}"
        self.channels = 3

    @property
    def found(self) -> str:
        """What was found for the pixel at x."""
        found = [f"{self.name}_found{channel}[x]" for channel in range(self.channels)]
        return f"({', '.join(found)})" if self.channels > 1 else found[0]

    def write_start(self, code: Writer) -> None:
        """Write what is done once."""
        code.add(f"{self.name}_place = np.empty(({self.rows}, width), np.float32)")
        code.add(*(f"{self.name}_place{i} = {self.name}_place[{i}]" for i in range(self.rows)))
        code.add(f"{self.name}_found = np.empty(({self.channels}, width), np.float32)")
        code.add(*(f"{self.name}_found{i} = {self.name}_found[{i}]" for i in range(self.channels)))
        sides = [f"f32({self.table}.shape[{axis}])" for axis in self.shape]
        self.sides = [f"{self.name}_side{i}" for i in range(len(sides))]
        code.add(*(f"{name} = {side}" for name, side in zip(self.sides, sides)))

    def write_place(self, code: Writer, call: str) -> None:
        """Write what keeps the place of the pixel at x; ``call`` gives what pixel code reads the table with."""
        names = [f"{self.name}_place{i}[x]" for i in range(self.rows)]
        code.add(f"place = {call}")
        given = [*self.sides, *(f"place[{i}]" for i in range(self.arguments))]
        code.add(f"{', '.join(names)} = {self.place}({', '.join(given)})")

    def write_read(self, code: Writer) -> None:
        """Write the loop over a row that reads. Unsigned numbers spare a look for negative ones at each read."""
        code.add(f"cells = {self.table}[f if {self.table}.shape[0] > 1 else 0].reshape(-1)")
        code.add(*(f"place{i} = {self.name}_place{i}" for i in range(self.rows)))
        with code.block("for x in range(width):"):
            self.write_pixel(code)

    def write_pixel(self, code: Writer) -> None:
        raise NotImplementedError


class LineRows(ReadRows):
    place, rows, shape, arguments = "line_place", 2, (1,), 1

    def write_pixel(self, code: Writer) -> None:
        code.add("low, part = u64(np.int32(place0[x])) * u64(4), place1[x]", "rest = f32(1) - part")
        for channel in range(3):
            low, high = f"cells[low + u64({channel})]", f"cells[low + u64({channel + 4})]"
            code.add(f"{self.name}_found{channel}[x] = rest * {low} + part * {high}")


class CubeRows(ReadRows):
    place, rows, shape, arguments = "cube_place", 7, (1,), 3

    def write_read(self, code: Writer) -> None:
        code.add(f"size = u64({self.table}.shape[1])", "far = (size * size + size + u64(1)) * u64(4)")
        super().write_read(code)

    def write_pixel(self, code: Writer) -> None:
        code.add(*(f"cell{i} = u64(np.int32(place{i}[x])) * u64(4)" for i in range(3)), "cell3 = cell0 + far")
        code.add(*(f"weight{i} = place{i + 3}[x]" for i in range(4)))
        for channel in range(3):
            total = " + ".join(f"weight{i} * cells[cell{i} + u64({channel})]" for i in range(4))
            code.add(f"{self.name}_found{channel}[x] = {total}")


class TileRows(ReadRows):
    place, rows, shape, arguments = "tile_place", 1, (1, 2), 2

    def __init__(self, read: Read, name: str, table: int):
        super().__init__(read, name, table)
        self.channels = read.kind.channels

    def write_pixel(self, code: Writer) -> None:
        step = 4 if self.channels > 1 else 1
        code.add(f"cell = u64(np.int32(place0[x])) * u64({step})")
        code.add(*(f"{self.name}_found{i}[x] = cells[cell + u64({i})]" for i in range(self.channels)))


ROWS = {Line: LineRows, Cube: CubeRows, Tile: TileRows}
