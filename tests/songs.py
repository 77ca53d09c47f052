"""Music with a known truth: short pieces in many styles, composed note by note, with every beat, bar and hit on record.

The instruments are those of the demo album's generator (`audio/sounds.py`). A piece is a row of `PIECES`; how it goes
is said by its style. Times are warped while the notes are placed, so that a drift bends no sound.
"""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import ModuleType

import numpy as np

RATE = 44100


def _load_sounds() -> ModuleType:
    path = Path(__file__).parents[1] / "audio" / "sounds.py"
    spec = importlib.util.spec_from_file_location("n2s_test_sounds", path)
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SOUNDS = _load_sounds()


@dataclass(frozen=True)
class Piece:
    """What a piece is.

    Attributes
    ----------
    name, style : str
    bpm : float
        Of the beats that a drummer counts; the mean where the tempo moves.
    tempo : str
        "steady"; "drift": 8 % up and down; "ramp": from 0.9 to 1.15; "step": 12 % faster from the middle on; "rubato":
        12 % faster and slower within each phrase of two to four bars, a ritardando before the middle, a silent bar.
    bars, intro : int
        How many bars in all, and how many of them before the drums or, without any, before all play.
    swing : float
        Where the second of two eighths lies within its beat.
    form : str
        A letter for each section, all of them equally long: "ABAC". What a letter stands for is drawn by the seed:
        other chords, and other instruments that play.
    """

    name: str
    style: str
    bpm: float
    tempo: str = "steady"
    bars: int = 20
    intro: int = 0
    swing: float = 0.5
    seed: int = 0
    form: str = ""


@dataclass
class Song:
    """A composed piece: its sound, float32 (2, n), and what is true of it, in seconds."""

    piece: Piece
    metre: str
    drums: bool
    samples: np.ndarray
    beats: np.ndarray
    downbeats: np.ndarray
    hits: dict[str, np.ndarray] = field(default_factory=dict)
    sections: list[tuple[float, str]] = field(default_factory=list)

    @property
    def name(self) -> str:
        return self.piece.name


@dataclass(frozen=True)
class Style:
    """How a style goes: rows of a bar, one mark per step: "x" is played, "o" softly, "." not.

    ``drums`` and ``parts`` are by instrument; those of parts play the notes of the bar's chord. ``steps`` are the
    steps in a beat. ``halves``: further drums that take the place of these in the second half of the piece.
    """

    metre: str
    beats: int
    steps: int
    drums: dict[str, str]
    parts: dict[str, str]
    chords: tuple[tuple[int, ...], ...]
    halves: dict[str, str] = field(default_factory=dict)
    change: int = 1  # bars per chord


POP = ((0, 4, 7), (-3, 0, 4), (-7, -3, 0), (-5, -1, 2))
MINOR = ((0, 3, 7), (-4, 0, 3), (3, 7, 10), (-2, 2, 5))
BLUES = ((0, 4, 10), (0, 4, 10), (5, 9, 15), (0, 4, 10))
JAZZ = ((2, 5, 12), (-5, 5, 11), (0, 4, 11), (-3, 4, 7))

