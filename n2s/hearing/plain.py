"""Ears without a trained net: where beats, bars and drums are likely, by formulas alone.

What begins is heard in the ranges of kicks, snares and hats. How it returns after one beat and after a bar of four, and
how kicks and snares answer each other, says how long a beat is; where it gathers when a few beats are laid over each
other says where they lie; the bass says which of them begin bars. Autocorrelation of onset strength under a prior of
tempo, after Ellis, "Beat tracking by dynamic programming", Journal of New Music Research 36, 2007, here by ranges.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from n2s.hearing.rows import LEVELS, STEP, STRUCK
from n2s.hearing.spectrum import mel_centres

AROUND = round(4.0 / STEP)  # rows on both sides, over which all is judged: two bars, while a tempo hardly moves
QUIET = 0.02  # of the loudest moment: what is added to loudness, so that silence stays silent
GAIN = 4.0  # what a rise counts beside the loudness around, before the logarithm: a strong one comes near 1
MOST = 4.0  # times the usual: what an accent is at most, so that a single one decides nothing
FAINT = 0.1  # of the mean of the piece: what is added to what is usual, so that rare accents stay finite
WEIGHTS = 2.0, 1.0, 0.2  # of low, middle and high accents: basses mark beats, hats as often what lies between
SLOWEST, FASTEST = 40.0, 220.0  # beats per minute
EACH = 36  # tempos in an octave, 2 % apart
# What speaks for a beat of some length: its range, after how many beats it is heard again, and how much that counts.
# Basses and chords come again after a bar, hats after a beat, and a snare follows a kick after a beat.
SIGNS = (("low", 4.0, 4.0), ("middle", 4.0, 3.0), ("high", 1.0, 4.0), ("between", 1.0, 3.0))
USUAL, NARROW = 125.0, 1.5  # beats per minute, and what a tempo costs that is an octave from it
CHANGE, JUMP = 720.0, 0.2  # what an octave costs from one second to the next, squared, and how far one goes at most
REACH = 4  # beats on both sides that are laid over each other
SHARP = 6.0  # the power to which a place within a beat is compared with the best one
LEAST, CLEAR = 0.3, 0.7  # regularity, which noise has, too, and from which a beat is as clear as can be
SUREST = 0.95  # what no likelihood exceeds
SOUNDING = 0.5  # of the usual accent, from which the music has begun
QUARTER, STRESS = 0.25, 1.5  # of beats begin a bar; the power to which their bass is compared with that of others
EVERY = 25  # percentile of the rises of a range: what is high only where all of it rises, as noise does
SHORT = round(0.2 / STEP)  # rows, after which a kick has lost much of its strength and a bass note little
HITS = {"kick": 2.0, "snare": 2.0, "hat": 1.0}  # powers: other things sound low or noisy, too; hats stand alone
STRONG, AUDIBLE = 0.3, 0.1  # of the strongest hit of the piece, and rises: less than these is no hit


class PlainEars:
    """Tells from the same rows what the net's ears tell."""

    def listen(self, heard: Mapping[str, np.ndarray]) -> dict[str, np.ndarray]:
        """Return the likelihood of each of `n2s.hearing.net.HEARD` at each step, float32 (K,), 0..1.

        Parameters
        ----------
        heard : mapping
            "levels" and "rises", (K, 24), and "rate", as `n2s.hearing.rows.analyse` returns them.
        """
        levels, rises = _against_loudness(heard)
        parts = np.searchsorted(mel_centres(int(heard["rate"]), LEVELS), STRUCK)
        ranges = np.split(np.log1p(GAIN * rises), parts, axis=1)
        # Of music at a low rate a range may have no band; nothing rises there.
        ranges = [part if part.shape[1] else np.zeros((len(rises), 1)) for part in ranges]
        accents = [_smoothed(np.einsum("kb->k", part) / part.shape[1]) for part in ranges]
        found = _beats(accents) | _drums(ranges, levels[:, 0])
        return {name: values.astype(np.float32) for name, values in found.items()}


