"""Nodes that move, mask and join latents, against plain loops in float64; and what the decoder makes of them."""

from __future__ import annotations

import math
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph.context import Block, Scene
from n2s.graph.errors import GraphError, RenderError
from n2s.graph.time import Clock
from n2s.nodes import LatentBands, LatentCamera, LatentEcho, LatentMask, LatentPath, LatentWarp
from n2s.nodes.blending import angle_between, arc_weights
from n2s.nodes.cells import likeness, mirrored, read_cells
from n2s.nodes.drift import from_centre
from n2s.nodes.grounds import Noise, joined, repeated
from n2s.nodes.latent_bands import low_pass
from n2s.nodes.latent_path import Path as SplinePath
from n2s.nodes.latents import gram_matrix
from n2s.plan.ranges import check_ranges
from n2s.runtime.media.resample import Taps
from n2s.runtime.models.cards import shipped_folder
from n2s.runtime.models.folder import ModelFolder

GRID = (16, 29)
REACH = {"2": [0.9, 0.9, 0.3, 0.3]}  # two channels of forms, two of details


def scene(frames: int = 300, fps: int = 30, model: Any = None) -> Scene:
    files = model or SimpleNamespace(latent={"reach": REACH}, channels=4, anchor=None)
    return Scene(Clock(Fraction(fps), frames, 120.0), 7, (96, 64), SimpleNamespace(model=lambda path: files), Path("."))


