"""Which places of a model a film shows at a frame: the names of pictures, and how much of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from n2s.graph.types import LATENTS
from n2s.plan.stages import Plan

LEAST = 0.005  # a share that is less is not told


@runtime_checkable
class ShowsPlaces(Protocol):
    """A node that shows named places of a model."""

    def places_shown(self, **numbers: np.ndarray) -> dict[str, float]:
        """Return the share of each place, from the node's parameters and signals at one frame."""
        ...


@runtime_checkable
class JoinsLatents(Protocol):
    """A node that shows several latents, more of one or of another."""

    def latents_shown(self, **numbers: np.ndarray) -> dict[str, float]:
        """Return the share of each port, from the node's parameters at one frame."""
        ...


def places_at(plan: Plan, frame: int) -> dict[str, dict[str, float]]:
    """Return, for each node that draws latents, the share of each place that it shows at a frame; the largest first."""
    graph, found = plan.graph, {}
    for name, node in graph.nodes.items():
        makes_latents = any(output.kind is LATENTS for output in type(node).outputs.values())
        if LATENTS in node.ports.values() and not makes_latents and (shares := _seen(plan, name, frame)):
            told = {place: round(share, 3) for place, share in shares.items() if share >= LEAST}
            found[name] = dict(sorted(told.items(), key=lambda each: -each[1]))
    return found


def places_text(shares: Mapping[str, float]) -> str:
    """Return shares in words: "coral", or "coral 70 %, amber 30 %"."""
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{place} {100 * share:.0f} %" for place, share in shares.items())


def _seen(plan: Plan, name: str, frame: int) -> dict[str, float]:
    """Return the share of each place in what a node shows; a node that tells nothing shows what it reads alike."""
    node = plan.graph.nodes[name]
    if isinstance(node, ShowsPlaces):
        return node.places_shown(**_numbers(plan, name, node, frame))
    ports = [port for port, kind in node.ports.items() if kind is LATENTS]
    told = node.latents_shown(**_numbers(plan, name, node, frame)) if isinstance(node, JoinsLatents) else {}
    found: dict[str, float] = {}
    for port in ports:
        share = told.get(port, 1 / len(ports))
        for place, part in _seen(plan, node.links()[port].node, frame).items() if share else ():
            found[place] = found.get(place, 0.0) + share * part
    return found


def _numbers(plan: Plan, name: str, node: Any, frame: int) -> dict[str, np.ndarray]:
    """Return a node's parameters at a frame, and the signals that it reads."""
    values = {field: plan.values.params[name, field] for field in node.params()}
    values |= {port: plan.values.read(node.links()[port]) for port, kind in node.ports.items() if kind is not LATENTS}
    arrays = {field: np.asarray(value) for field, value in values.items()}
    return {field: array if array.ndim == 0 else array[min(frame, len(array) - 1)] for field, array in arrays.items()}
