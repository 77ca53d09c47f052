"""The key of music: which tonic and mode its pitch classes speak for.

Pitch classes are compared with the profiles of keys, how well each tone fits a key to listeners' ears (Krumhansl and
Kessler, "Tracing the dynamic changes in perceived tonal organization", Psychological Review 89, 1982).
"""

from __future__ import annotations

import numpy as np

NAMES = ("C", "C#", "D", "Eb", "E", "F", "F#", "G", "Ab", "A", "Bb", "B")
MAJOR = (6.35, 2.23, 3.48, 2.33, 4.38, 4.09, 2.52, 5.19, 2.39, 3.66, 2.29, 2.88)
MINOR = (6.33, 2.68, 3.52, 5.38, 2.60, 3.53, 2.54, 4.75, 3.98, 2.69, 3.34, 3.17)
AROUND = 8.0  # s on both sides, in which the mode is heard
STEEP = 4.0  # how fast a better fit of one mode decides for it


def fits(chroma: np.ndarray) -> np.ndarray:
    """Return how well pitch classes (T, 12) fit the keys, (T, 24), -1..1: major from C on, then minor.

    It is the correlation with the profile of each key; 0 where nothing sounds.
    """
    profiles = np.array([np.roll(mode, tonic) for mode in (MAJOR, MINOR) for tonic in range(12)])
    profiles = profiles - profiles.mean(axis=1, keepdims=True)
    profiles /= np.sqrt(np.einsum("kc,kc->k", profiles, profiles))[:, None]
    apart = chroma - chroma.mean(axis=1, keepdims=True)
    size = np.sqrt(np.einsum("tc,tc->t", apart, apart))
    found = np.einsum("tc,kc->tk", apart, profiles)
    return np.where(size[:, None] > 0, found / np.where(size > 0, size, 1)[:, None], 0)


def find_key(chroma: np.ndarray) -> tuple[int, bool, float]:
    """Return the tonic of a piece (0 for C), whether it is minor, and how well it fits, -1..1."""
    fit = fits(chroma.astype(np.float64).sum(axis=0, keepdims=True))[0]
    best = int(np.argmax(fit))
    return best % 12, best >= 12, float(fit[best])


def minor_around(chroma: np.ndarray, step: float) -> np.ndarray:
    """Return how minor the music around each step is, (K,): 0 clearly major, 1 clearly minor, 1/2 neither.

    The better fit of all minor keys is compared with that of all major ones, over the pitch classes of ``AROUND``
    seconds on both sides.
    """
    reach = max(1, round(AROUND / step))
    total = np.concatenate([np.zeros((1, 12)), np.cumsum(chroma.astype(np.float64), axis=0)])
    place = np.arange(len(chroma))
    sums = total[np.minimum(place + reach + 1, len(chroma))] - total[np.maximum(place - reach, 0)]
    fit = fits(sums)
    lead = fit[:, 12:].max(axis=1) - fit[:, :12].max(axis=1)
    return 1 / (1 + np.exp(-STEEP * 4 * lead))


def name_of(tonic: int, minor: bool) -> str:
    """Return the name of a key: "A minor"."""
    return f"{NAMES[tonic]} {'minor' if minor else 'major'}"
