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
from n2s.plan.shape import latent_grids
from n2s.plan.stages import Plan, Read, Stage, needed


def fold(plan: Plan) -> Plan:
    """Return the plan without nodes that compute nothing of their own; readers get the node that replaces one."""
    kept: list[Stage] = []
    folded: dict[str, str] = {}
    known: dict[str, str] = {}
    grids = latent_grids(plan)  # the same latents on two grids are two values
    for stage in plan.nodes:
        reads = {port: replace(read, stage=folded.get(read.stage, read.stage)) for port, read in stage.reads.items()}
        stage = replace(stage, reads=reads)
        if stage.makes != "codes" and not stage.keep:
            if (port := handed_on(plan, stage.name)) in reads:
                folded[stage.name] = reads[port].stage
                continue
            work = _work(plan, stage.name, reads) | {"grid": grids.get(stage.name)}
            twin = known.setdefault(digest(work), stage.name)
            if twin != stage.name:
                folded[stage.name] = twin
                continue
        kept.append(stage)
    end = folded.get(plan.end, plan.end)
    nodes = needed(kept, end)
    used = {stage.name for stage in nodes}
    unused = tuple(stage.name for stage in kept if stage.name not in used)
    return replace(plan, end=end, nodes=nodes, folded=folded, unused=unused)


def handed_on(plan: Plan, name: str) -> str | None:
    """Return the port whose value a node gives, unchanged, under its settings and constant parameters; None for none.

    It is the first one that takes what the node gives.
    """
    node = plan.graph.nodes[name]
    neutral, made = type(node).neutral, next(iter(type(node).outputs.values())).kind
    port = next((port for port, kind in node.ports.items() if kind is made), None)
    if neutral is None or port is None:
        return None
    fields, given = list(neutral), type(node).example
    if not neutral:  # where all are at their defaults; those without one are as in the example
        fields = [*node.params(), *node.settings()]
        given = {field: value for field, value in given.items() if type(node).model_fields[field].is_required()}
    alike = type(node)(**{**given, **neutral})
    same = all(_is_same(plan, name, node, alike, field) for field in fields if field != "cache")
    return port if same else None


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
    settings = {field: repr(plain(getattr(node, field))) for field in node.settings()}
    inputs = {port: read.stage for port, read in reads.items()}
    for port, link in node.links().items():
        if port in node.ports and port not in inputs:
            inputs[port] = _signal(plan, link)
    return {"type": id(type(node)), "settings": settings, "params": params, "inputs": inputs}


def _signal(plan: Plan, link: Link) -> str:
    value = plan.values.read(link)
    return digest_array(value) if isinstance(value, np.ndarray) else str(link)
