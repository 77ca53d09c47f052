"""Exact time: frame rates, sample positions, the chunk grid, the boundaries of an album.

Film frame k stands at the exact rational time k / fps. Durations are counts of samples or frames, never floats.
"""

from __future__ import annotations

import math
import re
from collections.abc import Collection
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any, Protocol, cast

import numpy as np

from n2s.graph.errors import GraphError
from n2s.graph.landmarks import Landmarks, Moment
from n2s.graph.timecodes import minutes

MAX_FPS = 240
SLOWEST, FASTEST, LONGEST_BAR = 20, 400, 16  # beats per minute that music may have, and beats in a bar
BEGUN = 1e-3  # of a frame, by which something may have begun later
_RATE = re.compile(r"\d{1,6}(\.\d{1,20})?\Z|\d{1,9}/\d{1,9}\Z", re.ASCII)
_LARGEST = 2**31 - 1  # of both numbers of a rate: files of films hold them as such, and FFmpeg no larger ones


def parse_rate(value: int | float | str | Fraction) -> Fraction:
    """Read a frame rate exactly.

    ``30``, ``"30000/1001"`` and ``23.976`` are understood; a decimal within 0.001 of n * 1000/1001 is the NTSC rate it
    abbreviates, so that 29.97, 30000/1001 and Python's quotient of the two are the same.

    Raises
    ------
    ValueError
        When the value is no rate between 1 and 240 frames per second.
    """
    try:
        if not _RATE.match(str(value).strip()):  # an exponent could ask for a number of a million digits
            raise ValueError
        rate = Fraction(str(value).strip())
    except (ValueError, ZeroDivisionError):
        raise ValueError(f"a frame rate is a number or a fraction like 30000/1001, not {value!r}") from None
    nearest = Fraction(round(rate * 1001 / 1000) * 1000, 1001)
    if rate.denominator != 1 and rate.denominator != 1001 and abs(rate - nearest) < Fraction(1, 1000):
        rate = nearest
    if max(rate.numerator, rate.denominator) > _LARGEST:
        raise ValueError(f"a frame rate is a number of at most 6 decimals or a fraction like 100/3, not {value!r}")
    if not 1 <= rate <= MAX_FPS:
        raise ValueError(f"a frame rate lies between 1 and {MAX_FPS}, not {value}")
    return rate


def sample_at(frame: int, fps: Fraction, rate: int) -> int:
    """Return the sample nearest to the time of a film frame: round(frame * rate / fps), halves upwards."""
    num, den = fps.numerator, fps.denominator
    return (2 * frame * den * rate + num) // (2 * num)


def frame_begun(seconds: float, fps: Fraction) -> int:
    """Return the first frame at which something has begun that begins at this time."""
    return math.ceil(seconds * float(fps) - BEGUN)


