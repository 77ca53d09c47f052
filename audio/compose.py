"""Compose the demo album: ``python audio/compose.py`` writes ember.flac, moss.ogg and tide.mp3 beside this file.

Each piece is a function of nothing: notes written down here, sounds computed in ``sounds.py``, mixed in ``desk.py``.
Notes are MIDI numbers (60 is middle C). Run twice, it gives the same samples; only the ogg file's own serial number,
which its encoder draws, differs. Writing ogg and mp3 needs soundfile 0.13.
"""

from __future__ import annotations

import sys
from pathlib import Path

import numpy as np
from desk import Desk, duck, echo, loudness, master, room, width
from sounds import (
    RATE,
    bass,
    blade,
    choir,
    clap,
    drop,
    fft_filter,
    hat,
    kalimba,
    keys,
    kick,
    noise,
    pad,
    pluck,
    riser,
    shaker,
    snare,
    thump,
    whistle,
    wind,
)


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


def tide() -> np.ndarray:
    """Fast, 130 BPM, F minor: a night drive; arpeggio, four on the floor, a breath held, and the drop.

    Eighteen bars: 0-3 arpeggio in the fog, 4-7 kick and climb, 8-15 drop, 16-17 the water goes out.
    """
    rng = np.random.default_rng([3, 130])
    beat = 60 / 130
    bar = 4 * beat
    desk = Desk(18 * bar + 2.2)
    loop = [
        ([56, 60, 63, 67], 41),  # F m9
        ([56, 60, 63, 65], 37),  # D flat maj9
        ([56, 60, 61, 65], 34),  # B flat m9
        ([55, 58, 60, 65], 36),  # C 7 sus
    ]
    kicks = [b * bar + s * beat for b in range(4, 16) for s in range(4) if not (b == 7 and s >= 2)]
    pattern = [0, 2, 1, 3, 2, 4, 3, 5, 1, 3, 2, 4, 3, 5, 4, 6]
    for index in range(18):
        voices, low = loop[(index // 2) % 4]
        at = index * bar
        dropped = 8 <= index <= 15
        tones = voices + [note + 12 for note in voices]
        # Opening filter: the arpeggio comes out of the fog, and goes back into it.
        fog = np.interp(index, [0, 3, 7, 8, 15, 17], [500, 1100, 3200, 3600, 3900, 700])
        for step in range(16):
            if index == 7 and step >= 12:
                continue  # the breath before the drop
            strong = step % 4 == 0
            desk.put(
                "arp",
                pluck(tones[pattern[step]] + 12, 0.42, fog * (1.25 if strong else 0.85), 7.0, 0.6),
                at + step * beat / 4,
                (0.34 if strong else 0.24) * (1.0 if dropped else 1.25),
                0.7 * np.sin(step * 2.4),
            )
        for note in voices:
            if index % 2 == 0:
                long = 2 * bar if index != 6 else 2 * bar - beat
                desk.put(
                    "pad",
                    pad(note, long, rng, 500 + 0.35 * fog, 0.5 if not dropped else 0.02, 0.6, 12),
                    at,
                    0.13 if not dropped else 0.15,
                )
                if dropped:
                    desk.put("pad", pad(note + 12, long, rng, 3200, 0.02, 0.5, 16, 5), at, 0.10)
        if index == 17:
            desk.put("sub", bass(29, 0.9 * bar, 140, 1.2, 0.9, 0.5, 1.6), at, 0.22)
        elif 4 <= index < 7:
            for s in range(4):
                desk.put("bass", bass(low, 0.42 * beat, 250 + 60 * (index - 4), 1.8, 2.0), at + (s + 0.5) * beat, 0.26)
        elif dropped:
            for step in range(16):
                if step % 4:
                    high = 12 if step in (7, 15) else 0
                    desk.put(
                        "bass",
                        bass(low + high, 0.21 * beat, 420 if step % 4 == 2 else 300, 2.2, 3.0),
                        at + step * beat / 4,
                        0.24 if step % 4 == 2 else 0.17,
                    )
            for s in range(4):
                desk.put("sub", bass(low if low > 33 else low + 12, 0.9 * beat, 90, 1.0, 1.0, 0.2), at + s * beat, 0.10)
            if index % 2 == 0:  # stabs on the off-beats of the first bar
                for s in (0, 0.75, 1.5, 2.5, 3.25):
                    for note in voices:
                        desk.put("stab", pluck(note + 12, 0.34, 4200, 8.0), at + s * beat, 0.17, 0.6 * (-1) ** note)
        if index >= 2 and index != 17:
            for step in range(16):
                if index == 7 and step >= 12:
                    continue
                if step % 4 == 2 and index >= 4:
                    desk.put("hat", hat(rng, 26, 0.2, 6500), at + step * beat / 4, 0.40 if dropped else 0.24, 0.1)
                elif index < 16:
                    desk.put("hat", hat(rng, 90), at + step * beat / 4, (0.10, 0.06)[step % 2], -0.3)
        if dropped or index == 6:
            for s in (1, 3):
                desk.put("clap", clap(rng), at + s * beat, 0.58)
        elif 4 <= index < 6:
            desk.put("clap", clap(rng), at + 3 * beat, 0.38)
    for at in kicks:
        desk.put("kick", kick(190, 47, 8.0, 0.35), at, 0.78 if at >= 8 * bar - 0.1 else 0.62)
    for step in range(20):  # the roll, from eighths to sixteenths, up to the breath
        at = 6 * bar + (step / 2 if step < 8 else 4 + (step - 8) / 4) * beat
        if at < 7 * bar + 3 * beat:
            desk.put("roll", snare(rng, 200 + 4 * step, 8000, 30), at, 0.08 + 0.016 * step, 0.1 * (-1) ** step)
    desk.put("air", riser(3.75 * bar, rng, 250, 11000), 4 * bar, 0.34)
    for at, level in ((8 * bar, 0.22), (12 * bar, 0.15), (16 * bar, 0.12)):
        fall = np.exp(-np.arange(4 * RATE) / RATE / 0.9)
        desk.put("air", np.stack([noise(4.0, rng, 2500, 14000) for _ in range(2)]) * fall, at, level)
    boom = np.sin(2 * np.pi * np.cumsum(34 + 60 * np.exp(-np.arange(3 * RATE) / RATE * 6)) / RATE)
    desk.put("sub", boom * np.exp(-np.arange(3 * RATE) / RATE * 1.8), 8 * bar, 0.30)
    desk.put("sub", boom * np.exp(-np.arange(3 * RATE) / RATE * 1.8), 16 * bar, 0.30)

    lead = [  # bar, beat, note, beats: a call over the first two chords, its answer over the others
        (8, 0, 72, 1.5),
        (8, 1.5, 75, 1.0),
        (8, 2.5, 79, 1.5),
        (9, 0, 77, 1.5),
        (9, 1.5, 75, 1.0),
        (9, 2.5, 72, 1.5),
        (10, 0, 77, 1.5),
        (10, 1.5, 75, 1.0),
        (10, 2.5, 73, 1.5),
        (11, 0, 72, 2.5),
        (11, 2.5, 68, 0.7),
        (11, 3.25, 70, 0.7),
        (12, 0, 77, 1.5),
        (12, 1.5, 75, 1.0),
        (12, 2.5, 73, 1.5),
        (13, 0, 72, 1.5),
        (13, 1.5, 73, 1.0),
        (13, 2.5, 77, 1.5),
        (14, 0, 79, 1.5),
        (14, 1.5, 77, 1.0),
        (14, 2.5, 72, 1.5),
        (15, 0, 77, 1.5),
        (15, 1.5, 76, 2.2),
    ]
    for b, s, note, long in lead:
        desk.put("lead", blade(note, long * beat), b * bar + s * beat, 0.13)

    gap = [b * bar + s * beat for b in range(8, 16) for s in range(4)]
    pump = duck(desk.samples, kicks, 0.75, 0.24)
    for name in ("pad", "bass", "sub", "stab"):
        desk[name] = desk[name] * pump
    desk["arp"] = desk["arp"] * (0.45 + 0.55 * pump)
    desk["lead"] = desk["lead"] * (0.6 + 0.4 * duck(desk.samples, gap, 0.6, 0.2))
    hall = room(2.6, rng, 0.45, 0.03)
    tails = echo(desk["arp"] + desk["stab"], 0.75 * beat, 0.45, 4200) + echo(desk["lead"], 0.75 * beat, 0.4, 3200)
    sends = (
        0.25 * desk["arp"]
        + 0.30 * desk["pad"]
        + 0.35 * desk["clap"]
        + 0.35 * desk["lead"]
        + 0.3 * desk["air"]
        + 0.3 * desk["stab"]
        + 0.25 * desk["roll"]
        + 0.3 * tails
    )
    wet = 0.8 * fft_filter(sends, hall) + 0.38 * tails
    mix = sum(desk.tracks.values()) + wet * (0.5 + 0.5 * pump)
    curve = [(60, -1), (110, 0), (600, 0), (1500, 3), (4000, 5), (10000, 5)]
    return master(width(mix, 1.3), curve, target=-13.5, peak=-1.5, drive=0.9, fade=1.2)


PIECES = {
    "ember": (ember, "flac", {"subtype": "PCM_16"}),
    "moss": (moss, "ogg", {"subtype": "VORBIS", "compression_level": 0.4}),
    "tide": (tide, "mp3", {"compression_level": 0.35, "bitrate_mode": "CONSTANT"}),
}


def write(path: Path, sound: np.ndarray, kind: dict) -> None:
    """In blocks: libsndfile's ogg encoder overflows its stack when handed minutes at once."""
    import soundfile

    pcm = sound.T.astype(np.float32)
    if kind.get("subtype") == "PCM_16":  # triangular dither, so that fades end in air and not in steps
        dither = np.random.default_rng(16).random((2, *pcm.shape)).sum(axis=0) - 1
        pcm = np.round(sound.T * 32767 + dither).clip(-32768, 32767).astype(np.int16)
    with soundfile.SoundFile(path, "w", RATE, 2, **kind) as file:
        for at in range(0, len(pcm), 8192):
            file.write(pcm[at : at + 8192])


def main(names: list[str]) -> None:
    for name in names or PIECES:
        compose, ending, kind = PIECES[name]
        sound = compose()
        path = Path(__file__).with_name(f"{name}.{ending}")
        write(path, sound, kind)
        print(
            f"{path.name}  {sound.shape[1] / RATE:.1f} s  {loudness(sound):.1f} LUFS  "
            f"peak {20 * np.log10(np.abs(sound).max()):.2f} dBFS  {path.stat().st_size / 1e6:.2f} MB"
        )


if __name__ == "__main__":
    main(sys.argv[1:])
