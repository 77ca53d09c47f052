"""Stable Diffusion as a source: its words, its noise, and going on after an interruption, with tiny random weights."""

from __future__ import annotations

import errno
import hashlib
import json
import shutil
import string
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from training import manifest, sd_generate
from training.compat import mend_torchvision
from training.errors import TrainingError, run_command
from training.prompts import PROMPTS, read_prompts
from training.sd_generate import noise_seed

# diffusers' scheduler hands torch tensors to numpy in a way that numpy 2 deplores.
pytestmark = pytest.mark.filterwarnings("ignore:__array__ implementation doesn't accept a copy:DeprecationWarning")

SMALL = ["--steps", "2", "--size", "64", "--device", "cpu", "--styles", "glitch", "noise"]


@pytest.fixture(scope="module")
def model(tmp_path_factory) -> Path:
    """A folder as diffusers writes it: a tiny Stable Diffusion with random weights."""
    mend_torchvision()
    import diffusers
    import torch
    import transformers

    torch.manual_seed(0)
    letters = [*string.ascii_lowercase, ",", "-"]
    tokens = ["<|startoftext|>", "<|endoftext|>", *letters, *(letter + "</w>" for letter in letters)]
    numbers = {token: number for number, token in enumerate(tokens)}
    text = transformers.CLIPTextConfig(
        vocab_size=len(tokens), hidden_size=16, intermediate_size=16, num_attention_heads=2, num_hidden_layers=1,
        bos_token_id=0, eos_token_id=1, pad_token_id=1,
    )  # fmt: skip
    unet = diffusers.UNet2DConditionModel(
        sample_size=8, block_out_channels=(8, 16), layers_per_block=1, cross_attention_dim=16, attention_head_dim=4,
        down_block_types=("DownBlock2D", "CrossAttnDownBlock2D"), up_block_types=("CrossAttnUpBlock2D", "UpBlock2D"),
        norm_num_groups=4,
    )  # fmt: skip
    vae = diffusers.AutoencoderKL(
        block_out_channels=(4, 4, 8, 8), down_block_types=("DownEncoderBlock2D",) * 4,
        up_block_types=("UpDecoderBlock2D",) * 4, latent_channels=4, norm_num_groups=2,
    )  # fmt: skip
    folder = tmp_path_factory.mktemp("models") / "tiny"
    diffusers.StableDiffusionPipeline(
        vae=vae, unet=unet, text_encoder=transformers.CLIPTextModel(text),
        tokenizer=transformers.CLIPTokenizer(vocab=numbers, merges=[], model_max_length=77),
        scheduler=diffusers.PNDMScheduler(beta_schedule="scaled_linear", skip_prk_steps=True, steps_offset=1),
        safety_checker=None, feature_extractor=None, requires_safety_checker=False,
    ).save_pretrained(folder)  # fmt: skip
    return folder


def run(model, out: Path, *options: str) -> None:
    sd_generate.main(["--model", str(model), "--out", str(out), *SMALL, *options])


def fails(capsys, *arguments: str) -> str:
    """Run the command, which has to fail with one line and exit code 1; return the line."""
    with pytest.raises(SystemExit) as end:
        run_command(lambda: sd_generate.main(list(arguments)))
    assert end.value.code == 1
    lines = [line for line in capsys.readouterr().err.splitlines() if "pictures/s" not in line]
    assert len(lines) == 1 and lines[0].startswith("error: ")
    return lines[0]


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def pixels(path: Path) -> np.ndarray:
    return np.asarray(Image.open(path)).astype(int)


# Words ----------------------------------------------------------------------------------------------------------------


def test_the_prompts_are_many_and_short_enough_to_be_read():
    mend_torchvision()
    from open_clip.tokenizer import SimpleTokenizer

    tokens = SimpleTokenizer()
    prompts = read_prompts(PROMPTS)
    assert list(prompts.styles) == list(manifest.STYLES)
    longest = max(prompts.endings, key=lambda words: len(tokens.encode(words)))
    for style, words in prompts.styles.items():
        assert len(set(words.prompts)) >= 12
        for prompt in words.prompts:
            assert len(tokens.encode(f"{prompt}, {longest}")) <= 75, prompt
        negative = prompts.words(style, 1, 0)[1]
        assert len(tokens.encode(negative)) <= 75
        assert {"text", "logo", "watermark", "face", "people", "picture frame"} <= set(negative.split(", "))


