"""n2s new: from a piece of music to a film in two commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tiny
from typer.testing import CliRunner

from n2s.cli import app
from n2s.commands.new import Look, file_name, title_of
from n2s.graph.describe.song import Song, judge
from n2s.graph.describe.starter import LOOKS, starter
from n2s.graph.errors import GraphError, MediaError
from n2s.graph.graph import Graph
from n2s.runtime.models.cards import shipped_folder


def n2s(*arguments: Any) -> Any:
    """Run a command in this process; what it raises is raised here."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return tiny.write_wav(tmp_path / "03 - first_light.wav", tiny.clicks(1.3, channels=2))


@pytest.mark.parametrize("look", list(Look))
def test_every_look_is_a_right_graph_with_the_shipped_models_places(look: str, music: Path, tmp_path: Path) -> None:
    graph = tmp_path / "new.yaml"
    assert f"Next: n2s run {graph}" in n2s("new", music, "-o", graph, "--look", look).output
    assert "no problems" in n2s("check", graph).output
    loaded = Graph.load(graph)
    known = json.loads((shipped_folder() / "meta.json").read_text())["anchors"]
    assert set(loaded.nodes["here"].names) <= set(known)
    assert loaded.nodes["here"].names == loaded.nodes["next"].names and len(loaded.nodes["here"].names) == 9
    assert loaded.nodes["scene"].values == [0, 3, 6]
    assert loaded.resolve(loaded.nodes["track"].path) == music
    assert (loaded.header.title, loaded.header.size) == ("First light", (640, 360))
    assert str(loaded.nodes["drift"].period).endswith("bars")
    assert max(map(len, graph.read_text().splitlines())) <= 125


def test_the_looks_are_those_of_the_command() -> None:
    assert ["auto", *LOOKS] == [*Look]
    for look in LOOKS.values():
        names = [name for scene in look.scenes for name in scene]
        assert len(names) == len(set(names)), "no place is in two scenes"


SONG = Song("120 beats per minute in 4/4, 90 % sure; sections A 0:00.0, B 0:16.0, A 0:32.0", ("A", "B", "A"))


def text_of(song: Song = SONG, known: list[str] | None = None, look: str = "night", seed: int = 1) -> str:
    places = sorted({name for look in LOOKS.values() for scene in look.scenes for name in scene})
    return starter("m.wav", "T", "", song, known or places, look, seed, "f.mp4", "g.yaml", "g.labels.txt")


def test_what_was_heard_decides_what_is_written(tmp_path: Path) -> None:
    """Sections turn scenes, music without them turns every 16 bars; soft drums push a stronger spring."""
    path = tmp_path / "g.yaml"
    path.write_text(text_of())
    nodes = Graph.load(path).nodes
    assert str(nodes["scene"].every) == "section" and nodes["scene"].alike
    assert "bars_left" in str(nodes["stride"].value) and nodes["punch"].strength.value == 1
    assert "# Sections: A 0:00.0, B 0:16.0" in path.read_text() and "g.labels.txt" in path.read_text()
    path.write_text(text_of(Song("no beat was heard", kick=0.25, snare=0.01)))
    nodes = Graph.load(path).nodes
    assert str(nodes["scene"].every) == "16 bars" and "bars_left" not in str(nodes["stride"].value)
    assert nodes["punch"].strength.value == 4 and nodes["twist"].strength.value == 4


def test_songs_of_one_mood_get_other_scenes() -> None:
    first, *others = [text_of(seed=seed).partition("names:")[2].splitlines()[0] for seed in range(0, 60)]
    assert len({first, *others}) == 60


def heard(
    seconds: float, fps: float, attacks: float, kicks: float, tempo: float, hertz: float, tones: list[int]
) -> Any:
    """Return what a Features node gives of music with so many attacks and kicks per second."""
    count = int(seconds * fps)
    signals = {name: np.zeros(count, np.float32) for name in ("onset", "kick", "snare")}
    for name, rate in (("onset", attacks), ("kick", kicks)):
        if rate:
            signals[name][:: round(fps / rate)] = 0.9
    chroma = np.zeros((count, 12), np.float32)
    chroma[:, tones] = 1
    even = np.ones(count, np.float32)
    return signals | {
        "tempo": tempo * even,
        "sure": even,
        "rms_raw": even,
        "centroid_raw": hertz * even,
        "chroma": chroma,
    }


