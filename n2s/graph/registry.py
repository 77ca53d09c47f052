"""The node types there are: this library's own and those of installed packages, found through one entry point group.

A package registers a module: ``[project.entry-points."n2s.nodes"] mine = "mine.nodes"``; the node classes in its
namespace become node types. They must live in files, because their code is part of every key.
"""

from __future__ import annotations

import inspect
from difflib import get_close_matches
from functools import cache
from importlib.metadata import entry_points

from n2s.graph.declare import Node
from n2s.graph.errors import GraphError

GROUP = "n2s.nodes"


@cache
def node_types() -> dict[str, type[Node]]:
    """Return every node type by name, in alphabetical order.

    Raises
    ------
    GraphError
        When a package cannot be loaded, or two define a node of one name.
    """
    found: dict[str, type[Node]] = {}
    for entry in sorted(entry_points(group=GROUP), key=lambda e: (not e.value.startswith("n2s."), e.value)):
        try:
            module = entry.load()
        except Exception as error:
            raise GraphError(f"the node package {entry.value!r} cannot be loaded: {error}") from error
        for name, cls in vars(module).items():
            if inspect.isclass(cls) and issubclass(cls, Node) and cls.outputs is not Node.outputs and not name.startswith("_"):
                if cls.__module__.startswith("n2s.graph."):
                    continue
                if found.setdefault(name, cls) is not cls:
                    raise GraphError(f"{name} is defined by {found[name].__module__} and by {cls.__module__}; uninstall one")
    if not found:
        raise GraphError("no node types are installed; install the package itself: pip install -e .")
    return dict(sorted(found.items()))


def suggest(name: str, known: list[str]) -> str:
    """Return a "Did you mean" sentence, or the list of what is known."""
    near = get_close_matches(name, known, 1, 0.6) or [k for k in known if k.lower() == name.lower()]
    if near:
        return f'Did you mean "{near[0]}"?'
    return f"There are: {', '.join(known[:40])}." if known else ""
