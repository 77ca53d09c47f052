"""How one track of an album follows another: at once, after a gap, or dissolved into it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from n2s.graph.declare import Node
from n2s.graph.errors import GraphError, Problem
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


def check_crossfades(graph: Graph, album: Node, lengths: Sequence[int | None], rate: int) -> None:
    """Refuse crossfades that overlap: a track begins with one and ends with another.

    Parameters
    ----------
    lengths : sequence of (int or None)
        How many samples the music of each track has; None where that is not known yet.

    Raises
    ------
    GraphError
        With each track that is too short for them.
    """
    fades = [seam_before(graph, album, number).crossfade for number in range(len(album.tracks))] + [0.0]
    problems = []
    for link, length, before, after in zip(album.tracks, lengths, fades, fades[1:]):
        wanted = round(before * rate) + round(after * rate)
        # A track whose end alone takes all of it would never be shown by itself first, and its chapter would be empty.
        if length is not None and (wanted > length or (length == wanted and not before)):
            text = f"{link.node} has {length / rate:.2f} s of music, and its crossfades take {wanted / rate:.2f} s"
            place = graph.where(link.node, "crossfade" if graph.nodes[link.node].crossfade is not None else "path")
            problems.append(Problem(place, f"{text}; make them shorter, here or on the next track."))
    if problems:
        raise GraphError(problems)
