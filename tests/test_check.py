"""n2s check finds what cannot render, and commands that plan find the same before any work.

It is one row of mistakes that are all found in the same way, and so longer than other files.
"""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from packages import TABLES
from places import Place
from test_films import write_album

from n2s.graph.check import warnings
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph

FILMS = ".mp4, .m4v, .mov, .mkv or .webm"  # what FFmpegSink writes
NODES = {
    "track": {"node": "AudioSource", "path": "music.wav"},
    "features": {"node": "Features", "audio": "track"},
    "travel": {"node": "Keyframes", "points": [[0, 0], [3, 1]]},
    "colour": {"node": "Keyframes", "points": [[0, 0, 1, 0, 0], [3, 1, 0, 0, 0]]},
    "weights": {"node": "Weights", "signal": "travel", "count": 3},
    "one": {"node": "Weights", "signal": "travel", "count": 1},
    "slow": {"node": "EMA", "signal": "weights"},
    "anchors": {"node": "Anchors", "weights": "weights", "names": ["red", "green", "blue"]},
    "film": {"node": "VAEDecode", "latents": "anchors", "grid": [2, 3]},
    "tone": {"node": "Tone", "frames": "film"},
    "out": {"node": "FFmpegSink", "frames": "tone", "audio": "track", "path": "film.mp4"},
}


@pytest.fixture
def folder(studio: Any, tmp_path: Path) -> Path:
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    return tmp_path


def write(folder: Path, model: Path, **changes: dict[str, Any]) -> Path:
    nodes = {name: dict(spec) for name, spec in NODES.items()}
    for name in ("anchors", "film"):
        nodes[name]["model"] = str(model)
    for name, change in changes.items():
        nodes[name] = nodes.get(name, {}) | change
    path = folder / "graph.yaml"
    path.write_text(json.dumps({"n2s": 1, "size": [96, 64], "nodes": nodes}, indent=1))
    return path


