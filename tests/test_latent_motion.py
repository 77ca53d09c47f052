"""Nodes that move, mask and join latents, against plain loops in float64; and what the decoder makes of them."""

from __future__ import annotations

import math
from types import SimpleNamespace

import numpy as np
import pytest
from moving_latents import GRID, made, scene, smooth, variance

from n2s.graph.errors import GraphError
from n2s.nodes import LatentBands, LatentMask, LatentPath
from n2s.nodes.blending import angle_between, arc_weights
from n2s.nodes.latent_bands import low_pass
from n2s.nodes.latent_path import Path as SplinePath
from n2s.nodes.latents import gram_matrix

# The path


@pytest.fixture
def places() -> np.ndarray:
    return (
        np.random.default_rng(4).normal(size=(5, 8, 6, 9)).astype(np.float32)
        * np.array([1, 1.2, 0.9, 1, 1.1], np.float32)[:, None, None, None]
    )


def plain_path(points: np.ndarray, place: float) -> np.ndarray:
    """A closed centripetal Catmull-Rom spline through vectors, on the sphere, at even speed."""
    count, i = len(points), int(place) % len(points)
    p = [points[(i + k) % count].astype(np.float64).ravel() for k in (-1, 0, 1, 2)]
    t = np.cumsum([0, *(np.linalg.norm(b - a) ** 0.5 for a, b in zip(p, p[1:]))])

    def at(u: float) -> np.ndarray:
        now, level = t[1] + (t[2] - t[1]) * u, p
        for width in (1, 2, 3):
            level = [
                ((t[k + width] - now) * level[k] + (now - t[k]) * level[k + 1]) / (t[k + width] - t[k])
                if width < 3 else ((t[2] - now) * level[0] + (now - t[1]) * level[1]) / (t[2] - t[1])
                for k in range(len(level) - 1)
            ]  # fmt: skip
        wanted = np.linalg.norm(p[1]) * (1 - u) + np.linalg.norm(p[2]) * u
        return level[0] * wanted / np.linalg.norm(level[0])

    walk = np.array([at(u) for u in np.linspace(0, 1, 801)])
    lengths = np.r_[0, np.cumsum(np.linalg.norm(np.diff(walk, axis=0), axis=1))]
    return at(np.interp((place - int(place)) * lengths[-1], lengths, np.linspace(0, 1, 801)))


def on_path(points: np.ndarray, closed: bool, place: float) -> np.ndarray:
    path = SplinePath(gram_matrix(points), closed)
    return sum(factor * points[i].astype(np.float64) for i, factor in path.factors(place))


@pytest.mark.parametrize("place", [0.25, 1.5, 2.9, 4.6])
def test_a_path_against_its_formula(places: np.ndarray, place: float) -> None:
    np.testing.assert_allclose(on_path(places, True, place).ravel(), plain_path(places, place), atol=2e-3)


@pytest.mark.parametrize("closed", [True, False])
def test_a_path_goes_at_even_speed_on_the_sphere_of_its_places(places: np.ndarray, closed: bool) -> None:
    strengths = np.sqrt(np.diag(gram_matrix(places)))
    for i in range(5 if closed else 4):
        walk = [on_path(places, closed, i + t) for t in np.linspace(0, 1, 21)]
        steps = [np.linalg.norm(b - a) for a, b in zip(walk, walk[1:])]
        assert max(steps) / min(steps) < 1.02
        for t, point in zip(np.linspace(0, 1, 21), walk):
            near = (strengths[i], strengths[(i + 1) % 5])
            assert min(near) * 0.999 <= np.linalg.norm(point) <= max(near) * 1.001


def test_a_path_passes_its_places_exactly_wraps_and_clamps(places: np.ndarray) -> None:
    files = SimpleNamespace(latent={}, channels=8, anchor=lambda name: places["abcde".index(name)])
    where, names = scene(model=files), list("abcde")
    at = np.float32([0, 3, 5, -1, 7, 2.25, 7.25])
    shown = made(LatentPath(names=names), count=7, where=where, grid=(6, 9), place=at)
    for frame, i in enumerate((0, 3, 0, 4, 2)):
        assert shown[frame].tobytes() == places[i].tobytes()
    assert shown[5].tobytes() == shown[6].tobytes()
    ends = made(LatentPath(names=names, closed=False), count=2, where=where, grid=(6, 9), place=np.float32([-2, 99]))
    assert ends[0].tobytes() == places[0].tobytes() and ends[1].tobytes() == places[4].tobytes()
    held = made(LatentPath(names=["a", "a", "b"]), count=3, where=where, grid=(6, 9), place=np.float32([0.5, 1, 1.5]))
    np.testing.assert_allclose(held[0], places[0], atol=1e-3)
    assert np.isfinite(held).all()


