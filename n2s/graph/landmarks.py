"""Musical time: where beats, bars, sections and drops of a piece are, so that a graph may speak of them.

A length in beats or bars ("8 bars") is as long as the piece's tempo says; one that begins at a known place ends where
so many have gone by from there. A place in beats or bars is the time at which so many have gone by since the first one;
a `Moment` ("at drop - 2 bars") is the beginning of something that was heard.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from n2s.graph.errors import GraphError
from n2s.graph.timecodes import minutes

LETTERS = tuple("ABCDEFGH")  # of sections that are told apart; what comes after is the last
MOMENTS = ("drop", "section", *LETTERS)  # what may stand behind "at"
RISE = 0.2  # of the weight of a drop, from which a new one has begun
SLACK = 1e-3  # bars by which a count may be rounded


@dataclass(frozen=True)
class Moment:
    """The beginning of a drop, a section, or a section with a letter; the first, second and so on of the piece.

    ``offset`` is a number of seconds, beats or bars after it, or before it where it is negative.
    """

    what: str
    number: int = 1
    offset: Any = None  # an expression's Number
    text: str = field(default="", compare=False)

    def __str__(self) -> str:
        if self.text:
            return self.text
        which = f"at {self.what}" + (f" {self.number}" if self.number != 1 else "")
        if self.offset is None:
            return which
        number = str(self.offset)
        return f"{which} - {number[1:]}" if number.startswith("-") else f"{which} + {number}"


@dataclass(frozen=True)
class Landmarks:
    """Where the beats, bars, sections and drops of a piece are.

    Attributes
    ----------
    times : ndarray (T,)
        In seconds, at which ``beats`` and ``bars`` have gone by; between them both run straight.
    sections : tuple of (float, str)
        When each one begins, in seconds, and its letter.
    drops : tuple of float
        When each one begins.
    """

    times: np.ndarray
    beats: np.ndarray
    bars: np.ndarray
    sections: tuple[tuple[float, str], ...] = ()
    drops: tuple[float, ...] = ()

    @classmethod
    def of(cls, times: np.ndarray, heard: Mapping[str, np.ndarray]) -> Landmarks | None:
        """Return what the signals of a node that hears the music tell; None where they count no beats and bars.

        ``heard`` has "beat" and "bar" at some times, (T,), and may have "section", "section_is" and "drop".
        """
        if not {"beat", "bar"} <= heard.keys() or not len(times):
            return None
        beats, bars = heard["beat"].astype(np.float64), heard["bar"].astype(np.float64)
        if len(times) == 1:  # a film of one frame: how beats go on is told by the tempo
            beat = 60 / float(heard["tempo"][0]) if "tempo" in heard else 0.5
            bar = float(heard["beats_in_bar"][0]) if "beats_in_bar" in heard else 4.0
            times, beats, bars = (
                np.append(of, of[0] + step) for of, step in ((times, beat), (beats, 1), (bars, 1 / bar))
            )
        if np.any(np.diff(beats) < 0) or np.any(np.diff(bars) < 0):
            return None
        found = cls(times, beats, bars)

        def begins(frame: int) -> float:
            """Return when the bar of a frame began: sections and drops begin with bars."""
            bar = max(np.floor(bars[frame] + SLACK), 0.0)
            return max(found._when("bar", bar), 0.0) if frame else 0.0

        sections, drops = (), ()
        if {"section", "section_is"} <= heard.keys():
            firsts = [0, *(np.flatnonzero(np.diff(heard["section"]) > 0) + 1)]
            letters = heard["section_is"].argmax(axis=1)
            sections = tuple((begins(frame), LETTERS[letters[frame]]) for frame in firsts)
        if "drop" in heard:
            drops = tuple(map(begins, frames_of_drops(heard["drop"])))
        return cls(times, beats, bars, sections, drops)

    def place(self, number: Any) -> float:
        """Return when so many beats or bars have gone by since the first one, in seconds."""
        return self._when(number.unit[:3], number.value)

    def after(self, seconds: float, number: Any, times: int = 1) -> float:
        """Return the time that lies so many beats or bars after another, or before it; ``times`` multiplies them."""
        unit = number.unit[:3]
        return self._when(unit, self._count(unit, seconds) + times * number.value)

    def moment(self, moment: Moment) -> float:
        """Return when a moment begins, in seconds, without its offset.

        Raises
        ------
        GraphError
            When the piece has no such moment; the message tells which there are.
        """
        begun = self.starts(moment.what)
        if moment.number <= len(begun):
            return begun[moment.number - 1]
        error = GraphError(f'"{moment}": {self._told(moment, begun)}')
        error.moment = moment
        raise error

    def _sections(self, what: str) -> tuple[float, ...]:
        return tuple(start for start, letter in self.sections if what in ("section", letter))

    def _told(self, moment: Moment, begun: tuple[float, ...]) -> str:
        if begun:
            known = ", ".join(minutes(start) for start in begun)
            return f"only {len(begun)} {'begins' if len(begun) == 1 else 'begin'} in this music, at {known}."
        if moment.what == "drop":
            return "no drop is heard in this music. Use a section, like at B, or a time."
        known = ", ".join(f"{letter} {minutes(start)}" for start, letter in self.sections)
        return f"this music has no such section; it has {known or 'none'}."

    def count(self, unit: str, times: np.ndarray) -> np.ndarray:
        """Return how many beats ("beat") or bars ("bar") have gone by at some times, float64."""
        known, counts = self.times, self._counts(unit)
        found = np.interp(times, known, counts)
        for end, past in ((0, times < known[0]), (-2, times > known[-1])):
            slope = (counts[end + 1] - counts[end]) / max(known[end + 1] - known[end], 1e-12)
            found = np.where(past, counts[end] + (times - known[end]) * slope, found)
        return found

    def starts(self, what: str) -> tuple[float, ...]:
        """Return when all drops, sections, or sections of a letter begin, in seconds."""
        return self.drops if what == "drop" else self._sections(what)

    def _counts(self, unit: str) -> np.ndarray:
        return self.bars if unit == "bar" else self.beats

    def _when(self, unit: str, count: float) -> float:
        return _line(count, self._counts(unit), self.times)

    def _count(self, unit: str, seconds: float) -> float:
        return _line(seconds, self.times, self._counts(unit))


def frames_of_drops(drop: np.ndarray) -> list[int]:
    """Return the frames in which drops begin, of their weight at each frame, (T,)."""
    return np.flatnonzero(np.diff(drop.astype(np.float64), prepend=0.0) > RISE).tolist()


def _line(x: float, places: np.ndarray, values: np.ndarray) -> float:
    """Return the value at a place, along straight lines that go on beyond both ends."""
    i = int(np.clip(np.searchsorted(places, x) - 1, 0, len(places) - 2))
    width = places[i + 1] - places[i]
    share = (x - places[i]) / width if width > 0 else 0.0
    return float(values[i] + (values[i + 1] - values[i]) * share)
