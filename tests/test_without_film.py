"""Graphs that make no film: they are heard, planned, seen and exported; what needs a film says so."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from n2s.graph.graph import Graph


def write(folder: Path, model: Path, nodes: dict[str, Any], **header: Any) -> Path:
    path = folder / "heard.yaml"
    path.write_text(json.dumps({"n2s": 1, "size": [96, 64], **header, "nodes": nodes}, indent=1))
    return path


HEARD = {
    "track": {"node": "AudioSource", "path": "music.wav"},
    "features": {"node": "Features", "audio": "track"},
    "pulse": {"node": "EMA", "signal": "= 2 * features.onset", "half_life": 0.1},
}


def pictures(model: Path) -> dict[str, Any]:
    return {
        "weights": {"node": "Weights", "signal": "features.rms", "count": 3},
        "anchors": {"node": "Anchors", "weights": "weights", "names": ["red", "green", "blue"], "model": str(model)},
        "smooth": {"node": "LatentEMA", "latents": "anchors", "half_life": 0.1},
    }


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    return tmp_path


def test_it_is_checked_with_a_warning(studio: Any, folder: Path, n2s: Any) -> None:
    graph = write(folder, studio.model, HEARD)
    status, out, err = n2s("check", graph)
    assert (status, out) == (0, f"{graph}: 3 nodes, no films, no problems.\n")
    assert err == f"warning: {graph}:8:12  The graph makes no film: it needs a sink, like FFmpegSink.\n"


def test_it_is_planned(studio: Any, folder: Path, n2s: Any, n2s_json: Any) -> None:
    graph = write(folder, studio.model, HEARD)
    status, out, _ = n2s("plan", graph)
    assert status == 0 and out.startswith("heard: no film\n  30 frames at 30/s, 0:01.0, ") and "  pulse " in out
    (about,) = n2s_json("plan", graph, "--fps", 15)
    assert (about["film"], about["frames"], about["seconds"], about["fps"]) == (None, 15, 1, "15")
    signals = {signal["signal"]: signal for signal in about["signals"]}
    assert signals["features.mfcc"]["columns"] == 13 and signals["pulse"]["range"][1] <= 2 and len(signals) > 20


def test_its_signals_are_seen_and_exported(studio: Any, folder: Path, n2s: Any) -> None:
    graph = write(folder, studio.model, HEARD)
    assert n2s("export", graph, "--port", "pulse", "-o", "p.npz")[0] == 0
    assert n2s("preview", graph, "--node", "pulse", "-o", "p.png")[0] == 0
    with np.load(folder / "p.npz") as made:
        values = made["values"]
    track = {"frames": "picture", "audio": "track", "path": "a.mp4", "node": "FFmpegSink"}
    whole = write(folder, studio.model, HEARD | {"picture": {"node": "ImageSource", "path": "p.png"}, "out": track})
    assert n2s("export", whole, "--port", "pulse", "-o", "q.npz")[0] == 0
    with np.load(folder / "q.npz") as made:
        np.testing.assert_array_equal(made["values"], values)


def test_its_latents_have_the_grid_of_its_size(studio: Any, folder: Path, n2s: Any) -> None:
    graph = write(folder, studio.model, HEARD | pictures(studio.model))
    for port in ("anchors", "smooth"):
        status, _, err = n2s("export", graph, "--port", port, "-o", "l.npz", "--to", "0.1")
        assert status == 0, err
        with np.load(folder / "l.npz") as made:
            assert made["values"].shape == (3, 8, 16, 24)
    assert n2s("export", graph, "--port", "smooth", "-o", "l.npz", "--to", "0.1", "--size", "64x64")[0] == 0
    with np.load(folder / "l.npz") as made:
        assert made["values"].shape == (3, 8, 16, 16)
    assert n2s("preview", graph, "--node", "smooth", "-o", "l.png")[0] == 0


def test_its_frames_have_its_size_and_its_decoders_grid(studio: Any, folder: Path, n2s: Any) -> None:
    film = {"node": "VAEDecode", "latents": "smooth", "model": str(studio.model), "grid": [2, 3]}
    graph = write(
        folder,
        studio.model,
        HEARD | pictures(studio.model) | {"film": film, "tone": {"node": "Tone", "frames": "film"}},
    )
    for port, shape in (("anchors", (8, 2, 3)), ("film", (3, 64, 96)), ("tone", (3, 64, 96))):
        assert n2s("export", graph, "--port", port, "-o", "f.npz", "--to", "0.1")[0] == 0
        with np.load(folder / "f.npz") as made:
            assert made["values"].shape == (3, *shape)
    assert n2s("preview", graph, "--node", "tone", "--size", "64x48", "-o", "f.png")[0] == 0
    assert tiny.read_png(folder / "f.png").shape == (48, 64, 3)


def test_what_no_film_needs_is_seen_beside_a_film(studio: Any, folder: Path, n2s: Any) -> None:
    tiny.write_png(folder / "p.png", np.zeros((8, 8, 3), np.uint8))
    nodes = HEARD | pictures(studio.model) | {
        "picture": {"node": "ImageSource", "path": "p.png"},
        "out": {"node": "FFmpegSink", "frames": "picture", "audio": "track", "path": "a.mp4"},
    }  # fmt: skip
    assert n2s("preview", write(folder, studio.model, nodes), "--node", "smooth", "-o", "l.png")[0] == 0


@pytest.mark.parametrize("command", [["run"], ["run", "--dry-run"], ["why"]])
def test_what_needs_a_film_says_so(command: list[str], studio: Any, folder: Path, n2s: Any) -> None:
    graph = write(folder, studio.model, HEARD)
    status, out, err = n2s(command[0], graph, *command[1:])
    assert (status, out, err) == (2, "", f"{graph}:8:12  The graph makes no film: it needs a sink, like FFmpegSink.\n")
    assert not (folder / "renders").exists()
    status, _, err = n2s("preview", graph)
    assert status == 2 and err.startswith("The graph makes no film. Choose a node with --node: track, features, pulse")


def test_a_length_comes_from_the_only_music_or_from_the_header(studio: Any, folder: Path, n2s: Any) -> None:
    tiny.write_wav(folder / "other.wav", tiny.clicks(2))
    two = HEARD | {"other": {"node": "AudioSource", "path": "other.wav"}}
    status, _, err = n2s("plan", write(folder, studio.model, two))
    assert status == 2 and "several pieces of music" in err
    way = {"way": {"node": "Keyframes", "points": [[0, 0], [1, 1]]}}
    assert n2s("plan", write(folder, studio.model, way))[0] == 2
    assert "60 frames" in n2s("plan", write(folder, studio.model, way, duration="0:02"))[1]


def test_a_sub_graph_is_no_film_and_no_analysis(folder: Path, n2s: Any) -> None:
    (folder / "look.yaml").write_text(
        "n2s: 1\n"
        "interface: {inputs: {a: {kind: Signal, help: it}}, outputs: {b: b}}\n"
        "nodes: {b: {node: EMA, signal: a}}\n"
    )
    for command in (["run"], ["plan"], ["why"], ["preview", "--node", "b"], ["export", "--port", "b", "-o", "b.npz"]):
        status, _, err = n2s(command[0], "look.yaml", *command[1:])
        assert (
            status == 2 and "This is a sub-graph, which makes no film; name the graph of a track that uses it." in err
        ), err


def test_a_graph_of_python_needs_no_film(folder: Path) -> None:
    from n2s.nodes import AudioSource, Features

    graph = Graph(Features()(AudioSource(path="music.wav")()), base=folder)
    assert list(graph.nodes) == ["audio_source", "features"]
