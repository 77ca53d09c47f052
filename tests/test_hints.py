"""A command line whose words stand in the wrong place: what to type instead is told, in one place for all commands."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest
import typer

from n2s import cli
from n2s.commands.hints import TAKES, find_command, hint, names, options_of

ROOT = typer.main.get_command(cli.app)


def typed(line: str) -> str:
    """Return the line that is told to be typed in place of another."""
    return hint(line.split(), ROOT).partition("Type: ")[2]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    for name in ("song.ogg", "tide.wav", "mine.yaml"):
        (tmp_path / name).write_bytes(b"")
    return tmp_path


@pytest.mark.parametrize(
    ("line", "instead"),
    [
        ("run --look liquid song.ogg", "n2s new song.ogg --look liquid && n2s run song.yaml"),
        ("run -look liquid song.ogg", "n2s new song.ogg --look liquid && n2s run song.yaml"),
        ("run song.ogg --look=ink --draft", "n2s new song.ogg --look ink && n2s run song.yaml --draft"),
        ("run song.ogg", "n2s new song.ogg && n2s run song.yaml"),
        ("run song", "n2s new song.ogg && n2s run song.yaml"),
        ("run liquid", "n2s new song.mp3 --look liquid && n2s run song.yaml"),
        ("preview SONG.MP3 --sheet 8", "n2s new SONG.MP3 && n2s preview SONG.yaml --sheet 8"),
        ("check liquid song.ogg", "n2s new song.ogg --look liquid && n2s check song.yaml"),
        ("run mine.wav", "n2s run mine.yaml"),  # which is there
        ("run mine.mp4", "n2s run mine.yaml"),
        ("plan other.mp4", "n2s explain other.mp4"),
        ("run mine.yaml song.ogg", "n2s run mine.yaml"),
        ("run mine.yaml --look ink", "n2s new song.mp3 --look ink"),
        ("run mine.yaml 1280x720 youtube", "n2s run mine.yaml --size 1280x720 --profile youtube"),
        ("run --sheet 8 mine.yaml", "n2s preview mine.yaml --sheet 8"),
        ("run mine.yaml --output films", "n2s run mine.yaml --out films"),
        ("run mine.yaml -o film.mp4", "n2s run mine.yaml --set out.path=film.mp4"),
        ("new song.ogg cover.png", "n2s new song.ogg"),
        ("run --input mine.yaml", "n2s run mine.yaml"),
        ("preview mine.yaml --time 0:10", "n2s preview mine.yaml --at 0:10"),
        ("preview mine.yaml --gif bars.gif", "n2s preview mine.yaml --gif -o bars.gif"),
        ("draw mine.yaml mine.svg", "n2s draw mine.yaml -o mine.svg"),
        ("why 1:20 mine.yaml", "n2s why mine.yaml --at 1:20"),
        ("new liquid song.ogg", "n2s new song.ogg --look liquid"),
        ("new liquid", "n2s new song.mp3 --look liquid"),
        ("new song.ogg other.yaml", "n2s new song.ogg -o other.yaml"),
        ("new --music song.ogg", "n2s new song.ogg"),
        ("new song.ogg --bpm 120", "n2s new song.ogg --tempo 120"),
        ("new song.ogg --draft", "n2s new song.ogg && n2s run song.yaml --draft"),
        ("new mine.yaml", "n2s run mine.yaml"),
        ("looks song.ogg", "n2s looks --music song.ogg"),
        ("looks liquid song.ogg", "n2s looks liquid --music song.ogg"),
        ("looks --look liquid", "n2s looks liquid"),
        ("looks Grain", "n2s nodes Grain"),
        ("nodes liquid", "n2s looks liquid"),
        ("explain other.mp4 1:22.6", "n2s explain other.mp4 --at 1:22.6"),
        ("explain mine.yaml", "n2s run mine.yaml"),
        ("cache mine.yaml", "n2s cache verify mine.yaml"),
        ("song.ogg", "n2s new song.ogg && n2s run song.yaml"),
        ("mine.yaml --draft", "n2s run mine.yaml --draft"),
        ("liquid", "n2s looks liquid"),
        ("run", "n2s run mine.yaml"),
        ("new", "n2s new song.ogg"),
    ],
)
def test_what_to_type_instead(line: str, instead: str, folder: Path) -> None:
    assert typed(line) == instead
    for command in instead.split(" && "):  # it is a line that the command line takes, and has no hint itself
        words = command.split()[1:]
        assert find_command(ROOT, words[0]) is not None and not hint(words, ROOT)


def test_words_with_spaces_are_quoted(folder: Path) -> None:
    (folder / "my song.ogg").write_bytes(b"")
    assert hint(["run", "my song.ogg"], ROOT).endswith("Type: n2s new 'my song.ogg' && n2s run my-song.yaml")
    said = hint(["run", "mine.yaml", "-o", "1: my film.mp4"], ROOT)
    assert said.endswith("""Type: n2s run mine.yaml --set 'out.path="1: my film.mp4"'""")


@pytest.mark.parametrize(
    "line",
    [
        "run mine.yaml --size 320x180 --from 0:10 --out liquid", "run missing.yaml", "run graph --set look.look=ink",
        "new song.ogg --look nothing", "new film.mp4", "looks nothing", "nodes Nothing", "explain frames",
        "run mine.yaml --nope", "anchors add one two.png", "schema", "cache trim --to 5GB", "nope",
    ],
)  # fmt: skip
def test_words_in_their_places_have_no_hint(line: str, folder: Path) -> None:
    assert hint(line.split(), ROOT) == ""


def test_every_command_that_takes_a_file_is_known() -> None:
    taking = {
        name for name in names(ROOT) if any(p.param_type_name == "argument" for p in find_command(ROOT, name).params)
    }
    assert taking - {"anchors add", "anchors remove", "anchors sheet"} == set(TAKES)
    assert "--look" in options_of(find_command(ROOT, "new"))


def test_hints_follow_errors(n2s: Any, folder: Path, capsys: Any, monkeypatch: Any) -> None:
    def told(*words: str) -> str:
        monkeypatch.setattr(sys, "argv", ["n2s", *words])
        with pytest.raises(SystemExit) as end:
            cli.main()
        assert end.value.code == 2
        said = capsys.readouterr()
        return said.out + said.err

    option = told("run", "--look", "liquid", "song.ogg")
    assert option == (
        "No such option: --look.\nn2s run takes a graph; song.ogg is music, and liquid is a look. "
        "Type: n2s new song.ogg --look liquid && n2s run song.yaml\n"
    )
    assert told("check", "liquid").startswith(
        "liquid  There is no such file. Check the path.\nn2s check takes a graph; "
    )
    assert json.loads(told("run", "song.ogg", "--json"))["hint"].endswith(
        "Type: n2s new song.ogg && n2s run song.yaml --json"
    )
    assert "No such option: --nope" in told("run", "mine.yaml", "--nope")
