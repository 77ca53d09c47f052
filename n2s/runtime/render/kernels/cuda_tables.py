"""How kernels for CUDA read tables: the places of `n2s.graph.shader`, then the sums of `numba_tables`."""

from __future__ import annotations

from n2s.runtime.render.kernels.cuda_syntax import Functions
from n2s.runtime.render.kernels.cuda_types import COLOUR, TableType, Value, c_name, code

_SIDES = {"read_line": ("rows",), "read_cube": ("rows",), "read_tile": ("rows", "columns")}
_LINE = """\
    const int cell = whole_i(place._0) * 4;
    const float part = (float)place._1, rest = 1.0f - part;
    const float *low = table.numbers + cell, *high = low + 4;
    return {{fmaf(part, high[0], rest * low[0]), fmaf(part, high[1], rest * low[1]),
            fmaf(part, high[2], rest * low[2])}};"""
_CUBE = """\
    const float *a = table.numbers + whole_i(place._0) * 4, *b = table.numbers + whole_i(place._1) * 4;
    const float *c = table.numbers + whole_i(place._2) * 4, *d = a + (table.rows * table.rows + table.rows + 1) * 4;
    const float p = (float)place._3, q = (float)place._4, r = (float)place._5, s = (float)place._6;
    return {{fmaf(s, d[0], fmaf(r, c[0], fmaf(q, b[0], p * a[0]))),
            fmaf(s, d[1], fmaf(r, c[1], fmaf(q, b[1], p * a[1]))),
            fmaf(s, d[2], fmaf(r, c[2], fmaf(q, b[2], p * a[2])))}};"""
_TILE = """\
    const float *found = table.numbers + whole_i(place) * {step};
    return {found};"""


def read_function(table: TableType, taken: tuple, functions: Functions) -> Value:
    """Return the C function that reads a table with numbers of some types, and the type of what it gives."""
    sides = _SIDES[table.reader]
    place = functions.get(f"{table.reader.removeprefix('read_')}_place", (*("f32" for _ in sides), *taken))
    gives = COLOUR if table.channels == 3 else "f32"
    name = f"{table.reader}{table.channels}_{''.join(map(code, taken))}"
    names = [f"at{i}" for i in range(len(taken))]
    arguments = ", ".join(["Table table", *(f"{c_name(kind)} {at}" for kind, at in zip(taken, names))])
    found = "{found[0], found[1], found[2]}" if table.channels == 3 else "found[0]"
    body = {"read_line": _LINE, "read_cube": _CUBE, "read_tile": _TILE}[table.reader]
    given = ", ".join([*(f"(float)table.{side}" for side in sides), *names])
    lines = [
        f"__device__ inline {functions.type_of(gives)} {name}({arguments}) {{",
        f"    const {functions.type_of(place.type)} place = {place.text}({given});",
        body.format(found=found, step=4 if table.channels == 3 else 1),
        "}",
    ]
    functions.add("\n".join(lines))
    return Value(name, gives)
