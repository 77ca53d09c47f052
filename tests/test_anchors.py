"""Anchors of one's own: from pictures, draws and data sets; what a film makes of them; changes that are cut short."""

from __future__ import annotations

import json
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s.graph.errors import RenderError
from n2s.graph.graph import Graph
from n2s.runtime.media.pictures import read_picture
from n2s.runtime.models import anchor_sources, anchors
from n2s.runtime.models.cards import shipped_folder
from n2s.runtime.models.folder import ModelFolder

ROWS, COLUMNS = 2, 4
SIZE = f"{32 * ROWS}x{32 * COLUMNS}"


def tiny_encoder(folder: Path) -> None:
    """Write the encoder that undoes the tiny decoder: means of 32 x 32 pixels, its sigmoid and its matrix inverted."""
    from onnx import TensorProto, helper, numpy_helper

    inverse = np.linalg.pinv(decoder_matrix()).astype(np.float32)[:, :, None, None]
    constants = {"low": np.float32(0.004), "high": np.float32(0.996), "one": np.float32(1), "inverse": inverse}
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["frames"], ["mean"], kernel_shape=[32, 32], strides=[32, 32]),
            helper.make_node("Clip", ["mean", "low", "high"], ["p"]),
            helper.make_node("Sub", ["one", "p"], ["q"]),
            helper.make_node("Div", ["p", "q"], ["odds"]),
            helper.make_node("Log", ["odds"], ["logit"]),
            helper.make_node("Conv", ["logit", "inverse"], ["latents"]),
        ],
        "tiny encoder",
        [helper.make_tensor_value_info("frames", TensorProto.FLOAT, ["n", 3, "H", "W"])],
        [helper.make_tensor_value_info("latents", TensorProto.FLOAT, ["n", tiny.CHANNELS, "h", "w"])],
        [numpy_helper.from_array(np.asarray(value), name) for name, value in constants.items()],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=9)
    (folder / "encoder.fp32.onnx").write_bytes(model.SerializeToString())


