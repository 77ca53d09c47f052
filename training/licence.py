"""Under which licence a model stands, by those of the pictures that it was trained on."""

from __future__ import annotations

from collections.abc import Collection

CC0 = "CC0-1.0"


def licence_of(pictures: Collection[str]) -> str:
    """Return the licence of a model: CC0 where all its pictures are; else it is for who trained it to choose one."""
    if set(pictures) == {CC0}:
        return CC0
    return f"none chosen yet; the pictures: {', '.join(sorted(pictures)) or 'unknown'}"
