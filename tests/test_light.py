"""Nodes of light: glow, light leaks, halation, local contrast."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest
import tiny
from scipy.ndimage import gaussian_filter

from n2s.graph.node import DeclarationError
from n2s.nodes import Glow, LightLeak

LUMA = np.array([0.2126, 0.7152, 0.0722])[:, None, None]
GREYS = np.repeat(np.add.outer(np.arange(64) * 2, np.arange(96)).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.fixture
def seen(studio: Any, store: Any) -> Any:
    """Return a picture before and after a node, float64 (3, H, W)."""

    def make(pixels: np.ndarray, film: tuple[int, int] = (96, 64), **node: Any) -> tuple[np.ndarray, np.ndarray]:
        tiny.write_png(studio.folder / "light.png", pixels)
        nodes = {
            "track": {"node": "AudioSource", "path": "music.wav"},
            "still": {"node": "ImageSource", "path": "light.png"},
            "made": {"frames": "still", **node},
            "out": {"node": "DigestSink", "frames": "made", "audio": "track", "path": "frames.txt"},
        }
        graph = harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": film, "nodes": nodes}, studio.folder)
        return tuple(harness.frames(graph, store, name, [(0, 1)])[0].astype(float) for name in ("still", "made"))

    return make


def places(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of pixels, from the centre, in heights."""
    y, x = np.mgrid[0:height, 0:width]
    return (x + 0.5 - width / 2) / height, (y + 0.5 - height / 2) / height


def screened(before: np.ndarray, light: np.ndarray) -> np.ndarray:
    return np.sqrt(before**2 + (1 - before**2) * light / (1 + light))


def test_glow_against_its_formula(seen: Any) -> None:
    given = {"amount": 1.5, "x": 0.25, "y": -0.125, "radius": 0.2, "falloff": 1.5, "colour": "#ff8000"}
    before, made = seen(GREYS, node="Glow", **given)
    x, y = places(64, 96)
    spread = (1 + (2 ** (1 / 1.5) - 1) * ((x - 0.25) ** 2 + (y + 0.125) ** 2) / 0.2**2) ** -1.5
    light = 1.5 * spread * (np.array([255, 128, 0]) / 255)[:, None, None] ** 2
    np.testing.assert_allclose(made, screened(before, light), atol=1e-4)
    assert (made[2] == before[2]).all()  # an orange light has no blue


def test_a_glow_is_half_as_strong_at_its_radius_whatever_the_falloff(seen: Any) -> None:
    black = np.zeros((65, 97, 3), np.uint8)
    for falloff in (0.5, 3, 16):
        _, made = seen(black, (98, 66), node="Glow", radius=20 / 66, falloff=falloff, colour="#ffffff", amount=0.01,
                       x=0.5 / 66, y=0.5 / 66)  # fmt: skip
        light = made[0] ** 2
        assert light[33, 49 + 20] / light[33, 49] == pytest.approx(0.5, abs=0.01)


def test_light_leaks_at_the_edges_and_leaves_the_middle(seen: Any) -> None:
    black = np.zeros((180, 320, 3), np.uint8)
    for seed in range(4):
        _, made = seen(black, (320, 180), node="LightLeak", seed=seed, size=0.2)
        edge = np.ones((180, 320), bool)
        edge[36:-36, 36:-36] = False
        assert made[0][edge].max() > 0.4 and made[0][~edge].max() < made[0][edge].max()
        assert made[0][80:100, 150:170].max() < 0.15
        assert np.abs(np.diff(made, axis=1)).max() < 0.03 and np.abs(np.diff(made, axis=2)).max() < 0.03  # all is soft
        assert (made[0] >= made[1]).all() and made[1].max() > 0.1  # warm, and not red alone