def told(*arguments: Any, folder: Path, **environment: str) -> tuple[int, str]:
    """Run a command in a new process; return its status and what it said, without the graph's name."""
    command = [str(Path(sys.executable).with_name("n2s")), *map(str, arguments)]
    done = subprocess.run(
        command, capture_output=True, text=True, cwd=folder, check=False, env=os.environ | environment
    )
    assert "Traceback" not in done.stderr
    return done.returncode, done.stderr


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"weights": {"count": 4}},
         'anchors.weights: "weights" has 4 columns, but 3 are wanted, one for each of its names. Set '
            'weights.count to 3.'),
        ({"anchors": {"names": ["red", "green"]}}, 'anchors.weights: "weights" has 3 columns, but 2 are wanted'),
        ({"anchors": {"weights": "travel"}}, 'anchors.weights: "travel" has 1 column, but 3 are wanted'),
        ({"anchors": {"weights": "colour"}}, 'anchors.weights: "colour" has 4 columns, but 3 are wanted'),
        ({"anchors": {"weights": "slow", "names": ["red"]}}, 'anchors.weights: "slow" has 3 columns, but 1 is wanted'),
        ({"anchors": {"weights": "weights.0"}}, 'anchors.weights: "weights.0" has 1 column, but 3 are wanted'),
        ({"anchors": {"weights": "= 2 * travel"}}, "anchors.weights: an expression has 1 column, but 3 are wanted"),
        ({"anchors": {"weights": "features.mfcc"}},
         'anchors.weights: "features.mfcc" has 13 columns, but 3 are wanted'),
        ({"anchors": {"weights": "features.rms"}}, 'anchors.weights: "features.rms" has 1 column, but 3 are wanted'),
        ({"tone": {"exposure": "weights"}}, 'tone.exposure: "weights" has 3 components; name one, like "weights.0".'),
        ({"tone": {"exposure": "= 0.5 * slow"}}, 'tone.exposure: "slow" has 3 components; name one, like "slow.0".'),
        ({"tone": {"exposure": "weights.3"}},
         'tone.exposure: "weights" has components 0 to 2; there is no "weights.3".'),
        ({"tone": {"exposure": "= colour.4"}}, 'tone.exposure: "colour" has components 0 to 3'),
        ({"tone": {"exposure": "travel.0"}}, 'tone.exposure: "travel" has no components; there is no "travel.0".'),
        ({"slow": {"signal": "features.rms.0"}}, 'slow.signal: "features.rms" has no components'),
        ({"slow": {"signal": "= 1 - weights"}}, 'slow.signal: "weights" has 3 components; name one'),
        ({"anchors": {"names": ["red", "gren", "blue"]}},
         'anchors.names: the model has no anchor "gren". Did you mean "green"?'),
        ({"film": {"precision": "int8"}},
         "film.precision: the model has no decoder.int8.onnx; its card lists decoder.fp32.onnx."),
        ({"track": {"path": "musik.wav"}}, 'musik.wav does not exist. Did you mean "music.wav"?'),
        ({"track": {"path": "~/music.wav"}}, 'does not exist. Write the path in full: "~" is not read in graphs.'),
        ({"track": {"path": "sounds/music.wav"}}, "There is no folder"),
        ({"track": {"path": "."}}, "is a folder, but must be a file. Name the file itself."),
        ({"track": {"path": "https://example.org/a.wav"}}, "It looks like an internet address"),
        ({"track": {"path": "x" * 300}}, "cannot be opened (File name too long); it must be a file."),
        ({"film": {"model": "nowhere"}}, "film.model: "),
        ({"film": {"model": "music.wav"}}, "music.wav is not a folder, but must be one. Name the folder itself."),
        ({"film": {"model": "."}}, "There is no model in"),
        ({"picture": {"node": "ImageSource", "path": "p.png"}, "tone": {"frames": "picture"}}, "p.png does not exist."),
        ({"out": {"path": "film.gif"}}, f'"film.gif" may not be written: FFmpegSink writes {FILMS}, not .gif.'),
        ({"out": {"path": "film.webm"}}, "path: .webm holds no H.264; .mp4, .m4v, .mov or .mkv does"),
        ({"out": {"path": "film.avi"}}, f"writes {FILMS}, not .avi."),
        ({"out": {"path": "film"}}, f'"film" may not be written: FFmpegSink writes {FILMS}, and it has no ending.'),
        ({"out": {"path": ".mp4"}}, "and it has no ending."),
        ({"out": {"node": "DigestSink", "path": "film.mp4"}}, "DigestSink writes .txt or .sha256, not .mp4."),
        ({"out": {"path": f"{'x' * 225}.mp4"}}, "is too long a name: it has 229 bytes, and at most 228 are possible."),
        ({"out": {"path": f"{'ü' * 113}.mp4"}}, "is too long a name: it has 230 bytes"),
        ({"out": {"path": f"{'x' * 256}/a.mp4"}},
         "is too long a name: it has 256 bytes, and at most 255 are possible."),
        ({"out": {"path": "a:b.mp4"}}, '"a:b.mp4" may not be written: '),
        ({"out": {"path": "Part 1: Dawn.mp4"}}, "not every system can have ':' in a name."),
        ({"out": {"path": "a\nb.mp4"}}, "not every system can have '\\n' in a name."),
        ({"out": {"path": "what?.mp4"}}, "not every system can have '?' in a name."),
        ({"out": {"path": "a./b.mp4"}}, '"a." ends with a dot, which not every system keeps.'),
        ({"out": {"path": "a /b.mp4"}}, '"a " ends with a space, which not every system keeps.'),
        ({"out": {"path": "NUL.mp4"}}, '"NUL.mp4" is the name of a device on some systems.'),
        ({"out": {"path": "com1/a.mp4"}}, '"com1" is the name of a device'),
        ({"out": {"path": "~/a.mp4"}}, '"~" is not read there.'),
        ({"second": NODES["out"] | {"path": "FILM.mp4"}}, 'second.path: "FILM.mp4" is written by out already'),
        ({"second": NODES["out"] | {"path": "film.mp4/b.mp4"}},
         '"film.mp4", which is in the way of "film.mp4/b.mp4", is written by out'),
        ({"out": NODES["out"] | {"path": "Ma\u0308r.mp4"}, "second": NODES["out"] | {"path": "m\u00e4r.mp4"}},
         "is written by out already"),
    ],
    ids=lambda value: next(iter(json.dumps(value).split("}"))) if isinstance(value, dict) else "",
)  # fmt: skip
def test_what_cannot_render_is_found_by_the_check(
    changes: dict, words: str, studio: Any, folder: Path, n2s: Any
) -> None:
    graph = write(folder, studio.model, **changes)
    status, out, err = n2s("check", graph)
    assert (status, out) == (2, "") and words in err, err
    assert all(line.startswith((f"{graph}:", "warning: ")) for line in err.splitlines()), err


