"""Pictures of a user's own become a data set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

pytest.importorskip("torch")
Image = pytest.importorskip("PIL.Image")

from picture_sets import fails, png, white_noise  # noqa: E402

from training import dataset, filter, manifest  # noqa: E402


@pytest.fixture
def mine(tmp_path: Path) -> Path:
    """Give a folder of three pictures, of two styles."""
    for number, name in enumerate(("sea/b.png", "sea/a, 1.PNG", "wood/a.png")):
        path = tmp_path / "mine" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(png(white_noise(number)))
    return tmp_path / "mine"


def test_own_pictures_are_listed_and_learned_from(mine: Path, capsys: Any) -> None:
    assert "python -m training.manifest" in fails([str(mine)], capsys)
    manifest.main([str(mine), "--licence", "CC-BY-4.0"])
    assert "3 pictures listed" in capsys.readouterr().out
    rows = manifest.read(mine)
    assert [(row.file, row.style, row.index) for row in rows] == [
        ("sea/a, 1.PNG", "sea", 0), ("sea/b.png", "sea", 1), ("wood/a.png", "wood", 0)
    ]  # fmt: skip
    assert {(row.source, row.licence, row.width, row.height) for row in rows} == {("pictures", "CC-BY-4.0", 128, 128)}
    pictures = dataset.load([mine])
    assert np.array_equal(pictures[1], white_noise(0)) and pictures.licences == ["CC-BY-4.0"]
    filter.main([str(mine), "--jobs", "1", "--min-structure", "0"])
    assert all(row.accepted == "yes" for row in manifest.read(mine))


def test_what_cannot_be_listed_is_told(mine: Path, tmp_path: Path, capsys: Any) -> None:
    words = [str(mine), "--licence", "CC-BY-4.0", "--source", "photographs"]
    (mine / "sea/photo.png").write_bytes(b"\xff\xd8\xff\xe0 a JPEG by another name")
    assert "photo.png is no PNG of 8 bits" in fails(words, capsys, manifest.main)
    Image.fromarray(np.zeros((128, 128), np.uint16)).save(mine / "sea/photo.png")
    assert "photo.png is no PNG of 8 bits" in fails(words, capsys, manifest.main)
    (mine / "sea/photo.png").write_bytes(png(np.zeros((64, 128, 3), np.uint8)))
    assert "mixes sizes" in fails(words, capsys, manifest.main)
    assert not (mine / "manifest.csv").exists()
    (mine / "sea/photo.png").unlink()
    manifest.main(words)
    assert {row.source for row in manifest.read(mine)} == {"photographs"}
    rows = manifest.read(mine)
    rows[0].source = "procedural"
    manifest.write(mine, rows)
    assert "lists what a generator made" in fails(words, capsys, manifest.main)
    (tmp_path / "flat").mkdir()
    (tmp_path / "flat/a.png").write_bytes(png(white_noise()))
    assert "has no pictures of the form STYLE/NAME.png" in fails(
        [str(tmp_path / "flat"), "--licence", "CC0-1.0"], capsys, manifest.main
    )
    assert "is no folder" in fails([str(tmp_path / "none"), "--licence", "CC0-1.0"], capsys, manifest.main)


def test_pictures_that_came_went_and_changed_are_listed_again(mine: Path, capsys: Any) -> None:
    manifest.main([str(mine), "--licence", "CC-BY-4.0"])
    filter.main([str(mine), "--jobs", "1", "--min-structure", "0"])
    before = {row.file: row for row in manifest.read(mine)}
    (mine / "sea/a, 1.PNG").unlink()
    (mine / "wood/a.png").write_bytes(png(white_noise(8)))
    (mine / "sea/a.png").write_bytes(png(white_noise(9)))
    assert "python -m training.manifest" in fails([str(mine)], capsys)
    manifest.main([str(mine), "--licence", "CC0-1.0"])
    assert "3 pictures listed" in (said := capsys.readouterr().out) and "(1 new, 1 changed, 1 gone)" in said
    assert "1 of them keep another licence or source" in said
    sea, new, wood = manifest.read(mine)
    assert sea == before["sea/b.png"] and sea.accepted == "yes"
    assert (new.file, new.index, new.licence) == ("sea/a.png", 2, "CC0-1.0")
    assert (wood.file, wood.index, wood.accepted) == ("wood/a.png", 0, "")
    assert wood.sha256 != before["wood/a.png"].sha256
    dataset.load([mine])


def test_a_rejected_picture_keeps_its_row(mine: Path) -> None:
    (mine / "sea/c.png").write_bytes(png(np.full((128, 128, 3), 90, np.uint8)))  # which shows nothing
    manifest.main([str(mine), "--licence", "CC0-1.0"])
    filter.main([str(mine), "--jobs", "1", "--min-structure", "0"])
    before = manifest.read(mine)
    assert [row.accepted for row in before if row.file == "sea/c.png"] == ["no"]
    manifest.main([str(mine), "--licence", "CC0-1.0"])
    assert manifest.read(mine) == before and len(dataset.load([mine])) == 3


def test_pictures_that_lie_on_their_side_have_the_size_that_is_seen(tmp_path: Path) -> None:
    for turn in (1, 3, 6, 8):
        note = Image.Exif()
        note[0x0112] = turn
        (tmp_path / "sea").mkdir(exist_ok=True)
        shape = (128, 192, 3) if turn in (1, 3) else (192, 128, 3)
        Image.fromarray(np.zeros(shape, np.uint8)).save(tmp_path / f"sea/{turn}.png", exif=note)
    manifest.main([str(tmp_path), "--licence", "CC0-1.0"])
    assert {(row.width, row.height) for row in manifest.read(tmp_path)} == {(192, 128)}
    assert dataset.load([tmp_path]).size == (128, 192)
    stored = [
        replace(row, width=128, height=192) if row.file == "sea/6.png" else row for row in manifest.read(tmp_path)
    ]
    manifest.write(tmp_path, stored)  # as earlier versions did
    manifest.main([str(tmp_path), "--licence", "CC0-1.0"])
    assert {(row.width, row.height) for row in manifest.read(tmp_path)} == {(192, 128)}


def test_what_is_hidden_is_no_picture(mine: Path) -> None:
    for name in (".ipynb_checkpoints/b.png", "sea/.b.png"):
        (mine / name).parent.mkdir(exist_ok=True)
        (mine / name).write_bytes(png(white_noise(7)))
    manifest.main([str(mine), "--licence", "CC0-1.0"])
    assert {row.style for row in manifest.read(mine)} == {"sea", "wood"} and len(dataset.load([mine])) == 3
