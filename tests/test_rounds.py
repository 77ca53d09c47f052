"""Signals that go round with beats and bars, and turn with sections."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from test_moments import BEAT, bar
from test_nodes import scene
from test_signals import RATES, musical

from n2s.graph.node import DeclarationError
from n2s.nodes import LFO, Random, Sequence
from n2s.nodes.strobe import Flashes

# What goes round with the music


@pytest.mark.parametrize("fps", RATES)
def test_oscillators_of_seconds(fps: Any) -> None:
    place = scene(400, fps)
    phase = place.clock.times(0, 400) / 0.7 + 0.1
    phase -= np.floor(phase)
    shapes = {
        "sine": 0.5 - 0.5 * np.cos(2 * np.pi * phase), "saw": phase, "square": (phase < 0.25) * 1.0,
        "triangle": np.where(phase < 0.25, phase * 4, (1 - phase) / 0.75),
    }  # fmt: skip
    for shape, expected in shapes.items():
        node = LFO(period=0.7, shape=shape, phase=0.1, width=0.25)
        made = node.compute(place, np.full(400, -1.0, np.float32), np.full(400, 3.0, np.float32))
        np.testing.assert_allclose(made, -1 + 4 * expected, atol=1e-9)


def test_oscillators_keep_step_with_the_bars_that_are_heard() -> None:
    place, zero, one = musical(), np.zeros(1440, np.float32), np.ones(1440, np.float32)
    saw = LFO(period="2 bars", shape="saw").compute(place, zero, one)
    jumps = np.flatnonzero(np.diff(saw) < -0.5) / 24
    np.testing.assert_allclose(jumps, [bar(i) for i in range(0, 40, 2)], atol=1 / 24)
    waves = LFO(period="1 beat", shape="noise", seed=5).compute(place, zero, one)
    assert np.abs(np.diff(waves)).max() < 0.2 and waves.std() > 0.15


def test_random_values_stay_for_their_stretch() -> None:
    place, low, high = musical(), np.full(1440, 2.0, np.float32), np.full(1440, 4.0, np.float32)
    made = Random(every="1 bar").compute(place, low, high)
    changes = np.flatnonzero(np.diff(made)) / 24
    np.testing.assert_allclose(changes, [bar(i) for i in range(1, 40)], atol=1 / 24)  # an upbeat is of the first bar
    assert 2 <= made.min() and made.max() <= 4 and made.std() > 0.3
    assert (Random(every="1 bar").compute(place, low, high) == made).all()
    assert (Random(every="1 bar", seed=1).compute(place, low, high) != made).mean() > 0.9
    glided = Random(every="1 bar", glide=0.5).compute(place, low, high)
    assert np.abs(np.diff(glided)).max() < 0.25


def test_values_of_sections_and_letters() -> None:
    place, zero, one = musical(), np.zeros(1440, np.float32), np.ones(1440, np.float32)
    by_order = Random(every="section").compute(place, zero, one)
    changes = np.flatnonzero(np.diff(by_order)) / 24
    np.testing.assert_allclose(changes, [bar(8), bar(16), bar(24)], atol=1 / 24)
    by_letter = Random(every="section", alike=True).compute(place, zero, one)
    middles = [round((bar(i) + 4) * 24) for i in (0, 8, 16, 24)]
    a, b, c, d = by_letter[middles]
    assert a == c != b == d and len(set(by_order[middles])) == 4
    rows = Sequence(values=[[1, 0], [0, 1], [0.5, 0.5]], every="section").compute(place)
    np.testing.assert_array_equal(rows[middles], [[1, 0], [0, 1], [0.5, 0.5], [1, 0]])
    drops = Sequence(values=[0, 1, 2], every="drop").compute(place)
    np.testing.assert_array_equal(drops[middles], [0, 1, 1, 2])
    for node, settings in ((Sequence, {"values": [1, 2]}), (Random, {})):
        for every in ("1 bar", "drop", "B"):
            with pytest.raises(DeclarationError, match="alike: it belongs to the letters of sections; set every:"):
                node(**settings, every=every, alike=True)


def test_sequences_by_beats() -> None:
    place = musical()
    made = Sequence(values=[3, 1, 2], every="1 beat").compute(place)
    beats = np.floor((place.clock.times(0, 1440) - 0.7) / BEAT + 1e-4).astype(int)
    np.testing.assert_array_equal(made, np.array([3, 1, 2])[np.maximum(beats, 0) % 3])  # an upbeat is of the first


def test_a_sequence_begins_at_its_first_value() -> None:
    place = scene(120, 30)
    made = Sequence(values=[1, 2, 3], every=1, glide=0.5).compute(place)
    assert (made[:31] == 1).all() and (made[46:61] == 2).all() and (np.diff(made[30:46]) >= 0).all()
    assert (Sequence(values=[1, 2, 3], every="1 bar", glide=0.5).compute(musical())[: int(bar(1) * 24)] == 1).all()


@pytest.mark.parametrize(("period", "fps"), [(0.1, 30), (0.3, 30), (0.7, 60), (1 / 3, 24)])
def test_what_begins_with_a_frame_is_seen_in_it(period: float, fps: int) -> None:
    """0.3 / 0.1 is less than 3 in float64: the third period would begin a frame late."""
    place, zero, one = scene(900, fps), np.zeros(900, np.float32), np.ones(900, np.float32)
    length = Fraction(str(round(period, 6))).limit_denominator(100)
    gone = [Fraction(frame, fps) / length % 1 for frame in range(900)]
    square = LFO(period=period, shape="square").compute(place, zero, one)
    np.testing.assert_array_equal(square, [float(part < Fraction(1, 2)) for part in gone])
    saw = LFO(period=period, shape="saw").compute(place, zero, one)
    np.testing.assert_allclose(saw, [float(part) for part in gone], atol=1e-9)


def flashes(place: Any, **settings: Any) -> np.ndarray:
    frames = place.clock.frames
    return np.flatnonzero(Flashes(**settings).compute(place, np.ones(frames, np.float32)))


def test_a_strobe_begins_no_flash_in_the_middle_of_a_beat() -> None:
    """The first beat is 0.7 s after the film begins, in the middle of one before it."""
    found = flashes(musical(), every="1 beat", length=0.2, most=60)
    beats = np.floor((found / 24 - 0.7) / BEAT + 1e-4)
    assert found[0] == np.ceil((0.7 - BEAT) * 24) and beats[0] == -1
    np.testing.assert_array_equal(flashes(scene(61, 30), every=1, length=0.02), [0, 30, 60])


@pytest.mark.parametrize("fps", [24, Fraction(30000, 1001), 60])
@pytest.mark.parametrize("most", [1, 3])
@pytest.mark.parametrize(
    ("every", "length", "blinks"), [(0.32, 0.15, 0), (60 / 187, 0.15, 0), (0.3, 0.5, 0), (2, 0.9, 10), (0.35, 0.95, 7)]
)
def test_no_more_flashes_in_any_second_than_are_allowed(
    every: float, length: float, blinks: float, most: int, fps: Any
) -> None:
    place = scene(8 * int(fps), fps)
    times = place.clock.times(0, place.clock.frames)
    on = np.where(times * blinks % 1 < 0.5, 1.0, 0.0)
    settings = {"every": every, "length": length}
    every_one = Flashes(most=60, **settings).compute(place, on).astype(bool)
    shown = Flashes(most=most, **settings).compute(place, on).astype(bool)
    begins = np.flatnonzero(shown & ~np.concatenate([[False], shown[:-1]]))
    assert max(np.count_nonzero((begins >= begin) & (begins < begin + fps)) for begin in begins) == most
    assert not (shown & ~every_one).any()
    if length < 0.8:  # none touches another, so each is there as a whole or not at all
        edges = np.flatnonzero(np.diff(every_one.astype(int), prepend=0)[1:]) + 1
        assert all(len(set(part.tolist())) == 1 for part in np.split(shown, edges))


@pytest.mark.parametrize("values", [[], [[]], ["a"], [[1], [1, 2]], [1, [2, 3]], [True], [1e9], [[1, None]]])
def test_sequences_of_no_numbers(values: Any) -> None:
    with pytest.raises(DeclarationError, match="Sequence.values"):
        Sequence(values=values)


@pytest.mark.parametrize("every", ["1 verse", "sections", "K", 0, "-1 bar", "at drop"])
def test_what_is_no_stretch(every: Any) -> None:
    with pytest.raises(DeclarationError, match="Random.every"):
        Random(every=every)
