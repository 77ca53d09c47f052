"""Songs of the band as sound: played by a sound font, put into a room, and coloured at random."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import tinysoundfont

from training.hearing.band import Song
from training.hearing.machine import Machine

RATE = 44100
DRUMS = 9  # the channel
MACHINES = 0.5  # of songs whose drums are a machine's


class Studio:
    """Plays songs with a sound font."""

    def __init__(self, font: Path):
        self._synth = tinysoundfont.Synth(samplerate=RATE, gain=-6)
        self._font = self._synth.sfload(str(font))

    def play(self, song: Song, rng: np.random.Generator) -> np.ndarray:
        """Return a song as float32 (2, n)."""
        synth = self._synth
        synth.sounds_off()
        for channel, (bank, program) in song.programs.items():
            synth.program_select(channel, self._font, bank, program)
            synth.control_change(channel, 10, int(rng.integers(30, 98)))
            synth.control_change(channel, 7, int(rng.integers(60, 127)))
        machine = Machine(rng) if rng.random() < MACHINES else None
        events = []
        for at, channel, note, velocity, length in song.notes:
            if machine and channel == DRUMS:
                continue
            events += [(at, 1, channel, note, velocity), (at + max(length, 0.05), 0, channel, note, 0)]
        pieces, now = [], 0
        for at, on, channel, note, velocity in sorted(events):
            sample = round(at * RATE)
            if sample > now:
                pieces.append(np.frombuffer(synth.generate(sample - now), np.float32).reshape(-1, 2).copy())
                now = sample
            if on:
                synth.noteon(channel, note, velocity)
            else:
                synth.noteoff(channel, note)
        rest = round(song.seconds * RATE) - now
        if rest > 0:
            pieces.append(np.frombuffer(synth.generate(rest), np.float32).reshape(-1, 2).copy())
        sound = np.concatenate(pieces)[: round(song.seconds * RATE)].T
        if machine:
            sound = sound + _played(machine, song, sound.shape[1], float(np.abs(sound).max()) * rng.uniform(0.5, 3))
        return _coloured(sound, rng)


def _played(machine: Machine, song: Song, count: int, loud: float) -> np.ndarray:
    """Return the drums of a song as a machine plays them."""
    sound = np.zeros(count)
    for at, channel, note, velocity, _ in song.notes:
        begin = round(at * RATE)
        if channel == DRUMS and begin < count:
            drum = machine.drum(note)[: count - begin]
            sound[begin : begin + len(drum)] += (velocity / 127) ** 1.5 * drum
    return loud * sound / max(float(np.abs(sound).max()), 1e-9)


def _coloured(sound: np.ndarray, rng: np.random.Generator) -> np.ndarray:
    """Return a sound in a room, equalised, pressed, with noise: as recordings differ."""
    sound = sound / max(float(np.abs(sound).max()), 1e-6)
    count = sound.shape[1]
    size = 1 << (count + RATE).bit_length()
    spectrum = np.fft.rfft(sound, size)
    frequency = np.fft.rfftfreq(size, 1 / RATE)
    octave = np.log2(np.maximum(frequency, 20) / 1000)
    curve = np.interp(octave, np.linspace(-5, 4.3, 6), rng.normal(0, 4, 6))
    spectrum *= 10 ** (curve / 20)
    if rng.random() < 0.15:
        spectrum *= 1 / np.sqrt(1 + (frequency / rng.uniform(2000, 9000)) ** 6)
    if rng.random() < 0.5:
        t = np.arange(RATE) / RATE
        room = rng.standard_normal(RATE) * np.exp(-t / rng.uniform(0.03, 0.3)) * rng.uniform(0.002, 0.02)
        room[0] += 1
        spectrum *= np.fft.rfft(room, size)
    sound = np.fft.irfft(spectrum, size)[:, :count]
    sound = sound / max(float(np.abs(sound).max()), 1e-6)
    if rng.random() < 0.4:
        drive = rng.uniform(1, 5)
        sound = np.tanh(drive * sound) / np.tanh(drive)
    sound = sound + 10 ** rng.uniform(-5, -2.2) * rng.standard_normal(sound.shape)
    return (rng.uniform(0.2, 1.0) * sound / max(float(np.abs(sound).max()), 1e-6)).astype(np.float32)
