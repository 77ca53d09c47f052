"""Pixel code, read and checked: the text of each `pixel` with float32 literals, and of the functions it calls.

numba would compute in float64 wherever a plain number takes part, and fused would differ from unfused; so every number
becomes float32. The text is that of the code that is loaded, never one that was edited since.
"""

from __future__ import annotations

import ast
import builtins
import contextlib
import inspect
import math
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches
from functools import cache, lru_cache
from pathlib import Path
from types import FunctionType
from typing import Any, cast

import numpy as np

from n2s.graph import shader
from n2s.graph.code.syntax import syntax_tree
from n2s.graph.code.text import codes_in, digest_code
from n2s.graph.declare import Node
from n2s.graph.errors import GraphError
from n2s.graph.keys import digest_bytes
from n2s.runtime.render.kernels.shapes import Function, ShapeError, check_shapes, shapes_of

HELPERS = {
    name: function
    for name, function in vars(shader).items()
    if inspect.isfunction(function) and function.__module__ == shader.__name__
}
HELPER_TEXTS = {name: inspect.getsource(function) for name, function in HELPERS.items()}  # as they were loaded
TABLE_READERS = ("read_line", "read_cube", "read_tile")
WITHOUT_TABLES = ("source", "where", "step")  # methods of filters, lenses and echoes
COMPILED = ("fma",)  # helpers that back ends have an instruction for, in place of their text

_ALLOWED = (
    ast.Return, ast.Assign, ast.AugAssign, ast.Name, ast.Load, ast.Store, ast.BinOp, ast.UnaryOp, ast.Compare,
    ast.IfExp, ast.If, ast.Call, ast.Attribute, ast.Subscript, ast.Constant, ast.Tuple, ast.operator, ast.unaryop,
    ast.cmpop, ast.BoolOp, ast.boolop, ast.Expr, ast.keyword,
)  # fmt: skip
_BUILTINS = ("abs", "max", "min")
_WORDS = {  # what is refused, as people call it
    ast.For: "a for loop", ast.AsyncFor: "a for loop", ast.While: "a while loop", ast.Break: "a break",
    ast.Continue: "a continue", ast.Try: "a try statement", ast.TryStar: "a try statement", ast.Raise: "a raise",
    ast.With: "a with statement", ast.AsyncWith: "a with statement", ast.Assert: "an assert", ast.Delete: "a del",
    ast.Match: "a match statement", ast.Pass: "a pass", ast.Import: "an import", ast.ImportFrom: "an import",
    ast.Global: "a global statement", ast.Nonlocal: "a nonlocal statement", ast.AnnAssign: "an annotated variable",
    ast.FunctionDef: "a def inside it", ast.AsyncFunctionDef: "a def inside it", ast.ClassDef: "a class inside it",
    ast.Lambda: "a lambda", ast.ListComp: "a list comprehension", ast.SetComp: "a set comprehension",
    ast.DictComp: "a dict comprehension", ast.GeneratorExp: "a generator expression", ast.List: "a list",
    ast.Set: "a set", ast.Dict: "a dict", ast.JoinedStr: "an f-string", ast.NamedExpr: "a := assignment",
    ast.Starred: "a starred argument", ast.Slice: "a slice", ast.Yield: "a yield", ast.YieldFrom: "a yield",
    ast.Await: "an await",
}  # fmt: skip


class PixelError(GraphError):
    """Pixel code that is not of the form that can be compiled; ``line`` is that of its file, 0 where there is none."""

    def __init__(self, cls: type[Node], method: str, text: str, line: int, function: FunctionType):
        self.cls = cls
        called = "" if function is getattr(cls, method) else f"calls {function.__name__}, which "
        self.text = f"{method} {called}{text}" + (f" ({function.__code__.co_filename}:{line})" if line else "")
        super().__init__(f"{cls.__name__}: {self.text}.")


@dataclass(frozen=True)
class PixelCode:
    """The text of a pixel function, called ``name``, and of the functions it calls, each after those that it calls.

    Names tell by a digest what is in the text, so that functions of one name from several modules can stand side by
    side. The texts name ``np``, ``f32`` and ``u32`` (numpy, float32 and uint32), ``abs``, ``min`` and ``max``, and each
    other.
    """

    name: str
    text: str
    helpers: tuple[tuple[str, str], ...]