@pytest.mark.parametrize(
    "changes",
    [
        {"anchors": {"weights": "one", "names": ["red"]}},
        {"anchors": {"weights": "travel", "names": ["red"]}},
        {"anchors": {"weights": "slow"}},
        {"tone": {"exposure": "one"}},
        {"tone": {"exposure": "= weights.2 * colour.3"}},
        {"out": {"path": "film.MP4"}},
        {"out": {"path": "film.m4v"}},
        {"out": {"path": "100 %, #1 [x] it's.mp4"}},
        {"out": {"path": f"{'x' * 224}.mp4"}},
        {"out": {"node": "DigestSink", "path": "frames.txt"}},
        {"out": {"node": "DigestSink", "path": "frames.SHA256"}},
        {"film": {"precision": "fp32"}},
    ],
    ids=lambda value: next(iter(json.dumps(value).split("}"))),
)
def test_what_renders_passes_the_check(changes: dict, studio: Any, folder: Path, store: Any, n2s: Any) -> None:
    graph = write(folder, studio.model, **changes)
    assert n2s("check", graph)[0] == 0
    report = harness.run(Graph.load(graph), folder / "out", store)
    assert report.films[0]["frames"] == 30 and Path(report.films[0]["path"]).is_file()


def test_commands_that_plan_find_all_of_it_before_any_work(studio: Any, folder: Path, n2s: Any) -> None:
    graph = write(
        folder,
        studio.model,
        track={"path": "musik.wav"},
        weights={"count": 2},
        anchors={"names": ["red", "blu", "green"]},
    )
    status, _, wanted = n2s("check", graph)
    problems = [line for line in wanted.splitlines() if not line.startswith("warning")]
    assert status == 2 and len(problems) == 3
    for command in (
        ["run", graph, "--out", "renders"], ["run", graph, "--dry-run"], ["plan", graph], ["why", graph],
        ["preview", graph],
        ["export", graph, "--port", "travel", "-o", "s.npz"],
    ):  # fmt: skip
        status, out, err = n2s(*command)
        assert (status, out, err.splitlines()) == (2, "", problems), command
    for arguments in (["--plan"], ["--thumbnails", 1]):
        status, err = told("draw", graph, *arguments, "-o", "g.svg", folder=folder, N2S_STORE=str(folder / "store"))
        assert (status, err.splitlines()) == (2, problems)
    assert sorted(path.name for path in folder.iterdir() if path.name != "store") == ["graph.yaml", "music.wav"]


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (
            ["--thumbnails", "1", "-o", "g.dot"],
            '"g.dot" would hold no pictures; write thumbnails as .svg, .png or .pdf.',
        ),
        (["--plan", "-o", "g.gif"], 'A diagram is written as .svg, .png, .pdf or .dot, not "g.gif".'),
    ],
)
def test_what_a_diagram_cannot_be_written_as_is_told_before_any_work(
    words: list[str], reason: str, studio: Any, folder: Path
) -> None:
    graph = write(folder, studio.folder)
    status, err = told("draw", graph, *words, folder=folder, N2S_STORE=str(folder / "store"))
    assert status == 2 and err.strip().endswith(reason)
    assert not (folder / "store").exists()