def smooth(frames: int, channels: int = 4, grid: tuple[int, int] = GRID, seed: int = 1) -> np.ndarray:
    """Return random latents of unit variance: half of the channels wider than cells, half of single cells."""
    rng = np.random.default_rng(seed)
    latents = rng.normal(size=(frames, channels, *grid))
    wide = rng.normal(size=(frames, channels, grid[0] + 4, grid[1] + 4))
    windows = np.lib.stride_tricks.sliding_window_view(wide, (5, 5), (2, 3)).mean((4, 5)) * 5
    latents[:, : channels // 2] = windows[:, : channels // 2]
    return latents.astype(np.float32)


def made(node: Any, count: int = 4, start: int = 0, where: Scene | None = None, grid: tuple[int, int] = GRID,
         **inputs: Any) -> np.ndarray:  # fmt: skip
    """Return what a node makes of latents and of parameters, which stand for all frames or are given for each."""
    where = where or scene()
    given = {}
    for field in node.params():
        value = inputs.pop(field, getattr(node, field))
        given[field] = np.broadcast_to(np.float32(getattr(value, "value", value)), count)
    return node.compute(Block(where, start, start + count, grid, node.open(where, grid)), **inputs, **given)


def variance(latents: np.ndarray) -> np.ndarray:
    return latents.astype(np.float64).var(axis=(0, 2, 3))


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


# Between cells


def plain_read(latent: np.ndarray, down: float, across: float) -> float:
    """One cell of one channel (h, w) between cells, mirrored at the edges."""
    latent = latent.astype(np.float64)
    rows, columns = latent.shape
    x, y = latent[:-1], latent[1:]
    r_down = 2 * (x * y).sum() / (x * x + y * y).sum()
    x, y = latent[:, :-1], latent[:, 1:]
    r_across = 2 * (x * y).sum() / (x * x + y * y).sum()

    def at(i: int, j: int) -> float:
        return latent[mirrored(np.array(i), rows), mirrored(np.array(j), columns)]

    top, left = math.floor(down), math.floor(across)
    t, s = down - top, across - left
    value = (1 - t) * ((1 - s) * at(top, left) + s * at(top, left + 1))
    value += t * ((1 - s) * at(top + 1, left) + s * at(top + 1, left + 1))
    length = ((1 - t) ** 2 + t * t + 2 * t * (1 - t) * r_down) * ((1 - s) ** 2 + s * s + 2 * s * (1 - s) * r_across)
    return value / math.sqrt(length)


def test_reading_between_cells_against_plain_loops() -> None:
    latents = smooth(2)
    rng = np.random.default_rng(3)
    down, across = rng.uniform(-20, 40, (2, 5, 6)), rng.uniform(-40, 70, (2, 5, 6))
    shown = read_cells(latents, down, across)
    for n, c, y, x in ((0, 0, 0, 0), (1, 3, 4, 5), (0, 2, 3, 1), (1, 1, 2, 4)):
        wanted = plain_read(latents[n, c], down[n, y, x], across[n, y, x])
        assert shown[n, c, y, x] == pytest.approx(wanted, abs=2e-5)
    whole = np.meshgrid(np.arange(16.0), np.arange(29.0), indexing="ij")
    assert read_cells(latents, *(axis[None].repeat(2, 0) for axis in whole)).tobytes() == latents.tobytes()
    flat = np.full((1, 1, 4, 5), 0.7, np.float32)
    np.testing.assert_allclose(read_cells(flat, np.full((1, 1, 1), 1.3), np.full((1, 1, 1), 2.6)), 0.7, rtol=1e-6)
    assert [r.item() for r in likeness(flat)] == [1, 1]


@pytest.mark.parametrize("shift", [0.25, 0.5])
def test_reading_between_cells_keeps_variance(shift: float) -> None:
    latents = smooth(100)
    places = np.arange(16.0)[None, :, None] + shift, np.arange(29.0)[None, None, :] + shift
    shown = read_cells(latents, *(np.broadcast_to(axis, (100, *GRID)) for axis in places))
    np.testing.assert_allclose(variance(shown[:, :, :-1, :-1]), variance(latents), rtol=0.04)


@pytest.mark.parametrize("amount", [0.5, 1, 3])
def test_warp_keeps_variance(amount: float) -> None:
    latents = smooth(100)
    shown = made(LatentWarp(period=2), 100, latents=latents, amount=amount)
    np.testing.assert_allclose(variance(shown), variance(latents), rtol=0.08)
    assert made(LatentWarp(), 100, latents=latents, amount=0).tobytes() == latents.tobytes()


def test_currents_have_their_length_and_pile_up_nowhere() -> None:
    node, grid = LatentWarp(period=1, scale=6), (40, 60)
    rows, columns, drift, length = node.open(scene(), grid)
    noise = drift.coarse(np.arange(200) * 0.5, 1)[:, 0].astype(np.float64)
    across = columns.spread(rows.spread(noise, 1, slope=True), 2) / length
    down = -columns.spread(rows.spread(noise, 1), 2, slope=True) / length
    assert np.sqrt((across**2 + down**2).mean()) == pytest.approx(1, abs=0.05)
    whole = columns.spread(rows.spread(noise, 1), 2)
    np.testing.assert_allclose(np.gradient(whole, axis=1)[:, 1:-1] / length, across[:, 1:-1], atol=0.1)
    spreading = np.gradient(across, axis=2) + np.gradient(down, axis=1)
    assert np.abs(spreading[:, 1:-1, 1:-1]).mean() < 0.1 * np.abs(np.gradient(across, axis=2)).mean()
    latents = smooth(1).repeat(60, axis=0)
    thirty, sixty = (made(LatentWarp(), n, where=scene(n, fps), latents=latents[:n]) for n, fps in ((30, 30), (60, 60)))
    np.testing.assert_allclose(thirty, sixty[::2], atol=1e-4)


# The camera


def test_a_camera_against_its_formula() -> None:
    latents = smooth(1)
    shown = made(LatentCamera(scroll="latents", ground="mirror"), 1, latents=latents, zoom=1.5, turn=20, shift_x=0.33,
                 shift_y=-0.21)  # fmt: skip
    angle = math.radians(20)
    for y, x, c in ((0, 0, 0), (3, 20, 1), (8, 14, 2), (15, 28, 3)):
        dy, dx = y - 7.5, x - 14
        if c < 2:  # forms
            right, below = (math.cos(angle) * dx + math.sin(angle) * dy, math.cos(angle) * dy - math.sin(angle) * dx)
            dy, dx = below / 1.5, right / 1.5
        down, across = dy - np.float32(0.21) * 16 + 7.5, dx + np.float32(0.33) * 16 + 14
        assert shown[0, c, y, x] == pytest.approx(plain_read(latents[0, c], down, across), abs=5e-5)


def test_a_shift_is_whole_cells_and_what_is_left() -> None:
    latents, node = smooth(5), LatentCamera()
    shift = np.float32([0, 0.25, -0.5, 3, 0.3])
    left = node.remainder(GRID, *(np.zeros(5, np.float32),) * 2, shift, -shift)
    np.testing.assert_allclose(left[:4], 0, atol=1e-12)
    np.testing.assert_allclose(left[4], [0.2, -0.2], atol=1e-6)  # of -4.8 down and 4.8 to the right
    shown = made(node, 5, latents=latents, shift_x=shift)
    for frame, cells in enumerate((0, 4, -8, 48, 5)):
        places = np.remainder(np.arange(29) + cells, 29)
        assert shown[frame, 2:].tobytes() == latents[frame, 2:, :, places].transpose(1, 2, 0).tobytes()
        inside = slice(max(0, -cells), max(0, 29 - max(0, cells)))
        np.testing.assert_array_equal(shown[frame, :2, :, inside], latents[frame, :2][:, :, places[inside]])
    assert made(node, 5, latents=latents).tobytes() == latents.tobytes()


@pytest.mark.parametrize("ground", ["repeat", "hash", "mirror"])
@pytest.mark.parametrize("move", [{"shift_x": 5.3}, {"zoom": 0.6}, {"turn": 33, "zoom": 1.7}])
def test_a_camera_keeps_variance(ground: str, move: dict[str, float]) -> None:
    latents = smooth(100)
    shown = made(LatentCamera(ground=ground), 100, latents=latents, **move)
    np.testing.assert_allclose(variance(shown), variance(latents), rtol=0.12)


def test_what_lies_beyond_the_edge() -> None:
    frame, rows, columns = smooth(1), np.arange(-20, 40), np.arange(-31, 62)
    inside = np.s_[:, :, 20:36, 31:60]
    for around in (repeated, joined, Noise(np.array([5], np.uint32))):
        made = around(frame, rows, columns)
        assert made[inside].tobytes() == frame.tobytes()
        part = around(frame, rows[7:50], columns[11:30])
        assert part.tobytes() == np.ascontiguousarray(made[:, :, 7:50, 11:30]).tobytes()
    grown = joined(frame, np.arange(16), np.arange(29, 58))
    assert grown[..., 4:].tobytes() == np.ascontiguousarray(frame[..., 4:]).tobytes()
    mean = frame[0, 1].astype(np.float64).mean()
    turns = np.pi / 2 * 1.5 / 4  # the second cell of a copy is 1.5 of 4 cells on its way
    wanted = mean + math.sin(turns) * (frame[0, 1, 3, 1] - mean) + math.cos(turns) * (frame[0, 1, 3, 27] - mean)
    assert grown[0, 1, 3, 1] == pytest.approx(wanted, abs=1e-5)
    noise = Noise(np.array([5], np.uint32))(smooth(1), np.arange(40, 240), np.arange(60, 260))
    far, own = variance(noise), variance(smooth(1))
    np.testing.assert_allclose(far, own, rtol=0.2)


def test_latents_of_another_model_are_refused() -> None:
    with pytest.raises(RenderError, match="gets latents of 6 channels, but its model has 4"):
        made(LatentCamera(), 1, latents=smooth(1, 6), zoom=2)


def film(studio: Any, **camera: Any) -> dict[str, Any]:
    values = harness.around("LatentCamera", studio.model, **camera)
    values["nodes"]["ramp"] = {"node": "Keyframes", "points": [[0, 0], [2, 0.3]], "interpolate": "linear"}
    return values


def test_nodes_of_latents_come_before_the_camera(studio: Any, store: Any) -> None:
    values = film(studio, shift_x=0.1)
    values["nodes"]["later"] = {"node": "Wander", "latents": "subject", "model": str(studio.model)}
    values["nodes"]["shown"]["latents"] = "later"
    with pytest.raises(GraphError, match="later reads subject, whose shifts by parts of a cell only a decoder shows"):
        harness.load(values, studio.folder)
    values["nodes"]["subject"]["scroll"] = "latents"
    assert harness.frames(harness.load(values, studio.folder), store, "shown", [(0, 1)]).shape == (1, 3, 64, 96)


def test_one_cell_less_is_shown_where_a_film_moves_by_parts_of_a_cell(studio: Any, store: Any) -> None:
    def framing(**camera: Any) -> Any:
        plan = harness.plan(harness.load(film(studio, **camera), studio.folder), store)
        return next(stage.framing for stage in plan.nodes if stage.node == "shown")

    assert framing() is None and framing(zoom=2) is None and framing(shift_x="= 0 * ramp") is None
    assert framing(shift_x=1) is None and framing(shift_x="= ramp", scroll="latents") is None
    assert framing(shift_x="= ramp").shown == (3, 3) and framing(shift_y=0.1).shown == (2, 4)
    assert framing(shift_x=0.1, shift_y="= ramp").shown == (2, 3)


def test_moved_frames_of_kernels_are_those_of_the_interpreter_and_of_any_pieces(studio: Any, store: Any) -> None:
    from interpreter import Interpreter

    from n2s.nodes import Tone
    from n2s.plan.stages import Kernel
    from n2s.runtime.render.kernels import LAYOUTS, Picture, compile_program, dither_pattern, program_of

    kernel = Kernel(("toned",), ("picture",), ((("input", 0),),), ("step", 0))
    size, rng = (24, 16), np.random.default_rng(2)
    program = program_of(kernel, {"toned": Tone()}, [Picture(True, (24, 32), loose=(8, 8))], "yuv8", size)
    pictures = [rng.random((3, 3, 24, 32)).astype(np.float32)]
    offsets = [np.array([[0, 0], [3.3, -4], [-2.1, 1.7]])]
    uniforms = rng.random((3, sum(len(pixel.uniforms) for pixel in program.pixels))).astype(np.float32)
    results = []
    for run in (compile_program(program, store.kernels), Interpreter().compile(program, store.kernels)):
        out = np.empty((3, *LAYOUTS["yuv8"].shape(size)), LAYOUTS["yuv8"].dtype)
        run(0, np.zeros(1, np.uint32), uniforms, dither_pattern(True, 24), pictures, out, (), (), offsets)
        results.append(out.copy())
    np.testing.assert_array_equal(*results)
    graph = harness.load(film(studio, shift_x="= ramp", shift_y="= 0.7 * ramp", turn="= 10 * ramp"), studio.folder)
    whole = harness.codes(graph, store)
    assert whole.tobytes() == harness.codes(graph, store, fuse=False).tobytes()
    pieces = harness.frames(graph, store, "shown", [(0, 7), (7, 8), (8, 63)])
    assert pieces.tobytes() == harness.frames(graph, store, "shown", [(0, 63)]).tobytes()


def moved_back(frames: np.ndarray, right: float) -> np.ndarray:
    """Return frames (N, 3, H, W) read so many pixels further to the right, in light."""
    taps = Taps.make(frames.shape[3], frames.shape[3], 1.0, right)
    light = frames.astype(np.float64) * np.abs(frames)
    index = taps.first[:, None] + np.arange(taps.weights.shape[1])
    light = (light[..., index] * taps.weights).sum(axis=-1)
    return np.sign(light) * np.sqrt(np.abs(light))


def test_scrolling_neither_jumps_nor_shimmers(store: Any, tmp_path: Path) -> None:
    """A picture goes 3.37 cells in 60 frames; moved back, each frame is the one before it, at whole cells too."""
    import tiny

    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(2.1))
    cells = 3.37
    nodes = {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "one": {"node": "Constant"},
        "place": {"node": "Anchors", "weights": "one", "names": ["fern"]},
        "camera": {"node": "LatentCamera", "latents": "place", "shift_x": f"= {cells} / 8 * frame / 60"},
        "shown": {"node": "VAEDecode", "latents": "camera", "grid": [8, 17], "precision": "fp16"},
        "out": {"node": "DigestSink", "frames": "shown", "audio": "track", "path": "frames.txt"},
    }  # fmt: skip
    graph = harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [512, 256], "nodes": nodes}, tmp_path)
    frames = harness.frames(graph, store, "shown", [(0, 61)])
    middle = np.s_[..., 160:-160]  # what enters at an edge is felt four cells away
    differences = np.sqrt(np.mean((moved_back(frames[:-1], cells / 60 * 32) - frames[1:])[middle] ** 2, axis=(1, 2, 3)))
    whole = np.floor(np.arange(61) * cells / 60 + 0.5)
    jumps = whole[1:] != whole[:-1]
    assert jumps.sum() == 3 and differences.max() < 0.004
    assert differences[jumps].max() < 1.1 * differences[~jumps].max()
    still = np.sqrt(np.mean((frames[1:] - frames[:-1])[middle] ** 2))
    assert differences.max() < still / 5


