"""Previews that move, and sheets of variations: small files of the best seconds, and one moment under several seeds."""

from __future__ import annotations

import re
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import tiny
from test_profiles import write_track

from n2s.commands.moving import small_rate, small_size
from n2s.commands.variations import settings
from n2s.graph.errors import ArgumentError, GraphError
from n2s.runtime.seeing import contact


@pytest.fixture
def song(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return write_track(tmp_path)


@pytest.mark.parametrize("kind", ["gif", "webp", "webm"])
def test_the_best_seconds_move(kind: str, song: Path, n2s: Any, n2s_json: Any) -> None:
    status, said, err = n2s("preview", song, f"--{kind}")
    assert status == 0, err
    target = Path(f"renders/song-preview.{kind}")
    assert str(target) in said and " s from 00:" in said
    assert sorted(path.name for path in Path("renders").iterdir()) == [target.name]  # nothing lies beside it
    if kind != "webp":  # PyAV reads no animated WebP
        with av.open(str(target)) as container:
            frames = list(container.decode(video=0))
            assert len(container.streams.audio) == (kind == "webm")
        rate = Fraction(25, 2) if kind == "gif" else Fraction(30)
        assert 3 * rate <= len(frames) <= 6 * rate
        assert (
            np.abs(frames[0].to_ndarray(format="rgb24").astype(int) - frames[-1].to_ndarray(format="rgb24")).max() > 8
        )
    (told,) = n2s_json("preview", song, f"--{kind}", "--from", "1", "--to", "2")
    assert told["seconds"] == pytest.approx(1, abs=0.05) and told["bytes"] == target.stat().st_size


def test_a_file_of_others_is_not_replaced_by_a_preview(song: Path, n2s: Any) -> None:
    Path("renders").mkdir()
    Path("renders/song-preview.gif").write_bytes(b"precious")
    status, _, err = n2s("preview", song, "--gif")
    assert status == 2 and "not written by n2s" in err
    assert Path("renders/song-preview.gif").read_bytes() == b"precious"
    assert n2s("preview", song, "--gif", "-o", "renders/song-preview.gif")[0] == 0
    assert n2s("preview", song, "--gif", "-o", "music.wav")[0] != 0


def test_a_folder_that_cannot_be_made_is_told_of(song: Path, n2s: Any, tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    status, _, err = n2s("preview", song, "--gif", "-o", "file/song.gif")
    assert status != 0 and "cannot be written" in err and "Choose another folder with --out or -o" in err
    assert "Traceback" not in err


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--gif", "--webm"], "Give --gif or --webm: they cannot be combined."),
        (["--gif", "--sheet", "4"], "Give --gif or --sheet: they cannot be combined."),
        (["--gif", "--contact"], "Give --gif or --contact: they cannot be combined."),
        (["--contact", "--sheet", "3"], "Give --sheet or --contact: they cannot be combined."),
        (["--contact", "--every", "1"], "Give --every or --contact: they cannot be combined."),
        (["--at", "1", "--sheet", "3"], "Give --at or --sheet: they cannot be combined."),
        (["--strip", "--contact"], "it goes with --at, and not with --contact."),
        (["--variations", "2", "-o", "a.svg"], "--variations shows pictures, which are written as .png"),
        (["--gif", "--at", "1"], "--gif shows the film, from --from to --to; leave out --at."),
        (["--webm", "--node", "flash"], "leave out --node."),
        (["--from", "1"], "--from and --to go with --gif, --webp and --webm."),
        (["--variations", "3", "--strip"], "Give --variations or --strip: they cannot be combined."),
        (["--variations", "3", "--at", "1", "--at", "2"], "--variations shows one time; give --at once."),
        (["--vary", "seed=0-8"], "--vary: 0-8 is no number; for all from 0 on write 0..8."),
        (["--vary", "seed=1..100"], "--vary 1..100 would give 100 pictures; at most 64 are drawn."),
        (["--vary", "seed=3,1,3"], "--vary seed: 3 is given twice; each value is one picture."),
        (["--vary", "film"], '--vary takes node.setting=value,value,…, not "film".'),
        (
            ["--vary", "flash.exposure=" + ",".join("12345678"), "--vary", "seed=" + ",".join("123456789")],
            "72 pictures",
        ),
        (["--gif", "-o", "film.png"], '--gif writes a .gif file, not "film.png".'),
        (["--variations", "2", "--node", "travel"], '"travel" is a signal; variations show frames'),
    ],
)
def test_what_cannot_be_combined(arguments: list[str], told: str, song: Path, n2s: Any) -> None:
    status, _, err = n2s("preview", song, *arguments)
    assert status == 2 and told in err, err