def decoder_matrix() -> np.ndarray:
    """Return the tiny decoder's weights (3, C)."""
    return np.random.default_rng(5).normal(0, 0.6, (3, tiny.CHANNELS, 1, 1)).astype(np.float32)[:, :, 0, 0]


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A tiny model with an encoder."""
    folder = tiny.tiny_model(tmp_path / "model")
    tiny_encoder(folder)
    tiny.write_card(folder)
    return folder


@pytest.fixture
def picture(tmp_path: Path) -> Path:
    """Patches of 32 x 32 pixels, whose latents have a spread of 0.85."""
    return tiny.write_png(tmp_path / "patches.png", patches())


def patches() -> np.ndarray:
    """Return uint8 (64, 128, 3): what latents of spread 0.85 decode to, that lie in what the decoder sees."""
    matrix = decoder_matrix()
    latents = np.linalg.pinv(matrix) @ matrix @ np.random.default_rng(3).normal(size=(tiny.CHANNELS, ROWS * COLUMNS))
    latents *= 0.85 / anchors.spread(latents)
    shown = 1 / (1 + np.exp(-(matrix @ latents))).reshape(3, ROWS, COLUMNS)
    return np.rint(255 * shown.repeat(32, axis=1).repeat(32, axis=2)).astype(np.uint8).transpose(1, 2, 0)


@pytest.fixture
def call(n2s: Any):
    """Run n2s anchors; return its status and what it said."""
    return lambda *arguments: n2s("anchors", *arguments)


@pytest.fixture
def add(call: Any, model: Path):
    """Add to the model, pictures at the size of the patches where no other is given."""

    def run(*arguments: Any) -> tuple[int, str, str]:
        size = () if "--size" in arguments else ("--size", SIZE)
        return call("add", *arguments, *size, "--model", model)

    return run


def card(folder: Path) -> dict[str, Any]:
    return json.loads((folder / "meta.json").read_text())


def arrays(folder: Path) -> dict[str, np.ndarray]:
    with np.load(folder / "anchors.npz") as archive:
        return dict(archive)


def film(folder: Path, model: Path, names: list[str]) -> Graph:
    """Return a graph that decodes a blend of anchors."""
    count = len(names)
    return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [32 * COLUMNS, 32 * ROWS], "nodes": {
        "ramp": {"node": "Keyframes", "points": [[0, 0], [1, 1]]},
        "track": {"node": "AudioSource", "path": str(folder / "music.wav")},
        "weights": {"node": "Weights", "signal": "ramp", "count": count},
        "anchors": {"node": "Anchors", "weights": "weights", "names": names, "model": str(model)},
        "film": {"node": "VAEDecode", "latents": "anchors", "model": str(model), "grid": [ROWS, COLUMNS]},
        "out": {"node": "DigestSink", "frames": "film", "audio": "track", "path": "frames.txt"},
    }}, folder)  # fmt: skip


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return tiny.write_wav(tmp_path / "music.wav", tiny.clicks(0.4))


# Adding


def test_a_picture_becomes_an_anchor_and_a_film_shows_it(
    add: Any, model: Path, picture: Path, music: Path, tmp_path: Path, store: Any
) -> None:
    status, out, _ = add("mine", picture)
    assert status == 0 and out.startswith("mine      2x4  spread 0.85  picture patches.png\n")
    assert ModelFolder(model, store).anchor("mine").shape == (tiny.CHANNELS, ROWS, COLUMNS)
    assert harness.run(film(tmp_path, model, ["mine", "mine"]), tmp_path / "out", store).frames == 12
    (frame,) = harness.frames(film(tmp_path, model, ["mine", "mine"]), store, "film", [(3, 4)])
    np.testing.assert_allclose(frame, read_picture(picture), atol=0.01)


def test_the_others_keep_their_bytes_and_the_card_its_form(add: Any, model: Path, picture: Path) -> None:
    before = arrays(model)
    assert add("mine", picture)[0] == 0
    after = arrays(model)
    assert list(after) == [*before, "mine"] and all(after[name].tobytes() == before[name].tobytes() for name in before)
    text = (model / "meta.json").read_text()
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
    assert card(model)["anchors"] == list(after) and set(card(model)["files"]["anchors.npz"]) == {"sha256", "bytes"}


def test_the_same_changes_make_the_same_bytes(add: Any, call: Any, model: Path, picture: Path) -> None:
    assert add("mine", picture)[0] == 0
    archive, meta = (model / "anchors.npz").read_bytes(), (model / "meta.json").read_bytes()
    assert add("other", picture)[0] == 0 and call("remove", "other", "--model", model)[0] == 0
    assert (model / "anchors.npz").read_bytes() == archive and (model / "meta.json").read_bytes() == meta
    assert add("mine", picture, "--force")[0] == 0
    assert (model / "anchors.npz").read_bytes() == archive


def test_names_that_numpy_uses_itself(add: Any, model: Path) -> None:
    assert add("--random", 1, "--prefix", "file")[0] == 0
    data = tiny.write_png(model.parent / "p.png", patches())
    assert add("file", data)[0] == 0
    assert {"file", "file-1"} <= set(arrays(model))


def test_draws_are_smooth_of_unit_variance_and_repeat(add: Any, model: Path) -> None:
    assert add("--random", 3)[0] == 0
    first = arrays(model)
    assert list(first)[-3:] == ["drift-1", "drift-2", "drift-3"]
    assert add("--random", 2, "--force")[0] == 0
    again = arrays(model)
    assert all(again[name].tobytes() == first[name].tobytes() for name in first)
    assert add("--random", 2, "--seed", 2, "--prefix", "b")[0] == 0
    assert not np.array_equal(arrays(model)["b-1"], first["drift-1"])
    many = np.stack([anchor_sources.random_latents(1, i, 8, (16, 32)) for i in range(60)])
    assert abs(many.mean()) < 0.1 and 0.9 < many.std() < 1.1
    assert np.mean(np.diff(many, axis=3) ** 2) < 0.1  # of white noise it is 2


@pytest.mark.parametrize("form", ["turned", "grey", "transparent"])
def test_other_forms_of_pictures(form: str, add: Any, model: Path, picture: Path, tmp_path: Path) -> None:
    image = pytest.importorskip("PIL.Image")
    pixels = patches()
    path = tmp_path / f"{form}.png"
    if form == "turned":
        meant = image.fromarray(np.rot90(pixels).copy())  # EXIF 6: to be shown turned clockwise
        exif = meant.getexif()
        exif[274] = 6
        meant.save(path, exif=exif)
    elif form == "grey":
        image.fromarray(pixels[..., 1]).save(path)
        picture = tiny.write_png(tmp_path / "grey-rgb.png", pixels[..., 1:2].repeat(3, axis=2))
    else:
        image.fromarray(np.dstack([pixels, np.full(pixels.shape[:2], 90, np.uint8)])).save(path)
    assert add("plain", picture)[0] == 0 and add("other", path)[0] == 0
    made = arrays(model)
    np.testing.assert_array_equal(made["other"], made["plain"])


def test_another_anchor_renders_no_film_again(
    add: Any, model: Path, picture: Path, music: Path, tmp_path: Path, store: Any
) -> None:
    names = ["red", "green"]
    assert harness.run(film(tmp_path, model, names), tmp_path / "out", store).rendered == 1
    assert add("mine", picture)[0] == 0
    assert harness.run(film(tmp_path, model, names), tmp_path / "elsewhere", store).rendered == 0
    assert harness.run(film(tmp_path, model, ["red", "mine"]), tmp_path / "out", store).rendered == 1
    assert add("red", picture, "--force")[0] == 0
    assert harness.run(film(tmp_path, model, names), tmp_path / "out", store).rendered == 1


# Data sets


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Two styles of two kinds of picture each; one was rejected, and is none."""
    folder = tmp_path / "data"
    rng = np.random.default_rng(8)
    lines = ["file,style,index,accepted"]
    for style, kinds in {"warm": [(230, 120, 40), (150, 30, 20)], "cold": [(20, 60, 200), (120, 220, 220)]}.items():
        (folder / style).mkdir(parents=True)
        for i in range(7):
            name = f"{style}/{style}-{i:06d}.png"
            pixels = np.clip(np.array(kinds[i % 2]) + rng.normal(0, 6, (2, 2, 3)), 0, 255).astype(np.uint8)
            tiny.write_png(folder / name, pixels.repeat(32, axis=0).repeat(32, axis=1))
            lines.append(f"{name},{style},{i},{'yes' if i else 'no'}")
        (folder / f"{style}/{style}-000000.png").write_text("rejected")
    (folder / "manifest.csv").write_text("\n".join(lines) + "\n")
    return folder


