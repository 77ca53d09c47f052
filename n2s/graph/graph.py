"""A graph, with all that can be done with it: made in Python, loaded, edited, saved.

This module is the top of its room: it imports the modules that load, check, edit and save the parts of a graph, and
none of them imports it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from n2s.graph.build import close
from n2s.graph.check import check_links
from n2s.graph.errors import GraphError, N2SError, Position
from n2s.graph.file.edit import edit
from n2s.graph.file.load import load_parts
from n2s.graph.file.save import save, to_yaml
from n2s.graph.handles import Handle
from n2s.graph.header import Header, explain_header
from n2s.graph.parts import GraphParts
from n2s.graph.wording import counted


class Graph(GraphParts):
    """A graph of nodes.

    In Python it is what some sinks need: ``Graph(FFmpegSink(path="ember.mp4")(film, track), fps=30, seed=7)``;
    from YAML it is `Graph.load`. Both give the same nodes, links and keys.

    Parameters
    ----------
    sinks : Handle
        The nodes that make films, connected.
    base : path
        The folder that relative paths in the graph start from.
    parts : GraphParts, optional
        What the graph is made of, in place of sinks and all else; nothing of it is checked again.
    header : entries of `Header`
        Frame rate, size, seed and so on.

    Raises
    ------
    GraphError
        With everything that is wrong.
    """

    def __init__(self, *sinks: Handle, base: str | Path = ".", parts: GraphParts | None = None, **header: Any):
        parts = parts or _from_sinks(sinks, Path(base).resolve(), header)
        super().__init__(**{part.name: getattr(parts, part.name) for part in fields(GraphParts)})

    @classmethod
    def load(
        cls,
        path: str | Path,
        overrides: Mapping[str, Any] | None = None,
        preset: str | None = None,
        places: Mapping[str, Position] | None = None,
    ) -> Graph:
        """Read a graph file and check it; nothing of the graph is run, no music is read.

        Parameters
        ----------
        overrides : mapping, optional
            Values that replace those of the file: ``{"grain.amount": 0.1, "fps": 25}``; see `n2s.graph.file.override`.
        preset : str, optional
            One of the file's presets, laid under the overrides.
        places : mapping of str to Position, optional
            Where each of the overrides was given, for messages, and under "preset" where that was.

        Raises
        ------
        GraphError
            With everything that is wrong, each with its line and column.
        """
        return cls(parts=load_parts(Path(path), overrides, preset, places))

    def replaced(self, **parts: Any) -> Graph:
        """Return a graph with other parts; see `GraphParts`. Nothing is checked."""
        return Graph(parts=super().replaced(**parts))

    def edit(self, changes: dict[str, Any]) -> Graph:
        """Return a checked graph with changes: ``{"tone.exposure": 0.5, "tone.warmth": None, "grain": None}``.

        None takes a setting, a node or a header entry out; a `Node` or a dict puts a node in. Saving knows the file.
        """
        return Graph(parts=edit(self, changes))

    @property
    def network(self) -> Any:
        """The graph as a networkx MultiDiGraph, an edge per link, with ``port``, ``link`` and ``kind``.

        It is for what networkx knows about graphs: paths, centrality, layouts.
        """
        import networkx  # takes as long to import as all the rest of a check

        network = networkx.MultiDiGraph()
        network.add_nodes_from(self.nodes)
        for name, port, link in self.links():
            read = self.output(link, self.wanted_kind(name, port))
            network.add_edge(link.node, name, port=port, link=link, kind=read and read.kind)
        return network

    def to_yaml(self) -> str:
        """Return the graph as the text of a graph file."""
        return to_yaml(self)

    def save(self, path: str | Path) -> Path:
        """Write the graph as YAML; in a file that exists only what differs changes, and comments and layout stay.

        Relative paths in it are written as seen from the file's folder. Raises GraphError, and leaves the file as it
        is, where the graph cannot be written there.
        """
        return save(self, path)

    def draw(self, path: str | Path) -> Path:
        """Draw the graph as .svg, .png, .pdf or .dot; a notebook draws a graph that ends a cell by itself.

        Raises
        ------
        N2SError
            When the ending is another, Graphviz is not there, or the file cannot be written.
        """
        from n2s.graph.describe.diagram import diagram, render_diagram  # brings Graphviz along

        render_diagram(diagram(self), Path(path))
        return Path(path)

    def _repr_svg_(self) -> str | None:
        """Return the graph as a notebook shows it; None, and so its text, where there is no Graphviz."""
        from n2s.graph.describe.diagram import diagram, lay_out  # brings Graphviz along

        try:
            return lay_out(diagram(self), "svg").decode()
        except N2SError:
            return None

    def __repr__(self) -> str:
        title = f'"{self.header.title}", ' if self.header.title else ""
        films = ", ".join(str(getattr(self.nodes[name], "path", name)) for name in self.sinks())
        return f"<Graph {title}{counted(len(self.nodes), 'node')}{', makes ' * bool(films)}{films}>"


def _from_sinks(sinks: tuple[Handle, ...], base: Path, header: dict[str, Any]) -> GraphParts:
    """Return the checked parts of a graph made in Python."""
    try:
        read = Header(**header)
    except ValidationError as error:
        raise GraphError("\n".join(f"{entry}: {text}" for entry, text in explain_header(error))) from None
    parts = GraphParts(nodes=close(sinks), header=read, base=base)
    if problems := check_links(parts):
        raise GraphError(problems)
    return parts
