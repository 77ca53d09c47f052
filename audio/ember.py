"""Ember, a piece of the demo album: its notes, and the desk that they are mixed on; see ``compose.py``."""

from __future__ import annotations

import numpy as np
from desk import Desk, duck, echo, master, room, width
from sounds import RATE, bass, fft_filter, hat, keys, kick, noise, pad, pluck, riser, shaker, snare, whistle


def ember() -> np.ndarray:
    """Warm, 96 BPM, E flat: electric piano and a slow backbeat; intro, build, theme, a last chord left to glow.

    Twelve bars: 0-1 piano and pad, 2-3 bass and drums, 4-5 build, 6-9 theme, 10-11 afterglow.
    """
    rng = np.random.default_rng([1, 96])
    beat = 60 / 96
    bar = 4 * beat
    desk = Desk(12 * bar + 4.0)

    def slack() -> float:  # hands are a few milliseconds late
        return float(rng.uniform(0, 0.008))

    # Neighbouring chords keep their common notes; the others move by a step.
    chords = [
        ([55, 58, 62, 65], 39),  # E flat maj9
        ([55, 58, 62, 63], 36),  # C m9
        ([55, 58, 60, 63], 44),  # A flat maj9
        ([56, 58, 60, 63], 46),  # B flat 9 sus
        ([55, 58, 62, 65], 39),  # E flat maj9
        ([53, 58, 62, 65], 43),  # G m7
        ([55, 60, 63, 67], 44),  # A flat maj7
        ([56, 60, 63, 65], 46),  # B flat 9 sus
        ([55, 58, 63, 67], 36),  # C m7
        ([56, 60, 63, 67], 41),  # F m9
        ([55, 60, 63, 67], 44),  # A flat maj7, then B flat 9 sus
        ([55, 60, 62, 65], 39),  # E flat 6/9, held
    ]
    for index, (voices, low) in enumerate(chords):
        at = index * bar
        full = 6 <= index <= 9
        strokes = [(0, 1.6, 0.75), (1.5, 0.45, 0.45), (2.5, 1.3, 0.62)] + [(3.5, 0.4, 0.4)] * full
        if index >= 10:
            strokes = [(0, 1.9, 0.6), (2, 1.9, 0.5)] if index == 10 else [(0, 7.0, 0.65)]
        for start, long, force in strokes:
            struck = [56, 60, 63, 65] if index == 10 and start == 2 else voices
            late = slack()
            for order, note in enumerate(struck):
                desk.put(
                    "keys",
                    keys(note, long * beat, force + 0.1 * full),
                    at + start * beat + late + 0.007 * order,
                    0.23,
                    0.3 * (order - 1.5) / 1.5,
                )
        open_to = [700, 800, 900, 1000, 1200, 1700, 1900, 1900, 2000, 2100, 1300, 900][index]
        for note in voices:
            desk.put(
                "pad",
                pad(note, bar if index < 11 else 2.2 * bar, rng, open_to, 0.5, 1.1),
                at,
                0.06 if index < 11 else 0.05,
            )
            if full:
                desk.put("pad", pad(note + 12, bar, rng, 2600, 0.4, 1.0), at, 0.022)
        if index >= 2:
            if index == 11:
                line = [(0, 7.0, low)]
            elif index == 10:
                line = [(0, 1.9, 44), (2, 1.9, 46)]
            else:
                line = [(0, 1.4, low), (1.75, 0.2, low), (2.5, 0.9, low), (3.5, 0.4, low + (7 if index % 2 else 12))]
            for start, long, note in line:
                note -= 12 if note > 44 else 0
                desk.put(
                    "bass",
                    bass(note, long * beat, 260, 1.3, 0.7, release=0.06 if index < 11 else 2.5),
                    at + start * beat + slack(),
                    0.19,
                )
        if 4 <= index <= 9:  # a string picked between the beats
            for step, (start, which) in enumerate([(0.5, 2), (1.25, 3), (2, 1), (2.75, 2), (3.5, 3)]):
                desk.put(
                    "string",
                    pluck(voices[which] + 12, 0.9, 3000, 4.5),
                    at + start * beat + slack(),
                    0.11 if full else 0.08,
                    0.6 * (-1) ** step,
                )
        if 2 <= index <= 9:
            beats = [0, 2.5] if index < 6 else [0, 1.75, 2.5]
            for start in beats:
                desk.put("kick", kick(160, 52, 8.5, 0.25), at + start * beat, 0.85 if start != 1.75 else 0.45)
            for start in (1, 3):
                desk.put(
                    "snare",
                    snare(rng, 185, 6000 if full else 4200, 20),
                    at + start * beat + 0.004,
                    0.46 if full else 0.30,
                    0.05,
                )
            for half in range(8):
                if index >= 4:
                    swing = 0.028 if half % 2 else 0.0
                    desk.put(
                        "hat",
                        hat(rng, 70 if half % 2 else 45),
                        at + half * beat / 2 + swing + slack(),
                        0.18 if half % 2 else 0.28,
                        0.35,
                    )
                if full:
                    desk.put("hat", shaker(rng), at + half * beat / 2 + 0.29 * beat, 0.22, -0.4)
    for step in range(6):  # the fill that opens the theme
        at = 5 * bar + (2.5 + step / 4) * beat
        desk.put("snare", snare(rng, 185 + 6 * step, 5000, 24), at, 0.10 + 0.05 * step, 0.1)
    desk.put("air", riser(bar, rng, 300, 6000), 5 * bar, 0.20)
    desk.put(
        "air",
        np.stack([noise(3.0, rng, 3000, 14000) for _ in range(2)]) * np.exp(-np.arange(3 * RATE) / RATE / 0.7),
        6 * bar,
        0.07,
    )

    theme = [  # bar, beat, note, beats
        (6, 0, 70, 1.4),
        (6, 1.5, 72, 0.5),
        (6, 2, 75, 1.0),
        (6, 3, 74, 0.9),
        (7, 0, 72, 1.4),
        (7, 1.5, 70, 0.5),
        (7, 2, 65, 1.8),
        (8, 0, 75, 1.4),
        (8, 1.5, 74, 0.5),
        (8, 2, 70, 1.0),
        (8, 3, 67, 0.9),
        (9, 0, 68, 0.9),
        (9, 1, 70, 0.5),
        (9, 1.5, 72, 0.5),
        (9, 2, 75, 1.0),
        (9, 3, 77, 0.9),
        (10, 0, 75, 1.9),
        (10, 2, 74, 0.9),
        (10, 3, 72, 0.9),
        (11, 0, 70, 3.5),
    ]
    lead = [(b * bar + s * beat - 6 * bar + 0.015, note, long * beat) for b, s, note, long in theme]
    desk.put("lead", whistle(lead, rng), 6 * bar, 0.145, -0.08)
    breath = np.clip(np.arange(desk.samples) / RATE - 11 * bar - beat, 0, None)
    desk["lead"] = desk["lead"] * np.exp(-1.6 * breath)  # the last note runs out of it
    for at, note in ((2.0, 74), (2.5, 70), (3.0, 67)):  # the motif, still a guess, in the intro
        desk.put("keys", keys(note + 12, 1.2, 0.5), bar + at * beat, 0.12, 0.4)
        desk.put("keys", keys(note + 12, 1.2, 0.5), 3 * bar + at * beat, 0.12, -0.4)

    t = np.arange(desk.samples) / RATE
    sway = 0.16 * np.sin(2 * np.pi * 1.6 * t)  # the tremolo that old electric pianos have
    desk["keys"] = desk["keys"] * np.stack([1 + sway, 1 - sway])
    kicks = [b * bar + s * beat for b in range(2, 10) for s in (0, 2.5)]
    desk["pad"] = desk["pad"] * duck(desk.samples, kicks, 0.35, 0.3)
    hall = room(2.2, rng, 0.6)
    sends = (
        0.30 * desk["keys"]
        + 0.35 * desk["pad"]
        + 0.16 * desk["snare"]
        + 0.5 * desk["lead"]
        + 0.4 * desk["air"]
        + 0.08 * desk["hat"]
        + 0.3 * desk["string"]
    )
    tails = echo(desk["lead"], 0.75 * beat, 0.42) + echo(0.5 * desk["keys"] + desk["string"], 1.5 * beat, 0.3, times=4)
    crackle = np.zeros((2, desk.samples))
    for at in rng.uniform(0, 12 * bar, 260):  # embers
        start, side = int(at * RATE), rng.integers(2)
        crackle[side, start : start + 40] += rng.uniform(0.1, 1) ** 3 * rng.standard_normal(40) * np.hanning(40)
    dry = sum(desk.tracks.values()) + 0.35 * tails + 0.05 * crackle
    mix = dry + 0.9 * fft_filter(sends + 0.2 * tails, hall)
    curve = [(60, -1), (110, 0), (450, 0), (900, 3), (1800, 5), (4000, 7), (10000, 7)]
    return master(width(mix, 1.2), curve, target=-14.0, peak=-1.0, drive=0.8, fade=1.5)
