"""Frames between nodes have the film's size, whoever reads them."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from node_sources import SHRINK

from n2s.runtime.context import RunContext
from n2s.runtime.media import resample
from n2s.runtime.seeing.views import View
from n2s.runtime.session import Session

SIZE = (96, 64)
COPY = '''
class Copy(Streamed):
    """Give back what comes in, as it is."""

    frames: Frames = port("what is copied")

    outputs = FRAMES_OUTPUT
    neutral = {}

    def compute(self, block, frames):
        assert frames.shape == (block.count, 3, 64, 96), frames.shape
        assert not frames.flags.writeable
        return frames


class Before(Streamed):
    """Show the frame four before."""

    frames: Frames = port("what is delayed")

    outputs = FRAMES_OUTPUT

    def window(self, fps):
        return 4, 1

    def compute(self, block, frames):
        assert frames.shape == (block.count + 5, 3, 64, 96), frames.shape
        return frames[: block.count]
'''
SOURCES = {"decoded": [3, 4], "fitting": [2, 3], "coarse": [2, 2], "picture": None}


def graph(studio: Any, source: str, *types: str) -> Any:
    """A film of a source of frames and a chain of nodes behind it, named by their types."""
    nodes = harness.surroundings(studio.model)
    for name, grid in SOURCES.items():
        if grid:
            nodes[name] = nodes["decoded"] | {"grid": grid}
    name = source
    for i, cls in enumerate(types):
        name, before = f"{cls.lower()}{i}", name
        nodes[name] = {"node": cls, "frames": before}
    nodes["out"] = {"node": "DigestSink", "frames": name, "audio": "track", "path": "frames.txt"}
    return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": list(SIZE), "nodes": nodes}, studio.folder)


def by_hand(raw: np.ndarray, half: bool) -> np.ndarray:
    """Crop one frame at its centre to the film's shape and resample it in light, rounding to float16 before."""
    raw = raw.astype(np.float16).astype(np.float32) if half else raw
    return raw if raw.shape[1:] == SIZE[::-1] else resample.fit_picture(raw, SIZE[::-1])


def raw_frame(studio: Any, source: str, store: Any, at: int) -> np.ndarray:
    """What the source itself gives: the decoder of its latents, or the picture."""
    context = RunContext(store, print)
    if source == "picture":
        return context.image((studio.folder / "picture.png").resolve())
    latents = harness.frames(graph(studio, source), store, "anchors", [(at, at + 1)])
    return context.model(studio.model).decoder("auto", "cpu", 1).decode(latents)[0]


