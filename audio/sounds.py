"""Instruments: arithmetic that sounds.

Every function returns samples at RATE, float64 (n,) or stereo (2, n), full scale ±1 or so. Tones are sums of sines
below the limit of hearing, so nothing aliases. Whatever is random comes from the generator handed in.
"""

from __future__ import annotations

import numpy as np

RATE = 44100


def hertz(note: float) -> float:
    """Frequency of a MIDI note; 69 is 440 Hz."""
    return 440.0 * 2 ** ((note - 69) / 12)


def clock(seconds: float) -> np.ndarray:
    """The time of each sample, from 0."""
    return np.arange(max(1, round(seconds * RATE))) / RATE


def gate(seconds: float, attack: float, release: float) -> np.ndarray:
    """Rise along half a cosine, hold until ``seconds``, and fall along half a cosine for ``release`` more."""
    t = clock(seconds + release)
    rise = 0.5 - 0.5 * np.cos(np.pi * np.clip(t / max(attack, 1e-4), 0, 1))
    fall = 0.5 + 0.5 * np.cos(np.pi * np.clip((t - seconds) / max(release, 1e-4), 0, 1))
    return rise * fall


def ring(phase: np.ndarray, hold: np.ndarray | float, highest: int, odd: float = 1.0) -> np.ndarray:
    """``sum hold^k / k sin(k phase)``: a sawtooth whose upper partials ``hold`` (0 .. 1) lets through.

    ``odd`` scales the even partials: 0 gives a hollow, clarinet-like tone. Sines of multiples come from
    ``sin(k x) = 2 cos(x) sin((k - 1) x) - sin((k - 2) x)``.
    """
    twice, before, now = 2 * np.cos(phase), np.zeros_like(phase), np.sin(phase)
    weight = np.broadcast_to(np.asarray(hold, float), phase.shape)
    share, out = weight.copy(), np.zeros_like(phase)
    for k in range(1, highest + 1):
        if share.max() < 1e-4 * k:
            break
        out += share / k * (1.0 if k % 2 else odd) * now
        before, now = now, twice * now - before
        share = share * weight
    return out


def saw(
    freq: np.ndarray | float, t: np.ndarray, cutoff: np.ndarray | float, start: float = 0.0, odd: float = 1.0
) -> np.ndarray:
    """A sawtooth through a soft low-pass: partial k is damped by ``exp(-k freq / cutoff)``."""
    phase = 2 * np.pi * (freq * t if np.isscalar(freq) else np.cumsum(freq) / RATE) + start
    return ring(phase, np.exp(-np.asarray(freq) / cutoff), int(15000 / np.max(freq)), odd)


def pad(
    note: float,
    seconds: float,
    rng,
    cutoff: float = 1200.0,
    attack: float = 0.6,
    release: float = 1.2,
    spread: float = 8.0,
    voices: int = 4,
) -> np.ndarray:
    """Several sawtooths a few cents apart, spread from left to right, opening and closing slowly."""
    t = clock(seconds + release)
    out = np.zeros((2, len(t)))
    for place in np.linspace(-1, 1, voices):
        freq = hertz(note + (place * spread + rng.uniform(-1.5, 1.5)) / 100)
        move = 1 + 0.25 * np.sin(2 * np.pi * rng.uniform(0.08, 0.22) * t + rng.uniform(0, 2 * np.pi))
        sound = saw(freq, t, cutoff * move, rng.uniform(0, 2 * np.pi))
        side = np.pi / 4 * (1 + 0.8 * place * rng.choice([-1, 1]))
        out += np.stack([np.cos(side) * sound, np.sin(side) * sound])
    return out * gate(seconds, attack, release) / voices


