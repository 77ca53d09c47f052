"""Signals from elsewhere: MIDI files, tables, schedules; and musical time, by its names and seen."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import harness
import mido
import numpy as np
import pytest
import tiny
from harness import load

from n2s.graph.columns import column_problems
from n2s.graph.errors import GraphError, MediaError
from n2s.nodes.control import read_schedule
from n2s.nodes.tablefile import read_table
from n2s.runtime.context import RunContext
from n2s.runtime.media.pictures import read_layers
from n2s.runtime.render.analysis import analyse

FPS = 20


def signals(folder: Path, store: Any, **node: Any) -> dict[str, np.ndarray]:
    """Return the outputs of a node in a film of two seconds."""
    graph = load({"n2s": 1, "fps": FPS, "duration": 2, "size": [32, 32], "nodes": {"node": node}}, folder)
    values = analyse(graph.flat, RunContext(store, print))
    return {output: value for (_, output), value in values.outputs.items()}


# MIDI


def test_midi_against_its_notes(tmp_path: Path, store: Any) -> None:
    tiny.write_midi(tmp_path / "a.mid", [(0.5, 36, 127), (0.5, 60, 64), (1.0, 38, 32), (1.5, 36, 100)])
    found = signals(tmp_path, store, node="Midi", path="a.mid")
    strike = np.zeros(2 * FPS)
    strike[[10, 20, 30]] = 1, 32 / 127, 100 / 127
    np.testing.assert_allclose(found["strike"], strike, atol=1e-4)
    held = np.zeros(2 * FPS)
    for start in (10, 20, 30):
        held[start : start + 2] = 1
    np.testing.assert_array_equal(found["held"], held)
    assert found["pitch"][[0, 10, 19, 20, 35]].tolist() == [0, 60, 60, 38, 36]
    only = signals(tmp_path, store, node="Midi", path="a.mid", notes=[36])
    assert np.flatnonzero(only["strike"]).tolist() == [10, 30]
    assert not signals(tmp_path, store, node="Midi", path="a.mid", channel=2)["strike"].any()


def test_midi_wheels_controllers_and_tempo(tmp_path: Path, store: Any) -> None:
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    track.append(mido.Message("control_change", control=1, value=127, time=480))  # at 0.5 s
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000))
    track.append(mido.Message("pitchwheel", pitch=-4096, time=480))  # at 1.5 s
    file = mido.MidiFile()
    file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    found = signals(tmp_path, store, node="Midi", path="a.mid")
    np.testing.assert_array_equal(found["control"], np.arange(2 * FPS) >= 10)
    np.testing.assert_array_equal(found["bend"], -0.5 * (np.arange(2 * FPS) >= 30))


def test_what_moves_in_midi_keeps_its_last_value(tmp_path: Path, store: Any) -> None:
    """Against a plain loop: several events of one frame, before the first and after the last frame, and none at all."""
    random, track = np.random.default_rng(4), mido.MidiTrack()
    now, wanted = 0, {name: np.zeros(2 * FPS) for name in ("bend", "control", "pitch")}
    begun: dict[int, int] = {}
    for pause, kind, value in zip(*(random.integers(0, top, 200).tolist() for top in (3, 3, 128))):
        pause *= 16  # a third of a frame, so that none lies in the middle between two
        now += pause
        frame = round(now / 960 * FPS)  # a beat of 480 ticks takes half a second
        if kind == 0:
            track.append(mido.Message("pitchwheel", pitch=64 * value - 4096, time=pause))
            wanted["bend"][frame:] = (64 * value - 4096) / 8192
        elif kind == 1:
            track.append(mido.Message("control_change", control=1, value=value, time=pause))
            wanted["control"][frame:] = value / 127
        else:
            track.append(mido.Message("note_on", note=value, velocity=100, time=pause))
            begun[frame] = max(begun.get(frame, 0), value)
            wanted["pitch"][frame:] = begun[frame]
    assert now > 2 * 960
    mido.MidiFile(tracks=[track]).save(tmp_path / "a.mid")
    found = signals(tmp_path, store, node="Midi", path="a.mid")
    for name, values in wanted.items():
        np.testing.assert_allclose(found[name], values, atol=2**-16, err_msg=name)
    only = signals(tmp_path, store, node="Midi", path="a.mid", channel=2)
    assert not any(values.any() for values in only.values())


def test_a_note_without_an_end_is_held_to_the_end(tmp_path: Path, store: Any) -> None:
    track = mido.MidiTrack([mido.Message("note_on", note=60, velocity=127, time=480)])
    file = mido.MidiFile()
    file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    np.testing.assert_array_equal(signals(tmp_path, store, node="Midi", path="a.mid")["held"], np.arange(2 * FPS) >= 10)


@pytest.mark.parametrize("content", [b"", b"MThd", b"garbage" * 10, b"MThd\0\0\0\6\0\0\0\1\0\x60MTrk\0\0\0\xff\0"])
def test_midi_that_cannot_be_read(content: bytes, tmp_path: Path, store: Any) -> None:
    (tmp_path / "a.mid").write_bytes(content)
    with pytest.raises(MediaError, match="a.mid cannot be read as MIDI"):
        signals(tmp_path, store, node="Midi", path="a.mid")


# Tables


TEXTS = {
    "a.csv": "time,level,tilt\n0,0,1\n1,0.5,1\n1.5,1,-1\n",
    "b.csv": "\ufefftime;level;tilt\r\n0;0;1\r\n1;0.5;1\r\n\r\n1.5;1;-1\r\n",
    "c.csv": "0\t0\t1\n1\t0.5\t1\n1.5\t1\t-1\n",
    "d.json": "[[0, 0, 1], [1, 0.5, 1], [1.5, 1, -1]]",
    "e.json": '[{"time": 0, "level": 0, "tilt": 1}, {"time": 1, "level": 0.5, "tilt": 1}, '
    '{"time": 1.5, "level": 1, "tilt": -1}]',
    "f.json": '{"rendered_frames": [{"frame": 0, "level": 0, "tilt": 1}, {"frame": 20, "level": 0.5, "tilt": 1}, '
    '{"frame": 30, "level": 1, "tilt": -1, "info": "x"}]}',
}


@pytest.mark.parametrize("name", TEXTS)
def test_tables_of_every_kind(name: str, tmp_path: Path, store: Any) -> None:
    (tmp_path / name).write_text(TEXTS[name], encoding="utf-8")
    (found,) = signals(tmp_path, store, node="Table", path=name).values()
    now = np.arange(2 * FPS) / FPS
    wanted = np.stack([np.interp(now, [0, 1, 1.5], [0, 0.5, 1]), np.interp(now, [0, 1, 1.5], [1, 1, -1])], axis=1)
    np.testing.assert_allclose(found, wanted, atol=2**-16)


def test_times_and_columns_of_a_table(tmp_path: Path, store: Any) -> None:
    (tmp_path / "a.csv").write_text("ms,low,high\n0,0,1\n500,1,3\n")
    (found,) = signals(
        tmp_path, store, node="Table", path="a.csv", time="ms", columns=["high"], between="hold"
    ).values()
    np.testing.assert_array_equal(found, np.where(np.arange(2 * FPS) < 10, 1, 3))
    with pytest.raises((GraphError, MediaError), match="has no column 'mid'; it has 'low', 'high'"):
        signals(tmp_path, store, node="Table", path="a.csv", columns=["mid"])
    with pytest.raises(GraphError, match="Table.columns|columns: .*at least 1"):
        signals(tmp_path, store, node="Table", path="a.csv", columns=[])


def test_a_table_of_several_columns_is_not_read_as_one_number(studio: Any) -> None:
    (studio.folder / "two.csv").write_text("s,x,y\n0,0,1\n1,1,2\n")
    picture = {"node": "Solid"}
    nodes = {"picture": picture, "table": {"node": "Table", "path": "two.csv", "columns": ["x", "y"]},
             "tone": {"node": "Tone", "frames": "picture", "exposure": "table"}}  # fmt: skip
    out = {"node": "DigestSink", "path": "frames.txt", "frames": "tone"}
    graph = harness.load({"n2s": 1, "duration": 1, "nodes": nodes | {"out": out}}, studio.folder)
    assert [problem.text for problem in column_problems(graph)] == [
        'tone.exposure: "table" has 2 components; name one, like "table.0".'
    ]


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("", "has no rows of numbers"),
        ("time,level\n", "has no rows of numbers"),
        ("time\n0\n1\n", "has 1 columns"),
        ("time,level\n0,1\n1\n", "a.csv:3: a row of 1 values; 2 were wanted"),
        ("time,level\n0,1\n1,\n", "a.csv:3: '' is no number"),
        ("time,a\u2028b\n0,1\n1,\n", "a.csv:3: '' is no number"),
        ("time,a\x85b\n0,1\n1,\n", "a.csv:3: '' is no number"),
        ("time,level\n0,1\n1,loud\n", "a.csv:3: 'loud' is no number"),
        ("time,level\n0,1\n1,nan\n", "a.csv:3: a number is not finite"),
        ("time,level\n1,1\n0,2\n", "a.csv:3: time 0 comes after 1; times must rise"),
        ("time,a,b,a \n0,1,2,3\n", "a.csv has several columns named 'a'; give each a name of its own"),
        ("time,,\n0,1,2\n", "a.csv has several columns named ''; give each"),
    ],
)
def test_tables_that_cannot_be_read(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text, encoding="utf-8")
    with pytest.raises(MediaError, match=told):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "[[0, [1]]]", "[1, 2]", "[" * 10_000])
def test_json_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(MediaError, match=r"a\.json"):
        read_table(tmp_path / "a.json")


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ('[[0, 1],\n\n[1, 2],\n[2, "x"]]', "a.json: row 3: 'x' is no number"),
        ("[[0, 1], [1]]", "a.json: row 2: a row of 1 values; 2 were wanted"),
        ('[{"t": 0, "a": 1}, {"t": 0, "a": 1}]', "a.json: row 2: time 0 comes after 0; times must rise"),
        ('{"rendered_frames": [{"frame": 0, "a": NaN}]}', "a.json: row 1: a number is not finite"),
        ('[{"t": 0, "a": 1, "a": 2}]', "a.json has several columns named 'a'; give each a name of its own"),
        ("[[0, 1],\n[1, 2}]", "a.json:2: this is no JSON"),
    ],
)
def test_what_is_wrong_with_json_is_told_by_its_rows(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(MediaError, match=re.escape(told)):
        read_table(tmp_path / "a.json")


# Schedules


def test_a_schedule(tmp_path: Path, store: Any) -> None:
    (found,) = signals(tmp_path, store, node="Schedule", text="0:(1.0), 10: (2), 30:(-.5),").values()
    np.testing.assert_allclose(found, np.interp(np.arange(2 * FPS), [0, 10, 30], [1, 2, -0.5]), atol=2**-16)


@pytest.mark.parametrize(
    ("text", "told"),
    [("", "is no"), ("0:(1+t)", "a formula belongs into an expression"), ("5:(1), 5:(2)", "frames must rise"),
     ("x:(1)", "is no"), ("0:(1e999)", "is no")],
)  # fmt: skip
def test_schedules_that_are_none(text: str, told: str) -> None:
    with pytest.raises(ValueError, match=told):
        read_schedule(text)


# Names of musical time


def test_expressions_name_musical_time(studio: Any, store: Any, tmp_path: Path) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
        "heard": {"node": "Features", "audio": "track", "tempo": 120, "first_beat": 0, "metre": "3/4"},
        "still": {"node": "ImageSource", "path": str(studio.folder / "picture.png")},
        "tone": {"node": "Tone", "frames": "still", "exposure": "= bar_phase + 0.1 * beat", "warmth": "= section"},
        "smooth": {"node": "EMA", "signal": "= beat_phase", "half_life": 0},
    }
    graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes}, tmp_path)
    assert "= bar_phase + 0.1 * beat" in graph.to_yaml()
    values = analyse(graph.flat, RunContext(store, print))
    beat = np.arange(values.clock.frames) / 30 * 2
    np.testing.assert_allclose(values.params["tone", "exposure"], beat / 3 % 1 + 0.1 * beat, atol=1e-4)
    np.testing.assert_allclose(values.outputs["smooth", "signal"], beat % 1, atol=1e-4)


def test_musical_time_that_nobody_hears(studio: Any, tmp_path: Path) -> None:
    nodes = {
        "still": {"node": "ImageSource", "path": str(studio.folder / "picture.png")},
        "tone": {"node": "Tone", "frames": "still", "exposure": "= bar_phase"},
    }
    with pytest.raises(GraphError, match='tone.exposure: "bar_phase" is heard in the music; add a Features node'):
        load({"n2s": 1, "fps": 30, "duration": 1, "size": [32, 32], "nodes": nodes}, tmp_path)


# Seeing it


def test_a_timeline_of_what_is_heard(studio: Any, n2s: Any, tmp_path: Path) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
        "heard": {"node": "Features", "audio": "track"},
    }
    graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes}, tmp_path)
    status, out, err = n2s("preview", graph.path, "--node", "heard", "-o", tmp_path / "heard.png")
    assert status == 0 and "heard: " in out and "music.wav: " in err
    picture = read_layers(tmp_path / "heard.png")[0]
    assert picture.shape[1:] == (560, 1600) and picture.std() > 0.05
    assert n2s("preview", graph.path, "--node", "heard.beat", "-o", tmp_path / "beat.png")[0] == 0
    text = n2s("export", graph.path, "--labels", "--port", "track", "-o", tmp_path / "a.txt")[2]
    assert "--node track counts no beats and bars; heard does" in text
    assert "Labels are written as .txt" in n2s("export", graph.path, "--labels", "-o", tmp_path / "a.npz")[2]
    assert "--node says what is written" in n2s("export", graph.path, "-o", tmp_path / "a.npz")[2]


def test_weights_take_one_place(tmp_path: Path, store: Any) -> None:
    """Of several columns the first was taken, and nothing said so; those of a table are known when it is read."""
    (tmp_path / "rows.csv").write_text("time,a,b\n0,1,2\n1,3,4\n")
    points = {"node": "Keyframes", "points": [[0, 0, 1], [2, 0, 1]]}
    table = {"node": "Table", "path": "rows.csv"}

    def graph(source: dict[str, Any], signal: str) -> Any:
        nodes = {"k": source, "w": {"node": "Weights", "signal": signal, "count": 3}}
        return load({"n2s": 1, "fps": FPS, "duration": 2, "size": [32, 32], "nodes": nodes}, tmp_path)

    (problem,) = column_problems(graph(points, "k"))
    words = 'w.signal: "k" has 2 columns, but 1 is wanted, a place on the row. Name one, like "k.0".'
    assert problem.text == words
    assert not column_problems(graph(table, "k"))
    with pytest.raises(GraphError, match="signal has 2 columns, but 1 is wanted, a place on the row"):
        analyse(graph(table, "k").flat, RunContext(store, print))
    for source in (points, table):
        made = analyse(graph(source, "k.0").flat, RunContext(store, print)).outputs[("w", "signal")]
        assert made.shape == (2 * FPS, 3)
