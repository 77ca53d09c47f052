"""Form: which bars belong together, and which sections are alike.

The sections are those that maximise the likeness of near bars within them, plus a prior of their lengths, by dynamic
programming over the bars (after Marmoret, Cohen and Bimbot, "Convolutive block-matching segmentation", TISMIR 2023).
Sections whose bars are alike get the same letter, in the order of their first appearance.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from n2s.hearing.grid import Grid
from n2s.hearing.rows import STEP

NEAR = 7  # bars apart, up to which likeness counts
LONGEST = 40  # bars in a section
PRIOR = 0.38  # what an unusual length costs
LENGTHS = {8: 0.0, 16: 0.1, 4: 0.35, 12: 0.3, 24: 0.3, 32: 0.2}
OTHER = {4: 0.45, 2: 0.75, 1: 1.0}  # multiples of four, of two, and all else
ALIKE = 0.55  # likeness of two sections that have one letter
TONES = 1.0  # how much harmony counts beside timbre
ASTRAY, FIRM = 3, 4  # bars that a beginning moves at most, and that tell what a section is like
CLEARLY = 0.2  # by how much more a bar that moves must be like its new section


@dataclass(frozen=True)
class Form:
    """The sections of a piece: the bar that each begins with, and its letter, "A" for the first."""

    starts: np.ndarray
    letters: tuple[str, ...]
    bars: int


def find_form(heard: Mapping[str, np.ndarray], grid: Grid, duration: float) -> Form:
    """Return the sections of a piece; its bars are counted from the first whole one."""
    edges = bar_edges(grid, duration)
    count = len(edges) - 1
    if count < 2:
        return Form(np.zeros(1, int), ("A",), max(count, 1))
    like = likeness(heard, edges)
    starts = _settle(like, _segments(like))
    letters = _letters(like, [*starts, count])
    new = [i for i, letter in enumerate(letters) if not i or letter != letters[i - 1]]  # alike neighbours are one
    return Form(starts[new], tuple(letters[i] for i in new), count)


def stated_form(sections: Sequence[tuple[float, str]], grid: Grid, duration: float) -> Form:
    """Return the sections that the user has said, (seconds, letter): each begins with the nearest bar."""
    count = max(len(bar_edges(grid, duration)) - 1, 1)
    times = np.array([start for start, _ in sections])
    starts = np.clip(np.rint(grid.bars(grid.count(times))).astype(int), 0, count - 1)
    starts[0] = 0  # what comes before the first one belongs to it
    kept = np.append(np.flatnonzero(np.diff(starts) > 0), len(starts) - 1)  # of those in one bar the last
    return Form(starts[kept], tuple(sections[i][1] for i in kept), count)


def bar_edges(grid: Grid, duration: float) -> np.ndarray:
    """Return the times of the beginnings of bars, from the first whole one, and of the end of the last one."""
    last = int(np.floor(grid.bars(grid.count(np.array([duration])))[0] + 1e-6))
    return grid.bar_times(last)


def likeness(heard: Mapping[str, np.ndarray], edges: np.ndarray) -> np.ndarray:
    """Return how alike any two bars are, -1..1: the cosine of what makes each one different from the others."""
    levels, chroma = heard["levels"].astype(np.float64), heard["chroma"].astype(np.float64)
    begins = np.maximum(np.diff(levels, axis=0, prepend=levels[:1]), 0)
    tones = chroma / (chroma.sum(axis=1, keepdims=True) + 0.02 * chroma.sum(axis=1).max(initial=1e-9))
    columns = []
    for values, weight in ((levels, 1.0), (begins, 1.0), (tones, TONES)):
        bars = _means(values, edges)
        bars = bars - bars.mean(axis=0)
        columns.append(bars * weight / max(float(np.sqrt((bars**2).sum(axis=1).mean())), 1e-9))
    bars = np.concatenate(columns, axis=1)
    size = np.sqrt(np.einsum("bk,bk->b", bars, bars))
    return np.einsum("ak,bk->ab", bars, bars) / np.maximum(np.outer(size, size), 1e-9)


def _means(values: np.ndarray, edges: np.ndarray) -> np.ndarray:
    """Return the means of rows between times, (bars, K)."""
    total = np.concatenate([np.zeros((1, values.shape[1])), np.cumsum(values, axis=0)])
    places = np.clip(edges / STEP + 0.5, 0, len(values))
    at = np.stack([np.interp(places, np.arange(len(total)), column) for column in total.T], axis=1)
    return np.diff(at, axis=0) / np.maximum(np.diff(places), 1e-9)[:, None]


def _segments(like: np.ndarray) -> np.ndarray:
    """Return the bars that sections begin with."""
    count = len(like)
    best, link = np.full(count + 1, -np.inf), np.zeros(count + 1, int)
    best[0] = 0
    band = np.where(np.abs(np.subtract.outer(np.arange(count), np.arange(count))) <= NEAR, like, 0)
    np.fill_diagonal(band, 0)
    total = np.zeros((count + 1, count + 1))
    total[1:, 1:] = band.cumsum(axis=0).cumsum(axis=1)
    for end in range(1, count + 1):
        for start in range(max(0, end - LONGEST), end):
            length = end - start
            inside = total[end, end] - total[start, end] - total[end, start] + total[start, start]
            pairs = sum(2 * (length - apart) for apart in range(1, min(NEAR, length - 1) + 1)) or 1
            value = length * inside / pairs - 8 * PRIOR * _cost(length)
            if best[start] + value > best[end]:
                best[end], link[end] = best[start] + value, start
    found, at = [], count
    while at > 0:
        at = int(link[at])
        found.append(at)
    return np.array(found[::-1])


def _settle(like: np.ndarray, starts: np.ndarray) -> np.ndarray:
    """Return beginnings of sections, moved by the few bars that are clearly like the section on the other side.

    The prior of lengths would else begin a chorus two bars before its drums, where the verse has ten bars.
    """
    edges = [*starts, len(like)]
    for i in range(1, len(starts)):
        before, start, after = edges[i - 1 : i + 2]
        low = min(max(start - ASTRAY, before + FIRM), start) if after - start >= FIRM else start
        high = max(min(start + ASTRAY, after - FIRM), start) if start - before >= FIRM else start
        # Of each bar that may move, how like it is to what stays on either side.
        left, right = (like[low:high, part].mean(axis=1) for part in (slice(before, low), slice(high, after)))
        gain = np.concatenate([[0], np.cumsum(left - right)])  # of a beginning at low, low + 1, ...
        gain -= gain[start - low]
        best = low + int(np.argmax(gain))
        if gain[best - low] > CLEARLY * abs(best - start):
            edges[i] = best
    return np.array(edges[:-1])


def _cost(length: int) -> float:
    if length in LENGTHS:
        return LENGTHS[length]
    return next(cost for part, cost in OTHER.items() if length % part == 0)


def _letters(like: np.ndarray, edges: list[int]) -> tuple[str, ...]:
    """Return a letter for each section: that of the most similar one before it, if they are alike."""
    groups: list[list[int]] = []
    letters = []
    for i, (start, stop) in enumerate(zip(edges, edges[1:])):
        near = [
            np.mean([like[start:stop, edges[k] : edges[k + 1]].mean() for k in group]) for group in groups
        ]  # fmt: skip
        own = like[start:stop, start:stop].mean()
        if near and max(near) > ALIKE * max(own, 1e-9):
            which = int(np.argmax(near))
        else:
            groups.append([])
            which = len(groups) - 1
        groups[which].append(i)
        letters.append(chr(ord("A") + min(which, 25)))
    return tuple(letters)