@pytest.mark.parametrize("source", SOURCES)
def test_frames_have_the_films_size_for_every_reader(source: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install(COPY)
    plain, copied = graph(studio, source), graph(studio, source, "Copy")
    seen = harness.frames(plain, store, source, [(0, 20)])
    assert seen.shape == (20, 3, 64, 96) and seen.dtype == np.float32
    np.testing.assert_array_equal(harness.frames(copied, store, "copy0", [(0, 20)]), seen)
    neutral = graph(studio, source, "Vignette").edit({"vignette0.amount": 0})
    np.testing.assert_array_equal(harness.frames(neutral, store, "vignette0", [(0, 20)]), seen)
    assert harness.codes(copied, store).tobytes() == harness.codes(plain, store).tobytes()
    shown = View(Session(plain, store), source)
    np.testing.assert_array_equal(np.concatenate(list(shown.blocks(range(0, 20)))), seen)
    np.testing.assert_allclose(
        np.clip(seen[7], 0, 1), by_hand(raw_frame(studio, source, store, 7), source != "picture"), atol=2e-6
    )


@pytest.mark.parametrize(
    "chain", [("Copy", "Tone"), ("Tone", "Copy", "Grain"), ("Before", "Copy"), ("Tone", "Before", "Vignette")]
)
def test_chains_of_both_kinds(chain: tuple[str, ...], packages: Any, studio: Any, store: Any) -> None:
    packages.install(COPY)
    made = graph(studio, "decoded", *chain)
    without = graph(studio, "decoded", *(cls for cls in chain if cls != "Copy"))
    assert harness.codes(made, store).tobytes() == harness.codes(without, store).tobytes()
    assert harness.codes(made, store, fuse=False).tobytes() == harness.codes(made, store).tobytes()


def test_a_window_over_frames(packages: Any, studio: Any, store: Any) -> None:
    packages.install(COPY)
    made = graph(studio, "decoded", "Tone", "Before")
    early = harness.frames(made, store, "tone0", [(0, 63)])
    late = harness.frames(made, store, "before1", [(0, 3), (3, 9), (9, 63)])
    np.testing.assert_array_equal(late, early[np.maximum(np.arange(63) - 4, 0)])
    np.testing.assert_array_equal(harness.frames(made, store, "before1", [(30, 31)])[0], early[26])


def test_export_preview_and_drawing_show_the_films_size(n2s: Any, studio: Any, tmp_path: Path) -> None:
    graph(studio, "decoded", "Tone")
    file = studio.folder / "graph.yaml"
    assert n2s("export", file, "--port", "decoded", "-o", tmp_path / "a.npz", "--to", "0.3")[0] == 0
    assert np.load(tmp_path / "a.npz")["values"].shape == (9, 3, 64, 96)
    assert n2s("preview", file, "--node", "decoded", "--at", "0.5", "-o", tmp_path / "a.png")[0] == 0
    height, width, _ = tiny.read_png(tmp_path / "a.png").shape
    assert n2s("preview", file, "--at", "0.5", "-o", tmp_path / "b.png")[0] == 0
    assert tiny.read_png(tmp_path / "b.png").shape == (height, width, 3)


def test_an_export_of_many_frames_says_how_far_it_is(
    n2s: Any, studio: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("n2s.commands.export.TELL_EVERY", 0.0)
    graph(studio, "decoded", "Tone")
    status, _, err = n2s("export", studio.folder / "graph.yaml", "--node", "decoded", "-o", tmp_path / "a.npz")
    told = [int(count) for count in re.findall(r"^(\d+) of 63 frames are written\.$", err, re.MULTILINE)]
    assert status == 0 and told and told == sorted(set(told)) and told[-1] < 63, err


def test_thumbnails_have_the_films_size(studio: Any, store: Any, tmp_path: Path) -> None:
    from n2s.commands.draw import node_pictures
    from n2s.graph.times import parse_time

    session = Session(graph(studio, "decoded", "Tone"), store)
    for path in node_pictures(session, parse_time(0.5), tmp_path).values():
        assert tiny.read_png(path).shape == (64, 96, 3)


def test_a_source_may_have_frames_of_any_size(packages: Any, studio: Any, store: Any) -> None:
    packages.install('''
class Bars(Streamed):
    """Show bars."""

    outputs = FRAMES_OUTPUT

    def compute(self, block):
        return np.broadcast_to(np.linspace(0, 1, 31, dtype=np.float32), (block.count, 3, 40, 31))
''')
    nodes = {"stripes": {"node": "Bars"}, "out": {"node": "DigestSink", "frames": "stripes", "path": "f.txt"}}
    made = harness.load({"n2s": 1, "size": [96, 64], "duration": 0.2, "nodes": nodes}, studio.folder)
    seen = harness.frames(made, store, "stripes", [(0, 6)])
    wanted = resample.fit_picture(np.broadcast_to(np.linspace(0, 1, 31, dtype=np.float32), (3, 40, 31)), (64, 96))
    np.testing.assert_allclose(np.clip(seen, 0, 1), np.broadcast_to(wanted, seen.shape), atol=2e-6)


def test_frames_beyond_the_end_stand_still(packages: Any, studio: Any, store: Any) -> None:
    """An album may need one frame more of its last track than the track has alone."""
    packages.install(COPY)
    values = json.loads(graph(studio, "decoded", "Tone", "Before", "Vignette", "Copy").path.read_text())
    values["nodes"]["tone0"]["exposure"] = "= ramp"
    values["nodes"]["vignette2"]["amount"] = "= ramp"
    driven = harness.load(values, studio.folder)
    for fuse in (True, False):
        maker = harness.FrameMaker(harness.plan(driven, store, fuse), store)
        codes = np.concatenate(list(maker.blocks(56, 65)))
        assert len(codes) == 9 and (codes[7:] == codes[6]).all() and (codes[6] != codes[5]).any()
        np.testing.assert_array_equal(np.concatenate(list(maker.blocks(63, 64))), codes[7:8])
    values["nodes"]["grain"] = {"node": "Grain", "frames": "tone0"}
    values["nodes"]["more"] = {"node": "Tone", "frames": "grain", "exposure": "= ramp"}
    values["nodes"]["out"]["frames"] = "more"
    grained = harness.load(values, studio.folder)
    ends = [
        np.concatenate(list(harness.FrameMaker(harness.plan(grained, store, fuse), store).blocks(60, 64)))
        for fuse in (True, False)
    ]
    assert ends[0].tobytes() == ends[1].tobytes()


@pytest.mark.parametrize("source", SOURCES)
def test_a_node_takes_frames_of_another_size(source: str, packages: Any, studio: Any, store: Any) -> None:
    """What it reads is made in that size, pixel code too; who reads the same node otherwise sees the film's size."""
    packages.install(SHRINK)
    values = json.loads(graph(studio, source, "Vignette", "Shrink").path.read_text())
    values["nodes"]["mix"] = {"node": "Mix", "a": "shrink1", "b": "vignette0", "amount": 0.25}
    values["nodes"]["out"]["frames"] = "mix"
    both = harness.load(values, studio.folder)
    wide = json.loads(graph(studio, source, "Vignette").path.read_text()) | {"size": [192, 128]}
    wide = harness.frames(harness.load(wide, studio.folder, "wide.yaml"), store, "vignette0", [(7, 9)])
    np.testing.assert_array_equal(harness.frames(both, store, "shrink1", [(7, 9)]), wide[:, :, ::2, ::2])
    plain = harness.frames(graph(studio, source, "Vignette"), store, "vignette0", [(7, 9)])
    np.testing.assert_array_equal(harness.frames(both, store, "vignette0", [(7, 9)]), plain)
    assert harness.codes(both, store).tobytes() == harness.codes(both, store, fuse=False).tobytes()