def read_pixel(cls: type[Node], method: str = "pixel") -> PixelCode:
    """Return the pixel code of a class of nodes, or another static method that is compiled like it.

    Raises
    ------
    PixelError
        When it, or a function that it calls, is not of the form that can be compiled, takes something for what it is
        not (a tuple for a number, a name that ``at`` does not have), does not give what is wanted on every path, or
        there is no text of it.
    """
    reader = _Reader(cls, method)
    name = reader.read(getattr(cls, method))
    try:
        check_shapes(reader.functions, name, *shapes_of(cls, method))
    except ShapeError as error:
        raise PixelError(cls, method, error.text, error.line, error.function) from None
    text = reader.texts.pop(name)
    return PixelCode(name, text, tuple(reader.texts.items()))


def helper_texts(*names: str) -> dict[str, str]:
    """Return the texts of functions of `n2s.graph.shader`, each after those that it calls."""
    texts: dict[str, str] = {}
    for name in (name for name in names if name not in COMPILED):
        texts |= helper_texts(*(used for used in HELPERS[name].__code__.co_names if used in HELPERS))
        texts[name] = HELPER_TEXTS[name]
    return texts


@cache
def _helper(name: str) -> Function:
    return Function(HELPERS[name], cast(ast.FunctionDef, syntax_tree(HELPER_TEXTS[name]).body[0]), is_helper=True)


def uniform_names(cls: type[Node], method: str = "pixel") -> list[str]:
    """Return the names of the numbers a pixel function takes, in order, after its pictures and ``at``."""
    tables = getattr(cls, "tables", ())
    return [name for name in _names_after_at(cast(Any, cls), method) if name not in tables]


def table_names(cls: type[Node], method: str = "pixel") -> list[str]:
    """Return the names of the tables that a pixel function takes, in order."""
    return [name for name in _names_after_at(cast(Any, cls), method) if name in cls.tables]


@cache
def _names_after_at(cls: type[Node], method: str) -> tuple[str, ...]:
    names = tuple(inspect.signature(getattr(cls, method)).parameters)
    return names[names.index("at") + 1 :]


@lru_cache(maxsize=64)
def _functions_in(text: str) -> tuple[dict[str, set[int]], dict[str, list[tuple[int, str]]]]:
    """Return what a module's text says of its functions: their first lines, by the digest of their code and by name.

    Beside each line of a name is the text from there on, which `_parsed` reads: whoever asks for a tree may change it,
    and all of a module's take much memory. A text is compiled whole, as what a module imports changes the code of its
    functions.
    """
    lines: dict[str, set[int]] = {}
    for code in codes_in(compile(text, "pixel", "exec", dont_inherit=True)):
        lines.setdefault(digest_code(code), set()).add(code.co_firstlineno)
    functions: dict[str, list[tuple[int, str]]] = {}
    rows = text.split("\n")
    for node in ast.walk(syntax_tree(text)):
        if isinstance(node, ast.FunctionDef):
            line = min(part.lineno for part in (node, *node.decorator_list))
            functions.setdefault(node.name, []).append((line, "\n".join(rows[line - 1 : node.end_lineno])))
    return lines, functions


def _parsed(text: str, line: int) -> ast.FunctionDef:
    """Return the syntax tree of a function whose text, as it stands in its file, begins with a line of it."""
    is_inside = text[0].isspace()  # a class, or another function
    tree: Any = syntax_tree(f"if True:\n{text}" if is_inside else text).body[0]
    found = tree.body[0] if is_inside else tree
    return ast.increment_lineno(found, line - 1 - is_inside)