def test_opening_and_changing_a_graph_looks_at_no_file(studio: Any, folder: Path) -> None:
    graph = Graph.load(write(folder, folder / "nowhere", track={"path": "musik.wav"}))
    assert graph.edit({"weights.count": 4}).nodes["weights"].count == 4


LOOK = {
    "n2s": 1,
    "interface": {
        "inputs": {"way": {"kind": "Signal", "help": "the way"}},
        "params": {"light": {"default": 0, "le": 2, "help": "how bright"}},
        "outputs": {"frames": "tone", "weights": "weights"},
    },
    "presets": {"four": {"weights.count": 4}},
    "nodes": {
        "weights": {"node": "Weights", "signal": "way", "count": 3},
        "anchors": {"node": "Anchors", "weights": "weights", "names": ["red", "green", "blue"]},
        "film": {"node": "VAEDecode", "latents": "anchors", "grid": [2, 3]},
        "tone": {"node": "Tone", "frames": "film", "exposure": "light"},
    },
}


def using(folder: Path, model: Path, look: dict[str, Any] | None = None, **instance: Any) -> Path:
    """A graph whose pictures come out of a sub-graph."""
    (folder / "look.yaml").write_text(json.dumps(look or LOOK, indent=1))
    graph = write(
        folder,
        model,
        look={"node": "Graph", "path": "look.yaml", "way": "travel"} | instance,
        tone={"frames": "look.frames"},
    )
    values = json.loads(graph.read_text())
    del values["nodes"]["anchors"], values["nodes"]["film"]
    graph.write_text(json.dumps(values | {"model": str(model)}, indent=1))
    return graph


@pytest.mark.parametrize(
    ("instance", "place", "words"),
    [
        ({"preset": "four"}, "look.yaml:", 'anchors.weights: "weights" has 4 columns, but 3 are wanted'),
        ({"set": {"weights.count": 4}}, "look.yaml:", 'anchors.weights: "weights" has 4 columns, but 3 are wanted'),
        ({"set": {"anchors.names": ["red", "gren", "blue"]}}, "graph.yaml:",
         'anchors.names: the model has no anchor "gren". Did you mean'),
        ({"light": "colour"}, "graph.yaml:",
         'look: with what it is given here, tone.exposure: "light" has 4 components'),
        ({"set": {"film.model": "nowhere"}}, "graph.yaml:", "film.model: "),
    ],
    ids=str,
)  # fmt: skip
def test_a_sub_graph_is_looked_into(
    instance: dict, place: str, words: str, studio: Any, folder: Path, n2s: Any
) -> None:
    status, _, err = n2s("check", using(folder, studio.model, **instance))
    assert status == 2 and f"{folder / place}" in err and words in err, err


def test_what_a_sub_graph_gives_has_columns(studio: Any, folder: Path, n2s: Any) -> None:
    graph = using(folder, studio.model)
    assert n2s("check", graph)[0] == 0
    status, _, err = n2s("check", graph, "--set", "tone.exposure=look.weights")
    assert (
        status == 2
        and err.splitlines()[-1] + "\n"
        == '--set tone.exposure: "look.weights" has 3 components; name one, like "look.weights.0".\n'
    )
    assert n2s("check", graph, "--set", "tone.exposure=look.weights.2")[0] == 0


