"""Kaleidoscope and Tile: the places that they show, against plain loops in float64."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from lensed import ASPECT, PLACES, ask, lens, show, turned

from n2s.nodes import Kaleidoscope, Tile


@pytest.mark.parametrize(("segments", "given"), [(1, 1), (5, 5), (6, 6.9)])
def test_kaleidoscope(segments: int, given: float) -> None:
    node = Kaleidoscope(
        segments=given, turn=-30, spin=1100, zoom=1.5, pan_x=0.2, pan_y=-0.3, center_x=-0.1, center_y=0.05
    )
    half = 180 / segments  # degrees of a wedge
    for (x, y), place in zip(PLACES, ask(node)):
        distance = math.hypot(x + 0.1, y - 0.05)
        angle = math.degrees(math.atan2(y - 0.05, x + 0.1)) - 1100
        wedge = math.floor(angle / half)  # every second one is a mirror image
        into = angle - wedge * half if wedge % 2 == 0 else (wedge + 1) * half - angle
        right, down = turned(distance / 1.5, 0, into - 30)
        np.testing.assert_allclose(place, (right + 0.1, down - 0.25), atol=5e-6)


def test_a_kaleidoscope_that_spins_turns_its_figure() -> None:
    """What is seen 25 degrees further on, after a spin of 25 degrees, is what was seen."""
    before = np.array([turned(0.3, 0.1, angle) for angle in range(0, 360, 7)])
    after = np.array([turned(x, y, 25) for x, y in before])
    made = ask(Kaleidoscope(spin=25), after)
    np.testing.assert_allclose(made, ask(Kaleidoscope(), before), atol=2e-6)
    assert np.abs(made - ask(Kaleidoscope(), after)).max() > 0.1


@pytest.mark.parametrize("mirrored", [False, True])
@pytest.mark.parametrize(
    "given",
    [
        {"columns": 3, "rows": 2},
        {"columns": 2.5, "rows": 4, "shift": 0.5, "move_x": -7.3, "move_y": 12.6},
        {"columns": 1, "rows": 3, "shift": -0.25},
    ],
)
def test_tile(given: dict[str, float], mirrored: bool) -> None:
    made = ask(Tile(**given, mirrored=mirrored))
    columns, rows, shift, move_x, move_y = (given.get(name, 0) for name in (
        "columns", "rows", "shift", "move_x", "move_y"))  # fmt: skip
    for (x, y), place in zip(PLACES, made):
        v = (y + 0.5) * rows - move_y
        row = math.floor(v)
        u = (x / ASPECT + 0.5) * columns - move_x - shift * row
        column = math.floor(u)
        wanted_u, wanted_v = u - column, v - row
        if mirrored and column % 2:
            wanted_u = 1 - wanted_u
        if mirrored and row % 2:
            wanted_v = 1 - wanted_v
        np.testing.assert_allclose(place, ((wanted_u - 0.5) * ASPECT, wanted_v - 0.5), atol=2e-5)


def test_one_tile_is_the_picture(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).random((1, 3, 24, 40)).astype(np.float32)
    assert (show([lens(Tile, columns=1, rows=1)], picture, tmp_path) == picture).all()


def test_tiles_show_the_whole_picture_each(tmp_path: Path) -> None:
    """Of a picture as smooth as a wave, four copies are four halved pictures."""
    y, x = np.mgrid[0:48, 0:80]
    wave = 0.5 + 0.3 * np.cos(2 * np.pi * (x + 0.5) / 80) * np.cos(2 * np.pi * (y + 0.5) / 48 + 1)
    picture = np.sqrt(np.broadcast_to(wave, (1, 3, 48, 80))).astype(np.float32)
    made = show([lens(Tile, edge="wrap", columns=2, rows=2)], picture, tmp_path)[0, 0].astype(float) ** 2
    halved = wave.reshape(24, 2, 40, 2).mean(axis=(1, 3))
    np.testing.assert_allclose(made[:24, :40], halved, atol=0.02)
    np.testing.assert_allclose(made[:24, 40:], halved[:, ::-1], atol=0.02)
    np.testing.assert_allclose(made[24:, 40:], halved[::-1, ::-1], atol=0.02)
