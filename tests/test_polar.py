"""Polar and EndlessZoom: the places that they show, against their formulas in float64 and complex numbers."""

from __future__ import annotations

import cmath
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lensed import ASPECT, PLACES, ask, lens, show

from n2s.nodes import EndlessZoom, Polar, Tunnel

POLAR = {"radius": 0.7, "around": 1.5, "turn": 400, "travel": 3.2, "center_x": 0.13, "center_y": -0.07}


@pytest.mark.parametrize("amount", [1, 0.3])
def test_polar(amount: float) -> None:
    for (x, y), place in zip(PLACES, ask(Polar(amount=amount, **POLAR))):
        dx, dy = x - 0.13, y + 0.07
        angle = math.degrees(math.atan2(dx, -dy)) - 400  # clockwise from above
        angle = (angle + 180) % 360 - 180
        wanted = angle / 360 * 1.5 * ASPECT, 0.5 + 3.2 - math.hypot(dx, dy) / 0.7
        mixed = x + amount * (wanted[0] - x), y + amount * (wanted[1] - y)
        assert place[0] == pytest.approx(mixed[0], abs=5e-6)
        assert math.remainder(place[1] - mixed[1], 2) == pytest.approx(0, abs=5e-6)  # copies look alike after 2


@pytest.mark.parametrize("edge", ["mirror", "wrap"])
@pytest.mark.parametrize("amount", [0.25, 0.5, 0.9, 1])
def test_a_flight_goes_on_evenly(edge: str, amount: float) -> None:
    before = ask(Polar(edge=edge, amount=amount, travel=1.9))
    for step in range(1, 40):
        after = ask(Polar(edge=edge, amount=amount, travel=1.9 + 0.1 * step))
        moved = np.remainder(after[:, 1] - before[:, 1] + 1, 2) - 1
        np.testing.assert_allclose(moved, 0.1 * amount, atol=1e-5)
        np.testing.assert_allclose(after[:, 0], before[:, 0], atol=1e-6)
        before = after


def test_rectangular() -> None:
    for (x, y), place in zip(PLACES, ask(Polar(to="rectangular", **POLAR))):
        angle, distance = math.radians(x / 1.5 / ASPECT * 360 + 400), 0.7 * (0.5 + 3.2 - y)
        wanted = 0.13 + distance * math.sin(angle), -0.07 - distance * math.cos(angle)
        np.testing.assert_allclose(place, wanted, atol=5e-6)


@pytest.mark.parametrize("node", [Polar, Tunnel])
def test_a_picture_moves_away_for_good_where_nothing_repeats_it(node: Any) -> None:
    for travel in (-1.9, 0.7, 4.1, 1000):
        here, on = (ask(node(edge="black", travel=travel + more)) for more in (0, 0.5))
        np.testing.assert_allclose(on[:, 1] - here[:, 1], 0.5, atol=1e-4)
        np.testing.assert_allclose(on[:, 0], here[:, 0], atol=1e-6)


def test_unrolled_and_wound_again_is_the_picture() -> None:
    settings = {"radius": 0.9, "around": 1, "turn": 20, "center_x": 0.05}
    strip = ask(Polar(to="rectangular", **settings))
    np.testing.assert_allclose(ask(Polar(**settings), strip), PLACES, atol=1e-5)


def test_nothing_is_wound_by_an_amount_of_0(tmp_path: Path) -> None:
    picture = np.random.default_rng(1).random((1, 3, 24, 40)).astype(np.float32)
    assert (show([lens(Polar, amount=0)], picture, tmp_path) == picture).all()


def endless(place: tuple[float, float], node: Any) -> complex:
    """Return what an endless zoom about (0, 0) shows: the place to a complex power, scaled to the ring that is seen."""
    period = math.log(node.scale.value) * (2 if node.mirrored else 1)
    size, twist = node.size.value, node.twist.value
    wound = (complex(*place) / size) ** (1 - 1j * twist * period / (2 * math.pi))
    far = abs(wound)
    if node.shape == "frame":
        far = max(abs(wound.real) / ASPECT, abs(wound.imag))
    way = math.log(far) / period - node.phase.value
    part = way - math.floor(way)
    ring = abs(2 * part - 1) * period / 2 - period / 2 if node.mirrored else (part - 1) * period
    return size * wound / far * math.exp(ring) * cmath.exp(1j * math.radians(node.turn.value))


@pytest.mark.parametrize("twist", [0, 1, -2.5])
@pytest.mark.parametrize("mirrored", [True, False])
@pytest.mark.parametrize("shape", ["circle", "frame"])
def test_endless_zoom(shape: str, mirrored: bool, twist: float) -> None:
    node = EndlessZoom(phase=0.3, scale=2.5, twist=twist, turn=50, size=0.4, shape=shape, mirrored=mirrored)
    made = ask(node)
    wanted = np.array([(z.real, z.imag) for z in (endless(place, node) for place in PLACES)])
    close = np.abs(made - wanted).max(axis=1) < 2e-5
    assert close.mean() > 0.99 if mirrored else close.mean() > 0.97  # places at the very edge of a ring may jump
    assert (np.abs(made - wanted).max(axis=1) < 1e-3).all() or not mirrored


def test_an_endless_zoom_comes_back_and_grows_on_the_way() -> None:
    there = EndlessZoom(phase=4)
    np.testing.assert_array_equal(ask(there), ask(EndlessZoom(phase=-17)))
    for mirrored, period in ((True, 9), (False, 3)):
        given = {"twist": 0, "mirrored": mirrored}
        larger = ask(EndlessZoom(phase=0.25, **given), PLACES * period**0.25)  # the same, nearer
        np.testing.assert_allclose(larger, ask(EndlessZoom(**given)), atol=2e-5)


@pytest.mark.parametrize("arms", [1, 3])
def test_arms_of_a_spiral_join(arms: int) -> None:
    """Above and below the line on which angles jump by a turn lies the same."""
    left = np.linspace(-0.88, -0.02, 40)
    above, below = (ask(EndlessZoom(twist=arms), np.stack([left, np.full(40, y)], axis=1)) for y in (-1e-7, 1e-7))
    np.testing.assert_allclose(above, below, atol=1e-4)


def test_an_endless_zoom_ends_before_pixels_tell_rings_apart(tmp_path: Path) -> None:
    """The four pixels in the middle are next to each other in the picture, too."""
    for height, phase in [(90, 0), (1080, 0.1), (1080, 0.5), (1080, 0.7)]:
        near = np.array([(x, y) for x in (-0.5, 0.5) for y in (-0.5, 0.5)]) / height
        made = ask(EndlessZoom(phase=phase), near, height=height)
        assert np.ptp(made, axis=0).max() < 1 / 8, "neighbours are no farther apart than a filter reaches"
    np.testing.assert_array_equal(ask(EndlessZoom(), np.zeros((1, 2))), [[0, 0]])
    grey = np.full((1, 3, 36, 64), 0.25, np.float32)
    np.testing.assert_allclose(show([lens(EndlessZoom)], grey, tmp_path), grey, atol=1e-6)
