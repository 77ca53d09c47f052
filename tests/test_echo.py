"""Echoes: nodes that join each frame with those before it."""

from __future__ import annotations

from functools import reduce
from typing import Any

import harness
import numpy as np
import pytest

from n2s.graph.errors import GraphError, RenderError
from n2s.graph.kinds.filter import halved
from n2s.plan.echoes import light_size
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kept import NothingKept
from n2s.runtime.render.kernels import echoes
from n2s.runtime.render.tally import Tally
from n2s.runtime.render.work import Work

SIZE = (98, 62)  # small frames have odd sides
NODES = '''
class Dot(Streamed):
    """Let a square of light move across a soft picture; its place depends on time alone."""

    speed: float = setting(0.5, ge=0, le=4, help="widths per second")

    outputs = FRAMES_OUTPUT

    def compute(self, block):
        width, height = 98, 62
        y, x = np.mgrid[:height, :width].astype(np.float32)
        frames = np.empty((block.count, 3, height, width), np.float32)
        for i, time in enumerate(block.scene.clock.times(block.start, block.stop)):
            frames[i] = 0.3 + 0.2 * np.sin(x / 9) * np.cos(y / 7)
            column = int(np.round(float(time) * self.speed * 60)) % 80
            frames[i, :, 20:32, column : column + 12] = np.float32([0.9, 0.7, 0.5])[:, None, None]
        return frames


class Counted(Echo):
    """Count the past frames by their ages."""

    frames: Frames = port("what is counted")
    weight: Param = param(1, ge=0, le=8, help="of each")

    def reach(self, fps):
        return 2, 3, 7

    @staticmethod
    def step(total, rgb, age, at, weight):
        return total[0] + weight * age, total[1] + weight, total[2] * 10 + age

    @staticmethod
    def pixel(rgb, past, at):
        return past[0], past[1], past[2]


class Astray(Echo):
    """Read past frames where there are none."""

    frames: Frames = port("what is seen")

    def reach(self, fps):
        return [0]

    @staticmethod
    def where(x, y, age, at):
        return (x - x) / (x - x), y * 1e30

    @staticmethod
    def step(total, rgb, age, at):
        return rgb

    @staticmethod
    def pixel(rgb, past, at):
        return past[0], past[1], past[2]
'''
LOOK = {"amount": 0.8, "length": 0.3, "copies": 5, "decay": 0.25}
MOVED = {"zoom": 0.7, "turn": 40.0, "x": 0.1, "y": -0.2}
CASES = {
    f"{blend} {size}{' moved' if moved else ''}": {**LOOK, "blend": blend, "size": size, **moved}
    for blend in ("max", "sum")
    for size in ("full", "half")
    for moved in ({}, MOVED)
}


@pytest.fixture
def film(studio: Any, packages: Any) -> Any:
    """Load a film of some nodes behind a moving dot, the last of which is shown."""

    def make(nodes: dict[str, Any], fps: int = 30, source: str = NODES, **header: Any) -> Any:
        if not packages.modules:
            packages.install(source)
        nodes = {"dot": {"node": "Dot"}, **harness.surroundings(studio.model), **nodes}
        nodes["out"] = {"node": "DigestSink", "frames": list(nodes)[-1], "audio": "track", "path": "frames.txt"}
        head = {"n2s": 1, "seed": 3, "fps": fps, "size": list(SIZE), **header}
        return harness.load(head | {"nodes": nodes}, studio.folder)

    return make


def trails(source: str = "dot", **settings: Any) -> dict[str, Any]:
    return {"trails": {"node": "Trails", "frames": source, **settings}}


