"""Beats and bars: the best way through what the net heard, by dynamic programming.

First the beats: a chain of rows, each with the interval since the one before, that maximises

    sum of logit(beat) at its rows - CHANGE * sum of (how far log interval changes, beyond rounding)^2 + the prior

so tempo drifts, ramps and steps are followed, and silence is bridged at the tempo that there was. Then the bars: one
metre for the whole track, whose first beats have the largest sum of logit(downbeat); a bar may be cut short, at a cost.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

from n2s.hearing.bridges import bridge
from n2s.hearing.rows import STEP

SLOWEST, FASTEST = 40.0, 220.0  # beats per minute
USUAL, SPREAD = 112.0, 0.55  # beats per minute, and octaves: the prior of tempo
PRIOR = 0.5  # how much it counts, for each beat
CHANGE = 800.0  # what a change of tempo costs
JUMP = 0.25  # how far the logarithm of an interval may change at once: a track has one metrical level
OFTEN = 0.25  # of all rows are beats: what is known before anything is heard
LOWEST, HIGHEST = -1.5, 6.0  # of the evidence of a row
AUDIBLE = 0.2  # the likelihood that the likeliest beat has at least, where there are beats at all
HEARD = 0.15  # of the likeliest beat: what is less at both ends lies before or after the music
BEGIN = 255  # in place of an interval: a chain begins here
CERTAIN = 1000.0  # the evidence of what the user says
HALF = 60.0  # beats per minute: slower ones are half a tempo, and not the other way round
SURER = 1.1, 1.5  # by how much beats and beginnings of bars are likelier, where half the tempo is right
WITHIN = 1.08  # how far from half of it beats may be
HARMONY = 1.2  # how much a change of harmony counts beside the net's evidence
CUT = 8.0  # what a bar costs that is cut short
QUARTER = 0.25  # of all beats begin a bar
METRES = {4: 0.0, 3: -0.2, 2: -2.5}  # beats in a bar: what is added to the evidence of each first beat


@dataclass(frozen=True)
class Beats:
    """What was found.

    Attributes
    ----------
    times : ndarray
        Of the beats in seconds, float64, rising.
    first : ndarray of int
        Which of them begin a bar.
    bar : int
        Beats in a bar; 0 without beats.
    triple : bool
        Whether a beat falls into three.
    likely : ndarray
        How likely each beat is, 0..1.
    """

    times: np.ndarray
    first: np.ndarray
    bar: int
    triple: bool
    likely: np.ndarray

    def as_arrays(self) -> dict[str, np.ndarray]:
        """Return it as arrays by name, as the store keeps them."""
        return {name: np.asarray(value) for name, value in vars(self).items()}

    @classmethod
    def of_arrays(cls, arrays: Mapping[str, np.ndarray]) -> Beats:
        """Return what `as_arrays` made."""
        return cls(**{**arrays, "bar": int(arrays["bar"]), "triple": bool(arrays["triple"])})

    @property
    def sure(self) -> float:
        """How sure this is, 0..1: the mean likelihood of its beats."""
        return float(self.likely.mean()) if len(self.likely) else 0.0

    def sureness(self, times: np.ndarray) -> np.ndarray:
        """Return how sure the eight beats around some times are, 0..1."""
        if not len(self.likely):
            return np.zeros(len(times))
        padded = np.pad(self.likely.astype(np.float64), 4, mode="edge")
        around = np.lib.stride_tricks.sliding_window_view(padded, 9).mean(axis=1)
        return np.interp(times, self.times, around)


def find_beats(
    heard: Mapping[str, np.ndarray],
    rises: np.ndarray,
    tempo: tuple[float, float] | None = None,
    bar: int | None = None,
    first_beat: float | None = None,
) -> Beats:
    """Return the beats and bars of a piece.

    Parameters
    ----------
    heard : mapping
        "beat" and "downbeat": likelihoods at each row, 0..1; "chroma": how much of each pitch class sounds, (K, 12).
    rises : ndarray (K,)
        How much begins at each row, whatever it is.
    tempo : (float, float), optional
        Between how many beats per minute they lie.
    bar : int, optional
        Beats in a bar.
    first_beat : float, optional
        Seconds: the beat nearest to it begins a bar.
    """
    rows = _sounding(_chain(_evidence(heard["beat"], OFTEN), *(tempo or (SLOWEST, FASTEST))), heard["beat"])
    if tempo is None and len(rows) >= 4:
        rows = _slower_if_surer(rows, heard)
    if len(rows) < 4 or not rises.any() or _near(heard["beat"], rows).max() < AUDIBLE:
        return Beats(np.zeros(0), np.zeros(0, int), 0, False, np.zeros(0))
    places = np.array([_summit(heard["beat"], row) for row in rows])
    places = bridge(places, _near(heard["beat"], rows), heard["levels"])
    rows = np.clip(np.rint(places).astype(int), 0, len(heard["beat"]) - 1)
    likely, evidence = _near(heard["beat"], rows), _bar_evidence(rows, heard)
    if first_beat is not None:
        evidence[int(np.argmin(np.abs(places * STEP - first_beat)))] = CERTAIN
    bar, first = _bars(evidence, {bar: 0.0} if bar else METRES)
    return Beats(places * STEP, first, bar, _is_triple(places, rises), likely)


def _evidence(likelihood: np.ndarray, before: float) -> np.ndarray:
    """Return by how much what was heard speaks for something: the logarithm of the odds over those before it."""
    likelihood = np.clip(likelihood.astype(np.float64), 1e-4, 1 - 1e-4)
    return np.clip(np.log(likelihood / (1 - likelihood)) - np.log(before / (1 - before)), LOWEST, HIGHEST)


def _slower_if_surer(rows: np.ndarray, heard: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return some beats, or those of half their tempo, where these are surer and begin much surer bars.

    In beats that are twice too fast every second bar begins where none does.
    """
    slower = 30 / STEP / float(np.median(np.diff(rows)))
    if slower < HALF:
        return rows
    limits = slower / WITHIN, slower * WITHIN
    others = _sounding(_chain(_evidence(heard["beat"], OFTEN), *limits), heard["beat"])
    if len(others) < 4:
        return rows
    (beats, bars), (other_beats, other_bars) = (_likelihoods(each, heard) for each in (rows, others))
    return others if other_beats > SURER[0] * beats and other_bars > SURER[1] * bars else rows


