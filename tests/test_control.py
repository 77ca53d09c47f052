"""Signals from elsewhere: MIDI files, tables, schedules; and beats that the user knows better."""

from __future__ import annotations

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
from n2s.hearing.gridfile import read_grid
from n2s.nodes import features
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
        ("time,level\n0,1\n1,loud\n", "a.csv:3: 'loud' is no number"),
        ("time,level\n0,1\n1,nan\n", "a.csv:3: a number is not finite"),
        ("time,level\n1,1\n0,2\n", "a.csv:3: time 0 comes after 1; times must rise"),
    ],
)
def test_tables_that_cannot_be_read(text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(MediaError, match=told):
        read_table(tmp_path / "a.csv")


@pytest.mark.parametrize("text", ["", "{", "[]", '{"a": 1}', "[[0, [1]]]", "[1, 2]", "[" * 10_000])
def test_json_that_cannot_be_read(text: str, tmp_path: Path) -> None:
    (tmp_path / "a.json").write_text(text)
    with pytest.raises(MediaError, match=r"a\.json"):
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


# Beats that the user knows


def test_labels_of_beats_and_of_bars(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(
        "0.5\t0.5\t1.1\n1.0\t1.0\t1.2\n\\\t100\t200\n1.2\t9\tchorus\n1.5\t1.5\t1.3\n2.0\t2.0\t2.1\n2.5\t2.5\t2.2\n"
    )
    grid = read_grid(path, None, 4)
    assert grid.beats.tolist() == [0.5, 1, 1.5, 2, 2.5] and grid.first.tolist() == [0, 3] and grid.bar == 3
    path.write_text("0,5\t0,5\tbar 1\n2.5\t2.5\t2\n4.5\t4.5\tbar\n")
    grid = read_grid(path, None, 4)
    np.testing.assert_allclose(grid.beats, 0.5 + 0.5 * np.arange(12))
    assert grid.first.tolist() == [0, 4, 8] and grid.bar == 4


def test_the_tempo_map_of_a_midi_file(tmp_path: Path) -> None:
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("time_signature", numerator=3, denominator=4))
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    track.append(mido.MetaMessage("set_tempo", tempo=250_000, time=480 * 3))
    track.append(mido.MetaMessage("time_signature", numerator=6, denominator=8, time=480 * 3))
    track.append(mido.Message("note_on", note=60, time=480 * 6))
    file = mido.MidiFile()
    file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    grid = read_grid(tmp_path / "a.mid", None, 4)
    np.testing.assert_allclose(grid.beats[:10], [0, 0.5, 1, 1.5, 1.75, 2, 2.25, 2.625, 3, 3.375])
    assert grid.first[:5].tolist() == [0, 3, 6, 8, 10]


REKORDBOX = """<?xml version="1.0"?><DJ_PLAYLISTS><COLLECTION>
<TRACK Location="file://localhost/music/my%20song.mp3"><TEMPO Inizio="0.25" Bpm="120.00" Metro="4/4" Battito="3"/>
<TEMPO Inizio="2.26" Bpm="60.00" Metro="3/4" Battito="1"/></TRACK>{more}</COLLECTION></DJ_PLAYLISTS>"""
OTHER = '<TRACK Location="file://localhost/other.mp3"><TEMPO Inizio="0" Bpm="99" Metro="4/4" Battito="1"/></TRACK>'


def test_a_collection_of_rekordbox(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    for more in ("", OTHER):
        path.write_text(REKORDBOX.format(more=more))
        grid = read_grid(path, Path("/elsewhere/my song.mp3"), 4)
        np.testing.assert_allclose(grid.beats[:6], [0.25, 0.7525, 1.255, 1.7575, 2.26, 3.26])
        assert grid.first[:4].tolist() == [2, 4, 7, 10]


@pytest.mark.parametrize(
    ("name", "text", "told"),
    [
        ("a.txt", "", "tells of 0 beats; two at least"),
        ("a.txt", "1\t1\tverse\n", "tells of 0 beats"),
        ("a.txt", "1 1 1.1\n", "a.txt:1: .* is no label"),
        ("a.txt", "1\t0\t1.1\n", "a.txt:1: a label from 1 s to 0 s; times rise, from -60 to 360000"),
        ("a.txt", "-61\t-61\t1.1\n", "a.txt:1: a label from -61 s to -61 s; times rise, from -60"),
        ("a.txt", "-0.1\t9\tA\n", "a.txt:1: a label from -0.1 s to 9 s; times rise, from 0 to"),
        ("a.txt", "1\t1\t1.1\n0.5\t0.5\t1.2\n", "a.txt:2: '1.2' at 0.5 s lies at or before"),
        ("a.txt", "1\t1\t1.1\n1\t1\t1.2\n", "a.txt:2: '1.2' at 1 s lies at or before"),
        ("a.txt", "1\t1\t1.1\n2\t2\t2\n", 'labels of beats, like "1.1", and of whole bars'),
        ("a.txt", "1\t1\t1.1\n60\t60\t1.2\n", "are 59.000 s apart"),
        ("a.xml", "<a>", "a.xml:1: this is no XML"),
        ("a.xml", "<a/>", "has 0 pieces with a tempo"),
        ("a.xml", '<!DOCTYPE a [<!ENTITY b "c">]><a/>', "defines entities of its own"),
        ("a.xml", '<a><TRACK><TEMPO Inizio="x" Bpm="1"/></TRACK></a>', "without Inizio and Bpm in numbers"),
        ("a.xml", '<a><TRACK><TEMPO Inizio="0" Bpm="0"/></TRACK></a>', "a tempo of 0 in bars of 4"),
        ("a.mid", "x", "cannot be read as MIDI"),
        ("a.doc", "x", "tells no beats that can be read"),
    ],
)
def test_files_that_tell_no_beats(name: str, text: str, told: str, tmp_path: Path) -> None:
    (tmp_path / name).write_text(text)
    with pytest.raises(MediaError, match=told):
        read_grid(tmp_path / name, None, 4)


def test_a_graph_whose_beats_are_said(studio: Any, store: Any, n2s: Any, tmp_path: Path) -> None:
    """Stated beats reach the signals; written as labels and given back they stay where they are."""
    nodes = {
        "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
        "heard": {"node": "Features", "audio": "track", "tempo": 100, "first_beat": 0.26, "metre": "3/4"},
    }
    graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes}, tmp_path)
    values = analyse(graph.flat, RunContext(store, print))
    times = values.clock.times(0, values.clock.frames)
    beat = values.outputs["heard", "beat"]
    np.testing.assert_allclose(beat, (times - 8 / 30) * 100 / 60, atol=1e-4)  # frame 8 is the nearest
    began = values.outputs["heard", "beat_began"]
    np.testing.assert_allclose(began, 0.26 + 0.6 * np.floor(beat + 1e-4), atol=1e-4)
    np.testing.assert_allclose(values.outputs["heard", "bar"], beat / 3, atol=1e-4)
    assert values.clock.tempo == 100 and (values.outputs["heard", "tempo"] == 100).all()
    assert n2s("export", graph.path, "--labels", "-o", tmp_path / "beats.txt")[0] == 0
    written = (tmp_path / "beats.txt").read_text().splitlines()
    assert written[0] == "0.000000\t2.100000\tA"
    start, _, text = written[1].split("\t")
    assert float(start) == pytest.approx(0.26, abs=1e-4) and text == "1.1" and written[4].endswith("\t2.1")
    again = load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes | {
        "heard": {"node": "Features", "audio": "track", "beats": "beats.txt"}}}, tmp_path)  # fmt: skip
    told = analyse(again.flat, RunContext(store, print)).outputs
    np.testing.assert_allclose(told["heard", "beat"], beat, atol=1e-3)
    np.testing.assert_allclose(told["heard", "bar"], beat / 3, atol=1e-3)


