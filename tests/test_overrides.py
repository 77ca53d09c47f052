"""--set and its like: merged into the file's values, inside sub-graphs and tracks, with errors at their own place."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

from n2s.commands.common import parse_override
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph

GRAIN = """\
n2s: 1
interface:
  inputs: {frames: {kind: Frames, help: the picture}}
  params: {light: {default: 0, ge: 0, le: 2, help: how bright}}
  outputs: {frames: grain}
presets:
  bad: {grian.amount: 0.1}
  wrong: {grain.amount: 7}
nodes:
  tone: {node: Tone, frames: frames, exposure: light}
  grain: {node: Grain, frames: tone, amount: 0.05}
"""
LOOK = """\
n2s: 1
interface:
  inputs: {frames: {kind: Frames, help: the picture}}
  outputs: {frames: vignette}
nodes:
  inner: {node: Graph, path: grain.yaml, frames: frames, set: {grain.seed: 4}}
  vignette: {node: Vignette, frames: inner}
"""
TRACK = """\
n2s: 1
duration: 1
nodes:
  picture: {node: ImageSource, path: picture.png}
  look: {node: Graph, path: look.yaml, in: picture, set: {vignette.amount: 0.2, inner.grain.amount: 0.3}}
  music: {node: AudioSource, path: music.wav}
  out: {node: FFmpegSink, in: look, audio: music, path: track.mp4}
"""
ALBUM = """\
n2s: 1
nodes:
  one: {node: Track, path: track.yaml, set: {look.vignette.radius: 0.5, title: One}}
  album: {node: Album, tracks: [one], path: album.mp4}