def choir(note: float, seconds: float, rng, attack=1.0, release=2.0) -> np.ndarray:
    """A few voices on a dark vowel: partials weighted by its two formants, each voice with its own vibrato."""
    t = clock(seconds + release)
    out = np.zeros((2, len(t)))
    for place in (-0.8, -0.25, 0.3, 0.8):
        drift = 0.10 * np.sin(2 * np.pi * rng.uniform(4.4, 5.6) * t + rng.uniform(0, 6.3)) * np.clip(t - 0.5, 0, 1)
        freq = hertz(note + drift + rng.uniform(-0.06, 0.06))
        phase = 2 * np.pi * np.cumsum(freq) / RATE + rng.uniform(0, 6.3)
        sound = np.zeros_like(t)
        for k in range(1, int(4500 / hertz(note)) + 1):
            f = k * hertz(note)
            vowel = (
                np.exp(-(((f - 480) / 260) ** 2))
                + 0.35 * np.exp(-(((f - 900) / 240) ** 2))
                + 0.05 * np.exp(-(((f - 2600) / 500) ** 2))
                + 0.04
            )
            sound += np.sin(k * phase) / k**0.9 * vowel
        side = np.pi / 4 * (1 + place)
        out += np.stack([np.cos(side) * sound, np.sin(side) * sound])
    return 0.5 * out * gate(seconds, attack, release)


def keys(note: float, seconds: float, strength: float = 0.7) -> np.ndarray:
    """An electric piano: one sine bends another (FM), brighter when struck harder, and the tine chimes on top."""
    t = clock(seconds + 0.35)
    freq = hertz(note)
    phase = 2 * np.pi * freq * t
    bend = strength * (1.5 * np.exp(-4.5 * t) + 0.35 * np.exp(-0.8 * t))
    chime = 0.13 * strength * np.exp(-16 * t) * np.sin(7.01 * phase) + 0.05 * np.exp(-7 * t) * np.sin(3.003 * phase)
    return (
        strength
        * (np.sin(phase + bend * np.sin(phase)) + chime)
        * np.exp(-1.3 * (freq / 300) ** 0.5 * t)
        * gate(seconds, 0.004, 0.35)
    )


def pluck(note: float, seconds: float, bright: float = 2500.0, decay: float = 5.0, odd: float = 1.0) -> np.ndarray:
    """A plucked string: all partials at once, the high ones gone first."""
    t = clock(seconds)
    freq = hertz(note)
    cutoff = freq * 0.6 + bright * np.exp(-decay * t)
    return saw(freq, t, cutoff, 0.3, odd) * np.exp(-0.6 * decay * t) * gate(seconds - 0.03, 0.002, 0.03)


def kalimba(note: float, seconds: float = 2.2, strength: float = 0.7) -> np.ndarray:
    """A metal tongue on wood: two bar modes over a decaying sine, and the thumb's knock."""
    t = clock(seconds)
    phase = 2 * np.pi * hertz(note) * t
    knock = 0.25 * np.exp(-70 * t) * np.sin(2 * np.pi * 320 * t)
    sound = (
        np.exp(-2.4 * t) * np.sin(phase)
        + 0.32 * strength * np.exp(-8 * t) * np.sin(2.76 * phase)
        + 0.10 * strength * np.exp(-20 * t) * np.sin(5.40 * phase)
    )
    return strength * (sound + knock) * gate(seconds - 0.2, 0.003, 0.2)


def whistle(notes: list[tuple[float, float, float]], rng) -> np.ndarray:
    """A breathy lead that glides from note to note: ``notes`` are (start, MIDI note, seconds), in seconds."""
    total = max(start + long for start, _, long in notes) + 0.4
    t = clock(total)
    pitch, level = np.full(len(t), float(notes[0][1])), np.zeros(len(t))
    for start, note, long in notes:
        pitch[int(start * RATE) :] = note
        at, shape = int(start * RATE), gate(long, 0.05, 0.18)
        level[at : at + len(shape)] = np.maximum(level[at : at + len(shape)], shape[: len(t) - at])
    glide = np.exp(-np.arange(int(0.12 * RATE)) / (0.018 * RATE))
    pitch = pitch[0] + fft_filter(pitch - pitch[0], glide / glide.sum())
    pitch += 0.22 * np.sin(2 * np.pi * 5.1 * t) * fft_filter(level, np.ones(int(0.5 * RATE)) / (0.5 * RATE)) ** 2
    phase = 2 * np.pi * np.cumsum(hertz(pitch)) / RATE
    tone = np.sin(phase) + 0.28 * np.sin(2 * phase + 0.4) + 0.12 * np.sin(3 * phase) + 0.03 * np.sin(5 * phase)
    return level * (tone + 0.018 * noise(total, rng, 1500, 7000)[: len(t)])


