"""The filter of lenses against what is known: exact copies, float64, zone plates, edges, small steps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from lensed import lens, show
from scipy.ndimage import gaussian_filter
from scipy.special import erf

from n2s.nodes.camera import Camera
from n2s.nodes.lenses import Warp

WIDE, HIGH = 96, 64
SIDES = [(96, 64), (64, 96), (31, 17), (5, 3), (3, 5), (2, 2)]


@pytest.fixture(scope="module")
def folder(kernel_cache: Path) -> Path:
    return kernel_cache


def noise(size: tuple[int, int], blur: float = 0.0) -> np.ndarray:
    """A picture (1, 3, H, W) of random colours within 0..1, or of softer ones."""
    light = np.random.default_rng(2).random((3, *size[::-1]))
    light = gaussian_filter(light, (0, blur, blur)) if blur else light
    light = (light - light.min()) / (light.max() - light.min())
    return np.sqrt(light)[None].astype(np.float32)


def of_light(light: np.ndarray) -> np.ndarray:
    """The picture (1, 3, H, W) of some light (H, W)."""
    return np.repeat(np.sqrt(light).astype(np.float32)[None, None], 3, axis=1)


def light_of(picture: np.ndarray) -> np.ndarray:
    return picture.astype(np.float64) * np.abs(picture.astype(np.float64))


def places(size: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    """Return x and y of each pixel in pixels from the centre of the frame."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]].astype(np.float64)
    return x - (size[0] - 1) / 2, y - (size[1] - 1) / 2


@pytest.mark.parametrize("edge", ["mirror", "wrap", "clamp", "black"])
@pytest.mark.parametrize("size", SIDES, ids=str)
def test_a_camera_at_rest_shows_every_size_bit_by_bit(size: tuple[int, int], edge: str, folder: Path) -> None:
    picture = noise(size) * 2 - 0.5
    for center in ({}, {"center_x": 0.37, "center_y": -0.21}):
        np.testing.assert_array_equal(show([lens(Camera, edge, **center)], picture, folder), picture)


EXACT: dict[str, tuple[dict[str, Any], Any]] = {
    "right by 3, down by 2": ({"pan_x": 3 / 64, "pan_y": 2 / 64}, lambda p: np.roll(p, (-2, -3), (2, 3))),
    "left by 70, up by 50": ({"pan_x": -70 / 64, "pan_y": -50 / 64}, lambda p: np.roll(p, (50, 70), (2, 3))),
    "half a turn": ({"turn": 180}, lambda p: p[:, :, ::-1, ::-1]),
    "many turns": ({"turn": -3600}, lambda p: p),
}
QUARTERS = {90: lambda p: np.rot90(p, -1, (2, 3)), 270: lambda p: np.rot90(p, 1, (2, 3)), -90: np.rot90}


@pytest.mark.parametrize("case", EXACT)
def test_whole_pixels_are_copied(case: str, folder: Path) -> None:
    """Under "wrap" nothing is lost; every pixel of the picture is somewhere, in its own bits."""
    numbers, moved = EXACT[case]
    picture = noise((WIDE, HIGH))
    np.testing.assert_array_equal(show([lens(Camera, "wrap", **numbers)], picture, folder), moved(picture))


@pytest.mark.parametrize("turn", [90, 270])
@pytest.mark.parametrize("side", [64, 33, 2])
def test_a_quarter_of_a_square_frame_is_copied(side: int, turn: int, folder: Path) -> None:
    picture = noise((side, side))
    np.testing.assert_array_equal(show([lens(Camera, turn=turn)], picture, folder), QUARTERS[turn](picture))


@pytest.mark.parametrize("edge", ["mirror", "wrap", "clamp", "black"])
def test_what_lies_beyond_the_picture(edge: str, folder: Path) -> None:
    """A pan by whole pixels, as numpy pads."""
    picture = noise((WIDE, HIGH))
    way = {"mirror": "symmetric", "wrap": "wrap", "clamp": "edge", "black": "constant"}[edge]
    around = np.pad(picture, ((0, 0), (0, 0), (40, 40), (40, 40)), mode=way)
    shown = show([lens(Camera, edge, pan_x=25 / 64, pan_y=-40 / 64)], picture, folder)
    np.testing.assert_array_equal(shown, around[:, :, :HIGH, 65 : 65 + WIDE])


