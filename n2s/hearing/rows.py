"""Hearing: what a piece of music sounds like over time, in one pass over its samples, as plain arrays.

Analysis runs at a hop of its own that no frame rate changes. Row ``j`` describes the sound around sample ``j * hop``.
librosa does the same jobs well, but compiles for half a minute before its first beat: `n2s.hearing.tones` hears with it
what needs it, and the tests have it as referee.
"""

from __future__ import annotations

from typing import Any

import numpy as np

from n2s.hearing.loudness import k_weighting
from n2s.hearing.pitches import Pitches
from n2s.hearing.spectrum import (
    chroma_bank,
    cosines,
    hann,
    mel_bank,
    mel_centres,
    power,
    power_of,
    sum_bands,
    sum_classes,
    window_size,
)

BANDS = 40  # mel bands of the timbre
LEVELS = 24  # mel bands of the onsets: about the width in which the ear sums, and steady on noise
COEFFICIENTS = 13
SPLITS = 200.0, 2000.0  # Hz, between low, mid and high
SILENCE = 1e-10  # mean square, -100 dB: below it a frame is silent
FLOOR = 1e-8  # mean square, -80 dB, added to every band before the logarithm of the timbre
LOUDNESS = 0.3  # Stevens' exponent. Decibels would let a faint tick in silence outdo a drum in a full mix
LAG = 0.06  # how far an onset's window looks back, as a share of its length: see `_early`
STEP = 1024 / 44100  # s, between the rows of what the beat is found in, at every sample rate

STRUCK = 200.0, 5000.0  # Hz, between kicks, snares and hats

PARTS = 8  # of a hop, to which a rise is found

NAMES = ("rms", "peak", "centroid", "flatness", "onset", "low", "mid", "high", "weighted", "width", "sharp")


