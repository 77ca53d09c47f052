"""The seeds of random numbers in pixel code."""

from __future__ import annotations

from n2s.graph.declare import Pointwise
from n2s.graph.seeds import seed_of


def node_seed(seed: int, node: Pointwise) -> int:
    """Return the seed of a node's random numbers, from the graph's, the node's type and the node's own."""
    return seed_of(seed, type(node).__name__, getattr(node, "seed", 0))
