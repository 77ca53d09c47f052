"""The drawn data set: the same bytes always, whole after an interruption, never mixed; what the pictures are like."""

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy")
Image = pytest.importorskip("PIL.Image")

from training import manifest, procedural  # noqa: E402
from training.errors import TrainingError  # noqa: E402
from training.files import lock_folder  # noqa: E402
from training.palettes import MOODS, OKLCH, palette  # noqa: E402

ROOT = Path(__file__).parents[1]
STYLES = list(procedural.STYLES)
PIECES = [(style, piece.__name__) for style in STYLES for piece in procedural.STYLES[style]]


def quiet(text):
    pass


def generate(folder, styles=("glitch", "noise"), count=3, seed=5, size=(64, 64), workers=1, say=quiet):
    return procedural.generate(folder, list(styles), count, seed, size, workers, say)


def contents(folder):
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


@pytest.fixture(scope="module")
def whole(tmp_path_factory):
    """A finished data set of six pictures: its folder and the bytes of all its files."""
    folder = tmp_path_factory.mktemp("whole")
    assert generate(folder) == 6
    return folder, contents(folder)


@pytest.fixture
def copy(whole, tmp_path):
    for name, data in whole[1].items():
        (tmp_path / name).parent.mkdir(exist_ok=True)
        (tmp_path / name).write_bytes(data)
    return tmp_path


def test_a_data_set_has_rows_and_sidecars_that_tell_all(whole):
    folder, _ = whole
    rows = manifest.usable_rows(folder)
    assert [(row.style, row.index) for row in rows] == [(s, i) for s in ("glitch", "noise") for i in range(3)]
    assert len({row.sha256 for row in rows}) == len(rows) and not procedural.alike(rows)
    for row in rows:
        about = json.loads((folder / row.sidecar).read_text())
        assert about["sha256"] == row.sha256 and about["code"] == procedural.code_digest()
        assert (about["style"], about["index"], about["seed"]) == (row.style, row.index, 5)
        assert row.source == about["source"] == "procedural"
        assert row.licence == about["licence"] == "CC0-1.0" and row.accepted == ""
        again = procedural.render(row.style, 5, row.index, (64, 64), about["palette"], about["composition"])
        with Image.open(folder / row.file) as image:
            pixels = np.asarray(image)
        assert pixels.shape == (64, 64, 3) and (pixels == np.rint(again * 255)).all()


def test_the_same_bytes_with_several_processes(whole, tmp_path):
    assert generate(tmp_path, workers=2) == 6
    assert contents(tmp_path) == whole[1]


def test_two_commands_do_not_write_into_one_data_set(tmp_path):
    command = ["--out", str(tmp_path / "set"), "--count", "1", "--styles", "noise", "--size", "32", "--workers", "1"]
    with lock_folder(tmp_path / "set"), pytest.raises(TrainingError, match="Another command is writing into"):
        procedural.main(command)
    assert not contents(tmp_path)
    procedural.main(command)
    assert len(manifest.usable_rows(tmp_path / "set")) == 1


@pytest.mark.parametrize("workers", [1, 2])
def test_a_finished_data_set_is_left_alone(copy, whole, workers):
    times = {p: p.stat().st_mtime_ns for p in copy.rglob("*.png")}
    assert generate(copy, workers=workers) == 0
    assert contents(copy) == whole[1] and times == {p: p.stat().st_mtime_ns for p in copy.rglob("*.png")}


@pytest.mark.parametrize("harm, made", [
    (lambda folder: (folder / "noise/noise-000001.png").unlink(), 1),
    (lambda folder: (folder / "noise/noise-000001.json").unlink(), 1),
    (lambda folder: (folder / "noise/noise-000001.json").write_text("{"), 1),
    (lambda folder: os.truncate(folder / "glitch/glitch-000002.png", 100), 1),
    (lambda folder: (folder / "manifest.csv").unlink(), 0),
    (lambda folder: manifest.write(folder, manifest.read(folder)[:2]), 0),
    (lambda folder: [(folder / "manifest.csv").unlink(), os.truncate(folder / "glitch/glitch-000000.png", 9)], 1),
])  # fmt: skip
def test_what_is_missing_or_damaged_is_made_again(copy, whole, harm, made):
    harm(copy)
    assert generate(copy) == made
    assert contents(copy) == whole[1]


