"""The fourth pass: the size of frames and the grid of latents, handed from each stage to what it reads."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from n2s.graph import authors
from n2s.graph.declare import Pointwise
from n2s.graph.errors import GraphError, Problem
from n2s.graph.grids import default_grid
from n2s.graph.header import MAX_SIDE
from n2s.graph.types import LATENTS, PICTURES
from n2s.plan.measures import is_awaited
from n2s.plan.stages import Plan, Size, Stage, node_of


def shape(plan: Plan) -> Plan:
    """Return the plan with the grid of every stage of latents and the size of every stage of frames.

    A stage of frames has the size in which it is read: the film's, unless a reader takes another. Where one is read in
    several sizes there is a stage for each.
    """
    grids, shown = latent_grids(plan), shown_sizes(plan)
    looked_at = shown_sizes(plan, looking=True) if is_awaited(plan.graph.nodes[node_of(plan.end)]) else {}
    last = plan.nodes[-1].name
    wanted: dict[str, dict[Size | None, None]] = {last: {_own(plan, last, plan.graph.header.size): None}}
    taken: dict[tuple[str, Size | None], Size | None] = {}
    for stage in reversed(plan.nodes):
        for size in wanted[stage.name]:
            taken[stage.name, size] = _size_taken(plan, stage, size)
            for read in stage.reads.values():
                wanted.setdefault(read.stage, {})[_own(plan, read.stage, taken[stage.name, size])] = None
    nodes = []
    for stage in plan.nodes:
        for size in wanted[stage.name]:
            reads = {}
            for port, read in stage.reads.items():
                asked = _own(plan, read.stage, taken[stage.name, size])
                source = stage_name(read.stage, asked, len(wanted[read.stage]) > 1)
                reads[port] = replace(read, stage=source, size=taken[stage.name, size])
            name = stage_name(stage.name, size, len(wanted[stage.name]) > 1)
            made = replace(stage, name=name, reads=reads, grid=grids.get(stage.name), size=size)
            if decides_its_size(plan, stage.name):
                made = replace(made, shown=shown[stage.name], looked_at=looked_at.get(stage.name))
            nodes.append(made)
    return replace(plan, nodes=tuple(nodes))


def stage_name(name: str, size: Size | None, needed: bool = True) -> str:
    """Return the name of a stage that has a node's frames in one of several sizes."""
    return f"{name} at {size[0]}x{size[1]}" if needed and size else name


def decides_its_size(plan: Plan, name: str) -> bool:
    """Say whether a value has no size that a reader could ask for: latents, and what sources of pictures give."""
    node = plan.graph.nodes[node_of(name)]
    return node.kind == "streamed" and not any(kind in PICTURES for kind in node.ports.values())


def shown_sizes(plan: Plan, looking: bool = False) -> dict[str, Size]:
    """Return the largest size in which each value is shown.

    What a measure looks at is shown in the size of the film: it looks at fewer rows of the frames that the film has.
    With ``looking`` the sizes are those in which the measure at the end of a plan looks at all before it.
    """
    shown: dict[str, Any] = {plan.nodes[-1].name: plan.graph.header.size}
    for stage in reversed(plan.nodes):
        own = shown[stage.name]
        is_measure = plan.graph.nodes[stage.node].kind == "measure" and not looking
        taken = own if is_measure else _size_taken(plan, stage, own)
        for read in stage.reads.values():
            shown[read.stage] = max(shown.get(read.stage, taken), taken, key=lambda size: (size[0] * size[1], size))
    return shown


def _own(plan: Plan, name: str, size: Size | None) -> Size | None:
    return None if decides_its_size(plan, name) else size


def _size_taken(plan: Plan, stage: Stage, size: Size | None) -> Size | None:
    """Return the size of the frames that a stage reads where its own have ``size``."""
    node = plan.graph.nodes[stage.node]
    if not hasattr(node, "input_size") or size is None:
        return size
    # What pixel code reads may have another size by what its parameters are, and not by how that is written.
    params: dict[str, Any] = {
        name: plan.values.params[stage.node, name] for name in node.params() if isinstance(node, Pointwise)
    }
    made = authors.call(plan.graph, stage.node, "input_size", node.input_size, size, **params)
    whole = isinstance(made, tuple | list) and len(made) == 2 and all(type(side) is int for side in made)
    if not whole or not all(1 <= side <= MAX_SIDE for side in made):
        text = f"input_size gave {authors.shown(made)}; width and height within 1..{MAX_SIDE} were wanted."
        raise authors.wrong(plan.graph, stage.node, text)
    return tuple(made)


def latent_grids(plan: Plan) -> dict[str, tuple[int, int]]:
    """Return the latent grid of each node of latents and each decoder: the decoder's, handed up to what feeds it."""
    graph = plan.graph
    grids: dict[str, tuple[int, int]] = {}
    for stage in reversed(plan.nodes):
        node = graph.nodes[stage.node]
        if stage.makes != "latents" and LATENTS not in node.ports.values():
            continue
        own = getattr(node, "grid", None)
        own = own if isinstance(own, tuple | list) and len(own) == 2 else None
        if own or stage.name not in grids:
            grids[stage.name] = tuple(own) if own else default_grid(graph.header.size)
        for read in stage.reads.values():
            if grids.setdefault(read.stage, grids[stage.name]) != grids[stage.name]:
                two = f"{grids[read.stage]} and {grids[stage.name]}"
                text = f"{read.stage} feeds decoders of two grids, {two}; give each its own."
                raise GraphError([Problem(graph.where(read.stage, key=True), text)])
    return grids
