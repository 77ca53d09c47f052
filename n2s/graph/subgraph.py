"""Sub-graphs: a graph file with an interface is a node type, and a graph that uses it is flattened before it runs.

    # graphs/looks/dusk.yaml                            # in a track
    interface:                                          look: {node: Graph, path: ../looks/dusk.yaml,
      inputs: {frames: {kind: Frames, help: …}}                frames: film, punch: = 0.5 * pulse}
      params: {punch: {default: 0, ge: -1, le: 2, help: …}}
      outputs: {frames: grain}
    presets: {soft: {grain.amount: 0.01}}
    nodes: {tone: {node: Tone, frames: frames, exposure: = punch}, …}

Inside, inputs and parameters of the interface are read by their names, like nodes. The seed of an instance is mixed into
the seeds of the nodes in it.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, ClassVar, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from n2s.graph.declare import FilePath, Node, Output, Param, Resident, Spec, param, parse_param, port, setting
from n2s.graph.errors import GraphError, Position, Problem
from n2s.graph.expressions import Expression, Number, map_tree
from n2s.graph.links import NAME, Link
from n2s.graph.paths import changed_paths
from n2s.graph.types import AUDIO, FRAMES, LATENTS, SIGNAL, Audio, Frames, Latents, Signal

MAX_DEPTH = 8
MAX_NODES = 5000

_KINDS = {"Audio": AUDIO, "Signal": SIGNAL, "Latents": LATENTS, "Frames": FRAMES}
_PORTS = {"Audio": Audio, "Signal": Signal, "Latents": Latents, "Frames": Frames}


class Input(BaseModel):
    """A port of a sub-graph."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["Audio", "Signal", "Latents", "Frames"]
    help: str = Field(min_length=1)


class Parameter(BaseModel):
    """A number of a sub-graph that may move in time."""

    model_config = ConfigDict(extra="forbid")

    default: float
    help: str = Field(min_length=1)
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""

    def refuses(self, value: Any) -> str:
        """Say why a preset's value cannot be this parameter's; nothing when it can."""
        try:
            number = parse_param(value)
        except ValueError as error:
            return str(error)
        if not isinstance(number, Number):
            return f"a number was wanted, not {value!r}"
        spec = Spec("param", self.help, self.ge, self.gt, self.le, self.lt)
        return "" if spec.allows(number.resolve(120.0)) else f"{value} was given; it must be {spec.range or 'finite'}"


class Interface(BaseModel):
    """What a sub-graph shows: names of inputs, parameters and outputs."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, Input] = {}
    params: dict[str, Parameter] = {}
    outputs: dict[str, str]


class Given(Node):
    """Stands inside a sub-graph for what its interface brings in."""

    kind: ClassVar[str] = "given"


GIVEN = {
    name: type(f"Given{name}", (Given,), {"__module__": __name__, "outputs": {"value": Output(kind)}})
    for name, kind in _KINDS.items()
}


class Formula(Resident):
    """Stands for an expression where a port wants a signal."""

    value: Param = param(0.0, ge=-1e9, le=1e9, help="the expression")

    outputs = {"signal": Output(SIGNAL)}

    def compute(self, scene: Any, value: Any) -> Any:
        return value


class SubGraph(Node):
    """Use another graph as a node; its own ports and parameters come from that graph's interface."""

    kind: ClassVar[str] = "graph"
    inner: ClassVar[Any] = None
    interface: ClassVar[Interface | None] = None

    path: FilePath = setting(help="the sub-graph's file, relative to this graph's")
    preset: str | None = setting(None, help="one of the sub-graph's presets")
    set: dict[str, Any] = setting({}, help="settings of the nodes inside, by node.setting")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed, another course of everything random inside")


def given_nodes(interface: Interface) -> dict[str, Node]:
    """Return the nodes that stand for an interface inside its sub-graph."""
    kinds = {name: given.kind for name, given in interface.inputs.items()} | dict.fromkeys(interface.params, "Signal")
    return {name: GIVEN[kind]() for name, kind in kinds.items()}


