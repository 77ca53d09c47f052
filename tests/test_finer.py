"""Training for size: finer stages of a decoder, and the net that enlarges frames."""

from __future__ import annotations

import copy
import json
from typing import Any

import numpy as np
import pytest

torch = pytest.importorskip("torch")

from tiny_vae import QUIET, large_pictures, lively  # noqa: E402
from torch.nn import functional as F  # noqa: E402

from n2s.nodes.upscale import double_by_lanczos  # noqa: E402
from training import card, dataset, metrics, report  # noqa: E402
from training.blend import blend  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.export_onnx import to_half  # noqa: E402
from training.models import double_size  # noqa: E402
from training.norms import is_folded, remove_norms  # noqa: E402
from training.teaching import Training  # noqa: E402
from training.upscale import InFours, Upscaler, from_model, pairs, to_onnx, train  # noqa: E402

pytestmark = QUIET


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return large_pictures(tmp_path_factory.mktemp("large"), 3, (256, 256))


def folded():
    model = lively()
    remove_norms(model.decoder)
    return model


def test_a_finer_stage_begins_with_the_frames_stretched():
    """Its frames are those of before, whose last doubling is done twice."""
    model = folded()
    finer = model.with_finer(24).eval()
    assert (model.config.detail, finer.config.detail, finer.config.scale) == (1, 2, 64)
    assert is_folded(finer.decoder) and len(finer.decoder.finer) == 1
    latents = torch.randn(2, 8, 3, 4)
    with torch.no_grad():
        small, large = model.decoder(latents), finer.decoder(latents)
        assert large.shape == (2, 3, 192, 256)
        torch.testing.assert_close(large, double_size(small), atol=1e-5, rtol=0)
        again = finer.with_finer(16).eval()
        assert again.config.detail == 4 and again.decoder(latents).shape == (2, 3, 384, 512)


def test_the_encoder_sees_pictures_shrunk():
    finer = folded().with_finer(24).eval()
    frames = torch.rand(1, 3, 128, 192)
    with torch.no_grad():
        torch.testing.assert_close(finer.encode(frames)[0], finer.encoder(F.avg_pool2d(frames, 2))[0])


@pytest.mark.parametrize("body", [0.0, 0.5])
def test_training_leaves_what_it_should(body, data):
    """The encoder stays, so that latents keep their meaning; with a body of 0 all that was trained before stays."""
    torch.manual_seed(0)
    module = Training(model=folded().with_finer(24), body=body)
    before = {name: value.clone() for name, value in module.model.state_dict().items()}
    optimizer = module.configure_optimizers()
    crops = iter(dataset.Crops(data, [(256, 2, 1.0)], cell=64))
    for _ in range(3):
        total, parts = module.loss(next(crops))
        assert parts["kl"] == 0
        optimizer.zero_grad()
        total.backward()
        optimizer.step()
    changed = {name for name, value in module.model.state_dict().items() if not torch.equal(value, before[name])}
    assert any(name.startswith("decoder.finer") for name in changed)
    assert not any(name.startswith("encoder") for name in changed)
    assert any(name.startswith("decoder.body") for name in changed) == bool(body)


def test_crops_hold_whole_cells(data):
    assert dataset.Crops(data, cell=64).edge == 256
    with pytest.raises(TrainingError, match=r"256x256 are too small; at least 512x512"):
        dataset.Crops(data, cell=512)


def test_a_stretched_frame_is_what_catmull_rom_gives():
    """Between samples 0, 1, 0, 0 a quarter on from the 1: (1 - 2.5 t² + 1.5 t³) at t = 1/4."""
    frame = np.zeros((3, 8, 8), np.float32)
    frame[:, :, 4] = 1
    made = report.stretch(frame, 2)
    assert made.shape == (3, 16, 16)
    assert made[0, 8, 8] == pytest.approx(1 - 2.5 / 16 + 1.5 / 64, abs=1e-6)


def test_sharpness_compares_slopes():
    picture = torch.zeros(3, 16, 16)
    picture[:, :, 8:] = 1
    half = 0.5 * picture
    found = metrics.compare([("a", picture, half), ("b", picture, picture)], None)
    assert found["a"]["sharpness"] == 0.5 and found["b"]["sharpness"] == 1 and found["all"]["sharpness"] == 0.75


def test_the_net_begins_as_lanczos():
    net = Upscaler(8, 1).eval()
    frames = torch.rand(2, 3, 20, 28)
    with torch.no_grad():
        made = net(frames)
    np.testing.assert_allclose(made.numpy(), double_by_lanczos(frames.numpy()), atol=2e-6)


def test_the_net_adds_the_same_to_all_colours():
    torch.manual_seed(1)
    net = Upscaler(8, 1).eval()
    torch.nn.init.normal_(net.last.weight, 0, 0.05)
    frames = torch.rand(1, 3, 20, 28)
    with torch.no_grad():
        added = net(frames) - net.enlarge(frames)
    assert added.abs().max() > 1e-3
    torch.testing.assert_close(added[:, 0], added[:, 1])
    torch.testing.assert_close(added[:, 0], added[:, 2])


def test_the_file_computes_the_same_in_squares_of_pixels():
    torch.manual_seed(4)
    net = Upscaler(8, 2).eval()
    torch.nn.init.normal_(net.last.weight, 0, 0.05)
    torch.nn.init.normal_(net.last.bias, 0, 0.05)
    frames = torch.rand(2, 3, 18, 22)
    with torch.no_grad():
        torch.testing.assert_close(InFours(net)(frames), net(frames), rtol=0, atol=1e-6)


