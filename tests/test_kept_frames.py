"""cache: frames keeps a node's frames in the store: later work on what follows computes none of them again."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph.errors import GraphError, RenderError
from n2s.graph.graph import Graph
from n2s.nodes import VAEDecode
from n2s.plan.film import towards
from n2s.runtime.events import Events
from n2s.runtime.render.framefile import FrameWriter
from n2s.runtime.render.kept import StoredFrames, defined_type
from n2s.runtime.render.segments import write_segment as write_segment_of
from n2s.runtime.render.tally import Tally
from n2s.runtime.store import Store


def graph(studio: Any, cached: tuple[str, ...] = ("decoded",), sink: str = "DigestSink", **settings: Any) -> Graph:
    nodes = harness.surroundings(studio.model)
    nodes["tone"] = {"node": "Tone", "frames": "decoded", "exposure": "= 0.2 * ramp"}
    nodes["smooth"] = {"node": "Vignette", "frames": "tone"}
    nodes["grain"] = {"node": "Grain", "frames": "smooth", "amount": 0.05}
    path = "film.mp4" if sink == "FFmpegSink" else "frames.txt"
    nodes["out"] = {"node": sink, "frames": "grain", "audio": "track", "path": path, "chunk": 20}
    for target, value in settings.items():
        node, _, field = target.partition("__")
        if field:
            nodes[node][field] = value
        else:
            nodes[node] = value
    for name in cached:
        nodes[name]["cache"] = "frames"
    values = {"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}
    return harness.load(values, studio.folder)


def entries(store: Any) -> list[Any]:
    return [entry for entry in store.entries() if entry.kind == "frames"]


def film(report: Any) -> bytes:
    return Path(report.films[0]["path"]).read_bytes()


@pytest.mark.parametrize("cached", [("decoded",), ("tone",), ("decoded", "smooth"), ("picture",), ("grain",)])
def test_films_are_the_same_with_and_without(cached: tuple[str, ...], studio: Any, tmp_path: Path, store: Any) -> None:
    plain = harness.run(graph(studio, ()), tmp_path / "a", store)
    keeping = graph(studio, cached)
    assert harness.keys(keeping, store) == harness.keys(graph(studio, ()), store)
    cold = harness.run(keeping, tmp_path / "b", store, force=True)
    warm = harness.run(keeping, tmp_path / "c", store, force=True)
    assert film(plain) == film(cold) == film(warm)


def test_an_edit_of_what_follows_decodes_nothing(studio: Any, tmp_path: Path, store: Any) -> None:
    first = harness.run(graph(studio), tmp_path, store)
    assert first.nodes["decoded"] > 0 and len(entries(store)) == 4
    edited = harness.run(graph(studio, grain__amount=0.1), tmp_path, store)
    assert edited.rendered == 4 and not {"decoded", "anchors"} & set(edited.nodes)
    fresh = harness.run(graph(studio, (), grain__amount=0.1), tmp_path / "fresh", store, force=True)
    assert film(edited) == film(fresh)
    moved = harness.run(graph(studio, anchors__names=["red", "blue", "green"]), tmp_path, store)
    assert moved.rendered == 4 and moved.nodes["decoded"] > 0 and len(entries(store)) == 8


def test_only_chunks_whose_frames_changed_are_decoded(studio: Any, tmp_path: Path, store: Any) -> None:
    harness.run(graph(studio), tmp_path, store)
    points = [[0, 0], [1.1, 1], [1.4, 0.8], [2, 0.3]]  # another way in the last chunks alone
    harness.run(graph(studio, ramp__points=points), tmp_path, store)
    assert 4 < len(entries(store)) < 8


def test_frames_are_kept_in_the_precision_of_their_definition(studio: Any, store: Any) -> None:
    plan = harness.plan(graph(studio, ("decoded", "tone")), store)
    kept = {stage.name: defined_type(plan, stage) for stage in plan.stages if stage.keep}
    assert kept == {"decoded": np.float16, "tone": np.float32}
    seen = harness.FrameMaker(towards(plan, "tone"), store).frames(0, 20)
    again = harness.FrameMaker(towards(plan, "tone"), store)
    stage = again.plan.stages[-1]
    stored = StoredFrames(again.plan, store, 0)
    with stored.chunk(0, 0):
        (piece,) = stored.pieces(stage, 3, 9)
        assert piece.load is not None
        np.testing.assert_array_equal(piece.load(3, 9), seen[3:9])
        pieces = [(piece.start, piece.stop, piece.load is None) for piece in stored.pieces(stage, 15, 30)]
    assert pieces == [(15, 20, False), (20, 30, True)]


def test_a_part_of_a_chunk_is_not_taken_for_the_whole(studio: Any, tmp_path: Path, store: Any) -> None:
    harness.run(graph(studio), tmp_path, store, span=(0.3, 1.1))  # frames 9 to 33: no chunk is whole
    assert not entries(store)
    harness.run(graph(studio), tmp_path, store, span=(0.3, 1.4))
    assert len(entries(store)) == 1


def test_a_damaged_entry_is_computed_again(studio: Any, tmp_path: Path, store: Any) -> None:
    first = harness.run(graph(studio), tmp_path, store)
    payload = entries(store)[1].payloads[0]
    data = bytearray(payload.read_bytes())
    data[len(data) // 2] ^= 0xFF
    payload.write_bytes(data)
    second = harness.run(graph(studio), tmp_path, store, force=True)
    assert film(first) == film(second) and second.nodes["decoded"] > 0


def test_latents_are_not_frames(studio: Any) -> None:
    with pytest.raises(GraphError, match=r"anchors.cache: frames alone are kept; Anchors gives Latents"):
        graph(studio, ("anchors",))
    with pytest.raises(GraphError, match="cache"):
        VAEDecode(cache="pictures")


def test_what_is_kept_is_within_the_limit_of_the_store(
    studio: Any, tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plain = harness.run(graph(studio, ()), tmp_path / "plain", store)
    size = sum(entry.bytes for entry in store.entries())
    kept = harness.run(graph(studio), tmp_path / "a", store, force=True)
    each = max(entry.bytes for entry in entries(store))
    for entry in entries(store):
        entry.remove()
    store.limit, most, said = size + 2 * each + each // 2, [], []
    add = type(store).add

    def watched(self: Any, *arguments: Any) -> Path:
        made = add(self, *arguments)
        most.append(sum(entry.bytes for entry in self.entries()))
        return made

    monkeypatch.setattr(type(store), "add", watched)
    events = Events()
    events.said = said.append
    full = harness.run(graph(studio), tmp_path / "b", store, force=True, events=events)
    assert film(plain) == film(kept) == film(full)
    assert 2 <= len(entries(store)) < 4 and max(most) <= store.limit
    assert [text for text in said if "The store is full" in text and "decoded" in text]


def test_what_was_used_longest_ago_makes_room(tmp_path: Path) -> None:
    store, now = Store(tmp_path / "store", limit=10_000), time.time()
    keys = [f"{i:040x}" for i in range(4)]
    kinds, ages = ("segments", "frames", "segments", "frames"), (7200, 3600, 2 * 86400, 60)
    for key, kind, age in zip(keys, kinds, ages):
        store.add(kind, key, ".bin", {}, lambda path: path.write_bytes(bytes(2000)))
        os.utime(store.path(kind, key, ".json"), (now - age, now - age))
    left = lambda: {entry.key for entry in store.entries()}  # noqa: E731
    assert store.make_room("frames", 100, since=now) and len(left()) == 4
    assert store.make_room("frames", 3000, since=now - 600) and left() == {keys[0], keys[1], keys[3]}
    assert store.make_room("frames", 5000, since=now - 600) and left() == {keys[0], keys[3]}
    assert not store.make_room("frames", 9000, since=now - 600) and left() == {keys[0], keys[3]}


def test_frames_are_kept_by_threads_and_processes_alike(
    executor: Any, studio: Any, tmp_path: Path, new_store: Any
) -> None:
    plain = harness.run(graph(studio, ()), tmp_path / "plain", new_store())
    store = new_store()
    cold = harness.run(graph(studio), tmp_path / "cold", store, executor=executor(2))
    warm = harness.run(graph(studio), tmp_path / "warm", store, executor=executor(2), force=True)
    assert film(plain) == film(cold) == film(warm) and len(entries(store)) == 4
    assert cold.computed["decoded"] == 63 and "decoded" not in warm.computed


def test_a_full_disk_is_told(studio: Any, tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    def no_space(frame: np.ndarray) -> bytes:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("n2s.runtime.render.framefile._pack", no_space)
    with pytest.raises(RenderError, match="The disk is full"):
        harness.run(graph(studio), tmp_path, store)
    assert not list(store.root.glob("frames/*/.*"))


def test_the_plan_tells_what_is_kept(studio: Any, tmp_path: Path, store: Any, n2s: Any, n2s_json: Any) -> None:
    path = graph(studio, ("decoded", "smooth")).path
    command = ("plan", path, "--store", store.root, "--out", tmp_path)
    assert "decoded (VAEDecode, 3x4 latents, on cpu, frames are kept: 0 of 4 chunks)" in n2s(*command)[1]
    harness.run(graph(studio, ("decoded", "smooth")), tmp_path / "part", store, span=(0, 1.4))
    assert "tone + smooth, one pass, frames are kept: 2 of 4 chunks" in n2s(*command)[1]
    (film,) = n2s_json(*command)
    assert {stage["name"]: stage["kept"] for stage in film["stages"]} == {
        "anchors": False, "decoded": True, "smooth": True, "out": False
    }  # fmt: skip
    read = {"stage": "anchors", "before": 0, "after": 0, "size": None, "composed": False, "picked": False}
    assert film["stages"][1]["reads"] == {"latents": read}
    assert len({stage["recipe"] for stage in film["stages"]}) == 4


AHEAD = '''
class Ahead(Streamed):
    """Take the mean of six frames: three before, its own, and two after."""

    frames: Frames = port("what is smoothed")

    outputs = FRAMES_OUTPUT

    def window(self, fps):
        return 3, 2

    def compute(self, block, frames):
        return sum(frames[i : i + block.count] for i in range(6)) / np.float32(6)
'''


@pytest.mark.parametrize("chunk", [7, 20])
@pytest.mark.parametrize("cached", [("decoded",), ("tone",), ("smooth",), ("decoded", "tone", "smooth", "grain")])
def test_frames_before_a_window_are_kept(
    cached: tuple[str, ...], chunk: int, studio: Any, packages: Any, tmp_path: Path, store: Any
) -> None:
    packages.install(AHEAD)
    ahead = {"smooth": {"node": "Ahead", "frames": "tone"}, "out__chunk": chunk}
    plain = harness.run(graph(studio, (), **ahead), tmp_path / "plain", store)
    cold = harness.run(graph(studio, cached, **ahead), tmp_path / "cold", store, force=True)
    kept = entries(store)
    assert len(kept) == -(-63 // chunk) * len(cached)
    warm = harness.run(graph(studio, cached, **ahead), tmp_path / "warm", store, force=True)
    for i, entry in enumerate(kept):  # some are gone, some are damaged, some are there
        if i % 3 == 0:
            entry.remove()
        elif i % 3 == 1:
            entry.payloads[0].write_bytes(b"nothing")
    partly = harness.run(graph(studio, cached, **ahead), tmp_path / "partly", store, force=True)
    assert film(plain) == film(cold) == film(warm) == film(partly)
    assert not list(store.root.glob("frames/*/.*"))


@pytest.mark.parametrize("chunk", [7, 20])
@pytest.mark.parametrize("cached", [("decoded",), ("tone",), ("decoded", "tone", "grain")])
def test_the_frame_beyond_the_end_of_a_track(cached: tuple[str, ...], chunk: int, studio: Any, store: Any) -> None:
    """An album may show a track's last frame once more, in its last chunk or in one of its own."""
    last = 63 // chunk * chunk
    plain = harness.FrameMaker(harness.plan(graph(studio, (), out__chunk=chunk), store), store)
    wanted = np.concatenate([block.copy() for block in plain.blocks(last, 64)])
    for _ in range(2):
        keeping = harness.FrameMaker(harness.plan(graph(studio, cached, out__chunk=chunk), store), store)
        made = np.concatenate([block.copy() for block in keeping.blocks(last, 64)])
        np.testing.assert_array_equal(made, wanted)
    assert len(entries(store)) == (len(cached) if last < 63 else 0)