def catmull_rom(light: np.ndarray, x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """Return light (3, H, W), mirrored beyond its edge, at places in pixels."""

    def weight(d: np.ndarray) -> np.ndarray:
        d = np.abs(d)
        near, far = (1.5 * d - 2.5) * d * d + 1, ((-0.5 * d + 2.5) * d - 4) * d + 2
        return np.where(d < 1, near, np.where(d < 2, far, 0))

    around = np.pad(light, ((0, 0), (2, 2), (2, 2)), mode="symmetric")
    left, top, total = np.floor(x).astype(int), np.floor(y).astype(int), 0.0
    for i in range(-1, 3):
        for k in range(-1, 3):
            weights = weight(top + i - y) * weight(left + k - x)
            total = total + around[:, top + i + 2, left + k + 2] * weights
    return total


@pytest.mark.parametrize("pan", [(0.5, 0), (0, 0.25), (0.3, 0.7), (-4.6, 3.1)], ids=str)
@pytest.mark.parametrize("size", [(96, 64), (31, 17)], ids=str)
def test_a_pan_between_pixels_is_catmull_rom_in_light(
    pan: tuple[float, float], size: tuple[int, int], folder: Path
) -> None:
    picture = noise(size)
    shown = show([lens(Camera, pan_x=pan[0] / size[1], pan_y=pan[1] / size[1])], picture, folder)
    shown_x, shown_y = (np.round(offset * 256) / 256 for offset in pan)  # places are multiples of 1/256 pixel
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    x, y = (np.where(p < -0.5, -1 - p, np.where(p > n - 0.5, 2 * n - 1 - p, p))
            for p, n in ((x + shown_x, size[0]), (y + shown_y, size[1])))  # fmt: skip
    np.testing.assert_allclose(light_of(shown[0]), catmull_rom(light_of(picture[0]), x, y), atol=1e-5)


@pytest.mark.parametrize("turn", [0, 30, 45])
@pytest.mark.parametrize("out", [2, 3, 5, 11])
def test_no_moire_where_a_picture_shrinks(out: int, turn: float, folder: Path) -> None:
    """A zone plate, whose stripes are the finer the farther out they lie.

    Stripes of more than one per pixel would come back as coarse ones, which were not there. Of those between 0.75 and
    1.05 per pixel, which would come back as 0 to 0.25, less than an eighth is left; of all that the picture has beyond,
    as much. Where there are at most 0.25 per pixel the stripes are those that a Gaussian of half a pixel leaves, within
    a fifth.
    """
    size = 256, 192
    finest = np.hypot(*size)  # half a stripe per pixel in the corners of the picture

    def zones(x: np.ndarray, y: np.ndarray) -> np.ndarray:
        return 0.5 + 0.5 * np.cos(np.pi * (x * x + y * y) / finest)

    shown = show([lens(Camera, "black", zoom=1 / out, turn=turn)], of_light(zones(*places(size))), folder)
    left = light_of(shown[0, 1]) - 0.5
    x, y = places(size)
    c, s = np.cos(np.deg2rad(turn)) * out, np.sin(np.deg2rad(turn)) * out
    at_x, at_y = x * c + y * s, y * c - x * s
    inside = (np.abs(at_x) < size[0] / 2 - 3 * out) & (np.abs(at_y) < size[1] / 2 - 3 * out)
    stripes = np.hypot(at_x, at_y) / finest * out  # per pixel of the frame
    full = np.sqrt(1 / 8)  # the standard deviation of the stripes
    fine = inside & (stripes > 0.75)
    assert fine.sum() > 150 and np.sqrt(np.mean(left[fine] ** 2)) < full / 8
    assert abs(np.mean(left[fine])) < 0.01
    coarse = inside & (stripes < 0.25)
    soft = np.exp(-0.5 * (2 * np.pi * stripes * 0.5) ** 2)
    error = left - (zones(at_x, at_y) - 0.5) * soft
    assert np.sqrt(np.sum(error[coarse] ** 2)) <= full / 5 * np.sqrt(coarse.sum())  # none at 11


def test_a_picture_that_shrinks_one_way_stays_sharp_the_other_way(folder: Path) -> None:
    """Of stripes, 0.8..1.1 per pixel where their picture is 2.5 times as narrow, less than an eighth is left.

    Stripes across them, three pixels each, stay as they are but for a twentieth.
    """
    x, y = places((256, 192))
    squeezed = [lens(Warp, zoom=1, waves=0, stretch_x=1 / 2.5)]
    fine = 0.5 + 0.5 * np.cos(2 * np.pi * (0.38 + 0.0004 * np.abs(x)) * x)
    left = light_of(show(squeezed, of_light(fine), folder)[0, 1]) - 0.5
    seen = np.abs(x) < 45
    assert np.sqrt(np.mean(left[seen] ** 2)) < np.sqrt(1 / 8) / 8
    across = 0.5 + 0.5 * np.cos(2 * np.pi * y / 3)
    assert np.abs(light_of(show(squeezed, of_light(across), folder)[0, 1]) - across)[seen].max() < 0.05


@pytest.mark.parametrize("edge", ["mirror", "wrap"])
def test_no_line_where_a_picture_that_shrinks_meets_itself(edge: str, folder: Path) -> None:
    """Squares of one pixel become an even grey, also where one step leads across the picture's edge."""
    x, y = places((WIDE, HIGH))
    squares = (x + y) % 2
    light = light_of(show([lens(Camera, edge, zoom=1 / 3.3, turn=10)], of_light(squares), folder))
    assert abs(light - 0.5).max() < 0.06


def edge_light(distance: np.ndarray, blur: float) -> np.ndarray:
    """The light of pixels at distances (pixels) within a white half-plane, behind an optic that blurs."""

    def filled(u: np.ndarray) -> np.ndarray:
        return u * (1 + erf(u / (blur * np.sqrt(2)))) / 2 + blur / np.sqrt(2 * np.pi) * np.exp(-0.5 * (u / blur) ** 2)

    return filled(distance + 0.5) - filled(distance - 0.5)


@pytest.mark.parametrize("turn", [3, 10, 26, 44, 93])
@pytest.mark.parametrize(("blur", "most"), [(0.4, 0.08), (0.7, 0.045)])
def test_no_jaggies_along_an_edge_that_is_turned(turn: float, blur: float, most: float, folder: Path) -> None:
    """An edge lies where it should along its whole length, within some hundredths of a pixel, in every pixel of it.

    Away from it nothing rings, and over it the light falls all the way.
    """
    size, right = (128, 96), 0.3
    x, y = places(size)
    shown = show([lens(Camera, "clamp", turn=turn)], of_light(edge_light(right - x, blur)), folder)
    angle = np.deg2rad(turn)
    distance = right - x * np.cos(angle) - y * np.sin(angle)
    seen, wanted = light_of(shown[0, 0]), edge_light(distance, blur)
    looked_at = (np.abs(x) < 44) & (np.abs(y) < 42)
    (steepest,) = np.diff(edge_light(np.array([-0.01, 0.01]), blur)) / 0.02
    near = looked_at & (np.abs(distance) < 0.5)
    assert near.sum() > 60 and np.abs(seen - wanted)[near].max() / steepest < most
    assert np.abs(seen - wanted)[looked_at].max() < 0.065
    order = np.argsort(distance[looked_at])
    assert np.diff(seen[looked_at][order]).min() > -0.065


STEPS: dict[str, tuple[str, float, float, int]] = {
    "in and out": ("zoom", 0.9, 1.1, 200),
    "before the first half": ("zoom", 0.49, 0.51, 100),
    "before the second half": ("zoom", 0.248, 0.252, 100),
    "turned": ("turn", -2, 2, 200),
}


@pytest.mark.parametrize("case", STEPS)
def test_small_steps_change_a_picture_by_little(case: str, folder: Path) -> None:
    """No pixel pops where the filter softens: changes change slowly, and no frame stands out."""
    parameter, low, high, steps = STEPS[case]
    pictures = np.repeat(noise((WIDE, HIGH), 0.7), steps + 1, axis=0)
    shown = light_of(show([lens(Camera, **{parameter: np.linspace(low, high, steps + 1)})], pictures, folder))
    steps_of = np.abs(np.diff(shown, axis=0)).mean(axis=(1, 2, 3))
    assert steps_of.max() < 1.5 * np.median(steps_of) and np.median(steps_of) > 1e-4
    assert np.abs(np.diff(shown, 2, axis=0)).max() < 0.03


@pytest.mark.parametrize(("low", "high"), [(0.645, 0.655), (0.482, 0.492), (0.321, 0.327), (0.242, 0.2445)])
def test_another_level_changes_a_picture_by_little(low: float, high: float, folder: Path) -> None:
    """Past 1.5, 2, 3 and 4 times (slightly wider steps are none) the finest details change a little, in one frame."""
    pictures = np.repeat(noise((WIDE, HIGH), 0.7), 41, axis=0)
    shown = light_of(show([lens(Camera, zoom=np.linspace(low, high, 41))], pictures, folder))
    steps_of = np.abs(np.diff(shown, axis=0)).mean(axis=(1, 2, 3))
    assert 3 * np.median(steps_of) < steps_of.max() < 0.02
    assert np.sort(steps_of)[-2] < 1.5 * np.median(steps_of), "it is one frame"
