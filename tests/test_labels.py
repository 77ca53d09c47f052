"""Whose beats `n2s export --labels` writes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
import tiny
from harness import load

from n2s.graph.errors import ArgumentError
from n2s.runtime.seeing.labels import labelled_node


@pytest.mark.parametrize(
    ("second", "is_same"),
    [
        ({}, True),
        ({"audio": "again"}, True),
        ({"beats": "beats.txt"}, False),
        ({"tempo": 90}, False),
        ({"audio": "other"}, False),
    ],
)
def test_of_several_that_hear_the_same_the_first_is_written(second: dict, is_same: bool, tmp_path: Path) -> None:
    """One of them is in a look, which names no file as this graph does."""
    for name in ("music.wav", "other.wav"):
        tiny.write_wav(tmp_path / name, tiny.clicks(0.5))
    (tmp_path / "beats.txt").write_text("0\t0\t1.1\n1\t1\t1.2\n")
    inner = {"n2s": 1, "interface": {"inputs": {"audio": {"kind": "Audio", "help": "x"}}, "outputs": {"s": "calm"}},
             "nodes": {"features": {"node": "Features", "audio": "audio"},
                       "calm": {"node": "EMA", "signal": "features.rms", "half_life": 0.1}}}  # fmt: skip
    (tmp_path / "inner.yaml").write_text(json.dumps(inner))
    nodes = {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "again": {"node": "AudioSource", "path": "music.wav"},
        "other": {"node": "AudioSource", "path": "other.wav"},
        "look": {"node": "Graph", "path": "inner.yaml", "audio": "track"},
        "features": {"node": "Features", "audio": "track"} | second,
    }
    graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes}, tmp_path).flat
    if is_same:
        assert labelled_node(graph, None) == next(name for name in graph.nodes if name.endswith("features"))
        return
    with pytest.raises(ArgumentError, match="Several nodes hear beats: .*; name one with --node"):
        labelled_node(graph, None)
    assert labelled_node(graph, "features") == "features"
