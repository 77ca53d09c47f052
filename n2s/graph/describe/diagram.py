"""Diagrams: a graph as DOT text, and through Graphviz as SVG, PNG or PDF."""

from __future__ import annotations

import base64
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from html import escape
from pathlib import Path
from typing import Any, cast

from n2s.graph.errors import ArgumentError, N2SError
from n2s.graph.expressions import Expression, Number
from n2s.graph.links import Link
from n2s.graph.parts import GraphParts
from n2s.graph.paths import changed_paths, path_from
from n2s.graph.specs import Output
from n2s.graph.subgraph import InterfaceNode
from n2s.graph.whole import write_whole

TINTS = {"resident": "#fdf6e3", "measure": "#f9ece8", "streamed": "#e8f1f5", "pointwise": "#e9f4ec",
         "filter": "#e9f4ec", "echo": "#e9f4ec", "lens": "#e9f4ec", "pick": "#e9f4ec", "sink": "#eeeef0",
         "track": "#eeeef0", "graph": "#f3ecf7", "interface": "#f6f7f8"}  # fmt: skip
MADE = b"<!-- made by n2s draw -->\n"  # marks a diagram that n2s wrote and may replace
STORED, STALE = "#4f9d69", "#e3a008"
_LONGEST = 44
_GREY = "#6b7280"


@dataclass(frozen=True)
class ChunkMap:
    """What the plan view shows of one sink: its kernels, by the node they end at, and which chunks are stored."""

    kernels: Mapping[str, tuple[str, ...]]
    stored: tuple[bool, ...]


def diagram(graph: GraphParts, plans: Mapping[str, ChunkMap] = {}, thumbnails: Mapping[str, Path] = {}) -> str:
    """Return a graph as DOT: one box per node, with its settings; one edge per link, coloured by kind, to its port.

    Sub-graphs are clusters. Driven parameters show what drives them; settings at their default are left out, and so are
    the nodes that others bring, which the author of the graph did not write.

    Parameters
    ----------
    plans : mapping of str to ChunkMap, optional
        By sink: the plan view adds fused nodes as clusters and a map of the chunks.
    thumbnails : mapping of str to Path, optional
        Pictures of nodes, by name; the diagram has the names of their files alone, see `lay_out`.
    """
    import graphviz  # here alone, so that what only measures and names diagrams starts without it

    shown, written = (graph.heard, graph.in_place) if graph.sinks() else (graph, graph)
    ids = {name: f"n{i}" for i, name in enumerate(shown.order)}
    dot = graphviz.Digraph("graph")
    width, height = graph.header.size
    rate = f"{width}×{height}, {graph.header.fps} frames/s, seed {graph.header.seed}"
    caption = f"{graph.header.title or 'untitled'}   ·   {'a sub-graph' if graph.interface else rate}"
    dot.attr("graph", rankdir="LR", label=_plain(caption), labelloc="t", fontname="Helvetica", fontsize="13",
             fontcolor="#30343a", nodesep="0.28", ranksep="0.55", pad="0.3", bgcolor="white")  # fmt: skip
    dot.attr("node", shape="plain", fontname="Helvetica", fontsize="11")
    dot.attr("edge", fontname="Helvetica", fontsize="9", arrowsize="0.6", penwidth="1.4")
    boxes = {
        name: (ids[name], f"<{_box(written, name, plans.get(name), thumbnails.get(name))}>")
        for name in shown.order
    }  # fmt: skip
    fused = {
        name: end.partition(":")[0]  # the node that brought it, where it is no other's
        for plan in plans.values()
        for end, steps in plan.kernels.items()
        # A cluster lies inside one sub-graph or outside all; a kernel over several has none.
        if len(steps) > 1 and len({name.rpartition("/")[0] for name in steps}) == 1
        for name in steps
    }
    _place(dot, shown, boxes, fused)
    for name, port, link in shown.links():
        node, field = shown.nodes[name], port.split(".")[0]
        kind = cast(Output, shown.output(link, shown.wanted_kind(name, port))).kind
        driven = field in node.params() or isinstance(getattr(node, field), Expression)
        label = ".".join(filter(None, (link.output, link.column)))
        several = len(type(shown.nodes[link.node]).outputs) > 1
        dot.edge(ids[link.node], f"{ids[name]}:{field}:w", color=kind.colour, fontcolor=kind.colour,
                 style="dashed" if driven else "solid", label=_plain(label if several else ""),
                 tooltip=_plain(f"{link} → {name}.{port} ({kind})"))  # fmt: skip
    return dot.source


