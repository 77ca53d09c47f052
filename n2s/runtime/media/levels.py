"""How loud sound is, as broadcasters and streams measure it: EBU R128, by FFmpeg's ebur128."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from n2s.graph.errors import RenderError
from n2s.runtime.ffmpeg import FFmpeg

FLOOR = -70.0  # LUFS: what is not above it counts for nothing, and what nothing counts in is told as this
CEILING = -1.0  # dBTP: what streams ask for, so that what they make of the film does not clip


class Levels(NamedTuple):
    """The integrated loudness in LUFS, the loudness range in LU and the true peak in dBTP; silence has -inf.

    So has the loudness of sound that is shorter than the 0.4 s it is measured over.
    """

    loudness: float
    range: float
    peak: float


def measure_levels(blocks: Iterable[np.ndarray], rate: int, layout: str) -> Levels:
    """Return the levels of sound, of blocks of float32 (n, channels).

    Raises
    ------
    RenderError
        When FFmpeg does not tell them.
    """
    words = ["-v", "info", "-f", "f32le", "-ar", str(rate), "-channel_layout", layout, "-i", "pipe:0"]
    with FFmpeg([*words, "-af", "ebur128=peak=true:framelog=quiet", "-f", "null"], Path("-")) as ffmpeg:
        for samples in blocks:
            ffmpeg.write(np.ascontiguousarray(samples, "<f4").tobytes())
        ffmpeg.finish()
        said = ffmpeg.said()
    told = said.rpartition("Summary:")[2]
    found: list[Any] = [
        re.search(rf"{name}:\s+(\S+) {unit}", told) for name, unit in (("I", "LUFS"), ("LRA", "LU"), ("Peak", "dBFS"))
    ]
    if not all(found):
        raise RenderError("FFmpeg did not tell the loudness of the sound.")
    loudness, spread, peak = (float(match[1]) for match in found)
    return Levels(loudness if loudness > FLOOR else -math.inf, spread, peak)


def gain_to(levels: Levels, wanted: float) -> float:
    """Return by how many dB sound is turned to have a loudness, and its true peak at most -1 dBTP; 0 for silence.

    Where the loudness cannot be measured, sound is turned for its peak alone, and never up.
    """
    if not math.isfinite(levels.peak):
        return 0.0
    up = wanted - levels.loudness if math.isfinite(levels.loudness) else 0.0
    return round(min(up, CEILING - levels.peak), 1)
