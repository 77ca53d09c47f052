"""What begins at the time of a frame shows from this frame on, however its time is written."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import load
from test_nodes import scene

from n2s.graph.expressions import Number
from n2s.graph.time import BEGUN, Clock
from n2s.nodes import Keyframes
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse

RATES = ["20", "24", "25", "30000/1001", "50", "100"]


def computed(folder: Path, store: Any, fps: str, **nodes: Any) -> dict[tuple[str, str], np.ndarray]:
    """Return the signals of nodes in a film of four seconds."""
    values = {"n2s": 1, "fps": fps, "duration": 4, "size": [32, 32], "nodes": nodes}
    return analyse(load(values, folder).flat, RunContext(store, print)).outputs


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("unit", ["frames", "ms", "s"])
def test_rows_of_a_table_for_every_frame(fps: str, unit: str, tmp_path: Path, store: Any) -> None:
    """Rows that say where their frames stand, with as many digits as programs write, are shown at these frames."""
    count = int(4 * Fraction(fps))
    at = [k if unit == "frames" else float(k / Fraction(fps)) * (1000 if unit == "ms" else 1) for k in range(count)]
    rows = "\n".join(f"{time:.9g},{k}" for k, time in enumerate(at))
    (tmp_path / "rows.csv").write_text(f"time,value\n{rows}\n")
    for between in ("hold", "linear"):
        node = {"node": "Table", "path": "rows.csv", "time": unit, "between": between}
        (made,) = computed(tmp_path, store, fps, node=node).values()
        np.testing.assert_allclose(made[:count], np.arange(count), atol=0 if between == "hold" else 1e-4)


@pytest.mark.parametrize("fps", RATES)
def test_keyframes_hold_from_the_frames_of_beats_and_milliseconds(fps: str) -> None:
    """150 beats a minute are 2.5 in a second: beats lie on frames of 20, 25, 50 and 100 in a second."""
    place = scene(int(4 * Fraction(fps)), Fraction(fps))
    place = replace(place, clock=replace(place.clock, tempo=150))
    beats = [[0, 0], *([f"{k} beats", k] for k in range(1, 10))]
    times = [[0, 0], *([f"{200 * k} ms", k] for k in range(1, 20))]
    for points, step in ((beats, Fraction(2, 5)), (times, Fraction(1, 5))):
        made = Keyframes(points=points, interpolate="hold").compute(place)
        begun = [int(k / Fraction(fps) / step) for k in range(len(made))]
        np.testing.assert_array_equal(made, np.minimum(begun, len(points) - 1))


def test_times_of_expressions_are_rounded_once() -> None:
    for frame in range(1, 500):
        assert Number(frame * 40, "ms").resolve(120) == frame / 25
        assert Number(frame, "beats").resolve(150) == frame * 60 / 150 == Number(frame / 3, "bars").resolve(150, 3)


def test_a_title_begins_and_ends_with_frames(tmp_path: Path, store: Any) -> None:
    title = {"node": "Title", "frames": "white", "text": "a", "fade_in": 0, "fade_out": 0}
    white = {"node": "Solid", "colour": "#ffffff"}
    for at, length in (("1400 ms", "600 ms"), (1.4, 0.6), (1.3999999, "600 ms")):
        made = computed(tmp_path, store, "25", white=white, title={**title, "at": at, "length": length})
        (cue,) = (value for value in made.values() if value.ndim == 2)
        assert np.flatnonzero(cue[:, 0]).tolist() == list(range(35, 50))


def test_on_frames() -> None:
    clock = Clock(Fraction(30000, 1001), 1000)
    times = clock.times(0, 1000)
    for apart in (0, BEGUN / 31, -BEGUN / 31):
        np.testing.assert_array_equal(clock.on_frames(times + apart), times)
    np.testing.assert_array_equal(clock.on_frames(times + 0.01), times + 0.01)
    assert clock.on_frames(-1.5) == -1.5 and float(clock.on_frames(0)) == 0
