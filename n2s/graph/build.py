"""Graphs made in Python: the nodes that some sinks need, with names."""

from __future__ import annotations

import re
from collections.abc import Collection
from typing import Any

from n2s.graph.declare import Node
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Expression, leaves, map_tree
from n2s.graph.handles import Handle
from n2s.graph.links import Link
from n2s.graph.node_names import RESERVED, node_name_problem


def close(sinks: tuple[Handle, ...]) -> dict[str, Node]:
    """Return the nodes that some sinks need, named, inputs first, with links in place of handles."""
    if not sinks:
        raise GraphError("a graph is made of sinks that are connected, like FFmpegSink(…)(film, music); none was given")
    names: dict[int, str] = {}
    nodes: dict[str, Node] = {}
    numbers: dict[str, int] = {}
    handles = _in_order(sinks)
    taken = {handle._name for handle in handles if handle._name}  # given ones first, wherever their nodes stand
    for handle in handles:
        node = handle._node
        # Only what was given, so that saving writes no defaults; in the order of the ports.
        update = {
            field: _linked(getattr(node, field), names)
            for field in type(node).model_fields
            if field in node.model_fields_set
        }
        name = handle._name or free_name(type(node).__name__, taken, numbers)
        taken.add(name)
        if text := node_name_problem(name):
            raise GraphError(text)
        if name in nodes:
            raise GraphError(f"two nodes are named {name!r}; give one of them another name=")
        names[id(node)], nodes[name] = name, node.model_copy(update=update)
    return nodes


def _in_order(sinks: tuple[Handle, ...]) -> list[Handle]:
    """Return a handle of each node that some sinks need, inputs first."""
    found: dict[int, Handle] = {}
    for sink in sinks:
        if not isinstance(sink, Handle):
            raise GraphError(
                f"a graph is made of sinks that are connected, like FFmpegSink(…)(film, music), not of {sink!r:.60}"
            )
        waiting = [(sink, iter(_read_by(sink)))]
        while waiting:
            handle, rest = waiting[-1]
            source = next((source for source in rest if id(source._node) not in found), None)
            if source is not None:
                waiting.append((source, iter(_read_by(source))))
            else:
                found.setdefault(id(handle._node), handle)
                waiting.pop()
    return list(found.values())


def _read_by(handle: Handle) -> list[Handle]:
    """Return the handles in a node's fields, in their order."""
    node, found = handle._node, []
    for field in type(node).model_fields:
        if field in node.model_fields_set:
            value = getattr(node, field)
            items = (
                leaves(value.tree) if isinstance(value, Expression) else value if isinstance(value, list) else [value]
            )
            found += [item for item in items if isinstance(item, Handle)]
    return found


def _linked(value: Any, names: dict[int, str]) -> Any:
    """Return a field's value with links in place of handles."""
    if isinstance(value, Handle):
        return Link(names[id(value._node)], value._output, value._component)
    if isinstance(value, list):
        return [_linked(item, names) for item in value]
    if isinstance(value, Expression) and any(isinstance(leaf, Handle) for leaf in leaves(value.tree)):
        return Expression(map_tree(value.tree, lambda leaf: _linked(leaf, names)))
    return value


def refuse_handles(target: str, value: Any) -> None:
    """Refuse what is laid over a graph's file at ``target`` where it reads nodes by Python, which no file can name."""
    if isinstance(value, Node):
        value = [getattr(value, field) for field in type(value).model_fields if field in value.model_fields_set]
    if isinstance(value, dict | list | tuple):
        for item in value.values() if isinstance(value, dict) else value:
            refuse_handles(target, item)
    tree = value.tree if isinstance(value, Expression) else value
    if any(isinstance(leaf, Handle) for leaf in leaves(tree)):
        text = f"{'= ' if isinstance(value, Expression) else ''}{map_tree(tree, _by_name)}"
        raise GraphError(f'{target}: {value} reads a node by Python; name the one in the graph by a text: "{text}".')


def _by_name(leaf: Any) -> Any:
    """Return what a handle may be in a file, as far as the name of its node is known."""
    if not isinstance(leaf, Handle):
        return leaf
    return Link(leaf._name or free_name(type(leaf._node).__name__, ()), leaf._output, leaf._component)


def free_name(type_name: str, taken: Collection[str], numbers: dict[str, int] | None = None) -> str:
    """Return a name of a node that is not taken: grain, grain_2, …; ``numbers`` remembers how far each was counted."""
    base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z])", "_", type_name).lower()
    numbers = {} if numbers is None else numbers
    number = numbers.get(base, 1)
    while (name := base if number == 1 and base not in RESERVED else f"{base}_{number}") in taken:
        number += 1
    numbers[base] = number
    return name
