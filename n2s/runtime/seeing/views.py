"""Views: the values of one output of one node of a track, at chosen frames only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.landmarks import Moment
from n2s.graph.links import Link
from n2s.graph.lookup import find_value
from n2s.graph.time import Clock
from n2s.graph.types import AUDIO, SIGNAL
from n2s.runtime.films.moments import frame_meant
from n2s.runtime.render.analysis import behind_measures, resolve_time
from n2s.runtime.session import Session


class View:
    """One output of a node, or one of its parameters, over the frames of a track.

    Parameters
    ----------
    session : Session
        Of a track; an album has no outputs of its own.
    port : str, optional
        ``node``, ``node.output``, ``node.output.3``, ``node.output.B`` or ``node.parameter``; the film's frames when
        left out.

    Attributes
    ----------
    name : str
        What is seen, in the words of the graph.
    kind : str
        "signal", "latents", "frames" or "matte".
    names : tuple of str
        Of the columns of a signal, where these have names.
    """

    def __init__(self, session: Session, port: str | None = None):
        graph = session.graph
        session.checks.track()
        self.session, self.graph = session, graph.flat
        self.param: Any
        self.link: Any  # one of both
        self.param, self.link = (None, _film(graph)) if port is None else find_value(graph, port)
        output = None if self.param else self.graph.output(self.link)
        kind = output.kind if output else SIGNAL
        self.name = port or str(self.link)
        if kind is AUDIO:
            raise GraphError(f'"{self.name}" is music; choose a signal, latents or frames, such as those of Features.')
        self.kind = kind.name.lower()
        self.names = output.names or () if output and self.link.component is None else ()
        seen = self.param[0] if self.param else cast(Link, self.link).node
        # Of frames no more is measured than those need that are shown; see Session.pick.
        is_measured = kind is SIGNAL and seen in behind_measures(self.graph)
        self.values = session.values if is_measured else session.heard
        self.clock = self.values.clock

    @property
    def signal(self) -> np.ndarray:
        """The values of a signal or parameter, float32 (T,) or (T, K)."""
        if self.param:
            return np.ascontiguousarray(np.broadcast_to(self.values.params[self.param], self.clock.frames))
        return self.values.read(self.link)

    def blocks(self, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield the values at some rising frame numbers, a few at a time; frames have the film's size."""
        if self.kind == "signal":
            yield self.signal[list(frames)]
        else:
            yield from self.session.pick(str(self.link), frames)

    def length(self, time: Number) -> float:
        """Return a length of time in seconds, beats in the tempo of the track."""
        return resolve_time(time, self.graph, self.clock, cast(Any, self.session.context), length=True)

    def seconds(self, time: Number | Moment) -> float:
        """Return a place in the track in seconds, beats and bars where they are heard."""
        return resolve_time(time, self.graph, self.clock, cast(Any, self.session.context))

    def frame_at(self, time: Number | Moment, what: str) -> int:
        """Return the frame that is shown at a time.

        Raises
        ------
        GraphError
            When the track is not as long.
        """
        return frame_in_track(time, self.seconds(time), self.clock, what)


def frame_in_track(time: Number | Moment, seconds: float, clock: Clock, what: str) -> int:
    """Return the frame that is shown at a time, which is at so many seconds; its end shows the last one.

    Raises
    ------
    GraphError
        When the track is not as long; it names ``what`` asked for it.
    """
    frame = frame_meant(time, seconds, clock.fps)
    if not 0 <= seconds or frame > clock.frames:
        raise GraphError(f"{what} {time} lies outside the track, which lasts {clock.duration:.2f} s.")
    return min(frame, clock.frames - 1)


def _film(graph: Graph) -> Link:
    """Return the frames of the first film."""
    if not graph.flat.sinks():
        raise ArgumentError(
            "The graph makes no film. Choose a node with --node: " + ", ".join(list(graph.flat.nodes)[:40]) + "."
        )
    return graph.flat.nodes[graph.flat.sinks()[0]].frames
