"""Saving in place: a file changes only where the graph did, and stays whole where it cannot be saved."""

from __future__ import annotations

import difflib
import json
import os
import shutil
from pathlib import Path
from typing import Any

import pytest
from harness import assert_same
from packages import TABLES

from n2s.graph.errors import GraphError
from n2s.graph.file.document import parse_document
from n2s.graph.graph import Graph
from n2s.nodes import Anchors, AudioSource, Features, FFmpegSink, Tone, VAEDecode, Weights

GRAPHS = Path(__file__).resolve().parent.parent / "graphs"


PLAIN = """\
# A film.\t(with a tab)
n2s: 1
title: "Quoted"      # as it is
fps:   30            # thirty
size: [ 640 , 360 ]

nodes:
  track:    {node: AudioSource,    path: 'a.wav'}
  # What it hears.
  features: {node: Features, in: track}   # in:

  # A pulse,
  # in two lines.
  pulse: {node: EMA, signal: features.onset, half_life: 0.180}

  travel: {node: Keyframes, points: [[0, 0], [9, 0.3],   # here
                                     [17, 0.55]]}
  weights: { node: Weights, signal: travel, count: 3 }
  anchors:
    node: Anchors
    weights: weights
    names:
      - red     # warm
      - green
      - blue
    model:      # the shipped one
  film: {node: VAEDecode, latents: anchors}
  tone:
    node: Tone   # light
    frames: film
    exposure: =  0.4*pulse
    contrast: "= clamp(1 + features.low, 1, 1.4)"

    # warm
    warmth: 1e-1
  grain: {node: Grain, frames: tone, amount: "= clamp(pulse, 0, 1)", seed: 0x10,}
  out: {node: FFmpegSink, frames: grain, audio: track, path: a.mp4, chunk: null}
  # the end
"""
ODD = {
    "plain": PLAIN,
    "windows": PLAIN.replace("\n", "\r\n"),
    "byte order mark": "\ufeff" + PLAIN,
    "windows with mark": "\ufeff" + PLAIN.replace("\n", "\r\n"),
    "no line break at the end": PLAIN.rstrip("\n").removesuffix("\n  # the end"),
    "blank lines at the end": PLAIN + "\n\n  \n",
    "markers": "%YAML 1.2\n---\n" + PLAIN + "...\n",
    "four spaces": PLAIN.replace("\n  ", "\n    ").replace("\n      ", "\n        "),
    "upside down": PLAIN[PLAIN.index("nodes:") :] + PLAIN[: PLAIN.index("nodes:")],
    "json": json.dumps(parse_document(PLAIN).values),
    "json in lines": json.dumps(parse_document(PLAIN).values, indent=2) + "\n",
    "odd brackets": """\
{ n2s: 1, nodes: {
    k: {node: Keyframes, points: [
        [0, 0],   # start
        [1, 1]    # stop
    ]}, w: {node: Weights, signal: k, count: 3,
    }
    , a: {"node": Anchors, 'weights': w, names: [red, green, blue]},
    d: {node: VAEDecode, latents: a,}, g: {node: Grain, frames: d, amount: 0.02},   # last comment
    out: {node: FFmpegSink, frames: g, path: x.mp4}
}, title: x }""",
}


def _write(path: Path, text: str) -> None:
    path.write_bytes(text.encode())


@pytest.mark.parametrize("path", sorted(GRAPHS.rglob("*.yaml")), ids=lambda path: path.stem)
def test_saving_a_shipped_graph_changes_no_byte(path: Path, tmp_path: Path) -> None:
    shutil.copytree(GRAPHS, tmp_path / "graphs")
    copy = tmp_path / "graphs" / path.relative_to(GRAPHS)
    Graph.load(copy).save(copy)
    assert copy.read_bytes() == path.read_bytes()


