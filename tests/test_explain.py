"""Where a film came from: the run and the graph that made it, and what moved every parameter at a moment of it."""

from __future__ import annotations

import json
import re
import shlex
import subprocess
import sys
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s import __version__
from n2s.graph.graph import Graph
from n2s.graph.time import frame_begun
from n2s.graph.times import parse_time
from n2s.runtime.ffmpeg import run_ffmpeg
from n2s.runtime.records import RunRecord
from n2s.runtime.seeing.provenance import read_comment, read_commit
from n2s.runtime.session import Session


@pytest.fixture
def track(studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(3))
    return tiny.write_graph(tmp_path, studio.model)


def test_a_film_tells_what_moved_it(track: Path, n2s: Any, n2s_json: Any) -> None:
    assert n2s("run", track)[0] == 0
    status, said, err = n2s("explain", "renders/track.mp4", "--at", "0:01.5")
    assert status == 0, err
    assert "track.yaml, as it was; seed 7" in said and "frame 45 at 00:01.50: Track, its frame 45, bar" in said
    (told,) = n2s_json("explain", "renders/track.mp4", "--frame", "45")
    values = {each["parameter"]: each for each in told["moment"]["parameters"]}
    with Session(Graph.load(track)) as session:
        pulse = session.values.outputs["pulse", "signal"][45]
        exposure = session.values.params["tone", "exposure"][45]
    tone = values["tone.exposure"]
    assert tone["value"] == pytest.approx(float(exposure), abs=1e-6) and tone["written"] == "= 0.8 * pulse"
    assert tone["moved_by"] == {"pulse": pytest.approx(float(pulse), abs=1e-6)}
    assert "written" not in values["tone.contrast"] and values["tone.contrast"]["value"] == pytest.approx(1.1, abs=1e-4)
    assert "tone.contrast" not in said and "tone.exposure" in said
    assert "tone.contrast" in n2s("explain", "renders/track.mp4", "--frame", "45", "--all")[1]


def test_a_renamed_film_of_chosen_settings_and_seconds(track: Path, n2s: Any, n2s_json: Any) -> None:
    arguments = ["--set", "tone.contrast=1.3", "--size", "48x32", "--from", "1", "--to", "2"]
    assert n2s("run", track, *arguments)[0] == 0
    film = next(Path("renders").glob("*.mp4"))
    film.rename("renders/other.mp4")
    (told,) = n2s_json("explain", "renders/other.mp4", "--frame", "0")
    assert [given[:2] for given in told["overrides"]] == [["tone.contrast", 1.3], ["size", [48, 32]]]
    assert told["moment"]["frame_of_track"] == 30
    values = {each["parameter"]: each["value"] for each in told["moment"]["parameters"]}
    assert values["tone.contrast"] == pytest.approx(1.3, abs=1e-4)


PLACES = """\
n2s: 1
fps: 10
size: [96, 64]
duration: 1
model: {model}
nodes:
  path: {{node: LatentPath, names: [red, green, blue], place: = 2.25 + 0 * time, stay: 0}}
  late: {{node: LatentPath, names: [red, green, blue], place: 5.9, stay: 0.8, closed: false}}
  ramp: {{node: Keyframes, points: [[0, 0], [1, 1]]}}
  weights: {{node: Weights, signal: ramp, count: 2}}
  blend: {{node: Anchors, weights: weights, names: [green, red]}}
  grown: {{node: LatentMask, a: path, b: late, amount: = 0.2 + 0 * time}}
  joined: {{node: LatentBands, composition: grown, texture: blend, amount: 0.5}}
  drift: {{node: Wander, latents: joined}}
  film: {{node: VAEDecode, latents: drift}}
  other: {{node: VAEDecode, latents: late}}
  unused: {{node: LatentPath, names: [red, green], place: = time}}
  nowhere: {{node: VAEDecode, latents: unused}}
  both: {{node: Mix, a: film, b: other}}
  out: {{node: FFmpegSink, frames: both, path: places.mp4}}
"""