def test_half_written_files_are_swept_away(copy, whole):
    old, new = (copy / "noise" / f".noise-000001.png.{pid}.part" for pid in (12, 13))
    for part in (old, new):
        part.write_bytes(b"half")
    os.utime(old, (0, 0))
    assert generate(copy) == 0 and not old.exists() and new.exists()
    new.unlink()
    assert contents(copy) == whole[1]


def test_a_larger_count_and_more_styles_go_on_and_verdicts_stay(copy):
    rows = manifest.read(copy)
    rows[0].accepted, rows[0].reason, rows[0].entropy = "no", "blank", "0.01"
    rows[1].accepted = "yes"
    manifest.write(copy, rows)
    (copy / rows[0].file).unlink()  # a rejected picture may be removed
    assert generate(copy, ("glitch", "noise", "organic"), 4) == 2 + 4
    after = {row.file: row for row in manifest.read(copy)}
    assert after[rows[0].file] == rows[0] and after[rows[1].file] == rows[1] and len(after) == 12
    assert len(manifest.usable_rows(copy)) == 11


@pytest.mark.parametrize("change, words", [
    ({"seed": 6}, "made with seed 5, now 6 is asked for"),
    ({"size": (96, 64)}, "made with height 64, now 96 is asked for"),
    ({"size": (64, 96)}, "made with width 64, now 96 is asked for"),
])  # fmt: skip
def test_other_settings_are_refused(copy, whole, change, words):
    with pytest.raises(TrainingError, match=words + ".*another folder"):
        generate(copy, **change)
    (copy / "manifest.csv").unlink()
    with pytest.raises(TrainingError, match=words):
        generate(copy, **change)


def test_other_drawing_code_is_refused(copy, monkeypatch):
    monkeypatch.setattr(procedural, "code_digest", lambda: "0" * 16)
    with pytest.raises(TrainingError, match="other drawing code. Take another folder"):
        generate(copy)


def test_pictures_of_another_origin_are_not_overwritten(tmp_path):
    (tmp_path / "noise").mkdir()
    (tmp_path / "noise/noise-000001.png").write_bytes(b"mine")
    with pytest.raises(TrainingError, match="not drawn here"):
        generate(tmp_path)
    assert (tmp_path / "noise/noise-000001.png").read_bytes() == b"mine"


def test_twins_are_named(copy, monkeypatch):
    rows = manifest.read(copy)
    rows[1].sha256 = rows[0].sha256
    assert procedural.alike(rows) == [(rows[0].file, rows[1].file)]


def test_an_unwritable_place_and_wrong_words_are_said_in_a_sentence(tmp_path, capsys):
    (tmp_path / "file").write_text("")
    for out, words in (("file", "is a file"), ("file/below", "cannot be written")):
        with pytest.raises(TrainingError, match=words):
            procedural.main(["--out", str(tmp_path / out), "--count", "1"])
    with pytest.raises(TrainingError, match="no composition mosaics; there are .*mosaic"):
        procedural.main(["--sheet", str(tmp_path / "sheet.png"), "--composition", "mosaics"])
    with pytest.raises(SystemExit):
        procedural.main([])


def test_a_sheet(tmp_path, capsys):
    path = tmp_path / "sheet.png"
    procedural.main(["--sheet", str(path), "--count", "2", "--size", "32", "64", "--styles", "noise", "glitch"])
    with Image.open(path) as image:
        assert image.size == (2 * 70 + 6, 2 * 38 + 6)
    assert capsys.readouterr().out == f"{path}\n"


def start(folder, workers):
    command = [sys.executable, "-m", "training.procedural", "--out", str(folder), "--count", "400", "--styles", "noise"]
    return subprocess.Popen(
        [*command, "--size", "64", "--workers", str(workers)], cwd=ROOT, stderr=subprocess.PIPE, text=True,
        start_new_session=True,
    )  # fmt: skip


