"""Handheld and CameraPath: how hands shake, how hits throw, and where a path leads."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from harness import load
from test_nodes import scene
from test_signals import musical

from n2s.graph.errors import GraphError
from n2s.graph.node import DeclarationError
from n2s.nodes import CameraPath, Handheld
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse

FINE = Fraction(44100, 512)


def held(place: Any, hits: np.ndarray | None = None, **settings: Any) -> np.ndarray:
    node = Handheld(**settings)
    given = {name: np.full(place.clock.frames, getattr(node, name).value, np.float32) for name in node.params()}
    return node.compute(place, **given, hits=hits)


def test_a_hand_sways_as_far_as_it_says() -> None:
    moved = held(scene(60000, FINE), amount=0.02, turn=1.5)
    np.testing.assert_allclose(np.sqrt((moved**2).mean(axis=0)), [0.02, 0.02, 1.5], rtol=0.1)
    np.testing.assert_allclose(moved.mean(axis=0) / [0.02, 0.02, 1.5], 0, atol=0.1)
    assert np.abs(np.corrcoef(moved.T) - np.eye(3)).max() < 0.1, "all three move by themselves"


@pytest.mark.parametrize("roughness", [0.3, 0.8])
def test_what_is_in_a_shake(roughness: float) -> None:
    """Each octave has the square of its height as its power, from 0.5 to 1.5 times its frequency."""
    frames = 1 << 16
    moved = held(scene(frames, FINE), amount=1, speed=0.5, roughness=roughness)[:, 0]
    power = np.abs(np.fft.rfft(moved * np.hanning(frames))) ** 2
    power /= power.sum()
    often = np.fft.rfftfreq(frames, 1 / float(FINE))
    shares = np.array([roughness ** (2 * octave) for octave in range(5)])
    shares /= shares.sum()
    for octave in range(5):  # what lies above 1.5 times a frequency belongs to higher octaves, and what below to lower
        assert power[often > 1.5 * 0.5 * 2**octave + 0.01].sum() <= shares[octave + 1 :].sum() + 1e-3
        assert power[often < 0.5 * 0.5 * 2**octave - 0.01].sum() <= shares[:octave].sum() + 1e-3
    assert power[often > 1.5 * 0.5 * 16 + 0.1].sum() < 1e-6, "band-limited"


def test_another_seed_is_another_hand_and_another_rate_the_same() -> None:
    here = held(scene(864, Fraction(86)))
    assert np.abs(held(scene(864, Fraction(86)), seed=1) - here).max() > 0.003
    np.testing.assert_allclose(held(scene(432, Fraction(43))), here[::2], atol=1e-9)


def test_speed_is_how_fast_time_goes() -> None:
    node, place = Handheld(), scene(400, 40)
    ramp = np.linspace(0, 3, 400).astype(np.float32)
    full = {name: np.full(400, getattr(node, name).value, np.float32) for name in node.params()}
    moved = node.compute(place, **full | {"speed": ramp})
    gone = np.concatenate([[0], np.cumsum((ramp[1:] + ramp[:-1]) / 80.0)])
    steady = held(scene(32001, 2000), speed=1)
    for axis in range(3):
        np.testing.assert_allclose(moved[:, axis], np.interp(gone * 2000, np.arange(32001), steady[:, axis]), atol=1e-4)
    np.testing.assert_array_equal(node.compute(place, **full | {"speed": 0 * ramp})[0], moved[0])


def test_a_hit_throws_and_dies_away() -> None:
    place, hits = scene(4000, 1000), np.zeros(4000, np.float32)
    hits[1000:1200], hits[2500] = 0.5, 1.0  # what stays throws once
    settings = {"amount": 0.01, "turn": 2, "strength": 5, "settle": 0.1}
    thrown = held(place, hits, **settings) - held(place, **settings)
    assert not thrown[:1001].any() and (np.abs(thrown[1010]) > 0).all()
    far = np.hypot(thrown[:, 0], thrown[:, 1])
    assert far[1000:2500].max() == pytest.approx(0.5 * 5 * 0.01, rel=1e-3)
    assert far[2500:].max() == pytest.approx(5 * 0.01, rel=1e-3)
    assert np.abs(thrown[2500:, 2]).max() == pytest.approx(5 * 2, rel=1e-3)
    first = thrown[1000:2400, 2] / thrown[1000:2400, 2][np.abs(thrown[1000:2400, 2]).argmax()]
    times = np.arange(1400) / 1000
    swing = 2 ** (-times / 0.1) * np.sin(2 * math.pi * 6.5 * times)
    np.testing.assert_allclose(first, swing / swing.max(), atol=1e-6)
    assert far[1000:1500].argmax() < 45, "farthest within a 20th of a second"


def test_several_columns_of_hits_count_by_the_largest() -> None:
    hits = np.zeros((300, 2), np.float32)
    hits[50, 0], hits[120, 1] = 1, 0.7
    np.testing.assert_array_equal(held(scene(300), hits), held(scene(300), hits.max(axis=1)))


# Paths


POINTS = [[0, 0], [0.4, 0.1, 2], [-0.2, 0.3, 0.5, 10], [0.1, -0.3]]
FULL = np.array([[0, 0, 1, 0], [0.4, 0.1, 2, 0], [-0.2, 0.3, 0.5, 10], [0.1, -0.3, 1, 0]])


def along(points: Any = POINTS, place: Any = None, **settings: Any) -> np.ndarray:
    return CameraPath(points=points, every=1, **settings).compute(place or scene(601, 60))


@pytest.mark.parametrize("ease", ["linear", "smooth", "in_out_cubic"])
@pytest.mark.parametrize("glide", [1, 0.25])
def test_a_path_is_at_its_points_in_time(ease: str, glide: float) -> None:
    moved = along(ease=ease, glide=glide)
    np.testing.assert_allclose(moved[::60], FULL[np.arange(11) % 4], atol=1e-9)
    still = along(ease=ease, glide=0.25)[60:104]
    np.testing.assert_allclose(still, np.broadcast_to(FULL[1], still.shape), atol=1e-9)


def test_a_path_between_its_points() -> None:
    """Catmull-Rom's cubic, by its matrix; zoom by its logarithm."""
    rows = FULL.copy()
    rows[:, 2] = np.log(rows[:, 2])
    matrix = np.array([[0, 2, 0, 0], [-1, 0, 1, 0], [2, -5, 4, -1], [-1, 3, -3, 1]]) / 2
    moved = along()
    for frame in range(601):
        number, t = frame // 60, frame % 60 / 60
        wanted = np.array([1, t, t**2, t**3]) @ matrix @ rows[np.arange(number - 1, number + 3) % 4]
        wanted[2] = math.exp(wanted[2])
        np.testing.assert_allclose(moved[frame], wanted, atol=1e-9)


