"""Loading a graph file: from plain values with positions to checked nodes."""

from __future__ import annotations

import re
from collections.abc import Mapping
from difflib import get_close_matches
from pathlib import Path
from typing import Any, cast

from pydantic import ValidationError

from n2s.graph import authors
from n2s.graph.check import check_links
from n2s.graph.declare import DeclarationError, Node
from n2s.graph.errors import GraphError, Position, Problem, checked_name
from n2s.graph.file.document import Document, read_document
from n2s.graph.file.override import Overrides
from n2s.graph.header import Header, explain_header, means_nodes
from n2s.graph.looks import look_file
from n2s.graph.node_names import node_name_problem
from n2s.graph.parts import GraphParts
from n2s.graph.paths import change_paths, path_settings, resolve_path
from n2s.graph.registry import node_types, registry, suggest
from n2s.graph.subgraph import (
    MAX_NODES,
    Interface,
    SubGraph,
    check_names,
    check_outputs,
    instance_type,
    interface_nodes,
    read_interface,
)

SECTIONS = ("nodes", "interface", "presets")
LABELS = (".txt", ".csv", ".tsv")  # how the names of texts end that are given to graphs, and are none
_NO_GRAPH = 'A graph is a mapping that begins with "n2s: 1".'
_LABELS = " Labels and beats are what a Features node of a graph takes: beats: {}."
_A_WORD = re.compile(r"[a-z#]\w*$")  # a colour, a name: no text that goes on behind a comma
_OF_MUSIC = re.compile(r"\.(?:wav|flac|mp3|ogg|opus|m4a|aac|aiff?)$", re.IGNORECASE)
MAX_DEPTH = 8  # of sub-graphs in sub-graphs


def load_parts(
    path: Path,
    overrides: Mapping[str, Any] | None = None,
    preset: str | None = None,
    places: Mapping[str, Position] | None = None,
    including: tuple[Path, ...] = (),
    document: Document | None = None,
) -> GraphParts:
    """Read a graph from its file, or from a document that stands for it, and check it; see `Graph.load`.

    Parameters
    ----------
    including : tuple of Path
        The graphs on the way to this one, which it may not include again.
    """
    places, is_text = places or {}, path.suffix.lower() in LABELS
    try:
        document = document or read_document(path)
    except GraphError:
        if not (is_text and path.is_file()):
            raise
        raise GraphError([Problem(Position(str(path), 1, 1), _NO_GRAPH + _LABELS.format(path.name))]) from None
    values = document.values
    if not isinstance(values, dict):
        raise GraphError([Problem(document.where(), _NO_GRAPH + (_LABELS.format(path.name) if is_text else ""))])
    problems: list[Problem] = []
    specs = values.get("nodes")
    if not isinstance(specs, dict) or not specs:
        if "nodes" in values or not means_nodes(values):
            text = 'A graph needs nodes: "nodes: {name: {node: Type, …}}".'
            problems.append(Problem(document.where(("nodes",)), text))
        specs = {}
    specs = {name: dict(spec) if isinstance(spec, dict) else spec for name, spec in specs.items()}
    entries = {key: value for key, value in values.items() if key not in SECTIONS}
    interface = read_interface(document, values["interface"], problems) if "interface" in values else None
    chosen, chosen_places = _preset(document, preset, places, problems)
    params = list(interface.params) if interface else []
    overlay = Overrides(entries, specs, list(Header.model_fields), path.parent, params)
    preset_params = _take_params(chosen, interface, chosen_places, problems)
    overlay.lay(chosen, chosen_places)
    overlay.lay(overrides or {}, places)
    problems += overlay.problems
    document = document.overridden(overlay.places)
    header = _read_header(document, entries, interface, problems)
    nodes = interface_nodes(interface) if interface else {}
    reader = NodeReader(path, document, including)
    for name, spec in specs.items():
        if text := node_name_problem(name, name in nodes):
            problems.append(Problem(document.where(("nodes", name), key=True), text))
        if (node := reader.read(name, spec)) is not None:
            nodes[name] = node
    problems += reader.problems
    if len(specs) > MAX_NODES:
        text = f"A graph has at most {MAX_NODES} nodes, this one has {len(specs)}; make several films of it."
        problems.append(Problem(document.where(("nodes",)), text))
    parts = GraphParts(
        nodes=nodes,
        header=header,
        base=reader.base,
        path=path,
        document=document,
        interface=interface,
        preset_params=preset_params,
    )
    unread = set(specs) - set(nodes)
    problems += check_links(parts, unread, reader.refused) if specs else []
    if interface:
        check_names(parts, problems)
    if interface and not unread:
        check_outputs(parts, problems)
    if problems:
        error = GraphError(sorted(problems, key=lambda problem: problem.position or Position("")))
        error.parts = parts
        raise error
    return parts


