"""What is known of a piece of music before its film is composed: in words, and in the numbers that decide how."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np

DRIVEN, BRIGHT = (
    0.45,
    2300.0,
)  # from which drive a piece is no calm one; Hz, from which mean brightness it is a bright one
ATTACK = 0.25  # height of the attacks that count


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


def judge(told: str, heard: Mapping[str, np.ndarray], fps: float) -> Song:
    """Return what there is to know, from the signals of a Features node by their names, (T,) or (T, K)."""
    from n2s.hearing.key import find_key  # numpy alone, but not needed to print help

    seconds = max(len(heard["onset"]) / fps, 1e-9)
    attacks = float((heard["onset"] > ATTACK).sum()) / seconds
    kicks = float((heard["kick"] > ATTACK).sum()) / seconds
    tempo = float(np.median(heard["tempo"])) if float(heard["sure"].mean()) > 0.1 else 60.0
    drive = 0.4 * min(attacks / 4, 1) + 0.35 * min(kicks / 1.5, 1) + 0.25 * min(max((tempo - 60) / 100, 0), 1)
    loud = heard["rms_raw"].astype(np.float64)
    weight = float(loud.sum())
    brightness = float((heard["centroid_raw"] * loud).sum()) / weight if weight > 0 else 0.0
    _, minor, fit = find_key(heard["chroma"] * loud[:, None])
    return Song(told, drive, brightness, 0.5 if fit <= 0 else float(minor))
