"""What installed packages bring under an entry point group; what cannot be loaded is reported, and stops nothing."""

from __future__ import annotations

import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from importlib.metadata import EntryPoint
from typing import Any

from n2s.graph.code.files import entry_points_of
from n2s.graph.errors import N2SError


def entries(group: str) -> list[EntryPoint]:
    """Return the entry points of a group in a fixed order, the library's own first."""
    return sorted(entry_points_of(group), key=lambda e: (not e.value.startswith("n2s."), e.value, e.name))


def load_entry(entry: EntryPoint) -> tuple[Any, str]:
    """Return what an entry point names and "", or None and a sentence that says why it cannot be loaded."""
    try:
        return entry.load(), ""
    except (Exception, SystemExit) as error:
        return None, f"{package_of(entry)}: {entry.value} cannot be loaded: {_reason(error)}."


def package_of(entry: EntryPoint) -> str:
    """Return the name and version of the package that an entry point belongs to."""
    dist = entry.dist
    return f"{dist.name} {dist.version}" if dist is not None else f"the package with {entry.value}"


def _reason(error: BaseException) -> str:
    """Return why a module cannot be imported, with the place where it failed."""
    said = " ".join(str(error).split())[:300].rstrip(".")
    if isinstance(error, N2SError):
        return said
    where = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in where if "importlib" not in frame.filename and frame.filename != __file__]
    place = f" ({outside[-1].filename}:{outside[-1].lineno})" if outside else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({error.filename}:{error.lineno})"
    return f"{type(error).__name__}: {said}{place}" if said else f"{type(error).__name__}{place}"


def defined_by(texts: Iterable[str]) -> str:
    """Return several texts as one list in words: "a, b and by c"."""
    *most, last = texts
    return f"{', '.join(most)} and by {last}" if most else last


def suggest(name: str, known: list[str]) -> str:
    """Return a "Did you mean" sentence, or the list of what is known."""
    near = get_close_matches(name, known, 1, 0.6) or [k for k in known if k.lower() == name.lower()]
    if not near:  # inside a sub-graph, by its last part
        last = {k.rpartition("/")[2]: k for k in reversed(known) if "/" in k}
        near = [last[part] for part in get_close_matches(name, last, 1, 0.8)]
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"There are: {', '.join(known[:40])}." if known else ""
