"""Tones: pitch classes, key and the melody of a piece, heard with librosa's constant-Q transform.

Fourier bins of 46 ms are wider than a semitone below 400 Hz; here every semitone has three bins of its own, from C2 to
B7, so that harmony is told from bass and melody. Music is heard in blocks that overlap, so that memory does not grow
with its length. librosa is imported when something is heard, because it is an extra and its first use compiles.
"""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import numpy as np

from n2s.hearing.rows import STEP

RATE, HOP = 22050, 512  # Hz, and samples of this rate in a step
BLOCK, MARGIN = 2584, 172  # steps: of a minute, and of 4 s on both sides, which are heard twice
LOWEST, OCTAVES, FINE = 65.40639132514966, 6, 3  # Hz of C2; bins in a semitone
BINS = 12 * FINE * OCTAVES
MELODY = 12 * FINE, 12 * FINE * 5  # bins from C3 to C7, where melodies lie
HARMONICS = {1: 1.0, 2: 0.6, 3: 0.45, 4: 0.3, 5: 0.2}  # of a tone, and how much each one counts for it
SMOOTH = 17, 31  # steps and bins of the medians that part what is held from what is struck
SHARP = 3  # power of salience: by which the strongest tone is told from others
SLIDE = 9  # bins that a melody may slide in a step
LEAP = 0.01  # of the likelihood that it leaps instead
SILENCE = 1e-5  # magnitude, below which nothing is a tone


def hear_tones(audio: Any) -> dict[str, np.ndarray]:
    """Return what tones sound, by steps of `n2s.hearing.rows.STEP`, float32, K = ceil(seconds / STEP) + 1 rows.

    Parameters
    ----------
    audio : object
        With ``rate`` (Hz), ``channels``, ``samples`` and ``read(start, n)``, float32 (channels, n), zero outside. It is
        read forwards, every sample once.

    Returns
    -------
    dict of ndarray
        ``chroma`` (K, 12)
            Magnitude of each pitch class among what is held, C first, at the tuning of the piece.
        ``pitch`` (K,)
            The pitch that leads between C3 and C7, in notes, 60 for middle C; there is always one.
        ``tonal`` (K, 6)
            The tonal centroid of the pitch classes, -1 .. 1: the place on the circles of fifths, of minor and of major
            thirds, two numbers each; 0 where nothing sounds.
        ``clear`` (K,)
            What share of all that is held belongs to that pitch and its first harmonics, 0 .. 1.
    """
    import librosa  # an extra, and slow to start

    rate, channels = int(audio.rate), int(audio.channels)
    steps = int(np.ceil(audio.samples / rate / STEP)) + 1
    classes = np.zeros((steps, 12 * FINE), np.float32)
    out = {"pitch": np.zeros(steps, np.float32), "clear": np.zeros(steps, np.float32)}
    move = librosa.sequence.transition_local(MELODY[1] - MELODY[0], SLIDE, window="triangle", wrap=False)
    move = (1 - LEAP) * move + LEAP / len(move)
    frequencies = librosa.cqt_frequencies(BINS, fmin=LOWEST, bins_per_octave=12 * FINE)
    tail, stop_before = np.zeros((channels, 0), np.float32), 0  # what was read of the block before, and up to where
    for first in range(0, steps, BLOCK):
        last = min(first + BLOCK, steps)
        begin, end = first - MARGIN, last + MARGIN
        start, stop = round(begin * STEP * rate), round(end * STEP * rate)
        tail = tail[:, start - stop_before :] if first else tail
        sound = np.concatenate([tail, audio.read(start + tail.shape[1], stop - start - tail.shape[1])], axis=1)
        tail, stop_before = sound, stop
        held = _held(librosa, sound, rate, channels)[:, : end - begin]
        here = slice(MARGIN, MARGIN + last - first)
        classes[first:last] = np.einsum("ock->kc", held.reshape(OCTAVES, 12 * FINE, -1))[here]
        bins, clear = _lead(librosa, held, frequencies, move)
        out["pitch"][first:last] = (36 + bins / FINE)[here]
        out["clear"][first:last] = clear[here]
    chroma = _tuned(classes)
    tonal = librosa.feature.tonnetz(chroma=chroma.T.astype(np.float64), sr=RATE)
    return out | {"chroma": chroma, "tonal": np.nan_to_num(tonal.T).astype(np.float32)}


def compile_librosa() -> None:
    """Hear a moment of noise: librosa compiles what it needs for it, and keeps that for later processes."""
    noise = np.random.default_rng(0).standard_normal((1, RATE)).astype(np.float32)
    hear_tones(SimpleNamespace(rate=RATE, channels=1, samples=RATE, read=lambda start, n: np.resize(noise, (1, n))))


def _held(librosa: Any, samples: np.ndarray, rate: int, channels: int) -> np.ndarray:
    """Return the magnitude of what is held, (bins, steps): the root of the mean of the channels' powers."""
    power = 0.0
    for channel in samples:
        sound = librosa.resample(channel, orig_sr=rate, target_sr=RATE) if rate != RATE else channel
        found = np.abs(
            librosa.cqt(sound, sr=RATE, hop_length=HOP, fmin=LOWEST, n_bins=BINS, bins_per_octave=12 * FINE, tuning=0.0)
        )
        power = power + found * found
    magnitude = np.sqrt(power / channels)
    held, _ = librosa.decompose.hpss(magnitude, kernel_size=SMOOTH)
    return np.where(magnitude > SILENCE, held, 0)


def _lead(librosa: Any, held: np.ndarray, frequencies: np.ndarray, move: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Return the bin of the pitch that leads at every step, and how clear it is.

    The salience of a pitch is the weighted sum of its harmonics; Viterbi's algorithm finds the way that is most salient
    and seldom leaps.
    """
    salience = librosa.salience(
        held, freqs=frequencies, harmonics=list(HARMONICS), weights=list(HARMONICS.values()), filter_peaks=False,
        fill_value=0,
    )[MELODY[0] : MELODY[1]]  # fmt: skip
    likely = (salience / np.maximum(salience.max(axis=0), 1e-12)) ** SHARP + 1e-6
    path = librosa.sequence.viterbi_discriminative(likely / likely.sum(axis=0), move).astype(int) + MELODY[0]
    steps, belongs = np.arange(held.shape[1]), np.zeros(held.shape[1])
    for harmonic in HARMONICS:
        middle = path + round(12 * FINE * np.log2(harmonic))
        for beside in (-1, 0, 1):
            inside = middle + beside < BINS
            belongs += np.where(inside, held[np.minimum(middle + beside, BINS - 1), steps] ** 2, 0)
    whole = np.einsum("bk->k", held**2)
    return path, np.where(whole > 0, belongs / np.where(whole > 0, whole, 1), 0)


def _tuned(classes: np.ndarray) -> np.ndarray:
    """Return twelve pitch classes of thirds of semitones, (K, 36), at the tuning in which the piece is strongest."""
    total = np.einsum("kc->c", classes.astype(np.float64)).reshape(12, FINE)
    strength = [float(np.einsum("c->", np.roll(total.reshape(-1), -shift)[::FINE])) for shift in (-1, 0, 1)]
    tuned = np.roll(classes, 1 - int(np.argmax(strength)), axis=1).astype(np.float64)
    around = [np.roll(tuned, shift, axis=1)[:, ::FINE] for shift in (-1, 0, 1)]
    return (around[0] + around[1] + around[2]).astype(np.float32)
