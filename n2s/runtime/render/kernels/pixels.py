"""Pixel code, read and checked: the text of each `pixel` with float32 literals, and the helpers it calls."""

from __future__ import annotations

import ast
import contextlib
import inspect
from pathlib import Path
from typing import Any

from n2s.graph import shader
from n2s.graph.code.text import codes_in, digest_code
from n2s.graph.declare import Pointwise
from n2s.graph.errors import GraphError

HELPERS = {
    name: function
    for name, function in vars(shader).items()
    if inspect.isfunction(function) and function.__module__ == shader.__name__
}

HELPER_TEXTS = {name: inspect.getsource(function) for name, function in HELPERS.items()}  # as they were loaded

_ALLOWED = (
    ast.FunctionDef, ast.arguments, ast.arg, ast.Return, ast.Assign, ast.AugAssign, ast.Name, ast.Load, ast.Store,
    ast.BinOp, ast.UnaryOp, ast.Compare, ast.IfExp, ast.If, ast.Call, ast.Attribute, ast.Subscript, ast.Constant,
    ast.Tuple, ast.operator, ast.unaryop, ast.cmpop, ast.BoolOp, ast.boolop, ast.Expr, ast.keyword,
)  # fmt: skip


class PixelError(GraphError):
    """Pixel code that is not of the form that can be compiled; ``line`` is that of its file, 0 where there is none."""

    def __init__(self, cls: type[Pointwise], text: str, line: int):
        self.cls = cls
        code = cls.pixel.__code__
        self.text = f"pixel {text}" + (f" ({code.co_filename}:{line})" if line else "")
        super().__init__(f"{cls.__name__}: {self.text}.")


def uniform_names(cls: type[Pointwise]) -> list[str]:
    """Return the names of the numbers a pixel function takes, in order, after its pictures and ``at``."""
    names = list(inspect.signature(cls.pixel).parameters)
    return names[names.index("at") + 1 :]


def _pixel_source(cls: type[Pointwise], name: str, helpers: dict[str, str]) -> str:
    """Return a pixel function's source with float32 literals; collect the helpers it calls, each after those it needs."""
    function = cls.pixel
    tree = _definition(cls)
    tree.decorator_list, tree.name, tree.returns = [], name, None
    arguments = {arg.arg for arg in tree.args.args}
    local = {node.id for node in ast.walk(tree) if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store)}
    for node in ast.walk(tree):
        if not isinstance(node, _ALLOWED):
            line = getattr(node, "lineno", tree.lineno)
            raise PixelError(
                cls, f"has a {type(node).__name__}, which has no place in pixel code; see docs/writing-nodes.md", line
            )
        if isinstance(node, ast.Name) and node.id not in arguments | local | {"abs", "min", "max"}:
            if HELPERS.get(node.id) is not function.__globals__.get(node.id, object()):
                raise PixelError(cls, f"uses {node.id!r}; it may use its arguments and n2s.graph.shader", node.lineno)
            _collect(node.id, helpers)
    return ast.unparse(ast.fix_missing_locations(_Float32().visit(tree)))


def _definition(cls: type[Pointwise]) -> ast.FunctionDef:
    """Return the syntax tree of a class's pixel code as it is loaded: that of its definition, unless it was replaced since.

    Raises
    ------
    PixelError
        When there is no text of it, or only one of other code.
    """
    if cls.pixel.__name__ == "<lambda>":
        raise PixelError(cls, "is a lambda; give it a def statement of its own", cls.pixel.__code__.co_firstlineno)
    loaded = digest_code(cls.pixel.__code__)
    texts = [cls._pixel_text] if cls._pixel_text else []
    with contextlib.suppress(OSError, UnicodeError):  # a notebook may have put new code into the old function
        texts.append(Path(cls.pixel.__code__.co_filename).read_text(encoding="utf-8"))
    for text in texts:
        tree = ast.parse(text)  # compiled whole: what a module imports changes the code of its functions
        lines = {
            code.co_firstlineno
            for code in codes_in(compile(text, "pixel", "exec", dont_inherit=True))
            if digest_code(code) == loaded
        }
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef) and node.name == cls.pixel.__name__:
                if min(part.lineno for part in (node, *node.decorator_list)) in lines:
                    return node
    if texts:
        raise PixelError(
            cls, "is not what its file says: the file was edited after it was loaded. Start Python again", 0
        )
    raise PixelError(cls, "must live in a file, so that it can be compiled; it was typed or made at run time", 0)


def _collect(name: str, helpers: dict[str, str]) -> None:
    if name in helpers:
        return
    for used in HELPERS[name].__code__.co_names:
        if used in HELPERS:
            _collect(used, helpers)
    helpers[name] = HELPER_TEXTS[name]


class _Float32(ast.NodeTransformer):
    """Make every number of pixel code float32, but for indices."""

    def visit_Constant(self, node: ast.Constant) -> Any:
        if isinstance(node.value, bool) or not isinstance(node.value, int | float):
            return node
        return ast.Call(ast.Name("f32", ast.Load()), [node], [])

    def visit_Subscript(self, node: ast.Subscript) -> Any:
        node.value = self.visit(node.value)
        return node

    def visit_Expr(self, node: ast.Expr) -> Any:
        return None if isinstance(node.value, ast.Constant) else node