def looped(frames: np.ndarray, ages: list[int], fps: float, settings: dict[str, Any]) -> np.ndarray:
    """Return the light of the frames with trails, in float64, written down as the docs say it."""
    light = frames.astype(np.float64) ** 2
    half = settings["size"] == "half"
    small = np.stack([smaller(picture) for picture in light]) if half else light
    made = []
    for now in range(len(frames)):
        there = [age for age in ages if 0 < age <= now]
        weights = [settings["decay"] ** (age / fps / settings["length"]) for age in there]
        past = [moved(small[now - age], age / fps, settings) for age in there]
        if settings["blend"] == "max":
            total = np.max([w * p for w, p in zip(weights, past)], axis=0) if past else 0 * small[now]
            change = total - small[now]
        else:
            change = (small[now] + sum(w * p for w, p in zip(weights, past))) / (1 + sum(weights)) - small[now]
        change = enlarged(change) if half else change
        change = np.maximum(change, 0) if settings["blend"] == "max" else change
        made.append(np.maximum(light[now] + settings["amount"] * change, 0))
    return np.array(made)


def smaller(picture: np.ndarray) -> np.ndarray:
    """Half the size: means of two, or of three where a side is odd."""
    for axis in (1, 2):
        at, last = np.arange(0, picture.shape[axis], 2), picture.shape[axis] - 1
        after = picture.take(np.minimum(at + 1, last), axis)
        if last % 2:
            picture = (picture.take(at, axis) + after) / 2
        else:
            picture = picture.take(np.maximum(at - 1, 0), axis) / 4 + picture.take(at, axis) / 2 + after / 4
    return picture


