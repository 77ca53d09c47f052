"""The seeds of random numbers in pixel code."""

from __future__ import annotations

import numpy as np

from n2s.graph import shader
from n2s.graph.declare import Pointwise
from n2s.graph.keys import digest_bytes


def node_seed(seed: int, node: Pointwise) -> int:
    """Return the seed of a node's random numbers, from the graph's, the node's type and the node's own."""
    word = int(digest_bytes(type(node).__name__.encode())[:8], 16)
    mixed = shader.hash32(np.array([seed ^ word], np.uint32)) ^ np.uint32(getattr(node, "seed", 0))
    return int(np.asarray(shader.hash32(mixed))[0])
