"""The static check of a graph's links: names, kinds, missing inputs, cycles, where sinks may write."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace
from fractions import Fraction
from typing import Any, cast

from n2s.graph.codings import rate_problem, size_problem
from n2s.graph.declare import Node, Output, Sink
from n2s.graph.errors import GraphError, Problem
from n2s.graph.expressions import Expression, Number, Variable, leaves
from n2s.graph.film_names import collision, name_problem, same_place
from n2s.graph.format_registry import format_of, format_problem
from n2s.graph.landmarks import Moment
from n2s.graph.lengths import wrong_lengths
from n2s.graph.links import Link
from n2s.graph.listening import hearing_node, hears_time
from n2s.graph.meant import added_times, dashed, heard_elsewhere, output_alone
from n2s.graph.parsing import number_in
from n2s.graph.parts import GraphParts
from n2s.graph.profiles import PROFILES
from n2s.graph.registry import suggest
from n2s.graph.remainders import leaves_remainder, reader_problem
from n2s.graph.signatures import place_of_class
from n2s.graph.subgraph import InterfaceNode, SubGraph
from n2s.graph.time import Clock
from n2s.graph.times import moments
from n2s.graph.types import AUDIO, LATENTS, SIGNAL
from n2s.graph.walks import find_circle, needed_by
from n2s.graph.wording import told_as

LEAST_SHARE = 0.5  # of an impulse, that a node which smooths it should show
REFERENCE_TEMPO = 120.0
REFERENCE_CLOCK = Clock(Fraction(30), 1, REFERENCE_TEMPO)
MUSICAL_UNITS = ("beat", "beats", "bar", "bars")


def check_links(
    graph: GraphParts, unread: Collection[str] = frozenset(), refused: Collection[tuple[str, str]] = frozenset()
) -> list[Problem]:
    """Return the problems of a graph's links.

    Parameters
    ----------
    unread : set of str
        Names of nodes that could not be read; links to them are not reported a second time.
    refused : set of (str, str)
        Settings of nodes, by both names, whose values were reported already; they are not missed.
    """
    problems: list[Problem] = []
    films: dict[str, str] = {}

    def wrong(text: str, *path: str, key: bool = False) -> None:
        problems.append(Problem(graph.where(*path, key=key), text))

    for name, field, link in graph.links():
        wanted = graph.wanted_kind(name, field)
        if text := _check_link(graph, link, wanted, unread, f"{name}.{field}"):
            told = dashed(graph, getattr(graph.nodes[name], field, None), link)
            if told != "":
                wrong(f"{name}.{field}: {told}" if told else text, name, *field.split("."))
        elif link.node in graph.nodes and wanted is LATENTS and leaves_remainder(graph, link.node):
            if text := reader_problem(graph, name, link.node):
                wrong(text, name, *field.split("."))
    hearing = next(filter(None, map(_hearing_within, graph.nodes.values())), None)
    for name, node in graph.nodes.items():
        for field in (*node.ports, *node.params()):
            value = getattr(node, field)
            if isinstance(value, Expression) and (text := _check_heard(value, hearing, bool(graph.interface))):
                wrong(f"{name}.{field}: {text}", name, field)
        for field in () if hearing or graph.interface else type(node).model_fields:
            for moment in moments(getattr(node, field))[:1]:
                wrong(f'{name}.{field}: "{moment}" is heard in the music; add a Features node.', name, field)
        for port in node.ports:
            if node.specs[port].required and getattr(node, port) in (None, []) and (name, port) not in refused:
                wrong(f"{name}.{port}: {told_as(type(node))} needs it: {node.specs[port].help}.", name, key=True)
        for field in node.params():
            value = getattr(node, field)
            if isinstance(value, Expression) and (text := check_constant(graph, name, field, value)):
                wrong(text, name, field)
        if graph.header.tempo:  # how many beats a bar has is heard
            clock = Clock(graph.header.fps, 1, graph.header.tempo)
            for field, text in wrong_lengths(node, clock, ("beat",) if hearing else ("beat", "bar")):
                wrong(f"{name}.{field}: {text}", name, field)
        if not isinstance(node, Sink):
            continue
        if text := format_problem(node):
            wrong(f"{name}: {text}", name, key=True)
        elif text := _path_problem(node):
            wrong(f"{name}.path: {text}", name, "path")
        elif other := collision(node.path, films):
            wrong(f"{name}.path: {written_already(node.path, other, films[other])}", name, "path")
        else:
            films[node.path] = name
        if text := _profile_problem(graph, node):
            wrong(f"{name}.profile: {text}", name, "profile")
        if text := size_problem(node, graph.header.size):
            asked = graph.overridden_at("size")
            problems.append(Problem(asked or graph.where(name, "codec"), f"{name}.codec: {text}."))
        if text := rate_problem(node, graph.header.fps):
            asked = graph.overridden_at("fps")
            problems.append(Problem(asked or graph.where(name, "path"), f"{name}.path: {text}."))
    if not problems and not unread and (circle := find_circle(graph.sources())):
        wrong(f"These nodes wait for each other in a circle: {' → '.join([*circle, circle[0]])}.", circle[0], key=True)
    return problems


def _hearing_within(node: Node) -> Node | None:
    """Return the node that hears what expressions call ``beat``, ``bar`` and so on: itself, or one of a sub-graph's."""
    if isinstance(node, SubGraph):
        return next(filter(None, map(_hearing_within, node.inner.nodes.values())), None)
    return node if hears_time(node) else None


