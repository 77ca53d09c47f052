"""Tide, a piece of the demo album: its notes, and the desk that they are mixed on; see ``compose.py``."""

from __future__ import annotations

import numpy as np
from desk import Desk, duck, echo, master, room, width
from sounds import RATE, bass, blade, clap, fft_filter, hat, kick, noise, pad, pluck, riser, snare


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
