"""Programs of the kernels of a plan."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import cast

from n2s.graph.declare import Node, Pointwise
from n2s.graph.kinds.filter import halved
from n2s.graph.placing import Placing
from n2s.graph.types import FRAMES, PICTURES
from n2s.plan.stages import FULL, Kernel, Lensing
from n2s.runtime.render.kernels.layouts import LAYOUTS
from n2s.runtime.render.kernels.pixels import read_pixel, table_names, uniform_names
from n2s.runtime.render.kernels.program import (
    Enlarge,
    Filter,
    Fit,
    Full,
    Lenses,
    LensStep,
    Load,
    Pixel,
    Program,
    Record,
    Sample,
    Store,
)


@dataclass(frozen=True)
class Picture:
    """What a program needs to know of an input: its (height, width), and whether its colours are rounded to float16.

    ``channels`` is 1 for a matte. ``light`` says that colours are light, and of half the size of what is stored where
    they have not its size. ``loose`` is how many rows and columns are not shown, so that the others can be moved;
    ``placing`` is where it lies in the frame, if it does not cover it.
    """

    half: bool
    shape: tuple[int, int]
    channels: int = 3
    light: bool = False
    loose: tuple[int, int] = (0, 0)
    placing: Placing | None = None


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
        elif picture.shape != (size[1], size[0]) or picture.loose != (0, 0) or picture.placing:
            fit = Fit(picture.shape, size, picture.loose, picture.placing, picture.channels == 1)
            rows, columns = (table.weights.shape[1] for table in fit.tables)
            records.append(Sample(len(records) - 1, fit))
            before, after = ("to_light", "to_display") if picture.channels == 3 else ("", "")
            # Of fewer rows than are made, columns are summed once for each of them.
            columns_first = picture.shape[0] < size[1]
            records.append(Filter(len(records) - 1, rows, columns, before, after, columns_first))
        values["input", i] = len(records) - 1
    if any(FULL in wires for wires in kernel.wiring):
        values[FULL] = len(records)
        records.append(Full())
    column = table = 0
    for i, (step, wires) in enumerate(zip(kernel.steps, kernel.wiring)):
        cls = type(nodes[step])
        method = nodes[step].pixel_code()
        names = tuple(uniform_names(cls, method))
        taken = tuple(values[wire] for wire in wires)
        values["step", i] = len(records)
        channels = PICTURES[next(iter(cls.outputs.values())).kind]
        tables = tuple((name, cls.tables[name]) for name in table_names(cls, method))
        code = read_pixel(cls, method)
        neutral, passed = _neutral(nodes[step], taken, records)
        records.append(
            Pixel(cls.__name__, code, taken, names, column, seed + i, channels, tables, table, neutral, passed)
        )
        column, table = column + len(names), table + len(tables)
    records.append(Store(values[kernel.root], LAYOUTS[output]))
    return Program(size, tuple(records))


def _neutral(node: Node, taken: tuple[int, ...], records: Sequence[Record]) -> tuple[tuple[int, ...], int]:
    """Return the mattes where a node does nothing, if all come from memory, and the picture that it gives there."""
    kinds = [kind for kind in node.ports.values() if kind in PICTURES]
    ports = dict(zip((port for port, kind in node.ports.items() if kind in PICTURES), taken))
    mattes = tuple(ports[name] for name in cast(Pointwise, node).neutral_mattes)
    if not mattes or not all(isinstance(records[number], Load | Filter) for number in mattes):
        return (), 0
    return mattes, taken[kinds.index(FRAMES)]


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
        steps.append(LensStep(cls.__name__, code, pictures, names, column, seed + i, lens.edge, cls.per_channel))
        column += len(names)
    return Lenses(tuple(steps))


def program_of_source(cls: type[Pointwise], size: tuple[int, int], half_size: bool) -> Program:
    """Return the program of what a filter spreads: its ``source`` of one picture of a size, halved where it is said.

    Raises
    ------
    PixelError
        As `program_of` does.
    """
    pixel = Pixel(cls.__name__, read_pixel(cls, "source"), (0,), tuple(uniform_names(cls, "source")), 0, 0)
    return Program(size, (Load(0, False), pixel, Store(1, LAYOUTS["halved" if half_size else "frames"])))
