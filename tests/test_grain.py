"""Grain: its default, its size, its response and its layers."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s.graph import shader
from n2s.nodes import Grain

GREYS = np.repeat(np.add.outer(np.arange(64) * 2, np.arange(96)).astype(np.uint8)[:, :, None], 3, axis=2)


@pytest.fixture
def grain(studio: Any, store: Any) -> Any:
    """Return a picture before and after Grain, (3, H, W), of the third frame."""

    def make(pixels: np.ndarray, **given: Any) -> tuple[np.ndarray, np.ndarray]:
        tiny.write_png(studio.folder / "grey.png", pixels)
        nodes = {
            "track": {"node": "AudioSource", "path": "music.wav"},
            "still": {"node": "ImageSource", "path": "grey.png"},
            "made": {"node": "Grain", "frames": "still", **given},
            "out": {"node": "DigestSink", "frames": "made", "audio": "track", "path": "frames.txt"},
        }
        size = [pixels.shape[1], pixels.shape[0]]
        graph = harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": size, "nodes": nodes}, studio.folder)
        return tuple(harness.frames(graph, store, name, [(2, 3)])[0] for name in ("still", "made"))

    return make


def grey(height: int, width: int, value: int = 128) -> np.ndarray:
    return np.full((height, width, 3), value, np.uint8)


def hashed(seed: int, frame: int, rows: np.ndarray, columns: np.ndarray) -> np.ndarray:
    with np.errstate(over="ignore"):
        return shader.pixel_hash(np.uint32(seed), np.uint32(frame), rows.astype(np.uint32), columns.astype(np.uint32))


def test_by_itself_grain_is_one_number_of_a_hash_for_each_pixel(grain: Any) -> None:
    """These are the bits of grain that has no size."""
    from n2s.runtime.render.kernels import node_seed

    before, made = grain(GREYS, amount=0.125)
    y, x = np.mgrid[0:64, 0:96]
    seed = node_seed(3, Grain())
    noise = shader.gaussian(hashed(seed, 2, y, x))
    bright = shader.luma(*before)
    wanted = before + (np.float32(0.125) * (np.float32(4) * bright * (np.float32(1) - bright))) * noise
    np.testing.assert_array_equal(made, wanted)


def test_a_size_that_a_signal_holds_at_0_is_none(grain: Any) -> None:
    (_, fixed), (_, driven) = (grain(GREYS, colour=0.4, shadows=0.6, size=size) for size in (0, "= 0 * time"))
    assert Grain().pixel_code() != Grain(size="= 0 * time").pixel_code()
    np.testing.assert_array_equal(fixed, driven)


@pytest.mark.parametrize("name", ["size", "shadows", "highlights", "colour"])
def test_what_is_0_in_each_frame_is_as_if_it_was_left_out(name: str, grain: Any) -> None:
    (_, plain), (_, driven) = (grain(GREYS, **given) for given in ({}, {name: "= 0 * time"}))
    assert Grain().pixel_code() == "plain_pixel" != Grain(**{name: "= 0 * time"}).pixel_code()
    np.testing.assert_array_equal(plain, driven)


def test_three_numbers_of_a_hash_are_normal_and_have_nothing_in_common() -> None:
    bits = hashed(5, 1, *np.mgrid[0:400, 0:400])
    made = np.stack([part.ravel() for part in shader.gaussians(bits)]).astype(float)
    np.testing.assert_array_equal(made[0].astype(np.float32), shader.gaussian(bits).ravel())
    np.testing.assert_allclose(made.mean(axis=1), 0, atol=0.01)
    np.testing.assert_allclose(np.cov(made), np.eye(3), atol=0.01)
    assert (np.abs(made) < 3.5).all()


def test_each_colour_has_a_layer_of_its_own(grain: Any) -> None:
    before, made = grain(grey(200, 300), amount=0.02, colour=1)
    apart = (made - before).reshape(3, -1).astype(float)
    np.testing.assert_allclose(apart.std(axis=1), 0.02 * np.array([0.8, 1, 2]), rtol=0.02)
    np.testing.assert_allclose(np.corrcoef(apart), np.eye(3), atol=0.02)
    before, made = grain(grey(200, 300), amount=0.02, colour=0.36)
    apart = (made - before).reshape(3, -1).astype(float)
    np.testing.assert_allclose(np.corrcoef(apart)[0, 1], 0.8 / np.hypot(0.8, 0.8 * 0.6), atol=0.02)


@pytest.mark.parametrize(("value", "shadows", "highlights"), [
    (26, 0, 0), (26, 1, 0), (26, 0, 1), (229, 0, 1), (229, 1, 0), (128, 1, 1), (0, 1, 1), (255, 1, 1),
])  # fmt: skip
def test_the_response_goes_from_weak_to_that_of_film(value: int, shadows: float, highlights: float, grain: Any) -> None:
    before, made = grain(grey(120, 160, value), amount=0.05, shadows=shadows, highlights=highlights)
    y = value / 255
    m = 4 * y * (1 - y)
    film = shadows * (1 - y) + highlights * y
    deviation = 0.05 * (m + (np.sqrt(m) - m) * film)
    assert (made - before).std() == pytest.approx(deviation, rel=0.03, abs=1e-6)


def likeness(field: np.ndarray, by: int) -> float:
    """Return how alike places of a field are that lie so many pixels apart."""
    return float((field[:, by:] * field[:, :-by]).mean() / (field * field).mean())


def test_grains_have_a_size_and_one_deviation_everywhere(grain: Any) -> None:
    before, made = grain(grey(240, 400), amount=0.02, size=4 / 240)
    field = (made - before)[0].astype(float)
    assert field.std() == pytest.approx(0.02 / np.hypot(1, 0.69 / 4), rel=0.03)
    assert likeness(field, 1) > 0.75 and 0.1 < likeness(field, 4) < 0.45 and abs(likeness(field, 12)) < 0.05
    assert abs(likeness(field.T, 2) - likeness(field, 2)) < 0.05  # no direction is preferred
    by_place = [field[i::4, j::4].std() for i in range(4) for j in range(4)]
    assert max(by_place) / min(by_place) < 1.1  # no lattice shows


def test_a_large_film_has_the_grain_of_its_preview(grain: Any) -> None:
    """Four times as many rows, averaged to the preview's pixels, are nearly the same grains, as strong."""
    for size in (0.004, 0.012, 0.03):
        (before, small), (_, large) = (
            grain(grey(rows, rows * 3 // 2), amount=0.05, size=size, colour=0.5) for rows in (120, 480)
        )
        large = large.reshape(3, 120, 4, 180, 4).mean(axis=(2, 4))
        assert (large - before).std() == pytest.approx((small - before).std(), rel=0.1), size
        if size * 120 > 1:
            assert np.corrcoef((large - before).ravel(), (small - before).ravel())[0, 1] > 0.9, size


def test_grain_is_new_in_every_frame_and_with_every_seed(grain: Any) -> None:
    made = [grain(grey(60, 90), size=size, seed=seed)[1].ravel() for size in (0, 0.03) for seed in (0, 1)]
    assert np.abs(np.corrcoef(made) - np.eye(4)).max() < 0.15
