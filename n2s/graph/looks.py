"""The looks that come with the library: graphs that make a whole film of music, each in a file of its own."""

from __future__ import annotations

from pathlib import Path

from n2s.graph.entries import suggest
from n2s.graph.errors import GraphError


def looks_folder() -> Path:
    """Return the folder of the looks that come with the library: in the package, or beside it in a checkout."""
    package = Path(__file__).resolve().parents[1]
    inside = package / "looks"
    return inside if inside.is_dir() else package.parent / "graphs" / "looks"


def look_names() -> list[str]:
    """Return the names of the looks in the order of the alphabet, then those of the parts that they share."""
    folder = looks_folder()
    parts = sorted(f"parts/{path.stem}" for path in (folder / "parts").glob("*.yaml"))
    return [*sorted(path.stem for path in folder.glob("*.yaml")), *parts]


def look_file(name: str) -> Path:
    """Return the file of a look.

    Raises
    ------
    GraphError
        When there is none of this name.
    """
    names = look_names()
    if name not in names:
        raise GraphError(f'there is no look "{name}". {suggest(name, names)} n2s looks lists them all')
    return looks_folder() / f"{name}.yaml"