@pytest.mark.parametrize(
    ("given", "mood"),
    [((60, 30, 0.5, 0, 60, 1500, [0, 4, 7]), "calm"), ((60, 30, 4, 2, 140, 1500, [0, 3, 7, 8, 5]), "night"),
     ((60, 30, 4, 2, 128, 3000, [0, 4, 7, 2, 9]), "bright"), ((60, 30, 4, 2, 128, 1500, [0, 4, 7, 2, 9]), "warm")],
)  # fmt: skip
def test_moods(given: tuple, mood: str) -> None:
    assert judge("", heard(*given), given[1], ("A",)).mood == mood


def test_silence_has_a_mood() -> None:
    silent = {name: 0 * signal for name, signal in heard(3, 30, 0, 0, 120, 0, [0]).items()} | {
        "tempo": np.full(90, 120.0)
    }
    assert judge("", silent, 30, ("A",)).mood == "calm"


def test_what_it_writes_renders(music: Path, studio: Any, tmp_path: Path, kernel_cache: Path) -> None:
    from conftest import shared_store

    graph, out = tmp_path / "first.yaml", tmp_path / "films"
    shared_store(tmp_path / "store", kernel_cache)
    n2s("new", music, "-o", graph)
    smaller = [
        f"film.model={studio.model}",
        *(f"{name}.model={studio.model}" for name in ("here", "next", "drift", "view")),
        *(f"{name}.names=[red, green, blue]" for name in ("here", "next")),
        "size=[96, 64]",
    ]
    done = n2s(
        "run",
        graph,
        "--out",
        out,
        "--store",
        tmp_path / "store",
        *(part for value in smaller for part in ("--set", value)),
    )
    assert "39 frames" in done.output
    assert (out / "first-96x64.mp4").stat().st_size > 1000