def _check_heard(expression: Expression, hearing: Node | None, in_subgraph: bool) -> str:
    """Say when nothing hears what an expression names of the music, or when it has no such column.

    What a sub-graph does not hear itself may be heard by the graph around it.
    """
    for name in sorted(expression.variables()):
        heard = Variable(name).heard
        if heard and hearing is None and not in_subgraph:
            return f'"{name}" is heard in the music; add a Features node.'
        output = type(hearing).outputs.get(heard.output) if heard and hearing else None
        if heard and hearing and output is None:
            return f'"{name}" is heard in the music, but not by {type(hearing).__name__}.'
        if heard and output and heard.component is not None and (text := column_problem(heard, output)):
            return text
    return ""


def column_problem(link: Link, output: Output) -> str:
    """Say when an output has no column of the number or name that a link gives; its number may be known later."""
    if link.component is None or output.names is None:
        return ""
    if isinstance(link.component, str):
        found = link.component in output.names
    else:
        found = not output.columns or link.component < output.columns
    whole = replace(link, component=None)
    return "" if found else f'"{whole}" has {output.column_words}; there is no "{link}".'


def _path_problem(sink: Node) -> str:
    """Say why a sink's film cannot be written at its path, which every system must be able to have."""
    made = format_of(sink)
    return name_problem(sink.path, type(sink).__name__, made.endings, made.is_folder)


def _profile_problem(graph: GraphParts, sink: Sink) -> str:
    """Say why a graph's frames are none that its sink's profile asks for; what the command line asks for may differ."""
    name, header = getattr(sink, "profile", None), graph.header
    if name is None or any(graph.overridden_at(field) for field in ("size", "fps")):
        return ""
    profile = PROFILES[name]
    size, fps = profile.shape(header.size, header.fps) if profile.scale == 1 else (header.size, header.fps)
    if (size, fps) == (header.size, header.fps):
        return ""
    wanted = f"size: [{size[0]}, {size[1]}]" + ("" if fps == header.fps else f" and fps: {fps}")
    return f"frames of {name} want {wanted} in the header; or leave it out, and run with --profile {name}"


def written_already(path: str, other: str, writer: str) -> str:
    """Say that a film's path is taken, by itself or because one of the two would be a folder."""
    taken = f'"{path}"' if same_place(path) == same_place(other) else f'"{other}", which is in the way of "{path}",'
    return f"{taken} is written by {writer} already; give one of them another."


def without_film(graph: GraphParts) -> Problem | None:
    """Return what commands that need a film say of a graph that makes none."""
    if graph.sinks():
        return None
    if graph.interface:
        return Problem(
            graph.where(), "This is a sub-graph, which makes no film; name the graph of a track that uses it."
        )
    at = graph.where(next(iter(graph.nodes)))
    return Problem(at, "The graph makes no film: it needs a sink, like FFmpegSink.")


