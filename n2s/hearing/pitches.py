"""Pitch classes down to A2: what sounds is told from the peaks of spectra, and not from the bins in which they lie.

A bin of 46 ms is as wide as three semitones at A2. Low tones are therefore heard in windows four times as long, without
longer transforms: what one bin hears, row after row, is a slow signal, and the spectrum of sixteen rows of it parts the
bin in four.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from n2s.hearing.spectrum import TONES

LOWEST, HIGHEST = (tone * 2 ** (side / 24) for tone, side in zip(TONES, (-1, 1)))  # Hz, between two semitones each
SPLIT = 508.4  # Hz, between B4 and C5: higher tones are far enough apart for the bins of one row
LONG, EVERY = 16, 4  # rows in a long window, and from one window to the next
PARTS = 4  # of a bin: rows are a quarter of a window apart, so a long window has four times as many bins
AROUND = 1 / 8, 2 / 8, 2 / 8, 2 / 8, 1 / 8  # how much the power of the rows around counts for higher tones
PEAK = 1 / 3  # the power of the bin in which a sine of amplitude 1 lies, under the window of `spectrum.hann`
FAINT = 1e-6  # amplitude below which nothing is a tone


class Pitches:
    """Hears how much of each pitch class sounds, rows of spectra at a time.

    Parameters
    ----------
    rate, size : int
        Samples per second and in a window; rows are ``size / 4`` apart.
    """

    def __init__(self, rate: int, size: int):
        self._bin = rate / size  # Hz
        self._low, self._high = (self._bins(*limits, size // 2) for limits in ((LOWEST, SPLIT), (SPLIT, HIGHEST)))
        self._window = np.sin(np.pi * np.arange(LONG) / LONG) ** 2 * 2 / LONG
        bins = np.arange(self._low.start, self._low.stop)[:, None]
        self._parts = (PARTS * bins + np.arange(PARTS) - PARTS // 2) % LONG  # of the spectrum of a bin's rows
        # What a window hears of tones half a bin and a quarter of a bin from its own.
        self._gain = 1 / np.tile(_hann_at((np.arange(PARTS) - PARTS // 2) / PARTS), len(bins))
        self._spectra: list[np.ndarray] = []  # of low tones, by channels; rows before the first one are silent
        self._powers = np.zeros((LONG // 2, self._high.stop - self._high.start))
        self._found: list[np.ndarray] = []

    def _bins(self, low: float, high: float, last: int) -> slice:
        """Return the bins between two frequencies, with one more on both sides: peaks are higher than these."""
        return slice(min(max(round(low / self._bin) - 1, 1), last), min(round(high / self._bin) + 2, last + 1))

    def add(self, spectra: Sequence[np.ndarray], power: np.ndarray) -> None:
        """Take rows of the spectra of each channel, complex (J, bins), and of the mean of their powers, (J, bins)."""
        low = [spectrum[:, self._low] for spectrum in spectra]
        before = self._spectra or [np.zeros((LONG // 2, rows.shape[1]), complex) for rows in low]
        self._spectra = [np.concatenate(pair) for pair in zip(before, low)]
        self._powers = np.concatenate([self._powers, power[:, self._high]])
        windows = (len(self._powers) - LONG) // EVERY + 1
        if windows > 0:
            self._found.append(self._low_tones(windows) + self._high_tones(windows))
            self._spectra = [rows[windows * EVERY :] for rows in self._spectra]
            self._powers = self._powers[windows * EVERY :]

    def finish(self, places: np.ndarray) -> np.ndarray:
        """Return the amplitude of each pitch class, float32 (K, 12), C first, at some places in rows; no more come."""
        silent = LONG // 2 + EVERY
        self.add([np.zeros((silent, self._low.stop)) for _ in self._spectra], np.zeros((silent, self._high.stop)))
        found = np.concatenate(self._found)
        rows = np.arange(len(found)) * EVERY
        return np.stack([np.interp(places, rows, tone) for tone in found.T], axis=1).astype(np.float32)

    def _low_tones(self, windows: int) -> np.ndarray:
        power = 0.0
        for rows in self._spectra:
            long = np.lib.stride_tricks.sliding_window_view(rows, LONG, axis=0)[: windows * EVERY : EVERY]
            bins = np.fft.fft(long * self._window)
            parts = np.take_along_axis(bins, self._parts[None], axis=2).reshape(windows, -1)
            power = power + parts.real**2 + parts.imag**2
        amplitude = np.sqrt(power / len(self._spectra) * 2 / PEAK) * self._gain  # 2: of the mirrored half
        return _classes(amplitude, self._low.start - 0.5, self._bin, PARTS, (LOWEST, SPLIT))

    def _high_tones(self, windows: int) -> np.ndarray:
        first, count = LONG // 2 - len(AROUND) // 2, windows * EVERY
        power = sum(weight * self._powers[first + i : first + i + count : EVERY] for i, weight in enumerate(AROUND))
        return _classes(np.sqrt(power / PEAK), self._high.start, self._bin, 1, (SPLIT, HIGHEST))


def _hann_at(bins: np.ndarray) -> np.ndarray:
    """Return what a Hann window hears of a sine so many bins from its own, in parts of what it hears of its own."""
    return np.sinc(bins) / (1 - bins**2)


def _classes(amplitude: np.ndarray, first: float, width: float, parts: int, limits: tuple[float, float]) -> np.ndarray:
    """Return the amplitudes (J, 12) of the pitch classes of the peaks of spectra (J, bins) between two frequencies.

    A peak lies where the parabola through the logarithms of its bin and the two beside it is highest. Bins are
    ``width / parts`` hertz apart, and the first of them at ``first`` times the width.
    """
    middle = amplitude[:, 1:-1]
    row, place = np.nonzero((middle > FAINT) & (middle > amplitude[:, :-2]) & (middle >= amplitude[:, 2:]))
    left, here, right = (np.log(np.maximum(amplitude[row, place + i], FAINT)) for i in range(3))
    off = 0.5 * (left - right) / np.minimum(left - 2 * here + right, -1e-9)
    hertz = (first + (place + 1 + off) / parts) * width
    height = np.exp(here - 0.25 * (left - right) * off) * ((hertz >= limits[0]) & (hertz < limits[1]))
    tone = np.rint(12 * np.log2(hertz / 440.0)).astype(int) + 9
    return np.bincount(12 * row + tone % 12, weights=height, minlength=12 * len(amplitude)).reshape(-1, 12)
