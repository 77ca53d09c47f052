"""The third pass: how many frames around its own each stage reads, and so how many are made of each."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from numbers import Integral
from typing import Any, cast

import numpy as np

from n2s.graph import authors
from n2s.graph.graph import Graph
from n2s.graph.types import FRAMES
from n2s.plan.echoes import echo_of
from n2s.plan.stages import Plan, Stage, widen

MAX_WINDOW = 100_000  # frames before or after; far more than memory holds of anything


def reach(plan: Plan) -> Plan:
    """Return the plan with each streamed node's window in its reads, and the sums of windows in the stages."""
    nodes = []
    for stage in plan.nodes:
        if plan.graph.nodes[stage.node].kind == "streamed":
            before, after = _window(plan.graph, stage.node)
            reads = {port: replace(read, before=before, after=after) for port, read in stage.reads.items()}
            stage = replace(stage, reads=reads)
        elif plan.graph.nodes[stage.node].kind == "echo":
            stage = _looking_back(plan, stage)
        nodes.append(stage)
    return replace(plan, nodes=widen(nodes))


def _looking_back(plan: Plan, stage: Stage) -> Stage:
    """Return the stage of an echo with the past frames that its first picture is read for, as its author says."""
    graph = plan.graph
    ages = authors.call(graph, stage.node, "reach", echo_of(plan, stage.node).reach, graph.header.fps)
    listed = isinstance(ages, Sequence | np.ndarray) and not isinstance(ages, str) and np.ndim(ages) == 1
    if not listed or not len(ages):
        text = f"reach gave {authors.shown(ages)}; a list of ages in frames, rising, was wanted."
        raise authors.wrong(graph, stage.node, text)
    for age, next_age in zip(cast(Sequence[Any], ages), [*ages[1:], MAX_WINDOW + 1]):
        if (
            isinstance(age, bool)
            or not isinstance(age, Integral)
            or not 0 <= int(age) < cast(Any, next_age) <= MAX_WINDOW + 1
        ):
            text = f"reach gave {authors.shown(ages)}; whole numbers within 0..{MAX_WINDOW}, rising, were wanted."
            raise authors.wrong(graph, stage.node, text)
    ports, ages = graph.nodes[stage.node].ports, tuple(int(age) for age in ages)
    port = next(port for port, kind in ports.items() if kind is FRAMES)
    return replace(stage, reads={**stage.reads, port: replace(stage.reads[port], before=ages[-1])}, ages=ages)


def _window(graph: Graph, name: str) -> tuple[int, int]:
    """Return how many frames before and after a streamed node looks at, as its author says."""
    window = authors.call(graph, name, "window", graph.nodes[name].window, graph.header.fps)
    if (
        not isinstance(window, tuple | list)
        or len(window) != 2
        or any(isinstance(n, bool) or not isinstance(n, Integral) for n in window)
    ):
        text = f"window gave {authors.shown(window)}; two whole numbers of frames, before and after, were wanted."
        raise authors.wrong(graph, name, text)
    before, after = (int(number) for number in window)
    if not (0 <= before <= MAX_WINDOW and 0 <= after <= MAX_WINDOW):
        text = f"window gave {before}, {after} frames before and after; they must be within 0..{MAX_WINDOW}."
        raise authors.wrong(graph, name, text)
    return before, after
