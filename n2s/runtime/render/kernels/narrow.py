"""What functions of one number say in a kernel that those of arrays say otherwise.

Whole numbers are computed with 32 bits: ``u32(a * b)`` becomes ``multiply32(a, b)`` of `integers`. ``np.minimum`` and
``np.maximum`` become ``min`` and ``max``, one instruction instead of four: like those they keep a first argument that
is NaN, and the second one is never NaN.
"""

from __future__ import annotations

import ast
from collections.abc import Iterable
from functools import cache

from n2s.graph.code.syntax import syntax_tree
from n2s.runtime.render.kernels.kept import digest_of

_FROM = "from n2s.runtime.render.kernels.integers"
_NAMES = {
    ast.Add: "add32", ast.Sub: "subtract32", ast.Mult: "multiply32", ast.BitAnd: "and32", ast.BitOr: "or32",
    ast.BitXor: "xor32", ast.LShift: "left32", ast.RShift: "right32",
}  # fmt: skip
_PLAIN = {"np.minimum": "min", "np.maximum": "max"}


def narrow_header(texts: Iterable[str]) -> str:
    """Return what a module of some functions needs where they are narrowed; "" where nothing in them is."""
    if all(narrowed(text) == text for text in texts):
        return ""
    names = ", ".join(sorted(_NAMES.values()))
    return f"# {digest_of('integers')} is the digest of the module that these come from.\n{_FROM} import {names}\n"


@cache
def narrowed(text: str) -> str:
    """Return the text of a function as it stands in a kernel."""
    tree = syntax_tree(text)
    narrow = _Narrow()
    narrow.visit(tree)
    return ast.unparse(ast.fix_missing_locations(tree)) if narrow.found else text


class _Narrow(ast.NodeTransformer):
    """Puts a call of `integers` in the place of each operation; ``found`` says whether there is one."""

    found = False

    def visit_Call(self, node: ast.Call) -> ast.expr:
        self.generic_visit(node)
        if (plain := _PLAIN.get(ast.unparse(node.func))) is not None:
            self.found = True
            return ast.Call(ast.Name(plain, ast.Load()), node.args, [])
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
