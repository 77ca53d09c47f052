"""Latents that leave a part of a cell to their decoder: who may read them."""

from __future__ import annotations

from typing import Any

from n2s.graph import authors


def leaves_remainder(graph: Any, name: str) -> bool:
    """Say whether a node's latents are moved by whole cells, and the decoder has to show the rest."""
    node = graph.nodes[name]
    return node.kind == "streamed" and bool(authors.call(graph, name, "leaves_remainder", node.leaves_remainder))


def reader_problem(graph: Any, reader: str, camera: str) -> str:
    """Say what is wrong where a node reads latents that leave a part of a cell; "" where it shows this part."""
    node = graph.nodes[reader]
    if node.kind != "streamed" or node.shows_remainder:
        return ""
    cls = type(graph.nodes[camera]).__name__
    return (
        f"{reader} reads {camera}, whose shifts by parts of a cell only a decoder shows; put {cls} behind all other "
        f"nodes of latents, directly before VAEDecode, or see n2s nodes {cls} for another way."
    )
