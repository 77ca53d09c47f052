"""The first pass: sub-graphs in place, and a stage for each value of streamed nodes that the end needs."""

from __future__ import annotations

from dataclasses import replace

from n2s.graph.declare import Node
from n2s.graph.graph import Graph
from n2s.plan.stages import Plan, Read, Stage, node_of, value_read


def flatten(plan: Plan) -> Plan:
    """Return the plan with a stage for each streamed value on the way to its end, and one for the end, inputs first."""
    graph = plan.graph.flat
    nodes = tuple(_stage(graph, value) for value in _inputs_first(graph, plan.end))
    return replace(plan, graph=graph, nodes=nodes)


def _stage(graph: Graph, value: str) -> Stage:
    name, _, output = value.partition(".")
    node = graph.nodes[name]
    if node.kind in ("sink", "measure"):
        makes = "codes" if node.kind == "sink" else "numbers"
    else:
        outputs = type(node).outputs
        makes = outputs[output or next(iter(outputs))].kind.name.lower()
    reads = {
        port: Read(
            value_read(graph, link), composed=_composes(graph, name, port, link.node), picked=node.kind == "pick"
        )
        for port, link in node.links().items()
        if _is_streamed(node, port)
    }
    return Stage(value, (name,), makes, reads, keep=getattr(node, "cache", None) == "frames", output=output)


def _is_streamed(node: Node, port: str) -> bool:
    return port in node.ports and node.ports[port].streamed


def _composes(graph: Graph, name: str, port: str, source: str) -> bool:
    """Say whether a lens is connected to another: what is written decides, not what is neutral."""
    node = graph.nodes[name]
    return node.kind == graph.nodes[source].kind == "lens" and port == next(iter(node.ports))


def _inputs_first(graph: Graph, end: str) -> list[str]:
    """Return the streamed values that a value needs, then itself; their order depends on the links, not on names."""

    def sources(value: str) -> list[str]:
        node = graph.nodes[node_of(value)]
        return [value_read(graph, link) for port, link in node.links().items() if _is_streamed(node, port)]

    order: dict[str, None] = {}
    waiting = [(end, iter(sources(end)))]
    while waiting:
        name, rest = waiting[-1]
        source = next((source for source in rest if source not in order), None)
        if source is not None:
            waiting.append((source, iter(sources(source))))
        else:
            order[name] = None
            waiting.pop()
    return list(order)
