"""Plans as plain data: what a film's frames need of a graph, and its stages."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Protocol, cast, runtime_checkable

from n2s.graph.declare import Node
from n2s.graph.errors import Position
from n2s.graph.header import Header
from n2s.graph.paths import NamedPath, changed_paths, path_settings, paths, resolve_path
from n2s.graph.values import Values
from n2s.plan.film import scene_of
from n2s.plan.keys import key
from n2s.plan.stages import Plan, Stage, node_of
from n2s.runtime.context import RunContext


@dataclass(frozen=True)
class Excerpt:
    """What a film's frames need of a flat graph; a plan reads it like the graph itself.

    Attributes
    ----------
    nodes : dict of str to Node
        The nodes that are computed on the way to the sink, and the sink.
    places : dict of str to Position
        Where each of them is written, for messages; empty for a graph made in Python.
    """

    nodes: dict[str, Node]
    places: dict[str, Position]
    header: Header
    base: Path
    model_folder: Path | None

    @classmethod
    def of(cls, graph: Any, names: list[str]) -> Excerpt:
        places = {name: place for name in names if (place := graph.where(name, key=True))}
        return cls({name: graph.nodes[name] for name in names}, places, graph.header, graph.base, graph.model_folder)

    def where(self, name: str, *_: str, key: bool = True) -> Position | None:
        return self.places.get(name)

    def sources(self) -> list[Path]:
        """Return every file and folder that its nodes name, and its model."""
        named = [
            path.text for node in self.nodes.values() for field in path_settings(node) for path in paths(node, field)
        ]
        carried = [node.film_part.graph for node in self.nodes.values() if isinstance(node, CarriesFilm)]
        of_carried = [path for graph in carried for path in graph.sources()]
        return [*(resolve_path(self.base, text) for text in named), *filter(None, [self.model_folder]), *of_carried]

    def with_sources(self, placed: Mapping[Path, Path]) -> Excerpt:
        """Return it with files and folders taken from elsewhere."""

        def change(path: NamedPath) -> str:
            there = resolve_path(self.base, path.text)
            return str(placed[there]) if there in placed else path.text

        nodes = {name: node.model_copy(update=changed_paths(node, change)) for name, node in self.nodes.items()}
        for name, node in nodes.items():
            if isinstance(node, CarriesFilm):
                part = node.film_part
                nodes[name] = node.carrying(replace(part, graph=part.graph.with_sources(placed)))
        model = placed.get(self.model_folder, self.model_folder) if self.model_folder else None
        return replace(self, nodes=nodes, model_folder=model)


@dataclass(frozen=True)
class FilmPart:
    """The plan of one sink or measure, as plain data: its stages, without what is open in one process.

    Attributes
    ----------
    graph : Excerpt
    values : Values
        The signals and parameters that its frames need, without handles of music.
    end, chunk_length, nodes, stages : as in `Plan`
    static : mapping
        The part of its recipes that does not depend on time, to tell what differs elsewhere.
    """

    graph: Excerpt
    values: Values
    end: str
    chunk_length: int
    nodes: tuple[Stage, ...]
    stages: tuple[Stage, ...]
    static: Mapping[str, Any]

    @classmethod
    def of(cls, plan: Plan) -> FilmPart:
        graph = Excerpt.of(plan.graph, [*plan.order, node_of(plan.end)])
        return cls(graph, _values_needed(plan), plan.end, plan.chunk_length, plan.nodes, plan.stages, plan.keys.static)

    def plan(self, context: RunContext, environment: Mapping[str, str]) -> Plan:
        """Return the plan again, with keys of the code, files and libraries of this process."""
        scene = scene_of(cast(Any, self.graph), self.values, cast(Any, context))
        return key(
            Plan(
                cast(Any, self.graph),
                self.end,
                self.values,
                scene,
                environment,
                self.chunk_length,
                self.nodes,
                self.stages,
            )
        )


def _values_needed(plan: Plan) -> Values:
    """Return the resident values that the frames of a plan need."""
    nodes = [plan.graph.nodes[name] for name in plan.order]
    links = [
        link
        for node in nodes
        for port, link in node.links().items()
        if port in node.ports and not node.ports[port].streamed
    ]
    read = {(link.node, link.output) for link in links}
    outputs = {
        (node, output): value
        for (node, output), value in plan.values.outputs.items()
        if (node, output) in read or (node, "") in read
    }
    names = set(plan.order)
    params = {field: value for field, value in plan.values.params.items() if field[0] in names}
    return Values(plan.values.clock, outputs, params)


@runtime_checkable
class CarriesFilm(Protocol):
    """A node that shows frames of another film, from its frame ``first`` on."""

    film_part: FilmPart
    first: int

    def carrying(self, part: FilmPart) -> Any:
        """Return the node with another plan of the same film."""
        ...
