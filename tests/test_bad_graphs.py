"""Wrong graphs and wrong command lines: file, line, what was wanted and the way out; a status for each kind.

All mistakes of a graph are one list, and so it is longer than other files.
"""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import tiny
from places import FRAMES, N2S, Place, n2s

from n2s.graph.errors import GraphError, N2SError
from n2s.graph.graph import Graph

# The command line: its status, its words


def test_statuses_of_the_command_line(place: Place) -> None:
    where = ["--out", place.out, "--store", place.store.root]
    good = n2s("run", place.graph, *where)
    assert (good.returncode, place.film.is_file()) == (0, True)
    place.edit("contrast: 1.1", "contrst: 1.1")
    wrong = n2s("run", place.graph, *where)
    assert wrong.returncode == 2
    assert wrong.stderr == f'{place.graph}:19:5  tone.contrst: Tone has no such setting. Did you mean "contrast"?\n'
    assert n2s("check", place.graph).returncode == 2
    place.edit("contrst: 1.1", "contrast: 1.1")
    place.music.unlink()
    lost = n2s("run", place.graph, *where)
    assert lost.returncode == 2
    assert (
        lost.stderr
        == f"{place.graph}:7:36  track.path: {place.music} does not exist. Check the path. It starts from the "
        f"graph's folder.\n"
    )
    assert place.film.is_file() and place.rubbish() == []


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["run"], "Missing argument 'GRAPH'"),
        (["rnu"], "Did you mean 'run'?"),
        (["run", "nowhere.yaml"], "nowhere.yaml  There is no such file. Check the path."),
        (["run", "tracks.yaml"], 'tracks.yaml  There is no such file. Did you mean "track.yaml"?'),
        (["run", "GRAPH", "--nope"], "No such option: --nope"),
        (["run", "GRAPH", "--jobs", "0"], '--jobs takes a whole number, 1 to 256, not "0"'),
        (["run", "GRAPH", "--set", "grain.amount"], '--set takes node.setting=value, not "grain.amount".'),
        (
            ["run", "GRAPH", "--set", "grian.amount=1"],
            '--set grian.amount: the graph has no node "grian". Did you mean "grain"?',
        ),
        (["run", "GRAPH", "--set", "grain.amount=2"], "grain.amount: 2 was given; it must be within 0..1"),
        (["run", "GRAPH", "--set", "grain.amount=["], "--set"),
        (["run", "GRAPH", "--from", "7"], "leaves no frame of a track of 1.00 s"),
        (["run", "GRAPH", "--to", "inf"], "--to"),
        (["check", "GRAPH", "--set", "grain.amont=1"], 'Did you mean "amount"?'),
        (["draw", "GRAPH", "-o", "x.xyz"], 'A diagram is written as .svg, .png, .pdf or .dot, not "x.xyz".'),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_arguments_that_are_wrong(
    place: Place, arguments: list[str], words: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture
) -> None:
    from n2s.cli import main

    monkeypatch.chdir(place.folder)
    monkeypatch.setenv("N2S_STORE", str(place.store.root))
    monkeypatch.setattr(sys, "argv", ["n2s", *(str(place.graph) if a == "GRAPH" else a for a in arguments)])
    with pytest.raises(SystemExit) as caught:
        main()
    assert words in capsys.readouterr().err
    assert caught.value.code == 2


# Graphs. Each: what is replaced, by what, the place that the message must name, and its words.

