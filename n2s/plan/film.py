"""Plans of films and of nodes, made by the passes in their order: flatten, fold, reach, shape, frame, fuse, key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from n2s.graph.context import Context, Scene
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.values import Values
from n2s.plan.flatten import flatten
from n2s.plan.fold import fold
from n2s.plan.frame import frame
from n2s.plan.fuse import fuse
from n2s.plan.keys import key
from n2s.plan.reach import reach
from n2s.plan.shape import shape
from n2s.plan.stages import Plan, node_of, stages_up_to, value_read, widen


def scene_of(graph: Graph, values: Values, context: Context) -> Scene:
    """Return what holds for the whole track of a graph."""
    return Scene(values.clock, graph.header.seed, graph.header.size, context, graph.base, graph.model_folder)


def as_value(graph: Graph, end: str) -> str:
    """Return the name that stages have for a node, or for one of its outputs."""
    node, _, output = end.partition(".")
    return value_read(graph, Link(node, output)) if graph.nodes[node].kind != "sink" else node


def last_nodes(graph: Graph) -> list[str]:
    """Return the nodes of latents and frames that nobody reads."""
    read = {link.node for _, _, link in graph.links()}
    streamed = [
        name for name, node in graph.nodes.items() if any(out.kind.streamed for out in type(node).outputs.values())
    ]
    return [name for name in streamed if name not in read]


def plan_film(
    graph: Graph,
    end: str,
    values: Values,
    context: Context,
    environment: Mapping[str, Any],
    *,
    folding: bool = True,
    fusing: bool = True,
) -> Plan:
    """Return the plan of what one sink of a graph makes, or one of its nodes of latents or frames gives.

    Parameters
    ----------
    graph : Graph
    end : str
        The sink, the node, or one of its outputs: "picture.matte".
    values : Values
        The resident values of the graph.
    context : Context
        Asked for digests of files and models.
    environment : mapping
        What else decides bits: the library's own code, versions of other libraries, the processor's instruction sets.
    folding, fusing : bool
        False also computes neutral and equal nodes, and every pointwise node by itself; the bits are the same.
    """
    scene = scene_of(graph, values, context)
    chunk_length = getattr(graph.nodes[node_of(end)], "chunk", None) or max(1, 2 * round(graph.header.fps))
    plan = flatten(Plan(graph, as_value(graph, end), values, scene, environment, chunk_length))
    if folding:
        plan = fold(plan)
    return key(fuse(frame(shape(reach(plan))), fusing))


def towards(plan: Plan, node: str, fusing: bool = True) -> Plan:
    """Return the part of a film's plan that ends at a node or one of its outputs.

    Frames have the size of the film, and latents its grid.

    Raises
    ------
    KeyError
        When the film needs no such node.
    """
    value = as_value(plan.graph, node)
    value = plan.folded.get(value, value)
    if value == plan.end:
        return plan
    stages = [stage for stage in plan.nodes if stage.value == value]
    if not stages:
        raise KeyError(node)
    full = next((stage for stage in stages if stage.size == plan.graph.header.size), stages[0])
    return key(fuse(replace(plan, end=value, nodes=widen(stages_up_to(plan.nodes, full.name))), fusing))