# Echoes


def test_echoes_against_plain_loops() -> None:
    node = LatentEcho(step=0.1, copies=3, zoom=1.2, turn=15, shift_x=0.05)
    latents = smooth(12, grid=(6, 9))
    assert node.window(Fraction(30)) == (9, 0)
    shown = made(node, 3, grid=(6, 9), latents=latents, decay=0.7)
    angle, frame = math.radians(15), 2
    for c in (0, 3):
        copies = [latents[9 + frame, c].astype(np.float64)]
        for k in (1, 2, 3):
            past, copy = latents[9 + frame - 3 * k, c], np.zeros((6, 9))
            for y in range(6):
                for x in range(9):
                    dy, dx = y - 2.5, x - 4.0
                    for _ in range(k):
                        if c < 2:
                            dx, dy = ((math.cos(angle) * dx + math.sin(angle) * dy) / np.float32(1.2),
                                      (math.cos(angle) * dy - math.sin(angle) * dx) / np.float32(1.2))  # fmt: skip
                        dx += np.float32(0.05) * 6
                    copy[y, x] = plain_read(past, dy + 2.5, dx + 4)
            copies.append(copy)
        weights = 0.7 ** np.arange(4)
        total = sum(weight * copy for weight, copy in zip(weights, copies))
        strength = sum(w * np.sqrt((copy**2).mean()) for w, copy in zip(weights, copies)) / weights.sum()
        np.testing.assert_allclose(shown[frame, c], total * strength / np.sqrt((total**2).mean()), atol=1e-4)