GRAPHS = {
    "unknown node": ("node: Vignette", "node: Vignete", "Vignete,",
                     'there is no node type "Vignete". Did you mean "Vignette"?'),
    "unknown port": ("frames: tone", "frame: tone", "frame: tone",
                     'vignette.frame: Vignette has no such setting. Did you mean "frames"?'),
    "unknown setting": ("contrast: 1.1", "contrst: 1.1", "contrst",
                        'tone.contrst: Tone has no such setting. Did you mean "contrast"?'),
    "latents wanted": ("latents: drift", "latents: pulse", "pulse, grid",
                       'film.latents takes Latents, but "pulse" gives Signal.'),
    "frames wanted": ("frames: tone", "frames: drift", "drift, amount: 0.35",
                      'vignette.frames takes Frames, but "drift" gives Latents.'),
    "signal wanted": ("signal: features.onset", "signal: track", "track, half",
                      'pulse.signal takes Signal, but "track" gives Audio.'),
    "missing port": ("node: Vignette, frames: tone,", "node: Vignette,", "vignette:",
                     "vignette.frames: Vignette needs it: what is darkened."),
    "cycle": ("frames: tone", "frames: grain", "vignette:",
              "These nodes wait for each other in a circle: vignette → grain → vignette."),
    "cycle of one": ("latents: anchors", "latents: drift", "drift:", "in a circle: drift → drift."),
    "key twice": ("contrast: 1.1", "contrast: 1.1\n    contrast: 1.2", "contrast: 1.2",
                  '"contrast" stands here twice; keep one.'),
    "node twice": ("  tone:\n", "  tone: {node: Tone, frames: film}\n  tone:\n", "tone:\n    node",
                   '"tone" stands here twice; keep one.'),
    "no output": ("features.onset", "features.onsets", "features.onsets",
                  'pulse.signal: "features" has no output "onsets". Did you mean "onset"?'),
    "several outputs": ("features.onset", "features", "features, half",
                        '"features" has several outputs; name one: features.rms'),
    "no music": ("frames: grain, audio: track", "frames: grain, audio: features", "features",
                 'out.audio takes Audio, and none of the outputs of "features" is one.'),
    "no component": ("features.onset", "features.mfcc.13", "features.mfcc.13",
                     '"features.mfcc" has components 0 to 12; there is no "features.mfcc.13".'),
    "unknown link": ("signal: travel", "signal: travle", "travle",
                     'weights.signal: "travle" names no node. Did you mean "travel"?'),
    "from a sink": ("frames: tone", "frames: out", "out, amount",
                    "vignette.frames takes Frames, but \"out\" gives Film."),
    "expression cut": ("= 0.8 * pulse", "= 0.8 * (pulse", "= 0.8", "in \"= 0.8 * (pulse\": ')' is missing"),
    "expression doubled": ("= 0.8 * pulse", "= 0.8 * * pulse", "= 0.8",
                           "a number, a signal or a function was expected before '*'"),
    "unknown function": ("= 0.8 * pulse", "= sine(pulse)", "= sine",
                         "there is no function 'sine'; there are abs, ceil, clamp"),
    "too few arguments": ("= 0.8 * pulse", "= clamp(pulse, 1)", "= clamp", "clamp takes 3 arguments, not 2"),
    "no meaning": ("= 0.8 * pulse", "= pulse $ 2", "= pulse $", "'$' has no meaning in an expression"),
    "unknown in expression": ("= 0.8 * pulse", "= 0.8 * pulze", "= 0.8",
                              'tone.exposure: "pulze" names no node. Did you mean "pulse"?'),
    "empty expression": ("= 0.8 * pulse", "= ", "= ", "a number, a signal or a function was expected at the end"),
    "expression cut at its comma": ("amount: 0.04", "amount: = clamp(pulse, 0, 1)", "= clamp(pulse, 0",
                                    "is cut at its comma: between { } quote the expression"),
    "code": ("= 0.8 * pulse", "= pulse.__class__()", "= pulse.__", "there is no function 'pulse.__class__'"),
    "out of range": ("amount: 0.35", "amount: 1.5", "1.5}", "vignette.amount: 1.5 was given; it must be within 0..1"),
    "not a number": ("amount: 0.04", "amount: .nan", ".nan", ".nan is not a finite number."),
    "too large a number": ("amount: 0.04", f"amount: {'9' * 400}", "9" * 400, "grain.amount"),
    "text for a number": ("count: 3", "count: many", "many", "weights.count: a whole number was wanted, not 'many'"),
    "true for a number": ("amount: 0.04", "amount: true", "true",
                          "a number, a signal or an expression was wanted, not true"),
    "comma in a number": ("count: 3", "count: '3,5'", "'3,5'", "a whole number was wanted, not '3,5'; write 3.5"),
    "expression without its sign": ("= 0.8 * pulse", "0.8 * pulse", "0.8 * pulse", 'write "= 0.8 * pulse"'),
    "comma in a driven number": ("amount: 0.04", "amount: '0,04'", "'0,04'", "; write 0.04"),
    "unit of a driven number": ("amount: 0.04", "amount: 4 pieces", "4 pieces",
                                "; write 4, without a unit; of a time: 4 s, ms, beats or bars"),
    "long word for a unit": ("amount: 0.04", "amount: 220 msec", "220 msec", '; write "220 ms"'),
    "number in words": ("amount: 0.04", "amount: seven", "seven",
                        'grain.amount: "seven" names no node. It takes a number or a signal; write 7.'),
    "time in words": ("amount: 0.04", "amount: two bars", "two bars", '; did you mean "2 bars"?'),
    "half as a word": ("count: 3", "count: half", "half", "a whole number was wanted, not 'half'; write 0.5"),
    "time for a number": ("amount: 0.04", "amount: 0:04", "0:04",
                          "0:04 was given, which is a time; it takes a number, without a unit, like 0.04"),
    "half in words": ("amount: 0.04", "amount: one half", "one half", "; write 0.5"),
    "pieces in words": ("amount: 0.04", "amount: two pieces", "two pieces", "; write 2, without a unit"),
    "slash for a point": ("amount: 0.04", "amount: features/rms", "features/rms",
                          '; did you mean "features.rms"? To divide, write "= features/rms"'),
    "colon for a point": ("amount: 0.04", "amount: features:rms", "features:rms", '; did you mean "features.rms"?'),
    "output alone": ("amount: 0.04", "amount: rms", "rms", '"rms" names no node. Did you mean "features.rms"?'),
    "number in brackets": ("amount: 0.04", "amount: [0.5]", "[0.5]", "not [0.5]; write 0.5, without brackets"),
    "signal in braces": ("amount: 0.04", "amount: {pulse}", "{pulse}", "not {pulse}; write pulse, without braces"),
    "look for a type": ("node: Vignette", "node: liquid", "liquid",
                        'there is no node type "liquid"; it is a look: {node: Graph, look: liquid, …}.'),
    "type without a space": ("{node: Vignette", "{node:Vignette", "{node:Vignette",
                             'behind the colon of "node:Vignette" a space is missing.'),
    "rate of a film": ("crf: 20", "crf: 20, fps: 60", "fps: 60", "fps of a film stands at the top of the graph"),
    "signal in brackets": ("amount: 0.04", "amount: [pulse]", "[pulse]",
                           "not ['pulse']; write pulse, without brackets"),
    "numbers for points": ("[[0, 0], [60, 1]]", "[0, 1]", "[0, 1]",
                           "a list was wanted, not 0; the setting is [[time, value"),
    "share in a hundred": ("amount: 0.04", "amount: 50%", "50%", "; write 0.5"),
    "unit of a number": ("count: 3", "count: 3 pieces", "3 pieces", "not '3 pieces'; write 3, without a unit"),
    "codec without it": ("crf: 20", "crf: 60", "60", "out.crf: H.264 has a crf of 51 at most"),
    "unknown choice": ("chunk: 15", "preset: fastest", "fastest", "or 'slower' was wanted, not 'fastest'"),
    "times fall": ("[[0, 0], [60, 1]]", "[[5, 0], [1, 1]]", "[[5",
                   "travel.points: times must rise; 1 s comes after 5 s"),
    "no anchors": ("[red, green, blue]", "[]", "[], model", "anchors.names"),
    "function's name": ("  travel:", "  sin:", "sin:",
                        'The name "sin" means something in expressions (a function); choose another'),
    "variable's name": ("  travel:", "  time:", "time:",
                        'The name "time" means something in expressions (a variable); choose another'),
    "no identifier": ("  travel:", "  my-travel:", "my-travel:",
                      'The name "my-travel" is no identifier (letters, digits, _); choose another, like "my_travel".'),
    "absolute path": ("path: track.mp4", "path: /etc/track.mp4", "/etc/track.mp4",
        "out.path: \"/etc/track.mp4\" may not be written: a film's path is relative to --out and stays inside it."),
    "path outside": ("path: track.mp4", "path: a/../../track.mp4", "a/../..",
                     'out.path: "a/../../track.mp4" may not be written'),
    "path of a drive": ("path: track.mp4", "path: 'C:track.mp4'", "'C:track.mp4'",
                        'out.path: "C:track.mp4" may not be written'),
    "path is the folder": ("path: track.mp4", "path: .", "., chunk", 'out.path: "." may not be written'),
    "path is a folder": ("path: track.mp4", "path: sub/", "sub/", 'out.path: "sub/" may not be written'),
    "two sinks, one path": ("  grain:",
                            "  second: {node: FFmpegSink, frames: tone, audio: track, path: track.mp4}\n  grain:",
                            "track.mp4, chunk", "out.path: "),
    "odd size": ("size: [96, 64]", "size: [95, 64]", "[95",
                 "size: width and height must be even and lie within 16..8192, not 95x64"),
    "size of one": ("size: [96, 64]", "size: 96", "96",
                    "size: width and height were wanted, whole numbers like [640, 360], not 96"),
    "no rate": ("fps: 30", "fps: fast", "fast",
                "fps: a frame rate is a number or a fraction like 30000/1001, not 'fast'"),
    "rate of nothing": ("fps: 30", "fps: 1/0", "1/0", "fps: a frame rate is a number or a fraction"),
    "rate too high": ("fps: 30", "fps: 1000", "1000", "fps: a frame rate lies between 1 and 240, not 1000"),
    "unknown entry": ("seed: 7", "sed: 7", "sed: 7", 'sed: a graph has no such entry. Did you mean "seed"?'),
    "other version": ("n2s: 1", "n2s: 2", None, "n2s: version 2 of the format of graphs"),
    "no version": ("n2s: 1\n", "", "title", 'A graph begins with "n2s: 1", the version of its format.'),
    "alias": ("title: Track", "title: &t Track\nartist: *t", "&t", "Aliases (&t, *t) are not read in graphs"),
    "tag": ("title: Track", "title: !!python/name:os.system x", "!!python",
            "The tag !!python/name:os.system is not read in graphs"),
    "tab": ("seed: 7", "\tseed: 7", "\tseed", "This is not YAML: here a tab indents the line; YAML wants spaces."),
    "bracket open": ("size: [96, 64]", "size: [96, 64", None, "the [ in line 5 is not closed; a bracket is "
                     "missing, or a comma."),
    "quotation open": ("title: Track", 'title: "Track', None, "no quotation mark closes the text that begins here."),
    "a colon more": ("title: Track", "title: Track: one", ": one", 'behind a name comes ": ", with a space'),
    "indented otherwise": ("seed: 7", "  seed: 7", None, "This is not YAML"),
}  # fmt: skip