def blade(note: float, seconds: float) -> np.ndarray:
    """A bright lead: two sawtooths slightly apart and one an octave below, with a late vibrato."""
    t = clock(seconds + 0.25)
    shape = np.minimum(1, t / 0.01) * np.exp(-18 * np.maximum(t - seconds, 0) - 0.5 * t)
    freq = hertz(note + 0.12 * np.sin(2 * np.pi * 5.6 * t) * np.clip(4 * t - 1, 0, 1))
    sound = saw(freq * 0.9965, t, 2400, 0.0) + saw(freq * 1.0035, t, 2400, 1.0) + 0.5 * saw(freq / 2, t, 1200, 2.0)
    return sound * shape * gate(seconds + 0.15, 0.001, 0.1)


def fft_filter(x: np.ndarray, taps: np.ndarray) -> np.ndarray:
    """The first len(x) samples of a convolution along the last axis."""
    n = x.shape[-1] + taps.shape[-1] - 1
    size = 1 << (n - 1).bit_length()
    return np.fft.irfft(np.fft.rfft(x, size) * np.fft.rfft(taps, size), size)[..., : x.shape[-1]]


def bass(
    note: float,
    seconds: float,
    cutoff: float = 260.0,
    drive: float = 1.6,
    decay: float = 1.0,
    bite: float = 3.0,
    release: float = 0.06,
) -> np.ndarray:
    """A sine an octave of weight, a dark sawtooth on it, both pushed into a soft curve."""
    t = clock(seconds + release)
    freq = hertz(note)
    sound = np.sin(2 * np.pi * freq * t) + 0.7 * saw(freq, t, cutoff * (1 + bite * np.exp(-18 * t)))
    return np.tanh(drive * sound * np.exp(-decay * t)) / np.tanh(drive) * gate(seconds, 0.006, release)


def noise(seconds: float, rng, low: float, high: float) -> np.ndarray:
    """White noise between two frequencies, with soft edges, unit variance."""
    n = len(clock(seconds))
    freq = np.fft.rfftfreq(n, 1 / RATE) + 1e-9
    shape = 1 / np.sqrt((1 + (low / freq) ** 6) * (1 + (freq / high) ** 6))
    sound = np.fft.irfft(np.fft.rfft(rng.standard_normal(n)) * shape, n)
    return sound / sound.std()


def kick(
    top: float = 170.0, bottom: float = 48.0, decay: float = 7.0, click: float = 0.25, seconds: float = 0.5
) -> np.ndarray:
    """A sine that falls from ``top`` to ``bottom`` hertz in a few milliseconds."""
    t = clock(seconds)
    phase = 2 * np.pi * np.cumsum(bottom + (top - bottom) * np.exp(-38 * t) + 6 * top * np.exp(-420 * t) * click) / RATE
    return np.tanh(1.6 * np.sin(phase) * np.exp(-decay * t)) / 0.92 * gate(seconds - 0.08, 0.001, 0.08)


def snare(rng, body: float = 190.0, bright: float = 7000.0, decay: float = 18.0, seconds: float = 0.35) -> np.ndarray:
    """A shell that rings in two modes, and the wires under it."""
    t = clock(seconds)
    shell = np.exp(-26 * t) * (np.sin(2 * np.pi * body * t) + 0.5 * np.sin(2 * np.pi * 1.72 * body * t))
    wires = noise(seconds, rng, 900, bright) * (0.5 * np.exp(-decay * t) + 0.25 * np.exp(-60 * t))
    return (0.55 * shell + 0.55 * wires) * gate(seconds - 0.05, 0.001, 0.05)


