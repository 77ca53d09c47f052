"""Anchors of one's own: from pictures, draws and data sets; what a film makes of them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from anchored import COLUMNS, ROWS, arrays, card, patches

from n2s.graph.graph import Graph
from n2s.runtime.media.pictures import read_picture
from n2s.runtime.models import anchor_sources
from n2s.runtime.models.folder import ModelFolder


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
    add_anchor: Any, full_model: Path, patches_picture: Path, music: Path, tmp_path: Path, store: Any
) -> None:
    status, out, _ = add_anchor("mine", patches_picture)
    assert status == 0 and out.startswith("mine      2x4  spread 0.85  picture patches.png\n")
    assert ModelFolder(full_model, store).anchor("mine").shape == (tiny.CHANNELS, ROWS, COLUMNS)
    assert harness.run(film(tmp_path, full_model, ["mine", "mine"]), tmp_path / "out", store).frames == 12
    (frame,) = harness.frames(film(tmp_path, full_model, ["mine", "mine"]), store, "film", [(3, 4)])
    np.testing.assert_allclose(frame, read_picture(patches_picture), atol=0.01)


def test_the_others_keep_their_bytes_and_the_card_its_form(
    add_anchor: Any, full_model: Path, patches_picture: Path
) -> None:
    before = arrays(full_model)
    assert add_anchor("mine", patches_picture)[0] == 0
    after = arrays(full_model)
    assert list(after) == [*before, "mine"] and all(after[name].tobytes() == before[name].tobytes() for name in before)
    text = (full_model / "meta.json").read_text()
    assert text == json.dumps(json.loads(text), indent=1, ensure_ascii=False) + "\n"
    assert card(full_model)["anchors"] == list(after) and set(card(full_model)["files"]["anchors.npz"]) == {
        "sha256",
        "bytes",
    }


def test_the_same_changes_make_the_same_bytes(
    add_anchor: Any, anchors_command: Any, full_model: Path, patches_picture: Path
) -> None:
    assert add_anchor("mine", patches_picture)[0] == 0
    archive, meta = (full_model / "anchors.npz").read_bytes(), (full_model / "meta.json").read_bytes()
    assert (
        add_anchor("other", patches_picture)[0] == 0
        and anchors_command("remove", "other", "--model", full_model)[0] == 0
    )
    assert (full_model / "anchors.npz").read_bytes() == archive and (full_model / "meta.json").read_bytes() == meta
    assert add_anchor("mine", patches_picture, "--force")[0] == 0
    assert (full_model / "anchors.npz").read_bytes() == archive


def test_names_that_numpy_uses_itself(add_anchor: Any, full_model: Path) -> None:
    assert add_anchor("--random", 1, "--prefix", "file")[0] == 0
    data = tiny.write_png(full_model.parent / "p.png", patches())
    assert add_anchor("file", data)[0] == 0
    assert {"file", "file-1"} <= set(arrays(full_model))


def test_draws_are_smooth_of_unit_variance_and_repeat(add_anchor: Any, full_model: Path) -> None:
    assert add_anchor("--random", 3)[0] == 0
    first = arrays(full_model)
    assert list(first)[-3:] == ["drift-1", "drift-2", "drift-3"]
    assert add_anchor("--random", 2, "--force")[0] == 0
    again = arrays(full_model)
    assert all(again[name].tobytes() == first[name].tobytes() for name in first)
    assert add_anchor("--random", 2, "--seed", 2, "--prefix", "b")[0] == 0
    assert not np.array_equal(arrays(full_model)["b-1"], first["drift-1"])
    many = np.stack([anchor_sources.random_latents(1, i, 8, (16, 32)) for i in range(60)])
    assert abs(many.mean()) < 0.1 and 0.9 < many.std() < 1.1
    assert np.mean(np.diff(many, axis=3) ** 2) < 0.1  # of white noise it is 2


@pytest.mark.parametrize("form", ["turned", "grey", "transparent"])
def test_other_forms_of_pictures(
    form: str, add_anchor: Any, full_model: Path, patches_picture: Path, tmp_path: Path
) -> None:
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
        patches_picture = tiny.write_png(tmp_path / "grey-rgb.png", pixels[..., 1:2].repeat(3, axis=2))
    else:
        image.fromarray(np.dstack([pixels, np.full(pixels.shape[:2], 90, np.uint8)])).save(path)
    assert add_anchor("plain", patches_picture)[0] == 0 and add_anchor("other", path)[0] == 0
    made = arrays(full_model)
    np.testing.assert_array_equal(made["other"], made["plain"])


def test_another_anchor_renders_no_film_again(
    add_anchor: Any, full_model: Path, patches_picture: Path, music: Path, tmp_path: Path, store: Any
) -> None:
    names = ["red", "green"]
    assert harness.run(film(tmp_path, full_model, names), tmp_path / "out", store).rendered == 1
    assert add_anchor("mine", patches_picture)[0] == 0
    assert harness.run(film(tmp_path, full_model, names), tmp_path / "elsewhere", store).rendered == 0
    assert harness.run(film(tmp_path, full_model, ["red", "mine"]), tmp_path / "out", store).rendered == 1
    assert add_anchor("red", patches_picture, "--force")[0] == 0
    assert harness.run(film(tmp_path, full_model, names), tmp_path / "out", store).rendered == 1


@pytest.mark.parametrize(
    ("entry", "value", "told"),
    [
        ("anchor_sources", ["red"], "its anchor_sources are no names with texts"),
        ("anchor_sources", {"red": 3}, "its anchor_sources are no names with texts"),
        ("anchors", "red", "its anchors are no list of names"),
        ("anchors", [1], "its anchors are no list of names"),
        ("details", ["x2"], "AttributeError"),
        ("sketch", 4, "TypeError"),
    ],
)
def test_a_card_with_an_odd_entry_is_told(
    entry: str, value: Any, told: str, add_anchor: Any, anchors_command: Any, full_model: Path, patches_picture: Path
) -> None:
    odd = json.dumps(card(full_model) | {entry: value})
    (full_model / "meta.json").write_text(odd)
    for status, _, err in (
        anchors_command("list", "--model", full_model),
        add_anchor("mine", patches_picture),
    ):
        assert status != 0 and "meta.json is no model card" in err and told in err and "Traceback" not in err
    assert (full_model / "meta.json").read_text() == odd


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


def test_a_data_set_gives_pictures_that_stand_for_its_styles(add_anchor: Any, full_model: Path, data: Path) -> None:
    status, out, err = add_anchor("--data", data, "--per-style", 2)
    assert status == 0 and "cold: 6 of 6 pictures" in err
    made = arrays(full_model)
    assert list(made)[-4:] == ["cold-1", "cold-2", "warm-1", "warm-2"]
    for style in ("cold", "warm"):
        sources = [card(full_model)["anchor_sources"][f"{style}-{i}"] for i in (1, 2)]
        assert all(source.startswith(f"data {style}/{style}-") for source in sources)
        assert {int(source[-5]) % 2 for source in sources} == {0, 1}  # one of each kind
    archive = (full_model / "anchors.npz").read_bytes()
    assert add_anchor("--data", data, "--per-style", 2, "--force")[0] == 0
    assert (full_model / "anchors.npz").read_bytes() == archive
    assert add_anchor("--data", data, "--per-style", 9, "--most", 3, "--prefix", "fine")[0] == 0
    assert [name for name in arrays(full_model) if name.startswith("fine-warm")] == [
        f"fine-warm-{i}" for i in (1, 2, 3)
    ]


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
def test_data_sets_that_are_none(text: str | None, said: str, add_anchor: Any, tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    if text is not None:
        (tmp_path / "other" / "manifest.csv").write_text(text)
    status, _, err = add_anchor("--data", tmp_path / "other")
    assert status in (1, 2) and said in err and "Traceback" not in err


# Listing, removing, looking


def test_list_and_remove(add_anchor: Any, anchors_command: Any, full_model: Path, patches_picture: Path) -> None:
    assert add_anchor("mine", patches_picture)[0] == 0
    status, out, _ = anchors_command("list", "--model", full_model)
    assert status == 0 and [line.split()[0] for line in out.splitlines()] == ["red", "green", "blue", "mine"]
    assert "16x16" in out and "the model's own" in out and "picture patches.png" in out
    listed = [json.loads(line) for line in anchors_command("list", "--model", full_model, "--json")[1].splitlines()]
    assert listed[-1] == {"name": "mine", "grid": [2, 4], "spread": listed[-1]["spread"], "from": "picture patches.png"}
    status, out, _ = anchors_command("remove", "green", "mine", "--model", full_model)
    assert (status, out) == (0, f"removed green, mine\n{full_model / 'anchors.png'}\n")
    assert list(arrays(full_model)) == card(full_model)["anchors"] == ["red", "blue"]
    assert anchors_command("remove", "gren", "--model", full_model)[0] == 2
    status, _, err = anchors_command("remove", "red", "blue", "--model", full_model)
    assert status == 2 and "at least one" in err and list(arrays(full_model)) == ["red", "blue"]


def test_thumbnails(
    add_anchor: Any, anchors_command: Any, full_model: Path, patches_picture: Path, tmp_path: Path
) -> None:
    assert add_anchor("mine", patches_picture)[0] == 0
    shown = tiny.read_png(full_model / "anchors.png")
    assert shown.shape[1] in (8 + 4 * 348, 8 + 2 * 348, 8 + 3 * 348)  # tiles of 340, 8 between them
    assert anchors_command("sheet", "look/sheet.png", "--model", full_model)[0] == 0
    np.testing.assert_array_equal(tiny.read_png(tmp_path / "look" / "sheet.png"), shown)
    assert add_anchor("--random", 40)[0] == 0
    assert tiny.read_png(full_model / "anchors.png").shape[1] <= 2000
    assert anchors_command("sheet", "sheet.jpg", "--model", full_model)[0] == 2


def test_an_undrawn_sheet_fails_no_change(add_anchor: Any, full_model: Path, patches_picture: Path) -> None:
    (full_model / "decoder.fp32.onnx").write_bytes(b"no decoder")
    status, _, err = add_anchor("mine", patches_picture)
    assert status == 0 and "thumbnails were not drawn" in err and "mine" in arrays(full_model)