def test_presets_are_checked_with_their_sub_graph(folder: Path, n2s: Any) -> None:
    (folder / "look.yaml").write_text(
        json.dumps(
            LOOK | {"presets": {"a": {"tone.contrst": 1}, "b": {"ton.contrast": 1}, "c": {"light": 9}}}, indent=1
        )
    )
    status, _, err = n2s("check", folder / "look.yaml")
    problems = [line for line in err.splitlines() if not line.startswith("warning")]
    assert (
        status == 2
        and len(problems) == 3
        and "light: 9 was given; it must be at most 2" in err
        and 'Did you mean "contrast"?' in err
        and 'Did you mean "tone"?' in err
    )


@pytest.mark.parametrize("ending", [".mp4", ".sha256"])
def test_a_film_name_of_the_greatest_length_is_published(ending: str, folder: Path) -> None:
    from n2s.graph.film_names import LONGEST, name_problem, temporary_bytes
    from n2s.runtime.store import publish

    written = []
    name = "x" * (LONGEST - temporary_bytes(ending) - len(ending)) + ending
    assert not name_problem(name, "") and name_problem("x" + name, "")
    publish(folder / name, lambda path: written.append(path) or path.touch())
    listing = written[0].with_suffix(".list").name
    longest = max(len(written[0].name), len(listing)) + len("4194304") - len(str(os.getpid()))
    assert longest == LONGEST


ALBUMS = {
    "two tracks": ({"track1": {"set": {"out.path": "track0.mp4"}}}, '"track0.mp4" is written by track0 already'),
    "another case": ({"track1": {"set": {"out.path": "Track0.mp4"}}}, '"Track0.mp4" is written by track0 already'),
    "a track and the album": ({"album": {"path": "track1.mp4"}}, '"track1.mp4" is written by album already'),
    "one track twice": ({"album": {"tracks": ["track0", "track0"]}}, '"track0.mp4" is written by track0 already'),
    "one graph twice": ({"track1": {"path": "track0.yaml"}}, '"track0.mp4" is written by track0 already'),
    "a folder": ({"track1": {"set": {"out.path": "album.mp4/a.mp4"}}},
                 'in the way of "album.mp4/a.mp4", is written by album'),
    "missing track": ({"track1": {"path": "track9.yaml"}}, "track9.yaml: There is no such file. Did you mean"),
    "missing music": ({"track1": {"set": {"track.path": "musix.wav"}}}, "musix.wav does not exist."),
    "ending": ({"track1": {"set": {"out.path": "a.avi"}}}, f"writes {FILMS}, not .avi."),
    "columns": ({"track1": {"set": {"weights.count": 5}}}, '"weights" has 5 columns, but 3 are wanted'),
    "anchor": ({"track1": {"set": {"anchors.names": ["red", "blew", "green"]}}},
               'no anchor "blew". Did you mean "blue"?'),
    "coding": ({"album": {"crf": 20}}, "out.crf is 28, but the album has 20"),
    "another rate": ({"track1": {"set": {"fps": 25}}}, "fps is 25, but the album has 30"),
    "silent": ({"track1": {"set": {"out.audio": None}}}, "a track of an album needs its music connected to the sink"),
    "an album": ({"track1": {"path": "other.yaml"}}, "other.yaml is an album; a track was wanted."),
}  # fmt: skip


@pytest.mark.parametrize("what", ALBUMS)
def test_albums_that_cannot_render(what: str, studio: Any, folder: Path, n2s: Any) -> None:
    changes, words = ALBUMS[what]
    album = write_album(folder, studio.model, [4410, 4410])
    shutil.copy(album, folder / "other.yaml")
    values = json.loads(album.read_text())
    for name, change in changes.items():
        values["nodes"][name] |= change
    album.write_text(json.dumps(values, indent=1))
    status, _, err = n2s("check", album)
    assert status == 2 and words in err, err
    problems = [line for line in err.splitlines() if not line.startswith("warning")]
    assert all(line.startswith(str(folder)) and line.split("  ")[0].count(":") == 2 for line in problems), err
    assert n2s("run", album, "--out", "renders")[2].splitlines() == problems
    assert not (folder / "renders").exists()


