"""What measures have to look at, so that some frames of a film are right.

What a measure says of a film counts for the frames around it alone, where all resident nodes between it and the picture
tell how far they look. So one frame of a film of an hour needs the measures of some seconds.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import cast

from n2s.graph import authors
from n2s.graph.declare import Measure
from n2s.graph.graph import Graph
from n2s.graph.remainders import leaves_remainder
from n2s.graph.time import Clock, chunk_spans
from n2s.plan.framesets import FrameSet
from n2s.plan.measures import stretch_of
from n2s.plan.stages import Plan

Demand = dict[str, FrameSet]  # by resident node or measure: the frames at which its signals count
Looked = dict[str, tuple[tuple[int, int], ...]]  # by measure: the chunks start..stop that it has to look at


def chunks_to_measure(
    plan: Plan,
    frames: Iterable[int],
    behind: frozenset[str],
    measures: Mapping[str, Plan],
    alone: bool = False,
) -> Looked:
    """Return which chunks each measure has to look at, so that some frames of a plan's end are right.

    Parameters
    ----------
    plan : Plan
        Not folded: what is neutral by a guess at the measures need not be so.
    frames : iterable of int
    behind : frozenset of str
        The measures, and all nodes that need what one says.
    measures : mapping
        Of each measure of the graph, the plan of what it looks at.
    alone : bool
        Whether the frames are a film of their own. Then measures that a film does not wait for look at these alone;
        else nothing is said of them.
    """
    graph, clock, reads = plan.graph, plan.values.clock, _signals_read(plan.graph, behind)
    demand: Demand = {}
    looked: Looked = {}

    def look(name: str, first: int, last: int) -> None:
        chunks = _chunks(measures[name], first, last)
        looked[name] = looked.get(name, ()) + chunks
        _add(demand, _demanded(measures[name], chunks[0][0], chunks[-1][1], reads))

    waiting = {name for name in measures if type(graph.nodes[name]).unmeasured is not None}
    for start, stop in _runs(frames):
        _add(demand, _demanded(plan, start, stop, reads))
        for name in sorted(waiting) if alone else ():
            look(name, start, stop)
    for name in reversed(graph.order):
        if name in demand and name in measures.keys() - waiting:
            # Its signals run straight between the frames that it looks at, of which there is one in each stretch.
            wide = 2 * stretch_of(cast(Measure, graph.nodes[name]), clock)
            look(name, *demand[name].widened(wide, wide).span)
    return looked


def _chunks(plan: Plan, first: int, last: int) -> tuple[tuple[int, int], ...]:
    """Return the chunks of a plan in which some of the frames first..last lie."""
    chunks = chunk_spans(0, plan.values.clock.frames, plan.chunk_length)
    return tuple((start, stop) for start, stop in chunks if start < last and first < stop)


def _signals_read(graph: Graph, behind: frozenset[str]) -> dict[str, dict[str, None]]:
    """Return, by node, whose signals behind measures it reads, each once."""
    reads: dict[str, dict[str, None]] = {}
    for reader, _, link in graph.links():
        if link.node in behind and graph.nodes[link.node].kind in ("resident", "measure"):
            reads.setdefault(reader, {})[link.node] = None
    return reads


def _demanded(plan: Plan, start: int, stop: int, reads: Mapping[str, Mapping[str, None]]) -> Demand:
    """Return at which frames signals behind measures decide frames start..stop of a plan's end."""
    graph, clock, demand = plan.graph, plan.values.clock, Demand()
    everywhere = FrameSet(clock.frames, 0, clock.frames)
    nodes = {stage.name: stage.node for stage in plan.nodes}
    for stage, frames in plan.keys.frames_needed(start, stop).items():
        # A camera of latents shows one cell less in all frames if it moves in some; and which frames a node picks was
        # told by a guess at what measures say.
        guessed = graph.nodes[nodes[stage]].kind == "pick" or leaves_remainder(graph, nodes[stage])
        # Between its frames a lens with an open shutter reads its parameters at their neighbours.
        for read in reads.get(nodes[stage], ()):
            _add(demand, {read: everywhere if guessed else frames.widened(1, 1)})
    for name in reversed(graph.order):
        if name in demand and graph.nodes[name].kind == "resident":
            around = _around(graph, name, clock)
            for read in reads.get(name, ()):
                _add(demand, {read: everywhere if around is None else demand[name].widened(around, around)})
    return demand


def _around(graph: Graph, name: str, clock: Clock) -> int | None:
    """Return how far a resident node looks, as its author says."""
    around = authors.call(graph, name, "around", graph.nodes[name].around, clock)
    if around is not None and (isinstance(around, bool) or not isinstance(around, int) or around < 0):
        text = f"around gave {authors.shown(around)}; a number of frames from 0 on, or None, was wanted."
        raise authors.wrong(graph, name, text)
    return around


def _add(demand: Demand, more: Demand) -> None:
    for name, frames in more.items():
        demand[name] = demand[name].joined(frames) if name in demand else frames


def _runs(frames: Iterable[int]) -> list[tuple[int, int]]:
    """Return rising numbers as runs start..stop of neighbours."""
    runs: list[tuple[int, int]] = []
    for frame in frames:
        if runs and frame <= runs[-1][1]:
            runs[-1] = runs[-1][0], frame + 1
        else:
            runs.append((frame, frame + 1))
    return runs
