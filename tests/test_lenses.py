"""Lenses in films: a run of them is one map and one sample, whatever else reads it, and however it is asked for."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph.errors import RenderError
from n2s.graph.graph import Graph
from n2s.plan.film import plan_film
from n2s.plan.stages import Lensing, Read
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse
from n2s.runtime.render.frames import FrameMaker

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


def last_kernel(graph: Graph, store: Any, **options: Any) -> Any:
    return plan_of(graph, store, **options).stages[-1].kernel


def plan_of(graph: Graph, store: Any, **options: Any) -> Any:
    graph, context = graph.flat, RunContext(store, print)
    return plan_film(graph, "out", analyse(graph, context), context, {}, **options)


def test_lenses_that_follow_each_other_are_one_sample(studio: Any, store: Any) -> None:
    graph = film(studio, "tone", {**run_of_three(), "tone": {"node": "Tone", "frames": "coloured", "contrast": 1.1}})
    plan = plan_of(graph, store)
    assert [stage.name for stage in plan.stages] == ["picture", "picture at 96x64", "out"]
    assert plan.stages[-1].nodes == ("turned", "nearer", "coloured", "tone", "out")
    assert plan.stages[-1].reads == {"0": Read("picture at 96x64")}
    assert plan.stages[-1].kernel.lensings == (Lensing(("coloured", "nearer", "turned"), ((), (), ())),)


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
    assert ("turned", "nearer") in [stage.nodes for stage in plan_of(graph, store).stages], "read twice: made once"
    assert harness.codes(graph, store).tobytes() == alone.tobytes()


def test_a_run_is_not_the_same_as_one_lens_after_the_other(studio: Any, store: Any) -> None:
    """A pointwise node between two lenses parts them, even one that does nothing: its frames are sampled again."""
    together = film(studio, "nearer", {"turned": TURNED, "nearer": {**NEARER, "frames": "turned"}})
    between = {"turned": TURNED, "idle": {"node": "Tone", "frames": "turned"}, "nearer": {**NEARER, "frames": "idle"}}
    parted = film(studio, "nearer", between)
    once, twice = (harness.frames(graph, store, "nearer", [(0, 1)])[0] for graph in (together, parted))
    assert not np.array_equal(once, twice)
    inside = slice(16, 48)
    assert np.abs(once - twice)[:, inside, inside].mean() < 0.02, "the same places, read more sharply"
    assert set(harness.keys(together, store)).isdisjoint(harness.keys(parted, store))


@pytest.mark.parametrize("idle", [{"node": "Tone"}, {"node": "Camera"}, {"node": "Tone", "exposure": "= 0 * ramp"},
                                  {"node": "Camera", "turn": "= 0 * ramp"}])  # fmt: skip
def test_folding_between_lenses_changes_no_bit(idle: dict[str, Any], studio: Any, store: Any) -> None:
    nodes = {
        "turned": TURNED,
        "idle": {**idle, "frames": "turned"},
        "more": {"node": "Camera", "frames": "idle"},
        "nearer": {**NEARER, "frames": "more"},
    }
    graph = film(studio, "nearer", nodes)
    made = []
    for folding in (True, False):
        plan = plan_of(graph, store, folding=folding)
        maker = FrameMaker(plan, store)
        made.append(np.concatenate([block.copy() for block in maker.blocks(0, 8)]))
    assert made[0].tobytes() == made[1].tobytes()
    fixed = {field: (0 if str(value).startswith("=") else value) for field, value in idle.items()}
    nodes["idle"] = {**fixed, "frames": "turned"}
    still = FrameMaker(plan_of(film(studio, "nearer", nodes), store), store)
    assert np.concatenate([block.copy() for block in still.blocks(0, 8)]).tobytes() == made[0].tobytes()


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
    assert len(last_kernel(graph, store).lensings) == 2
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


SIZES = [(16, 16), (98, 64), (36, 64)]


@pytest.mark.parametrize("size", SIZES)
def test_frames_of_any_size(size: tuple[int, int], studio: Any, store: Any) -> None:
    nodes = {**harness.surroundings(studio.model), **run_of_three()}
    nodes["out"] = {"node": "PNGSink", "frames": "coloured", "audio": "track", "path": "frames"}
    graph = harness.load({"n2s": 1, "fps": 30, "size": list(size), "nodes": nodes}, studio.folder)
    made = harness.frames(graph, store, "coloured", [(0, 3)])
    assert made.shape == (3, 3, size[1], size[0]) and np.isfinite(made).all()


PUNCH = {"node": "Keyframes", "points": [[0, 1], [0.5, 1], [0.6, 1.5]], "interpolate": "linear"}


def shutter(studio: Any, degrees: float, **camera: Any) -> Graph:
    nodes = {"punch": PUNCH, "camera": {"node": "Camera", "frames": "picture", "shutter": degrees, **camera}}
    return film(studio, "camera", nodes)


def test_an_open_shutter_blurs_what_moves_along_its_way(studio: Any, store: Any) -> None:
    closed, open_ = (
        harness.frames(shutter(studio, degrees, zoom="punch"), store, "camera", [(0, 24)]) for degrees in (0, 180)
    )
    np.testing.assert_array_equal(closed[:14], open_[:14])  # it stands still until 0.5 s
    assert (np.abs(open_[16] - closed[16]).max() > 0.02) and np.abs(open_[16] - closed[16]).mean() < 0.1
    np.testing.assert_array_equal(closed[20:], open_[20:])
    still = harness.frames(shutter(studio, 180, zoom=1.3), store, "camera", [(0, 1)])
    np.testing.assert_array_equal(still, harness.frames(shutter(studio, 0, zoom=1.3), store, "camera", [(0, 1)]))


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


def test_an_open_shutter_is_shared_by_the_run(studio: Any, store: Any) -> None:
    """What moves is the first lens; the shutter is that of the last."""
    nodes = {
        "punch": PUNCH,
        "moving": {"node": "Camera", "frames": "picture", "zoom": "punch"},
        "open": {"node": "ChromaShift", "frames": "moving", "radial": 0.02, "shutter": 180},
    }
    blurred = harness.frames(film(studio, "open", nodes), store, "open", [(16, 17)])
    nodes["open"]["shutter"] = 0
    assert not np.array_equal(blurred, harness.frames(film(studio, "open", nodes), store, "open", [(16, 17)]))
    stages = {stage.name: stage for stage in plan_of(film(studio, "open", nodes), store).nodes}
    assert stages["moving"].shutter == 0
    nodes["open"]["shutter"] = 90
    stages = {stage.name: stage for stage in plan_of(film(studio, "open", nodes), store).nodes}
    assert stages["moving"].shutter == 90


@pytest.mark.parametrize(("degrees", "reached"), [(0, {15}), (180, {14, 15, 16})])
def test_an_open_shutter_reads_the_frames_beside(degrees: float, reached: set[int], studio: Any, store: Any) -> None:
    """A signal that changes at one frame gives new keys to the frames that see it, and no others."""

    def keys(value: float) -> list[str]:
        points = [[0, 1], [14.5 / 30, value], [15.5 / 30, 1]]
        nodes = {
            "leap": {"node": "Keyframes", "points": points, "interpolate": "hold"},
            "camera": {"node": "Camera", "frames": "picture", "zoom": "leap", "shutter": degrees},
        }
        plan = plan_of(film(studio, "camera", nodes), store)
        return [chunk.key for chunk in plan.chunks(length=1)]

    changed = {i for i, (one, other) in enumerate(zip(keys(1), keys(1.2))) if one != other}
    assert changed == reached


WRONG = '''
class Torn(Lens):
    """Ask for a place that is nowhere."""

    frames: Frames = port("what is torn")
    by: Param = param(0, ge=-1, le=1, help="how much")

    @staticmethod
    def where(x, y, at, by):
        late = at.frame >= 5 and x > 0.2
        return x / by if late else x, y


class Odd(Lens):
    """Ask for something that is no number."""

    frames: Frames = port("what is shown")

    @staticmethod
    def where(x, y, at):
        return x, at.nothing
'''


@pytest.mark.parametrize("before", [False, True])
@pytest.mark.parametrize("after", [False, True])
def test_a_place_that_is_no_number_is_told(before: bool, after: bool, packages: Any, studio: Any, store: Any) -> None:
    packages.install(WRONG)
    nodes = {
        "turned": {**TURNED, "turn": 1},
        "torn": {"node": "Torn", "frames": "turned" if before else "picture"},
        "nearer": {"node": "Camera", "frames": "torn", "zoom": 1.1},
        "tone": {"node": "Tone", "frames": "nearer" if after else "torn", "exposure": 0.5},
    }
    with pytest.raises(RenderError, match=r"torn \(Torn\): its frames hold NaN at frame 5"):
        harness.codes(film(studio, "tone", nodes), store)


def test_places_that_cannot_be_compiled_are_told(packages: Any, studio: Any, store: Any) -> None:
    packages.install(WRONG)
    nodes = {"turned": TURNED, "odd": {"node": "Odd", "frames": "turned"}}
    with pytest.raises(RenderError, match=r"odd \(Odd\): where cannot be compiled"):
        harness.codes(film(studio, "odd", nodes), store)