def refuse_album(graph: GraphParts) -> None:
    """Refuse an album or a sub-graph where a track is wanted, whose nodes have values.

    Raises
    ------
    GraphError
        It names the graphs of an album's tracks.
    """
    tracks = {name: node for name, node in graph.nodes.items() if node.kind == "track"}
    if tracks:
        paths = ", ".join(str(graph.resolve(cast(Any, node).path)) for node in tracks.values())
        text = f"This is an album; name the graph of one of its tracks: {paths}."
        raise GraphError([Problem(graph.where(next(iter(tracks))), text)])
    if graph.interface:
        raise GraphError(list(filter(None, [without_film(graph)])))


def warnings(graph: GraphParts) -> list[Problem]:
    """Return what is allowed but probably a mistake: unused nodes, shared seeds, expressions that never change."""
    found: list[Problem] = []
    ends = graph.sinks() or [
        cast(Link, Link.parse(text)).node for text in (graph.interface.outputs.values() if graph.interface else ())
    ]
    if not ends:
        found += filter(None, [without_film(graph)])
        read = {link.node for _, _, link in graph.links()}
        ends = [name for name in graph.nodes if name not in read]
    used = needed_by(ends, graph.sources())
    if any(_speaks_of_music(graph.nodes[name]) for name in used) and (hearing := hearing_node(graph.nodes)):
        used |= needed_by([hearing], graph.sources())
    found += _without_docstrings(graph)
    seeds: dict[tuple[str, int], str] = {}
    for name, node in graph.nodes.items():
        if name not in used:
            what = (
                "is in the interface and nothing uses it" if isinstance(node, InterfaceNode) else "is used by nothing"
            )
            found.append(Problem(graph.where(name, key=True), f"{name} {what}."))
        if name in used and _feels_seed(node):
            first = seeds.setdefault((type(node).__name__, node.seed), name)
            if first != name:
                text = f"{name} and {first} share the seed {node.seed} and move alike; give one of them another."
                found.append(Problem(graph.where(name, key=True), text))
        found += _swallowed(graph, name)
        for field in node.params():
            value = getattr(node, field)
            for total, length in added_times(value.tree) if isinstance(value, Expression) else ():
                text = f'{name}.{field}: "{total}" adds {length}, a length of time, to a number, as its seconds; '
                if node.specs[field].unit != "s":
                    text += "leave the unit out. A Delay node moves a signal in time."
                    found.append(Problem(graph.where(name, field), text))
        for field in node.params():
            value = getattr(node, field)
            if (
                isinstance(value, Expression)
                and not value.links()
                and not value.variables() - {"duration"}
                and not moments(value)
            ):
                found.append(
                    Problem(graph.where(name, field), f"{name}.{field}: = {value} never moves; a number would do.")
                )
    return found


def _feels_seed(node: Node) -> bool:
    """Say whether a node draws by its seed, as its settings are."""
    if "seed" not in type(node).model_fields or isinstance(node, SubGraph):
        return False
    return all(getattr(node, name) == value for name, value in node.felt_with.get("seed", {}).items())


def _without_docstrings(graph: GraphParts) -> list[Problem]:
    """Return which of a graph's types of nodes do not say what they do."""
    types = {type(node): name for name, node in graph.nodes.items() if not isinstance(node, SubGraph | InterfaceNode)}
    silent = {cls: name for cls, name in types.items() if not cls.__doc__}
    text = "has no docstring; its first sentence is what n2s nodes says of it"
    return [
        Problem(graph.where(name, key=True), f"{cls.__name__} {text}{place_of_class(cls)}.")
        for cls, name in silent.items()
    ]


def silent_films(graph: GraphParts) -> list[str]:
    """Return the sinks whose films have no sound, although the graph has music and their formats carry some."""
    kinds = {output.kind for node in graph.nodes.values() for output in type(node).outputs.values()}
    without = [name for name in graph.sinks() if getattr(graph.nodes[name], "audio", "none") is None]
    return [name for name in without if AUDIO in kinds and format_of(graph.nodes[name]).carries_sound]