def _against_loudness(heard: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return levels and rises relative to the mean level of the seconds around."""
    levels, rises = heard["levels"].astype(np.float64), heard["rises"].astype(np.float64)
    loud = _around(np.einsum("kb->k", levels) / levels.shape[1])
    loud = (loud + QUIET * max(float(loud.max(initial=0.0)), 1e-6))[:, None]
    return levels / loud, rises / loud


def _beats(accents: list[np.ndarray]) -> dict[str, np.ndarray]:
    """Return the likelihoods of beats and of beginnings of bars."""
    period, regular = _periods(accents)
    low, middle, high = (np.minimum(each / (_around(each) + FAINT * each.mean() + 1e-6), MOST) for each in accents)
    salience = WEIGHTS[0] * low + WEIGHTS[1] * middle + WEIGHTS[2] * high
    folded = _folded(salience, period)
    best = _largest(folded, int(np.median(period) / 2))
    clear = np.clip((regular - LEAST) / (CLEAR - LEAST), 0, 1)
    beat = SUREST * clear * (folded / np.maximum(best, 1e-9)) ** SHARP
    sounding = np.flatnonzero(salience > SOUNDING)
    if len(sounding):
        beat[: max(sounding[0] - 1, 0)] = 0
        beat[sounding[-1] + 3 :] = 0
    bass = _largest(low, 2)
    stress = bass / np.maximum(_folded(bass, period), 1e-3)
    return {"beat": beat, "downbeat": beat * np.clip(QUARTER * stress**STRESS, 0.03, 0.9)}


def _drums(ranges: list[np.ndarray], low_level: np.ndarray) -> dict[str, np.ndarray]:
    """Return the likelihoods of drums: a kick is short, snares and hats rise in all of their range at once.

    Each is its strength in parts of the strongest around, to a power.
    """
    after = np.concatenate([low_level, np.zeros(SHORT)])[SHORT:]
    lost = np.clip(1 - after / np.maximum(_largest(low_level, 3), 1e-9), 0, 1)
    found = {}
    for name, part in zip(("kick", "snare", "hat"), ranges, strict=True):
        strength = (
            np.einsum("kb->k", part) / part.shape[1] * lost if name == "kick" else np.percentile(part, EVERY, axis=1)
        )
        strongest = np.maximum(_largest(strength, AROUND), max(STRONG * float(strength.max(initial=0.0)), AUDIBLE))
        found[name] = SUREST * (strength / strongest) ** HITS[name]
    return found


def _periods(accents: list[np.ndarray]) -> tuple[np.ndarray, np.ndarray]:
    """Return how long a beat is around each row, in rows, and how regular the accents are, at most 1.

    Once a second the accents around are compared with themselves later on. Of all ways through the tempos the best one
    has most signs, less what changes of tempo cost.
    """
    count = len(accents[0])
    places = np.arange(AROUND // 2, max(count - AROUND // 2, AROUND // 2 + 1), round(1 / STEP))
    tempos = SLOWEST * 2 ** (np.arange(int(EACH * np.log2(FASTEST / SLOWEST)) + 1) / EACH)
    periods = 60 / tempos / STEP
    again = _again(accents, places, int(4 * periods[0]) + 2)
    signs = -NARROW * np.log2(tempos / USUAL) ** 2 + np.zeros((len(places), 1))
    for name, beats, weight in SIGNS:
        signs = signs + weight * _between(again[name], beats * periods)
    path = _path(signs, np.log2(tempos))
    known = [_between(again[name], beats * periods) for name in ("low", "middle", "high") for beats in (1, 2, 4)]
    regular = np.max(known, axis=0)[np.arange(len(places)), path]
    rows = np.arange(count)
    return np.interp(rows, places, periods[path]), np.interp(rows, places, regular)


def _again(accents: list[np.ndarray], places: np.ndarray, longest: int) -> dict[str, np.ndarray]:
    """Return the autocorrelation (P, longest) of each range's accents around some places, by how many rows later.

    "between" is the correlation of low accents with middle ones before and after.
    """
    low, middle, high = (each - _around(each) for each in accents)
    found = {
        "low": _products(low, low, places, longest),
        "middle": _products(middle, middle, places, longest),
        "high": _products(high, high, places, longest),
        "between": (_products(low, middle, places, longest) + _products(middle, low, places, longest)) / 2,
    }
    least = 1e-4 * AROUND
    power = {name: np.maximum(found[name][:, :1], least) for name in ("low", "middle", "high")}
    power["between"] = np.sqrt(power["low"] * power["middle"])
    return {name: values / power[name] for name, values in found.items()}


def _products(first: np.ndarray, second: np.ndarray, places: np.ndarray, longest: int) -> np.ndarray:
    """Return the sums of first(t) * second(t + later) over the rows around some places, (P, longest)."""
    count, sums = len(first), np.zeros((len(places), longest))
    for later in range(min(longest, count)):
        total = np.concatenate([[0], np.cumsum(first[: count - later] * second[later:])])
        begin, end = (np.clip(places + reach - later // 2, 0, count - later) for reach in (-AROUND, AROUND))
        sums[:, later] = total[end] - total[begin]
    return sums


def _between(values: np.ndarray, places: np.ndarray) -> np.ndarray:
    """Return the columns at broken places, along straight lines."""
    left = np.minimum(places.astype(int), values.shape[1] - 2)
    share = places - left
    return values[:, left] * (1 - share) + values[:, left + 1] * share


def _path(signs: np.ndarray, octaves: np.ndarray) -> np.ndarray:
    """Return which tempo holds at each place, of the path with the largest sum."""
    apart = np.abs(octaves[:, None] - octaves[None, :])
    cost = np.where(apart < JUMP, CHANGE * apart**2, np.inf)
    score, links = signs[0], []
    for row in signs[1:]:
        reached = score - cost
        links.append(np.argmax(reached, axis=1))
        score = reached.max(axis=1) + row
    found = [int(np.argmax(score))]
    for link in reversed(links):
        found.append(int(link[found[-1]]))
    return np.array(found[::-1])


def _folded(values: np.ndarray, period: np.ndarray) -> np.ndarray:
    """Return the mean of values at the same place of the beats around, the nearest ones counting most."""
    count = len(values)
    rows, gone = np.arange(count), np.concatenate([[0], np.cumsum(1 / period)[:-1]])  # beats gone by
    total, weights = np.zeros(count), 0.0
    for beats in range(-REACH, REACH + 1):
        weight = 1 - abs(beats) / (REACH + 1)
        place = np.interp(gone + beats, gone, rows, left=-1, right=count)
        total += weight * np.interp(place, rows, values, left=0, right=0)
        weights += weight
    return total / weights


def _smoothed(values: np.ndarray) -> np.ndarray:
    """Return values under a bell of five rows: what is played together is not struck in the same row."""
    padded = np.pad(values, 2)
    return (padded[:-4] + 4 * padded[1:-3] + 6 * padded[2:-2] + 4 * padded[3:-1] + padded[4:]) / 16


def _around(values: np.ndarray) -> np.ndarray:
    """Return the means of the seconds around each row."""
    total = np.concatenate([[0], np.cumsum(values)])
    row = np.arange(len(values))
    begin, end = np.maximum(row - AROUND, 0), np.minimum(row + AROUND + 1, len(values))
    return (total[end] - total[begin]) / (end - begin)


def _largest(values: np.ndarray, reach: int) -> np.ndarray:
    """Return the largest value within a few rows of each."""
    return np.lib.stride_tricks.sliding_window_view(np.pad(values, reach), 2 * reach + 1).max(axis=1)