def read_interface(document: Any, values: Any, problems: list[Problem]) -> Interface | None:
    """Read the interface of a graph file; note what is wrong with it."""
    try:
        interface = Interface.model_validate(values)
    except ValidationError as error:
        for item in error.errors(include_url=False):
            where = tuple(str(part) for part in item["loc"])
            text = {"extra_forbidden": "an interface has no such entry", "missing": "this is needed"}.get(
                item["type"], item["msg"]
            )
            problems.append(Problem(document.where(("interface", *where)), f"interface.{'.'.join(where)}: {text}."))
        return None
    names = [*interface.inputs, *interface.params]
    for name in names:
        if not NAME.match(name) or names.count(name) > 1 or name in ("path", "preset", "set", "seed", "node"):
            problems.append(
                Problem(
                    document.where(("interface",)), f'interface: "{name}" cannot be the name of an input or parameter.'
                )
            )
    return interface


def subgraph_type(
    path: Path,
    preset: str | None = None,
    overrides: dict[str, Any] | None = None,
    including: tuple[Path, ...] = (),
    places: Mapping[str, Position] | None = None,
) -> type[SubGraph]:
    """Return the node type that a sub-graph's file declares, under one of its presets and some overrides.

    ``places`` says where each of the overrides was given.

    Raises
    ------
    GraphError
        When the file cannot be read, has no interface, includes itself, or has no such preset.
    """
    from n2s.graph.graph import Graph

    if path in including:
        circle = " → ".join(p.name for p in [*including[including.index(path) :], path])
        raise GraphError(f"these graphs include each other in a circle: {circle}")
    if len(including) >= MAX_DEPTH:
        raise GraphError(f"sub-graphs nest at most {MAX_DEPTH} deep")
    inner = Graph.load(path, overrides, preset, including, places)
    interface = inner.interface
    if interface is None:
        raise GraphError(
            f'{path.name} has no interface, so it cannot be a node; give it "interface: {{inputs: …, outputs: …}}"'
        )
    fields: dict[str, Any] = {}
    for name, given in interface.inputs.items():
        fields[name] = (_PORTS[given.kind], port(given.help))
    for name, declared in interface.params.items():
        bounds = {bound: getattr(declared, bound) for bound in ("ge", "gt", "le", "lt")}
        default = inner.preset_params.get(name, declared.default)
        fields[name] = (Param, param(default, help=declared.help, unit=declared.unit, **bounds))
    cls = create_model("SubGraph", __base__=SubGraph, __module__=__name__, **fields)
    cls.__name__, cls.__doc__ = "Graph", inner.header.title
    cls.inner, cls.interface = inner, interface
    cls.outputs = {}
    for name, text in interface.outputs.items():
        link = Link.parse(text)
        cls.outputs[name] = Output(inner.output(link).kind)
    return cls


def check_outputs(graph: Any, problems: list[Problem]) -> None:
    """Check that an interface's outputs name outputs of the graph's nodes."""
    for name, text in graph.interface.outputs.items():
        link = Link.parse(text)
        found = link and link.node in graph.nodes and graph.output(link)
        if not found:
            where = graph.document.where(("interface", "outputs", name))
            problems.append(
                Problem(where, f'interface.outputs.{name}: "{text}" names no output of a node of this graph.')
            )