def _read_header(
    document: Document, entries: dict[str, Any], interface: Interface | None, problems: list[Problem]
) -> Header:
    header = Header.model_validate({})
    try:
        header = Header(**entries)
    except ValidationError as error:
        for field, text in explain_header(error):
            problems.append(Problem(document.where((field,), key=field not in Header.model_fields), f"{field}: {text}"))
    if "n2s" not in entries:
        problems.append(Problem(document.where(), 'A graph begins with "n2s: 1", the version of its format.'))
    if interface:
        for field in sorted(entries.keys() & {"fps", "size", "seed", "tempo", "duration", "model"}):
            text = f"{field}: a sub-graph takes it from the graph that uses it; take it out here."
            problems.append(Problem(document.where((field,), key=True), text))
    return header


def _preset(
    document: Document, preset: str | None, places: Mapping[str, Position], problems: list[Problem]
) -> tuple[dict[str, Any], dict[str, Position]]:
    """Return the settings of a preset, and where each of them stands."""
    presets = document.values.get("presets", {})
    if not isinstance(presets, dict) or not all(isinstance(overlay, dict) for overlay in presets.values()):
        text = 'presets: settings by name were wanted: "{soft: {grain.amount: 0.01}}".'
        problems.append(Problem(document.where(("presets",)), text))
        return {}, {}
    if preset is None:
        return {}, {}
    if checked_name("A preset", preset) not in presets:
        text = f'There is no preset "{preset}". {suggest(preset, list(presets)) or "The graph has none."}'
        raise GraphError([Problem(places.get("preset", document.where(("presets",))), text)])
    return dict(presets[preset]), {key: document.where(("presets", preset, key), key=True) for key in presets[preset]}


def _take_params(
    chosen: dict[str, Any], interface: Interface | None, places: dict[str, Position], problems: list[Problem]
) -> dict[str, Any]:
    """Take the parameters of the interface out of a preset's settings; return the numbers of those that may be."""
    params, taken = interface.params if interface else {}, {}
    for key in [key for key in chosen if key in params]:
        value = chosen.pop(key)
        try:
            taken[key] = params[key].read(value)
        except ValueError as error:
            problems.append(Problem(places[key], f"{key}: {error}"))
    return taken


