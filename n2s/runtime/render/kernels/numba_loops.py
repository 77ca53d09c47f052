"""The loops over the pixels of a row: one more after each read of a table, and where one would become long.

All numbers of long code do not fit into the registers of a processor, which stores and loads them over and over, and
cannot look far enough ahead to work on the next pixels meanwhile: the row between two loops costs less.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass, field
from functools import cache

from n2s.graph.code.syntax import syntax_tree
from n2s.runtime.render.kernels.numba_columns import columns_of
from n2s.runtime.render.kernels.numba_tables import ROWS, ReadRows
from n2s.runtime.render.kernels.parted import part
from n2s.runtime.render.kernels.pixels import PixelCode
from n2s.runtime.render.kernels.program import Pixel, Program

MOST = 256  # operations of a loop, where no single node has more


@dataclass
class Loop:
    """One loop over the pixels of a row.

    Attributes
    ----------
    pixels : list of int
        The numbers of the pixel records whose colours it computes.
    read : ReadRows or None
        The read that it makes the places for, which comes after it, if one does. The last loop stores.
    reader : int
        The number of the pixel record that reads.
    found : dict of int to list of ReadRows
        The reads before this loop, by their records.
    taken, kept : list of int
        The numbers of the pixel records whose colours it takes from loops before it, and keeps for loops after it.
    seen : set of int
        The numbers of the records whose colours it looks at, where they need a look.
    neutral : tuple of int
        Mattes: in a row in which all of them are 0, the pixel records that have some give what they pass on.
    """

    pixels: list[int] = field(default_factory=list)
    read: ReadRows | None = None
    reader: int = -1
    found: dict[int, list[ReadRows]] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)
    neutral: tuple[int, ...] = ()


def loops_of(program: Program) -> list[Loop]:
    """Return the loops of a program in their order. What is loaded is loaded, and looked at, in the last one."""
    records = program.records
    loops, operations = [Loop()], 0
    found: dict[int, list[ReadRows]] = {}
    for number, record in enumerate(records):
        if not isinstance(record, Pixel):
            continue
        for i, read in enumerate(part(record).reads):
            rows = ROWS[type(read.kind)](read, f"read{number}_{i}", record.table + read.table)
            loops[-1].read, loops[-1].reader = rows, number
            found.setdefault(number, []).append(rows)
            loops.append(_loop_after(found))
            operations = 0
        own = 0 if record.neutral else operations_of(record)  # it works in few rows
        if loops[-1].pixels and operations + own > MOST:
            loops.append(_loop_after(found))
            operations = 0
        loops[-1].pixels.append(number)
        loops[-1].neutral += record.neutral
        operations += own
    made: set[int] = set()  # in loops before
    for loop in loops:
        wanted = {source for number in loop.pixels for source in records[number].pictures}
        wanted |= set(records[loop.reader].pictures) if loop.read is not None else set()
        wanted |= {program.store.source} if loop is loops[-1] else set()
        loop.taken = sorted(wanted & made)
        loop.seen = set(loop.pixels)
        made |= set(loop.pixels)
    loops[-1].seen |= {number for number in program.colours if not isinstance(records[number], Pixel)}
    for loop in loops:
        loop.kept = [number for number in loop.pixels if any(number in other.taken for other in loops)]
    return loops


def _loop_after(found: dict[int, list[ReadRows]]) -> Loop:
    return Loop(found={reader: list(reads) for reader, reads in found.items()})


def operations_of(pixel: Pixel) -> int:
    """Return about how many operations a pixel takes: what is computed in the code, and in all that it calls.

    What is worked out once for each column is left out.
    """
    columns = columns_of(pixel)
    if columns is None:
        return _operations_of(pixel.code)
    return _operations_of(PixelCode(columns.pixel, columns.pixel_text, pixel.code.helpers))


@cache
def _operations_of(code: PixelCode) -> int:
    functions = {name: syntax_tree(text) for name, text in (*code.helpers, (code.name, code.text))}

    @cache
    def count(name: str) -> int:
        if name not in functions:
            return 1  # a function like max, or a type
        nodes = list(ast.walk(functions[name]))
        calls = [node.func for node in nodes if isinstance(node, ast.Call)]
        own = sum(isinstance(node, (ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp)) for node in nodes)
        return own + sum(count(getattr(called, "id", "")) for called in calls)

    return count(code.name)