def test_a_film_tells_which_places_it_shows(
    studio: Any, tmp_path: Path, monkeypatch: Any, n2s: Any, n2s_json: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("places.yaml").write_text(PLACES.format(model=studio.model), encoding="utf-8")
    assert n2s("run", "places.yaml")[0] == 0
    (told,) = n2s_json("explain", "renders/places.mp4", "--frame", "5")
    places = told["moment"]["places"]
    # path: blue 3/4, red 1/4. late: the path ends at blue. blend: green and red, half each. grown: path 4/5, late 1/5.
    path, late = {"blue": 0.75, "red": 0.25}, {"blue": 1.0}
    grown = {"blue": 0.8 * path["blue"] + 0.2, "red": 0.8 * path["red"]}
    joined = {"blue": 0.75 * grown["blue"], "red": 0.75 * grown["red"] + 0.25 / 2, "green": 0.25 / 2}
    assert places["film"] == pytest.approx(joined, abs=0.002) and list(places["film"]) == ["blue", "red", "green"]
    assert places["other"] == late and set(places) == {"film", "other"}
    said = n2s("explain", "renders/places.mp4", "--frame", "5")[1]
    assert re.search(r"film shows +blue 60 %, red 28 %, green 12 %", said) and re.search(r"other shows +blue\n", said)


GUARDED = """
  flashing: {node: Tone, frames: tone, exposure: "= 8 * step(0.5, fract(5 * time)) - 2"}
  lit: {node: Exposure, frames: flashing, look: 0.5}
  safe: {node: Guard, frames: lit}
"""


@pytest.mark.parametrize("shape", [["--size", "96x64", "--fps", "24"], ["--set", "size=[96, 64]"], []])
def test_a_draft_of_a_size_that_was_asked_for_is_made_again(shape: list[str], track: Path, n2s: Any) -> None:
    assert n2s("run", track, *shape, "--draft", "--from", "0", "--to", "0.5")[0] == 0
    (film,) = Path("renders/draft").glob("*.mp4")
    said = n2s("explain", film)[1]
    (again,) = re.findall(r"^  again +n2s (.*)$", said, re.M)
    status, told, _ = n2s(*shlex.split(again))
    assert status == 0 and "Rendered 0 chunks" in told and list(Path("renders/draft").glob("*.mp4")) == [film], again


def test_an_excerpt_is_made_again_and_explained_as_one(track: Path, n2s: Any, n2s_json: Any) -> None:
    text = track.read_text(encoding="utf-8")
    shown = re.search(r"out: .*frames: (\w+)", text)
    assert shown, text
    track.write_text(
        text.replace(f"frames: {shown[1]}, audio", "frames: safe, audio").replace("\n  out:", f"{GUARDED}  out:"),
        encoding="utf-8",
    )
    status, _, err = n2s("run", track, "--from", "1", "--to", "2", "--excerpt")
    assert status == 0, err
    film = Path("renders/track-0m01s-0m02s-excerpt.mp4")
    before = film.read_bytes()
    status, said, err = n2s("explain", film, "--frame", "3")
    assert status == 0 and "changed since" not in err, err
    (again,) = re.findall(r"^  again +n2s (.*)$", said, re.M)
    assert again.endswith("--from 1 --to 2 --excerpt")
    film.unlink()
    assert n2s(*again.split())[0] == 0 and film.read_bytes() == before


@pytest.mark.parametrize(
    "arguments, told",
    [
        ([], "--excerpt: say which seconds it shows, with --from, --to or both"),
        (["--profile", "canvas", "--from", "1"], "--excerpt: canvas is a loop"),
    ],
)
def test_what_has_no_excerpt(track: Path, n2s: Any, arguments: list[str], told: str) -> None:
    status, _, err = n2s("run", track, "--excerpt", *arguments)
    assert status == 2 and told in err, err


def test_an_album_has_no_excerpt(studio: Any, tmp_path: Path, n2s: Any) -> None:
    status, _, err = n2s("run", write_album(tmp_path, studio.model, [8000]), "--excerpt", "--from", "1")
    assert status == 2 and "give them with a track's graph" in err, err


def test_what_the_own_graph_has_comes_first(
    studio: Any, tmp_path: Path, monkeypatch: Any, n2s: Any, n2s_json: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(3))
    inner = {
        "n2s": 1,
        "interface": {
            "inputs": {"frames": {"kind": "Frames", "help": "pictures"}},
            "params": {"strength": {"default": 0.5, "ge": 0, "le": 4, "help": "how strong"}},
            "outputs": {"frames": "lit"},
        },
        "nodes": {"lit": {"node": "Tone", "frames": "frames", "exposure": "= 0.5 * strength"}},
    }
    (tmp_path / "inner.yaml").write_text(json.dumps(inner))
    look = inner | {
        "nodes": {
            "inside": {"node": "Graph", "path": "inner.yaml", "frames": "frames", "strength": "= 2 * strength"},
            "lit": {"node": "Tone", "frames": "inside", "exposure": "= strength - 0.1"},
        }
    }
    (tmp_path / "look.yaml").write_text(json.dumps(look))
    path = tiny.write_graph(tmp_path, studio.model)
    text = path.read_text().replace("frames: tone", "frames: look")
    look_line = "  look: {node: Graph, path: look.yaml, frames: tone, strength: '= 0.5 * pulse + 0.1 * bar_phase'}\n"
    path.write_text(text.replace("nodes:\n", f"nodes:\n{look_line}"))
    assert n2s("run", path)[0] == 0
    status, said, err = n2s("explain", "renders/track.mp4", "--frame", "45")
    assert status == 0, err
    (told,) = n2s_json("explain", "renders/track.mp4", "--frame", "45")
    values = {each["parameter"]: each for each in told["moment"]["parameters"]}
    depths = [name.count("/") for name in values]
    assert depths == sorted(depths) and set(depths) == {0, 1, 2}, list(values)
    assert next(iter(values)) == "look.strength", "in the order of the graph, in which it stands first"
    assert said.index("look.strength") < said.index("tone.exposure") < said.index("look/lit.exposure")
    given = values["look.strength"]
    assert given["written"] == "= 0.5 * pulse + 0.1 * bar_phase" and set(given["moved_by"]) == {"pulse", "bar_phase"}
    moved = given["moved_by"]
    assert given["value"] == pytest.approx(0.5 * moved["pulse"] + 0.1 * moved["bar_phase"], abs=1e-4)
    assert values["look/lit.exposure"]["value"] == pytest.approx(given["value"] - 0.1, abs=1e-4)
    assert values["look/inside/lit.exposure"]["value"] == pytest.approx(given["value"], abs=1e-4)


def test_an_album_tells_which_track_it_shows(
    studio: Any, tmp_path: Path, monkeypatch: Any, n2s: Any, n2s_json: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_album(tmp_path, studio.model, [22050 * 2, 22050 * 2])
    assert n2s("run", path)[0] == 0
    (told,) = n2s_json("explain", "renders/album.mp4", "--at", "2.5")
    assert (told["moment"]["track"], told["moment"]["frame_of_track"]) == ("Piece 1", 15)
    assert "a film of several tracks" in n2s("explain", "renders/album.mp4", "--at", "2 bars")[2]


def test_a_dissolve_tells_what_both_tracks_do(
    studio: Any, tmp_path: Path, monkeypatch: Any, n2s: Any, n2s_json: Any
) -> None:
    monkeypatch.chdir(tmp_path)
    path = write_album(tmp_path, studio.model, [22050 * 2, 22050 * 2], crossfade=1.0)
    assert n2s("run", path)[0] == 0
    (told,) = n2s_json("explain", "renders/album.mp4", "--frame", "40")
    assert told["moment"]["track"] == "the crossfade of Piece 0 and Piece 1"
    values = {each["parameter"]: each for each in told["moment"]["parameters"]}
    assert values["mix.amount"]["value"] == pytest.approx(10.5 / 30, abs=1e-4)
    for name, track, frame in (("before", 0, 40), ("after", 1, 10)):
        with Session(Graph.load(tmp_path / f"track{track}.yaml")) as session:
            exposure = session.values.params["tone", "exposure"][frame]
        assert values[f"{name}/tone.exposure"]["value"] == pytest.approx(float(exposure), abs=1e-6)
        assert values[f"{name}/tone.exposure"]["moved_by"].keys() == {"pulse"}


def test_a_moment_of_the_music_is_explained(track: Path, n2s: Any, n2s_json: Any) -> None:
    assert n2s("run", track, "--from", 0.5)[0] == 0
    (film,) = Path("renders").glob("*.mp4")
    with Session(Graph.load(track)) as session:
        beat = session.clock.place(parse_time("3 beats"))
    (told,) = n2s_json("explain", film, "--at", "3 beats")
    assert told["moment"]["frame_of_track"] == frame_begun(beat, Fraction(30)) == told["moment"]["frame"] + 15


def test_a_graph_that_changed_is_told(track: Path, n2s: Any) -> None:
    n2s("run", track)
    tiny.edit(track, "contrast: 1.1", "contrast: 1.2")
    status, said, err = n2s("explain", "renders/track.mp4", "--frame", "0")
    assert status == 0 and "CHANGED since" in said and "how it is now" in err


def test_a_time_of_the_music_of_a_part_is_told_as_one_of_the_film(track: Path, n2s: Any) -> None:
    assert n2s("run", track, "--from", "2", "--to", "3")[0] == 0
    (film,) = Path("renders").glob("*.mp4")
    told = n2s("explain", film, "--at", "2.5")[2]
    assert "It is a part that begins at 00:02.00: 00:00.50 of the film is 00:02.50 of the music." in told, told
    assert "It is a part" not in n2s("explain", film, "--at", "1.5")[2]


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["renders/track.mp4", "--frame", "90"], "The film has no frame 90: it has frames 0 to 89"),
        (["renders/track.mp4", "--at", "1", "--frame", "3"], "give one of them"),
        (["renders/track.mp4", "--at", "at H"], "this music has no such section"),
        (
            ["renders/track.mp4", "--at", "4"],
            "The film has no frame 120: it has frames 0 to 89, the last one at 00:02.96.",
        ),
        (["renders"], "renders is a folder; name a film in it, like track.mp4."),
        (["nothing.mp4"], "nothing.mp4: there is no such film."),
        (["music.wav"], "music.wav: no record of a run that wrote it lies in"),
    ],
)
def test_what_cannot_be_explained(track: Path, n2s: Any, arguments: list[str], told: str) -> None:
    assert n2s("run", track)[0] == 0
    status, _, err = n2s("explain", *arguments)
    assert status == 2 and told in err


