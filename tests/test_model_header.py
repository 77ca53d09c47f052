"""model: once, in a graph's header, for every node that names none."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from test_films import write_album

from n2s.graph.graph import Graph

LOOK = {
    "n2s": 1,
    "interface": {"inputs": {"way": {"kind": "Signal", "help": "the way"}}, "outputs": {"frames": "film"}},
    "nodes": {
        "weights": {"node": "Weights", "signal": "way", "count": 2},
        "anchors": {"node": "Anchors", "weights": "weights", "names": ["sun", "sea"]},
        "drift": {"node": "Wander", "latents": "anchors", "period": 3},
        "film": {"node": "VAEDecode", "latents": "drift", "grid": [2, 3]},
    },
}


def model(folder: Path, *names: str) -> Path:
    """A tiny model with anchors of its own."""
    tiny.tiny_model(folder)
    rng = np.random.default_rng(3)
    np.savez(folder / "anchors.npz", **{name: rng.normal(size=(8, 4, 4)).astype(np.float32) for name in names})
    tiny.write_card(folder)
    return folder


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    model(tmp_path / "models/own", "sun", "sea")
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    (tmp_path / "look.yaml").write_text(json.dumps(LOOK))
    return tmp_path


def graph(
    folder: Path, where: str = "header", name: str = "graph.yaml", path: str = "models/own", **instance: Any
) -> Path:
    nodes: dict[str, Any] = {
        "track": {"node": "AudioSource", "path": "music.wav"}, "way": {"node": "Keyframes", "points": [[0, 0], [1, 1]]},
    }  # fmt: skip
    if where == "sub-graph":
        nodes["film"] = {"node": "Graph", "path": "look.yaml", "way": "way"} | instance
    else:
        nodes |= json.loads(json.dumps(LOOK["nodes"]).replace('"way"', '"way"'))
        for node in ("anchors", "drift", "film") if where == "nodes" else ():
            nodes[node]["model"] = path
    nodes["out"] = {"node": "FFmpegSink", "frames": "film", "audio": "track", "path": "film.mp4", "preset": "ultrafast"}
    header = {"n2s": 1, "size": [96, 64]} | ({"model": path} if where != "nodes" else {})
    (folder / name).write_text(json.dumps(header | {"nodes": nodes}, indent=1))
    return folder / name


def test_the_headers_model_is_that_of_every_node(folder: Path, store: Any, n2s: Any) -> None:
    named = harness.keys(Graph.load(graph(folder, "nodes")), store)
    for where in ("header", "sub-graph"):
        path = graph(folder, where)
        assert n2s("check", path)[0] == 0
        assert harness.keys(Graph.load(path), store) == named
    assert harness.run(Graph.load(path), folder / "out", store).films[0]["frames"] == 30


def test_a_node_that_names_its_own_keeps_it(folder: Path, n2s: Any) -> None:
    model(folder / "models/other", "sand", "sea")
    path = graph(folder, "sub-graph", set={"anchors.names": ["sand", "sea"]})
    status, _, err = n2s("check", path)
    assert status == 2 and 'anchors.names: the model has no anchor "sand".' in err
    path = graph(folder, "sub-graph", set={"anchors.names": ["sand", "sea"], "anchors.model": "models/other"})
    assert n2s("check", path)[0] == 0


def test_a_model_of_a_sub_graphs_node_is_found_from_its_own_folder(folder: Path, store: Any) -> None:
    (folder / "looks").mkdir()
    look = json.loads(json.dumps(LOOK))
    for node in ("anchors", "drift", "film"):
        look["nodes"][node]["model"] = "../models/own"
    (folder / "looks/look.yaml").write_text(json.dumps(look))
    model(folder / "models/other", "sand")
    path = graph(folder, "sub-graph", path="models/other")
    path.write_text(path.read_text().replace("look.yaml", "looks/look.yaml"))
    assert harness.keys(Graph.load(path), store) == harness.keys(
        Graph.load(graph(folder, "nodes", "named.yaml")), store
    )


def test_a_sub_graph_takes_the_model_of_the_graph_that_uses_it(folder: Path, n2s: Any) -> None:
    (folder / "look.yaml").write_text(json.dumps({"model": "models/own"} | LOOK))
    status, _, err = n2s("check", folder / "look.yaml")
    assert status == 2 and "model: a sub-graph takes it from the graph that uses it; take it out here." in err


def test_a_sub_graph_is_held_against_the_model_of_the_graph_that_uses_it(folder: Path, n2s: Any) -> None:
    status, out, err = n2s("check", folder / "look.yaml")
    assert status == 0 and "no problems" in out
    assert (
        err.startswith(f"warning: {folder / 'look.yaml'}:1:") and 'the model has no anchor "sun"' in err
    )  # the shipped one
    path = graph(folder, "sub-graph")
    assert n2s("check", path)[2] == ""
    path.write_text(path.read_text().replace('"model": "models/own",', ""))
    status, _, err = n2s("check", path)
    assert status == 2 and 'anchors.names: the model has no anchor "sun"' in err


@pytest.mark.parametrize(
    ("path", "words"),
    [
        ("models/onw", "model: "),
        ("music.wav", "is not a folder, but must be one"),
        (".", "There is no model in"),
        ("~/models", '"~" is not read'),
    ],
)
def test_a_model_that_is_none_is_told_at_the_header(path: str, words: str, folder: Path, n2s: Any) -> None:
    file = graph(folder, path=path)
    status, _, err = n2s("check", file)
    assert status == 2 and err.startswith(f"{file}:7:11  model: ") and words in err


def test_the_command_line_names_a_model(folder: Path, n2s: Any) -> None:
    path = graph(folder, path="models/nowhere")
    assert n2s("check", path, "--set", "model=models/own")[0] == 0
    assert n2s("check", path, "--set", f"model={folder / 'models/own'}")[0] == 0
    status, _, err = n2s("check", path, "--set", "model=models/onw")
    assert status == 2 and err.startswith("--set model: ") and 'Did you mean "own"?' in err


def test_saving_elsewhere_rewrites_the_path(folder: Path, store: Any) -> None:
    loaded = Graph.load(graph(folder))
    loaded.save(folder / "deep/er/graph.yaml")
    (folder / "music.wav").rename(folder / "deep/music.wav")
    saved = Graph.load(folder / "deep/er/graph.yaml")
    assert saved.header.model == "../../models/own" and saved.model_folder == loaded.model_folder
    loaded.save(folder / "graph.yaml")
    assert Graph.load(folder / "graph.yaml").header.model == "models/own"
    made = Graph.load(folder / "graph.yaml", {"model": str(folder / "models/own")})
    made.save(folder / "deep/absolute.yaml")
    assert Graph.load(folder / "deep/absolute.yaml").header.model == str(folder / "models/own")


def test_a_graph_of_python_names_a_model(folder: Path, store: Any) -> None:
    from n2s.nodes import Anchors, AudioSource, FFmpegSink, Keyframes, VAEDecode, Wander, Weights

    way = Weights(count=2)(Keyframes(points=[[0, 0], [1, 1]])())
    film = VAEDecode(grid=[2, 3])(Wander(period=3)(Anchors(names=["sun", "sea"])(way)))
    sink = FFmpegSink(path="film.mp4", preset="ultrafast")(film, AudioSource(path="music.wav")())
    made = Graph(sink, base=folder, size=(96, 64), model="models/own")
    assert harness.keys(made, store) == harness.keys(Graph.load(graph(folder)), store)


def test_an_albums_model_is_that_of_tracks_that_name_none(studio: Any, tmp_path: Path, n2s: Any) -> None:
    album = write_album(tmp_path, studio.model, [4410, 4410])
    shutil.copytree(studio.model, tmp_path / "own")
    for i in (0, 1):
        track = tmp_path / f"track{i}.yaml"
        track.write_text(track.read_text().replace(f", model: {studio.model}", ""))
    assert 'the model has no anchor "red"' in n2s("check", album)[2]  # the shipped one
    assert n2s("check", album, "--set", "model=own")[0] == 0
    tracks = tmp_path / "track0.yaml"
    tracks.write_text(tracks.read_text().replace("n2s: 1", "n2s: 1\nmodel: nowhere"))
    status, _, err = n2s("check", album, "--set", "model=own")
    assert status == 2 and err.splitlines() == [
        line for line in err.splitlines() if line.startswith(f"{tracks}:2:8  model: ")
    ]
