"""Moss, a piece of the demo album: its notes, and the desk that they are mixed on; see ``compose.py``."""

from __future__ import annotations

import numpy as np
from desk import Desk, echo, master, room, width
from sounds import RATE, bass, choir, drop, fft_filter, kalimba, pad, shaker, thump, wind


def moss() -> np.ndarray:
    """Slow, 66 BPM, D minor: a heartbeat under a choir, thumbs on metal, wind, drops of water.

    Eight bars: 0 wind and heartbeat, 1 kalimba, 2-3 choir grows, 4-5 in flower, 6 settles, 7 the last breath.
    """
    rng = np.random.default_rng([2, 66])
    beat = 60 / 66
    bar = 4 * beat
    desk = Desk(8 * bar + 4.5)
    chords = [
        ([57, 60, 64, 65], 38, 0, 2),  # D m9
        ([57, 60, 62, 65], 34, 2, 1),  # B flat maj9
        ([55, 59, 62, 64], 40, 3, 1),  # E m7: the light that dorian lets in
        ([57, 60, 64, 67], 41, 4, 1),  # F maj9
        ([55, 60, 62, 64], 36, 5, 1),  # C add9
        ([57, 60, 62, 65], 34, 6, 1),  # B flat maj9
        ([57, 62, 64, 65], 38, 7, 1),  # D m add9
    ]
    for voices, low, first, bars in chords:
        at, long = first * bar, bars * bar
        swell = [0.5, 0.7, 0.8, 1.0, 1.1, 1.2, 0.9, 0.7][first]
        for note in voices:
            desk.put("pad", pad(note, long, rng, 500 + 500 * swell, 1.6, 2.4, 7), at, 0.055 * swell)
            if first >= 2:
                desk.put("choir", choir(note, long, rng, 1.2, 2.2), at, 0.034 * swell)
        if 3 <= first <= 5:
            desk.put("choir", choir(voices[-1] + 12, long, rng, 1.4, 2.0), at, 0.016)
        desk.put("drone", bass(low, long * 0.98, 150, 1.1, 0.12, 0.4, 0.1 if first < 7 else 2.2), at, 0.06 * swell)
        desk.put("drone", pad(low + 12, long, rng, 450, 1.0, 2.0, 5), at, 0.10 * swell)

    for pulse in range(30):  # the heartbeat: a strong first, a soft second on the half of odd beats
        index, step = divmod(pulse, 4)
        level = [0.55, 0.7, 0.8, 0.85, 0.95, 0.95, 0.8, 0.6][index]
        desk.put("heart", thump(54), pulse * beat + 0.02, level * (0.66 if step % 2 == 0 else 0.54))
        if step % 2 == 0:
            desk.put("heart", thump(47), (pulse + 0.27) * beat + 0.02, 0.16 * level)
        if index >= 2 and pulse < 28:
            desk.put("seed", shaker(rng, 0.16), pulse * beat - 0.03, 0.36, 0.3 * (-1) ** pulse)
            desk.put("seed", shaker(rng, 0.20), (pulse + 0.62) * beat, 0.10, -0.4 * (-1) ** pulse)

    tunes = [  # bar: (beat, note) for the thumbs, on a pentatonic of the chord
        (1, [(0, 74), (1, 69), (2, 72), (3, 67), (3.5, 69)]),
        (2, [(0, 77), (1, 72), (1.5, 74), (2, 69), (3, 65)]),
        (3, [(0, 76), (1, 71), (1.5, 74), (2, 67), (3, 71), (3.5, 74)]),
        (4, [(0, 81), (0.5, 76), (1, 79), (2, 72), (2.5, 76), (3, 69), (3.5, 72)]),
        (5, [(0, 79), (0.5, 74), (1, 76), (2, 72), (2.5, 74), (3, 67), (3.5, 72)]),
        (6, [(0, 77), (1, 74), (2, 69), (3, 72)]),
        (7, [(0, 74), (1, 69), (2, 62)]),
    ]
    for index, notes in tunes:
        for start, note in notes:
            force = 0.85 if start % 1 == 0 else 0.38
            at = index * bar + start * beat + 0.02 + float(rng.uniform(0, 0.006))
            desk.put("thumbs", kalimba(note, 2.4, force), at, 0.30, float(rng.uniform(-0.5, 0.5)))
            if start == 0:
                desk.put("thumbs", kalimba(note - 12, 2.6, 0.7), at + 0.012, 0.24)
    for at in np.sort(rng.uniform(0.5, 7.2 * bar, 34)):
        desk.put("water", drop(rng), float(at), float(rng.uniform(0.03, 0.10)), float(rng.uniform(-0.9, 0.9)))
    t = np.arange(desk.samples) / RATE
    gusts = np.interp(t, np.array([0, 0.6, 2, 4, 5.5, 7, 8.3, 9]) * bar, [0.0, 0.5, 0.35, 0.7, 0.8, 0.6, 0.25, 0.0])
    desk.put("wind", wind(8 * bar + 4.5, rng, 300, 6000) * gusts[: desk.samples], 0, 0.20)

    breath = 0.82 + 0.18 * np.cos(2 * np.pi * ((t / beat) % 1))  # pads lean into the pulse
    desk["pad"] = desk["pad"] * breath
    cave = room(4.2, rng, 0.55, 0.035)
    tails = echo(desk["thumbs"] + desk["water"], 0.75 * beat, 0.5, 2600)
    sends = (
        0.5 * desk["pad"]
        + 0.6 * desk["choir"]
        + 0.55 * desk["thumbs"]
        + 0.9 * desk["water"]
        + 0.10 * desk["heart"]
        + 0.2 * desk["seed"]
        + 0.3 * tails
    )
    mix = sum(desk.tracks.values()) + 0.40 * tails + 0.95 * fft_filter(sends, cave)
    curve = [(60, -1), (110, 3), (180, 4), (260, 0), (450, 0), (900, 4), (2000, 6), (10000, 6)]
    return master(width(mix, 1.25), curve, target=-14.5, peak=-1.5, drive=0.6, fade=2.5)
