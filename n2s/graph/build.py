"""Graphs in Python: calling a node connects it, arithmetic on outputs makes expressions, sinks close the graph."""

from __future__ import annotations

import re
from typing import Any

from n2s.graph.declare import Node, parse_param
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Call, Expression, leaves
from n2s.graph.types import FILM, SIGNAL, Link


class Handle:
    """An output of a connected node. Attributes pick an output, indices a component, operators make expressions."""

    __link__ = True

    def __init__(self, node: Node, name: str | None, output: str = "", component: int | None = None):
        self._node, self._name, self._output, self._component = node, name, output, component

    def __getattr__(self, output: str) -> Handle:
        if output.startswith("_"):
            raise AttributeError(output)
        if output not in self._node.outputs or self._output:
            known = ", ".join(self._node.outputs)
            raise AttributeError(f"{type(self._node).__name__} has no output {output!r}; it has: {known}")
        return Handle(self._node, self._name, output)

    def __getitem__(self, component: int) -> Handle:
        return Handle(self._node, self._name, self._output, component)

    def __repr__(self) -> str:
        return f"<{type(self._node).__name__}{'.' + self._output if self._output else ''}>"

    def __bool__(self) -> bool:
        raise TypeError("an output has no truth value before the film is rendered; use where(…) in an expression")

    def __hash__(self) -> int:
        return hash((id(self._node), self._output, self._component))

    def __eq__(self, other: Any) -> bool:
        return isinstance(other, Handle) and hash(self) == hash(other) and self._node is other._node


def _tree(value: Any) -> Any:
    value = parse_param(value)
    return value.tree if isinstance(value, Expression) else value


def _define_arithmetic(cls: type) -> None:
    """Give a class the operators of expressions."""
    names = {"add": "+", "sub": "-", "mul": "*", "truediv": "/", "mod": "%", "pow": "**"}
    for name, operator in names.items():
        setattr(cls, f"__{name}__", lambda a, b, op=operator: Expression(Call(op, (_tree(a), _tree(b)))))
        setattr(cls, f"__r{name}__", lambda a, b, op=operator: Expression(Call(op, (_tree(b), _tree(a)))))
    for name, operator in {"lt": "<", "le": "<=", "gt": ">", "ge": ">="}.items():
        setattr(cls, f"__{name}__", lambda a, b, op=operator: Expression(Call(op, (_tree(a), _tree(b)))))
    cls.__neg__ = lambda a: Expression(Call("neg", (_tree(a),)))


_define_arithmetic(Handle)
_define_arithmetic(Expression)


def call(function: str, *arguments: Any) -> Expression:
    """Apply a function of the expression grammar: ``call("clamp", 1 + features.low, 1, 1.4)``."""
    return Expression(Call(function, tuple(_tree(argument) for argument in arguments)))


def connect(node: Node, inputs: tuple, name: str | None, named: dict[str, Any]) -> Handle:
    """Fill a node's ports, positional ones in the order of their declaration."""
    cls = type(node)
    if unknown := [key for key in named if key not in cls.ports]:
        raise GraphError(f"{cls.__name__} has no port {unknown[0]!r}; it has: {', '.join(cls.ports) or 'none'}")
    if len(inputs) > len(cls.ports):
        raise GraphError(f"{cls.__name__} takes {len(cls.ports)} inputs ({', '.join(cls.ports)}), not {len(inputs)}")
    filled = dict(zip(cls.ports, inputs)) | named
    for key, value in filled.items():
        if cls.ports[key] is SIGNAL:
            filled[key] = parse_param(value)
            continue
        for item in value if cls.ports[key] is FILM else [value]:
            if not isinstance(item, Handle | Link):
                raise GraphError(f"{cls.__name__}.{key} takes the output of a node, not {item!r}")
    return Handle(node.model_copy(update=filled), name)


def close(sinks: tuple[Handle, ...]) -> dict[str, Node]:
    """Return the nodes that some sinks need, named, inputs first, with links in place of handles."""
    names: dict[int, str] = {}
    nodes: dict[str, Node] = {}

    def visit(handle: Handle) -> str:
        node = handle._node
        if id(node) in names:
            return names[id(node)]
        # Only what was given, so that saving writes no defaults; in the order of the ports, inputs first.
        update = {field: replace(getattr(node, field)) for field in type(node).model_fields if field in node.model_fields_set}
        name = handle._name or _free_name(type(node).__name__, nodes)
        if name in nodes:
            raise GraphError(f"two nodes are named {name!r}; give one of them another name=")
        names[id(node)], nodes[name] = name, node.model_copy(update=update)
        return name

    def replace(value: Any) -> Any:
        if isinstance(value, Handle):
            return Link(visit(value), value._output, value._component)
        if isinstance(value, list):
            return [replace(item) for item in value]
        if isinstance(value, Expression) and any(isinstance(leaf, Handle) for leaf in leaves(value.tree)):
            return Expression(map_tree(value.tree, replace))
        return value

    for sink in sinks:
        visit(sink)
    return nodes


def map_tree(tree: Any, function: Any) -> Any:
    """Return an expression's tree with each number, variable and link replaced by what ``function`` makes of it."""
    if isinstance(tree, Call):
        return Call(tree.function, tuple(map_tree(argument, function) for argument in tree.arguments))
    return function(tree)


def _free_name(type_name: str, taken: dict[str, Node]) -> str:
    base = re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z]{2})(?=[A-Z][a-z])", "_", type_name).lower()
    number = 1
    while (name := base if number == 1 else f"{base}_{number}") in taken:
        number += 1
    return name
