"""The numbers of a measure: made chunk by chunk, kept by the store, joined to signals."""

from __future__ import annotations

import io
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph import authors
from n2s.graph.graph import Graph
from n2s.graph.time import Clock
from n2s.graph.values import quantise
from n2s.plan.keys import Chunk
from n2s.runtime.render.edges import check_finite, describe, read_only
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.tally import Tally
from n2s.runtime.store import Store

KIND, ENDING = "measures", ".npz"  # of the store's entries

Numbers = dict[str, np.ndarray]  # by output, a number or a row of numbers for each frame that was looked at, float64


def measure_chunk(maker: FrameMaker, chunk: Chunk, tally: Tally, progress: Callable[[int], None]) -> Numbers:
    """Make the frames of a chunk that a measure looks at, one or a few at a time, and return its numbers of them.

    Each frame is measured by itself, so that a number depends on nothing else. ``progress`` is called with the number
    of frames that were measured, with 0 while they are made, and may raise to give up.
    """
    plan, places = maker.plan, chunk.recipe["measured"]
    graph, name, source = plan.graph, plan.end, plan.stages[-1].node
    rows: dict[str, list[np.ndarray]] = {output: [] for output in type(plan.node).outputs}
    waiting = iter(places)
    if len(places) == chunk.count:  # as one chunk, so that nodes with ``cache: frames`` keep them
        blocks = maker.blocks(chunk.start, chunk.stop, tally, lambda: progress(0))
    else:
        blocks = maker.pick(places, tally, lambda: progress(0))
    for block in blocks:
        for picture in block:
            at = next(waiting)
            check_finite(graph, source, picture[None], at)
            began = time.perf_counter()
            frame = read_only(np.ascontiguousarray(picture))
            made = authors.call(graph, name, "measure", plan.node.measure, frame, span=(at, at + 1))
            for output, numbers in _by_output(graph, name, made, at).items():
                rows[output].append(numbers)
            tally.add(name, time.perf_counter() - began, 1)
        progress(len(block))
    return {output: _joined(graph, name, output, found, places) for output, found in rows.items()}


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


def write_numbers(path: Path, numbers: Numbers) -> None:
    """Write the numbers of a chunk as a file of the store."""
    buffer = io.BytesIO()
    np.savez(buffer, **numbers)
    path.write_bytes(buffer.getvalue())


def stored_numbers(store: Store, chunk: Chunk) -> Numbers | None:
    """Return the numbers of a chunk; None where the store has none."""
    path = store.find(KIND, chunk.key, ENDING)
    if path is None:
        return None
    with open(path, "rb") as file, np.load(file, allow_pickle=False) as arrays:
        return dict(arrays)


def signals_of(
    graph: Graph, name: str, chunks: Sequence[Chunk], numbers: Sequence[Numbers], clock: Clock
) -> dict[str, np.ndarray]:
    """Return the signals of a measure: its numbers, joined by straight lines, rounded as every signal is.

    Parameters
    ----------
    chunks : sequence of Chunk
        Those with frames that were looked at, in their order.
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