def analyse(audio: Any, rows: int = 256) -> dict[str, np.ndarray]:
    """Return everything heard in a piece, from one pass over its samples.

    Frames are windows of N samples, the power of two nearest to 46.4 ms (2048 at 44.1 and 48 kHz), ``hop = N / 4``
    apart; frame ``j`` is centred on sample ``j * hop`` and sees zeros beyond both ends. A spectrum is the mean of the
    channels' power spectra under a Hann window, so that opposite phases do not cancel, scaled so that the bins of a
    frame sum to its mean square: a sine of amplitude 1 sums to 1/2.

    Parameters
    ----------
    audio : object
        With ``rate`` (Hz), ``channels``, ``samples`` and ``read(start, n)``, float32 (channels, n), zero outside. It is
        read forwards, every sample once.
    rows : int
        Frames computed at a time. Changes memory, never a bit of the result.

    Returns
    -------
    dict of ndarray
        float32, J = samples // hop + 1 rows:

        ``rms`` (J,)
            Root of the mean square of all channels over the samples of the frame, 0 .. 1 for full scale.
        ``peak`` (J,)
            Largest absolute sample of any channel within a hop of the middle of the frame.
        ``centroid`` (J,)
            Hz, mean of the bins' frequencies weighted by their magnitudes; 0 in silence. A tone below about 100 Hz
            reads a few percent high: it is narrower than the window can tell.
        ``flatness`` (J,)
            Geometric over arithmetic mean of the bins' powers, without 0 Hz: 0 a tone, 0.56 white noise; 0 in silence.
        ``mfcc`` (J, 13)
            Orthonormal DCT-II of the dB in 40 mel bands, 20 Hz .. 16 kHz.
        ``onset`` (J,)
            Rise in loudness from one row to the next, summed over 24 mel bands, each band's loudness being its mean
            square to the power 0.3 (Stevens' law). The maximum of a click is on the row nearest to it.
        ``low``, ``mid``, ``high`` (J,)
            Root of the mean square below 200 Hz, from there to 2 kHz, and above.
        ``struck`` (J, 3)
            Rises below 200 Hz, from there to 5 kHz, and above, where kicks, snares and hats are: each band's by itself,
            so that a bass drum that falls through the bands rises in all of them. The highest band is always of the
            last one.
        ``sharp`` (J,)
            Samples from the middle of the row to where the sound rises most steeply within a hop of it.
        ``weighted`` (J,)
            Mean square of the channels under the K-weighting of `n2s.hearing.loudness`.
        ``width`` (J,)
            How much of a stereo sound its sides differ in, 0 .. 1: the power of (left - right) / 2 over that of both
            halves; 0 in silence and for one channel.

        float32, K = ceil(seconds / `STEP`) + 1 rows, row k at k `STEP`:

        ``levels`` (K, 24)
            The loudness of each band, between rows along a straight line.
        ``rises`` (K, 24)
            Its largest rise among the two rows around.
        ``tones`` (K, 12)
            Amplitude of each pitch class from A2 to A6, C first.
        ``chroma`` (K, 12)
            The same by whole bins, which below A4 take neighbouring classes for each other, at each rate in another
            way. The net was trained on it, and what weighs beats and sections was set by it: neither may change.

        and ``hop`` (samples), ``rate`` (Hz).
    """
    rate, samples, channels = int(audio.rate), int(audio.samples), int(audio.channels)
    size = window_size(rate)
    hop, half = size // 4, size // 2
    count = samples // hop + 1
    window, short = hann(size), hann(half)
    frequency = np.fft.rfftfreq(size, 1 / rate)
    splits = np.searchsorted(frequency, SPLITS)
    bank, level_bank = mel_bank(rate, size, BANDS), mel_bank(rate, half, LEVELS)
    tones, transform = chroma_bank(rate, size), cosines(COEFFICIENTS, BANDS)
    weighting = k_weighting(frequency, rate)
    # Each part has a band at any rate: where none is so high, hats are as hard as what is highest.
    parts = np.minimum(np.searchsorted(mel_centres(rate, LEVELS), STRUCK), (LEVELS - 2, LEVELS - 1))

    out: dict[str, np.ndarray] = {name: np.empty(count, np.float32) for name in NAMES}
    out["mfcc"] = np.empty((count, COEFFICIENTS), np.float32)
    out["struck"] = np.empty((count, 3), np.float32)
    steps, pitches = _Steps(count, hop, rate), Pitches(rate, size)
    heard = np.zeros((channels, size - hop))  # the tail of the samples already read: where the next window begins
    squares, peaks = np.zeros(3), np.zeros(3)  # and of its hops the sums of squares and the largest samples
    heard[:, half:], squares[2:], peaks[2:] = _take(audio, 0, half - hop, hop)
    before = np.zeros((1, LEVELS))
    for first in range(0, count, rows):
        last = min(first + rows, count)
        here = slice(first, last)
        fresh, fresh_squares, fresh_peaks = _take(audio, (first + 1) * hop, (last - first) * hop, hop)
        heard, squares = np.concatenate([heard, fresh], axis=1), np.concatenate([squares, fresh_squares])
        peaks = np.concatenate([peaks, fresh_peaks])

        frames = [np.lib.stride_tricks.sliding_window_view(channel, size)[::hop] for channel in heard]
        spectra = [np.fft.rfft(channel * window) for channel in frames]
        spectrum = _mean(map(power_of, spectra))
        total = np.einsum("jk->j", spectrum)
        sounding = total > SILENCE

        four = squares[:-3] + squares[1:-2] + squares[2:-1] + squares[3:]
        middle = np.arange(first, last) * hop
        inside = np.minimum(middle + half, samples) - np.maximum(middle - half, 0)
        out["rms"][here] = np.sqrt(four / (np.maximum(inside, 1) * channels))

        out["peak"][here] = np.maximum(peaks[1:-2], peaks[2:-1])
        out["weighted"][here] = np.einsum("jk,k->j", spectrum, weighting)
        out["width"][here] = _width(frames, total) if channels == 2 else 0

        magnitude = np.sqrt(spectrum)
        weight = np.einsum("jk->j", magnitude)
        pitch = np.einsum("jk,k->j", magnitude, frequency)
        out["centroid"][here] = np.where(sounding, pitch / np.where(sounding, weight, 1), 0)
        bins = spectrum[:, 1:]
        mean = np.einsum("jk->j", bins) / bins.shape[1]
        shape = np.exp(np.einsum("jk->j", np.log(np.maximum(bins, 1e-30))) / bins.shape[1])
        out["flatness"][here] = np.where(sounding, shape / np.where(mean > 0, mean, 1), 0)
        for name, part in zip(("low", "mid", "high"), np.split(spectrum, splits, axis=1), strict=True):
            out[name][here] = np.sqrt(np.einsum("jk->j", part))
        out["mfcc"][here] = np.einsum("jb,cb->jc", 10 * np.log10(sum_bands(spectrum, bank) + FLOOR), transform)

        early = _mean(power(_early(channel, half), short) for channel in frames)
        level = np.concatenate([before, sum_bands(early, level_bank) ** LOUDNESS])
        before = level[-1:]
        rise = np.maximum(level[1:] - _widest(level[:-1]), 0)
        out["onset"][here] = np.einsum("jb->j", rise)
        for i, part in enumerate(np.split(np.maximum(level[1:] - level[:-1], 0), parts, axis=1)):
            out["struck"][here, i] = np.einsum("jb->j", part)
        out["sharp"][here] = _steepest(heard, hop, last - first)
        steps.add(first, level[1:], rise, sum_classes(magnitude, *tones))
        pitches.add(spectra, spectrum)
        heard, squares, peaks = heard[:, -(size - hop) :], squares[-3:], peaks[-3:]
    return out | steps.out | {"tones": pitches.finish(steps.places), "hop": np.array(hop), "rate": np.array(rate)}


