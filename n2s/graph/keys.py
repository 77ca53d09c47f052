"""Digests: of plain data, of arrays, and of code, so that nobody bumps a version by hand."""

from __future__ import annotations

import ast
import hashlib
import inspect
import json
import textwrap
from collections.abc import Callable
from functools import cache
from types import FunctionType
from typing import Any

import numpy as np

from n2s.graph.expressions import Expression, Number
from n2s.graph.types import Link


def digest(value: Any) -> str:
    """Return 40 hexadecimal digits that name plain data (dicts, lists, text, numbers) by its content."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return digest_bytes(text.encode())


def digest_bytes(data: Any) -> str:
    """Return 40 hexadecimal digits that name some bytes."""
    return hashlib.blake2b(data, digest_size=20).hexdigest()


def digest_array(array: np.ndarray) -> str:
    """Return 40 hexadecimal digits that name an array by its type, shape and bytes."""
    array = np.ascontiguousarray(array)
    hasher = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=20)
    hasher.update(memoryview(array).cast("B") if array.size else b"")
    return hasher.hexdigest()


def plain(value: Any) -> Any:
    """Return a setting as plain data for a recipe."""
    if isinstance(value, Number | Link | Expression):
        return str(value)
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value


@cache
def code_digest(subject: type | Callable) -> str:
    """Return the digest of what a class or function does.

    It covers the functions of the class and of its bases outside `n2s.graph.declare`, and every function, class and
    constant of the same package or of this one that they name, as syntax trees: comments, docstrings and layout do not count.
    """
    packages = {subject.__module__.partition(".")[0], "n2s"}  # a node of another package may call this one's helpers
    seen: dict[str, str] = {}
    pending: list[Any] = list(_functions(subject))
    while pending:
        function = pending.pop()
        function = getattr(function, "py_func", function)
        name = f"{function.__module__}.{function.__qualname__}"
        if name in seen:
            continue
        seen[name] = _syntax(function)
        for used in sorted(_names(function.__code__)):
            value = function.__globals__.get(used)
            value = getattr(value, "py_func", value)
            if isinstance(value, FunctionType) and value.__module__.partition(".")[0] in packages:
                pending.append(value)
            elif inspect.isclass(value) and value.__module__.partition(".")[0] in packages:
                pending.extend(f for f in _functions(value))
            elif isinstance(value, int | float | str | tuple) and not used.startswith("__"):
                seen[f"{function.__module__}.{used}"] = repr(value)
            elif isinstance(value, np.ndarray):
                seen[f"{function.__module__}.{used}"] = digest_array(value)
            elif inspect.ismodule(value) and value.__name__.partition(".")[0] in packages:
                pending.extend(
                    f for attribute in sorted(_names(function.__code__))
                    if isinstance(f := getattr(value, attribute, None), FunctionType)
                )
    return digest(seen)


def _functions(subject: Any) -> list[FunctionType]:
    """The functions of a class and its bases (of this or another package, not of the declaration itself)."""
    if isinstance(subject, FunctionType):
        return [subject]
    if issubclass(subject, Exception):
        return []
    found = []
    for cls in subject.__mro__:
        if cls.__module__ in ("builtins", "n2s.graph.declare") or cls.__module__.startswith(("pydantic", "abc")):
            continue
        for value in vars(cls).values():
            value = getattr(value, "__func__", value)
            value = getattr(value, "func", None) or getattr(value, "fget", None) or value
            if isinstance(value, FunctionType) and value.__module__ == cls.__module__:
                found.append(value)
    return found


def _names(code: Any) -> set[str]:
    """The global and attribute names that a code object and the ones inside it use."""
    names = set(code.co_names)
    for constant in code.co_consts:
        if inspect.iscode(constant):
            names |= _names(constant)
    return names


def _syntax(function: FunctionType) -> str:
    try:
        tree = ast.parse(textwrap.dedent(inspect.getsource(function)))
    except (OSError, TypeError, SyntaxError):
        # A lambda inside a larger expression, or code without a file: its bytecode speaks for it.
        return digest_bytes(function.__code__.co_code + repr(function.__code__.co_consts).encode())
    for node in ast.walk(tree):
        body = getattr(node, "body", None)
        if isinstance(body, list) and body and isinstance(body[0], ast.Expr) and isinstance(body[0].value, ast.Constant):
            if isinstance(body[0].value.value, str):
                del body[0]
    return digest_bytes(ast.dump(tree).encode())