@pytest.mark.parametrize("name", ODD)
def test_saving_without_a_change_changes_no_byte(name: str, tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    _write(path, ODD[name])
    graph = Graph.load(path)
    assert graph.to_yaml() == ODD[name].removeprefix("\ufeff")
    graph.save(path)
    assert path.read_bytes() == ODD[name].encode()
    graph.edit({"title": "Another"}).save(path)
    graph.save(path)
    if name not in ("json", "json in lines", "odd brackets"):
        assert path.read_bytes() == ODD[name].encode(), "there and back"


# (what is edited, the text that goes, the text that comes)
EDITS = [
    ({"fps": 25}, "fps:   30 ", "fps:   25 "),
    ({"fps": "30000/1001"}, "fps:   30 ", "fps:   30000/1001 "),
    ({"title": "It's: new"}, '"Quoted"', '"It\'s: new"'),
    ({"title": None}, 'title: "Quoted"      # as it is\n', ""),
    ({"seed": 7}, '# as it is\n', "# as it is\nseed: 7\n"),
    ({"size": [640, 480]}, "640 , 360", "640 , 480"),
    ({"tempo": 120}, "360 ]\n", "360 ]\ntempo: 120\n"),
    ({"track.path": "b c.wav"}, "'a.wav'", "'b c.wav'"),
    ({"features.audio": "track"}, "", ""),
    ({"pulse.half_life": 0.2}, "0.180", "0.2"),
    ({"pulse.half_life": 0.18}, "", ""),
    ({"pulse.half_life": "2 beats"}, "0.180", "2 beats"),
    ({"pulse.half_life": None}, ", half_life: 0.180", ""),
    ({"pulse.attack": 0}, "0.180}", "0.180, attack: 0}"),
    ({"pulse.signal": "features.low"}, "features.onset,", "features.low,"),
    ({"travel.points": [[0, 0], [9, 0.5], [17, 0.55]]}, "[9, 0.3]", "[9, 0.5]"),
    ({"travel.points": [[0, 0], [9, 0.3], [17, 0.55], [20, 1]]}, "[17, 0.55]",
     "[17, 0.55],\n                                     [20, 1]"),
    ({"travel.points": [[0, 0], [17, 0.55]]}, "[9, 0.3],   # here\n                                     ", ""),
    ({"travel.points": [[-1, 1], [0, 0], [9, 0.3], [17, 0.55]]}, "[[0, 0]", "[[-1, 1], [0, 0]"),
    ({"weights.count": 4}, "count: 3 }", "count: 4 }"),
    ({"weights.wrap": True}, "count: 3 }", "count: 3, wrap: true }"),
    ({"weights.count": None}, ", count: 3", ""),
    ({"anchors.names": ["red", "teal", "blue"]}, "- green", "- teal"),
    ({"anchors.names": ["red", "green", "blue", "null"]}, "- blue\n", '- blue\n      - "null"\n'),
    ({"anchors.names": ["green", "blue"]}, "      - red     # warm\n", ""),
    ({"anchors.model": "m"}, "model:      #", "model: m      #"),
    ({"anchors.model": None}, "    model:      # the shipped one\n", ""),
    ({"anchors.blend": "linear"}, "the shipped one\n", "the shipped one\n    blend: linear\n"),
    ({"tone.exposure": "= 0.4 * pulse"}, "", ""),
    ({"tone.exposure": "= 0.5 * pulse"}, "=  0.4*pulse", "= 0.5 * pulse"),
    ({"tone.exposure": "= lerp(0, 1, pulse)"}, "=  0.4*pulse", "= lerp(0, 1, pulse)"),
    ({"tone.exposure": 0.1}, "=  0.4*pulse", "0.1"),
    ({"tone.contrast": "= max(1, pulse)"}, '"= clamp(1 + features.low, 1, 1.4)"', '"= max(1, pulse)"'),
    ({"tone.contrast": 1}, '"= clamp(1 + features.low, 1, 1.4)"', "1"),
    ({"tone.contrast": None}, '    contrast: "= clamp(1 + features.low, 1, 1.4)"\n', ""),
    ({"tone.pivot": 0.5}, "warmth: 1e-1\n", "warmth: 1e-1\n    pivot: 0.5\n"),
    ({"grain.amount": "= pulse"}, '"= clamp(pulse, 0, 1)"', '"pulse"'),
    ({"grain.amount": None}, 'amount: "= clamp(pulse, 0, 1)", ', ""),
    ({"grain.seed": None}, ", seed: 0x10", ""),
    ({"grain.seed": 16}, "", ""),
    ({"grain.seed": 17}, "0x10", "17"),
    ({"out.chunk": 30}, "chunk: null", "chunk: 30"),
    ({"out.audio": None}, "audio: track, ", ""),
    ({"out.crf": 20}, "chunk: null}", "chunk: null, crf: 20}"),
    ({"grain": None, "out.frames": "tone"}, None, None),
    ({"glow": {"node": "EMA", "signal": "pulse"}}, "chunk: null}\n", "chunk: null}\n"
        "  glow: {node: EMA, signal: pulse}\n"),
    ({"wash": Tone(frames="film", exposure="= max(pulse, 0.5)")}, "chunk: null}\n",
     "chunk: null}\n  wash:\n    node: Tone\n    frames: film\n    exposure: = max(pulse, 0.5)\n"),
]  # fmt: skip


@pytest.mark.parametrize("layout", ["plain", "windows with mark"])
@pytest.mark.parametrize(("changes", "gone", "come"), EDITS, ids=[" ".join(map(str, e[0].items()))[:60] for e in EDITS])
def test_an_edit_changes_its_span_alone(
    layout: str, changes: Any, gone: str | None, come: str | None, tmp_path: Path
) -> None:
    path = tmp_path / "graph.yaml"
    _write(path, ODD[layout])
    before = Graph.load(path)
    edited = before.edit(changes)
    edited.save(path)
    assert_same(Graph.load(path), edited)
    if gone is None:
        return
    if "windows" in layout:
        gone, come = gone.replace("\n", "\r\n"), come.replace("\n", "\r\n")
    assert gone == "" or ODD[layout].count(gone) == 1
    wanted = ODD[layout].replace(gone, come) if gone else ODD[layout]
    assert path.read_bytes().decode() == wanted


def test_a_removed_node_takes_its_comment_along(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    _write(path, PLAIN)
    graph = Graph.load(path)
    graph = graph.edit({"tone.exposure": None, "grain.amount": 0.1, "pulse": None})
    graph.save(path)
    gone = [
        line[2:] for line in difflib.ndiff(PLAIN.splitlines(), path.read_text().splitlines()) if line.startswith("- ")
    ]
    assert [line.strip() for line in gone if "grain" not in line] == [
        "# A pulse,", "# in two lines.", "pulse: {node: EMA, signal: features.onset, half_life: 0.180}",
        "exposure: =  0.4*pulse",
    ]  # fmt: skip


@pytest.mark.parametrize(
    "name",
    ["no line break at the end", "markers", "four spaces", "upside down", "json", "json in lines", "odd brackets"],
)
@pytest.mark.parametrize(
    "changes",
    [{"grain.amount": 0.5}, {"g.amount": 0.5}, {"fps": 25, "title": None}, {"more": {"node": "Constant", "value": 2}},
     {"anchors.names": ["red"]}, {"w.count": None}, {"grain": None, "out.frames": "tone"},
     {"g": None, "out.frames": "d"},
     {"k.points": [[0, 0]], "title": "a, b"}, {"k.points": [[0, 0], [1, 1], [2, 2]]}, {"d.latents": None, "g": None}],
    ids=str,
)  # fmt: skip
def test_edits_of_odd_files_touch_few_lines(name: str, changes: dict[str, Any], tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    _write(path, ODD[name])
    graph = Graph.load(path)
    try:
        edited = graph.edit(changes)
    except GraphError:
        return  # of another file
    edited.save(path)
    assert_same(Graph.load(path), edited)
    matcher = difflib.SequenceMatcher(
        None, ODD[name].splitlines(), path.read_bytes().decode().splitlines(), autojunk=False
    )
    touched = sum(max(b - a, d - c) for tag, a, b, c, d in matcher.get_opcodes() if tag != "equal")
    assert touched <= 2 * len(changes) + 8 * (name == "json in lines")
    stays = [
        line for line in ODD[name].splitlines() if ("last comment" in line and "g" not in changes) or "# start" in line
    ]
    for line in stays:
        assert line.partition("#")[2] in path.read_text()


def test_a_graph_in_json_stays_json(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    _write(path, ODD["json in lines"])
    changes = {
        "glow": {"node": "EMA", "signal": "pulse"},
        "tone.pivot": 0.5,
        "tone.warmth": "= pulse",
        "seed": 3,
        "fps": "30000/1001",
    }
    Graph.load(path).edit(changes).save(path)
    assert (
        json.loads(path.read_text())["nodes"]["tone"] | {"pivot": 0.5, "warmth": "pulse"}
        == json.loads(path.read_text())["nodes"]["tone"]
    )


# Where files lie


def test_paths_are_written_as_seen_from_the_file(tmp_path: Path) -> None:
    track = AudioSource(path="sounds/a.wav")(name="track")
    frames = VAEDecode(model=str(tmp_path / "elsewhere"))(
        Anchors(names=["a"], model="m/n")(Weights(count=1)(Features()(track).rms))
    )
    graph = Graph(FFmpegSink(path="films/a.mp4")(frames, track), base=tmp_path)
    path = graph.save(tmp_path / "graphs" / "deep" / "a.yaml")
    back = Graph.load(path)
    assert back.nodes["track"].path == "../../sounds/a.wav"
    assert back.resolve(back.nodes["track"].path) == graph.resolve("sounds/a.wav")
    assert back.nodes["anchors"].model == "../../m/n" and back.nodes["vae_decode"].model == str(tmp_path / "elsewhere")
    assert back.nodes["ffmpeg_sink"].path == "films/a.mp4", "a film's path is relative to --out"
    back.save(tmp_path / "b.yaml")
    assert Graph.load(tmp_path / "b.yaml").nodes["track"].path == "sounds/a.wav"


def test_paths_within_settings_are_written_as_seen_from_the_file(tmp_path: Path, packages: Any) -> None:
    packages.install(TABLES)
    here = {
        "listed": ["a.csv", "/b.csv"], "named": {"red": "a.csv"}, "weighed": ["a.csv", 0.5],
        "nested": [[], ["a.csv", "c/a.csv"]],
        "folders": [["a.csv", "fonts"]],
    }  # fmt: skip
    there = {
        "listed": ["../a.csv", "/b.csv"], "named": {"red": "../a.csv"}, "weighed": ["../a.csv", 0.5],
        "nested": [[], ["../a.csv", "../c/a.csv"]],
        "folders": [["a.csv", "../fonts"]],
    }  # fmt: skip
    (tmp_path / "a.yaml").write_text(json.dumps({"n2s": 1, "nodes": {"tables": {"node": "Tables", **here}}}))
    graph = Graph.load(tmp_path / "a.yaml")
    (tmp_path / "deep").mkdir()
    graph.save(tmp_path / "deep" / "a.yaml")
    assert json.loads((tmp_path / "deep" / "a.yaml").read_text())["nodes"]["tables"] == {"node": "Tables", **there}
    back = Graph.load(tmp_path / "deep" / "a.yaml")
    back.save(tmp_path / "b.yaml")
    assert_same(Graph.load(tmp_path / "b.yaml"), graph)


def test_a_copy_keeps_comments(tmp_path: Path) -> None:
    _write(tmp_path / "a.yaml", PLAIN)
    (tmp_path / "b").mkdir()
    Graph.load(tmp_path / "a.yaml").save(tmp_path / "b" / "b.yaml")
    assert (tmp_path / "b" / "b.yaml").read_text() == PLAIN.replace("'a.wav'", "'../a.wav'")


def test_overrides_are_saved(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    _write(path, PLAIN)
    Graph.load(path, {"weights.count": 4, "fps": 25}).save(path)
    assert path.read_text() == PLAIN.replace("count: 3", "count: 4").replace("fps:   30 ", "fps:   25 ")


def test_a_link_to_a_file_stays_a_link_and_modes_stay(tmp_path: Path) -> None:
    real = tmp_path / "real.yaml"
    _write(real, PLAIN)
    real.chmod(0o640)
    link = tmp_path / "link.yaml"
    try:
        link.symlink_to(real)
    except OSError:
        pytest.skip("no symbolic links here")
    Graph.load(link).edit({"fps": 25}).save(link)
    assert link.is_symlink() and "fps:   25" in real.read_text()
    assert os.name != "posix" or real.stat().st_mode & 0o777 == 0o640


FLOW = """\
n2s: 1
size: [128, 72]
duration: 1
nodes:
  film: {node: Solid}
  tone: {
    node: Tone,
    frames: film,
    exposure: 0.5,  # bright
    # warm like the evening
    warmth: 0.2%s  # a little
  }
  out: {node: DigestSink, frames: tone, path: x.txt}
"""


@pytest.mark.parametrize("comma", ["", ","])
@pytest.mark.parametrize(
    ("change", "wanted"),
    [
        ({"tone.exposure": None}, ["    # warm like the evening", "    warmth: 0.2{comma}  # a little"]),
        (
            {"tone.contrast": 1.2},
            [
                "    exposure: 0.5,  # bright", "    # warm like the evening", "    warmth: 0.2,  # a little",
                "    contrast: 1.2{comma}",
            ],
        ),
        ({"tone.warmth": None}, ["    exposure: 0.5  # bright", "    # warm like the evening"]),
    ],
)  # fmt: skip
def test_comments_between_brackets_stay_beside_what_they_are_about(
    comma: str, change: dict[str, Any], wanted: list[str], tmp_path: Path
) -> None:
    path = tmp_path / "film.yaml"
    path.write_text(FLOW % comma)
    Graph.load(path).edit(change).save(path)
    lines = path.read_text().splitlines()
    entries = lines[lines.index("    frames: film,") + 1 : lines.index("  }")]
    assert [line for line in entries if line.strip()] == [line.format(comma=comma) for line in wanted]
    Graph.load(path)
