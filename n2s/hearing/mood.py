"""How a piece of music as a whole feels, for whoever composes a film of it: how it drives, how bright, how minor."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from n2s.graph.describe.song import Song
from n2s.hearing.key import find_key

ATTACK = 0.25  # height of the attacks that count


def judge(told: str, heard: Mapping[str, np.ndarray], fps: float) -> Song:
    """Return what there is to know, from the signals of a Features node by their names, (T,) or (T, K)."""
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
