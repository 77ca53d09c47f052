"""The first pass: sub-graphs in place, and a stage for each streamed node that the end needs."""

from __future__ import annotations

from dataclasses import replace

from n2s.graph.declare import Node
from n2s.graph.graph import Graph
from n2s.graph.types import FRAMES
from n2s.plan.stages import Plan, Read, Stage


def flatten(plan: Plan) -> Plan:
    """Return the plan with a stage for each streamed node on the way to its end, and one for the end, inputs first."""
    graph = plan.graph.flat
    nodes = tuple(_stage(graph, name) for name in _inputs_first(graph, plan.end))
    return replace(plan, graph=graph, nodes=nodes)


def _stage(graph: Graph, name: str) -> Stage:
    node = graph.nodes[name]
    if node.kind in ("sink", "measure"):
        makes = "codes" if node.kind == "sink" else "numbers"
    else:
        makes = "frames" if next(iter(type(node).outputs.values())).kind is FRAMES else "latents"
    reads = {
        port: Read(link.node, composed=_composes(graph, name, port, link.node))
        for port, link in node.links().items()
        if _is_streamed(node, port)
    }
    return Stage(name, (name,), makes, reads, keep=getattr(node, "cache", None) == "frames")


def _is_streamed(node: Node, port: str) -> bool:
    return port in node.ports and node.ports[port].streamed


def _composes(graph: Graph, name: str, port: str, source: str) -> bool:
    """Say whether a lens is connected to another: what is written decides, not what is neutral."""
    node = graph.nodes[name]
    return node.kind == graph.nodes[source].kind == "lens" and port == next(iter(node.ports))


def _inputs_first(graph: Graph, end: str) -> list[str]:
    """Return the streamed nodes that a node needs, then the node; their order depends on the links, not on names."""

    def sources(name: str) -> list[str]:
        node = graph.nodes[name]
        return [link.node for port, link in node.links().items() if _is_streamed(node, port)]

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
