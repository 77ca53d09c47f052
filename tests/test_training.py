"""The training folder: pictures are reproducible, a step trains, an export computes what torch computes."""

import csv
import hashlib
import io
import shutil
import signal
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

torch = pytest.importorskip("torch")
pytest.importorskip("scipy")
Image = pytest.importorskip("PIL.Image")

from training.compat import mend_torchvision  # noqa: E402

mend_torchvision()

L = pytest.importorskip("lightning")

from training import checkpoint, dataset, fold, manifest, procedural  # noqa: E402
from training.anchors import ANCHORS  # noqa: E402
from training.errors import TrainingError, guarded  # noqa: E402
from training.latents import inside, visited  # noqa: E402
from training.models import HIGH, LOW, VAE, Config, activation, rounded  # noqa: E402
from training.palettes import MOODS, OKLCH, palette  # noqa: E402
from training.train_vae import Clock, Training, resumed  # noqa: E402
from training.watch import Watch  # noqa: E402

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


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set of four pictures a style, 64 x 64."""
    folder = tmp_path_factory.mktemp("data")
    rows = []
    for style in manifest.STYLES:
        for index in range(4):
            pixels = np.rint(255 * procedural.render(style, 1, index, (64, 64))).astype(np.uint8)
            stream = io.BytesIO()
            Image.fromarray(pixels).save(stream, "PNG")
            row = manifest.Row(manifest.file_name(style, index), style, index, 1, "procedural", 64, 64, "CC0-1.0",
                               hashlib.sha256(stream.getvalue()).hexdigest())  # fmt: skip
            manifest.publish(folder / row.file, stream.getvalue())
            manifest.write_sidecar(folder, row, {"style": style})
            rows.append(row)
    manifest.write(folder, rows)
    return folder


@pytest.fixture
def copy(data, tmp_path):
    return shutil.copytree(data, tmp_path / "data", ignore=shutil.ignore_patterns(".pixels*"))


def test_pictures_are_those_of_the_files_and_some_are_held_out(data):
    pictures = dataset.load([data])
    assert len(pictures) == 20 and pictures.size == (64, 64) and pictures.licences == ["CC0-1.0"]
    for k in (0, 7, 19):
        row = manifest.read(data)[k]
        assert np.array_equal(pictures[k], np.asarray(Image.open(data / row.file)))
    held = pictures.some(held_out=True)
    assert sorted(pictures.styles[k] for k in held) == sorted(manifest.STYLES)
    assert not set(held) & set(pictures.some(held_out=False)) and len(pictures.some(held_out=False, most=5)) == 5


def test_crops_are_pieces_of_pictures_that_are_not_held_out(data):
    pictures = dataset.load([data])
    batch = next(iter(dataset.Crops(pictures, [(32, 6, 1.0)], seed=4)))
    assert batch.shape == (6, 3, 32, 32) and batch.dtype == torch.float32
    again = next(iter(dataset.Crops(pictures, [(32, 6, 1.0)], seed=4)))
    assert torch.equal(batch, again)
    known = [pictures[k] for k in pictures.some(held_out=False)]
    piece = np.rint(batch[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    places = [(p[:: sy, :: sx], y, x) for p in known for sy in (1, -1) for sx in (1, -1) for y in range(33) for x in range(33)]
    assert any(np.array_equal(p[y : y + 32, x : x + 32], piece) for p, y, x in places if p[y, x, 0] == piece[0, 0, 0])


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "manifest.csv").unlink(), "is no data set"),
        (lambda folder: (folder / "noise/noise-000001.png").unlink(), "in manifest.csv but not on disk"),
        (lambda folder: shutil.copy(folder / "noise/noise-000001.png", folder / "noise/noise-000099.png"), "without a row"),
        (lambda folder: (folder / "noise/noise-000001.png").write_bytes(b"\x89PNG broken"), "cannot be read"),
        (lambda folder: Image.new("RGB", (32, 64)).save(folder / "noise/noise-000001.png"), "is 32x64, its row"),
        (lambda folder: edit(folder, lambda rows: rows.clear()), "without a row"),
        (lambda folder: edit(folder, lambda rows: [setattr(row, "accepted", "no") for row in rows]), "all were rejected"),
        (lambda folder: edit(folder, lambda rows: setattr(rows[3], "width", 128)), "mixes sizes"),
        (lambda folder: (folder / "manifest.csv").write_text("file,style\n"), "lacks the columns"),
        (lambda folder: edit_text(folder, lambda text: text.replace(",64,64,", ",x,64,", 1)), "line 2"),
    ],
)
def test_a_damaged_data_set_is_refused_with_the_way_out(copy, harm, words):
    harm(copy)
    with pytest.raises(TrainingError, match=words):
        dataset.load([copy])


def edit(folder, change):
    rows = manifest.read(folder)
    change(rows)
    manifest.write(folder, rows)


def edit_text(folder, change):
    path = folder / "manifest.csv"
    path.write_text(change(path.read_text()))


def test_an_empty_folder_is_refused(tmp_path):
    with pytest.raises(TrainingError, match="is no data set"):
        dataset.load([tmp_path])


def test_the_linear_start_is_a_codec():
    torch.manual_seed(0)
    rng = np.random.default_rng(1)
    frames = torch.from_numpy(np.stack([procedural.render(style, 1, k, (256, 256)) for style in procedural.STYLES for k in range(2)]))
    frames = frames.permute(0, 3, 1, 2).contiguous()
    places = rng.integers((0, 0, 0), (len(frames), 193, 193), (600, 3))
    model = VAE(TINY).eval()
    model.start_linear(torch.stack([frames[k, :, y : y + 64, x : x + 64] for k, y, x in places]))
    with torch.no_grad():
        model.encoder.out.weight.zero_()
        model.decoder.out.weight.zero_()
        latents = model.encoder(frames)[0]
        error = (model.decoder(latents) - frames).square().mean()
        blocks = torch.nn.functional.interpolate(torch.nn.functional.avg_pool2d(frames, 32), scale_factor=32.0)
        flat = model.decoder(model.encoder(torch.full((1, 3, 128, 128), 0.7))[0])
    assert error < 0.8 * (frames - blocks).square().mean()  # better than the mean colours of the cells alone
    assert 0.3 < latents.std((0, 2, 3)).min() and latents.std((0, 2, 3)).max() < 3
    assert (flat - 0.7).abs().max() < 0.05  # no seams, no borders


def test_level_latents_draw_no_cells():
    """Whatever was learned: constant latents draw constant frames, and latents that rise evenly frames that do."""
    torch.manual_seed(4)
    decoder = VAE(TINY).eval().decoder
    torch.nn.init.normal_(decoder.linear.weight)
    torch.nn.init.normal_(decoder.linear.bias)
    decoder.out.weight.data.zero_()
    flat = torch.randn(1, 8, 1, 1).expand(1, 8, 7, 9)
    down, across = (torch.arange(n, dtype=torch.float32) for n in (7, 9))
    risen = flat + 0.3 * torch.randn(1, 8, 1, 1) * down[:, None] + 0.3 * torch.randn(1, 8, 1, 1) * across

    def bends(latents):
        with torch.no_grad():
            frames = decoder(latents)[..., 64:-64, 64:-64]
        return max(float(frames.diff(n=2, dim=dim).abs().max()) for dim in (2, 3)), float(frames.std((2, 3)).max())

    assert min(bends(flat)) > 1e-3
    decoder.level()
    once = decoder.linear.weight.clone()
    assert max(bends(flat)) < 2e-5 and bends(risen)[0] < 2e-4 < 0.1 < bends(risen)[1]
    decoder.level()
    assert torch.allclose(decoder.linear.weight, once, atol=1e-5)  # what is level stays as it is


def test_the_smooth_path_has_no_corners():
    """Whatever its weights, its picture changes by steps that themselves change slowly: nothing in it is narrower than eight pixels."""
    torch.manual_seed(5)
    decoder = VAE(TINY).eval().decoder
    torch.nn.init.normal_(decoder.linear.weight)
    decoder.out.weight.data.zero_()
    with torch.no_grad():
        frames = decoder(torch.randn(1, 8, 6, 6))[0]
    bends = frames.diff(n=2, dim=1).abs().max() / (frames.max() - frames.min())
    assert bends < 0.05


def test_no_latents_burst():
    """Whatever its weights and latents: the branches of a decoder without norms add no more than their bounds allow."""
    torch.manual_seed(6)
    decoder = fold.unnormed(VAE(TINY).eval().decoder)
    for block in fold.blocks(decoder):
        torch.nn.init.normal_(block.conv1.weight, 0, 3)
    held = []
    for block in fold.blocks(decoder):
        block.conv2.register_forward_pre_hook(lambda _, given: held.append(given[0]))
    with torch.no_grad():
        decoder(100 * torch.randn(1, 8, 4, 5))
    assert len(held) == 4 and max(float(each.max()) for each in held) == pytest.approx(HIGH, abs=1e-3)
    assert min(float(each.min()) for each in held) > -0.3 and activation(torch.tensor(LOW - 50)) == pytest.approx(0, abs=0.003)


def test_rounding_leaves_even_levels_and_the_gradient():
    x = torch.tensor([-0.9, -0.26, 0.0, 0.13, 1.1], requires_grad=True)
    got = rounded(x, levels=5)  # from -0.9 to 1.1 in steps of 0.5
    assert got.tolist() == pytest.approx([-1.0, -0.5, 0.0, 0.0, 1.0], abs=1e-6)
    (got * torch.arange(5.0)).sum().backward()
    assert x.grad.tolist() == [0, 1, 2, 3, 4]
    assert len(rounded(torch.randn(5000)).unique()) in range(90, 130)
    assert rounded(torch.full((3,), 7.0)).tolist() == pytest.approx([7, 7, 7]) and rounded(torch.zeros(3)).tolist() == [0, 0, 0]


def test_latents_are_cut_with_their_frames():
    cells = torch.arange(30.0).view(1, 1, 5, 6)
    frames = cells.repeat_interleave(32, 2).repeat_interleave(32, 3)
    rng = np.random.default_rng(3)
    found = [inside(cells, frames, rng) for _ in range(60)]
    assert len({tuple(latents.shape[2:]) for latents, _ in found}) == 9 and len({float(latents[0, 0, 0, 0]) for latents, _ in found}) == 4
    for latents, cut in found:
        assert torch.equal(latents.repeat_interleave(32, 2).repeat_interleave(32, 3), cut)
    few = cells[..., :2, :]
    assert inside(few, frames, rng) == (few, frames)


def test_what_the_price_of_rounding_buys():
    """A decoder that carries large values, so that levels are far apart: if it pays, its frames come to mind that less."""

    def trained(price):
        torch.manual_seed(4)
        decoder = fold.unnormed(VAE(TINY).decoder)
        with torch.no_grad():
            decoder.out.weight.mul_(40)
            decoder.body[0].bias[0] = 40
        latents, probe = torch.randn(2, 2, 8, 4, 4)
        goal = decoder(latents).detach()
        optimizer = torch.optim.Adam(decoder.body.parameters(), 2e-3)
        for _ in range(30):
            optimizer.zero_grad()
            drawn = decoder(latents)
            moved = (decoder(latents, show=rounded) - drawn).abs().mean()
            ((drawn - goal).abs().mean() + price * moved).backward()
            optimizer.step()
        with torch.no_grad():
            drawn = decoder(probe)
            return float((decoder(probe, show=rounded) - drawn).abs().mean()), float(drawn.std())

    (free, lively), (priced, left) = trained(0.0), trained(10.0)
    assert priced < 0.85 * free and left > 0.8 * lively


def test_a_few_steps_train(data, tmp_path):
    torch.manual_seed(0)
    module = Training(TINY)
    trainer = L.Trainer(
        accelerator="cpu", max_steps=12, logger=False, enable_checkpointing=False, enable_progress_bar=False,
        enable_model_summary=False, default_root_dir=tmp_path, callbacks=[Clock(60, warmup=1)],
    )  # fmt: skip
    frames = next(iter(dataset.Crops(dataset.load([data]), [(64, 8, 1.0)])))
    before = module.loss(frames)[0].item()
    trainer.fit(module, torch.utils.data.DataLoader([frames] * 12, batch_size=None))
    assert module.loss(frames)[0].item() < before
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    model, facts = checkpoint.averaged(tmp_path / "last.ckpt")
    assert facts["steps"] == 12 and model.config == TINY
    with pytest.raises(TrainingError, match="was trained with"):
        resumed(tmp_path / "last.ckpt", Config())
    assert resumed(tmp_path / "last.ckpt", None).config == TINY
    whole = (tmp_path / "last.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="no whole checkpoint"):
        checkpoint.averaged(tmp_path / "cut.ckpt")
    with pytest.raises(TrainingError, match="There is no checkpoint"):
        checkpoint.averaged(tmp_path / "none.ckpt")


def test_sparing_memory_changes_no_gradient():
    torch.manual_seed(0)
    model = VAE(TINY).train()
    for block in fold.blocks(model.decoder):
        torch.nn.init.ones_(block.norm2.weight)
    latents = torch.randn(2, 8, 2, 2)
    found = []
    for sparing in (False, True):
        model.decoder.body.sparing = sparing
        model.zero_grad()
        model.decoder(latents).square().mean().backward()
        found.append([p.grad.clone() for p in model.decoder.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*found))


def test_rescaling_changes_the_latents_and_no_picture():
    model = lively(2)
    frames, deviation = torch.rand(2, 3, 64, 64), torch.linspace(0.5, 2, 8)
    with torch.no_grad():
        mean, log_variance = model.encoder(frames)
        made = model.decoder(mean)
        model.rescale(deviation)
        scaled, narrowed = model.encoder(frames)
        assert torch.allclose(scaled * deviation.view(1, -1, 1, 1), mean, atol=1e-5)
        assert torch.allclose(narrowed + 2 * deviation.log().view(1, -1, 1, 1), log_variance, atol=1e-5)
        assert torch.allclose(model.decoder(scaled), made, atol=1e-5)


def lively(seed=0):
    """A tiny model whose branches and norms all do something."""
    torch.manual_seed(seed)
    model = VAE(TINY).eval()
    for module in model.modules():
        if isinstance(module, torch.nn.GroupNorm):
            torch.nn.init.uniform_(module.weight, 0.5, 1.5)
            torch.nn.init.normal_(module.bias, 0, 0.3)
    return model


def test_fit_finds_scale_and_shift():
    u = torch.randn(3, 4, 5, 6)
    scale, shift = torch.tensor([2.0, -1.0, 0.0, 0.5]), torch.tensor([0.0, 1.0, 3.0, -2.0])
    fit = fold.Fit()
    for part in u.split(1):
        fit.add(part, part * scale.view(1, -1, 1, 1) + shift.view(1, -1, 1, 1))
    got = fit.solve()
    assert torch.allclose(got[0], scale, atol=1e-5) and torch.allclose(got[1], shift, atol=1e-5)


def test_a_folded_decoder_has_no_norms_and_is_exact_where_norms_are_fixed():
    model = lively()
    latents = torch.randn(1, 8, 4, 4)
    folded = fold.fold(model.decoder, [latents])
    assert fold.is_folded(folded) and not fold.is_folded(model.decoder)
    with torch.no_grad():
        wanted, got = model.decoder(latents), folded(latents)
    # With a group a channel and one batch to fit, a norm is exactly a scale and a shift; with groups it is nearly one.
    assert (got - wanted).abs().mean() < 0.1 * wanted.std()
    fine = VAE(Config(decoder=(32, 16, 16, 16), encoder=(32, 16, 16, 16), blocks=1, group=1)).eval()
    fine.decoder.load_state_dict(model.decoder.state_dict())
    exact = fold.fold(fine.decoder, [latents])
    with torch.no_grad():
        assert (exact(latents) - fine.decoder(latents)).abs().max() < 1e-3


def test_tuning_brings_the_folded_decoder_nearer(data):
    model = lively(3)
    crops = dataset.Crops(dataset.load([data]), [(64, 2, 1.0)])
    latents = [visited(model.encoder(next(iter(crops)))[0].detach(), np.random.default_rng(k)) for k in range(2)]
    folded = fold.fold(model.decoder, latents)

    def apart(decoder):
        with torch.no_grad():
            return float((decoder(latents[0]) - model.decoder(latents[0])).abs().mean())

    before = apart(folded)
    tuned = fold.tune(folded, model.decoder, model.encoder, crops, None, minutes=10, rate=1e-3, most=60)
    assert fold.is_folded(tuned) and apart(tuned) < before


def test_a_judged_training_goes_on_where_it_was(data, tmp_path):
    torch.manual_seed(0)
    frames = next(iter(dataset.Crops(dataset.load([data]), [(64, 4, 1.0)])))

    def fitted(steps, path=None, say=0.5):
        module = Training(TINY, say=say)
        trainer = L.Trainer(
            accelerator="cpu", max_steps=steps, logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, default_root_dir=tmp_path, callbacks=[Clock(60, warmup=1, judged=-1, started=True)],
        )  # fmt: skip
        loader = torch.utils.data.DataLoader([frames] * steps, batch_size=None)
        trainer.fit(module, loader, ckpt_path=path, weights_only=False)
        return module, trainer

    module, trainer = fitted(4)
    assert module.calls == 4 and module.balance > 0
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    again, _ = fitted(4, tmp_path / "last.ckpt")  # its steps are done: nothing but loading
    assert all(torch.equal(a, b) for a, b in zip(module.critic.state_dict().values(), again.critic.state_dict().values()))
    assert (again.calls, again.balance) == (module.calls, module.balance)
    longer, _ = fitted(6, tmp_path / "last.ckpt")
    assert longer.calls == 6 and {int(state["step"]) for state in longer.critic.optimizer.state.values()} == {6}
    other, trainer = fitted(5, tmp_path / "last.ckpt", say=0.0)  # without a critic it goes on as well, and the record says so
    trainer.save_checkpoint(tmp_path / "other.ckpt")
    assert [stage["critic"] for stage in checkpoint.averaged(tmp_path / "other.ckpt")[1]["stages"]] == [0.5, 0.0]
    assert "critic" in fitted(6, tmp_path / "other.ckpt")[0].loss(frames)[1]


def test_a_table_of_other_columns_keeps_its_numbers(data, tmp_path):
    table = tmp_path / "metrics.csv"
    table.write_text("minutes,step,loss,old\n0.5,20,0.25,7\n")
    watch = Watch(tmp_path, dataset.load([data]), tmp_path, tmp_path / "last.ckpt", 10)
    trainer = SimpleNamespace(global_step=40, optimizers=[SimpleNamespace(param_groups=[{"lr": 1e-3}])])
    for _ in range(2):
        watch._note(trainer, SimpleNamespace(elapsed=60), {"loss": 0.2, "edges": 0.1})
    with open(table, newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == Watch.COLUMNS and len(rows) == 3
    assert [(row["minutes"], row["step"], row["loss"], row["edges"]) for row in rows[:2]] == [("0.5", "20", "0.25", ""), ("1.0", "40", "0.2", "0.1")]


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


def test_an_interrupted_training_keeps_what_it_learned(data, tmp_path):
    words = [sys.executable, "-m", "training.train_vae", "--data", data, "--perceptual", "none", "--runs", tmp_path, "--outputs", tmp_path,
             "--widths", 32, 16, 16, 16, "--crop", 64, "--batch", 2, "--minutes", 30]  # fmt: skip
    root = Path(__file__).resolve().parent.parent
    running = subprocess.Popen([str(word) for word in words], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)
    try:
        assert "held out" in running.stdout.readline()
        next(line for line in running.stdout if "step" in line)
        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=60)[0]
    finally:
        running.kill()
        running.communicate()
    assert running.returncode == 130 and "Interrupted. What is finished is kept" in told
    facts = checkpoint.averaged(tmp_path / "vae/last.ckpt")[1]
    assert facts["steps"] > 0 and facts["elapsed"] > 5


@pytest.mark.parametrize("error", [OSError(28, "No space left on device", "x.ckpt"), RuntimeError("PytorchStreamWriter failed writing file")])
def test_a_full_disk_is_named(error, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        guarded(main)
    assert ended.value.code == 1 and "the disk is full" in capsys.readouterr().err
