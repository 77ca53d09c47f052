"""Filtering a data set: measures of pictures whose numbers are known, verdicts, the card, CLIP with tiny weights."""

from __future__ import annotations

import errno
import io
import json
import random
from pathlib import Path

import numpy as np
import pytest
from picture_sets import EDGE, add, fails, flat, outputs, painted, png, two_of_each_style, white_noise
from PIL import Image

from training import data_card, filter, manifest
from training.errors import TrainingError
from training.scores import measure


def ramp(low: float, high: float) -> np.ndarray:
    """A clean grey gradient from the left to the right."""
    levels = np.rint(np.linspace(low, high, EDGE)).astype(np.uint8)
    return np.broadcast_to(levels[None, :, None], (EDGE, EDGE, 3)).copy()


def as_jpeg(pixels: np.ndarray, quality: int) -> np.ndarray:
    data = io.BytesIO()
    Image.fromarray(pixels).save(data, "JPEG", quality=quality)
    return np.asarray(Image.open(data))


def times(pixels: np.ndarray, gain: float) -> np.ndarray:
    return np.clip(np.rint(pixels * gain), 0, 255).astype(np.uint8)


def verdicts(folder: Path) -> dict[str, str]:
    """What the manifest says: reasons by file, "yes" for what is accepted."""
    return {row.file: row.reason if row.accepted == "no" else row.accepted for row in manifest.read(folder)}


@pytest.fixture
def data(tmp_path: Path) -> Path:
    return two_of_each_style(tmp_path / "data")


# Measures -------------------------------------------------------------------------------------------------------------


def test_a_flat_picture_measures_nothing():
    m = measure(flat(90, 90, 90))
    assert (m.entropy, m.sharpness, m.colourfulness, m.richness, m.contrast, m.structure) == (0, 0, 0, 0, 0, 1)
    assert not m.detail.any() and (m.thumb == 90).all()


def test_white_noise_has_eight_bits_and_no_structure():
    grey = np.repeat(white_noise()[:, :, :1], 3, 2)
    m = measure(grey)
    assert 7.98 < m.entropy <= 8
    assert m.sharpness == pytest.approx(np.log10(20 * (256**2 - 1) / 12), abs=0.02)  # the weights' squares sum to 20
    assert m.structure == pytest.approx(1 / 64, rel=0.2)


