"""Beats, bars and sections begin in the frames in which their drums are seen."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
import pytest

from n2s.hearing.beat_frames import count_at_frames
from n2s.hearing.grid import Grid

FPS = Fraction(30)


def counted(grid: Grid, fps: Fraction = FPS, seconds: float = 8, struck: list[int] | None = None) -> np.ndarray:
    times = np.arange(round(seconds * fps)) / float(fps)
    drums = np.zeros(len(times))
    drums[struck or []] = 1
    return count_at_frames(grid, fps, times, drums)


def begins(count: np.ndarray) -> list[int]:
    """Return the frames in which a beat begins."""
    return np.flatnonzero(np.diff(np.floor(count), prepend=np.floor(count[0]) - (count[0] % 1 == 0)) > 0).tolist()


@pytest.mark.parametrize("fps", [FPS, Fraction(24), Fraction(30000, 1001), Fraction(60)])
@pytest.mark.parametrize("tempo", [61.3, 120, 174.9])
def test_a_beat_begins_in_the_frame_nearest_to_it(fps: Fraction, tempo: float) -> None:
    grid = Grid.steady(tempo, 0.41, 4)
    count = counted(grid, fps)
    beats = grid.times(np.arange(-2, 40))
    nearest = [int(np.floor(beat * float(fps) + 0.5 + 1e-6)) for beat in beats]
    assert begins(count) == [frame for frame in nearest if 0 <= frame < len(count)]
    assert (np.diff(count) > 0).all()
    whole = count[begins(count)]
    assert (whole == np.round(whole)).all()  # so that what decays from beat to beat begins at its full height
    times = np.arange(len(count)) / float(fps)
    assert np.abs(count - grid.count(times)).max() < tempo / 60 / float(fps)


def test_a_beat_goes_to_the_drum_beside_it() -> None:
    grid = Grid.steady(120, 0.01, 4)  # its beats lie in frames 0, 15, 30 and so on
    assert begins(counted(grid))[:6] == [0, 15, 30, 45, 60, 75]
    found = begins(counted(grid, struck=[1, 14, 30, 31, 46, 63, 74, 76]))
    assert found[:6] == [1, 14, 30, 46, 60, 75]  # not to one that has another in its own frame, or is further away


def test_frames_that_are_long_leave_drums_alone() -> None:
    grid = Grid.steady(60, 0, 4)
    assert begins(counted(grid, Fraction(12), struck=[13])) == begins(counted(grid, Fraction(12)))


def test_beats_that_are_shorter_than_frames_are_left_between_them() -> None:
    grid = Grid.steady(120, 0.3, 4)
    times = np.arange(40) / 1.0
    np.testing.assert_array_equal(counted(grid, Fraction(1), 40), grid.count(times))


def test_beats_that_fall_into_one_frame_do_not_stop_the_count() -> None:
    beats = np.array([0.5, 1.0, 1.5, 1.51, 2.0, 2.5, 3.0])
    count = counted(Grid(beats, np.array([0, 4]), 4))
    assert (np.diff(count) > 0).all() and count[60] == 4 and count[75] == 5


def test_steady_beats_stay_steady_for_an_hour() -> None:
    grid = Grid.steady(100, 0.2, 4)
    count = counted(grid, seconds=3600)
    assert count[-1] == pytest.approx(grid.count(np.array([3600 - 1 / 30]))[0], abs=0.1)


@pytest.mark.parametrize("shift", [0, 0.004])
def test_a_tempo_that_changes_between_beats_changes_there(shift: float) -> None:
    """Halfway from beat 2 to beat 3; beats that lie beside their frames are still whole in them."""
    count = counted(Grid.mapped([(shift, 120), (1.25 + shift, 60)], 4))
    np.testing.assert_allclose(count[[36, 38, 45]], [2.4, 2.5 + 1 / 60, 2.75], atol=0.015)
    assert count[[0, 15, 30, 53, 83]].tolist() == [0, 1, 2, 3, 4] and (np.diff(count) > 0).all()
