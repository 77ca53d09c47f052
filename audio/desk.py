"""The mixing desk: places, rooms, echoes, loudness. Stereo is float64 (2, n) throughout."""

from __future__ import annotations

import numpy as np
from sounds import RATE, fft_filter, noise


class Desk:
    """Named stereo tracks of one length, to which sounds are added at times in seconds."""

    def __init__(self, seconds: float):
        self.samples = round(seconds * RATE)
        self.tracks: dict[str, np.ndarray] = {}

    def __getitem__(self, name: str) -> np.ndarray:
        return self.tracks.setdefault(name, np.zeros((2, self.samples)))

    def __setitem__(self, name: str, sound: np.ndarray) -> None:
        self.tracks[name] = sound

    def put(self, name: str, sound: np.ndarray, at: float, gain: float = 1.0, pan: float = 0.0) -> None:
        """Add a sound; mono is placed by constant power, -1 left to 1 right."""
        if sound.ndim == 1:
            side = np.pi / 4 * (1 + pan)
            sound = np.stack([np.cos(side) * sound, np.sin(side) * sound]) * np.sqrt(2)
        start = round(at * RATE)
        early, start = max(-start, 0), max(start, 0)
        room = self[name][:, start:]
        sound = sound[:, early : early + room.shape[1]]
        room[:, : sound.shape[1]] += gain * sound


def room(seconds: float, rng, dark: float = 0.5, delay: float = 0.02) -> np.ndarray:
    """A room's answer to a click: noise that dies faster the higher it is, different left and right, of unit energy."""
    total = seconds * 1.3
    t = np.arange(round(total * RATE)) / RATE
    edges = np.array([120, 300, 700, 1600, 3600, 7500, 13000.0])
    out = np.zeros((2, len(t)))
    for i, (left, right) in enumerate(zip(edges, edges[1:], strict=False)):
        reach = seconds * (1 - dark * i / 5) + 0.05
        out += np.stack([noise(total, rng, left, right) for _ in range(2)]) * np.exp(-6.9 * t / reach) * 2 ** (i / 4)
    out *= 1 - np.exp(-t / 0.012)
    out = np.pad(out, ((0, 0), (round(delay * RATE), 0)))
    return out / np.sqrt(np.sum(out**2, axis=1, keepdims=True))


def echo(sound: np.ndarray, seconds: float, feedback: float = 0.45, high: float = 3500.0, times: int = 7) -> np.ndarray:
    """Repeats that change sides each time and get darker; without the sound itself."""
    out, now, shift = np.zeros_like(sound), sound, round(seconds * RATE)
    for _ in range(times):
        later = np.pad(now, ((0, 0), (shift, 0)))[::-1, : sound.shape[1]]
        now = feedback * tilt(later, [(high, 0), (2 * high, -9), (20000, -40)])
        out += now
    return out