@pytest.mark.parametrize("decay", [0.3, 0.9])
def test_echoes_keep_strength_however_alike_they_are(decay: float) -> None:
    node = LatentEcho()
    before = node.window(Fraction(30))[0]
    for latents in (smooth(before + 20), smooth(1).repeat(before + 20, axis=0)):
        shown = made(node, 20, latents=latents, decay=decay)
        np.testing.assert_allclose(variance(shown), variance(latents), rtol=0.15)
        assert made(node, 20, latents=latents, decay=0).tobytes() == latents[before:].tobytes()
    still = made(LatentEcho(zoom=1), 20, latents=latents, decay=decay)
    np.testing.assert_allclose(still, latents[before:], atol=1e-5)


# In a row


def chain(studio: Any) -> dict[str, Any]:
    values = film(studio, shift_x="= ramp", zoom="= 1 + ramp")
    model = {"model": str(studio.model)}
    values["nodes"] |= {
        "path": {"node": "LatentPath", "names": ["red", "green", "blue"], "place": "= 3 * ramp", **model},
        "mask": {"node": "LatentMask", "a": "anchors", "b": "path", "amount": "= 0.3 + ramp", "scale": 2},
        "bands": {"node": "LatentBands", "composition": "mask", "texture": "anchors", "split": 3},
        "drift": {"node": "Wander", "latents": "bands", "period": 1, **model},
        "warp": {"node": "LatentWarp", "latents": "drift", "amount": "= 0.5 + ramp", "period": 2, "scale": 4},
        "echo": {"node": "LatentEcho", "latents": "warp", "step": 0.1, "copies": 3, "turn": "= 20 * ramp", **model},
    }
    values["nodes"]["subject"] |= {"latents": "echo", "ground": "hash"}
    return values


