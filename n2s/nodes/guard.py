"""Safety from flashes: a film is counted by the rules while it is made, and lowered where it breaks them."""

from __future__ import annotations

import math
from functools import lru_cache
from typing import Literal

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.declare import (
    MATTE_OUTPUT,
    Measure,
    Node,
    Output,
    Param,
    Pointwise,
    Resident,
    Seconds,
    Streamed,
    param,
    port,
    setting,
)
from n2s.graph.links import Link
from n2s.graph.shader import fma, luma, mix, to_display, to_light
from n2s.graph.types import SIGNAL, Frames, Matte, Signal
from n2s.nodes.flash_rules import ALLOWED, CELLS, LUMINANCE, Grid, extended
from n2s.nodes.flash_safety import Cells
from n2s.nodes.signals import Value

ROWS = 72  # of the frames that are looked at, or columns where these are fewer: four in each cell
STEPS = 4095  # of display values that are told apart
DISPLAY = np.arange(STEPS + 1) / STEPS
OF_BLUE = float(1 / LUMINANCE[2])  # how much blue has the luminance of white
LIGHT = np.where(DISPLAY <= 0.04045, DISPLAY / 12.92, ((DISPLAY + 0.055) / 1.055) ** 2.4).astype(np.float32)  # sRGB


class Guard(Pointwise):
    """Keep a film safe from flashes: no second has more than three, of light or of saturated red.

    Put it last, before the sink. Every frame is looked at while the film is made, on a grid of 30 x 18 cells; flashes
    are counted by WCAG 2.3.1 and ITU-R BT.1702, as docs/flash-safety.md says. Where a second has more than three on
    more than a quarter of any field of view (a third of the frame's width and height), the smallest of these flashes
    are lowered until they no longer count: only at their peaks, and only in their cells; where that is not enough, all
    light around is dimmed slowly. Red that would lose more than half of its light turns crimson instead, in the whole
    frame. All else keeps its bits.

    out = rgb * sqrt(1 - lowering), which is 1 - lowering in light. Before that, pixels with R / (R + G + B) > red in
    light are mixed with blue of their luminance until that is ``red``, which is 1 where nothing is to be done.

    With ``mode: report`` flashes are counted, and nothing is changed. The record of a run says what was found.
    """

    frames: Frames = port("the film as it would be shown")
    lowering: Matte = port("how much light is taken away; worked out where it is left out", optional=True)
    mode: Literal["limit", "report"] = setting(
        "limit", keyed=False, help="limit: lower what flashes too often; report: only say where it does"
    )
    red: Param = param(1.0, ge=0.5, le=1, help="the largest share of red; worked out where it is left out")

    def brings(self, name: str) -> dict[str, Node]:
        meter = FlashMeter(frames=self.frames)
        light, redness = (Link(f"{name}:meter", output) for output in FlashMeter.outputs)
        limit = FlashLimit(light=light, redness=redness, mode=self.mode)
        brought = {f"{name}:meter": meter, f"{name}:limit": limit}
        if self.lowering is None:
            brought[f"{name}:lowering"] = LoweringMatte(lowering=Link(f"{name}:limit", "lowering"))
        if "red" not in self.model_fields_set:
            brought[f"{name}:red"] = Value(value=Link(f"{name}:limit", "red"))
        return brought if len(brought) > 2 else {}

    @staticmethod
    def pixel(rgb, lowering, at, red):
        # What lies below black is black here, as it will be on the screen.
        r, g, b = to_light(max(rgb[0], 0)), to_light(max(rgb[1], 0)), to_light(max(rgb[2], 0))
        over = fma(-red, r + (g + b), r)
        blue = luma(r, g, b) * OF_BLUE
        share = max(over, 0) / max(fma(red, blue, over), 1e-9)
        gain = 1 - lowering
        red_of = to_display(fma(-share, r, r) * gain)
        green_of = to_display(fma(-share, g, g) * gain)
        blue_of = to_display(mix(b, blue, share) * gain)
        as_it_was = max(over, lowering) <= 0
        red_of = rgb[0] if as_it_was else red_of
        green_of = rgb[1] if as_it_was else green_of
        blue_of = rgb[2] if as_it_was else blue_of
        return red_of, green_of, blue_of


