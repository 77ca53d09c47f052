"""The parts of a graph, complete when it is made, and what can be read off them.

Loading, editing, saving and flattening work on these; `n2s.graph.graph` puts all of them behind the one name `Graph`.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, fields
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, Self, cast

from pydantic import ValidationError

from n2s.graph.declare import Node, Output, Sink
from n2s.graph.errors import Position
from n2s.graph.expressions import Expression
from n2s.graph.flatten import complete, hear, put_in_place, redirect
from n2s.graph.header import Header
from n2s.graph.links import Link
from n2s.graph.paths import resolve_path
from n2s.graph.specs import chosen_output
from n2s.graph.subgraph import Interface
from n2s.graph.types import SIGNAL, Kind
from n2s.graph.walks import inputs_first

if TYPE_CHECKING:
    from n2s.graph.file.document import Document


@dataclass(frozen=True, eq=False, repr=False, kw_only=True)
class GraphParts:
    """A graph as a value: what it is made of does not change; `replaced` returns another one.

    Attributes
    ----------
    nodes : mapping of str to Node
        In the order of the file, or inputs first.
    header : Header
        Its ``model_fields_set`` holds the entries that were given.
    base : Path
        The folder that relative paths in the graph start from.
    path : Path or None
        The file it was loaded from; None for a graph made in Python.
    document : Document or None
        The values of that file, where they stand in it, and where others were laid over them.
    interface : Interface or None
        What a sub-graph shows.
    preset_params : mapping of str to value
        The defaults that its preset gives to parameters of its interface.
    origins : mapping of str to (graph, str)
        In a flattened graph, the graph that each node, and each instance of a sub-graph, is written in, and its name
        there.
    instances : mapping of str to SubGraph
        In a flattened graph, what the interface of each sub-graph's instance is given; its nodes stand beside.
    instance_outputs : mapping of (str, str) to Link, Expression or Number
        In a flattened graph, what each output of a sub-graph's instance, by (instance, output), is read from.
    loaded_tracks : dict of str to graph
        The tracks of an album that were read so far, by node; `n2s.graph.tracks` reads each once and notes it here.
    """

    nodes: Mapping[str, Node]
    header: Header
    base: Path
    path: Path | None = None
    document: Document | None = None
    interface: Interface | None = None
    preset_params: Mapping[str, Any] = field(default_factory=dict)
    origins: Mapping[str, tuple[GraphParts, str]] = field(default_factory=dict)
    instances: Mapping[str, Node] = field(default_factory=dict)
    instance_outputs: Mapping[tuple[str, str], Any] = field(default_factory=dict)
    loaded_tracks: dict[str, Any] = field(default_factory=dict)

    def replaced(self, **parts: Any) -> Self:
        """Return a graph with other parts. Tracks that were read depend on the old ones and are not taken along."""
        kept = {part.name: getattr(self, part.name) for part in fields(GraphParts) if part.name != "loaded_tracks"}
        return cast(Self, GraphParts(**kept | parts))

    def where(self, *path: str | int, key: bool = False) -> Position | None:
        """Return where a value stands in the graph's file; None for a graph made in Python."""
        if path and path[0] in self.origins:
            graph, name = self.origins[cast(str, path[0])]
            return graph.where(name, *path[1:], key=key)
        return self.document.where(("nodes", *path), key) if self.document else None

    def origin(self, name: str) -> tuple[GraphParts, str]:
        """Return the graph that a node is written in, and its name there."""
        return self.origins.get(name, (self, name))

    def origin_title(self, instance: str) -> str:
        """Return what a diagram calls the sub-graph at an instance of a flattened graph: ``look · pulse.yaml``."""
        within = [name for name in self.origins if name.startswith(f"{instance}/")]
        nearest = min(within, key=lambda name: name.count("/"), default=None)  # not one of a sub-graph in it
        inside = self.origins[nearest][0] if nearest else None
        file = inside.path.name if inside and inside.path else ""
        return f"{instance.rpartition('/')[2]} · {file}"

    @cached_property
    def flat(self) -> Self:
        """This graph with its sub-graphs in place, what its nodes bring, and a node for every expression at a port.

        It is what is planned.
        """
        if self.origins:
            return self
        heard = self.heard
        nodes, origins, instances = complete(heard.nodes, heard.origins, heard.instances)
        return heard.replaced(nodes=nodes, origins=origins, instances=instances, loaded_tracks=self.loaded_tracks)

    @cached_property
    def heard(self) -> Self:
        """This graph with its sub-graphs in place, and musical time read from the node that hears it.

        It has the nodes that its author wrote and no others, as diagrams show it.
        """
        if self.origins:
            return self
        placed = self.in_place
        is_part = placed.interface is not None
        nodes, instances = hear(placed.nodes, placed.origins, placed.instances, is_part)
        return placed.replaced(nodes=nodes, instances=instances)

    @cached_property
    def in_place(self) -> Self:
        """This graph with its sub-graphs in place; what their nodes bring is known when the outermost graph is flat."""
        nodes, origins, instances, outputs = put_in_place(self)
        return self.replaced(nodes=nodes, origins=origins, instances=instances, instance_outputs=outputs)

    def through(self, link: Link) -> Any:
        """Return what a link reads in the flattened graph: one to a sub-graph's output, the node inside it.

        That is an expression or a number where the output is what a parameter of the sub-graph is given.
        """
        return redirect(link, self.flat.instance_outputs)

    def resolve(self, path: str) -> Path:
        """Return a path written in the graph, made absolute against the folder of its file."""
        return (self.base / path).resolve()

    def resolved(self, path: str) -> Path:
        """Return what `resolve` returns; GraphError for what can be no path, or leads in a circle of links."""
        return resolve_path(self.base, path)

    def overridden_at(self, *path: str) -> Position | None:
        """Return where a value was laid over that of the graph's file; None where it was not.

        ``path`` is the entry of the header, or ``"nodes"``, a node and its setting.
        """
        return self.document.places.get(path) if self.document else None

    def stated(self, entry: str) -> Any:
        """Return an entry of the header as the graph's file has it, whatever overrides say."""
        values = self.document.values if self.document else {}
        try:
            return getattr(Header(**({entry: values[entry]} if entry in values else {})), entry)
        except ValidationError:
            return None

    @property
    def model_folder(self) -> Path | None:
        """The folder of the model that the graph names; None for the shipped one."""
        return self.resolve(self.header.model) if self.header.model else None

    def links(self) -> Iterator[tuple[str, str, Link]]:
        """Yield (node, port or parameter, link) for every link, those inside expressions too."""
        for name, node in self.nodes.items():
            for port, link in node.links().items():
                yield name, port, link
            for port in [*node.params(), *node.ports]:
                if isinstance(value := getattr(node, port), Expression):
                    for link in value.links():
                        yield name, port, link

    def sources(self) -> dict[str, list[str]]:
        """Return the nodes that each node reads."""
        sources: dict[str, list[str]] = {name: [] for name in self.nodes}
        for name, _, link in self.links():
            sources[name].append(link.node)
        return sources

    @cached_property
    def order(self) -> list[str]:
        """The names of the nodes, inputs first, otherwise in the order of the file."""
        return inputs_first(self.sources())

    def output(self, link: Link, wanted: Kind | None = None) -> Output | None:
        """Return the declaration of the output that a link to a port of the ``wanted`` kind reads, or None."""
        outputs = type(self.nodes[link.node]).outputs
        return outputs.get(chosen_output(outputs, link.settled(outputs).output, wanted))

    def wanted_kind(self, name: str, field: str) -> Kind:
        """Return the kind that a node's port or parameter takes."""
        return type(self.nodes[name]).ports.get(field.split(".")[0], SIGNAL)

    def sinks(self) -> list[str]:
        """Return the names of the nodes that make files."""
        return [name for name, node in self.nodes.items() if isinstance(node, Sink)]
