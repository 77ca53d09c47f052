"""Under which licence a model stands, by those of the pictures that it was trained on.

Trainings follow each other, by --resume, --start and blend. What was learned stays in the weights, so the record of
each training names the licences and sources of all before it.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

CC0 = "CC0-1.0"
DRAWN = "procedural"  # the source of pictures that training/procedural.py draws
UNCHOSEN = "none chosen yet"


def licence_of(pictures: Collection[str]) -> str:
    """Return the licence of a model: CC0 where all its pictures are; else it is for who trained it to choose one."""
    if set(pictures) == {CC0}:
        return CC0
    return f"{UNCHOSEN}; the pictures: {', '.join(sorted(pictures)) or 'unknown'}"


def licence_of_card(card: Mapping[str, Any], before: Mapping[str, Any]) -> str:
    """Return the licence of a model with all that was added to it; one that somebody wrote into its card stays."""
    return written_in(before) or _licence_of_pictures(card)


def written_in(card: Mapping[str, Any]) -> str:
    """Return the licence that somebody wrote into a card; "" where it is what follows from the pictures."""
    licence = str(card.get("licence") or UNCHOSEN)
    return "" if licence.startswith(UNCHOSEN) or licence == _licence_of_pictures(card) else licence


def _licence_of_pictures(card: Mapping[str, Any]) -> str:
    entries = [card, *card.get("details", {}).values(), card.get("upscale", {})]
    return licence_of({name for entry in entries for name in _licences(entry)})


def together(*records: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the licences and sources that any of several records names."""
    return {kind: sorted({name for record in records for name in record.get(kind, ())})
            for kind in ("licences", "sources")}  # fmt: skip


def learned_from(card: Mapping[str, Any], *entries: Mapping[str, Any]) -> dict[str, list[str]]:
    """Return the licences and sources of what the nets of a model learned from, as a record names them.

    Parameters
    ----------
    card : dict
        Of the model. A licence that somebody wrote into it is one more that binds what is made of the model.
    *entries : dict
        What the card says of these nets, with their "data"; the card itself for its first decoder.
    """
    licences = {name for entry in entries for name in _licences(entry)}
    if (written := written_in(card)) not in ("", CC0):
        licences.add(f"{written} (of the model before)")
    return {"licences": sorted(licences), "sources": sorted({name for entry in entries for name in _sources(entry)})}


def _licences(entry: Mapping[str, Any]) -> set[str]:
    return set(entry.get("data", {}).get("licence", "").split(", ")) - {""}


def _sources(entry: Mapping[str, Any]) -> list[str]:
    """Return where the pictures of an entry came from; cards of older versions say it in their text alone."""
    data = entry.get("data", {})
    if "sources" in data:
        return data["sources"]
    what = data.get("what", "")
    return [DRAWN] if DRAWN in what else [name for name in what.partition(" from ")[2].split(", ") if name]
