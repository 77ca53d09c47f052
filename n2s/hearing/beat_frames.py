"""Beats at the frames of a film: each begins with a frame, that of the drum that is struck on it."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

from n2s.hearing.grid import Grid

FEWEST = 4  # frames between two beats, below which beats are left between frames
NEAR = 0.045  # s: a drum one frame beside a beat is struck on it if frames are no longer than this
HALF = 0.5 + 1e-6  # a beat in the middle of two frames goes to the second, whatever the last bit of its time
STRUCK = 0.2  # of the hardest strokes: from which a drum says where a beat is


def count_at_frames(grid: Grid, fps: Fraction, times: np.ndarray, struck: np.ndarray) -> np.ndarray:
    """Return how many beats have gone by at the frames of a film, (T,) float64: whole where a beat begins.

    A beat begins in the frame nearest to it, or in the one beside it if a drum is struck in that one and none in the
    nearest; between beats the count runs straight, but where the grid knows of another tempo between them. So what
    happens on beats, bars and sections happens in the frame in which drums are seen, not in the first one that comes
    after the beat; and what decays from beat to beat begins each time at its full height.

    Parameters
    ----------
    times : ndarray (T,)
        Of the frames, in seconds, from 0 on.
    struck : ndarray (T,)
        How hard drums are struck in each frame, 0..1.
    """
    exact = grid.count(times)
    beats = np.arange(np.floor(exact[0]) - 1, np.ceil(exact[-1]) + 2)
    frames = np.floor(grid.times(beats) * float(fps) + HALF).astype(np.int64)
    if np.median(np.diff(frames)) < FEWEST:
        return exact
    if 1 / fps <= NEAR:
        frames += _towards_drums(frames, struck)
    rising = np.flatnonzero(frames > np.maximum.accumulate(np.append(frames[0] - 1, frames[:-1])))
    if grid.knots:
        return _along_knots(grid, len(times), frames[rising], beats[rising])
    return np.interp(np.arange(len(times)), frames[rising], beats[rising])


def _along_knots(grid: Grid, length: int, frames: np.ndarray, beats: np.ndarray) -> np.ndarray:
    """Return how many beats have gone by at the first frames, where the tempo may change between beats.

    Time is stretched a little so that beats begin with their frames; in between the count runs as the grid's does.
    """
    found = grid.count(np.interp(np.arange(length), frames, grid.times(beats)))
    inside = (frames >= 0) & (frames < length)
    found[frames[inside]] = beats[inside]  # whole, whatever the last bit of their times
    return found


def _towards_drums(frames: np.ndarray, struck: np.ndarray) -> np.ndarray:
    """Return by how many frames each beat moves to the drum beside it: -1, 0 or 1."""
    padded, places = np.pad(struck, 1), np.clip(frames[:, None] + np.arange(3), 0, len(struck) + 1)
    around = np.where(padded[places] >= STRUCK, padded[places], 0)
    around[(frames < 0) | (frames >= len(struck))] = 0
    before, here, after = around.T
    return np.where(here > 0, 0, np.sign(after - before)).astype(np.int64)
