"""Signals that move, shape and choose, each against a plain loop in float64, or against what its formula gives."""

from __future__ import annotations

import math
from dataclasses import replace
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from test_moments import BAR, BEAT, landmarks
from test_nodes import scene

from n2s.graph.errors import GraphError
from n2s.graph.node import DeclarationError
from n2s.nodes import (
    Crossfade,
    Delay,
    Envelope,
    Gate,
    Integrate,
    Normalise,
    Quantise,
    Relative,
    Remap,
    Select,
    Smooth,
    Spring,
    Threshold,
)  # fmt: skip
from n2s.nodes.curves import between
from n2s.nodes.easing import NAMES, ease

RATES = [24, Fraction(30000, 1001), 60, Fraction(44100, 512)]


def noise(count: int, columns: int = 0, seed: int = 0) -> np.ndarray:
    shape = (count, columns) if columns else count
    return np.random.default_rng(seed).random(shape).astype(np.float32)


def full(value: float, like: np.ndarray) -> np.ndarray:
    return np.full(len(like), value, np.float32)


def musical(fps: Any = 24, frames: int = 1440) -> Any:
    """Return a scene of a minute in threes with four sections, ABAB, and two drops."""
    place = scene(frames, fps)
    clock = replace(place.clock, tempo=60 / BEAT, bar=BAR, landmarks=landmarks())
    return replace(place, clock=clock)


# Springs


def at_rest(node: Spring, kicks: np.ndarray, fps: Any = 60, target: float = 0.0, strength: float = 1.0) -> np.ndarray:
    return node.compute(scene(len(kicks), fps), kicks, full(target, kicks), full(strength, kicks))


@pytest.mark.parametrize("damping", [0.0, 0.05, 0.3, 0.9, 1.0, 1.5, 4.0])
def test_a_kick_swings_a_spring_out_by_its_strength(damping: float) -> None:
    kicks = np.zeros(20000, np.float32)
    kicks[100] = 0.5
    moved = at_rest(Spring(period=1.0, damping=damping), kicks, 2000, strength=0.8)
    assert not moved[:101].any() and moved.max() == pytest.approx(0.4, rel=1e-5)


@pytest.mark.parametrize("fps", RATES)
@pytest.mark.parametrize("damping", [0.2, 1.0, 2.0])
def test_a_spring_against_its_formula(fps: Any, damping: float) -> None:
    """Kicks at any time, summed as the responses of each one; and a target that jumps."""
    count, period = 400, 0.7
    kicks = np.zeros(count, np.float32)
    kicks[[5, 40, 41, 200]] = [1, 0.5, 0.9, 0.3]
    moved = at_rest(Spring(period=period, damping=damping), kicks, fps, target=0.25)
    times, w = np.arange(count) / float(fps), 2 * math.pi / period
    root = np.sqrt(complex(damping**2 - 1)) * w

    def response(t: np.ndarray) -> np.ndarray:
        t = np.maximum(t, 0)
        body = t if damping == 1 else np.real(np.sinh(root * t) / root)
        return np.exp(-damping * w * t) * body

    peak = response(np.linspace(0, 3, 300_001)).max()
    rises = np.maximum(np.diff(kicks.astype(np.float64), prepend=0), 0)
    expected = 0.25 + sum(rise * response(times - times[i]) / peak for i, rise in enumerate(rises) if rise)
    np.testing.assert_allclose(moved, expected, atol=2e-5)


def test_a_wide_pulse_kicks_as_a_narrow_one() -> None:
    narrow, wide = np.zeros((2, 300), np.float32)
    narrow[50], wide[50:60] = 1, 1
    np.testing.assert_array_equal(at_rest(Spring(), narrow), at_rest(Spring(), wide))


def test_springs_of_columns_are_apart() -> None:
    kicks = (noise(200, 3) > 0.9).astype(np.float32)
    whole = at_rest(Spring(), kicks)
    for i in range(3):
        np.testing.assert_array_equal(whole[:, i], at_rest(Spring(), kicks[:, i]))


# Integrals


@pytest.mark.parametrize("fps", RATES)
def test_an_integral_of_a_line_is_exact(fps: Any) -> None:
    place = scene(500, fps)
    times = place.clock.times(0, 500)
    way = Integrate(per=2.0, start=0.25).compute(place, (3 * times + 1).astype(np.float32))
    np.testing.assert_allclose(way, 0.25 + (1.5 * times**2 + times) / 2, rtol=1e-6)


# Envelopes


def envelope(trigger: np.ndarray, fps: Any = 100, **settings: Any) -> np.ndarray:
    return Envelope(**settings).compute(scene(len(trigger), fps), trigger)


