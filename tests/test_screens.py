"""Tubes, halftones, few colours and borders, against their formulas in float64 and against what they promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter
from stills import codes_of, film, light, places, smoothstep

SIZE = 96, 64
LUMA = np.array([0.2126, 0.7152, 0.0722])[:, None, None]


def scene(size: tuple[int, int] = SIZE) -> np.ndarray:
    """A smooth picture of all kinds of colours, uint8 (H, W, 3)."""
    x, y = places(size)
    waves = [0.5 + 0.5 * np.sin(4 * x + 1), 0.5 + 0.5 * np.sin(5 * y - 3 * x), np.clip(y + 0.6, 0, 1)]
    return np.uint8(255 * np.stack(waves, axis=2))


# The tube.


def tube(x: np.ndarray, size: tuple[int, int], lines: float, shift: float, mask: float, triad: float, rows: bool):
    """Return what `CRT` makes of a picture (3, H, W) with its default beam."""
    across, down = places(size)
    phase = np.arange(3)[:, None, None] / 3
    thin = 1 - 0.75 * np.clip(x, 0, 1) ** 2
    a = 0.85 * thin * smoothstep(2, 3.2, size[1] / lines)
    turns = 2 * np.pi * ((down + 0.5) * lines + shift)
    beam = 1 - a * np.cos(turns) + a**4 / 8 * np.cos(2 * turns) * smoothstep(2, 3.2, size[1] / lines / 2)
    high = np.cos(np.pi * down / (triad * np.sqrt(3) / 2)) if rows else 1
    b = mask * thin * smoothstep(2, 3.2, size[1] * triad)
    return x * np.sqrt(np.maximum(beam * (1 + b * high * np.cos(2 * np.pi * (across / triad - phase))), 0))


@pytest.mark.parametrize(
    ("lines", "shift", "pattern"), [(8, 0, "grille"), (14, 0.3, "shadow"), (25, 7.6, "grille"), (31, 0, "shadow")]
)
def test_crt(lines: float, shift: float, pattern: str, tmp_path: Path, store: Any) -> None:
    node = {"node": "CRT", "lines": lines, "shift": shift, "triad": 0.0625, "mask": 0.5, "pattern": pattern}
    x, (made,) = film(tmp_path, store, scene(), node)
    wanted = tube(x, SIZE, lines, shift, 0.5, 0.0625, pattern == "shadow")
    np.testing.assert_allclose(made, wanted, atol=3e-4)
    assert np.abs(made - x).max() > 0.1


def test_lines_of_a_crt_are_gaussian_beams() -> None:
    for a in (0.3, 0.6, 0.85):
        sigma = np.sqrt(np.log(2 / a) / 2) / np.pi  # whose first harmonic is a
        d = np.linspace(-0.5, 0.5, 101)
        beams = sum(np.exp(-(((d - k) / sigma) ** 2) / 2) for k in range(-4, 5)) / (sigma * np.sqrt(2 * np.pi))
        np.testing.assert_allclose(1 + a * np.cos(2 * np.pi * d) + a**4 / 8 * np.cos(4 * np.pi * d), beams, atol=2e-3)


@pytest.mark.parametrize("pattern", ["grille", "shadow"])
@pytest.mark.parametrize("value", [0.1, 0.3, 0.5, 0.7, 0.9, 1.0])
def test_a_crt_is_as_bright_as_its_picture(value: float, pattern: str, tmp_path: Path, store: Any) -> None:
    node = {"node": "CRT", "lines": 6, "triad": 0.125, "pattern": pattern}
    x, (made,) = film(tmp_path, store, codes_of(value, SIZE), node)
    shown = light(np.clip(made, 0, 1)).mean() / light(x).mean()
    assert abs(shown - 1) < (0.02 if value < 0.8 else 0.1)
    assert made[0].std() > 0.02 * value


def test_bright_lines_are_thicker(tmp_path: Path, store: Any) -> None:
    def width(value: float) -> float:
        node = {"node": "CRT", "lines": 4, "mask": 0, "thicken": 0.75}
        _, (made,) = film(tmp_path, store, codes_of(value, SIZE), node)
        shown = light(made[0, :, 0])
        return (shown > shown.max() / 2).mean()  # share of the rows above half of the brightest

    assert width(0.2) < width(0.8) < width(0.95)


def test_a_draft_of_a_crt_has_no_moire(tmp_path: Path, store: Any) -> None:
    """Waves of two pixels and less are their mean: the picture itself."""
    x, (made,) = film(tmp_path, store, scene(), {"node": "CRT", "lines": 40, "triad": 1 / 33})
    np.testing.assert_allclose(made, x, atol=1e-6)


def test_a_crt_is_driven(tmp_path: Path, store: Any) -> None:
    node = {"node": "CRT", "lines": 8, "amount": "= ramp", "mask": 0}
    x, made = film(tmp_path, store, scene(), node, count=13)
    whole = tube(x, SIZE, 8, 0, 0, 1, False)
    np.testing.assert_array_equal(made[0], x)
    np.testing.assert_allclose(made[12], x + (whole - x) / 2, atol=3e-4)


# The print.


def overlapping(radius: float) -> float:
    """Return how much of a cell of side 1 a disc about its middle covers."""
    if radius <= 0.5:
        return np.pi * radius**2
    segment = radius**2 * np.arccos(0.5 / radius) - 0.5 * np.sqrt(radius**2 - 0.25)
    return np.pi * radius**2 - 4 * segment


def radius_of(ink: np.ndarray) -> np.ndarray:
    """Return the radius of dots that cover a share, from the geometry of discs."""
    radii = np.linspace(0, np.sqrt(0.5), 2001)
    return np.interp(ink, [overlapping(radius) for radius in radii], radii)


def dots(ink: np.ndarray, size: tuple[int, int], cell: float, degrees: float) -> np.ndarray:
    """Return how much of each pixel rows of dots cover at an angle."""
    x, y = places(size)
    c, s = np.cos(np.radians(degrees)), np.sin(np.radians(degrees))
    u, v = (x * c + y * s) / cell, (y * c - x * s) / cell
    distance = np.hypot(u - np.floor(u) - 0.5, v - np.floor(v) - 0.5)
    return np.clip(0.5 + (radius_of(ink) - distance) * cell * size[1], 0, 1)


@pytest.mark.parametrize("inks", ["cmyk", "one"])
@pytest.mark.parametrize("angle", [0.0, 20.0])
def test_halftone(inks: str, angle: float, tmp_path: Path, store: Any) -> None:
    size, cell = (192, 128), 0.1
    node = {"node": "Halftone", "size": cell, "inks": inks, "angle": angle, "paper": "#fff0c0", "ink": "#201020"}
    x, (made,) = film(tmp_path, store, scene(size), node)
    soft = gaussian_filter(x * x, (0, 0.35 * cell * size[1], 0.35 * cell * size[1]), mode="reflect")
    paper, ink = (np.array([int(text[i : i + 2], 16) / 255 for i in (0, 2, 4)])[:, None, None] ** 2 for text in
                  ("fff0c0", "201020"))  # fmt: skip
    if inks == "one":
        black, covered = 1 - (LUMA * soft).sum(axis=0), np.zeros((3, 1, 1))
    else:
        black = (1 - soft.max(axis=0)) ** 2
        covered = np.stack([dots(1 - soft[k] / (1 - black), size, cell, (15, 75, 0)[k] + angle) for k in range(3)])
    black = dots(black, size, cell, 45 + angle)
    wanted = np.sqrt(paper * (1 - covered) * (1 - black) + ink * black)
    # Edges of dots move by a tenth of a pixel where light is spread a little otherwise.
    assert np.abs(made - wanted).mean() < 0.01 and (np.abs(made - wanted) < 0.15).mean() > 0.985
    assert made.std() > 0.2


@pytest.mark.parametrize("value", [0.0, 0.1, 0.35, 0.6, 0.8, 0.95, 1.0])
def test_a_print_is_as_bright_as_its_picture(value: float, tmp_path: Path, store: Any) -> None:
    node = {"node": "Halftone", "size": 1 / 16, "inks": "one", "paper": "#ffffff", "ink": "#000000"}
    x, (made,) = film(tmp_path, store, codes_of(value, (192, 192)), node)
    assert abs(light(made).mean() - light(x).mean()) < 0.008
    if value in (0, 1):
        np.testing.assert_allclose(made, value, atol=1e-6)  # no dots without ink, no holes where all is covered


@pytest.mark.parametrize("value", [0.12, 0.25, 0.31, 0.38, 0.5, 0.7, 0.85, 0.97])
@pytest.mark.parametrize("pixels", [3.6, 4.3, 6.1, 9.7])
def test_a_print_of_small_cells_is_as_bright_as_its_picture(
    value: float, pixels: float, tmp_path: Path, store: Any
) -> None:
    node = {"node": "Halftone", "size": pixels / 256, "inks": "one", "paper": "#ffffff", "ink": "#000000"}
    x, (made,) = film(tmp_path, store, codes_of(value, (256, 256)), node)
    assert abs(light(made).mean() - light(x).mean()) < 0.006
    assert made.std() > 0.09  # dots, not their mean


@pytest.mark.parametrize("colour", [(0.9, 0.3, 0.2), (0.2, 0.5, 0.8), (0.4, 0.4, 0.1), (1, 0.9, 0.3)])
def test_four_inks_print_the_colour(colour: tuple[float, ...], tmp_path: Path, store: Any) -> None:
    node = {"node": "Halftone", "size": 1 / 16, "paper": "#ffffff", "ink": "#000000"}
    x, (made,) = film(tmp_path, store, codes_of(colour, (256, 256)), node)
    np.testing.assert_allclose(light(made).mean(axis=(1, 2)), light(x).mean(axis=(1, 2)), atol=0.015)


def test_a_draft_of_a_print_is_its_mean(tmp_path: Path, store: Any) -> None:
    node = {"node": "Halftone", "size": 1 / 32, "paper": "#ffffff", "ink": "#000000"}
    x, (made,) = film(tmp_path, store, codes_of((0.8, 0.5, 0.3), SIZE), node)
    np.testing.assert_allclose(made, x, atol=2e-3)


def test_a_print_that_stands_at_nothing_changes_nothing(tmp_path: Path, store: Any) -> None:
    x, made = film(tmp_path, store, scene(), {"node": "Halftone", "amount": "= 0.8 * ramp", "size": 0.1}, count=2)
    np.testing.assert_array_equal(made[0], x)
    assert 0.001 < np.abs(made[1] - x).max()


# Few colours.


def bayer(n: int) -> np.ndarray:
    """Return Bayer's matrix of n rows, by its recursion."""
    if n == 1:
        return np.zeros((1, 1))
    m = 4 * bayer(n // 2)
    return np.block([[m, m + 2], [m + 3, m + 1]])


def shown(x: np.ndarray, levels: int, thresholds: np.ndarray) -> np.ndarray:
    """Return the tone of each dot, found by the light of the two tones around a value."""
    tones = np.linspace(0, 1, levels)
    below = np.clip(np.searchsorted(tones, x, side="right") - 1, 0, levels - 2)
    low, high = tones[below], tones[below + 1]
    return np.where((x * x - low**2) / (high**2 - low**2) > thresholds, high, low)


def columns_of(size: tuple[int, int], dot: int) -> tuple[np.ndarray, np.ndarray]:
    """Return the column and the row of each pixel's dot, counted from the centre."""
    y, x = np.mgrid[0 : size[1], 0 : size[0]]
    return (x - size[0] // 2) // dot, (y - size[1] // 2) // dot


@pytest.mark.parametrize(("levels", "dot"), [(2, 1), (3, 4), (6, 2)])
def test_dither(levels: int, dot: int, tmp_path: Path, store: Any) -> None:
    x, (made,) = film(
        tmp_path, store, scene(), {"node": "Dither", "levels": levels, "size": dot / SIZE[1], "average": 0}
    )
    column, row = columns_of(SIZE, dot)
    wanted = shown(x, levels, (bayer(8)[row % 8, column % 8] + 0.5) / 64)
    assert (np.abs(made - wanted) > 1e-6).mean() < 0.002  # a threshold may be met exactly


def test_dither_by_noise(tmp_path: Path, store: Any) -> None:
    x, (made,) = film(
        tmp_path, store, scene(), {"node": "Dither", "levels": 2, "size": 2 / 64, "pattern": "noise", "average": 0}
    )
    column, row = (at + 4096.0 for at in columns_of(SIZE, 2))
    inner = 0.06711056 * column + 0.00583715 * row
    outer = 52.9829189 * (inner - np.floor(inner))
    wanted = shown(x, 2, outer - np.floor(outer))
    assert (np.abs(made - wanted) > 1e-6).mean() < 0.02  # thresholds differ by 0.005 in float32


@pytest.mark.parametrize("levels", [2, 4])
@pytest.mark.parametrize("value", [0.1, 0.4, 0.7, 1.0])
def test_few_colours_are_as_bright_as_the_picture(value: float, levels: int, tmp_path: Path, store: Any) -> None:
    node = {"node": "Dither", "levels": levels, "size": 1 / 64}
    x, (made,) = film(tmp_path, store, codes_of(value, (64, 64)), node)
    assert abs(light(made).mean() - light(x).mean()) < 0.012
    tones = np.unique(made.round(5)) * (levels - 1)
    assert len(tones) <= 2 and np.abs(tones - np.round(tones)).max() < 1e-4


def test_what_is_dithered_is_averaged(tmp_path: Path, store: Any) -> None:
    x, (made,) = film(tmp_path, store, scene(), {"node": "Dither", "levels": 2, "size": 1 / 16, "average": 0.75})
    soft = np.sqrt(gaussian_filter(x * x, (0, 3, 3), mode="reflect"))
    column, row = columns_of(SIZE, 4)
    wanted = shown(soft, 2, (bayer(8)[row % 8, column % 8] + 0.5) / 64)
    assert (np.abs(made - wanted) > 1e-6).mean() < 0.01  # light is spread within 1 %


def test_an_average_sets_in_without_a_jump(tmp_path: Path, store: Any) -> None:
    """Over so many rows the narrowest average is 3 pixels wide, and would change a third of all dots at once."""
    codes = np.random.default_rng(4).integers(0, 256, (1080, 32, 3), dtype=np.uint8)

    def dithered(average: float) -> np.ndarray:
        return film(tmp_path, store, codes, {"node": "Dither", "size": 1 / 180, "average": average})[1]

    for before, after in ((0, 1e-5), (0.2, 0.2001), (0.4499, 0.4501)):
        assert (dithered(before) != dithered(after)).mean() < 0.002
    np.testing.assert_array_equal(dithered(0.4501), dithered(0.5))


def test_grain_does_not_fray_dots(tmp_path: Path, store: Any) -> None:
    def whole(average: float) -> float:
        """Return the share of dots that are of one colour."""
        grain = np.random.default_rng(2).normal(0, 0.04, (*SIZE[::-1], 1))
        codes = np.uint8(np.clip(scene() / 255 + grain, 0, 1) * 255)
        node = {"node": "Dither", "levels": 2, "size": 1 / 8, "average": average}
        _, (made,) = film(tmp_path, store, codes, node)
        dots = made.reshape(3, 8, 8, 12, 8)
        return (np.ptp(dots, axis=(2, 4)) == 0).mean()

    assert whole(0.5) > 0.8 > whole(0)


def test_two_colours(tmp_path: Path, store: Any) -> None:
    node = {"node": "Dither", "levels": 2, "size": 1 / 16, "average": 0, "dark": "#102030", "bright": "#f0e0a0"}
    x, (made,) = film(tmp_path, store, scene(), node)
    found = np.unique(np.round(255 * made).astype(int).reshape(3, -1).T, axis=0)
    assert found.tolist() == [[16, 32, 48], [240, 224, 160]]
    column, row = columns_of(SIZE, 4)
    wanted = shown((LUMA * x).sum(axis=0), 2, (bayer(8)[row % 8, column % 8] + 0.5) / 64)
    assert ((made[0] > 0.5) != (wanted > 0.5)).mean() < 0.002


def test_dots_are_a_pixel_or_more(tmp_path: Path, store: Any) -> None:
    fine, least = (
        film(tmp_path, store, scene(), {"node": "Dither", "size": size, "average": 0})[1] for size in (0.001, 1 / 64)
    )  # fmt: skip
    np.testing.assert_array_equal(fine, least)


# The border.


@pytest.mark.parametrize("size", [(96, 64), (36, 64), (64, 64)])
@pytest.mark.parametrize(("aspect", "margin", "radius", "softness"), [
    (2.39, 0, 0, 0), (1.0, 0.05, 0.1, 0), (0.8, 0, 0.05, 0.05), (0.5625, 0.02, 2, 0.1), (1.85, 0.1, 0.02, 0),
    (2**-8, 0.28125 - 2**-10, 0, 0.1),  # in an upright frame, a slit between margins that leave half of its width over
])  # fmt: skip
def test_border(
    aspect: float, margin: float, radius: float, softness: float, size: Any, tmp_path: Path, store: Any
) -> None:
    given = {"aspect": aspect, "margin": margin, "radius": min(radius, 1), "softness": softness, "colour": "#204060"}
    x, (made,) = film(tmp_path, store, scene(size), {"node": "Border", **given})
    wide, high = size[0] / size[1] - 2 * margin, 1 - 2 * margin
    wide, high = (high * aspect, high) if wide > high * aspect else (wide, wide / aspect)
    corner = min(radius, wide / 2, high / 2)
    across, down = (np.abs(at) for at in places(size))
    beyond = across - wide / 2, down - high / 2
    in_corner = (beyond[0] > -corner) & (beyond[1] > -corner)
    outside = np.where(in_corner, np.hypot(beyond[0] + corner, beyond[1] + corner) - corner, np.maximum(*beyond))
    cover = smoothstep(-0.5 / size[1], max(softness, 0.5 / size[1]), outside)
    colour = np.array([0x20, 0x40, 0x60])[:, None, None] / 255
    np.testing.assert_allclose(made, x + (colour - x) * cover, atol=5e-3)  # parameters are multiples of 2**-16
    inside = outside < -0.6 / size[1]
    np.testing.assert_array_equal(made[:, inside], x[:, inside])


def test_a_window_has_its_area(tmp_path: Path, store: Any) -> None:
    node = {"node": "Border", "aspect": 1.5, "margin": 0.07, "radius": 0.11}
    _, (made,) = film(tmp_path, store, codes_of(1, (128, 128)), node)
    wide = 0.86
    assert made[0].mean() == pytest.approx(wide * wide / 1.5 - (4 - np.pi) * 0.11**2, abs=1e-3)


def test_bars_close_in(tmp_path: Path, store: Any) -> None:
    """Straight from the whole frame to the window; with nothing closed in, the picture is untouched."""
    node = {"node": "Border", "aspect": 3.0, "amount": "= ramp", "softness": 0.02, "radius": 0.1}
    x, made = film(tmp_path, store, codes_of(1, (96, 64)), node, count=25)
    np.testing.assert_array_equal(made[0], x)
    open_rows = made[:, 0, :, 48].mean(axis=1)
    assert (np.diff(open_rows) <= 1e-6).all()
    np.testing.assert_allclose(open_rows, np.linspace(1, 0.5, 25), atol=0.035)


def test_a_draft_has_the_border_of_4k(tmp_path: Path, store: Any) -> None:
    node = {"node": "Border", "aspect": 1.2, "margin": 0.1, "radius": 0.2, "softness": 0.04}
    _, (small,) = film(tmp_path, store, codes_of(1, (96, 64)), node)
    _, (large,) = film(tmp_path, store, codes_of(1, (384, 256)), node)
    assert np.abs(large.reshape(3, 64, 4, 96, 4).mean(axis=(2, 4)) - small).max() < 0.12
