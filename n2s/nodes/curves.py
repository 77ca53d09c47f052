"""Curves through rows of numbers."""

from __future__ import annotations

import numpy as np

from n2s.nodes.easing import ease

LEAST = 1e-6  # s, as which two rows that are nearer to each other count: slopes stay finite


def between(times: np.ndarray, values: np.ndarray, now: np.ndarray, how: str) -> np.ndarray:
    """Return rows (N, K) at rising times, at other times, (T, K); before the first and after the last one they stay.

    ``how`` is "hold", "spline", or the name of an easing, which goes from each row to the next.
    """
    right = np.clip(np.searchsorted(times, now, side="right"), 1, max(1, len(times) - 1))
    left = right - 1
    right = np.minimum(right, len(times) - 1)
    span = np.maximum(times[right] - times[left], LEAST)
    t = np.clip((now - times[left]) / span, 0.0, 1.0)[:, None]
    if how == "spline":
        return _spline(times, values, left, right, t, span[:, None])
    t = np.floor(t) if how == "hold" else ease(how, t)
    return values[left] + (values[right] - values[left]) * t


def _spline(
    times: np.ndarray, values: np.ndarray, left: np.ndarray, right: np.ndarray, t: np.ndarray, span: np.ndarray
) -> np.ndarray:
    """Return cubic Hermite pieces whose slopes at a row are those of the parabola through it and both neighbours.

    The first and the last slope are 0, where the curve comes to rest.
    """
    slopes = np.zeros_like(values)
    if len(times) > 2:
        step = np.maximum(np.diff(times), LEAST)[:, None]
        rise = np.diff(values, axis=0) / step
        slopes[1:-1] = (step[1:] * rise[:-1] + step[:-1] * rise[1:]) / (step[1:] + step[:-1])
    a, b = values[left], values[right]
    u = 1 - t
    return a * u * u * (1 + 2 * t) + b * t * t * (3 - 2 * t) + span * t * u * (slopes[left] * u - slopes[right] * t)


def monotone(places: np.ndarray, values: np.ndarray, now: np.ndarray) -> np.ndarray:
    """Return a curve through points (N,) at rising places that never overshoots between them, (T,); it stays beyond.

    Cubic Hermite pieces whose slopes are harmonic means of those beside, 0 at a turn (Fritsch and Butland, SIAM J. Sci.
    Stat. Comput. 5, 1984).
    """
    step, rise = np.diff(places), np.diff(values) / np.diff(places)
    slopes = np.concatenate([rise[:1], np.zeros(max(len(places) - 2, 0)), rise[-1:]])
    if len(places) > 2:
        before, after = rise[:-1], rise[1:]
        weight = 2 * step[1:] + step[:-1], step[1:] + 2 * step[:-1]
        same = before * after > 0
        mean = (weight[0] + weight[1]) / np.where(
            same, weight[0] / np.where(same, before, 1) + weight[1] / np.where(same, after, 1), 1
        )
        slopes[1:-1] = np.where(same, mean, 0)
    right = np.clip(np.searchsorted(places, now, side="right"), 1, len(places) - 1)
    left = right - 1
    t = np.clip((now - places[left]) / step[left], 0, 1)
    u = 1 - t
    ends = values[left] * u * u * (1 + 2 * t) + values[right] * t * t * (3 - 2 * t)
    return ends + step[left] * t * u * (slopes[left] * u - slopes[right] * t)