STYLES = {
    "house": Style("4/4", 4, 4, {"kick": "x...x...x...x...", "clap": "....x.......x...", "open": "..x...x...x...x.",
                                 "hat": "o.oo" * 4}, {"bass": "..x...x...x...xx", "pad": "x" + "." * 15}, MINOR),
    "offhat": Style("4/4", 4, 4, {"kick": "x...x...x...x...", "open": "..X...X...X...X."},
                    {"bass": "x..x..x...x..x..", "stab": "...x..x....x..x."}, MINOR),
    "rock": Style("4/4", 4, 2, {"kick": "x...xx..", "snare": "..x...x.", "hat": "xoxoxoxo"},
                  {"bass": "xxxxxxxx", "guitar": "x.x.x.xx"}, POP),
    "punk": Style("4/4", 4, 2, {"kick": "x.x.x.x.", "snare": "..x...x.", "hat": "x.x.x.x."},
                  {"bass": "xxxxxxxx", "guitar": "xxxxxxxx"}, POP),
    "funk": Style("4/4", 4, 4, {"kick": "x..x..x...x..x..", "snare": "....x..o.o..x..o", "hat": "x.xox.xox.xox.xo"},
                  {"bass": "x..x...x..x.x...", "stab": "..x...x..x..x..."}, MINOR, change=2),
    "hiphop": Style("4/4", 4, 4, {"kick": "x......x..x.....", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
                    {"bass": "x......x..x.....", "keys": "x...........x..."}, MINOR),
    "dnb": Style("4/4", 4, 4, {"kick": "x.........x.....", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
                 {"bass": "x.....x...x.....", "pad": "x" + "." * 15}, MINOR, change=2),
    "halftime": Style("4/4", 4, 4, {"kick": "x.......x.x.....", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
                      {"bass": "x.......x.......", "guitar": "x...x...x...x..."}, POP,
                      halves={"kick": "x.....x.........", "snare": "........x.......", "hat": "x...x...x...x..."}),
    "trap": Style("4/4", 4, 8, {"kick": "x.....x.............x.x.........", "snare": "........x...............x.......",
                                "hat": "x.x.x.x.x.x.xxxxx.x.x.x.x.xxx.x."},
                  {"bass": "x...................x...........", "keys": "x.......x.......x.......x......."}, MINOR),
    "swing": Style("4/4", 4, 2, {"ride": "x.xxx.xx", "foot": "..x...x.", "kick": "o......."},
                   {"walk": "x.x.x.x.", "keys": "...x..x."}, JAZZ),
    "shuffle": Style("4/4", 4, 3, {"kick": "x.....x..x..", "snare": "...x.....x..", "hat": "x.xx.xx.xx.x"},
                     {"bass": "x.xx.xx.xx.x", "guitar": "x..x..x..x.."}, BLUES),
    "waltz": Style("3/4", 3, 2, {"kick": "x.....", "snare": "..o.o.", "hat": "x.x.x."},
                   {"walk": "x.....", "keys": "..x.x."}, POP),
    "sixeight": Style("6/8", 2, 3, {"kick": "x....o", "snare": "...x..", "hat": "xxxxxx"},
                      {"bass": "x.....", "guitar": "xxxxxx"}, POP),
    "march": Style("2/4", 2, 4, {"kick": "x.......", "snare": "..x.x.xx", "foot": "....x..."},
                   {"walk": "x...x...", "keys": "..x...x."}, POP),
    "reggae": Style("4/4", 4, 4, {"kick": "........x.......", "snare": "........x.......", "hat": "x.x.x.x.x.x.x.x."},
                    {"bass": "x..x..x.....x.x.", "stab": "..x...x...x...x."}, MINOR),
    "bossa": Style("4/4", 4, 2, {"kick": "x..xx..x", "rim": "x..x..x.", "hat": "xxxxxxxx"},
                   {"walk": "x..xx..x", "keys": "x.x..x.."}, JAZZ),
    "disco": Style("4/4", 4, 4, {"kick": "x...x...x...x...", "snare": "....x.......x...", "open": "..x...x...x...x."},
                   {"bass": "x.x.x.x.x.x.x.x.", "guitar": "x.xxx.xxx.xxx.xx"}, MINOR),
    "soul": Style("4/4", 4, 4, {"kick": "x.....o.x.......", "snare": "....x.......x...", "hat": "x.x.x.x.x.x.x.x."},
                  {"bass": "x.....x.x...x...", "keys": "x...x...x...x..."}, POP),
    "piano": Style("4/4", 4, 2, {}, {"walk": "x...x...", "keys": "x.x.x.x."}, POP),
    "arpeggio": Style("4/4", 4, 2, {}, {"run": "xxxxxxxx", "walk": "x......."}, POP),
    "strings": Style("4/4", 4, 1, {}, {"bow": "xxxx", "walk": "x.x."}, MINOR),
    "pianowaltz": Style("3/4", 3, 1, {}, {"walk": "x..", "keys": ".xx"}, POP),
    "picked": Style("6/8", 2, 3, {}, {"run": "xxxxxx", "walk": "x....."}, POP),
    "synth": Style("4/4", 4, 4, {}, {"run": "xxxxxxxxxxxxxxxx", "bass": "x...x...x...x..."}, MINOR),
    "choir": Style("4/4", 4, 1, {}, {"bow": "x.x.", "walk": "x..."}, POP),
    "plucks": Style("4/4", 4, 4, {}, {"pick": "x..x..x.x..x..x.", "walk": "x.......x......."}, MINOR),
}  # fmt: skip

PIECES = (
    Piece("house 124", "house", 124),
    Piece("house drifts", "house", 118, "drift"),
    Piece("house after a quiet intro", "house", 128, intro=6),
    Piece("loud hats off the beat", "offhat", 132),
    Piece("loud hats ramp", "offhat", 122, "ramp"),
    Piece("rock 96", "rock", 96),
    Piece("rock 148", "rock", 148, bars=28),
    Piece("rock ramps", "rock", 112, "ramp"),
    Piece("rock steps", "rock", 120, "step"),
    Piece("punk 200", "punk", 200, bars=32),
    Piece("funk 104", "funk", 104),
    Piece("hip-hop 86", "hiphop", 86, swing=0.58),
    Piece("drum and bass 174", "dnb", 174, bars=32),
    Piece("drum and bass steps", "dnb", 168, "step", bars=28),
    Piece("half-time 140", "halftime", 140, bars=28),
    Piece("trap 70", "trap", 70, bars=14),
    Piece("swing 132", "swing", 132, swing=2 / 3),
    Piece("swing 184", "swing", 184, swing=0.62, bars=28),
    Piece("shuffle 92", "shuffle", 92),
    Piece("waltz 150", "waltz", 150, bars=32),
    Piece("waltz drifts", "waltz", 168, "drift", bars=32),
    Piece("six eight 66", "sixeight", 66, bars=24),
    Piece("march 116", "march", 116, bars=32),
    Piece("reggae 76", "reggae", 76, bars=14),
    Piece("bossa 128", "bossa", 128),
    Piece("disco after a quiet intro", "disco", 112, intro=4),
    Piece("soul 60", "soul", 60, bars=12),
    Piece("soul drifts", "soul", 72, "drift", bars=14),
    Piece("piano 72", "piano", 72, bars=14),
    Piece("piano drifts", "piano", 88, "drift", bars=16),
    Piece("arpeggio 100", "arpeggio", 100),
    Piece("strings 84", "strings", 84, bars=16),
    Piece("piano waltz 108", "pianowaltz", 108, bars=24),
    Piece("picked six eight", "picked", 60, bars=20),
    Piece("synth drifts", "synth", 120, "drift"),
    Piece("choir 66", "choir", 66, bars=12),
    Piece("plucks 126", "plucks", 126),
    Piece("arpeggio ramps", "arpeggio", 92, "ramp"),
)

RUBATO = (
    Piece("piano, rubato", "piano", 76, "rubato", bars=24),
    Piece("arpeggio, rubato", "arpeggio", 88, "rubato", bars=24),
    Piece("soul, rubato", "soul", 80, "rubato", bars=24),
    Piece("rock, rubato", "rock", 108, "rubato", bars=30),
)

FORMS = (
    Piece("rock, ABAC", "rock", 112, bars=32, form="ABAC", seed=1),
    Piece("house, ABAC", "house", 124, bars=32, form="ABAC", seed=2),
    Piece("funk, ABCB", "funk", 100, bars=32, form="ABCB", seed=3),
    Piece("soul, ABAB", "soul", 84, bars=32, form="ABAB", seed=4),
    Piece("disco, ABCA", "disco", 116, bars=32, form="ABCA", seed=5),
    Piece("waltz, ABAC", "waltz", 150, bars=64, form="ABAC", seed=6),
    Piece("hip-hop, ABABC", "hiphop", 90, bars=40, form="ABABC", seed=7),
    Piece("drum and bass, ABAC", "dnb", 172, bars=64, form="ABAC", seed=8),
    Piece("rock, ABACAB", "rock", 128, bars=48, form="ABACAB", seed=9),
    Piece("synths, ABAC", "house", 118, bars=64, form="ABAC", seed=10),
)


def compose(piece: Piece) -> Song:
    """Return the sound of a piece and its truth; the same for the same piece."""
    style, rng = STYLES[piece.style], np.random.default_rng([piece.seed, *map(ord, piece.name)])
    at = _clock(piece, style)
    total = at(np.array([piece.bars * style.beats]))[0] + 1.5
    sound = np.zeros((2, round(total * RATE)))
    hits: dict[str, list[float]] = {"kick": [], "snare": [], "hat": []}
    scenes = {letter: _scene(style, letter, piece.seed) for letter in sorted(set(piece.form))}
    sections: list[tuple[float, str]] = []
    for bar in range(piece.bars):
        rows = style.drums | (style.halves if bar >= piece.bars // 2 else {})
        parts, chords = style.parts, style.chords
        if piece.form:
            letter = piece.form[bar * len(piece.form) // piece.bars]
            rows, parts, chords = scenes[letter]
            if bar * len(piece.form) % piece.bars < len(piece.form):
                sections.append((float(at(np.array([bar * style.beats]))[0]), letter))
        if piece.tempo == "rubato" and bar == piece.bars // 2:
            continue  # silence
        for name, row in rows.items() if bar >= piece.intro else ():
            for step, mark in enumerate(row):
                if mark != ".":
                    time = _time(piece, style, at, bar, step)
                    gain = {"o": 0.45, "X": 1.5}.get(mark, 1.0) * rng.uniform(0.88, 1.0)
                    _put(sound, DRUMS[name](rng), time, gain)
                    if group := GROUPS.get(name):
                        hits[group].append(time)
        chord = chords[bar // style.change % len(chords)]
        quiet = 0.35 if bar < piece.intro else 1.0
        for name, row in parts.items():
            for step, mark in enumerate(row):
                if mark == ".":
                    continue
                following = row.find("x", step + 1)
                length = ((following if following > 0 else len(row)) - step) / style.steps
                begin = _time(piece, style, at, bar, step)
                seconds = length * 60 / piece.bpm
                for note in _notes(name, chord, bar, step, rng):
                    _put(sound, PARTS[name](rng, note, seconds), begin, quiet * 0.25 * rng.uniform(0.85, 1.0))
    sound *= 0.85 / max(np.abs(sound).max(), 1e-9)
    beats = at(np.arange(piece.bars * style.beats))
    times = {name: np.unique(np.array(found)) for name, found in hits.items() if found}
    sound = sound.astype(np.float32)
    return Song(piece, style.metre, bool(style.drums), sound, beats, beats[:: style.beats], times, sections)


def _scene(style: Style, letter: str, seed: int) -> tuple[dict[str, str], dict[str, str], tuple]:
    """Return the drums, parts and chords of a section."""
    rng = np.random.default_rng([seed, ord(letter), 7])
    chords = (POP, MINOR, BLUES, JAZZ)[(ord(letter) + seed) % 4]
    chords = tuple(chords[i] for i in rng.permutation(len(chords)))
    drums = {name: row for name, row in style.drums.items() if name == "kick" or rng.random() < 0.65}
    parts = {name: row for name, row in style.parts.items() if rng.random() < 0.7}
    more = {"pad": "x", "run": "xxxxxxxx", "keys": "x.x.x.x.", "stab": "..x...x.", "bow": "x.x."}
    name = sorted(more)[int(rng.integers(len(more)))]
    steps = style.beats * style.steps
    parts[name] = (more[name] + "." * steps)[:steps] if name == "pad" else (more[name] * steps)[:steps]
    return drums, parts, chords


def _clock(piece: Piece, style: Style) -> Callable[[np.ndarray], np.ndarray]:
    """Return what gives the time of a beat, counted from 0, in seconds; whole and broken ones."""
    count = piece.bars * style.beats + 2
    place = np.linspace(0, count, 64 * count + 1)
    share = np.clip(place / (count - 2), 0, 1)
    pace = {
        "steady": np.ones_like(share),
        "drift": 1 + 0.08 * np.sin(2 * np.pi * 1.5 * share),
        "ramp": 0.9 + 0.25 * share,
        "step": np.where(share < 0.5, 0.95, 0.95 * 1.12),
        "rubato": _rubato(place / style.beats, piece.bars // 2),
    }[piece.tempo]
    seconds = 60 / (piece.bpm * pace)
    times = 0.4 + np.concatenate([[0], np.cumsum((seconds[1:] + seconds[:-1]) / 2 * np.diff(place))])
    return lambda beats: np.interp(beats, place, times)


def _rubato(bars: np.ndarray, middle: int) -> np.ndarray:
    """Return the pace at some places, in bars: each phrase goes ahead and is held back; in the two bars before the
    middle it slows down by a quarter."""
    edges = np.concatenate([[0], np.cumsum(np.resize([2, 4, 3], int(bars[-1]) // 2 + 2))])
    phrase = np.searchsorted(edges, bars, side="right") - 1
    within = (bars - edges[phrase]) / np.diff(edges)[phrase]
    slower = np.where(bars < middle, 1 - 0.25 * np.clip((bars - middle + 2) / 2, 0, 1), 1)
    return (1 + 0.12 * np.sin(2 * np.pi * within)) * slower


def _time(piece: Piece, style: Style, at: Callable, bar: int, step: int) -> float:
    beat, part = divmod(step / style.steps, 1)
    if piece.swing != 0.5:  # both halves of a beat keep their own even steps
        part = part * 2 * piece.swing if part < 0.5 else piece.swing + (part - 0.5) * 2 * (1 - piece.swing)
    return float(at(np.array([bar * style.beats + beat + part]))[0])


def _put(sound: np.ndarray, played: np.ndarray, time: float, gain: float) -> None:
    begin = round(time * RATE)
    room = sound[:, begin : begin + played.shape[-1]]
    room += gain * played[..., : room.shape[1]]


def _notes(part: str, chord: tuple[int, ...], bar: int, step: int, rng: np.random.Generator) -> list[float]:
    """Return the MIDI notes that a part plays at a step of a bar."""
    if part in ("bass", "walk"):
        return [36 + chord[0] % 12 + (7 if part == "walk" and step and rng.random() < 0.5 else 0)]
    if part in ("run", "pick"):
        return [60 + chord[(step + bar) % len(chord)] + 12 * (step % 4 == 3)]
    return [60 + note for note in chord]


@cache
def _drum(name: str, variant: int) -> np.ndarray:
    rng = np.random.default_rng([variant, *map(ord, name)])
    return {
        "kick": lambda: SOUNDS.kick(),
        "snare": lambda: 0.8 * SOUNDS.snare(rng),
        "clap": lambda: SOUNDS.clap(rng),
        "hat": lambda: 0.6 * SOUNDS.hat(rng),
        "open": lambda: SOUNDS.hat(rng, 14.0, 0.3),
        "ride": lambda: 0.8 * SOUNDS.hat(rng, 9.0, 0.5, 5000.0),
        "foot": lambda: 0.5 * SOUNDS.hat(rng, 90.0, 0.08),
        "rim": lambda: 0.5 * SOUNDS.snare(rng, 420.0, 5000.0, 60.0, 0.12),
    }[name]()


DRUMS = {
    name: (lambda rng, name=name: _drum(name, int(rng.integers(4))))
    for name in ("kick", "snare", "clap", "hat", "open", "ride", "foot", "rim")
}
GROUPS = {"kick": "kick", "snare": "snare", "clap": "snare", "hat": "hat", "open": "hat", "ride": "hat", "foot": "hat"}


@cache
def _tone(part: str, note: float, seconds: float) -> np.ndarray:
    t = SOUNDS.clock(seconds + 0.3)
    phase = 2 * np.pi * SOUNDS.hertz(note) * t
    brightness, attack, decay = {
        "bass": (0.5, 0.006, 1.5), "walk": (0.35, 0.008, 2.5), "pad": (0.55, 0.25, 0.0), "stab": (0.75, 0.004, 7.0),
        "guitar": (0.8, 0.003, 3.0), "keys": (0.45, 0.006, 2.2), "run": (0.65, 0.004, 4.0), "bow": (0.7, 0.12, 0.2),
        "pick": (0.7, 0.003, 6.0),
    }[part]  # fmt: skip
    sound = SOUNDS.ring(phase, brightness * np.exp(-0.3 * decay * t), 14)
    return sound * np.exp(-decay * t) * SOUNDS.gate(seconds, attack, 0.3)[: len(t)]


PARTS = {
    name: (lambda rng, note, seconds, name=name: _tone(name, note, round(seconds, 2)))
    for name in ("bass", "walk", "pad", "stab", "guitar", "keys", "run", "bow", "pick")
}
