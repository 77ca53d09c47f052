"""A band that plays at random: songs of any metre, tempo and style for a sound font, with every beat on record.

Nothing of it is meant to be beautiful. It has to be as various as music is: drums that mark the beat and drums that
argue with it, none at all, off-beat hats, swing, drift, breaks, chords that change early, hands that are late.
"""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

KICK, RIM, SNARE, CLAP, CLOSED, PEDAL, OPEN, CRASH, RIDE, TAMBOURINE, SHAKER = (
    36,
    37,
    38,
    39,
    42,
    44,
    46,
    49,
    51,
    54,
    82,
)
TOMS, CONGAS, CLAVE, COWBELL, SIDE = (41, 43, 45, 47, 50), (62, 63, 64), 75, 56, 40

BASSES = (32, 33, 34, 35, 36, 38, 39, 43, 58, 87)
CHORDS = (0, 1, 2, 4, 5, 6, 7, 11, 16, 17, 18, 21, 24, 25, 26, 27, 28, 29, 30, 46, 50, 61, 62, 63, 80, 81, 90)
SLOW = (48, 49, 50, 51, 52, 88, 89, 91, 92, 94, 95, 16, 19)
LEADS = (0, 11, 12, 13, 22, 26, 40, 41, 42, 56, 60, 64, 65, 68, 71, 73, 74, 75, 79, 80, 81, 82, 85, 104, 105, 107)
KITS = (0, 8, 16, 24, 25, 32, 40, 48)
# Of songs in four: how many go this way, and between how many beats per minute.
STYLES = {
    "floor": (0.19, (98, 152)), "backbeat": (0.27, (56, 205)), "breakbeat": (0.1, (80, 184)),
    "onedrop": (0.04, (60, 96)), "jazz": (0.08, (80, 214)), "latin": (0.06, (86, 200)), "ballad": (0.06, (46, 92)),
    "kicks": (0.03, (84, 170)), "none": (0.17, (46, 176)),
}  # fmt: skip
TEMPI = {"3/4": (72, 200), "6/8": (42, 112), "2/4": (72, 168)}
SCALES = ((0, 2, 4, 5, 7, 9, 11), (0, 2, 3, 5, 7, 8, 10), (0, 2, 3, 5, 7, 9, 10), (0, 2, 4, 5, 7, 9, 10))


@dataclass
class Song:
    """What is played, as (seconds, channel, note, velocity, seconds of length), and what is true of it."""

    notes: list[tuple[float, int, int, int, float]]
    programs: dict[int, tuple[int, int]]  # channel: bank, program
    beats: np.ndarray
    bar: int  # beats in it
    hits: dict[str, list[float]] = field(default_factory=dict)
    seconds: float = 0.0


@dataclass
class _Time:
    """The time of a song: beats in a bar, steps in a beat, and the seconds of any place."""

    bar: int
    steps: int
    bars: int
    places: np.ndarray
    times: np.ndarray
    swing: float

    def at(self, bar: float, step: float) -> float:
        beat, part = divmod(step / self.steps, 1)
        if self.swing != 0.5 and self.steps % 2 == 0:
            part = part * 2 * self.swing if part < 0.5 else self.swing + (part - 0.5) * 2 * (1 - self.swing)
        return float(np.interp(bar * self.bar + beat + part, self.places, self.times))


