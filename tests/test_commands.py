"""What commands share: structured lines and errors, other sizes and rates, warnings."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
from typer.testing import CliRunner

from n2s.cli import app

N2S = Path(sys.executable).with_name("n2s")


def test_structured_lines(graph: Path, tmp_path: Path, n2s: Any, n2s_json: Any) -> None:
    (checked,) = n2s_json("check", graph)
    (warned,) = checked.pop("warnings")
    assert checked == {"graph": str(graph), "nodes": 12, "films": 1}
    assert (warned["file"], warned["line"]) == (str(graph), 9) and "of which this shows 21 %" in warned["text"]
    lines = n2s_json("run", graph)
    assert [line for line in lines if line["event"] == "planned"] == [{"event": "planned", "frames": 120, "stored": 0}]
    rendered = [line for line in lines if line["event"] == "rendered"][-1]
    assert rendered["frames"] == rendered["of"] == 120
    assert lines[-1]["event"] == "done" and lines[-1]["rendered"] == 4 and lines[-1]["films"][0]["frames"] == 120
    assert Path(lines[-1]["record"]).exists()
    (dry,) = [
        line for line in n2s_json("run", graph, "--dry-run", "--set", "grain.amount=0.2") if line["event"] == "film"
    ]
    assert (dry["chunks"], dry["to_render"], dry["frames_to_render"], dry["up_to_date"]) == (4, 4, 120, False)


def test_a_dry_run_tells_a_film_that_is_not_there_from_one_that_is(graph: Path, n2s: Any, n2s_json: Any) -> None:
    [film] = n2s_json("run", graph)[-1]["films"]
    name, dry = Path(film["path"]).name, ("run", graph, "--dry-run")
    [there] = [line for line in n2s_json(*dry) if line["event"] == "film"]
    assert there["up_to_date"] and f"{name}: up to date" in n2s(*dry)[1]
    Path(film["path"]).unlink()
    [missing] = [line for line in n2s_json(*dry) if line["event"] == "film"]
    assert (missing["to_render"], missing["up_to_date"]) == (0, False)
    assert f"{name}: nothing to render; the film is not there as it should be, and is joined" in n2s(*dry)[1]


def test_structured_errors(graph: Path, tmp_path: Path, store: Any) -> None:
    tiny.edit(graph, "features.onset", "features.onest")
    tiny.edit(graph, "frames: vignette", "frames: pulse")
    for command in ("run", "check"):
        done = subprocess.run(
            [N2S, command, graph, "--json"], capture_output=True, text=True, check=False, cwd=tmp_path
        )
        assert done.returncode == 2 and not done.stderr
        (line,) = done.stdout.splitlines()
        problems = json.loads(line)["error"]
        assert [(p["file"], p["line"]) for p in problems] == [(str(graph), 9), (str(graph), 21)]
        assert "Did you mean" in problems[0]["text"] and problems[0]["column"] > 1
    for arguments in (["cache", "trim", "--to", "x", "--json"], ["run", graph, "--jobs", "x", "--json"]):
        done = subprocess.run([N2S, *arguments], capture_output=True, text=True, check=False, cwd=tmp_path)
        assert done.returncode == 2 and json.loads(done.stdout)["error"][0]["text"] and not done.stderr


def test_another_size_another_rate_and_a_draft(studio: Any, tmp_path: Path, n2s: Any) -> None:
    from n2s.formats.mp4 import read_mp4

    graph = tiny.write_graph(studio.folder, studio.model, name="shapes")
    common = ("--out", tmp_path)
    assert n2s("run", graph, "--size", "64x48", "--fps", "24", "--keep-frames", *common)[0] == 0
    video = next(track for track in read_mp4(tmp_path / "shapes-64x48-24fps.mp4") if track.handler == "vide")
    assert video.samples == 51
    assert len(list((tmp_path / "shapes-64x48-24fps-frames").glob("*.png"))) == 51
    status, _, said = n2s("run", graph, "--draft", *common)
    assert status == 0, said
    video = next(track for track in read_mp4(tmp_path / "draft/shapes.mp4") if track.handler == "vide")
    assert video.samples == 32
    status, _, said = n2s("run", graph, "--size", "big", *common)
    assert status == 2 and "--size takes width and height, like 1280x720" in said


def test_warnings_name_what_is_probably_a_mistake(studio: Any, n2s: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(studio.folder)
    text = tiny.write_graph(studio.folder, studio.model, name="warned").read_text()
    text = text.replace("frames: vignette, amount: 0.04", "frames: more, amount: 0.04")
    text = text.replace(
        "  grain:",
        "  more: {node: Grain, frames: calm, amount: = 0.5 * 0.1}\n  idle: {node: Constant}\n"
        "  slow: {node: LFO}\n  quick: {node: LFO, period: 1}\n"  # only noise draws by the seed
        "  calm: {node: Tone, frames: vignette, exposure: = 0.1 * slow, contrast: = 1 + 0.1 * quick}\n  grain:",
    )
    (studio.folder / "warned.yaml").write_text(text)
    status, _, told = n2s("check", "warned.yaml")
    assert status == 0
    said = [line.split("  ", 1)[1] for line in told.splitlines()]
    assert sorted(said) == [
        "grain and more share the seed 0 and move alike; give one of them another.",
        "idle is used by nothing.",
        "more.amount: = 0.5 * 0.1 never moves; a number would do.",
        "pulse.signal: features.onset is 0 but in single frames, of which this shows 21 %; give it a shorter attack, "
        "like attack: 0.004.",
    ]
    assert all(line.startswith("warning: warned.yaml:") for line in told.splitlines())


def test_the_list_of_commands_says_of_each_what_it_does_on_one_line() -> None:
    for group in ([], ["cache"], ["anchors"]):
        listed = CliRunner().invoke(app, [*group, "--help"], terminal_width=80).output.partition("Commands:")[2]
        assert listed.count("\n") > 3 and "..." not in listed, listed


def test_a_name_of_the_graph_itself_is_suggested(tmp_path: Path, n2s: Any) -> None:
    music = tiny.write_wav(tmp_path / "music.wav", tiny.clicks(0.5))
    nodes = {
        "track": {"node": "AudioSource", "path": music.name},
        "look": {"node": "Graph", "look": "fields", "audio": "track"},
        "out": {"node": "DigestSink", "frames": "look", "path": "film.txt"},
    }
    (tmp_path / "song.yaml").write_text(json.dumps({"n2s": 1, "nodes": nodes}))
    status, _, err = n2s("preview", tmp_path / "song.yaml", "--node", "lok")
    assert status == 2 and '"lok" names no node. Did you mean "look"?' in err


@pytest.mark.parametrize("command", ["run", "plan", "why", "preview", "cache info", "cache verify", "cache trim"])
@pytest.mark.parametrize("option", ["--store", "--out"])
def test_a_file_where_a_folder_should_be(command: str, option: str, place: Any, tmp_path: Path) -> None:
    from places import n2s

    if option == "--out" and command not in ("run", "plan", "why"):
        return
    (tmp_path / "file").touch()
    words = command.split()
    words += [] if words[0] == "cache" else [str(place.graph)]
    for folder in ("file", "file/deeper"):
        done = n2s(*words, option, tmp_path / folder)
        assert done.returncode == 2 and f"{tmp_path / 'file'} is a file, and no folder" in done.stderr, done.stderr
        assert f"Name a folder with {option}" in done.stderr
    assert (tmp_path / "file").read_bytes() == b""


def test_what_a_features_node_hears_is_told_where_there_is_none(place: Any, tmp_path: Path, n2s: Any) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": str(place.folder / "music.wav")},
        "look": {"node": "Graph", "look": "fields", "audio": "track", "light": "snare"},
        "out": {"node": "DigestSink", "frames": "look", "path": "film.txt"},
    }
    (tmp_path / "song.yaml").write_text(json.dumps({"n2s": 1, "nodes": nodes}))
    status, _, err = n2s("check", tmp_path / "song.yaml")
    assert status == 2 and 'add heard: {node: Features, audio: track}. Then write "heard.snare".' in err, err


def test_several_times_for_one(place: Any, n2s: Any) -> None:
    status, _, err = n2s("preview", place.graph, "--at", "0:10, 0:20")
    assert status == 2 and "--at takes one time, and may be repeated: --at 0:10 --at 0:20." in err
    assert "--at 'at drop' --at '8 bars'." in n2s("preview", place.graph, "--at", "at drop, 8 bars")[2]


def test_a_film_where_a_folder_should_be(place: Any, tmp_path: Path, n2s: Any) -> None:
    status, _, err = n2s("run", place.graph, "--out", tmp_path / "film.mp4")
    assert status == 2 and "--out names a folder, and film.mp4 looks like a film." in err
    assert "--set out.path=film.mp4" in err and not (tmp_path / "film.mp4").exists()
    assert "--set 'out.path=my film.mp4'." in n2s("run", place.graph, "--out", tmp_path / "my film.mp4")[2]


@pytest.mark.parametrize(
    ("words", "told"),
    [
        (["--jobs", "many"], '--jobs takes a whole number, 1 to 256, not "many": threads, each of which renders one'),
        (["--jobs", "0"], '--jobs takes a whole number, 1 to 256, not "0": '),
        (["--jobs", "2.5"], '--jobs takes a whole number, 1 to 256, not "2.5": '),
        (["--workers", "1000"], '--workers takes a whole number, 1 to 256, not "1000": render in this many processes'),
    ],
)
def test_a_whole_number_that_an_option_does_not_take(words: list[str], told: str, n2s: Any) -> None:
    status, _, err = n2s("run", "song.yaml", *words)
    assert status == 2 and told in err and "Input should" not in err
