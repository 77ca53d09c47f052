"""Columns of signals by their names: wherever a number may stand, for the same values, kept as they were written."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest

from n2s import Graph
from n2s.graph.check import warnings
from n2s.graph.columns import column_problems
from n2s.graph.context import Scene
from n2s.graph.declare import DeclarationError, Output, Param, Resident, param, port
from n2s.graph.describe.descriptions import describe
from n2s.graph.describe.page import page
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Expression
from n2s.graph.types import SIGNAL, Signal
from n2s.nodes import AudioSource, DigestSink, Features, ImageSource, Tone
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse


class Sides(Resident):
    """Give two columns with names."""

    outputs = {"levels": Output(SIGNAL, "how loud each side is", names=("left", "right"))}

    def compute(self, scene: Scene) -> np.ndarray:
        return np.stack([np.zeros(scene.clock.frames), np.arange(scene.clock.frames)], axis=1)


def heard(studio: Any, folder: Path, more: dict[str, Any] | None = None, **tone: Any) -> Graph:
    """A still picture that is toned by what is heard in the studio's music."""
    nodes = {
        "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
        "features": {"node": "Features", "audio": "track", "tempo": 120, "first_beat": 0},
        "still": {"node": "ImageSource", "path": str(studio.folder / "picture.png")},
        "tone": {"node": "Tone", "frames": "still", **tone},
        "out": {"node": "DigestSink", "frames": "tone", "audio": "track", "path": "film.txt"},
    }
    return harness.load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes | (more or {})}, folder)


@pytest.mark.parametrize(
    "written",
    [
        "features.chroma.Fs",
        "= features.chroma.Fs",
        "= 0.5 * (features.chroma.Fs + features.chroma.6)",
    ],
)
def test_a_name_reads_what_its_number_reads(written: str, studio: Any, store: Any, tmp_path: Path) -> None:
    graph = heard(studio, tmp_path, exposure=written)
    values = analyse(graph.flat, RunContext(store, print))
    assert (values.params["tone", "exposure"] == values.outputs["features", "chroma"][:, 6]).all()
    assert written in graph.to_yaml() and written in (tmp_path / "graph.yaml").read_text()


def test_expressions_name_sections(studio: Any, store: Any, tmp_path: Path) -> None:
    graph = heard(studio, tmp_path, exposure="= section_is.A + 2 * section_is.1", warmth="features.section_is.B")
    values = analyse(graph.flat, RunContext(store, print))
    assert (values.params["tone", "exposure"] == 1).all() and (values.params["tone", "warmth"] == 0).all()
    assert "= section_is.A + 2 * section_is.1" in graph.to_yaml()


def test_names_and_numbers_have_one_key(studio: Any, store: Any, tmp_path: Path) -> None:
    keys = []
    for column in ("A", "0"):
        graph = heard(studio, tmp_path, exposure=f"features.section_is.{column}", warmth=f"= 0.1 * section_is.{column}")
        keys.append([chunk.key for chunk in harness.plan(graph, store).chunks()])
    assert keys[0] == keys[1]


def test_names_reach_into_and_out_of_sub_graphs(studio: Any, store: Any, tmp_path: Path) -> None:
    look = {
        "n2s": 1,
        "interface": {
            "inputs": {"parts": {"kind": "Signal", "help": "sections"}, "audio": {"kind": "Audio", "help": "music"}},
            "outputs": {"tones": "own.chroma", "first": "own.section_is.A", "half": "half", "own_first": "bare"},
        },
        "nodes": {
            "own": {"node": "Features", "audio": "audio"},
            "half": {"node": "EMA", "signal": "= 0.5 * parts.A", "half_life": 0},
            "bare": {"node": "EMA", "signal": "= section_is.A", "half_life": 0},
        },
    }
    (tmp_path / "look.yaml").write_text(json.dumps(look))
    more = {"look": {"node": "Graph", "path": "look.yaml", "parts": "features.section_is", "audio": "track"}}
    tone = {"exposure": "= look.half + look.first", "warmth": "look.tones.Fs", "contrast": "= look.own_first"}
    graph = heard(studio, tmp_path, more, **tone)
    values = analyse(graph.flat, RunContext(store, print))
    assert (values.params["tone", "exposure"] == 1.5).all() and (values.params["tone", "contrast"] == 1).all()
    assert (values.params["tone", "warmth"] == values.outputs["look/own", "chroma"][:, 6]).all()
    with pytest.raises(GraphError, match='"look.tones" has columns C, Cs, D, .* there is no "look.tones.H"'):
        heard(studio, tmp_path, more, warmth="look.tones.H")
    with pytest.raises(GraphError, match='"look.first" has no columns with names; there is no "look.first.A"'):
        heard(studio, tmp_path, more, warmth="look.first.A")
    more["look"]["parts"] = "features.mfcc"
    words = 'half: "features.mfcc" has components 0 to 12; there is no "features.mfcc.A"'
    with pytest.raises(GraphError, match=words):
        heard(studio, tmp_path, more, exposure="look.half").flat  # noqa: B018


