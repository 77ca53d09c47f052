"""Saving: a graph as readable YAML, and onto an existing file as changes of that file's text.

What a file says already, in whatever words, is left as it is: values are compared as nodes, not as text. Nothing is
written before the new text was read back and gave the graph that was wanted.
"""

from __future__ import annotations

import os
from fractions import Fraction
from pathlib import Path, PurePosixPath
from typing import Any, cast

from n2s.graph.declare import Node
from n2s.graph.errors import GraphError, Problem
from n2s.graph.expressions import Expression, ExpressionError, Number
from n2s.graph.file import layout
from n2s.graph.file.document import Document, parse_document, read_document
from n2s.graph.file.load import NodeReader, load_parts
from n2s.graph.file.patch import Add, Remove, Set, patch
from n2s.graph.header import Header
from n2s.graph.landmarks import Moment
from n2s.graph.links import Link
from n2s.graph.numbers import plain_number
from n2s.graph.parts import GraphParts
from n2s.graph.paths import changed_paths, path_from
from n2s.graph.subgraph import InterfaceNode
from n2s.graph.times import WrittenSeconds
from n2s.graph.whole import write_whole

BOM = b"\xef\xbb\xbf"


def save(graph: GraphParts, path: str | Path) -> Path:
    """Write a graph; see `Graph.save`."""
    shown, target = str(path), Path(path).resolve()
    exists = os.path.exists(target)
    document = read_document(path) if exists else None
    text = _text(graph, document, target, shown)
    if document and text == document.text:
        return Path(path)
    with_bom = exists and target.read_bytes().startswith(BOM)
    try:
        data = (BOM if with_bom else b"") + text.encode()
        target.parent.mkdir(parents=True, exist_ok=True)
        write_whole(target, lambda path: path.write_bytes(data))
    except UnicodeEncodeError:
        raise GraphError(f"{shown} is not saved: a text in the graph has characters that UTF-8 cannot write.") from None
    except OSError as error:
        raise GraphError(f"{shown} cannot be written: {error.strerror}.") from None
    return Path(path)


def to_yaml(graph: GraphParts) -> str:
    """Return the text of a graph's file; see `Graph.to_yaml`."""
    target = graph.path.resolve() if graph.path else graph.base / "graph.yaml"
    return _text(graph, None, target, str(graph.path or "graph"))


def values_in_file(graph: GraphParts) -> dict[str, Any]:
    """Return a graph as its file has it: header, other sections, nodes by name; only what was given."""
    header = _header(graph)
    sections = graph.document.values if graph.document else {}
    sections = {key: sections[key] for key in ("interface", "presets") if key in sections}
    return {**header, **sections, "nodes": {name: entry_in_file(graph.nodes[name]) for name in _node_names(graph)}}


def entry_in_file(node: Node) -> dict[str, Any]:
    """Return a node's entry: its type, its ports, then what else was given."""
    return {
        "node": type(node).__name__,
        **{field: value_in_file(getattr(node, field)) for field in fields_in_file(node)},
    }


def fields_in_file(node: Node) -> list[str]:
    """Return the fields that a node was given, ports first; None stands for nothing given."""
    fields = dict.fromkeys([*node.ports, *type(node).model_fields])
    return [f for f in fields if f in node.model_fields_set and getattr(node, f) is not None]


def value_in_file(value: Any) -> Any:
    """Return a setting as YAML has it: numbers, text, lists and dicts of them.

    Raises
    ------
    GraphError
        For what has no place in a file.
    """
    value = value if isinstance(value, Fraction) else plain_number(value)
    if isinstance(value, Number):
        if value.unit or value.text:
            return str(value)
        return int(value.value) if value.value.is_integer() and abs(value.value) < 1e15 else value.value
    if isinstance(value, Moment):
        return str(value)
    if isinstance(value, Expression):
        return f"= {_expression_text(value)}"
    if isinstance(value, WrittenSeconds) and value.text:
        return value.text
    if isinstance(value, Fraction):
        return value.numerator if value.denominator == 1 else str(value)
    if isinstance(value, Link | os.PathLike):
        return str(PurePosixPath(value)) if isinstance(value, os.PathLike) else str(value)
    if isinstance(value, set | frozenset):
        return [value_in_file(item) for item in sorted(value, key=repr)]
    if isinstance(value, list | tuple):
        return [value_in_file(item) for item in value]
    if isinstance(value, dict):
        return {str(key): value_in_file(item) for key, item in value.items()}
    if value is None or isinstance(value, bool | int | float | str):
        return value
    raise GraphError(f"{value!r} cannot be written into a graph's file")


