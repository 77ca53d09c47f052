"""Connecting nodes in Python: what fits is a handle, what does not is an error at the call."""

from __future__ import annotations

import re
import shlex
from fractions import Fraction
from pathlib import Path, PureWindowsPath
from typing import Any

import numpy as np
import pytest
import tiny

from n2s import Graph, preview, render
from n2s.functions import where
from n2s.graph.describe.diagram import diagram
from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.expressions import Expression, leaves
from n2s.graph.node import DeclarationError
from n2s.graph.time import parse_rate
from n2s.graph.times import parse_time
from n2s.nodes import (
    EMA,
    Album,
    Anchors,
    AudioSource,
    Constant,
    DigestSink,
    Features,
    FFmpegSink,
    Grain,
    ImageSource,
    LatentPath,
    Mix,
    Tone,
    Track,
    VAEDecode,
    Weights,
)
from n2s.runtime.seeing.provenance import overrides_of_file
from n2s.runtime.session import Session

track = AudioSource(path="a.wav")()
features = Features()(track)
picture = ImageSource(path="a.png")()
weights = Weights(count=3)(features.rms)
anchors = Anchors(names=["a", "b", "c"])(weights)


@pytest.mark.parametrize(
    ("connect", "said"),
    [
        (lambda: Tone()(track), "Tone.frames takes Frames, but <AudioSource> gives Audio"),
        (lambda: Tone()(features.rms), "Tone.frames takes Frames, but <Features.rms> gives Signal"),
        (
            lambda: Tone()(features),
            "Tone.frames takes Frames, but <Features> has several outputs; name one: none of them gives Frames",
        ),
        (
            lambda: EMA()(features),
            "EMA.signal: a signal was wanted, but <Features> has several outputs; name one: rms, centroid",
        ),
        (lambda: EMA()(picture), "EMA.signal: a signal was wanted, but <ImageSource> gives Frames"),
        (lambda: EMA()(2 * picture), "in an expression: a signal was wanted, but <ImageSource> gives Frames"),
        (lambda: picture + 1, "in an expression: a signal was wanted"),
        (lambda: Tone(exposure=picture)(picture), "Tone.exposure: a signal was wanted, but <ImageSource> gives Frames"),
        (lambda: Tone(exposure=features)(picture), "has several outputs"),
        (lambda: VAEDecode()(picture), "VAEDecode.latents takes Latents, but <ImageSource> gives Frames"),
        (lambda: Features()(anchors), "Features.audio takes Audio, but <Anchors> gives Latents"),
        (lambda: Tone()(), "Tone needs frames: what is toned"),
        (lambda: Mix()(picture), "Mix needs b: shown at 1"),
        (lambda: Tone()(picture, picture), "Tone takes 1 inputs (frames), not 2"),
        (lambda: Constant()(picture), "Constant takes 0 inputs (none), not 1"),
        (lambda: Tone()(image=picture), "Tone has no port 'image'; it has: frames"),
        (lambda: Tone()(picture, frames=picture), "Tone.frames is given twice"),
        (lambda: Tone()(None), "Tone.frames takes the output of a node, not None"),
        (lambda: Tone()("picture"), "Tone.frames takes the output of a node, not 'picture'"),
        (lambda: Tone()(Tone()), "connect it first: Tone(…)(…)"),
        (lambda: Tone()(Tone), "Tone.frames takes the output of a node, not"),
        (lambda: Album(path="a.mp4")(Track(path="a.yaml")()), "Album.tracks takes a list of Films"),
        (lambda: Album(path="a.mp4")([]), "Album needs tracks"),
        (lambda: Album(path="a.mp4")([picture]), "Album.tracks takes Film, but <ImageSource> gives Frames"),
        (lambda: Graph(DigestSink(path="a.txt")), "a graph is made of sinks that are connected"),
        (lambda: Tone()(FFmpegSink(path="a.mp4")(picture)), "Tone.frames takes Frames, but <FFmpegSink> gives Film"),
    ],
)
def test_connecting_what_does_not_fit_is_an_error_at_the_call(connect: Any, said: str) -> None:
    with pytest.raises(GraphError) as caught:
        connect()
    assert said in str(caught.value)


def test_connecting_what_fits() -> None:
    for made in (FFmpegSink(path="a.mp4")(picture, None), EMA()(0.5), EMA()("= time"), EMA()(features.mfcc[3] * 2)):
        assert repr(made) in ("<FFmpegSink>", "<EMA>")
    assert repr(Grain(amount=features.rms)(frames=picture)) == "<Grain>"