def _take(audio: Any, start: int, n: int, hop: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Return the channels, float64 (C, n), and over each hop the sum of all their squares and the largest sample."""
    channels, square = audio.read(start, n).astype(np.float64), np.zeros(n)
    for channel in channels:
        square += channel * channel
    largest = np.abs(channels).max(axis=0).reshape(-1, hop).max(axis=1)
    return channels, np.einsum("jn->j", square.reshape(-1, hop)), largest


def _steepest(heard: np.ndarray, hop: int, rows: int) -> np.ndarray:
    """Return how many samples from the middle of each row the sound rises most, within a hop either way.

    The amplitude of the differences between samples, in parts of a hop, is compared with the four parts before.
    """
    part = max(hop // PARTS, 1)
    steps = np.diff(heard, axis=1, prepend=heard[:, :1])
    squares = np.einsum("cn->n", steps * steps)
    level = np.sqrt(np.einsum("bn->b", squares[: len(squares) // part * part].reshape(-1, part)))
    before = (level[3:-1] + level[2:-2] + level[1:-3] + level[:-4]) / 4
    rise = np.maximum(level[4:] - before, 0)  # rise[b] is that of part b + 4
    each, reach = hop // part, hop // part
    first = 2 * hop // part - reach - 4  # the first part that row 0 looks at
    around = np.lib.stride_tricks.sliding_window_view(rise[first:], 2 * reach + 1)[: rows * each : each]
    best = np.argmax(around, axis=1)
    found = (best - reach) * part + part // 2
    return np.where(around[np.arange(len(around)), best] > 0, found, 0)


def _width(frames: list[np.ndarray], power_of_both: np.ndarray) -> np.ndarray:
    """Return how much of two channels' power is that of their difference."""
    left, right = frames
    both = np.einsum("jn,jn->j", left, left) + np.einsum("jn,jn->j", right, right)
    across = left - right
    apart = np.einsum("jn,jn->j", across, across) / 2
    return np.where(power_of_both > SILENCE, apart / np.where(both > 0, both, 1), 0)


def _mean(spectra: Any) -> np.ndarray:
    """Return the mean of some arrays, added in their order."""
    found = list(spectra)
    total = found[0]
    for other in found[1:]:
        total += other
    total /= len(found)
    return total


def _early(frames: np.ndarray, short: int) -> np.ndarray:
    """Return the windows that hear onsets: half as long, for sharper times, and a little early.

    A click is the most news when the window's flank reaches it, not when its middle does, so a centred window would
    report it early. Looking back by ``LAG`` of the length puts the report on the click itself.
    """
    begin = (frames.shape[1] - short) // 2 - round(LAG * short)
    return frames[:, begin : begin + short]


def _widest(level: np.ndarray) -> np.ndarray:
    """Return the maximum over each band and its neighbours: a tone that slides into the next band is no onset.

    Böck and Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013.
    """
    padded = np.pad(level, ((0, 0), (1, 1)), mode="edge")
    return np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])


class _Steps:
    """Brings rows to steps of `STEP`, a block at a time."""

    def __init__(self, count: int, hop: int, rate: int):
        self._last = count - 1
        place = STEP * rate / hop  # rows in a step
        steps = int(np.ceil((count - 1) / place)) + 1
        self.places = np.arange(steps) * place
        self.out = {
            "levels": np.zeros((steps, LEVELS), np.float32),
            "rises": np.zeros((steps, LEVELS), np.float32),
            "chroma": np.zeros((steps, 12), np.float32),
        }
        self._done = 0
        self._before: tuple[int, list[np.ndarray]] | None = None

    def add(self, first: int, *blocks: np.ndarray) -> None:
        """Take the levels, rises and chroma of rows ``first`` on."""
        if self._before is not None:  # the last row of the block before stands between it and this one
            first -= 1
            blocks = tuple(np.concatenate([old, new]) for old, new in zip(self._before[1], blocks))
        stop = first + len(blocks[0])
        end = len(self.places) if stop > self._last else int(np.searchsorted(self.places, stop - 1))
        place = np.minimum(self.places[self._done : end], self._last)
        row = np.minimum(place.astype(int), max(self._last - 1, 0)) - first
        share = (place - first - row)[:, None]
        after = np.minimum(row + 1, len(blocks[0]) - 1)
        for name, values in zip(("levels", "rises", "chroma"), blocks):
            here, there = values[row], values[after]
            made = np.maximum(here, there) if name == "rises" else here + (there - here) * share
            self.out[name][self._done : end] = made
        self._done = end
        self._before = stop - 1, [values[-1:].copy() for values in blocks]
