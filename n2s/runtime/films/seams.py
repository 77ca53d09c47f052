"""How one track of an album follows another: at once, after a gap, or dissolved into it."""

from __future__ import annotations

from dataclasses import dataclass

from n2s.graph.declare import Node
from n2s.graph.graph import Graph

CARD_SECONDS = 4.0  # of a gap with a card, where the album names no length


@dataclass(frozen=True)
class Seam:
    """What stands between a track and the one before it, in seconds; at most one of them is above 0."""

    gap: float = 0.0
    crossfade: float = 0.0


def seam_before(graph: Graph, album: Node, number: int) -> Seam:
    """Return how a track of an album begins, which is numbered from 0; its own settings go before the album's."""
    track = graph.nodes[album.tracks[number].node]
    if number == 0 and not album.cards:
        return Seam()
    if track.gap is not None or track.crossfade is not None:
        gap, crossfade = (length.value if length is not None else 0.0 for length in (track.gap, track.crossfade))
    else:
        gap, crossfade = album.gap.value, album.crossfade.value
    if number == 0:
        crossfade = 0.0
    if crossfade:
        return Seam(crossfade=crossfade)
    return Seam(gap or (CARD_SECONDS if album.cards else 0.0))
