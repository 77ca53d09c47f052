"""Times are one language, in graphs, in headers and on the command line; one parser reads them all."""

from __future__ import annotations

import json
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import harness
import jsonschema
import numpy as np
import pytest
from places import Place
from pydantic import ValidationError
from test_nodes import scene

from n2s import preview
from n2s.commands.moving import frame_of_span
from n2s.commands.why import find_chunk
from n2s.functions import at, time
from n2s.graph.describe.schema import graph_schema
from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.expressions import Number
from n2s.graph.file.document import parse_document
from n2s.graph.graph import Graph
from n2s.graph.header import Header
from n2s.graph.parsing import parse_every, parse_musical_time, parse_seconds
from n2s.graph.time import Clock
from n2s.graph.timecodes import minutes as shown
from n2s.graph.timecodes import timecode
from n2s.nodes import EMA, AudioSource, FFmpegSink, ImageSource, Keyframes, Tone
from n2s.plan.ranges import check_ranges
from n2s.runtime.films.moments import frame_of_film
from n2s.runtime.films.profiled import parse_span

SPELLINGS = {  # each, and its seconds at 90 beats per minute
    "80": 80, "80.5": 80.5, ".5": 0.5, "1e1": 10, "0": 0, " 7 ": 7, "80 s": 80, "80s": 80, "250 ms": 0.25, "0.5 s": 0.5,
    "1:20": 80, "01:20": 80, "0:00": 0, "1:20.5": 80.5, "0:00.001": 0.001, "90:00": 5400, "1:02:03": 3723,
    "10:00:00.25": 36000.25,
    "1 beat": 2 / 3, "32 beats": 64 / 3, "0.5 beats": 1 / 3, "0.33333333333333331": 1 / 3, "1 bar": 8 / 3,
    "8 bars": 64 / 3,
}  # fmt: skip
REFUSED = [
    "", " ", "-1", "-1:20", "-0:10", "nan", "NaN", "inf", "1e400", "1e999999", "1:75", "1:60", "1:5", "1:2:3:4",
    "1:60:00", "1:", ":20",
    "1:20:", "1: 20", "1:20 s", "1.5:20", "٨٠", "1:٢٠", "８０", "1_000", "+5", "80 sec", "2 minutes", "-6 dB", "6 dB",
    "beats", "one", "drop", "A", "0:10,0:20",
    "= 4 beats", "1,5", "0x10", "1:20.", "1:20\n1", "9" * 400, True, None, [1], float("nan"), float("inf"), -1, -0.5,
    10**400,
]  # fmt: skip


@pytest.mark.parametrize("text", SPELLINGS)
def test_every_spelling(text: str) -> None:
    from n2s.graph.times import PATTERN, parse_time

    assert parse_time(text).resolve(90.0) == pytest.approx(SPELLINGS[text], rel=1e-15)
    assert str(parse_time(text)) == text.strip()
    assert re.fullmatch(PATTERN, text)


@pytest.mark.parametrize("value", REFUSED, ids=lambda value: repr(value)[:20])
def test_every_refusal(value: Any) -> None:
    from n2s.graph.times import PATTERN, parse_time

    with pytest.raises(ValueError, match="a time .*was wanted, like") as caught:
        parse_time(value)
    assert len(str(caught.value)) < 300
    assert not isinstance(value, str) or value == "1e400" or not re.fullmatch(PATTERN, value)


def test_plain_numbers_are_seconds() -> None:
    from n2s.graph.times import parse_time

    for value in (0, 3, 0.1, 1e-300, 1e300):
        assert parse_time(value).resolve(77.0) == float(value)


@pytest.mark.parametrize("parse", [parse_seconds, parse_musical_time, parse_every])
def test_a_length_in_milliseconds_is_seconds_for_whoever_reads_it(parse: Any) -> None:
    assert parse("250 ms") == Number(0.25, "s") and str(parse("250 ms")) == "250 ms"
    assert parse(parse("250 ms")) == Number(0.25, "s"), "what was read once may be read again"
    slow = EMA(half_life=Number(200, "ms"))(Keyframes(points=[[0, 1]])())
    text = Graph(FFmpegSink(path="a.mp4")(Tone(exposure=slow)(ImageSource(path="p.png")()))).to_yaml()
    assert "half_life: 200 ms" in text.replace('"', "").replace("'", "")


