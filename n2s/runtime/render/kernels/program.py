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

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from n2s.graph.declare import Node, Pointwise, Table
from n2s.graph.kinds.filter import halved
from n2s.graph.types import PICTURES
from n2s.plan.stages import FULL, Kernel, Lensing
from n2s.runtime.media.resample import Taps, taps_for
from n2s.runtime.render.kernels.pixels import PixelCode, read_pixel, table_names, uniform_names


@dataclass(frozen=True)
class Picture:
    """What a program needs to know of an input: its (height, width), and whether its colours are rounded to float16.

    ``channels`` is 1 for a matte. ``light`` says that colours are light, and of half the size of what is stored where
    they have not its size.
    """

    half: bool
    shape: tuple[int, int]
    channels: int = 3
    light: bool = False


@dataclass(frozen=True)
class Load:
    """The colours of a picture that a kernel is given, rounded to float16 (ties to even) where ``half``.

    A picture of one channel is a matte: a number in place of a colour, within 0..1.
    """

    picture: int
    half: bool
    channels: int = 3

    def __str__(self) -> str:
        what = "picture" if self.channels == 3 else "matte"
        return f"load     {what} {self.picture}{', rounded to float16' if self.half else ''}"


@dataclass(frozen=True)
class Full:
    """A matte that is 1 everywhere: what a port gives that may be left unconnected."""

    channels: int = 1

    def __str__(self) -> str:
        return "full     a matte that is 1 everywhere"


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
class LensStep:
    """One lens of a map.

    Attributes
    ----------
    node : str
        The type of its node.
    code : PixelCode
    pictures : tuple of int
        The loads that it looks at beside.
    uniforms : tuple of str
        The numbers it takes, in neighbouring columns of the sample's moves from ``column`` on.
    seed : int
        Where its seed stands among those that a run is given.
    edge : str
        What lies beyond the frame that it reads.
    """

    node: str
    code: PixelCode
    pictures: tuple[int, ...]
    uniforms: tuple[str, ...]
    column: int
    seed: int
    edge: str


@dataclass(frozen=True)
class Lenses:
    """The map of lenses that follow each other, the last in the film first: it is asked where each pixel comes from.

    ``per_channel``: red, green and blue have places of their own.
    """

    steps: tuple[LensStep, ...]
    per_channel: bool

    def __str__(self) -> str:
        each = ", each colour by itself" if self.per_channel else ""
        return f"{', then '.join(f'{step.node} ({step.edge})' for step in self.steps)} say{each}"


@dataclass(frozen=True)
class Sample:
    """A loaded picture, read elsewhere: for each pixel the place in the picture that a map tells.

    What lenses tell is read by the filter of `n2s.runtime.render.kernels.sampling`, and gives colours; what a fit tells
    is read by a `Filter`.
    """

    source: int
    where: Fit | Lenses

    @property
    def gives_colours(self) -> bool:
        return isinstance(self.where, Lenses)

    def __str__(self) -> str:
        return f"sample   {self.source} where {self.where}"


@dataclass(frozen=True)
class Filter:
    """Weighted sums over the neighbourhood of the places that a sample tells, rows first, then columns.

    out = after(sum over j of columns[j] * (sum over i of rows[i] * before(source[i, j]))), both sums from the first tap
    to the last, in float32. The weights are those of the sample's map; ``before`` and ``after`` are functions of
    `n2s.graph.shader`, "" where values stay as they are. A matte is coverage, and no light: it stays, and is held
    within 0..1 when it is filtered.
    """

    source: int
    rows: int
    columns: int
    before: str
    after: str

    def __str__(self) -> str:
        taps = f"{self.rows} rows and {self.columns} columns"
        return f"filter   {self.source} by {taps}, {self._values}"

    @property
    def _values(self) -> str:
        return f"from {self.before} to {self.after}" if self.before else "held within 0..1"


