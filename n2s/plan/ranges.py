"""Driven parameters that leave their range, and those that read what never is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np

from n2s.graph.declare import Spec
from n2s.graph.errors import GraphError, Problem
from n2s.graph.graph import Graph
from n2s.graph.lengths import wrong_lengths
from n2s.graph.timecodes import timecode
from n2s.graph.times import is_musical
from n2s.graph.values import Values, quantise
from n2s.graph.walks import needed_by
from n2s.plan.stages import Plan


def check_ranges(plan: Plan) -> None:
    """Refuse driven parameters that leave their range, and lengths in beats and bars that do.

    Raises
    ------
    GraphError
        With every such parameter, the frame and the value it reaches.
    """
    problems = []
    needed = needed_by(plan.streamed_nodes, plan.graph.sources())
    for name in (name for name in plan.graph.order if name in needed):
        node = plan.graph.nodes[name]
        written = name.partition(":")[0]
        for field, text in wrong_lengths(node, plan.values.clock):
            if written == name or not hasattr(plan.graph.nodes[written], field):  # else it is told of what brought it
                problems.append(Problem(plan.graph.where(name, field), f"{written}.{field}: {text}"))
        for field in node.params():
            if (name, field) not in plan.values.params:  # behind a measure that is still to come
                continue
            if is_musical(value := getattr(node, field)):  # of which `wrong_lengths` tells
                continue
            bringer = plan.graph.nodes.get(name.partition(":")[0])
            if bringer is not node and getattr(bringer, field, None) == value:  # it is told there
                continue
            values, spec = np.atleast_1d(plan.values.params[name, field]), node.specs[field]
            outside = ~_as_counted(spec).allows(values)
            if outside.any():
                link = getattr(node, field)
                text = _describe_excess(plan, f"{name}.{field}", str(link), values, outside, spec)
                text += _describe_waiting(plan, [read.node for at, param, read in plan.graph.links()
                                                 if (at, param) == (name, field)])  # fmt: skip
                problems.append(Problem(plan.graph.where(name, field), text))
    if problems:
        raise GraphError(problems)


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
        f"{subject} is driven by = {source} and reaches {values[frame]:.4g} at frame {frame} "
        f"({timecode(frame, plan.graph.header.fps)}); it must be {spec.range}.{wrap}"
    )


def _describe_waiting(plan: Plan, read: Sequence[str]) -> str:
    """Name the measures among some nodes, and before them, that have not looked at all frames yet."""
    before = needed_by(read, plan.graph.sources())
    said = []
    for name in (name for name, measured in plan.values.measured.items() if measured.waiting and name in before):
        rest = type(plan.graph.nodes[name]).unmeasured
        taken = f"says {rest} of the others" if isinstance(rest, int | float) else "is at rest in the others"
        said.append(f" {name} has not looked at all frames yet, and {taken}.")
    return "".join(said)
