"""A graph: named nodes, the links between them, and what holds for all of them (frame rate, size, seed)."""

from __future__ import annotations

import copy
from collections.abc import Iterator, Mapping
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, ValidationInfo, field_validator

from n2s.graph import build
from n2s.graph.declare import FolderPath, wanted
from n2s.graph.errors import GraphError, Position, Problem
from n2s.graph.expressions import Expression, Number
from n2s.graph.file.document import Document, short_name
from n2s.graph.registry import suggest
from n2s.graph.time import parse_rate
from n2s.graph.times import WrittenSeconds, is_musical, parse_time
from n2s.graph.types import Link

MAX_SIDE = 8192


class Header(BaseModel):
    """What holds for a whole graph."""

    model_config = ConfigDict(extra="forbid", frozen=True, arbitrary_types_allowed=True)

    n2s: int = Field(1, ge=1, le=1, description="the version of the graph format")
    title: str = Field("", description="shown in diagrams, chapters and players")
    artist: str = Field("", description="written into the film")
    seed: int = Field(0, ge=0, lt=2**32, description="of every random number of the graph")
    fps: Annotated[Fraction, BeforeValidator(parse_rate)] = Field(Fraction(30), description="film frames a second")
    size: tuple[int, int] = Field((640, 360), description="width and height in pixels, both even")
    tempo: float | None = Field(None, ge=20, le=400, description="beats a minute; else heard in the music")
    duration: float | None = Field(
        None,
        gt=0,
        le=86400,
        description="a time, like 80 or 1:20: how long the film lasts; its sound is cut there or followed by silence; left out, as long as the music",
    )
    model: FolderPath | None = Field(
        None, description="folder of the model, for every node that names none; the one that is shipped when left out"
    )

    @field_validator("duration", mode="wrap")
    @classmethod
    def _read_time(cls, value: Any, read: Any, info: ValidationInfo) -> Any:
        if isinstance(value, bool):
            value = parse_time(value)  # which refuses it
        if not isinstance(value, str | Number):
            made = read(value)
            return value if isinstance(value, WrittenSeconds) else made
        time, tempo = parse_time(value), info.data.get("tempo")
        if is_musical(time) and not tempo:
            raise ValueError(f'"{time}" is as long as the tempo says; set "tempo: 120" beside it, or give seconds')
        seconds = WrittenSeconds.of(time, tempo or 120.0)
        read(seconds)  # which holds it against its range
        return seconds

    @field_validator("size")
    @classmethod
    def _even(cls, size: tuple[int, int]) -> tuple[int, int]:
        if not all(16 <= side <= MAX_SIDE and side % 2 == 0 for side in size):
            raise ValueError(f"width and height must be even and lie within 16..{MAX_SIDE}, not {size[0]}x{size[1]}")
        return size


