"""Flattening: sub-graphs in the places of their instances, nodes that others bring, a node per expression at a port.

So what is planned, keyed and run knows neither sub-graphs, nor nodes that hide others, nor expressions at ports.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any

from n2s.graph import authors
from n2s.graph.declare import Node
from n2s.graph.errors import GraphError, Problem
from n2s.graph.expressions import Expression, Number, Variable, map_tree
from n2s.graph.formula import Formula
from n2s.graph.links import Link
from n2s.graph.listening import hearing_node
from n2s.graph.paths import changed_paths
from n2s.graph.specs import chosen_output
from n2s.graph.subgraph import MAX_NODES, InterfaceNode, SubGraph
from n2s.graph.times import moments
from n2s.graph.types import SIGNAL, Kind

Origins = Mapping[str, tuple[Any, str]]


def put_in_place(
    graph: Any,
) -> tuple[dict[str, Node], dict[str, tuple[Any, str]], dict[str, Node], dict[tuple[str, str], Any]]:
    """Return the nodes of a graph, with sub-graphs in the places of their instances.

    Returns
    -------
    nodes : dict of str to Node
        Nodes of an instance are named ``instance/node``.
    origins : dict of str to (Graph, str)
        The graph and the name that each of them is written under, and each instance.
    instances : dict of str to SubGraph
        What the interface of each instance is given, as links and expressions of these nodes.
    instance_outputs : dict of (str, str) to Link, Expression or Number
        What each output of a sub-graph's instance, by (instance, output), is read from; see `redirect`.
    """
    nodes: dict[str, Node] = {}
    origins: dict[str, tuple[Any, str]] = {}
    instances: dict[str, Node] = {}
    outputs: dict[tuple[str, str], Any] = {}
    for name in graph.order:
        node = _rewire(_name_outputs(graph, graph.nodes[name]), lambda value: redirect(value, outputs))
        if not isinstance(node, SubGraph):
            nodes[name], origins[name] = node, (graph, name)
            continue
        instances[name], origins[name] = node, (graph, name)
        inner = node.inner.in_place
        arguments = {field: getattr(node, field) for field in [*node.interface.inputs, *node.interface.params]}
        for inner_name, inner_node in inner.nodes.items():
            if isinstance(inner_node, InterfaceNode):
                continue
            inner_node = _rewire(inner_node, lambda value: _substitute(value, name, arguments))
            update = {}
            if node.seed and "seed" in type(inner_node).model_fields:
                update["seed"] = inner_node.seed ^ (node.seed * 0x9E3779B1 & 0xFFFFFFFF)
            flat = f"{name}/{inner_name}"
            update |= changed_paths(inner_node, lambda path: str(inner.resolve(path.text)) if path.text else "")
            nodes[flat], origins[flat] = inner_node.model_copy(update=update), inner.origin(inner_name)
        for inner_name, instance in inner.instances.items():
            flat = f"{name}/{inner_name}"
            instances[flat] = _rewire(instance, lambda value: _substitute(value, name, arguments))
            origins[flat] = inner.origin(inner_name)
        for output, text in node.interface.outputs.items():
            link = _substitute(inner.through(Link.parse(text)), name, arguments)
            outputs[name, output] = link
            if output == chosen_output(type(node).outputs):
                outputs[name, ""] = link
        if len(nodes) > MAX_NODES:
            raise GraphError(f"the graph has more than {MAX_NODES} nodes with its sub-graphs in place")
    return nodes, origins, instances, outputs


def hear(
    nodes: Mapping[str, Node], origins: Origins, instances: Mapping[str, Node], is_part: bool = False
) -> tuple[Mapping[str, Node], Mapping[str, Node]]:
    """Return nodes and instances of `put_in_place` whose expressions read musical time from the node that hears it.

    ``is_part`` says that they are of a sub-graph by itself, whose music the graph around it may hear.
    """
    hearing = hearing_node(nodes)
    if hearing is None and is_part:
        return nodes, instances
    if hearing is None:
        _refuse_moments({**nodes, **instances}, origins)
    return _heard(nodes, origins, hearing), _heard(instances, origins, hearing)


def complete(
    nodes: Mapping[str, Node], origins: Origins, instances: Mapping[str, Node]
) -> tuple[dict[str, Node], dict[str, tuple[Any, str]], dict[str, Node]]:
    """Return what `put_in_place` does of what `hear` gives, with the nodes that nodes bring and one for every
    expression."""
    found: dict[str, Node] = {}
    found_origins: dict[str, tuple[Any, str]] = {name: origins[name] for name in instances}
    for name, node in nodes.items():
        for own, made in _with_brought(*origins[name], name, node).items():
            found[own], found_origins[own] = made, origins[name]
    found, instances = _numbered(found, found_origins, found), _numbered(instances, found_origins, found)
    if len(found) > MAX_NODES:
        raise GraphError(f"the graph has more than {MAX_NODES} nodes with those that its nodes bring")
    _lower(found, found_origins)
    return found, found_origins, instances


def _refuse_moments(nodes: Mapping[str, Node], origins: Origins) -> None:
    """Refuse moments of the music where no node hears it; inside sub-graphs only the whole graph tells."""
    for name, node in nodes.items():
        for field in type(node).model_fields:
            for moment in moments(getattr(node, field)):
                graph, written = origins[name]
                text = f'{written}.{field}: "{moment}" is heard in the music; add a Features node to the graph.'
                raise GraphError([Problem(graph.where(written, field), text)])


def _heard(nodes: Mapping[str, Node], origins: Origins, hearing: str | None) -> dict[str, Node]:
    """Return nodes whose expressions read musical time from the node that hears it."""

    def heard_by(name: str) -> Callable[[Any], Any]:
        def read(leaf: Any) -> Any:
            heard = leaf.heard if isinstance(leaf, Variable) else None
            if heard is None:
                return leaf
            if hearing is None:
                graph, written = origins[name]
                text = f'{written}: "{leaf.name}" is heard in the music; add a Features node to the graph.'
                raise GraphError([Problem(graph.where(written, key=True), text)])
            return replace(heard, node=hearing)

        return read

    return {name: _rewire(node, lambda value, name=name: _map(value, heard_by(name))) for name, node in nodes.items()}


def _numbered(nodes: Mapping[str, Node], origins: Origins, read: Mapping[str, Node]) -> dict[str, Node]:
    """Return nodes whose links have numbers for the names of columns; ``read`` are all nodes that they may read."""

    def numbered_for(name: str) -> Callable[[Any], Any]:
        def numbered(leaf: Any) -> Any:
            if not isinstance(leaf, Link) or not isinstance(leaf.component, str):
                return leaf
            outputs = type(read[leaf.node]).outputs
            output = outputs.get(chosen_output(outputs, leaf.output, SIGNAL))
            found = leaf.numbered(output.names if output else ())
            if found is leaf:
                graph, written = origins[name]
                has = f"has {output.column_words}" if output else "is nothing that it gives"
                text = f'{written}: "{replace(leaf, component=None)}" {has}; there is no "{leaf}".'
                raise GraphError([Problem(graph.where(written, key=True), text)])
            return found

        return numbered

    return {
        name: _rewire(node, lambda value, name=name: _map(value, numbered_for(name))) for name, node in nodes.items()
    }


def _with_brought(graph: Any, written: str, name: str, node: Node) -> dict[str, Node]:
    """Return a node by its name, with the nodes that it brings before it; see `Node.brings`.

    ``written`` is its name in the graph that it is written in. What a port is given in the graph, it keeps.
    """
    brought = authors.call(graph, written, "brings", node.brings, name)
    if not isinstance(brought, dict) or not all(_may_be_brought(name, *item) for item in brought.items()):
        text = f'brings gave {authors.shown(brought)}; nodes by names that begin with "{name}:" were wanted.'
        raise authors.wrong(graph, written, text)
    node = brought.pop(name, node)
    free = [port for port in node.ports if getattr(node, port) is None]
    driven = {field: Link(own) for field in [*free, *node.params()] if (own := f"{name}:{field}") in brought}
    return {**brought, name: node.model_copy(update=driven) if driven else node}


def _may_be_brought(name: str, own: Any, node: Any) -> bool:
    named = isinstance(own, str) and (own == name or own.startswith(f"{name}:"))
    return named and isinstance(node, Node) and not isinstance(node, SubGraph)


def _rewire(node: Node, change: Callable[[Any], Any]) -> Node:
    """Return a node with its links and expressions changed; what stays the same stays unset where it was not set."""
    values = {field: getattr(node, field) for field in [*node.ports, *node.params()]}
    changed = {field: made for field, value in values.items() if (made := change(value)) != value}
    return node.model_copy(update=changed) if changed else node


def _name_outputs(graph: Any, node: Node) -> Node:
    """Return a node whose links to nodes with several outputs all name one, and say what is a column."""

    def change(wanted: Kind) -> Callable[[Any], Any]:
        def named(leaf: Any) -> Any:
            node = graph.nodes.get(leaf.node) if isinstance(leaf, Link) else None
            if node is None:
                return leaf
            leaf = leaf.settled(outputs := type(node).outputs)
            if leaf.output or len(outputs) < 2:
                return leaf
            return replace(leaf, output=chosen_output(outputs, "", wanted))

        return lambda value: _map(value, named)

    values = {field: getattr(node, field) for field in [*node.ports, *node.params()]}
    kinds = {field: node.ports.get(field, SIGNAL) for field in values}
    changed = {field: made for field, value in values.items() if (made := change(kinds[field])(value)) != value}
    return node.model_copy(update=changed) if changed else node


def redirect(value: Any, outputs: Mapping[tuple[str, str], Any]) -> Any:
    """Point a link to a sub-graph's output at the node inside it, or put what it is given where it shows just that."""

    def follow(leaf: Any) -> Any:
        target = outputs.get((leaf.node, leaf.output)) if isinstance(leaf, Link) else None
        if isinstance(target, Link):
            return Link(target.node, target.output, target.component if leaf.component is None else leaf.component)
        if target is None:
            return leaf
        return target.tree if isinstance(target, Expression) else target

    return _map(value, follow)


