"""Hearing: what a piece of music sounds like over time, as plain arrays, and those arrays at the frames of a film.

Analysis runs once over the samples, at a hop of its own that no frame rate changes. Row ``j`` describes the sound
around sample ``j * hop``. Every sum has a fixed order and none goes through BLAS, so the bits depend neither on how
many rows are computed at a time nor on how many threads a linear algebra library feels like using. librosa does the
same jobs well, but compiles for half a minute before its first beat; here it is the referee, in the tests.
"""

from __future__ import annotations

from fractions import Fraction

import numpy as np

BANDS = 40  # mel bands of the timbre
ONSET_BANDS = 24  # mel bands of the onsets: about the width in which the ear sums, and steady on noise
COEFFICIENTS = 13
LOWEST, HIGHEST = 20.0, 16000.0  # Hz, the range of the mel bands
SPLITS = 200.0, 2000.0  # Hz, between low, mid and high
SILENCE = 1e-10  # mean square, -100 dB: below it a frame is silent
FLOOR = 1e-8  # mean square, -80 dB, added to every band before the logarithm of the timbre
LOUDNESS = 0.3  # Stevens' exponent. Decibels would let a faint tick in silence outdo a drum in a full mix
LAG = 0.06  # how far an onset's window looks back, as a share of its length: see `_onset_rows`
SLOWEST, FASTEST = 40.0, 220.0  # BPM
USUAL = 120.0  # BPM, and the tempo of music that shows none
TIGHTNESS = 400.0  # how much an uneven beat costs the tracker


def analyse(audio, rows: int = 256) -> dict[str, np.ndarray]:
    """Everything heard in a piece, from one pass over its samples.

    Frames are windows of N samples, the power of two nearest to 46.4 ms (2048 at 44.1 and 48 kHz), ``hop = N / 4``
    apart; frame ``j`` is centred on sample ``j * hop`` and sees zeros beyond both ends. Spectra are of the mean of the
    channels, under a Hann window, scaled so that the bins of a frame sum to its mean square: a sine of amplitude 1
    sums to 1/2.

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

        and ``hop`` (samples), ``rate`` (Hz), ``tempo`` (BPM, 0 when there is none), ``beats`` (float64, seconds).
    """
    rate, samples = int(audio.rate), int(audio.samples)
    size = window_size(rate)
    hop, half = size // 4, size // 2
    count = samples // hop + 1
    window, short = _hann(size), _hann(half)
    frequency = np.fft.rfftfreq(size, 1 / rate)
    splits = np.searchsorted(frequency, SPLITS)
    bank, onset_bank = mel_bank(rate, size, BANDS), mel_bank(rate, half, ONSET_BANDS)
    cosines = _dct(COEFFICIENTS, BANDS)

    out = {name: np.empty(count, np.float32) for name in ("rms", "centroid", "flatness", "onset", "low", "mid", "high")}
    out["mfcc"] = np.empty((count, COEFFICIENTS), np.float32)
    heard = np.zeros(size - hop)  # the tail of the samples already read: where the next window begins
    squares = np.zeros(3)  # and the sums of squares of its hops
    heard[half:], squares[2:] = _take(audio, 0, half - hop, hop)
    before = np.zeros((1, ONSET_BANDS))
    for first in range(0, count, rows):
        last = min(first + rows, count)
        here = slice(first, last)
        fresh, fresh_squares = _take(audio, (first + 1) * hop, (last - first) * hop, hop)
        heard, squares = np.concatenate([heard, fresh]), np.concatenate([squares, fresh_squares])

        frames = np.lib.stride_tricks.sliding_window_view(heard, size)[::hop]
        power = _power(frames, window)
        total = np.einsum("jk->j", power)
        sounding = total > SILENCE

        four = squares[:-3] + squares[1:-2] + squares[2:-1] + squares[3:]
        middle = np.arange(first, last) * hop
        inside = np.minimum(middle + half, samples) - np.maximum(middle - half, 0)
        out["rms"][here] = np.sqrt(four / (np.maximum(inside, 1) * audio.channels))

        magnitude = np.sqrt(power)
        weight = np.einsum("jk->j", magnitude)
        pitch = np.einsum("jk,k->j", magnitude, frequency)
        out["centroid"][here] = np.where(sounding, pitch / np.where(sounding, weight, 1), 0)
        tones = power[:, 1:]
        mean = np.einsum("jk->j", tones) / tones.shape[1]
        shape = np.exp(np.einsum("jk->j", np.log(np.maximum(tones, 1e-30))) / tones.shape[1])
        out["flatness"][here] = np.where(sounding, shape / np.where(mean > 0, mean, 1), 0)
        for name, part in zip(("low", "mid", "high"), np.split(power, splits, axis=1), strict=True):
            out[name][here] = np.sqrt(np.einsum("jk->j", part))
        out["mfcc"][here] = np.einsum("jb,cb->jc", 10 * np.log10(_bands(power, bank) + FLOOR), cosines)

        level = _bands(_power(_onset_rows(frames, half), short), onset_bank) ** LOUDNESS
        level = np.concatenate([before, level])
        before = level[-1:]
        rise = np.maximum(level[1:] - _widest(level[:-1]), 0)
        out["onset"][here] = np.einsum("jb->j", rise)
        heard, squares = heard[-(size - hop) :], squares[-3:]

    tempo, beats = track_beats(out["onset"], hop, rate)
    return out | {"hop": np.array(hop), "rate": np.array(rate), "tempo": np.array(tempo), "beats": beats}


