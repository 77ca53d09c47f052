"""A drum machine: every drum is made of a sine that falls, of noise in a band, or of both, drawn at random."""

from __future__ import annotations

import numpy as np

from training.hearing import band

RATE = 44100


class Machine:
    """Drums that stay the same for a song."""

    def __init__(self, rng: np.random.Generator):
        self._rng = rng
        self._drums: dict[int, np.ndarray] = {}

    def drum(self, note: int) -> np.ndarray:
        """Return the sound of a drum, a second of it, float64, 1 at most."""
        if note not in self._drums:
            self._drums[note] = _normal(self._make(note))
        return self._drums[note]

    def _make(self, note: int) -> np.ndarray:
        rng = self._rng
        if note == band.KICK:
            return self._tone(rng.uniform(38, 75), rng.uniform(1.2, 6), rng.uniform(20, 90), rng.uniform(0.1, 0.5)) + (
                rng.uniform(0, 0.3) * self._noise(1000, 8000, rng.uniform(0.002, 0.01))
            )
        if note in (band.SNARE, band.SIDE, band.CLAP, band.RIM):
            low = rng.uniform(300, 1500) if note != band.RIM else rng.uniform(1000, 2500)
            noise = self._noise(low, rng.uniform(4000, 14000), rng.uniform(0.02, 0.15))
            return noise + rng.uniform(0, 1.2) * self._tone(rng.uniform(140, 330), 1.3, 30, rng.uniform(0.03, 0.15))
        if note in (band.OPEN, band.CRASH, band.RIDE):
            return self._noise(rng.uniform(3500, 9000), 16000, rng.uniform(0.06, 0.5))
        if note in (band.CLOSED, band.PEDAL, band.SHAKER, band.TAMBOURINE):
            return self._noise(rng.uniform(3500, 10000), 16000, rng.uniform(0.008, 0.06))
        return self._tone(rng.uniform(80, 500), rng.uniform(1, 1.8), 30, rng.uniform(0.05, 0.25))

    def _tone(self, hertz: float, sweep: float, fall: float, decay: float) -> np.ndarray:
        t = np.arange(RATE) / RATE
        pitch = hertz * (1 + (sweep - 1) * np.exp(-fall * t))
        return np.sin(2 * np.pi * np.cumsum(pitch) / RATE) * np.exp(-t / decay)

    def _noise(self, low: float, high: float, decay: float) -> np.ndarray:
        count = RATE
        spectrum = np.fft.rfft(self._rng.standard_normal(count))
        frequency = np.fft.rfftfreq(count, 1 / RATE) + 1e-9
        spectrum /= np.sqrt((1 + (low / frequency) ** 6) * (1 + (frequency / high) ** 6))
        return np.fft.irfft(spectrum, count) * np.exp(-np.arange(count) / (decay * RATE))


def _normal(sound: np.ndarray) -> np.ndarray:
    sound = sound * np.minimum(1, np.arange(len(sound), 0, -1) / 200)
    return sound / max(float(np.abs(sound).max()), 1e-9)
