"""Anchors that cannot be, and changes that are cut short: the model stays whole, and what is said names the way out."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from anchored import SIZE, arrays, card

from n2s.graph.errors import RenderError
from n2s.runtime.models import anchors
from n2s.runtime.models.cards import shipped_folder
from n2s.runtime.models.folder import ModelFolder

# Refusing


@pytest.mark.parametrize("name", ["", "a b", "1st", "../a", "ä", "x" * 33, "null", "No"])
def test_names_that_are_none(name: str, add_anchor: Any, patches_picture: Path, full_model: Path) -> None:
    before = (full_model / "meta.json").read_bytes()
    status, _, err = add_anchor(name, patches_picture)
    assert status == 2 and "cannot name an anchor" in err and (full_model / "meta.json").read_bytes() == before


@pytest.mark.parametrize(
    ("arguments", "status", "said"),
    [
        (["red", "patches.png"], 2, "--force"),
        (["mine", "nowhere.png"], 2, "there is no such picture"),
        (["mine", "text.png"], 2, "cannot be read as a picture"),
        (["mine", "text.txt"], 2, "cannot be read as a picture"),
        (["mine", "dot.png"], 2, "at least 32x32"),
        (["mine"], 2, "Give one of these"),
        ([], 2, "Give one of these"),
        (["mine", "patches.png", "--random", "1"], 2, "Give one of these"),
        (["--random", "1", "--prefix", ""], 2, "cannot name an anchor"),
        (["mine", "patches.png", "--size", "100x64"], 2, "a multiple of 32"),
        (["mine", "patches.png", "--size", "huge"], 2, "--size takes"),
    ],
)
def test_refusals(
    arguments: list[str],
    status: int,
    said: str,
    add_anchor: Any,
    patches_picture: Path,
    tmp_path: Path,
    full_model: Path,
) -> None:
    for name in ("text.png", "text.txt"):
        (tmp_path / name).write_text("this is no picture\n" * 20)
    tiny.write_png(tmp_path / "dot.png", np.zeros((1, 1, 3), np.uint8))
    before = (full_model / "anchors.npz").read_bytes()
    got, _, err = add_anchor(*arguments)
    assert got == status and said in err and "Traceback" not in err
    assert (full_model / "anchors.npz").read_bytes() == before


def test_a_model_without_an_encoder(add_anchor: Any, full_model: Path, patches_picture: Path) -> None:
    (full_model / "encoder.fp32.onnx").unlink()
    tiny.write_card(full_model)
    status, _, err = add_anchor("mine", patches_picture)
    assert status == 1 and "has no encoder" in err
    assert add_anchor("--random", 1)[0] == 0  # needs none


def test_files_that_are_not_the_cards(
    add_anchor: Any, anchors_command: Any, full_model: Path, patches_picture: Path, tmp_path: Path
) -> None:
    encoder = (full_model / "encoder.fp32.onnx").read_bytes()
    (full_model / "encoder.fp32.onnx").write_bytes(encoder + b"\0")
    status, _, err = add_anchor("mine", patches_picture)
    assert status == 1 and "is not the file its card describes" in err
    shutil.copy(full_model / "decoder.fp32.onnx", full_model / "encoder.fp32.onnx")
    tiny.write_card(full_model)
    status, _, err = add_anchor("mine", patches_picture)
    assert status == 1 and "encod" in err and "Traceback" not in err
    (full_model / "anchors.npz").write_bytes((full_model / "anchors.npz").read_bytes()[:-100])
    status, _, err = anchors_command("list", "--model", full_model)
    assert status == 1 and "is not the file its card describes" in err
    status, _, err = anchors_command("list", "--model", tmp_path)
    assert status == 2 and "There is no model" in err


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may write everywhere")
def test_a_folder_that_cannot_be_written(add_anchor: Any, full_model: Path, patches_picture: Path) -> None:
    full_model.chmod(0o555)
    try:
        status, _, err = add_anchor("mine", patches_picture)
    finally:
        full_model.chmod(0o755)
    assert status == 1 and "--copy-to" in err


def test_a_failed_check_of_the_folder_names_the_way_out(
    add_anchor: Any, patches_picture: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(folder: Path) -> None:
        raise RenderError("…") from PermissionError(13, "Permission denied")

    monkeypatch.setattr(anchors, "check_folder", refuse)
    status, _, err = add_anchor("mine", patches_picture)
    assert status == 1 and "Permission denied" in err and "--copy-to FOLDER" in err


def test_the_shipped_model_is_not_changed_unasked(anchors_command: Any) -> None:
    before = (shipped_folder() / "meta.json").read_bytes()
    status, _, err = anchors_command("add", "--random", 1)
    assert status == 2 and "--copy-to FOLDER" in err
    assert anchors_command("remove", "ember")[0] == 2
    assert (shipped_folder() / "meta.json").read_bytes() == before


def test_a_copy_is_changed_and_the_model_is_not(
    anchors_command: Any, full_model: Path, patches_picture: Path, tmp_path: Path
) -> None:
    before = {path.name: path.read_bytes() for path in full_model.iterdir()}
    arguments = ("--size", SIZE, "--model", full_model, "--copy-to", "mine")
    assert anchors_command("add", "mine", "nowhere.png", *arguments)[0] == 2 and not (tmp_path / "mine").exists()
    assert anchors_command("add", "mine", patches_picture, *arguments)[0] == 0
    assert {path.name: path.read_bytes() for path in full_model.iterdir()} == before
    assert list(arrays(tmp_path / "mine")) == ["red", "green", "blue", "mine"]
    assert (tmp_path / "mine" / "anchors.png").is_file()
    status, _, err = anchors_command("add", "other", patches_picture, *arguments)
    assert status == 2 and "already holds a model" in err
    (tmp_path / "mine").rename(tmp_path / "my model")
    err = anchors_command("add", "other", patches_picture, *arguments[:-1], "my model")[2]
    assert "change that one with --model 'my model'." in err
    (tmp_path / "my model").rename(tmp_path / "mine")
    assert anchors_command("remove", "red", "--model", tmp_path / "mine")[0] == 0


# Cut short


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_change_that_is_cut_short_leaves_a_whole_model(
    writes: int,
    add_anchor: Any,
    anchors_command: Any,
    full_model: Path,
    patches_picture: Path,
    store: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    original, left = anchors.publish, iter(range(writes))

    def publish(path: Path, write: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        original(path, write)

    before = arrays(full_model)
    monkeypatch.setattr(anchors, "publish", publish)
    assert add_anchor("mine", patches_picture)[0] == 130
    monkeypatch.setattr(anchors, "publish", original)
    assert ModelFolder(full_model, store).anchor("red").tobytes() == before["red"].tobytes()  # films still render
    assert set(card(full_model).get("anchors", [])) <= set(arrays(full_model))
    status, out, _ = anchors_command("list", "--model", full_model)
    assert status == 0 and ("mine" in out) == (writes == 2)
    assert anchors_command("remove", "blue", "--model", full_model)[0] == 0
    assert add_anchor("mine", patches_picture, "--force")[0] == 0
    assert list(arrays(full_model)) == card(full_model)["anchors"] == ["red", "green", "mine"]
    assert "next" not in card(full_model)["files"]["anchors.npz"]


def test_a_removal_that_is_cut_short(
    anchors_command: Any, full_model: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    original, left = anchors.publish, iter(range(2))

    def publish(path: Path, write: Any) -> None:
        if next(left, None) is None:
            raise KeyboardInterrupt
        original(path, write)

    monkeypatch.setattr(anchors, "publish", publish)
    assert anchors_command("remove", "blue", "--model", full_model)[0] == 130
    assert list(arrays(full_model)) == card(full_model)["anchors"] == ["red", "green"]
    assert ModelFolder(full_model, store).anchor("red").shape == (8, 16, 16)


def test_changes_at_once_lose_nothing(full_model: Path, store: Any) -> None:
    latents = np.ones((tiny.CHANNELS, 2, 2), np.float32)
    names = [f"at-once-{i}" for i in range(6)]
    with ThreadPoolExecutor(6) as pool:
        list(pool.map(lambda name: anchors.change(full_model, store, {name: anchors.Anchor(latents, "")}), names))
    assert set(names) <= set(arrays(full_model)) == set(card(full_model)["anchors"])
    assert ModelFolder(full_model, store).anchor(names[0]).shape == (tiny.CHANNELS, 2, 2)
