"""MIDI files: what is played when, in seconds."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from n2s.graph.errors import MediaError


class Event(NamedTuple):
    """A moment of a MIDI file.

    ``kind`` is "note", "control", "bend", "tempo" or "metre". ``number`` is the note or the controller, or the beats in
    a bar of a metre; ``value`` is the velocity 0..1 (0: the note ends), the controller 0..1, the wheel -1..1, the
    microseconds of a quarter note, or what note a metre counts.
    """

    ticks: int
    seconds: float
    kind: str
    channel: int
    number: int
    value: float


def open_midi(path: Path) -> Any:
    """Return a file as mido reads it.

    Raises
    ------
    MediaError
        When it cannot be read, or counts time in frames of a film.
    """
    import mido  # takes a moment, and few films need it

    try:
        file = mido.MidiFile(path, clip=True)
    except OSError as error:
        if getattr(error, "errno", None):
            raise MediaError(f"{path} cannot be read: {error.strerror or error}.") from None
        raise MediaError(f"{path} cannot be read as MIDI: {error}.") from None
    except Exception as error:  # mido raises many kinds for what is damaged
        raise MediaError(f"{path} cannot be read as MIDI: {str(error) or 'it is cut short'}.") from None
    if not file.ticks_per_beat or file.ticks_per_beat < 0:
        raise MediaError(f"{path} counts time in frames and not in beats; export it with a tempo.")
    return file


def read_events(path: Path) -> Iterator[Event]:
    """Yield what happens in a MIDI file, in the order of time.

    Raises
    ------
    MediaError
        When it cannot be read.
    """
    import mido  # takes a moment, and few films need it

    file = open_midi(path)
    try:
        messages = list(mido.merge_tracks(file.tracks))
    except Exception as error:
        raise MediaError(f"{path} cannot be read as MIDI: {error}.") from None
    ticks, seconds, tempo = 0, 0.0, 500_000
    for message in messages:
        ticks += message.time
        seconds += mido.tick2second(message.time, file.ticks_per_beat, tempo)
        channel = getattr(message, "channel", 0)
        if message.type == "set_tempo":
            tempo = message.tempo
            yield Event(ticks, seconds, "tempo", 0, 0, float(tempo))
        elif message.type == "time_signature":
            yield Event(ticks, seconds, "metre", 0, message.numerator, float(message.denominator))
        elif message.type in ("note_on", "note_off"):
            struck = message.velocity / 127 if message.type == "note_on" else 0.0
            yield Event(ticks, seconds, "note", channel, message.note, struck)
        elif message.type == "control_change":
            yield Event(ticks, seconds, "control", channel, message.control, message.value / 127)
        elif message.type == "pitchwheel":
            yield Event(ticks, seconds, "bend", channel, 0, message.pitch / 8192)
    yield Event(ticks, seconds, "end", 0, 0, 0.0)
