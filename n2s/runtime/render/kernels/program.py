"""A kernel as data: records that say what is loaded, read, computed and stored for each pixel of a frame.

A program says nothing of how it is run; a back end (`back_end`) makes it into machine code. Each record gives a value
to those after it, which name it by its number. A decoded film that is graded and encoded is::

    0  load     picture 0, rounded to float16
    1  sample   0 where 640x360 comes from 512x288
    2  filter   1 by 4 rows and 4 columns, from to_light to to_display
    3  pixel    Tone of 2, given red, green, blue, lift, saturation
    4  store    3 as yuv420p, 8 bits
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from n2s.graph.declare import Pointwise, Table
from n2s.plan.stages import Kernel
from n2s.runtime.media.resample import Taps, taps_for
from n2s.runtime.render.kernels.pixels import PixelCode, read_pixel, table_names, uniform_names


@dataclass(frozen=True)
class Picture:
    """What a program needs to know of an input: its (height, width), and whether its colours are rounded to float16."""

    half: bool
    shape: tuple[int, int]


@dataclass(frozen=True)
class Load:
    """The colours of a picture that a kernel is given, rounded to float16 (ties to even) where ``half``."""

    picture: int
    half: bool

    def __str__(self) -> str:
        return f"load     picture {self.picture}{', rounded to float16' if self.half else ''}"


@dataclass(frozen=True)
class Fit:
    """The map that crops a picture (height, width) at its centre to the aspect of a size (width, height) and scales it.

    Rows and columns are mapped apart from each other, by tables.
    """

    shape: tuple[int, int]
    size: tuple[int, int]

    @property
    def tables(self) -> tuple[Taps, Taps]:
        """Where each row and each column comes from, and by which weights."""
        return taps_for(self.shape, self.size)

    def __str__(self) -> str:
        return f"{self.size[0]}x{self.size[1]} comes from {self.shape[1]}x{self.shape[0]}"


@dataclass(frozen=True)
class Sample:
    """A loaded picture, read elsewhere: for each pixel the place in the picture that a map tells."""

    source: int
    where: Fit

    def __str__(self) -> str:
        return f"sample   {self.source} where {self.where}"


@dataclass(frozen=True)
class Filter:
    """Weighted sums over the neighbourhood of the places that a sample tells, rows first, then columns.

    out = after(sum over j of columns[j] * (sum over i of rows[i] * before(source[i, j]))), both sums from the first tap
    to the last, in float32. The weights are those of the sample's map; ``before`` and ``after`` are functions of
    `n2s.graph.shader`.
    """

    source: int
    rows: int
    columns: int
    before: str
    after: str

    def __str__(self) -> str:
        taps = f"{self.rows} rows and {self.columns} columns"
        return f"filter   {self.source} by {taps}, from {self.before} to {self.after}"


@dataclass(frozen=True)
class Pixel:
    """A step: a colour made from colours of the same pixel.

    Attributes
    ----------
    node : str
        The type of its node.
    code : PixelCode
    pictures : tuple of int
        The values it takes.
    uniforms : tuple of str
        The numbers it takes, once per frame, in neighbouring columns from ``column`` on.
    seed : int
        Where its seed stands among those that a run is given.
    tables : tuple of (str, Table)
        The tables it reads, neighbours among those that a run is given, from ``table`` on.
    """

    node: str
    code: PixelCode
    pictures: tuple[int, ...]
    uniforms: tuple[str, ...]
    column: int
    seed: int
    tables: tuple[tuple[str, Table], ...] = ()
    table: int = 0

    def __str__(self) -> str:
        names = [*self.uniforms, *(f"the {type(table).__name__.lower()} {name}" for name, table in self.tables)]
        given = f", given {', '.join(names)}" if names else ""
        return f"pixel    {self.node} of {', '.join(map(str, self.pictures))}{given}"


@dataclass(frozen=True)
class Layout:
    """How the colours of a frame lie in memory.

    ========  ======  =====================================================================================
    name      bits    one frame
    ========  ======  =====================================================================================
    planar    32      float32 (3, H, W), as it was computed
    yuv420p   8, 10   one row of codes: H W of luma, then a quarter as many of blue and of red; BT.709 limited
    rgb       8, 16   codes (H, W, 3): floor(value * largest + threshold), value held within 0..1
    ========  ======  =====================================================================================

    Codes of more than 8 bits are uint16.
    """

    name: str
    bits: int

    def shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """The shape of a frame of a size (width, height)."""
        width, height = size
        shapes = {"planar": (3, height, width), "yuv420p": (width * height * 3 // 2,), "rgb": (height, width, 3)}
        return shapes[self.name]

    @property
    def dtype(self) -> type[np.generic]:
        return np.float32 if self.name == "planar" else np.uint8 if self.bits == 8 else np.uint16

    @property
    def largest(self) -> int:
        """The largest code."""
        return 2**self.bits - 1

    def __str__(self) -> str:
        return f"{self.name}, {self.bits} bits"


LAYOUTS = {
    "frames": Layout("planar", 32),
    "yuv8": Layout("yuv420p", 8),
    "yuv10": Layout("yuv420p", 10),
    "rgb8": Layout("rgb", 8),
    "rgb16": Layout("rgb", 16),
}


@dataclass(frozen=True)
class Store:
    """What comes out, in a layout."""

    source: int
    layout: Layout

    def __str__(self) -> str:
        return f"store    {self.source} as {self.layout}"


Record = Load | Sample | Filter | Pixel | Store


@dataclass(frozen=True)
class Program:
    """The records of a kernel, each after those it reads, for frames of a size (width, height); the last one stores."""

    size: tuple[int, int]
    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        colours = (Load, Filter, Pixel)
        reads = {Load: (), Sample: (Load,), Filter: (Sample,), Pixel: colours, Store: colours}
        for number, record in enumerate(self.records):
            for source in sources(record):
                if not (0 <= source < number and isinstance(self.records[source], reads[type(record)])):
                    raise ValueError(f"record {number} ({record}) cannot read {source}")
        if [isinstance(record, Store) for record in self.records] != [False] * (len(self.records) - 1) + [True]:
            raise ValueError("a program ends with its one store")

    @property
    def store(self) -> Store:
        return self.records[-1]

    @property
    def pixels(self) -> list[Pixel]:
        return [record for record in self.records if isinstance(record, Pixel)]

    @property
    def colours(self) -> list[int]:
        """The numbers of the records that give a colour to pixels or to the store."""
        inner = {record.source for record in self.records if isinstance(record, Sample | Filter)}
        return [number for number in range(len(self.records) - 1) if number not in inner]

    def __str__(self) -> str:
        return "\n".join(f"{number:<2} {record}" for number, record in enumerate(self.records))


def sources(record: Record) -> tuple[int, ...]:
    """Return the numbers of the records that a record reads."""
    if isinstance(record, Load):
        return ()
    return record.pictures if isinstance(record, Pixel) else (record.source,)


def program_of(
    kernel: Kernel,
    nodes: Sequence[type[Pointwise]],
    pictures: Sequence[Picture],
    output: str,
    size: tuple[int, int],
) -> Program:
    """Return the program of a kernel.

    Parameters
    ----------
    kernel : Kernel
    nodes : sequence of classes
        Those of ``kernel.steps``.
    pictures : sequence of Picture
        One for each of ``kernel.inputs``.
    output : str
        A name of `LAYOUTS`.
    size : pair of int
        The (width, height) of what is stored.

    Raises
    ------
    PixelError
        When the pixel code of a node is not of the form that can be compiled.
    """
    records: list[Record] = []
    values: dict[
        tuple[str, int], int
    ] = {}  # what a kernel calls ("input", i) or ("step", i), by the number of its record
    for i, picture in enumerate(pictures):
        records.append(Load(i, picture.half))
        if picture.shape != (size[1], size[0]):
            fit = Fit(picture.shape, size)
            rows, columns = (table.weights.shape[1] for table in fit.tables)
            records.append(Sample(len(records) - 1, fit))
            records.append(Filter(len(records) - 1, rows, columns, "to_light", "to_display"))
        values["input", i] = len(records) - 1
    column = table = 0
    for i, (cls, wires) in enumerate(zip(nodes, kernel.wiring)):
        names = tuple(uniform_names(cls))
        taken = tuple(values[wire] for wire in wires)
        values["step", i] = len(records)
        tables = tuple((name, cls.tables[name]) for name in table_names(cls))
        records.append(Pixel(cls.__name__, read_pixel(cls), taken, names, column, i, tables, table))
        column, table = column + len(names), table + len(tables)
    records.append(Store(values[kernel.root], LAYOUTS[output]))
    return Program(size, tuple(records))