def test_a_path_of_another_packages_node_is_looked_for(
    folder: Path, studio: Any, monkeypatch: pytest.MonkeyPatch, n2s: Any
) -> None:
    from n2s.graph import registry
    from n2s.graph.declare import SIGNAL_OUTPUT, FilePath, FolderPath, Resident, setting
    from n2s.graph.file import load

    class Score(Resident):
        """Read a score."""

        path: FilePath = setting(help="the score", keyed=False)
        words: FilePath | None = setting(None, help="the words", keyed=False)
        fonts: FolderPath | None = setting(None, help="fonts", keyed=False)

        outputs = SIGNAL_OUTPUT

        def compute(self, scene: Any) -> np.ndarray:
            return np.zeros(scene.clock.frames)

    known = registry.node_types() | {"Score": Score}
    monkeypatch.setattr(load, "node_types", lambda: known)
    (folder / "a.mid").touch()
    assert n2s("check", write(folder, studio.model, score={"node": "Score", "path": "a.mid", "fonts": "."}))[0] == 0
    for change, words in (
        ({"path": "b.mid"}, 'score.path: '), ({"words": "b.txt"}, "score.words: "),
        ({"fonts": "a.mid"}, "score.fonts: "),
        ({"fonts": "nowhere"}, "score.fonts: "), ({"words": "."}, "is a folder, but must be a file"),
    ):  # fmt: skip
        status, _, err = n2s("check", write(folder, studio.model, score={"node": "Score", "path": "a.mid"} | change))
        assert status == 2 and words in err