@pytest.mark.parametrize("what", GRAPHS)
def test_graphs_that_are_wrong(place: Place, what: str) -> None:
    old, new, at, words = GRAPHS[what]
    place.edit(old, new)
    text = place.graph.read_text()
    with pytest.raises(GraphError) as caught:
        Graph.load(place.graph)
    said = str(caught.value)
    assert words in said
    first = next(line for line in said.splitlines() if words in line)
    if at is None:
        assert re.match(re.escape(str(place.graph)) + r":\d+:\d+  ", first)
    else:
        offset = text.index(new) + new.index(at) if at in new else text.index(at)
        line, column = text.count("\n", 0, offset) + 1, offset - text.rfind("\n", 0, offset)
        assert first.startswith(f"{place.graph}:{line}:{column}  ")
    assert caught.value.exit_status == 2


def test_everything_wrong_is_said_at_once(place: Place) -> None:
    for old, new in [
        ("seed: 7", "sed: 7"), ("latents: anchors", "latents: pulse"), ("contrast: 1.1", "contrst: 1.1"),
        ("node: Vignette", "node: Vignete"), ("amount: 0.04", "amount: 4"), ("= 0.8 * pulse", "= (pulse"),
    ]:  # fmt: skip
        place.edit(old, new)
    with pytest.raises(GraphError) as caught:
        Graph.load(place.graph)
    assert [str(problem.position).removeprefix(f"{place.graph}:") for problem in caught.value.problems] == [
        "3:1", "13:34", "18:15", "19:5", "20:20", "21:50",
    ]  # fmt: skip


