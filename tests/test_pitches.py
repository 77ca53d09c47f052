"""Pitch classes that are heard quickly: tones and chords whose names are known."""

from __future__ import annotations

import numpy as np
import pytest
from sounds import Sound, sine

from n2s.hearing.harmony import harmonic_change
from n2s.hearing.key import find_key
from n2s.hearing.rows import STEP, analyse

A2, A6 = 45, 93  # notes, 60 for middle C
ANY_RATES = [11025, 22050, 44100, 48000, 96000]
MAJOR, MINOR = (0, 4, 7), (0, 3, 7)


def note(number: float, rate: int, seconds: int = 1, amplitude: float = 0.1) -> np.ndarray:
    return sine(440 * 2 ** ((number - 69) / 12), rate, seconds, amplitude)


def chord(notes: list[int], rate: int) -> np.ndarray:
    return np.sum([note(number, rate) for number in notes], axis=0)


def tones(samples: np.ndarray, rate: int) -> np.ndarray:
    return analyse(Sound(samples, rate))["tones"]


@pytest.mark.parametrize("rate", ANY_RATES)
def test_every_tone_sounds_in_its_own_class_alone(rate: int) -> None:
    """A little out of tune, too: a third of a semitone either way."""
    for number in range(A2, A6 + 1):
        off = (number % 3 - 1) / 3
        found = tones(note(number + off, rate), rate)[10:30].mean(axis=0)
        own = found[number % 12]
        assert found.argmax() == number % 12 and own == pytest.approx(0.1, rel=0.15), number
        assert found.sum() - own < 0.35 * own, number


@pytest.mark.parametrize("rate", [44100, 48000])
@pytest.mark.parametrize("lowest", [48, 60])
@pytest.mark.parametrize("minor", [False, True])
def test_chords_and_the_keys_that_they_are_in(minor: bool, lowest: int, rate: int) -> None:
    """I IV V I, or i iv V i: the leading tone tells the key from its relative."""
    for tonic in range(12):
        kinds = (MINOR, MINOR, MAJOR, MINOR) if minor else (MAJOR,) * 4
        chords = [
            [lowest + tonic + root + step for step in kind] for root, kind in zip((0, 5, 7, 0), kinds, strict=True)
        ]
        found = tones(np.concatenate([chord(notes, rate) for notes in chords]), rate)
        for second, notes in enumerate(chords):
            sounding = found[round((second + 0.2) / STEP) : round((second + 0.8) / STEP)].mean(axis=0)
            own = sorted(number % 12 for number in notes)
            assert sorted(np.argsort(sounding)[-3:]) == own and sounding[own].min() > 0.7 * sounding.max(), notes
        assert find_key(found)[:2] == (tonic, minor)


@pytest.mark.parametrize("lowest", [45, 48, 60])
def test_a_chord_that_moves_by_a_semitone_is_another_harmony(lowest: int) -> None:
    rate = 44100
    samples = [chord([lowest + root + step for step in MAJOR], rate) for root in (0, 0, 1, 1)]
    change = harmonic_change(tones(np.concatenate(samples), rate))[30:-30]
    assert abs((30 + np.argmax(change)) * STEP - 2) < 0.06 and change.max() > 0.8
    assert change[: round(0.6 / STEP)].max() < 0.05


def test_opposite_phases_do_not_cancel_and_silence_has_no_tones() -> None:
    one = chord([48, 52, 55, 76], 44100)
    np.testing.assert_allclose(tones(np.stack([one, -one]), 44100), tones(one, 44100), rtol=1e-5, atol=1e-7)
    assert not tones(np.zeros(44100), 44100).any()


@pytest.mark.parametrize("rate", [64, 200, 1000, 4000])
def test_rates_too_low_for_all_tones(rate: int) -> None:
    found = tones(0.1 * np.sin(np.arange(3 * rate)), rate)
    assert np.isfinite(found).all() and found.min() >= 0