def _substitute(value: Any, instance: str, arguments: dict[str, Any]) -> Any:
    """Rename a link inside an instance, or replace it by what the interface was given for it."""

    def place(leaf: Any) -> Any:
        if not isinstance(leaf, Link):
            return leaf
        if leaf.node in arguments:
            value = arguments[leaf.node]
            if isinstance(value, Link) and leaf.component is not None:
                return Link(value.node, value.output, leaf.component)
            return value.tree if isinstance(value, Expression) else value
        return Link(f"{instance}/{leaf.node}", leaf.output, leaf.component)

    return _map(value, place)


def _map(value: Any, function: Any) -> Any:
    if isinstance(value, list):
        return [_map(item, function) for item in value]
    if isinstance(value, Link):
        made = function(value)
        return made if isinstance(made, Link | Number) else Expression(made)
    if isinstance(value, Expression):
        tree = map_tree(value.tree, function)
        return tree if isinstance(tree, Link | Number) else Expression(tree)
    return value


def _lower(nodes: dict[str, Node], origins: dict[str, tuple[Any, str]]) -> None:
    """Give every expression and number at a signal's port a node of its own."""
    for name, node in list(nodes.items()):
        for field, kind in node.ports.items():
            value = getattr(node, field)
            if kind is SIGNAL and isinstance(value, Expression | Number):
                made = f"{name}:{field}"
                nodes[made], origins[made] = Formula(value=value), origins[name]
                nodes[name] = nodes[name].model_copy(update={field: Link(made)})
