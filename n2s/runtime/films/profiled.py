"""What a profile makes of a film: which seconds it shows, and how it begins and ends."""

from __future__ import annotations

from typing import Any, cast

import numpy as np

from n2s.graph.errors import ArgumentError
from n2s.graph.excerpts import choose_excerpt
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.listening import hearing_node
from n2s.graph.profiles import PROFILES, Profile
from n2s.graph.registry import node_types
from n2s.graph.time import Clock
from n2s.graph.times import parse_time
from n2s.graph.values import Values

Span = tuple[Number | None, Number | None]
WHOLE: Span = (None, None)
OFF_BEATS = (0.5, 0.375, 0.625, 0.25, 0.75)  # beats by which a loop begins after a bar: there few films are cut
STRUCK = 2  # frames before and after a strike in which it moves the picture
BLEND = 1.0  # s, in which the end of a loop leads back to its beginning


def parse_span(span: tuple[Any, Any]) -> Span:
    """Return the times to begin and to end at as they were asked for: 80, "1:20", "8 bars"; None for none."""
    try:
        first, last = (None if time is None else parse_time(time) for time in _pair(span))
    except ValueError as error:
        raise ArgumentError(f"span: {error}.") from None
    if all(isinstance(time, Number) and time.unit in ("", "s", "ms") for time in (first, last)):
        begin, end = (cast(Number, time).resolve(120) for time in (first, last))
        if end <= begin:
            raise ArgumentError(f"--from {first} --to {last} leaves no frame: it ends before it begins.")
    return cast(Span, (first, last))


def _pair(span: Any) -> tuple[Any, Any]:
    if not isinstance(span, tuple | list) or len(span) != 2:
        raise ValueError(f'a pair of times was wanted, to begin and to end at, like (0, "8 bars"), not {span!r}')
    return span[0], span[1]


def profile_of(sink: object) -> Profile | None:
    """Return the profile of a sink; None without one."""
    return PROFILES.get(getattr(sink, "profile", None) or "")


def reshapes(profile: Profile | None) -> bool:
    """Say whether a profile decides what of a track is shown, or how it begins and ends."""
    return profile is not None and (profile.loops or profile.black_ends)


def as_profiled(
    graph: Graph, sink: str, values: Values, asked: tuple[int, int | None] | None
) -> tuple[Graph, tuple[int, int]]:
    """Return a graph with what the profile of a sink asks for before it, and the frames that are shown.

    Parameters
    ----------
    graph : Graph
        Not flattened.
    values : Values
        Of the track: its clock, and what is heard in it.
    asked : (int, int or None), optional
        The frames that the user asked for; None: to the end, or as long as the profile allows.
    """
    profile, clock = cast(Any, profile_of(graph.nodes[sink])), values.clock  # it has one
    if profile.loops:
        start, stop = _stretch(clock, profile, asked, _strikes(graph, values))
        begin, length = Number(float(start / clock.fps)), Number(float((stop - start) / clock.fps))
        settings = {"start": begin, "length": length, "blend": Number(min(BLEND, length.value / 4))}
        return _with_last(graph, sink, "Loop", settings), (start, stop)
    start, stop = asked[0] if asked else 0, asked[1] if asked and asked[1] is not None else clock.frames
    first, last = start, stop - 1
    marks = {first: 1, first + 1: 0, last - 1: 0, last: 1} if stop - start > 3 else {first: 1, last: 1}
    points = [[float(frame / clock.fps), value] for frame, value in sorted(marks.items())]
    ends = {"node": "Keyframes", "points": points, "interpolate": "linear"}
    return _with_last(graph, sink, "Fade", {}, "amount", ends), (start, stop)


def _strikes(graph: Graph, values: Values) -> np.ndarray | None:
    return values.outputs.get((hearing_node(graph.flat.nodes) or "", "onset"))


def _stretch(
    clock: Clock, profile: Profile, asked: tuple[int, int | None] | None, strikes: np.ndarray | None
) -> tuple[int, int]:
    """Return the frames of a loop: those that were asked for, or whole bars whose first frame no strike moves."""
    least, most = cast(Any, profile.seconds)
    if asked is not None:
        start, stop = asked
        return start, min(clock.frames, start + round(most * clock.fps)) if stop is None else stop
    found = [choose_excerpt(clock, least, most, BLEND, after) for after in OFF_BEATS]
    if strikes is None:
        return found[0]
    return min(found, key=lambda frames: float(strikes[max(0, frames[0] - STRUCK) : frames[0] + STRUCK].sum()))


def _with_last(
    graph: Graph, sink: str, node_type: str, settings: dict, driven: str = "", driver: dict | None = None
) -> Graph:
    """Return a graph with one more node between a sink and what it shows, and what drives a parameter of it."""
    types, node, name = node_types(), graph.nodes[sink], f"{sink}-{node_type.lower()}"
    while name in graph.nodes:
        name += "_"
    added: dict[str, Any] = {}
    if driver:
        kind = types[driver["node"]]
        added[f"{name}-{driven}"] = kind(**{key: value for key, value in driver.items() if key != "node"})
        settings = settings | {driven: Link(f"{name}-{driven}", next(iter(kind.outputs)))}
    cls = types[node_type]
    added[name] = cls(frames=node.frames, **settings)
    shown = node.model_copy(update={"frames": Link(name, next(iter(cls.outputs)))})
    return graph.replaced(nodes={**graph.nodes, **added, sink: shown})