def test_times_in_other_units_and_from_other_folders(track: Path, n2s: Any, n2s_json: Any, monkeypatch: Any) -> None:
    n2s("run", track)
    (told,) = n2s_json("explain", "renders/track.mp4", "--at", "500 ms")
    assert told["moment"]["frame"] == 15
    Path("renders/sub").mkdir()
    Path("renders/track.mp4").rename("renders/sub/film.mp4")
    monkeypatch.chdir("renders/sub")
    assert n2s("explain", "film.mp4")[0] == 0


def test_the_graph_is_found_from_any_folder(track: Path, n2s: Any, n2s_json: Any, monkeypatch: Any) -> None:
    """The run was started with a relative path, and its folder may have been moved as a whole since."""
    Path("films").mkdir()
    for name in (track.name, "music.wav"):
        Path(name).rename(f"films/{name}")
    n2s("run", f"films/{track.name}", "--out", "made")
    film = "made/track.mp4"
    (here,) = n2s_json("explain", film, "--at", "0.5")
    assert here["graph"] == f"films/{track.name}" and here["state"] == "as it was"
    for folder in ("films", "made", "films/sub"):
        Path(folder).mkdir(exist_ok=True)
        with monkeypatch.context() as there:
            there.chdir(folder)
            up = "../" * (folder.count("/") + 1)
            (told,) = n2s_json("explain", f"{up}{film}", "--at", "0.5")
            assert told["moment"]["parameters"] == here["moment"]["parameters"]
            assert told["state"] == "as it was" and Path(told["graph"]).is_file() and told["graph"] in told["again"]
    Path("moved").mkdir()
    for name in ("films", "made"):
        Path(name).rename(f"moved/{name}")
    (told,) = n2s_json("explain", f"moved/{film}", "--at", "0.5")
    assert told["graph"] == f"moved/films/{track.name}" and told["state"] == "as it was"


