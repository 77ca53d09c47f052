"""n2s new: from a piece of music to a film in two commands."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tiny
from typer.testing import CliRunner

from n2s.cli import app, wrong_number
from n2s.commands.new import file_name, title_of, told_by_hearing
from n2s.graph.describe.looks import films
from n2s.graph.describe.song import Song
from n2s.graph.describe.starter import OF_MOODS, SCENES, choose_look, starter
from n2s.graph.errors import GraphError, MediaError
from n2s.graph.graph import Graph
from n2s.hearing.mood import judge


def n2s(*arguments: Any) -> Any:
    """Run a command in this process; what it raises is raised here."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done


@pytest.fixture
def music(tmp_path: Path) -> Path:
    return tiny.write_wav(tmp_path / "03 - first_light.wav", tiny.clicks(1.3, channels=2))


@pytest.mark.parametrize("look", films())
def test_every_look_is_one_line_of_a_right_graph(look: str, music: Path, tmp_path: Path) -> None:
    graph = tmp_path / "new.yaml"
    assert f"Next: n2s run {graph}" in n2s("new", music, "-o", graph, "--look", look).output
    assert "no problems" in n2s("check", graph).output
    loaded = Graph.load(graph)
    assert loaded.nodes["look"].look == look and loaded.nodes["look"].scene.value in range(SCENES)
    assert loaded.resolve(loaded.nodes["track"].path) == music
    assert (loaded.header.title, loaded.header.size) == ("First light", (640, 360))
    assert max(map(len, graph.read_text().splitlines())) <= 125


def test_what_is_to_be_typed_next_is_quoted(music: Path, tmp_path: Path) -> None:
    graph = tmp_path / "it's my song.yaml"
    assert f"Next: n2s run {shlex.quote(str(graph))}\n" in n2s("new", music, "-o", graph, "--look", "liquid").output
    heading, more = graph.read_text().splitlines()[:2]
    assert f"n2s run {shlex.quote(graph.name)} renders it," in heading
    assert more.startswith(f"# n2s preview {shlex.quote(graph.name)} --strip shows")
    torn = tmp_path / "two\nlines.yaml"
    n2s("new", music, "-o", torn, "--look", "liquid")
    assert 'n2s run "two\\nlines.yaml" renders it' in torn.read_text().splitlines()[0]


def test_what_is_commented_out_can_be_taken_in(music: Path, tmp_path: Path) -> None:
    """Every parameter, with the range and the default that the look has; the labels; a preset."""
    graph = tmp_path / "new.yaml"
    n2s("new", music, "-o", graph, "--look", "liquid")
    text = graph.read_text()
    opened = re.sub(r"(?m)^    # (\w+: )", r"    \1", text)
    assert opened.count("\n    energy: 1 ") == 1 and "preset: lava  # or deep" in opened
    graph.write_text(opened)
    assert "no problems" in n2s("check", graph).output
    look = Graph.load(graph).nodes["look"]
    assert (look.preset, look.flow.value, look.set) == ("lava", 1, {"heard.features.beats": "new.labels.txt"})
    moved = opened.replace("new.labels.txt", "other.txt")
    graph.write_text(moved)
    with pytest.raises(GraphError, match=f"{tmp_path / 'other.txt'} does not exist"):
        n2s("check", graph)


def test_an_unknown_look_is_refused_before_anything_is_heard(music: Path, tmp_path: Path) -> None:
    with pytest.raises(GraphError, match='There is no look "liquit". Did you mean "liquid"?'):
        n2s("new", music, "-o", tmp_path / "x.yaml", "--look", "liquit")
    assert not (tmp_path / "x.yaml").exists()


def test_a_mood_has_several_looks_which_seeds_draw() -> None:
    assert {look for looks in OF_MOODS.values() for look in looks} <= set(films())
    bright = Song("", drive=0.9, brightness=3000, minor=0.1)
    assert {choose_look(bright, seed) for seed in range(9)} == set(OF_MOODS["bright"])


def test_seeds_draw_the_scene_that_a_film_begins_with() -> None:
    def text(seed: int) -> str:
        return starter("m.wav", "T", "", Song("no beat was heard"), "liquid", seed, "f.mp4", "g.yaml", "g.labels.txt")

    assert {re.search(r"\n    scene: (\d) ", text(seed))[1] for seed in range(70)} == set("012345678")
    assert "# Heard: no beat was heard." in text(0)


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
    assert judge("", heard(*given), given[1]).mood == mood


def test_silence_has_a_mood() -> None:
    silent = {name: 0 * signal for name, signal in heard(3, 30, 0, 0, 120, 0, [0]).items()} | {
        "tempo": np.full(90, 120.0)
    }
    assert judge("", silent, 30).mood == "calm"


def test_what_it_writes_renders(music: Path, studio: Any, tmp_path: Path, kernel_cache: Path) -> None:
    from conftest import shared_store

    graph, out = tmp_path / "first.yaml", tmp_path / "films"
    shared_store(tmp_path / "store", kernel_cache)
    n2s("new", music, "-o", graph, "--look", "fields")
    nodes = ("here", "next", "drifting", "view")
    smaller = [
        f"look.film.model={studio.model}",
        *(f"look.journey.{name}.model={studio.model}" for name in nodes),
        *(f"look.journey.{name}.names=[red, green, blue]" for name in nodes[:2]),
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
        (music, "cover.png", 'written as .yaml, not "cover.png"'),
            (music, ".", "is a folder"), (music, "..", "is a folder"), (music, "full.yaml", "is a folder"),
    ]:  # fmt: skip
        with pytest.raises(GraphError, match=told):
            n2s("new", piece, "-o", target, "--force")
    assert music.read_bytes() == before == odd.read_bytes()
    assert not (tmp_path / "full.yaml").exists() and not (tmp_path / "odd.yaml").exists()


