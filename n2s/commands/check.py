"""n2s check: find every mistake of a graph without running anything."""

from __future__ import annotations

from n2s.commands.common import GraphFile, Overrides, load
from n2s.graph.errors import GraphError


def check(graph: GraphFile, set_: Overrides = ()) -> None:
    """Check a graph, and those of an album's tracks, without running anything or reading music."""
    from n2s.graph.graph import Graph

    loaded = load(graph, set_)
    problems, films = [], 0
    for name, node in loaded.nodes.items():
        if node.kind == "track":
            try:
                Graph.load(loaded.resolve(node.path), loaded.track_overrides.get(name, {}))
            except GraphError as error:
                problems += error.problems
    if problems:
        raise GraphError(problems)
    films = len(loaded.sinks())
    print(f"{graph}: {len(loaded.nodes)} nodes, {films} film{'s' if films != 1 else ''}, no problems.")
