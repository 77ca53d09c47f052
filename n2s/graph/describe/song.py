"""What is known of a piece of music before its film is composed: in words, and in the numbers that decide how."""

from __future__ import annotations

from dataclasses import dataclass

DRIVEN = 0.45  # from which drive a piece is no calm one
BRIGHT = 2300.0  # Hz, from which mean brightness it is a bright one


@dataclass(frozen=True)
class Song:
    """A piece of music as a composer of films sees it.

    Attributes
    ----------
    told : str
        What was heard, in words: tempo, metre, sections.
    drive : float
        How much it drives, 0 .. 1: attacks and bass drums per second, and its tempo.
    brightness : float
        Hz: the mean of its centroid, weighted by loudness.
    minor : float
        How minor it sounds, 0 .. 1.
    """

    told: str
    drive: float = 0.5
    brightness: float = 2000.0
    minor: float = 0.5

    @property
    def mood(self) -> str:
        """Return its mood: "calm" where little drives it; else "night" where it is minor, "bright" or "warm"."""
        if self.drive < DRIVEN:
            return "calm"
        if self.minor > 0.5:
            return "night"
        return "bright" if self.brightness > BRIGHT else "warm"
