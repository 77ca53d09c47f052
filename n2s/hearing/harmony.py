"""Harmony and noise: how the harmony of a piece changes, and what of its sound is struck or held."""

from __future__ import annotations

import numpy as np

from n2s.hearing.rows import STEP

HELD, SPREAD = 0.4, 5  # s of a tone that is held, and bands of a noise: over which medians are taken
CHANGE = 0.5  # s before and after, whose harmonies are compared
AT_ONCE = 8192  # steps


def harmonic_change(chroma: np.ndarray) -> np.ndarray:
    """Return how much the harmony of the half second after each step differs from that of the one before, (K,), 0..1.

    It is 1 minus the cosine between the sums of the pitch classes.
    """
    reach = round(CHANGE / STEP)
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(chroma.astype(np.float64), axis=0)])
    place = np.arange(len(chroma))
    before = total[place] - total[np.maximum(place - reach, 0)]
    after = total[np.minimum(place + reach, len(chroma))] - total[place]
    size = np.sqrt(np.einsum("kc,kc->k", before, before) * np.einsum("kc,kc->k", after, after))
    alike = np.einsum("kc,kc->k", before, after) / np.where(size > 1e-12, size, 1)
    return np.where(size > 1e-12, np.clip(1 - alike, 0, 1), 0)


def struck_and_held(levels: np.ndarray, lowest: int) -> tuple[np.ndarray, np.ndarray]:
    """Return what share of each step's loudness is struck and not held, (K,), 0..1, 0 in silence; and the loudness that
    is held in the ``lowest`` bands, (K,): of a bass without the drums.

    What is held stays in its band, what is struck fills all bands for a moment; each band counts as struck by
    P^2 / (P^2 + H^2), P the median of the bands around and H that of the steps around (FitzGerald, "Harmonic/percussive
    separation using median filtering", DAFx 2010).
    """
    reach, bands = max(1, round(HELD / STEP / 2)), SPREAD // 2
    share, bass = np.zeros(len(levels)), np.zeros(len(levels))
    for start in range(0, len(levels), AT_ONCE):
        stop = min(start + AT_ONCE, len(levels))
        low, high = max(start - reach, 0), min(stop + reach, len(levels))
        rows = levels[low:high].astype(np.float64)
        held = _medians(np.pad(rows, ((reach, reach), (0, 0)), mode="edge"), 2 * reach + 1, 0)[start - low : stop - low]
        here = rows[start - low : stop - low]
        struck = _medians(np.pad(here, ((0, 0), (bands, bands)), mode="reflect"), SPREAD, 1)
        both = struck**2 + held**2
        loud, beaten = np.einsum("kb->k", here), here * struck**2 / np.where(both > 0, both, 1)
        share[start:stop] = np.where(loud > 0, np.einsum("kb->k", beaten) / np.where(loud > 0, loud, 1), 0)
        bass[start:stop] = np.einsum("kb->k", (here - beaten)[:, :lowest])
    return share, bass


def _medians(values: np.ndarray, window: int, axis: int) -> np.ndarray:
    return np.median(np.lib.stride_tricks.sliding_window_view(values, window, axis=axis), axis=-1)
