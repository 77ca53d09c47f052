"""Grading nodes against their formulas in float64."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest

from n2s import Graph
from n2s.graph.node import DeclarationError
from n2s.nodes import (
    AudioSource,
    Curves,
    DigestSink,
    Duotone,
    Fade,
    Filmic,
    Hue,
    ImageSource,
    Invert,
    LiftGammaGain,
    Posterise,
)  # fmt: skip
from n2s.nodes.curves import monotone
from n2s.nodes.oklab import from_oklab, to_oklab

LUMA = np.array([0.2126, 0.7152, 0.0722])


def graded(node: Any, studio: Any, store: Any) -> tuple[np.ndarray, np.ndarray]:
    """Return a picture before and after a node, float64 (3, H, W)."""
    made = node(ImageSource(path="picture.png")(name="picture"), name="graded")
    sink = DigestSink(path="frames.txt")(made, AudioSource(path="music.wav")())
    graph = Graph(sink, fps=30, size=(96, 64), base=studio.folder)
    return tuple(harness.frames(graph, store, name, [(0, 1)])[0].astype(float) for name in ("picture", "graded"))


def blend(a: np.ndarray, b: np.ndarray, amount: Any) -> np.ndarray:
    light = a * abs(a) + (b * abs(b) - a * abs(a)) * amount
    return np.sign(light) * np.sqrt(abs(light))


@pytest.mark.parametrize(
    ("lift", "gamma", "gain"), [(0.1, 1, 0.9), (-0.1, 1, 1.2), (-0.5, 1, 1), (0.05, 2.2, 1), (0, 0.6, 1.4)]
)
def test_lift_gamma_gain(lift: float, gamma: float, gain: float, studio: Any, store: Any) -> None:
    x, made = graded(LiftGammaGain(lift=lift, gamma=gamma, gain=gain), studio, store)
    wanted = np.maximum(gain * (x + lift * (1 - x)), 0) ** (1 / gamma)
    np.testing.assert_allclose(made, wanted, atol=1e-4)  # numbers are read to 2**-16


def test_curves(studio: Any, store: Any) -> None:
    points, red = [[0, 0.05], [0.3, 0.2], [0.7, 0.9], [1, 1]], [[0, 1], [1, 0]]
    x, made = graded(Curves(points=points, red=red, strength=0.8), studio, store)
    places, values = np.array(points).T
    wanted = np.stack([1 - np.clip(x[0], 0, 1), monotone(places, values, x[1]), monotone(places, values, x[2])])
    np.testing.assert_allclose(made, x + (wanted - x) * 0.8, atol=2e-5)


def test_monotone_curves_pass_their_points_and_never_overshoot() -> None:
    rng = np.random.default_rng(5)
    for _ in range(50):
        places = np.r_[0, np.sort(rng.random(5)), 1]
        values = rng.random(7)
        np.testing.assert_allclose(monotone(places, values, places), values, atol=1e-12)
        for i in range(6):
            inside = monotone(places, values, np.linspace(places[i], places[i + 1], 50))
            low, high = sorted(values[i : i + 2])
            assert inside.min() >= low - 1e-12 and inside.max() <= high + 1e-12
    np.testing.assert_allclose(
        monotone(np.array([0, 0.4, 1]), np.array([0, 0.4, 1]), np.array([-1, 0.7, 2])), [0, 0.7, 1]
    )


@pytest.mark.parametrize(
    "points", [[[0, 0]], [[0, 0], [1, 2]], [[0.1, 0], [1, 1]], [[0, 0], [0.5, 1], [0.5, 0], [1, 1]]]
)
def test_curves_that_are_none(points: Any) -> None:
    with pytest.raises(DeclarationError, match="Curves.points"):
        Curves(points=points)


def rolled(light: np.ndarray, contrast: float) -> np.ndarray:
    t = np.clip((np.log2(np.maximum(light, 1e-38) / 0.18) + 8) / 12, 1e-6, 1 - 1e-6)
    k = (2 / 3 / (1 / 3)) ** contrast * (1 - 0.18) / 0.18
    return t**contrast / (t**contrast + k * (1 - t) ** contrast)


@pytest.mark.parametrize(("exposure", "contrast", "bleach"), [(0, 1.5, 0), (2, 1.5, 0.5), (-1, 2.5, 1)])
def test_filmic(exposure: float, contrast: float, bleach: float, studio: Any, store: Any) -> None:
    x, made = graded(Filmic(exposure=exposure, contrast=contrast, bleach=bleach, strength=0.7), studio, store)
    light = np.maximum(x * abs(x), 0) * 2**exposure
    most = light.max(axis=0)
    light = light + (most - light) * bleach * most / (most + 1)
    np.testing.assert_allclose(made, x + (np.sqrt(rolled(light, contrast)) - x) * 0.7, atol=2e-5)


def test_filmic_keeps_grey_and_never_clips() -> None:
    light = np.array([0.18, 0, 1e-4, 1, 4, 100.0])
    for contrast in (0.5, 1.0, 1.5, 3.0):
        made = rolled(light, contrast)
        assert made[0] == pytest.approx(0.18) and (np.diff(made[[1, 2, 0, 3, 4]]) >= 0).all() and made.max() <= 1


@pytest.mark.parametrize("contrast", [0.5, 1, 2.2, 4])
def test_filmic_leaves_black_black_and_what_is_brightest_white(contrast: float) -> None:
    """Also by a low contrast, which is steepest at both ends: of black, less is left than any format could tell."""
    zero, one = np.zeros(1, np.float32), np.ones(1, np.float32)
    numbers = Filmic().prepare(exposure=zero, contrast=contrast * one, bleach=zero, strength=one)
    numbers = {name: np.float32(value[0]) for name, value in numbers.items()}
    black, grey, bright = (
        Filmic.pixel((x, x, x), None, **numbers)[0] for x in np.sqrt([0, 0.18, 3]).astype(np.float32)
    )
    assert 0 <= black < 1e-6 and bright == 1 and grey**2 == pytest.approx(0.18, rel=1e-4)


@pytest.mark.parametrize(
    ("turn", "saturation", "vibrance"), [(0, 0, 0), (90, 1, 0), (-35, 0.6, 0.5), (720, 1.0, 0.001)]
)
def test_hue(turn: float, saturation: float, vibrance: float, studio: Any, store: Any) -> None:
    x, made = graded(Hue(turn=turn, saturation=saturation, vibrance=vibrance), studio, store)
    lab = to_oklab(np.moveaxis(np.maximum(x, 0), 0, -1))
    chroma = np.hypot(lab[..., 1], lab[..., 2])
    angle = np.deg2rad(turn)
    stronger = saturation * (1 + vibrance * (1 - chroma / (chroma + 0.1)))
    a = (lab[..., 1] * np.cos(angle) - lab[..., 2] * np.sin(angle)) * stronger
    b = (lab[..., 1] * np.sin(angle) + lab[..., 2] * np.cos(angle)) * stronger
    moved = np.stack([lab[..., 0], a, b], axis=-1)
    wanted = np.moveaxis(from_oklab(moved), -1, 0)
    inside = ((wanted > 0.002) & (wanted < 0.998)).all(axis=0)
    assert inside.mean() > 0.3
    np.testing.assert_allclose(made[:, inside], wanted[:, inside], atol=2e-4)
    assert made.min() > -1e-6 and made.max() < 1 + 1e-5
    lightness = to_oklab(np.moveaxis(np.clip(made, 0, 1), 0, -1))[..., 0]
    np.testing.assert_allclose(lightness, np.minimum(lab[..., 0], 1), atol=0.06)


def test_strong_colours_are_drawn_to_grey_and_not_clipped(studio: Any, store: Any) -> None:
    """A saturation of 4 keeps the hue of what it can no longer hold."""
    x, made = graded(Hue(saturation=4), studio, store)
    before, after = (to_oklab(np.moveaxis(np.clip(picture, 0, 1), 0, -1)) for picture in (x, made))
    strong = np.hypot(before[..., 1], before[..., 2]) > 0.05
    turned = np.arctan2(after[..., 2], after[..., 1]) - np.arctan2(before[..., 2], before[..., 1])
    assert np.median(np.abs(np.angle(np.exp(1j * turned[strong])))) < 0.1


def test_duotone_invert_posterise_and_fade(studio: Any, store: Any) -> None:
    x, made = graded(Duotone(dark="#102040", bright="#ffe0a0", strength=0.6), studio, store)
    dark, bright = (np.array([int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]) for text in ("#102040", "#ffe0a0"))
    grey = np.clip(np.tensordot(LUMA, x, 1), 0, 1)
    np.testing.assert_allclose(made, blend(x, blend(dark[:, None, None], bright[:, None, None], grey), 0.6), atol=2e-5)
    x, made = graded(Invert(amount=0.8), studio, store)
    np.testing.assert_allclose(made, x + (1 - 2 * x) * 0.8, atol=2e-5)
    x, made = graded(Posterise(levels=4, strength=0.5), studio, store)
    np.testing.assert_allclose(made, x + (np.floor(x * 3 + 0.5) / 3 - x) * 0.5, atol=1e-6)
    x, made = graded(Fade(amount=0.7, colour="#204060"), studio, store)
    to = np.array([0x20, 0x40, 0x60])[:, None, None] / 255
    np.testing.assert_allclose(made, blend(x, to, 0.7), atol=2e-5)
    assert not graded(Fade(amount=1), studio, store)[1].any(), "a faded picture is black"