def test_an_envelope_of_one_frame() -> None:
    trigger = np.zeros(200, np.float32)
    trigger[10] = 0.8
    times = np.arange(200) / 100
    made = envelope(trigger, delay=0.1, attack=0.2, hold=0.3, decay=0.4)
    expected = np.interp(times, [0.2, 0.4, 0.7, 1.1], [0, 0.8, 0.8, 0])
    np.testing.assert_allclose(made, expected, atol=1e-7)
    high = envelope(trigger, delay=0.1, attack=0.2, hold=0.3, decay=0.4, velocity=False, sustain=0.5, release=0.5)
    expected = np.interp(times, [0.2, 0.4, 0.7, 1.1, 1.6], [0, 1, 1, 0.5, 0])
    np.testing.assert_allclose(high, expected, atol=1e-7)


def test_an_envelope_is_sustained_as_long_as_its_trigger() -> None:
    trigger = np.zeros(300, np.float32)
    trigger[10:150] = 1
    made = envelope(trigger, attack=0.1, decay=0.1, sustain=0.6, release=0.2)
    times = np.arange(300) / 100
    np.testing.assert_allclose(made, np.interp(times, [0.1, 0.2, 0.3, 1.5, 1.7], [0, 1, 0.6, 0.6, 0]), atol=1e-7)


@pytest.mark.parametrize("release", [0, 0.2])
def test_an_envelope_whose_trigger_is_held_to_the_end_is_not_released(release: float) -> None:
    trigger = np.zeros(300, np.float32)
    trigger[10:] = 1
    made = envelope(trigger, attack=0.1, decay=0.1, sustain=0.6, release=release)
    times = np.arange(300) / 100
    np.testing.assert_allclose(made, np.interp(times, [0.1, 0.2, 0.3], [0, 1, 0.6]), atol=1e-7)
    trigger[-1] = 0
    falls = 0.0 if release == 0 else 0.6
    assert envelope(trigger, attack=0.1, decay=0.1, sustain=0.6, release=release)[-1] == pytest.approx(falls)


def test_a_trigger_begins_anew_from_where_the_envelope_is() -> None:
    trigger = np.zeros(200, np.float32)
    trigger[[10, 40]] = 1
    times = np.arange(200) / 100
    anew = envelope(trigger, attack=0.2, decay=0.4)
    level = np.interp(0.4, [0.1, 0.3, 0.7], [0, 1, 0])
    expected = np.where(
        times < 0.4, np.interp(times, [0.1, 0.3, 0.7], [0, 1, 0]), np.interp(times, [0.4, 0.6, 1.0], [level, 1, 0])
    )
    np.testing.assert_allclose(anew, expected, atol=1e-7)
    once = envelope(trigger, attack=0.2, decay=0.4, retrigger=False)
    np.testing.assert_allclose(once, np.interp(times, [0.1, 0.3, 0.7], [0, 1, 0]), atol=1e-7)
    assert np.abs(np.diff(anew)).max() < 0.06, "no jump"


def test_envelopes_without_attack_jump_at_once() -> None:
    trigger = np.zeros(50, np.float32)
    trigger[7] = 1
    made = envelope(trigger, attack=0, decay=0)
    assert not made[:7].any() and not made[8:].any()
    assert envelope(trigger, attack=0, decay=0.1)[7] == 1


# Averages


@pytest.mark.parametrize("ahead", [0.0, 0.3, 1.0])
def test_smooth_against_a_loop(ahead: float) -> None:
    signal, width = noise(200, 2).astype(np.float64), 0.05
    made = Smooth(width=width, ahead=ahead).compute(scene(200, 100), signal.astype(np.float32))
    reach = math.ceil(4 * width * 100)
    for k in (0, 3, 77, 199):
        total, weight = np.zeros(2), 0.0
        for i in range(max(0, k - reach), min(200, k + reach + 1)):
            w = math.exp(-(((i - k) / (width * 100)) ** 2) / 2) * (ahead if i > k else 1)
            total, weight = total + w * signal[i], weight + w
        np.testing.assert_allclose(made[k], total / weight, rtol=1e-12)
    assert (Smooth(width=0).compute(scene(200, 100), signal.astype(np.float32)) == signal.astype(np.float32)).all()


def test_smooth_keeps_a_constant_and_looks_ahead() -> None:
    steady = np.full(300, 0.7, np.float32)
    np.testing.assert_allclose(Smooth(width=0.3).compute(scene(300, 30), steady), 0.7, rtol=1e-6)
    step = np.r_[np.zeros(150), np.ones(150)].astype(np.float32)
    both, past = (Smooth(width=0.2, ahead=ahead).compute(scene(300, 30), step) for ahead in (1, 0))
    assert both[147] > 0.3 and past[149] == 0 and past[150] > 0