def test_training_of_the_net_goes_on_from_a_model(tmp_path):
    torch.manual_seed(4)
    net = Upscaler(8, 2).eval()
    for parameter in net.parameters():  # the exporter makes one of several that are alike, as biases begin
        torch.nn.init.normal_(parameter, 0, 0.05)
    to_onnx(net, tmp_path / "net.onnx", "CC0-1.0")
    to_half(tmp_path / "net.onnx", tmp_path / "upscale.fp16.onnx")
    with pytest.raises(TrainingError, match="holds no net of Upscale that training can start from"):
        from_model(tmp_path)
    (tmp_path / "meta.json").write_text(json.dumps({"upscale": {"config": net.config}}))
    for name, weight in from_model(tmp_path).state_dict().items():
        torch.testing.assert_close(weight, net.state_dict()[name].half().float(), rtol=0, atol=0)


def test_pairs_are_pictures_and_their_halves(data):
    found = pairs(dataset.Crops(data, [(64, 3, 1.0)]))
    for edge in (64, 32, 16, 64):
        small, whole = next(found)
        assert whole.shape == (3, 3, edge, edge)
        torch.testing.assert_close(small, F.avg_pool2d(whole, 2))


def test_training_the_net_brings_it_nearer(data):
    torch.manual_seed(0)
    net = Upscaler(8, 1)
    small, whole = next(pairs(dataset.Crops(data, [(128, 8, 1.0)], seed=7)))

    def error() -> float:
        with torch.no_grad():
            return float((net(small) - whole).abs().mean())

    before = error()
    record = train(net, dataset.Crops(data, [(64, 8, 1.0)], seed=2), minutes=10, most=200)
    assert record["steps"] == 200
    assert error() < 0.99 * before


def test_a_card_keeps_what_still_holds() -> None:
    """Finer decoders know the encoder's latents, a sketch one decoder, and what enlarges frames neither."""
    names = ("encoder.fp16", "decoder.fp16", "decoder.int8", "decoder.x2.fp16", "sketch.fp16", "upscale.fp16")
    files = {f"{name}.onnx": {"sha256": name} for name in names}
    entries: dict[str, Any] = {"details": {"x2": {}}, "upscale": {"scale": 2}, "sketch": {"of": "decoder.fp16"}}
    before = {"files": files, **entries}

    def kept(**changed: str) -> tuple[list[str], set[str]]:
        now = {name: {"sha256": changed.get(name.split(".")[0], about["sha256"])} for name, about in files.items()}
        found = card.what_holds(before, now)
        assert all(found[name] == entries[name] for name in found)
        return list(found), files.keys() - now.keys()

    assert kept() == (["details", "upscale", "sketch"], set())
    assert kept(encoder="another") == (["upscale", "sketch"], {"decoder.x2.fp16.onnx"})
    assert kept(decoder="another") == (["details", "upscale"], {"sketch.fp16.onnx"})
    assert card.what_holds({}, dict(files)) == {}


def test_a_licence_that_somebody_wrote_into_a_card_stays(tmp_path, monkeypatch) -> None:
    """Whatever is written anew: all of the card, or an entry of it."""
    for name in ("encoder", "decoder"):
        (tmp_path / f"{name}.fp16.onnx").write_bytes(b"a net, which nobody opens here")
    np.savez(tmp_path / "anchors.npz", mine=np.zeros((8, 1, 1)))
    monkeypatch.setattr(card, "_decoders", lambda models, stem: {})
    statistics = {name: [0.0] * 8 for name in card.LATENT}
    record = {
        "config": lively().config.asdict(),
        "steps": 3,
        "elapsed": 60,
        "beta": 3,
        "share": 0.3,
        "distance": "none",
    }
    facts = {**statistics, **record, "pictures": 9, "licences": ["CC-BY-4.0"], "sources": ["pictures"], "data": "aa"}
    found = {"pictures": 1, "distance": "none", "to_pictures": {}, "lattice": {}, "to_reference": {}}
    assert card.write(tmp_path, facts, found)["licence"] == "none chosen yet; the pictures: CC-BY-4.0"
    for licence in ("CC-BY-SA-4.0", "CC0-1.0"):
        about = json.loads((tmp_path / "meta.json").read_text())
        (tmp_path / "meta.json").write_text(json.dumps(about | {"licence": licence}))
        assert card.write(tmp_path, facts, found)["licence"] == licence
        card.add(tmp_path, "upscale", {"data": {"licence": "CC-BY-4.0"}})
        assert json.loads((tmp_path / "meta.json").read_text())["licence"] == licence


def test_a_blend_lies_between_both(tmp_path):
    torch.manual_seed(7)
    start = lively()
    trained = copy.deepcopy(start)
    with torch.no_grad():
        trained.decoder.out.weight.add_(1)
    made = blend(copy.deepcopy(trained), start, 0.25)
    torch.testing.assert_close(made.decoder.out.weight, start.decoder.out.weight + 0.25)
    for name, weight in made.encoder.state_dict().items():
        assert torch.equal(weight, start.encoder.state_dict()[name])
    with pytest.raises(TrainingError, match="different architectures"):
        blend(trained, start.with_finer(8), 0.5)
