"""Films are explained whatever they are called, and those that are folders of pictures, too."""

from __future__ import annotations

import hashlib
import json
import re
import shlex
from pathlib import Path
from typing import Any

import harness
import pytest
import tiny

import n2s as n2s_package
from n2s.commands.common import parse_override
from n2s.graph.file.given import given_text
from n2s.graph.graph import Graph
from n2s.runtime.events import Events
from n2s.runtime.run import Run
from n2s.runtime.seeing.provenance import read_comment, sha256_of


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plain(folder: Path, sink: str, **settings: Any) -> Graph:
    """A film of one colour, which gets lighter."""
    nodes = {
        "colour": {"node": "Solid", "colour": "#204080"},
        "lit": {"node": "Tone", "frames": "colour", "exposure": "= time"},
        "out": {"node": sink, "frames": "lit", **settings},
    }
    return harness.load({"n2s": 1, "size": [32, 16], "fps": 10, "duration": 0.4, "nodes": nodes}, folder)


@pytest.mark.parametrize("name", ["take:2.mp4", "-take.mp4", "file:take.mp4", "a=b, c.mp4", "100%d.mp4"])
def test_metadata_are_read_of_films_of_any_name(name: str, folder: Path, store: Any) -> None:
    harness.run(plain(folder, "FFmpegSink", path="film.mp4"), folder / "renders", store)
    Path("renders/film.mp4").rename(name)
    assert re.fullmatch(r"n2s \S+ graph=\w{12} seed=0", read_comment(Path(name)))


def test_a_film_whose_name_has_a_colon_is_found(folder: Path, store: Any, n2s: Any) -> None:
    harness.run(plain(folder, "FFmpegSink", path="film.mp4"), folder / "renders", store)
    tagged = Path("renders/film.mp4").read_bytes() + b"\0\0\0\x08free"  # it is known by its metadata alone
    Path("take:2.mp4").write_bytes(tagged)
    status, said, err = n2s("explain", "take:2.mp4")
    assert status == 0 and "CHANGED since; it is known by its metadata" in said, err


def test_ffmpeg_takes_no_path_for_a_protocol() -> None:
    """Without "file:" before it, FFmpeg takes "take:2.mp4" for something of a protocol "take"."""
    bare = re.compile(r'"-(?:i|attach)", (?!f?"(?:file:|pipe:)|"color=)')
    sources = Path(n2s_package.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if bare.search(path.read_text(encoding="utf-8"))] == []


@pytest.mark.parametrize("sink", ["PNGSink", "EXRSink"])
def test_a_film_that_is_a_folder_is_explained(sink: str, folder: Path, store: Any, n2s: Any, n2s_json: Any) -> None:
    harness.run(plain(folder, sink, path="light"), folder / "renders", store)
    assert "renders is a folder; name a film in it, like light." in n2s("explain", "renders")[2]
    (told,) = n2s_json("explain", "renders/light", "--frame", "3")
    assert told["exact"] and told["graph"].endswith("graph.yaml") and told["frames"] == 4
    values = {each["parameter"]: each["value"] for each in told["moment"]["parameters"]}
    assert values["lit.exposure"] == pytest.approx(0.3, abs=1e-4)
    Path("renders/light").rename("renders/other")
    assert n2s_json("explain", "renders/other")[0]["exact"]
    next(Path("renders/other").glob("000002.*")).unlink()
    status, said, _ = n2s("explain", "renders/other")
    assert status == 0 and "CHANGED since; it is known by the list of its pictures" in said


def test_of_films_with_the_same_bytes_the_one_of_that_name_is_explained(
    folder: Path, store: Any, n2s_json: Any
) -> None:
    records = {}
    for name in ("first.mp4", "second.mp4"):
        records[name] = harness.run(
            plain(folder, "FFmpegSink", path=name), folder / "renders", store
        ).record.parent.name
    assert Path("renders/first.mp4").read_bytes() == Path("renders/second.mp4").read_bytes()
    for name, run in records.items():
        assert n2s_json("explain", f"renders/{name}")[0]["run"] == run
    Path("copy.mp4").write_bytes(Path("renders/first.mp4").read_bytes())
    assert n2s_json("explain", "copy.mp4", "--out", "renders")[0]["run"] == records["second.mp4"]


def test_a_folder_that_is_no_film_says_so(folder: Path, n2s: Any) -> None:
    Path("photographs").mkdir()
    status, _, err = n2s("explain", "photographs")
    assert status == 2 and "photographs is a folder, but no film that n2s wrote, and there is none in it" in err


def test_a_file_is_known_by_its_bytes_however_large_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "film.mkv"
    path.write_bytes(bytes(range(256)) * 10_000)
    wanted = hashlib.sha256(path.read_bytes()).hexdigest()
    monkeypatch.setattr(Path, "read_bytes", lambda path: pytest.fail("a film may be larger than the memory"))
    assert sha256_of(path) == wanted
    assert sha256_of(tmp_path / "nothing") is None and sha256_of(tmp_path) is None