def test_all_in_a_row_do_not_depend_on_the_pieces(
    executor: Any, studio: Any, store: Any, new_store: Any, tmp_path: Path
) -> None:
    graph = harness.load(chain(studio), studio.folder)
    whole = harness.frames(graph, store, "shown", [(0, 63)])
    pieces = harness.frames(graph, store, "shown", [(0, 1), (1, 8), (8, 9), (9, 40), (40, 63)])
    assert whole.tobytes() == pieces.tobytes() and np.isfinite(whole).all()
    assert harness.frames(graph, store, "shown", [(41, 42)]).tobytes() == whole[41:42].tobytes()
    latents = harness.frames(graph, store, "echo", [(0, 63)])
    assert 0.6 < latents.std() < 1.4
    digests = []
    for length in (7, 30):
        values = chain(studio)
        values["nodes"]["out"]["chunk"] = length
        workers = executor(2 if length == 7 else 1)
        harness.run(harness.load(values, studio.folder), tmp_path / str(length), new_store(), executor=workers)
        digests.append((tmp_path / str(length) / "frames.txt").read_text())
    assert digests[0] == digests[1]


def test_a_change_of_the_shift_renders_what_it_changes(studio: Any, store: Any) -> None:
    """A film that begins to scroll shows one cell less; one that scrolls on otherwise is new from there on."""

    def keys(*points: list[float]) -> list[str]:
        values = film(studio, shift_x="= ramp")
        values["nodes"]["ramp"]["points"], values["nodes"]["out"]["chunk"] = list(points), 21
        values["nodes"]["weights"]["signal"] = "still"
        values["nodes"]["still"] = {"node": "Constant", "value": 0.3}
        return harness.keys(harness.load(values, studio.folder), store)

    still, begins = keys([0, 0], [2, 0]), keys([0, 0], [1.5, 0], [2, 0.3])
    assert not set(still) & set(begins)
    other = keys([0, 0], [1.5, 0], [2, 0.5])
    assert [a == b for a, b in zip(begins, other)] == [True, True, False]