def test_nothing_is_written_over_unless_told(music: Path, tmp_path: Path) -> None:
    graph = tmp_path / "mine.yaml"
    graph.write_text("weeks of work\n")
    code = (
        f"import sys; sys.argv = ['n2s', 'new', {str(music)!r}, '-o', {str(graph)!r}]; from n2s.cli import main; main()"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == f"{graph} exists already; --force replaces it, -o names another file.\n"
    assert graph.read_text() == "weeks of work\n"
    n2s("new", music, "-o", graph, "--force")
    assert Graph.load(graph).sinks() == ["out"]
    names = ["03 - first_light.wav", "mine.labels.txt", "mine.yaml"]
    assert sorted(path.name for path in tmp_path.iterdir()) == names


@pytest.mark.parametrize("graph_too", [False, True])
def test_labels_that_were_corrected_are_not_written_over(graph_too: bool, music: Path, tmp_path: Path) -> None:
    labels, graph = tmp_path / "mine.labels.txt", tmp_path / "mine.yaml"
    labels.write_text("0\t9\tB\n")
    if graph_too:
        graph.write_text("weeks of work\n")
    with pytest.raises(GraphError, match=r"mine\.(labels\.txt|yaml) exists already; --force replaces it"):
        n2s("new", music, "-o", graph)
    assert labels.read_text() == "0\t9\tB\n" and graph.exists() is graph_too
    n2s("new", music, "-o", graph, "--force")
    assert "1.1" in labels.read_text() and Graph.load(graph)


def test_neither_the_music_nor_a_folder_is_written_over(music: Path, tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    before = music.read_bytes()
    odd = tmp_path / "odd.labels.txt"
    odd.write_bytes(before)
    (tmp_path / "full.labels.txt").mkdir()
    (tmp_path / "link.yaml").symlink_to(music)
    for piece, target, told in [
        (music, music, "is the music"), (music, "link.yaml", "is the music"), (odd, "odd.yaml", "is the music"),
        (music, ".", "is a folder"), (music, "..", "is a folder"), (music, "full.yaml", "is a folder"),
    ]:  # fmt: skip
        with pytest.raises(GraphError, match=told):
            n2s("new", piece, "-o", target, "--force")
    assert music.read_bytes() == before == odd.read_bytes()
    assert not (tmp_path / "full.yaml").exists() and not (tmp_path / "odd.yaml").exists()


@pytest.mark.parametrize("samples", [1, 800, 8000])
def test_the_labels_of_very_short_music_can_be_given_back(samples: int, tmp_path: Path) -> None:
    music = tiny.write_wav(tmp_path / "short.wav", tiny.clicks(1)[:samples], 8000)
    graph = tmp_path / "short.yaml"
    n2s("new", music, "-o", graph)
    text = (tmp_path / "short.labels.txt").read_text()
    assert text.count("\t1.1\n") == text.count("\t1.2\n") == text.count("\tA\n") == 1
    graph.write_text(graph.read_text().replace("audio: track}", "audio: track, beats: short.labels.txt}", 1))
    n2s("export", graph, "--labels", "-o", tmp_path / "again.txt")
    assert (tmp_path / "again.txt").read_text() == text


def test_the_graph_is_named_after_the_music_and_may_lie_elsewhere(
    music: Path, tmp_path: Path, monkeypatch: Any
) -> None:
    folder = tmp_path / "work" / "graphs"
    folder.mkdir(parents=True)
    monkeypatch.chdir(folder)
    n2s("new", os.path.relpath(music))
    loaded = Graph.load(folder / "03-first_light.yaml")
    assert loaded.nodes["track"].path == "../../03 - first_light.wav"
    assert loaded.nodes["out"].path == "03-first_light.mp4"


def test_tags_are_read(tmp_path: Path) -> None:
    path = tmp_path / "a.flac"
    with soundfile.SoundFile(path, "w", 8000, 1) as file:
        file.title, file.artist = "Ebb: the #1 'tide'", "Né\tSomeone"
        file.write(np.zeros(8000, np.float32))
    n2s("new", path, "-o", tmp_path / "a.yaml")
    header = Graph.load(tmp_path / "a.yaml").header
    assert (header.title, header.artist) == ("Ebb: the #1 'tide'", "Né Someone")


@pytest.mark.parametrize(
    "name",
    ["yes", "12", "a: b # c", "{x}, [y]", "'q' \"w\"", "ünï – ☃ 🎵", "- dash", "%tag", "&a *b", "null", "tab\tin"],
)
def test_odd_names_of_files(name: str, tmp_path: Path) -> None:
    music = tiny.write_wav(tmp_path / f"{name}.wav", tiny.clicks(0.2))
    n2s("new", music, "-o", tmp_path / "g.yaml")
    loaded = Graph.load(tmp_path / "g.yaml")
    assert loaded.resolve(loaded.nodes["track"].path) == music
    assert isinstance(loaded.header.title, str)


def test_a_name_that_is_not_unicode_is_refused(tmp_path: Path) -> None:
    music = tiny.write_wav(tmp_path / "x.wav", tiny.clicks(0.2))
    odd = os.fsencode(tmp_path) + b"/\xff.wav"
    os.rename(music, odd)
    with pytest.raises(GraphError, match="rename the file"):
        n2s("new", os.fsdecode(odd), "-o", tmp_path / "g.yaml")
    assert not (tmp_path / "g.yaml").exists()


def test_bad_music_and_bad_places(music: Path, tmp_path: Path) -> None:
    with pytest.raises(MediaError, match="does not exist"):
        n2s("new", tmp_path / "none.wav")
    text = tmp_path / "text.wav"
    text.write_text("no music\n" * 100)
    with pytest.raises(MediaError, match="not audio"):
        n2s("new", text, "-o", tmp_path / "a.yaml")
    with pytest.raises(GraphError, match="cannot be written: No such file"):
        n2s("new", music, "-o", tmp_path / "none" / "a.yaml")
    assert not list(tmp_path.glob("*.yaml"))


@pytest.mark.parametrize("known", [["red", "green", "blue"], ["one"], [f"place{i}" for i in range(40)]])
def test_another_models_places(known: list[str], tmp_path: Path) -> None:
    path = tmp_path / "g.yaml"
    path.write_text(text_of(known=known))
    names = Graph.load(path).nodes["here"].names
    assert set(names) <= set(known) and len(names) == min(9, max(len(known), 2))


def test_titles_and_names() -> None:
    assert title_of(Path("03 - first_light.flac")) == "First light"
    assert title_of(Path("1999.flac")) == "1999"
    assert title_of(Path("12.5 km.flac")) == "12.5 km"
    assert file_name(Path("Ünï / ö?.wav")) == "ö"
    assert file_name(Path("...")) == "film"
