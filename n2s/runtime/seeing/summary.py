"""What is heard in a track, as a few numbers: beats, tempo, metre, how sure, and the form."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from n2s.graph.time import Clock
from n2s.runtime.seeing.timeline import sections


def summarise(signals: Mapping[str, np.ndarray], clock: Clock) -> dict[str, Any]:
    """Return what the signals of a node say that hears beats and bars; times are in seconds.

    ``tempo`` is that of the middle beat; ``tempo_range`` leaves out the slowest and the fastest twentieth. ``sure`` is
    the mean over the track.
    """
    found: dict[str, Any] = {name + "s": _whole_numbers(signals[name]) for name in ("beat", "bar")}
    if "tempo" in signals:
        low, middle, high = (round(float(tempo), 2) for tempo in np.percentile(signals["tempo"], (5, 50, 95)))
        found |= {"tempo": middle, "tempo_range": [low, high]}
    if "beats_in_bar" in signals:
        found["beats_in_bar"] = round(float(np.median(signals["beats_in_bar"])))
    if "sure" in signals:
        found["sure"] = round(float(signals["sure"].mean()), 3)
    if "section" in signals:
        found["sections"] = [
            {"letter": letter, "from": float(start / clock.fps), "to": float(stop / clock.fps)}
            for start, stop, letter in sections(signals)
        ]
    return found


def _whole_numbers(count: np.ndarray) -> int:
    """Return how many beats or bars begin within a track, by their count at each frame."""
    return int(np.floor(count[-1] + 1e-4)) - int(np.ceil(count[0] - 1e-4)) + 1


def summary_text(heard: Mapping[str, Any]) -> str:
    """Return in words how much there is of what was heard; tempo and form the node tells itself."""
    counted = [(heard["beats"], "beat"), (heard["bars"], "bar")]
    if "sections" in heard:
        counted.append((len(heard["sections"]), "section"))
    return ", ".join(f"{number} {what}{'' if number == 1 else 's'}" for number, what in counted)
