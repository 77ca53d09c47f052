"""Pixel code parted in two: what is the same in all rows is worked out once for each column of a frame.

Whatever is made of ``at.x``, ``at.u``, ``at.column`` and numbers alone, in the pixel function itself, moves into a
function that runs before the rows. The same arithmetic on the same numbers gives the same bits. What is the same in a
row needs no help: LLVM takes it out of the loop over a row, and what is the same in a frame with it.
"""

from __future__ import annotations

import ast
from dataclasses import dataclass
from functools import cache
from typing import cast

from n2s.graph.code.syntax import syntax_tree
from n2s.runtime.render.kernels.cuda_syntax import Functions
from n2s.runtime.render.kernels.cuda_types import AT, Refused
from n2s.runtime.render.kernels.pixels import PixelCode

Axes = frozenset[str]  # along which a value changes
STILL: Axes = frozenset()
ALONG: Axes = frozenset({"x"})
EVERYWHERE: Axes = frozenset({"x", "y"})
_FIELDS = {"x": ALONG, "u": ALONG, "column": ALONG, "y": {"y"}, "v": {"y"}, "row": {"y"}, "radius": EVERYWHERE}
_CHOICES = (ast.Compare, ast.BoolOp, ast.Tuple)  # they give no number


@dataclass(frozen=True)
class ByColumn:
    """Pixel code, parted.

    Attributes
    ----------
    columns, columns_text : str
        The function that returns the numbers of a column, as a tuple; it takes what the pixel function takes behind its
        pictures.
    count : int
        How many numbers it returns, float32.
    pixel, pixel_text : str
        The pixel function, which takes them as its last arguments.
    """

    columns: str
    columns_text: str
    count: int
    pixel: str
    pixel_text: str


@cache
def by_column(code: PixelCode) -> ByColumn | None:
    """Return pixel code without tables parted; None where nothing of it is the same in a column, or it has branches."""
    function = cast(ast.FunctionDef, syntax_tree(code.text).body[0])
    if not all(isinstance(statement, ast.Assign | ast.AugAssign | ast.Return) for statement in function.body):
        return None
    parting = _Parting([argument.arg for argument in function.args.args])
    for statement in function.body:
        parting.add(statement)
    if not parting.found:
        return None
    texts = parting.texts(f"{code.name}_columns", f"{code.name}_rest")
    made = ByColumn(f"{code.name}_columns", texts[0], len(parting.found), f"{code.name}_rest", texts[1])
    try:
        functions = Functions({**dict(code.helpers), made.columns: made.columns_text})
        given = functions.get(made.columns, [AT, *("f32" for _ in parting.numbers)]).type
    except Refused:
        return None
    return made if given == ("f32",) * made.count else None


class _Parting(ast.NodeTransformer):
    """Goes through the statements of a function; ``found`` are the names of what was moved out of it."""

    def __init__(self, arguments: list[str]):
        self.arguments, at = arguments, arguments.index("at")
        self.numbers = arguments[at + 1 :]
        self.axes: dict[str, Axes] = dict.fromkeys(arguments[: at + 1], EVERYWHERE)
        self.columns: list[ast.stmt] = []  # of the function of columns
        self.rest: list[ast.stmt] = []
        self.found: list[str] = []
        self._known: dict[str, str] = {}  # what was found last, by its text

    def texts(self, columns: str, rest: str) -> tuple[str, str]:
        """Return the texts of both functions."""
        parts = ast.Tuple([ast.Name(name, ast.Load()) for name in self.found], ast.Load())
        at = self.arguments.index("at")
        return (
            _function(columns, self.arguments[at:], [*self.columns, ast.Return(parts)]),
            _function(rest, [*self.arguments, *self.found], self.rest),
        )

    def add(self, statement: ast.stmt) -> None:
        """Take in a statement."""
        match statement:
            case ast.Return(value=value):
                self.rest.append(ast.Return(self._rest_of(cast(ast.expr, value))))
            case ast.AugAssign(target=ast.Name(id=name), op=op, value=value):
                self._assign([name], [ast.BinOp(ast.Name(name, ast.Load()), op, value)])
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=ast.Tuple(elts=values)):
                self._assign([cast(ast.Name, name).id for name in names], values)
            case ast.Assign(targets=[ast.Tuple(elts=names)], value=value):
                self._assign([cast(ast.Name, name).id for name in names], [value])
            case ast.Assign(targets=[ast.Name(id=name)], value=value):
                self._assign([name], [value])

    def _assign(self, names: list[str], values: list[ast.expr]) -> None:
        """Take in an assignment: of a value for each name, or of one for all."""
        axes = [self._axes_of(value) for value in values]
        shared = len(values) < len(names)
        parts = [names] if shared else [[name] for name in names]
        whole = [(part, value) for part, value, along in zip(parts, values, axes) if along <= ALONG]
        rest = [(part, self._rest_of(value)) for part, value, along in zip(parts, values, axes) if along != ALONG]
        for body, pairs in ((self.columns, whole), (self.rest, rest)):
            if pairs:
                body.append(_assignment(pairs, shared))
        for name, along in zip(names, axes * len(names) if shared else axes):
            self.axes[name] = along
            self._known = {text: known for text, known in self._known.items() if name not in _names(text)}

    def _rest_of(self, value: ast.expr) -> ast.expr:
        return cast(ast.expr, self.visit(value))

    def visit(self, node: ast.AST) -> ast.AST:
        """Put the name of a column's number in the place of what is the same in a column."""
        if not isinstance(node, ast.expr) or isinstance(node, ast.Attribute):
            return node
        if isinstance(node, _CHOICES) or self._axes_of(node) != ALONG:
            return self.generic_visit(node)
        text = ast.unparse(node)
        if text not in self._known:
            self._known[text] = f"of_column{len(self.found)}"
            self.found.append(self._known[text])
            self.columns.append(_assignment([([self._known[text]], node)], False))
        return ast.Name(self._known[text], ast.Load())

    def _axes_of(self, node: ast.expr) -> Axes:
        """Return the axes along which an expression changes."""
        match node:
            case ast.Attribute(value=ast.Name(id="at"), attr=field):
                return frozenset(_FIELDS.get(field, STILL))
            case ast.Name(id=name):
                return self.axes.get(name, STILL)
        return STILL.union(*(self._axes_of(part) for part in ast.iter_child_nodes(node) if isinstance(part, ast.expr)))


def _names(text: str) -> set[str]:
    return {node.id for node in ast.walk(syntax_tree(text)) if isinstance(node, ast.Name)}


def _assignment(pairs: list[tuple[list[str], ast.expr]], shared: bool) -> ast.stmt:
    """Return the assignment of values to names, all at once; of one to several if it is ``shared``."""
    names = [ast.Name(name, ast.Store()) for part, _ in pairs for name in part]
    values = [value for _, value in pairs]
    if len(names) == 1:
        return ast.Assign([names[0]], values[0])
    return ast.Assign([ast.Tuple(list(names), ast.Store())], values[0] if shared else ast.Tuple(values, ast.Load()))


def _function(name: str, arguments: list[str], body: list[ast.stmt]) -> str:
    made = cast(ast.FunctionDef, syntax_tree(f"def {name}({', '.join(arguments)}): pass").body[0])
    made.body = body
    return ast.unparse(ast.fix_missing_locations(made))
