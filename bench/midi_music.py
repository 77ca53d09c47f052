"""Music played from MIDI files, whose tempo maps and time signatures say where its beats and bars are."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import mido
import numpy as np

from n2s.graph.errors import MediaError
from n2s.hearing.gridfile import read_grid
from n2s.hearing.midifile import open_midi, read_events

RATE = 44100
SECONDS = 60.0  # of each piece, from its first note on
LEAD = 0.4  # s, of silence before it
TAIL = 1.0  # s, that sound on after the last note
DRUMS = 9  # the channel
FEWEST = 16  # beats, that a piece must have to be judged
ON_BEATS = 0.3  # from which concentration of its notes on parts of a beat a tempo map is believed


@dataclass
class Played:
    """A piece: its sound, float32 (2, n), and the times of its beats and of those that begin bars, in seconds."""

    name: str
    drums: bool
    samples: np.ndarray
    beats: np.ndarray
    downbeats: np.ndarray


def play_folder(folder: Path, font: Path) -> Iterator[Played]:
    """Play the MIDI files of a folder that tell of enough beats, by name.

    Left out, and named, are those whose tempo map is not that of their music: played in by hand over a clock that
    nobody heard, their notes lie anywhere between its beats.
    """
    for path in sorted(folder.glob("*.mid")):
        if played := play(path, font):
            yield played


def play(path: Path, font: Path) -> Played | None:
    """Play the first minute of a MIDI file with a sound font; None where it tells of too few beats.

    Beats count from the first note to the last.
    """
    try:
        grid = read_grid(path, None, 4)
        messages = list(mido.MidiFile(path, clip=True))
        follows = concentration(path) >= ON_BEATS
    except (MediaError, OSError, ValueError, EOFError) as error:
        print(f"{path.name} is left out: {error}")
        return None
    if not follows:
        print(f"{path.name} is left out: its notes do not follow its tempo map")
        return None
    times = np.cumsum([message.time for message in messages])
    struck = [time for time, message in zip(times, messages) if message.type == "note_on" and message.velocity]
    if not struck:
        return None
    begin, end = struck[0], min(struck[-1], struck[0] + SECONDS)
    drums = any(m.type == "note_on" and m.velocity and m.channel == DRUMS and t < end for t, m in zip(times, messages))
    sounding = (grid.beats > begin - 0.02) & (grid.beats < end + 0.02)
    if np.count_nonzero(sounding) < FEWEST:
        return None
    beats, first = grid.beats - begin + LEAD, np.isin(np.arange(len(grid.beats)), grid.first)
    samples = _sound(messages, times - begin + LEAD, end - begin + LEAD + TAIL, font)
    return Played(path.stem, drums, samples, beats[sounding], beats[sounding & first])


def concentration(path: Path) -> float:
    """Return how much the notes of a file gather on the quarters or thirds of its quarter notes, 0..1.

    The length of the mean of exp(2 pi i n p) over the places p of notes, in quarter notes, for n of 4 and 3: 1 where
    all of them lie on those parts, about 0 where they lie anywhere.
    """
    quarter = open_midi(path).ticks_per_beat
    notes = [event.ticks / quarter for event in read_events(path) if event.kind == "note" and event.value]
    places = np.array(notes)
    return max(abs(np.mean(np.exp(2j * np.pi * parts * places))) for parts in (3, 4)) if notes else 0.0


def _sound(messages: list, times: np.ndarray, seconds: float, font: Path) -> np.ndarray:
    """Return what messages at some times sound like, to the sample, float32 (2, n).

    What was said before the first sample holds; notes from before it do not sound.
    """
    import tinysoundfont

    synth = tinysoundfont.Synth(samplerate=RATE, gain=-12)
    loaded = synth.sfload(str(font))
    for channel in range(16):
        _choose(synth, channel, 0, loaded)
    pieces, now, count = [], 0, round(seconds * RATE)
    for time, message in zip(times, messages):
        sample = min(round(time * RATE), count)
        if sample > now:
            pieces.append(synth.generate(sample - now))
            now = sample
        if time >= seconds:
            break
        if message.type == "note_on" and message.velocity:
            synth.noteon(message.channel, message.note, message.velocity)
        elif message.type in ("note_on", "note_off"):
            synth.noteoff(message.channel, message.note)
        elif message.type == "control_change":
            synth.control_change(message.channel, message.control, message.value)
        elif message.type == "program_change":
            _choose(synth, message.channel, message.program, loaded)
        elif message.type == "pitchwheel":
            synth.pitchbend(message.channel, message.pitch + 8192)
    if now < count:
        pieces.append(synth.generate(count - now))
    sound = np.concatenate([np.frombuffer(piece, np.float32).reshape(-1, 2) for piece in pieces]).T
    loudest = float(np.abs(sound).max())
    return np.ascontiguousarray(sound * (0.85 / loudest if loudest > 0 else 1.0))


def _choose(synth, channel: int, program: int, font: int) -> None:
    """Give a channel an instrument; a piano, or the first drums, where the font does not have it."""
    import tinysoundfont

    bank, rest = (128, 0) if channel == DRUMS else (0, 0)
    try:
        synth.program_select(channel, font, bank, program)
    except (tinysoundfont.SoundFontException, RuntimeError):
        synth.program_select(channel, font, bank, rest)