def enlarged(picture: np.ndarray) -> np.ndarray:
    """Twice the size, as a kernel reads a picture of half of it."""
    for axis in (1, 2):
        at = np.arange(2 * picture.shape[axis])
        before, here, after = (
            picture.take(np.clip(at // 2 + place, 0, picture.shape[axis] - 1), axis) for place in (-1, 0, 1)
        )
        even = (at % 2 == 0).reshape((-1, 1) if axis == 1 else -1)
        picture = np.where(even, 5 * before + 10 * here + after, before + 10 * here + 5 * after) / 16
    return picture


def moved(picture: np.ndarray, age: float, settings: dict[str, Any]) -> np.ndarray:
    if not settings.get("zoom"):
        return picture
    _, height, width = picture.shape
    black = np.pad(picture, ((0, 0), (1, 1), (1, 1)))
    angle, grow = np.radians(settings["turn"] * age), 2 ** (settings["zoom"] * age)
    out = np.zeros_like(picture)
    for row in range(height):
        for column in range(width):
            x = (column + 0.5 - width / 2) / height - settings["x"] * age
            y = (row + 0.5 - height / 2) / height - settings["y"] * age
            u = (x * np.cos(angle) + y * np.sin(angle)) / grow * height + width / 2 + 0.5
            v = (y * np.cos(angle) - x * np.sin(angle)) / grow * height + height / 2 + 0.5
            if 0 <= u < width + 1 and 0 <= v < height + 1:
                i, j = int(u), int(v)
                a, b = u - i, v - j
                upper = (1 - a) * black[:, j, i] + a * black[:, j, i + 1]
                lower = (1 - a) * black[:, j + 1, i] + a * black[:, j + 1, i + 1]
                out[:, row, column] = (1 - b) * upper + b * lower
    return out


@pytest.mark.parametrize("case", CASES)
def test_trails_are_what_their_formula_says(case: str, film: Any, store: Any) -> None:
    graph = film(trails(**CASES[case]))
    shown, made = (harness.frames(graph, store, name, [(0, 12)]) for name in ("dot", "trails"))
    wanted = looped(shown, [2, 4, 5, 7, 9], 30, CASES[case])
    np.testing.assert_allclose(made.astype(np.float64) ** 2, wanted, atol=3e-5 if "moved" in case else 3e-6)
    assert np.abs(made - shown)[8:].max() > 0.1


@pytest.mark.parametrize("case", CASES)
def test_frames_are_the_same_in_any_pieces(case: str, film: Any, store: Any) -> None:
    """Alone, in sequence and across the borders of chunks, fused and unfused; the map comes and goes with a signal."""
    settings = dict(CASES[case])
    if settings.get("zoom"):
        settings |= {"zoom": "= max(0, ramp - 0.5)", "turn": 0, "x": 0, "y": 0, "decay": "= 0.1 + 0.5 * ramp"}
    nodes = {
        "tone": {"node": "Tone", "frames": "dot", "exposure": "= 0.2 * ramp"},
        **trails("tone", **settings),
        "mix": {"node": "Mix", "a": "tone", "b": "trails", "amount": 0.7},
        "grain": {"node": "Grain", "frames": "mix"},
    }
    graph = film(nodes)
    whole = harness.frames(graph, store, "grain", [(0, 63)])
    pieces = [(0, 1), (1, 6), (6, 30), (30, 31), (31, 63)]
    np.testing.assert_array_equal(harness.frames(graph, store, "grain", pieces), whole)
    maker = FrameMaker(harness.towards(harness.plan(graph, store), "grain"), store)
    for length in (7, 20):
        chunks = [maker.blocks(start, min(63, start + length)) for start in range(0, 63, length)]
        np.testing.assert_array_equal(np.concatenate([block for chunk in chunks for block in chunk]), whole)
    picked = [0, 2, 3, 17, 40, 41, 62]
    np.testing.assert_array_equal(np.concatenate(list(maker.pick(picked))), whole[picked])
    np.testing.assert_array_equal(harness.frames(graph, store, "grain", [(0, 63)], fuse=False), whole)


def test_films_are_the_same_by_threads_and_processes(executor: Any, film: Any, new_store: Any, tmp_path: Any) -> None:
    graph = film(trails("decoded", turn="= 40 * ramp"))
    alone = harness.run(graph, tmp_path / "alone", new_store(), executor=ThreadExecutor(1))
    cut = harness.run(graph.edit({"out.chunk": 20}), tmp_path / "cut", new_store(), executor=executor(2))
    assert harness.film_bytes(alone.films[0]) == harness.film_bytes(cut.films[0])


@pytest.mark.parametrize("size", ["full", "half"])
@pytest.mark.parametrize("blend", ["max", "sum"])
@pytest.mark.parametrize("decay", [0, 0.1, 1])
def test_a_still_film_looks_as_it_does_without_trails(
    size: str, blend: str, decay: float, film: Any, store: Any
) -> None:
    graph = film({"dot": {"node": "Dot", "speed": 0}, **trails(size=size, blend=blend, decay=decay)})
    shown, made = (harness.frames(graph, store, name, [(0, 20)]) for name in ("dot", "trails"))
    if blend == "max":
        np.testing.assert_array_equal(made, shown)
    np.testing.assert_allclose(made, shown, atol=2e-6)


def test_trails_grow_from_the_beginning(film: Any, store: Any) -> None:
    """The first frame has no past, and is shown as it is."""
    graph = film(trails(size="full"))
    shown, made = (harness.frames(graph, store, name, [(0, 8)]) for name in ("dot", "trails"))
    np.testing.assert_array_equal(made[0], shown[0])
    brighter = (made > shown + 0.01).sum(axis=(1, 2, 3))
    assert brighter[0] == 0 and (np.diff(brighter) > 0).all()


@pytest.mark.parametrize("case", CASES)
def test_the_look_does_not_depend_on_the_frame_rate(case: str, film: Any, store: Any) -> None:
    settings = CASES[case] | {"length": 0.4, "copies": 6}
    slow = harness.frames(film(trails(**settings), fps=30), store, "trails", [(0, 30)])
    fast = harness.frames(film(trails(**settings), fps=60), store, "trails", [(0, 60)])
    np.testing.assert_allclose(fast[::2], slow, atol=1e-6)


def test_steps_are_taken_from_the_oldest_to_the_newest(film: Any, store: Any) -> None:
    """Ages are in seconds; frames before the first take no step; numbers are those of the frame that is made."""
    graph = film({"counted": {"node": "Counted", "frames": "dot", "weight": "= 1 + ramp"}})
    made = harness.frames(graph, store, "counted", [(0, 12)])[:, :, 5, 5]
    weight = harness.plan(graph, store).values.params["counted", "weight"][:12]
    for frame in range(12):
        ages = [np.float32(age / 30) for age in (7, 3, 2) if age <= frame]
        total = 0.0
        for age in ages:
            total = total * 10 + age
        wanted = [weight[frame] * sum(ages), weight[frame] * len(ages), total]
        np.testing.assert_allclose(made[frame], wanted, rtol=1e-6, err_msg=str(frame))


def test_places_that_are_none_are_black(film: Any, store: Any) -> None:
    made = harness.frames(film({"astray": {"node": "Astray", "frames": "dot"}}), store, "astray", [(0, 4)])
    assert (made == 0).all()


def test_a_film_mixed_with_its_trails_is_decoded_once(film: Any, store: Any) -> None:
    """Each frame of a chunk once, and once more the window before the chunk."""
    mix = {"mix": {"node": "Mix", "a": "decoded", "b": "trails"}}
    for size in ("half", "full"):
        plan = harness.plan(film({**trails("decoded", length=0.2, copies=6, size=size), **mix}), store)
        maker, tally = FrameMaker(plan, store), Tally()
        for start in range(0, 63, 20):
            list(maker.blocks(start, min(start + 20, 63), tally))
        assert tally.frames["decoded"] == 63 + 3 * 6


@pytest.mark.parametrize(
    ("settings", "held"),
    [
        ({"size": "full"}, {"decoded at 98x62": (12, 3, 62, 98)}),
        ({"size": "half"}, {"trails light": (12, 3, 33, 51)}),
        ({"size": "full", "turn": 5}, {"trails light": (12, 3, 64, 100)}),
    ],
)
def test_what_is_held(settings: dict[str, Any], held: dict[str, Any], film: Any, store: Any) -> None:
    """Of 8 frames' past there are 12 slots from the first block on: no more are in memory at once, ever."""
    plan = harness.plan(film(trails("decoded", length=8 / 30, **settings)), store)
    work = Work(FrameMaker(plan, store).opened, NothingKept(), Tally())
    for first in range(20, 40, 4):
        work.make(first, first + 4)
        assert {name: value.slots.shape for name, value in work._values.items()} == held


def test_the_plan_tells_what_an_echo_costs(film: Any, store: Any, n2s: Any, tmp_path: Any) -> None:
    path = film(trails("decoded", size="full", copies=6), size=[1280, 720]).path
    said = n2s("plan", path, "--store", store.root, "--out", tmp_path)[1]
    assert "past    trails (Trails, 1280x720, reads 7 frames, the oldest 12 before; 12 of 11.1 MB are held)" in said


@pytest.mark.parametrize(
    ("reach", "said"),
    [
        ("[]", r"reach gave \[\]; a list of ages in frames, rising, was wanted"),
        ("3", "reach gave 3; a list of ages"),
        ("[2, 2]", r"reach gave \[2, 2\]; whole numbers within 0..100000, rising, were wanted"),
        ("[-1, 2]", "whole numbers within"),
        ("[0.5]", "whole numbers within"),
        ("[True]", "whole numbers within"),
        ("1 // 0", "reach failed: ZeroDivisionError"),
    ],
)
def test_ages_are_checked(reach: str, said: str, film: Any, store: Any) -> None:
    source = NODES.replace("return 2, 3, 7", f"return {reach}")
    with pytest.raises(RenderError, match=rf"counted \(Counted\): .*{said}"):
        harness.plan(film({"counted": {"node": "Counted", "frames": "dot"}}, source=source), store)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        (
            "def step(total, rgb, age, at, weight)",
            "def step(total, rgb, at, weight)",
            "Counted.step: a static method was",
        ),
        ("    @staticmethod\n    def where", "    def where", "Astray.where: a static method was wanted"),
        (
            "def step(total, rgb, age, at, weight)",
            "def step(total, rgb, age, at, wieght)",
            r"Counted.step: it takes wieght, which is no parameter of the node; there are weight \(.*py:",
        ),
    ],
)
def test_mistakes_in_the_class_are_told(old: str, new: str, said: str, packages: Any, film: Any) -> None:
    """Whole, however long the path of the package is: the end names the method's place."""
    packages.install(NODES.replace(old, new), folder="f" * 200)
    with pytest.raises(GraphError, match=said):
        film({"counted": {"node": "Counted", "frames": "dot"}})


