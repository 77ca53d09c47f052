"""What single nodes compute, against their formulas."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph import shader
from n2s.graph.context import Block, Scene
from n2s.graph.time import Clock
from n2s.nodes import EMA, Keyframes, Tone, Vignette, Wander, Weights
from n2s.nodes.latents import fit_grid, gram_matrix, spherical_factors
from n2s.runtime.media.resample import Taps
from n2s.runtime.render.kernels import dither_pattern


def scene(frames: int = 300, fps: int | Fraction = 30, tempo: float = 120) -> Scene:
    return Scene(Clock(Fraction(fps), frames, tempo), 7, (96, 64), None, Path("."))


def test_ema_halves_in_a_half_life() -> None:
    step = np.r_[np.ones(1), np.zeros(299)].astype(np.float32)
    smooth = EMA(half_life=0.5).compute(scene(), step)
    np.testing.assert_allclose(smooth[[15, 30, 60]], [0.5, 0.25, 0.0625], rtol=1e-12)
    slow_rise = EMA(attack=1, release=0).compute(scene(), 1 - step)
    np.testing.assert_allclose(slow_rise[30], 0.5, rtol=1e-12)
    beats = EMA(half_life="1 beats").compute(scene(tempo=60), step)
    np.testing.assert_allclose(beats[30], 0.5, rtol=1e-12)


def test_ema_forgets_completely(studio: Any, store: Any) -> None:
    from n2s.graph.values import quantise

    one = np.random.default_rng(0).random(4000).astype(np.float32)
    other = one.copy()
    other[1000:1030] = 1
    a, b = (quantise(EMA(half_life=0.18).compute(scene(4000), x)) for x in (one, other))
    assert (a[:1000] == b[:1000]).all() and (a[1030 + 30 * 5 :] == b[1030 + 30 * 5 :]).all()


def test_weights_share_each_moment() -> None:
    x = np.linspace(0, 1, 101).astype(np.float32)
    weights = Weights(count=4).compute(scene(), x)
    np.testing.assert_allclose(weights.sum(axis=1), 1, atol=1e-12)
    np.testing.assert_allclose(weights[[0, 100]], [[1, 0, 0, 0], [0, 0, 0, 1]])
    circle = Weights(count=4, wrap=True).compute(scene(), x)
    np.testing.assert_allclose(circle.sum(axis=1), 1, atol=1e-6)
    np.testing.assert_allclose(circle[0], circle[100], atol=1e-6)


@pytest.mark.parametrize(("way", "half"), [("linear", 0.5), ("smooth", 0.5), ("hold", 0.0)])
def test_keyframes(way: str, half: float) -> None:
    curve = Keyframes(points=[[1, 0], [3, 1], [4, -1]], interpolate=way).compute(scene(180))
    assert curve[0] == 0 and curve[30] == 0 and curve[90] == 1 and curve[120] == -1 and curve[179] == -1
    assert curve[60] == half
    assert Keyframes(points=[[0, 1, 2], [1, 2, 4]]).compute(scene()).shape == (300, 2)


def test_slerp_keeps_the_length_and_goes_all_the_way() -> None:
    rng = np.random.default_rng(3)
    anchors = rng.normal(size=(3, 8, 16, 16)).astype(np.float32)
    gram = gram_matrix(anchors)
    lengths = np.sqrt(np.diag(gram))
    for t in np.linspace(0, 1, 9):
        factors = spherical_factors(np.array([1 - t, t, 0]), gram)
        blend = np.tensordot(factors, anchors.astype(np.float64), 1)
        expected = lengths[0] + t * (lengths[1] - lengths[0])
        assert abs(np.linalg.norm(blend) / expected - 1) < 0.02
    np.testing.assert_allclose(spherical_factors(np.array([0, 1, 0]), gram), [0, 1, 0])
    np.testing.assert_allclose(spherical_factors(np.array([0, 0, 1]), gram), [0, 0, 1])


@pytest.mark.parametrize("grid", [(16, 16), (16, 29), (29, 16), (8, 8), (16, 40), (50, 50)])
def test_an_anchor_keeps_its_variance_on_every_grid(grid: tuple[int, int]) -> None:
    anchor = np.random.default_rng(1).normal(size=(8, 16, 16)).astype(np.float32)
    fitted = fit_grid(anchor, grid)
    assert fitted.shape == (8, *grid)
    ratio = fitted.std(axis=(1, 2)) / anchor.std(axis=(1, 2))
    assert (np.abs(ratio - 1) < 0.25).all() and abs(ratio.mean() - 1) < 0.06
    if grid[0] >= 16 and grid[1] >= 16:
        top, left = (grid[0] - 16) // 2, (grid[1] - 16) // 2
        np.testing.assert_array_equal(fitted[:, top : top + 16, left : left + 16], anchor)


def wander(node: Wander, where: Scene, grid: tuple[int, int], start: int, stop: int) -> np.ndarray:
    block = Block(where, start, stop, grid, node.open(where, grid))
    still = np.zeros((stop - start, 8, *grid), np.float32)
    return node.compute(block, still, np.full(stop - start, 1e4, np.float32))


def test_wander_has_unit_variance_and_the_same_motion_at_any_rate(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Wander, "_reach", lambda self, scene: np.ones(8, np.float32))
    node = Wander(period=2)
    drift = wander(node, scene(3000), (16, 29), 0, 3000)
    assert abs(drift.std() - 1) < 0.05 and abs(drift.mean()) < 0.05
    sixty = wander(node, scene(600, 60), (16, 29), 0, 600)
    np.testing.assert_allclose(drift[:300], sixty[::2], atol=1e-5)
    inner = wander(node, scene(10), (16, 21), 0, 10)
    np.testing.assert_array_equal(drift[:10, :, :, 4:25], inner)
    assert (wander(Wander(period=2, seed=1), scene(10), (16, 29), 0, 10) != drift[:10]).mean() > 0.99


def test_wander_goes_as_far_as_the_card_says_a_channel_reaches() -> None:
    reach = {"2": [1.0] * 8, "8": [1.0, 0.5] + [0.0] * 6}
    card = SimpleNamespace(latent={"reach": reach}, channels=8)
    where = SimpleNamespace(model=lambda path: card)
    np.testing.assert_allclose(Wander(scale=8)._reach(where), reach["8"])
    np.testing.assert_allclose(Wander(scale=4)._reach(where), [1, 0.75] + [0.5] * 6)
    np.testing.assert_allclose(Wander(scale=64)._reach(where), reach["8"])
    card.latent = {}
    np.testing.assert_array_equal(Wander()._reach(where), np.ones(8))


def at(**values: Any) -> SimpleNamespace:
    return SimpleNamespace(**{name: np.float32(value) for name, value in values.items()})


def test_a_stop_doubles_the_light() -> None:
    tone = Tone()
    numbers = {
        name: np.float32(spec)
        for name, spec in {"exposure": 1, "warmth": 0, "contrast": 1, "pivot": 0.4, "saturation": 1}.items()
    }
    prepared = tone.prepare(**numbers)
    rgb = tuple(np.float32(v) for v in (0.2, 0.4, 0.6))
    made = Tone.pixel(rgb, at(), **prepared)
    np.testing.assert_allclose(shader.to_light(np.array(made)), 2 * shader.to_light(np.array(rgb)), rtol=1e-5)


def test_the_vignette_follows_its_formula() -> None:
    for radius in (0.0, 0.4, 0.7, 1.0):
        made = Vignette.pixel((np.float32(1),) * 3, at(radius=radius), np.float32(0.5), np.float32(0.4))
        t = np.clip((radius - 0.4) / 0.6, 0, 1)
        np.testing.assert_allclose(made[0], 1 - 0.5 * t * t * (3 - 2 * t), atol=1e-6)


def test_the_cube_root_is_close() -> None:
    x = np.concatenate([10 ** np.random.default_rng(2).uniform(-30, 30, 50_000), [1, 0.125]]).astype(np.float32)
    np.testing.assert_allclose(shader.cube_root(x), np.cbrt(x.astype(np.float64)), rtol=1e-6)
    assert shader.cube_root(np.float32(0)) == 0


def test_value_noise_has_one_deviation_and_the_hashes_of_pixels_on_its_corners() -> None:
    y, x = np.mgrid[-20:40, -30:50].astype(np.float32)
    with np.errstate(over="ignore"):
        on_corners = shader.value_noise(x, y, np.uint32(4), np.uint32(9))
        bits = shader.pixel_hash(np.uint32(9), np.uint32(4), y.astype(np.int32), x.astype(np.int32))
        between = np.stack(shader.value_noise(x * np.float32(3.5) + np.float32(0.5), y * 3 + np.float32(0.3), 4, 9))
    np.testing.assert_array_equal(on_corners, shader.gaussians(bits))
    fields = between.reshape(3, -1)
    np.testing.assert_allclose(np.cov(fields), np.eye(3), atol=0.05)


def test_exp2_is_close_and_exact_at_whole_numbers() -> None:
    x = np.linspace(-20, 20, 4001).astype(np.float32)
    np.testing.assert_allclose(shader.exp2(x), 2.0 ** x.astype(np.float64), rtol=1e-6)
    np.testing.assert_array_equal(shader.exp2(np.arange(-20, 21, dtype=np.float32)), 2.0 ** np.arange(-20, 21))
    beyond = np.array([-1e30, -1000, -382.5, -255.5, -128.5, -127.5, 128, 129.5, 1000, 1e30], np.float32)
    np.testing.assert_array_equal(shader.exp2(beyond), np.float32(2) ** np.array([-126] * 6 + [127] * 4, np.float32))
    assert shader.exp2(np.float32(-3)) == 0.125


def test_exp_is_close_wherever_it_is_a_number() -> None:
    x = np.linspace(-87, 88, 200001).astype(np.float32)
    np.testing.assert_allclose(shader.exp(x), np.exp(x.astype(np.float64)), rtol=2e-7)
    beyond = shader.exp(np.array([-np.inf, -1e30, -88, 89, 1e30, np.inf], np.float32))
    np.testing.assert_array_equal(beyond, shader.exp(np.float32([-87] * 3 + [88] * 3)))
    assert shader.exp(np.float32(0)) == 1


def test_sine_and_cosine_are_close_and_exact_at_quarters() -> None:
    turns = np.concatenate([np.linspace(-3, 3, 60001), np.random.default_rng(0).uniform(-1000, 1000, 20000)])
    turns = turns.astype(np.float32)
    for function, wanted in ((shader.sin, np.sin), (shader.cos, np.cos)):
        np.testing.assert_allclose(function(turns), wanted(2 * np.pi * turns.astype(np.float64)), atol=3e-7)
        assert abs(function(turns)).max() <= 1
    quarters = np.arange(-8, 9, dtype=np.float32) / 4
    np.testing.assert_array_equal(shader.sin(quarters), [0, 1, 0, -1] * 4 + [0])
    np.testing.assert_array_equal(shader.cos(quarters), [1, 0, -1, 0] * 4 + [1])


def test_angles_are_close_and_exact_at_quarters() -> None:
    vectors = np.random.default_rng(1).normal(size=(20000, 2)).astype(np.float32)
    made = np.array([shader.atan2(y, x) for x, y in vectors])
    x, y = vectors.astype(np.float64).T
    np.testing.assert_allclose(made, np.arctan2(y, x) / (2 * np.pi), atol=1e-7)
    exact = {(1, 0): 0, (1, 1): 0.125, (0, 1): 0.25, (-1, 0): 0.5, (0, -1): -0.25, (0, 0): 0}
    assert {(x, y): shader.atan2(np.float32(y), np.float32(x)) for x, y in exact} == exact


def test_logarithms_are_close_and_exact_at_powers_of_two() -> None:
    x = np.exp(np.random.default_rng(2).uniform(-84, 88, 50000)).astype(np.float32)
    x = np.concatenate([x, np.linspace(0.5, 2, 20001, dtype=np.float32)])
    wanted = np.log2(x.astype(np.float64))
    assert (abs(shader.log2(x) - wanted) <= 2e-7 * np.maximum(1, abs(wanted))).all()
    powers = np.arange(-120, 121, dtype=np.float32)
    np.testing.assert_array_equal(shader.log2(np.exp2(powers)), powers)
    assert shader.log2(np.float32(0)) == -127
    wanted = np.log(x.astype(np.float64))
    assert (abs(shader.log(x) - wanted) <= 2e-7 * np.maximum(1, abs(wanted))).all()
    assert shader.log(np.float32(1)) == 0 and shader.log(np.float32(0)) == np.float32(-127) * np.float32(0.6931472)


def test_length_and_fraction() -> None:
    assert shader.length(np.float32(3), np.float32(-4)) == 5
    np.testing.assert_array_equal(shader.fract(np.float32([-0.25, 0, 2.5, -3])), [0.75, 0, 0.5, 0])


def test_noise_is_nearly_normal_and_uncorrelated() -> None:
    y, x = np.mgrid[0:256, 0:256].astype(np.uint32)
    planes = [shader.gaussian(shader.pixel_hash(np.uint32(3), np.array([frame], np.uint32), y, x)) for frame in (0, 1)]
    assert abs(planes[0].mean()) < 0.02 and abs(planes[0].std() - 1) < 0.01
    for a, b in ((planes[0], planes[1]), (planes[0][1:], planes[0][:-1]), (planes[0][:, 1:], planes[0][:, :-1])):
        assert abs(np.corrcoef(a.ravel(), b.ravel())[0, 1]) < 0.01


def test_grain_is_new_in_every_frame_and_gone_in_black(studio: Any, store: Any) -> None:
    values = harness.around("Grain", studio.model, amount=0.1)
    values["nodes"]["still"] = {"node": "Anchors", "weights": "flat", "names": ["red"], "model": str(studio.model)}
    values["nodes"]["flat"] = {"node": "Weights", "signal": "ramp", "count": 1}
    values["nodes"]["decoded"]["latents"] = "still"
    graph = harness.load(values, studio.folder)
    made = harness.frames(graph, store, "subject", [(0, 3)])
    clean = harness.frames(graph, store, "decoded", [(0, 1)])
    noise = made - clean
    assert np.abs(noise[0] - noise[1]).mean() > 0.02
    np.testing.assert_allclose(noise[0, 0], noise[0, 1], atol=2e-3)  # the decoder's frames are rounded to float16


def test_a_dissolve_happens_in_light(studio: Any, store: Any) -> None:
    graph = harness.load(harness.around("Mix", studio.model, amount=0.25), studio.folder)
    made = harness.frames(graph, store, "subject", [(0, 1)])
    ends = [
        harness.frames(
            harness.load(harness.around("Mix", studio.model, amount=amount), studio.folder), store, "subject", [(0, 1)]
        )
        for amount in (0, 1)
    ]
    light = [shader.to_light(picture) for picture in (made, *ends)]
    np.testing.assert_allclose(light[0], 0.75 * light[1] + 0.25 * light[2], atol=1e-5)


@pytest.mark.parametrize(
    ("source", "target"), [(64, 64), (64, 128), (64, 200), (200, 64), (928, 320), (5, 64), (64, 2)]
)
def test_resampling_is_centred_and_flat(source: int, target: int) -> None:
    scale = source / target
    taps = Taps.make(source, target, scale)
    np.testing.assert_allclose(taps.weights.sum(axis=1), 1, atol=1e-6)
    assert taps.first.min() >= 0 and (taps.first + taps.weights.shape[1]).max() <= source
    ramp = np.arange(source, dtype=np.float64)
    made = np.array([weights @ ramp[first : first + len(weights)] for first, weights in zip(taps.first, taps.weights)])
    wanted = (np.arange(target) - (target - 1) / 2) * scale + (source - 1) / 2
    inside = (wanted > 2 * max(1, scale)) & (wanted < source - 1 - 2 * max(1, scale))
    np.testing.assert_allclose(made[inside], wanted[inside], atol=0.02 * max(1, scale))
    if source == target:
        np.testing.assert_allclose(made, ramp, atol=1e-6)


def test_dither_has_every_level_once() -> None:
    tile = dither_pattern(True, 64)
    assert len(np.unique(tile)) == 4096 and abs(tile.mean() - 0.5) < 1e-6
    assert dither_pattern(True, 100).shape == (64, 100)