"""


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for name, text in (("grain", GRAIN), ("look", LOOK), ("track", TRACK), ("album", ALBUM)):
        (tmp_path / f"{name}.yaml").write_text(text)
    tiny.write_png(tmp_path / "picture.png", np.zeros((2, 2, 3), np.uint8))
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(0.1))
    return tmp_path


def settings(graph: Graph) -> dict[str, Any]:
    nodes = graph.flat.nodes
    return {
        "amount": nodes["look/inner/grain"].amount.value, "seed": nodes["look/inner/grain"].seed,
        "vignette": nodes["look/vignette"].amount.value, "radius": nodes["look/vignette"].radius.value,
    }  # fmt: skip


BEFORE = {"amount": 0.3, "seed": 4, "vignette": 0.2, "radius": 0.3}


@pytest.mark.parametrize(
    ("overrides", "changed"),
    [
        ({}, {}),
        ({"look.vignette.amount": 0.7}, {"vignette": 0.7}),
        ({"look.inner.grain.amount": 0.7}, {"amount": 0.7}),
        ({"look.inner.grain.seed": 9}, {"seed": 9}),
        ({"look.set": {"vignette.radius": 0.6}}, {"radius": 0.6}),
        ({"look.set": {"vignette.amount": 0.7}}, {"vignette": 0.7}),
        ({"look.set.vignette.amount": 0.7}, {"vignette": 0.7}),
        ({"look.inner.set": {"grain.seed": 9}}, {"seed": 9}),
        ({"look.set": {"inner.set": {"grain.seed": 9}}}, {"seed": 9}),
        ({"look.set": {"inner.grain.amount": 0.7}, "look.inner.grain.seed": 9}, {"amount": 0.7, "seed": 9}),
    ],
    ids=str,
)
def test_an_override_changes_what_it_names_and_nothing_else(overrides: dict, changed: dict, folder: Path) -> None:
    radius = settings(Graph.load(folder / "track.yaml"))["radius"]
    assert settings(Graph.load(folder / "track.yaml", overrides)) == BEFORE | {"radius": radius} | changed


def test_an_override_reaches_into_a_track_and_its_header(folder: Path) -> None:
    from n2s.graph.tracks import load_track

    album = Graph.load(
        folder / "album.yaml", {"one.look.inner.grain.amount": 0.7, "one.seed": 5, "one.set": {"artist": "n"}}
    )
    track = load_track(album, "one")
    assert settings(track) == BEFORE | {"amount": 0.7, "radius": 0.5}
    assert (track.header.seed, track.header.title, track.header.artist) == (5, "One", "n")
    assert (
        Graph.load(folder / "album.yaml", {"one.title": "Two"}).nodes["one"].title == "Two"
    )  # a setting of the track's own


def test_what_is_asked_of_an_album_holds_for_tracks_that_state_it(folder: Path, n2s: Any) -> None:
    (folder / "track.yaml").write_text(TRACK.replace("duration: 1", "duration: 1\nfps: 30\nsize: [640, 360]"))
    for arguments in (["--set", "fps=24"], ["--set", "size=[320, 180]"]):
        assert n2s("check", "album.yaml", *arguments)[0] == 0
    (folder / "album.yaml").write_text(ALBUM.replace("n2s: 1", "n2s: 1\nfps: 25"))
    status, _, err = n2s("check", "album.yaml")
    assert status == 2 and err.startswith(f"{folder / 'track.yaml'}:3:6  fps is 30, but the album has 25")


def test_a_port_given_anew_stands_for_either_spelling(folder: Path) -> None:
    more = TRACK.replace("  look:", "  other: {node: Tone, frames: picture}\n  look:")
    (folder / "track.yaml").write_text(more)
    for name in ("look.frames", "look.in"):
        assert str(Graph.load(folder / "track.yaml", {name: "other"}).nodes["look"].frames) == "other"
    with pytest.raises(GraphError, match=r'^look\.in: "othr" names no node'):
        Graph.load(folder / "track.yaml", {"look.in": "othr"})


@pytest.mark.parametrize(
    ("override", "words"),
    [
        ("look.gran.amount=1", '--set look.gran.amount: the graph has no node "gran". There are: inner, vignette.'),
        (
            "look.inner.gran.amount=1",
            '--set look.inner.gran.amount: the graph has no node "gran". Did you mean "grain"?',
        ),
        (
            "look.inner.grain.amuont=1",
            '--set look.inner.grain.amuont: Grain has no such setting. Did you mean "amount"?',
        ),
        ("look.inner.grain.amount=abc", '--set look.inner.grain.amount: "abc" names no node.'),
        ("look.inner.grain.amount=2", "--set look.inner.grain.amount: 2 was given; it must be within 0..1"),
        ("look.inner.light=3", "--set look.inner.light: 3 was given; it must be within 0..2"),
        (
            "look.set={vignette.amuont: 1}",
            '--set look.set: vignette.amuont: Vignette has no such setting. Did you mean "amount"?',
        ),
        ("nodes.look.seed=1", '--set nodes.look.seed: a setting is named NODE.SETTING. Did you mean "look.seed"?'),
        ("look/seed=1", '--set look/seed: a setting is named NODE.SETTING. Did you mean "look.seed"?'),
        (
            "look.inner.set.light=1",
            "--set look.inner.set.light: light is a setting of the node itself: write it beside set, and not in it.",
        ),
        ("lok.seed=1", '--set lok.seed: the graph has no node "lok". Did you mean "look"?'),
        ("look.sede=1", '--set look.sede: look.yaml has no such setting. Did you mean "seed"?'),
        ("look.preset=bad", "--set look.preset: "),
        ("out.crf=100", "--set out.crf: 100 was given; it must be within 0..63"),
        ("out.in=track", '--set out.in: "track" names no node.'),
        ("out.path=/film.mp4", '--set out.path: "/film.mp4" may not be written'),
        ("picture.path=[1]", "--set picture.path: text was wanted, not a list"),
        ("size=[101, 51]", "--set size: width and height must be even"),
        (
            "fps=30 fps",
            "--set fps: a frame rate is a number or a fraction like 30000/1001, not '30 fps'; write 30, without",
        ),
        ("look=ink", "--set look: look is a node; name one of its settings: look.SETTING=value."),
        ("fps=abc", "--set fps: a frame rate is a number or a fraction like 30000/1001, not 'abc'"),
        ("sede=1", '--set sede: the graph has no entry or node "sede". Did you mean "seed"?'),
        ("crf=20", '--set crf: the graph has no entry or node "crf". Did you mean "out.crf"?'),
        ("title=", "--set title: text was wanted, not nothing"),
        ("look=5", "--set look: look is a node; name one of its settings: look.SETTING=value."),
        ("look.path=5", "--set look.path: look: a sub-graph needs its file"),
        ("look.path=lok.yaml", "--set look.path: look: "),
        ("look.node=Tone", "--set look.node: look.path: Tone has no such setting."),
        ("look.node=Tome", '--set look.node: look: there is no node type "Tome". Did you mean "Tone"?'),
        ("picture.node=Tone", "--set picture.node: "),
        ("out.crf=[", '--set out.crf: "[" cannot be read as YAML: '),
        ("out.crf", '--set takes node.setting=value, not "out.crf".'),
    ],
)
def test_a_wrong_override_is_told_as_an_argument(override: str, words: str, folder: Path, n2s: Any) -> None:
    status, out, err = n2s("check", "track.yaml", "--set", override)
    assert (status, out) == (2, "")
    assert err.startswith(words), err
    status, out, _ = n2s("check", "track.yaml", "--set", override, "--json")
    (problem, *_) = json.loads(out)["error"]
    assert status == 2 and problem["text"].startswith(words) and (problem["file"], problem["line"]) == (None, None)


def test_a_wrong_override_of_a_track_is_told_as_an_argument(folder: Path, n2s: Any) -> None:
    for override, words in (
        ("one.look.inner.gran.amount=1", 'the graph has no node "gran". Did you mean "grain"?'),
        ("one.look.vignette.amount=2", "2 was given; it must be within 0..1"),
        ("one.seed=-1", "it must be at least 0, not -1"),
    ):
        status, _, err = n2s("check", "album.yaml", "--set", override)
        assert status == 2 and err.startswith(f"--set {override.partition('=')[0]}: {words}"), err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--size", "100x51"], "--size: width and height must be even and lie within 16..8192, not 100x51"),
        (["--size", "8x8"], "--size: width and height must be even"),
        (["--size", "big"], '--size takes width and height, like 1280x720, not "big".'),
        (["--size", "٣٢x٣٢"], "--size takes width and height"),
        (["--fps", "abc"], "--fps: a frame rate is a number or a fraction like 30000/1001, not 'abc'"),
        (["--fps", "0"], "--fps: a frame rate lies between 1 and 240, not 0"),
        (["--draft", "--size", "101x51"], "--size: width and height must be even"),
        (["--draft", "--set", "size=[101, 51]"], "--set size: width and height must be even"),
    ],
)
def test_a_wrong_shape_is_told_as_an_argument(arguments: list[str], words: str, folder: Path, n2s: Any) -> None:
    status, _, err = n2s("run", "track.yaml", *arguments)
    assert status == 2 and err.startswith(words), err


def test_what_a_set_or_a_preset_says_wrong_is_told_where_it_stands(folder: Path) -> None:
    for old, new, where, words in (
        ("vignette.amount: 0.2", "vignette.amuont: 0.2", "track.yaml", "vignette.amuont: Vignette has no such setting"),
        (
            "inner.grain.amount: 0.3",
            "inner.grain.amount: 3",
            "track.yaml",
            "grain.amount: 3 was given; it must be within 0..1",
        ),
        (
            "inner.grain.amount: 0.3",
            "inner.gran.amount: 3",
            "track.yaml",
            'the graph has no node "gran". Did you mean "grain"?',
        ),
        (
            "inner.grain.amount: 0.3",
            "inner.preset: bad",
            "grain.yaml:7:9",
            'the graph has no node "grian". Did you mean "grain"?',
        ),
        (
            "inner.grain.amount: 0.3",
            "inner.preset: wrong",
            "grain.yaml:8:11",
            "grain.amount: 7 was given; it must be within 0..1",
        ),
    ):
        (folder / "track.yaml").write_text(TRACK.replace(old, new))
        with pytest.raises(GraphError) as caught:
            Graph.load(folder / "track.yaml")
        at = where if ":" in where else f"{where}:5:{(folder / where).read_text().splitlines()[4].index(new) + 1}"
        assert str(caught.value).startswith(f"{folder / at}  {words}"), str(caught.value)


def test_an_override_of_no_name_of_the_graph_names_itself_in_python(folder: Path) -> None:
    with pytest.raises(GraphError, match=r'^look\.gran\.amount: the graph has no node "gran"'):
        Graph.load(folder / "track.yaml", {"look.gran.amount": 1})


def test_merging_keeps_what_is_not_named() -> None:
    from n2s.graph.file.override import merged

    assert merged({"a": 1, "b": {"c": 2, "d": 3}}, {"b": {"c": 4}, "e": 5}) == {"a": 1, "b": {"c": 4, "d": 3}, "e": 5}
    assert merged({"a": {"b": 1}}, {"a": 2}) == {"a": 2} and merged({"a": 2}, {"a": {"b": 1}}) == {"a": {"b": 1}}


def test_a_setting_without_its_node_is_told_with_the_nodes_that_have_it(folder: Path, n2s: Any) -> None:
    graph = folder / "lit.yaml"
    graph.write_text(TRACK.replace("look.yaml, in: picture, set: {vignette.amount: 0.2, inner.grain.amount: 0.3}",
                                   "grain.yaml, frames: picture"))  # fmt: skip
    assert 'no entry or node "light". Did you mean "look.light"?' in n2s("check", graph, "--set", "light=1")[2]
    graph.write_text(graph.read_text().replace("path: grain.yaml", "look: missing"))
    assert "Did you mean" not in n2s("check", graph, "--set", "light=1")[2]


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("Song #1", "Song #1"),
        ('"Song #1"', "Song #1"),
        ("C#", "C#"),
        ("#1: the hit", "#1: the hit"),
        ("5 #x", "5 #x"),
        ("[red, #ff0000]", ["red", "#ff0000"]),
        ("['#fff', \"a # b\"]", ["#fff", "a # b"]),
        ("{a #1: b # c}", {"a #1": "b # c"}),
        ("\ue000 #", "\ue000 #"),
        ("= 0.8 * pulse", "= 0.8 * pulse"),
    ],
)
def test_a_value_of_the_command_line_has_no_comments(text: str, value: Any) -> None:
    assert parse_override(f"title={text}") == ("title", value)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('"Song" #1', '""Song" #1" cannot be read as YAML: text goes on behind a closing quotation mark'),
        ("a: b #1", '"a: b #1" cannot be read as YAML: no colon is expected here'),
        ("one\nfps: 3", "cannot be read as YAML: its lines are not one value; quote all of it."),
    ],
)
def test_nothing_of_a_value_of_the_command_line_is_left_out(text: str, words: str) -> None:
    with pytest.raises(GraphError) as caught:
        parse_override(f"title={text}")
    assert words in str(caught.value), str(caught.value)
