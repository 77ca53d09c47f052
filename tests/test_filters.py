"""Filters: nodes that spread light."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest
from scipy.ndimage import gaussian_filter

from n2s.runtime.render.frames import FrameMaker

GLOW = '''
class Glow(Filter):
    """Show the light around each place."""

    frames: Frames = port("what glows")
    radius: Param = param(0.05, ge=0, le=0.5, help="how far it glows")

    def spread(self, radius):
        return Gaussians(radius[:, None], np.ones((len(radius), 1), np.float32))

    @staticmethod
    def pixel(rgb, soft, at):
        return soft[0], soft[1], soft[2]
'''


@pytest.fixture
def film(studio: Any, packages: Any) -> Any:
    """Load a film of some nodes, the last of which is shown."""
    packages.install(GLOW)

    def make(nodes: dict[str, Any]) -> Any:
        nodes = harness.surroundings(studio.model) | nodes
        nodes["out"] = {"node": "DigestSink", "frames": list(nodes)[-1], "audio": "track", "path": "frames.txt"}
        return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}, studio.folder)

    return make


def test_what_is_read_is_the_light_of_the_picture(film: Any, store: Any) -> None:
    graph = film({"tone": {"node": "Tone", "frames": "decoded"}, "glow": {"node": "Glow", "frames": "tone"}})
    shown = harness.frames(graph, store, "tone", [(0, 2)]).astype(np.float64)
    made = harness.frames(graph, store, "glow", [(0, 2)])
    light = gaussian_filter(shown * shown, (0, 0, 3.2, 3.2), mode="nearest")
    assert np.abs(made - light).max() < 0.01


@pytest.mark.parametrize("source", ["decoded", "picture", "toned"])
def test_filters_in_a_row_and_beside_each_other(source: str, film: Any, store: Any) -> None:
    """However they are fused and in whichever blocks they are made, their frames have the same bits."""
    nodes = {
        "toned": {"node": "Tone", "frames": "decoded", "exposure": 0.5},
        "grain": {"node": "Grain", "frames": source},
        "first": {"node": "Glow", "frames": source},
        "second": {"node": "Glow", "frames": "first", "radius": "= 0.05 * ramp"},
        "mix": {"node": "Mix", "a": "first", "b": "grain"},
        "third": {"node": "Glow", "frames": "mix", "radius": 0},
        "both": {"node": "Mix", "a": "second", "b": "third"},
    }
    graph = film(nodes)
    fused, alone = (harness.codes(graph, store, fuse) for fuse in (True, False))
    assert fused.tobytes() == alone.tobytes() and fused.std() > 1
    maker = FrameMaker(harness.plan(graph, store), store)
    edges = [0, 5, 6, 40, len(fused)]
    pieces = [codes.copy() for start, stop in zip(edges, edges[1:]) for codes in maker.blocks(start, stop)]
    assert np.concatenate(pieces).tobytes() == fused.tobytes()


def test_a_hidden_stage_has_a_key_of_its_own(film: Any, store: Any) -> None:
    plan = harness.plan(film({"glow": {"node": "Glow", "frames": "decoded"}}), store)
    keys = {plan.keys.chunk(0, 30, name).key for name in ("decoded", "decoded at 96x64", "glow soft", "glow")}
    assert len(keys) == 3  # resizing has the key of what it resizes