@pytest.mark.skipif(os.name == "nt", reason="needs a process group")
@pytest.mark.parametrize("workers, how", [(2, signal.SIGINT), (2, signal.SIGKILL)])
def test_a_real_interruption_leaves_a_data_set_that_goes_on(tmp_path, workers, how):
    process = start(tmp_path, workers)
    until = time.monotonic() + 30
    while len(list(tmp_path.glob("noise/noise-*.png"))) < 8 and time.monotonic() < until:
        time.sleep(0.02)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does
    else:
        process.kill()
    _, errors = process.communicate(timeout=20)
    assert "Traceback" not in errors
    if how == signal.SIGINT:
        assert process.returncode == 130 and "Interrupted" in errors
        assert manifest.usable_rows(tmp_path)
    until = time.monotonic() + 10
    while _group_lives(process.pid) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _group_lives(process.pid), "drawing processes outlive their parent"
    there = len(list(tmp_path.glob("noise/noise-*.png")))
    assert 8 <= there < 400
    assert generate(tmp_path, ["noise"], there + 2, seed=1) <= 2 + 2 * workers
    manifest.usable_rows(tmp_path)


def _group_lives(group):
    try:
        os.killpg(group, 0)
    except ProcessLookupError:
        return False
    return True


@pytest.mark.parametrize("size", [(64, 64), (64, 128)])
@pytest.mark.parametrize("style, piece", PIECES)
def test_every_composition_is_finite_and_something(style, piece, size):
    for seed in (0, 1):
        picture = procedural.render(style, seed, 0, size, composition=piece)
        assert picture.shape == (*size, 3) and picture.dtype == np.float32
        assert np.isfinite(picture).all() and picture.min() >= 0 and picture.max() <= 1
        assert picture.std() > 0.01, "empty"


@pytest.mark.parametrize("style, piece", PIECES)
def test_the_size_only_says_how_finely_a_picture_is_sampled(style, piece):
    small, large = (procedural.render(style, 5, 4, (n, n), composition=piece) for n in (64, 256))
    assert np.abs(small - large.reshape(64, 4, 64, 4, 3).mean((1, 3))).mean() < 0.03


def luma(picture):
    return picture @ np.array([0.2126, 0.7152, 0.0722], np.float32)


@pytest.mark.parametrize("style", STYLES)
def test_pictures_are_forms_and_not_noise(style):
    """Neighbours 1/64 of the height apart are alike (correlation > 0.8 at the median), and yet the picture varies."""
    alike, spread = [], []
    for index in range(12):
        y = luma(procedural.render(style, 2, index, (64, 64)))
        alike.append(np.corrcoef(y[:, 1:].ravel(), y[:, :-1].ravel())[0, 1])
        spread.append(y.std())
    assert np.median(alike) > 0.8 and min(alike) > 0.3
    assert np.median(spread) > 0.1 and min(spread) > 0.015


def test_the_set_has_deep_blacks_clear_lights_and_many_colours():
    pictures = np.stack([procedural.render(style, 3, i, (64, 64)) for style in STYLES for i in range(12)])
    y = luma(pictures)
    darkest, lightest = np.quantile(y, 0.02, axis=(1, 2)), np.quantile(y, 0.98, axis=(1, 2))
    assert (darkest < 0.06).mean() > 0.7, "most pictures have a black"
    assert (lightest > 0.6).mean() > 0.6 and lightest.max() > 0.85
    chroma = pictures.mean((1, 2))
    assert (chroma.argmax(-1)[:, None] == np.arange(3)).any(0).all(), "red, green and blue pictures"


@pytest.mark.parametrize("style", STYLES)
def test_a_picture_is_the_same_bytes_twice(style):
    first, second = (procedural.render(style, seed=3, index=1, size=(96, 96)) for _ in range(2))
    assert first.tobytes() == second.tobytes()
    assert first.tobytes() != procedural.render(style, seed=3, index=2, size=(96, 96)).tobytes()


@pytest.mark.parametrize("size", [(96, 96), (90, 160)])
@pytest.mark.parametrize("style", STYLES)
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