def clap(rng, seconds: float = 0.4) -> np.ndarray:
    """Three hands a little apart, and the room after them."""
    t = clock(seconds)
    shape = sum(np.where(t >= at, np.exp(-np.clip(t - at, 0, None) * 130), 0) for at in (0, 0.011, 0.021))
    shape = shape + np.where(t >= 0.03, 0.6 * np.exp(-(t - 0.03).clip(0) * 17), 0)
    return 0.4 * noise(seconds, rng, 900, 6500) * shape * gate(seconds - 0.05, 0.001, 0.05)


def hat(rng, decay: float = 60.0, seconds: float = 0.12, low: float = 7000.0) -> np.ndarray:
    """Cymbals: high noise, closed by a fast decay, open by a slow one."""
    t = clock(seconds)
    return 0.3 * noise(seconds, rng, low, 15000) * np.exp(-decay * t) * gate(seconds - 0.02, 0.001, 0.02)


def shaker(rng, seconds: float = 0.11) -> np.ndarray:
    """Seeds that fly for a third of the time and land."""
    t = clock(seconds) / seconds
    fly, land = np.clip(3 * t, 0, 1) ** 3, np.clip(1.5 * (1 - t), 0, 1) ** 2
    return 0.25 * noise(seconds, rng, 4500, 11000) * fly * land


def thump(bottom: float = 52.0, seconds: float = 0.6) -> np.ndarray:
    """A heartbeat: a soft low sine with the touch of felt before it."""
    t = clock(seconds)
    phase = 2 * np.pi * np.cumsum(bottom * (1 + 0.9 * np.exp(-45 * t))) / RATE
    felt = 0.30 * np.exp(-90 * t) * np.sin(2 * np.pi * 410 * t) + 0.16 * np.exp(-140 * t) * np.sin(2 * np.pi * 1130 * t)
    return (np.sin(phase) * np.exp(-7.5 * t) + felt) * gate(seconds - 0.1, 0.004, 0.1)


def drop(rng, seconds: float = 0.16) -> np.ndarray:
    """A drop of water: a sine that rises while it dies."""
    t = clock(seconds)
    freq = rng.uniform(700, 1500) * np.exp(rng.uniform(4, 9) * t)
    return np.sin(2 * np.pi * np.cumsum(freq) / RATE) * np.exp(-38 * t) * gate(seconds - 0.03, 0.003, 0.03)


def wind(seconds: float, rng, low: float = 250.0, high: float = 4000.0, bands: int = 7) -> np.ndarray:
    """Stereo noise in bands, each with gusts of its own."""
    t = clock(seconds)
    edges = np.geomspace(low, high, bands + 1)
    out = np.zeros((2, len(t)))
    for left, right in zip(edges, edges[1:], strict=False):
        for side in out:
            gust = 0.5 + 0.5 * np.sin(2 * np.pi * rng.uniform(0.06, 0.25) * t + rng.uniform(0, 6.3))
            side += noise(seconds, rng, left, right) * gust**2 / (left / low) ** 0.35
    return out / bands


def riser(seconds: float, rng, low: float = 300.0, high: float = 9000.0, bands: int = 10) -> np.ndarray:
    """Stereo noise that climbs and grows."""
    t = clock(seconds) / seconds
    edges = np.geomspace(low, high, bands + 1)
    out = np.zeros((2, len(t)))
    for i, (left, right) in enumerate(zip(edges, edges[1:], strict=False)):
        here = np.exp(-(((t * (bands - 1) - i) / 1.6) ** 2))
        out += np.stack([noise(seconds, rng, left, right) for _ in range(2)]) * here
    return 0.35 * out * t**2 * gate(seconds - 0.03, 0.01, 0.03)[: len(t)]
