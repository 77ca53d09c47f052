"""Loading a graph file: from plain values with positions to checked nodes."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pydantic import ValidationError

from n2s.graph import authors
from n2s.graph.declare import DeclarationError, Node
from n2s.graph.errors import GraphError, Position, Problem
from n2s.graph.expressions import FUNCTIONS, UNITS, VARIABLES
from n2s.graph.file.document import Document, read_document
from n2s.graph.file.override import Overrides
from n2s.graph.graph import Header, explain_header
from n2s.graph.links import NAME
from n2s.graph.registry import node_types, registry, suggest
from n2s.graph.subgraph import MAX_NODES, check_outputs, given_nodes, read_interface, subgraph_type

if TYPE_CHECKING:
    from n2s.graph.graph import Graph

RESERVED = frozenset(FUNCTIONS) | frozenset(UNITS) | frozenset(VARIABLES)
SECTIONS = ("nodes", "interface", "presets")


def load_graph(
    graph: Graph,
    path: Path,
    overrides: dict[str, Any],
    preset: str | None,
    including: tuple[Path, ...],
    document: Document | None = None,
    places: Mapping[str, Position] | None = None,
) -> Graph:
    """Fill an empty graph from a file, or from a document that stands for it; see `Graph.load`."""
    document = document or read_document(path)
    graph.document, graph.path, graph.base = document, path, path.resolve().parent
    values = document.values
    if not isinstance(values, dict):
        raise GraphError([Problem(document.where(), 'A graph is a mapping that begins with "n2s: 1".')])
    problems: list[Problem] = []
    specs = values.get("nodes")
    if not isinstance(specs, dict) or not specs:
        problems.append(Problem(document.where(("nodes",)), 'A graph needs nodes: "nodes: {name: {node: Type, …}}".'))
        specs = {}
    specs = {name: dict(spec) if isinstance(spec, dict) else spec for name, spec in specs.items()}
    header = {key: value for key, value in values.items() if key not in SECTIONS}
    graph.interface = read_interface(document, values["interface"], problems) if "interface" in values else None
    graph.preset_params, graph.loaded_tracks = {}, {}
    overlay = Overrides(header, specs, list(Header.model_fields))
    overlay.lay(*_preset(graph, document, preset, places or {}, problems))
    overlay.lay(overrides, places or {})
    problems += overlay.problems
    graph.document = document = document.overridden(overlay.places)
    _read_header(graph, document, header, problems)
    graph.nodes = given_nodes(graph.interface) if graph.interface else {}
    for name, spec in specs.items():
        _check_name(document, name, name in graph.nodes, problems)
        node = read_node(graph, name, spec, problems, including)
        if node is not None:
            graph.nodes[name] = node
    if len(specs) > MAX_NODES:
        problems.append(
            Problem(
                document.where(("nodes",)),
                f"A graph has at most {MAX_NODES} nodes, this one has {len(specs)}; make several films of it.",
            )
        )
    unread = set(specs) - set(graph.nodes)
    problems += graph.problems(unread=unread) if specs else []
    if graph.interface and not unread:
        check_outputs(graph, problems)
    if problems:
        raise GraphError(sorted(problems, key=lambda problem: problem.position or Position("")))
    return graph


def _read_header(graph: Graph, document: Document, header: dict[str, Any], problems: list[Problem]) -> None:
    graph.given = frozenset(header)
    graph.header = Header()
    try:
        graph.header = Header(**header)
    except ValidationError as error:
        for field, text in explain_header(error):
            problems.append(Problem(document.where((field,), key=field not in Header.model_fields), f"{field}: {text}"))
    if "n2s" not in header:
        problems.append(Problem(document.where(), 'A graph begins with "n2s: 1", the version of its format.'))
    if graph.interface:
        for field in sorted(graph.given & {"fps", "size", "seed", "tempo", "duration", "model"}):
            text = f"{field}: a sub-graph takes it from the graph that uses it; take it out here."
            problems.append(Problem(document.where((field,), key=True), text))


def _preset(
    graph: Graph, document: Document, preset: str | None, given: Mapping[str, Position], problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Position]]:
    """Return the settings of a preset and where they stand; those of the interface go to ``graph.preset_params``."""
    presets = document.values.get("presets", {})
    if not isinstance(presets, dict) or not all(isinstance(overlay, dict) for overlay in presets.values()):
        problems.append(
            Problem(
                document.where(("presets",)), 'presets: settings by name were wanted: "{soft: {grain.amount: 0.01}}".'
            )
        )
        return {}, {}
    if preset is None:
        return {}, {}
    if preset not in presets:
        text = f'There is no preset "{preset}". {suggest(preset, list(presets)) or "The graph has none."}'
        raise GraphError([Problem(given.get("preset", document.where(("presets",))), text)])
    params = graph.interface.params if graph.interface else {}
    graph.preset_params = {key: value for key, value in presets[preset].items() if key in params}
    places = {key: document.where(("presets", preset, key), key=True) for key in presets[preset]}
    for key, value in list(graph.preset_params.items()):
        if text := params[key].refuses(value):
            problems.append(Problem(places[key], f"{key}: {text}"))
            del graph.preset_params[key]
    return {key: value for key, value in presets[preset].items() if key not in params}, places


def _check_name(document: Document, name: str, taken: bool, problems: list[Problem]) -> None:
    why = "is no identifier (letters, digits, _)"
    if name in RESERVED:
        why = "means something in expressions"
    elif taken:
        why = "is one of the interface already"
    elif NAME.match(name):
        return
    problems.append(Problem(document.where(("nodes", name), key=True), f'The name "{name}" {why}; choose another.'))


def read_node(graph: Graph, name: str, spec: Any, problems: list[Problem], including: tuple[Path, ...]) -> Node | None:
    """Make one node from its entry in the file; note what is wrong and give None where it cannot be made."""
    document, where = graph.document, ("nodes", name)
    if not isinstance(spec, dict) or not isinstance(spec.get("node"), str):
        problems.append(Problem(document.where(where), f'{name} needs its type: "{name}: {{node: Type, …}}".'))
        return None
    fields = {key: value for key, value in spec.items() if key != "node"}
    cls = _node_type(graph, name, spec["node"], fields, problems, including)
    if cls is None:
        return None
    if "in" in fields and cls.ports:
        _name_first_port(document, where, fields, next(iter(cls.ports)))
    try:
        return cls(**fields)
    except DeclarationError as error:
        for field, text in error.explained:
            at = document.where((*where, field), key=field not in cls.model_fields)
            problems.append(Problem(at, f"{name}.{field}: {text}"))
        wrong = {field for field, _ in error.explained}
        try:  # what is right of it still takes part in the check of the links
            return cls(**{field: value for field, value in fields.items() if field not in wrong})
        except KeyboardInterrupt:
            raise
        except BaseException:  # a validator of its author may fail without the rest
            return None
    except RecursionError:
        problems.append(Problem(document.where(where), f"{name}: a value nests too deep."))
    except KeyboardInterrupt:
        raise
    except BaseException as error:  # of a validator that the node's author wrote
        text = f"{name} ({cls.__name__}): its settings cannot be looked at: {authors.told_of(error, cls)}."
        problems.append(Problem(document.where(where, key=True), text))
    return None


def _name_first_port(document: Document, where: tuple, fields: dict[str, Any], first: str) -> None:
    """Give what stands under ``in`` the first port's name; where both are given, an override goes before the file."""
    over = (*where, "in") in document.places
    if over:
        document.places[(*where, first)] = document.places[(*where, "in")]
    if over or first not in fields:
        fields[first] = fields.pop("in")
    elif (*where, first) in document.places:
        del fields["in"]


