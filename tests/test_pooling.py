"""What is heard, at film frames: pooled and normalised; beats and bars as a grid."""

from fractions import Fraction

import numpy as np
import pytest
from sounds import RATES

from n2s.hearing.grid import Grid, phase
from n2s.hearing.pooling import normalise, pool


@pytest.mark.parametrize("fps", [Fraction(1), *RATES, Fraction(25), Fraction(120), Fraction(240)])
def test_pool_is_the_integral_and_the_maximum(fps):
    hop, rate = 512, 44100
    values = np.random.default_rng(0).random((400, 3))
    frames = int(fps * 400 * hop / rate) + 2
    mean, most = (pool(values, hop, rate, fps, frames, how) for how in ("mean", "max"))
    assert mean.shape == most.shape == (frames, 3) and mean.dtype == np.float32
    fine = 4001
    for k in {0, 1, frames // 3, frames // 2, frames - 2, frames - 1}:
        centre = (2 * k * fps.denominator * rate + fps.numerator) // (2 * fps.numerator)
        half = rate / float(fps) / 2
        at = np.linspace(centre - half, centre + half, fine) / hop
        line = np.stack([np.interp(at, np.arange(400), column) for column in values.T], axis=1)
        assert np.allclose(mean[k], (line[:-1] + line[1:]).mean(axis=0) / 2, atol=1e-4)
        assert np.allclose(most[k], line.max(axis=0), atol=2e-2 if fps == 1 else 5e-3)
        assert (most[k] >= line.max(axis=0) - 1e-6).all()


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("rate", [44100, 48000])
def test_pool_does_not_drift_in_an_hour(fps, rate):
    hop, frames = 512, int(3600 * fps)
    rows = np.arange(3600 * rate // hop + 2)
    time = rows * hop / rate - 3599
    late = pool(np.maximum(time, -1), hop, rate, fps, frames)[-int(fps) + 2 : -2]
    expected = (np.arange(frames) / float(fps))[-int(fps) + 2 : -2] - 3599
    assert np.abs(late - expected).max() < 1 / rate


def test_pool_of_constants_and_one_row():
    for how in ("mean", "max"):
        assert np.allclose(pool(np.full(100, 0.3), 512, 44100, Fraction(30), 60, how), 0.3)
        assert pool(np.array([2.0]), 512, 44100, Fraction(24), 5, how).tolist() == [2.0] * 5
        assert pool(np.ones((4, 2)), 512, 44100, Fraction(24), 0, how).shape == (0, 2)
    with pytest.raises(ValueError, match="'mean' or 'max'"):
        pool(np.ones(4), 512, 44100, Fraction(24), 5, "median")


def test_normalise():
    values = np.stack([np.linspace(-5, 5, 101), np.full(101, 7.0), np.r_[np.zeros(100), 3.0]], axis=1)
    out = normalise(values)
    assert out.dtype == np.float32 and out.min() == 0 and out.max() == 1
    assert out[51, 0] == pytest.approx(0.5, abs=0.01) and out[2, 0] == 0 and 0.97 < out[98, 0] < out[100, 0] == 1
    assert not out[:, 1].any()
    assert out[100, 2] == 1 and not out[:100, 2].any()
    assert normalise(np.arange(5)).shape == (5,) and normalise(np.zeros((0, 2))).shape == (0, 2)


def test_the_grid_counts_beats_and_bars():
    grid = Grid(np.array([1.0, 1.5, 2.0]), np.array([0]), 4)
    times = np.arange(80) / 20
    count = grid.count(times)
    assert count[20] == 0 and count[30] == 1 and count[25] == 0.5
    assert count[0] == -2 and count[60] == 4 and (np.diff(count) > 0).all() and count.dtype == np.float64
    assert phase(count).min() >= 0 and phase(count).max() < 1 and np.allclose((count - phase(count)) % 1, 0)
    assert grid.bars(count)[20] == 0 and grid.bars(count)[60] == 1 and grid.bars(count)[0] == -0.5
    starts = grid.starts(grid.count(times))
    assert starts[25] == 0.5 and starts[60] == 0 and starts[0] == 2
    assert grid.tempo == 120 and (grid.tempo_at(times) == 120).all()
    assert phase(np.array([np.nextafter(1, 0), -1e-17])).max() < 1


def test_bars_of_several_lengths():
    """Beats 1 to 9, a half second apart, with bars that begin at beats 1, 5 and 7."""
    grid = Grid(np.arange(10) / 2, np.array([1, 5, 7]), 4)
    count = np.arange(-2, 12, dtype=float)
    bars = grid.bars(count)
    assert bars[count == 1] == 0 and bars[count == 5] == 1 and bars[count == 7] == 2 and bars[count == 11] == 3
    assert bars[count == 3] == 0.5 and bars[count == 6] == 1.5
    assert grid.starts(grid.count(np.array([0.5, 1.0, 2.5, 3.0, 3.5, 5.5, 0.0]))).tolist() == [0, 1, 0, 1, 0, 0, 3]


def test_a_tempo_map_holds_from_its_marks_on():
    """The first tempo before the first mark, too; the last one after the last; and a mark between two beats."""
    grid = Grid.mapped([(8, 60), (10, 120)], 4)
    beats = np.array([-28, -8, -4, 0, 1, 2, 4, 42])
    times = np.array([-20, 0, 4, 8, 9, 10, 11, 30])
    np.testing.assert_allclose(grid.count(times), beats, atol=1e-9)
    np.testing.assert_allclose(grid.times(beats), times, atol=1e-9)
    assert grid.bars(grid.count(np.array([0, 8, 11]))).tolist() == [-2, 0, 1]
    assert grid.tempo_at(np.array([0, 6, 14])).tolist() == [60, 60, 120]
    between = Grid.mapped([(0, 60), (1.5, 120)], 4)
    np.testing.assert_allclose(between.count(np.array([-1, 1, 1.5, 2, 20])), [-1, 1, 1.5, 2.5, 38.5], atol=1e-9)
    np.testing.assert_allclose(between.times(np.array([1, 1.5, 2, 3])), [1, 1.5, 1.75, 2.25], atol=1e-9)


def test_even_beats_are_made_even_and_others_are_not():
    from n2s.hearing.beats import Beats

    rng = np.random.default_rng(0)
    even = 1 + np.arange(60) * 0.47
    found = even + rng.uniform(-0.01, 0.01, 60)
    grid = Grid.of(Beats(found, np.arange(0, 60, 4), 4, False, np.ones(60)))
    assert np.abs(grid.beats - even).max() < 0.004 and grid.tempo == pytest.approx(60 / 0.47, rel=1e-4)
    drifting = 1 + np.arange(60) * 0.47 + 0.1 * np.sin(np.arange(60) / 8)
    assert np.array_equal(Grid.of(Beats(drifting, np.arange(0, 60, 4), 4, False, np.ones(60))).beats, drifting)
