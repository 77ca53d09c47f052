"""Views: the values of one output of one node of a track, at chosen frames only."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, cast

import numpy as np

from n2s.graph.check import column_problem, without_film
from n2s.graph.errors import ArgumentError, GraphError, Problem
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.landmarks import Moment
from n2s.graph.links import Link
from n2s.graph.registry import suggest
from n2s.graph.types import AUDIO, SIGNAL
from n2s.runtime.readiness import check_inputs
from n2s.runtime.render.analysis import behind_measures, frame_of, resolve_time
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
        refuse_album(graph)
        check_inputs(graph)
        self.session, self.graph = session, graph.flat
        self.param: Any
        self.link: Any  # one of both
        self.param, self.link = self._find(graph, port)
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

    def _find(self, graph: Graph, port: str | None) -> tuple[tuple[str, str] | None, Link | None]:
        """Return the parameter that is meant, or the link."""
        if port is None and not self.graph.sinks():
            raise ArgumentError(
                "The graph makes no film. Choose a node with --node: " + ", ".join(list(self.graph.nodes)[:40]) + "."
            )
        if port is None:
            return None, self.graph.nodes[self.graph.sinks()[0]].frames
        name, _, rest = port.strip().partition(".")
        output, _, component = rest.partition(".")
        if output.isdigit() and not component:
            output, component = "", output
        if name not in graph.nodes and name not in self.graph.nodes:
            raise GraphError(f'"{port}" names no node. {suggest(name, list({**graph.nodes, **self.graph.nodes}))}')
        node = self.graph.nodes.get(name)
        if node is not None and node.kind == "sink" and not rest:
            return None, node.frames
        if node is not None and output in node.params() and not component:
            return (name, output), None
        link = Link(name, output, int(component) if component.isdecimal() else component or None)
        if name in self.graph.nodes:
            link = link.settled(type(self.graph.nodes[name]).outputs)
        if name not in self.graph.nodes:  # an instance of a sub-graph: its output lies inside
            link = graph.through(link)
        if link.node not in self.graph.nodes or self.graph.output(link) is None:
            outputs = list(cast(Any, type(graph.nodes.get(name) or node)).outputs)
            known = (
                suggest(output, outputs) if output else f"Name one: {', '.join(f'{name}.{o}' for o in outputs[:40])}."
            )
            text = (
                f'"{port}" names no output. {known}'
                if outputs
                else f'"{name}" makes a film and gives nothing to other nodes.'
            )
            raise GraphError([Problem(graph.where(name, key=True), text)])
        read = self.graph.output(link)
        if isinstance(link.component, str) and (text := column_problem(link, read)):
            raise GraphError([Problem(graph.where(name, key=True), text)])
        return None, link.numbered(read.names)

    @property
    def signal(self) -> np.ndarray:
        """The values of a signal or parameter, float32 (T,) or (T, K)."""
        if self.param:
            return np.ascontiguousarray(np.broadcast_to(self.values.params[self.param], self.clock.frames))
        node, output, component = self.link.node, self.link.output, self.link.component
        value = self.values.read(Link(node, output))
        if component is None:
            return value
        count = value.shape[1] if value.ndim == 2 else 0
        if component >= count:
            has = f"has components 0 to {count - 1}" if count else "has no components"
            raise GraphError(f'"{self.name}": {Link(node, output)} {has}.')
        return np.ascontiguousarray(value[:, component])

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
        seconds = self.seconds(time)
        frame = frame_of(time, min(seconds, 1e9), self.clock.fps)
        if not 0 <= seconds or frame > self.clock.frames:
            raise GraphError(f"{what} {time} lies outside the track, which lasts {self.clock.duration:.2f} s.")
        return min(frame, self.clock.frames - 1)


def refuse_album(graph: Graph) -> None:
    """Ask for a track where an album was given."""
    tracks = [str(graph.resolve(node.path)) for node in graph.nodes.values() if node.kind == "track"]
    if tracks:
        raise GraphError(f"This is an album; name the graph of one of its tracks: {', '.join(tracks)}.")
    if graph.interface:
        raise GraphError(list(filter(None, [without_film(graph)])))