@pytest.mark.parametrize("fails", ["the work", "the format"])
def test_what_is_given_up_leaves_no_file(
    fails: str, studio: Any, tmp_path: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    plan = harness.plan(graph(studio), store)

    def progress(frames: int) -> None:
        if frames and fails == "the work":
            raise InterruptedError

    def write_segment(self: Any, path: Path, sink: Any, shape: Any, blocks: Any) -> None:
        for _ in blocks:
            if fails == "the format":
                raise InterruptedError

    monkeypatch.setattr(type(plan.format), "write_segment", write_segment)
    maker = harness.FrameMaker(plan, store)
    with pytest.raises(InterruptedError) as error:
        write_segment_of(maker, plan.chunks()[1], tmp_path / "segment", Tally(), progress)
    assert error.tb and not list(store.root.glob("frames/*/.*"))  # while the error, and with it the work, is still held


def test_what_does_not_fit_on_the_disk_leaves_no_file(tmp_path: Path) -> None:
    resource = pytest.importorskip("resource")
    limit = resource.getrlimit(resource.RLIMIT_FSIZE)
    writer = FrameWriter(tmp_path / "frames", 0, 4, np.float32)
    writer.add(0, np.random.default_rng(1).random((1, 3, 16, 16), np.float32))  # less than the file's buffer
    resource.setrlimit(resource.RLIMIT_FSIZE, (1000, limit[1]))
    try:
        writer.close()
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, limit)
    assert not list(tmp_path.iterdir())