def test_entropy_of_a_known_histogram():
    stripes = np.repeat(np.array([0, 0, 100, 200], np.uint8), EDGE // 4)  # shares 1/2, 1/4, 1/4
    assert measure(np.repeat(stripes[None, :, None], 3, 2).repeat(EDGE, 0)).entropy == pytest.approx(1.5)


def test_sharpness_of_a_chessboard_is_the_largest():
    board = (np.indices((EDGE, EDGE)).sum(0) % 2 * 255).astype(np.uint8)
    m = measure(np.repeat(board[:, :, None], 3, 2))
    assert m.sharpness == pytest.approx(np.log10(1 + 1020**2), abs=1e-3)
    assert m.structure == 0


def test_colourfulness_of_two_colours_by_hand():
    halves = flat(255, 0, 0)
    halves[:, EDGE // 2 :] = (0, 0, 255)
    # rg is 255 and 0, yb is 127.5 and -255: deviations 127.5 and 191.25, means 127.5 and -63.75.
    expected = np.hypot(127.5, 191.25) + 0.3 * np.hypot(127.5, 63.75)
    assert measure(halves).colourfulness == pytest.approx(expected, rel=1e-5)


def test_colours_of_equal_luma_are_no_blank():
    halves = flat(0, 130, 0)
    halves[:, EDGE // 2 :] = (255, 0, 0)  # luma 76.31 and 76.25
    m = measure(halves)
    assert m.entropy == 0 and m.richness == 1
    assert filter.Limits().reason(m, None) == ""


def test_a_picture_smaller_than_the_thumbnail_measures():
    m = measure(white_noise()[:5, :7])
    assert m.thumb.shape == (16, 16, 3) and m.detail.shape == (64, 64)
    assert np.isfinite(m.thumb).all() and np.isfinite(m.detail).all()


# Verdicts -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("pixels", [flat(0, 0, 0), flat(200, 30, 30), ramp(10, 12)], ids=["black", "red", "two levels"])
def test_blank_pictures_are_rejected(pixels):
    assert filter.Limits().reason(measure(pixels), None).startswith("blank: ")


@pytest.mark.parametrize("colours", ["grey", "colour"])
def test_noise_is_rejected(colours):
    pixels = white_noise() if colours == "colour" else np.repeat(white_noise()[:, :, :1], 3, 2)
    assert filter.Limits().reason(measure(pixels), None).startswith("noise: 0.01")


def deep_black() -> np.ndarray:
    """A flat disc that fills a hundredth of a black picture."""
    y, x = np.mgrid[:EDGE, :EDGE] / EDGE - 0.4
    return np.where((np.hypot(x, y) < 0.057)[:, :, None], [250, 150, 70], 0).astype(np.uint8)


@pytest.mark.parametrize(
    "pixels", [deep_black(), ramp(0, 255), ramp(20, 40)], ids=["black", "gradient", "dark gradient"]
)
def test_deep_blacks_and_clean_gradients_are_welcome(pixels):
    assert filter.Limits().reason(measure(pixels), None) == ""


def test_procedural_pictures_are_accepted():
    found = [measure(painted(style, index)) for style in manifest.STYLES for index in range(5)]
    assert [filter.Limits().reason(m, None) for m in found] == [""] * len(found)
    assert filter.near_duplicates(found) == {}


def copies(pixels: np.ndarray) -> dict[str, np.ndarray]:
    noisy = pixels + np.random.default_rng(1).normal(0, 4, pixels.shape)
    return {
        "exact": pixels,
        "jpeg": as_jpeg(pixels, 70),
        "brighter": times(pixels, 1.08),
        "darker": times(pixels, 0.93),
        "grain": times(noisy, 1),
    }


@pytest.mark.parametrize("style", manifest.STYLES)
def test_a_copy_is_a_near_duplicate(style):
    pixels = painted(style, 0)
    original, other = measure(pixels), measure(painted(style, 1))
    for name, copy in copies(pixels).items():
        assert filter.is_near(original, measure(copy)), name
        assert not filter.is_near(other, measure(copy)), name


def test_flat_pictures_of_different_colours_are_not_copies():
    assert not filter.is_near(measure(flat(120, 120, 120)), measure(flat(120, 80, 120)))
    assert not filter.is_near(measure(flat(120, 120, 120)), measure(flat(180, 180, 180)))
    assert filter.is_near(measure(flat(120, 120, 120)), measure(flat(122, 120, 121)))


def test_textures_under_one_vignette_are_not_copies():
    y, x = np.mgrid[:EDGE, :EDGE] / EDGE - 0.5
    light = 200 - 250 * (x**2 + y**2)

    def texture(seed: int) -> np.ndarray:
        spots = np.random.default_rng(seed).normal(0, 15, (EDGE // 4, EDGE // 4)).repeat(4, 0).repeat(4, 1)
        return np.repeat(np.clip(light + spots, 0, 255).astype(np.uint8)[:, :, None], 3, 2)

    assert not filter.is_near(measure(texture(0)), measure(texture(1)))
    assert filter.is_near(measure(texture(0)), measure(times(texture(0), 1.05)))


def test_blocks_and_pairs_find_the_same_copies():
    pictures = [painted("noise", k % 4) for k in range(11)]
    found = [measure(picture) for picture in pictures]
    expected = {k: k % 4 for k in range(4, 11)}
    assert filter.near_duplicates(found) == expected == filter.near_duplicates(found, block=3)


def test_limits_are_options():
    m = measure(painted("abstract", 0))
    assert filter.Limits(min_sharpness=9).reason(m, None).startswith("soft: ")
    assert filter.Limits(min_colourfulness=999).reason(m, None).startswith("dull: ")


# A whole data set -----------------------------------------------------------------------------------------------------


def test_filtering_writes_verdicts_card_and_sheet(data, capsys):
    rows = manifest.read(data)
    rows.append(add(data, "noise", 2, white_noise()))
    rows.append(add(data, "noise", 3, flat(3, 3, 3)))
    rows.append(add(data, "organic", 2, as_jpeg(painted("organic", 1), 80)))
    rows.append(add(data, "organic", 3, painted("organic", 2)))
    manifest.write(data, rows)
    (data / rows[-1].file).write_bytes((data / rows[-1].file).read_bytes()[:500])
    filter.main([str(data)])

    found = verdicts(data)
    assert found.pop("noise/noise-000002.png").startswith("noise: ")
    assert found.pop("noise/noise-000003.png").startswith("blank: ")
    assert found.pop("organic/organic-000002.png") == "near-duplicate of organic/organic-000001.png"
    assert found.pop("organic/organic-000003.png") == "unreadable"
    assert set(found.values()) == {"yes"} and len(found) == 10
    by_file = {row.file: row for row in manifest.read(data)}
    m = measure(painted("glitch", 1))
    row = by_file["glitch/glitch-000001.png"]
    expected = [f"{x:.3f}" for x in (m.entropy, m.sharpness, m.colourfulness)]
    assert [row.entropy, row.sharpness, row.colourfulness, row.aesthetic] == [*expected, ""]
    assert by_file["organic/organic-000003.png"].entropy == ""

    said = capsys.readouterr().out
    assert "organic-000003.png is unreadable" in said
    assert "10 of 14 pictures accepted" in said
    about = json.loads((data / data_card.JSON).read_text())
    assert about["made"] == 14 and about["accepted"] == 10
    assert about["rejected"] == {"blank": 1, "near-duplicate": 1, "noise": 1, "unreadable": 1}
    assert about["licences"] == {"CC0-1.0": 10} and about["sizes"] == {f"{EDGE}x{EDGE}": 10}
    assert about["digest"] == manifest.digest(manifest.read(data))
    with Image.open(data / "sheet.png") as sheet:
        sheet.load()
        assert sheet.width <= 1928
        assert (np.asarray(sheet) == filter.RED).all(2).sum() > 4 * 4 * filter.CELL  # four frames, some pixels thick
    assert [p for p in data.rglob(".*")] == []
    assert len(manifest.usable_rows(data)) == 10


def test_filtering_twice_or_in_another_order_gives_the_same_bytes(data, capsys):
    manifest.write(data, [*manifest.read(data), add(data, "noise", 2, painted("noise", 0))])
    filter.main([str(data)])
    first = outputs(data)
    assert set(first) == {manifest.NAME, data_card.JSON, data_card.MARKDOWN, "sheet.png"}
    filter.main([str(data)])
    assert outputs(data) == first
    head, *lines = (data / manifest.NAME).read_text().splitlines()
    random.Random(0).shuffle(lines)
    (data / manifest.NAME).write_text("\n".join([head, *lines]) + "\n")
    filter.main([str(data)])
    assert outputs(data) == first


def test_processes_change_nothing(data, monkeypatch):
    monkeypatch.setattr(filter, "POOL_FROM", 1)
    alone, together = (filter.judge(data, filter.Limits(), jobs=jobs) for jobs in (1, 2))
    assert alone == together and len(alone) == 10


def test_a_rejected_picture_that_was_removed_keeps_its_row(data, capsys):
    manifest.write(data, [*manifest.read(data), add(data, "noise", 2, white_noise())])
    filter.main([str(data)])
    before = (data / manifest.NAME).read_bytes()
    (data / "noise/noise-000002.png").unlink()
    filter.main([str(data)])
    assert (data / manifest.NAME).read_bytes() == before


def test_a_changed_picture_is_rejected(data, capsys):
    (data / "noise/noise-000001.png").write_bytes(png(painted("noise", 7)))
    filter.main([str(data)])
    assert verdicts(data)["noise/noise-000001.png"].startswith("altered: ")


def test_the_sheet_shows_the_same_tenth(data):
    rows = [manifest.Row(f"noise/{k}.png", "noise", k, 0, "", 1, 1, "", f"{k}") for k in range(100)]
    some = filter.sample(rows, 10)
    assert len({row.file for row in some}) == 10 and some == filter.sample(rows[::-1], 10)


def test_the_card_of_an_unfiltered_set(data, capsys):
    data_card.main([str(data)])
    about = json.loads((data / data_card.JSON).read_text())
    assert about["unfiltered"] == 10 and about["accepted"] == 0
    text = (data / data_card.MARKDOWN).read_text()
    assert "10 of 10 pictures are usable" in text and "not been filtered" in text and "CC0-1.0 (10)" in text


def test_quantiles_of_the_card_are_those_of_usable_pictures():
    rows = [manifest.Row(f"noise/{k}.png", "noise", k, 0, "", 1, 1, "", f"{k}", "yes", "", f"{k}") for k in range(5)]
    rows.append(manifest.Row("noise/9.png", "noise", 9, 0, "", 1, 1, "", "9", "no", "blank: x", "1000"))
    assert data_card.card(rows)["styles"]["noise"]["quantiles"] == {"entropy": [0.0, 0.2, 1.0, 2.0, 3.0, 3.8, 4.0]}


# What goes wrong ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("main", [filter.main, data_card.main])
def test_a_folder_without_a_manifest(tmp_path, capsys, main):
    assert "no data set: it has no manifest.csv" in fails([str(tmp_path)], capsys, main)
    (tmp_path / "file").touch()
    assert "is a file" in fails([str(tmp_path / "file")], capsys, main)
    manifest.write(tmp_path, [])
    assert "has no pictures" in fails([str(tmp_path)], capsys, main)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["file", manifest.NAME]


def test_pictures_and_rows_belong_together(data, capsys):
    before = (data / manifest.NAME).read_bytes()
    (data / "noise/extra.png").write_bytes(png(flat(1, 2, 3)))
    assert "noise/extra.png is on disk but without a row" in fails([str(data)], capsys)
    (data / "noise/extra.png").unlink()
    (data / "noise/noise-000001.png").unlink()
    assert "noise/noise-000001.png is in manifest.csv but not on disk" in fails([str(data)], capsys)
    assert outputs(data) == {manifest.NAME: before}


def test_mixed_sizes_are_refused(data, capsys):
    manifest.write(data, [*manifest.read(data), add(data, "noise", 2, white_noise()[:64, :64])])
    assert "mixes sizes (64x64, 128x128)" in fails([str(data)], capsys)


def test_a_full_disk_leaves_the_manifest_whole(data, capsys, monkeypatch):
    before = outputs(data)

    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device", str(data / manifest.NAME))

    monkeypatch.setattr(manifest.os, "replace", full)
    assert "the disk is full" in fails([str(data)], capsys)
    assert outputs(data) == before


def test_options_that_make_no_sense(data, capsys):
    assert "--aesthetic needs the CLIP model" in fails([str(data), "--aesthetic", "x.npz"], capsys)
    assert "ends in .png" in fails([str(data), "--sheet", "x.jpg"], capsys)


def test_a_damaged_manifest_is_told(data, capsys):
    path = data / manifest.NAME
    path.write_text(path.read_text().replace("noise,1,5", "noise,one,5"))
    with pytest.raises(TrainingError, match="line 9: the row is damaged"):
        filter.judge(data, filter.Limits())
