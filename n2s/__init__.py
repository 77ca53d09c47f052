"""noise-to-signal: turn music into film with graphs.

    from n2s import Graph, render
    render(Graph.load("graphs/tracks/ember.yaml"))
"""

from __future__ import annotations

from typing import Any

from n2s.graph.errors import GraphError, MediaError, N2SError, RenderError
from n2s.graph.graph import Graph

__all__ = ["Graph", "GraphError", "MediaError", "N2SError", "RenderError", "render"]
__version__ = "0.1.0"


def render(graph: Graph, **options: Any) -> Any:
    """Render a graph's films: out, store, jobs, span, force, events; see `n2s.runtime.run.Run`."""
    from n2s.runtime.run import render as run

    return run(graph, **options)