def test_components_of_an_output() -> None:
    assert len(features.mfcc) == 13 and list(features.mfcc) == [features.mfcc[i] for i in range(13)]
    first, *_, last = features.mfcc
    assert (first._component, last._component) == (0, 12)
    assert weights[7]._component == 7  # how many there are is known when they are made
    for unknown in (weights, features.rms, features, picture, features.mfcc[0]):
        with pytest.raises(TypeError, match="how many components .* not known before"):
            list(unknown)
        with pytest.raises(TypeError):
            len(unknown)
    for wrong, kind in (
        (13, IndexError), (-1, IndexError), (slice(0, 3), TypeError), ("0", TypeError), (1.0, TypeError),
        (True, TypeError), (None, TypeError), (10**9, IndexError)
    ):  # fmt: skip
        with pytest.raises(kind, match="Features.mfcc"):
            features.mfcc[wrong]
    with pytest.raises(IndexError):
        weights[-1]
    for no_signal in (picture, features, features.mfcc[0]):
        with pytest.raises(TypeError):
            no_signal[0]
    with pytest.raises(TypeError):
        _ = 3 in weights


@pytest.mark.parametrize(
    "lose",
    [
        lambda: 0.2 < features.rms < 0.5,
        lambda: max(0.5 * features.low, 0.5 * features.rms),
        lambda: (features.rms > 0.2) and (features.onset > 0.5),
        lambda: not features.rms + 1,
        lambda: 1 if features.rms > 1 else 0,
    ],
)
def test_what_python_would_decide_before_the_film_is_refused(lose: Any) -> None:
    """Of a chain of comparisons, of `and` and of Python's max only a part would be left, without a word."""
    with pytest.raises(TypeError, match="no truth value before the film is rendered.*n2s.functions"):
        lose()


@pytest.mark.parametrize(
    "lose",
    [
        lambda: 0.5 * (features.section == 1),
        lambda: (1.0 != features.section) + 1,
        lambda: np.int64(2) - (np.int64(1) == features.section),
        lambda: -(features.section + 1 == 2),
        lambda: float(Fraction(1, 2) != features.section + 1),
        lambda: 2 * (features.section == features.onset),
        lambda: (features.section == features.section + 1) & (features.onset > 0),
        lambda: max(features.section + 1 != features.section, 0),
        lambda: where(features.section == 1, 1, 0),
    ],
)
def test_an_equality_that_would_be_a_constant_is_refused(lose: Any) -> None:
    with pytest.raises(TypeError, match="before the film is rendered.*where of n2s.functions"):
        lose()


def test_outputs_and_expressions_are_compared_as_values() -> None:
    first, again, other = features.section, features.section, features.onset
    assert first == again and first != other and other in [first, again, other] and {first: 1}[again] == 1
    assert 1 + first == 1 + again and 1 + first != 1 + other and len({1 + first, 1 + again, 2 + first}) == 2
    assert first is not None and first != "section" and 1 + first != "section" and 1 + first not in [None, "a"]
    assert first != 1 and not 1 + first == 2  # as a node's author may ask whether a parameter is at its neutral number
    with pytest.raises(DeclarationError, match="Tone.exposure: a number.* was wanted, not a comparison by == or !="):
        Tone(exposure=first == 1)


def made(**settings: Any) -> Graph:
    return Graph(DigestSink(path="x.txt")(Tone(**settings)(picture, name="tone")), duration=1)


@pytest.mark.parametrize("number", [np.float32(0.5), np.float64(0.5), Fraction(1, 2), np.int64(2), np.uint8(2)])
def test_numbers_of_numpy_are_numbers(number: Any) -> None:
    plain = 2 if number == 2 else 0.5
    assert str(made(exposure=number).nodes["tone"].exposure) == str(plain)
    for driven in (features.rms * number, number * features.rms, number + features.rms, features.rms / number):
        assert isinstance(driven, Expression) and plain in [
            getattr(leaf, "value", None) for leaf in leaves(driven.tree)
        ]
    if not isinstance(number, Fraction):  # which stands for a frame rate in files
        assert str(made().edit({"tone.exposure": number}).nodes["tone"].exposure) == str(plain)
    assert parse_time(number).value == plain
    assert made().edit({"seed": np.int64(5)}).header.seed == 5


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("a.b", 'The name "a.b" is no identifier (letters, digits, _); choose another, like "a_b".'),
        ("a/b", 'The name "a/b" is no identifier'),
        ("my node", 'The name "my node" is no identifier'),
        ("time", 'The name "time" means something in expressions (a variable); choose another, like "time1".'),
        ("max", 'The name "max" means something in expressions (a function)'),
    ],
)
def test_names_in_python_are_those_of_files(name: str, said: str) -> None:
    with pytest.raises(GraphError, match=re.escape(said)):
        Graph(DigestSink(path="x.txt")(Tone()(picture, name=name)), duration=1)


