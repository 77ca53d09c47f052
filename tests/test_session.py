"""Sessions: frames of any node at any time, and edits that share all that did not change."""

from __future__ import annotations

import importlib
import shutil
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from test_films import write_album
from test_kept_frames import graph

from n2s.graph.errors import ArgumentError, GraphError
from n2s.graph.graph import Graph
from n2s.graph.registry import registry
from n2s.nodes import Anchors, Features, VAEDecode
from n2s.runtime import readiness
from n2s.runtime.recent import Recent
from n2s.runtime.render.kept import RecentFrames
from n2s.runtime.run import Run
from n2s.runtime.seeing.views import View
from n2s.runtime.session import Session

PROBLEMS_OF = readiness.input_problems


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Counter:
    """How often nodes compute, and of how many frames."""
    counted: Counter = Counter()
    for cls in (VAEDecode, Anchors):

        def compute(self: Any, block: Any, _compute: Any = cls.compute, **inputs: Any) -> Any:
            counted[type(self).__name__] += block.count
            return _compute(self, block, **inputs)

        monkeypatch.setattr(cls, "compute", compute)
    hear = Features.compute

    def compute_features(self: Any, scene: Any, **inputs: Any) -> Any:
        counted["Features"] += 1
        return hear(self, scene, **inputs)

    monkeypatch.setattr(Features, "compute", compute_features)
    return counted


def test_an_edit_of_what_follows_decodes_nothing(studio: Any, store: Any, calls: Counter) -> None:
    session = Session(graph(studio, ()), store)
    before = session.frame("grain", 31)
    assert calls["VAEDecode"] == 1
    edited = session.edited({"tone.exposure": 0.7})
    after = edited.frame("grain", 31)
    assert calls == {"VAEDecode": 1, "Anchors": 1}
    assert not np.array_equal(before, after)
    np.testing.assert_array_equal(after, Session(edited.graph, store).frame("grain", 31))
    np.testing.assert_array_equal(before, session.frame("grain", 31))


def test_an_edit_before_the_decoder_decodes_one_frame(studio: Any, store: Any, calls: Counter) -> None:
    session = Session(graph(studio, ()), store)
    session.frame("grain", 31)
    edited = session.edited({"ramp.points": [[0, 0.2], [2, 0.3]]})
    made = edited.frame("grain", 31)
    assert calls["VAEDecode"] == 2
    np.testing.assert_array_equal(made, Session(edited.graph, store).frame("grain", 31))


def test_the_music_is_heard_once(studio: Any, store: Any, calls: Counter) -> None:
    values = harness.around("Features", studio.model)
    session = Session(harness.load(values, studio.folder), store)
    session.frame("shown", 3)
    edited = session.edited({"ramp.points": [[0, 1], [2, 0]], "shown.contrast": 1.2})
    edited.frame("shown", 3)
    assert calls["Features"] == 1
    assert edited.values.outputs["subject", "onset"] is session.values.outputs["subject", "onset"]


def test_every_node_at_any_time_from_many_threads(studio: Any, store: Any) -> None:
    session = Session(graph(studio, ()), store)
    wanted = {
        (name, at): harness.frames(session.graph, store, name, [(at, at + 1)])[0]
        for name in ("anchors", "decoded", "tone", "smooth", "grain")
        for at in (0, 31, 62)
    }
    with ThreadPoolExecutor(8) as pool:
        asked = [(name, at) for _ in range(4) for name, at in wanted]
        for key, made in zip(asked, pool.map(lambda key: session.frame(*key), asked)):
            np.testing.assert_array_equal(made, wanted[key])


def test_looking_changes_no_film(studio: Any, tmp_path: Path, store: Any) -> None:
    plain = harness.run(graph(studio, ()), tmp_path / "a", store)
    session = Session(graph(studio, ()), store)
    for name in ("anchors", "decoded", "tone", "picture"):
        session.frame(name, 17)
    again = harness.run(session.graph, tmp_path / "b", store, force=True)
    assert Path(plain.films[0]["path"]).read_bytes() == Path(again.films[0]["path"]).read_bytes()


def test_what_an_edit_changes(studio: Any, store: Any) -> None:
    session = Session(graph(studio, ()), store)
    assert session.changed(session.edited({"grain.amount": 0.2})) == [(0, 20), (20, 40), (40, 60), (60, 63)]
    assert session.changed(session.edited({"title": "Another"})) == []
    late = session.edited({"ramp.points": [[0, 0], [1.1, 1], [1.5, 0.71], [2, 0.3]]})
    assert session.changed(late) == [(20, 40), (40, 60)]


