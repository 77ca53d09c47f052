"""What saving and editing refuse, and what is written of a graph made in Python."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from test_saving import PLAIN, _write

from n2s import functions
from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.expressions import Expression
from n2s.graph.graph import Graph
from n2s.graph.handles import Handle
from n2s.nodes import EMA, Anchors, FFmpegSink, Grain, Keyframes, Tone, VAEDecode, Weights

# What is refused


def minimal(**tone: Any) -> Graph:
    keyframes = Keyframes(points=[[0, 0], [1, 1]])(name="k")
    frames = VAEDecode()(Anchors(names=["a", "b"])(Weights(count=2)(keyframes)))
    values = {key: value(keyframes) if callable(value) else value for key, value in tone.items()}
    return Graph(FFmpegSink(path="a.mp4")(Tone(**values)(frames, name="tone")), duration=2)


def _long(keyframes: Handle) -> Any:
    total = keyframes + 0.123456789
    for _ in range(150):
        total = total + 0.123456789
    return total


@pytest.mark.parametrize(
    "content", ["", "- a\n", "a: b\n", "just text", "nodes: {}\n", "nodes: [", "\0", "n2s: 1\nnodes: 3\n"]
)
def test_a_file_that_is_no_graph_is_not_overwritten(content: str, tmp_path: Path) -> None:
    path = tmp_path / "notes.yaml"
    _write(path, content)
    with pytest.raises(GraphError):
        minimal().save(path)
    assert path.read_text() == content


def test_what_would_not_come_back_is_not_written(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    graph = minimal(exposure=_long)
    with pytest.raises(GraphError, match="is not saved.*at most"):
        graph.save(path)
    assert not path.exists()
    _write(path, PLAIN)
    with pytest.raises(GraphError, match="is not saved.*at most"):
        graph.save(path)
    assert path.read_text() == PLAIN and [p.name for p in tmp_path.iterdir()] == ["graph.yaml"]


def test_a_file_that_cannot_be_replaced_stays_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "graph.yaml"
    _write(path, PLAIN)
    edited = Graph.load(path).edit({"fps": 25})

    def full(*_: Any) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "replace", full)
    with pytest.raises(GraphError, match="No space left"):
        edited.save(path)
    assert path.read_text() == PLAIN and [p.name for p in tmp_path.iterdir()] == ["graph.yaml"]


CURVE = Keyframes(points=[[0, 0], [1, 1]])(name="k")


@pytest.mark.parametrize(
    ("target", "value", "text"),
    [
        ("tone.exposure", 0.5 * CURVE, "= 0.5 * k"),
        ("tone.exposure", CURVE, "k"),
        ("tone.frames", [CURVE], "k"),
        ("tone", Tone(exposure=functions.clamp(CURVE, 0, 1)), "= clamp(k, 0, 1)"),
        ("tone", {"node": "Tone", "exposure": EMA()(CURVE)}, "ema"),
        ("fps", CURVE[0] + 1, "= k.0 + 1"),
    ],
)
def test_what_is_connected_in_python_is_laid_over_no_file(target: str, value: Any, text: str, tmp_path: Path) -> None:
    """It has no text there; what is refused is told with its place and with the text that says it."""
    _write(tmp_path / "graph.yaml", PLAIN)
    said = rf'^{re.escape(target)}: .* reads a node by Python; name .* by a text: "{re.escape(text)}"\.$'
    graph = Graph.load(tmp_path / "graph.yaml")
    for change in (minimal().edit, graph.edit, lambda values: Graph.load(tmp_path / "graph.yaml", values)):
        with pytest.raises(GraphError, match=said):
            change({target: value})


def test_what_is_changed_is_named_by_a_text(tmp_path: Path) -> None:
    _write(tmp_path / "graph.yaml", PLAIN)
    graph = Graph.load(tmp_path / "graph.yaml")
    names: tuple[Any, ...] = (5, None, ("tone", "exposure"))
    for name in names:
        for change in (graph.edit, lambda values: Graph.load(tmp_path / "graph.yaml", values)):
            with pytest.raises(
                ArgumentError, match=f"^What is changed is named by a text, not by {re.escape(repr(name))}"
            ):
                change({name: 2})
    with pytest.raises(ArgumentError, match="^A preset is named by a text, not by 5"):
        Graph.load(tmp_path / "graph.yaml", preset=5)  # pyright: ignore[reportArgumentType]
    for name in (5, ["tone"]):
        with pytest.raises(ArgumentError, match="^A node is named by a text, not by "):
            Keyframes(points=[[0, 0]])(name=name)  # pyright: ignore[reportArgumentType]


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({"tone.exposure": 99}, r"tone\.exposure: 99 was given"),
        ({"tone.expsure": 1}, "no such setting"),
        ({"tone.expsure": None}, "no such setting"),
        ({"tune.exposure": 1}, 'Did you mean "tone"'),
        ({"tune": None}, 'Did you mean "tone"'),
        ({"k": None}, "names no node"),
        ({"fps": 0}, "fps"),
        ({"tone.exposure": "= missing"}, "names no node"),
        ({"tone.exposure": object()}, r"^tone\.exposure: <object.*cannot be written"),
        ({"new": {"node": "Nothing"}}, "no node type"),
    ],
)
def test_wrong_edits_are_refused(changes: dict[str, Any], said: str) -> None:
    graph = minimal(exposure=0.5)
    with pytest.raises(GraphError, match=said):
        graph.edit(changes)
    assert graph.nodes["tone"].exposure.value == 0.5


def test_edits_of_a_graph_made_in_python() -> None:
    graph = minimal(exposure=lambda k: functions.clamp(k, 0, 1))
    edited = graph.edit(
        {"tone.exposure": 0.5, "grain": Grain(frames="tone", amount="= k"), "ffmpeg_sink.frames": "grain", "fps": 25}
    )
    assert str(graph.nodes["tone"].exposure) == "clamp(k, 0, 1)"
    assert str(edited.nodes["tone"].exposure) == "0.5" and edited.header.fps == 25 and edited.document is None
    assert "  grain: {node: Grain, frames: tone, amount: k}\n" in edited.to_yaml()


def test_only_what_was_given_is_written_in_the_words_it_was_given(tmp_path: Path) -> None:
    k = Keyframes(points=[[0, 0], [1.5, 1e-7]])(name="k")
    eased = EMA(half_life="4 beats", attack=0.1 + 0.2)(k, name="eased")
    frames = VAEDecode()(Anchors(names=["a", "no"])(Weights(count=2)(eased, name="w"), name="places"), name="film")
    tone = Tone(exposure=0.4 * eased, warmth="-6 dB", contrast="=  1+0.5*sin( time )", pivot=eased)(frames, name="tone")
    text = Graph(FFmpegSink(path="a.mp4")(tone, name="out"), duration=8, title="no: 1").to_yaml()
    assert (
        text
        == """\
n2s: 1
title: "no: 1"
duration: 8
nodes:
  k: {node: Keyframes, points: [[0, 0], [1.5, 1e-07]]}
  eased: {node: EMA, signal: k, half_life: 4 beats, attack: 0.30000000000000004}
  w: {node: Weights, signal: eased, count: 2}
  places: {node: Anchors, weights: w, names: [a, no]}
  film: {node: VAEDecode, latents: places}
  tone:
    node: Tone
    frames: film
    exposure: = 0.4 * eased
    warmth: -6 dB
    contrast: = 1+0.5*sin( time )
    pivot: eased
  out: {node: FFmpegSink, frames: tone, path: a.mp4}
"""
    )


def test_the_functions_of_python_are_those_of_expressions() -> None:
    from n2s.graph.expressions import FUNCTIONS

    assert set(functions.__all__) >= set(FUNCTIONS)
    assert functions.clamp(functions.time / 2, 0, 1) == Expression.parse("clamp(time / 2, 0, 1)")
    with pytest.raises(GraphError, match="clamp takes 3 arguments"):
        functions.clamp(1)
    with pytest.raises(AttributeError):
        functions.system
