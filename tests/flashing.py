"""Films that flash, built on both sides of each limit, and a plain count of their flashes, pixel by pixel."""

from __future__ import annotations

from pathlib import Path
from typing import Any, NamedTuple

import harness
import numpy as np
import tiny

from n2s.graph.graph import Graph

SIZE = 160, 90
SECONDS = 3
RED, RED_GREY, PINK = (1.0, 0.0, 0.0), (0.2126,) * 3, (0.7, 0.15, 0.15)  # light


class Case(NamedTuple):
    """A film that goes to and fro between two states of light.

    ``area`` is the part (left, top, width, height) that shows them, ``opposed`` whether the rest of the frame shows the
    other one; else the rest is ``around``. ``safe`` says whether it passes by the rule, ``iris`` what IRIS makes of it:
    "pass", "extended" (two or three flashes a second for long) or "fail".
    """

    name: str
    safe: bool
    iris: str
    dark: Any = 0.02
    light: Any = 0.6
    hertz: float = 5
    fps: int = 30
    area: tuple[float, float, float, float] = (0, 0, 1, 1)
    opposed: bool = False
    around: Any = 0.02
    size: tuple[int, int] = SIZE


CASES = [
    *(Case(f"3 flashes a second, {fps} frames/s", True, "pass", hertz=3, fps=fps) for fps in (24, 30, 60)),
    *(Case(f"4 flashes a second, {fps} frames/s", False, "fail", hertz=4, fps=fps) for fps in (24, 30, 60)),
    Case("10 flashes a second", False, "fail", hertz=10, fps=60, light=1.0, dark=0.0),
    Case("2 flashes a second", True, "pass", hertz=2),
    Case("change of 0.09", True, "pass", dark=0.3, light=0.39),
    Case("change of 0.11", False, "fail", dark=0.3, light=0.41),
    Case("darker state 0.79", False, "fail", dark=0.79, light=0.92),
    Case("darker state 0.81", True, "pass", dark=0.81, light=0.94),
    Case("24 % of a field", True, "pass", area=(0.4, 0.4, 5 / 30, 2.9 / 18)),
    Case("31 % of a field", False, "pass", area=(0.4, 0.4, 5.5 / 30, 3.5 / 18)),
    Case("a third of the frame", False, "fail", area=(0, 0, 1, 6 / 18)),
    Case("a field, bright around", False, "pass", light=0.9, area=(1 / 3, 1 / 3, 1 / 3, 1 / 3), around=0.8),
    Case("two halves, mean constant", False, "pass", area=(0, 0, 0.5, 1), opposed=True),
    Case("red and grey of the same luminance", False, "fail", dark=RED_GREY, light=RED),
    Case("red, by 24 of 320", False, "fail", dark=(0.5, 0.0, 0.0), light=(0.575, 0.0, 0.0)),
    Case("red, by 141 of 320", False, "fail", dark=(0.1, 0.0, 0.0), light=(0.54, 0.0, 0.0)),
    Case("red, by 16 of 320", True, "pass", dark=(0.5, 0.0, 0.0), light=(0.55, 0.0, 0.0)),
    Case("unsaturated red and grey", True, "pass", dark=(0.26,) * 3, light=PINK),
    Case("red and grey, 3 a second", True, "pass", dark=RED_GREY, light=RED, hertz=3),
    Case("upright, 5 flashes a second", False, "fail", size=(90, 160)),
    Case("upright, 3 flashes a second", True, "pass", hertz=3, size=(90, 160)),
]


def codes_of(light: Any) -> np.ndarray:
    """Return the display codes, 0..255, of light, by the curve of sRGB."""
    light = np.broadcast_to(np.asarray(light, np.float64), (3,))
    return 255 * np.where(light <= 0.0031308, 12.92 * light, 1.055 * light ** (1 / 2.4) - 0.055)


