"""Driven parameters that leave their range, and those that read what never is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np

from n2s.graph.declare import Node, Spec
from n2s.graph.errors import GraphError, Problem
from n2s.graph.graph import Graph
from n2s.graph.lengths import wrong_lengths
from n2s.graph.timecodes import timecode
from n2s.graph.times import is_musical
from n2s.graph.values import Values, quantise
from n2s.graph.walks import Sources, needed_by
from n2s.plan.driven import given, links_of
from n2s.plan.stages import Plan

Told = dict[str, list[Any]]  # by instance of a sub-graph, the wrong values that its interface is given


def check_ranges(plan: Plan) -> None:
    """Refuse driven parameters that leave their range, those of sub-graphs too, and lengths in beats and bars that do.

    Raises
    ------
    GraphError
        With every such parameter, the frame and the value it reaches.
    """
    sources = plan.graph.sources()  # one walk over all links, whatever is wrong
    needed = needed_by(plan.streamed_nodes, sources)
    problems: list[Problem] = []
    told: Told = {}
    entered = {str(within) for name in needed for within in PurePosixPath(name).parents}
    for name, node in plan.graph.instances.items():
        if name in entered or _shows_parameter(node):
            problems += _wrong_of_instance(plan, sources, name, node, told)
    for name in (name for name in plan.graph.order if name in needed):
        problems += _wrong_of_node(plan, sources, name, told)
    if problems:
        raise GraphError(problems)


def _shows_parameter(instance: Any) -> bool:
    """Say whether an output of a sub-graph is one of its parameters, which no node inside needs to read."""
    return any(text.partition(".")[0] in instance.params() for text in instance.interface.outputs.values())


def _wrong_of_instance(plan: Plan, sources: Sources, name: str, node: Node, told: Told) -> list[Problem]:
    """Return what is wrong with what a sub-graph's parameters are given, and add each such value to those told."""
    wrong = {field: f"{name}.{field}: {text}" for field, text in wrong_lengths(node, plan.values.clock)}
    for field in node.params():
        if not is_musical(getattr(node, field)) and (text := _wrong_of_given(plan, sources, name, node, field)):
            wrong[field] = text
    problems = [
        Problem(plan.graph.where(name, field), text)
        for field, text in wrong.items()
        if not _is_told(name, getattr(node, field), told)
    ]
    told[name] = [getattr(node, field) for field in wrong]
    return problems


def _wrong_of_given(plan: Plan, sources: Sources, name: str, node: Node, field: str) -> str:
    """Say what is wrong with what a parameter of a sub-graph is given; "" where nothing is, or its values are to come.

    It is computed here, and for no instance that nothing needs: such a one stops no film.
    """
    try:
        values = given(plan.graph, name, field, plan.values)
    except GraphError as error:
        return error.problems[0].text
    if values is None:
        return ""
    return _excess(plan, sources, f"{name}.{field}", getattr(node, field), values, node.specs[field])


def _is_told(name: str, value: Any, told: Told) -> bool:
    """Say whether a value inside a sub-graph is one that its interface was given, which is told there."""
    return any(value == other for instance in PurePosixPath(name).parents for other in told.get(str(instance), ()))


def _wrong_of_node(plan: Plan, sources: Sources, name: str, told: Told) -> list[Problem]:
    """Return what is wrong with a node's lengths and parameters, but for values that are told of an instance."""
    node, problems = plan.graph.nodes[name], []
    written = name.partition(":")[0]
    for field, text in wrong_lengths(node, plan.values.clock):
        # Else it is told of what brought it.
        if (written == name or not hasattr(plan.graph.nodes[written], field)) and not _is_told(
            name, getattr(node, field), told
        ):
            problems.append(Problem(plan.graph.where(name, field), f"{written}.{field}: {text}"))
    for field in node.params():
        value = getattr(node, field)
        if (name, field) not in plan.values.params:  # behind a measure that is still to come
            continue
        if is_musical(value) or _is_told(name, value, told):  # `wrong_lengths` tells of lengths in beats
            continue
        bringer = plan.graph.nodes.get(written)
        if bringer is not node and getattr(bringer, field, None) == value:  # it is told there
            continue
        values = plan.values.params[name, field]
        if text := _excess(plan, sources, f"{name}.{field}", value, values, node.specs[field]):
            problems.append(Problem(plan.graph.where(name, field), text))
    return problems


def _excess(plan: Plan, sources: Sources, subject: str, value: Any, values: np.ndarray, spec: Spec) -> str:
    """Say where a parameter leaves its range; "" where it does not. A signal may have columns."""
    columns = np.atleast_2d(np.transpose(values))
    for column in columns:
        outside = ~_as_counted(spec).allows(column)
        if outside.any():
            text = _describe_excess(plan, subject, str(value), column, outside, spec)
            return text + _describe_waiting(plan, sources, [link.node for link in links_of(value)])
    return ""


def _as_counted(spec: Spec) -> Spec:
    """Return a spec whose range has the ends too as signals are counted, in steps of 2**-16: 0.1 is 0.100006 there."""
    low = None if spec.ge is None else min(spec.ge, float(quantise(spec.ge)))
    high = None if spec.le is None else max(spec.le, float(quantise(spec.le)))
    return replace(spec, ge=low, le=high)


def empty_columns(graph: Graph, values: Values) -> list[str]:
    """Return a sentence for each parameter or port that names a column which is 0 throughout.

    Such a name is a guess that did not come true: that the music has a section D, for one.
    """
    found = []
    for name, field, link in graph.links():
        if link.said and not values.read(link).any():
            place = name.replace(":", ".") if ":" in name else f"{name}.{field}"
            found.append(f"{place} reads {link}, which is 0 in the whole track and moves nothing.")
    return found


def _describe_excess(plan: Plan, subject: str, source: str, values: np.ndarray, outside: np.ndarray, spec: Spec) -> str:
    """Say where a parameter is furthest off, which tells more than where it first is."""
    middle = (max(spec.ge or spec.gt or 0, -1e9) + min(spec.le or spec.lt or 0, 1e9)) / 2
    frame = int(np.argmax(np.where(outside, np.abs(values - middle), -1)))
    low, high = spec.ge if spec.ge is not None else spec.gt, spec.le if spec.le is not None else spec.lt
    wrap = ""
    if low is not None and high is not None:
        inside = (high - low) / 1000  # by which a number stays within an end that does not belong to the range
        low, high = low + inside * (spec.gt is not None), high - inside * (spec.lt is not None)
        wrap = f" Wrap it: = clamp({source}, {low:g}, {high:g})."
    return (
        f"{subject} is driven by = {source} and reaches {spec.shown_outside(float(values[frame]))} at frame {frame} "
        f"({timecode(frame, plan.graph.header.fps)}); it must be {spec.range}.{wrap}"
    )


def _describe_waiting(plan: Plan, sources: Sources, read: Sequence[str]) -> str:
    """Name the measures among some nodes, and before them, that have not looked at all frames yet."""
    waiting = [name for name, measured in plan.values.measured.items() if measured.waiting]
    before = needed_by(read, sources) if waiting else set()
    said = []
    for name in (name for name in waiting if name in before):
        rest = type(plan.graph.nodes[name]).unmeasured
        taken = f"says {rest} of the others" if isinstance(rest, int | float) else "is at rest in the others"
        said.append(f" {name} has not looked at all frames yet, and {taken}.")
    return "".join(said)