class _Reader:
    """Reads the functions behind one pixel function; ``texts`` are theirs by name, each after those that it calls.

    ``functions`` are the same by the same names, as their trees are translated, at the lines of their files.
    """

    def __init__(self, cls: type[Node], method: str):
        self.cls, self.method, self.function = cls, method, getattr(cls, method)
        self.texts: dict[str, str] = {}
        self.functions: dict[str, Function] = {}
        self._under_way: list[FunctionType] = []

    def read(self, function: FunctionType) -> str:
        """Take in a function and return its name in the text."""
        if function in self._under_way:
            raise self._error("calls itself", function.__code__.co_firstlineno, function)
        self._under_way.append(function)
        tree = self._definition(function)
        self._check(function, tree)
        self._check_tables(function, tree)
        translated = _Float32(dict(self._meanings(function, tree))).visit(tree)
        translated.decorator_list, translated.returns = [], None
        for argument in translated.args.args:
            argument.annotation = None
        name = f"{self.method if function is self.function else function.__name__}_{_digest(translated)}"
        translated.name = name
        self.texts[name] = ast.unparse(ast.fix_missing_locations(translated))
        self.functions[name] = Function(function, translated)
        self._under_way.pop()
        return name

    def _definition(self, function: FunctionType) -> ast.FunctionDef:
        """Return the syntax tree of a function as it is loaded, which is not always what its file says by now."""
        code = function.__code__
        if function.__name__ == "<lambda>":
            raise self._error("is a lambda; give it a def statement of its own", code.co_firstlineno, function)
        loaded = digest_code(code)
        texts = [self.cls._pixel_text] if self.cls._pixel_text else []
        with contextlib.suppress(OSError, UnicodeError):  # a notebook may have put new code into the old function
            texts.append(Path(code.co_filename).read_text(encoding="utf-8"))
        for text in texts:
            lines, functions = _functions_in(text)
            for line, kept in functions.get(function.__name__, ()):
                if line in lines.get(loaded, ()):
                    return _parsed(kept, line)
        if texts:
            said = "is not what its file says: the file was edited after it was loaded. Start Python again"
        else:
            said = "must live in a file, so that it can be compiled; it was typed or made at run time"
        raise self._error(said, 0, function)

    def _error(self, text: str, line: int, function: FunctionType) -> PixelError:
        return PixelError(self.cls, self.method, text, line, function)

    def _check(self, function: FunctionType, tree: ast.FunctionDef) -> None:
        """Refuse statements, arguments and decorators that have no place in pixel code."""

        def refuse(text: str, line: int) -> None:
            raise self._error(text, line, function)

        for node in (part for statement in tree.body for part in ast.walk(statement)):
            if not isinstance(node, _ALLOWED):
                word, line = _WORDS.get(type(node), "syntax"), getattr(node, "lineno", tree.lineno)
                refuse(f"has {word}; pixel code is assignments, if, return and calls of plain functions", line)
        if function.__code__.co_freevars:
            refuse(f"takes {function.__code__.co_freevars[0]!r} from the function around it", tree.lineno)
        if function is not self.function:
            plain = ast.arguments([], tree.args.args, None, [], [], None, [])
            if ast.dump(tree.args) != ast.dump(plain):
                refuse("takes other than plain arguments without defaults", tree.lineno)
            if tree.decorator_list:
                refuse("is decorated", tree.lineno)
        if reserved := {"f32", "u32", "np"} & _assigned(tree):
            refuse(f"has a variable named {min(reserved)}, which stands for a type of number", tree.lineno)

    def _check_tables(self, function: FunctionType, tree: ast.FunctionDef) -> None:
        """Refuse reads of tables where the back end cannot part the code: before the read, and after it."""
        may_read = function is self.function and self.method not in WITHOUT_TABLES
        tables = self.cls.tables if may_read else {}
        read: set[int] = set()  # the names of tables that stand where they may
        returned = False
        for statement in tree.body:
            branches = [node for node in ast.walk(statement) if isinstance(node, ast.If | ast.IfExp | ast.BoolOp)]
            branched = {id(part) for branch in branches for part in ast.walk(branch)}
            for node in cast(Iterable[Any], ast.walk(statement)):
                if (reader := _reader(node, function)) is None:
                    continue
                table = node.args[0].id if node.args and isinstance(node.args[0], ast.Name) else None
                if not may_read:
                    said = f"calls {reader}; only pixel itself reads tables. Give the function what was read"
                elif table not in tables or tables[table].reader != reader:
                    known = ", ".join(name for name, each in tables.items() if each.reader == reader)
                    said = f"calls {reader}, which reads one of the node's tables by its name: {known or 'it has none'}"
                elif node.keywords or len(node.args) != len(inspect.signature(HELPERS[reader]).parameters):
                    said = f"calls {reader} with other arguments than {inspect.signature(HELPERS[reader])}"
                elif id(node) in branched or returned:
                    said = f"calls {reader} in a branch or after one that returns; read first, and choose afterwards"
                else:
                    read.add(id(node.args[0]))
                    continue
                raise self._error(said, node.lineno, function)
            returned |= any(isinstance(node, ast.Return) for node in ast.walk(statement))
        for node in (part for statement in tree.body for part in ast.walk(statement)):
            if isinstance(node, ast.Name) and node.id in tables and id(node) not in read:
                call = f"{tables[node.id].reader}({node.id}, …)"
                said = f"uses the table {node.id}; it may only be read, in pixel itself, by {call}"
                raise self._error(said, node.lineno, function)

    def _meanings(self, function: FunctionType, tree: ast.FunctionDef) -> Iterator[tuple[str, str | int | float]]:
        """Yield what the module's names in a function mean: the name of a function in the texts, or a number."""
        own = _assigned(tree) | {argument.arg for argument in tree.args.args}
        for node in (part for statement in tree.body for part in ast.walk(statement)):
            if not isinstance(node, ast.Name) or node.id in own:
                continue
            value: Any = function.__globals__.get(node.id, getattr(builtins, node.id, None))
            if node.id in _BUILTINS and value is getattr(builtins, node.id):
                continue
            if isinstance(value, np.floating | np.integer):
                value = value.item()
            if isinstance(value, FunctionType) and HELPERS.get(value.__name__) is value:
                self.texts |= helper_texts(value.__name__)
                self.functions[value.__name__] = _helper(value.__name__)
                yield node.id, value.__name__
            elif isinstance(value, FunctionType) and _package(value) == _package(function):
                yield node.id, self.read(value)
            elif isinstance(value, int | float) and type(value) in (int, float) and math.isfinite(value):
                yield node.id, value
            elif node.id in self.cls.params() and function is self.function:
                raise self._error(f"does not take {node.id}, which is declared", node.lineno, function)
            elif node.id in self.cls.settings() and function is self.function:
                said = f"does not take {node.id}; a setting is given to it by prepare or fill, as a number or a table"
                raise self._error(said, node.lineno, function)
            else:
                may = "its arguments, n2s.graph.shader, and functions and finite numbers of its own package"
                raise self._error(
                    f"uses {node.id!r}; {_meant(node.id, own) or f'it may use {may}'}", node.lineno, function
                )