def improvise(rng: np.random.Generator, seconds: float = 40.0) -> Song:
    """Return a song of about so many seconds."""
    kind = rng.choice(["4/4", "3/4", "6/8", "2/4"], p=[0.68, 0.13, 0.13, 0.06])
    bar = {"4/4": 4, "3/4": 3, "6/8": 2, "2/4": 2}[kind]
    triple = kind == "6/8" or (kind == "4/4" and rng.random() < 0.08)
    steps = 3 if triple else int(rng.choice([4, 4, 4, 2, 8], p=[0.4, 0.2, 0.15, 0.2, 0.05]))
    style = str(rng.choice(list(STYLES), p=[share for share, _ in STYLES.values()])) if kind == "4/4" else kind
    slowest, fastest = STYLES[style][1] if kind == "4/4" else TEMPI[kind]
    if steps == 8:
        slowest, fastest = min(slowest, 60), min(fastest, 92)
    bpm = float(np.exp(rng.uniform(np.log(slowest), np.log(fastest))))
    bars = max(4, round(seconds * bpm / 60 / bar))
    places = np.arange(0, (bars + 2) * bar * 16 + 1) / 16
    times = rng.uniform(0.1, 1.5) + np.concatenate([[0], np.cumsum(60 / bpm / 16 / _pace(rng, len(places) - 1))])
    swing = float(rng.uniform(0.53, 0.68)) if rng.random() < 0.25 and steps % 2 == 0 else 0.5
    time = _Time(bar, steps, bars, places, times, swing)
    beats = np.interp(np.arange(bars * bar), places, times)
    song = Song([], {}, beats, bar, {"kick": [], "snare": [], "hat": []}, float(times[bars * bar * 16]) + 1.0)
    player = _Player(rng, song, time, style)
    player.play()
    return song


def _pace(rng: np.random.Generator, count: int) -> np.ndarray:
    share = np.linspace(0, 1, count)
    kind = rng.choice(["steady", "wander", "wave", "ramp", "step", "rubato"], p=[0.5, 0.2, 0.1, 0.08, 0.06, 0.06])
    if kind == "steady":
        return np.ones(count)
    if kind == "ramp":
        return np.linspace(1, rng.uniform(0.75, 1.35), count)
    if kind == "step":
        return np.where(share < rng.uniform(0.25, 0.75), 1, rng.uniform(0.8, 1.25))
    if kind == "wave":
        return 1 + rng.uniform(0.02, 0.1) * np.sin(2 * np.pi * (rng.uniform(0.5, 3) * share + rng.random()))
    step = {"wander": 0.004, "rubato": 0.02}[kind]
    walk, value = np.empty(count), 0.0
    for i, kick in enumerate(rng.normal(0, step, count)):
        value = 0.995 * value + kick
        walk[i] = value
    return np.exp(np.clip(walk, -0.25, 0.25))


