"""What the commands of training refuse before any work."""

from __future__ import annotations

import argparse
import runpy
import sys
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch")

from tiny_vae import QUIET, large_pictures, lively  # noqa: E402

from training import arguments, blend, card, dataset, manifest, norms, procedural  # noqa: E402
from training.dataset import Crops  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.models import Config, norm  # noqa: E402

pytestmark = QUIET


@pytest.mark.parametrize(
    ("kind", "text", "told"),
    [
        (arguments.minutes, "0", "more than 0 minutes"),
        (arguments.minutes, "-1", "a number of minutes"),
        (arguments.minutes, "nan", "a number of minutes"),
        (arguments.some_minutes, "inf", "a number of minutes"),
        (arguments.some_minutes, "long", "a number of minutes"),
        (arguments.count, "0", "1 or more"),
        (arguments.count, "1.5", "1 or more"),
        (arguments.crop, "50", "a multiple of 32 is wanted, such as 64"),
        (arguments.crop, "0", "1 or more"),
        (arguments.at_least(0), "-3", "0 or more"),
        (arguments.seed, "-1", "from 0 to 4294967295"),
        (arguments.seed, str(2**32), "from 0 to 4294967295"),
        (arguments.weight, "-0.1", "0 or more"),
        (arguments.weight, "inf", "0 or more"),
        (arguments.part, "1.1", "from 0 to 1"),
        (arguments.rate, "0", "above 0"),
        (arguments.rate, "nan", "above 0"),
        (arguments.width, "33", "a multiple of 16 is wanted, such as 48"),
        (arguments.width, "0", "1 or more"),
    ],
)
def test_arguments_that_cannot_be(kind: object, text: str, told: str) -> None:
    with pytest.raises(argparse.ArgumentTypeError, match=told):
        kind(text)


def test_arguments_that_can_be() -> None:
    assert (arguments.minutes("0.02"), arguments.some_minutes("0")) == (0.02, 0)
    assert (arguments.count("1"), arguments.crop("64"), arguments.at_least(0)("0")) == (1, 64, 0)
    assert (arguments.seed("4294967295"), arguments.weight("0"), arguments.part("1")) == (2**32 - 1, 0, 1)
    for text in ("8", "31", "40", "48"):
        assert norm(arguments.width(text), Config.group)


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("train_vae", ["--data", "d", "--minutes", "0"]),
        ("train_vae", ["--data", "d", "--crop", "50"]),
        ("train_vae", ["--data", "d", "--batch", "0"]),
        ("fold", ["a.ckpt", "--data", "d", "--crop", "50"]),
        ("upscale", ["--data", "d", "--minutes", "0"]),
        ("upscale", ["--data", "d", "--crop", "50"]),
        ("sketch", ["--minutes", "0"]),
        ("sketch", ["--depth", "-3"]),
        ("sketch", ["--count", "0"]),
        ("sketch", ["--seed", "-1"]),
        ("upscale", ["--data", "d", "--depth", "-1"]),
        ("train_vae", ["--data", "d", "--finer", "0"]),
        ("train_vae", ["--data", "d", "--rate", "0"]),
        ("train_vae", ["--data", "d", "--seed", "-1"]),
        ("train_vae", ["--data", "d", "--patience", "-1"]),
        ("quantize_onnx", ["--data", "d", "--most", "0"]),
        ("quantize_onnx", ["--data", "d", "--finer", "1"]),
        ("ceiling", ["--data", "d", "--batch", "0"]),
        ("filter", ["d", "--jobs", "0"]),
        ("procedural", ["--out", "d", "--count", "many"]),
    ],
)
def test_commands_refuse_them_in_a_line(name: str, words: list[str], monkeypatch, capsys) -> None:
    main = getattr(pytest.importorskip(f"training.{name}"), "main")
    monkeypatch.setattr("sys.argv", [name, *words])
    with pytest.raises(SystemExit) as ended:
        main()
    assert ended.value.code == 2 and f"argument {words[-2]}: " in capsys.readouterr().err


@pytest.mark.parametrize(
    ("name", "words", "told"),
    [
        ("train_vae", "--resume --start m", "--resume and --start exclude each other: a run goes on with the model"),
        ("train_vae", "--resume --finer 32", "--resume and --finer exclude each other"),
        ("train_vae", "--resume --detail 2", "--resume and --detail exclude each other"),
        ("train_vae", "--start m --widths 16 16 16 16", "--start and --widths exclude each other"),
        ("train_vae", "--finer 32", "--finer needs --start: .* name its folder with --start"),
        ("train_vae", "--detail 2", "--detail needs --start"),
        ("train_vae", "--body 0", "--body needs --finer or --detail or --resume: only beside a finer stage"),
        ("train_vae", "--start m --body 0.5", "--body needs --finer"),
        ("train_vae", "--batch 4", "--batch needs --crop"),
        ("upscale", "--start m --channels 4", "--start and --channels exclude each other"),
        ("upscale", "--start m --depth 0", "--start and --depth exclude each other"),
    ],
)
def test_arguments_that_contradict_each_other_are_refused_before_any_work(name, words, told, monkeypatch) -> None:
    main = getattr(pytest.importorskip(f"training.{name}"), "main")
    monkeypatch.setattr("sys.argv", [name, "--data", "d", *words.split()])
    with pytest.raises(TrainingError, match=told):
        main()


