"""Sub-graphs: a graph file with an interface is a node type, and a graph that uses it is flattened before it runs.

    # graphs/looks/dusk.yaml                            # in a track
    interface:                                          look: {node: Graph, path: ../looks/dusk.yaml,
      inputs: {frames: {kind: Frames, help: …}}                frames: film, punch: = 0.5 * pulse}
      params: {punch: {default: 0, ge: -1, le: 2, help: …}}
      outputs: {frames: grain}
    presets: {soft: {grain.amount: 0.01}}
    nodes: {tone: {node: Tone, frames: frames, exposure: = punch}, …}

Inside, inputs and parameters of the interface are read by their names, like nodes. The seed of an instance is mixed
into the seeds of the nodes in it.
"""

from __future__ import annotations

from functools import cache
from typing import Any, ClassVar, Literal, cast

from pydantic import BaseModel, ConfigDict, Field, ValidationError, create_model

from n2s.graph.declare import FilePath, Node, Output, Param, Spec, param, port, setting
from n2s.graph.errors import Problem
from n2s.graph.expressions import Expression, Number, Variable, leaves
from n2s.graph.links import NAME, Link
from n2s.graph.parsing import parse_param
from n2s.graph.times import is_musical
from n2s.graph.types import AUDIO, FRAMES, LATENTS, MATTE, SIGNAL, Audio, Frames, Latents, Matte, Signal

MAX_NODES = 5000
REFERENCE_TEMPO = 120.0

_KINDS = {"Audio": AUDIO, "Signal": SIGNAL, "Latents": LATENTS, "Frames": FRAMES, "Matte": MATTE}
_PORTS = {"Audio": Audio, "Signal": Signal, "Latents": Latents, "Frames": Frames, "Matte": Matte}


class Input(BaseModel):
    """A port of a sub-graph."""

    model_config = ConfigDict(extra="forbid")

    kind: Literal["Audio", "Signal", "Latents", "Frames", "Matte"]
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

    def read(self, value: Any) -> Number:
        """Return the number that a preset gives for this parameter; a ValueError says why it cannot be."""
        number = parse_param(value)
        if not isinstance(number, Number):
            raise ValueError(f"a number was wanted, not {value!r}")
        if number.unit not in ("", "dB") and self.unit != "s":
            raise ValueError(f"{value} was given, which is a time; it takes a number")
        spec = Spec("param", self.help, self.ge, self.gt, self.le, self.lt)
        if not spec.allows(number.resolve(REFERENCE_TEMPO)):
            raise ValueError(f"{value} was given; it must be {spec.range or 'finite'}")
        return number


class Interface(BaseModel):
    """What a sub-graph shows: names of inputs, parameters and outputs."""

    model_config = ConfigDict(extra="forbid")

    inputs: dict[str, Input] = {}
    params: dict[str, Parameter] = {}
    outputs: dict[str, str]


class InterfaceNode(Node):
    """Stands inside a sub-graph for an input or a parameter of its interface."""

    kind: ClassVar[str] = "interface"


@cache
def _interface_node_type(kind: str) -> type[InterfaceNode]:
    """Return the node type of a kind; made when it is needed, because most graphs need none."""
    body = {"__module__": __name__, "outputs": {"value": Output(_KINDS[kind], names=None)}}
    return type(f"Interface{kind}", (InterfaceNode,), body)


class SubGraph(Node):
    """Use another graph as a node; its own ports and parameters come from that graph's interface."""

    kind: ClassVar[str] = "graph"
    inner: ClassVar[Any] = None
    interface: ClassVar[Any] = None  # both are of the graph, whose class stands above this module

    path: FilePath | None = setting(None, help="the sub-graph's file, relative to this graph's")
    look: str | None = setting(None, help="in place of a file: one of the looks that come with n2s (`n2s looks`)")
    preset: str | None = setting(None, help="one of the sub-graph's presets")
    set: dict[str, Any] = setting({}, help="settings of the nodes inside, by node.setting")
    seed: int = setting(0, ge=0, lt=2**32, help="another seed changes everything random inside")


def interface_nodes(interface: Interface) -> dict[str, Node]:
    """Return the nodes that stand for an interface inside its sub-graph."""
    kinds = {name: port.kind for name, port in interface.inputs.items()} | dict.fromkeys(interface.params, "Signal")
    return {name: _interface_node_type(kind)() for name, kind in kinds.items()}


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
    for name, declared in interface.params.items():
        try:
            declared.read(declared.default)
        except ValueError as error:
            where = document.where(("interface", "params", name, "default"))
            problems.append(Problem(where, f"interface.params.{name}.default: {error}."))
    problems += _wrong_names(document, interface)
    return interface


def _wrong_names(document: Any, interface: Interface) -> list[Problem]:
    """Return which inputs and parameters of an interface cannot have their names."""
    found = []
    for part, names in (("inputs", interface.inputs), ("params", interface.params)):
        for name in names:
            is_twice = part == "params" and name in interface.inputs
            if not NAME.match(name) or is_twice or name in ("node", *SubGraph.model_fields):
                where = document.where(("interface", part, name), key=True)
                text = f'interface: "{name}" cannot be the name of an input or parameter.'
                found.append(Problem(where, text))
    return found


def check_names(graph: Any, problems: list[Problem]) -> None:
    """Refuse names of an interface that mean something else in the expressions of its graph: what is given is lost.

    Ports and parameters that name such an input without an expression do read it.
    """
    read: dict[str, str] = {}
    for node_name, node in graph.nodes.items():
        for field in (*node.ports, *node.params()):
            value = getattr(node, field)
            for leaf in leaves(value.tree) if isinstance(value, Expression) else ():
                if isinstance(leaf, Variable):
                    read.setdefault(leaf.name.partition(".")[0], f"{node_name}.{field}")
    for part, names in (("inputs", graph.interface.inputs), ("params", graph.interface.params)):
        for name in (name for name in names if name in read):
            text = f'"{name}" means something else in expressions, which {read[name]} reads; choose another name, like'
            where = graph.document.where(("interface", part, name), key=True)
            problems.append(Problem(where, f'interface.{part}: {text} "{name}1".'))


def instance_type(inner: Any) -> type[SubGraph]:
    """Return the node type that a graph with an interface declares, with a port or parameter for each of its names."""
    fields: dict[str, Any] = {}
    for name, declared in inner.interface.inputs.items():
        fields[name] = (_PORTS[declared.kind], port(declared.help))
    for name, declared in inner.interface.params.items():
        bounds = {bound: getattr(declared, bound) for bound in ("ge", "gt", "le", "lt")}
        default = inner.preset_params.get(name, declared.default)
        if isinstance(default, Number) and not is_musical(default):  # how long beats are is known of a track alone
            default = default.resolve(REFERENCE_TEMPO)
        fields[name] = (Param, param(cast(Any, default), help=declared.help, unit=declared.unit, **bounds))
    cls = create_model("SubGraph", __base__=SubGraph, __module__=__name__, **fields)
    cls.__name__, cls.__doc__ = "Graph", inner.header.title
    cls.inner, cls.interface = inner, inner.interface
    links = {name: Link.parse(text) for name, text in inner.interface.outputs.items()}
    cls.outputs = {name: _shown(inner, link) for name, link in links.items() if link}
    return cls


def _shown(inner: Any, link: Link) -> Output:
    """Return the declaration of an output of a sub-graph: one column of a signal has none of its own."""
    read = inner.output(link)
    one_column = link.settled(type(inner.nodes[link.node]).outputs).component is not None
    return Output(read.kind, names=() if one_column else read.names)


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
