"""Stretches of music, by which signals are counted: beats, bars, seconds, sections, what lies between drops."""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.graph.errors import GraphError
from n2s.graph.landmarks import LETTERS, Moment
from n2s.graph.time import Clock

SLACK = 1e-6  # stretches by which a count may be rounded
WITHOUT = 'every "{what}" is heard in the music; add a Features node.'


def turns(clock: Clock, every: Any, times: np.ndarray) -> np.ndarray:
    """Return how many stretches have gone by at some times, float64: the whole part numbers the stretch, from 0 on.

    Of beats and bars it is their count on the grid that was heard, over the number in ``every``; without one, and of
    seconds, it is the time over the length. Of a `Moment` the stretches are those between its occurrences.
    """
    if not isinstance(every, Moment):
        unit = every.unit[:3]
        if clock.landmarks and unit in ("bea", "bar"):
            return clock.landmarks.count(unit if unit == "bar" else "beat", times) / every.value
        return times / clock.seconds(every)
    starts, duration = _edges(clock, every), clock.duration
    which = np.maximum(np.searchsorted(starts, times, side="right") - 1, 0)
    begin, end = np.array(starts)[which], np.array([*starts[1:], max(duration, starts[-1] + 1e-9)])[which]
    return which + np.clip((times - begin) / np.maximum(end - begin, 1e-9), 0, 1 - 1e-9)


def numbered(gone: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the number of each frame's stretch, and how much of it has gone by, 0..1, of what `turns` gives.

    A stretch that begins with a frame begins there, whatever the last bits of its count say.
    """
    number = np.floor(gone + SLACK)
    return number, np.clip(gone - number, 0.0, 1.0)


def check_alike(alike: bool, info: Any) -> bool:
    """Refuse values that belong to letters where ``every`` counts no sections; a validator of that setting."""
    every = info.data.get("every")
    if alike and every is not None and not (isinstance(every, Moment) and every.what == "section"):
        raise ValueError("it belongs to the letters of sections; set every: section")
    return alike


def letters(clock: Clock) -> np.ndarray:
    """Return the number of the letter of each section, 0 for A."""
    return np.array([LETTERS.index(letter) for _, letter in _heard(clock, "section").sections])


def _edges(clock: Clock, every: Moment) -> list[float]:
    """Return when the stretches begin; the first one begins with the film."""
    return [0.0, *(start for start in _heard(clock, every.what).starts(every.what) if start > 0)]


def _heard(clock: Clock, what: str) -> Any:
    if clock.landmarks is None:
        raise GraphError(WITHOUT.format(what=what))
    return clock.landmarks