def _meant(name: str, known: Iterable[str]) -> str:
    """Return what a name in pixel code that means nothing there is probably meant to be; "" where nothing is near."""
    if name in ("np", "numpy", "math"):
        return "for a single pixel there are abs, min and max, and the functions of n2s.graph.shader"
    if name in HELPERS:
        return f"import it: from n2s.graph.shader import {name}"
    near = get_close_matches(name, [*known, *HELPERS], 1, 0.7)
    return f'did you mean "{near[0]}"?' if near else ""


def _reader(node: ast.AST, function: FunctionType) -> str | None:
    """Return the name of the function by which a piece of code reads a table; None where it does not."""
    if isinstance(node, ast.Call) and isinstance(node.func, ast.Name):
        value = function.__globals__.get(node.func.id)
        name = getattr(value, "__name__", "")
        return name if name in TABLE_READERS and HELPERS.get(name) is value else None
    return None


def _package(function: FunctionType) -> str:
    return function.__module__.partition(".")[0]


def _assigned(tree: ast.FunctionDef) -> set[str]:
    """Return the names that a function gives values to."""
    return {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}


def _digest(tree: ast.FunctionDef) -> str:
    return digest_bytes(ast.dump(tree).encode())[:8]


class _Float32(ast.NodeTransformer):
    """Make every number of pixel code float32, but for indices; put in what the names of its module mean."""

    def __init__(self, meanings: dict[str, str | int | float]):
        self._meanings = meanings

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return node
        return ast.copy_location(ast.Call(ast.Name("f32", ast.Load()), [node], []), node)

    def visit_Name(self, node: ast.Name) -> Any:
        meaning = self._meanings.get(node.id, node.id)
        made = ast.Name(meaning, node.ctx) if isinstance(meaning, str) else self.visit(ast.Constant(meaning))
        return ast.copy_location(made, node)

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        node.value = self.visit(node.value)
        if isinstance(node.slice, ast.Name) and isinstance(meaning := self._meanings.get(node.slice.id), int):
            node.slice = ast.Constant(meaning)
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        return None if isinstance(node.value, ast.Constant) else node
