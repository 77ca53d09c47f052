"""What can be said of a frame in a few numbers."""

from __future__ import annotations

import numpy as np

from n2s.graph.declare import Measure, Output, port
from n2s.graph.shader import luma, to_light
from n2s.graph.types import SIGNAL, Frames

COLUMNS, ROWS = 16, 9  # of the grid
STEPS = 32  # of the strongest colour, from 0 to 1
DARK, BURNT = np.float32(10 / 255), np.float32(250 / 255)


class LightMeter(Measure):
    """Say how light, how colourful and how sharp each frame is.

    A frame is looked at in 64 rows, or in as many as the film has where these are fewer; so details smaller than that
    count with what surrounds them. Of its n pixels, y is the luma of the display values, held within 0..1, and l the
    luma of their light, 0.2126 r|r| + 0.7152 g|g| + 0.0722 b|b|, at least 0:

    - ``luma`` is the mean of y, and ``light`` that of l; ``low`` and ``high`` are the values of y at places
      round(0.01 (n - 1)) and round(0.99 (n - 1)) in their rising order,
    - ``dark`` is the share of pixels with y < 10/255, ``burnt`` of those whose strongest colour is at least 250/255,
    - ``redness`` is the mean of max(r - max(g, b), 0), ``colour`` that of max(r, g, b) - min(r, g, b),
    - ``sharpness`` is the mean of the squared differences of y to the right, and of those downwards, added up,
    - ``grid`` has the mean of y in each of 16 x 9 fields, row by row; in w columns, field i begins at floor(w i / 16),
    - ``histogram`` says by how bright a pixel ``light`` comes: column i has the sum of l / n over the pixels whose
      strongest colour, held within 0..1, is in i / 32 .. (i + 1) / 32, the last end included.
    """

    frames: Frames = port("what is looked at")

    outputs = {
        "luma": Output(SIGNAL, "mean luma, 0..1"),
        "light": Output(SIGNAL, "mean light, 0..1"),
        "low": Output(SIGNAL, "luma of the darkest hundredth, 0..1"),
        "high": Output(SIGNAL, "luma of the brightest hundredth, 0..1"),
        "dark": Output(SIGNAL, "share of nearly black pixels, 0..1"),
        "burnt": Output(SIGNAL, "share of pixels with a colour at its end, 0..1"),
        "redness": Output(SIGNAL, "how far red outshines the other colours, 0..1"),
        "colour": Output(SIGNAL, "how far colours are from grey, 0..1"),
        "sharpness": Output(SIGNAL, "how much neighbours differ, from 0"),
        "grid": Output(SIGNAL, "luma of 16 x 9 fields, row by row, 0..1", columns=COLUMNS * ROWS),
        "histogram": Output(SIGNAL, "light by the strongest colour of its pixels, 0..1", columns=STEPS),
    }

    def measure(self, frame: np.ndarray) -> dict[str, float | np.ndarray]:
        y = np.clip(luma(*frame), np.float32(0), np.float32(1)).astype(np.float64)
        light = np.maximum(luma(*to_light(frame)), np.float32(0)).astype(np.float64)
        strongest, weakest = frame.max(axis=0), frame.min(axis=0)
        step = np.minimum(np.clip(strongest, 0, 1) * np.float32(STEPS), np.float32(STEPS - 1)).astype(np.intp)
        in_order = np.sort(y, axis=None)
        return {
            "luma": y.mean(),
            "light": light.mean(),
            "low": in_order[round(0.01 * (y.size - 1))],
            "high": in_order[round(0.99 * (y.size - 1))],
            "dark": np.mean(y < DARK),
            "burnt": np.mean(strongest >= BURNT),
            "redness": np.maximum(frame[0] - np.maximum(frame[1], frame[2]), 0).mean(dtype=np.float64),
            "colour": (strongest - weakest).mean(dtype=np.float64),
            "sharpness": np.square(np.diff(y, axis=1)).mean() + np.square(np.diff(y, axis=0)).mean(),
            "grid": _fields(y).ravel(),
            "histogram": np.bincount(step.ravel(), light.ravel(), STEPS) / y.size,
        }


def _fields(y: np.ndarray) -> np.ndarray:
    """Return the means of the fields of a grid, (9, 16)."""
    height, width = y.shape
    rows, columns = np.arange(ROWS + 1) * height // ROWS, np.arange(COLUMNS + 1) * width // COLUMNS
    sums = np.add.reduceat(np.add.reduceat(y, rows[:-1], axis=0), columns[:-1], axis=1)
    return sums / (np.diff(rows)[:, None] * np.diff(columns))
