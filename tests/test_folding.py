"""Folding hides nothing: nodes that a film does not need can be seen, and what is wrong with them is told."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.runtime.session import Session


def graph(studio: Any, last: str, nodes: dict[str, Any]) -> Graph:
    nodes = {**harness.surroundings(studio.model), **nodes}
    nodes["out"] = {"node": "DigestSink", "frames": last, "audio": "track", "path": "frames.txt"}
    return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}, studio.folder)


def hidden(studio: Any, amount: Any = 0.3) -> Graph:
    """decoded ──────────┐
    picture → vignette ┴ mix (amount 0) → out: as decoded → out."""
    nodes = {
        "vignette": {"node": "Vignette", "frames": "picture", "amount": amount},
        "mix": {"node": "Mix", "a": "decoded", "b": "vignette", "amount": 0},
    }
    return graph(studio, "mix", nodes)


@pytest.mark.parametrize("name", ["picture", "vignette", "mix", "decoded"])
def test_what_only_a_folded_node_reads_can_be_seen(name: str, studio: Any, store: Any) -> None:
    session = Session(hidden(studio), store)
    assert session.plan().unused == ("picture", "vignette")
    seen = session.frame(name, 31)
    np.testing.assert_array_equal(seen, harness.frames(session.graph, store, name, [(31, 32)])[0])


def test_what_only_a_folded_node_reads_has_its_ranges_checked(studio: Any, store: Any) -> None:
    with pytest.raises(GraphError, match="vignette.amount is driven by = 5 . ramp and reaches 5"):
        Session(hidden(studio, "= 5 * ramp"), store).plan()


BRIGHT = '''
class Bright(Pointwise):
    """Add light."""

    frames: Frames = port("what is made brighter")
    amount: Param = param(0.0, ge=0, le=1, help="how much")

    neutral = {}
    example = {"amount": 0.5}

    @staticmethod
    def pixel(rgb, at, amount):
        return rgb[0] + amount, rgb[1] + amount, rgb[2] + amount
'''


def test_a_node_that_is_neutral_at_its_defaults_is_not_so_in_its_example(
    packages: Any, studio: Any, store: Any
) -> None:
    packages.install(BRIGHT)
    for amount, folded in ({"amount": 0.5}, {}), ({}, {"bright": "decoded"}):
        made = graph(studio, "bright", {"bright": {"node": "Bright", "frames": "decoded", **amount}})
        assert harness.plan(made, store, fold=True).folded == folded


OTHERS = '''
class Blank(Streamed):
    """Show frames, or nothing."""

    frames: Frames = port("what is shown", optional=True)
    amount: float = setting(0.0, help="how dark")

    neutral = {"amount": 0}
    outputs = FRAMES_OUTPUT

    def compute(self, block, frames=None):
        return np.zeros((block.count, 3, 64, 96), np.float32) if frames is None else frames


class Bare(Streamed):
    """Show three channels of latents."""

    latents: Latents = port("what is shown")

    neutral = {}
    outputs = FRAMES_OUTPUT

    def compute(self, block, latents):
        return np.ascontiguousarray(latents[:, :3])
'''


def test_a_node_without_what_it_hands_on_is_computed(packages: Any, studio: Any, store: Any) -> None:
    packages.install(OTHERS)
    for spec in {"node": "Blank"}, {"node": "Bare", "latents": "anchors"}:
        made = graph(studio, "shown", {"shown": spec})
        assert not harness.plan(made, store, fold=True).folded
        assert Session(made, store).frame("shown", 3).shape == (3, 64, 96)
    made = graph(studio, "shown", {"shown": {"node": "Blank", "frames": "decoded"}})
    assert harness.plan(made, store, fold=True).folded == {"shown": "decoded"}


def test_the_same_latents_for_decoders_of_two_grids(studio: Any, store: Any) -> None:
    surrounding = harness.surroundings(studio.model)
    nodes = {
        "others": surrounding["anchors"],
        "wide": {**surrounding["decoded"], "latents": "others", "grid": [2, 5]},
        "mix": {"node": "Mix", "a": "decoded", "b": "wide"},
    }
    made = graph(studio, "mix", nodes)
    plan = harness.plan(made, store, fold=True)
    assert not plan.folded and {stage.grid for stage in plan.stages if stage.grid} == {(3, 4), (2, 5)}