def window_size(rate: int) -> int:
    """Samples in a window: the power of two nearest to 2048 / 44100 s, at least 64."""
    return max(64, 1 << round(float(np.log2(rate * 2048 / 44100))))


def mel_bank(rate: int, size: int, bands: int) -> list[tuple[int, np.ndarray]]:
    """Triangles over the bins of a spectrum, equally spaced in mel, ``2595 log10(1 + f / 700)``, with peaks of 1.

    Returns
    -------
    list of (int, ndarray)
        For each band the first bin it covers and its weights from there. A triangle that falls between two bins takes
        the nearer one whole.
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


def _mel(hertz: float) -> float:
    return 2595 * np.log10(1 + hertz / 700)


def _hann(size: int) -> np.ndarray:
    """Periodic Hann window over the root of size times its power, so that `_power` sums to the mean square."""
    window = np.sin(np.pi * np.arange(size) / size) ** 2
    return window / np.sqrt(size * np.einsum("n,n->", window, window))


def _dct(rows: int, columns: int) -> np.ndarray:
    matrix = np.cos(np.pi / columns * np.outer(np.arange(rows), np.arange(columns) + 0.5)) * np.sqrt(2 / columns)
    matrix[0] /= np.sqrt(2)
    return matrix


def _take(audio, start: int, n: int, hop: int) -> tuple[np.ndarray, np.ndarray]:
    """The mean of the channels, float64 (n,), and the sum of all channels' squares over each hop."""
    mean, square = np.zeros(n), np.zeros(n)
    for channel in audio.read(start, n).astype(np.float64):
        mean += channel
        square += channel * channel
    return mean / audio.channels, np.einsum("jn->j", square.reshape(-1, hop))


def _power(frames: np.ndarray, window: np.ndarray) -> np.ndarray:
    spectrum = np.fft.rfft(frames * window)
    power = spectrum.real**2 + spectrum.imag**2
    power[:, 1:-1] *= 2  # the mirrored half
    return power


def _bands(power: np.ndarray, bank: list[tuple[int, np.ndarray]]) -> np.ndarray:
    return np.stack([np.einsum("jk,k->j", power[:, at : at + len(weights)], weights) for at, weights in bank], axis=1)


