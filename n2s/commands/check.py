"""n2s check: find every mistake of a graph without running anything."""

from __future__ import annotations

import sys

from n2s.commands.common import GraphFile, Overrides, load
from n2s.graph.errors import GraphError


def check(graph: GraphFile, set_: Overrides = ()) -> None:
    """Check a graph, and those of an album's tracks, without running anything or reading music."""
    from n2s.graph.check import warnings
    from n2s.graph.tracks import load_track

    loaded = load(graph, set_)
    problems, warned = [], warnings(loaded)
    for name, node in loaded.nodes.items():
        if node.kind == "track":
            try:
                warned += warnings(load_track(loaded, name))
            except GraphError as error:
                problems += error.problems
    for warning in warned:
        print(f"warning: {warning}", file=sys.stderr)
    if problems:
        raise GraphError(problems)
    what = "a sub-graph" if loaded.interface else f"{len(loaded.sinks())} film{'s' if len(loaded.sinks()) != 1 else ''}"
    print(f"{graph}: {len(loaded.nodes)} nodes, {what}, no problems.")
