"""Strips: what a picture does around a strike, frame by frame, one row per strike."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, cast

import numpy as np

from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.graph.listening import hearing_node
from n2s.graph.values import Values
from n2s.runtime.seeing.contact import GAP, INK, PAPER, WIDEST, shrink
from n2s.runtime.seeing.lettering import HEIGHT, letter, width

BEFORE, AFTER = 2, 7  # frames that are shown around a strike
ROWS = 4
HEARD = ("kick", "onset")  # the first of these that is struck at all is shown
MARK = (244, 170, 66)


def strongest_strikes(graph: Graph, values: Values) -> list[int]:
    """Return the frames of strikes that are spread over a track: the hardest one of each quarter that has one.

    Raises
    ------
    GraphError
        When nothing hears the music, or nothing is struck in it.
    """
    hearing = hearing_node(graph.nodes)
    if hearing is None:
        raise GraphError("Nothing hears where strikes are. Add a Features node, or name times with --at.")
    for name in HEARD:
        strikes = values.outputs.get((hearing, name))
        if strikes is not None and np.any(strikes > 0):
            return hardest_of_each(strikes, ROWS)
    raise GraphError(f"{hearing} hears no strike in this music. Name times with --at.")


def spread_strikes(graph: Graph, values: Values, parts: int) -> list[int]:
    """Return a frame of each equal part of a track: that of its hardest attack, or its middle where there is none."""
    frames, hearing = values.clock.frames, hearing_node(graph.nodes)
    strikes = values.outputs.get((hearing or "", "onset"))
    chosen = []
    for part in range(min(parts, frames)):
        first, last = frames * part // parts, frames * (part + 1) // parts
        struck = strikes is not None and np.any(strikes[first:last] > 0)
        chosen.append(first + int(cast(Any, strikes)[first:last].argmax()) if struck else (first + last) // 2)
    return chosen


def hardest_of_each(strikes: np.ndarray, parts: int) -> list[int]:
    """Return the frame of the hardest strike in each equal part of a track, the first of equals."""
    edges = [len(strikes) * part // parts for part in range(parts + 1)]
    found = [
        first + int(cast(Any, strikes)[first:last].argmax()) for first, last in zip(edges, edges[1:]) if first < last
    ]
    return [frame for frame in found if strikes[frame] > 0]


def frames_around(strikes: Sequence[int], frames: int) -> list[int]:
    """Return, in rising order, the frames of a track of so many that strips of some strikes show."""
    around = {strike + offset for strike in strikes for offset in range(-BEFORE, AFTER + 1)}
    return sorted(frame for frame in around if 0 <= frame < frames)


def draw_strips(pictures: Mapping[int, np.ndarray], strikes: Sequence[int], labels: Sequence[str]) -> np.ndarray:
    """Return strips as one picture, uint8 (H, W, 3); places beyond both ends of the track stay empty.

    Parameters
    ----------
    pictures : mapping of int to ndarray, uint8 (H, W, 3)
        By their frames.
    strikes : sequence of int
        The frame of each row's strike, which is marked.
    labels : sequence of str
        Of each row.
    """
    count, left = BEFORE + 1 + AFTER, max(map(width, labels)) + 2 * GAP
    wide = next(iter(pictures.values())).shape[1]
    by = max(1, -(-count * wide // (WIDEST - left - count * GAP)))
    tiles = {frame: shrink(picture, by) for frame, picture in pictures.items()}
    tall, wide = next(iter(tiles.values())).shape[:2]
    below = HEIGHT + 8  # where the number of each frame stands
    row, column = tall + below + GAP, wide + GAP
    drawn = np.full((len(strikes) * row + GAP, left + count * column, 3), PAPER, np.uint8)
    for i, (strike, label) in enumerate(zip(strikes, labels)):
        y = GAP + i * row
        letter(drawn, GAP, y + max(0, tall // 2 - HEIGHT), label, INK)
        for offset in range(-BEFORE, AFTER + 1):
            x = left + (offset + BEFORE) * column
            if offset == 0:
                drawn[y - 4 : y + tall + 4, x - 4 : x + wide + 4] = MARK
            if (tile := tiles.get(strike + offset)) is not None:
                drawn[y : y + tall, x : x + wide] = tile
            number = f"{offset:+d}" if offset else "0"
            middle = x + (wide - width(number, 1)) // 2
            letter(drawn, middle, y + tall + 6, number, INK if offset else MARK, 1)
    return drawn
