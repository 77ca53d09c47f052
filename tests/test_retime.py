"""Frames that stand, come late or come again: which are shown, that they keep their bits, and what is not computed."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import stills

from n2s.graph.errors import GraphError, RenderError
from n2s.nodes import Freeze
from n2s.nodes.retime import OLDEST
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.tally import Tally

FRAMES = 63  # at 30 per second
STANDS = {"node": "Keyframes", "points": [[0, 0], [0.5, 1], [1.2, 0]], "interpolate": "hold"}  # frames 15 to 35


def graph(studio: Any, nodes: dict[str, Any], chunk: int = 20) -> Any:
    nodes = {**harness.surroundings(studio.model), **nodes}
    nodes["out"] = {"node": "DigestSink", "frames": list(nodes)[-1], "audio": "track", "path": "f.txt", "chunk": chunk}
    return harness.load({"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}, studio.folder)


def shown(graph: Any, store: Any, source: str, name: str) -> list[int | None]:
    """Return for each frame of a node which frame of its source it is, bit by bit; None where it is none of them."""
    frames, made = (harness.frames(graph, store, node, [(0, FRAMES)]) for node in (source, name))
    numbers = {frame.tobytes(): i for i, frame in enumerate(frames)}
    assert len(numbers) == FRAMES, "frames of the source are alike"
    return [numbers.get(frame.tobytes()) for frame in made]


def counted(graph: Any, store: Any, pieces: list[tuple[int, int]]) -> dict[str, int]:
    """Return how many frames of each node were made for some stretches of the film."""
    maker, tally = FrameMaker(harness.plan(graph, store), store), Tally()
    for start, stop in pieces:
        list(maker.blocks(start, stop, tally))
    return tally.frames


MOVING = {"tone": {"node": "Tone", "frames": "decoded", "exposure": "= 0.5 * time"}}


def test_a_freeze_holds_the_frame_at_which_it_began(studio: Any, store: Any) -> None:
    nodes = MOVING | {"stands": STANDS, "freeze": {"node": "Freeze", "frames": "tone", "hold": "stands"}}
    assert shown(graph(studio, nodes), store, "tone", "freeze") == [*range(15), *[15] * 21, *range(36, 63)]


def test_a_freeze_that_takes_a_new_picture_now_and_then(studio: Any, store: Any) -> None:
    """Every quarter of a second, on the grid of seconds, from where it began on."""
    freeze = {"node": "Freeze", "frames": "tone", "hold": "stands", "every": 0.25}
    steps = [15, *[15] * 7, *[23] * 7, *[30] * 6]  # 0.75 s lies between frames 22 and 23
    made = shown(graph(studio, MOVING | {"stands": STANDS, "freeze": freeze}), store, "tone", "freeze")
    assert made == [*range(15), *steps, *range(36, 63)]


@pytest.mark.parametrize("node", [{"node": "Freeze", "hold": 1}, {"node": "Stutter", "on": 1, "every": 1}])
def test_a_picture_is_held_for_more_than_an_hour(node: dict[str, Any], tmp_path: Path, store: Any) -> None:
    """As long as a film may last, of which one frame per second is enough."""
    given, (made,) = stills.film(
        tmp_path, store, stills.codes_of(0.5, (16, 16)), node, first=86399, fps=1, duration=86400
    )
    np.testing.assert_array_equal(made, given)


def test_the_oldest_frames_are_hit_exactly() -> None:
    ages = np.arange(OLDEST * 60, 0, -997)
    delay = (ages / 60.0).astype(np.float32)
    assert (Freeze.model_construct().pick(ages, 60, delay)[1] == 0).all()


def test_freezes_follow_beats(studio: Any, store: Any) -> None:
    """Without a grid a beat takes half a second, and half of one 7.5 frames."""
    freeze = {"node": "Freeze", "frames": "tone", "hold": 1, "every": "0.5 beats"}
    made = shown(graph(studio, MOVING | {"freeze": freeze}), store, "tone", "freeze")
    assert made == [int(np.ceil(frame // 7.5 * 7.5)) for frame in range(FRAMES)]


def test_a_stutter_says_its_slice_again(studio: Any, store: Any) -> None:
    """Slices of 0.2 s are 6 frames; that which begins at frame 12 is the one in which it goes on, at 15."""
    stutter = {"node": "Stutter", "frames": "tone", "on": "stands", "every": 0.2}
    made = shown(graph(studio, MOVING | {"stands": STANDS, "stutter": stutter}), store, "tone", "stutter")
    assert made == [*range(18), *[12, 13, 14, 15, 16, 17] * 3, *range(36, 63)]


def test_a_stutter_takes_new_slices(studio: Any, store: Any) -> None:
    stutter = {"node": "Stutter", "frames": "tone", "on": 1, "every": 0.1, "repeats": 2}
    made = shown(graph(studio, MOVING | {"stutter": stutter}), store, "tone", "stutter")
    assert made == [frame // 9 * 9 + frame % 3 for frame in range(FRAMES)]


def test_slices_of_unequal_length(studio: Any, store: Any) -> None:
    """0.25 s are 7.5 frames: slices of 8 and 7 in turn; the first one is cut, or its last frame stands."""
    stutter = {"node": "Stutter", "frames": "tone", "on": "stands", "every": 0.25}
    stands = {**STANDS, "points": [[0, 0], [0.3, 1], [1.2, 0]]}  # from frame 9 on, in the slice from 8 to 14
    made = shown(graph(studio, MOVING | {"stands": stands, "stutter": stutter}), store, "tone", "stutter")
    slice_ = [8, 9, 10, 11, 12, 13, 14]
    assert made == [*range(15), *slice_, 14, *slice_, *slice_[:6], *range(36, 63)]


@pytest.mark.parametrize(
    ("delay", "wanted"),
    [
        (0.1, [max(0, frame - 3) for frame in range(FRAMES)]),
        ("= 2 * max(time - 1, 0)", [frame if frame <= 30 else max(0, 60 - frame) for frame in range(FRAMES)]),
        ("= max(1 - time, 0)", [max(0, 2 * frame - 30) if frame <= 30 else frame for frame in range(FRAMES)]),
    ],
)
def test_retimes(delay: Any, wanted: list[int], studio: Any, store: Any) -> None:
    retime = {"node": "Retime", "frames": "tone", "delay": delay}
    assert shown(graph(studio, MOVING | {"retime": retime}), store, "tone", "retime") == wanted


CHAINS = {
    "a freeze of trails": {
        "trails": {"node": "Trails", "frames": "tone", "length": 0.3},
        "freeze": {"node": "Freeze", "frames": "trails", "hold": "stands", "every": 0.3},
    },
    "trails of a stutter": {
        "stutter": {"node": "Stutter", "frames": "tone", "on": "stands", "every": 0.1},
        "trails": {"node": "Trails", "frames": "stutter", "length": 0.3, "size": "full"},
    },
    "beside its source": {
        "stutter": {"node": "Stutter", "frames": "tone", "on": "stands", "every": 0.1, "repeats": 3},
        "bloom": {"node": "Bloom", "frames": "tone"},
        "mix": {"node": "Mix", "a": "bloom", "b": "stutter"},
    },
    "a stutter of a freeze, and both": {
        "freeze": {"node": "Freeze", "frames": "tone", "hold": "stands", "every": 0.2},
        "stutter": {"node": "Stutter", "frames": "freeze", "on": 1, "every": 0.15, "repeats": 1},
        "mix": {"node": "Mix", "a": "stutter", "b": "freeze"},
    },
    "backwards": {
        "blur": {"node": "LatentEcho", "latents": "anchors"},
        "film": {"node": "VAEDecode", "latents": "blur", "grid": [3, 4]},
        "retime": {"node": "Retime", "frames": "film", "delay": "= 2 * max(time - 1, 0)"},
        "mix": {"node": "Mix", "a": "retime", "b": "decoded"},
    },
    "kept": {
        "cached": {"node": "Vignette", "frames": "tone", "cache": "frames"},
        "freeze": {"node": "Freeze", "frames": "cached", "hold": "stands", "cache": "frames"},
    },
}


@pytest.mark.parametrize("chain", CHAINS)
def test_frames_do_not_depend_on_the_pieces(chain: str, studio: Any, store: Any) -> None:
    nodes = MOVING | {"stands": STANDS} | CHAINS[chain]
    if "film" in nodes:
        nodes["film"] = {**nodes["film"], "model": str(studio.model)}
        nodes["blur"] = {**nodes["blur"], "model": str(studio.model)}
    film = graph(studio, nodes)
    maker = FrameMaker(harness.plan(film, store), store)
    whole = [frame.tobytes() for block in maker.blocks(0, FRAMES) for frame in block]
    for length in (20, 7):
        pieces = [(start, min(start + length, FRAMES)) for start in range(0, FRAMES, length)]
        made = [frame.tobytes() for start, stop in pieces for block in maker.blocks(start, stop) for frame in block]
        assert made == whole, length
    picked = [frame.tobytes() for block in maker.pick([3, 17, 18, 30, 62]) for frame in block]
    assert picked == [whole[frame] for frame in (3, 17, 18, 30, 62)]
    assert [next(maker.blocks(frame, frame + 1)).tobytes() for frame in (16, 36)] == [whole[16], whole[36]]


def test_what_nobody_shows_is_not_computed(studio: Any, store: Any) -> None:
    nodes = MOVING | {"stands": STANDS, "freeze": {"node": "Freeze", "frames": "tone", "hold": "stands"}}
    made = graph(studio, nodes)
    assert counted(made, store, [(0, FRAMES)])["decoded"] == FRAMES - 20
    assert counted(made, store, [(18, 30)])["decoded"] == 1
    assert counted(made, store, [(0, 20), (20, 40), (40, 63)])["decoded"] == FRAMES - 20 + 1


def test_a_slice_is_computed_once(studio: Any, store: Any) -> None:
    nodes = MOVING | {"stutter": {"node": "Stutter", "frames": "tone", "on": 1, "every": 0.5}}
    assert counted(graph(studio, nodes), store, [(0, FRAMES)])["decoded"] == 15
    nodes = MOVING | {"stutter": {"node": "Stutter", "frames": "tone", "on": 1, "every": 1}}
    again = counted(graph(studio, nodes), store, [(0, FRAMES)])["decoded"]
    assert 30 < again <= 30 + 2 * (30 - 14)  # of 30 frames 16 are held, whichever come again soonest


def test_what_a_film_shows_beside_is_computed_once(studio: Any, store: Any) -> None:
    nodes = MOVING | {
        "stands": STANDS,
        "freeze": {"node": "Freeze", "frames": "tone", "hold": "stands"},
        "mix": {"node": "Mix", "a": "tone", "b": "freeze"},
    }
    assert counted(graph(studio, nodes), store, [(0, FRAMES)])["decoded"] == FRAMES


def test_edits_reach_the_frames_that_are_shown(studio: Any, store: Any) -> None:
    """A frozen picture does not change with what happens behind it, and all of it changes with its one frame."""

    def keys(at: float) -> list[str]:
        curve = {"node": "Keyframes", "points": [[0, 0], [at, 1], [at + 0.03, 0]], "interpolate": "hold"}
        nodes = {
            "stands": {**STANDS, "points": [[0, 0], [0.5, 1], [1.6, 0]]},
            "curve": curve,
            "tone": {"node": "Tone", "frames": "decoded", "exposure": "curve"},
            "freeze": {"node": "Freeze", "frames": "tone", "hold": "stands"},
        }
        return harness.keys(graph(studio, nodes, chunk=10), store)

    def changed(before: float, after: float) -> list[int]:
        return [i for i, (a, b) in enumerate(zip(keys(before), keys(after))) if a != b]

    assert changed(0.8, 1.3) == []
    assert changed(0.8, 0.5) == [1, 2, 3, 4]  # frame 15, which is shown up to frame 47
    assert changed(0.8, 1.7) == [5]


def test_why_tells_of_the_frames_that_count(studio: Any, store: Any, tmp_path: Any, n2s_json: Any) -> None:
    def film(exposure: str) -> Any:
        nodes = {
            "stands": STANDS,
            "tone": {"node": "Tone", "frames": "decoded", "exposure": exposure},
            "freeze": {"node": "Freeze", "frames": "tone", "hold": "stands"},
        }
        return graph(studio, nodes, chunk=10)

    harness.run(film("= 0.5 * time"), tmp_path, store)
    edited = film("= 0.6 * time")
    told = n2s_json("why", edited.path, "--out", tmp_path, "--store", store.root)
    causes = {about["chunk"]: about["causes"][0] for about in told}
    assert causes[2]["text"].startswith("tone.exposure (driven by = 0.6 * time) has other values")
    assert (causes[2]["start"], causes[2]["stop"]) == (15, 16)


def test_the_plan_tells_what_is_shown_and_held(studio: Any, store: Any, n2s: Any, tmp_path: Any) -> None:
    nodes = MOVING | {"stands": STANDS, "freeze": {"node": "Freeze", "frames": "tone", "hold": "stands"}}
    said = n2s("plan", graph(studio, nodes).path, "--store", store.root, "--out", tmp_path)[1]
    assert "freeze (Freeze, shows 43 frames, the oldest 20 before; at most 16 of 0.0737 MB are held)" in said


ASTRAY = '''
class Astray(Pick):
    """Show frames."""

    a: Frames = port("one")
    b: Frames = port("other", optional=True)
    amount: Param = param(0.0, ge=0, le=1, help="nothing")

    def pick(self, frame, fps, amount):
        return WHAT
'''


@pytest.mark.parametrize(
    ("what", "said"),
    [
        ("0, frame + 1", "pick gave port 0 and frame 1 for frame 0; a port within -1..1 and a frame within 0..0"),
        ("2, frame", "pick gave port 2 and frame 0 for frame 0"),
        ("0, frame * 1.0", "pick gave int64 and float64; whole numbers were wanted"),
        ("frame", "a port and a frame for each of 63 frames were wanted"),
        ("np.where(frame > 9, 1, 0), frame", "frame 10 shows b, to which nothing is connected"),
        ("1 // 0", "pick failed: ZeroDivisionError"),
    ],
)
def test_what_is_picked_is_checked(what: str, said: str, packages: Any, studio: Any, store: Any) -> None:
    packages.install("from n2s.graph.declare import Pick\n" + ASTRAY.replace("WHAT", what))
    made = graph(studio, {"astray": {"node": "Astray", "a": "decoded"}})
    with pytest.raises(RenderError, match=f"astray.*{said}"):
        FrameMaker(harness.plan(made, store), store)


def test_mistakes_in_the_class_are_told(packages: Any, studio: Any) -> None:
    source = "from n2s.graph.declare import Pick\n" + ASTRAY.replace("frame, fps, amount", "frame, fps")
    with pytest.raises(GraphError, match="Astray.pick: it does not take amount, which is declared"):
        packages.install(source)
        graph(studio, {"astray": {"node": "Astray", "a": "decoded"}})


def test_a_port_of_none_is_black_and_costs_nothing(packages: Any, studio: Any, store: Any) -> None:
    source = ASTRAY.replace("WHAT", "np.where(frame % 2 > 0, -1, 0), frame")
    packages.install("from n2s.graph.declare import Pick\n" + source)
    made = graph(studio, {"astray": {"node": "Astray", "a": "decoded"}})
    given, found = (harness.frames(made, store, name, [(0, 20)]) for name in ("decoded", "astray"))
    np.testing.assert_array_equal(found[::2], given[::2])
    assert not found[1::2].any() and counted(made, store, [(0, 20)])["decoded"] == 10


BROKEN = '''
class Broken(Streamed):
    """Give a frame that is no picture."""

    frames: Frames = port("what is broken")

    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        broken = np.arange(block.start, block.stop) == 7
        return np.where(broken[:, None, None, None], np.float32(np.nan), frames)
'''


def test_what_is_wrong_is_said_of_the_frame_that_is_shown(packages: Any, studio: Any, store: Any) -> None:
    """And not of the node that shows it; nor is it said where nobody shows it."""
    packages.install(BROKEN)
    nodes = {
        "broken": {"node": "Broken", "frames": "decoded"},
        "late": {"node": "Retime", "frames": "broken", "delay": 1},
    }
    nodes |= {
        "later": {"node": "Retime", "frames": "late", "delay": 0.1},
        "end": {"node": "Vignette", "frames": "later"},
    }
    maker = FrameMaker(harness.plan(graph(studio, nodes), store), store)
    assert len(next(maker.blocks(36, 40))) == 4
    with pytest.raises(RenderError, match=r"broken \(Broken\): its frames hold NaN at frame 7"):
        list(maker.blocks(40, 44))