def test_a_data_set_gives_pictures_that_stand_for_its_styles(add: Any, model: Path, data: Path) -> None:
    status, out, err = add("--data", data, "--per-style", 2)
    assert status == 0 and "cold: 6 of 6 pictures" in err
    made = arrays(model)
    assert list(made)[-4:] == ["cold-1", "cold-2", "warm-1", "warm-2"]
    for style in ("cold", "warm"):
        sources = [card(model)["anchor_sources"][f"{style}-{i}"] for i in (1, 2)]
        assert all(source.startswith(f"data {style}/{style}-") for source in sources)
        assert {int(source[-5]) % 2 for source in sources} == {0, 1}  # one of each kind
    archive = (model / "anchors.npz").read_bytes()
    assert add("--data", data, "--per-style", 2, "--force")[0] == 0
    assert (model / "anchors.npz").read_bytes() == archive
    assert add("--data", data, "--per-style", 9, "--most", 3, "--prefix", "fine")[0] == 0
    assert [name for name in arrays(model) if name.startswith("fine-warm")] == [f"fine-warm-{i}" for i in (1, 2, 3)]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (None, "no data set"),
        ("a,b\n1,2\n", "lacks the column file and style"),
        ("file,style\n../x.png,warm\n", "row 2"),
        ("file,style\nwarm/x.png\n", "row 2"),
        ("file,style,accepted\nwarm/x.png,warm,no\n", "no accepted pictures"),
        ("file,style\nwarm/x.png,warm\n", "there is no such picture"),
        ("file,style\nx.png,a b\n", '"a b-1" cannot name an anchor'),
    ],
)
def test_data_sets_that_are_none(text: str | None, said: str, add: Any, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    if text is not None:
        (tmp_path / "other" / "manifest.csv").write_text(text)
    status, _, err = add("--data", tmp_path / "other")
    assert status in (1, 2) and said in err and "Traceback" not in err


# Listing, removing, looking


def test_list_and_remove(add: Any, call: Any, model: Path, picture: Path) -> None:
    assert add("mine", picture)[0] == 0
    status, out, _ = call("list", "--model", model)
    assert status == 0 and [line.split()[0] for line in out.splitlines()] == ["red", "green", "blue", "mine"]
    assert "16x16" in out and "the model's own" in out and "picture patches.png" in out
    listed = [json.loads(line) for line in call("list", "--model", model, "--json")[1].splitlines()]
    assert listed[-1] == {"name": "mine", "grid": [2, 4], "spread": listed[-1]["spread"], "from": "picture patches.png"}
    status, out, _ = call("remove", "green", "mine", "--model", model)
    assert (status, out) == (0, f"removed green, mine\n{model / 'anchors.png'}\n")
    assert list(arrays(model)) == card(model)["anchors"] == ["red", "blue"]
    assert call("remove", "gren", "--model", model)[0] == 2
    status, _, err = call("remove", "red", "blue", "--model", model)
    assert status == 2 and "at least one" in err and list(arrays(model)) == ["red", "blue"]


def test_thumbnails(add: Any, call: Any, model: Path, picture: Path, tmp_path: Path) -> None:
    assert add("mine", picture)[0] == 0
    shown = tiny.read_png(model / "anchors.png")
    assert shown.shape[1] in (8 + 4 * 348, 8 + 2 * 348, 8 + 3 * 348)  # tiles of 340, 8 between them
    assert call("sheet", "look/sheet.png", "--model", model)[0] == 0
    np.testing.assert_array_equal(tiny.read_png(tmp_path / "look" / "sheet.png"), shown)
    assert add("--random", 40)[0] == 0
    assert tiny.read_png(model / "anchors.png").shape[1] <= 2000
    assert call("sheet", "sheet.jpg", "--model", model)[0] == 2


def test_an_undrawn_sheet_fails_no_change(add: Any, model: Path, picture: Path) -> None:
    (model / "decoder.fp32.onnx").write_bytes(b"no decoder")
    status, _, err = add("mine", picture)
    assert status == 0 and "thumbnails were not drawn" in err and "mine" in arrays(model)


# Refusing


@pytest.mark.parametrize("name", ["", "a b", "1st", "../a", "ä", "x" * 33, "null", "No"])
def test_names_that_are_none(name: str, add: Any, picture: Path, model: Path) -> None:
    before = (model / "meta.json").read_bytes()
    status, _, err = add(name, picture)
    assert status == 2 and "cannot name an anchor" in err and (model / "meta.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["red", "patches.png"], 2, "--force"),
        (["mine", "nowhere.png"], 2, "there is no such picture"),
        (["mine", "text.png"], 1, "cannot be read as a picture"),
        (["mine", "text.txt"], 1, "cannot be read as a picture"),
        (["mine", "dot.png"], 1, "at least 32x32"),
        (["mine"], 2, "Give one of these"),
        ([], 2, "Give one of these"),
        (["mine", "patches.png", "--random", "1"], 2, "Give one of these"),
        (["--random", "1", "--prefix", ""], 2, "cannot name an anchor"),
        (["mine", "patches.png", "--size", "100x64"], 2, "a multiple of 32"),
        (["mine", "patches.png", "--size", "huge"], 2, "--size takes"),
    ],
)
def test_refusals(
    arguments: list[str], status: int, said: str, add: Any, picture: Path, tmp_path: Path, model: Path
) -> None:
    for name in ("text.png", "text.txt"):
        (tmp_path / name).write_text("this is no picture\n" * 20)
    tiny.write_png(tmp_path / "dot.png", np.zeros((1, 1, 3), np.uint8))
    before = (model / "anchors.npz").read_bytes()
    got, _, err = add(*arguments)
    assert got == status and said in err and "Traceback" not in err
    assert (model / "anchors.npz").read_bytes() == before


