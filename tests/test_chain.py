"""From no data to a film of a new model: every command that a user would type, in order, on a small scale."""

import contextlib
import io
import json
import os
import runpy
import shutil
import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import onnx
import pytest
import tiny

from n2s.runtime.models.folder import ModelFolder
from n2s.runtime.store import Store

torch = pytest.importorskip("torch")

from training import checkpoint  # noqa: E402

# torch's exporter and lightning warn about their own use of torch.
pytestmark = [
    pytest.mark.filterwarnings(f"ignore::{kind}") for kind in ("FutureWarning", "DeprecationWarning", "UserWarning")
]

ROOT = Path(__file__).resolve().parent.parent
FILM = """\
n2s: 1
title: Mine
fps: 30
size: [128, 64]
seed: 3
nodes:
  music: {node: AudioSource, path: music.wav}
  sound: {node: Features, audio: music}
  first: {node: Weights, signal: 0, count: 2}
  anchors: {node: Anchors, weights: first, names: [mine, ember], model: model}
  drift: {node: Wander, latents: anchors, amount: 0.1}
  film: {node: VAEDecode, latents: drift, model: model, grid: [2, 4]}
  tone:
    node: Tone
    frames: film
    exposure: = 0.3 * sound.rms
  out: {node: FFmpegSink, frames: tone, audio: music, path: mine.mp4}
"""


def told_by(words: list, fails: bool = False) -> str:
    """Run a command in a process of its own; return what it said."""
    words = [str(word) for word in words]
    done = subprocess.run(words, capture_output=True, text=True, cwd=ROOT, check=False)
    assert (done.returncode != 0) == fails, f"{' '.join(words)}\n{done.stdout}\n{done.stderr}"
    return done.stdout + done.stderr


def command(name: str, *arguments: object, fails: bool = False) -> str:
    """Run `python -m` in this process, as another one takes seconds to import torch; return what it said."""
    said, status = io.StringIO(), 0
    with pytest.MonkeyPatch.context() as patch, contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        patch.setattr(sys, "argv", [name, *map(str, arguments)])
        patch.delitem(sys.modules, name, raising=False)  # what ran before is not there in a new process
        try:
            runpy.run_module(name, run_name="__main__")
        except SystemExit as end:
            status = end.code or 0
    assert status == (1 if fails else 0), f"{name}: {status}\n{said.getvalue()}"
    return said.getvalue()


def n2s(*arguments: object) -> str:
    return told_by([Path(sys.executable).with_name("n2s"), *arguments])


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    folder = tmp_path_factory.mktemp("chain")
    os.environ["N2S_STORE"], before = str(folder / "store"), os.environ.get("N2S_STORE")
    yield folder
    os.environ.pop("N2S_STORE") if before is None else os.environ.update(N2S_STORE=before)


