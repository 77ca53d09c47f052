"""Sounds that are made in memory: clicks, sines and noise, read the way a file is."""

from fractions import Fraction

import numpy as np

RATES = [Fraction(24), Fraction(30), Fraction(60), Fraction(30000, 1001)]  # of films, frames per second


class Sound:
    """Samples in memory, read the way a file is."""

    def __init__(self, samples, rate=44100):
        self.data = np.atleast_2d(np.asarray(samples, np.float32))
        self.rate = rate
        self.channels, self.samples = self.data.shape
        self.at = None

    def read(self, start, n):
        assert self.at is None or start == self.at, "every sample is read once, forwards"
        self.at = start + n
        out = np.zeros((self.channels, n), np.float32)
        low, high = min(max(start, 0), self.samples), min(max(start + n, 0), self.samples)
        out[:, low - start : low - start + high - low] = self.data[:, low:high]
        return out


def clicks(bpm, rate=44100, seconds=20, first=0.3137, attack=None):
    """A click track; its samples and where its clicks are. With an attack: short bursts of noise over faint noise."""
    rng = np.random.default_rng(0)
    samples = np.zeros(seconds * rate)
    places = np.round(np.arange(first, seconds - 0.2, 60 / bpm) * rate).astype(int)
    for place in places:
        if attack:
            long = int(0.06 * rate)
            samples[place : place + long] += (
                0.5 * np.exp(-np.arange(long) / (attack * rate)) * rng.standard_normal(long)
            )
        else:
            samples[place] = 0.9
    return samples + (1e-3 * rng.standard_normal(len(samples)) if attack else 0), places


def sine(hertz, rate=44100, seconds=2, amplitude=0.5):
    return amplitude * np.sin(2 * np.pi * hertz * np.arange(seconds * rate) / rate)


def white(amplitude, seconds=1):
    return amplitude * np.random.default_rng(0).standard_normal(seconds * 44100)