@dataclass(frozen=True)
class Enlarge:
    """A loaded picture of half the size, enlarged by the kernels of `pyramid`: rows first, then columns."""

    source: int

    def __str__(self) -> str:
        return f"enlarge  {self.source} to twice the size"


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
    channels : int
        1 where it makes a matte, which is held within 0..1.
    tables : tuple of (str, Table)
        The tables it reads, neighbours among those that a run is given, from ``table`` on.
    """

    node: str
    code: PixelCode
    pictures: tuple[int, ...]
    uniforms: tuple[str, ...]
    column: int
    seed: int
    channels: int = 3
    tables: tuple[tuple[str, Table], ...] = ()
    table: int = 0

    def __str__(self) -> str:
        taken = f" of {', '.join(map(str, self.pictures))}" if self.pictures else ""
        names = [*self.uniforms, *(f"the {type(table).__name__.lower()} {name}" for name, table in self.tables)]
        given = f", given {', '.join(names)}" if names else ""
        return f"pixel    {self.node}{taken}{given}{', a matte' if self.channels == 1 else ''}"


@dataclass(frozen=True)
class Layout:
    """How the colours of a frame lie in memory.

    ========  ======  =====================================================================================
    name      bits    one frame
    ========  ======  =====================================================================================
    planar    32      float32 (3, H, W), as it was computed
    halved    32      float32 (3, (H + 1) // 2, (W + 1) // 2), halved by the kernels of `pyramid`
    yuv420p   8, 10   one row of codes: H W of luma, then a quarter as many of blue and of red; BT.709 limited
    rgb       8, 16   codes (H, W, 3): floor(value * largest + threshold), value held within 0..1
    ========  ======  =====================================================================================

    Codes of more than 8 bits are uint16. A matte lies planar, in one plane.
    """

    name: str
    bits: int
    channels: int = 3

    def shape(self, size: tuple[int, int]) -> tuple[int, ...]:
        """The shape of a frame of a size (width, height)."""
        width, height = size
        planar = (self.channels, height, width)
        shapes = {
            "planar": planar,
            "halved": (3, *halved((height, width))),
            "yuv420p": (width * height * 3 // 2,),
            "rgb": (height, width, 3),
        }
        return shapes[self.name]

    @property
    def dtype(self) -> type[np.generic]:
        return np.float32 if self.bits == 32 else np.uint8 if self.bits == 8 else np.uint16

    @property
    def largest(self) -> int:
        """The largest code."""
        return 2**self.bits - 1

    def __str__(self) -> str:
        return f"{self.name}, {self.bits} bits{', one channel' if self.channels == 1 else ''}"


LAYOUTS = {
    "frames": Layout("planar", 32),
    "halved": Layout("halved", 32),
    "matte": Layout("planar", 32, 1),
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


Record = Load | Full | Sample | Filter | Enlarge | Pixel | Store


@dataclass(frozen=True)
class Program:
    """The records of a kernel, each after those it reads, for frames of a size (width, height); the last one stores."""

    size: tuple[int, int]
    records: tuple[Record, ...]

    def __post_init__(self) -> None:
        colours = (Load, Full, Filter, Enlarge, Pixel, Sample)
        reads = {
            Load: (), Full: (), Sample: (Load,), Filter: (Sample,), Enlarge: (Load,), Pixel: colours, Store: colours
        }  # fmt: skip
        for number, record in enumerate(self.records):
            for source in sources(record):
                if not (0 <= source < number and isinstance(self.records[source], reads[type(record)])):
                    raise ValueError(f"record {number} ({record}) cannot read {source}")
                if isinstance(self.records[source], Sample):
                    if self.records[source].gives_colours is isinstance(record, Filter):
                        raise ValueError(f"record {number} ({record}) cannot read {source}")
        if [isinstance(record, Store) for record in self.records] != [False] * (len(self.records) - 1) + [True]:
            raise ValueError("a program ends with its one store")
        if self.channels(self.store.source) != self.store.layout.channels:
            raise ValueError(f"a layout of {self.store.layout.channels} channels cannot store {self.store.source}")

    @property
    def store(self) -> Store:
        return self.records[-1]

    @property
    def pixels(self) -> list[Pixel]:
        return [record for record in self.records if isinstance(record, Pixel)]

    @property
    def lensed(self) -> list[Sample]:
        """The samples that lenses tell the places of."""
        return [record for record in self.records if isinstance(record, Sample) and record.gives_colours]

    @property
    def colours(self) -> list[int]:
        """The numbers of the records that give a colour to pixels or to the store."""
        inner = {
            source
            for record in self.records
            if isinstance(record, Sample | Filter | Enlarge)
            for source in sources(record)
        }
        return [number for number in range(len(self.records) - 1) if number not in inner]

    def channels(self, number: int) -> int:
        """Return how many channels the value of a record has: 3, or 1 for a matte."""
        record = self.records[number]
        return self.channels(record.source) if isinstance(record, Sample | Filter | Enlarge) else record.channels

    def is_held(self, number: int) -> bool:
        """Say whether a record makes a matte that has to be held within 0..1; others are when they arrive."""
        return self.channels(number) == 1 and isinstance(self.records[number], Filter | Pixel)

    def __str__(self) -> str:
        return "\n".join(f"{number:<2} {record}" for number, record in enumerate(self.records))


def sources(record: Record) -> tuple[int, ...]:
    """Return the numbers of the records that a record reads."""
    if isinstance(record, Load | Full):
        return ()
    if isinstance(record, Sample) and record.gives_colours:
        return (record.source, *(picture for step in record.where.steps for picture in step.pictures))
    return record.pictures if isinstance(record, Pixel) else (record.source,)


def program_of(
    kernel: Kernel,
    nodes: Mapping[str, Node],
    pictures: Sequence[Picture],
    output: str,
    size: tuple[int, int],
) -> Program:
    """Return the program of a kernel.

    Parameters
    ----------
    kernel : Kernel
    nodes : mapping of str to Node
        Those that it computes, by name.
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
    values: dict[tuple[str, int], int] = {}  # by what a kernel calls ("input", i) or ("step", i): its record's number
    lensings = kernel.lensings or (None,) * len(pictures)
    looked_at = {i for lensing in lensings if lensing for beside in lensing.pictures for i in beside}
    seed = 0
    for i, (picture, lensing) in enumerate(zip(pictures, lensings)):
        half = picture.half and lensing is None and i not in looked_at
        records.append(Load(i, half, picture.channels))
        if lensing:
            loads = [number for number, record in enumerate(records) if isinstance(record, Load)]
            records.append(Sample(len(records) - 1, _lenses(lensing, nodes, loads, seed)))
            seed += len(lensing.lenses)
        elif picture.light and picture.shape == halved((size[1], size[0])) != (size[1], size[0]):
            records.append(Enlarge(len(records) - 1))
        elif picture.shape != (size[1], size[0]):
            fit = Fit(picture.shape, size)
            rows, columns = (table.weights.shape[1] for table in fit.tables)
            records.append(Sample(len(records) - 1, fit))
            before, after = ("to_light", "to_display") if picture.channels == 3 else ("", "")
            records.append(Filter(len(records) - 1, rows, columns, before, after))
        values["input", i] = len(records) - 1
    if any(FULL in wires for wires in kernel.wiring):
        values[FULL] = len(records)
        records.append(Full())
    column = table = 0
    for i, (step, wires) in enumerate(zip(kernel.steps, kernel.wiring)):
        cls = type(nodes[step])
        names = tuple(uniform_names(cls))
        taken = tuple(values[wire] for wire in wires)
        values["step", i] = len(records)
        channels = PICTURES[next(iter(cls.outputs.values())).kind]
        tables = tuple((name, cls.tables[name]) for name in table_names(cls))
        code = read_pixel(cls)
        records.append(Pixel(cls.__name__, code, taken, names, column, seed + i, channels, tables, table))
        column, table = column + len(names), table + len(tables)
    records.append(Store(values[kernel.root], LAYOUTS[output]))
    return Program(size, tuple(records))


def _lenses(lensing: Lensing, nodes: Mapping[str, Node], loads: Sequence[int], seed: int) -> Lenses:
    """Return the map of some lenses, whose seeds begin at a place."""
    steps: list[LensStep] = []
    column = 0
    for i, (name, beside) in enumerate(zip(lensing.lenses, lensing.pictures)):
        lens = nodes[name]
        cls = type(lens)
        names = tuple(uniform_names(cls, "where"))
        pictures = tuple(loads[picture] for picture in beside)
        code = read_pixel(cls, "where")
        steps.append(LensStep(cls.__name__, code, pictures, names, column, seed + i, lens.edge))
        column += len(names)
    return Lenses(tuple(steps), any(type(nodes[name]).per_channel for name in lensing.lenses))


def program_of_source(cls: type[Pointwise], size: tuple[int, int], half_size: bool) -> Program:
    """Return the program of what a filter spreads: its ``source`` of one picture of a size, halved where it is said.

    Raises
    ------
    PixelError
        As `program_of` does.
    """
    pixel = Pixel(cls.__name__, read_pixel(cls, "source"), (0,), tuple(uniform_names(cls, "source")), 0, 0)
    return Program(size, (Load(0, False), pixel, Store(1, LAYOUTS["halved" if half_size else "frames"])))
