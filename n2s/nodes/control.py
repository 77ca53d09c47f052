"""Signals from elsewhere: MIDI files, tables of numbers, schedules written as text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from pydantic import field_validator

from n2s.graph.context import Scene
from n2s.graph.declare import SIGNAL_OUTPUT, FilePath, Output, Resident, setting
from n2s.graph.errors import MediaError
from n2s.graph.time import Clock, outside
from n2s.graph.types import SIGNAL
from n2s.hearing.midifile import read_events
from n2s.nodes.curves import between
from n2s.nodes.tablefile import read_table
from n2s.nodes.unreadable import unreadable


class Midi(Resident):
    """Read a MIDI file, a bounce of the song's own parts for instance, which begins with the music.

    ``strike`` is an impulse in the frame of each note's beginning, as high as its velocity, 0..1; ``held`` is 1 while
    any note sounds; ``pitch`` is the number of the highest note that began last, 60 for middle C; ``bend`` is the
    pitch wheel, -1..1, and ``control`` the controller that is named, 0..1.
    """

    path: FilePath = setting(help="the .mid file")
    notes: list[int] | None = setting(None, help="the notes that count, 36 for a bass drum; all where left out")
    channel: int | None = setting(None, ge=1, le=16, help="the channel that counts; all where left out")
    controller: int = setting(1, ge=0, le=127, help="the controller that is read; 1 is the modulation wheel")

    rate = "any"
    outputs = {
        "strike": Output(SIGNAL, "beginnings of notes, by velocity", "0..1", impulses=True),
        "held": Output(SIGNAL, "1 while a note sounds", "0..1"),
        "pitch": Output(SIGNAL, "the highest note that began last", "notes"),
        "bend": Output(SIGNAL, "the pitch wheel", "-1..1"),
        "control": Output(SIGNAL, "the controller", "0..1"),
    }
    example = {"path": "drums.mid"}
    felt_at = {"controller": "control"}

    @field_validator("notes")
    @classmethod
    def _are_notes(cls, notes: list[int] | None) -> list[int] | None:
        if notes is not None and (not notes or not all(0 <= note <= 127 for note in notes)):
            raise ValueError("notes are numbers from 0 to 127, like [36, 38]")
        return notes

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 0

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        return unreadable(lambda: list(read_events(resolve(self.path))))

    def compute(self, scene: Scene) -> dict[str, np.ndarray]:
        frames, fps = scene.clock.frames, float(scene.clock.fps)
        found = {name: np.zeros(frames) for name in self.outputs}
        sounding: dict[tuple[int, int], int] = {}
        since = 0  # the frame in which the first of those that sound began
        begun: dict[int, float] = {}  # by frame, the highest note that began in it
        moved: dict[str, dict[int, float]] = {"bend": {}, "control": {}}  # by frame, where they stood last
        for event in read_events(scene.path(self.path)):
            frame = min(round(event.seconds * fps), frames)
            if self.channel is not None and event.channel != self.channel - 1:
                continue
            if event.kind == "bend":
                moved["bend"][frame] = event.value
            elif event.kind == "control" and event.number == self.controller:
                moved["control"][frame] = event.value
            elif event.kind == "note" and (self.notes is None or event.number in self.notes):
                key = event.channel, event.number
                if event.value > 0:
                    since = since if sounding else frame
                    sounding[key] = sounding.get(key, 0) + 1
                    found["strike"][frame : frame + 1] = np.maximum(found["strike"][frame : frame + 1], event.value)
                    begun[frame] = max(begun.get(frame, 0), event.number)
                elif key in sounding:
                    sounding[key] -= 1
                    if not sounding[key]:
                        del sounding[key]
                    if not sounding:
                        found["held"][since : max(frame, since + 1)] = 1
        if sounding:  # notes that the file never ends
            found["held"][since:] = 1
        return found | {name: _kept(steps, frames) for name, steps in (moved | {"pitch": begun}).items()}


def _kept(steps: dict[int, float], frames: int) -> np.ndarray:
    """Return a signal that keeps each value, given by its frame, until the next one; 0 before the first.

    It is filled once: a wheel has thousands of events, each of which would write to the end of the film.
    """
    begins = sorted(steps)
    return np.repeat([0.0, *(steps[frame] for frame in begins)], np.diff([0, *begins, frames]))


class Table(Resident):
    """Read numbers over time from a table: .csv with a first row of names, or .json.

    The first column is the time, the others are the columns of the signal. Rows are in the order of time; between them
    lies what ``between`` says, and before the first and after the last they stay. A .json file is a list of rows, or of
    objects; or what Parseq renders, whose ``rendered_frames`` are read, by their frames. No two columns may have one
    name.
    """

    path: FilePath = setting(help="the .csv or .json file")
    time: Literal["s", "ms", "frames"] = setting("s", help="what times count: seconds, milliseconds, the film's frames")
    columns: list[str] | None = setting(
        None, min_length=1, help="the columns that are read, by name; all where left out"
    )
    between: Literal["linear", "smooth", "hold"] = setting("linear", help="the way from one row to the next")

    outputs = SIGNAL_OUTPUT
    example = {"path": "levels.csv", "columns": ["level"]}

    def check_files(self, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        return unreadable(lambda: self._read(resolve(self.path)))

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int | None:
        if self.columns is None:
            return None
        return len(self.columns) if len(self.columns) > 1 else 0

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        times, _, unit = self._read(resolve(self.path))
        begin = float(_in_seconds(times[0], unit, clock))
        return [(("path",), text)] if (text := outside(clock, "its first row", begin)) else []

    def compute(self, scene: Scene) -> np.ndarray:
        times, values, unit = self._read(scene.path(self.path))
        times = scene.clock.on_frames(_in_seconds(times, unit, scene.clock))
        curve = between(times, values, scene.clock.times(0, scene.clock.frames), self.between)
        return curve[:, 0] if curve.shape[1] == 1 else curve

    def _read(self, path: Path) -> tuple[np.ndarray, np.ndarray, str]:
        """Return the times of rows, the columns that are wanted, and the unit of times."""
        names, rows, unit = read_table(path)
        wanted = self.columns if self.columns is not None else names[1:]
        for name in wanted:
            if name not in names[1:]:
                raise MediaError(f"{path} has no column {name!r}; it has {', '.join(map(repr, names[1:])) or 'none'}.")
        return rows[:, 0], rows[:, [1 + names[1:].index(name) for name in wanted]], unit or self.time


def _in_seconds(times: Any, unit: str, clock: Clock) -> Any:
    """Return times of a table in seconds, each rounded once."""
    if unit == "frames":
        return times * clock.fps.denominator / clock.fps.numerator
    return times / 1000 if unit == "ms" else times


class Schedule(Resident):
    """Follow a schedule as Deforum writes them: "0:(1.0), 30:(1.2), 90:(0.8)", numbers by the film's frames.

    Between them the value goes straight, and before the first and after the last it stays. Formulas in a schedule are
    not read; write them as expressions.
    """

    text: str = setting(help='"frame:(number), …"')

    outputs = SIGNAL_OUTPUT
    example = {"text": "0:(0), 30:(1)"}

    @field_validator("text")
    @classmethod
    def _is_schedule(cls, text: str) -> str:
        read_schedule(text)
        return text

    def signal_columns(self, output: str, inputs: Mapping[str, int | None]) -> int:
        return 0

    def check_times(self, clock: Clock, resolve: Callable[[str], Path]) -> list[tuple[tuple, str]]:
        begin = read_schedule(self.text)[0][0] / float(clock.fps)
        return [(("text",), text)] if (text := outside(clock, "its first number", begin)) else []

    def compute(self, scene: Scene) -> np.ndarray:
        frames, values = zip(*read_schedule(self.text))
        return np.interp(np.arange(scene.clock.frames), frames, values)


_KEY = re.compile(r"\s*(\d{1,9})\s*:\s*\(?\s*([-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d{1,3})?)\s*\)?\s*\Z")


def read_schedule(text: str) -> list[tuple[int, float]]:
    """Return the frames and numbers of a schedule; ValueError where it is none."""
    found: list[tuple[int, float]] = []
    for part in text.rstrip().rstrip(",").split(","):
        match = _KEY.match(part)
        if not match:
            raise ValueError(f'"{part.strip()[:40]}" is no "frame:(number)"; a formula belongs into an expression')
        frame, value = int(match[1]), float(match[2])
        if found and frame <= found[-1][0]:
            raise ValueError(f"frames must rise; {frame} comes after {found[-1][0]}")
        if not math.isfinite(value):
            raise ValueError(f"{match[2]} is no finite number")
        found.append((frame, value))
    return found
