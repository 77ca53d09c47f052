"""Beats that the user knows better: files that tell them, and what the node is told."""

from __future__ import annotations

import unicodedata
from pathlib import Path
from typing import Any

import harness
import mido
import numpy as np
import pytest
from harness import load

from n2s.graph.errors import GraphError, MediaError
from n2s.hearing.gridfile import read_grid
from n2s.nodes import features
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse


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


def test_labels_may_tell_of_beats_before_the_first_one(tmp_path: Path) -> None:
    """An upbeat is beat 0, and what is before it has numbers of its own."""
    path = tmp_path / "a.txt"
    path.write_text("0.5\t0.5\t-2\n1\t1\t-1\n1.5\t1.5\t0.3\n2\t2\t0.4\n3\t3\t1.1\n4\t4\t1.2\n4\t4\t-1\n")
    grid = read_grid(path, None, 4)
    np.testing.assert_allclose(grid.count(np.array([0, 0.5, 1.5, 2.5, 3])), [-3, -2, 0, 1.5, 2])
    assert grid.first.tolist() == [2] and grid.beats.tolist() == [0.5, 1, 1.5, 2, 3, 4]
    path.write_text("0.5\t0.5\t-1\n1\t1\tbar 1\n3\t3\tbar 2\n")
    assert read_grid(path, None, 4).time(0) == 1


