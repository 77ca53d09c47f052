"""What was probably meant by names and expressions that a graph's check does not understand, or doubts."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from n2s.graph.entries import closest
from n2s.graph.expressions import TIME_UNITS, Call, Expression, leaves
from n2s.graph.landmarks import Moment
from n2s.graph.links import Link
from n2s.graph.listening import hears_time
from n2s.graph.parts import GraphParts
from n2s.graph.registry import node_types
from n2s.graph.types import SIGNAL


def heard_elsewhere(graph: GraphParts, link: Link) -> str:
    """Return what to do about a link to what a Features node hears, where it names no node; "" where it is none."""
    hearer = node_types().get("Features")
    if hearer is None or link.output not in hearer.outputs:
        return ""
    hearing = next((name for name, node in graph.nodes.items() if hears_time(node)), "")
    if hearing:
        return f'Did you mean "{Link(hearing, link.output, link.component)}"?'
    music = next((name for name, node in graph.nodes.items() if type(node).outputs.keys() == {"audio"}), "track")
    return f"A Features node hears that; add {link.node}: {{node: Features, audio: {music}}}."


def output_alone(graph: GraphParts, link: Link, wanted: Any) -> str:
    """Return what to write for an output whose node was left out: "heard.snare" for "snare"; "" where none has it."""
    if link.output:
        return ""
    for name, node in graph.nodes.items():
        output = type(node).outputs.get(link.node)
        if output is not None and output.kind is wanted:
            return f'Did you mean "{name}.{link.node}"?'
    heard = heard_elsewhere(graph, Link("heard", link.node)) if wanted is SIGNAL else ""
    return f'{heard} Then write "heard.{link.node}".' if heard else ""


def dashed(graph: GraphParts, value: Any, link: Link) -> str | None:
    """Say what was meant by a link beside a minus that is the dash of a name: of "my-pulse", the node my_pulse.

    It is said of the left side of the minus; of the right side "" is returned, and None where no such name is near.
    """
    if link.node in graph.nodes:
        return None
    for tree in _calls(value.tree) if isinstance(value, Expression) else ():
        left, right = tree.arguments if tree.function == "-" and len(tree.arguments) == 2 else (None, None)
        if not isinstance(left, Link) or not isinstance(right, Link) or left.node in graph.nodes or left.output:
            continue
        near = closest(f"{left.node}-{right.node}", tuple(graph.nodes), 0.7)
        if not near or link not in (left, right):
            continue
        meant = Link(near[0].replace("-", "_"), right.output, right.component)
        said = f'"{left}-{right}" means {left} minus {right}, because no name has a dash. Did you mean "{meant}"?'
        return said if link == left else ""
    return None


def added_times(tree: Any) -> Iterator[tuple[Any, Any]]:
    """Yield each sum of a number and a length of time in an expression: the sum, and the length."""
    for call in _calls(tree):
        if call.function in ("+", "-") and len(call.arguments) == 2:
            for length, other in (call.arguments, call.arguments[::-1]):
                if getattr(length, "unit", "") in TIME_UNITS and not any(map(_is_time, leaves(other))):
                    yield call, length


def _calls(tree: Any) -> Iterator[Call]:
    if isinstance(tree, Call):
        yield tree
        for argument in tree.arguments:
            yield from _calls(argument)


def _is_time(leaf: Any) -> bool:
    return getattr(leaf, "unit", "") in TIME_UNITS or isinstance(leaf, Moment) or str(leaf) in ("time", "duration")
