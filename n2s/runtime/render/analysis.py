"""Analysis: the resident values of a track, computed before its first frame."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, cast

import numpy as np

from n2s.graph import authors
from n2s.graph.code.identity import code_digest
from n2s.graph.context import Context, Scene
from n2s.graph.errors import GraphError, Problem
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.keys import digest, digest_array
from n2s.graph.landmarks import Landmarks, Moment
from n2s.graph.listening import hearing_node
from n2s.graph.paths import path_settings, paths
from n2s.graph.time import Clock, frames_to_cover
from n2s.graph.times import is_musical
from n2s.graph.types import SIGNAL
from n2s.graph.values import Values
from n2s.plan.driven import carried, driven, first_output
from n2s.plan.keys import node_digests
from n2s.runtime.render.edges import read_only, resident_outputs
from n2s.runtime.render.fine import FineSignals, is_fine
from n2s.runtime.render.noting import NotingContext

ASSUMED_TEMPO = 120.0


# What resident nodes gave and the sizes of what they keep, by a digest of all that it comes from.
Known = dict[str, tuple[dict[str, Any], dict[str, int]]]
# Returns the signals of a measure of a graph, by output; the values are there of all that stands before it.
Measuring = Callable[[Graph, str, Values], dict[str, np.ndarray]]


def behind_measures(graph: Graph) -> frozenset[str]:
    """Return the measures of a graph, and all nodes that need what one says, in any way."""
    reads: dict[str, set[str]] = {}
    for name, _, link in graph.links():
        reads.setdefault(name, set()).add(link.node)
    found: set[str] = set()
    for name in graph.order:
        if graph.nodes[name].kind == "measure" or not found.isdisjoint(reads.get(name, ())):
            found.add(name)
    return frozenset(found)


def analyse(
    graph: Graph,
    context: Context,
    known: Known | None = None,
    measure: Measuring | None = None,
    without: frozenset[str] = frozenset(),
) -> Values:
    """Return the resident values of a graph.

    The music gives the length, then its tempo gives the units of beats and bars, then all else follows in order.

    Parameters
    ----------
    known : dict, optional
        What resident nodes gave before, for this or another graph; it is taken from there, and put there.
    measure : callable, optional
        Looks at frames, where the graph has measures.
    without : frozenset of str
        Nodes that are left out; no other node needs them.

    Raises
    ------
    GraphError
        When nothing gives the film a length, or a signal is not what it must be.
    """
    header = graph.header
    blank = Values(Clock(header.fps, 1, header.tempo or ASSUMED_TEMPO))
    scene = Scene(blank.clock, header.seed, header.size, context, graph.base, graph.model_folder, header.tempo)
    for name in graph.order:
        if _is_source_of_audio(graph, name):
            _compute(graph, name, scene, blank)
    clock = replace(blank.clock, frames=_length(graph, blank))
    starts = [node.begin_early for node in graph.nodes.values() if node.kind == "resident" and node.begin_early]
    for start in dict.fromkeys(starts):
        start(context)
    clock = _with_music(graph, replace(scene, clock=clock), blank, known)
    values = Values(clock, dict(blank.outputs), kept=dict(blank.kept))
    scene = replace(scene, clock=clock)
    fine = FineSignals(graph, scene, values, lambda name, scene, values: _compute(graph, name, scene, values, known))
    for name in graph.order:
        if name in without:
            continue
        node = graph.nodes[name]
        for field in node.params():
            values.params[name, field] = driven(graph, name, field, values)
        if node.kind == "streamed":
            for field, link in node.links().items():
                if node.ports.get(field) is SIGNAL:
                    carried(graph, name, field, link, values)
        if node.kind == "resident" and (name, first_output(graph, name)) not in values.outputs:
            if is_fine(node):
                values.outputs |= {(name, output): made for output, made in fine.at_frames(name).items()}
            else:
                _compute(graph, name, scene, values, known)
        elif node.kind == "measure":
            for output, signal in cast(Any, measure)(graph, name, values).items():
                values.outputs[name, output] = signal
    return values


def _is_source_of_audio(graph: Graph, name: str) -> bool:
    node = graph.nodes[name]
    return (
        node.kind == "resident" and not node.ports and any(o.kind.name == "Audio" for o in type(node).outputs.values())
    )


def _length(graph: Graph, values: Values) -> int:
    """The film's length: stated, or that of the music its sink plays, or of the only music there is."""
    header = graph.header
    if header.duration is not None:
        return max(1, round(header.duration * header.fps))
    heard = [getattr(graph.nodes[sink], "audio", None) for sink in graph.sinks()]
    pieces = [values.read(link) for link in heard if link is not None] or list(values.outputs.values())
    if len({piece.digest for piece in pieces}) == 1:
        return frames_to_cover(pieces[0].samples, pieces[0].rate, header.fps)
    why = "several pieces of music" if pieces else "no music"
    text = (
        f"There is {why}, so the length of the film is unknown: connect the sink's audio, "
        'or set "duration: 10" (seconds).'
    )
    raise GraphError([Problem(graph.document.where() if graph.document else None, text)])