def test_a_graph_without_a_sink(place: Place) -> None:
    text = place.graph.read_text()
    place.graph.write_text(text[: text.index("  out:")])
    place.refused(GraphError, f"{place.graph}:7:10  The graph makes no film: it needs a sink, like FFmpegSink.")


def test_two_sinks_with_one_path_write_nothing(place: Place) -> None:
    place.edit("  out:", "  second: {node: FFmpegSink, frames: grain, audio: track, path: ./track.mp4}\n  out:")
    place.refused(GraphError, "track.mp4", "is written by second already; give one of them another")
    assert place.entries("segments", ".mp4") == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (b"", ':1:1  The file is empty. A graph begins with "n2s: 1".'),
        (b"- a\n", ':1:1  A graph is a mapping that begins with "n2s: 1".'),
        (b"hello", ':1:1  A graph is a mapping that begins with "n2s: 1".'),
        (
            b"n2s: 1\ntitle: \xff\n",
            "  The file is not UTF-8 text (byte 14). Save it as UTF-8. For a piece of music, n2s new writes a graph.",
        ),
        ("n2s: 1\n".encode("utf-16"), "The file is not UTF-8 text (byte 0)"),
        (b"n2s: 1\n", ':1:1  A graph needs nodes: "nodes: {name: {node: Type, …}}".'),
        (b"n2s: 1\nnodes: [a]\n", ":2:8  A graph needs nodes"),
        (b"n2s: 1\nnodes:\n  a: {amount: 3}\n", ':3:6  a needs its type: "a: {node: Type, …}".'),
        (
            b"n2s: 1\n---\nn2s: 1\n",
            ":2:1  This is not YAML: one file holds one graph, and here a second document begins.",
        ),
        (b"n2s: 1\nnodes: " + b"[" * 700 + b"]" * 700, "GRAPH"),
        (b"n2s: 1\nnodes:\n" + b"".join(b" " * i + b"a:\n" for i in range(1, 190)), "nests too deep"),
        (b"#" * 1_000_001, "A graph file has at most 1 MB. Is this one? For a piece of music, n2s new writes a graph."),
        (b"n2s: 1\ntitle: \x07\n", "This is not YAML"),
    ],
    ids=range(13),
)
def test_files_that_are_no_graphs(tmp_path: Path, text: bytes, words: str) -> None:
    path = tmp_path / "GRAPH.yaml"
    path.write_bytes(text)
    with pytest.raises(GraphError) as caught:
        Graph.load(path)
    assert words in str(caught.value)
    assert str(caught.value).startswith(str(path))