@pytest.fixture
def one_thread(monkeypatch):
    """Let torch use one thread, whatever commands ask for: two wait for each other where other tests run as well."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with monkeypatch.context() as patch:
        patch.setattr(torch, "set_num_threads", lambda count: None)
        yield
    torch.set_num_threads(before)


@pytest.fixture
def few_anchors(monkeypatch):
    """Export three named anchors out of forty, of small pictures."""
    from training import anchors

    monkeypatch.setattr(anchors, "ANCHORS", {name: anchors.ANCHORS[name] for name in ("ember", "dawn", "neon")})
    picture = anchors.picture
    monkeypatch.setattr(anchors, "picture", lambda name: picture(name, (128, 256)))


def test_from_pictures_to_a_film(place, few_anchors, one_thread):
    data, run, outputs, model = place / "data", place / "runs/vae", place / "outputs", place / "model"
    python = (sys.executable, "-m")
    told_by([*python, "training.procedural", "--out", data, "--count", 5, "--size", 128])
    assert len(list(data.glob("*/*.png"))) == 25
    told_by([*python, "training.filter", data])
    assert (data / "data_card.md").exists()
    listed = (data / "manifest.csv").read_text()
    (data / "manifest.csv").write_text(listed.replace("CC0-1.0", "CC-BY-4.0"))  # pictures of somebody

    train = ("training.train_vae", "--data", data, "--preset", "cpu", "--perceptual", "none", "--runs", place / "runs",
             "--outputs", outputs, "--widths", 48, 32, 16, 16, "--crop", 64, "--batch", 4)  # fmt: skip
    told = command(*train, "--minutes", 0.06)
    assert "held out" in told and (outputs / "val_recon.png").exists() and (run / "curves.png").exists()
    assert "exists: go on with --resume" in command(*train, "--minutes", 0.2, fails=True)
    told = command(*train, "--minutes", 0.12, "--resume")
    assert "; at 0." in told and "; at 0.0 " not in told  # the minutes of before still count
    command("training.look", run / "last.ckpt", "--data", data, "--out", outputs)
    assert {p.stem for p in outputs.glob("*.png")} == {
        "val_recon",
        "interpolations",
        "walks",
        "traversals",
        "latent_map",
    }

    command("training.fold", run / "last.ckpt", "--data", data, "--minutes", 0.04, "--crop", 128,
            "--perceptual", "none")  # fmt: skip
    command("training.export_onnx", run / "folded.ckpt", "--data", data, "--out", model, "--outputs", outputs)
    command("training.quantize_onnx", "--data", data, "--models", model, "--outputs", outputs, "--perceptual", "none")
    card = json.loads((model / "meta.json").read_text())
    assert all(0.8 < deviation < 1.25 for deviation in card["latent"]["trained_aggregate"])
    assert set(card["files"]) == {"anchors.npz", "decoder.fp16.onnx", "decoder.int8.onnx", "encoder.fp16.onnx"}
    assert card["metrics"]["to_fp32"]["fp16"]["psnr_db"] > 50 and card["metrics"]["to_fp32"]["int8"]["psnr_db"] > 30
    unchosen = "none chosen yet; the pictures: CC-BY-4.0"
    assert card["licence"] == unchosen and card["data"]["licence"] == "CC-BY-4.0"
    for name in ("decoder.fp16.onnx", "decoder.int8.onnx", "encoder.fp16.onnx"):
        props = {entry.key: entry.value for entry in onnx.load(model / name).metadata_props}
        assert props["licence"] == unchosen, name
    assert json.loads((outputs / "parity.json").read_text())["folded_to_norms"]["psnr_db"] > 30

    train = [word for word in train if word not in ("--widths", 48, 32, 16)]
    command(*train, "--name", "again", "--start", model, "--minutes", 0.04)
    command("training.export_onnx", place / "runs/again/last.ckpt", "--data", data, "--out", place / "other",
            "--outputs", place / "other")  # fmt: skip

    picture = np.zeros((128, 256, 3), np.uint8)
    picture[:, :, 0], picture[:, 128:, 2] = 200, 220
    tiny.write_png(place / "mine.png", picture)
    n2s("anchors", "add", "mine", place / "mine.png", "--model", model, "--size", "64x128")
    tiny.write_wav(place / "music.wav", tiny.clicks(2))
    (place / "film.yaml").write_text(FILM)
    n2s("export", place / "film.yaml", "--port", "drift", "-o", place / "latents.npz")
    command("training.quantize_onnx", "--data", data, "--models", model, "--outputs", outputs, "--perceptual", "none",
            "--latents", place / "latents.npz")  # fmt: skip
    n2s("run", place / "film.yaml", "--out", place / "renders")
    with av.open(str(place / "renders/mine.mp4")) as film:
        frames = [frame.to_ndarray(format="rgb24") for frame in film.decode(video=0)]
    assert len(frames) == 60 and frames[30].shape == (64, 128, 3)
    folder = ModelFolder(model, Store(place / "store"))
    seen = folder.decoder("int8", "cpu", 1).decode(folder.anchor("mine")[None])[0].transpose(1, 2, 0)
    error = np.mean((frames[0] / 255 - seen.clip(0, 1)) ** 2)
    assert error < 0.3 * seen.clip(0, 1).var() + 0.01, "the film does not begin at the picture's anchor"
    if os.environ.get("N2S_NIGHTLY"):  # as long again
        gains_detail(place, train, model, outputs, python)


def gains_detail(place, train, model, outputs, python):
    """Give the model a decoder of twice the size and a net that enlarges frames, and make a larger film with them."""
    large = place / "large"
    told_by([*python, "training.procedural", "--out", large, "--count", 2, "--size", 256])
    train = [large if word == place / "data" else word for word in train]
    train[train.index("--crop") + 1] = 128
    more = ("--name", "x2", "--start", model, "--finer", 16, "--minutes", 0.04)
    assert "name its folder with --start" in command(*train, "--name", "no", "--finer", 16, fails=True)
    command(*train, *more)
    export = ("training.export_onnx", place / "runs/x2/last.ckpt", "--data", large, "--outputs", outputs)
    shutil.copy(model / "meta.json", place / "other")
    said = command(*export, "--out", place / "other", fails=True)
    assert "was not trained from the model in" in said
    command(*export, "--out", model)
    assert "x2" not in (model / "meta.json").read_text()  # the model is what it was until all of it is there
    command("training.quantize_onnx", "--data", large, "--models", model, "--outputs", outputs, "--perceptual", "none",
            "--finer", 2)  # fmt: skip
    card = json.loads((model / "meta.json").read_text())
    found = card["details"]["x2"]["metrics"]
    assert (
        card["details"]["x2"]["data"]["licence"] == "CC-BY-4.0, CC0-1.0"
    )  # the rest of it learned from other pictures
    assert card["details"]["x2"]["scale"] == 64 and "decoder.x2.int8.onnx" in card["files"]
    assert set(found["to_pictures"]) == {"fp32", "fp16", "int8", "stretched"}
    assert found["to_fp32"]["fp16"]["psnr_db"] > 50 and found["to_fp32"]["int8"]["psnr_db"] > 30
    measure = ("training.ceiling", "--data", large, "--models", model, "--outputs", outputs, "--perceptual", "none",
               "--steps", 3, 3, 3, "--cells")  # fmt: skip
    assert "Pictures of 256x256 are too small for crops of 512x512" in command(*measure, 8, fails=True)
    assert "stage:" in command(*measure, 2) and "stage:" not in command(*measure, 2)  # what is found stays found
    found_there = json.loads((model / "meta.json").read_text())["details"]["x2"]["ceiling"]
    assert set(found_there["to_pictures"]) == {"stretched", "x2", "others", "stage", "decoder"}
    assert found_there["to_pictures"]["x2"] == found["to_pictures"]["fp16"]
    assert found_there["to_pictures"]["stretched"] == found["to_pictures"]["stretched"]
    assert [len(curve) for curve in found_there["curves"].values()] == [4, 4]
    command("training.upscale", "--data", large, "--models", model, "--outputs", outputs, "--minutes", 0.03,
            "--crop", 64, "--channels", 16, "--depth", 1)  # fmt: skip
    assert json.loads((model / "meta.json").read_text())["upscale"]["scale"] == 2
    command("training.sketch", "--models", model, "--outputs", outputs, "--minutes", 0.03, "--count", 32,
            "--channels", 16, "--depth", 1)  # fmt: skip
    assert json.loads((model / "meta.json").read_text())["sketch"]["scale"] == 4
    sketch = ModelFolder(model, Store(place / "store")).decoder("auto", "cpu", 1, "sketch")
    assert sketch.decode(np.zeros((1, 8, 3, 5), np.float32)).shape == (1, 3, 12, 20)
    assert "start" not in card["details"]["x2"]["training"]
    command(*train, "--name", "more", "--start", model, "--detail", 2, "--minutes", 0.02)
    start = checkpoint.read(place / "runs/more/last.ckpt")["extra"]["start"]
    assert start["steps"] == card["details"]["x2"]["training"]["steps"]
    assert start["held_out"] == found["to_pictures"]["fp32"]["all"]

    film = (place / "film.yaml").read_text().replace("frames: tone,", "frames: large,")
    large_node = "  large: {node: Upscale, frames: tone, model: model}\n"
    (place / "film.yaml").write_text(film.replace("  out:", large_node + "  out:"))
    n2s("run", place / "film.yaml", "--size", "512x256", "--to", "0.2", "--out", place / "large-renders")
    with av.open(str(next((place / "large-renders").glob("*.mp4")))) as video:
        frame = next(video.decode(video=0)).to_ndarray(format="rgb24")
    fine, coarse = (
        ModelFolder(model, Store(place / "store")).decoder("int8", "cpu", 1, detail) for detail in ("x2", "x1")
    )
    assert (fine.scale, coarse.scale) == (64, 32)
    seen = fine.decode(ModelFolder(model, Store(place / "store")).anchor("mine")[None])[0].clip(0, 1)
    small = frame.reshape(128, 2, 256, 2, 3).mean(axis=(1, 3)) / 255
    assert np.mean((small - seen.transpose(1, 2, 0)) ** 2) < 0.3 * seen.var() + 0.01