def _likelihoods(rows: np.ndarray, heard: Mapping[str, np.ndarray]) -> tuple[float, float]:
    """Return how likely beats are, and those of them that begin bars, on average."""
    _, first = _bars(_bar_evidence(rows, heard), METRES)
    return float(_near(heard["beat"], rows).mean()), float(_near(heard["downbeat"], rows)[first].mean())


def _bar_evidence(rows: np.ndarray, heard: Mapping[str, np.ndarray]) -> np.ndarray:
    """Return by how much what is heard speaks for each beat to begin a bar."""
    likely = _near(heard["downbeat"], rows) / np.maximum(_near(heard["beat"], rows), 0.05)
    return _evidence(likely, QUARTER) + HARMONY * _harmony(heard["chroma"], rows)


def _chain(evidence: np.ndarray, slowest: float, fastest: float) -> np.ndarray:
    """Return the rows of the best chain."""
    per_minute = 60 / STEP
    shortest, longest = max(2, int(np.floor(per_minute / fastest))), int(np.ceil(per_minute / slowest))
    intervals = np.arange(shortest, longest + 1)
    count = len(evidence)
    if count < shortest + 2:
        return np.zeros(0, int)
    bpm = per_minute / intervals
    prior = -PRIOR * 0.5 * (np.log2(bpm / USUAL) / SPREAD) ** 2
    apart = np.abs(np.log(intervals[:, None] / intervals[None, :]))
    apart = np.maximum(apart - 1.0 / np.maximum(intervals[:, None], intervals[None, :]), 0)
    cost = np.where(apart < JUMP, CHANGE * apart**2, np.inf)  # [interval, interval before]
    # score[t mod longest, i]: of the best chain that ends at row t after interval i; the rows before it that it can
    # follow. link[t, i]: the interval before that one. A chain begins within the first intervals.
    score = np.full((longest, len(intervals)), -np.inf)
    link = np.full((count, len(intervals)), BEGIN, np.uint8)
    which = np.arange(len(intervals))
    for t in range(count):
        reached = score[(t - intervals) % longest] - cost  # [interval, interval before]
        best = np.argmax(reached, axis=1)
        value = reached[which, best]
        begins = value < 0 if t < longest else np.zeros(len(intervals), bool)
        value = np.where(begins, 0.0, value)
        link[t] = np.where(begins, BEGIN, best)
        score[t % longest] = value + evidence[t] + prior
    last = np.arange(max(count - longest, 0), count)
    tail = score[last % longest]
    row, interval = np.unravel_index(int(np.argmax(tail)), tail.shape)
    row, found = int(last[row]), []
    while True:
        found.append(row)
        before = int(link[row, interval])
        if before == BEGIN:
            return np.array(found[::-1])
        row, interval = row - int(intervals[interval]), before


