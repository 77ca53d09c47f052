"""The second pass: neutral nodes hand on their input, and what is written twice is computed once."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np

from n2s.graph.declare import Node
from n2s.graph.expressions import Number
from n2s.graph.keys import digest, digest_array, plain
from n2s.graph.links import Link
from n2s.graph.values import quantise
from n2s.plan.stages import Plan, Read, Stage, needed


def fold(plan: Plan) -> Plan:
    """Return the plan without nodes that compute nothing of their own; readers get the node that replaces one."""
    kept: list[Stage] = []
    folded: dict[str, str] = {}
    known: dict[str, str] = {}
    for stage in plan.nodes:
        reads = {port: replace(read, stage=folded.get(read.stage, read.stage)) for port, read in stage.reads.items()}
        stage = replace(stage, reads=reads)
        if stage.makes != "codes" and not stage.keep:
            if is_neutral(plan, stage.name):
                folded[stage.name] = next(iter(reads.values())).stage
                continue
            twin = known.setdefault(digest(_work(plan, stage.name, reads)), stage.name)
            if twin != stage.name:
                folded[stage.name] = twin
                continue
        kept.append(stage)
    end = folded.get(plan.end, plan.end)
    nodes = needed(kept, end)
    unused = tuple(stage.name for stage in kept if stage not in nodes)
    return replace(plan, end=end, nodes=nodes, folded=folded, unused=unused)


def is_neutral(plan: Plan, name: str) -> bool:
    """Say whether a node's settings and constant parameters make it return what its first port gives."""
    node = plan.graph.nodes[name]
    neutral = type(node).neutral
    if neutral is None or not any(kind.streamed for kind in node.ports.values()):
        return False
    fields, given = list(neutral), type(node).example
    if not neutral:  # where all are at their defaults; those without one are as in the example
        fields = [*node.params(), *node.settings()]
        given = {field: value for field, value in given.items() if type(node).model_fields[field].is_required()}
    alike = type(node)(**{**given, **neutral})
    return all(_is_same(plan, name, node, alike, field) for field in fields if field != "cache")


def _is_same(plan: Plan, name: str, node: Node, alike: Node, field: str) -> bool:
    wanted = getattr(alike, field)
    if field not in node.params():
        return getattr(node, field) == wanted
    values = plan.values.params[name, field]
    if np.ndim(values) or not isinstance(wanted, Number):  # what a signal drives may move, even if it stands still now
        return False
    return float(values) == float(quantise(wanted.resolve(plan.values.clock.tempo)))


def _work(plan: Plan, name: str, reads: dict[str, Read]) -> dict[str, Any]:
    """Return what a node computes from what, as plain data: the same for nodes that have the same value."""
    node = plan.graph.nodes[name]
    params = {field: digest_array(np.asarray(plan.values.params[name, field])) for field in node.params()}
    settings = {field: plain(getattr(node, field)) for field in node.settings()}
    inputs = {port: read.stage for port, read in reads.items()}
    for port, link in node.links().items():
        if port in node.ports and port not in inputs:
            inputs[port] = _signal(plan, link)
    kind = f"{type(node).__module__}.{type(node).__qualname__} {id(type(node))}"
    return {
        "type": kind,
        "settings": {key: repr(value) for key, value in settings.items()},
        "params": params,
        "inputs": inputs,
    }


def _signal(plan: Plan, link: Link) -> str:
    value = plan.values.read(link)
    return digest_array(value) if isinstance(value, np.ndarray) else str(link)