def test_relative_is_one_where_nothing_changes() -> None:
    steady = np.full(600, 0.3, np.float32)
    np.testing.assert_allclose(Relative().compute(scene(600, 60), steady), 1, rtol=1e-6)
    louder = np.r_[np.full(300, 0.2), np.full(300, 0.4)].astype(np.float32)
    found = Relative().compute(scene(600, 60), louder)
    assert 1.8 < found[306] < 2.0 and found[599] < 1.6
    assert not Relative().compute(scene(60, 60), np.zeros(60, np.float32)).any()


def test_relative_against_a_loop() -> None:
    signal, fps = noise(300).astype(np.float64), 60
    found = Relative(rise=0.02, fall=0.05, slow=0.5, most=2.5).compute(scene(300, fps), signal.astype(np.float32))
    signal = signal.astype(np.float32).astype(np.float64)
    quick, slow = signal[0], signal[:30].mean()
    for k in range(300):
        half = 0.02 if signal[k] > quick else 0.05
        quick += (signal[k] - quick) * (1 - 2 ** (-1 / (fps * half))) if k else 0
        slow += (signal[k] - slow) * (1 - 2 ** (-1 / (fps * 0.5)))
        assert found[k] == pytest.approx(min(quick / max(slow, 0.01 * signal.max()), 2.5), rel=1e-9)


def test_normalise_brings_the_harder_strikes_of_every_song_to_one() -> None:
    soft = np.zeros(100, np.float32)
    soft[::10] = np.arange(1, 11) / 25  # ten strikes: the 80th percentile is 0.8 of the way 0.04 .. 0.4
    found = Normalise().compute(scene(100), soft)
    np.testing.assert_allclose(found, soft / np.float32(0.328), rtol=1e-6)
    np.testing.assert_allclose(Normalise(of=100).compute(scene(100), soft).max(), 1, rtol=1e-6)
    np.testing.assert_allclose(Normalise(most=2).compute(scene(100), soft), 2 * soft)
    np.testing.assert_allclose(Normalise(most=0.5).compute(scene(100), soft), 0.5 * soft)
    assert not Normalise().compute(scene(100), np.zeros(100, np.float32)).any()
    both = np.stack([soft, 8 * soft], axis=1)
    np.testing.assert_allclose(Normalise().compute(scene(100), both), np.stack([found, found], axis=1), rtol=1e-6)


# Shapes


def test_remap_and_quantise() -> None:
    signal = np.linspace(-1, 2, 31).astype(np.float32)
    ends = [full(value, signal) for value in (0, 1, 5, 3)]
    made = Remap().compute(scene(31), signal, *ends)
    np.testing.assert_allclose(made, 5 - 2 * np.clip(signal.astype(np.float64), 0, 1), rtol=1e-7)
    eased = Remap(ease="in_cubic").compute(scene(31), signal, *ends)
    np.testing.assert_allclose(eased, 5 - 2 * np.clip(signal.astype(np.float64), 0, 1) ** 3, rtol=1e-7)
    meeting = Remap().compute(scene(31), signal, ends[0], ends[0], *ends[2:])
    np.testing.assert_array_equal(meeting, np.where(signal > 0, 3, 5))
    with pytest.raises(DeclarationError, match="Remap.from_high: from_low is the same"):
        Remap(from_low=1, from_high=1)
    steps = Quantise().compute(scene(31), signal, full(0.25, signal))
    np.testing.assert_allclose(steps, np.round(signal.astype(np.float64) / 0.25) * 0.25)
    still = Quantise().compute(scene(31), signal, np.where(signal > 1, 0.5, 0).astype(np.float32))
    np.testing.assert_array_equal(still, np.where(signal > 1, np.round(signal * 2) / 2, signal))
    for step in (0, 1e-30):
        np.testing.assert_array_equal(Quantise(step=step).compute(scene(31), signal, full(step, signal)), signal)


@pytest.mark.parametrize("name", NAMES)
def test_easings_begin_at_0_and_end_at_1(name: str) -> None:
    t = np.linspace(-0.5, 1.5, 2001)
    made = ease(name, t)
    np.testing.assert_allclose(made[[0, 500]], 0, atol=1e-12)
    np.testing.assert_allclose(made[[1500, 2000]], 1, atol=1e-12)
    assert np.isfinite(made).all() and np.abs(np.diff(made)).max() < 0.05, "it jumps"
    if name.startswith("in_out"):
        np.testing.assert_allclose(made + made[::-1], 1, atol=1e-9)
    elif name.startswith("out_"):
        np.testing.assert_allclose(made, 1 - ease(name.replace("out", "in"), t)[::-1], atol=1e-12)