def test_a_file_that_changed_is_read_again_by_the_next_edit(studio: Any, store: Any) -> None:
    session, path = Session(graph(studio, ()), store), studio.folder / "picture.png"
    before, kept = session.frame("picture", 0), path.read_bytes()
    try:
        tiny.write_png(path, np.full((40, 60, 3), 200, np.uint8))
        after = session.edited({"grain.amount": 0.01}).frame("picture", 0)
    finally:
        path.write_bytes(kept)  # other tests show it, too
    assert not np.array_equal(before, after)
    np.testing.assert_allclose(after, 200 / 255, atol=1e-6)


def test_memory_is_limited(studio: Any, store: Any, calls: Counter) -> None:
    frame = 3 * 96 * 128 * 2
    session = Session(graph(studio, ()), store, memory=3 * frame)
    for at in (1, 2, 3, 4, 4, 3, 2):
        session.frame("decoded", at)
    assert calls["VAEDecode"] == 4
    session.frame("decoded", 1)
    assert calls["VAEDecode"] == 5
    recent = RecentFrames(100)
    recent.put("a", np.zeros(200, np.uint8))
    assert recent.get("a") is None and recent.bytes == 0


def test_what_gives_no_frames_is_told(studio: Any, store: Any) -> None:
    session = Session(graph(studio, ()), store)
    with pytest.raises(GraphError, match='"ramp" gives neither latents nor frames'):
        session.frame("ramp", 0)
    assert session.plan().end == "out" and session.plan("tone").end == "tone"


RESIDENTS = '''
class ByModel(Resident):
    """Tell models apart."""

    signal: Signal = port("any signal")

    outputs = SIGNAL_OUTPUT

    def compute(self, scene, signal):
        return np.full(scene.clock.frames, len(str(scene.model_folder)) / 1000)


class ByTable(Resident):
    """Read a number from a table that it looks after itself."""

    signal: Signal = port("any signal")
    table: str = setting("table.txt", help="the name of a file")

    outputs = SIGNAL_OUTPUT

    def digests(self, scene):
        return {"table": scene.context.file_digest(scene.path(self.table))}

    def compute(self, scene, signal):
        return np.full(scene.clock.frames, float(scene.path(self.table).read_text()))
'''


@pytest.mark.parametrize("name", ["ByModel", "ByTable"])
def test_values_that_come_from_outside_the_graph(name: str, studio: Any, packages: Any, store: Any) -> None:
    packages.install(RESIDENTS)
    table = studio.folder / "table.txt"
    table.write_text("0.5")
    driven = {"any": {"node": name, "signal": "ramp"}, "tone__exposure": "any"}
    session = Session(graph(studio, (), **driven), store)
    before = session.values.params["tone", "exposure"][0]
    table.write_text("0.25")
    shutil.copytree(studio.model, studio.folder / "another_model")
    try:
        edited = session.edited({"model": "another_model"})
        after = edited.values.params["tone", "exposure"][0]
        assert after != before and after == Session(edited.graph, store).values.params["tone", "exposure"][0]
    finally:
        shutil.rmtree(studio.folder / "another_model")
        table.unlink()


@pytest.mark.parametrize("number", [-1, 63, 10**9])
def test_a_frame_that_is_not_there_is_told(number: int, studio: Any, store: Any) -> None:
    session = Session(graph(studio, ()), store)
    with pytest.raises(ArgumentError, match=f"There is no frame {number}: the track has frames 0 to 62."):
        session.frame("grain", number)
    with pytest.raises(ArgumentError, match="There is no frame"):
        session.pick("decoded", [0, number])


def test_frames_that_one_film_alone_has_are_changed(studio: Any, store: Any) -> None:
    session = Session(graph(studio, ()), store)
    shorter = session.edited({"duration": 40 / 30})
    assert session.changed(shorter) == [(40, 60), (60, 63)] and shorter.changed(session) == [(40, 60), (60, 63)]
    assert session.changed(session.edited({"duration": 1.5})) == [(40, 45), (45, 60), (60, 63)]


FLAT = '''
VALUE = 0.25


class Flat(Streamed):
    """Show one value."""

    outputs = FRAMES_OUTPUT

    def compute(self, block):
        return np.full((block.count, 3, 4, 6), VALUE, np.float32)


class Same(Resident):
    """Give one value."""

    outputs = SIGNAL_OUTPUT

    def compute(self, scene):
        return np.full(scene.clock.frames, VALUE)
'''


