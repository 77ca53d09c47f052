"""The hidden stages of echoes: what is made of past frames, and their light where it is read more than once."""

from __future__ import annotations

from dataclasses import replace
from typing import cast

import numpy as np

from n2s.graph import authors
from n2s.graph.expressions import Number
from n2s.graph.kinds.echo import Echo
from n2s.graph.kinds.filter import halved
from n2s.graph.values import quantise
from n2s.plan.stages import Plan, Read, Size, Stage

BORDER = 1  # black pixels around pictures of light, so that a place beyond the edge can be read like any other


def echo_stages(plan: Plan, stage: Stage, read: Read) -> list[Stage]:
    """Return the stages that make the past of an echo; its pixel code reads the last one.

    Whole frames are read where they lie. Where past frames are small, or are read at other places, their light is made
    once, and the ring of past frames is one of these pictures.
    """
    scale = scale_of(plan, stage.node)
    whole = cast(Size, stage.size)
    size = whole if scale == 1 else halved(whole)
    past = Stage(f"{stage.name} past", (stage.node,), "frames", {"0": read}, size=size, part="past", ages=stage.ages)
    if scale == 1 and not may_move(plan, stage.node):
        return [past]
    name, now = f"{stage.name} light", replace(read, before=0)
    light = Stage(name, (stage.node,), "frames", {"0": now}, size=light_size(size), part="light")
    return [light, replace(past, reads={"0": replace(read, stage=name, size=light.size)})]


def echo_of(plan: Plan, name: str) -> Echo:
    """Return an echo whose times are in seconds, whatever they are written in: the piece's tempo is known."""
    node, clock = plan.graph.nodes[name], plan.values.clock
    times = {field: value for field in node.settings() if isinstance(value := getattr(node, field), Number)}
    return cast(Echo, node).model_copy(
        update={field: Number(clock.seconds(value), "s") for field, value in times.items()}
    )


def scale_of(plan: Plan, name: str) -> int:
    """Return by how much an echo's past frames are smaller in each direction, as its author says: 1 or 2."""
    scale = authors.call(plan.graph, name, "scale", plan.graph.nodes[name].scale)
    if scale not in (1, 2):
        raise authors.wrong(plan.graph, name, f"scale gave {authors.shown(scale)}; 1 or 2 was wanted.")
    return int(scale)


def light_size(size: Size) -> Size:
    """Return the (width, height) of pictures of light, with their border, for a past of a size."""
    return size[0] + 2 * BORDER, size[1] + 2 * BORDER


def may_move(plan: Plan, name: str) -> bool:
    """Say whether an echo reads past frames at other places than their own, in any frame of the film."""
    node = plan.graph.nodes[name]
    if not hasattr(node, "where"):
        return False
    values = plan.values.params
    return not node.still or any(
        np.any(values[name, field] != still_value(cast(Echo, node), field)) for field in node.still
    )


def still_value(node: Echo, field: str) -> np.ndarray:
    """Return the value of a parameter under which an echo's past frames stay in place."""
    return quantise(node.still[field])
