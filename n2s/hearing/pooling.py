"""What was heard, at the frames of a film."""

from __future__ import annotations

from fractions import Fraction

import numpy as np

FAINT = 0.1  # of the strongest impulse: what is less does not count among the impulses


def pool(values: np.ndarray, hop: int, rate: int, fps: Fraction, frames: int, how: str = "mean") -> np.ndarray:
    """Analysis rows to film frames.

    Frame ``k`` is the time k / fps; its window is one film frame wide and centred on the sample
    ``c_k = (2 k den rate + num) // (2 num)`` with ``fps = num / den``: integers, so that nothing drifts. Between rows
    the values run straight, and before the first and after the last they stay. ``mean`` is the integral of that line
    over the window by the width, exact because a straight piece's mean is its middle; ``max`` is its maximum, which
    lies at a row or at an edge. Each frame is summed by itself, so that a change in the music changes no frame out of
    its reach.

    Parameters
    ----------
    values : ndarray (J,) or (J, K)
    hop, rate : int
        Samples between rows, and samples per second.
    fps : Fraction
        Frames per second, more than 0.
    frames : int
        How many.
    how : "mean" or "max"

    Returns
    -------
    ndarray
        float32 (frames,) or (frames, K)
    """
    if how not in ("mean", "max"):
        raise ValueError(f"how is {how!r}; it must be 'mean' or 'max'")
    fps = Fraction(fps)
    values = np.asarray(values, np.float64)
    flat = values.reshape(len(values), -1)
    num, den = fps.numerator, fps.denominator
    centre = (2 * np.arange(frames, dtype=np.int64) * den * rate + num) // (2 * num)
    width = rate * den / num / hop
    left = centre / hop - width / 2
    right = left + width
    begin = np.floor(left).astype(np.int64)
    out = np.zeros((frames, flat.shape[1])) if how == "mean" else np.full((frames, flat.shape[1]), -np.inf)
    end = len(flat) - 1
    for piece in range(int(np.ceil(width)) + 1):
        row = begin + piece
        low, high = np.maximum(left, row), np.minimum(right, row + 1)
        here, there = flat[np.clip(row, 0, end)], flat[np.clip(row + 1, 0, end)]
        step = there - here
        if how == "mean":
            share = np.maximum(high - low, 0)[:, None]
            out += share * (here + step * ((low + high) / 2 - row)[:, None])
        else:
            most = np.maximum(here + step * (low - row)[:, None], here + step * (high - row)[:, None])
            out = np.where((high >= low)[:, None], np.maximum(out, most), out)
    if how == "mean":
        out /= width
    return out.astype(np.float32).reshape(frames, *values.shape[1:])


def normalise(values: np.ndarray) -> np.ndarray:
    """Each column to 0 .. 1: its 2nd percentile becomes 0, its 99.8th 1, and what lies beyond is cut.

    The loudest moments of a piece keep their differences: only the one in 500 that is a click, or nearly, is cut.

    Where the two are the same (rare events in silence), the smallest and largest value take their place; a constant
    becomes 0.

    Returns
    -------
    ndarray
        float32, the shape of ``values``
    """
    values = np.asarray(values, np.float64)
    if not len(values):
        return values.astype(np.float32)
    low, high = np.percentile(values, [2, 99.8], axis=0)
    same = high <= low
    low, high = np.where(same, values.min(axis=0), low), np.where(same, values.max(axis=0), high)
    width = high - low
    return np.where(width > 0, np.clip((values - low) / np.where(width > 0, width, 1), 0, 1), 0).astype(np.float32)


def normalise_peaks(values: np.ndarray) -> np.ndarray:
    """Each impulse of a signal, 0 elsewhere, to 0 .. 1: 1 is the 95th percentile of those that are not faint.

    So one that is rare is not cut for it, and those of different strength stay different.

    Returns
    -------
    ndarray
        float32 (T,)
    """
    values = np.asarray(values, np.float64)
    struck = values[values > FAINT * values.max(initial=0.0)]
    top = float(np.percentile(struck, 95)) if len(struck) else 0.0
    return (np.clip(values / top, 0, 1) if top > 0 else np.zeros(len(values))).astype(np.float32)