def light_of(codes: np.ndarray) -> np.ndarray:
    """Return the light of display codes, by the curve of sRGB."""
    values = np.asarray(codes) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def build(case: Case, folder: Path, sink: str = "PNGSink", mode: str = "limit") -> Graph:
    """Return the graph of a case's film, which flashes in all but its first half second."""
    width, height = case.size
    left, top, across, down = (round(share * side) for share, side in zip(case.area, (width, height) * 2))
    for name, inside, outside in (("dark", case.dark, case.light), ("light", case.light, case.dark)):
        picture = np.empty((height, width, 3))
        picture[:] = codes_of(outside if case.opposed else case.around)
        picture[top : top + down, left : left + across] = codes_of(inside)
        tiny.write_png(folder / f"{name}.png", np.rint(picture).astype(np.uint8))
    nodes = {
        "dark": {"node": "ImageSource", "path": "dark.png"},
        "light": {"node": "ImageSource", "path": "light.png"},
        "film": {
            "node": "Mix",
            "a": "dark",
            "b": "light",
            "amount": f"= step(0.5, time) * step(0.5, fract({case.hertz} * time + 0.003))",
        },
        "guard": {"node": "Guard", "frames": "film", "mode": mode},
        "out": {"node": sink, "frames": "guard", "path": "film.mp4" if sink == "FFmpegSink" else "film"},
    }
    header = {"n2s": 1, "fps": case.fps, "duration": SECONDS, "size": list(case.size)}
    return harness.load({**header, "nodes": nodes}, folder)


def most_flashes(codes: np.ndarray, fps: int) -> int:
    """Return how many flashes more than a quarter of a third of the frame has in a second; codes (T, H, W, 3).

    Written out plainly, for each pixel, and apart from what is tested.
    """
    light = light_of(codes)
    luminance = light @ [0.2126, 0.7152, 0.0722]
    white = np.array([0.1978, 0.4683])
    xyz = light @ np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]]).T
    total = xyz @ [1, 15, 3]
    lit = total > 0.02
    hue = np.where(lit[..., None], xyz[..., :2] * [4, 9] / np.maximum(total, 0.02)[..., None], white)
    is_red = lit & (light[..., 0] >= 0.8 * light.sum(axis=-1))
    most = 0
    redness = np.where(light[..., 0] >= 0.8 * light.sum(axis=-1), light @ [320, -320, -320], 0)
    for rises in (_rises(luminance, 0.0995, 0.8), _rises_of_red(hue, is_red), _rises(redness, 19.9, np.inf)):
        for start in range(0, len(codes) - fps + 1, fps // 12):
            most = max(most, _by_area(rises[start : start + fps].sum(axis=0)))
    return most


def _by_area(flashes: np.ndarray) -> int:
    """Return the flashes that more than a quarter of a third of the frame has."""
    down, across = (side // 3 for side in flashes.shape)
    for count in range(int(flashes.max()), 0, -1):
        sums = np.pad((flashes >= count).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
        field = sums[down:, across:] - sums[:-down, across:] - sums[down:, :-across] + sums[:-down, :-across]
        if field.max() > down * across / 4:
            return count
    return 0


def _rises(values: np.ndarray, change: float, bright: float) -> np.ndarray:
    found = np.zeros(values.shape, bool)
    low, high, up = values[0].copy(), values[0].copy(), np.zeros(values.shape[1:], bool)
    for t, now in enumerate(values):
        rises = ~up & (now - low > change) & (low < bright)
        falls = up & (high - now > change) & (now < bright)
        low = np.where(rises | falls, now, np.minimum(low, now))
        high = np.where(rises | falls, now, np.maximum(high, now))
        up = (up | rises) & ~falls
        found[t] = rises
    return found


def _rises_of_red(hue: np.ndarray, is_red: np.ndarray) -> np.ndarray:
    """Count from grey to red alone: enough for films of two states."""
    found = np.zeros(is_red.shape, bool)
    last, was_red = hue[0].copy(), is_red[0].copy()
    for t in range(len(hue)):
        changed = np.linalg.norm(hue[t] - last, axis=-1) > 0.2
        found[t] = changed & is_red[t] & ~was_red
        last, was_red = np.where(changed[..., None], hue[t], last), np.where(changed, is_red[t], was_red)
    return found
