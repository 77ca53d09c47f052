"""Swirl, Ripple and Barrel: the places that they show, against their formulas in float64."""

from __future__ import annotations

import math
from pathlib import Path

import numpy as np
import pytest
from lensed import PLACES, ask, lens, show, turned

from n2s.nodes import Barrel, Ripple, Swirl


def test_swirl() -> None:
    made = ask(Swirl(angle=200, radius=0.6, center_x=0.1, center_y=-0.2))
    for (x, y), place in zip(PLACES, made):
        dx, dy = x - 0.1, y + 0.2
        dx, dy = turned(dx, dy, -200 * max(0, 1 - (dx * dx + dy * dy) / 0.36) ** 2)
        np.testing.assert_allclose(place, (0.1 + dx, -0.2 + dy), atol=2e-6)


def test_a_swirl_leaves_what_is_beyond_its_radius() -> None:
    beyond = np.hypot(*(PLACES - [0.1, 0.2]).T) >= 0.3
    made = ask(Swirl(angle=500, radius=0.3, center_x=0.1, center_y=0.2))
    assert (made[beyond] == PLACES[beyond].astype(np.float32)).all() and (made[~beyond] != PLACES[~beyond]).any()


def test_ripple() -> None:
    made = ask(Ripple(amplitude=0.05, wavelength=0.2, phase=1000.25, reach=0.5, center_x=0.3))
    for (x, y), place in zip(PLACES, made):
        dx, dy = x - 0.3, y
        distance = math.hypot(dx, dy)
        height = 0.05 * math.sin(2 * math.pi * (distance / 0.2 - 0.25)) / (1 + distance**2 / 0.25)
        soft = math.sqrt(distance**2 + 0.2**2 / 16)
        np.testing.assert_allclose(place, (x + dx / soft * height, y + dy / soft * height), atol=1e-6)


@pytest.mark.parametrize(("strength", "fill", "scale"), [(0.5, True, 1 / 1.5), (0.5, False, 1), (-0.2, True, 1)])
def test_barrel(strength: float, fill: bool, scale: float) -> None:
    made = ask(Barrel(fill=fill, strength=strength))
    for (x, y), place in zip(PLACES, made):
        bent = scale * (1 + strength * (x * x + y * y) / (0.25 + (8 / 9) ** 2))
        np.testing.assert_allclose(place, (x * bent, y * bent), atol=1e-6)


def test_a_barrel_that_fills_keeps_the_corners() -> None:
    corner = np.array([[8 / 9, 0.5]])
    np.testing.assert_allclose(ask(Barrel(strength=0.7), corner), corner, atol=1e-6)


@pytest.mark.parametrize(
    ("cls", "rest"), [(Swirl, {"angle": 0}), (Ripple, {"amplitude": 0}), (Barrel, {"strength": 0})]
)
def test_at_rest_the_picture_comes_out(cls: type, rest: dict[str, float], tmp_path: Path) -> None:
    picture = np.random.default_rng(1).random((1, 3, 24, 40)).astype(np.float32)
    assert (show([lens(cls, **rest)], picture, tmp_path) == picture).all()