def test_a_model_without_an_encoder(add: Any, model: Path, picture: Path) -> None:
    (model / "encoder.fp32.onnx").unlink()
    tiny.write_card(model)
    status, _, err = add("mine", picture)
    assert status == 1 and "has no encoder" in err
    assert add("--random", 1)[0] == 0  # needs none


def test_files_that_are_not_the_cards(add: Any, call: Any, model: Path, picture: Path, tmp_path: Path) -> None:
    encoder = (model / "encoder.fp32.onnx").read_bytes()
    (model / "encoder.fp32.onnx").write_bytes(encoder + b"\0")
    status, _, err = add("mine", picture)
    assert status == 1 and "is not the file its card describes" in err
    shutil.copy(model / "decoder.fp32.onnx", model / "encoder.fp32.onnx")
    tiny.write_card(model)
    status, _, err = add("mine", picture)
    assert status == 1 and "encod" in err and "Traceback" not in err
    (model / "anchors.npz").write_bytes((model / "anchors.npz").read_bytes()[:-100])
    status, _, err = call("list", "--model", model)
    assert status == 1 and "is not the file its card describes" in err
    status, _, err = call("list", "--model", tmp_path)
    assert status == 2 and "There is no model" in err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(add: Any, model: Path, picture: Path) -> None:
    model.chmod(0o555)
    try:
        status, _, err = add("mine", picture)
    finally:
        model.chmod(0o755)
    assert status == 1 and "--copy-to" in err


