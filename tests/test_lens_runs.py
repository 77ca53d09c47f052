"""Runs of lenses in films: what else reads them, and what they read."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np

from n2s.graph.graph import Graph
from n2s.plan.film import plan_film
from n2s.plan.stages import Lensing
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse

TURNED = {"node": "Camera", "frames": "picture", "turn": 20, "zoom": 0.8, "edge": "wrap"}
NEARER = {"node": "Camera", "zoom": 1.7, "pan_x": 0.3, "edge": "black"}
COLOURED = {"node": "ChromaShift", "radial": 0.1}


def film(studio: Any, last: str, nodes: dict[str, Any]) -> Graph:
    """A graph whose film shows one of the nodes."""
    nodes = {**harness.surroundings(studio.model), **nodes}
    nodes["out"] = {"node": "DigestSink", "frames": last, "audio": "track", "path": "frames.txt"}
    return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}, studio.folder)


def run_of_three(**middle: Any) -> dict[str, Any]:
    """picture → turned → nearer → coloured."""
    return {
        "turned": TURNED,
        "nearer": {**NEARER, "frames": "turned", **middle},
        "coloured": {**COLOURED, "frames": "nearer"},
    }


def plan_of(graph: Graph, store: Any, **options: Any) -> Any:
    graph, context = graph.flat, RunContext(store, print)
    return plan_film(graph, "out", analyse(graph, context), context, {}, **options)


def test_equal_runs_are_sampled_once(studio: Any, store: Any) -> None:
    nodes = {
        "one": TURNED,
        "same": TURNED,
        "apart": {"node": "Mix", "a": "one", "b": "same", "amount": 0.5},
    }
    plan = plan_of(film(studio, "apart", nodes), store)
    assert plan.folded == {"same": "one"}
    assert len(plan.stages[-1].kernel.lensings) == 1


def test_two_views_of_a_picture_in_one_kernel(studio: Any, store: Any) -> None:
    nodes = {
        "one": TURNED,
        "other": {"node": "Camera", "frames": "picture", "zoom": 2},
        "both": {"node": "Mix", "a": "one", "b": "other", "amount": 0.5},
    }
    graph = film(studio, "both", nodes)
    assert len(plan_of(graph, store).stages[-1].kernel.lensings) == 2
    assert harness.codes(graph, store).tobytes() == harness.codes(graph, store, fuse=False).tobytes()


def test_a_lens_looks_at_another_picture(studio: Any, store: Any) -> None:
    """Displace moves by a picture that is itself seen through a lens and toned; it is made before."""
    nodes = {
        "turned": TURNED,
        "toned": {"node": "Tone", "frames": "turned", "exposure": 1},
        "moved": {"node": "Displace", "frames": "decoded", "by": "toned", "move_x": 0.2},
    }
    graph = film(studio, "moved", nodes)
    plan = plan_of(graph, store)
    assert plan.stages[-1].kernel.lensings == (None, Lensing(("moved",), ((0,),)))
    assert {stage.name for stage in plan.stages if stage.kernel} == {
        "picture at 96x64", "toned", "decoded at 96x64", "out"
    }  # fmt: skip
    by, seen = (harness.frames(graph, store, name, [(3, 4)])[0] for name in ("toned", "decoded"))
    made = harness.frames(graph, store, "moved", [(3, 4)])[0]
    luma = 0.2126 * by[0] + 0.7152 * by[1] + 0.0722 * by[2]
    still = np.abs(luma - 0.5) < 0.5 / 256 / 64 / 0.2  # moves by less than half of 1/256 pixel
    np.testing.assert_array_equal(made[:, still], seen[:, still])
    assert not np.array_equal(made, seen)


def test_light_is_kept_along_the_way(studio: Any, store: Any) -> None:
    """A pan by whole frames under "wrap" smears the picture and keeps the light of each colour."""
    nodes = {
        "way": {"node": "Keyframes", "points": [[0, 0], [2, 12]], "interpolate": "linear"},
        "camera": {"node": "Camera", "frames": "picture", "pan_x": "way", "shutter": 360, "edge": "wrap"},
    }
    graph = film(studio, "camera", nodes)
    made = harness.frames(graph, store, "camera", [(10, 11)])[0].astype(float)
    given = harness.frames(graph, store, "picture", [(10, 11)])[0].astype(float)
    np.testing.assert_allclose((made**2).mean(axis=(1, 2)), (given**2).mean(axis=(1, 2)), rtol=0.01)
    assert made.std(axis=2).mean() < 0.9 * given.std(axis=2).mean(), "smeared"


def test_the_middle_of_a_run_may_be_read_kept_and_seen(studio: Any, store: Any, new_store: Any) -> None:
    """The film shows the same bits, and the middle what it shows alone."""
    alone = harness.codes(film(studio, "coloured", run_of_three()), store)
    middle = harness.frames(film(studio, "nearer", run_of_three()), store, "nearer", [(0, 4)])
    kept = film(studio, "coloured", run_of_three(cache="frames"))
    for _ in range(2):
        assert harness.codes(kept, new_store()).tobytes() == alone.tobytes()
    read = {**run_of_three(), "both": {"node": "Mix", "a": "coloured", "b": "nearer", "amount": "= 0 * ramp"}}
    graph = film(studio, "both", read)
    assert harness.codes(graph, store).tobytes() == alone.tobytes()
    assert harness.frames(graph, store, "nearer", [(0, 4)]).tobytes() == middle.tobytes()
    lensings = plan_of(graph, store).stages[-1].kernel.lensings
    assert [lensing.lenses for lensing in lensings] == [("coloured", "nearer", "turned"), ("nearer", "turned")]
    read["again"] = {"node": "Tone", "frames": "nearer", "exposure": 0.1}
    read["all"] = {"node": "Mix", "a": "both", "b": "again", "amount": "= 0 * ramp"}
    graph = film(studio, "all", read)
    assert len(plan_of(graph, store).stages[-1].kernel.lensings) == 2, "what is read twice is sampled once"
    assert harness.codes(graph, store).tobytes() == alone.tobytes()