def _expression_text(expression: Expression) -> str:
    """Return an expression as its author wrote it, where that is known and still says the same."""
    try:
        if expression.text and Expression.parse(expression.text) == expression:
            return expression.text
    except ExpressionError:
        pass
    return str(expression)


def _header(graph: GraphParts) -> dict[str, Any]:
    found = {
        field: value_in_file(getattr(graph.header, field))
        for field in type(graph.header).model_fields
        if field in graph.header.model_fields_set
    }
    return {"n2s": graph.header.n2s} | {field: value for field, value in found.items() if value is not None}


def _node_names(graph: GraphParts) -> list[str]:
    """Return the names of the nodes in a file: in its order, or inputs first for a graph made in Python."""
    names = graph.nodes if graph.document else graph.order
    return [name for name in names if not isinstance(graph.nodes[name], InterfaceNode)]


def _text(graph: GraphParts, document: Document | None, target: Path, shown: str) -> str:
    """Return the file's new text: that of ``document``, or of the file the graph came from, or a fresh one."""
    wanted = _placed(graph, target.parent)
    try:
        if document is None and graph.document is None:
            text = layout.graph_text(values_in_file(wanted))
        else:
            base, at = document, target
            if base is None:
                base, at = parse_document(cast(Document, graph.document).text, shown), cast(Path, graph.path)
            text = patch(base.text, _changes(base, _read_nodes(base, at), wanted), shown)
        back = load_parts(target, document=parse_document(text, shown))
    except (GraphError, RecursionError) as error:
        said = error.problems if isinstance(error, GraphError) else [Problem(None, "an expression nests too deep")]
        raise GraphError(f"{shown} is not saved, nothing was changed: {'; '.join(p.text for p in said)}") from None
    if what := _difference(back, wanted):
        text = f"{shown} is not saved, nothing was changed: {what} would not come back as it is."
        raise GraphError(f"{text} Save it under another name.")
    return text


def _read_nodes(document: Document, path: Path) -> dict[str, Node | None]:
    """Return the nodes of a file as far as they can be read."""
    values = document.values
    if not isinstance(values, dict) or not isinstance(values.get("nodes"), dict) or not values["nodes"]:
        raise GraphError("there is a file of that name that is no graph")
    reader = NodeReader(path, document)
    return {name: reader.read(name, spec) for name, spec in values["nodes"].items()}


def _placed(graph: GraphParts, folder: Path) -> GraphParts:
    """Return the graph with its relative paths as they are from another folder."""
    if folder == graph.base:
        return graph
    nodes, header = dict(graph.nodes), graph.header
    if "model" in header.model_fields_set and header.model:
        header = header.model_copy(update={"model": _relative(graph, header.model, folder)})
    for name, node in graph.nodes.items():
        update = changed_paths(node, lambda path: _relative(graph, path.text, folder))
        if update := {field: value for field, value in update.items() if field in node.model_fields_set}:
            nodes[name] = node.model_copy(update=update)
    return graph.replaced(nodes=nodes, header=header)


def _relative(graph: GraphParts, path: str, folder: Path) -> str:
    """Return a path of a graph as it is from another folder; an absolute one stays."""
    return path if os.path.isabs(path) else path_from(folder, graph.resolve(path))


def _difference(back: GraphParts, wanted: GraphParts) -> str:
    """Return the name of the first thing in which two graphs differ; nothing when they are the same."""
    if back.header != wanted.header:
        return "the header"
    if back.nodes.keys() != wanted.nodes.keys():
        return ", ".join(sorted(back.nodes.keys() ^ wanted.nodes.keys()))
    for name, node in wanted.nodes.items():
        other = back.nodes[name]
        if type(other).__name__ != type(node).__name__ or fields_in_file(other) != fields_in_file(node):
            return name
        for field in fields_in_file(node):
            if getattr(other, field) != getattr(node, field):
                return f"{name}.{field}"
    return ""


# What has to change in a file


def _changes(document: Document, nodes: dict[str, Node | None], graph: GraphParts) -> list[Set | Add | Remove]:
    values = document.values
    changes = _header_changes(document, graph)
    if graph.document:
        wanted = values_in_file(graph)
        for section in ("interface", "presets"):
            changes += _entry(document, (section,), values, wanted, after="n2s" if "n2s" in values else None)
    names = _node_names(graph)
    changes += [Remove(("nodes", name)) for name in values["nodes"] if name not in names]
    for name in names:
        node, raw = graph.nodes[name], values["nodes"].get(name)
        if name not in values["nodes"]:
            changes.append(Add(("nodes", name), entry_in_file(node), list(values["nodes"])[-1]))
        elif not isinstance(raw, dict) or not raw:
            changes.append(Set(("nodes", name), entry_in_file(node)))
        else:
            changes += _node_changes(document, name, raw, nodes[name], node)
    return changes


