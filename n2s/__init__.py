"""noise-to-signal: turn music into film with graphs.

from n2s import Graph, render
render(Graph.load("graphs/tracks/ember.yaml"))
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from n2s.graph.code import loaded  # noqa: F401  first of all: what is imported from here on is noted
from n2s.graph.errors import GraphError, MediaError, N2SError, RenderError
from n2s.version import VERSION

if TYPE_CHECKING:
    from n2s.graph.graph import Graph

__all__ = ["Graph", "GraphError", "MediaError", "N2SError", "RenderError", "preview", "render"]
__version__ = VERSION


# Imported inside functions is what brings pydantic, numpy and more along, which the command line's help does not need.


def __getattr__(name: str) -> Any:
    if name == "Graph":
        from n2s.graph.graph import Graph

        return Graph
    if name == "functions":
        return importlib.import_module("n2s.functions")
    raise AttributeError(f"module 'n2s' has no attribute {name!r}")


def render(graph: Any, **options: Any) -> Any:
    """Render a graph's films: out, store, jobs, workers, span, force, progress, …; see `n2s.runtime.run.render`."""
    from n2s.runtime.run import render as run

    return run(graph, **options)


def preview(graph: Any, node: str | None = None, **options: Any) -> Any:
    """Show what a node gives, in a notebook: at, sheet, store, progress; see `n2s.runtime.seeing.preview.preview`."""
    from n2s.runtime.seeing.preview import preview as make

    return make(graph, node, **options)