def _harmony(chroma: np.ndarray, rows: np.ndarray) -> np.ndarray:
    """Return by how much the harmony changes at each beat, over what it usually does, in deviations, -2..2.

    Compared are the pitch classes of the beat and the next one with those of the two before it.
    """
    total = np.concatenate([np.zeros((1, chroma.shape[1])), np.cumsum(chroma.astype(np.float64), axis=0)])
    edges = np.append(rows, min(2 * rows[-1] - rows[-2], len(chroma)))
    beats = np.diff(total[edges], axis=0)
    beats /= np.maximum(np.sqrt(np.einsum("kc,kc->k", beats, beats)), 1e-9)[:, None]
    pairs = np.pad(beats, ((2, 2), (0, 0)), mode="edge")
    after, before = pairs[2:-2] + pairs[3:-1], pairs[1:-3] + pairs[:-4]
    size = np.sqrt(np.einsum("kc,kc->k", after, after) * np.einsum("kc,kc->k", before, before))
    change = 1 - np.einsum("kc,kc->k", after, before) / np.maximum(size, 1e-9)
    return np.clip((change - change.mean()) / max(float(change.std()), 1e-3), -2, 2)


def _near(likelihood: np.ndarray, rows: np.ndarray, reach: int = 2) -> np.ndarray:
    padded = np.pad(likelihood, reach)
    return np.max([padded[rows + shift] for shift in range(2 * reach + 1)], axis=0)


def _sounding(rows: np.ndarray, likelihood: np.ndarray) -> np.ndarray:
    """Return the beats without those before the music begins and after it ends."""
    if not len(rows):
        return rows
    near = _near(likelihood, rows)
    heard = np.flatnonzero(near > HEARD * near.max())
    return rows[heard[0] : heard[-1] + 1] if len(heard) else rows[:0]


def _summit(values: np.ndarray, at: int) -> float:
    """Return where the parabola through the highest row near one, and its neighbours, is highest."""
    low = max(at - 2, 0)
    at = low + int(np.argmax(values[low : at + 3]))
    if not 0 < at < len(values) - 1:
        return float(at)
    left, here, right = (float(v) for v in values[at - 1 : at + 2])
    bend = left - 2 * here + right
    return at + float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else float(at)


def _bars(evidence: np.ndarray, metres: Mapping[int, float]) -> tuple[int, np.ndarray]:
    """Return the beats in a bar, and which beats begin one."""
    best: tuple[float, int, np.ndarray] | None = None
    for bar, prior in metres.items():
        value, first = _phases(evidence + prior, bar)
        if best is None or value > best[0]:
            best = value, bar, first
    assert best, "there is a metre"
    return best[1], best[2]


def _phases(evidence: np.ndarray, bar: int) -> tuple[float, np.ndarray]:
    """Return the evidence of the best bars of one length, of which some may be cut short, and where they begin."""
    score, links = np.zeros(bar), []
    for value in evidence:
        moved = np.roll(score, 1)  # the place in the bar goes on by one,
        link = np.roll(np.arange(bar), 1)
        other = int(np.argmax(score))
        if score[other] - CUT > moved[0]:  # or a bar begins early
            moved[0], link[0] = score[other] - CUT, other
        moved[0] += value
        score = moved
        links.append(link)
    place, first = int(np.argmax(score)), []
    value = float(score[place])
    for k in range(len(evidence) - 1, -1, -1):
        if place == 0:
            first.append(k)
        place = int(links[k][place])
    return value, np.array(first[::-1], int)


def _is_triple(places: np.ndarray, rises: np.ndarray) -> bool:
    """Say whether more begins at thirds of the beats than at halves and quarters."""
    rows = np.arange(len(rises))

    def at(share: float) -> float:
        return float(np.mean(np.interp(places[:-1] + share * np.diff(places), rows, rises)))

    return (at(1 / 3) + at(2 / 3)) / 2 > max(at(1 / 2), (at(1 / 4) + at(3 / 4)) / 2)