GIVEN = [
    "Song #1", "#1", "007", "a: b", "[x", "{", "", " x ", "yes", "null", "1:20", "it's", '"so"', "Café 🎵: été",
    "two\nlines", "= 0.1 * pulse", "plain", "&a", "12", 12, 0.1, 1e-7, True, None, [1, "a, b", "#f"], {"a #1": "b: c"},
]  # fmt: skip


@pytest.mark.parametrize("value", GIVEN, ids=repr)
def test_what_was_given_is_written_so_that_it_is_read_again(value: Any) -> None:
    read = parse_override(f"title={given_text(value)}")[1]
    assert read == value and type(read) is type(value)


def test_texts_that_need_no_quotes_have_none() -> None:
    assert [given_text(text) for text in ("Song #1", "= 0.1 * pulse", "#ff8800")] == [
        "Song #1", "= 0.1 * pulse", "#ff8800",
    ]  # fmt: skip


def again_of(film: str | Path, n2s_json: Any) -> list[str]:
    return shlex.split(n2s_json("explain", film)[0]["again"])[1:]


@pytest.mark.parametrize("options", [[], ["--draft"], ["--profile", "archive"]])
def test_a_film_in_another_folder_is_made_again_there(
    options: list[str], folder: Path, n2s: Any, n2s_json: Any
) -> None:
    plain(folder, "FFmpegSink", path="film.mp4")
    titled = ["--set", 'title="007"', "--set", "lit.exposure=0.5"]
    assert n2s("run", "graph.yaml", *titled, *options, "--out", "my films")[0] == 0
    (film,) = (path for path in Path("my films").rglob("film*") if path.suffix in (".mp4", ".mkv"))
    before, again = film.read_bytes(), again_of(film, n2s_json)
    film.unlink()
    assert n2s(*again)[0] == 0 and film.read_bytes() == before and not Path("renders").exists(), again


def test_tracks_that_were_made_alone_are_made_again_alone(folder: Path, n2s: Any, n2s_json: Any) -> None:
    tiny.write_wav(folder / "music.wav", tiny.clicks(0.4))
    tracks = {name: {"node": "Track", "path": f"{name}.yaml"} for name in ("one", "two")}
    for name in tracks:
        nodes = {
            "music": {"node": "AudioSource", "path": "music.wav"},
            "colour": {"node": "Solid"},
            "out": {"node": "FFmpegSink", "frames": "colour", "audio": "music", "path": f"{name}.mp4"},
        }
        harness.load({"n2s": 1, "size": [32, 16], "fps": 10, "nodes": nodes}, folder, f"{name}.yaml")
    album = {"node": "Album", "tracks": list(tracks), "path": "all.mp4"}
    harness.load({"n2s": 1, "size": [32, 16], "fps": 10, "nodes": {**tracks, "all": album}}, folder)
    status, _, err = n2s("run", "graph.yaml", "--only", "two")
    assert status == 0, err
    again = again_of("renders/two.mp4", n2s_json)
    assert again[-2:] == ["--only", "two"]
    Path("renders/two.mp4").unlink()
    assert n2s(*again)[0] == 0 and [path.name for path in Path("renders").glob("*.mp4")] == ["two.mp4"]


class Editor(Events):
    """Edits files as soon as a run renders."""

    def __init__(self, *files: Path):
        self.files = files

    def planned(self, frames: int, stored: int) -> None:
        for file in self.files:
            file.write_text(file.read_text(encoding="utf-8") + "\n# edited\n", encoding="utf-8")


def test_a_record_tells_of_the_graph_as_it_was_rendered(folder: Path, store: Any, n2s_json: Any) -> None:
    look = """\
n2s: 1
interface:
  outputs: {frames: colour}
nodes:
  colour: {node: Solid, colour: "#204080"}
"""
    graph = """\
n2s: 1
size: [32, 16]
fps: 10
duration: 0.4
nodes:
  look: {node: Graph, path: look.yaml}
  out: {node: FFmpegSink, frames: look.frames, path: film.mp4}
"""
    texts = {folder / "look.yaml": look, folder / "graph.yaml": graph}
    for path, text in texts.items():
        path.write_text(text, encoding="utf-8")
    Run(Graph.load(folder / "graph.yaml"), "renders", store, events=Editor(*texts)).execute()
    record = json.loads(next(Path("renders").glob("*/run.json")).read_text(encoding="utf-8"))
    was = {path.name: hashlib.sha256(text.encode()).hexdigest() for path, text in texts.items()}
    assert record["files"] == was
    assert record["graphs"][str(folder / "graph.yaml")]["sha256"] == was["graph.yaml"]
    assert n2s_json("explain", "renders/film.mp4")[0]["state"] == "CHANGED since"


def test_a_record_tells_of_the_graph_as_it_was_read(folder: Path, store: Any) -> None:
    graph = plain(folder, "FFmpegSink", path="film.mp4")
    path = folder / "read.yaml"
    graph.save(path)
    was, loaded = hashlib.sha256(path.read_bytes()).hexdigest(), Graph.load(path, {"lit.exposure": 0.5})
    path.write_text("n2s: 1\nnodes: {}\n", encoding="utf-8")
    Run(loaded, "renders", store).execute()
    record = json.loads(next(Path("renders").glob("*/run.json")).read_text(encoding="utf-8"))
    assert record["graphs"][str(path)]["sha256"] == was
