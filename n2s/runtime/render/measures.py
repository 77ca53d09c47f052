"""The numbers of a measure: made chunk by chunk, kept by the store, joined to signals."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Any

import numpy as np

from n2s.graph import authors
from n2s.graph.graph import Graph
from n2s.graph.time import Clock
from n2s.graph.values import quantise
from n2s.plan.keys import Chunk
from n2s.runtime.render.edges import check_finite, describe, read_only
from n2s.runtime.render.frames import FrameMaker, count_neighbours
from n2s.runtime.render.kept import SeenFrames
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.render.tally import Tally

KIND = "measures"  # of the store's entries

Numbers = dict[str, np.ndarray]  # by output, a number or a row of numbers for each frame that was looked at, float64


def measure_chunk(maker: FrameMaker, chunk: Chunk, tally: Tally, progress: Callable[[int], None]) -> Numbers:
    """Make the frames of a chunk that a measure looks at, one or a few at a time, and return its numbers of them.

    ``progress`` is called with the number of frames that were measured, with 0 while they are made, and may raise to
    give up.
    """
    with ChunkMeasure(maker, chunk, tally, progress).begun() as measure:
        measure.look(chunk.stop)
        return measure.numbers()


class ChunkMeasure:
    """Measures the frames of a chunk, one or a few at a time, as far as it is told.

    Each frame is measured by itself, so that a number depends on nothing else.

    Parameters
    ----------
    maker : FrameMaker
        Of the measure's plan.
    chunk : Chunk
    tally : Tally
    progress : callable
        Called with the number of frames that were measured, with 0 while they are made; it may raise to give up.
    seen : SeenFrames, optional
        What other work has made of the same frames.
    """

    def __init__(
        self,
        maker: FrameMaker,
        chunk: Chunk,
        tally: Tally,
        progress: Callable[[int], None],
        seen: SeenFrames | None = None,
    ):
        self.maker, self.chunk, self._tally, self._progress, self._seen = maker, chunk, tally, progress, seen
        self.places = chunk.recipe["measured"]
        plan = maker.plan
        self._unmeasured = _unmeasured(plan.graph, plan.end, 0) if type(plan.node).unmeasured is not None else {}
        self._looked = 0
        self._rows: dict[str, list[np.ndarray]] = {output: [] for output in type(maker.plan.node).outputs}

    @contextmanager
    def begun(self) -> Iterator[ChunkMeasure]:
        """Return a context within which frames are looked at."""
        # Where it alone makes all frames of a chunk, nodes with ``cache: frames`` keep them.
        whole = self._seen is None and len(self.places) == self.chunk.count
        start, stop = (self.chunk.start, self.chunk.stop) if whole else (0, 0)
        progress = self._progress  # what a work calls must not know this object, which knows the work
        with self.maker.working(start, stop, self._tally, lambda: progress(0), self._seen) as self._work:
            yield self

    def look(self, stop: int) -> None:
        """Measure the frames before ``stop`` that were not measured yet."""
        while self._looked < len(self.places) and self.places[self._looked] < stop:
            rest = self.places[self._looked :]
            count = count_neighbours(rest, min(BLOCK, stop - rest[0]))
            for i, picture in enumerate(self._work.make(rest[0], rest[0] + count)):
                self._measure(rest[0] + i, picture)
            self._looked += count
            self._progress(count)

    def _measure(self, at: int, picture: np.ndarray) -> None:
        plan = self.maker.plan
        check_finite(plan.graph, plan.stages[-1].node, picture[None], at)
        began = time.perf_counter()
        frame = read_only(np.ascontiguousarray(picture))
        made = authors.call(plan.graph, plan.end, "measure", plan.node.measure, frame, span=(at, at + 1))
        for output, numbers in _by_output(plan.graph, plan.end, made, at).items():
            if self._unmeasured and numbers.shape != self._unmeasured[output].shape:
                text = f"measure gave {describe(numbers)} for {output} at frame {at}, and unmeasured has"
                raise authors.wrong(plan.graph, plan.end, f"{text} {describe(self._unmeasured[output])}.")
            self._rows[output].append(numbers)
        self._tally.add(plan.end, time.perf_counter() - began, 1)

    def numbers(self) -> Numbers:
        """Return the numbers of all frames of the chunk that the measure looks at; they were looked at."""
        graph, name = self.maker.plan.graph, self.maker.plan.end
        return {output: _joined(graph, name, output, rows, self.places) for output, rows in self._rows.items()}


def unmeasured_numbers(graph: Graph, name: str, chunk: Chunk) -> Numbers:
    """Return the numbers that a measure declares for frames that nobody looked at yet."""
    places = chunk.recipe["measured"]
    rows = _unmeasured(graph, name, places[0])
    return {output: np.repeat(row[None], len(places), axis=0) for output, row in rows.items()}


def unmeasured_signals(graph: Graph, name: str, clock: Clock) -> dict[str, np.ndarray]:
    """Return what `signals_of` gives as long as nobody looked at any frame."""
    found = {}
    for output, row in _unmeasured(graph, name, 0).items():
        row = quantise(row)
        found[output] = np.ascontiguousarray(np.broadcast_to(row, (clock.frames, *row.shape)))
        found[output].flags.writeable = False
    return found


def _unmeasured(graph: Graph, name: str, frame: int) -> Numbers:
    return _by_output(graph, name, type(graph.nodes[name]).unmeasured, frame)


def _by_output(graph: Graph, name: str, made: Any, frame: int) -> Numbers:
    """Return what a measure gave for one frame, by output.

    Raises
    ------
    RenderError
        When an output is missing or is not what its declaration says.
    """
    outputs = type(graph.nodes[name]).outputs
    if not isinstance(made, Mapping):
        made = {next(iter(outputs)): made} if len(outputs) == 1 else {}
    if made.keys() != outputs.keys():
        text = f"measure gave {', '.join(map(str, made)) or 'no dict'} at frame {frame}; its outputs are"
        raise authors.wrong(graph, name, f"{text} {', '.join(outputs)}.")
    found = {}
    for output, declared in outputs.items():
        try:
            numbers = np.asarray(made[output])
        except Exception:  # ragged lists, and whatever an author's own class raises
            numbers = np.asarray(None)
        wanted = (declared.columns,) if declared.columns else numbers.shape
        if numbers.dtype.kind not in "biuf" or numbers.ndim > 1 or not numbers.size or numbers.shape != wanted:
            text = f"measure gave {describe(made[output])} for {output} at frame {frame}"
            count = f"a row of {declared.columns} numbers" if declared.columns else "a number, or a row of numbers,"
            raise authors.wrong(graph, name, f"{text}; {count} was wanted.")
        found[output] = numbers.astype(np.float64)
        if not np.isfinite(quantise(found[output])).all():
            raise authors.wrong(graph, name, f"measure gave no finite number for {output} at frame {frame}.")
    return found


def _joined(graph: Graph, name: str, output: str, rows: Sequence[np.ndarray], places: Sequence[int]) -> np.ndarray:
    """Return rows that belong to some frames as one array; all must have the same columns."""
    for row, frame in zip(rows, places):
        if row.shape != rows[0].shape:
            text = f"measure gave {describe(row)} for {output} at frame {frame}, but {describe(rows[0])} at frame"
            raise authors.wrong(graph, name, f"{text} {places[0]}; all frames have the same count of numbers.")
    return np.stack(rows)


def blank_signals(graph: Graph, name: str, clock: Clock) -> dict[str, np.ndarray]:
    """Return zeros for what a measure would say."""
    outputs = type(graph.nodes[name]).outputs
    return {
        output: np.zeros((clock.frames, declared.columns) if declared.columns else clock.frames, np.float32)
        for output, declared in outputs.items()
    }


def signals_of(
    graph: Graph, name: str, chunks: Sequence[Chunk], numbers: Sequence[Numbers], clock: Clock
) -> dict[str, np.ndarray]:
    """Return the signals of a measure: its numbers, joined by straight lines, rounded as every signal is.

    Parameters
    ----------
    chunks : sequence of Chunk
        Those with frames that were looked at, in their order; before and after them the nearest numbers hold.
    numbers : sequence of dict
        Of each of them.
    """
    places = [frame for chunk in chunks for frame in chunk.recipe["measured"]]
    at, found = np.arange(clock.frames), {}
    for output in type(graph.nodes[name]).outputs:
        rows = [row for chunk in numbers for row in chunk[output]]
        measured = _joined(graph, name, output, rows, places)
        columns = [np.interp(at, places, column) for column in np.atleast_2d(measured.T)]
        signal = quantise(columns[0] if measured.ndim == 1 else np.stack(columns, axis=1))
        signal.flags.writeable = False
        found[output] = signal
    return found