def test_light_leaks_look_alike_at_every_size_and_wander_slowly(seen: Any) -> None:
    made = [
        seen(np.zeros((h, h * 16 // 9, 3), np.uint8), (h * 16 // 9, h), node="LightLeak", phase=phase)[1]
        for h, phase in ((180, 1), (360, 1), (180, 1.002), (180, 1.4))
    ]
    halves = made[1].reshape(3, 180, 2, 320, 2).mean(axis=(2, 4))
    np.testing.assert_allclose(halves, made[0], atol=2e-3)
    assert 1e-4 < np.abs(made[2] - made[0]).max() < 0.02 and np.abs(made[3] - made[0]).max() > 0.1


@pytest.mark.parametrize("colours", [[], ["#ffffff"] * 4, ["orange"]])
def test_colours_that_are_none(colours: list[str]) -> None:
    with pytest.raises(DeclarationError, match=r"LightLeak\.colours"):
        LightLeak(colours=colours)
    with pytest.raises(DeclarationError, match=r"Glow\.colour"):
        Glow(colour="white")


def lamp() -> np.ndarray:
    pixels = np.zeros((128, 192, 3), np.uint8)
    pixels[50:80, 90:120] = 255
    return pixels


def test_halation_is_red_light_of_one_percent_of_the_height(seen: Any) -> None:
    before, made = seen(lamp(), (192, 128), node="Bloom", amount=0, halation=0.4, threshold=0.5, knee=0)
    spread = gaussian_filter(0.75 * before[0], 1.28, mode="reflect")
    for channel, share in enumerate((1, 0.08, 0.02)):
        np.testing.assert_allclose(
            made[channel] ** 2, screened(before[channel], 0.4 * share * spread) ** 2, atol=0.004 * share
        )
    assert made[0, 48, 105] > 0.15 > 5 * made[2, 48, 105]
    assert made[:, 20, 20].max() < 1e-3


def test_halation_does_not_depend_on_the_amount_of_bloom(seen: Any) -> None:
    """Where both are, their light adds up before it is screened."""
    given = {"film": (192, 128), "node": "Bloom", "threshold": 0.5}
    light = []
    for amount, halation in ((0.3, 0), (0, 0.3), (0.3, 0.3)):
        before, made = seen(lamp(), amount=amount, halation=halation, **given)
        gain = (made**2 - before**2)[0, 44:49, 90:120]
        light.append(gain / (1 - gain))
    np.testing.assert_allclose(light[2], light[0] + light[1], atol=2e-4)


def test_a_tint_is_a_filter_before_the_light_of_a_bloom(seen: Any) -> None:
    before, plain = seen(lamp(), (192, 128), node="Bloom")
    _, tinted = seen(lamp(), (192, 128), node="Bloom", tint="#ff8000")
    around = before[0] == 0
    np.testing.assert_array_equal(plain[0], tinted[0])
    assert (tinted[2] == before[2]).all()
    g = [made[1, around] ** 2 / (1 - made[1, around] ** 2) for made in (plain, tinted)]
    np.testing.assert_allclose(g[1], g[0] * (128 / 255) ** 2, atol=1e-5)


def textured() -> np.ndarray:
    """Weak forms on grey on the left, an edge, a white half."""
    y, x = np.mgrid[0:160, 0:240]
    grey = 110 + 10 * np.sin(x / 4) * np.sin(y / 4)
    grey[:, 150:] = 235
    return np.repeat(grey.astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.mark.parametrize("amount", [0.8, -0.6])
def test_clarity_against_its_formula(amount: float, seen: Any) -> None:
    pixels = textured()
    pixels[:, :, 0] //= 2
    before, made = seen(pixels, (240, 160), node="Clarity", amount=amount, radius=0.06, limit=0.1)
    y = (LUMA * before).sum(0)
    mean, square = (
        sum(gaussian_filter(part, 160 * radius, mode="reflect") / 2 for radius in (0.06, 0.02)) for part in (y, y * y)
    )
    change = amount * 4 * y * (1 - y) * (y - mean) * 0.01 / (0.01 + square - mean**2)
    np.testing.assert_allclose(made - before, np.broadcast_to(change, made.shape), atol=0.003)


def test_clarity_strengthens_forms_and_makes_no_halo(seen: Any) -> None:
    before, made = seen(textured(), (240, 160), node="Clarity", amount=1, radius=0.05)
    forms = np.s_[0, 40:120, 20:100]
    assert made[forms].std() > 1.5 * before[forms].std()
    change = (made - before)[0]
    plain = np.abs((before - gaussian_filter(before, (0, 8, 8), mode="reflect"))[0])
    assert np.abs(change[:, 140:160]).max() < 0.2 * plain[:, 140:160].max()  # of what an unsharp mask would do
    np.testing.assert_allclose(change[:, 200:], 0, atol=1e-3)


def test_clarity_that_stands_at_nothing_changes_nothing(studio: Any, store: Any) -> None:
    nodes = harness.surroundings(studio.model) | {
        "soft": {"node": "Clarity", "frames": "decoded", "amount": "= 0 * ramp"},
        "out": {"node": "DigestSink", "frames": "soft", "audio": "track", "path": "frames.txt"},
    }
    graph = harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": (96, 64), "nodes": nodes}, studio.folder)
    given, made = (harness.frames(graph, store, name, [(0, 4)]) for name in ("decoded", "soft"))
    np.testing.assert_array_equal(given, made)
