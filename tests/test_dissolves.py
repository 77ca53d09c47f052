"""Albums whose tracks dissolve into each other: pictures in light, sound at equal power, the same bits however made."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import harness
import numpy as np
import pytest
import tiny
from test_albums import FPS, heard
from test_films import write_album

from n2s.graph.errors import GraphError, OtherCode
from n2s.graph.graph import Graph
from n2s.plan.stages import Plan
from n2s.runtime.events import Events
from n2s.runtime.executors.parts import FilmPart
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.films.seams import Seam, seam_before
from n2s.runtime.run import Run


def grey_album(folder: Path, levels: list[float], seconds: float = 3.0, **album: Any) -> Path:
    """Tracks of one grey each, whose music is a sine of a pitch of its own, in phase with time 0 of the track."""
    nodes: dict[str, Any] = {}
    for i, level in enumerate(levels):
        times = np.arange(round(seconds * 48000)) / 48000
        wave = (0.4 * np.sin(2 * np.pi * 200 * (i + 1) * times)).astype(np.float32)
        tiny.write_wav(folder / f"music{i}.wav", np.repeat(wave[:, None], 2, 1), 48000)
        tiny.write_png(folder / f"grey{i}.png", np.full((32, 64, 3), round(255 * level), np.uint8))
        track = {
            "n2s": 1, "title": f"Piece {i}", "size": [64, 32], "fps": FPS,
            "nodes": {
                "music": {"node": "AudioSource", "path": f"music{i}.wav"},
                "grey": {"node": "ImageSource", "path": f"grey{i}.png"},
                "out": {"node": "FFmpegSink", "frames": "grey", "audio": "music", "path": f"track{i}.mkv"},
            },
        }  # fmt: skip
        (folder / f"track{i}.yaml").write_text(json.dumps(track))
        nodes[f"track{i}"] = {"node": "Track", "path": f"track{i}.yaml"}
    coding = {"audio_codec": "flac", "path": "album.mkv"}
    nodes["album"] = {"node": "Album", "tracks": list(nodes), **coding, **album}
    path = folder / "album.yaml"
    path.write_text(json.dumps({"n2s": 1, "title": "Greys", "size": [64, 32], "fps": FPS, "nodes": nodes}))
    return path


def codes_of_grey(level: Any) -> Any:
    """Return the limited 8-bit codes of display values 0..1 of grey."""
    return 16 + 219 * np.asarray(level)


def lit_codes(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.array([frame.to_ndarray(format="yuv420p")[:32].mean() for frame in container.decode(video=0)])


def test_tracks_dissolve_into_each_other(tmp_path: Path, store: Any) -> None:
    levels = [0.2, 0.8, 0.4]
    report = harness.run(Graph.load(grey_album(tmp_path, levels, crossfade=1.0)), tmp_path / "out", store)
    film = report.films[-1]
    assert film["frames"] == 7 * FPS and film["samples"] == 7 * 48000
    shares = (np.arange(FPS) + 0.5) / FPS
    a, b, c = levels
    dissolves = [np.sqrt(x**2 + (y**2 - x**2) * shares) for x, y in ((a, b), (b, c))]  # light is the square
    wanted = [np.full(2 * FPS, a), dissolves[0], np.full(FPS, b), dissolves[1], np.full(2 * FPS, c)]
    assert np.abs(lit_codes(tmp_path / "out/album.mkv") - codes_of_grey(np.concatenate(wanted))).max() < 1.5

    sound = heard(tmp_path / "out/album.mkv", 48000)
    tone = [0.4 * np.sin(2 * np.pi * 200 * (i + 1) * np.arange(3 * 48000) / 48000) for i in range(3)]
    turns = (np.arange(48000) + 0.5) / 48000 * np.pi / 2
    ends, begins = slice(2 * 48000, None), slice(48000)
    crossings = [tone[i][ends] * np.cos(turns) + tone[i + 1][begins] * np.sin(turns) for i in range(2)]
    parts = [tone[0][: 2 * 48000], crossings[0], tone[1][48000 : 2 * 48000], crossings[1], tone[2][48000:]]
    assert np.abs(sound - np.concatenate(parts)).max() < 2e-4  # 16 bits, and float32

    with av.open(str(tmp_path / "out/album.mkv")) as container:
        starts = [chapter["start"] * chapter["time_base"] for chapter in container.chapters()]
    assert [float(start) for start in starts] == [0, 2, 4]  # where its first sound is
    assert all(gate["holds"] is not False for gate in film["gates"].values())


def decoded(path: Path) -> np.ndarray:
    with av.open(str(path)) as container:
        return np.array([frame.to_ndarray(format="gray10le") for frame in container.decode(video=0)])


def test_a_dissolve_has_the_same_bits_however_it_is_made(
    tmp_path: Path, model: Path, store: Any, new_store: Any, pool: Any
) -> None:
    """Echoes and drifts go on through it, in threads, in processes and in chunks of any length."""
    lossless = {"codec": "ffv1", "crf": None, "path": "album.mkv", "crossfade": 0.9}

    def album(name: str, **more: Any) -> Graph:
        (folder := tmp_path / name).mkdir()
        path = write_album(folder, model, [22050 * 2, 22050 * 2 + 77], **lossless, **more)
        for i in range(2):
            track = folder / f"track{i}.yaml"
            track.write_text(track.read_text().replace("crf: 28", "codec: ffv1").replace(".mp4", ".mkv"))
        return Graph.load(path)

    threads = harness.run(album("threads"), tmp_path / "out", store, executor=ThreadExecutor(2))
    processes = harness.run(album("again"), tmp_path / "out2", new_store(), executor=ProcessExecutor(2, pool))
    assert threads.films[-1]["sha256"] == processes.films[-1]["sha256"]
    assert threads.films[-1]["sound"]["layout"] == "stereo"  # of one track in mono and one in stereo
    shown = decoded(tmp_path / "out/album.mkv")
    assert len(shown) == threads.films[-1]["frames"] == 94
    first, second = (decoded(tmp_path / f"out/track{i}.mkv") for i in range(2))
    assert np.array_equal(shown[:33], first[:33]) and np.array_equal(shown[60:], second[27:])
    among = np.abs(shown[33:60].astype(int) - first[33:60]).mean((1, 2))
    assert among[0] < among[13] < among[26]
    odd = harness.run(album("odd", chunk=7), tmp_path / "out3", new_store())
    assert odd.films[-1]["frames"] == 94 and np.array_equal(decoded(tmp_path / "out3/album.mkv"), shown)
    assert harness.run(album("same"), tmp_path / "out4", store).rendered == 0


def test_each_track_may_follow_in_its_own_way(tmp_path: Path, store: Any) -> None:
    path = grey_album(tmp_path, [0.3, 0.5, 0.7, 0.9], seconds=2.0, crossfade=1.0)
    graph = json.loads(path.read_text())
    graph["nodes"]["track1"]["gap"] = 0.5
    graph["nodes"]["track2"]["crossfade"] = 0
    path.write_text(json.dumps(graph))
    report = harness.run(Graph.load(path), tmp_path / "out", store)
    lit = lit_codes(tmp_path / "out/album.mkv")
    assert report.films[-1]["frames"] == len(lit) == FPS * 15 // 2
    assert (lit[60:75] == 16).all() and lit[134] < 130 < lit[135]  # a gap, then a cut
    assert (np.diff(lit[165:195]) > 0).all()  # the album's dissolve


def test_a_dissolve_of_loud_tracks_stays_below_the_peak(tmp_path: Path, store: Any) -> None:
    path = grey_album(tmp_path, [0.3, 0.6], crossfade=1.0, loudness=-5, normalise="track")
    for i in range(2):  # the same tone in phase: twice the amplitude where both are heard
        wave = (0.4 * np.sin(2 * np.pi * 200 * np.arange(3 * 48000) / 48000)).astype(np.float32)
        tiny.write_wav(tmp_path / f"music{i}.wav", wave[:, None], 48000)  # mono: its loudness is 3 LU lower
    said: list[str] = []
    events = Events()
    events.said = said.append
    film = harness.run(Graph.load(path), tmp_path / "out", store, events=events).films[-1]
    assert any("while one dissolves into another" in text for text in said)
    assert -1.3 < film["levels"]["true_peak"] <= -0.9


@pytest.mark.parametrize(
    ("album", "track", "words"),
    [
        ({"crossfade": 1, "gap": 1}, {}, "not both"),
        ({"crossfade": 1, "cards": True}, {}, "cards stand in gaps"),
        ({}, {"crossfade": 1, "gap": 1}, "not both"),
        ({"crossfade": -1}, {}, "must be within 0..60"),
    ],
)
def test_a_seam_is_of_one_kind(tmp_path: Path, album: dict, track: dict, words: str) -> None:
    path = grey_album(tmp_path, [0.3, 0.5], **album)
    graph = json.loads(path.read_text())
    graph["nodes"]["track1"] |= track
    path.write_text(json.dumps(graph))
    with pytest.raises(GraphError, match=words):
        Graph.load(path)


def test_seams_in_milliseconds(tmp_path: Path) -> None:
    path = grey_album(tmp_path, [0.3, 0.5, 0.7], gap="500 ms", crossfade="0 ms")
    graph = json.loads(path.read_text())
    graph["nodes"]["track2"] |= {"crossfade": "250 ms"}
    path.write_text(json.dumps(graph))
    album = Graph.load(path)
    seams = [seam_before(album, album.nodes["album"], number) for number in range(3)]
    assert seams == [Seam(), Seam(gap=0.5), Seam(crossfade=0.25)]
    with pytest.raises(GraphError, match="shown for 0.5 s at least"):
        Graph.load(grey_album(tmp_path, [0.3, 0.5], cards=True, gap="400 ms"))


def test_a_track_must_be_longer_than_its_dissolves(tmp_path: Path, store: Any) -> None:
    path = grey_album(tmp_path, [0.3, 0.5, 0.7], seconds=2.0, crossfade=1.5)
    with pytest.raises(GraphError, match=r"track1 has 2\.00 s of music, and its crossfades take 3\.00 s") as caught:
        harness.run(Graph.load(path), tmp_path / "out", store)
    assert caught.value.problems[0].position.line
    assert not list((tmp_path / "out").glob("*.mkv"))


def test_the_first_track_must_be_longer_than_its_one_dissolve(tmp_path: Path, store: Any) -> None:
    path = grey_album(tmp_path, [0.3, 0.5], seconds=2.0, crossfade=2.0)
    with pytest.raises(GraphError, match=r"track0 has 2\.00 s of music, and its crossfades take 2\.00 s") as caught:
        harness.run(Graph.load(path), tmp_path / "out", store)
    assert len(caught.value.problems) == 1, "the last one may be all dissolve"


def test_dissolves_that_are_too_long_are_found_by_the_check(tmp_path: Path, n2s: Any) -> None:
    path = grey_album(tmp_path, [0.3, 0.5, 0.7], seconds=2.0, crossfade=1.5)
    _, _, told = n2s("check", path)
    assert "track1 has 2.00 s of music, and its crossfades take 3.00 s" in told and "track0" not in told
    assert n2s("check", path, "--set", "album.crossfade=1")[0] == 0, "they may take all of a track"
    assert n2s("check", path, "--set", "album.crossfade=2.1")[2].count("crossfades take") == 3


def planned_dissolve(folder: Path, store: Any) -> Plan:
    """Return the plan of what an album shows between two greys."""
    album = Run(Graph.load(grey_album(folder, [0.2, 0.8], crossfade=1.0)), folder / "out", store).plan()[-1]
    (plan,) = (plan for plan in album.plans if "before" in plan.graph.nodes)
    return plan


def test_a_dissolve_whose_tracks_would_be_others_elsewhere_is_refused(tmp_path: Path, store: Any) -> None:
    """Its key is made of those of its tracks' frames, which whoever renders them makes anew and compares."""
    plan = planned_dissolve(tmp_path, store)
    node = plan.graph.nodes["before"]
    assert node.open(plan.scene, None).frames(node.first, node.first + 1).shape == (1, 3, 32, 64)
    excerpt = node.film_part.graph
    elsewhere = replace(excerpt, header=excerpt.header.model_copy(update={"seed": 99}))
    with pytest.raises(OtherCode, match="Piece 0: frames 60 to 89 would not be made as planned"):
        node.carrying(replace(node.film_part, graph=elsewhere)).open(plan.scene, None)


def test_a_dissolve_names_the_files_of_its_tracks(tmp_path: Path, store: Any) -> None:
    """Machines that do not see them are sent what both tracks read."""
    plan = planned_dissolve(tmp_path, store)
    excerpt = FilmPart.of(plan).graph
    pictures = [tmp_path / "grey0.png", tmp_path / "grey1.png"]
    assert [path for path in excerpt.sources() if path.suffix == ".png"] == pictures
    moved = excerpt.with_sources({path: tmp_path / "there" / path.name for path in pictures})
    assert moved.sources() == [
        path.parent / "there" / path.name if path in pictures else path for path in excerpt.sources()
    ]
    assert [path for path in excerpt.sources() if path.suffix == ".png"] == pictures  # it stays as it was