@pytest.mark.parametrize(
    ("settings", "what", "words"),
    [
        ({"listed": ["a.csv", "b.csv"]}, "listed.1", "b.csv does not exist."),
        ({"named": {"red": "a.csv", "blue": "."}}, "named.blue", "is a folder, but must be a file"),
        ({"weighed": ["x" * 300, 0.5]}, "weighed.0", "cannot be opened (File name too long)"),
        ({"nested": [["a.csv"], ["a.csv", "b.csv"]]}, "nested.1.1", "b.csv does not exist."),
        ({"folders": [["fonts", "."], ["a.csv", "a.csv"]]}, "folders.1.1", "is not a folder, but must be one."),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)
def test_paths_are_looked_for_at_any_depth_of_a_setting(
    settings: dict, what: str, words: str, studio: Any, folder: Path, packages: Any, n2s: Any
) -> None:
    packages.install(TABLES)
    (folder / "a.csv").touch()
    field, *inside = what.split(".")
    for name in ("graph.yaml", "look.yaml"):
        if name == "graph.yaml":
            graph = write(folder, studio.model, tables={"node": "Tables"} | settings)
        else:
            graph = using(
                folder, studio.model, LOOK | {"nodes": LOOK["nodes"] | {"tables": {"node": "Tables"} | settings}}
            )
        status, _, err = n2s("check", graph)
        problems = [line for line in err.splitlines() if not line.startswith("warning")]
        assert status == 2 and len(problems) == 1 and f"  tables.{what}: " in problems[0] and words in problems[0], err
        file, line, column = problems[0].split("  ")[0].rsplit(":", 2)
        text, value = (folder / name).read_text().splitlines(), settings[field]
        for key in inside:
            value = value[int(key) if isinstance(value, list) else key]
        assert file == str(folder / name) and text[int(line) - 1][int(column) - 1 :].startswith(json.dumps(value))


LONG = "x" * 5000  # no file system takes it


@pytest.mark.parametrize(
    ("path", "said"),
    [
        (LONG, "File name too long"),
        ("d/" * 2500 + "a", "File name too long"),
        ("loop", "Too many levels of symbolic links"),
    ],
    ids=["name", "path", "loop"],
)
def test_graphs_that_no_path_leads_to(path: str, said: str, studio: Any, folder: Path, n2s: Any) -> None:
    (folder / "loop").symlink_to("loop")
    graph = using(folder, studio.model)
    graph.write_text(graph.read_text().replace("look.yaml", path))
    (folder / "album.yaml").write_text(json.dumps({"n2s": 1, "nodes": {
        "first": {"node": "Track", "path": path}, "out": {"node": "Album", "path": "a.mp4", "tracks": ["first"]},
    }}, indent=1))  # fmt: skip
    for file in (graph, folder / "album.yaml"):
        text = file.read_text()
        line = next(i for i, words in enumerate(text.splitlines(), 1) if path in words)
        column = text.splitlines()[line - 1].index(path)  # of the quote before it, from 1
        for command in ("check", "draw", "plan"):
            status, _, err = n2s(command, file)
            told = [words for words in err.splitlines() if not words.startswith("warning")]
            if command == "draw" and file != graph:  # of an album it reads no track
                assert status == 0
                continue
            assert (
                status == 2 and len(told) == 1 and told[0].startswith(f"{file}:{line}:{column}  ") and said in told[0]
            ), err
            assert len(told[0]) < 1000
    for command in ("check", "run", "plan", "draw"):
        status, _, err = n2s(command, path)
        assert status == 2 and len(err.splitlines()) == 1 and len(err) < 1000
        assert "The file cannot be read: " in err


@pytest.mark.parametrize("path", ["a\0b", "\ud800"])
def test_a_graph_of_a_name_that_no_file_can_have(path: str) -> None:
    with pytest.raises(GraphError, match="No file can have this name|There is no such file"):
        Graph.load(path)


@pytest.mark.parametrize("name", [LONG, "loop"], ids=["long", "loop"])
def test_folders_and_files_that_no_path_leads_to(name: str, studio: Any, folder: Path, n2s: Any) -> None:
    (folder / "loop").symlink_to("loop")
    graph = write(folder, studio.model)
    for arguments in (
        ["draw", graph, "-o", f"{name}/a.svg"], ["preview", graph, "--node", "travel", "-o", f"{name}/a.png"],
        ["new", "music.wav", "-o", name],
        ["run", graph, "--out", name], ["anchors", "list", "--model", name],
        ["check", graph, "--set", f"film.model={name}"],
        ["check", graph, "--set", f"model={name}"], ["run", graph, "--set", f"model={name}"],
    ):  # fmt: skip
        status, _, err = n2s(*arguments)
        assert status in (1, 2) and err.strip() and "Traceback" not in err


def test_a_graph_made_in_python_is_checked_when_it_is_rendered(place: Place) -> None:
    from n2s.nodes import FFmpegSink, ImageSource

    graph = Graph(FFmpegSink(path="a.mp4")(ImageSource(path="nothing.png")()), duration=1, base=place.folder)
    with pytest.raises(GraphError, match=r"image_source\.path: .*nothing\.png does not exist"):
        harness.run(graph, place.out, place.store)


@pytest.mark.parametrize(
    ("settings", "warned"),
    [({"attack": 0.02, "release": 0.2}, False), ({"attack": 0.05}, True), ({"half_life": 0.2}, True),
     ({"half_life": 0.2, "attack": 0}, False)],
)  # fmt: skip
def test_smoothing_that_swallows_impulses_is_warned_of(settings: dict[str, Any], warned: bool, tmp_path: Path) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "features": {"node": "Features", "audio": "track"},
        "pulse": {"node": "EMA", "signal": "features.onset", **settings},
        "slow": {"node": "EMA", "signal": "features.rms", "half_life": 2},
    }
    told = [str(one) for one in warnings(harness.load({"n2s": 1, "fps": 30, "nodes": nodes}, tmp_path))]
    assert any("pulse.signal: features.onset is 0 but in single frames" in one for one in told) is warned
    assert not any("slow" in one and "single" in one for one in told)
