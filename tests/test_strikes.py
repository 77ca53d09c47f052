"""Bass drums of several kinds over several grounds: when they are struck, and how hard."""

from __future__ import annotations

from functools import cache

import numpy as np
import pytest
from sounds import Sound

from n2s.hearing.beats import find_beats
from n2s.hearing.grid import Grid
from n2s.hearing.rows import STEP
from n2s.hearing.song import hear
from n2s.hearing.strikes import strikes

RATE, HOP, BEAT = 44100, 512, 0.5
STRENGTHS = 0.25, 0.5, 1.0  # amplitudes; loudness is their power 0.6
TIMES = np.arange(round(0.35 * RATE)) / RATE
# Hz at which a drum begins and ends, how fast it falls, 1/s, and how fast it dies away.
DRUMS = {"falls far": (290, 50, 30, 9), "falls fast": (400, 50, 60, 8), "hardly falls": (60, 55, 10, 10)}
CHORDS = ((220, 261.6, 329.6), (174.6, 220, 261.6), (261.6, 329.6, 392), (196, 246.9, 293.7))


def drum(first: float, last: float, falls: float, dies: float) -> np.ndarray:
    turns = last * TIMES + (first - last) / falls * (1 - np.exp(-TIMES * falls))
    return np.sin(2 * np.pi * turns) * np.exp(-TIMES * dies) * np.minimum(TIMES / 0.0005, 1)


def mix(into: np.ndarray, seconds: float, sound: np.ndarray, gain: float = 1.0) -> None:
    at = round(seconds * RATE)
    into[at : at + len(sound)] += gain * sound[: len(into) - at]


def pads(seconds: float) -> np.ndarray:
    """Return chords of two seconds, without an attack."""
    made, time = np.zeros(round(seconds * RATE)), np.arange(2 * RATE) / RATE
    swell = np.minimum(time / 0.2, 1)
    for bar in range(int(seconds / 2)):
        for hertz in CHORDS[bar % 4]:
            mix(made, 2 * bar, 0.05 * swell * sum(np.sin(2 * np.pi * hertz * n * time) / n for n in (1, 2, 3)))
    return made


def kit(rng: np.random.Generator) -> tuple[np.ndarray, np.ndarray]:
    """Return the sounds of a snare and of a hat."""
    noise = rng.standard_normal((2, len(TIMES)))
    snare = noise[0] * np.exp(-TIMES * 18) + 0.5 * np.sin(2 * np.pi * 190 * TIMES) * np.exp(-TIMES * 15)
    return 0.22 * snare, 0.12 * np.diff(noise[1], prepend=0) * np.exp(-TIMES * 70)


@cache
def played(kind: str, ground: str) -> tuple[dict[str, np.ndarray], np.ndarray, np.ndarray]:
    """Return what is heard in 24 s, when bass drums are struck, and with which amplitude."""
    rng = np.random.default_rng(3)
    sound = pads(24) if ground == "pads" else np.zeros(24 * RATE)
    if ground == "noise":
        sound += 0.03 * rng.standard_normal(len(sound))
    snare, hat = kit(rng)
    hits = []
    for beat in range(47):
        at = 0.1 + beat * BEAT
        if beat % 2:
            mix(sound, at, snare)
        for off in [0, BEAT / 2] if beat % 8 == 2 else [0] if beat % 2 == 0 else []:
            hits.append((at + off, rng.choice(STRENGTHS)))
            mix(sound, at + off, drum(*DRUMS[kind]), 0.6 * hits[-1][1])
        mix(sound, at, hat)
        mix(sound, at + BEAT / 2, hat)
    times, strengths = np.array(hits).T
    return hear(Sound(np.tile(sound / np.abs(sound).max(), (2, 1)))), times, strengths


@pytest.mark.parametrize("ground", ["silence", "pads", "noise"])
@pytest.mark.parametrize("kind", DRUMS)
def test_bass_drums_are_heard_as_hard_as_they_are(kind: str, ground: str) -> None:
    """Also one that begins at 290 Hz and falls through the bands, each of which then rises after its neighbour."""
    heard, times, strengths = played(kind, ground)
    rows, hard = strikes(heard["kick"], heard["onset"], heard["struck"][:, 0], HOP, RATE)
    found = (rows * HOP + heard["sharp"][rows]) / RATE
    nearest = np.abs(found[:, None] - times).argmin(axis=0)
    hits = np.abs(found[nearest] - times) < 0.05
    assert hits.mean() > 0.9
    assert np.abs(found[nearest] - times)[hits].max() < 0.01
    loud = hard[nearest][hits & (strengths == 1)]
    assert np.median(loud) > 0.85 and loud.min() > 0.5
    assert np.corrcoef(hard[nearest][hits], strengths[hits] ** 0.6)[0, 1] > 0.85


@pytest.mark.parametrize("rate", [8000, 11025, 22050])
def test_hats_are_struck_in_music_at_a_low_rate(rate: int) -> None:
    """Hats are half as loud every other time; of these rates two have no band as high as hats are."""
    sound, (snare, hat) = 0.01 * pads(24), kit(np.random.default_rng(3))
    for beat in range(46):
        mix(sound, beat * BEAT, snare if beat % 2 else 0.6 * drum(*DRUMS["falls fast"]))
        mix(sound, beat * BEAT + BEAT / 2, hat, 8.0 if beat % 2 else 4.0)
    spectrum = np.fft.rfft(sound)[: 12 * rate + 1]
    heard = hear(Sound(np.fft.irfft(spectrum, 24 * rate) * rate / RATE, rate))
    hop = int(heard["hop"])
    rows, hard = strikes(heard["hat"], heard["onset"], heard["struck"][:, 2], hop, rate)
    hits = np.flatnonzero(np.abs(rows * hop / rate % BEAT - BEAT / 2) < 0.05)
    loud = (rows[hits] * hop / rate / BEAT).astype(int) % 2 == 1
    assert len(hits) > 30 and np.median(hard[hits][loud]) > 0.7
    assert 0 < np.median(hard[hits][~loud]) < np.median(hard[hits][loud])


def test_a_break_of_pads_keeps_the_time() -> None:
    """Pads, drums, pads, drums: the bars begin with the first pad, and not a beat is lost where nobody plays any."""
    sound, (snare, hat) = pads(80), kit(np.random.default_rng(3))
    for beat in [*range(32, 80), *range(112, 160)]:
        mix(sound, beat * BEAT, snare if beat % 2 else 0.6 * drum(*DRUMS["falls fast"]))
        mix(sound, beat * BEAT + BEAT / 2, hat)
    heard = hear(Sound(np.tile(sound / np.abs(sound).max(), (2, 1))))
    grid = Grid.of(find_beats(heard, heard["begins"]))
    bars = grid.bar_times(40)
    np.testing.assert_allclose(bars, 2 * np.arange(41), atol=0.03)


def test_what_begins_beside_a_drum_is_not_taken_for_it() -> None:
    """Keys, louder in all, begin 23 ms after each bass drum."""
    step = round(STEP * RATE / HOP)
    likelihood, onset, rise = np.zeros(60), np.zeros(60 * step), np.zeros(60 * step)
    for peak in (10, 30, 50):
        likelihood[peak] = 0.9
        onset[step * peak], rise[step * peak : step * peak + 2] = 0.5, 0.2
        onset[step * peak + 2], rise[step * peak + 2] = 0.9, 0.02
    rows, hard = strikes(likelihood, onset, rise, HOP, RATE)
    assert rows.tolist() == [10 * step, 30 * step, 50 * step] and hard.tolist() == [1, 1, 1]
