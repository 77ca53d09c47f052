"""Exposure on films whose light is known: it reaches the target, moves slowly and ahead of time, follows no beat."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from harness import load

from n2s.graph.graph import Graph
from n2s.nodes import LightMeter
from n2s.nodes.exposure import averaged, mean_light

FPS, SECONDS = 24, 30
LOOK = 3.0


def film(folder: Path, exposure: str, greys: tuple[float, ...] = (0.1, 0.2, 0.3, 0.4), **settings: Any) -> Graph:
    """Return a film of a picture in four stripes of grey, lit by an expression in stops."""
    rows = np.repeat(np.round(np.array(greys) * 255), 8)
    tiny.write_png(folder / "picture.png", np.broadcast_to(rows[:, None, None], (32, 32, 3)).astype(np.uint8))
    nodes = {
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "lit": {"node": "Tone", "frames": "picture", "exposure": exposure},
        "exposed": {"node": "Exposure", "frames": "lit", "look": LOOK, **settings},
        "out": {"node": "DigestSink", "frames": "exposed", "path": "film.txt"},
    }
    return load({"n2s": 1, "fps": FPS, "duration": SECONDS, "size": [32, 32], "nodes": nodes}, folder)


def gain_of(graph: Graph, store: Any) -> np.ndarray:
    """Return the gain of every frame, in stops."""
    return harness.plan(graph, store).values.params["exposed", "gain"]


def light_of(graph: Graph, store: Any, seconds: float) -> float:
    """Return the mean light of an exposed frame."""
    frame = harness.frames(graph, store, "exposed", [(int(FPS * seconds), int(FPS * seconds) + 1)])
    return float(np.square(frame.astype(np.float64)).mean())


@pytest.mark.parametrize("stops", [-2.0, -0.5, 0.0, 1.0, 2.5])
@pytest.mark.parametrize("target", [0.25, 0.45])
def test_a_steady_film_reaches_the_target(stops: float, target: float, store: Any, tmp_path: Path) -> None:
    graph = film(tmp_path, f"= {stops} + 0 * time", target=target, range=6)
    gain = gain_of(graph, store)
    assert np.ptp(gain) <= 2**-16
    assert light_of(graph, store, 10) == pytest.approx(target**2, rel=0.02)


def test_the_range_holds_both_ways(store: Any, tmp_path: Path) -> None:
    gain = gain_of(film(tmp_path, "= where(step(15, time), -6, 3)", range=1.5), store)
    assert gain[0] == pytest.approx(-1.5, abs=1e-4) or gain[0] == pytest.approx(1.5, abs=1e-4)
    assert abs(gain).max() <= 1.5 + 1e-4
    assert sorted([round(float(gain[0]), 3), round(float(gain[-1]), 3)]) == [-1.5, 1.5]


def test_it_moves_slowly_and_ahead_of_a_cut(store: Any, tmp_path: Path) -> None:
    graph = film(tmp_path, "= where(step(15, time), 1, -2)", range=4)  # dark, and bright from 15 s on
    gain = gain_of(graph, store)
    speed = np.abs(np.diff(gain)) * FPS
    assert speed.max() <= 2 * 4 / LOOK, "the promise"
    assert speed.max() <= 1.2, "what becomes of three stops"
    moving = np.flatnonzero(speed > 1e-3) / FPS
    assert 15 - 2 * LOOK <= moving.min() < 15 - LOOK, "it begins before the cut"
    assert moving.max() <= 15 + 2 * LOOK
    assert (np.diff(gain) <= 1e-4).all(), "it goes one way"
    for seconds in (5, 25):
        assert light_of(graph, store, seconds) == pytest.approx(0.35**2, rel=0.03)


@pytest.mark.parametrize(("hertz", "most"), [(0.5, 0.35), (1, 0.4), (2, 0.15), (4, 0.1), (6, 0.7), (12, 0.8)])
def test_it_does_not_pump(hertz: float, most: float, store: Any, tmp_path: Path) -> None:
    """Light that jumps by four stops with the beat, also where flashes come as often as frames are looked at."""
    graph = film(tmp_path, f"= where(step(0.5, fract({hertz} * time)), 1, -3)", range=3)
    gain = gain_of(graph, store)
    inner = gain[int(2 * LOOK * FPS) : -int(2 * LOOK * FPS)]
    speed = np.abs(np.diff(inner)) * FPS
    assert np.ptp(inner) < most, "it follows four stops by a few tenths, over seconds"
    assert speed.max() < 0.3
    frames = harness.frames(graph, store, "exposed", [(240, 240 + int(2 * FPS / min(hertz, 2)))])
    mean = np.square(frames.astype(np.float64)).mean()
    assert mean == pytest.approx(0.35**2, rel=0.15), "flashes count by their mean"


def test_highlights_do_not_burn(store: Any, tmp_path: Path) -> None:
    graph = film(tmp_path, "= 0 * time", greys=(0.02, 0.05, 0.9, 1.0), target=0.8, range=4)
    assert gain_of(graph, store).min() > 1
    rows = harness.frames(graph, store, "exposed", [(100, 101)])[0, 0, 4::8, 0]
    assert rows[3] == pytest.approx(1, abs=1e-6), "white stays white"
    assert 0.9 < rows[2] < 1 and (np.diff(rows) > 0).all()
    dark = film(tmp_path, "= 0 * time", greys=(0.02, 0.05, 0.9, 1.0), target=0.2, range=4)
    assert harness.frames(dark, store, "exposed", [(100, 101)])[0, 0, 30, 0] < 0.5, "a dark film is dark all over"


def test_the_pixels_against_the_formula(store: Any, tmp_path: Path) -> None:
    for gain in (1.7, -1.2):
        graph = film(tmp_path, "= 0 * time", gain=gain, strength=0.5)
        given, made = (harness.frames(graph, store, name, [(3, 4)]).astype(np.float64) for name in ("lit", "exposed"))
        s = 2 ** (0.5 * gain / 2)
        wanted = given * s / (1 + max(s - 1, 0) * np.clip(given.max(axis=1, keepdims=True), 0, 1))
        np.testing.assert_allclose(made, wanted, atol=1e-6)


def test_neutral_and_given_gains_measure_nothing(store: Any, tmp_path: Path) -> None:
    for settings in ({"strength": 0}, {"gain": 1}, {"gain": "= sin(time)"}):
        graph = film(tmp_path, "= 0 * time", **settings)
        assert "exposed:meter" not in graph.flat.nodes
        assert harness.plan(graph, store).values.measured == {}


def test_what_it_brings(tmp_path: Path, store: Any) -> None:
    graph = film(tmp_path, "= 0 * time")
    assert {"exposed:meter", "exposed:gain"} == graph.flat.nodes.keys() - graph.nodes.keys()
    assert str(graph.flat.nodes["exposed"].gain) == "exposed:gain"
    inner = {
        "n2s": 1,
        "interface": {"inputs": {"frames": {"kind": "Frames", "help": "a film"}}, "outputs": {"frames": "even"}},
        "nodes": {"even": {"node": "Exposure", "frames": "frames"}},
    }  # fmt: skip
    load(inner, tmp_path, "look.yaml")
    outer = {
        "n2s": 1, "fps": FPS, "duration": 2, "size": [32, 32],
        "nodes": {
            "picture": {"node": "ImageSource", "path": "picture.png"},
            "look": {"node": "Graph", "path": "look.yaml", "frames": "picture"},
            "out": {"node": "DigestSink", "frames": "look", "path": "film.txt"},
        },
    }  # fmt: skip
    nested = load(outer, tmp_path)
    assert str(nested.flat.nodes["look/even:meter"].frames) == "picture.frames"
    assert str(nested.flat.nodes["look/even:gain"].histogram) == "look/even:meter.histogram"
    assert harness.plan(nested, store).values.params["look/even", "gain"].min() > 0.5


def test_an_edit_renders_where_the_gain_moves_otherwise(store: Any, tmp_path: Path) -> None:
    graph = film(tmp_path, "= where(step(15, time), -6, 3)", range=1.0)
    first = harness.run(graph, tmp_path, store)
    assert first.measured and first.rendered == SECONDS / 2
    edited = harness.run(graph.edit({"exposed.look": 1.0}), tmp_path, store)
    assert edited.measured == 0 and 2 <= edited.rendered <= 5


def test_averages_against_plain_loops() -> None:
    values, reach = np.random.default_rng(2).random((23, 2)), 4.6
    for t in range(23):
        weights = [1 + np.cos(np.pi * (i - t) / reach) if abs(i - t) < reach else 0 for i in range(23)]
        wanted = sum(w * row for w, row in zip(weights, values)) / sum(weights)
        np.testing.assert_allclose(averaged(values, reach)[t], wanted, atol=1e-12)


def test_the_mean_light_against_pixels() -> None:
    frame = np.random.default_rng(3).random((3, 64, 64)).astype(np.float32)
    histogram = LightMeter().measure(frame)["histogram"]
    for stops in (-1.5, 0.0, 2.0):
        s = 2 ** (stops / 2)
        scaled = frame * (s / (1 + max(s - 1, 0) * frame.max(axis=0)))
        wanted = np.tensordot([0.2126, 0.7152, 0.0722], np.square(scaled), 1).mean()
        assert mean_light(histogram[None], np.array([stops]))[0] == pytest.approx(wanted, rel=0.005)
