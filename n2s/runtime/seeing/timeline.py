"""What is heard in a track, over its time: sections, loudness, bars and beats, drums, tempo."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from n2s.graph.time import Clock
from n2s.runtime.seeing.lettering import HEIGHT, letter, width
from n2s.runtime.seeing.plots import AXIS, GRID, INK, LINES, PAPER, draw_line, draw_times

SIZE = 1600, 560
LEFT, RIGHT = 108, 20
TINTS = ((250, 224, 196), (206, 228, 240), (214, 236, 217), (236, 219, 234), (249, 213, 214), (228, 228, 232),
         (240, 228, 205), (210, 240, 238))  # fmt: skip
LANES = {"sections": (44, 34), "loudness": (92, 150), "beats": (252, 34), "kick": (296, 40), "snare": (342, 40),
         "hat": (388, 40), "tempo": (440, 70)}  # top and height  # fmt: skip
DRUMS = ("kick", "snare", "hat")
MOST_BEATS = 400  # beyond these only bars are drawn, beyond as many bars every fourth one


def timeline(title: str, signals: Mapping[str, np.ndarray], clock: Clock) -> np.ndarray:
    """Return a picture uint8 (H, W, 3) of the signals of a node that hears beats, bars, sections and drums.

    ``signals`` are "beat", "bar" and, where there are, "section", "section_is", "rms_raw", "kick", "snare", "hat",
    "tempo" and "sure", (T,) or (T, K).
    """
    pixels = np.full((SIZE[1], SIZE[0], 3), PAPER, np.uint8)
    times = clock.times(0, clock.frames)
    span = float(times[0]), max(float(times[-1]), float(times[0]) + 1e-9)
    bottom = max(top + height for top, height in LANES.values())
    letter(pixels, LEFT, 16, title, INK)
    draw_times(pixels, (LEFT, 40, SIZE[0] - RIGHT, bottom), span)
    for name, (top, height) in LANES.items():
        letter(pixels, 10, top + (height - HEIGHT) // 2, name, INK)
    _sections(pixels, signals, times)
    if "rms_raw" in signals:
        _loudness(pixels, signals["rms_raw"])
    _marks(pixels, signals["beat"], 12, MOST_BEATS)
    _marks(pixels, signals["bar"], LANES["beats"][1], MOST_BEATS)
    for i, drum in enumerate(DRUMS):
        if drum in signals:
            _impulses(pixels, signals[drum], LANES[drum], LINES[i])
    if "tempo" in signals:
        _tempo(pixels, signals["tempo"], LANES["tempo"])
    return pixels


def _across(frames: int) -> np.ndarray:
    """Return the column of pixels of each frame."""
    return LEFT + np.arange(frames) * (SIZE[0] - LEFT - RIGHT - 1) // max(frames - 1, 1)


def _sections(pixels: np.ndarray, signals: Mapping[str, np.ndarray], times: np.ndarray) -> None:
    if "section" not in signals:
        return
    top, height = LANES["sections"]
    section, x = signals["section"], _across(len(times))
    letters = signals["section_is"].argmax(axis=1) if "section_is" in signals else section.astype(int)
    edges = [0, *(np.flatnonzero(np.diff(section)) + 1), len(section)]
    for start, stop in zip(edges, edges[1:]):
        left, right = x[start], x[stop] if stop < len(x) else x[-1] + 1
        which = int(letters[start])
        pixels[top : top + height, left:right] = TINTS[which % len(TINTS)]
        pixels[top : LANES["beats"][0] + LANES["beats"][1], left] = AXIS
        name = chr(ord("A") + which)
        if right - left > width(name) + 8:
            letter(pixels, left + 6, top + (height - HEIGHT) // 2, name, INK)


def _loudness(pixels: np.ndarray, rms: np.ndarray) -> None:
    top, height = LANES["loudness"]
    x = _across(len(rms))
    level = np.zeros(SIZE[0])
    np.maximum.at(level, x, rms)
    filled = np.interp(np.arange(SIZE[0]), np.unique(x), level[np.unique(x)])
    reach = np.round(filled / max(float(rms.max()), 1e-9) * height / 2).astype(int)
    middle = top + height // 2
    for column in range(LEFT, SIZE[0] - RIGHT):
        pixels[middle - reach[column] : middle + reach[column] + 1, column] = LINES[1]


def _marks(pixels: np.ndarray, count: np.ndarray, length: int, most: int) -> None:
    """Draw a mark wherever a count reaches a whole number, or every fourth, sixteenth and so on of many."""
    top, height = LANES["beats"]
    step = 1
    while (count[-1] - count[0]) / step > most:
        step *= 4
    x = _across(len(count))
    whole = np.floor(count / step + 1e-4)
    for place in x[np.flatnonzero(np.diff(whole) > 0) + 1]:
        pixels[top + height - length : top + height, place] = INK if length == height else AXIS


def _impulses(pixels: np.ndarray, signal: np.ndarray, lane: tuple[int, int], colour: tuple[int, int, int]) -> None:
    top, height = lane
    pixels[top + height - 1, LEFT : SIZE[0] - RIGHT] = GRID
    for place, hard in zip(_across(len(signal)), signal):
        if hard > 0.02:
            pixels[top + height - 1 - round(float(hard) * (height - 4)) : top + height - 1, place] = colour


def _tempo(pixels: np.ndarray, tempo: np.ndarray, lane: tuple[int, int]) -> None:
    top, height = lane
    low, high = float(tempo.min()), float(tempo.max())
    air = max(0.02 * high, (high - low) * 0.15)
    box = pixels[top : top + height, LEFT : SIZE[0] - RIGHT]
    draw_line(box, tempo.astype(np.float64), low - air, high + air, LINES[4])
    text = f"{low:.1f} to {high:.1f}" if high - low > 0.05 else f"{high:.1f}"
    letter(pixels, SIZE[0] - RIGHT - width(text), top - 2, text, INK)