def test_a_beat_before_the_music_is_written_and_given_back(studio: Any, store: Any, n2s: Any, tmp_path: Path) -> None:
    """Drums that are struck with the first sample are heard a hair before it."""
    beats = -0.0026 + 0.5 * np.arange(4)
    (tmp_path / "heard.txt").write_text("".join(f"{at:.6f}\t{at:.6f}\t1.{i + 1}\n" for i, at in enumerate(beats)))

    def told(name: str) -> tuple[Path, dict]:
        nodes = {
            "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
            "heard": {"node": "Features", "audio": "track", "beats": name},
        }
        graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes}, tmp_path)
        return graph.path, analyse(graph.flat, RunContext(store, print)).outputs

    path, outputs = told("heard.txt")
    assert n2s("export", path, "--labels", "-o", tmp_path / "written.txt")[0] == 0
    np.testing.assert_allclose(read_grid(tmp_path / "written.txt", None, 4).beats[:4], beats, atol=1e-5)
    _, again = told("written.txt")
    for output in ("beat", "bar", "beat_began"):
        np.testing.assert_allclose(again["heard", output], outputs["heard", output], atol=1e-4)


@pytest.mark.parametrize("damage", ["missing", "damaged"])
def test_plain_ears_hear_where_the_net_is_not(
    damage: str, studio: Any, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def heard(**settings: Any) -> tuple[np.ndarray, list[str]]:
        nodes = {
            "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
            "heard": {"node": "Features", "audio": "track", **settings},
        }
        said: list[str] = []
        graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes}, tmp_path)
        outputs = analyse(graph.flat, RunContext(store, said.append)).outputs
        return np.concatenate([outputs["heard", name].ravel() for name in ("sure", "kick", "snare", "hat")]), said

    (_, unharmed), (plain, told) = heard(), heard(ears="plain")
    weights = tmp_path / "net.npz"
    if damage == "damaged":
        weights.write_bytes(b"nothing")
    monkeypatch.setattr(features, "WEIGHTS", weights)
    values, said = heard()
    np.testing.assert_array_equal(values, plain)
    assert any("plain ears" in text and str(weights) in text for text in said), said
    assert not any("plain ears" in text for text in (*unharmed, *told))
    np.testing.assert_array_equal(heard(ears="plain")[0], plain)


