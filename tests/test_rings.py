"""Values that neighbouring blocks share lie in rings; each reader decides only what its own sources hold."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from n2s.plan.hold import held_frames
from n2s.plan.stages import Read, Stage, widen
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kept import NothingKept
from n2s.runtime.render.rings import Ring
from n2s.runtime.render.tally import Tally
from n2s.runtime.render.work import Work

BACK = '''
class Back(Streamed):
    """Show the mean of some frames around each."""

    frames: Frames = port("what is averaged")
    before: int = setting(5, ge=0, le=100, help="how many frames back")
    after: int = setting(0, ge=0, le=100, help="how many frames ahead")

    outputs = FRAMES_OUTPUT

    def window(self, fps):
        return self.before, self.after

    def compute(self, block, frames):
        count = self.before + 1 + self.after
        return sum(frames[i : i + block.count] for i in range(count)) / np.float32(count)
'''


def numbered(start: int, stop: int) -> np.ndarray:
    return np.repeat(np.arange(start, stop, dtype=np.float32), 6).reshape(-1, 2, 3)


@settings(derandomize=True, deadline=None)
@given(
    slots=st.integers(1, 12),
    anchor=st.integers(-5, 30),
    moves=st.lists(st.tuples(st.integers(1, 15), st.integers(0, 15)), min_size=1, max_size=12),
)
def test_a_ring_holds_what_was_not_forgotten(slots: int, anchor: int, moves: list[tuple[int, int]]) -> None:
    ring = Ring((2, 3), slots, 7, anchor)
    for more, fewer in moves:
        ring.append(numbered(ring.stop, ring.stop + more))
        np.testing.assert_array_equal(ring.window(ring.first, ring.stop), numbered(ring.first, ring.stop))
        frames = np.arange(ring.first, ring.stop)[::-1]
        np.testing.assert_array_equal(ring.slots[ring.places(frames)], numbered(ring.first, ring.stop)[::-1])
        ring.forget(min(ring.stop, ring.first + fewer))


def test_blocks_lie_side_by_side() -> None:
    """A window of 5 frames in blocks of 4: each block is written and read in one piece."""
    ring = Ring((2, 3), 12, 0, 9)
    ring.append(numbered(0, 9))
    for stop in range(13, 80, 4):
        ring.forget(stop - 9)
        assert [(start, end) for start, end, _ in ring.extend(stop)] == [(stop - 4, stop)]
        assert np.shares_memory(ring.window(stop - 4, stop), ring.slots) and len(ring.slots) == 12


def stage(name: str, **reads: tuple[int, int]) -> Stage:
    return Stage(name, (name,), "frames", {source: Read(source, *window) for source, window in reads.items()})


@pytest.mark.parametrize(
    ("stages", "held"),
    [
        ([stage("film"), stage("out", film=(0, 0))], {}),
        ([stage("film"), stage("trails", film=(5, 0)), stage("out", trails=(0, 0))], {"film": 5}),
        ([stage("raw"), stage("film", raw=(0, 0)), stage("trails", film=(5, 0))], {"film": 5}),
        ([stage("film"), stage("one", film=(5, 0)), stage("two", one=(3, 0))], {"film": 5, "one": 3}),
        ([stage("film"), stage("around", film=(5, 2))], {"film": 7}),
        ([stage("raw"), stage("film", raw=(0, 0)), stage("around", film=(5, 2))], {"film": 7}),
        ([stage("film"), stage("ahead", film=(0, 2)), stage("out", film=(0, 0), ahead=(0, 0))], {"film": 2}),
    ],
)
def test_direct_readers_decide(stages: list[Stage], held: dict[str, int]) -> None:
    assert held_frames(widen(stages)) == held


def graph(studio: Any, **nodes: Any) -> Any:
    nodes = {**harness.surroundings(studio.model), **nodes}
    nodes["out"] = {"node": "DigestSink", "frames": list(nodes)[-1], "audio": "track", "path": "f.txt", "chunk": 20}
    return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}, studio.folder)


def test_a_film_mixed_with_its_past_is_decoded_once(packages: Any, studio: Any, store: Any) -> None:
    """Each frame of a chunk once, and once more the window before the chunk."""
    packages.install(BACK)
    mix = {"node": "Mix", "a": "decoded", "b": "back"}
    plan = harness.plan(graph(studio, back={"node": "Back", "frames": "decoded"}, mix=mix), store)
    maker, tally = FrameMaker(plan, store), Tally()
    for chunk in plan.chunks():
        list(maker.blocks(chunk.start, chunk.stop, tally))
    chunks = len(plan.chunks())
    assert tally.frames["decoded"] == 63 + 5 * (chunks - 1) and chunks == 4


def test_frames_behind_a_ring_are_not_held(packages: Any, studio: Any, store: Any) -> None:
    packages.install(BACK)
    plan = harness.plan(graph(studio, back={"node": "Back", "frames": "decoded"}), store)
    work = Work(FrameMaker(plan, store).opened, NothingKept(), Tally())
    for first in range(20, 40, 4):
        work.make(first, first + 4)
        (name,) = work._values
        assert name == "decoded at 96x64" and work._values[name].slots.shape == (12, 3, 64, 96)


CHAINS = {
    "back": {"one": {"node": "Back", "frames": "decoded"}},
    "back twice": {"one": {"node": "Back", "frames": "decoded"}, "two": {"node": "Back", "frames": "one", "before": 3}},
    "around": {
        "tone": {"node": "Tone", "frames": "decoded", "exposure": 0.3},
        "one": {"node": "Back", "frames": "tone", "before": 2, "after": 3},
        "two": {"node": "Back", "frames": "one", "before": 7, "after": 1},
        "mix": {"node": "Mix", "a": "one", "b": "tone"},
        "both": {"node": "Mix", "a": "mix", "b": "two"},
    },
}


@pytest.mark.parametrize("chain", CHAINS)
@settings(max_examples=8, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(picked=st.sets(st.integers(0, 62), min_size=1, max_size=20), length=st.integers(1, 40))
def test_rising_frames_with_gaps(chain: str, picked: set[int], length: int, made: Any) -> None:
    maker, whole = made(chain)
    frames = sorted(picked)
    np.testing.assert_array_equal(np.concatenate(list(maker.pick(frames))), whole[frames])
    blocks = [maker.blocks(start, min(63, start + length)) for start in range(0, 63, length)]
    np.testing.assert_array_equal(np.concatenate([block for each in blocks for block in each]), whole)


@pytest.fixture
def made(packages: Any, studio: Any, store: Any) -> Any:
    """Return a maker of each chain, and all of its frames, made at once from whole windows."""
    packages.install(BACK)
    known: dict[str, Any] = {}

    def make(chain: str) -> Any:
        if chain not in known:
            maker = FrameMaker(harness.plan(graph(studio, **CHAINS[chain]), store), store)
            known[chain] = maker, maker.frames(0, 63)
        return known[chain]

    return make
