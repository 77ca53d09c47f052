"""What a profile makes of a film: which seconds it shows, and how it begins and ends."""

from __future__ import annotations

import numpy as np

from n2s.graph.excerpts import choose_excerpt
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.listening import hearing_node
from n2s.graph.profiles import PROFILES, Profile
from n2s.graph.registry import node_types
from n2s.graph.time import Clock
from n2s.graph.values import Values

Span = tuple[Number | None, Number | None]
WHOLE: Span = (None, None)
OFF_BEATS = (0.5, 0.375, 0.625, 0.25, 0.75)  # beats by which a loop begins after a bar: there few films are cut
STRUCK = 2  # frames before and after a strike in which it moves the picture
BLEND = 1.0  # s, in which the end of a loop leads back to its beginning


def profile_of(sink: object) -> Profile | None:
    """Return the profile of a sink; None without one."""
    return PROFILES.get(getattr(sink, "profile", None))


def reshapes(profile: Profile | None) -> bool:
    """Say whether a profile decides what of a track is shown, or how it begins and ends."""
    return profile is not None and (profile.loops or profile.black_ends)


def as_profiled(graph: Graph, sink: str, values: Values, span: Span) -> tuple[Graph, Span]:
    """Return a graph with what the profile of a sink asks for before it, and the times of what is shown.

    Parameters
    ----------
    graph : Graph
        Not flattened.
    values : Values
        Of the track: its clock, and what is heard in it.
    span : pair
        The times that the user asked for, which come first.
    """
    profile, clock = profile_of(graph.nodes[sink]), values.clock
    if profile.loops:
        start, stop = _stretch(clock, profile, span, _strikes(graph, values))
        begin, length = Number(float(start / clock.fps)), Number(float((stop - start) / clock.fps))
        settings = {"start": begin, "length": length, "blend": Number(min(BLEND, length.value / 4))}
        return _with_last(graph, sink, "Loop", settings), (begin, Number(float(stop / clock.fps)))
    frame = Number(float(1 / clock.fps))
    return _with_last(graph, sink, "Fade", {"fade_in": frame, "fade_out": frame}), span


def _strikes(graph: Graph, values: Values) -> np.ndarray | None:
    return values.outputs.get((hearing_node(graph.flat.nodes), "onset"))


def _stretch(clock: Clock, profile: Profile, span: Span, strikes: np.ndarray | None) -> tuple[int, int]:
    """Return the frames of a loop: those that were asked for, or whole bars whose first frame no strike moves."""
    least, most = profile.seconds
    if span == WHOLE:
        found = [choose_excerpt(clock, least, most, BLEND, after) for after in OFF_BEATS]
        if strikes is None:
            return found[0]
        return min(found, key=lambda frames: float(strikes[max(0, frames[0] - STRUCK) : frames[0] + STRUCK].sum()))
    fps = float(clock.fps)
    start = 0 if span[0] is None else round(clock.place(span[0]) * fps)
    stop = start + round(most * fps) if span[1] is None else round(clock.place(span[1]) * fps)
    return start, min(stop, clock.frames)


def _with_last(graph: Graph, sink: str, node_type: str, settings: dict) -> Graph:
    """Return a graph with one more node between a sink and what it shows."""
    node, name = graph.nodes[sink], f"{sink}-{node_type.lower()}"
    while name in graph.nodes:
        name += "_"
    cls = node_types()[node_type]
    last = cls(frames=node.frames, **settings)
    shown = node.model_copy(update={"frames": Link(name, next(iter(cls.outputs)))})
    return graph.replaced(nodes={**graph.nodes, name: last, sink: shown})
