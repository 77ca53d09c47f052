"""The model that is shipped: its files are those of its card, its golden latents give its golden frames."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s.nodes.latents import gram_matrix, spherical_factors
from n2s.plan.film import towards
from n2s.runtime.machine import installed, instructions
from n2s.runtime.models.cards import shipped_folder
from n2s.runtime.models.folder import ModelFolder
from n2s.runtime.render.frames import FrameMaker

LATTICE = 0.13  # deviation over mean of the slopes within a cell; few pictures have some of themselves
STYLES = ("abstract", "glitch", "color-field", "noise", "organic")


@pytest.fixture
def model(store: Any) -> ModelFolder:
    return ModelFolder(shipped_folder(), store)


def test_every_file_is_the_one_the_card_describes(model: ModelFolder) -> None:
    for name, about in model.card["files"].items():
        path, digest = model.checked(name)
        assert digest == about["sha256"] and path.stat().st_size == about["bytes"] < 16e6
    assert sum(path.stat().st_size for path in model.folder.iterdir()) < 40e6
    assert model.channels == 8 and model.scale == 32 and model.card["licence"] == "CC0-1.0"


def test_anchors_have_about_unit_variance(model: ModelFolder) -> None:
    assert len(model.card["anchors"]) >= 30
    for name in model.card["anchors"]:
        anchor = model.anchor(name)
        assert anchor.shape == (8, 16, 32) and 0.6 < anchor.std() < 1.5


@pytest.mark.parametrize("precision", ["int8", "fp16"])
def test_golden_latents_give_golden_frames(precision: str, model: ModelFolder) -> None:
    golden = model.card["golden"]
    latents = np.array(golden["latents"], np.float32)
    frames = model.decoder(precision, "cpu", 2).decode(latents)
    assert frames.shape == (*latents.shape[:1], 3, 32 * latents.shape[2], 32 * latents.shape[3])
    wanted = golden["frames"][precision]
    np.testing.assert_allclose(frames.mean(axis=(0, 2, 3)), wanted["mean"], atol=2e-3)
    have = set(instructions().split("+"))
    ours = next(
        (name for name in ("avx512_vnni", "avx512f", "avx_vnni", "avx2", "asimddp", "asimd") if name in have),
        "baseline",
    )
    if ours == wanted["instructions"] and golden["onnxruntime"] == installed("onnxruntime"):
        assert hashlib.sha256(frames.astype("<f2").tobytes()).hexdigest() == wanted["sha256"]


def test_precisions_agree(model: ModelFolder) -> None:
    latents = np.random.default_rng(4).normal(size=(1, 8, 4, 6)).astype(np.float32)
    int8, fp16 = (model.decoder(precision, "cpu", 1).decode(latents) for precision in ("int8", "fp16"))
    assert -10 * np.log10(np.mean((int8.clip(0, 1) - fp16.clip(0, 1)) ** 2)) > 35


def test_golden_frames_agree_as_the_card_says(model: ModelFolder) -> None:
    golden = model.card["golden"]
    latents = np.array(golden["latents"], np.float32)
    int8, fp16 = (model.decoder(precision, "cpu", 2).decode(latents).clip(0, 1) for precision in ("int8", "fp16"))
    found = -10 * np.log10(np.mean((int8 - fp16) ** 2, dtype=np.float64))
    assert found == pytest.approx(golden["agreement_psnr_db"]["fp16 to int8"], abs=1)
    assert golden["agreement_psnr_db"]["fp32 to int8"] > 35 and golden["agreement_psnr_db"]["fp16 to fp32"] > 50


def test_folding_and_quantising_cost_little(model: ModelFolder) -> None:
    found = model.card["metrics"]
    assert found["folded_to_norms"][found["distance"]] < 0.03
    of = {name: groups["all"]["psnr_db"] for name, groups in found["to_pictures"].items()}
    assert of["fp16"] - of["int8"] < 2 and set(found["to_pictures"]["int8"]) == {"all", *STYLES}


def test_every_style_has_six_anchors(model: ModelFolder) -> None:
    sources = [model.card["anchor_sources"][name] for name in model.card["anchors"]]
    for style in STYLES:
        assert sum(f", {style}:" in source for source in sources) >= 6, style


def test_channels_are_in_use_and_at_unit_scale(model: ModelFolder) -> None:
    latent = model.card["latent"]
    assert max(latent["noise"]) < 0.9, "a channel has collapsed"
    assert all(0.8 <= deviation <= 1.25 for deviation in latent["aggregate"])


def slopes(frame: np.ndarray, axis: int) -> np.ndarray:
    """The mean absolute step of luma between neighbours along an axis of (3, H, W), for each place along it."""
    luma = np.tensordot([0.2126, 0.7152, 0.0722], frame.clip(0, 1).astype(np.float64), (0, 0))
    return np.abs(np.diff(luma, axis=axis)).mean(1 - axis)


def liveliness(frame: np.ndarray) -> np.ndarray:
    """Contrast, colour and sharpness of a picture: what a grey mush lacks."""
    luma = np.tensordot([0.2126, 0.7152, 0.0722], frame.clip(0, 1).astype(np.float64), (0, 0))
    hue = np.stack([frame[0] - frame[1], 0.5 * (frame[0] + frame[1]) - frame[2]])
    return np.array([luma.std(), np.hypot(*hue.std((1, 2))), np.mean([slopes(frame, axis).mean() for axis in (0, 1)])])


def test_half_way_between_places_lie_pictures(model: ModelFolder) -> None:
    """Mixes of anchors of different styles are as sharp as anchors, with hardly more lattice than drawn pictures."""
    names = model.card["anchors"]
    decoder = model.decoder("int8", "cpu", 2)
    parts, total = [], [0.0, 0.0]
    for k in range(12):
        pair = np.stack([model.anchor(names[k]), model.anchor(names[(7 * k + 13) % len(names)])])
        factors = spherical_factors(np.array([0.5, 0.5]), gram_matrix(pair)).astype(np.float32)
        ends, middle = decoder.decode(pair), decoder.decode(np.tensordot(factors, pair, 1)[None])[0]
        parts.append(liveliness(middle) / np.sqrt(liveliness(ends[0]) * liveliness(ends[1])))
        for axis in (0, 1):
            steps = slopes(middle, axis)
            total[axis] = total[axis] + steps / steps.mean()
    assert (np.median(parts, axis=0) > 0.85).all() and np.min(parts) > 0.5
    for steps in total:
        cells = steps[: len(steps) // 32 * 32].reshape(-1, 32).mean(0)
        assert cells.std() / cells.mean() < LATTICE


def test_constant_latents_draw_no_checkerboard(model: ModelFolder) -> None:
    """Flat latents give flat frames, which show neither the latent grid nor that of the last pixel shuffle."""
    decoder = model.decoder("fp16", "cpu", 2)
    rng = np.random.default_rng(12)
    for values in (*np.eye(8), *-np.eye(8), *rng.normal(size=(8, 8))):
        latents = np.broadcast_to(values.astype(np.float32)[None, :, None, None], (1, 8, 9, 9))
        middle = decoder.decode(np.ascontiguousarray(latents))[0, :, 32 * 4 : 32 * 5, 32 * 4 : 32 * 5]
        assert middle.std(axis=(1, 2)).max() < 1 / 255


def test_a_part_of_a_large_picture_is_the_same_picture(model: ModelFolder) -> None:
    """No seams and no borders: far from them, a cell decodes alike in a grid of any size and shape."""
    latents = np.random.default_rng(9).normal(size=(1, 8, 24, 30)).astype(np.float32)
    decoder = model.decoder("fp16", "cpu", 1)
    large, part = decoder.decode(latents), decoder.decode(np.ascontiguousarray(latents[:, :, 2:23, 4:25]))
    middle = slice(32 * 10, 32 * 11)
    inner = large[:, :, 32 * 12 : 32 * 13, 32 * 14 : 32 * 15]
    np.testing.assert_allclose(part[:, :, middle, middle], inner, atol=2e-3)


def test_a_drift_that_nothing_drives_is_alive_and_calm(model: ModelFolder, tmp_path: Path, store: Any) -> None:
    tiny.write_wav(tmp_path / "music.wav", np.zeros(20 * 22050, np.float32), 22050)
    nodes = {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "one": {"node": "Weights", "signal": 0, "count": 1},
        "place": {"node": "Anchors", "weights": "one", "names": model.card["anchors"][:1]},
        "drift": {"node": "Wander", "latents": "place"},
        "film": {"node": "VAEDecode", "latents": "drift", "grid": [8, 8]},
        "out": {"node": "DigestSink", "frames": "film", "audio": "track", "path": "frames.txt"},
    }
    graph = harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [256, 256], "nodes": nodes}, tmp_path)
    before, moved = None, []
    maker = FrameMaker(towards(harness.plan(graph, store), "film"), store)
    means = []
    for start in range(0, 600, 4):
        for frame in maker.frames(start, start + 4).clip(0, 1):
            if before is not None:
                moved.append(float(np.abs(frame - before).mean()) * 255)
            means.append(frame.reshape(3, 8, 32, 8, 32).mean((2, 4)).ravel())
            before = frame
    assert 0.3 < np.mean(moved) < 4 and np.percentile(moved, 99) < 3 * np.median(moved)
    wave = np.array(means) - np.mean(means, axis=0)
    wave *= np.hanning(len(wave))[:, None]
    energy = (np.abs(np.fft.rfft(wave, axis=0)) ** 2).sum(1)
    hertz = np.fft.rfftfreq(len(wave), 1 / 30)
    assert energy[hertz > 5].sum() < 0.05 * energy.sum()


def test_frames_do_not_depend_on_the_batch(model: ModelFolder) -> None:
    latents = np.random.default_rng(5).normal(size=(5, 8, 2, 3)).astype(np.float32)
    made = [model.decoder("int8", "cpu", batch).decode(latents).tobytes() for batch in (1, 2, 3, 5)]
    assert len(set(made)) == 1
