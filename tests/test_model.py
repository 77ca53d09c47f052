"""The model that is shipped: its files are those of its card, its golden latents give its golden frames."""

from __future__ import annotations

import hashlib
from typing import Any

import numpy as np
import pytest

from n2s.runtime.machine import installed, instructions
from n2s.runtime.models import ModelFolder, shipped_folder


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
    assert len(model.card["anchors"]) >= 12
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
    same = wanted["instructions"] == "avx512_vnni" and {"avx512f", "avx512_vnni"} <= set(instructions().split("+"))
    if same and golden["onnxruntime"] == installed("onnxruntime"):
        assert hashlib.sha256(frames.astype("<f2").tobytes()).hexdigest() == wanted["sha256"]


def test_precisions_agree(model: ModelFolder) -> None:
    latents = np.random.default_rng(4).normal(size=(1, 8, 4, 6)).astype(np.float32)
    int8, fp16 = (model.decoder(precision, "cpu", 1).decode(latents) for precision in ("int8", "fp16"))
    assert -10 * np.log10(np.mean((int8 - fp16) ** 2)) > 30


def test_frames_do_not_depend_on_the_batch(model: ModelFolder) -> None:
    latents = np.random.default_rng(5).normal(size=(5, 8, 2, 3)).astype(np.float32)
    made = [model.decoder("int8", "cpu", batch).decode(latents).tobytes() for batch in (1, 2, 3, 5)]
    assert len(set(made)) == 1
