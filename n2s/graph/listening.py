"""Which node of a graph hears the music's own time: what ``beat``, ``8 bars`` and ``at drop`` mean."""

from __future__ import annotations

from collections.abc import Mapping

from n2s.graph.expressions import MUSICAL
from n2s.graph.node import Node


def hearing_node(nodes: Mapping[str, Node]) -> str | None:
    """Return the node that hears beats, bars and sections; None where there is none.

    Of several, which hear stems for instance, it is the first that hears what a sink plays, or else the first of all.
    """
    hearing = [name for name, node in nodes.items() if hears_time(node)]
    played = [link for node in nodes.values() if node.kind == "sink" and (link := getattr(node, "audio", None))]
    return next((name for name in hearing if any(link in played for link in nodes[name].links().values())),
                next(iter(hearing), None))  # fmt: skip


def hears_time(node: Node) -> bool:
    """Say whether a node counts beats, bars and sections."""
    return set(MUSICAL) <= type(node).outputs.keys()
