"""Dust and flicker: the frames of the film that they belong to, how many things lie on them, how they look."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.ndimage import label, zoom
from stills import codes_of, film, light, places

from n2s.graph import shader
from n2s.nodes import Dust
from n2s.nodes.dust import things_on
from n2s.runtime.render.kernels import node_seed

SIZE = 320, 180
UNIT = 384 / 2**16  # heights: a size that a signal holds exactly
CLEAN = {"node": "Dust", "specks": 0, "hairs": 0, "scratches": 0, "amount": 1}


def dust(folder: Path, store: Any, first: int = 0, count: int = 1, screen: Any = SIZE, **given: Any) -> np.ndarray:
    """Return how much dust hides of each pixel of a grey film, (T, H, W): above 0 bright, below 0 dark."""
    head = {key: given.pop(key) for key in ("fps", "duration") if key in given}
    x, made = film(folder, store, codes_of(0.5, screen), CLEAN | given, first, count, **head)
    change = made[:, 0] - x[0]
    return np.where(change > 0, change / (0.95 - x[0]), change / (x[0] - 0.02))


def uniform(h: np.ndarray) -> np.ndarray:
    return (h >> np.uint32(8)) / 2.0**24


def fract(x: np.ndarray) -> np.ndarray:
    return x - np.floor(x)


@np.errstate(over="ignore")  # hashes overflow on purpose
def specks_and_hairs(frame: int, size: Any, specks: float, hairs: float, bright: float, unit: float, fps: int):
    """Return what lies on a frame by the words of the docstring: cells drawn one by one, in float64."""
    (x, y), seed = places(size), node_seed(3, Dust())
    number = np.floor(frame * 24 / fps + 0.01)
    hash_of = lambda *at: shader.pixel_hash(np.uint32(seed), *(np.asarray(part, np.uint32) for part in at))  # noqa: E731
    side, moved = 26 * unit, uniform(hash_of(number, 0, 0))
    columns, rows = x / side + moved + 512, y / side + fract(moved * 4096) + 512
    made = np.zeros_like(x)
    for row, column in sorted({*zip(np.floor(rows).ravel(), np.floor(columns).ravel())}):
        found = hash_of(number, row + 1, column)
        kind, again = uniform(found), shader.hash32(found)
        place, shape = uniform(again), uniform(shader.hash32(again))
        if kind >= (specks + hairs) * side**2 / (16 / 9):
            continue
        long, bow = fract(shape * 4096), fract(place * 64) - 0.5
        reach, radius = 0.5 * long**2 * unit, (0.2 + 0.8 * long**3) * unit
        power = 1
        if kind < hairs * side**2 / (16 / 9):
            reach, radius, power = (4 + 5 * long) * unit, 0.13 * unit, 3
        free = 0.5 - (1.15 * reach + radius) / side
        dx = (columns - column - 0.5 - (2 * place - 1) * free) * side
        dy = (rows - row - 0.5 - (2 * fract(place * 4096) - 1) * free) * side
        cosine, sine = np.cos(2 * np.pi * shape), np.sin(2 * np.pi * shape)
        along, beside = dx * cosine + dy * sine, dy * cosine - dx * sine
        t = np.clip(along / max(reach, 1e-6), -1, 1)
        off = beside - (1.2 * bow * t**2 + 0.3 * (t - t**3)) * reach
        across = off / np.hypot(1, 2.4 * bow * t + 0.3 - 0.9 * t**2)
        far = np.hypot(np.maximum(np.abs(along) - reach, 0), across)
        cover = np.clip(0.5 + (radius - far) * size[1], 0, 1) * (1 - max(1 - 2 * radius * size[1], 0) ** power)
        cover[(np.floor(rows) != row) | (np.floor(columns) != column)] = 0
        made += cover * (1 if fract(shape * 64) < bright else -1)
    return made


@pytest.mark.parametrize(("frame", "fps", "size"), [(0, 24, SIZE), (37, 60, SIZE), (11, 30, (100, 178))])
def test_specks_and_hairs(frame: int, fps: int, size: Any, tmp_path: Path, store: Any) -> None:
    given = {"specks": 40, "hairs": 35, "bright": 0.5, "size": UNIT}  # no more than one per cell: a single layer
    (made,) = dust(tmp_path, store, frame, screen=size, fps=fps, **given)
    wanted = specks_and_hairs(frame, size, 40, 35, 0.5, UNIT, fps)
    assert np.abs(wanted).sum() > 60 and (np.abs(made - wanted) > 0.02).sum() < 0.005 * (np.abs(wanted) > 0.02).sum()


def test_hairs_are_whole(tmp_path: Path, store: Any) -> None:
    """None is cut off at the border of its cell: all are as long as hairs are."""
    made = np.abs(dust(tmp_path, store, hairs=20, size=0.01, count=4, screen=(640, 360)))
    for frame in made:
        pieces, count = label(frame > 0.1, np.ones((3, 3)))
        inside = set(range(1, count + 1)) - {*pieces[0], *pieces[-1], *pieces[:, 0], *pieces[:, -1]}
        spans = [np.ptp(np.argwhere(pieces == piece), axis=0) for piece in inside]
        lengths = np.array([np.hypot(*span) for span in spans]) / (0.01 * 360)
        assert len(lengths) > 2 and lengths.min() > 7 and lengths.max() < 21


@pytest.mark.parametrize("specks", [6, 25])
def test_as_many_specks_as_are_asked_for(specks: float, tmp_path: Path, store: Any) -> None:
    made = dust(tmp_path, store, specks=specks, size=0.006, count=40)
    counts = [label(np.abs(frame) > 0.05, np.ones((3, 3)))[1] for frame in made]
    assert np.mean(counts) == pytest.approx(specks, rel=0.2)
    assert np.ptp(counts) > 2


@pytest.mark.parametrize(("asked", "hairs", "size"), [(60, 0, 0.01), (6, 2, 0.03), (50, 10, 0.03), (3, 0, 0.03)])
def test_as_many_large_things_as_are_asked_for(asked: int, hairs: int, size: float) -> None:
    """More than one per cell, which is 26 sizes wide; those are counted whose middle lies on the frame."""
    width, height = SIZE
    cell, frames, found = (26 * size) ** 2 * 9 / 16, 3000 // asked, 0
    for frame in range(frames):
        with np.errstate(over="ignore"):  # hashes overflow on purpose
            shares = np.float32(hairs * cell), np.float32(asked * cell)
            lain = things_on(width, height, np.uint32(7), np.float32(frame), *shares, np.float32(1), np.float32(size))
        middles = [(top + len(cover) // 2, left + len(cover) // 2) for cover, top, left, _ in lain]
        found += sum(0 <= row < height and 0 <= column < width for row, column in middles)
    assert found / frames == pytest.approx(asked, rel=0.06)


def test_few_lie_on_a_frame_by_default(tmp_path: Path, store: Any) -> None:
    x, made = film(tmp_path, store, codes_of(0.5, SIZE), {"node": "Dust"}, count=24)
    share = (np.abs(made - x).max(axis=1) > 0.1).mean(axis=(1, 2))
    assert 0 < share.mean() < 0.003 and share.max() < 0.015


def test_bright_and_dark(tmp_path: Path, store: Any) -> None:
    given = {"specks": 150, "size": 0.004}
    bright, dark, both = (dust(tmp_path, store, bright=share, **given) for share in (1, 0, 0.5))
    assert bright.min() >= 0 and dark.max() <= 0
    np.testing.assert_allclose(bright, -dark, atol=1e-3)
    np.testing.assert_allclose(np.abs(both), bright, atol=1e-3)
    assert both.max() > 0.9 and both.min() < -0.9


def test_sixty_frames_a_second_show_the_film_of_twenty_four(tmp_path: Path, store: Any) -> None:
    given = {"specks": 30, "hairs": 5, "scratches": 0, "size": 0.006}
    film_frames = dust(tmp_path, store, count=9, fps=24, **given)
    shown = dust(tmp_path, store, count=20, fps=60, **given)
    for k, frame in enumerate(shown):
        np.testing.assert_array_equal(frame, film_frames[int(k * 24 / 60)])
    assert (np.abs(np.diff(film_frames, axis=0)).max(axis=(1, 2)) > 0.3).all()


def test_a_scratch_stays_runs_down_and_goes(tmp_path: Path, store: Any) -> None:
    given = {"scratches": 4, "size": 0.02, "bright": 1, "life": 1, "fps": 24}
    made = dust(tmp_path, store, count=72, **given)
    seen = made.max(axis=1) > 0.3  # (frames, columns)
    assert 0.5 < np.mean([label(row)[1] for row in seen]) < 8
    column = seen.sum(axis=0).argmax()
    near = seen[:, max(column - 4, 0) : column + 5].any(axis=1)
    runs = np.diff(np.flatnonzero(np.diff(np.r_[0, near, 0])))[::2]
    assert 6 <= runs.max() <= 60, "it stays for many frames, and goes"
    frame = made[near][len(made[near]) // 2][:, max(column - 4, 0) : column + 5].max(axis=1)
    assert (frame > 0.1).mean() > 0.6, "it runs from top to bottom"


def test_a_draft_shows_as_much_dust(tmp_path: Path, store: Any) -> None:
    given = {"specks": 40, "hairs": 20, "scratches": 3, "size": 0.006, "bright": 1}
    (large,) = dust(tmp_path, store, 5, screen=(640, 360), **given)
    (small,) = dust(tmp_path, store, 5, screen=(160, 90), **given)
    there = zoom(small, 4, order=1)
    assert small.sum() * 16 == pytest.approx(large.sum(), rel=0.1)
    assert np.corrcoef(there.ravel(), large.ravel())[0, 1] > 0.5


def test_dust_is_driven(tmp_path: Path, store: Any) -> None:
    given = {"specks": 60, "size": 0.006, "bright": 1}
    whole = dust(tmp_path, store, count=13, **given)
    driven = dust(tmp_path, store, count=13, **given | {"amount": "= ramp"})
    np.testing.assert_array_equal(driven[0], 0)
    np.testing.assert_allclose(driven[12], whole[12] / 2, atol=1e-3)


def gains(folder: Path, store: Any, count: int, value: float = 0.6, **given: Any) -> np.ndarray:
    """Return by what the display values of a flickering film are multiplied, (T,)."""
    fps = given.pop("fps", 24)
    node = {"node": "Flicker", **given}
    x, made = film(folder, store, codes_of(value, (16, 16)), node, count=count, fps=fps, duration=count / fps)
    assert (np.ptp(made, axis=(1, 2, 3)) == 0).all(), "all of the frame trembles alike"
    return made[:, 0, 0, 0] / x[0, 0, 0]


@pytest.mark.parametrize(("amount", "rate", "fps"), [(0.06, 12, 24), (0.5, 8, 60), (1.0, 24, 30)])
def test_flicker(amount: float, rate: float, fps: int, tmp_path: Path, store: Any) -> None:
    made = gains(tmp_path, store, 40, amount=amount, rate=rate, fps=fps, seed=5)
    seed = np.uint32(node_seed(3, type("Flicker", (), {"seed": 5})()))
    time = np.arange(40) * rate / fps
    drawn = uniform(shader.pixel_hash(seed, np.arange(100, dtype=np.uint32), np.uint32(0), np.uint32(0)))
    whole = np.floor(time + 1e-6).astype(int)
    t = time - whole
    n = drawn[whole] + (drawn[whole + 1] - drawn[whole]) * (6 * t**5 - 15 * t**4 + 10 * t**3)
    low, high = 2 ** (-amount / 2), 2 ** (amount / 2)
    np.testing.assert_allclose(made, low + (high - low) * n, atol=1e-4)
    assert np.ptp(made) > 0.3 * (high - low)


def test_flicker_does_not_depend_on_the_frame_rate(tmp_path: Path, store: Any) -> None:
    slow, fast = (gains(tmp_path, store, 2 * fps, fps=fps, amount=0.4) for fps in (24, 60))
    np.testing.assert_allclose(slow[::2], fast[::5], atol=1e-5)  # at every twelfth of a second
    assert np.abs(np.diff(fast)).max() < 0.75 * np.ptp(fast), "it goes smoothly"


def luminance(display: np.ndarray) -> np.ndarray:
    """Return the relative luminance of grey as WCAG defines it."""
    x = np.clip(display, 0, 1)
    return np.where(x <= 0.04045, x / 12.92, ((x + 0.055) / 1.055) ** 2.4)


def test_flicker_is_no_flash(tmp_path: Path, store: Any) -> None:
    made = gains(tmp_path, store, 1200)
    assert made.min() < 2**-0.024 and made.max() > 2**0.024, "nearly all of the range occurs"
    for grey in np.linspace(0.05, 1, 20):
        seen = luminance(grey * made)
        assert np.ptp(seen) < 0.1
    assert abs(np.mean(light(made)) - 1) < 0.01, "the film is as bright as before"