def _node_type(
    graph: Graph,
    name: str,
    type_name: str,
    fields: dict[str, Any],
    problems: list[Problem],
    including: tuple[Path, ...],
) -> type[Node] | None:
    document, where = graph.document, ("nodes", name)
    if type_name != "Graph":
        if cls := node_types().get(type_name):
            return cls
        text = f"{name}: {registry().why_missing(type_name)}"
        problems.append(Problem(document.where((*where, "node")), text))
        return None
    path, preset, overrides = fields.get("path"), fields.get("preset"), fields.get("set", {})
    if not isinstance(path, str) or not isinstance(preset, str | None) or not isinstance(overrides, dict):
        text = f'{name}: a sub-graph needs its file: "{name}: {{node: Graph, path: looks/dusk.yaml, …}}".'
        given = (document.places.get((*where, field)) for field in ("path", "preset", "set"))
        problems.append(Problem(next(filter(None, given), document.where(where)), text))
        return None
    try:
        places = {key: document.where((*where, "set", key), key=True) for key in overrides}
        places["preset"] = document.where((*where, "preset"))
        return subgraph_type(graph.resolved(path), preset, overrides, (*including, graph.path.resolve()), places)
    except GraphError as error:
        at = document.where((*where, "path"))
        for problem in error.problems:
            if problem.position and (problem.position.line or problem.position.argument):
                problems.append(problem)
            else:
                file = f"{problem.position.path}: " if problem.position else ""
                problems.append(Problem(at, f"{name}: {file}{problem.text.rstrip('.')}."))
    return None
