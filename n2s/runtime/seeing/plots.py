"""Signals as pictures: smooth lines over a grid, drawn with numpy."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from n2s.graph.timecodes import minutes
from n2s.runtime.seeing.lettering import HEIGHT, letter, width

LINES = ((201, 118, 0), (59, 130, 160), (79, 157, 105), (176, 122, 161), (196, 78, 82), (110, 110, 120), (140, 109, 49))
PAPER, GRID, AXIS, INK, MARK = (255, 255, 255), (233, 235, 239), (176, 181, 189), (75, 82, 92), (148, 155, 166)
_FINE = 4  # computed columns per column of pixels
_RADIUS = 1.0  # half the thickness of a line, in pixels
_STEPS = (0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400)


def plot(
    signal: np.ndarray, times: np.ndarray, title: str, marks: Sequence[float] = (), size: tuple[int, int] = (1280, 440)
) -> np.ndarray:
    """Return a picture uint8 (H, W, 3) of a signal (T,) or (T, K) over time (s): one line per column.

    Parameters
    ----------
    title : str
        Stands above on the left; the range stands on the right.
    marks : sequence of float
        Times that a thin line marks.
    """
    columns = signal.reshape(len(signal), -1).T.astype(np.float64)
    low, high = float(columns.min()), float(columns.max())
    pixels = np.full((size[1], size[0], 3), PAPER, np.uint8)
    bottom, top = _bounds(low, high)
    ticks = _ticks(bottom, top)
    labels = [_number(tick, ticks) for tick in ticks]
    left = 16 + max(width(label) for label in labels) + 8
    box = (left, 44, size[0] - 20, size[1] - 38)  # left, top, right, bottom
    end = max(float(times[-1]), float(times[0]) + 1e-9)
    _grid(pixels, box, (bottom, top), ticks, labels, (float(times[0]), end))
    for mark in marks:
        x = round(box[0] + (mark - times[0]) / (end - times[0]) * (box[2] - box[0] - 1))
        pixels[box[1] : box[3], x] = MARK
    for i in reversed(range(len(columns))):
        draw_line(pixels[box[1] : box[3], box[0] : box[2]], columns[i], bottom, top, LINES[i % len(LINES)])
    _heading(pixels, box, title, low, high, len(columns))
    return pixels


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


def _grid(
    pixels: np.ndarray,
    box: tuple[int, int, int, int],
    span: tuple[float, float],
    ticks: list[float],
    labels: list[str],
    time: tuple[float, float],
) -> None:
    left, top, right, bottom = box
    for tick, label in zip(ticks, labels):
        y = round(bottom - 1 - (tick - span[0]) / (span[1] - span[0]) * (bottom - top - 1))
        pixels[y, left:right] = AXIS if tick == 0 else GRID
        letter(pixels, left - 8 - width(label), y - HEIGHT, label, INK)
    draw_times(pixels, box, time)


def draw_times(pixels: np.ndarray, box: tuple[int, int, int, int], time: tuple[float, float]) -> None:
    """Draw lines and labels of time into a box: left, top, right, bottom."""
    left, top, right, bottom = box
    room = (right - left) / 120  # labels that fit side by side
    seconds = time[1] - time[0]
    step = next((step for step in _STEPS if seconds / step <= room), _STEPS[-1])
    decimals = max(0, int(np.ceil(-np.log10(step) - 1e-9)))  # where the ticks are closer than a second
    for k in range(int(np.ceil(time[0] / step - 1e-9)), int(np.floor(time[1] / step + 1e-9)) + 1):
        x = round(left + (k * step - time[0]) / seconds * (right - left - 1))
        pixels[top:bottom, min(x, right - 1)] = GRID
        label = minutes(k * step, decimals)
        letter(pixels, min(x - width(label) // 2, pixels.shape[1] - width(label) - 4), bottom + 10, label, INK)
    pixels[bottom - 1, left:right] = AXIS
    pixels[top:bottom, left] = AXIS


def _heading(
    pixels: np.ndarray, box: tuple[int, int, int, int], title: str, low: float, high: float, count: int
) -> None:
    letter(pixels, box[0], 16, title, INK)
    extremes = f"min {low:.3g}   max {high:.3g}"
    letter(pixels, box[2] - width(extremes), 16, extremes, INK)
    x = box[0] + width(title) + 30
    for i in range(count if count > 1 else 0):
        if x + 44 + width(str(i)) > box[2] - width(extremes):
            break
        pixels[21:25, x : x + 14] = LINES[i % len(LINES)]
        letter(pixels, x + 20, 16, str(i), INK)
        x += 20 + width(str(i)) + 22


def draw_line(pixels: np.ndarray, values: np.ndarray, low: float, high: float, colour: tuple[int, int, int]) -> None:
    """Draw values from left to right into pixels (h, w, 3), ``low`` at their lower edge and ``high`` at the upper."""
    _blend(pixels, _line(values, low, high, pixels.shape[1], pixels.shape[0]), colour)


def _line(values: np.ndarray, low: float, high: float, wide: int, tall: int) -> np.ndarray:
    """Return how much of each pixel (tall, wide) a line covers, 0..1.

    In every fine column the line covers an interval of heights: the range of the values there, widened by the line's
    radius. A pixel's coverage is exact vertically, and a mean over its fine columns horizontally.
    """
    edges = np.linspace(0, len(values) - 1, wide * _FINE + 1) if len(values) > 1 else np.zeros(wide * _FINE + 1)
    heights = (high - values) / (high - low) * (tall - 1) + 0.5
    ends = np.interp(edges, np.arange(len(values)), heights)
    first, last = np.minimum(ends[:-1], ends[1:]), np.maximum(ends[:-1], ends[1:])
    # Values between two edges, where there are more values than fine columns.
    inside = np.searchsorted(edges, np.arange(len(values)), side="right") - 1
    inside = np.clip(inside, 0, len(first) - 1)
    np.minimum.at(first, inside, heights)
    np.maximum.at(last, inside, heights)
    upper, lower = first.copy(), last.copy()
    reach = int(_RADIUS * _FINE)
    for shift in range(-reach, reach + 1):
        grown = np.sqrt(max(_RADIUS**2 - (shift / _FINE) ** 2, 0.0))
        source = np.clip(np.arange(len(first)) + shift, 0, len(first) - 1)
        upper = np.minimum(upper, first[source] - grown)
        lower = np.maximum(lower, last[source] + grown)
    rows = np.arange(tall, dtype=np.float32)[:, None]
    upper, lower = upper.astype(np.float32), lower.astype(np.float32)
    covered = np.clip(np.minimum(lower, rows + 1) - np.maximum(upper, rows), 0, 1)
    return covered.reshape(tall, wide, _FINE).mean(axis=2)


def _blend(pixels: np.ndarray, coverage: np.ndarray, colour: tuple[int, int, int]) -> None:
    mixed = pixels + (np.array(colour, np.float32) - pixels) * coverage[:, :, None]
    pixels[:] = np.rint(mixed).astype(np.uint8)