def test_a_tempo_that_was_given_is_heard_and_written(tmp_path: Path) -> None:
    tiny.write_wav(tmp_path / "clicks.wav", tiny.clicks(12))
    graph = tmp_path / "clicks.yaml"
    told = {}
    for tempo in (60, 120):
        n2s("new", tmp_path / "clicks.wav", "-o", graph, "--tempo", tempo, "--force")
        assert Graph.load(graph).header.tempo == tempo
        told[tempo] = (tmp_path / "clicks.labels.txt").read_text().splitlines()
        heard = re.search(r"# Heard: ([0-9.]+) beats per minute", graph.read_text())
        assert heard and float(heard[1]) == pytest.approx(tempo, rel=0.01)
    assert len(told[120]) > 1.5 * len(told[60])


@pytest.mark.parametrize("tempo", ["19.5", "500", "quick"])
def test_a_tempo_need_not_be_a_whole_number(tempo: str) -> None:
    with pytest.raises(Exception) as caught:
        n2s("new", "song.wav", "--tempo", tempo)
    told = wrong_number(caught.value)
    assert told.startswith(f'--tempo takes a number, 20 to 400, not "{tempo}": beats per minute of the music'), told


def test_a_graph_is_no_music(tmp_path: Path, monkeypatch: Any) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises((GraphError, MediaError), match="song.yaml does not exist"):
        n2s("new", "song.yaml")
    (tmp_path / "song.yaml").write_text("n2s: 1\n")
    with pytest.raises((GraphError, MediaError), match="song.yaml is a graph, and n2s new takes music"):
        n2s("new", "song.yaml")
    assert (tmp_path / "song.yaml").read_text() == "n2s: 1\n"


@pytest.mark.parametrize("samples", [1, 800, 8000])
def test_the_labels_of_very_short_music_can_be_given_back(samples: int, tmp_path: Path) -> None:
    music = tiny.write_wav(tmp_path / "short.wav", tiny.clicks(1)[:samples], 8000)
    graph = tmp_path / "short.yaml"
    n2s("new", music, "-o", graph)
    text = (tmp_path / "short.labels.txt").read_text()
    assert text.count("\t1.1\n") == text.count("\t1.2\n") == text.count("\tA\n") == 1
    graph.write_text(graph.read_text().replace("# set: {heard", "set: {heard"))
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


def test_what_was_heard_has_no_part_of_the_files_name(tmp_path: Path) -> None:
    music = tiny.write_wav(tmp_path / "live, 90 beats per minute in 3-4: take 2.wav", tiny.clicks(4))
    n2s("new", music, "-o", tmp_path / "g.yaml")
    (heard,) = re.findall("# Heard: (.*)", (tmp_path / "g.yaml").read_text())
    assert re.match(r"\d+[^,:]* beats per minute in \d/4, \d+ % sure", heard)
    assert told_by_hearing(["a: b: it is silent; 120 beats per minute in 4/4 are assumed"], "a: b").startswith("it is")


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
    with pytest.raises(MediaError, match="is a text file, and no music"):
        n2s("new", text, "-o", tmp_path / "a.yaml")
    with pytest.raises(GraphError, match="cannot be written: "):
        n2s("new", music, "-o", text / "a.yaml")
    assert not list(tmp_path.glob("*.yaml"))


def test_a_folder_that_is_missing_is_made(music: Path, tmp_path: Path) -> None:
    graph, schema, look = tmp_path / "a" / "b" / "song.yaml", tmp_path / "c" / "n2s.json", tmp_path / "d" / "mine.yaml"
    n2s("new", music, "-o", graph)
    n2s("schema", "-o", schema)
    n2s("looks", "liquid", "-o", look)
    assert Graph.load(graph).resolve(Graph.load(graph).nodes["track"].path) == music
    assert graph.with_suffix(".labels.txt").is_file() and schema.is_file() and look.is_file()


def test_what_is_there_of_damaged_music_is_kept(music: Path, tmp_path: Path) -> None:
    cut, graph = tmp_path / "cut.wav", tmp_path / "cut.yaml"
    cut.write_bytes(music.read_bytes()[:-20_000])
    with pytest.raises(MediaError, match="n2s new --keep-damaged"):
        n2s("new", cut, "-o", graph)
    n2s("new", cut, "-o", graph, "--keep-damaged")
    assert Graph.load(graph).nodes["track"].damaged == "keep"
    assert "no problems" in n2s("check", graph).output


def test_titles_and_names() -> None:
    assert title_of(Path("03 - first_light.flac")) == "First light"
    assert title_of(Path("1999.flac")) == "1999"
    assert title_of(Path("12.5 km.flac")) == "12.5 km"
    assert file_name(Path("Ünï / ö?.wav")) == "ö"
    assert file_name(Path("...")) == "film"
