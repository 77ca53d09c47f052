"""The text of functions of modules of kernels, which are not imported for it: most import numba."""

from __future__ import annotations

import ast
from functools import cache
from pathlib import Path

from n2s.graph.code.syntax import syntax_tree


@cache
def function_of(module: str, name: str) -> tuple[str, frozenset[str]]:
    """Return the text of a function without decorators, and those names that it reads of its module ``module``."""
    tree = syntax_tree((Path(__file__).parent / f"{module}.py").read_text(encoding="utf-8"))
    bound: set[str] = set()
    for node in tree.body:
        match node:
            case ast.ImportFrom(names=aliases):
                bound |= {alias.name for alias in aliases}
            case ast.FunctionDef(name=defined):
                bound.add(defined)
            case ast.Assign(targets=targets):
                bound |= {part.id for target in targets for part in ast.walk(target) if isinstance(part, ast.Name)}
    for node in tree.body:
        if isinstance(node, ast.FunctionDef) and node.name == name:
            node.decorator_list = []
            read = {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}
            return ast.unparse(node), frozenset(read & bound)
    raise LookupError(name)