def _place(dot: Any, graph: GraphParts, boxes: Mapping[str, tuple[str, str]], fused: Mapping[str, str]) -> None:
    """Put every box into the cluster of its sub-graph, or of the kernel it is fused into."""
    tree: dict[str, Any] = {}
    for name in boxes:
        spot = tree
        for part in name.split("/")[:-1]:
            spot = spot.setdefault(part, {})
        if name in fused:
            spot = spot.setdefault(f"one kernel for {fused[name]}", {})
        spot[f":{name}"] = name

    def draw(into: Any, branch: Mapping[str, Any], path: str) -> None:
        for key, value in branch.items():
            if isinstance(value, str):
                into.node(boxes[value][0], label=boxes[value][1])
                continue
            with into.subgraph(name=f"cluster_{path}{key}") as cluster:
                in_kernel = key.startswith("one kernel")
                title = key if in_kernel else graph.origin_title(f"{path}{key}")
                style, colour = ("rounded,dashed", "#7fb08f") if in_kernel else ("rounded", "#b9a3c9")
                cluster.attr(label=_plain(title), labelloc="t", labeljust="l", style=style, color=colour,
                             fontcolor=_GREY, fontsize="10", margin="10")  # fmt: skip
                draw(cluster, value, f"{path}{key}/")

    draw(dot, tree, "")


def _box(graph: GraphParts, name: str, plan: ChunkMap | None, thumbnail: Path | None) -> str:
    """Return a node as an HTML table: name and type, then one row per port and per setting that was given."""
    node = graph.nodes[name]
    node = node.model_copy(update=changed_paths(node, lambda path: _path_from(graph.base, path.text)))
    kind = "interface" if isinstance(node, InterfaceNode) else type(node).__name__
    rows = [
        f'<tr><td bgcolor="{TINTS[node.kind]}" align="left"><b>{_marked_up(name.rpartition("/")[2])}</b>  '
        f'<font color="{_GREY}">{_marked_up(kind)}</font></td></tr>'
    ]
    if thumbnail:
        rows.append(
            '<tr><td fixedsize="true" width="130" height="76">'
            f'<img src="{_marked_up(thumbnail.name)}" scale="true"/></td></tr>'
        )
    for field, spec in node.specs.items():
        value = getattr(node, field)
        if spec.role == "port" and not isinstance(value, Expression | Number):
            if value:
                rows.append(_row(field, f'<font point-size="9" color="#9aa0a8">{field}</font>'))
            continue
        if field not in node.model_fields_set or value == type(node).model_fields[field].default:
            continue
        driven = isinstance(value, Link | Expression)
        text = f"= {value}" if driven else _in_words(value)
        text = text if len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"
        colour = "#a16207" if driven else "#30343a"
        rows.append(
            _row(
                field,
                f'<font point-size="9" color="{_GREY}">{field}</font>  '
                f'<font point-size="9" color="{colour}">{_marked_up(text)}</font>',
            )
        )
    if plan:
        rows.append(_row("chunks", _chunk_cells(plan.stored)))
    return (
        '<table border="0" cellborder="0" cellspacing="0" cellpadding="0" bgcolor="white">'
        '<tr><td><table border="1" cellborder="0" cellspacing="0" cellpadding="3" color="#c4c8ce">'
        f"{''.join(rows)}</table></td></tr></table>"
    )


def _path_from(folder: Path, path: str) -> str:
    """Return a path as it is seen from the graph's folder, if that is shorter: the nodes of a look have whole ones."""
    return min(path_from(folder, path), path, key=len) if os.path.isabs(path) else path


def _plain(text: str) -> str:
    """Return a text as a label of Graphviz's that is drawn just so: it reads escapes, entities and HTML in them."""
    import graphviz  # when something is drawn, as above

    return graphviz.escape(_drawable(text).replace("&", "&amp;"))


def _marked_up(text: str) -> str:
    """Return a text as a part of an HTML label, where Graphviz reads escapes, too, and takes no empty text."""
    return escape(_drawable(text)).replace("\\", "\\\\") or " "


def _drawable(text: str) -> str:
    """Return a text with a mark in place of each character that no SVG can have."""
    return re.sub("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]", "\ufffd", text)


def _row(port: str, content: str) -> str:
    return f'<tr><td port="{port}" align="left">{content}</td></tr>'


def _in_words(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_in_words(item)}" for key, item in value.items())
    return ", ".join(map(str, value)) if isinstance(value, list) else str(value)