class Graph:
    """A graph of nodes.

    In Python it is what some sinks need: ``Graph(FFmpegSink(path="ember.mp4")(film, track), fps=30, seed=7)``;
    from YAML it is `Graph.load`. Both give the same nodes, links and keys.

    Attributes
    ----------
    nodes : dict of str to Node
        In the order of the file, or inputs first.
    header : Header
    path : Path or None
        The file it was loaded from; its folder is what relative paths in it start from.
    """

    def __init__(self, *sinks: build.Handle, base: str | Path = ".", **header: Any):
        try:
            self.header = Header(**header)
        except ValidationError as error:
            raise GraphError("\n".join(f"{field}: {text}" for field, text in explain_header(error))) from None
        self.path: Path | None = None
        self.base = Path(base).resolve()
        self.given = frozenset(header)
        self.document: Document | None = None
        self.interface = None
        self.nodes = build.close(sinks)
        self.loaded_tracks: dict[str, Graph] = {}
        if problems := self.problems():
            raise GraphError(problems)

    @classmethod
    def load(
        cls,
        path: str | Path,
        overrides: dict[str, Any] | None = None,
        preset: str | None = None,
        including: tuple[Path, ...] = (),
        places: Mapping[str, Position] | None = None,
    ) -> Graph:
        """Read a graph file and check it; nothing of the graph is run, no music is read.

        Parameters
        ----------
        overrides : dict, optional
            Values that replace those of the file: ``{"grain.amount": 0.1, "fps": 25}``; see `n2s.graph.file.override`.
        preset : str, optional
            One of the file's presets, laid under the overrides.
        including : tuple of Path
            The graphs on the way to this one, which it may not include again.
        places : mapping of str to Position, optional
            Where each of the overrides was given, for messages, and under "preset" where that was.

        Raises
        ------
        GraphError
            With everything that is wrong, each with its line and column.
        """
        from n2s.graph.file.load import load_graph

        return load_graph(cls.__new__(cls), Path(path), overrides or {}, preset, including, places=places)

    def where(self, *path: str, key: bool = False) -> Position | None:
        """Return where a value stands in the graph's file; None for a graph made in Python."""
        if path and path[0] in self._origins:
            graph, name = self._origins[path[0]]
            return graph.where(name, *path[1:], key=key) if graph is not self else self._where(name, *path[1:], key=key)
        return self._where(*path, key=key)

    def _where(self, *path: str, key: bool = False) -> Position | None:
        return self.document.where(("nodes", *path), key) if self.document else None

    # Of a flattened graph: where each node is written.
    _origins: dict[str, tuple[Graph, str]] = {}

    def origin(self, name: str) -> tuple[Graph, str]:
        """Return the graph that a node is written in, and its name there."""
        return self._origins.get(name, (self, name))

    def origin_title(self, instance: str) -> str:
        """Return what a diagram calls the sub-graph at an instance of a flattened graph: ``look · pulse.yaml``."""
        inside = next((graph for name, (graph, _) in self._origins.items() if name.startswith(f"{instance}/")), None)
        file = inside.path.name if inside and inside.path else ""
        return f"{instance.rpartition('/')[2]} · {file}"

    @cached_property
    def flat(self) -> Graph:
        """This graph with its sub-graphs in place and a node for every expression at a port; what is planned and run."""
        from n2s.graph.subgraph import flatten

        if self._origins:
            return self
        flat = copy.copy(self)
        for cached in ("network", "order", "flat"):
            flat.__dict__.pop(cached, None)
        flat.nodes, flat._origins, through = flatten(self)
        self.through = flat.through = through
        return flat

    def problems(self, unread: set[str] = frozenset()) -> list[Problem]:
        """Return everything that is wrong with the links of the graph."""
        from n2s.graph.check import check_links

        return check_links(self, unread)

    def resolve(self, path: str) -> Path:
        """Return a path written in the graph, made absolute against the folder of its file."""
        return (self.base / path).resolve()

    def resolved(self, path: str) -> Path:
        """Return what `resolve` returns; GraphError for what can be no path, or leads in a circle of links."""
        try:
            return self.resolve(path)
        except (OSError, ValueError, RuntimeError) as error:
            why = getattr(error, "strerror", None) or str(error)
            raise GraphError(f"{short_name(path)} is no path of a file ({why}).") from None

    def given_as(self, entry: str) -> Position | None:
        """Return where an entry of the header was given, where not in the graph's file itself."""
        return self.document.places.get((entry,)) if self.document else None

    def stated(self, entry: str) -> Any:
        """Return an entry of the header as the graph's file has it, whatever overrides say."""
        values = self.document.values if self.document else {}
        try:
            return getattr(Header(**({entry: values[entry]} if entry in values else {})), entry)
        except ValidationError:
            return None

    @property
    def model_folder(self) -> Path | None:
        """The folder of the model that the graph names; None for the one that is shipped."""
        return self.resolve(self.header.model) if self.header.model else None

    @cached_property
    def network(self) -> Any:
        """The graph as a networkx MultiDiGraph: an edge a link, with ``port``, ``link`` and ``kind``."""
        import networkx

        network = networkx.MultiDiGraph()
        network.add_nodes_from(self.nodes)
        for name, port, link in self.links():
            network.add_edge(link.node, name, port=port, link=link, kind=self.output(link).kind)
        return network

    @cached_property
    def order(self) -> list[str]:
        """The names of the nodes, inputs first, otherwise in the order of the file."""
        from n2s.graph.check import inputs_first

        return inputs_first(self)

    def links(self) -> Iterator[tuple[str, str, Link]]:
        """Yield (node, port or parameter, link) for every link, those inside expressions too."""
        for name, node in self.nodes.items():
            for field, link in node.links().items():
                yield name, field, link
            for field in [*node.params(), *node.ports]:
                if isinstance(value := getattr(node, field), Expression):
                    for link in value.links():
                        yield name, field, link

    def output(self, link: Link) -> Any:
        """Return the declaration of the output a link reads, or None."""
        outputs = type(self.nodes[link.node]).outputs
        return outputs.get(link.output) if link.output else next(iter(outputs.values())) if len(outputs) == 1 else None

    def sinks(self) -> list[str]:
        """Return the names of the nodes that make files."""
        return [name for name, node in self.nodes.items() if node.kind == "sink"]

    def edit(self, changes: dict[str, Any]) -> Graph:
        """Return a checked graph with changes: ``{"tone.exposure": 0.5, "tone.warmth": None, "grain": None, "fps": 25}``.

        None takes a setting, a node or a header entry out; a `Node` or a dict puts a node in. Saving knows the file.
        """
        from n2s.graph.file.edit import edit

        return edit(self, changes)

    def to_yaml(self) -> str:
        """Return the graph as the text of a graph file."""
        from n2s.graph.file.save import to_yaml

        return to_yaml(self)

    def save(self, path: str | Path) -> Path:
        """Write the graph as YAML; in a file that exists only what differs changes, and comments and layout stay.

        Relative paths in it are written as seen from the file's folder. Raises GraphError, and leaves the file as it
        is, where the graph cannot be written there.
        """
        from n2s.graph.file.save import save

        return save(self, path)


def explain_header(error: ValidationError) -> list[tuple[str, str]]:
    said = []
    for item in error.errors(include_url=False):
        field = str(item["loc"][0]) if item["loc"] else ""
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = (
                f"a graph has no such entry. {suggest(field, [*Header.model_fields, 'nodes', 'interface', 'presets'])}"
            )
        elif field == "size" and item["type"] != "value_error":
            text = f"width and height were wanted, like [640, 360], not {item['input']!r}"
        elif item["type"] != "value_error":
            text = wanted(item)
        said.append((field, text))
    return said