def frames_to_cover(samples: int, rate: int, fps: Fraction) -> int:
    """Return how many film frames cover a piece of music: its length in frames, rounded up, at least one."""
    num, den = fps.numerator, fps.denominator
    return max(1, -(-samples * num // (rate * den)))


def exact_lengths(pieces: list[tuple[int, int]], rate: int) -> list[int]:
    """Return how many samples each piece takes at one rate, of pieces of (samples, rate) that follow each other.

    Each begins at the sample nearest to the exact time at which the one before it ends, so that no error accumulates;
    one of that rate keeps all its samples.
    """
    at, begins = Fraction(0), [0]
    for samples, own in pieces:
        at += Fraction(samples * rate, own)
        begins.append(math.floor(at + Fraction(1, 2)))
    return [stop - start for start, stop in zip(begins, begins[1:])]


def album_boundaries(samples: list[int], rate: int, fps: Fraction) -> list[int]:
    """Return the first film frame of each track of an album, and the end of the last one.

    b_k = round(samples before track k * fps / rate), in integers, so that no error accumulates: a boundary is at most
    half a frame from the music's. The last one is rounded up, so that the film covers the music.
    """
    num, den = fps.numerator, fps.denominator * rate
    bounds, total = [0], 0
    for count in samples:
        total += count
        bounds.append((2 * total * num + den) // (2 * den))
    bounds[-1] = max(frames_to_cover(total, rate, fps), bounds[-2] + 1)
    return bounds


class Duration(Protocol):
    """A constant that may be a time in seconds, beats or bars: what a setting of `MusicalTime` holds."""

    @property
    def unit(self) -> str: ...

    def resolve(self, tempo: float, bar: int = 4) -> float: ...


@dataclass(frozen=True)
class Clock:
    """The time of one track: its frame rate, its length in film frames, its tempo, its music.

    ``tempo`` is in beats per minute and ``bar`` the beats in a bar: they decide how long beats and bars are.
    ``landmarks`` say where they are, with sections and drops; None where nothing hears the music. ``film`` is the clock
    of the film's frames, where this one counts others.
    """

    fps: Fraction
    frames: int
    tempo: float = 120.0
    bar: int = 4
    landmarks: Landmarks | None = field(default=None, compare=False, repr=False)
    film: Clock | None = field(default=None, compare=False, repr=False)

    @property
    def duration(self) -> float:
        """Length in seconds."""
        return self.film.duration if self.film else float(self.frames / self.fps)

    def numbers(self, start: int, stop: int) -> np.ndarray:
        """Return the numbers of the film's frames at frames start..stop, float64; between two there are fractions."""
        if self.film is None:
            return np.arange(start, stop, dtype=np.float64)
        return self.times(start, stop) * float(self.film.fps)

    def times(self, start: int, stop: int) -> np.ndarray:
        """Return the times of frames start..stop in seconds, float64, each rounded once from the exact rational."""
        return np.arange(start, stop, dtype=np.int64) * self.fps.denominator / np.float64(self.fps.numerator)

    def on_frames(self, seconds: Any) -> Any:
        """Return times, of which each that lies beside a frame's, by `BEGUN` or less, is that of the frame.

        What begins at a time begins at the first frame that is not before it. Beats and heard moments are rounded, and
        so would begin a frame later where they lie on one.
        """
        frames = np.round(np.multiply(seconds, float(self.fps)))
        exact = frames * self.fps.denominator / np.float64(self.fps.numerator)
        return np.where(np.abs(np.subtract(seconds, exact)) * float(self.fps) <= BEGUN, exact, seconds)

    def seconds(self, duration: Duration) -> float:
        """Return a length of time in seconds."""
        return duration.resolve(self.tempo, self.bar)

    def place(self, time: Duration | Moment | float) -> float:
        """Return a place in the track in seconds, where its beats, bars, sections and drops are.

        Raises
        ------
        GraphError
            When the music has no such moment, or nothing hears it.
        """
        if isinstance(time, Moment):
            if self.landmarks is None:
                raise GraphError(f'"{time}" is heard in the music; add a Features node.')
            begin = self.landmarks.moment(time)
            if time.offset is None:
                return begin
            return self.after(begin, time.offset)
        if not hasattr(time, "unit"):
            return float(cast(float, time))
        length = cast(Duration, time)
        return self.landmarks.place(length) if self.landmarks and length.unit.startswith("b") else self.seconds(length)

    def after(self, begin: float, length: Duration, times: int = 1) -> float:
        """Return the time, in seconds, that lies a length after another, on the grid where it counts beats or bars.

        ``times`` multiplies the length: -1 gives the time that lies so long before.
        """
        if self.landmarks and length.unit.startswith("b"):
            return self.landmarks.after(begin, length, times)
        return begin + times * self.seconds(length)


def outside(clock: Clock, what: str, begin: float, end: float | None = None) -> str:
    """Say that something lies wholly outside the film, for `Node.check_times`; nothing where some of it is in it.

    Parameters
    ----------
    what : str
        What it is, as the beginning of a sentence: "it", "line 3".
    begin, end : float
        In seconds; without ``end`` it lasts to the film's.
    """
    if begin >= clock.duration:
        return f"{what} begins at {_told(begin)}, after the film's end at {_told(clock.duration)}, and never shows"
    if end is not None and end <= 0:
        return f"{what} ends at {_told(end)}, before the film begins, and never shows"
    return ""


def cut_off(clock: Clock, what: str, end: float, lost: str) -> str:
    """Say that something ends after the film, as `outside` does, and what of it is ``lost``; nothing where it does not.

    Half a frame is no matter: where the film ends on a beat, the last frame does so to a frame.
    """
    if end <= clock.duration + 0.5 / float(clock.fps):
        return ""
    return f"{what} ends at {_told(end)}, after the film's end at {_told(clock.duration)}, and {lost}"


def _told(seconds: float) -> str:
    text = minutes(abs(seconds)).removesuffix(".0")
    return f"-{text}" if seconds < 0 else text


class PartialClock:
    """A track's clock as a node sees it, which declares whether it reads the length and the tempo.

    Every node may read the frame rate, times of frames, and musical times in settings: they are in the keys. What else
    is read must be declared, or it would be in no key.
    """

    def __init__(self, whole: Clock, reads: Collection[str], reader: str):
        self._whole, self._reads, self._reader = whole, reads, reader
        self.fps, self.times = whole.fps, whole.times
        self.seconds, self.place, self.after = whole.seconds, whole.place, whole.after
        self.on_frames = whole.on_frames

    @property
    def frames(self) -> int:
        return self._read("frames", "duration")

    @property
    def duration(self) -> float:
        return self._read("duration", "duration")

    @property
    def tempo(self) -> float:
        return self._read("tempo", "tempo")

    def _read(self, name: str, declared: str) -> Any:
        if declared not in self._reads:
            raise GraphError(
                f"{self._reader} reads clock.{name} and declares that it does not; add {declared!r} to its reads."
            )
        return getattr(self._whole, name)


def chunk_spans(start: int, stop: int, length: int) -> list[tuple[int, int]]:
    """Cut the frames start..stop where they cross the grid of chunks, which is anchored at frame 0 of the track."""
    edges = [start, *range((start // length + 1) * length, stop, length), stop]
    return list(zip(edges, edges[1:]))
