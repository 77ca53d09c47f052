"""Filtering with CLIP: a tiny one with random weights."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from picture_sets import add, fails, flat, outputs, painted, two_of_each_style, white_noise
from PIL import Image

from training import data_card, filter, manifest
from training.compat import mend_torchvision
from training.scores import Clip

TINY = {
    "embed_dim": 16,
    "vision_cfg": {"image_size": 32, "layers": 1, "width": 64, "patch_size": 16},
    "text_cfg": {"context_length": 77, "vocab_size": 49408, "width": 32, "heads": 2, "layers": 1},
}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return two_of_each_style(tmp_path / "data")


@pytest.fixture(scope="module")
def clip_weights(tmp_path_factory) -> Path:
    """A folder as open_clip writes it: a tiny CLIP with random weights."""
    mend_torchvision()
    import open_clip
    import torch

    torch.manual_seed(0)
    folder = tmp_path_factory.mktemp("clip")
    torch.save(open_clip.CLIP(**json.loads(json.dumps(TINY))).state_dict(), folder / "open_clip_pytorch_model.bin")
    (folder / "open_clip_config.json").write_text(json.dumps({"model_cfg": TINY, "preprocess_cfg": {}}))
    (folder / "tiny-test.json").write_text(json.dumps(TINY))
    open_clip.add_model_config(folder / "tiny-test.json")
    return folder


def test_clip_scores_from_a_folder_and_from_a_file(clip_weights):
    pictures = [painted("noise", 0), painted("abstract", 1), flat(9, 9, 9)]
    clip = Clip(str(clip_weights))
    scores = clip.scores(pictures)
    assert scores == Clip(str(clip_weights / "open_clip_pytorch_model.bin"), "tiny-test").scores(pictures)
    for s, picture in zip(scores, pictures, strict=True):
        assert 0 < s.text < 1 and 0 < s.face < 1 and s.text + s.face < 1 and 0 < s.aesthetic < 1
        alone = clip.scores([picture])[0]
        assert [alone.text, alone.face, alone.aesthetic] == pytest.approx([s.text, s.face, s.aesthetic], abs=1e-5)
    assert len({s.text for s in scores}) == 3


def test_scores_are_shares_of_a_softmax(clip_weights):
    """The scores again, from the embeddings, by the formula."""
    import torch

    from training import scores as module

    clip = Clip(str(clip_weights))
    picture = painted("organic", 0)
    with torch.inference_mode():
        seen = clip.model.encode_image(clip.prepare(Image.fromarray(picture))[None], normalize=True)[0].double().numpy()
    weights = np.exp(clip.model.logit_scale.exp().item() * clip.content.double().numpy() @ seen)
    groups = np.split(weights / weights.sum(), [len(module.ART), len(module.ART) + len(module.TEXT)])
    found = clip.scores([picture])[0]
    assert [found.text, found.face] == pytest.approx([groups[1].sum(), groups[2].sum()], abs=1e-5)


def test_an_aesthetic_head_is_linear_in_the_embedding(clip_weights, tmp_path):
    import torch

    pictures = [painted("noise", 0), painted("glitch", 0)]
    rng = np.random.default_rng(0)
    first, second = rng.normal(size=(4, 16)), rng.normal(size=(1, 4))
    np.savez(tmp_path / "one.npz", weight=(second @ first)[0], bias=2.0)
    stack = {"layers.0.weight": first, "layers.0.bias": np.zeros(4)}
    stack |= {"layers.10.weight": second, "layers.10.bias": [2.0]}
    torch.save({name: torch.tensor(value) for name, value in stack.items()}, tmp_path / "two.pth")
    one = Clip(str(clip_weights), aesthetic=tmp_path / "one.npz").scores(pictures)
    two = Clip(str(clip_weights), aesthetic=tmp_path / "two.pth").scores(pictures)
    assert [s.aesthetic for s in one] == pytest.approx([s.aesthetic for s in two], abs=1e-6)
    assert one[0].aesthetic != one[1].aesthetic


def test_filtering_with_clip(data, clip_weights, capsys):
    manifest.write(data, [*manifest.read(data), add(data, "noise", 2, white_noise())])
    options = [str(data), "--clip", str(clip_weights), "--max-text", "1", "--max-face", "1"]
    filter.main(options)
    first = outputs(data)
    rows = manifest.read(data)
    assert all(0 < float(row.aesthetic) < 1 and 0 < float(row.text) < 1 and 0 < float(row.face) < 1 for row in rows)
    assert sum(row.accepted == "yes" for row in rows) == 10
    filter.main(options)
    assert outputs(data) == first
    assert "aesthetic" in json.loads((data / data_card.JSON).read_text())["styles"]["noise"]["quantiles"]

    filter.main([str(data), "--clip", str(clip_weights), "--max-text", "0"])
    assert data_card.card(manifest.read(data))["rejected"] == {"text": 10, "noise": 1}
    filter.main([str(data)])
    assert {row.text for row in manifest.read(data)} == {""}


def test_missing_weights_are_told(data, clip_weights, tmp_path, capsys):
    mend_torchvision()
    assert "neither a file or folder nor the name" in fails([str(data), "--clip", "nowhere.pt"], capsys)
    assert "knows no model 'ViT-X'" in fails([str(data), "--clip", "nowhere.pt", "--clip-model", "ViT-X"], capsys)
    assert "no CLIP model could be loaded" in fails([str(data), "--clip", str(tmp_path)], capsys)
    (tmp_path / "bad.pt").write_bytes(b"nothing")
    options = [str(data), "--clip", str(tmp_path / "bad.pt"), "--clip-model", "tiny-test"]
    assert "no CLIP model could be loaded" in fails(options, capsys)
    options = [str(data), "--clip", str(clip_weights), "--aesthetic"]
    assert "there is no file" in fails([*options, str(tmp_path / "head.npz")], capsys)
    np.savez(tmp_path / "head.npz", weight=np.zeros((1, 7)), bias=np.zeros(1))
    assert "does not fit" in fails([*options, str(tmp_path / "head.npz")], capsys)
    np.savez(tmp_path / "head.npz", other=1)
    assert "does not fit" in fails([*options, str(tmp_path / "head.npz")], capsys)
    (tmp_path / "head.pth").write_bytes(b"nothing")
    assert "no linear layers" in fails([*options, str(tmp_path / "head.pth")], capsys)
    assert set(outputs(data)) == {manifest.NAME}