def test_brackets_in_comments_open_nothing(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    path.write_text("# and {here: [\n" * 60 + "n2s: 1\nnodes: {music: {node: AudioSource, path: music.wav}}\n")
    assert list(Graph.load(path).nodes) == ["music"]


def test_a_frame_rate_that_takes_for_ever_to_read(place: Place) -> None:
    place.edit("fps: 30", 'fps: "1e999999999"')
    try:
        done = subprocess.run(
            [str(N2S), "check", str(place.graph)], capture_output=True, text=True, timeout=60, check=False
        )
    except subprocess.TimeoutExpired:
        pytest.fail("still reading the frame rate")
    assert done.returncode == 2
    assert "fps: a frame rate" in done.stderr


@pytest.mark.parametrize(
    ("expression", "reaches"),
    [
        ("3 * pulse", r"2\.\d+|3"),
        ("pulse - 2", r"-2|-1\.\d+"),
        ("where(frame > 19, 2, pulse)", "2"),
        ("1.00004 + 0 * pulse", "1.00003|1.00005"),
    ],
)
def test_a_driven_parameter_that_leaves_its_range(place: Place, expression: str, reaches: str) -> None:
    place.edit("amount: 0.35", f'amount: "= {expression}"')
    text = place.refused(GraphError, f"Wrap it: = clamp({expression}, 0, 1).")
    assert re.fullmatch(
        re.escape(f"{place.graph}:20:52  vignette.amount is driven by = {expression} and reaches ")
        + rf"({reaches}) at frame (\d+) \(00:00\.\d\d\); it must be within 0\.\.1\. Wrap it: .*", text,
    )  # fmt: skip
    place.edit(f"= {expression}", f"= clamp({expression}, 0, 1)")  # the advice is sound
    assert place.run().rendered == 2


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize("expression", ["1 / (pulse - pulse)", "exp(90 + pulse)", "exp(800 + pulse)", "log(pulse - 9)"])
def test_a_driven_parameter_that_is_no_number(expression: str, place: Place) -> None:
    """It is told in one sentence, without a warning of numpy's."""
    place.edit("= 0.8 * pulse", f"= {expression}")
    place.refused(
        GraphError,
        f"{place.graph}:18:15  tone.exposure is driven by = {expression} and is no finite number at frame 0: ",
    )


def test_a_film_without_a_length(place: Place) -> None:
    place.edit("frames: grain, audio: track", "frames: grain")
    place.edit("  features:", "  other: {node: AudioSource, path: other.wav}\n  features:")
    tiny.write_wav(place.folder / "other.wav", tiny.clicks(2))
    place.refused(GraphError, "several pieces of music", 'connect the sink\'s audio, or set "duration: 10" (seconds)')


@pytest.mark.parametrize("name", ["it's [x] %d", "-dash, ünï #;="])
def test_folders_and_films_of_odd_names(place: Place, name: str) -> None:
    folder = place.folder / name
    folder.mkdir()
    for file in (place.music, place.graph):
        file.rename(folder / file.name)
    place.graph = folder / place.graph.name
    place.edit("path: track.mp4", f"path: {json.dumps(name + '/' + name + '.mp4')}")
    place.edit("title: Track", f"title: {json.dumps(name)}")
    assert place.run(out=folder / "out").films[0]["frames"] == FRAMES
    assert (folder / "out" / name / f"{name}.mp4").is_file()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("path: music.wav", 'path: "a\\0.wav"'),
        ("path: music.wav", f"path: {'x' * 300}.wav"),
        ("path: track.mp4", f"path: {'x' * 245}.mp4"),
        ("title: Track", 'title: "\\ud800"'),
    ],
    ids=["NUL in a path", "music of a long name", "film of a long name", "half a character"],
)
def test_names_that_cannot_be(place: Place, old: str, new: str) -> None:
    place.edit(old, new)
    with pytest.raises(N2SError):
        place.run()
    assert place.rubbish() == []