def _speaks_of_music(node: Node) -> bool:
    """Say whether a node names beats, bars, sections or drops, which the node that hears the music tells.

    A sub-graph does where a node in it does.
    """
    if isinstance(node, SubGraph) and any(map(_speaks_of_music, node.inner.nodes.values())):
        return True
    for value in (getattr(node, field) for field in node.model_fields_set):
        if isinstance(value, Expression):
            parts = list(leaves(value.tree))
            if any(Variable(name).heard for name in value.variables()):
                return True
        else:
            parts = value if isinstance(value, list) else [value]
        if moments(value) or any(getattr(part, "unit", "") in MUSICAL_UNITS for part in parts):
            return True
    return False


def _swallowed(graph: GraphParts, name: str) -> list[Problem]:
    """Return what to say of a node that rises too slowly to show the impulses that it smooths."""
    node, found = graph.nodes[name], []
    rises = [getattr(node, field, None) for field in ("attack", "half_life")]
    rise = next((value for value in rises if value is not None), None)  # an expression has no truth value
    if not isinstance(rise, Number):
        return []
    for port, link in node.links().items():
        output = graph.output(link) if link.node in graph.nodes else None
        frames = rise.resolve(REFERENCE_TEMPO) * float(graph.header.fps)
        share = 1 - 2 ** (-1 / frames) if frames > 0 else 1
        if output is not None and output.impulses and share < LEAST_SHARE:
            text = f"{name}.{port}: {link} is 0 but in single frames, of which this shows {100 * share:.0f} %; "
            found.append(Problem(graph.where(name, port), f"{text}give it a shorter attack, like attack: 0.004."))
    return found


def check_constant(graph: GraphParts, name: str, field: str, expression: Expression) -> str:
    """Say when an expression that never moves leaves its parameter's range."""
    if (
        expression.links()
        or expression.variables()
        or any(
            isinstance(leaf, Moment) or getattr(leaf, "unit", "") in MUSICAL_UNITS for leaf in leaves(expression.tree)
        )
    ):
        return ""
    spec, value = graph.nodes[name].specs[field], float(expression.evaluate({}, {}, REFERENCE_CLOCK))
    return (
        ""
        if spec.allows(value)
        else f"{name}.{field}: = {expression} is {spec.shown_outside(value)}; it must be {spec.range or 'finite'}."
    )


YES_NO = {"yes", "no", "on", "off", "true", "false"}  # texts to YAML 1.2, or written with capitals


def _check_link(graph: GraphParts, link: Link, wanted, unread: Collection[str], what: str) -> str:
    if link.node in unread:
        return ""
    if link.node not in graph.nodes:
        near = suggest(link.node, list(graph.nodes))
        if near.startswith("Did") and (link.output or link.component is not None):
            fixed = Link(near.split('"')[1], link.output, link.component)
            near = f'Did you mean "{fixed}"?'
        number = number_in(str(link))
        if wanted is SIGNAL and (number or str(link).lower() in YES_NO):
            near = f"It takes a number or a signal{number}. {'' if number else near}".rstrip()
        owner = heard_elsewhere(graph, link) or output_alone(graph, link, wanted)
        return f'{what}: "{link}" names no node. {owner or near}'
    outputs = type(graph.nodes[link.node]).outputs
    link = link.settled(outputs)
    output = graph.output(link, wanted)
    if output is None and link.output:
        return f'{what}: "{link.node}" has no output "{link.output}". {suggest(link.output, list(outputs))}'
    if output is None:
        if not outputs:
            return f'{what}: "{link.node}" makes a film and gives nothing to other nodes.'
        fits = [name for name, out in outputs.items() if out.kind is wanted]
        if not fits:
            return f'{what} takes {wanted}, and none of the outputs of "{link.node}" is one.'
        return (
            f'{what}: "{link.node}" has several outputs; name one: {", ".join(f"{link.node}.{f}" for f in fits[:6])} …'
        )
    if output.kind is not wanted:
        return f'{what} takes {wanted}, but "{link}" gives {output.kind}.'
    if link.component is not None and output.kind is not SIGNAL:
        return f'{what}: only a Signal has components; "{link.node}" gives {output.kind}.'
    text = column_problem(link, output)
    return f"{what}: {text}" if text else ""
