"""Whole numbers of pixel code, computed with 32 bits: ``u32(a * b)`` becomes ``multiply32(a, b)`` of `integers`."""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache

from n2s.runtime.render.kernels.kept import digest_of

_FROM = "from n2s.runtime.render.kernels.integers"
_NAMES = {
    ast.Add: "add32", ast.Sub: "subtract32", ast.Mult: "multiply32", ast.BitAnd: "and32", ast.BitOr: "or32",
    ast.BitXor: "xor32", ast.LShift: "left32", ast.RShift: "right32",
}  # fmt: skip


def narrow_header(texts: Iterable[str]) -> str:
    """Return what a module of some functions needs where they are narrowed; "" where nothing in them is."""
    if all(narrowed(text) == text for text in texts):
        return ""
    names = ", ".join(sorted(_NAMES.values()))
    return f"# {digest_of('integers')} is the digest of the module that these come from.\n{_FROM} import {names}\n"


@cache
def narrowed(text: str) -> str:
    """Return the text of a function with whole numbers of 32 bits where it says so: in ``u32(a + b)`` and the like."""
    tree = ast.parse(text)
    narrow = _Narrow()
    narrow.visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree)) if narrow.found else text


class _Narrow(ast.NodeTransformer):
    """Puts a call of `integers` in the place of each operation; ``found`` says whether there is one."""

    found = False

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        named = isinstance(node.func, ast.Name) and node.func.id == "u32"
        if not (named and len(node.args) == 1 and isinstance(node.args[0], ast.BinOp)):
            return node
        return self._called(node.args[0])

    def _called(self, value: ast.expr) -> ast.expr:
        if not isinstance(value, ast.BinOp) or type(value.op) not in _NAMES:
            return value
        self.found = True
        sides = [self._called(side) for side in (value.left, value.right)]
        return ast.Call(ast.Name(_NAMES[type(value.op)], ast.Load()), sides, [])
