"""Beats that nobody plays: through a break between two stretches of beats, and from the first one back to where the
music begins.

A chain of beats slides where nothing tells where they lie. A break of pads between drums of one tempo, which come back
in time, has its beats at even distances; an intro has those of what follows.
"""

from __future__ import annotations

import numpy as np

SURE = 0.5  # of the likeliest beat
SILENT = 4  # beats in a row that are not sure: a break
FEWEST, NEAREST = 12, 48  # sure beats that tell the tempo beside a break, at least and at most
FURTHEST, USUALLY = 2.0, 0.6  # steps: how far from even distances these may lie, at most and on average
SAME = 0.01  # how far two tempos may be apart that are one
IN_TIME = 0.15  # beats: how far from a whole number of them apart the two stretches may lie
FIRST = 8  # beats whose tempo those before them have, where none are even
AUDIBLE = 0.02  # of the loudest step, in loudness: the music has begun
EARLY = 0.25  # beats: how long before the music is heard its first beat may lie: chords swell


def bridge(places: np.ndarray, likely: np.ndarray, levels: np.ndarray) -> np.ndarray:
    """Return beats with those that nobody plays at even distances: of breaks, and before the first ones.

    Parameters
    ----------
    places : ndarray (B,)
        Of the beats that were found, in steps, rising; at least two.
    likely : ndarray (B,)
        The likelihood of each, 0..1.
    levels : ndarray (K, N)
        Loudness of bands by steps.

    Returns
    -------
    ndarray
        In steps, rising. Where the beats on both sides of a break are not in one time, its own stay as they are.
    """
    played = _stretches(likely)
    made, done = [_lead_in(places, played, levels)], int(played[0][0]) if played else 0
    for before, after in zip(played, played[1:]):
        even = _between(places, before[-NEAREST:], after[:NEAREST])
        if even is not None:
            made += [places[done : before[-1]], even]
            done = int(after[0]) + 1
    return np.concatenate([*made, places[done:]])


def _stretches(likely: np.ndarray) -> list[np.ndarray]:
    """Return the sure beats, in stretches between breaks; those that are too short to tell a tempo are left out."""
    sure = np.flatnonzero(likely >= SURE * likely.max())
    parts = np.split(sure, np.flatnonzero(np.diff(sure) > SILENT) + 1)
    return [part for part in parts if len(part) >= FEWEST]


def _between(places: np.ndarray, before: np.ndarray, after: np.ndarray) -> np.ndarray | None:
    """Return the beats from the last of one stretch to the first of the next; None where they are not in one time."""
    early, late = _line(places, before), _line(places, after)
    if early is None or late is None:
        return None
    interval = (early[0] + late[0]) / 2
    begin, end = np.polyval(early, before[-1]), np.polyval(late, after[0])
    count = round(float(end - begin) / interval)
    in_time = abs((end - begin) / interval - count) < IN_TIME
    if count < 1 or not in_time or abs(early[0] - late[0]) > SAME * interval:
        return None
    return np.linspace(begin, end, count + 1)


def _lead_in(places: np.ndarray, played: list[np.ndarray], levels: np.ndarray) -> np.ndarray:
    """Return the beats from the beginning of the music to the first sure one, or to the first one where none are."""
    line = _line(places, played[0][:NEAREST]) if played else None
    if line is None:
        first, interval = float(places[0]), float(np.median(np.diff(places[: FIRST + 1])))
        kept = places[: int(played[0][0])] if played else places[:0]
    else:
        first, interval = float(np.polyval(line, played[0][0])), float(line[0])
        kept = places[:0]
    loud = np.einsum("kb->k", levels.astype(np.float64))
    begins = int(np.argmax(loud > AUDIBLE * loud.max(initial=0.0)))
    count = max(int((first - begins) / interval + EARLY), 0)
    return np.concatenate([first - interval * np.arange(count, 0, -1), kept])


def _line(places: np.ndarray, which: np.ndarray) -> np.ndarray | None:
    """Return the interval of some beats, and where the line through them begins; None where they are uneven."""
    line = np.polyfit(which, places[which], 1)
    off = np.abs(np.polyval(line, which) - places[which])
    return line if off.max() < FURTHEST and off.mean() < USUALLY else None