def _onset_rows(frames: np.ndarray, short: int) -> np.ndarray:
    """The windows that hear onsets: half as long, for sharper times, and a little early.

    A click is the most news when the window's flank reaches it, not when its middle does, so a centred window would
    report it early. Looking back by ``LAG`` of the length puts the report on the click itself.
    """
    begin = (frames.shape[1] - short) // 2 - round(LAG * short)
    return frames[:, begin : begin + short]


def _widest(level: np.ndarray) -> np.ndarray:
    """Maximum over each band and its neighbours: a tone that slides into the next band is no onset.

    Böck and Widmer, "Maximum filter vibrato suppression for onset detection", DAFx 2013.
    """
    padded = np.pad(level, ((0, 0), (1, 1)), mode="edge")
    return np.maximum(np.maximum(padded[:, :-2], padded[:, 1:-1]), padded[:, 2:])


# Beats


def track_beats(onset: np.ndarray, hop: int, rate: int) -> tuple[float, np.ndarray]:
    """Tempo and beats of a piece with one steady tempo.

    The tempo is the lag at which the onsets resemble themselves most, preferring tempi near 120 BPM by a log-normal
    weight one octave wide, and the faster of two levels where both are beaten alike. The beats are the path through
    the onsets that maximises ``sum onset(t_i) - tightness * sum log((t_i - t_(i-1)) / period)^2``, found by dynamic
    programming (Ellis, "Beat tracking by dynamic programming", JNMR 36, 2007).

    Parameters
    ----------
    onset : ndarray (J,)
        At least 0, any scale.
    hop, rate : int
        Samples between rows, and samples per second.

    Returns
    -------
    tempo : float
        BPM, 40 .. 220, from the straight line through the beats; 0 when nothing repeats.
    beats : ndarray
        float64, seconds, ascending; empty when the tempo is 0.
    """
    none = 0.0, np.zeros(0)
    onset = np.asarray(onset, np.float64)
    per_minute = 60 * rate / hop
    shortest, longest = per_minute / FASTEST, per_minute / SLOWEST
    if len(onset) < 3 * shortest or not onset.any():
        return none
    smooth = _smooth(onset)
    period = _period(smooth, shortest, min(longest, len(onset) / 2), per_minute)
    if period is None:
        return none
    rows = _path(smooth / smooth.std(), period)
    rows = _strong(rows, smooth)
    if len(rows) < 3:
        return none
    places = np.array([_summit(smooth, row) for row in rows])
    slope = _slope(places)
    return per_minute / slope, places * (hop / rate)


def _smooth(onset: np.ndarray) -> np.ndarray:
    """Gaussian of 1.5 rows: beats that fall between rows look like beats that fall on them."""
    kernel = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    padded = np.pad(onset, 5)
    return sum(weight * padded[at : at + len(onset)] for at, weight in enumerate(kernel / kernel.sum()))


def _period(onset: np.ndarray, shortest: float, longest: float, per_minute: float) -> float | None:
    """Rows in a beat, or None."""
    centred = onset - onset.mean()
    size = 1 << (2 * len(onset) - 1).bit_length()
    spectrum = np.fft.rfft(centred, size)
    likeness = np.fft.irfft(spectrum.real**2 + spectrum.imag**2, size)[: len(onset)]
    likeness /= likeness[0]
    lags = np.arange(int(np.ceil(shortest)), int(longest) + 1)
    if len(lags) < 3:
        return None
    weight = np.exp(-0.5 * np.log2(per_minute / lags / USUAL) ** 2)
    double = np.minimum(2 * lags, len(likeness) - 1)
    summed = likeness[lags] + 0.5 * np.maximum(likeness[double], 0)  # a beat also repeats at twice its period
    best = int(lags[np.argmax(summed * weight)])
    if likeness[best] < 0.1:
        return None
    period = _summit(likeness, best)
    faster = period / 2
    if faster >= shortest and likeness[round(faster)] > 0.85 * likeness[round(period)]:
        period = _summit(likeness, round(faster))
    return period