def test_code_that_is_loaded_again_is_what_is_seen(studio: Any, packages: Any, store: Any) -> None:
    file = packages.install(FLAT)

    def load() -> Graph:
        return graph(studio, (), flat={"node": "Flat"}, same={"node": "Same"}, tone__exposure="same")

    def change(before: str, after: str) -> None:
        file.write_text(file.read_text().replace(before, after))
        importlib.reload(sys.modules["others_nodes"])

    session = Session(load(), store)
    seen = lambda session, number: [  # noqa: E731
        session.frame("flat", number)[0, 0, 0],
        session.values.params["tone", "exposure"][0],
    ]
    assert seen(session, 0) == [0.25, 0.25]
    change("VALUE = 0.25", "VALUE = 0.75000")
    assert seen(session, 0) == [0.75, 0.75] == seen(session.edited({"title": "Another"}), 0)
    assert seen(session, 1) == [0.75, 0.75]
    change("VALUE = 0.75000", "VALUE = 0.25")
    registry.cache_clear()
    for later in session, session.of(load()), session.edited({"title": "One more"}):
        assert seen(later, 0) == seen(later, 1) == [0.25, 0.25]


@pytest.mark.skipif(not Path("/proc/self/fd").is_dir(), reason="the system does not list the files that are open")
def test_music_that_was_heard_is_closed(studio: Any, tmp_path: Path, store: Any) -> None:
    def open_music() -> list[Path]:
        return [file for file in map(Path.resolve, Path("/proc/self/fd").iterdir()) if file.suffix == ".wav"]

    session = Session(harness.load(harness.around("Features", studio.model), studio.folder), store)
    for i in range(3):
        music = tmp_path / f"music{i}.wav"
        tiny.write_wav(music, tiny.clicks(1 + i / 10))
        session = session.edited({"track.path": str(music)})
        assert session.clock.frames == 30 + 3 * i and not open_music()


def test_memory_of_pictures_and_values_is_limited(studio: Any, store: Any) -> None:
    table = np.zeros(100, np.float32)
    recent = Recent(3, 1000)
    for i in range(5):
        recent[i] = {"a": table[:50], "b": (table[50:], "text")}
    assert list(recent) == [3, 4]
    recent[5] = np.zeros(10_000)
    assert list(recent) == [5]
    for i in range(6, 10):
        recent[i] = "no array"
    assert list(recent) == [7, 8, 9]
    recent.clear()
    recent[0] = table
    assert list(recent) == [0]
    picture = studio.folder / "many.png"
    session = Session(graph(studio, ()), store, memory=3 * 4 * 3 * 40 * 60)
    for value in range(5):
        tiny.write_png(picture, np.full((40, 60, 3), value, np.uint8))
        session = session.edited({"picture.path": picture.name})
        assert session.frame("picture", 0).max() == pytest.approx(value / 255)
    picture.unlink()
    assert len(session._shared.opened) == 3


@pytest.mark.parametrize(
    "ask",
    [
        lambda session: session.clock,
        lambda session: session.values,
        lambda session: session.plan(),
        lambda session: session.frame("decode", 0),
        lambda session: session.signal("features.rms"),
        lambda session: session.changed(session),
    ],
    ids=["clock", "values", "plan", "frame", "signal", "changed"],
)
def test_a_session_of_an_album_names_its_tracks(ask: Any, studio: Any, tmp_path: Path, store: Any) -> None:
    path = write_album(tmp_path, studio.model, [4410])
    with Session(Graph.load(path), store) as session:
        with pytest.raises(GraphError, match=r"album\.yaml:\d+:\d+  This is an album; name .*track0\.yaml"):
            ask(session)


def test_the_files_of_a_graph_are_looked_at_once(
    studio: Any, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    looked: list[Graph] = []
    monkeypatch.setattr(readiness, "input_problems", lambda graph: looked.append(graph) or PROBLEMS_OF(graph))
    session = Session(graph(studio, ()), store)
    for port in ("ramp", "grain"):
        View(session, port)
    session.pick("grain", [3])
    session.films(tmp_path)
    assert looked == [session.graph]
    session.check_films()  # a run that begins, perhaps much later
    session.films(tmp_path)
    assert looked == [session.graph] * 2
    job = Run(session.graph, tmp_path, store)
    del looked[:]
    job.execute()
    assert looked == [session.graph]


def test_what_was_wrong_is_looked_at_again(studio: Any, store: Any, tmp_path: Path) -> None:
    values = harness.around("Tone", studio.model)
    values["nodes"]["cover"] = {"node": "ImageSource", "path": str(tmp_path / "cover.png")}
    session = Session(harness.load(values, studio.folder), store)
    for _ in range(2):
        with pytest.raises(GraphError, match="cover.png"):
            session.films(tmp_path)
    tiny.write_png(tmp_path / "cover.png", np.zeros((8, 8, 3), np.uint8))
    assert len(session.films(tmp_path).films) == 1
    (tmp_path / "cover.png").unlink()
    with pytest.raises(GraphError, match="cover.png"):
        session.check_films()
