"""Digests of plain data, of bytes and of arrays; `n2s.graph.code.identity` has those of code."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import numpy as np

from n2s.graph.expressions import Expression, Number
from n2s.graph.landmarks import Moment
from n2s.graph.links import Link


def digest(value: Any) -> str:
    """Return 40 hexadecimal digits that name plain data (dicts, lists, text, numbers) by its content."""
    text = json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)
    return digest_bytes(text.encode(errors="surrogatepass"))


def digest_bytes(data: Any) -> str:
    """Return 40 hexadecimal digits that name some bytes."""
    return hashlib.blake2b(data, digest_size=20).hexdigest()


def digest_array(array: np.ndarray) -> str:
    """Return 40 hexadecimal digits that name an array by its type, shape and bytes."""
    array = np.ascontiguousarray(array)
    hasher = hashlib.blake2b(f"{array.dtype.str}{array.shape}".encode(), digest_size=20)
    if array.size:
        hasher.update(array)
    return hasher.hexdigest()


def plain(value: Any) -> Any:
    """Return a setting as plain data for a recipe."""
    if isinstance(value, Number | Moment | Link | Expression):
        return str(value)
    if isinstance(value, set | frozenset):
        return [plain(item) for item in sorted(value, key=repr)]
    if isinstance(value, list | tuple):
        return [plain(item) for item in value]
    if isinstance(value, dict):
        return {str(key): plain(item) for key, item in value.items()}
    return value