@pytest.mark.parametrize(
    ("numbers", "said"),
    [
        ("return {}", r"prepare_steps gave nothing \(.*py:\d+\); its steps take weight \(.*py:\d+\)\."),
        ("return {'weight': 'much'}", "prepare_steps gave a str for weight; numbers of"),
        ("return 1 / 0", "prepare_steps failed at frame"),
    ],
)
def test_numbers_of_steps_are_checked(numbers: str, said: str, film: Any, store: Any) -> None:
    reach = "    def reach(self, fps):\n        return 2"
    own = f"    def prepare_steps(self, age, there, weight):\n        {numbers}\n\n{reach}"
    graph = film({"counted": {"node": "Counted", "frames": "dot"}}, source=NODES.replace(reach, own))
    with pytest.raises(RenderError, match=said):
        harness.codes(graph, store)


@pytest.mark.parametrize("size", [(7, 5), (8, 6), (2, 3)])
def test_small_light_of_any_size(size: tuple[int, int], store: Any) -> None:
    """It has a black border, and nothing moves, whether a side is even or odd."""
    frames = np.random.default_rng(1).random((2, 3, *size[::-1]), np.float32)
    for scale in (1, 2):
        wanted = frames.astype(np.float64) ** 2
        wanted = np.stack([smaller(picture) for picture in wanted]) if scale == 2 else wanted
        width, height = light_size(halved(size) if scale == 2 else size)
        light = np.full((2, 3, height, width), 9, np.float32)
        echoes.light(store.kernels)(frames, scale, light)
        np.testing.assert_allclose(light, np.pad(wanted, ((0, 0), (0, 0), (1, 1), (1, 1))), atol=1e-6)


