"""Which frame is meant by a time that somebody gives."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

from n2s.graph.errors import ArgumentError
from n2s.graph.times import frame_of, is_musical
from n2s.runtime.films.films import Film

LONGEST = 1e9  # seconds; no track comes near it


def frame_meant(time: Any, seconds: float, fps: Fraction) -> int:
    """Return the frame that a time means, which is at so many seconds; however late that is, it is a number."""
    return frame_of(time, min(seconds, LONGEST), fps)


def frame_of_film(film: Film, time: Any) -> int:
    """Return the number of a film's frame at a time of the film, or at a moment of its music; its end is the last one.

    Raises
    ------
    ArgumentError
        When the film has several pieces of music.
    """
    if is_musical(time) and len(film.plans) > 1:
        raise ArgumentError("--at takes a time of a film of several tracks, like 82.6 or 1:22.6.")
    frame = frame_meant(time, film.plans[0].values.clock.place(time), film.fps)
    frame -= film.parts[0][1].start if is_musical(time) else 0
    return frame - 1 if frame == film.frames else frame