def test_one_moment_under_several_settings(song: Path, n2s: Any, n2s_json: Any) -> None:
    (told,) = n2s_json("preview", song, "--vary", "flash.exposure=-1,0,1", "--at", "2")
    assert told["variations"] == ["exposure -1", "exposure 0", "exposure 1"] and told["seconds"] == 2
    sheet = tiny.read_png(Path(told["path"])).astype(float)
    third = sheet.shape[1] // 3
    means = [sheet[: sheet.shape[0] // 2, k * third : (k + 1) * third].mean() for k in range(3)]
    assert means[0] < means[1] < means[2] or sheet.shape[0] > sheet.shape[1]


def test_one_moment_under_several_seeds(song: Path, n2s_json: Any) -> None:
    (told,) = n2s_json("preview", song, "--variations", "4")
    assert told["variations"] == ["seed 0", "seed 1", "seed 2", "seed 3"]
    assert Path(told["path"]).name == "song-variations.png"


def test_each_value_with_each() -> None:
    made = settings(["a.x=1,2", "b.y = #fff , #000"])
    assert [label for label, _ in made] == ["x 1, y #fff", "x 1, y #000", "x 2, y #fff", "x 2, y #000"]
    assert made[0][1] == ["a.x=1", "b.y=#fff"]


@pytest.mark.parametrize(
    ("values", "wanted"),
    [
        ("[1,0,0],[0, 1, 0]", ["[1,0,0]", "[0, 1, 0]"]),
        ("= max(pulse, 0.2),= 0.1", ["= max(pulse, 0.2)", "= 0.1"]),
        ("{a: [1, 2], b: 3}, {}", ["{a: [1, 2], b: 3}", "{}"]),
        ("\"a, b\", 'it''s, c',d", ['"a, b"', "'it''s, c'", "d"]),
        ('"say \\"a, b",c', ['"say \\"a, b"', "c"]),
        ('["a], b", 1],2', ['["a], b", 1]', "2"]),
        ("it's,that's", ["it's", "that's"]),
        ("a),b", ["a)", "b"]),
        ('"1 to 3","1-3"', ['"1 to 3"', '"1-3"']),
    ],
)
def test_commas_within_brackets_and_quotes_are_part_of_a_value(values: str, wanted: list[str]) -> None:
    assert [more for _, more in settings([f"a.x={values}"])] == [[f"a.x={value}"] for value in wanted]


def test_every_value_that_is_varied_is_told_as_such_where_it_is_wrong() -> None:
    with pytest.raises(GraphError, match=r'--vary a\.x: "\[1" cannot be read as YAML'):
        settings(["a.x=0,[1"])


def test_ranges_are_all_their_whole_numbers() -> None:
    assert [label for label, _ in settings(["a.x=1..3,7, 6..5"])] == ["x 1", "x 2", "x 3", "x 7", "x 6", "x 5"]
    assert [more for _, more in settings(["a.x=-1..0"])] == [["a.x=-1"], ["a.x=0"]]
    for wrong in ("0.5..1", "0...8", "0 to 8", "0..", "..8"):
        with pytest.raises(ArgumentError, match=rf"--vary: {re.escape(wrong)} is no range; it has two whole numbers"):
            settings([f"a.x={wrong}"])


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["--at", "2", "--at", "1.5"], [1.5, 2]),
        (["--strip", "--at", "2"], [2]),
        (["--node", "travel", "--at", "1"], [1]),
        (["--node", "travel"], []),
    ],
)
def test_the_times_of_pictures_are_told(arguments: list[str], wanted: list[float], song: Path, n2s_json: Any) -> None:
    (told,) = n2s_json("preview", song, *arguments, "-o", "a.png")
    assert told["times"] == wanted


def test_a_contact_sheet_is_short_for_a_sheet(song: Path, n2s: Any) -> None:
    assert n2s("preview", song, "--contact", "-o", "a.png")[0] == 0
    assert n2s("preview", song, "--sheet", "24", "-o", "b.png")[0] == 0
    assert Path("a.png").read_bytes() == Path("b.png").read_bytes()


@pytest.mark.parametrize(
    ("size", "fps", "kind", "wanted"),
    [
        ((1920, 1080), "30", "gif", ("400x224", "25/2")),
        ((1080, 1920), "60", "webp", ("270x480", "15")),
        ((640, 360), "30000/1001", "webm", ("640x360", "30000/1001")),
        ((3840, 2160), "60", "webm", ("854x480", "30")),
        ((96, 54), "10", "gif", ("96x54", "10")),
    ],
)
def test_how_small_a_preview_is(size: Any, fps: str, kind: str, wanted: tuple[str, str]) -> None:
    assert (small_size(size, kind), small_rate(Fraction(fps), kind)) == wanted


def test_pictures_of_several_sizes_stand_in_the_middle_of_their_cells() -> None:
    wide, high = np.full((40, 80, 3), 200, np.uint8), np.full((80, 40, 3), 100, np.uint8)
    drawn = contact.sheet([wide, high], ["wide", "high"])
    for value, shape in ((200, (40, 80)), (100, (80, 40))):
        rows, columns = np.nonzero((drawn == value).all(axis=2))
        assert (np.ptp(rows) + 1, np.ptp(columns) + 1) == shape and len(rows) == 40 * 80