def test_a_path_stays_at_each_place_for_a_share_of_its_way(places: np.ndarray) -> None:
    files = SimpleNamespace(latent={}, channels=8, anchor=lambda name: places["abcde".index(name)])
    given = {"count": 5, "where": scene(model=files), "grid": (6, 9)}
    at = np.float32([1, 1.5, 1.75, 1.875, -0.5])
    shown = made(LatentPath(names=list("abcde")), **given, place=at, stay=np.full(5, 0.5, np.float32))
    plain = made(LatentPath(names=list("abcde")), **given, place=np.float32([1, 1, 1.5, 1.75, -1]))
    assert shown.tobytes() == plain.tobytes()
    for_ever = made(LatentPath(names=list("abcde")), **given, place=at, stay=np.full(5, 1, np.float32))
    assert for_ever[2].tobytes() == places[1].tobytes()


def test_a_path_of_one_place_is_refused() -> None:
    with pytest.raises(GraphError, match="a path needs two places or more"):
        LatentPath(names=["ember"])


# Arcs, masks and bands


def test_arcs_keep_strength_and_give_their_ends() -> None:
    a, b = smooth(3), smooth(3, seed=2)
    angle = angle_between(a, b)
    for frame, channel in ((0, 0), (2, 3)):
        x, y = (v[frame, channel].astype(np.float64).ravel() for v in (a, b))
        assert angle[frame, channel] == pytest.approx(math.acos(x @ y / math.sqrt(x @ x * (y @ y))), abs=1e-5)
    for t in (0.0, 0.3, 1.0):
        wa, wb = arc_weights(np.float32(t), angle)
        np.testing.assert_allclose(wa, np.sin((1 - t) * angle) / np.sin(angle), atol=2e-6)
        np.testing.assert_allclose(wb, np.sin(t * angle) / np.sin(angle), atol=2e-6)
    assert set(arc_weights(np.float32(0), angle)[0].ravel()) == {1} and not arc_weights(np.float32(0), angle)[1].any()
    same = arc_weights(np.float32(0.3), angle_between(a, a))
    np.testing.assert_allclose(same[0] + same[1], 1, atol=1e-6)  # what is alike stays


@pytest.mark.parametrize("mask", ["noise", "radial", "wipe"])
def test_masks_at_their_ends_and_between(mask: str) -> None:
    a, b = smooth(40), smooth(40, seed=2)
    node = LatentMask(mask=mask)
    assert made(node, 40, a=a, b=b, amount=0).tobytes() == a.tobytes()
    assert made(node, 40, a=a, b=b, amount=1).tobytes() == b.tobytes()
    between = made(node, 40, a=a, b=b)
    np.testing.assert_allclose(variance(between), variance(a), rtol=0.08)
    shares = [(made(node, 40, a=0 * a + 1, b=0 * b - 1, amount=t) < 0).mean() for t in (0.25, 0.5, 0.75)]
    assert shares[0] < shares[1] < shares[2]


def test_a_wipe_and_a_disc_against_plain_loops() -> None:
    a, b = smooth(1), smooth(1, seed=2)
    rows, columns = GRID
    for mask in ("wipe", "radial"):
        extent = 28 * math.cos(math.pi / 6) + 15 * math.sin(math.pi / 6) if mask == "wipe" else math.hypot(7.5, 14)
        shown = made(LatentMask(mask=mask), 1, a=a, b=b, amount=0.4, softness=0.3 * extent, angle=30)
        for y, x, c in ((0, 0, 0), (8, 14, 1), (5, 20, 2), (15, 28, 3), (9, 9, 3)):
            dy, dx = y - (rows - 1) / 2, x - (columns - 1) / 2
            if mask == "wipe":
                right, down = math.cos(math.radians(30)), math.sin(math.radians(30))
                v = 0.5 + (dx * right + dy * down) / ((columns - 1) * right + (rows - 1) * down)
            else:
                v = math.hypot(dy, dx) / math.hypot((rows - 1) / 2, (columns - 1) / 2)
            p = 0.4 * 1.3 - 0.15
            t = min(max((v - p + 0.15) / 0.3, 0), 1)
            m, angle = 1 - t * t * (3 - 2 * t), float(angle_between(a, b)[0, c, 0, 0])
            wanted = math.sin((1 - m) * angle) * a[0, c, y, x] + math.sin(m * angle) * b[0, c, y, x]
            assert shown[0, c, y, x] == pytest.approx(wanted / math.sin(angle), abs=2e-5)