def _header_changes(document: Document, graph: GraphParts) -> list[Set | Add | Remove]:
    changes: list[Set | Add | Remove] = []
    values, wanted, before = document.values, _header(graph), None
    raw = {key: value for key, value in values.items() if key in Header.model_fields}
    stays = {
        *wanted,
        "nodes",
        "interface",
        "presets",
        *(key for key in graph.header.model_fields_set if values.get(key, 0) is None),
    }
    changes += [Remove((key,)) for key in values if key not in stays]
    for field in Header.model_fields:
        if field in wanted and field not in values:
            changes.append(Add((field,), wanted[field], before))
        elif field in wanted and not _means(Header, field, raw, getattr(graph.header, field)):
            changes += _value_changes(document, (field,), values[field], wanted[field])
        before = field if field in values else before
    return changes


def _means(header: type, field: str, raw: dict[str, Any], value: Any) -> bool:
    """Say whether an entry as it stands in a file is a value; what else stands there may decide what it means."""
    for entries in (raw, {field: raw[field]}):
        try:
            return getattr(header(**entries), field) == value
        except ValueError:
            continue
    return False


def _node_changes(document: Document, name: str, raw: dict, old: Node | None, new: Node) -> list[Set | Add | Remove]:
    where, changes = ("nodes", name), []
    first = next(iter(new.ports), None)
    names = {"in": first} if "in" in raw and first and first not in raw else {}
    wanted = entry_in_file(new)
    same_type = old is not None and type(old).__name__ == type(new).__name__
    if raw.get("node") != wanted["node"]:
        changes.append(
            Set((*where, "node"), wanted["node"]) if "node" in raw else Add((*where, "node"), wanted["node"])
        )
    for key, value in raw.items():
        field = names.get(key, key)
        if key == "node":
            continue
        if field not in new.model_fields_set or (field not in wanted and value is not None):
            changes.append(Remove((*where, key)))
        elif old and same_type and field in old.model_fields_set and getattr(old, field) == getattr(new, field):
            continue
        elif field in wanted:
            changes += _value_changes(document, (*where, key), value, wanted[field])
    there = {names.get(key, key) for key in raw}
    changes += [Add((*where, field), wanted[field], list(raw)[-1]) for field in wanted if field not in there]
    return changes


def _entry(document: Document, path: tuple, raw: dict, wanted: dict, after: Any) -> list[Set | Add | Remove]:
    key = path[-1]
    if key not in wanted:
        return [Remove(path)] if key in raw else []
    return _value_changes(document, path, raw[key], wanted[key]) if key in raw else [Add(path, wanted[key], after)]


def _value_changes(document: Document, path: tuple, raw: Any, wanted: Any) -> list[Set | Add | Remove]:
    """Return the smallest changes that make one plain value of another: of single numbers in a list of points."""
    if _same(raw, wanted):
        return []
    if isinstance(raw, dict) and isinstance(wanted, dict) and raw and wanted:
        keys = dict.fromkeys([*raw, *wanted])
        return [c for key in keys for c in _entry(document, (*path, key), raw, wanted, list(raw)[-1])]
    if not isinstance(raw, list) or not isinstance(wanted, list) or not raw or not wanted:
        return [Set(path, wanted)]
    head = next((i for i, (a, b) in enumerate(zip(raw, wanted)) if not _same(a, b)), min(len(raw), len(wanted)))
    most = min(len(raw), len(wanted)) - head
    tail = next((i for i in range(most) if not _same(raw[-1 - i], wanted[-1 - i])), most)
    old, new = raw[head : len(raw) - tail], wanted[head : len(wanted) - tail]
    both = min(len(old), len(new))
    changes = [c for i in range(both) for c in _value_changes(document, (*path, head + i), old[i], new[i])]
    after = head + both - 1 if head + both else None
    changes += [Add((*path, head + i), new[i], after) for i in range(both, len(new))]
    return changes + [Remove((*path, head + i)) for i in range(both, len(old))]


def _same(a: Any, b: Any) -> bool:
    if isinstance(a, list) and isinstance(b, list):
        return len(a) == len(b) and all(map(_same, a, b))
    if isinstance(a, dict) and isinstance(b, dict):
        return a.keys() == b.keys() and all(_same(a[key], b[key]) for key in a)
    return isinstance(a, bool) == isinstance(b, bool) and a == b