def test_prompts_take_turns():
    prompts = read_prompts(PROMPTS)
    number = len(prompts.styles["noise"].prompts)
    words = [prompts.words("noise", 1, index)[0] for index in range(2 * number)]
    for block in (words[:number], words[number:]):
        used = [next(p for p in prompts.styles["noise"].prompts if text.startswith(p)) for text in block]
        assert sorted(used) == sorted(prompts.styles["noise"].prompts)
    assert words == [prompts.words("noise", 1, index)[0] for index in range(2 * number)]
    assert words != [prompts.words("noise", 2, index)[0] for index in range(2 * number)]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (
            "styles:\n  noise:\n    prompts:\n      - a\n      - 3\n",
            "line 5: styles.noise.prompts.1: Input should",
        ),
        ("styles:\n  noise: {prompts: []}\n", "line 2: styles.noise.prompts: List should have at least 1 item"),
        ("styles:\n  noise: {prompts: [a]}\n  baroque: {prompts: [a]}\n", "line 3: unknown style 'baroque'"),
        ("styles:\n  noise: {prompts: [a], light: b}\n", "line 2: styles.noise.light: Extra inputs"),
        ("styles: [\n", "this is not plain YAML"),
        ("a: !!python/name:os.system\n", "line 1: this is not plain YAML"),
        (
            "styles:\n  noise: {prompts: [a]}\n  noise: {prompts: [b]}\n",
            "line 3: this is not plain YAML: found dup",
        ),
        ("", "line 1: the file: "),
    ],
)
def test_a_wrong_prompts_file_is_told_with_its_line(tmp_path, text, message):
    path = tmp_path / "p.yaml"
    path.write_text(text)
    with pytest.raises(TrainingError) as error:
        read_prompts(path)
    assert str(error.value).startswith(str(path)) and message in str(error.value)


def test_a_prompts_file_that_is_none_is_told(tmp_path, capsys):
    assert "cannot be read as UTF-8 text: No such file" in fails(
        capsys, "--out", "x", "--prompts", str(tmp_path / "none.yaml")
    )
    (tmp_path / "p.yaml").write_bytes(b"\xff\xfe\x00")
    assert "something else" in fails(capsys, "--out", "x", "--prompts", str(tmp_path / "p.yaml"))
    (tmp_path / "p.yaml").write_text("styles: {noise: {prompts: [dust]}}")
    arguments = ["--out", "x", "--prompts", str(tmp_path / "p.yaml"), "--styles", "glitch"]
    assert "no prompts for glitch; it has noise" in fails(capsys, *arguments)


# Pictures -------------------------------------------------------------------------------------------------------------


def test_a_data_set_in_the_layout_of_the_manifest(model, tmp_path, capsys):
    run(model, tmp_path / "a", "--count", "2")
    rows = manifest.usable_rows(tmp_path / "a")
    assert [row.file for row in rows] == [manifest.file_name(s, k) for s in ("glitch", "noise") for k in (0, 1)]
    for row in rows:
        data = (tmp_path / "a" / row.file).read_bytes()
        assert hashlib.sha256(data).hexdigest() == row.sha256
        assert (row.source, row.seed, row.width, row.height, row.accepted) == ("stable-diffusion", 1, 64, 64, "")
        assert row.licence == "CreativeML Open RAIL-M (model outputs)"
        about = json.loads((tmp_path / "a" / row.sidecar).read_text())
        assert (about["prompt"], about["negative_prompt"]) == read_prompts(PROMPTS).words(row.style, 1, row.index)
        assert about["noise_seed"] == noise_seed(1, row.style, row.index)
        assert (about["steps"], about["cfg"], about["model"]) == (2, 7.0, "tiny")
        assert about["scheduler"].startswith("DPMSolverMultistep") and len(about["model_digest"]) == 16
        assert set(about["versions"]) == {"torch", "diffusers", "transformers"}
        assert str(tmp_path) not in json.dumps(about)
        assert pixels(tmp_path / "a" / row.file).shape == (64, 64, 3)
    assert len({row.sha256 for row in rows}) == 4
    assert "4 pictures made" in capsys.readouterr().out


