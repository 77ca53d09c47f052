"""Beats and bars as labels that Audacity reads, to be corrected and given back to the node that heard them."""

from __future__ import annotations

from pathlib import Path
from typing import NamedTuple

import numpy as np

from n2s.graph.declare import Node
from n2s.graph.errors import ArgumentError
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.landmarks import Landmarks
from n2s.graph.links import Link
from n2s.graph.paths import changed_paths
from n2s.graph.values import Values
from n2s.hearing.grid import Grid
from n2s.hearing.gridfile import EARLIEST
from n2s.runtime.store import publish


class Label(NamedTuple):
    """A label of Audacity's: from when to when, in seconds, and what it says."""

    start: float
    end: float
    text: str


COUNTED = ("beat", "bar")  # the outputs of a node whose beats can be written
EXACT = 2e-3  # s: by how much beats before beat 0 may be off that labels do not tell
TO_A_FRAME = 0.6  # frames: as a time that was brought to a frame may be off, and a little


def counts_beats(node: Node) -> bool:
    """Say whether a node counts beats and bars, which is all that labels tell; `hears_time` asks for sections, too."""
    return all(output in type(node).outputs for output in COUNTED)


def labelled_node(graph: Graph, wanted: str | None) -> str:
    """Return the node whose beats are written: the one that is wanted, or the one that counts beats and bars.

    Of several that hear the same, such as one in a look and one beside it, it is the first.

    Raises
    ------
    ArgumentError
        When there is none, or there are several that hear other music or have other settings.
    """
    found = [name for name, node in graph.nodes.items() if counts_beats(node)]
    if wanted in found:
        return str(wanted)
    if found and not wanted and all(_are_alike(graph, found[0], other) for other in found[1:]):
        return found[0]
    if wanted:
        raise ArgumentError(f"--node {wanted} counts no beats and bars; {', '.join(found) or 'no node'} does.")
    if found:
        raise ArgumentError(f"Several nodes hear beats: {', '.join(found)}; name one with --node.")
    raise ArgumentError("No node of the graph hears beats; add a Features node.")


def _are_alike(graph: Graph, one: str, other: str) -> bool:
    """Say whether two nodes give the same: they have equal settings and files, and read the same of nodes alike."""
    if one == other:
        return True
    first, second = graph.nodes[one], graph.nodes[other]
    if type(first) is not type(second):
        return False
    files = [changed_paths(node, lambda path: str(graph.resolve(path.text)) if path.text else "")
             for node in (first, second)]  # fmt: skip
    for field in type(first).model_fields:
        a, b = (made.get(field, getattr(node, field)) for made, node in zip(files, (first, second)))
        if isinstance(a, Link) and isinstance(b, Link) and a.node in graph.nodes and b.node in graph.nodes:
            if (a.output, a.component) != (b.output, b.component) or not _are_alike(graph, a.node, b.node):
                return False
        elif a != b:
            return False
    return True


def labels(values: Values, node: str) -> list[Label]:
    """Return the labels of a track: of each beat, "bar.beat", where bars count from 1; of each section its letter.

    Beats are where the node heard them, where it says so, and not where their frames begin. The first label is beat 0,
    as the first one of a file is when it is given back, also where it lies before the music; what is counted before it
    goes on at the same tempo then. Where the labels would tell another tempo before beat 0 or after the end, beats
    there are written too: "-2", "-1" and the one after the end. Those before the first whole bar belong to bar 0. A
    section lasts until the next one begins. There are always two beats, of music that is shorter some beyond its end,
    as fewer tell no tempo and could not be given back.
    """
    clock = values.clock
    count = values.outputs[node, "beat"].astype(np.float64)
    bars = values.outputs[node, "bar"].astype(np.float64)
    times = clock.times(0, clock.frames)
    heard = {output: value for (name, output), value in values.outputs.items() if name == node}
    landmarks = Landmarks.of(times, heard) or Landmarks(times, count, bars)
    early, at, in_bars = _beats(values, node, landmarks, count)
    found = [Label(float(time), float(time), f"-{len(early) - i}") for i, time in enumerate(early)]
    bar = np.floor(in_bars + 1e-3).astype(int)
    place = _place_in_bar(in_bars[0], (bars[-1] - bars[0]) / max(count[-1] - count[0], 1e-9))
    for time, number, before in zip(at, bar, [None, *bar]):
        place = 1 if before is not None and number != before else place + 1
        found.append(Label(float(time), float(time), f"{number + 1}.{place}"))
    begins = _heard_at(values, node, np.array([start for start, _ in landmarks.sections]))
    sections = [(float(begin) if start else 0.0, letter) for begin, (start, letter) in zip(begins, landmarks.sections)]
    ends = [start for start, _ in sections[1:]] + [clock.duration]
    found += [Label(start, end, letter) for (start, letter), end in zip(sections, ends) if start < end]
    return sorted(found, key=lambda label: (label.start, label.start - label.end))


