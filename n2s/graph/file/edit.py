"""Editing a graph in Python: a new graph with other settings, which can be saved into the same file."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from n2s.graph.build import refuse_handles
from n2s.graph.declare import Node
from n2s.graph.errors import GraphError, Problem, checked_name
from n2s.graph.file.document import Document
from n2s.graph.file.load import load_parts
from n2s.graph.file.save import entry_in_file, value_in_file, values_in_file
from n2s.graph.header import Header
from n2s.graph.parts import GraphParts
from n2s.graph.registry import suggest
from n2s.graph.wording import told_as


def edit(graph: GraphParts, changes: dict[str, Any]) -> GraphParts:
    """Return a graph with changes; see `Graph.edit`."""
    values = values_in_file(graph)
    for name, node in graph.nodes.items():  # settings that are null in the file stay null
        nothing = [field for field in node.model_fields_set if getattr(node, field) is None]
        values["nodes"].get(name, {}).update(dict.fromkeys(nothing))
    values.update({field: None for field in graph.header.model_fields_set if getattr(graph.header, field) is None})
    for target, value in changes.items():
        name, dot, field = checked_name("What is changed", target).partition(".")
        entries = values["nodes"]
        if not dot and target in Header.model_fields:
            entries, field = values, target
        elif not dot and (target in entries or isinstance(value, Node | dict)):
            field = target
        elif dot and name in entries:
            entries = entries[name]
        else:
            raise GraphError(f'{target}: the graph has no node "{name}". {suggest(name, [*entries])}')
        if value is None:
            if dot and name in graph.nodes and field not in type(graph.nodes[name]).model_fields:
                near = suggest(field, list(type(graph.nodes[name]).model_fields))
                raise GraphError(f"{target}: {told_as(type(graph.nodes[name]))} has no such setting. {near}")
            entries.pop(field, None)
        else:
            entries[field] = _in_file(target, value)
    old = graph.document
    if old:
        edited = frozenset(_path_in_file(target) for target in changes)
        places = {path: place for path, place in old.places.items() if not _lies_within(path, edited)}
        edited |= old.edited
        document = Document(old.path, values, old.marks, old.text, old.spans, old.flow, places, edited)
    else:
        document = Document("graph", values, {})
    try:
        path = graph.path or graph.base / "graph.yaml"
        edited = load_parts(path, document=document)
    except GraphError as error:
        if old:
            raise
        raise GraphError([Problem(None, problem.text) for problem in error.problems]) from None
    return edited.replaced(path=graph.path, document=old and document)


def _in_file(target: str, value: Any) -> Any:
    refuse_handles(target, value)
    try:
        return entry_in_file(value) if isinstance(value, Node) else value_in_file(value)
    except GraphError as error:
        raise GraphError(f"{target}: {error}.") from None


def _path_in_file(target: str) -> tuple[str, ...]:
    """Return the path in a graph's file of what an edit changes: an entry of the header, a node or a setting of it."""
    name, dot, field = target.partition(".")
    if not dot and target in Header.model_fields:
        return (target,)
    return ("nodes", name, field) if dot else ("nodes", name)


def _lies_within(path: tuple, edited: Collection[tuple]) -> bool:
    """Say whether a value, or what it lies in, was changed, so that what was laid over it before holds no more."""
    return any(path[: len(each)] == each for each in edited)
