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

from dataclasses import dataclass
from typing import Any, cast

from n2s.graph.declare import Table
from n2s.graph.placing import Placing
from n2s.runtime.media.resample import Taps, taps_for
from n2s.runtime.render.kernels.layouts import Layout
from n2s.runtime.render.kernels.pixels import PixelCode


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

    Rows and columns are mapped apart from each other, by tables. ``loose`` is how many rows and columns are not shown,
    so that what is shown can be moved, in each frame by other parts of a row and a column: such a fit has tables for
    each place. They have as many taps. ``placing`` puts the picture elsewhere in the frame, as colours or a ``matte``.
    """

    shape: tuple[int, int]
    size: tuple[int, int]
    loose: tuple[int, int] = (0, 0)
    placing: Placing | None = None
    matte: bool = False

    @property
    def tables(self) -> tuple[Taps, Taps]:
        """Where each row and each column comes from, and by which weights."""
        found = taps_for(self.shape, self.size, self.loose, placing=self.placing, matte=self.matte)
        return cast(tuple[Taps, Taps], found)

    @property
    def is_moved(self) -> bool:
        return self.loose != (0, 0)

    def moved(self, down: float, right: float) -> tuple[Taps, Taps]:
        """Return its tables where what is shown lies so many rows further down and columns further right."""
        return cast(tuple[Taps, Taps], taps_for(self.shape, self.size, self.loose, (down, right)))

    def __str__(self) -> str:
        moved = f", moved within {self.loose[1]}x{self.loose[0]}" if self.is_moved else ""
        placed = f", {self.placing.fit} at {self.placing.x:g} {self.placing.y:g}" if self.placing else ""
        return f"{self.size[0]}x{self.size[1]} comes from {self.shape[1]}x{self.shape[0]}{moved}{placed}"


@dataclass(frozen=True)
class Step:
    """The code of a node's author in a kernel, and what it takes.

    Attributes
    ----------
    node : str
        The type of its node.
    code : PixelCode
    pictures : tuple of int
        The values it takes; of a lens, the loads that it looks at beside.
    uniforms : tuple of str
        The numbers it takes, in neighbouring columns from ``column`` on: those of its frame, or of a lens those of the
        sample's moves.
    seed : int
        Where its seed stands among those that a run is given.
    """

    node: str
    code: PixelCode
    pictures: tuple[int, ...]
    uniforms: tuple[str, ...]
    column: int
    seed: int


@dataclass(frozen=True)
class LensStep(Step):
    """One lens of a map; ``edge`` is what lies beyond the frame that it reads.

    ``per_channel``: red, green and blue have places of their own; other lenses are told the channel 1.
    """

    edge: str
    per_channel: bool = False


@dataclass(frozen=True)
class Lenses:
    """The map of lenses that follow each other, the last in the film first: it is asked where each pixel comes from."""

    steps: tuple[LensStep, ...]

    @property
    def per_channel(self) -> bool:
        """Whether red, green and blue have places of their own."""
        return any(step.per_channel for step in self.steps)

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
    where: Any  # `Fit` or `Lenses`

    @property
    def gives_colours(self) -> bool:
        return isinstance(self.where, Lenses)

    def __str__(self) -> str:
        return f"sample   {self.source} where {self.where}"


@dataclass(frozen=True)
class Filter:
    """Weighted sums over the neighbourhood of the places that a sample tells, rows first, then columns.

    out = after(sum over j of columns[j] * (sum over i of rows[i] * before(source[i, j]))), both sums from the first tap
    to the last, in float32; with ``columns_first`` the sum over j is the inner one, which is made once for each row of
    the source: where there are fewer rows in it, that takes less time. The weights are those of the sample's map;
    ``before`` and ``after`` are functions of `n2s.graph.shader`, "" where values stay as they are. A matte is coverage,
    and no light: it stays, and is held within 0..1 when it is filtered.
    """

    source: int
    rows: int
    columns: int
    before: str
    after: str
    columns_first: bool = False

    def __str__(self) -> str:
        taps = f"{self.rows} rows and {self.columns} columns"
        if self.columns_first:
            taps = f"{self.columns} columns, then {self.rows} rows"
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
class Pixel(Step):
    """A colour made from colours of the same pixel.

    Attributes
    ----------
    channels : int
        1 where it makes a matte, which is held within 0..1.
    tables : tuple of (str, Table)
        The tables it reads, neighbours among those that a run is given, from ``table`` on.
    neutral : tuple of int
        Values that are mattes: where all of them are 0 it gives what ``passed`` is, to the last bit. A back end may use
        that, and need not.
    passed : int
    """

    channels: int = 3
    tables: tuple[tuple[str, Table], ...] = ()
    table: int = 0
    neutral: tuple[int, ...] = ()
    passed: int = 0

    def __str__(self) -> str:
        taken = f" of {', '.join(map(str, self.pictures))}" if self.pictures else ""
        names = [*self.uniforms, *(f"the {type(table).__name__.lower()} {name}" for name, table in self.tables)]
        given = f", given {', '.join(names)}" if names else ""
        passes = f", {self.passed} where {' and '.join(map(str, self.neutral))} show nothing" if self.neutral else ""
        return f"pixel    {self.node}{taken}{given}{', a matte' if self.channels == 1 else ''}{passes}"


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
    records: tuple[Any, ...]  # of `Record`; whoever follows a number knows which one stands there

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
    def moved(self) -> list[Sample]:
        """The samples of pictures that are shown moved."""
        fits = [sample for sample in self.records if isinstance(sample, Sample) and isinstance(sample.where, Fit)]
        return [sample for sample in fits if sample.where.is_moved]

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


def sources(record: Any) -> tuple[int, ...]:
    """Return the numbers of the records that a record reads."""
    if isinstance(record, Load | Full):
        return ()
    if isinstance(record, Sample) and record.gives_colours:
        return (record.source, *(picture for step in record.where.steps for picture in step.pictures))
    return record.pictures if isinstance(record, Pixel) else (record.source,)