def _chunk_cells(stored: tuple[bool, ...]) -> str:
    """Return a map of the chunks, 30 per line: one cell per chunk, coloured by whether it is stored."""
    lines = [stored[i : i + 30] for i in range(0, len(stored), 30)]
    cells = "".join(
        "<tr>"
        + "".join(
            f'<td bgcolor="{STORED if done else STALE}" width="5" height="9" fixedsize="true"></td>' for done in line
        )
        + "</tr>"
        for line in lines
    )
    count = sum(stored)
    caption = (
        f'<font point-size="9" color="{STORED}">{count} stored</font>  '
        f'<font point-size="9" color="{STALE}">{len(stored) - count} to render</font>'
    )
    return (
        f'<table border="0" cellborder="0" cellspacing="0" cellpadding="1"><tr><td align="left">{caption}</td></tr>'
        '<tr><td align="left"><table border="0" cellborder="0" cellspacing="1" cellpadding="0">'
        f"{cells}</table></td></tr></table>"
    )


def form_of(target: Path, pictures: bool = False) -> str:
    """Return the form in which a diagram is written: "svg", "png", "pdf", or, where it shows no pictures, "dot".

    Raises
    ------
    ArgumentError
        When the ending is another.
    """
    form = target.suffix.lstrip(".").lower()
    if form not in ("dot", "svg", "png", "pdf"):
        raise ArgumentError(f'A diagram is written as .svg, .png, .pdf or .dot, not "{target.name}".')
    if form == "dot" and pictures:
        raise ArgumentError(f'"{target.name}" would hold no pictures; write thumbnails as .svg, .png or .pdf.')
    return form


def render_diagram(source: str, target: Path, pictures: Path | None = None) -> None:
    """Write a diagram as ``.dot``, or laid out by Graphviz as ``.svg``, ``.png`` or ``.pdf``; see `lay_out`.

    Raises
    ------
    N2SError
        When the ending is another, Graphviz is not there, or the file cannot be written.
    """
    form = form_of(target, pictures is not None)
    made = source.encode() if form == "dot" else lay_out(source, form, pictures)
    try:
        write_whole(target, lambda path: path.write_bytes(made))
    except OSError as error:
        raise N2SError(f"{target} cannot be written: {error.strerror}.") from None


def lay_out(source: str, form: str, pictures: Path | None = None) -> bytes:
    """Return a diagram as Graphviz draws it: "svg", "png" or "pdf".

    Parameters
    ----------
    pictures : Path, optional
        The folder of the pictures that it shows. Graphviz is run there, and never reads the folder's own name, which
        may have characters that mean something to it or to an SVG.

    Raises
    ------
    N2SError
        When Graphviz is not there, or fails.
    """
    tool = _dot()
    if pictures and form in ("png", "pdf") and "pure" in Path(tool).name:
        raise N2SError("Pictures of nodes in .png and .pdf need the system's Graphviz; write .svg, or install it.")
    try:
        done = subprocess.run(
            [tool, f"-T{form}"], input=source.encode(), capture_output=True, check=False, cwd=pictures
        )
    except OSError as error:
        raise N2SError(f"Graphviz cannot be started: {error.strerror}.") from None
    if done.returncode:
        raise N2SError(f"Graphviz failed: {done.stderr.decode(errors='replace').strip()}")
    if form != "svg":
        return done.stdout
    return (_with_pictures(done.stdout, pictures) if pictures else done.stdout) + MADE


_IMAGE = re.compile(rb'xlink:href="([^"]+)"')


def _with_pictures(svg: bytes, folder: Path) -> bytes:
    """Put all pictures into an SVG itself, so that the file needs no other; N2SError where one is not there."""

    def inline(match: re.Match[bytes]) -> bytes:
        try:
            data = base64.b64encode((folder / match[1].decode()).read_bytes())
        except OSError as error:
            name = match[1].decode(errors="replace")
            raise N2SError(f"The picture {name} of the diagram cannot be read: {error.strerror}.") from None
        return b'xlink:href="data:image/png;base64,' + data + b'"'

    return _IMAGE.sub(inline, svg)


def _dot() -> str:
    """Return Graphviz: the system's, or the one that the package graphviz-pure brings into the environment."""
    beside = Path(sys.executable).parent
    for name in ("dot", "graphviz-pure"):
        if found := shutil.which(name) or shutil.which(name, path=str(beside)):
            return os.path.abspath(found)  # it may be run in another folder
    raise N2SError(
        "Drawing needs Graphviz: install it (apt install graphviz, brew install graphviz), or write DOT text "
        "with -o graph.dot."
    )