def flatten(graph: Any) -> tuple[dict[str, Node], dict[str, tuple[Any, str]], Any]:
    """Return the nodes of a graph with every sub-graph in place of its instance and every expression at a port as a node.

    Returns
    -------
    nodes : dict of str to Node
        Nodes of an instance are named ``instance/node``.
    origins : dict of str to (Graph, str)
        The graph and the name that each of them is written under.
    through : callable
        Points a link to a sub-graph's output at the node inside it.
    """
    nodes: dict[str, Node] = {}
    origins: dict[str, tuple[Any, str]] = {}
    outputs: dict[tuple[str, str], Link] = {}
    for name in graph.order:
        node = graph.nodes[name]
        node = _rewire(node, lambda value: _redirect(value, outputs))
        if node.kind != "graph":
            nodes[name], origins[name] = node, (graph, name)
            continue
        inner = node.inner.flat
        given = {field: getattr(node, field) for field in [*node.interface.inputs, *node.interface.params]}
        for inner_name, inner_node in inner.nodes.items():
            if inner_node.kind == "given":
                continue
            inner_node = _rewire(inner_node, lambda value: _substitute(value, name, given))
            update = {}
            if node.seed and "seed" in type(inner_node).model_fields:
                update["seed"] = inner_node.seed ^ (node.seed * 0x9E3779B1 & 0xFFFFFFFF)
            flat = f"{name}/{inner_name}"
            update |= changed_paths(inner_node, lambda path: str(inner.resolve(path.text)) if path.text else "")
            nodes[flat], origins[flat] = inner_node.model_copy(update=update), inner.origin(inner_name)
        for output, text in node.interface.outputs.items():
            link = _substitute(inner.through(Link.parse(text)), name, given)
            outputs[name, output] = link
            if len(node.interface.outputs) == 1:
                outputs[name, ""] = link
        if len(nodes) > MAX_NODES:
            raise GraphError(f"the graph has more than {MAX_NODES} nodes with its sub-graphs in place")
    _lower(nodes, origins)
    return nodes, origins, lambda link: _redirect(link, outputs)


def _rewire(node: Node, change: Callable[[Any], Any]) -> Node:
    """Return a node with its links and expressions changed; what stays the same stays unset where it was not set."""
    values = {field: getattr(node, field) for field in [*node.ports, *node.params()]}
    changed = {field: made for field, value in values.items() if (made := change(value)) != value}
    return node.model_copy(update=changed) if changed else node


def _redirect(value: Any, outputs: dict[tuple[str, str], Link]) -> Any:
    """Point a link to a sub-graph's output at the node inside it."""

    def follow(leaf: Any) -> Any:
        if isinstance(leaf, Link) and (target := outputs.get((leaf.node, leaf.output))):
            return Link(target.node, target.output, target.component if leaf.component is None else leaf.component)
        return leaf

    return _map(value, follow)


def _substitute(value: Any, instance: str, given: dict[str, Any]) -> Any:
    """Rename a link inside an instance, or put what the interface is given in its place."""

    def place(leaf: Any) -> Any:
        if not isinstance(leaf, Link):
            return leaf
        if leaf.node in given:
            value = given[leaf.node]
            if isinstance(value, Link) and leaf.component is not None:
                return Link(value.node, value.output, leaf.component)
            return value.tree if isinstance(value, Expression) else value
        return Link(f"{instance}/{leaf.node}", leaf.output, leaf.component)

    return _map(value, place)


def _map(value: Any, function: Any) -> Any:
    if isinstance(value, list):
        return [_map(item, function) for item in value]
    if isinstance(value, Link):
        made = function(value)
        return made if isinstance(made, Link | Number) else Expression(made)
    if isinstance(value, Expression):
        tree = map_tree(value.tree, function)
        return tree if isinstance(tree, Link | Number) else Expression(tree)
    return value


def _lower(nodes: dict[str, Node], origins: dict[str, tuple[Any, str]]) -> None:
    """Give every expression and number at a signal's port a node of its own."""
    for name, node in list(nodes.items()):
        for field, kind in node.ports.items():
            value = getattr(node, field)
            if kind is SIGNAL and isinstance(value, Expression | Number):
                made = f"{name}:{field}"
                nodes[made], origins[made] = Formula(value=value), origins[name]
                nodes[name] = nodes[name].model_copy(update={field: Link(made)})