def _summit(values: np.ndarray, at: int) -> float:
    """Where the parabola through a row and its neighbours is highest, within half a row."""
    if not 0 < at < len(values) - 1:
        return float(at)
    left, here, right = values[at - 1 : at + 2]
    bend = left - 2 * here + right
    return at + float(np.clip(0.5 * (left - right) / bend, -0.5, 0.5)) if bend < 0 else float(at)


def _path(onset: np.ndarray, period: float) -> np.ndarray:
    """The rows of the best chain of beats."""
    steps = np.arange(round(period / 2), round(2 * period) + 1)[::-1]
    cost = TIGHTNESS * np.log(steps / period) ** 2
    reach = int(steps[0])
    score = np.concatenate([np.full(reach, -np.inf), onset])  # nothing comes before the first row
    link = np.full(len(onset), -1)
    for row in range(len(onset)):
        past = score[row : row + len(steps)] - cost
        best = int(np.argmax(past))
        if past[best] > 0:  # otherwise a chain begins here
            score[reach + row] += past[best]
            link[row] = row - steps[best]
    score = score[reach:]
    tail = max(0, len(score) - round(period))
    row, rows = tail + int(np.argmax(score[tail:])), []
    while row >= 0:
        rows.append(row)
        row = link[row]
    return np.array(rows[::-1])


def _strong(rows: np.ndarray, onset: np.ndarray) -> np.ndarray:
    """The beats without the ones before the music begins and after it ends."""
    level = np.array([onset[max(row - 2, 0) : row + 3].max() for row in rows])
    heard = np.flatnonzero(level > 0.25 * np.sqrt(np.mean(level**2)))
    return rows[heard[0] : heard[-1] + 1] if len(heard) else rows[:0]


def _slope(places: np.ndarray) -> float:
    """Rows per beat: the least squares line through the beats."""
    index = np.arange(len(places)) - (len(places) - 1) / 2
    return float((index * places).sum() / (index * index).sum())


# At the frames of a film


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
    """Each column to 0 .. 1: its 2nd percentile becomes 0, its 98th 1, and what lies beyond is cut.

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
    low, high = np.percentile(values, [2, 98], axis=0)
    same = high <= low
    low, high = np.where(same, values.min(axis=0), low), np.where(same, values.max(axis=0), high)
    width = high - low
    return np.where(width > 0, np.clip((values - low) / np.where(width > 0, width, 1), 0, 1), 0).astype(np.float32)


def beat_count(beats: np.ndarray, tempo: float, fps: Fraction, frames: int) -> np.ndarray:
    """Beats gone by at each film frame: 0 at the first beat, 1 at the second, straight in between.

    Before the first beat (where the count is negative) and after the last the tempo goes on. Without beats the count
    is that of ``tempo``, or of 120 BPM where that is 0, from the first frame.

    Parameters
    ----------
    beats : ndarray
        Seconds, ascending.
    tempo : float
        BPM
    fps : Fraction
    frames : int

    Returns
    -------
    ndarray
        float64 (frames,), ascending
    """
    fps = Fraction(fps)
    time = np.arange(frames, dtype=np.int64) * fps.denominator / fps.numerator
    beats = np.asarray(beats, np.float64)
    pace = (float(tempo) or USUAL) / 60
    if not len(beats):
        return time * pace
    count = np.interp(time, beats, np.arange(len(beats), dtype=np.float64))
    count = np.where(time < beats[0], (time - beats[0]) * pace, count)
    return np.where(time > beats[-1], len(beats) - 1 + (time - beats[-1]) * pace, count)


def beat_phase(beats: np.ndarray, tempo: float, fps: Fraction, frames: int) -> np.ndarray:
    """Where in its beat each film frame lies: `beat_count` without the whole beats, float64 in [0, 1)."""
    count = beat_count(beats, tempo, fps, frames)
    phase = count - np.floor(count)
    return np.where(phase < 1, phase, 0.0)  # a hair before a beat the subtraction rounds up to 1
