"""Beats that nobody plays: through breaks of the right length, and before the first one."""

from __future__ import annotations

import numpy as np
import pytest

from n2s.hearing.bridges import bridge

INTERVAL = 23.5  # steps


def music(begins: int) -> np.ndarray:
    """Return the levels of music that begins with some step."""
    levels = np.full((4000, 24), 0.001)
    levels[begins:] = 1 + np.arange(24) / 24
    return levels


def break_between(count: float, faster: float = 1.0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return beats of 40 sure ones, a break ``count`` beats long, and 40 more; how likely each is; and the true ones.

    In the break the beats slide: they are 7 % too slow.
    """
    rng = np.random.default_rng(1)
    before = 100 + INTERVAL * np.arange(40)
    after = before[-1] + INTERVAL * count + INTERVAL / faster * np.arange(40)
    slid = np.linspace(before[-1], after[0], round(count * 0.93) + 1)[1:-1]
    places = np.concatenate([before + rng.uniform(-0.3, 0.3, 40), slid, after + rng.uniform(-0.3, 0.3, 40)])
    likely = np.concatenate([np.full(40, 0.9), np.full(len(slid), 0.1), np.full(40, 0.9)])
    true = np.concatenate([before, before[-1] + INTERVAL * np.arange(1, round(count)), after])
    return places, likely, true


@pytest.mark.parametrize("count", [16, 40, 41])
def test_a_break_in_time_has_even_beats(count: int) -> None:
    places, likely, true = break_between(count)
    found = bridge(places, likely, music(100))
    assert len(places) < len(found) == len(true)
    assert np.abs(found - true).max() < 0.5


@pytest.mark.parametrize(("count", "faster"), [(40.5, 1.0), (40, 1.1)])
def test_what_is_not_in_time_stays(count: float, faster: float) -> None:
    """Drums that come back between two beats, or in another tempo, say nothing of the beats before them."""
    places, likely, _ = break_between(count, faster)
    assert np.array_equal(bridge(places, likely, music(100)), places)


def test_few_sure_beats_and_short_pauses_stay() -> None:
    places, likely, _ = break_between(40)
    few = places[30:48], likely[30:48]
    assert np.array_equal(bridge(*few, music(int(few[0][0]))), few[0])
    likely[:] = 0.9
    likely[50:53] = 0.1
    assert np.array_equal(bridge(places, likely, music(100)), places)
    assert np.array_equal(bridge(places, 0 * places, music(100)), places)


@pytest.mark.parametrize(("silence", "beats"), [(0, 4), (7, 4), (9, 3), (100, 0), (120, 0)])
@pytest.mark.parametrize("sure", [0.9, 0.0])
def test_beats_before_the_first_one(silence: int, beats: int, sure: float) -> None:
    """The first beat lies at step 96, four beats after step 2."""
    places = 96 + INTERVAL * np.arange(20)
    found = bridge(places, np.full(20, sure), music(silence))
    np.testing.assert_allclose(found, 96 + INTERVAL * np.arange(-beats, 20))


def test_an_intro_has_the_beats_of_what_follows() -> None:
    """Ten beats that are not sure slide before those that are; one of them seems sure."""
    sure = 300 + INTERVAL * np.arange(30)
    places, likely = np.concatenate([15 + 28.0 * np.arange(10), sure]), np.repeat([0.1, 0.9], [10, 30])
    likely[4] = 0.9
    np.testing.assert_allclose(bridge(places, likely, music(14)), 300 + INTERVAL * np.arange(-12, 30))


def test_an_intro_before_beats_that_are_not_even_stays() -> None:
    drifting = 300 + np.cumsum(INTERVAL + 4 * np.sin(np.arange(40) / 6))
    places, likely = np.concatenate([15 + 28.0 * np.arange(10), drifting]), np.repeat([0.1, 0.9], [10, 40])
    assert np.array_equal(bridge(places, likely, music(14)), places)


def test_beats_in_silence_stay() -> None:
    places = np.array([0.0, 20.0])
    assert np.array_equal(bridge(places, np.zeros(2), np.zeros((50, 24))), places)