def test_an_open_path_stays_at_its_end_and_without_glide_it_jumps() -> None:
    moved = along(closed=False)
    np.testing.assert_allclose(moved[180:], np.broadcast_to(FULL[3], (421, 4)), atol=1e-9)
    np.testing.assert_allclose(moved[:180:60], FULL[:3], atol=1e-9)
    jumps = along(glide=0)
    np.testing.assert_allclose(jumps[:240], np.repeat(FULL, 60, axis=0), atol=1e-9)


def test_a_path_keeps_step_with_bars_and_sections() -> None:
    place = musical(60, 3000)
    times = place.clock.times(0, 3000)
    bars = CameraPath(points=POINTS, every="2 bars").compute(place)
    count = place.clock.landmarks.count("bar", times) / 2
    for number in (1, 2, 3):
        frame = int(np.argmax(count >= number))
        np.testing.assert_allclose(bars[frame], FULL[number % 4], atol=0.05)
    np.testing.assert_array_equal(bars[: int(0.7 * 60)], np.broadcast_to(FULL[0], (42, 4)))  # in the upbeat it waits
    sections = CameraPath(points=POINTS, every="section", glide=0.1, ease="smooth").compute(place)
    start = place.clock.landmarks.starts("section")[1]
    np.testing.assert_allclose(sections[int(np.ceil(start * 60)) + 1], FULL[1], atol=1e-6)


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([[0, 0]], "a path needs two points or more"),
        ([[0, 0], [1]], r"point 2 is \[1\]; \[x, y\], \[x, y, zoom\] or \[x, y, zoom, turn\] was wanted"),
        ([[0, 0], [1, 2, 3, 4, 5]], "point 2 is"),
        ([[0, 0], [1, "left"]], "point 2 is"),
        ([[0, 0], [1, 1, 0]], r"the zoom of point 2 is 0; it must stay within 0.02..50"),
        ([[0, 0], [1e9, 1]], "the x of point 2 is 1e.09; it must stay within"),
        ([[0, 0], [0, -101]], "the y of point 2 is -101; it must stay within -100..100"),
        ([[100, 0], [float("nan"), 0]], "the x of point 2 is nan; it must stay within -100..100"),
        ([[0, 0], [0, 0, 1, 36001]], "the turn of point 2 is 36001; it must stay within -36000..36000"),
        ([0, 1], "a list of points was wanted"),
        ("round", "a list of points was wanted"),
    ],
)
def test_what_is_no_path(points: Any, words: str) -> None:
    with pytest.raises(DeclarationError, match=words):
        CameraPath(points=points)


def test_a_camera_is_moved_by_their_columns(studio: Any, store: Any) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "features": {"node": "Features", "audio": "track"},
        "hand": {"node": "Handheld", "hits": "features.kick"},
        "way": {"node": "CameraPath", "points": POINTS, "every": "1 beat"},
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "camera": {"node": "Camera", "frames": "picture", "pan_x": "= way.x + hand.x", "pan_y": "= way.y + hand.y",
                   "zoom": "way.zoom", "turn": "= way.turn + hand.turn"},
        "out": {"node": "DigestSink", "frames": "camera", "audio": "track", "path": "frames.txt"},
    }  # fmt: skip
    values = {"n2s": 1, "fps": 30, "size": [96, 64], "nodes": nodes}
    params = analyse(load(values, studio.folder).flat, RunContext(store, print)).params
    assert np.ptp(params["camera", "pan_x"]) > 0.3 and np.ptp(params["camera", "turn"]) > 5
    assert params["camera", "zoom"].max() == pytest.approx(2, abs=0.2)
    nodes["camera"]["pan_x"] = "hand.z"
    with pytest.raises(GraphError, match='"hand" has no output "z"|there is no "hand'):
        load(values, studio.folder)