@pytest.mark.parametrize(
    ("written", "words"),
    [
        ("features.section_is.K", '"features.section_is" has columns A to H; there is no "features.section_is.K".'),
        ("= features.section_is.b", 'has columns A to H; there is no "features.section_is.b".'),
        ("features.section_is.8", 'has columns A to H; there is no "features.section_is.8".'),
        ("= 2 * section_is.K", 'tone.exposure: "section_is" has columns A to H; there is no "section_is.K".'),
        ("= section_is", "'section_is' names no column; name one, like section_is.A"),
        ("= section_is.A.B", "'section_is.A.B' names no column"),
        ("features.mfcc.x", '"features.mfcc" has components 0 to 12; there is no "features.mfcc.x".'),
        ("features.rms.A", '"features.rms" has no columns with names; there is no "features.rms.A".'),
        ("still.frames.A", 'takes Signal, but "still.frames.A" gives Frames'),
    ],
)
def test_names_that_there_are_not(written: str, words: str, studio: Any, tmp_path: Path) -> None:
    with pytest.raises(GraphError) as caught:
        heard(studio, tmp_path, exposure=written)
    assert words in str(caught.value)


def test_a_signal_of_named_columns_where_one_number_is_wanted(studio: Any, n2s: Any, tmp_path: Path) -> None:
    graph = heard(studio, tmp_path, exposure="features.section_is")
    assert '8 components; name one, like "features.section_is.A".' in n2s("check", graph.path)[2]


def test_a_node_cannot_be_called_like_what_is_heard(studio: Any, tmp_path: Path) -> None:
    with pytest.raises(GraphError, match='The name "section_is" means something in expressions'):
        heard(studio, tmp_path, {"section_is": {"node": "Constant"}})


def test_python_picks_columns_by_name(store: Any, tmp_path: Path) -> None:
    sides, features = Sides()(name="sides"), Features()(AudioSource(path="music.wav")())
    assert repr(features.section_is.B) == "<Features.section_is.B>" == repr(features.section_is["B"])
    assert repr(features.section_is[1]) == "<Features.section_is.1>"
    assert repr(sides.right) == "<Sides.levels.right>" == repr(sides["right"]) == repr(sides.levels.right)
    with pytest.raises(IndexError, match="has columns A to H, not K"):
        features.section_is["K"]
    for wrong in (lambda: features.section_is.K, lambda: features.A, lambda: sides.right.left):
        with pytest.raises(AttributeError):
            wrong()
    frames = Tone(exposure=sides.right / 10, warmth=sides.left)(ImageSource(path="still.png")(), name="tone")
    graph = Graph(DigestSink(path="film.txt")(frames), fps=10, duration=1)
    tone = graph.nodes["tone"]
    assert f"= {tone.exposure}, {tone.warmth}" == "= sides.levels.right / 10, sides.levels.left"
    values = analyse(graph.flat, RunContext(store, print))
    np.testing.assert_allclose(values.params["tone", "exposure"], np.arange(10) / 10, atol=1e-4)


