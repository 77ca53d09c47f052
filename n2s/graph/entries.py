"""What installed packages bring under an entry point group; what cannot be loaded is reported, and stops nothing."""

from __future__ import annotations

import re
import sys
import traceback
from collections.abc import Iterable
from difflib import get_close_matches
from functools import lru_cache
from importlib.metadata import EntryPoint
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from n2s.graph.code.files import entry_points_of
from n2s.graph.errors import N2SError, shortened


def entries(group: str) -> list[EntryPoint]:
    """Return the entry points of a group in a fixed order, the library's own first."""
    return sorted(entry_points_of(group), key=lambda e: (not e.value.startswith("n2s."), e.value, e.name))


def load_entry(entry: EntryPoint) -> tuple[Any, str]:
    """Return what an entry point names and "", or None and sentences: why it cannot be loaded, and what to do."""
    try:
        return entry.load(), ""
    except (Exception, SystemExit) as error:
        cure = f"Correct that, or uninstall {entry.dist.name}" if entry.dist is not None else "Correct that"
        return None, f"{package_of(entry)}: {entry.value} cannot be loaded: {_reason(error)}. {cure}."


def may_define(entry: EntryPoint, name: str) -> bool:
    """Say whether the texts of an entry point's package have a class of a name; nothing of the package is run."""
    root = find_spec(entry.value.partition(":")[0].partition(".")[0])
    if root is None:
        return False
    folders = [Path(folder) for folder in root.submodule_search_locations or ()]
    files = [path for folder in folders for path in sorted(folder.rglob("*.py"))]
    files += [Path(root.origin)] if root.origin and not folders else []
    defined = re.compile(rf"^class\s+{re.escape(name)}\b", re.MULTILINE)
    return any(defined.search(path.read_text(encoding="utf-8", errors="replace")) for path in files if path.is_file())


def package_of(entry: EntryPoint) -> str:
    """Return the name and version of the package that an entry point belongs to."""
    dist = entry.dist
    return f"{dist.name} {dist.version}" if dist is not None else f"the package with {entry.value}"


def _reason(error: BaseException) -> str:
    """Return why a module cannot be imported, with the place where it failed."""
    said = error.msg if isinstance(error, SyntaxError) else str(error)  # else its file would be named twice
    said = " ".join(said.split()).rstrip(".")
    if isinstance(error, N2SError):
        return said  # whole: its end says what to do
    said = shortened(said)
    where = traceback.extract_tb(error.__traceback__)
    outside = [frame for frame in where if "importlib" not in frame.filename and frame.filename != __file__]
    place = f" ({outside[-1].filename}:{outside[-1].lineno})" if outside else ""
    if isinstance(error, SyntaxError) and error.filename:
        place = f" ({error.filename}:{error.lineno})"
    if isinstance(error, NameError) and (home := _home_of(error.name or "")):
        said += f"; from {home} import {error.name}"
    return f"{type(error).__name__}: {said}{place}" if said else f"{type(error).__name__}{place}"


def _home_of(name: str) -> str:
    """Return the module of this library that gives authors of nodes a name; "" where none does."""
    homes = ("n2s.graph.declare", "n2s.graph.types", "n2s.graph.context", "n2s.graph.shader")
    return next((home for home in homes if hasattr(sys.modules.get(home), name)), "")


def defined_by(texts: Iterable[str]) -> str:
    """Return several texts as one list in words: "a, b and by c"."""
    *most, last = texts
    return f"{', '.join(most)} and by {last}" if most else last


@lru_cache(maxsize=64)
def closest(name: str, known: tuple[str, ...], least: float) -> list[str]:
    """Return the name that is most like another, in a list, or none that is alike by ``least`` of 1.

    Many nodes may read one that is misspelt, and comparing it with thousands takes a while: that is done once.
    """
    return get_close_matches(name, known, 1, least)


def suggest(name: str, known: list[str]) -> str:
    """Return a "Did you mean" sentence, or the list of what is known."""
    near = closest(name, tuple(known), 0.6) or [k for k in known if k.lower() == name.lower()]
    if not near:  # inside a sub-graph, by its last part
        last = {k.rpartition("/")[2]: k for k in reversed(known) if "/" in k}
        near = [last[part] for part in closest(name, tuple(last), 0.8)]
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"There are: {', '.join(known[:40])}{', …' if len(known) > 40 else '.'}" if known else ""