def test_a_length_in_beats(film: Any, store: Any) -> None:
    """Without a tempo a beat is half a second: echoes at 15 and 30 frames."""
    plan = harness.plan(film(trails("decoded", length="2 beats", copies=2)), store)
    assert next(stage for stage in plan.stages if stage.ages).ages == (0, 15, 30)
    beats, seconds = (
        harness.frames(film(trails(length=length, copies=2, decay=0.3)), store, "trails", [(40, 42)])
        for length in ("2 beats", 1.0)
    )
    np.testing.assert_array_equal(beats, seconds)


def screened(a: Any, b: Any) -> Any:
    return a + b - np.clip(a, 0, 1) * np.clip(b, 0, 1)


@pytest.mark.parametrize(("blend", "exposure"), [("add", 0), ("screen", 0), ("screen", 3)])
def test_echoes_that_add_up(blend: str, exposure: float, film: Any, store: Any) -> None:
    bright = {"bright": {"node": "Tone", "frames": "dot", "exposure": exposure}}
    settings = {"length": 0.4, "copies": 3, "decay": 0.2, "amount": 0.7, "blend": blend, "size": "full"}
    graph, join = film(bright | trails("bright", **settings)), {"add": np.add, "screen": screened}[blend]
    frames, made = (harness.frames(graph, store, name, [(0, 30)]).astype(np.float64) for name in ("bright", "trails"))
    light = frames**2
    for now in range(30):
        past = [0.2 ** (age / 12) * light[now - age] for age in (4, 8, 12) if age <= now]
        wanted = join(light[now], 0.7 * reduce(join, past, np.float64(0)))
        np.testing.assert_allclose(made[now] ** 2, wanted, rtol=5e-5, atol=1e-5)