GROW = '''
class Grow(Streamed):
    """Show grey pictures, larger ones from frame 20 on."""

    outputs = FRAMES_OUTPUT

    def compute(self, block):
        side = 20 if block.start < 20 else 40
        return np.full((block.count, 3, side, side), 0.5, np.float32)
'''


def test_kept_frames_of_another_size_are_told(studio: Any, packages: Any, store: Any) -> None:
    packages.install(AHEAD + GROW)
    nodes = {"grow": {"node": "Grow"}, "tone": {"node": "Ahead", "frames": "grow"}}
    plan = harness.plan(graph(studio, ("grow",), **nodes), store)
    grow = towards(plan, "grow")
    list(harness.FrameMaker(grow, store).blocks(0, 20))
    assert len(entries(store)) == 1
    with pytest.raises(RenderError, match=r"grow \(Grow\): .* but frames of 3x20x20 elsewhere"):
        list(harness.FrameMaker(plan, store).blocks(20, 40))


def test_what_another_run_takes_away_is_computed(studio: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = towards(harness.plan(graph(studio), store), "decoded")
    wanted = list(harness.FrameMaker(plan, store).blocks(0, 20))
    find = type(store).find

    def find_and_lose(self: Any, kind: str, *about: str) -> Path | None:
        path = find(self, kind, *about)
        if path and kind == "frames":
            path.unlink()
        return path

    monkeypatch.setattr(type(store), "find", find_and_lose)
    np.testing.assert_array_equal(list(harness.FrameMaker(plan, store).blocks(0, 20)), wanted)


def test_what_cannot_be_opened_is_computed(studio: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    plan = towards(harness.plan(graph(studio), store), "decoded")
    wanted = list(harness.FrameMaker(plan, store).blocks(0, 20))

    def no_handle_left(path: Path) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    monkeypatch.setattr("n2s.runtime.render.kept.FrameReader", no_handle_left)
    np.testing.assert_array_equal(list(harness.FrameMaker(plan, store).blocks(0, 20)), wanted)
