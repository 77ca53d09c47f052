"""What is meant by the name of a node, of one of its outputs, or of one of its parameters."""

from __future__ import annotations

from n2s.graph.check import column_problem, refuse_album
from n2s.graph.errors import GraphError, Problem, checked_name
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.registry import suggest


def find_value(graph: Graph, port: str) -> tuple[tuple[str, str] | None, Link | None]:
    """Return the parameter that is meant, as (node, parameter), or else the output, as `find_output` does."""
    name, _, rest = checked_name("A node or an output", port).strip().partition(".")
    node = graph.flat.nodes.get(name)
    if node is not None and node.kind != "sink" and rest in node.params():
        return (name, rest), None
    return None, find_output(graph, port)


def find_output(graph: Graph, port: str) -> Link:
    """Return the output that is meant, as a link of the flattened graph, in which columns have their numbers.

    Parameters
    ----------
    graph : Graph
    port : str
        ``node``, ``node.output``, ``node.output.3``, ``node.output.B``; of an instance of a sub-graph its outputs or,
        as ``instance/node``, a node inside it; of a sink by its name alone, the frames that it writes.

    Raises
    ------
    GraphError
        When there is no such node or output.
    """
    name, _, rest = checked_name("A node or an output", port).strip().partition(".")
    output, _, component = rest.partition(".")
    if output.isdigit() and not component:
        output, component = "", output
    if name not in graph.nodes and name not in graph.flat.nodes:
        refuse_album(graph)
        raise GraphError(f'"{port}" names no node. {suggest(name, list({**graph.nodes, **graph.flat.nodes}))}')
    node = graph.flat.nodes.get(name)
    if node is not None and node.kind == "sink" and not rest and getattr(node, "frames", None) is not None:
        return node.frames
    link = Link(name, output, int(component) if component.isdecimal() else component or None)
    if node is not None:
        link = link.settled(type(node).outputs)
    else:  # an instance of a sub-graph: its output lies inside
        link = graph.through(link)
        if not isinstance(link, Link):
            given = link if isinstance(link, Number) else f"= {link}"
            text = f'"{port}" is what a parameter of "{name}" is given, {given}; a Value node of that can be named.'
            raise GraphError([Problem(graph.where(name, key=True), text)])
    read = graph.flat.output(link) if link.node in graph.flat.nodes else None
    if read is None:
        text = _lack_of_output(port, name, output, list(type(graph.nodes[name] if node is None else node).outputs))
        if node is None and (inside := _inside(graph, name, rest)):
            text = f'"{port}" names no output. Nodes inside "{name}" are named with a slash: {inside}.'
        if node is None and output in graph.nodes[name].params():
            text = f'"{port}" is a parameter of a sub-graph, no output: name what reads it in there, or what drives it.'
        raise GraphError([Problem(graph.where(name, key=True), text)])
    if isinstance(link.component, str) and (text := column_problem(link, read)):
        raise GraphError([Problem(graph.where(name, key=True), text)])
    return link.numbered(read.names)


def _inside(graph: Graph, instance: str, path: str) -> str:
    """Return the name of a node inside an instance of a sub-graph that a path with dots means; "" if none."""
    parts = path.split(".")
    for count in range(len(parts), 0, -1):
        named = "/".join([instance, *parts[:count]])
        if named in graph.flat.nodes or any(node.startswith(f"{named}/") for node in graph.flat.nodes):
            return ".".join([named, *parts[count:]])
    return ""


def _lack_of_output(port: str, name: str, output: str, known: list[str]) -> str:
    """Say which outputs a node has, where the one that is asked for is none of them."""
    if not known:
        return f'"{name}" makes a film and gives nothing to other nodes.'
    ways = suggest(output, known) if output else f"Name one: {', '.join(f'{name}.{one}' for one in known[:40])}."
    return f'"{port}" names no output. {ways}'