def test_a_graph_of_nothing_is_refused() -> None:
    with pytest.raises(GraphError, match="a graph is made of sinks that are connected.* none was given"):
        Graph()


def test_a_frame_rate_as_python_writes_it() -> None:
    tone = Tone()(picture)
    assert Graph(DigestSink(path="x.txt")(tone), duration=1, fps=30000 / 1001).header.fps == Fraction(30000, 1001)
    assert Graph(DigestSink(path="x.txt")(tone), duration=1, fps=Fraction(100, 3)).header.fps == Fraction(100, 3)
    with pytest.raises(GraphError, match="a number of at most 6 decimals or a fraction like 100/3"):
        Graph(DigestSink(path="x.txt")(tone), duration=1, fps=100 / 3)


@pytest.mark.parametrize("rate", [24.123456789, "60.12345678", "214.7483649", "239.999999999"])
def test_a_frame_rate_that_no_file_can_hold(rate: Any) -> None:
    with pytest.raises(ValueError, match="at most 6 decimals or a fraction"):
        parse_rate(rate)
    assert parse_rate("214.7483647").numerator == 2**31 - 1


def test_a_film_rendered_in_python_is_known_and_can_be_explained_once_its_graph_is_kept(
    tmp_path: Path, n2s: Any, n2s_json: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    shown = ImageSource(path="picture.png")()
    tiny.write_png(Path("picture.png"), np.full((64, 96, 3), 90, np.uint8))
    sink = DigestSink(path="made.txt")(Tone(exposure=0.2)(shown, name="tone"))
    graph = Graph(sink, size=(96, 64), duration=1)
    report = render(graph, out="made")
    film = report.films[0]["path"]
    status, _, err = n2s("explain", film)
    assert status == 2 and "was rendered in Python" in err and 'keep the graph with graph.save("film.yaml")' in err
    graph.save("film.yaml")
    assert n2s("run", "film.yaml", "--out", "made", "--force")[0] == 0
    (told,) = n2s_json("explain", film)
    assert told["graph"] == "film.yaml" and told["state"] == "as it was"


@pytest.fixture
def kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A graph in a file, with one film of a picture."""
    monkeypatch.chdir(tmp_path)
    tiny.write_png(Path("picture.png"), np.full((64, 96, 3), 90, np.uint8))
    shown = ImageSource(path="picture.png")()
    sink = DigestSink(path="made.txt")(Tone(exposure=0.2, contrast=1.2)(shown, name="tone"), name="sink")
    return Graph(sink, size=(96, 64), duration=1).save("film.yaml")


def explained(film: str, n2s_json: Any, n2s: Any) -> dict[str, Any]:
    """Return what is told of a film, whose bytes the command that is told must give again."""
    (told,) = n2s_json("explain", film, "--frame", "3")
    assert n2s(*shlex.split(told["again"])[1:], "--out", "again", "--force")[0] == 0
    assert (Path("again") / Path(film).name).read_bytes() == Path(film).read_bytes()
    return told


def test_the_film_of_an_edited_graph_is_explained_with_its_edits(kept: Path, n2s: Any, n2s_json: Any) -> None:
    edited = Graph.load(kept, {"tone.contrast": 1.5, "tone.warmth": 0.1}).edit(
        {"seed": 99, "tone.exposure": "= 0.3 * time", "tone.warmth": None}
    )
    told = explained(render(edited, out="made").films[0]["path"], n2s_json, n2s)
    assert {target: value for target, value, _ in told["overrides"]} == {
        "tone.contrast": 1.5,
        "seed": 99,
        "tone.exposure": "= 0.3 * time",
        "tone.warmth": 0,
    }
    values = {each["parameter"]: each for each in told["moment"]["parameters"]}
    assert values["tone.exposure"]["written"] == "= 0.3 * time" and values["tone.contrast"]["value"] == 1.5


@pytest.mark.parametrize(
    "changes", [{"more": {"node": "Grain", "frames": "tone"}, "sink.frames": "more"}, {"size": [48, 32]}]
)
def test_what_no_override_says_makes_a_graph_of_no_file(changes: dict[str, Any], kept: Path, n2s: Any) -> None:
    edited = Graph.load(kept).edit(changes)  # a film of another size would have another name from the command line
    film = render(edited, out="made").films[0]["path"]
    status, _, err = n2s("explain", film)
    assert status == 2 and "lies in no file" in err
    edited.save(kept)
    render(edited, out="made", force=True)
    assert n2s("explain", film)[0] == 0


def test_another_type_of_node_is_told_by_its_name(kept: Path) -> None:
    Graph.load(kept).edit({"tone.exposure": None, "tone.contrast": None}).save(kept)
    overridden, edited = Graph.load(kept, {"tone.node": "Grain"}), Graph.load(kept).edit({"tone.node": "Grain"})
    for graph in (overridden, edited):
        assert [given[:2] for given in overrides_of_file(graph) or []] == [["tone.node", "Grain"]]


def test_the_preset_of_a_graph_is_told(kept: Path, n2s: Any, n2s_json: Any) -> None:
    kept.write_bytes(kept.read_bytes() + b"presets: {dark: {tone.exposure: -0.5}}\n")
    film = render(Graph.load(kept, preset="dark"), out="made").films[0]["path"]
    assert explained(film, n2s_json, n2s)["overrides"] == [["tone.exposure", -0.5, "preset"]]


def test_a_set_where_an_ordered_list_is_wanted_is_refused() -> None:
    for path in ({"a", "b"}, frozenset("ab"), [{"a", "b"}]):
        with pytest.raises(GraphError, match="LatentPath.names: a set was given.*a list"):
            LatentPath(names=path)
    with pytest.raises(GraphError, match="size: a set was given"):
        Graph(DigestSink(path="x.txt")(picture), duration=1, size={640, 360})


def test_paths_of_python_are_paths(kept: Path) -> None:
    sink = DigestSink(path=Path("films") / "made.txt")(ImageSource(path=Path("stills") / "a.png")())
    graph = Graph(sink, duration=1, model=Path("models") / "own")
    assert graph.to_yaml() == Graph(DigestSink(path="films/made.txt")(ImageSource(path="stills/a.png")()), duration=1,
                                    model="models/own").to_yaml()  # fmt: skip
    assert LatentPath(names=[Path("a.png"), PureWindowsPath("b\\c.png")]).names == ["a.png", "b/c.png"]
    (node,) = [node for node in Graph.load(kept, {"image_source.path": Path("./other.png")}).nodes.values()
               if isinstance(node, ImageSource)]  # fmt: skip
    assert node.path == "other.png"
    with pytest.raises(GraphError, match="text was wanted, not object"):
        ImageSource(path=object())


@pytest.mark.parametrize(
    ("ask", "named"),
    [
        (lambda graph: render("fire.yaml"), "graph"),
        (lambda graph: Session("fire.yaml"), "graph"),
        *[(lambda graph, jobs=jobs: render(graph, jobs=jobs), "jobs") for jobs in (0, -1, 1.5, True)],
        (lambda graph: render(graph, workers=0), "workers"),
        *[(lambda graph, most=most: render(graph, max_memory=most), "max_memory") for most in ("6GB", -1)],
        (lambda graph: render(graph, only="one"), "only"),
        (lambda graph: preview(graph, sheet=2.5), "sheet"),
    ],
)
def test_arguments_in_python_are_looked_at_before_any_work(ask: Any, named: str, kept: Path) -> None:
    with pytest.raises(ArgumentError, match=f"^{named}: "):
        ask(Graph.load(kept))


def test_frames_are_whole_numbers_from_any_iterable(kept: Path) -> None:
    with Session(Graph.load(kept)) as session:
        with pytest.raises(ArgumentError, match=r"A frame is a whole number, not 3\.0"):
            session.frame("tone", 3.0)
        assert sum(map(len, session.pick("tone", (number for number in range(3))))) == 3


@pytest.mark.parametrize("named_first", [False, True])
def test_a_node_without_a_name_takes_none_that_another_was_given(named_first: bool) -> None:
    """Wherever either stands in the graph."""
    still = ImageSource(path="a.png")()
    steps = [Tone(exposure=number) for number in range(3)]
    names = ["tone", None, None] if named_first else [None, None, "tone"]
    for step, name in zip(steps, names):
        still = step(still, name=name)
    nodes = Graph(DigestSink(path="x.txt")(still), duration=1).nodes
    exposures = {name: node.exposure.value for name, node in nodes.items() if isinstance(node, Tone)}
    named = 0 if named_first else 2
    others = [number for number in range(3) if number != named]
    assert exposures == {"tone": named, "tone_2": others[0], "tone_3": others[1]}


def test_two_nodes_that_were_given_one_name_are_refused() -> None:
    still = Tone()(Tone()(ImageSource(path="a.png")(), name="tone"), name="tone")
    with pytest.raises(GraphError, match="two nodes are named 'tone'"):
        Graph(DigestSink(path="x.txt")(still), duration=1)


def test_a_graph_whose_parameters_are_expressions_is_drawn(kept: Path) -> None:
    assert "= 0.3 * time" in diagram(Graph.load(kept).edit({"tone.exposure": "= 0.3 * time"}))
