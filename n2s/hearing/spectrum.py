"""Spectra: windows, bands of pitch and of pitch classes, and sums in a fixed order.

No sum here goes through BLAS, so the bits depend neither on how many rows are computed at a time nor on how many
threads a linear algebra library feels like using.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

LOWEST, HIGHEST = 20.0, 16000.0  # Hz, the range of the mel bands
TONES = 110.0, 1760.0  # Hz, where pitch classes are heard: A2 to A6

Bank = list[tuple[int, np.ndarray]]  # for each band the first bin that it covers, and its weights from there


def window_size(rate: int) -> int:
    """Return the samples in a window: the power of two nearest to 2048 / 44100 s, at least 64."""
    return max(64, 1 << round(float(np.log2(rate * 2048 / 44100))))


def hann(size: int) -> np.ndarray:
    """Return a periodic Hann window over the root of size times its power, so that `power` sums to the mean square."""
    window = np.sin(np.pi * np.arange(size) / size) ** 2
    return window / np.sqrt(size * np.einsum("n,n->", window, window))


def power(frames: np.ndarray, window: np.ndarray) -> np.ndarray:
    """Return the power of each bin of (…, N) samples, (…, N / 2 + 1); the bins of a sine of amplitude 1 sum to 1/2."""
    return power_of(np.fft.rfft(frames * window))


def power_of(spectrum: NDArray[np.complex128]) -> np.ndarray:
    """Return the power of each bin of spectra of samples under a window."""
    found = spectrum.real**2
    found += spectrum.imag**2  # in place, here and in what follows: fresh memory costs more than the sums
    found[..., 1:-1] *= 2  # the mirrored half
    return found


def mel_bank(rate: int, size: int, bands: int) -> Bank:
    """Return triangles over the bins of a spectrum, equally spaced in mel, 2595 log10(1 + f / 700), with peaks of 1.

    A triangle that falls between two bins takes the nearer one whole.
    """
    edges = np.linspace(_mel(LOWEST), _mel(min(HIGHEST, rate / 2)), bands + 2)
    edges = 700 * (10 ** (edges / 2595) - 1)
    frequency = np.fft.rfftfreq(size, 1 / rate)
    bank = []
    for left, middle, right in zip(edges, edges[1:], edges[2:], strict=False):
        weights = np.minimum((frequency - left) / (middle - left), (right - frequency) / (right - middle))
        under = np.flatnonzero(weights > 0)
        if len(under):
            bank.append((int(under[0]), weights[under[0] : under[-1] + 1]))
        else:
            bank.append((min(round(middle * size / rate), size // 2), np.ones(1)))
    return bank


def mel_centres(rate: int, bands: int) -> np.ndarray:
    """Return the frequencies in hertz at which the bands of `mel_bank` peak."""
    edges = np.linspace(_mel(LOWEST), _mel(min(HIGHEST, rate / 2)), bands + 2)
    return 700 * (10 ** (edges[1:-1] / 2595) - 1)


def _mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)


def sum_bands(found: np.ndarray, bank: Bank) -> np.ndarray:
    """Return the sums (J, bands) of a bank over spectra (J, bins)."""
    return np.stack([np.einsum("jk,k->j", found[:, at : at + len(weights)], weights) for at, weights in bank], axis=1)


def chroma_bank(rate: int, size: int) -> tuple[np.ndarray, np.ndarray]:
    """Return which bins are heard as tones, and the pitch class of each, 0 for C."""
    frequency = np.fft.rfftfreq(size, 1 / rate)
    bins = np.flatnonzero((frequency >= TONES[0]) & (frequency <= TONES[1]))
    classes = np.round(12 * np.log2(frequency[bins] / 440.0)).astype(int) + 9
    return bins, classes % 12


def sum_classes(found: np.ndarray, bins: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Return the sums (J, 12) of the bins of each pitch class of spectra (J, bins)."""
    tones = found[:, bins]
    return np.stack([np.einsum("jk->j", tones[:, classes == which]) for which in range(12)], axis=1)


def cosines(rows: int, columns: int) -> np.ndarray:
    """Return the orthonormal DCT-II as a matrix."""
    matrix = np.cos(np.pi / columns * np.outer(np.arange(rows), np.arange(columns) + 0.5)) * np.sqrt(2 / columns)
    matrix[0] /= np.sqrt(2)
    return matrix
