"""n2s check: find every mistake of a graph without running anything."""

from __future__ import annotations

import sys

from n2s.commands.common import AsJson, GraphFile, Overrides, line, load, problem_line
from n2s.graph.errors import GraphError


def check(graph: GraphFile, set_: Overrides = (), json: AsJson = False) -> None:
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
    for warning in warned if not json else ():
        print(f"warning: {warning}", file=sys.stderr)
    if problems:
        raise GraphError(problems)
    if json:
        line({"graph": str(graph), "nodes": len(loaded.nodes), "films": len(loaded.sinks()),
              "warnings": [problem_line(warning) for warning in warned]})  # fmt: skip
        return
    what = "a sub-graph" if loaded.interface else f"{len(loaded.sinks())} film{'s' if len(loaded.sinks()) != 1 else ''}"
    print(f"{graph}: {len(loaded.nodes)} nodes, {what}, no problems.")
