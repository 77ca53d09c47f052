"""Lenses in graphs: runs that are one sample, edges in order, shutters, keys, and what is told of wrong ones."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import harness
import numpy as np
import pytest
from node_sources import SHRINK
from refusing import refused

from n2s.graph.graph import Graph
from n2s.plan.film import towards
from n2s.runtime.render.frames import FrameMaker

FRAMES_IN_ALL = 63
WIDE, HIGH = 96, 64
IN, OUT = {"node": "Camera", "zoom": 1.4, "pan_x": 0.07}, {"node": "Camera", "turn": 21, "zoom": 1.2, "pan_y": -0.03}

TOYS = '''
class Stir(Lens):
    """Turn the middle."""

    frames: Frames = port("what is turned")
    amount: Param = param(0.8, ge=-5, le=5, help="how far")

    neutral = {"amount": 0}

    @staticmethod
    def where(x, y, at, amount):
        return stir(x, y, amount)


def stir(x, y, amount):
    k = amount * max(0.25 - x * x - y * y, 0)
    return x - k * y, y + k * x


class ByHand(Lens):
    """What Camera (zoom 1.4, pan_x 0.07), Stir and Camera (turned) show together, none of which leaves the frame."""

    frames: Frames = port("what is shown")
    along: Param = param(0.0, ge=-5, le=5, help="cosine of the turn, by zoom")
    beside: Param = param(0.0, ge=-5, le=5, help="sine of the turn, by zoom")

    @staticmethod
    def where(x, y, at, along, beside):
        right, down = x * along + y * beside, y * along - x * beside - 0.03
        right, down = stir(right, down, 0.8)
        return right / 1.4 + 0.07, down / 1.4


class Reversed(Lens):
    """Show left as right."""

    frames: Frames = port("what is mirrored")

    @staticmethod
    def where(x, y, at):
        return -x, y


class Dot(Streamed):
    """Show a soft dot of light in the middle, on black."""

    frames: Frames = port("not looked at")

    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        y, x = np.mgrid[0 : frames.shape[2], 0 : frames.shape[3]] - np.array([31.5, 47.5])[:, None, None]
        light = np.exp(-0.5 * (x * x + y * y) / 2)
        return np.broadcast_to(np.sqrt(light).astype(np.float32), frames.shape)
'''


@pytest.fixture
def film(studio: Any, packages: Any) -> Callable[..., Graph]:
    """Load a film of some nodes, the last of which is shown; a node without frames shows the one before it."""
    packages.install(TOYS + SHRINK)

    def make(nodes: dict[str, Any], source: str = "decoded", **header: Any) -> Graph:
        return harness.load(written(studio, nodes, source, **header), studio.folder)

    return make


def written(studio: Any, nodes: dict[str, Any], source: str = "decoded", **header: Any) -> dict[str, Any]:
    before, linked = source, {}
    for name, spec in nodes.items():
        linked[name] = spec if {"frames", "a", "value", "points"} & spec.keys() else {**spec, "frames": before}
        before = name
    nodes = harness.surroundings(studio.model) | linked
    nodes["out"] = {"node": "DigestSink", "frames": before, "audio": "track", "path": "frames.txt"}
    return {"n2s": 1, "seed": 3, "fps": 30, "size": [WIDE, HIGH], "nodes": nodes} | header


def light_of(frames: np.ndarray) -> np.ndarray:
    return frames.astype(np.float64) * np.abs(frames.astype(np.float64))


@pytest.mark.parametrize("source", ["decoded", "picture"])
@pytest.mark.parametrize("driven", [False, True])
def test_a_camera_at_rest_shows_what_is_there(driven: bool, source: str, film: Any, store: Any) -> None:
    one, nothing = ("= 1 + 0 * ramp", "= 0 * ramp") if driven else (1, 0)
    rest = {"node": "Camera", "zoom": one, "pan_x": nothing, "turn": nothing, "center_x": 0.3, "center_y": -0.1}
    graph = film({"camera": rest}, source)
    seen, made = (harness.frames(graph, store, name, [(20, 24)]) for name in (source, "camera"))
    assert seen.tobytes() == made.tobytes()


def test_a_mirror_is_a_copy(film: Any, store: Any) -> None:
    graph = film({"mirror": {"node": "Reversed"}})
    seen, made = (harness.frames(graph, store, name, [(20, 22)]) for name in ("decoded", "mirror"))
    np.testing.assert_array_equal(made, seen[:, :, :, ::-1])


@pytest.mark.parametrize("size", [(16, 16), (18, 38), (34, 66)], ids=str)
def test_frames_of_all_sizes(size: tuple[int, int], film: Any, store: Any) -> None:
    """In a row they are what each is alone, and in chunks what they are in one."""
    nodes = {"first": {**OUT, "edge": "wrap"}, "second": {"node": "ChromaShift", "radial": 0.1}}
    graph = film(nodes, size=list(size))
    fused, alone = (harness.codes(graph, store, fuse) for fuse in (True, False))
    assert fused.tobytes() == alone.tobytes()
    assert harness.frames(graph, store, "second", [(0, 3), (3, 4)]).shape == (4, 3, *size[::-1])


def test_lenses_that_follow_each_other_are_one(film: Any, store: Any) -> None:
    """Camera, Stir and Camera give what one lens gives that does the same by hand."""
    c, s = (f(np.deg2rad(21)) / 1.2 for f in (np.cos, np.sin))
    run = film({"in": IN, "stirred": {"node": "Stir"}, "turned": OUT})
    made = harness.frames(run, store, "turned", [(0, 2)])
    hand = film({"hand": {"node": "ByHand", "along": float(c), "beside": float(s)}})
    wanted = harness.frames(hand, store, "hand", [(0, 2)])
    slope = np.abs(np.diff(light_of(wanted), axis=3)).max() + np.abs(np.diff(light_of(wanted), axis=2)).max()
    error = np.abs(light_of(made) - light_of(wanted)).max()
    assert error < slope / 64  # parameters are multiples of 1/65536, places of 1/256 pixel
    second = harness.frames(film({"in": IN, "tone": {"node": "Tone"}, "turned": OUT}), store, "turned", [(0, 2)])
    first = harness.frames(film({"in": IN, "turned": OUT}), store, "turned", [(0, 2)])
    assert np.abs(light_of(first) - light_of(second)).max() > error  # sampled twice it is softer


# Each edge before each other and before itself, in four kernels. The pans, right and down in pixels, are such that one
# other edge, or two that change places, would alter a fifteenth of the frame or more.
EDGES = [
    ("mirror", "mirror", "wrap", "mirror", "clamp"),
    ("clamp", "mirror", "black", "wrap", "wrap"),
    ("wrap", "clamp", "wrap", "black", "clamp"),
    ("clamp", "clamp", "black", "black", "mirror"),
]
PANS = [(36, -22), (-39, 10), (26, -30), (-47, 20), (9, -33)]


@pytest.mark.parametrize("edges", EDGES, ids="-".join)
def test_each_lens_has_its_own_edge_in_order(edges: tuple[str, ...], film: Any, store: Any) -> None:
    """Pans by whole pixels: what numpy gives, which pads and cuts, for one after the other."""
    nodes = {
        f"pan{i}": {"node": "Camera", "pan_x": right / HIGH, "pan_y": down / HIGH, "edge": edge}
        for i, ((right, down), edge) in enumerate(zip(PANS, edges))
    }
    graph = film(nodes)
    wanted = harness.frames(graph, store, "decoded", [(20, 22)])
    ways = {"mirror": "symmetric", "wrap": "wrap", "clamp": "edge", "black": "constant"}
    for (right, down), edge in zip(PANS, edges):
        around = np.pad(wanted, ((0, 0), (0, 0), (80, 80), (80, 80)), mode=ways[edge])
        wanted = around[:, :, 80 + down : 80 + down + HIGH, 80 + right : 80 + right + WIDE]
    np.testing.assert_array_equal(harness.frames(graph, store, "pan4", [(20, 22)]), wanted)


def test_every_two_edges_meet() -> None:
    assert len({pair for edges in EDGES for pair in zip(edges, edges[1:])}) == 4 * 4


def test_nobody_who_looks_at_a_lens_in_the_middle_changes_the_film(film: Any, store: Any) -> None:
    """Read by a mix that hides it, previewed, kept, or with a neutral mix in place of the sink: the same bits."""
    zoom = {"node": "Camera", "zoom": "= 0.7 + ramp"}
    nodes = {"first": zoom, "second": {"node": "Stir", "edge": "wrap"}, "third": OUT}
    alone = harness.codes(film(nodes), store)
    kept = {**nodes, "first": {**zoom, "cache": "frames"}, "second": {**nodes["second"], "cache": "frames"}}
    mixed = nodes | {"mix": {"node": "Mix", "a": "third", "b": "second", "amount": 0}}
    looked_at = nodes | {"mix": {"node": "Mix", "a": "third", "b": "second", "amount": "= 0 * ramp"}}
    for other in (kept, mixed, looked_at):
        graph = film(other)
        assert harness.codes(graph, store).tobytes() == alone.tobytes()
        for name in ("first", "second"):
            assert harness.frames(graph, store, name, [(0, 2)]).shape == (2, 3, HIGH, WIDE)
        assert harness.codes(graph, store).tobytes() == alone.tobytes()


REST = {"node": "Camera", "center_x": 0.3, "center_y": 0.21}
FOLDS: dict[str, dict[str, Any]] = {
    "a neutral lens between": {"first": IN, "rest": REST, "last": OUT},
    "a neutral lens with another edge between": {"first": IN, "rest": {**REST, "edge": "black"}, "last": OUT},
    "a neutral lens before": {"rest": REST, "last": OUT},
    "a neutral lens with another edge before": {"rest": {**REST, "edge": "wrap"}, "last": {**OUT, "pan_x": 0.4}},
    "two of them before": {
        "rest": {**REST, "edge": "wrap"},
        "more": {**REST, "edge": "wrap"},
        "last": {**OUT, "pan_x": 0.4},
    },
    "a neutral lens behind": {"first": {**IN, "pan_x": 0.4}, "rest": {**REST, "edge": "black"}},
    "a neutral lens whose shutter is open": {
        "rest": {"node": "Stir", "amount": 0, "shutter": 360},
        "last": {"node": "Camera", "turn": "= 300 * ramp"},
    },
    "neutral pixels between": {"first": IN, "tone": {"node": "Tone"}, "last": OUT},
    "neutral pixels before and behind": {"tone": {"node": "Tone"}, "first": IN, "more": {"node": "Tone"}},
    "colours apart that are not": {"first": IN, "shift": {"node": "ChromaShift", "radial": 0}, "last": OUT},
    "nothing but neutral lenses": {"first": REST, "second": {**REST, "edge": "wrap"}},
}


@pytest.mark.parametrize("case", FOLDS)
def test_folding_changes_no_bit(case: str, film: Any, store: Any) -> None:
    graph = film(FOLDS[case])
    made = []
    for fold in (True, False):
        plan = harness.plan(graph, store, fold=fold)
        maker = FrameMaker(towards(plan, plan.end), store)
        made.append(np.concatenate([block.copy() for block in maker.blocks(0, FRAMES_IN_ALL)]))
    assert made[0].tobytes() == made[1].tobytes()


@pytest.mark.parametrize("case", ["a neutral lens between", "neutral pixels between"])
def test_a_neutral_signal_is_a_neutral_number(case: str, film: Any, store: Any) -> None:
    """What a signal drives is never folded, and yet the bits are those of a number, which is."""
    nodes = FOLDS[case]
    name, field, value = ("rest", "zoom", 1) if "rest" in nodes else ("tone", "saturation", 1)
    driven = {**nodes, name: {**nodes[name], field: f"= {value} + 0 * ramp"}}
    plan = harness.plan(film(nodes), store, fold=True)
    assert name in plan.folded and name not in harness.plan(film(driven), store, fold=True).folded
    assert harness.codes(film(nodes), store).tobytes() == harness.codes(film(driven), store).tobytes()


def test_two_kernels_that_sample_one_source(film: Any, store: Any) -> None:
    nodes = {
        "left": {"node": "Camera", "frames": "decoded", "turn": 30},
        "blur": {"node": "Shrink", "frames": "left"},
        "right": {"node": "ChromaShift", "frames": "decoded", "radial": 0.1},
        "mix": {"node": "Mix", "a": "blur", "b": "right"},
        "displaced": {"node": "Displace", "frames": "mix", "by": "left"},
    }
    graph = film(nodes)
    fused, alone = (harness.codes(graph, store, fuse) for fuse in (True, False))
    assert fused.tobytes() == alone.tobytes() and fused.std() > 1
    assert harness.frames(graph, store, "blur", [(0, 1)]).shape == (1, 3, HIGH, WIDE)


def test_a_streamed_node_sees_a_lens_in_the_size_that_it_takes(film: Any, store: Any) -> None:
    """The camera is made at twice the size, and shows the same part of the picture there."""
    graph = film({"camera": OUT, "shrunk": {"node": "Shrink"}})
    large, shrunk = (harness.frames(graph, store, name, [(0, 1)]) for name in ("camera", "shrunk"))
    assert large.shape == (1, 3, 2 * HIGH, 2 * WIDE)
    np.testing.assert_array_equal(shrunk, large[:, :, ::2, ::2])
    small = harness.frames(film({"camera": OUT}), store, "camera", [(0, 1)])
    assert np.abs(large.reshape(1, 3, HIGH, 2, WIDE, 2).mean((3, 5)) - small).mean() < 0.005


# What the shutter does.

MOVES = {"dot": {"node": "Dot"}, "camera": {"node": "Camera", "pan_x": "= 12 * count / 64", "edge": "black"}}
SWEEP = {"count": {"node": "Keyframes", "points": [[0, 0], [2.1, 63]], "interpolate": "linear"}}  # one a frame


def moved(shutter: float, **camera: Any) -> dict[str, Any]:
    """A dot that goes 12 pixels to the left in each frame; in frame 0 it is in the middle."""
    return {
        **SWEEP,
        "dot": {"node": "Dot", "frames": "decoded"},
        "camera": MOVES["camera"] | {"shutter": shutter, **camera},
    }


@pytest.mark.parametrize(("shutter", "length"), [(90, 3), (180, 6), (360, 12)])
def test_a_moving_dot_becomes_a_streak(shutter: float, length: float, film: Any, store: Any) -> None:
    """Its light is the same, as wide as it went while the shutter was open, and lies about where it was."""
    still, streak = (
        light_of(harness.frames(film(moved(angle)), store, "camera", [(2, 3)])[0, 0]) for angle in (0, shutter)
    )
    assert abs(streak.sum() / still.sum() - 1) < 0.001
    x = np.arange(WIDE)

    def spread(light: np.ndarray) -> tuple[float, float]:
        middle = (light.sum(0) * x).sum() / light.sum()
        return middle, (light.sum(0) * (x - middle) ** 2).sum() / light.sum()

    (middle, narrow), (about, wide) = spread(still), spread(streak)
    assert abs(middle - (47.5 - 24)) < 0.05 and abs(about - middle) < 0.05
    assert np.sqrt(12 * (wide - narrow)) == pytest.approx(length, rel=0.05)  # of an even streak


@pytest.mark.parametrize("parameter", [{"pan_x": 0.1}, {"turn": "= 20 + 0 * ramp"}, {"zoom": "= 1.3 + 0 * ramp"}])
def test_a_still_camera_with_an_open_shutter(parameter: dict[str, Any], film: Any, store: Any) -> None:
    camera = {"node": "Camera", **parameter}
    still, opened = (film({"camera": camera | {"shutter": angle}}) for angle in (0, 180))
    assert harness.codes(still, store).tobytes() == harness.codes(opened, store).tobytes()


def test_an_open_shutter_is_that_of_the_whole_run(film: Any, store: Any) -> None:
    """Whichever lens of a run opens it, all of them move while it is open; pixels between end the run."""
    move = {"node": "Camera", "turn": "= 200 * ramp"}
    last = {"node": "Camera", "zoom": 1.2}
    here = film({"move": move | {"shutter": 180}, "last": last})
    there = film({"move": move, "last": last | {"shutter": 180}})
    apart = film({"move": move, "tone": {"node": "Tone", "exposure": 0.1}, "last": last | {"shutter": 180}})
    shut = film({"move": move, "tone": {"node": "Tone", "exposure": 0.1}, "last": last})
    made = [harness.codes(graph, store).tobytes() for graph in (here, there, apart, shut)]
    assert made[0] == made[1] and made[2] == made[3]


def test_an_open_shutter_looks_one_frame_around(film: Any, store: Any) -> None:
    """A signal that changes at one frame changes the keys of chunks that reach it, or the frame before or after it."""

    def keys(shutter: float, changed: int | None) -> list[str]:
        points = [[0, 0], [1 / 30, 0]]
        if changed is not None:
            points = [[(changed - 1) / 30, 0], [changed / 30, 0.5], [(changed + 1) / 30, 0]]
        nodes = {
            "way": {"node": "Keyframes", "points": points, "interpolate": "linear"},
            "camera": {"node": "Camera", "frames": "decoded", "turn": "= 10 * way", "shutter": shutter},
        }
        plan = harness.plan(film(nodes), store)
        return [chunk.key for chunk in plan.chunks(length=10)]

    for changed, reached in ((25, {2}), (20, {1, 2}), (29, {2, 3}), (30, {2, 3})):
        before, after = keys(180, None), keys(180, changed)
        assert {i for i, pair in enumerate(zip(before, after)) if pair[0] != pair[1]} == reached
        before, after = keys(0, None), keys(0, changed)
        assert {i for i, pair in enumerate(zip(before, after)) if pair[0] != pair[1]} == {changed // 10}


# What is wrong is told.

BAD = '''
class Bad(Lens):
    """Show nothing that is there."""

    frames: Frames = port("what is shown")

    @staticmethod
    def where(x, y, at):
        return {code}
'''


# The same kernel for each: one that is compiled for NaN alone takes as long again.
NOWHERE = '''
class Nowhere(Lens):
    """In one pixel of frame 40 show a place that is NaN (0), infinite below (1) or above (-1)."""

    frames: Frames = port("what is shown")
    sign: Param = param(0.0, ge=-1, le=1, help="of the infinity; 0: NaN")

    @staticmethod
    def where(x, y, at, sign):
        n = 0 if at.frame == 40 and abs(x - 0.1) < 0.004 and abs(y) < 0.01 else 1
        return x, y + sign / n - sign
'''


@pytest.mark.parametrize(
    ("sign", "edge"),
    [*((0, edge) for edge in ("mirror", "wrap", "clamp", "black")),
     (1, "wrap"), (1, "clamp"), (-1, "mirror"), (-1, "black")],
)  # fmt: skip
def test_a_place_that_is_no_number(sign: float, edge: str, packages: Any, studio: Any, store: Any) -> None:
    """In one pixel of frame 40: NaN, or infinity."""
    packages.install(TOYS + NOWHERE)
    nodes = {
        "first": IN,
        "subject": {"node": "Nowhere", "edge": edge, "sign": sign},
        "last": OUT,
        "tone": {"node": "Tone", "exposure": 1},
    }
    refused(studio, store, written(studio, nodes), "NaN at frame 40; finite numbers were wanted")


@pytest.mark.parametrize(
    ("code", "said"),
    [("x", "where returns one number; x and y were wanted"), ("(x, y) if x > 0 else x", "where cannot be compiled"),
     ("np.sin(x), y", "where uses 'np'"), ("[x, y][0], y", "where has a list; ")],
)  # fmt: skip
def test_where_that_cannot_be_compiled(code: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    file = packages.install(TOYS + BAD.format(code=code))
    nodes = {"first": IN, "subject": {"node": "Bad"}, "last": OUT, "tone": {"node": "Tone", "exposure": 1}}
    text = refused(studio, store, written(studio, nodes), said)
    assert f"({file}:" in text