def _beats(values: Values, node: str, landmarks: Landmarks, count: np.ndarray) -> tuple[np.ndarray, ...]:
    """Return the times of beats before beat 0, where labels must tell them, those from it on, and the bars of these."""
    last = int(np.floor(count[0] + 1e-4))  # the beat with which the music begins, or the last one before it
    early = max(-last, 0)
    whole = np.arange(-early, max(int(np.floor(count[-1])), last + 1, 1) + 2)  # the last one is after the end
    at = np.array([landmarks.place(Number(float(beat), "beats")) for beat in whole])
    in_bars, at = landmarks.count("bar", at[early:]), _heard_at(values, node, at)
    began = float(values.outputs.get((node, "beat_began"), at[last + early :])[0])
    if last < 0:
        at[0] = began
    else:
        at, in_bars = _evenly_before(at, last, began), _bars_before(in_bars, last)
    if _go_on(at, early, 1 / float(values.clock.fps)):
        return at[:0], at[early:-1], in_bars[:-1]
    return at[:early], at[early:], in_bars


def _go_on(at: np.ndarray, early: int, frame: float) -> bool:
    """Say whether beats from beat 0 on tell of the others, ``early`` before it and one after the end of the music.

    That one is known to the frame in which it would begin.
    """
    told = Grid(at[early:-1], np.array([0]), 1).times(np.array([-early, len(at) - early - 1]))
    return abs(told[0] - at[0]) < EXACT and abs(told[1] - at[-1]) < TO_A_FRAME * frame


def _heard_at(values: Values, node: str, times: np.ndarray) -> np.ndarray:
    """Return when beats that begin with a frame were heard, and other times as they are."""
    began, clock = values.outputs.get((node, "beat_began")), values.clock
    if began is None:
        return times
    places = times * float(clock.fps)
    frames = np.round(places).astype(int)
    whole = (np.abs(places - frames) < 1e-3) & (frames >= 0) & (frames < clock.frames)
    return np.where(whole, began[np.clip(frames, 0, clock.frames - 1)], times)


def _evenly_before(at: np.ndarray, last: int, began: float) -> np.ndarray:
    """Return the times of beats from 0 on, of which those before the music lie at even distances.

    ``last`` is the last one of them, and ``began`` its time. They go on at the tempo with which the music begins, but
    not to before what a file may tell of.
    """
    earliest = max(began - last * (at[last + 1] - began), EARLIEST)
    return np.concatenate([np.linspace(earliest, began, last + 1), at[last + 1 :]])


def _bars_before(in_bars: np.ndarray, last: int) -> np.ndarray:
    """Return the bars of beats from 0 on, of which those before the music, up to ``last``, lie in bars of its metre."""
    known = last + 1
    beats = max(round(1 / max(in_bars[known] - in_bars[last], 1e-9)), 1)
    return np.concatenate([in_bars[known] - np.arange(known, 0, -1) / beats, in_bars[known:]])


def _place_in_bar(bars: float, slope: float) -> int:
    """Return how many beats of its bar lie before a beat, by the bars that have gone by and the bars in a beat."""
    return int(round((bars - np.floor(bars + 1e-3)) / slope)) if slope > 0 else 0


def write_labels(path: Path, found: list[Label]) -> None:
    """Write labels, whole or not at all."""
    text = "".join(f"{label.start:.6f}\t{label.end:.6f}\t{label.text}\n" for label in found)
    publish(path, lambda temporary: temporary.write_text(text, encoding="utf-8"))
