"""Signals as drawings: lines over a grid."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from n2s.graph.timecodes import minutes
from n2s.runtime.seeing.drawing import Box, Drawing
from n2s.runtime.seeing.lettering import HEIGHT, width

LINES = ((201, 118, 0), (59, 130, 160), (79, 157, 105), (176, 122, 161), (196, 78, 82), (110, 110, 120), (140, 109, 49))
PAPER, GRID, AXIS, INK, MARK = (255, 255, 255), (233, 235, 239), (176, 181, 189), (75, 82, 92), (148, 155, 166)
LABELS_APART, TICKS_APART = 30, 9  # pixels, at least
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def plot(
    signal: np.ndarray,
    times: np.ndarray,
    title: str,
    marks: Sequence[float] = (),
    names: Sequence[str] = (),
    size: tuple[int, int] = (1280, 440),
) -> Drawing:
    """Return a drawing of a signal (T,) or (T, K) over time (s): one line per column.

    Parameters
    ----------
    title : str
        Stands above on the left; the range stands on the right.
    marks : sequence of float
        Times that a thin line marks.
    names : sequence of str
        What the columns are called; their numbers when left out.
    """
    columns = signal.reshape(len(signal), -1).T.astype(np.float64)
    low, high = float(columns.min()), float(columns.max())
    drawing = Drawing(title, size, PAPER)
    bottom, top = _bounds(low, high)
    ticks = _ticks(bottom, top)
    labels = [_number(tick, ticks) for tick in ticks]
    left = 16 + max(width(label) for label in labels) + 8
    box = Box(left, 44, size[0] - 20, size[1] - 38)
    end = max(float(times[-1]), float(times[0]) + 1e-9)
    _grid(drawing, box, (bottom, top), ticks, labels)
    span = float(times[0]), end
    draw_times(drawing, box, span)
    draw_marks(drawing, box, span, marks)
    for i in reversed(range(len(columns))):
        drawing.curve(box, columns[i], bottom, top, LINES[i % len(LINES)])
    if len(columns) == 1:
        names = ()
    elif len(names) != len(columns):
        names = [str(i) for i in range(len(columns))]
    _heading(drawing, box, f"min {low:.3g}   max {high:.3g}", names)
    return drawing


def _bounds(low: float, high: float) -> tuple[float, float]:
    """Return the range of the axis: the signal's range with a margin, or a range around a constant."""
    if high - low < 1e-9:
        air = max(abs(high) * 0.5, 0.5)
        return low - air, high + air
    return low - (high - low) * 0.06, high + (high - low) * 0.06


def _ticks(low: float, high: float) -> list[float]:
    """Return five to ten round numbers within a range."""
    rough = (high - low) / 9
    power = 10.0 ** np.floor(np.log10(rough))
    step = next(power * digit for digit in (1, 2, 5, 10) if power * digit >= rough * 0.999)
    return [round(k * step, 12) for k in range(int(np.ceil(low / step)), int(np.floor(high / step)) + 1)]


def _number(value: float, ticks: Sequence[float]) -> str:
    """Return a tick's text, with as many decimals as the step between ticks needs."""
    step = min(abs(b - a) for a, b in zip(ticks, ticks[1:])) if len(ticks) > 1 else abs(value) or 1
    decimals = max(0, int(np.ceil(-np.log10(step) - 1e-9)))
    return f"{value:.{decimals}f}" if decimals <= 4 and abs(value) < 1e6 else f"{value:.3g}"


def _grid(drawing: Drawing, box: Box, span: tuple[float, float], ticks: Sequence[float], labels: Sequence[str]) -> None:
    for tick, label in zip(ticks, labels):
        y = round(box.bottom - 1 - (tick - span[0]) / (span[1] - span[0]) * (box.bottom - box.top - 1))
        drawing.fill(AXIS if tick == 0 else GRID, [Box(box.left, y, box.right, y + 1)])
        drawing.write(box.left - 8, y - HEIGHT, label, INK, "end")


def draw_times(drawing: Drawing, box: Box, time: tuple[float, float]) -> None:
    """Draw lines and labels of time into a box, as close as labels can be read, and short lines between them."""
    seconds, across = time[1] - time[0], box.right - box.left - 1
    step, between = time_steps(time, across)
    decimals = _decimals(step)
    for at in _multiples(between, time):
        x = min(round(box.left + (at - time[0]) / seconds * across), box.right - 1)
        drawing.fill(AXIS, [Box(x, box.bottom, x + 1, box.bottom + 4)])
    for at in _multiples(step, time):
        x = round(box.left + (at - time[0]) / seconds * across)
        drawing.fill(GRID, [upright(min(x, box.right - 1), box)])
        label = minutes(at, decimals)
        half = width(label) // 2
        furthest = drawing.size[0] - 4 - width(label) + half
        drawing.write(min(x, furthest), box.bottom + 10, label, INK, "middle")
    drawing.fill(AXIS, [Box(box.left, box.bottom - 1, box.right, box.bottom), upright(box.left, box)])


def time_steps(time: tuple[float, float], across: int) -> tuple[float, float]:
    """Return how many seconds lie between labels of time, and between the short lines, over so many pixels.

    Both are round: 1, 2, 5, 10, 15, 30 s, 1, 2, 5 min and so on, the second a whole part of the first.
    """
    seconds = time[1] - time[0]

    def room(step: float) -> float:
        return width(minutes(time[1], _decimals(step))) + LABELS_APART

    step = next((step for step in _STEPS if step / seconds * across >= room(step)), _STEPS[-1])
    parts = (part for part in _STEPS if part <= step and abs(step / part - round(step / part)) < 1e-9)
    return step, next((part for part in parts if part / seconds * across >= TICKS_APART), step)


def _decimals(step: float) -> int:
    """Return how many decimals the labels have where ticks are closer than a second."""
    return max(0, int(np.ceil(-np.log10(step) - 1e-9)))


def _multiples(step: float, time: tuple[float, float]) -> list[float]:
    """Return the whole multiples of a step within a stretch of time."""
    return [k * step for k in range(int(np.ceil(time[0] / step - 1e-9)), int(np.floor(time[1] / step + 1e-9)) + 1)]


def draw_marks(drawing: Drawing, box: Box, time: tuple[float, float], marks: Sequence[float]) -> None:
    """Draw a line through a box at some times."""
    seconds = time[1] - time[0]
    places = (round(box.left + (mark - time[0]) / seconds * (box.right - box.left - 1)) for mark in marks)
    drawing.fill(MARK, [upright(x, box) for x in places])


def upright(x: int, box: Box) -> Box:
    """Return a line of one pixel from the top of a box to its bottom."""
    return Box(x, box.top, x + 1, box.bottom)


def _heading(drawing: Drawing, box: Box, extremes: str, names: Sequence[str]) -> None:
    """Write the title, the extremes and, as far as there is room, which line is which."""
    drawing.write(box.left, 16, drawing.title, INK)
    drawing.write(box.right, 16, extremes, INK, "end")
    x = box.left + width(drawing.title) + 30
    for i, name in enumerate(names):
        if x + 44 + width(name) > box.right - width(extremes):
            break
        drawing.fill(LINES[i % len(LINES)], [Box(x, 21, x + 14, 25)])
        drawing.write(x + 20, 16, name, INK)
        x += 20 + width(name) + 22
