"""n2s check: find every mistake of a graph without running anything."""

from __future__ import annotations

from typing import Any

from n2s.commands.common import AsJson, GraphFile, Overrides, load, print_line, problem_fields, say
from n2s.graph.errors import GraphError, Position

# Imported inside functions is what help and completion do not need, so that these start fast.


def check(graph: GraphFile, set_: Overrides = [], json: AsJson = False) -> None:
    """Check a graph, its sub-graphs and an album's tracks, the files they read, and what must be installed.

    Nothing is rendered. Of music and videos the beginning is looked at, and the end where the format says how long they
    are; what is damaged between them is found by a run. Pixel code of other packages is read and not compiled.
    """
    from n2s.graph.check import silent_films, warnings
    from n2s.graph.tracks import load_track
    from n2s.runtime.pixel_code import pixel_problems
    from n2s.runtime.readiness import input_problems, input_warnings, machine_problems, tool_problems
    from n2s.runtime.timing import crossfade_problems, time_warnings, unheard_clock

    loaded = load_all(graph, set_)
    problems = [*preset_problems(loaded), *input_problems(loaded), *tool_problems(loaded), *pixel_problems(loaded)]
    problems = problems or crossfade_problems(loaded)
    warned = warnings(loaded)
    warned += input_warnings(loaded)
    if not problems:
        warned += machine_problems(loaded)  # it may be rendered on another
    tracks = [load_track(loaded, name) for name, node in loaded.nodes.items() if node.kind == "track" and not problems]
    for track in tracks:
        warned += warnings(track)
    for each in [loaded, *tracks] if not problems else ():
        if clock := unheard_clock(each):
            warned += time_warnings(each, clock)
    for warning in warned if not json else ():
        say(f"warning: {warning}")
    if problems:
        raise GraphError(problems)
    if json:
        print_line(
            {
                "graph": str(graph),
                "nodes": len(loaded.nodes),
                "films": len(loaded.sinks()),
                "warnings": [problem_fields(warning) for warning in warned],
            }
        )
        return
    films, silent = len(loaded.sinks()), len(silent_films(loaded))
    what = "a sub-graph" if loaded.interface else f"{films or 'no'} film{'s' if films != 1 else ''}"
    what += (" without sound" if silent == films else f", {silent} of them without sound") * bool(silent)
    print(f"{graph}: {len(loaded.nodes)} nodes, {what}, no problems.")


def load_all(path: Any, overrides: list[str]) -> Any:
    """Load a graph; where it has mistakes, those in its files and in an album's tracks are told with them."""
    from n2s.graph.graph import Graph
    from n2s.runtime.pixel_code import pixel_problems
    from n2s.runtime.readiness import file_problems

    try:
        return load(path, overrides)
    except GraphError as error:
        if error.parts is None:
            raise
        read = Graph(parts=error.parts)
        told = dict.fromkeys([*error.problems, *file_problems(read), *pixel_problems(read)])
        raise GraphError(sorted(told, key=lambda problem: problem.position or Position(""))) from None


def preset_problems(graph: Any) -> list:
    """Return what is wrong with a graph under each of its presets."""
    from n2s.graph.graph import Graph

    found: dict = {}
    for preset in graph.document.values.get("presets", {}):
        try:
            Graph.load(graph.path, preset=preset)
        except GraphError as error:
            found |= dict.fromkeys(error.problems)
    return list(found)