class _Player:
    def __init__(self, rng: np.random.Generator, song: Song, time: _Time, style: str):
        self.rng, self.song, self.time, self.style = rng, song, time, style
        self.late = abs(rng.normal(0, 0.006))
        self.length = time.bar * time.steps  # steps in a bar
        self.root, self.scale = int(rng.integers(12)), SCALES[rng.integers(len(SCALES))]
        self.section = int(rng.choice([4, 8, 8, 16]))
        self.channels = 0

    def chance(self, p: float) -> bool:
        return bool(self.rng.random() < p)

    def hit(self, channel: int, note: int, bar: int, step: float, velocity: float, length: float = 0.2) -> float:
        at = self.time.at(bar, step) + self.rng.normal(0, self.late)
        velocity = int(np.clip(velocity * self.rng.uniform(0.85, 1.1), 8, 127))
        self.song.notes.append((max(at, 0.0), channel, note, velocity, length))
        return at

    def play(self) -> None:
        rng = self.rng
        self.harmony = self._harmony()
        if self.style != "none" and self.chance(0.88):
            self._drums()
        if self.chance(0.82):
            self._bass()
        for _ in range(int(rng.choice([0, 1, 2, 3], p=[0.1, 0.45, 0.33, 0.12]))):
            self._chords()
        if self.chance(0.35):
            self._slow()
        if self.chance(0.5) or not self.song.notes:
            self._melody()

    # Form: which bars a part plays in

    def _bars(self, mute: float = 0.25) -> list[int]:
        found, on = [], True
        for bar in range(self.time.bars):
            if bar % self.section == 0:
                on = not self.chance(mute)
            if on:
                found.append(bar)
        return found or list(range(self.time.bars))

    def _channel(self, program: int, bank: int = 0) -> int:
        channel = 9 if bank else [c for c in range(16) if c != 9][self.channels]
        self.channels += 0 if bank else 1
        self.song.programs[channel] = bank, program
        return channel

    def _harmony(self) -> list[list[tuple[int, list[int]]]]:
        """Return the chords of each bar, as (step, notes); they come back every few bars."""
        rng = self.rng
        each = int(rng.choice([1, 1, 2, 4]))
        halves = self.time.bar == 4 and self.chance(0.2)
        cycle = int(rng.choice([2, 4, 4, 8]))
        early = self.chance(0.12)
        degrees = [
            int(d) for d in rng.choice([0, 3, 4, 5, 1, 2, 6], size=2 * cycle, p=[0.27, 0.2, 0.2, 0.15, 0.1, 0.05, 0.03])
        ]
        bars = []
        for bar in range(self.time.bars):
            place = bar // each % cycle
            chords = [(0, self._chord(degrees[place]))]
            if halves and self.time.bar == 4:
                chords.append((self.length // 2, self._chord(degrees[cycle + place])))
            bars.append(chords)
        self.early = early
        return bars

    def _chord(self, degree: int) -> list[int]:
        return [self.root + self.scale[(degree + i) % 7] + 12 * ((degree + i) // 7) for i in (0, 2, 4)]

    def _chord_at(self, bar: int, step: float) -> list[int]:
        return [notes for begin, notes in self.harmony[bar] if begin <= step][-1]

    # Drums

    def _drums(self) -> None:
        rng = self.rng
        channel = self._channel(int(rng.choice(KITS)), 128)
        rows = self._groove()
        variation = self._groove(rows) if self.chance(0.5) else rows
        bars = self._bars(0.22)
        crash = self.chance(0.5)
        fills = self.chance(0.5)
        loud = {note: rng.uniform(70, 115) for note in (*rows, *variation)}
        for bar in bars:
            groove = variation if bar // self.section % 2 else rows
            fill = fills and bar % self.section == self.section - 1
            for note, row in groove.items():
                for step, weight in row.items():
                    if fill and step >= self.length / 2:
                        continue
                    at = self.hit(channel, note, bar, step, loud[note] * weight)
                    group = {KICK: "kick", SNARE: "snare", CLAP: "snare", SIDE: "snare", CLOSED: "hat", OPEN: "hat",
                             PEDAL: "hat", RIDE: "hat"}.get(note)  # fmt: skip
                    if group and weight > 0.6:
                        self.song.hits[group].append(at)
            if fill:
                for step in range(self.length // 2, self.length):
                    if self.chance(0.7):
                        self.hit(channel, int(rng.choice((*TOMS, SNARE))), bar, step, 95)
            if crash and bar % self.section == 0:
                self.hit(channel, CRASH, bar, 0, 95)

    def _groove(self, before: dict | None = None) -> dict[int, dict[float, float]]:
        if before is not None:  # the same drums with another kick
            groove = dict(before)
            groove[KICK] = {**{s: w for s, w in before.get(KICK, {0: 1.0}).items() if self.chance(0.8)}, 0: 1.0}
            if self.chance(0.3):
                groove[CLOSED] = self._every(self.time.steps / 2 if self.time.steps > 1 else 1, 0.7)
            if self.style == "backbeat" and self.chance(0.25):  # half-time: what is counted stays
                half = 2 * self.time.steps
                groove |= {note: {half: 1.0} for note in (SNARE, CLAP, SIDE, RIM) if note in groove}
            return groove
        rng, time = self.rng, self.time
        beat, bar = time.steps, time.bar
        beats = [i * beat for i in range(bar)]
        groove: dict[int, dict[float, float]] = {}
        snare = int(rng.choice([SNARE, SNARE, CLAP, SIDE, RIM]))
        fine = [step for step in range(self.length) if step % beat]
        style = self.style
        if style in STYLES:
            if style == "floor":
                groove[KICK] = dict.fromkeys(beats, 1.0)
                if self.chance(0.75):
                    groove[snare] = {beats[1]: 1.0, beats[3]: 1.0}
                if self.chance(0.75) and beat % 2 == 0:
                    groove[OPEN] = dict.fromkeys([b + beat / 2 for b in beats], rng.uniform(0.8, 1.6))
            elif style == "backbeat":
                groove[KICK] = {0: 1.0, beats[2]: 1.0} | {s: 0.9 for s in fine if self.chance(0.14)}
                if self.chance(0.3):
                    groove[KICK].pop(beats[2])
                groove[snare] = {beats[1]: 1.0, beats[3]: 1.0} | {s: 0.35 for s in fine if self.chance(0.07)}
            elif style == "breakbeat":
                groove[KICK] = {0: 1.0} | {s: 1.0 for s in fine if s > beat and self.chance(0.22)}
                groove[snare] = {beats[1]: 1.0, beats[3]: 1.0} | {s: 0.6 for s in fine if self.chance(0.1)}
            elif style == "onedrop":
                groove[KICK] = {beats[2]: 1.0}
                groove[snare] = {beats[2]: 1.0}
            elif style == "jazz":
                late = 2 * beat / 3 if beat == 3 else beat / 2
                groove[RIDE] = dict.fromkeys(beats, 0.9) | {beats[1] + late: 0.7, beats[3] + late: 0.7}
                groove[PEDAL] = {beats[1]: 0.9, beats[3]: 0.9}
                groove[snare] = {s: 0.4 for s in fine if self.chance(0.1)}
            elif style == "latin":
                clave = [0, 3, 6, 10, 12] if self.chance(0.5) else [2, 4, 8, 11, 14]
                groove[int(rng.choice([CLAVE, RIM, COWBELL]))] = {s * beat / 4: 0.9 for s in clave}
                groove[KICK] = {0: 0.9, beats[2]: 0.9} | {s: 0.7 for s in fine if self.chance(0.15)}
                groove[int(rng.choice(CONGAS))] = {s: 0.8 for s in range(self.length) if self.chance(0.35)}
            elif style == "ballad":
                groove[KICK] = {0: 1.0}
                groove[snare] = {beats[2]: 0.9} if self.chance(0.4) else {beats[1]: 0.9, beats[3]: 0.9}
            else:
                groove[KICK] = dict.fromkeys(beats, 1.0)
        elif style == "3/4":
            groove[KICK] = {0: 1.0} | {s: 0.7 for s in fine if self.chance(0.06)}
            groove[snare] = {beats[1]: 0.7, beats[2]: 0.7} if self.chance(0.7) else {beats[2]: 0.9}
        elif style == "6/8":
            groove[KICK] = {0: 1.0} | {s: 0.7 for s in (2, 5) if self.chance(0.3)}
            groove[snare] = {beats[1]: 1.0}
        else:
            groove[KICK] = {0: 1.0}
            groove[snare] = {beats[1]: 0.9} | {s: 0.5 for s in fine if self.chance(0.2)}
        cymbal = int(rng.choice([CLOSED, CLOSED, RIDE, SHAKER, TAMBOURINE]))
        every = [beat, beat / 2, beat / 4, 1] if beat % 2 == 0 else [beat, 1, 1]
        if self.chance(0.8):
            row = self._every(float(rng.choice([e for e in every if e >= 0.5])), 0.75)
            if self.chance(0.25):
                row = {s: w for s, w in row.items() if self.chance(0.8)}
            groove.setdefault(cymbal, row)
        if self.chance(0.1) and beat % 2 == 0:
            groove[OPEN] = {b + beat / 2: 1.1 for b in beats}
        return groove

    def _every(self, each: float, weight: float) -> dict[float, float]:
        count = int(self.length / each)
        accent = self.rng.uniform(0.7, 1.3)
        return {i * each: weight * (accent if i * each % self.time.steps == 0 else 1.0) for i in range(count)}

    # Tones

    def _rhythm(self) -> list[float]:
        """Return the steps of a bar that something plays at."""
        rng, beat, bar = self.rng, self.time.steps, self.time.bar
        beats = [i * beat for i in range(bar)]
        half = beat / 2 if beat % 2 == 0 else 1
        kind = rng.choice(
            ["bar", "beats", "eighths", "offbeats", "random", "weak"], p=[0.17, 0.2, 0.2, 0.12, 0.21, 0.1]
        )
        if kind == "bar":
            return [0]
        if kind == "beats":
            return beats
        if kind == "eighths":
            return list(np.arange(0, self.length, half))
        if kind == "offbeats":
            return [b + half for b in beats]
        if kind == "weak":
            return beats[1:]
        found = [s for s in np.arange(0, self.length, half) if self.chance(0.5)]
        return found if self.chance(0.3) else sorted({0.0, *found})

    def _lengths(self, steps: list[float]) -> list[float]:
        seconds = float(np.median(np.diff(self.song.beats))) / self.time.steps
        return [(b - a) * seconds for a, b in zip(steps, [*steps[1:], self.length])]

    def _bass(self) -> None:
        channel = self._channel(int(self.rng.choice(BASSES)))
        steps = self._rhythm()
        loud, short, octave = self.rng.uniform(75, 115), self.rng.uniform(0.5, 1.0), self.chance(0.3)
        for bar in self._bars(0.12):
            for i, (step, length) in enumerate(zip(steps, self._lengths(steps))):
                notes = self._chord_at(bar, step)
                note = notes[0] if not i or self.chance(0.7) else int(self.rng.choice(notes))
                low = 36 + note % 12 + (12 if octave and i % 2 else 0)
                self.hit(channel, low, bar, step, loud * (1.1 if step == 0 else 1), short * length)

    def _chords(self) -> None:
        rng = self.rng
        channel = self._channel(int(rng.choice(CHORDS)))
        steps, broken = self._rhythm(), self.chance(0.4)
        if broken:
            half = self.time.steps / 2 if self.time.steps % 2 == 0 else 1
            steps = list(np.arange(0, self.length, half if self.chance(0.6) else 1))
        loud, short = rng.uniform(55, 105), rng.uniform(0.4, 1.0)
        order, up = rng.permutation(3), int(rng.choice([48, 60, 60, 72]))
        for bar in self._bars():
            for i, (step, length) in enumerate(zip(steps, self._lengths(steps))):
                notes = [up + note % 12 for note in self._chord_at(bar, step)]
                if self.early and step == 0 and bar:
                    step = -self.time.steps / 2
                    bar_of, at = bar - 1, self.length + step
                else:
                    bar_of, at = bar, step
                for note in [notes[order[i % 3]]] if broken else notes:
                    self.hit(channel, note, bar_of, at, loud * (1.1 if step == 0 else 1), short * length)

    def _slow(self) -> None:
        channel = self._channel(int(self.rng.choice(SLOW)))
        loud = self.rng.uniform(50, 100)
        beat = float(np.median(np.diff(self.song.beats)))
        for bar in self._bars():
            for i, (step, notes) in enumerate(self.harmony[bar]):
                ends = [s for s, _ in self.harmony[bar][i + 1 :]] + [self.length]
                for note in notes:
                    self.hit(channel, 60 + note % 12, bar, step, loud, (ends[0] - step) / self.time.steps * beat)

    def _melody(self) -> None:
        rng = self.rng
        channel = self._channel(int(rng.choice(LEADS)))
        loud = rng.uniform(70, 110)
        half = self.time.steps / 2 if self.time.steps % 2 == 0 else 1
        phrases = [[s for s in np.arange(0, self.length, half) if self.chance(0.45)] for _ in range(3)]
        degree = 0
        for bar in self._bars(0.35):
            steps = phrases[bar % 3]
            for step, length in zip(steps, self._lengths(steps)):
                degree = int(np.clip(degree + rng.integers(-2, 3), -5, 8))
                note = 67 + self.root % 12 + self.scale[degree % 7] + 12 * (degree // 7)
                self.hit(channel, note, bar, step, loud, rng.uniform(0.5, 1) * length)