def test_a_failed_check_of_the_folder_names_the_way_out(
    add: Any, picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise RenderError("…") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(anchors, "check_folder", refuse)
    status, _, err = add("mine", picture)
    assert status == 1 and "Permission denied" in err and "--copy-to FOLDER" in err


def test_the_shipped_model_is_not_changed_unasked(call: Any) -> None:
    before = (shipped_folder() / "meta.json").read_bytes()
    status, _, err = call("add", "--random", 1)
    assert status == 2 and "--copy-to FOLDER" in err
    assert call("remove", "ember")[0] == 2
    assert (shipped_folder() / "meta.json").read_bytes() == before


def test_a_copy_is_changed_and_the_model_is_not(call: Any, model: Path, picture: Path, tmp_path: Path) -> None:
    before = {path.name: path.read_bytes() for path in model.iterdir()}
    arguments = ("--size", SIZE, "--model", model, "--copy-to", "mine")
    assert call("add", "mine", "nowhere.png", *arguments)[0] == 2 and not (tmp_path / "mine").exists()
    assert call("add", "mine", picture, *arguments)[0] == 0
    assert {path.name: path.read_bytes() for path in model.iterdir()} == before
    assert list(arrays(tmp_path / "mine")) == ["red", "green", "blue", "mine"]
    assert (tmp_path / "mine" / "anchors.png").is_file()
    status, _, err = call("add", "other", picture, *arguments)
    assert status == 2 and "already holds a model" in err
    assert call("remove", "red", "--model", tmp_path / "mine")[0] == 0


# Cut short


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_change_that_is_cut_short_leaves_a_whole_model(
    writes: int, add: Any, call: Any, model: Path, picture: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, left = anchors.publish, iter(range(writes))

    def publish(path: Path, write: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        original(path, write)

    before = arrays(model)
    monkeypatch.setattr(anchors, "publish", publish)
    assert add("mine", picture)[0] == 130
    monkeypatch.setattr(anchors, "publish", original)
    assert ModelFolder(model, store).anchor("red").tobytes() == before["red"].tobytes()  # films still render
    assert set(card(model).get("anchors", [])) <= set(arrays(model))
    status, out, _ = call("list", "--model", model)
    assert status == 0 and ("mine" in out) == (writes == 2)
    assert call("remove", "blue", "--model", model)[0] == 0
    assert add("mine", picture, "--force")[0] == 0
    assert list(arrays(model)) == card(model)["anchors"] == ["red", "green", "mine"]
    assert "next" not in card(model)["files"]["anchors.npz"]


def test_a_removal_that_is_cut_short(call: Any, model: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    original, left = anchors.publish, iter(range(2))

    def publish(path: Path, write: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        original(path, write)

    monkeypatch.setattr(anchors, "publish", publish)
    assert call("remove", "blue", "--model", model)[0] == 130
    assert list(arrays(model)) == card(model)["anchors"] == ["red", "green"]
    assert ModelFolder(model, store).anchor("red").shape == (8, 16, 16)


def test_changes_at_once_lose_nothing(model: Path, store: Any) -> None:
    latents = np.ones((tiny.CHANNELS, 2, 2), np.float32)
    names = [f"at-once-{i}" for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: anchors.change(model, store, {name: anchors.Anchor(latents, "")}), names))
    assert set(names) <= set(arrays(model)) == set(card(model)["anchors"])
    assert ModelFolder(model, store).anchor(names[0]).shape == (tiny.CHANNELS, 2, 2)