class NodeReader:
    """Makes nodes from their entries in a graph's file, and gathers in ``problems`` what is wrong with them."""

    def __init__(self, path: Path, document: Document, including: tuple[Path, ...] = ()):
        self.path, self.document, self.including = path, document, including
        self.base = path.resolve().parent
        self.problems: list[Problem] = []
        self.refused: set[tuple[str, str]] = set()  # (node, setting) whose values cannot be taken
        self._lacking: dict[str, list[str]] = {}  # by what is said of a package: the nodes that it would have types for

    def _above(self, name: str) -> str:
        """Return the node that stands before another entry in the file; "" for the first one."""
        names = list(self.document.values["nodes"])
        return names[place - 1] if name in names and (place := names.index(name)) else ""

    def read(self, name: str, spec: Any) -> Node | None:
        """Return one node; None where it cannot be made."""
        document, where = self.document, ("nodes", name)
        if not isinstance(spec, dict) or not isinstance(spec.get("node"), str):
            self._wrong(document.where(where), self._no_type(name, spec))
            return None
        fields = {key: value for key, value in spec.items() if key != "node"}
        cls = self._instance_type(name, fields) if spec["node"] == "Graph" else self._node_type(name, spec["node"])
        if cls is None:
            return None
        if "in" in fields and cls.ports:
            self._name_first_port(where, fields, next(iter(cls.ports)))
        try:
            return self._from_where_it_stands(where, cls(**fields))
        except DeclarationError as error:
            for field, text in error.explained:
                what = f"{name}.{field}" if field else name  # what two settings make together has no field
                unknown = field not in cls.model_fields
                text += self._belongs_elsewhere(where, field, fields, cls, text) if unknown else ""
                self._wrong(document.where((*where, field), key=unknown), f"{what}: {text}")
            wrong = {field for field, _ in error.explained}
            self.refused |= {(name, field) for field in wrong if fields.get(field) is not None}
            try:  # what is right of it still takes part in the check of the links
                return cls(**{field: value for field, value in fields.items() if field not in wrong})
            except KeyboardInterrupt:
                raise
            except BaseException:  # a validator of its author may fail without the rest
                return None
        except RecursionError:
            self._wrong(document.where(where), f"{name}: a value nests too deep.")
        except KeyboardInterrupt:
            raise
        except BaseException as error:  # of a validator that the node's author wrote
            text = f"{name} ({cls.__name__}): its settings cannot be looked at: {authors.told_of(error, cls)}."
            self._wrong(document.where(where, key=True), text)
        return None

    def _no_type(self, name: str, spec: Any) -> str:
        """Say what is missing of an entry that names no type of node."""
        told = f'{name} needs its type: "{name}: {{node: Type, …}}"'
        if not isinstance(spec, dict):
            above = self._above(name)
            if isinstance(spec, str) and _OF_MUSIC.search(spec):
                return f'{told}; of music: "{name}: {{node: AudioSource, path: {spec}}}".'
            return (
                f"{name} is no node; if it is a setting of {above}, indent it like the others of {above}."
                if above
                else f"{told}."
            )
        keys = {str(key).lower(): str(key) for key in spec}
        if glued := next((key for key in keys.values() if re.match(r"(node|type):\w", key)), ""):
            return f'{told}; behind the colon of "{glued}" a space is missing.'
        near = ["type"] if "type" in keys else get_close_matches("node", keys, 1, 0.8)
        if near and keys[near[0]] != "node":
            return f'{told}; "{keys[near[0]]}" stands where "node" was wanted.'
        return f"{told}."

    def _belongs_elsewhere(
        self, where: tuple, field: str, fields: Mapping[str, Any], cls: type[Node], told: str
    ) -> str:
        """Say where a setting that a type has not may belong: to the graph, or to a text that a comma has cut."""
        is_near = "Did you mean" in told
        if field in Header.model_fields and not is_near:
            return f" {field} of a film stands at the top of the graph, above nodes."
        before, whole = self.document.text_before((*where, field))
        known = cls.model_fields.get(before)
        is_word = is_near and _A_WORD.match(str(fields.get(before)))
        if known is None or known.annotation not in (str, str | None) or before == "path" or is_word:
            return ""
        return f' If it belongs to {before}, quote all of the text: "{whole}".'

    def _from_where_it_stands(self, where: tuple, node: Node) -> Node:
        """Return a node whose paths that another graph gave lead from that graph's folder, and not from this one's."""
        update: dict[str, Any] = {}
        for field in path_settings(node) if self.document.places else ():
            at = self.document.where((*where, field))
            given_in = (*self.including, self.path)[0] if at.argument else Path(at.path)
            base = given_in.resolve().parent
            if base != self.base:
                change = change_paths(node, field, lambda path: str(resolve_path(base, path.text)) if path.text else "")
                update |= {field: change} if change != getattr(node, field) else {}
        return node.model_copy(update=update) if update else node

    def _wrong(self, at: Position, text: str) -> None:
        self.problems.append(Problem(at, text))

    def _name_first_port(self, where: tuple, fields: dict[str, Any], first: str) -> None:
        """Give what stands under ``in`` the first port's name; of both, an override goes before the file."""
        places = self.document.places
        over = (*where, "in") in places
        if over:
            places[(*where, first)] = places[(*where, "in")]
        if over or first not in fields:
            fields[first] = fields.pop("in")
        elif (*where, first) in places:
            del fields["in"]

    def _node_type(self, name: str, type_name: str) -> type[Node] | None:
        if cls := node_types().get(type_name):
            return cls
        told = registry().why_missing(type_name)
        package = registry().blamed(type_name)
        lacking = self._lacking.setdefault(package or told, [])
        lacking.append(name)
        if not package or len(lacking) == 1:
            self._wrong(self.document.where(("nodes", name, "node")), f"{name}: {told}")
        else:  # one mistake, told once, with all that need it
            first = next(i for i, problem in enumerate(self.problems) if problem.text.endswith(package))
            text = f"{', '.join(lacking)}: their node types are in a package that cannot be loaded. {package}"
            self.problems[first] = Problem(self.problems[first].position, text)
        return None

    def _instance_type(self, name: str, fields: dict[str, Any]) -> type[SubGraph] | None:
        """Return the type of an instance of a sub-graph, which is read for it."""
        document, where = self.document, ("nodes", name)
        path, look = fields.get("path"), fields.get("look")
        preset, overrides = fields.get("preset"), fields.get("set", {})
        named = [value for value in (path, look) if value is not None]
        # What these two must be, the instance's type says.
        preset = preset if isinstance(preset, str) else None
        overrides = overrides if isinstance(overrides, dict) else {}
        if len(named) != 1 or not isinstance(named[0], str):
            overridden = (document.places.get((*where, field)) for field in ("path", "look"))
            text = f"{name}: path names the file of a sub-graph, look one that comes with n2s; give one, not both."
            if len(named) < 2:
                text = (
                    f'{name}: a sub-graph needs its file, "{name}: {{node: Graph, path: looks/dusk.yaml, …}}", '
                    'or the name of a look in place of it, "look: liquid".'
                )
            self._wrong(next(filter(None, overridden), document.where(where)), text)
            return None
        places = {key: document.where((*where, "set", key), key=True) for key in overrides}
        places["preset"] = document.where((*where, "preset"))
        including, file = (*self.including, self.path.resolve()), None
        try:
            file = look_file(cast(str, look)) if path is None else resolve_path(self.base, path)
            return instance_type(_load_subgraph(file, overrides, preset, places, including))
        except GraphError as error:
            at = document.where((*where, "look" if path is None else "path"))
            for problem in error.problems:
                if problem.position and (problem.position.line or problem.position.argument):
                    self.problems.append(problem)
                else:
                    said = f"{problem.position.path}: " if problem.position else ""
                    stop = "" if problem.text.endswith((".", "?")) else "."
                    self._wrong(at, f"{name}: {said}{problem.text}{stop}")
        if file is None or (preset is None and not overrides):
            return None
        try:  # what is wrong with its settings does not hide what is wrong with its parameters and links
            return instance_type(_load_subgraph(file, {}, None, {}, including))
        except GraphError:
            return None


def _load_subgraph(
    path: Path,
    overrides: dict[str, Any],
    preset: str | None,
    places: Mapping[str, Position],
    including: tuple[Path, ...],
) -> GraphParts:
    """Read the graph of an instance.

    Raises
    ------
    GraphError
        When the file cannot be read, has no interface, includes itself, or has no such preset.
    """
    if path in including:
        circle = " → ".join(p.name for p in [*including[including.index(path) :], path])
        raise GraphError(f"these graphs include each other in a circle: {circle}")
    if len(including) >= MAX_DEPTH:
        raise GraphError(f"sub-graphs nest at most {MAX_DEPTH} deep")
    inner = load_parts(path, overrides, preset, places, including)
    if inner.interface is None:
        raise GraphError(
            f'{path.name} has no interface, so it cannot be a node; give it "interface: {{inputs: …, outputs: …}}"'
        )
    return inner