@pytest.mark.parametrize("within", "\v\f\x1c\x85\u2028\u2029")
def test_lines_of_labels_are_those_of_an_editor(within: str, tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    path.write_text(f"0\t0\t1.1\n0.2\t0.2\tmy{within}note\n1\t1\t1.2\n1\t1\t1.3\n", encoding="utf-8")
    with pytest.raises(MediaError, match=r"a.txt:4: '1.3' at 1 s lies at or before the beat above it"):
        read_grid(path, None, 4)


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


def test_a_tempo_of_a_midi_file_that_changes_between_beats(tmp_path: Path) -> None:
    """120 and 60 beats per minute, from the middle of beat 2 on; and before beat 0 where it changes within that."""
    for quarters, gone in ((2.5, [-2, 2, 2.5, 2.75, 3.25, 12.25]), (0.5, [-2, 1.25, 1.5, 1.75, 2.25, 11.25])):
        track = mido.MidiTrack()
        track.append(mido.MetaMessage("set_tempo", tempo=500_000))
        track.append(mido.MetaMessage("set_tempo", tempo=1_000_000, time=int(480 * quarters)))
        track.append(mido.Message("note_on", note=60, time=480 * 2))
        file = mido.MidiFile()
        file.tracks.append(track)
        file.save(tmp_path / "a.mid")
        grid = read_grid(tmp_path / "a.mid", None, 4)
        np.testing.assert_allclose(grid.count(np.array([-1, 1, 1.25, 1.5, 2, 11])), gone, atol=1e-9)


REKORDBOX = """<?xml version="1.0"?><DJ_PLAYLISTS><COLLECTION>
<TRACK Location="file://localhost/music/my%20song.mp3"><TEMPO Inizio="0.25" Bpm="120.00" Metro="4/4" Battito="3"/>
<TEMPO Inizio="2.26" Bpm="60.00" Metro="3/4" Battito="1"/></TRACK>{more}</COLLECTION></DJ_PLAYLISTS>"""
SHORT = """<TRACK Location="a.mp3"><TEMPO Inizio="8" Bpm="60"/><TEMPO Inizio="10" Bpm="120"/></TRACK>"""
OTHER = '<TRACK Location="file://localhost/other.mp3"><TEMPO Inizio="0" Bpm="99" Metro="4/4" Battito="1"/></TRACK>'


def test_a_collection_of_rekordbox(tmp_path: Path) -> None:
    path = tmp_path / "a.xml"
    for more in ("", OTHER):
        path.write_text(REKORDBOX.format(more=more))
        grid = read_grid(path, Path("/elsewhere/my song.mp3"), 4)
        np.testing.assert_allclose(grid.beats[:6], [0.25, 0.7525, 1.255, 1.7575, 2.26, 3.26])
        assert grid.first[:4].tolist() == [2, 4, 7, 10]


def test_the_first_tempo_of_a_collection_and_the_last_one_of_midi_go_on(tmp_path: Path) -> None:
    """Two seconds of the first tempo, and one beat of the last one, are less than what tells the tempo of labels."""
    (tmp_path / "a.xml").write_text(SHORT)
    grid = read_grid(tmp_path / "a.xml", None, 4)
    np.testing.assert_allclose(grid.count(np.array([0, 4, 8, 10, 60])), [-8, -4, 0, 2, 102], atol=1e-9)
    track = mido.MidiTrack()
    track.append(mido.MetaMessage("set_tempo", tempo=500_000))
    track.append(mido.MetaMessage("set_tempo", tempo=1_000_000, time=480 * 16))
    track.append(mido.Message("note_on", note=60, time=480))
    file = mido.MidiFile()
    file.tracks.append(track)
    file.save(tmp_path / "a.mid")
    grid = read_grid(tmp_path / "a.mid", None, 4)
    np.testing.assert_allclose(grid.times(np.array([-2, 16, 17, 40])), [-1, 8, 9, 32], atol=1e-9)


LISTED = [  # the names of files, and as a collection writes them
    ("Song.mp3", "Song.mp3"),
    ("Big Song.mp3", "Big%20Song.mp3"),
    ("Été & #1 [50%25].mp3", "%C3%89t%C3%A9%20%26%20%231%20%5B50%2525%5D.mp3"),
    ("Stra\u00dfe.mp3", "Stra%C3%9Fe.mp3"),
]


@pytest.mark.parametrize("changed", [str, str.upper, lambda name: unicodedata.normalize("NFD", name)])
@pytest.mark.parametrize("chosen", range(len(LISTED)))
def test_a_piece_is_found_in_a_collection_by_its_name(chosen: int, changed: Any, tmp_path: Path) -> None:
    """Each piece has a tempo of its own; other systems write the same name in capitals or accents in two signs."""
    tracks = [
        f'<TRACK Location="file://localhost/C:/Song.mp3/{written}"><TEMPO Inizio="0" Bpm="{60 + 10 * i}"/></TRACK>'
        for i, (_, written) in enumerate(LISTED)
    ]
    (tmp_path / "a.xml").write_text(f"<COLLECTION>{''.join(tracks)}</COLLECTION>", encoding="utf-8")
    grid = read_grid(tmp_path / "a.xml", Path("/elsewhere") / changed(LISTED[chosen][0]), 4)
    assert grid.tempo == pytest.approx(60 + 10 * chosen)
    with pytest.raises(MediaError, match=r"has 0 of 4 pieces with a tempo whose file is called g\.mp3; one was wanted"):
        read_grid(tmp_path / "a.xml", Path("/elsewhere/g.mp3"), 4)


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


@pytest.mark.parametrize(
    "settings",
    [
        {"tempo": 120, "first_beat": 0.75},  # half a bar and half a beat after the music begins
        {"tempo": 120, "first_beat": 9.0},  # after its end
        {"beats": "upbeat.txt"},
        {"beats": "early.txt"},  # an upbeat more than a frame before the music
        {"tempo_map": [[-3, 127]]},
        {"tempo_map": [[1, 120], [1.5, 200]]},  # of beats from beat 0 on, most tell another tempo
        {"tempo_map": [[0.1, 120], [0.6, 300], [1.8, 40]]},  # before the first beat, and after the last one
        {"tempo_map": [[-50, 400], [-1, 300]]},  # at the tempo of the music, beat 0 would lie before -60 s
    ],
)
def test_beats_that_are_written_and_given_back_keep_their_numbers(
    settings: dict[str, Any], studio: Any, store: Any, n2s: Any, tmp_path: Path
) -> None:
    """Neither those before the first beat that is known make it another one, nor an upbeat, whose beats count."""
    for name, first in (("upbeat.txt", 0.6), ("early.txt", -0.32)):
        upbeat = [(first + 0.5 * i, f"{(i + 2) // 4}.{(i + 2) % 4 + 1}") for i in range(8)]
        (tmp_path / name).write_text("".join(f"{at}\t{at}\t{text}\n" for at, text in upbeat))

    def told(settings: dict[str, Any]) -> tuple[Path, dict]:
        nodes = {
            "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
            "heard": {"node": "Features", "audio": "track", **settings},
        }
        graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "nodes": nodes}, tmp_path)
        return graph.path, analyse(graph.flat, RunContext(store, print)).outputs

    path, outputs = told(settings)
    assert abs(outputs["heard", "beat"][0]) > 0.15
    assert n2s("export", path, "--labels", "-o", tmp_path / "written.txt")[0] == 0
    _, again = told({"beats": "written.txt"})
    for output in ("beat", "bar", "beat_in_bar"):
        np.testing.assert_allclose(again["heard", output], outputs["heard", output], atol=1e-3, err_msg=output)


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
