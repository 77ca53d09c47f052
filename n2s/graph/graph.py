"""A graph: named nodes, the links between them, and what holds for all of them (frame rate, size, seed)."""

from __future__ import annotations

from collections.abc import Iterator
from fractions import Fraction
from functools import cached_property
from pathlib import Path
from typing import Annotated, Any

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, field_validator

from n2s.graph import build
from n2s.graph.declare import DeclarationError, Node
from n2s.graph.document import Document, read_document
from n2s.graph.errors import GraphError, Position, Problem
from n2s.graph.expressions import FUNCTIONS, UNITS, VARIABLES, Expression
from n2s.graph.registry import node_types, suggest
from n2s.graph.time import parse_rate
from n2s.graph.types import NAME, Link

RESERVED = frozenset(FUNCTIONS) | frozenset(UNITS) | frozenset(VARIABLES)
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
    duration: float | None = Field(None, gt=0, le=86400, description="seconds, where no music gives the length")

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
            raise GraphError("\n".join(f"{field}: {text}" for field, text in _explain_header(error))) from None
        self.path: Path | None = None
        self.base = Path(base).resolve()
        self.given = frozenset(header)
        self.document: Document | None = None
        self.track_overrides: dict[str, dict[str, Any]] = {}
        self.nodes = build.close(sinks)
        if problems := self.problems():
            raise GraphError(problems)

    @classmethod
    def load(cls, path: str | Path, overrides: dict[str, Any] | None = None) -> Graph:
        """Read a graph file and check it; nothing of the graph is run, no music is read.

        Parameters
        ----------
        overrides : dict, optional
            Values that replace those of the file: ``{"grain.amount": 0.1, "fps": 25}``.

        Raises
        ------
        GraphError
            With everything that is wrong, each with its line and column.
        """
        return cls.from_document(read_document(path), Path(path), overrides or {})

    @classmethod
    def from_document(cls, document: Document, path: Path, overrides: dict[str, Any]) -> Graph:
        graph = cls.__new__(cls)
        graph.document, graph.path, graph.base = document, path, path.resolve().parent
        values = document.values
        if not isinstance(values, dict):
            raise GraphError([Problem(document.where(), 'A graph is a mapping that begins with "n2s: 1".')])
        specs = values.get("nodes")
        header = {key: value for key, value in values.items() if key != "nodes"}
        problems: list[Problem] = []
        if not isinstance(specs, dict) or not specs:
            problems.append(Problem(document.where(("nodes",)), 'A graph needs nodes: "nodes: {name: {node: Type, …}}".'))
            specs = {}
        specs = {name: dict(spec) if isinstance(spec, dict) else spec for name, spec in specs.items()}
        graph.track_overrides = _override(header, specs, overrides)
        graph.given = frozenset(header)
        try:
            graph.header = Header(**header)
        except ValidationError as error:
            for field, text in _explain_header(error):
                problems.append(Problem(document.where((field,), key=field not in Header.model_fields), f"{field}: {text}"))
            graph.header = Header()
        if "n2s" not in header:
            problems.append(Problem(document.where(), 'A graph begins with "n2s: 1", the version of its format.'))
        graph.nodes = {}
        for name, spec in specs.items():
            node = _read_node(document, name, spec, problems)
            if node is not None:
                graph.nodes[name] = node
        problems += graph.problems(unread=set(specs) - set(graph.nodes))
        if problems:
            raise GraphError(sorted(problems, key=lambda problem: problem.position or Position("")))
        return graph

    def where(self, *path: str, key: bool = False) -> Position | None:
        """Return where a value stands in the graph's file; None for a graph made in Python."""
        return self.document.where(("nodes", *path), key) if self.document else None

    def problems(self, unread: set[str] = frozenset()) -> list[Problem]:
        """Return everything that is wrong with the links of the graph."""
        from n2s.graph.check import check_links

        return check_links(self, unread)

    def resolve(self, path: str) -> Path:
        """Return a path written in the graph, made absolute against the folder of its file."""
        return (self.base / path).resolve()

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
        import networkx

        position = {name: i for i, name in enumerate(self.nodes)}
        return list(networkx.lexicographical_topological_sort(self.network, key=position.__getitem__))

    def links(self) -> Iterator[tuple[str, str, Link]]:
        """Yield (node, port or parameter, link) for every link, those inside expressions too."""
        for name, node in self.nodes.items():
            for field, link in node.links().items():
                yield name, field, link
            for field in node.params():
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


def _explain_header(error: ValidationError) -> list[tuple[str, str]]:
    said = []
    for item in error.errors(include_url=False):
        field = str(item["loc"][0]) if item["loc"] else ""
        text = item["msg"].removeprefix("Value error, ")
        if item["type"] == "extra_forbidden":
            text = f"a graph has no such entry. {suggest(field, [*Header.model_fields, 'nodes'])}"
        elif field == "size" and item["type"] != "value_error":
            text = f"width and height were wanted, like [640, 360], not {item['input']!r}"
        elif item["type"] != "value_error":
            text = f"{text[:1].lower()}{text[1:]}, not {item['input']!r}"
        said.append((field, text))
    return said


def _override(header: dict, specs: dict, overrides: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Put values in place of the file's; return those that are for the graphs of tracks, by track."""
    for_tracks: dict[str, dict[str, Any]] = {}
    for target, value in overrides.items():
        node, dot, field = target.partition(".")
        if not dot and target in Header.model_fields:
            header[target] = value
        elif dot and isinstance(specs.get(node), dict) and "." in field and specs[node].get("node") == "Track":
            for_tracks.setdefault(node, {})[field] = value
        elif dot and isinstance(specs.get(node), dict):
            specs[node][field] = value
        else:
            raise GraphError(f'--set {target}: the graph has no node "{node}". {suggest(node, list(specs))}')
    return for_tracks


def _read_node(document: Document, name: str, spec: Any, problems: list[Problem]) -> Node | None:
    """Make one node from its entry in the file; note what is wrong and give None where it cannot be made."""
    where = ("nodes", name)
    if not NAME.match(name) or name in RESERVED:
        why = "means something in expressions" if name in RESERVED else "is no identifier (letters, digits, _)"
        problems.append(Problem(document.where(where, key=True), f'The name "{name}" {why}; choose another.'))
    if not isinstance(spec, dict) or not isinstance(spec.get("node"), str):
        problems.append(Problem(document.where(where), f'{name} needs its type: "{name}: {{node: Type, …}}".'))
        return None
    type_name = spec["node"]
    cls = node_types().get(type_name)
    if cls is None:
        text = f'{name}: there is no node type "{type_name}". {suggest(type_name, list(node_types()))}'
        problems.append(Problem(document.where((*where, "node")), text))
        return None
    fields = {key: value for key, value in spec.items() if key != "node"}
    if "in" in fields and cls.ports and next(iter(cls.ports)) not in fields:
        fields[next(iter(cls.ports))] = fields.pop("in")
    try:
        return cls(**fields)
    except DeclarationError as error:
        for field, text in error.explained:
            at = document.where((*where, field), key=field not in cls.model_fields)
            problems.append(Problem(at, f"{name}.{field}: {text}"))
        wrong = {field for field, _ in error.explained}
        try:  # what is right of it still takes part in the check of the links
            return cls(**{field: value for field, value in fields.items() if field not in wrong})
        except DeclarationError:
            return None
    except RecursionError:
        problems.append(Problem(document.where(where), f"{name}: a value nests too deep."))
    return None
