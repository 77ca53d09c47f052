"""Under which licence a model stands, by those of the pictures that it was trained on."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

CC0 = "CC0-1.0"
UNCHOSEN = "none chosen yet"


def licence_of(pictures: Collection[str]) -> str:
    """Return the licence of a model: CC0 where all its pictures are; else it is for who trained it to choose one."""
    if set(pictures) == {CC0}:
        return CC0
    return f"{UNCHOSEN}; the pictures: {', '.join(sorted(pictures)) or 'unknown'}"


def licence_of_card(card: dict[str, Any]) -> str:
    """Return the licence of a model with all that was added to it; one that somebody wrote into its card stays."""
    written = card.get("licence", CC0)
    if written != CC0 and not written.startswith(UNCHOSEN):
        return written
    entries = [card, *card.get("details", {}).values(), card.get("upscale", {})]
    return licence_of(
        {name for entry in entries for name in entry.get("data", {}).get("licence", "").split(", ")} - {""}
    )