def test_easings_of_one_third() -> None:
    known = {
        "linear": 1 / 3, "smooth": 7 / 27, "in_quad": 1 / 9, "out_quad": 5 / 9, "in_out_quad": 2 / 9,
        "in_cubic": 1 / 27, "in_quart": 1 / 81, "in_sine": 1 - math.cos(math.pi / 6),
        "in_circ": 1 - math.sqrt(8 / 9), "in_back": (2.70158 / 3 - 1.70158) / 9,
        "out_bounce": 7.5625 / 9, "in_out_cubic": 4 / 27,
    }  # fmt: skip
    for name, value in known.items():
        assert ease(name, np.array([1 / 3]))[0] == pytest.approx(value), name


def test_splines_pass_through_their_points_without_corners() -> None:
    times, values = np.array([0.0, 1, 1.5, 4]), np.array([[0.0], [1], [0.5], [2]])
    now = np.linspace(-1, 5, 60_001)
    made = between(times, values, now, "spline")[:, 0]
    np.testing.assert_allclose(between(times, values, times, "spline"), values, atol=1e-12)
    slopes = np.diff(made) / np.diff(now)
    assert np.abs(np.diff(slopes)).max() < 2e-3
    line = between(np.array([0.0, 1, 3, 4, 9]), np.array([[0.0], [2], [6], [8], [18]]), now, "spline")[:, 0]
    inner = (now > 1) & (now < 4)
    np.testing.assert_allclose(line[inner], 2 * now[inner], atol=1e-9)


def test_thresholds_against_a_loop() -> None:
    signal = noise(500, 2)
    for on, off, hold in ((0.6, 0.4, 0.0), (0.7, None, 0.1), (0.5, 0.5, 0.0)):
        made = Threshold(on=on, off=off, hold=hold).compute(scene(500, 100), signal)
        low = on if off is None else off
        for column in range(2):
            state, since = False, -1000
            for k in range(500):
                value = float(signal[k, column])
                if not state and value > on:
                    state, since = True, k
                elif state and k - since >= hold * 100 and (value < low or (low == on and value <= on)):
                    state = False
                assert made[k, column] == state
        gated = Gate(on=on, off=off, hold=hold).compute(scene(500, 100), signal)
        np.testing.assert_array_equal(gated, signal * made)
    with pytest.raises(DeclarationError, match="off is 0.8, above on"):
        Threshold(on=0.5, off=0.8).compute(scene(500), signal)


def test_delays_move_signals_and_keep_attacks() -> None:
    times = np.arange(200) / 50
    line = (2 * times).astype(np.float32)
    later, earlier = (Delay(time=time).compute(scene(200, 50), line) for time in (0.123, -0.5))
    np.testing.assert_allclose(later[20:], 2 * (times[20:] - 0.123), atol=1e-6)
    np.testing.assert_allclose(earlier[:-26], 2 * (times[:-26] + 0.5), atol=1e-6)
    hits = np.zeros(200, np.float32)
    hits[[3, 50, 199]] = [0.3, 0.9, 0.5]
    moved = Delay(time=0.113).compute(scene(200, 50), hits)
    assert np.flatnonzero(moved).tolist() == [9, 56] and moved[56] == np.float32(0.9)
    np.testing.assert_array_equal(Delay(time=0).compute(scene(200, 50), hits), hits)
    only = np.float32([5])  # no attack, but all that there is
    assert all(Delay(time=time).compute(scene(1), only) == only for time in (1, 0, -1))


def test_select_and_crossfade() -> None:
    a, b, c = (noise(50, 2, seed) for seed in range(3))
    index = np.linspace(0, 3, 50).astype(np.float32)
    made = Select().compute(scene(50), a, b, index, c=c)
    for k in range(50):
        np.testing.assert_array_equal(made[k], (a, b, c)[min(int(math.floor(float(index[k]) + 0.5)), 2)][k])
    amount = np.linspace(0, 1, 50).astype(np.float32)
    faded = Crossfade().compute(scene(50), a, b, amount)
    np.testing.assert_allclose(faded, a + (b.astype(np.float64) - a) * amount[:, None], rtol=1e-12)
    power = Crossfade(law="power").compute(scene(50), a, b, amount)
    np.testing.assert_array_equal(power[[0, -1]], [a[0], b[-1]])
    with pytest.raises(GraphError, match="2, 1 columns; they must have as many each"):
        Crossfade().compute(scene(50), a, b[:, 0], amount)


def test_beats_before_are_held_against_a_range_as_beats_after_are() -> None:
    """A Delay is within 600 s on both sides."""
    for beats in (1, 211, 3999, -1, -211, -3999):  # 3,999 beats last 599.85 s where the music is as fast as can be
        assert str(Delay(time=f"{beats} beats").time) == f"{beats} beats"
    for beats in (4001, -4001):
        with pytest.raises(DeclarationError, match=r"whatever the tempo is, it must be within -600\.\.600, in s"):
            Delay(time=f"{beats} beats")