# What the decoder makes of them


LATTICE = 2.4  # times that of the anchors themselves, which have 0.04 as Wander's drift has


def test_no_lattice_shows(store: Any) -> None:
    """Positions within a cell are alike in decoded frames, as they are in those of anchors."""
    model = ModelFolder(shipped_folder(), store)
    decoder, where = model.decoder("int8", "cpu", 1), scene(model=model)
    names = ["ember", "fern", "tide", "aurora", "moss", "lava", "coral", "agate"]
    cropped = [model.anchor(name)[None, :, :, 1:30] for name in names]
    cases = {
        "anchors": lambda a, b: a,
        "masked": lambda a, b: made(LatentMask(), 1, 45, where, a=a, b=b),
        "bands": lambda a, b: made(LatentBands(), 1, 45, where, composition=a, texture=b),
        "warped": lambda a, b: made(LatentWarp(), 1, 45, where, latents=a),
        "repeated": lambda a, b: made(LatentCamera(), 1, 45, where, latents=a, shift_x=2),
        "beyond": lambda a, b: made(LatentCamera(ground="hash"), 1, 45, where, latents=a, shift_x=2),
        "near": lambda a, b: made(LatentCamera(), 1, 45, where, latents=a, zoom=1.3),
        "turned": lambda a, b: made(LatentCamera(), 1, 45, where, latents=a, turn=20),
        "echoes": lambda a, b: made(LatentEcho(), 1, 45, where, latents=a.repeat(LatentEcho().window(30)[0] + 1, 0)),
        "path": lambda a, b: on_path(np.concatenate([a, b]), True, 0.5)[None].astype(np.float32),
    }
    limit = np.inf
    for case, make in cases.items():
        found = []
        frames = [decoder.decode(make(a, cropped[(i + 3) % 8]))[0] for i, a in enumerate(cropped)]
        for axis in (0, 1):
            total = 0.0
            for frame in frames:
                luma = np.tensordot([0.2126, 0.7152, 0.0722], frame.clip(0, 1).astype(np.float64), (0, 0))
                steps = np.abs(np.diff(luma, axis=axis)).mean(1 - axis)
                total = total + steps[: len(steps) // 32 * 32].reshape(-1, 32).mean(0) / steps.mean()
            found.append(total.std() / total.mean())
        assert max(found) < limit, (case, found)
        limit = LATTICE * max(found) if case == "anchors" else limit


def test_places_count_from_the_centre() -> None:
    np.testing.assert_array_equal(from_centre(4), [-1.5, -0.5, 0.5, 1.5])


@pytest.mark.parametrize(
    ("node", "field", "end"),
    [("LatentMask", "softness", 0.01), ("LatentCamera", "zoom", 0.1), ("Sharpen", "limit", 0.001)],
)
def test_the_ends_of_a_range_belong_to_it(node: str, field: str, end: float, studio: Any, store: Any) -> None:
    """Numbers are counted in steps of 2**-16, where 0.01 is a little less than 0.01."""
    for value in (end, f"= clamp(time - 9, {end}, 1)"):
        graph = harness.load(harness.around(node, studio.model, **{field: value}), studio.folder)
        check_ranges(harness.plan(graph, store))


def test_the_advice_for_an_end_that_does_not_belong_to_the_range_is_sound(studio: Any, store: Any) -> None:
    values = harness.around("LatentEcho", studio.model, decay="= 2 * time")
    with pytest.raises(GraphError, match=r"below its upper end.*Wrap it: = clamp\(2 \* time, 0, 0.999\)"):
        check_ranges(harness.plan(harness.load(values, studio.folder), store))
    values["nodes"]["subject"]["decay"] = "= clamp(2 * time, 0, 0.999)"
    check_ranges(harness.plan(harness.load(values, studio.folder), store))


def test_signals_that_drive_signals_stay_in_range_too(studio: Any, store: Any) -> None:
    values = film(studio, shift_x="mixed")
    values["nodes"]["mixed"] = {"node": "Crossfade", "a": "ramp", "b": "ramp", "amount": "= 2 * time"}
    with pytest.raises(GraphError, match=r"mixed.amount is driven by = 2 \* time and reaches .* within 0..1"):
        check_ranges(harness.plan(harness.load(values, studio.folder), store))
