"""Latents that are alike from frame to frame, and what nodes make of them."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

from n2s.graph.context import Block, Scene
from n2s.graph.time import Clock

GRID = (16, 29)
REACH = {"2": [0.9, 0.9, 0.3, 0.3]}  # two channels of forms, two of details


def scene(frames: int = 300, fps: int = 30, model: Any = None) -> Scene:
    files = model or SimpleNamespace(latent={"reach": REACH}, channels=4, anchor=None)
    return Scene(Clock(Fraction(fps), frames, 120.0), 7, (96, 64), SimpleNamespace(model=lambda path: files), Path("."))


def smooth(frames: int, channels: int = 4, grid: tuple[int, int] = GRID, seed: int = 1) -> np.ndarray:
    """Return random latents of unit variance: half of the channels wider than cells, half of single cells."""
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(frames, channels, *grid))
    wide = rng.normal(size=(frames, channels, grid[0] + 4, grid[1] + 4))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (5, 5), (2, 3)).mean((4, 5)) * 5
    latents[:, : channels // 2] = windows[:, : channels // 2]
    return latents.astype(np.float32)


def made(node: Any, count: int = 4, start: int = 0, where: Scene | None = None, grid: tuple[int, int] = GRID,
         **inputs: Any) -> np.ndarray:  # fmt: skip
    """Return what a node makes of latents and of parameters, which stand for all frames or are given for each."""
    where = where or scene()
    given = {}
    for field in node.params():
        value = inputs.pop(field, getattr(node, field))
        given[field] = np.broadcast_to(np.float32(getattr(value, "value", value)), count)
    return node.compute(Block(where, start, start + count, grid, node.open(where, grid)), **inputs, **given)


def variance(latents: np.ndarray) -> np.ndarray:
    return latents.astype(np.float64).var(axis=(0, 2, 3))