def test_a_time_with_colons_is_rounded_once() -> None:
    from n2s.graph.times import parse_time

    for minutes in range(0, 400, 7):
        for thousandths in range(0, 60_000, 1117):
            text = f"{minutes}:{thousandths // 1000:02d}.{thousandths % 1000:03d}"
            assert parse_time(text).value == float(minutes * 60 + Fraction(thousandths, 1000))


# Headers


@pytest.mark.parametrize("text", [text for text in SPELLINGS if SPELLINGS[text]])
def test_a_films_length(text: str) -> None:
    assert Header(duration=text, tempo=90).duration == pytest.approx(SPELLINGS[text], rel=1e-15)


@pytest.mark.parametrize("value", [*REFUSED, "0", "25:00:00"], ids=lambda value: repr(value)[:20])
def test_no_length(value: Any) -> None:
    if value is None:
        assert Header(duration=None).duration is None
        return
    with pytest.raises(ValidationError):
        Header(duration=value, tempo=90)


def test_a_length_in_bars_needs_a_tempo(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    text = (
        "n2s: 1\n"
        "duration: 2 bars\n"
        "nodes:\n"
        "  picture: {node: ImageSource, path: p.png}\n"
        "  out: {node: FFmpegSink, in: picture, path: a.mp4}\n"
    )
    path.write_text(text)
    with pytest.raises(GraphError, match=r':2:11  duration: "2 bars" is as long as the tempo says; set "tempo: 120"'):
        Graph.load(path)
    path.write_text(text.replace("n2s: 1", "n2s: 1\ntempo: 60"))
    assert Graph.load(path).header.duration == 8
    assert Graph.load(path, {"tempo": 120}).header.duration == 4


# Keyframes


def test_times_of_keyframes_are_those_of_the_numbers_they_stand_for() -> None:
    numbers = Keyframes(points=[[0, 1], [1.5, 3], [4, -1]]).compute(scene(300))
    for points in (
        [["0", 1], ["0:01.5", 3], ["4 s", -1]], [[0, 1], ["1500 ms", 3], ["0:04", -1]],
        [[0, 1], ["3 beats", 3], ["2 bars", -1]],
    ):  # fmt: skip
        np.testing.assert_array_equal(Keyframes(points=points).compute(scene(300)), numbers)
    assert Keyframes(points=[[-1, 0], ["5", 1]]).points == [[-1.0, 0.0], [5.0, 1.0]]


@pytest.mark.parametrize(
    ("points", "words"),
    [
        ([["0:05", 1], ["0:04", 2]], "times must rise; 0:04 comes after 0:05"),
        ([["8 bars", 1], [7, 0], ["31 beats", 2]], "times must rise; 31 beats comes after 8 bars"),
        ([[0, 1], ["1:75", 2]], 'not "1:75"'),
        ([[0, 1], ["-1 s", 2]], 'not "-1 s"'),
        ([[0, "1:20"]], "a number was wanted"),
        ([["1:20"]], "every point needs a time"),
        ([], "every point needs a time"),
    ],
)
def test_points_that_are_none(points: list, words: str) -> None:
    with pytest.raises(GraphError) as caught:
        Keyframes(points=points)
    assert words in str(caught.value)


def test_beats_and_seconds_are_compared_in_the_tempo_of_the_track() -> None:
    mixed = Keyframes(points=[[0, 0], ["8 beats", 1], [5, 2]])
    assert mixed.compute(scene(300)).shape == (300,)  # at 120, 8 beats are 4 s
    from dataclasses import replace

    slow = scene(300)
    with pytest.raises(GraphError, match="at 60 beats per minute, times must rise; 5 s comes after 8 beats"):
        mixed.compute(replace(slow, clock=replace(slow.clock, tempo=60.0)))


# Files


GRAPH = """\
n2s: 1
tempo: 120
duration: 0:01   # as long as this
nodes:
  picture: {node: ImageSource, path: picture.png}
  way: {node: Keyframes, points: [[0:00, 1], [0:00.5, 0.5], ["2 beats", 0]]}
  slow: {node: EMA, signal: way, half_life: "0:00.2"}
  tone: {node: Tone, frames: picture, exposure: slow}
  out: {node: FFmpegSink, frames: tone, path: a.mp4}
"""


def test_saving_keeps_times_as_they_are_written(tmp_path: Path) -> None:
    path = tmp_path / "graph.yaml"
    path.write_text(GRAPH)
    graph = Graph.load(path)
    assert (graph.header.duration, graph.nodes["slow"].half_life.value) == (1, 0.2)
    assert graph.to_yaml() == GRAPH
    graph.edit({"tone.warmth": 0.1}).save(path)
    assert path.read_text() == GRAPH.replace("exposure: slow", "exposure: slow, warmth: 0.1")
    Graph.load(path).save(tmp_path / "copy.yaml")
    again = Graph.load(tmp_path / "copy.yaml")
    assert again.header == graph.header and again.nodes["way"] == graph.nodes["way"]
    assert "0:01" in (tmp_path / "copy.yaml").read_text() and "2 beats" in (tmp_path / "copy.yaml").read_text()


def test_a_graph_made_in_python_is_written_as_it_was_made(tmp_path: Path) -> None:
    way = Keyframes(points=[["0:00", 1], ["1:20.5", 0], ["80 bars", 1]])()
    tone = Tone(exposure=EMA(half_life="0:00.2")(way))(ImageSource(path="p.png")())
    text = Graph(FFmpegSink(path="a.mp4")(tone, AudioSource(path="a.wav")()), duration="1:20").to_yaml()
    for written in ("0:00", "1:20.5", "80 bars", "0:00.2", "duration: 1:20"):
        assert written in text.replace('"', "").replace("'", "")
    (tmp_path / "graph.yaml").write_text(text)
    assert Graph.load(tmp_path / "graph.yaml").header.duration == 80


def test_a_file_of_yaml_1_1_says_the_same() -> None:
    values = parse_document("%YAML 1.1\n---\na: 1:20\nb: 1:20.5\nc: 7\n").values
    assert values == {"a": "1:20", "b": "1:20.5", "c": 7}


def test_the_schema_knows_times() -> None:
    schema = graph_schema()
    graph = parse_document(GRAPH).values
    jsonschema.validate(graph, schema)
    for wrong in ([["1:75", 0]], [["x", 0]], [[0, "1:20"]], [["1:2:3:4", 0]]):
        changed = json.loads(json.dumps(graph))
        changed["nodes"]["way"]["points"] = wrong
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(changed, schema)
    for wrong in ("1:75", "x", "-1"):
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate(graph | {"duration": wrong}, schema)


# The command line


@pytest.fixture
def track(place: Place, monkeypatch: pytest.MonkeyPatch) -> Place:
    place.edit("fps: 30", "fps: 30\ntempo: 120")
    monkeypatch.chdir(place.folder)
    return place


HALF = ["0.5", "0:00.5", "500 ms", "0.5 s", "1 beat", "0.25 bars", "0:00:00.5"]


@pytest.mark.parametrize("half", HALF)
def test_commands_take_times(half: str, track: Place, n2s: Any) -> None:
    assert "15 of 15 frames" in n2s("run", track.graph, "--to", half, "--dry-run")[1]
    assert "15 of 15 frames" in n2s("run", track.graph, "--from", half, "--dry-run")[1]
    assert "chunk 1," in n2s("why", track.graph, "--at", half)[1]
    assert "travel at 00:00.50\n" in n2s("preview", track.graph, "--node", "travel", "--at", half)[1]
    assert "travel at 00:00.00, 00:00.50\n" in n2s("preview", track.graph, "--node", "travel", "--every", half)[1]
    for arguments, frames in (
        (["--from", half], range(15, 30)),
        (["--to", half], range(15)),
        (["--every", half], [0, 15]),
        (["--every", "80 ms", "--to", "0.4"], [0, 2, 5, 7, 10]),  # a step of whole frames would drift
        (["--every", "80 ms", "--from", "0.1", "--to", "0.4"], [3, 5, 8, 10]),
        (["--every", "1 ms", "--to", "0.1"], range(3)),
    ):
        if arguments == ["--every", "0.5"]:  # a number alone counts frames there
            continue
        assert n2s("export", track.graph, "--port", "travel", "-o", "t.npz", *arguments)[0] == 0
        with np.load(track.folder / "t.npz") as made:
            assert made["frames"].tolist() == list(frames)


def test_why_shows_the_chunk_in_which_something_of_the_music_has_begun(track: Place, n2s: Any) -> None:
    """A moment of the music lies in the first frame that begins with it, also where chunks meet just after it."""
    assert "chunk 1," in n2s("why", track.graph, "--at", "0.96 beats")[1]  # at frame 14.4, of chunks of 15
    assert "chunk 0," in n2s("why", track.graph, "--at", "0.48")[1]


def test_a_moment_of_a_part_and_the_begin_of_a_preview_are_the_frames_that_begin_with_it() -> None:
    clock, moment, late = Clock(Fraction(30), 300), Number(4.96, "beats"), Number(1e300)
    assert frame_of_span((moment, None), clock) == 75  # at 2.48 s, which is 74.4 frames
    plan = SimpleNamespace(values=SimpleNamespace(clock=clock))
    parts = [(plan, SimpleNamespace(start=start, stop=start + 15, count=15)) for start in (30, 45, 60, 75)]
    film: Any = SimpleNamespace(fps=clock.fps, parts=parts, plans=[plan], frames=60, path=Path("part.mp4"))
    assert frame_of_film(film, moment) == 45 and find_chunk(film, None, moment) == 3
    assert [frame_of_film(film, Number(seconds)) for seconds in (1.94, 1.99, 2.0)] == [58, 59, 59]
    assert frame_of_film(film, Number(1.0)) == 30 and find_chunk(film, None, Number(1.0)) == 2
    for outside in (late, Number(1.0, "beats")):  # behind the part, and before it
        with pytest.raises(GraphError, match="lies outside part.mp4"):
            find_chunk(film, None, outside)


@pytest.mark.parametrize("text", ["-1", "nan", "1e400", "1:75", "1:2:3:4", "", "٥", "5 dB", "inf"])
def test_commands_refuse_what_is_no_time(text: str, track: Place, n2s: Any) -> None:
    for option, arguments in (
        ("--from", ["run", track.graph]), ("--to", ["run", track.graph]), ("--at", ["why", track.graph]),
        ("--at", ["preview", track.graph]),
        ("--every", ["preview", track.graph]), ("--from", ["export", track.graph, "--port", "travel", "-o", "t.npz"]),
        ("--to", ["export", track.graph, "--port", "travel", "-o", "t.npz"]),
        ("--every", ["export", track.graph, "--port", "x", "-o", "t.npz"]),
    ):  # fmt: skip
        status, out, err = n2s(*arguments, f"{option}={text}")
        assert status == 2 and not out and err.startswith(f"{option}: a time "), err


def test_a_span_in_python(track: Place) -> None:
    assert track.run(span=("0:00.5", None)).frames == 15
    assert track.run(span=(None, "1 beat")).frames == 15
    assert track.run(span=(0, 1)).films[0]["path"].endswith("track.mp4")
    with pytest.raises(ArgumentError, match="a time"):
        track.run(span=(-1, None))
    for span in (0.2, "0.2", (1,), (0, 1, 2), None):
        with pytest.raises(ArgumentError, match="span: a pair of times was wanted"):
            parse_span(span)
    assert parse_span((at("drop"), at("drop + 1 bar"))) == parse_span(("at drop", "at drop + 1 bar"))
    with pytest.raises(ArgumentError, match=r"span: a time from 0 on was wanted, .* not 2 \* time\."):
        parse_span((2 * time, None))


def test_beats_that_nobody_hears_are_assumed_and_said(track: Place, n2s: Any) -> None:
    track.edit("tempo: 120\n", "")
    track.edit(
        "features: {node: Features, audio: track}\n  pulse: {node: EMA, signal: features.onset,",
        "pulse: {node: EMA, signal: travel,",
    )
    status, out, err = n2s("run", track.graph, "--to", "1 beat", "--dry-run")
    assert status == 0 and "15 of 15 frames" in out and "120 beats per minute are assumed" in err


@pytest.mark.parametrize("times", [np.array([0.0, 0.5]), range(2), (0, "0.5 s"), [np.float32(0), 1]])
def test_times_of_a_preview_in_python(times: Any, track: Place) -> None:
    assert len(preview(Graph.load(track.graph), "travel", at=times).frames) == 2


def test_times_as_they_are_shown() -> None:
    assert [shown(seconds) for seconds in (0, 3.5, 59.96, 60, 3599.9)] == [
        "0:00.0",
        "0:03.5",
        "1:00.0",
        "1:00.0",
        "59:59.9",
    ]
    assert [shown(seconds, 0) for seconds in (5, 59.6, 125)] == ["0:05", "1:00", "2:05"]
    assert shown(1.25, 2) == "0:01.25" and timecode(1810, Fraction(30)) == "01:00.33"


def test_a_moment_without_its_at_is_known() -> None:
    from n2s.graph.times import parse_time

    with pytest.raises(ValueError, match=r'not "drop"; did you mean "at drop"\?'):
        parse_time("drop")


def trailing(length: str, tempo: float | None, folder: Path) -> Graph:
    header = {"n2s": 1, "duration": 2, "size": [64, 36], **({"tempo": tempo} if tempo else {})}
    nodes = {"picture": {"node": "Solid"}, "trails": {"node": "Trails", "frames": "picture", "length": length},
             "out": {"node": "DigestSink", "path": "frames.txt", "frames": "trails"}}  # fmt: skip
    return harness.load(header | {"nodes": nodes}, folder)


@pytest.mark.parametrize(("length", "tempo"), [("9 beats", 174), ("8 beats", 60), ("4 bars", 120), ("4 bars", 400)])
def test_beats_and_bars_are_held_against_a_range_in_seconds(length: str, tempo: float, tmp_path: Path) -> None:
    """Trails reach back 8 s at most."""
    assert str(trailing(length, tempo, tmp_path).nodes["trails"].length) == length


@pytest.mark.parametrize(
    ("length", "tempo", "told"),
    [
        ("9 beats", 60, "9 beats, which is 9 s at 60 beats per minute, was given; it must be above 0 and at most 8"),
        (
            "8 bars",
            174,
            "8 bars, which is 11.03 s at 174 beats per minute, was given; it must be above 0 and at most 8",
        ),
        ("60 beats", None, "60 beats was given; whatever the tempo is, it must be above 0 and at most 8, in s"),
    ],
)
def test_beats_and_bars_that_last_too_long(length: str, tempo: float | None, told: str, tmp_path: Path) -> None:
    with pytest.raises(GraphError, match=re.escape(told)):
        trailing(length, tempo, tmp_path)


def test_a_parameter_in_beats_that_lasts_too_long(tmp_path: Path, store: Any) -> None:
    nodes = {"picture": {"node": "Solid"}, "late": {"node": "Retime", "frames": "picture", "delay": "5000 beats"},
             "out": {"node": "DigestSink", "path": "frames.txt", "frames": "late"}}  # fmt: skip
    header = {"n2s": 1, "duration": 2, "size": [64, 36]}
    told = r"late.delay: 5000 beats, which is 5000 s at 60 beats per minute, was given; it must be within 0..3600, in s"
    with pytest.raises(GraphError, match=told):
        harness.load(header | {"tempo": 60, "nodes": nodes}, tmp_path)
    assert harness.load(header | {"tempo": 120, "nodes": nodes}, tmp_path)
    nodes["late"]["delay"] = "7500 beats"
    graph = harness.load(header | {"nodes": nodes}, tmp_path)
    with pytest.raises(GraphError, match="late.delay: 7500 beats, which is 3750 s at 120 beats per minute") as caught:
        check_ranges(harness.plan(graph, store))
    assert str(caught.value).count("late.delay") == 1


def test_bars_that_last_too_long_at_the_tempo_that_is_assumed_or_heard(tmp_path: Path, store: Any) -> None:
    graph = trailing("5 bars", None, tmp_path)  # 10 s at 120 beats per minute
    with pytest.raises(GraphError, match=r"trails.length: 5 bars, which is 10 s at 120 beats per minute, was given"):
        check_ranges(harness.plan(graph, store))
