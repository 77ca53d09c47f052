"""The training folder: a step trains, an export computes what torch computes."""

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

from tiny_vae import TINY, large_pictures, lively  # noqa: E402

from training import checkpoint, dataset, fold, manifest, norms, procedural, sketch  # noqa: E402
from training.anchors import ANCHORS  # noqa: E402
from training.errors import TrainingError, run_command  # noqa: E402
from training.latents import mix_latents  # noqa: E402
from training.models import VAE, Config  # noqa: E402
from training.palettes import OKLCH  # noqa: E402
from training.teaching import Clock, Training  # noqa: E402
from training.train_vae import highest_rate, load_resumed  # noqa: E402
from training.watch import Watch, among_mixes  # noqa: E402

# torch's exporter and lightning warn about their own use of torch.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("FutureWarning", "DeprecationWarning", "UserWarning")
]


def test_anchors_name_what_exists():
    for style, composition, colours, _ in ANCHORS.values():
        assert composition in {piece.__name__ for piece in procedural.STYLES[style]} and colours in OKLCH


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set of four pictures per style, 64 x 64."""
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
    assert pictures.sources == ["procedural"]
    for k in (0, 7, 19):
        row = manifest.read(data)[k]
        assert np.array_equal(pictures[k], np.asarray(Image.open(data / row.file)))
    held = pictures.some(held_out=True)
    assert sorted(pictures.styles[k] for k in held) == sorted(manifest.STYLES)
    assert not set(held) & set(pictures.some(held_out=False)) and len(pictures.some(held_out=False, most=5)) == 5


def test_the_order_of_the_rows_changes_nothing(copy):
    dataset.load([copy])  # decodes the pictures in their order
    edit_text(copy, lambda text: "".join([text.splitlines(True)[0], *reversed(text.splitlines(True)[1:])]))
    pictures = dataset.load([copy])
    for k, row in enumerate(manifest.usable_rows(copy)):
        assert np.array_equal(pictures[k], np.asarray(Image.open(copy / row.file))) and pictures.styles[k] == row.style
    # of each style the last is held out
    assert [manifest.usable_rows(copy)[k].index for k in pictures.some(held_out=True)] == [3] * 5


def test_pictures_that_an_earlier_version_decoded_are_decoded_again(copy):
    rows = manifest.usable_rows(copy)
    np.save(copy / f".pixels-{manifest.digest(rows)}.npy", np.zeros((len(rows), 64, 64, 3), np.uint8))
    assert dataset.load([copy])[0].any()


def test_crops_are_pieces_of_pictures_that_are_not_held_out(data):
    pictures = dataset.load([data])
    batch = next(iter(dataset.Crops(pictures, [(32, 6, 1.0)], seed=4)))
    assert batch.shape == (6, 3, 32, 32) and batch.dtype == torch.float32
    again = next(iter(dataset.Crops(pictures, [(32, 6, 1.0)], seed=4)))
    assert torch.equal(batch, again)
    known = [pictures[k] for k in pictures.some(held_out=False)]
    piece = np.rint(batch[0].permute(1, 2, 0).numpy() * 255).astype(np.uint8)
    places = [
        (p[::sy, ::sx], y, x) for p in known for sy in (1, -1) for sx in (1, -1) for y in range(33) for x in range(33)
    ]
    assert any(np.array_equal(p[y : y + 32, x : x + 32], piece) for p, y, x in places if p[y, x, 0] == piece[0, 0, 0])


def test_crops_out_of_a_devices_memory_are_those_out_of_a_file(data):
    mapped, kept = (dataset.Crops(dataset.load([data, data]), [(32, 40, 1.0)], seed=4) for _ in range(2))
    kept._near = torch.from_numpy(np.concatenate(kept.pictures.pixels))  # as on a GPU
    assert torch.equal(next(iter(mapped)), next(iter(kept)))


def test_a_model_without_norms_starts_gently():
    model = VAE(TINY)
    assert highest_rate(1e-3, None) == highest_rate(1e-3, model) == 1e-3
    norms.remove_norms(model.decoder)
    assert highest_rate(1e-3, model) == pytest.approx(2e-4)


@pytest.mark.parametrize(
    ("harm", "words"),
    [
        (lambda folder: (folder / "manifest.csv").unlink(), "is no data set"),
        (lambda folder: (folder / "noise/noise-000001.png").unlink(), "in manifest.csv but not on disk"),
        (
            lambda folder: shutil.copy(folder / "noise/noise-000001.png", folder / "noise/noise-000099.png"),
            "without a row",
        ),
        (lambda folder: (folder / "noise/noise-000001.png").write_bytes(b"\x89PNG broken"), "cannot be read"),
        (lambda folder: Image.new("RGB", (32, 64)).save(folder / "noise/noise-000001.png"), "is 32x64, its row"),
        (lambda folder: edit(folder, lambda rows: rows.clear()), "without a row"),
        (
            lambda folder: edit(folder, lambda rows: [setattr(row, "accepted", "no") for row in rows]),
            "all were rejected",
        ),
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
    model, facts = checkpoint.load_averaged(tmp_path / "last.ckpt")
    assert facts["steps"] == 12 and model.config == TINY
    with pytest.raises(TrainingError, match="was trained with"):
        load_resumed(tmp_path / "last.ckpt", Config())
    assert load_resumed(tmp_path / "last.ckpt", None).config == TINY
    whole = (tmp_path / "last.ckpt").read_bytes()
    (tmp_path / "cut.ckpt").write_bytes(whole[: len(whole) // 2])
    with pytest.raises(TrainingError, match="is not a complete checkpoint"):
        checkpoint.load_averaged(tmp_path / "cut.ckpt")
    with pytest.raises(TrainingError, match="There is no checkpoint"):
        checkpoint.load_averaged(tmp_path / "none.ckpt")


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
    assert norms.is_folded(folded) and not norms.is_folded(model.decoder)
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
    latents = [mix_latents(model.encoder(next(iter(crops)))[0].detach(), np.random.default_rng(k)) for k in range(2)]
    folded = fold.fold(model.decoder, latents)

    def apart(decoder):
        with torch.no_grad():
            return float((decoder(latents[0]) - model.decoder(latents[0])).abs().mean())

    before = apart(folded)
    tuned = fold.tune(folded, model.decoder, model.encoder, crops, None, minutes=10, rate=1e-3, most=60)
    assert norms.is_folded(tuned) and apart(tuned) < before


def test_a_judged_training_goes_on_where_it_was(data, tmp_path):
    torch.manual_seed(0)
    frames = next(iter(dataset.Crops(dataset.load([data]), [(64, 4, 1.0)])))

    def fitted(steps, path=None, say=0.5):
        module = Training(TINY, say=say)
        trainer = L.Trainer(
            accelerator="cpu", max_steps=steps, logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, default_root_dir=tmp_path, callbacks=[Clock(60, warmup=1, judged=-1,
                                                                                    started=True)],
        )  # fmt: skip
        loader = torch.utils.data.DataLoader([frames] * steps, batch_size=None)
        trainer.fit(module, loader, ckpt_path=path, weights_only=False)
        return module, trainer

    module, trainer = fitted(4)
    assert module.calls == 4 and module.balance > 0
    trainer.save_checkpoint(tmp_path / "last.ckpt")
    again, _ = fitted(4, tmp_path / "last.ckpt")  # its steps are done: nothing but loading
    assert all(
        torch.equal(a, b) for a, b in zip(module.critic.state_dict().values(), again.critic.state_dict().values())
    )
    assert (again.calls, again.balance) == (module.calls, module.balance)
    longer, _ = fitted(6, tmp_path / "last.ckpt")
    assert longer.calls == 6 and {int(state["step"]) for state in longer.critic.optimizer.state.values()} == {6}
    other, trainer = fitted(
        5, tmp_path / "last.ckpt", say=0.0
    )  # without a critic it goes on as well, and the record says so
    trainer.save_checkpoint(tmp_path / "other.ckpt")
    assert [stage["critic"] for stage in checkpoint.load_averaged(tmp_path / "other.ckpt")[1]["stages"]] == [0.5, 0.0]
    assert "critic" in fitted(6, tmp_path / "other.ckpt")[0].loss(frames)[1]


def test_a_table_of_other_columns_keeps_its_numbers(data, tmp_path):
    table = tmp_path / "metrics.csv"
    table.write_text("minutes,step,loss,old\n0.5,20,0.25,7\n")
    watch = Watch(tmp_path, dataset.load([data]), tmp_path, tmp_path / "last.ckpt", 10)
    trainer = SimpleNamespace(global_step=40, optimizers=[SimpleNamespace(param_groups=[{"lr": 1e-3}])])
    for _ in range(2):
        watch._note(trainer, SimpleNamespace(elapsed=60), {"loss": 0.2, "edges": 0.1})
    with open(table, encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    assert tuple(rows[0]) == Watch.COLUMNS and len(rows) == 3
    assert [(row["minutes"], row["step"], row["loss"], row["edges"]) for row in rows[:2]] == [
        ("0.5", "20", "0.25", ""),
        ("1.0", "40", "0.2", "0.1"),
    ]


def test_looks_see_mixes_as_strong_and_cut_as_those_of_films():
    shown = []

    def decoder(latents, show=lambda x: x):
        shown.append(latents)
        frame = latents[:, :3].repeat_interleave(32, 2).repeat_interleave(32, 3).clone()
        frame[..., 0] += 0.1  # a line along one of four ends
        return show(frame)

    def looked_at(places):
        ends = [decoder(place) for place in places]
        shown.clear()
        return among_mixes(decoder, places, ends)

    places = [torch.full((1, 8, 5, 6), value) for value in (0.1, 0.3)]
    found = looked_at([*places, torch.zeros(1, 8, 4, 4), torch.zeros(1, 8, 4, 4)])
    assert [tuple(mix.shape) for mix in shown[:2]] == [(1, 8, 3, 4), (1, 8, 2, 2)]
    assert torch.allclose(shown[0], torch.tensor(0.4 / 2**0.5))
    assert found["rim"] == pytest.approx(0.1 / 8 / 4, rel=1e-4) and found["lattice"] > 1 and 30 < found["8_bits_db"]
    widths = np.array([127, 63]), np.array([191, 191, 127, 127])  # slopes across, of mixes and of places
    assert found["sharpness"] == pytest.approx(np.mean(1 / widths[0]) / np.mean(1 / widths[1]), rel=1e-4)
    assert looked_at([torch.zeros(1, 8, 2, 2)])["rim"] == pytest.approx(
        0.1 / 8 / 4, rel=1e-4
    )  # a single, small picture


def test_one_picture_of_each_style_leaves_none_to_measure_with(tmp_path):
    with pytest.raises(TrainingError, match="Two of a style at least are needed"):
        large_pictures(tmp_path, 1, (64, 64))


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
    from test_chain import command

    words = [sys.executable, "-m", "training.train_vae", "--data", data, "--perceptual", "none", "--runs", tmp_path,
             "--outputs", tmp_path,
             "--widths", 32, 16, 16, 16, "--crop", 64, "--batch", 2, "--minutes", 30]  # fmt: skip
    root = Path(__file__).resolve().parent.parent
    running = subprocess.Popen(
        [str(word) for word in words], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    )
    try:
        assert "held out" in running.stdout.readline()
        next(line for line in running.stdout if "step" in line)
        threads = torch.get_num_threads()
        assert "Another command is writing into" in command("training.train_vae", *words[3:], fails=True)
        torch.set_num_threads(threads)
        running.send_signal(signal.SIGINT)
        told = running.communicate(timeout=60)[0]
    finally:
        running.kill()
        running.communicate()
    assert (
        running.returncode == 130
        and "Interrupted. What was learned until the last checkpoint is kept: run the command again with --resume"
        in told
    )
    facts = checkpoint.load_averaged(tmp_path / "vae/last.ckpt")[1]
    assert facts["steps"] > 0 and facts["elapsed"] > 5


@pytest.mark.parametrize("size", [(4, 8), (8, 8), (8, 64), (64, 64)])
def test_a_sketch_is_judged_on_pictures_of_any_size(size):
    away = torch.full((2, 3, *size), 0.1)
    assert float(sketch.error(away, torch.zeros_like(away))) == pytest.approx(0.3)
    signs = away * torch.tensor([1.0, -1.0]).repeat(size[1] // 2)
    assert float(sketch.error(signs, torch.zeros_like(away))) == pytest.approx(0.1)  # means of many pixels are 0


def test_the_linear_part_of_a_mean_is_made_in_float32():
    encoder, frames = VAE(TINY).encoder, torch.rand(2, 3, 64, 96)
    for blank in encoder.out.parameters():
        blank.data.zero_()
    with torch.autocast("cpu", torch.bfloat16):
        mean = encoder(frames)[0]
    assert mean.dtype == torch.float32 and torch.equal(mean, encoder(frames)[0])
    mean.sum().backward()  # in bfloat16, some CPUs write beyond its memory
    assert encoder.linear.weight.grad.isfinite().all()


@pytest.mark.parametrize(
    "error", [OSError(28, "No space left on device", "x.ckpt"), RuntimeError("PytorchStreamWriter failed writing file")]
)
def test_a_full_disk_is_named(error, capsys):
    def main():
        raise error

    with pytest.raises(SystemExit) as ended:
        run_command(main)
    assert ended.value.code == 1 and "the disk is full" in capsys.readouterr().err
