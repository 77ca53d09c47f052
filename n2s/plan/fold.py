"""The second pass: neutral nodes are left out, and equal nodes are computed once."""

from __future__ import annotations

from dataclasses import replace
from functools import cache
from typing import Any, cast

import numpy as np

from n2s.graph.declare import Node
from n2s.graph.expressions import Number
from n2s.graph.keys import digest_array, plain
from n2s.graph.values import quantise
from n2s.plan.shape import latent_grids
from n2s.plan.stages import Plan, Stage, stages_up_to


def fold(plan: Plan) -> Plan:
    """Return the plan without nodes that compute nothing of their own; readers get the node that replaces one."""
    kept: list[Stage] = []
    folded: dict[str, str] = {}
    composed: dict[str, bool] = {}  # whether the lens that reads a folded node composes with what replaces it
    twins, lenses = _Twins(plan), _Lenses(plan)
    for stage in plan.nodes:
        reads = {
            port: replace(
                read,
                stage=folded.get(read.stage, read.stage),
                composed=read.composed and composed.get(read.stage, True),
            )
            for port, read in stage.reads.items()
        }
        stage = replace(stage, reads=reads)
        if stage.keep:
            twins.find(stage)  # it is computed for itself, and may stand for others after it
        elif stage.makes != "codes":
            port = "" if stage.output else handed_on(plan, stage.node)
            if port in reads and not lenses.is_felt(stage):
                folded[stage.name] = reads[port].stage
                composed[stage.name] = reads[port].composed
                continue
            if (twin := twins.find(stage)) != stage.name:
                folded[stage.name] = twin
                continue
        kept.append(stage)
    end = folded.get(plan.end, plan.end)
    nodes = stages_up_to(kept, end)
    computed = {stage.name for stage in nodes}
    unused = tuple(stage.name for stage in kept if stage.name not in computed)
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
    alike, fields = _neutral_form(cast(Any, type(node)))
    return port if all(_is_same(plan, name, node, alike, field) for field in fields) else None


@cache
def _neutral_form(cls: type[Node]) -> tuple[Node, list[str]]:
    """Return a neutral node of a type, and the fields that make it so."""
    neutral = cls.neutral or {}
    fields, given = list(neutral), cls.example
    if not fields:  # where all are at their defaults; those without one are as in the example
        fields = [field for field in [*cls.params(), *cls.settings()] if field != "cache"]
        given = {field: value for field, value in given.items() if cls.model_fields[field].is_required()}
    return cls(**{**given, **neutral}), fields


def _is_same(plan: Plan, name: str, node: Node, alike: Node, field: str) -> bool:
    wanted = getattr(alike, field)
    if field not in node.params():
        return getattr(node, field) == wanted
    values = plan.values.params[name, field]
    if np.ndim(values) or not isinstance(wanted, Number):  # what a signal drives may move, even if it stands still now
        return False
    return float(values) == float(quantise(plan.values.clock.seconds(wanted)))


class _Lenses:
    """Knows which lenses decide how those read that compose them, even where they move nothing themselves."""

    def __init__(self, plan: Plan):
        self.plan = plan
        self._edges: dict[str, set[str]] = {}  # of the lenses that compose each lens
        for stage in plan.nodes:
            for read in stage.reads.values():
                if read.composed:
                    self._edges.setdefault(read.stage, set()).add(plan.graph.nodes[stage.node].edge)

    def is_felt(self, stage: Stage) -> bool:
        """Say whether a lens opens the shutter of its run, cuts with a black edge what others show elsewhere, or has
        another edge than they at the picture that the run reads."""
        node = self.plan.graph.nodes[stage.node]
        if node.kind != "lens":
            return False
        edges = self._edges.get(stage.name, set())
        reads_frames = not any(read.composed for read in stage.reads.values())
        cuts = node.edge == "black" and bool(edges)
        return node.shutter > 0 or cuts or (reads_frames and not edges <= {node.edge})


class _Twins:
    """Finds nodes that have the same value: of one type and code, with equal settings, parameters and inputs."""

    def __init__(self, plan: Plan):
        self.plan, self.grids = plan, latent_grids(plan)  # the same latents on two grids are two values
        self._alike: dict[Any, list[Stage]] = {}  # by what costs nothing to compare
        self._signals: dict[str, list[str]] = {}

    def find(self, stage: Stage) -> str:
        """Return the first of the nodes that have a node's value, which may be itself."""
        node = self.plan.graph.nodes[stage.node]
        settings = repr([plain(getattr(node, field)) for field in node.settings() if field != "cache"])
        reads = tuple((port, read.stage, read.composed) for port, read in stage.reads.items())
        alike = self._alike.setdefault((type(node), stage.output, settings, reads, self.grids.get(stage.name)), [])
        for other in alike:
            if self._digests(other) == self._digests(stage):
                return other.name
        alike.append(stage)
        return stage.name

    def _digests(self, stage: Stage) -> list[str]:
        """Return what names the parameters and signals of a node by their values."""
        if stage.name not in self._signals:
            node, values = self.plan.graph.nodes[stage.node], self.plan.values
            found = [np.asarray(values.params[stage.node, field]) for field in node.params()]
            for port, link in node.links().items():
                if port in node.ports and port not in stage.reads:
                    found.append(values.read(link))
            self._signals[stage.name] = [
                digest_array(value) if isinstance(value, np.ndarray) else value.digest for value in found
            ]
        return self._signals[stage.name]
