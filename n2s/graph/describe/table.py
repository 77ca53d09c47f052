"""A connected node as a small table, for notebooks: what it does, what it was given, what it gives."""

from __future__ import annotations

from collections.abc import Iterator
from html import escape
from inspect import cleandoc
from typing import Any

from n2s.graph.expressions import Expression

_LONGEST = 80


def node_table(node: Any, name: str = "", output: str = "") -> str:
    """Return a node as an HTML table.

    Settings at their default are left out; `n2s nodes TYPE` tells of them.

    Parameters
    ----------
    node : Node
    name : str, optional
        What the node is called in its graph, where it was named.
    output : str, optional
        The output to show; all of them by default.
    """
    cls = type(node)
    title = f"<b>{escape(cls.__name__)}</b>{f' named {escape(name)}' if name else ''}"
    purpose = cleandoc(cls.__doc__ or "").partition("\n")[0]
    rows = [f"<tr><th colspan='2' style='text-align:left'>{title}</th></tr>", _row("", purpose)]
    rows += [_row(field, text) for field, text in _given(node)]
    rows += [
        _row(f"gives {given}", f"{declared.kind}{f': {declared.help}' if declared.help else ''}")
        for given, declared in cls.outputs.items()
        if output in ("", given)
    ]
    return f"<table>{''.join(rows)}</table>"


def _given(node: Any) -> Iterator[tuple[str, str]]:
    """Yield what a node was given, field by field, as text."""
    for field, spec in type(node).specs.items():
        value = getattr(node, field)
        if value is None or (spec.role != "port" and field not in node.model_fields_set):
            continue
        text = f"= {value}" if isinstance(value, Expression) else str(value)
        yield field, text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _row(left: str, right: str) -> str:
    style = "style='text-align:left'"
    return f"<tr><td {style}>{escape(left)}</td><td {style}>{escape(right)}</td></tr>"
