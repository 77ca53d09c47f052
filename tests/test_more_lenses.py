"""Mirror, Tunnel, Warp and Glitch: the places that they show, against their formulas in float64."""

from __future__ import annotations

import numpy as np
import pytest
from lensed import ASPECT, PLACES, ask

from n2s.nodes import Glitch, Mirror, Tunnel, Warp


@pytest.mark.parametrize(("angle", "shift"), [(0, 0), (90, 0.1), (217, -0.2)])
def test_mirror(angle: float, shift: float) -> None:
    across, down = np.cos(np.deg2rad(angle)), np.sin(np.deg2rad(angle))
    wanted = []
    for x, y in PLACES:
        behind = shift - (across * x + down * y)
        wanted.append((x + 2 * max(behind, 0) * across, y + 2 * max(behind, 0) * down))
    made = ask(Mirror(angle=angle, shift=shift))
    np.testing.assert_allclose(made, wanted, atol=2e-6)
    assert (made @ [across, down] >= shift - 1e-5).all(), "one side alone is seen"


def test_tunnel() -> None:
    made = ask(Tunnel(travel=2.25, depth=0.5, around=4, turn=36, center_x=0.1, center_y=-0.05))
    for (x, y), place in zip(PLACES, made):
        dx, dy = x - 0.1, y + 0.05
        across = (np.arctan2(dy, dx) / (2 * np.pi) - 0.1) * 4 * ASPECT
        down = 0.25 - 0.5 * np.log2(2 * max(np.hypot(dx, dy), 1e-5))
        np.testing.assert_allclose(place, (across, down), atol=5e-5)


def test_warp() -> None:
    settings = {"zoom": 1.125, "bend": 1.5, "turn": 10, "waves": 8, "size": 0.75, "drift": 3.5, "stretch_x": 1.25,
                "stretch_y": 0.75, "shift_x": 0.0625, "shift_y": -0.03125}  # fmt: skip
    t = settings["drift"]
    f = [11.68 + 4 * np.cos(t * 1.413 + 10), 8.77 + 3 * np.cos(t * 1.113 + 7), 10.54 + 3 * np.cos(t * 1.233 + 3),
         11.49 + 4 * np.cos(t * 0.933 + 5)]  # fmt: skip
    turn, high = np.deg2rad(10), 8 * 0.0035
    for (x, y), place in zip(PLACES, ask(Warp(**settings))):
        distance = np.hypot(x, y) / (np.hypot(1, ASPECT) / 2)
        zoom = 1.125 ** (1.5 ** (2 * distance - 1))
        u, v = x / zoom / 1.25, y / zoom / 0.75
        a, b = 2 * x / 0.75, 2 * y / 0.75
        u += high * np.sin(t * 0.333 + a * f[0] - b * f[3]) + high * np.cos(t * 0.753 - (a * f[1] - b * f[2]))
        v += high * np.cos(t * 0.375 - (a * f[2] + b * f[1])) + high * np.sin(t * 0.825 + a * f[0] + b * f[3])
        wanted = u * np.cos(turn) + v * np.sin(turn) + 0.0625, v * np.cos(turn) - u * np.sin(turn) - 0.03125
        np.testing.assert_allclose(place, wanted, atol=2e-5)


def test_glitch_moves_whole_bands_for_a_pattern() -> None:
    made = {
        pattern: ask(Glitch(amount=0.5, reach=0.2, bands=8, pattern=pattern), seed=7) for pattern in (0, 0.9, 1, -1)
    }
    places = PLACES
    for found in made.values():
        aside = np.round(found[:, 0] - places[:, 0], 6)
        assert (found[:, 1] == places[:, 1].astype(np.float32)).all() and np.abs(aside).max() <= 0.2
        for y in np.unique(places[:, 1]):
            assert np.ptp(aside[places[:, 1] == y]) < 1e-5, "a line stays straight"
        assert 0 < (aside == 0).mean() < 1
    assert (made[0] == made[0.9]).all()
    assert (made[0] != made[1]).any() and (made[0] != made[-1]).any()
    assert (ask(Glitch(amount=0), seed=7)[:, 0] == places[:, 0].astype(np.float32)).all()


@pytest.mark.parametrize(
    "settings",
    [
        {"zoom": 0.3, "bend": 100, "stretch_x": 0.2},
        {"zoom": 0.05, "bend": 50, "turn": 180},
        {"zoom": 0.02, "bend": 100, "stretch_x": 0.01, "stretch_y": 0.01, "turn": 77},
    ],
)
def test_a_warp_shows_some_place_whatever_it_is_given(settings: dict[str, float]) -> None:
    given = {name: max(value, Warp.specs[name].ge or value) for name, value in settings.items()}
    assert np.isfinite(ask(Warp(**given))).all()