def tilt(sound: np.ndarray, curve: list[tuple[float, float]]) -> np.ndarray:
    """Equalise without phase: ``curve`` is (hertz, decibel) points, straight lines over log frequency between them."""
    n = sound.shape[-1]
    size = 1 << (n + RATE // 4 - 1).bit_length()
    freq = np.log(np.maximum(np.fft.rfftfreq(size, 1 / RATE), 1))
    points = np.array(curve, float)
    gain = 10 ** (np.interp(freq, np.log(points[:, 0]), points[:, 1]) / 20)
    return np.fft.irfft(np.fft.rfft(sound, size) * gain, size)[..., :n]


def duck(samples: int, times: list[float], depth: float = 0.7, recover: float = 0.13) -> np.ndarray:
    """A gain that steps aside for each of ``times`` and comes back."""
    gain = np.ones(samples)
    t = np.arange(samples) / RATE
    for at in times:
        start = round(at * RATE)
        rise = np.clip((t[start : start + RATE] - at) / recover, 0, 1)
        gain[start : start + RATE] = np.minimum(
            gain[start : start + RATE], 1 - depth * (0.5 + 0.5 * np.cos(np.pi * rise))
        )
    return gain


def width(sound: np.ndarray, amount: float) -> np.ndarray:
    """Scale the difference of the sides above 150 Hz and take it away below, where bass belongs in the middle."""
    middle, side = sound.mean(axis=0), (sound[0] - sound[1]) / 2
    side = amount * tilt(side, [(90, -40), (200, 0)])
    return np.stack([middle + side, middle - side])


def loudness(sound: np.ndarray) -> float:
    """Integrated loudness in LUFS (ITU-R BS.1770-4), its filters applied to the spectrum."""
    n = sound.shape[1]
    z = np.exp(-2j * np.pi * np.fft.rfftfreq(n, 1 / RATE) / RATE)
    weighted = np.fft.rfft(sound)
    for kind, freq, gain, q in (("shelf", 1681.974, 3.99984, 0.7071752), ("high", 38.13547, 0.0, 0.5003270)):
        k = np.tan(np.pi * freq / RATE)
        if kind == "shelf":
            v, w = 10 ** (gain / 20), 10 ** (gain / 20 * 0.4996667741545416)
            b = v + w * k / q + k * k, 2 * (k * k - v), v - w * k / q + k * k
        else:
            # The standard leaves this one's numerator at 1, -2, 1.
            b = (1 + k / q + k * k) * np.array([1, -2, 1])
        a = 1 + k / q + k * k, 2 * (k * k - 1), 1 - k / q + k * k
        weighted = weighted * (b[0] + b[1] * z + b[2] * z * z) / (a[0] + a[1] * z + a[2] * z * z)
    power = np.cumsum(np.pad(np.sum(np.fft.irfft(weighted, n) ** 2, axis=0), (1, 0)))
    long, step = round(0.4 * RATE), round(0.1 * RATE)
    starts = np.arange(0, n - long + 1, step)
    blocks = (power[starts + long] - power[starts]) / long
    blocks = blocks[blocks > 10 ** ((-70 + 0.691) / 10)]
    blocks = blocks[blocks > 0.1 * blocks.mean()]
    return float(-0.691 + 10 * np.log10(blocks.mean()))


def limit(sound: np.ndarray, ceiling: float, look: float = 0.004, release: float = 0.08) -> np.ndarray:
    """Turn down just before each peak, smoothly, so that nothing passes the ceiling."""
    over = np.minimum(1, ceiling / np.maximum(np.abs(sound).max(axis=0), 1e-12))
    n, reach = len(over), round(look * RATE)
    least = np.pad(over, (reach, reach), constant_values=1.0)
    span = 1
    while span < 2 * reach + 1:  # the minimum over a window, from two halves that overlap
        step = min(span, 2 * reach + 1 - span)
        least, span = np.minimum(least[:-step], least[step:]), span + step
    gain = least[:n]
    hold = np.exp(-1 / (release * RATE))
    held = np.empty(n)
    now = 1.0
    for i, value in enumerate(gain.tolist()):  # falls at once, comes back slowly
        now = min(value, 1 - (1 - now) * hold)
        held[i] = now
    kernel = np.hanning(2 * reach + 3)[1:-1]
    padded = np.pad(held, (reach, reach), mode="edge")
    smooth = fft_filter(np.pad(padded, (0, len(kernel))), kernel / kernel.sum())[2 * reach : 2 * reach + n]
    return sound * np.minimum(smooth, over)


def master(
    sound: np.ndarray, curve: list[tuple[float, float]], target: float, peak: float, drive: float, fade: float
) -> np.ndarray:
    """To a loudness under a ceiling: equaliser, a gentle bend of the peaks, limiter; the end fades to nothing.

    ``curve`` as for `tilt`, ``target`` in LUFS, ``peak`` in dBFS, ``drive`` how far into the bend, ``fade`` in seconds.
    """
    sound = tilt(sound, [(18, -30), (32, 0), *curve, (16500, curve[-1][1]), (20000, -20)])
    level = np.sqrt(np.mean(sound**2))
    sound = np.tanh(drive * sound * 0.16 / level) / drive
    tail = np.linspace(1, 0, round(fade * RATE)) ** 2 * (3 - 2 * np.linspace(1, 0, round(fade * RATE)))
    sound[:, -len(tail) :] *= tail
    sound[:, :200] *= np.linspace(0, 1, 200)  # 5 ms: a filter without phase rings ahead of the first note
    ceiling, gain = 10 ** (peak / 20), 1.0
    for _ in range(4):
        out = limit(gain * sound, ceiling)
        gain *= 10 ** ((target - loudness(out)) / 20)
    return out