def test_noise_covers_as_much_as_is_asked_and_moves_alike_at_any_rate() -> None:
    a, b = np.ones((300, 1, *GRID), np.float32), -np.ones((300, 1, *GRID), np.float32)
    node = LatentMask(period=3, softness=0.01)
    shares = [(made(node, 300, a=a, b=b, amount=t) < 0).mean() for t in (0.2, 0.5, 0.8)]
    np.testing.assert_allclose(shares, [0.2, 0.5, 0.8], atol=0.08)
    x, y = smooth(1).repeat(60, axis=0), smooth(1, seed=2).repeat(60, axis=0)
    thirty, sixty = (made(LatentMask(), n, where=scene(n, fps), a=x[:n], b=y[:n]) for n, fps in ((30, 30), (60, 60)))
    np.testing.assert_allclose(thirty, sixty[::2], atol=1e-5)
    assert abs(thirty[0] - thirty[29]).max() > 0.01


def plain_low(latent: np.ndarray, split: float) -> np.ndarray:
    """One channel's waves that are longer than ``split``, wave by wave."""
    kept = latent.astype(np.float64)
    for axis in (0, 1):
        kept = np.moveaxis(kept, axis, 0)
        cells, total = len(kept), 0.0
        for k in range(cells):
            wave = np.cos(np.pi * k * (np.arange(cells) + 0.5) / cells)
            octave = np.log2(max(k, 1e-9) / (2 * cells) * split)
            gain = 1 if octave < -0.5 else 0 if octave > 0.5 else 0.5 - 0.5 * np.sin(np.pi * octave)
            total = total + gain * np.multiply.outer(wave, np.tensordot(wave, kept, (0, 0))) / (wave @ wave)
        kept = np.moveaxis(total, 0, axis)
    return kept


def test_bands_against_plain_waves() -> None:
    a, b = smooth(1), smooth(1, seed=2)
    full = made(LatentBands(), 1, composition=a, texture=b)
    half = made(LatentBands(), 1, composition=a, texture=b, amount=0.5)
    for c in range(4):
        low_a, low_b = plain_low(a[0, c], 6), plain_low(b[0, c], 6)
        high_a, high_b = a[0, c] - low_a, b[0, c] - low_b
        (power_a, power_b), low = (
            [(x[0, c] * high).mean() for x, high in ((a, high_a), (b, high_b))],
            (a[0, c] * low_a).mean(),
        )
        wanted = low_a + high_b
        wanted *= math.sqrt((low + power_b) / (wanted**2).mean())
        np.testing.assert_allclose(full[0, c], wanted, atol=1e-5)
        angle = math.acos((high_a * high_b).sum() / math.sqrt((high_a**2).sum() * (high_b**2).sum()))
        gain = math.sin(angle / 2) / math.sin(angle)
        wanted = low_a + gain * (high_a + high_b)
        beyond = (math.sqrt(power_a) + math.sqrt(power_b)) / 2
        wanted *= math.sqrt((low + beyond**2) / (wanted**2).mean())
        np.testing.assert_allclose(half[0, c], wanted, atol=1e-5)
    np.testing.assert_allclose(low_pass(16, 6).sum(axis=1), 1, atol=1e-6)


@pytest.mark.parametrize("amount", [0.3, 1])
@pytest.mark.parametrize("split", [3, 6, 12])
def test_bands_keep_variance(split: float, amount: float) -> None:
    a, b = smooth(200), smooth(200, seed=2)
    joint = made(LatentBands(split=split), 200, composition=a, texture=b, amount=amount)
    np.testing.assert_allclose(variance(joint), variance(a), rtol=0.06)
    assert np.array_equal(made(LatentBands(), 200, composition=a, texture=b, amount=0), a)
