"""Diagrams: a graph as DOT text, and through Graphviz as SVG, PNG or PDF."""

from __future__ import annotations

import shutil
import subprocess
import sys
from html import escape
from pathlib import Path

from n2s.graph.errors import N2SError
from n2s.graph.expressions import Expression
from n2s.graph.graph import Graph
from n2s.graph.types import Link

_TINTS = {"resident": "#fdf6e3", "streamed": "#e8f1f5", "pointwise": "#e9f4ec", "sink": "#eeeef0", "track": "#eeeef0"}
_LONGEST = 44


def diagram(graph: Graph) -> str:
    """Return a graph as DOT: a box a node, with its settings; an edge a link, coloured by kind, ending at its port.

    Driven parameters show what drives them; settings at their default are left out.
    """
    import graphviz

    dot = graphviz.Digraph(graph.header.title or "graph")
    width, height = graph.header.size
    caption = f"{graph.header.title or 'untitled'}   ·   {width}×{height}, {graph.header.fps} frames/s, seed {graph.header.seed}"
    dot.attr("graph", rankdir="LR", label=caption, labelloc="t", fontname="Helvetica", fontsize="13", fontcolor="#30343a",
             nodesep="0.28", ranksep="0.55", pad="0.3", bgcolor="white")  # fmt: skip
    dot.attr("node", shape="plain", fontname="Helvetica", fontsize="11")
    dot.attr("edge", fontname="Helvetica", fontsize="9", arrowsize="0.6", penwidth="1.4")
    for name in graph.order:
        dot.node(name, label=f"<{_box(graph, name)}>")
    for name, field, link in graph.links():
        kind = graph.output(link).kind
        driven = field in graph.nodes[name].params()
        label = link.output + (f".{link.component}" if link.component is not None else "")
        several = len(type(graph.nodes[link.node]).outputs) > 1
        dot.edge(link.node, f"{name}:{field.split('.')[0]}:w", color=kind.colour, fontcolor=kind.colour,
                 style="dashed" if driven else "solid", label=label if several else "", tooltip=f"{link} → {name}.{field} ({kind})")
    return dot.source


def _box(graph: Graph, name: str) -> str:
    """One node as an HTML table: name and type, then a row for each port and each setting that was given."""
    node = graph.nodes[name]
    rows = [
        f'<tr><td bgcolor="{_TINTS[node.kind]}" align="left"><b>{escape(name)}</b>  '
        f'<font color="#6b7280">{type(node).__name__}</font></td></tr>'
    ]
    for field, spec in node.specs.items():
        value = getattr(node, field)
        if spec.role == "port":
            if value:
                rows.append(f'<tr><td port="{field}" align="left"><font point-size="9" color="#9aa0a8">{field}</font></td></tr>')
            continue
        if field not in node.model_fields_set or value == type(node).model_fields[field].default:
            continue
        driven = isinstance(value, Link | Expression)
        text = f"= {value}" if driven else ", ".join(map(str, value)) if isinstance(value, list) else str(value)
        text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        colour = "#a16207" if driven else "#30343a"
        rows.append(
            f'<tr><td port="{field}" align="left"><font point-size="9" color="#6b7280">{field}</font>  '
            f'<font point-size="9" color="{colour}">{escape(text)}</font></td></tr>'
        )
    return (
        '<table border="0" cellborder="0" cellspacing="0" cellpadding="3" bgcolor="white" style="rounded" color="#c4c8ce">'
        f'<tr><td><table border="1" cellborder="0" cellspacing="0" cellpadding="3" color="#c4c8ce">{"".join(rows)}</table></td></tr></table>'
    )


def render_diagram(source: str, target: Path) -> None:
    """Write a diagram as ``.dot``, or laid out by Graphviz as ``.svg``, ``.png`` or ``.pdf``.

    Raises
    ------
    N2SError
        When the ending is another, Graphviz is not there, or the file cannot be written.
    """
    form = target.suffix.lstrip(".").lower()
    if form not in ("dot", "svg", "png", "pdf"):
        raise N2SError(f'A diagram is written as .svg, .png, .pdf or .dot, not "{target.name}".')
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        if form == "dot":
            target.write_text(source)
            return
        done = subprocess.run([_dot(), f"-T{form}", "-o", str(target)], input=source.encode(), capture_output=True, check=False)
    except OSError as error:
        raise N2SError(f"{target} cannot be written: {error.strerror}.") from None
    if done.returncode:
        raise N2SError(f"Graphviz failed: {done.stderr.decode(errors='replace').strip()}")


def _dot() -> str:
    """Return Graphviz: the system's, or the one that the package graphviz-pure brings into the environment."""
    beside = Path(sys.executable).parent
    for name in ("dot", "graphviz-pure"):
        if found := shutil.which(name) or shutil.which(name, path=str(beside)):
            return found
    raise N2SError("Drawing needs Graphviz: install it (apt install graphviz, brew install graphviz), or write DOT text "
                   "with -o graph.dot.")