def test_a_model_without_a_finer_stage_has_no_body_beside_one(tmp_path, monkeypatch) -> None:
    train_vae = pytest.importorskip("training.train_vae")
    monkeypatch.setattr(train_vae.checkpoint, "from_model", lambda *_: (lively(), {}))
    monkeypatch.setattr(train_vae.checkpoint, "ancestor", lambda *_: {})
    words = ["--data", "d", "--preset", "cpu", "--runs", str(tmp_path), "--start", "m", "--detail", "1", "--body", "0"]
    monkeypatch.setattr("sys.argv", ["train_vae", *words])
    monkeypatch.setattr(train_vae.torch, "set_num_threads", lambda _: None)
    with pytest.raises(TrainingError, match="--body: only beside a finer stage .* leave it out"):
        train_vae.main()


@pytest.mark.parametrize(
    ("name", "onward"),
    [
        *((name, "What is finished is kept; run the same command again") for name in ("procedural", "ceiling")),
        *((name, "Run the same command again; it begins anew.") for name in ("sketch", "fold", "upscale", "filter")),
        ("train_vae", "until the last checkpoint is kept: run the command again with --resume, in place of --start"),
        ("hearing.train", "--out holds what was learned, and --start goes on from it"),
    ],
)
def test_an_interrupted_command_says_its_own_way_on(name, onward, monkeypatch, capsys) -> None:
    def interrupted(*_) -> None:
        raise KeyboardInterrupt

    pytest.importorskip(f"training.{name}")
    monkeypatch.setattr("sys.argv", [name])
    monkeypatch.setattr(argparse.ArgumentParser, "parse_args", interrupted)
    monkeypatch.delitem(sys.modules, f"training.{name}")  # what ran before is not there in a new process
    with pytest.raises(SystemExit) as ended:
        runpy.run_module(f"training.{name}", run_name="__main__")
    told = capsys.readouterr().err
    assert ended.value.code == 130 and told.startswith("Interrupted. ") and onward in told


@pytest.mark.parametrize(
    ("name", "words"),
    [
        ("quantize_onnx", ["--data", "d"]),
        ("quantize_onnx", ["--data", "d", "--finer", "2"]),
        ("upscale", ["--data", "d"]),
        ("sketch", []),
        ("ceiling", ["--data", "d"]),
        ("gallery", ["--data", "d"]),
    ],
)
def test_a_folder_without_a_model_is_refused_before_any_work(
    name: str, words: list[str], tmp_path, monkeypatch
) -> None:
    main = getattr(pytest.importorskip(f"training.{name}"), "main")
    monkeypatch.setattr("sys.argv", [name, *words, "--models", str(tmp_path / "mymodel")])
    with pytest.raises(TrainingError, match="mymodel holds no model: it has no encoder.fp16.onnx. .*--models"):
        main()
    assert list(tmp_path.iterdir()) == []


def test_a_model_is_wanted_with_a_whole_card(tmp_path: Path) -> None:
    for name in ("encoder.fp16.onnx", "decoder.fp16.onnx", "anchors.npz"):
        with pytest.raises(TrainingError, match=f"it has no {name}"):
            card.require(tmp_path, card=False)
        (tmp_path / name).write_bytes(b"")
    card.require(tmp_path, card=False)
    with pytest.raises(TrainingError, match="has no decoder.int8.onnx"):
        card.require(tmp_path, "decoder.int8.onnx", card=False)
    with pytest.raises(TrainingError, match="has no meta.json; python -m training.quantize_onnx"):
        card.require(tmp_path)
    for damaged in ("{", "[]", '{"upscale": {}}'):
        (tmp_path / "meta.json").write_text(damaged)
        for needed in (True, False):  # what is damaged is not written over either
            with pytest.raises(TrainingError, match="meta.json is no model card, or is damaged"):
                card.require(tmp_path, card=needed)
    (tmp_path / "meta.json").write_text('{"files": {}, "latent": {}}')
    card.require(tmp_path)


def test_a_file_is_no_data_set(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(TrainingError, match="file is no data set"):
        manifest.read(tmp_path / "file")


def test_crops_hold_whole_cells_of_the_model(tmp_path: Path) -> None:
    pictures = large_pictures(tmp_path, 2, (128, 128))
    Crops(pictures, ((64, 1, 1.0),), cell=64)
    with pytest.raises(TrainingError, match="Crops of 96x96 do not hold whole cells; a multiple of 64 is wanted"):
        Crops(pictures, ((96, 1, 1.0),), cell=64)


def test_pictures_are_cut_to_whole_cells_in_their_middle(tmp_path: Path) -> None:
    whole, cut = large_pictures(tmp_path, 2, (100, 131), 1), dataset.load([tmp_path])
    assert (whole.size, cut.size, dataset.load([tmp_path], 48).size) == ((100, 131), (96, 128), (96, 96))
    assert all(np.array_equal(cut[k], whole[k][2:98, 1:129]) for k in range(len(whole)))
    assert cut.frame(0).shape == (3, 96, 128) and cut.digest == whole.digest


@pytest.mark.parametrize(("size", "multiple", "least"), [((63, 200), 32, 64), ((100, 100), 64, 128)])
def test_pictures_of_less_than_two_cells_are_refused_before_any_work(tmp_path, size, multiple, least) -> None:
    procedural.generate(tmp_path, ["abstract"], 2, 5, size, say=lambda text: None)
    with pytest.raises(TrainingError, match=rf"of {size[1]}x{size[0]}, too small .* at least {least}x{least} is"):
        dataset.load([tmp_path], multiple)
    assert not [*tmp_path.glob(".pixels-*")]


def test_a_model_with_norms_does_not_blend_with_a_folded_one() -> None:
    trained, start = lively(0), lively(1)
    norms.remove_norms(start.decoder)
    with pytest.raises(TrainingError, match="the trained one is with norms, the one of --start folded"):
        blend.blend(trained, start, 0.5)
