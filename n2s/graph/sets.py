"""Sets of Python where a list is wanted: their order differs from process to process, and so would the film."""

from __future__ import annotations

from collections.abc import Mapping, Set
from typing import Any, get_args, get_origin

NO_SET = "a set was given, whose order differs from process to process; write one value, or a list in [ ]"


def holds_set(value: Any) -> bool:
    """Say whether a value is a set, or has one in its lists and mappings."""
    if isinstance(value, Mapping):
        return any(map(holds_set, value.values()))
    return isinstance(value, set | frozenset) or (isinstance(value, list | tuple) and any(map(holds_set, value)))


def wants_set(annotation: Any) -> bool:
    """Say whether an annotation takes a set, alone or within others."""
    origin = get_origin(annotation) or annotation
    is_set = isinstance(origin, type) and issubclass(origin, Set)
    return is_set or any(map(wants_set, get_args(annotation)))
