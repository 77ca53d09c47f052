"""How long a run may take is told before it begins, where such frames were made before."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import pytest
import tiny

from n2s.graph.graph import Graph
from n2s.runtime import run as running
from n2s.runtime.films.luminance import FRAME_BYTES
from n2s.runtime.pace import Estimate, lack_of_room
from n2s.runtime.run import Run


@pytest.fixture
def graph(studio: Any, tmp_path: Path) -> Path:
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(4))
    return tiny.write_graph(tmp_path, studio.model)


def expected(graph: Graph, tmp_path: Path, store: Any) -> Estimate | None:
    job = Run(graph, out=tmp_path / "out", store=store)
    job.plan()
    found = job.estimate(job.missing())
    job.context.close()
    return found


def test_another_song_under_the_same_look_is_known(graph: Path, tmp_path: Path, store: Any, studio: Any) -> None:
    assert expected(Graph.load(graph), tmp_path, store) is None
    report = harness.run(Graph.load(graph), tmp_path / "out", store)
    other = tmp_path / "other"
    other.mkdir()
    tiny.write_wav(other / "music.wav", tiny.clicks(8, bpm=100))
    song = Graph.load(tiny.write_graph(other, studio.model, name="song"))
    found = expected(song, tmp_path, store)
    # Twice as long: twice the time, and twice the segments and the sound, which lie in the store and in the film.
    assert found.seconds == pytest.approx(2 * report.seconds)
    segments = sum(path.stat().st_size for path in store.root.glob("segments/*/*.mp4"))
    sound = report.films[0]["bytes"] - segments
    assert found.bytes == pytest.approx(4 * (segments + sound) + 2 * report.films[0]["frames"] * FRAME_BYTES, rel=0.01)
    # In another size it is known roughly, by what decoders and other nodes draw; with other nodes it is not.
    small = expected(song.edit({"size": [48, 32]}), tmp_path, store)
    assert found.alike and not small.alike and small.text().startswith("very roughly ")
    assert found.seconds / 4 < small.seconds < found.seconds and found.bytes / 4 < small.bytes < found.bytes
    darker = song.edit({"more": {"node": "Vignette", "frames": "grain"}, "out.frames": "more"})
    assert expected(darker, tmp_path, store) is None
    assert expected(Graph.load(graph), tmp_path, store) is None  # nothing is left to do


def test_small_films_of_the_same_latents_take_nearly_as_long_and_less_room(
    graph: Path, tmp_path: Path, store: Any, studio: Any
) -> None:
    harness.run(Graph.load(graph, {"film.grid": [2, 3]}), tmp_path / "out", store)
    large, small, least = (
        expected(Graph.load(graph, {"film.grid": [2, 3], "size": size, "grain.amount": 0.3}), tmp_path, store)
        for size in ([96, 64], [48, 32], [24, 16])
    )
    assert large.alike and not small.alike and not least.alike
    assert large.seconds > small.seconds > least.seconds > 0.8 * large.seconds
    assert large.bytes > small.bytes > least.bytes > 0.1 * large.bytes, "sound and luminance stay as they are"


def test_it_is_said_before_a_long_run(graph: Path, tmp_path: Path, store: Any, monkeypatch: Any, n2s: Any) -> None:
    command = ["run", graph, "--out", tmp_path / "out", "--store", store.root]
    assert "How long it takes is known when it has begun." in n2s(*command, "--dry-run")[1]
    harness.run(Graph.load(graph), tmp_path / "out", store)
    changed = [*command, "--set", "grain.amount=0.1"]
    assert "That is about some seconds and 1 MB" in n2s(*changed, "--dry-run")[1]
    monkeypatch.setattr(running, "LONG_RUN", 0.0)
    assert "120 frames to render: about some seconds and 1 MB, by the last time" in n2s(*changed)[2]


def test_too_little_room_is_told(tmp_path: Path) -> None:
    assert lack_of_room(Estimate(1, 1000), [tmp_path / "not" / "there"]) == ""
    told = lack_of_room(Estimate(1, 10**18), [tmp_path / "not" / "there"])
    assert told.startswith(f"{tmp_path} has ") and "1000000000000 MB may be written" in told


def test_times_in_words() -> None:
    assert Estimate(150, 12 * 10**7).text().startswith("about 2:30 and 120 MB, ")
