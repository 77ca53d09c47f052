"""The loops over the pixels of a row: one, or with reads of tables one more for each read."""

from __future__ import annotations

from dataclasses import dataclass, field

from n2s.runtime.render.kernels.numba_tables import ROWS, ReadRows
from n2s.runtime.render.kernels.parted import part
from n2s.runtime.render.kernels.program import Pixel, Program


@dataclass
class Loop:
    """One loop over the pixels of a row.

    Attributes
    ----------
    pixels : list of int
        The numbers of the pixel records whose colours it computes.
    read : ReadRows or None
        The read that it makes the places for, which comes after it; None in the last loop, which stores.
    reader : int
        The number of the pixel record that reads.
    found : dict of int to list of ReadRows
        The reads before this loop, by their records.
    taken, kept : list of int
        The numbers of the pixel records whose colours it takes from loops before it, and keeps for loops after it.
    seen : set of int
        The numbers of the records whose colours it looks at, where they need a look.
    """

    pixels: list[int] = field(default_factory=list)
    read: ReadRows | None = None
    reader: int = -1
    found: dict[int, list[ReadRows]] = field(default_factory=dict)
    taken: list[int] = field(default_factory=list)
    kept: list[int] = field(default_factory=list)
    seen: set[int] = field(default_factory=set)


def loops_of(program: Program) -> list[Loop]:
    """Return the loops of a program in their order. What is loaded is loaded, and looked at, in the last one."""
    records = program.records
    loops = [Loop()]
    found: dict[int, list[ReadRows]] = {}
    for number, record in enumerate(records):
        if not isinstance(record, Pixel):
            continue
        for i, read in enumerate(part(record).reads):
            rows = ROWS[type(read.kind)](read, f"read{number}_{i}", record.table + read.table)
            loops[-1].read, loops[-1].reader = rows, number
            found.setdefault(number, []).append(rows)
            loops.append(Loop(found={reader: list(reads) for reader, reads in found.items()}))
        loops[-1].pixels.append(number)
    made: set[int] = set()  # in loops before
    for loop in loops:
        wanted = {source for number in loop.pixels for source in records[number].pictures}
        wanted |= set(records[loop.reader].pictures) if loop.read is not None else {program.store.source}
        loop.taken = sorted(wanted & made)
        loop.seen = set(loop.pixels)
        made |= set(loop.pixels)
    loops[-1].seen |= {number for number in program.colours if not isinstance(records[number], Pixel)}
    for loop in loops:
        loop.kept = [number for number in loop.pixels if any(number in other.taken for other in loops)]
    return loops
