"""Pixel code that reads tables, parted at its reads.

A loop with reads at places that are computed does not vectorise. So the code before a read, the read, and the code
after it run in loops of their own over a row: all but the reads vectorise.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from typing import cast

from n2s.graph.code.syntax import syntax_tree
from n2s.graph.declare import Table
from n2s.runtime.render.kernels.pixels import TABLE_READERS
from n2s.runtime.render.kernels.program import Pixel


@dataclass(frozen=True)
class Read:
    """One read of a table.

    Attributes
    ----------
    table : int
        Which of its pixel record's tables is read.
    kind : Table
    before : str
        The function that returns the place, as a tuple; it takes what the pixel function takes, without tables, and
        then what the reads before this one found.
    text : str
        The text of that function.
    """

    table: int
    kind: Table
    before: str
    text: str


@dataclass(frozen=True)
class Parted:
    """Pixel code without its reads: ``name`` takes what they found as its last arguments."""

    reads: tuple[Read, ...]
    name: str
    text: str


@cache
def part(pixel: Pixel) -> Parted:
    """Return the code of a pixel record parted at its reads; code that reads nothing is as it was."""
    code = pixel.code
    if not pixel.tables:
        return Parted((), code.name, code.text)
    function = cast(ast.FunctionDef, syntax_tree(code.text).body[0])
    parting = _Parting(pixel, function)
    for statement in function.body:
        parting.done.append(parting.visit(statement))
    name = f"{code.name}_found"
    return Parted(tuple(parting.reads), name, parting.function(name, parting.done))


class _Parting(ast.NodeTransformer):
    """Puts a name for what it finds in the place of each read; ``done`` are the statements before the current one."""

    def __init__(self, pixel: Pixel, function: ast.FunctionDef):
        self.tables = [name for name, _ in pixel.tables]
        self.kinds = dict(pixel.tables)
        self.name = pixel.code.name
        self.arguments = [a.arg for a in function.args.args if a.arg not in self.tables]
        self.done: list[ast.stmt] = []
        self.reads: list[Read] = []

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)  # a read inside another comes first
        if not (isinstance(node.func, ast.Name) and node.func.id in TABLE_READERS):
            return node
        table, *place = node.args
        read = cast(ast.Name, table).id
        name = f"{self.name}_place{len(self.reads)}"
        text = self.function(name, [*self.done, ast.Return(ast.Tuple(place, ast.Load()))])
        self.reads.append(Read(self.tables.index(read), self.kinds[read], name, text))
        return ast.Name(_found(len(self.reads) - 1), ast.Load())

    def function(self, name: str, body: list[ast.stmt]) -> str:
        """Return the text of a function of what pixel code takes and of what the reads so far found."""
        names = [*self.arguments, *(_found(number) for number in range(len(self.reads)))]
        made = cast(ast.FunctionDef, syntax_tree(f"def {name}({', '.join(names)}): pass").body[0])
        made.body = body
        return ast.unparse(ast.fix_missing_locations(made))


def _found(number: int) -> str:
    return f"found_by_read{number}"