def test_a_record_without_its_folder_is_understood(track: Path, n2s: Any, n2s_json: Any, monkeypatch: Any) -> None:
    n2s("run", track.name)
    (record,) = Path("renders").glob("*/run.json")
    values = json.loads(record.read_text())
    assert values.pop("started_in") == "../.."
    record.write_text(json.dumps(values))
    monkeypatch.chdir("renders")
    (told,) = n2s_json("explain", "track.mp4", "--at", "0.5")
    assert told["graph"] == f"../{track.name}" and told["state"] == "as it was"


def test_a_graph_that_was_moved_is_asked_for(track: Path, n2s: Any, n2s_json: Any) -> None:
    n2s("run", track.name)
    Path("elsewhere").mkdir()
    for name in (track.name, "music.wav"):
        Path(name).rename(f"elsewhere/{name}")
    status, said, _ = n2s("explain", "renders/track.mp4")
    assert status == 0 and f"{track.name}, GONE: name it where it lies now with --graph" in said
    status, _, err = n2s("explain", "renders/track.mp4", "--at", "0.5")
    assert status == 2 and f"was made of {track.name}, which is not there any more" in err and "--graph GRAPH" in err
    (told,) = n2s_json("explain", "renders/track.mp4", "--at", "0.5", "--graph", f"elsewhere/{track.name}")
    assert told["state"] == "as it was" and told["moment"]["frame"] == 15
    assert n2s("explain", "renders/track.mp4", "--graph", "nowhere.yaml")[0] == 2


