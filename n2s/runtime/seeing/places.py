"""Which places of a model a film shows at a frame: the names of pictures, and how much of each."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol, runtime_checkable

import numpy as np

from n2s.graph.types import LATENTS, SIGNAL
from n2s.plan.stages import Plan

LEAST = 0.005  # a share that is less is not told
Shares = dict[str, float]  # of places, by their names


@runtime_checkable
class ShowsPlaces(Protocol):
    """A node that shows named places of a model."""

    def places_shown(self, **numbers: np.ndarray) -> Shares:
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
    graph, needed = plan.graph, frozenset(plan.streamed_nodes)
    shown: dict[str, Shares] = {}
    found: dict[str, Shares] = {}
    for name in graph.order:  # inputs first
        node = graph.nodes[name]
        makes_latents = any(output.kind is LATENTS for output in type(node).outputs.values())
        if name not in needed or not (makes_latents or LATENTS in node.ports.values()):
            continue
        shown[name] = _shown_by(plan, name, frame, shown)
        if shown[name] and not makes_latents:
            told = {place: round(share, 3) for place, share in shown[name].items() if share >= LEAST}
            found[name] = dict(sorted(told.items(), key=lambda each: -each[1]))
    return found


def places_text(shares: Mapping[str, float]) -> str:
    """Return shares in words: "coral", or "coral 70 %, amber 30 %"."""
    if len(shares) == 1:
        return next(iter(shares))
    return ", ".join(f"{place} {100 * share:.0f} %" for place, share in shares.items())


def _shown_by(plan: Plan, name: str, frame: int, shown: Mapping[str, Shares]) -> Shares:
    """Return the share of each place in what a node shows; one that tells nothing shows what it reads alike.

    ``shown`` has those of the nodes that it reads.
    """
    node = plan.graph.nodes[name]
    if isinstance(node, ShowsPlaces):
        return node.places_shown(**_numbers(plan, name, node, frame))
    links = {port: link for port, link in node.links().items() if node.ports.get(port) is LATENTS}
    told = node.latents_shown(**_numbers(plan, name, node, frame)) if isinstance(node, JoinsLatents) else {}
    found: dict[str, float] = {}
    for port, link in links.items():
        for place, share in shown.get(link.node, {}).items():
            found[place] = found.get(place, 0.0) + told.get(port, 1 / len(links)) * share
    return found


def _numbers(plan: Plan, name: str, node: Any, frame: int) -> dict[str, np.ndarray]:
    """Return a node's parameters at a frame, and the signals that it reads."""
    values = {field: plan.values.params[name, field] for field in node.params()}
    signals = {port: link for port, link in node.links().items() if node.ports.get(port) is SIGNAL}
    values |= {port: plan.values.read(link) for port, link in signals.items()}
    arrays = {field: np.asarray(value) for field, value in values.items()}
    return {field: array if array.ndim == 0 else array[min(frame, len(array) - 1)] for field, array in arrays.items()}