def test_the_batch_changes_no_picture(model, tmp_path):
    run(model, tmp_path / "one", "--count", "3", "--batch", "1")
    run(model, tmp_path / "many", "--count", "3", "--batch", "5")
    rows = manifest.read(tmp_path / "one")
    pictures = [pixels(tmp_path / "one" / row.file) for row in rows]
    for row, picture in zip(rows, pictures, strict=True):
        assert np.abs(picture - pixels(tmp_path / "many" / row.file)).max() <= 1
        assert (tmp_path / "one" / row.sidecar).read_bytes() == (tmp_path / "many" / row.sidecar).read_bytes()
    assert min(np.abs(a - b).max() for k, a in enumerate(pictures) for b in pictures[:k]) > 1


def test_a_seed_is_a_data_set(model, tmp_path):
    run(model, tmp_path / "a", "--count", "1")
    run(model, tmp_path / "again", "--count", "1")
    run(model, tmp_path / "other", "--count", "1", "--seed", "2")
    assert files(tmp_path / "a") == files(tmp_path / "again")
    assert not set(files(tmp_path / "a").values()) & set(files(tmp_path / "other").values())


def test_it_goes_on_where_it_was_interrupted(model, tmp_path, monkeypatch, capsys):
    run(model, tmp_path / "whole", "--count", "3", "--batch", "2")
    paint, publish, calls = sd_generate.Painter.paint, manifest.publish, []

    def stopping(path, data):
        calls.append(path)
        if len(calls) == 8:  # two pictures of the first batch: five files; the second stops between sidecar and picture
            raise KeyboardInterrupt
        publish(path, data)

    monkeypatch.setattr(manifest, "publish", stopping)
    with pytest.raises(KeyboardInterrupt):
        run(model, tmp_path / "a", "--count", "3", "--batch", "2")
    monkeypatch.undo()
    assert len(manifest.read(tmp_path / "a")) == 2

    painted = []
    monkeypatch.setattr(sd_generate.Painter, "paint", lambda self, w, s: (painted.extend(s), paint(self, w, s))[1])
    (tmp_path / "a" / manifest.file_name("glitch", 0)).write_bytes(b"damaged")
    run(model, tmp_path / "a", "--count", "3", "--batch", "2")
    assert len(painted) == 5 and "1 of 6 pictures are there already" in capsys.readouterr().out
    found, whole = files(tmp_path / "a"), files(tmp_path / "whole")
    assert set(found) == set(whole)
    assert all(found[name] == whole[name] for name in whole if name.endswith(".json"))
    assert len(manifest.usable_rows(tmp_path / "a")) == 6

    painted.clear()
    before = files(tmp_path / "a")
    run(model, tmp_path / "a", "--count", "3")
    assert not painted and files(tmp_path / "a") == before
    run(model, tmp_path / "a", "--count", "4")
    assert len(painted) == 2 and len(manifest.usable_rows(tmp_path / "a")) == 8


def test_verdicts_outlive_going_on(model, tmp_path):
    run(model, tmp_path / "a", "--count", "1")
    rows = manifest.read(tmp_path / "a")
    rows[0].accepted, rows[0].reason = "no", "blank: x"
    manifest.write(tmp_path / "a", rows)
    run(model, tmp_path / "a", "--count", "2")
    assert [row.accepted for row in manifest.read(tmp_path / "a")] == ["no", "", "", ""]


def test_a_small_memory_halves_the_batch(model, tmp_path, monkeypatch, capsys):
    import torch

    paint, sizes = sd_generate.Painter.paint, []

    def small(self, words, seeds):
        sizes.append(len(seeds))
        if len(seeds) > 1:
            raise torch.OutOfMemoryError("CUDA out of memory")
        return paint(self, words, seeds)

    monkeypatch.setattr(sd_generate.Painter, "paint", small)
    run(model, tmp_path / "a", "--count", "1", "--batch", "2")
    assert sizes == [2, 1, 1] and len(manifest.usable_rows(tmp_path / "a")) == 2
    assert "going on with --batch 1" in capsys.readouterr().out


# What goes wrong ------------------------------------------------------------------------------------------------------


