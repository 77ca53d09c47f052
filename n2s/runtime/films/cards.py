"""What an album shows between its tracks: black, and the title of the track that follows."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any, cast

from n2s.graph.declare import Node
from n2s.graph.graph import Graph
from n2s.graph.header import Header
from n2s.graph.links import Link
from n2s.graph.parts import GraphParts
from n2s.graph.registry import node_types
from n2s.graph.time import frames_to_cover

FADE = 0.8  # s in which a title comes and goes, a quarter of the card at most
SIZE = 0.08  # of its letters, in heights of the frame


def lack_of_card(title: str, resolve: Callable[[str], Path]) -> str:
    """Say what the font of cards lacks for a title; "" where it has all of it."""
    if not title.strip():
        return ""
    card = node_types()["Title"](text=title)
    return "; ".join(text for _, text in card.check_files(resolve))


def card_graph(album: Graph, sink: Node, title: str, length: Fraction) -> Graph:
    """Return a graph of black frames for so many seconds, with a title where it is not empty, coded as a sink does.

    It has a frame more than the length takes, because where it begins and ends is rounded to frames.
    """
    header, types, shown = album.header, node_types(), Link("black", "frames")
    nodes: dict[str, Node] = {"black": types["Solid"]()}
    if title.strip():
        fade = min(FADE, float(length) / 4)
        times = {"at": 0.0, "length": float(length), "fade_in": fade, "fade_out": fade}
        nodes["card"] = types["Title"](frames=shown, text=title, size=SIZE, **times)
        shown = Link("card", "frames")
    nodes["out"] = sink.model_copy(update={"frames": shown, "audio": None})
    frames = frames_to_cover(length.numerator, length.denominator, header.fps) + 1
    name = f"the card of {title}" if title else "a gap"
    made = cast(Any, Header)(
        title=name, fps=header.fps, size=header.size, duration=float(frames / header.fps), seed=header.seed
    )
    return Graph(parts=GraphParts(nodes=nodes, header=made, base=album.base))