@pytest.mark.parametrize(
    ("data", "words"),
    [
        (None, ["picture.png"]),
        (
            b"",
            [
                "film.path: ",
                "picture.png cannot be read as a picture",
                "PNG, JPEG, TIFF and WebP can be read.",
            ],
        ),
        (
            b"\x89PNG\r\n\x1a\nxxxx",
            ["picture.png cannot be read as a picture", "PNG, JPEG, TIFF and WebP can be read."],
        ),
    ],
    ids=["missing", "empty", "damaged"],
)
def test_pictures_that_are_none(place: Place, data: bytes | None, words: list[str]) -> None:
    text = place.graph.read_text()
    place.graph.write_text(re.sub(r"film: {.*}", "film: {node: ImageSource, path: picture.png}", text))
    if data is not None:
        (place.folder / "picture.png").write_bytes(data)
    place.refused(GraphError, *words)
    place.graph.write_text(text)
    assert place.run().rendered == 2


def test_labels_given_as_a_graph_are_told_where_they_belong(tmp_path: Path, n2s: Any) -> None:
    for text in ("0.5\t0.5\t1\n", "0.5\n1\n"):
        (tmp_path / "song.labels.txt").write_text(text)
        status, _, told = n2s("check", "song.labels.txt")
        assert status == 2 and told.startswith("song.labels.txt:1:1  A graph is a mapping that begins"), told
        assert told.endswith("Labels and beats are what a Features node of a graph takes: beats: song.labels.txt.\n"), (
            told
        )