def test_other_settings_are_refused(model, tmp_path, capsys):
    out = ["--model", str(model), "--out", str(tmp_path / "a"), *SMALL, "--count", "1"]
    run(model, tmp_path / "a", "--count", "1")
    before = files(tmp_path / "a")
    assert "was made with steps 2, now 3 is asked for" in fails(capsys, *out, "--steps", "3")
    assert "was made with seed 1, now 2 is asked for" in fails(capsys, *out, "--seed", "2")
    other = shutil.copytree(model, tmp_path / "other")
    run(other, tmp_path / "a", "--count", "1")  # the same weights under another name
    config = json.loads((other / "scheduler" / "scheduler_config.json").read_text())
    (other / "scheduler" / "scheduler_config.json").write_text(json.dumps(config | {"beta_end": 0.01}))
    assert "was made with model_digest" in fails(capsys, *out, "--model", str(other))
    assert files(tmp_path / "a") == before


@pytest.mark.parametrize("with_rows", [True, False])
def test_pictures_of_another_origin_are_refused(model, tmp_path, capsys, with_rows):
    row = manifest.Row(manifest.file_name("noise", 0), "noise", 0, 1, "procedural", 64, 64, "CC0-1.0", "0")
    manifest.write_sidecar(tmp_path, row, {"source": "procedural"})
    manifest.publish(tmp_path / row.file, b"a picture")
    if with_rows:
        manifest.write(tmp_path, [row])
    before = files(tmp_path)
    text = fails(capsys, "--model", str(model), "--out", str(tmp_path), *SMALL)
    assert "Stable Diffusion did not make (noise/noise-000000.png)" in text and "another folder" in text
    assert files(tmp_path) == before


def test_missing_weights_are_told(model, tmp_path, capsys, monkeypatch):
    way_out = "python -m training.procedural"
    out = ["--out", str(tmp_path / "a"), *SMALL]
    text = fails(capsys, "--model", str(tmp_path / "none"), *out)
    assert "there is no folder" in text and way_out in text and "hf download" in text
    text = fails(capsys, "--model", str(tmp_path), *out)
    assert "no Stable Diffusion 1.5 could be loaded" in text and way_out in text
    (tmp_path / "model.safetensors").touch()
    assert "is a file" in fails(capsys, "--model", str(tmp_path / "model.safetensors"), *out)
    broken = shutil.copytree(model, tmp_path / "broken")
    weights = broken / "unet" / "diffusion_pytorch_model.safetensors"
    weights.write_bytes(weights.read_bytes()[:1000])
    assert way_out in fails(capsys, "--model", str(broken), *out)
    weights.unlink()
    assert way_out in fails(capsys, "--model", str(broken), *out)
    import huggingface_hub.constants

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_OFFLINE", True)
    assert way_out in fails(capsys, *out, "--model", "nobody/nothing")
    assert not (tmp_path / "a").exists()


def test_a_full_disk_is_told(model, tmp_path, capsys, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", "somewhere")

    monkeypatch.setattr(manifest.os, "fsync", full)
    assert "the disk is full" in fails(capsys, "--model", str(model), "--out", str(tmp_path / "a"), *SMALL)
    assert files(tmp_path) == {}


def test_values_that_are_no_numbers_are_told(model):
    import torch

    painter = sd_generate.Painter(str(model), "cpu", size=64, steps=1)
    with torch.no_grad():
        painter.pipe.vae.decoder.conv_out.bias.fill_(float("nan"))
    with pytest.raises(TrainingError, match="--precision fp32"):
        painter.paint([("a", "b")], [1])


def test_options_that_make_no_sense(tmp_path, capsys, monkeypatch):
    for wrong in (["--size", "100"], ["--count", "0"], ["--cfg", "nan"], ["--styles", "baroque"]):
        with pytest.raises(SystemExit) as end:
            sd_generate.main(["--out", str(tmp_path / "a"), *wrong])
        assert end.value.code == 2
    capsys.readouterr()
    (tmp_path / "file").touch()
    assert "is a file; --out takes a folder" in fails(capsys, "--out", str(tmp_path / "file"))
    import torch

    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    assert "no CUDA device" in fails(capsys, "--out", str(tmp_path / "a"), "--device", "cuda")