def test_records_that_are_none_are_passed_over(track: Path, n2s: Any) -> None:
    n2s("run", track)
    for k, text in enumerate(("", "{}", "[]", json.dumps({"films": [{"bytes": 1}]}))):
        folder = Path(f"renders/zz{k}")
        folder.mkdir()
        (folder / "run.json").write_text(text)
    assert n2s("explain", "renders/track.mp4")[0] == 0
    assert np.all([path.exists() for path in Path("renders").glob("zz*/run.json")])


def test_records_sort_as_their_runs_began(tmp_path: Path) -> None:
    """Runs of one second too: the newest is the one that tells where a film is from."""
    ids = [RunRecord(tmp_path).id for _ in range(100)]
    assert ids == sorted(set(ids))


def test_the_metadata_of_a_film_lead_to_its_run(track: Path, n2s: Any, n2s_json: Any) -> None:
    """A film whose bytes were changed, by a program that tags films, is known by what it says itself."""
    assert n2s("run", track, "--set", "tone.contrast=1.3", "--from", "1", "--to", "2.5")[0] == 0
    film = next(Path("renders").glob("*.mp4"))
    record = json.loads(next(Path("renders").glob("*/run.json")).read_text())
    (told,) = n2s_json("explain", film)
    again = "n2s run track.yaml --set tone.contrast=1.3 --from 1 --to 2.5"
    assert told["exact"] and told["again"] == again.replace("track.yaml", str(track))
    said = read_comment(film)
    words = dict(word.split("=") for word in said.split()[2:])
    assert said.split()[:2] == ["n2s", __version__] and words["seed"] == "7"
    assert record["films"][0]["pictures"].startswith(words["graph"])
    digests = [sha256 for files in record["models"].values() for sha256 in files.values()]
    assert len(words["model"]) == 12 and any(digest.startswith(words["model"]) for digest in digests)
    run_ffmpeg(["-i", str(film), "-c", "copy", "-metadata", "title=Another", "-y", "tagged.mp4"], Path("tagged.mp4"))
    (told,) = n2s_json("explain", "tagged.mp4", "--out", "renders", "--frame", "0")
    assert not told["exact"] and told["again"].endswith("--to 2.5") and told["moment"]["frame_of_track"] == 30
    assert "bytes     CHANGED since" in n2s("explain", "tagged.mp4")[1]
    for path in Path("renders").glob("*/run.json"):
        path.unlink()
    status, _, err = n2s("explain", film)
    assert status == 2 and f"Its metadata say: {said}" in err


def test_the_same_pictures_say_the_same_of_themselves(track: Path, n2s: Any) -> None:
    """Names, comments and places in the file are not what a film is made of."""
    n2s("run", track)
    film = Path("renders/track.mp4")
    before = film.read_bytes()
    tiny.edit(track, "n2s: 1", "# another word\nn2s: 1")
    film.unlink()
    n2s("run", track)
    assert film.read_bytes() == before


def test_the_commit_of_a_graph_is_kept(track: Path, n2s: Any, n2s_json: Any) -> None:
    assert read_commit(track.parent) is None
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@b"]
    for words in (["init", "-q"], ["add", "track.yaml"], ["commit", "-qm", "a graph"]):
        subprocess.run([*git, *words], check=True)
    n2s("run", track)
    head = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True).stdout.strip()
    assert n2s_json("explain", "renders/track.mp4")[0]["commit"] == head


def test_the_version_names_the_model() -> None:
    said = subprocess.run([sys.executable, "-m", "n2s", "--version"], check=True, capture_output=True, text=True).stdout
    assert re.fullmatch(rf"n2s {re.escape(__version__)}, Python 3[.\d]+, model [0-9a-f]{{12}}\n", said)
