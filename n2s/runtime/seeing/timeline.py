"""What is heard in a track, over its time: sections, loudness, bars and beats, drums, tempo."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from n2s.graph.landmarks import frames_of_drops
from n2s.graph.time import Clock
from n2s.runtime.seeing.drawing import Box, Colour, Drawing
from n2s.runtime.seeing.lettering import HEIGHT, width
from n2s.runtime.seeing.plots import AXIS, GRID, INK, LINES, PAPER, draw_marks, draw_times, upright

SIZE = 1600, 560
LEFT, RIGHT = 108, 20
TINTS = ((250, 224, 196), (206, 228, 240), (214, 236, 217), (236, 219, 234), (249, 213, 214), (228, 228, 232),
         (240, 228, 205), (210, 240, 238))  # fmt: skip
LANES = {
    name: Box(LEFT, top, SIZE[0] - RIGHT, top + height)
    for name, top, height in (
        ("sections", 44, 34), ("loudness", 92, 150), ("beats", 252, 34), ("kick", 296, 40), ("snare", 342, 40),
        ("hat", 388, 40), ("tempo", 440, 70),
    )
}  # fmt: skip
DRUMS = ("kick", "snare", "hat")
MOST_BEATS = 400  # beyond these only bars are drawn, beyond as many bars every fourth one


def timeline(title: str, signals: Mapping[str, np.ndarray], clock: Clock, marks: Sequence[float] = ()) -> Drawing:
    """Return a drawing of the signals of a node that hears beats, bars, sections and drums.

    ``signals`` are "beat", "bar" and, where there are, "section", "section_is", "rms_raw", "kick", "snare", "hat",
    "tempo" and "sure", (T,) or (T, K); ``marks`` are times that a thin line marks.
    """
    drawing = Drawing(title, SIZE, PAPER)
    times = clock.times(0, clock.frames)
    span = float(times[0]), max(float(times[-1]), float(times[0]) + 1e-9)
    drawing.write(LEFT, 16, title, INK)
    box = Box(LEFT, 40, SIZE[0] - RIGHT, max(lane.bottom for lane in LANES.values()))
    draw_times(drawing, box, span)
    for name, lane in LANES.items():
        drawing.write(10, _middle(lane) - HEIGHT, name, INK)
    if "section" in signals:
        _sections(drawing, sections(signals))
    if "rms_raw" in signals:
        _loudness(drawing, signals["rms_raw"])
    _marks(drawing, signals["beat"], 12, AXIS)
    _marks(drawing, signals["bar"], 34, INK)
    for drum, colour in zip(DRUMS, LINES):
        if drum in signals:
            _impulses(drawing, signals[drum], LANES[drum], colour)
    if "tempo" in signals:
        _tempo(drawing, signals["tempo"].astype(np.float64))
    if "drop" in signals:
        _drops(drawing, signals["drop"], box)
    draw_marks(drawing, box, span, marks)
    return drawing


def sections(signals: Mapping[str, np.ndarray]) -> list[tuple[int, int, str]]:
    """Return the first frame, the end and the letter of each section."""
    section = signals["section"]
    letters = signals["section_is"].argmax(axis=1) if "section_is" in signals else section.astype(int)
    edges = [0, *(int(frame) + 1 for frame in np.flatnonzero(np.diff(section))), len(section)]
    return [(start, stop, chr(ord("A") + int(letters[start]))) for start, stop in zip(edges, edges[1:])]


def _middle(lane: Box) -> int:
    return (lane.top + lane.bottom) // 2


def _across(frames: int) -> np.ndarray:
    """Return the column of pixels of each frame."""
    return LEFT + np.arange(frames) * (SIZE[0] - LEFT - RIGHT - 1) // max(frames - 1, 1)


def _sections(drawing: Drawing, found: list[tuple[int, int, str]]) -> None:
    lane, x = LANES["sections"], _across(found[-1][1])
    through = lane._replace(bottom=LANES["beats"].bottom)
    for start, stop, name in found:
        left, right = int(x[start]), int(x[stop] if stop < len(x) else x[-1] + 1)
        drawing.fill(TINTS[(ord(name) - ord("A")) % len(TINTS)], [lane._replace(left=left, right=right)])
        drawing.fill(AXIS, [upright(left, through)])
        if right - left > width(name) + 8:
            drawing.write(left + 6, _middle(lane) - HEIGHT, name, INK)


def _drops(drawing: Drawing, drop: np.ndarray, box: Box) -> None:
    """Draw where drops begin, through all lanes."""
    x = _across(len(drop))
    for frame in frames_of_drops(drop):
        left = int(x[frame])
        drawing.fill(LINES[0], [box._replace(left=left, right=left + 2)])
        top = LANES["loudness"].top - 8
        drawing.fill(PAPER, [Box(left + 2, top, left + 10 + width("drop"), top + HEIGHT + 6)])
        drawing.write(left + 6, top, "drop", LINES[0])


def _loudness(drawing: Drawing, rms: np.ndarray) -> None:
    lane, columns, x = LANES["loudness"], np.arange(LEFT, SIZE[0] - RIGHT), _across(len(rms))
    known = np.unique(x)
    filled = np.interp(columns, known, _highest(x, rms)[known])
    reach = np.round(filled / max(float(rms.max()), 1e-9) * (lane.bottom - lane.top) / 2).astype(int)
    middle = _middle(lane)
    heights = zip(columns.tolist(), reach.tolist())
    drawing.fill(LINES[1], (Box(left, middle - far, left + 1, middle + far + 1) for left, far in heights))


def _marks(drawing: Drawing, count: np.ndarray, length: int, colour: Colour) -> None:
    """Draw a mark wherever a count reaches a whole number, or every fourth, sixteenth and so on of many."""
    lane, step = LANES["beats"], 1
    while (count[-1] - count[0]) / step > MOST_BEATS:
        step *= 4
    whole = np.floor(count / step + 1e-4)
    places = _across(len(count))[np.flatnonzero(np.diff(whole) > 0) + 1]
    drawing.fill(colour, (upright(x, lane._replace(top=lane.bottom - length)) for x in places.tolist()))


def _impulses(drawing: Drawing, signal: np.ndarray, lane: Box, colour: Colour) -> None:
    ground = lane.bottom - 1
    drawing.fill(GRID, [lane._replace(top=ground)])
    hardest = _highest(_across(len(signal)), signal)  # of the strikes that share a column
    drawing.fill(
        colour,
        (
            Box(x, ground - round(float(hardest[x]) * (lane.bottom - lane.top - 4)), x + 1, ground)
            for x in np.flatnonzero(hardest > 0.02).tolist()
        ),
    )


def _highest(x: np.ndarray, values: np.ndarray) -> np.ndarray:
    """Return the largest value in each column of pixels."""
    found = np.zeros(SIZE[0])
    np.maximum.at(found, x, values)
    return found


def _tempo(drawing: Drawing, tempo: np.ndarray) -> None:
    lane = LANES["tempo"]
    low, high = float(tempo.min()), float(tempo.max())
    air = max(0.02 * high, (high - low) * 0.15)
    drawing.curve(lane, tempo, low - air, high + air, LINES[4])
    text = f"{low:.1f} to {high:.1f}" if high - low > 0.05 else f"{high:.1f}"
    drawing.write(lane.right, lane.top - 2, text, INK, "end")
