"""The seeds of nodes' random numbers."""

from __future__ import annotations

import numpy as np

from n2s.graph.keys import digest_bytes
from n2s.graph.shader import hash32


def seed_of(seed: int, name: str, own: int) -> int:
    """Return the seed of a node's random numbers, from the graph's, the name of the node's type and the node's own."""
    word = int(digest_bytes(name.encode())[:8], 16)
    mixed = hash32(np.array([seed ^ word], np.uint32)) ^ np.uint32(own)
    return int(np.asarray(hash32(mixed))[0])