class FlashMeter(Measure):
    """Say how light and how red each cell of a frame is, as `Guard` counts flashes by.

    ``light`` is the mean light of red, of green and of blue, by the curve of sRGB, of display values held within 0..1;
    ``redness`` the mean of R - G - B, at least 0, over a cell in which pixels with R / (R + G + B) < 0.8 count as 0.
    """

    frames: Frames = port("what is looked at")
    every: Seconds = setting(0.0, ge=0, le=0, unit="s", keyed=False, help="0: every frame, or flashes would be missed")

    outputs = {
        "light": Output(SIGNAL, "red, green and blue of each cell, row by row, 0..1", columns=3 * CELLS),
        "redness": Output(SIGNAL, "how much saturated red is in each cell, 0..1", columns=CELLS),
    }
    unmeasured = {"light": (0.0,) * (3 * CELLS), "redness": (0.0,) * CELLS}

    def input_size(self, size: tuple[int, int]) -> tuple[int, int]:
        least = Grid.of(size)
        scale = min(1, ROWS / min(size))
        width, height = (max(cells, round(side * scale)) for cells, side in zip(reversed(least), size))
        return width, height

    def measure(self, frame: np.ndarray) -> dict[str, np.ndarray]:
        height, width = frame.shape[1:]
        grid = Grid.of((width, height))
        codes = np.clip(frame, 0, 1) * np.float32(STEPS) + np.float32(0.5)
        light = LIGHT[codes.astype(np.int16)]
        others = light[1] + light[2]
        # R >= 0.8 (R + G + B), and then R > G + B
        redness = np.where(light[0] >= 4 * others, light[0] - others, np.float32(0))
        means = shares(height, grid.rows) @ np.stack([*light, redness]) @ shares(width, grid.columns).T
        return {"light": means[:3].reshape(3, -1).T.ravel(), "redness": means[3].ravel()}


@lru_cache(64)
def shares(pixels: int, cells: int) -> np.ndarray:
    """Return how much of each cell each pixel of a line is, float32 (cells, pixels)."""
    edges = np.linspace(0, pixels, cells + 1)
    place = np.arange(pixels)
    inside = np.minimum(edges[1:, None], place + 1) - np.maximum(edges[:-1, None], place)
    return (np.maximum(inside, 0) * (cells / pixels)).astype(np.float32)


class FlashLimit(Resident):
    """Count flashes of light and of red, and work out by how much `Guard` lowers a film."""

    light: Signal = port("a FlashMeter's light")
    redness: Signal = port("its redness")
    mode: Literal["limit", "report"] = setting("limit", help="report: nothing is lowered")

    outputs = {
        "lowering": Output(SIGNAL, "how much light of each cell is taken away, 0..1", columns=CELLS),
        "red": Output(SIGNAL, "the largest R / (R + G + B) that is left, 1 where nothing is done"),
        "flashes": Output(
            SIGNAL,
            "flashes in the second that ends here: of light and red, as they came and as they are left; whether there "
            "were two or three in most of the last five seconds",
            columns=5,
            names=("light", "red", "light_left", "red_left", "extended"),
        ),
    }

    def compute(self, scene: Scene, light: np.ndarray, redness: np.ndarray) -> dict[str, np.ndarray]:
        # A second that is no whole number of frames holds the flashes of one more.
        grid, second = Grid.of(scene.size), max(1, math.ceil(scene.clock.fps))
        cells = Cells(light.reshape(len(light), -1, 3), redness, grid, second)
        lowering, red = np.zeros(redness.shape), np.ones(len(light))
        found = left = cells.count(lowering, red)
        if self.mode == "limit" and max(most.max(initial=0) for most in found) > ALLOWED:
            lowering, red = cells.solve()
            left = cells.count(lowering, red)
        long = extended(np.maximum(*left), second)
        return {"lowering": lowering, "red": red, "flashes": np.stack([*found, *left, long], axis=1)}


class LoweringMatte(Streamed):
    """Spread what `FlashLimit` says of cells over a frame, along straight lines between their centres."""

    lowering: Signal = port("one number for each cell")

    outputs = MATTE_OUTPUT
    reads = frozenset()

    def compute(self, block: Block, lowering: np.ndarray) -> np.ndarray:
        size = block.scene.size
        grid = Grid.of(size)
        width, height = (max(2 * cells, round(side * 64 / min(size))) for side, cells in zip(size, reversed(grid)))
        if not lowering.any():
            return np.zeros((block.count, 1, height, width), np.float32)
        cells = lowering.reshape(-1, *grid)
        made = between(height, grid.rows) @ cells @ between(width, grid.columns).T
        return made[:, None]


@lru_cache(64)
def between(pixels: int, cells: int) -> np.ndarray:
    """Return the weights of cells in each pixel of a line that runs straight between their centres."""
    at = np.clip((np.arange(pixels) + 0.5) * cells / pixels - 0.5, 0, cells - 1)
    return np.maximum(0, 1 - abs(at[:, None] - np.arange(cells))).astype(np.float32)