def test_a_nodes_only_output_needs_no_name() -> None:
    levels = Sides.outputs["levels"]
    assert levels.columns == 2 and levels.column_words == "columns left, right"

    def graph(exposure: str) -> Graph:
        tone = Tone(exposure=exposure, warmth=Sides()(name="sides").left)(ImageSource(path="still.png")(), name="tone")
        return Graph(DigestSink(path="film.txt")(tone), fps=10, duration=1)

    made = graph("sides.right")
    assert str(made.nodes["tone"].exposure) == "sides.right" == str(made.flat.nodes["tone"].exposure)
    assert made.flat.nodes["tone"].exposure.component == 1
    assert graph("= 2 * sides.right").flat.nodes["tone"].exposure == Expression.parse("2 * sides.1")
    with pytest.raises(GraphError, match='"sides" has no output "up"'):
        graph("sides.up")


@pytest.mark.parametrize(
    ("output", "words"),
    [
        (Output(SIGNAL, names=("left", "left")), "levels: two of its columns have the same name"),
        (Output(SIGNAL, names=("left", "C#")), "levels: 'C#' names no column"),
        (Output(SIGNAL, names=("is", "in")), "levels: 'is' names no column"),
        (Output(SIGNAL, columns=3, names=("left", "right")), "levels: it has 3 columns and 2 names"),
        (Output(SIGNAL, names=["left"]), 'levels: names of columns were wanted: names=("left", "right")'),
    ],
)
def test_names_that_cannot_be(output: Output, words: str) -> None:
    with pytest.raises(DeclarationError) as caught:
        type("Odd", (Resident,), {"outputs": {"levels": output}, "compute": Sides.compute, "__module__": __name__})
    assert words in str(caught.value)


def test_names_are_described() -> None:
    about = {output["name"]: output for output in describe(Features)["outputs"]}
    assert about["section_is"]["names"] == list("ABCDEFGH") and about["section_is"]["columns"] == 8
    assert about["chroma"]["names"][:3] == ["C", "Cs", "D"] and about["mfcc"]["names"] == []
    assert "8 columns A to H" in page(Features) and "12 columns C, Cs, D," in page(Features)


def test_a_letter_that_the_piece_does_not_have(studio: Any, n2s: Any, tmp_path: Path) -> None:
    """It is told by plan and run as what it is: a driver that never moves."""
    graph = heard(studio, tmp_path, exposure="= 0.1 + features.section_is.D", warmth="features.section_is.A")
    told = "tone.exposure reads features.section_is.D, which is 0 in the whole track and moves nothing."
    status, out, err = n2s("plan", graph.path)
    assert status == 0 and told in err and "(0.1 to 0.1, never moves)" in out and "tone.warmth reads" not in err
    assert told in n2s("run", graph.path, "--out", tmp_path / "films")[2]


SIGNAL_READERS = [name for name in harness.RENDERING if SIGNAL in harness.TYPES[name].ports.values()]


@pytest.mark.parametrize("name", SIGNAL_READERS)
def test_an_expression_may_stand_at_every_port_of_a_signal(name: str, studio: Any) -> None:
    """Whether it fits is told of the graph; it is never asked whether it is true."""
    ports = [port for port, kind in harness.TYPES[name].ports.items() if kind is SIGNAL]
    values = harness.around(name, studio.model, **dict.fromkeys(ports, "= 0.5 + 0 * time"))
    graph = harness.load(values, studio.folder, f"{name}.yaml")
    warnings(graph)
    for problem in column_problems(graph):
        assert "an expression has 1 column" in problem.text


class Rising(Resident):
    """Smooth a signal, as fast as something says."""

    signal: Signal = port("what is smoothed")
    attack: Param = param(0.5, gt=0, help="how long it rises")

    outputs = {"signal": Output(SIGNAL)}

    def compute(self, scene: Scene, signal: np.ndarray, attack: np.ndarray) -> np.ndarray:
        return signal


def test_what_rises_may_be_driven(studio: Any, tmp_path: Path) -> None:
    graph = heard(studio, tmp_path)
    rising = Rising.model_validate({"signal": "features.onset", "attack": "= 0.1 + 0.1 * time"})
    assert "rising is used by nothing." in str(warnings(graph.replaced(nodes={**graph.nodes, "rising": rising})))