def resolve_time(time: Number | Moment, graph: Graph, clock: Clock, context: Context, length: bool = False) -> float:
    """Return a place or a length of time in seconds; tell the user if it counts beats of an assumed tempo."""
    counts = is_musical(time) and not isinstance(time, Moment)
    if counts and not graph.header.tempo and not hearing_node(graph.nodes):
        context.say(ASSUMED.format(what="The time", clock=clock))
    return clock.seconds(cast(Any, time)) if length else clock.place(time)


ASSUMED = (
    "{what} counts beats and hears no tempo: {clock.tempo:g} beats per minute are assumed. Set tempo: in the graph, or "
    "add a Features node."
)


def _with_music(graph: Graph, scene: Scene, values: Values, known: Known | None) -> Clock:
    """Return the clock with the tempo and the music that the graph's hearing node finds; with none in the graph, 120.

    A tempo that the header states comes first; where its beats are is heard all the same.
    """
    clock, stated = scene.clock, graph.header.tempo
    if name := hearing_node(graph.nodes):
        _compute(graph, name, scene, values, known)
        heard = {output: value for (node, output), value in values.outputs.items() if node == name}
        bar = round(float(np.median(heard.get("beats_in_bar", clock.bar))))
        landmarks = Landmarks.of(clock.times(0, clock.frames), heard)
        return replace(clock, tempo=stated or float(np.median(heard["tempo"])), bar=max(bar, 1), landmarks=landmarks)
    if not stated and any(
        is_musical(getattr(node, field)) for node in graph.nodes.values() for field in node.model_fields_set
    ):
        scene.context.say(ASSUMED.format(what="The graph", clock=scene.clock))
    return clock


def _compute(graph: Graph, name: str, scene: Scene, values: Values, known: Known | None = None) -> None:
    node = graph.nodes[name]
    inputs = {
        field: carried(graph, name, field, link, values) for field, link in node.links().items() if field in node.ports
    }
    for field in node.params():
        if (name, field) not in values.params:
            values.params[name, field] = driven(graph, name, field, values)
        inputs[field] = np.broadcast_to(values.params[name, field], scene.clock.frames)
    subject = _subject(graph, name, scene, inputs) if known is not None and node.ports else None
    if known is not None and subject is not None and subject in known:
        made, sizes = known[subject]
    else:
        given = {key: read_only(value) for key, value in inputs.items()}
        noting = NotingContext(scene.context)
        made = authors.call(graph, name, "compute", node.compute, replace(scene, context=noting), **given)
        made, sizes = resident_outputs(graph, name, made, scene.clock), noting.sizes
        if known is not None and subject is not None:
            known[subject] = made, sizes
    values.kept |= sizes
    for output, value in made.items():
        values.outputs[name, output] = value


def _subject(graph: Graph, name: str, scene: Scene, inputs: Mapping[str, Any]) -> str:
    """Return a digest of all that decides a resident node's results: type, code, settings, files, inputs and scene."""
    node = graph.nodes[name]
    files: list[Any] = [
        scene.context.file_digest(scene.path(path.text)) for field in path_settings(node) for path in paths(node, field)
    ]
    files.append(node_digests(graph, name, scene))
    given = {
        field: digest_array(value) if isinstance(value, np.ndarray) else value.digest
        for field, value in sorted(inputs.items())
    }
    clock, settings = scene.clock, {field: repr(getattr(node, field)) for field in node.settings()}
    folders = [str(scene.base), str(scene.model_folder)]
    around = [
        str(clock.fps),
        str(clock.film and clock.film.fps),
        clock.frames,
        clock.tempo,
        clock.bar,
        scene.tempo,
        scene.seed,
        list(scene.size),
        folders,
    ]
    if heard := clock.landmarks:
        around += [digest_array(heard.beats), digest_array(heard.bars), list(heard.sections), list(heard.drops)]
    # Types of one module have the same code behind them; their names tell them apart.
    code = [type(node).__name__, code_digest(type(node), scene.context.file_digest)]
    return digest([code, settings, files, given, around])
