"""What nodes say of files that they cannot read, before any work."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from n2s.graph.errors import N2SError


def unreadable(read: Callable[[], Any], setting: str = "path") -> list[tuple[tuple, str]]:
    """Return what is wrong with the file of a setting, for `Node.check_files`: what reading it raises."""
    try:
        read()
    except N2SError as error:
        return [((setting,), str(error))]
    return []