def test_the_tempo_of_the_graph_reaches_what_is_heard(studio: Any, store: Any, tmp_path: Path) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
        "heard": {"node": "Features", "audio": "track", "first_beat": 0},
    }
    graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "tempo": 128, "nodes": nodes}, tmp_path)
    assert (analyse(graph.flat, RunContext(store, print)).outputs["heard", "tempo"] == 128).all()


@pytest.mark.parametrize(
    ("settings", "told"),
    [
        ({"tempo": 0}, "heard.tempo"),
        ({"tempo": 10_000}, "heard.tempo"),
        ({"first_beat": -1}, "heard.first_beat"),
        ({"metre": "5/4"}, "heard.metre"),
        ({"tempo_map": [[0, 0]]}, "20 to 400 beats per minute"),
        ({"tempo_map": [[5, 100], [1, 120]]}, "times must rise"),
        ({"tempo_map": [["4 beats", 100]]}, "in seconds; beats have no length before it"),
        ({"beats": "nowhere.txt"}, "does not exist"),
    ],
)
def test_corrections_that_are_none(
    settings: dict[str, Any], told: str, studio: Any, store: Any, tmp_path: Path
) -> None:
    nodes = {
        "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
        "heard": {"node": "Features", "audio": "track", **settings},
        "out": {"node": "DigestSink", "frames": "still", "path": "film.txt"},
        "still": {"node": "ImageSource", "path": str(studio.folder / "picture.png")},
    }
    with pytest.raises((GraphError, MediaError), match=told):
        harness.run(load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes}, tmp_path), tmp_path, store)


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
