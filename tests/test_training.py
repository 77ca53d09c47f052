"""The training folder: pictures are reproducible, a step trains, an export computes what torch computes."""

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")

from training.compat import mend_torchvision  # noqa: E402

mend_torchvision()

L = pytest.importorskip("lightning")

from training import procedural  # noqa: E402
from training.anchors import ANCHORS  # noqa: E402
from training.dataset import Crops  # noqa: E402
from training.models import VAE, Config, divergence  # noqa: E402
from training.palettes import MOODS, OKLCH, palette  # noqa: E402

# torch's exporter and lightning warn about their own use of torch.
pytestmark = [pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("FutureWarning", "DeprecationWarning", "UserWarning")]

TINY = Config(decoder=(32, 16, 16, 16), encoder=(32, 16, 16, 16), blocks=1)


@pytest.mark.parametrize("style", procedural.STYLES)
def test_a_picture_is_the_same_bytes_twice(style):
    first, second = (procedural.render(style, seed=3, index=1, size=(96, 96)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != procedural.render(style, seed=3, index=2, size=(96, 96)).tobytes()


@pytest.mark.parametrize("size", [(96, 96), (90, 160)])
@pytest.mark.parametrize("style", procedural.STYLES)
def test_every_composition_renders(style, size):
    for piece in procedural.STYLES[style]:
        picture = procedural.render(style, seed=0, index=0, size=size, composition=piece.__name__)
        assert picture.shape == (*size, 3) and picture.dtype == np.float32
        assert np.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 1
        assert picture.std() > 0.01, f"{piece.__name__} is empty"


@pytest.mark.parametrize("style", ["abstract", "noise", "color-field", "organic"])
def test_a_larger_picture_is_the_same_picture(style):
    small = procedural.render(style, seed=5, index=4, size=(64, 64))
    large = procedural.render(style, seed=5, index=4, size=(256, 256)).reshape(64, 4, 64, 4, 3).mean((1, 3))
    assert np.abs(small - large).mean() < 0.03


def test_an_unknown_style_is_named():
    with pytest.raises(ValueError, match="unknown style 'baroque'; the styles are abstract"):
        procedural.render("baroque", 0, 0)


def test_palettes_run_from_dark_to_light_inside_the_gamut():
    assert sorted(name for names in MOODS.values() for name in names) == sorted(OKLCH)
    for name in OKLCH:
        table = palette(name).table
        light = table @ np.array([0.2126, 0.7152, 0.0722], np.float32)
        assert table.min() >= 0 and table.max() <= 1
        assert light[0] < 0.02 < 0.5 < light[-1] and (np.diff(light) > -1e-3).all(), name


def test_anchors_name_what_exists():
    for style, composition, colours, _ in ANCHORS.values():
        assert composition in {piece.__name__ for piece in procedural.STYLES[style]} and colours in OKLCH


def test_divergence_is_zero_for_the_prior_and_counts_per_image_value():
    mean, log_variance, frames = torch.zeros(2, 8, 1, 1), torch.zeros(2, 8, 1, 1), torch.zeros(2, 3, 32, 32)
    assert divergence(mean, log_variance, frames) == 0
    assert torch.isclose(divergence(mean + 1, log_variance, frames), torch.tensor(0.5 * 8 / (3 * 32 * 32)))


def test_a_few_steps_train(tmp_path):
    from training.train_vae import Clock, Training, average_of

    torch.manual_seed(0)
    pictures = [np.stack([np.rint(255 * procedural.render(style, 1, 0, (64, 64))).astype(np.uint8)]) for style in procedural.STYLES]
    module = Training(TINY)
    trainer = L.Trainer(
        accelerator="cpu", max_steps=12, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, callbacks=[Clock(60, warmup=1)],
    )  # fmt: skip
    frames = next(iter(Crops(pictures, [(64, 8, 1.0)])))
    assert frames.shape == (8, 3, 64, 64) and frames.dtype == torch.float32
    before = module.loss(frames)[0].item()
    trainer.fit(module, torch.utils.data.DataLoader([frames] * 12, batch_size=None))
    assert module.loss(frames)[0].item() < before
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    model, facts = average_of(tmp_path / "last.ckpt")
    assert facts["steps"] == 12 and model.config == TINY


def test_an_export_computes_what_torch_computes(tmp_path):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    from training.export_onnx import Generator, to_half, to_onnx

    torch.manual_seed(0)
    model = VAE(TINY).eval()
    generator = Generator(model.decoder, torch.full((1, 8, 1, 1), 0.1), torch.full((1, 8, 1, 1), 1.5)).eval()
    to_onnx(generator, tmp_path / "decoder.onnx", "decoder", torch.randn(2, 8, 5, 6), {})
    to_half(tmp_path / "decoder.onnx", tmp_path / "half.onnx")
    for name, tolerance in (("decoder.onnx", 1e-3), ("half.onnx", 2e-2)):
        session = onnxruntime.InferenceSession(str(tmp_path / name), providers=["CPUExecutionProvider"])
        assert session.get_modelmeta().custom_metadata_map["n2s.kind"] == "decoder"
        for shape in ((1, 8, 2, 3), (3, 8, 4, 7)):
            latents = torch.randn(shape)
            with torch.no_grad():
                wanted = generator(latents).numpy()
            got = session.run(["frames"], {"latents": latents.numpy()})[0]
            assert got.shape == (shape[0], 3, 32 * shape[2], 32 * shape[3]) and got.dtype == np.float32
            assert np.abs(got - wanted).max() < tolerance
