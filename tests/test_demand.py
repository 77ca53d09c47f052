"""Previews measure no more than their frames need, and show the film's bits."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from harness import load, surroundings

from n2s.graph.context import Scene
from n2s.graph.declare import Resident
from n2s.graph.errors import N2SError
from n2s.graph.expressions import Number
from n2s.graph.time import Clock
from n2s.nodes.exposure import MeanLight
from n2s.nodes.signals import Value
from n2s.runtime.run import Run
from n2s.runtime.session import Session

SECONDS, FPS = 20, 15
EVERY = 0.2  # seconds from one frame that is looked at to the next

METER = {"meter": {"node": "LightMeter", "frames": "lit", "every": EVERY}}
EXPOSED = {
    "lit": {"node": "Tone", "frames": "decoded", "exposure": "light"},
    "light": {"node": "Keyframes", "points": [[0, -2], [4, 1], [8, -1], [12, 2], [20, -2]]},
    "exposed": {"node": "Exposure", "frames": "lit", "look": 1, "every": EVERY},
}
PARTS: dict[str, dict[str, Any]] = {  # the last node is what is shown
    "exposure": {},
    "an expression": METER | {"named": {"node": "Value", "value": "= 1 - 2 * meter.luma"},
                      "shown": {"node": "Tone", "frames": "lit", "exposure": "= named / 2"}},
    "exposed twice": {"shown": {"node": "Exposure", "frames": "exposed", "look": 0.5, "every": EVERY}},
    "an echo": {"shown": {"node": "Trails", "frames": "exposed", "length": 0.5}},
    "picked frames": {"shown": {"node": "Stutter", "frames": "exposed", "on": "= step(0.5, fract(time))",
                                "every": 0.3}},
    "an open shutter": METER | {"shown": {"node": "Camera", "frames": "lit", "turn": "= 40 * meter.luma",
                                           "shutter": 0.5}},
}  # fmt: skip
WHOLE: dict[str, dict[str, Any]] = {
    "a recursion": METER | {"smooth": {"node": "EMA", "signal": "meter.luma", "attack": 3, "release": 3},
                    "shown": {"node": "Tone", "frames": "lit", "exposure": "smooth"}},
    "what nothing divides by": METER | {"shown": {"node": "Tone", "frames": "lit",
                                                  "exposure": "= 0.1 / meter.luma"}},
    "frames picked by a measure": METER | {"shown": {"node": "Stutter", "frames": "lit", "every": 0.3,
                                                     "on": "= step(0.4, meter.luma)"}},
    "a camera of latents": METER | {"moved": {"node": "LatentCamera", "latents": "anchors",
                                              "shift_x": "= meter.luma / 9"},
                                    "shown": {"node": "VAEDecode", "latents": "moved", "model": "model"}},
}  # fmt: skip


def film(studio: Any, more: dict[str, Any]) -> Any:
    made = surroundings(studio.model) | EXPOSED | more
    if "meter" in more:
        del made["exposed"]
    sink = {"node": "DigestSink", "frames": list(made)[-1], "path": "film.txt", "chunk": 15}
    nodes = {**made, "out": sink}
    header = {"n2s": 1, "seed": 3, "fps": FPS, "duration": SECONDS, "size": [48, 32]}
    return load({**header, "nodes": nodes}, studio.folder)


def show(graph: Any, store: Any, numbers: list[int], whole: bool = False) -> tuple[np.ndarray, int]:
    """Return frames of a film, and how many frames were measured for them."""
    said: list[str] = []
    with Session(graph, store, said.append) as session:
        if whole:
            assert session.values
        shown = list(session.pick(str(graph.flat.nodes["out"].frames), numbers))
    measured = [int(text.split()[1]) for text in said if text.startswith("measuring ") and " of " not in text]
    return np.concatenate([np.atleast_3d(frame) for frame in shown]), sum(measured)


@pytest.mark.parametrize("case", PARTS)
def test_frames_need_the_measures_around_them(case: str, studio: Any, new_store: Any) -> None:
    graph, places = film(studio, PARTS[case]), ([0], [149, 150, 151], [SECONDS * FPS - 1])
    true, all_of_them = show(graph, new_store(), sum(places, []), whole=True)
    for numbers in places:
        near, few = show(graph, new_store(), numbers)
        np.testing.assert_array_equal(near, true[: len(near)])
        true = true[len(near) :]
        assert 0 < few < 0.6 * all_of_them, numbers


@pytest.mark.parametrize("case", WHOLE)
def test_what_looks_at_the_whole_film_measures_it(case: str, studio: Any, new_store: Any) -> None:
    graph = film(studio, WHOLE[case])
    near, measured = show(graph, new_store(), [140])
    true, all_of_them = show(graph, new_store(), [140], whole=True)
    np.testing.assert_array_equal(near, true)
    assert measured == all_of_them > 0


def test_nothing_is_measured_for_what_no_measure_moves(studio: Any, store: Any) -> None:
    with Session(film(studio, {}), store, lambda text: pytest.fail(text)) as session:
        session.frame("lit", 100)


def test_what_was_measured_for_a_frame_is_kept(studio: Any, store: Any, new_store: Any) -> None:
    graph = film(studio, {})
    few = show(graph, store, [140])[1]
    assert show(graph, store, [140])[1] == 0
    assert few + show(graph, store, [140], whole=True)[1] == show(graph, new_store(), [140], whole=True)[1]


def test_a_sheet_over_the_film_measures_it_once(studio: Any, store: Any) -> None:
    graph = film(studio, {})
    numbers = [15 * second for second in range(SECONDS)]
    assert show(graph, store, numbers)[1] == show(graph, store, numbers)[1] + 101


@pytest.mark.parametrize("around", [-1, 1.5, True, "2"])
def test_an_author_is_told_of_what_is_no_number_of_frames(
    around: Any, studio: Any, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Value, "around", lambda self, clock: around)
    plan = film(studio, PARTS["an expression"])
    with pytest.raises(N2SError, match="around gave .*; a number of frames from 0 on, or None, was wanted"):
        show(plan, store, [140])


# Parts of a film that are films of their own


def excerpt(studio: Any, store: Any, folder: Path, flashing: str, span: tuple[str, str]) -> Any:
    """Run a part of a film of which Guard has to lower what flashes."""
    more = {
        "flashing": {"node": "Tone", "frames": "exposed", "exposure": f"= {flashing}"},
        "safe": {"node": "Guard", "frames": "flashing"},
    }
    return Run(film(studio, more), folder, store, span=span, excerpt=True).execute()


FLASHING = "8 * step(0.5, fract(5 * time)) * step(0.2, time) - 2"


def test_an_excerpt_is_guarded_and_looks_at_nothing_else(studio: Any, new_store: Any, tmp_path: Path) -> None:
    report = excerpt(studio, new_store(), tmp_path, FLASHING, ("6", "9"))
    (flashes,) = report.films[0]["flashes"]
    assert flashes["light"]["most_in_a_second"] > 3 >= flashes["light"]["most_left"] and flashes["lowered_seconds"] > 0
    assert 45 < report.measured < 200 < SECONDS * FPS, "its 45 frames, and the exposure's measures around them"
    assert Path(report.films[0]["path"]).stem.endswith("-0m06s-0m09s-excerpt"), "the film's part has a file of its own"


@pytest.mark.parametrize("others", [("other", "plain"), ("plain", "other")])
def test_all_films_of_an_excerpt_are_exposed(
    studio: Any, new_store: Any, tmp_path: Path, others: tuple[str, str]
) -> None:
    """Measures that only one of the sinks needs are looked at, whichever comes first."""
    sink = {"node": "DigestSink", "path": "other.txt", "chunk": 15}
    nodes = {
        "other": sink | {"frames": "exposed"},
        "plain": sink | {"frames": "lit", "path": "plain.txt"},
    }
    (alone,) = Run(film(studio, {}), tmp_path / "a", new_store(), span=("6", "9"), excerpt=True).execute().films
    graph = film(studio, {name: nodes[name] for name in others} | {"shown": {"node": "Tone", "frames": "lit"}})
    films = Run(graph, tmp_path / "b", new_store(), span=("6", "9"), excerpt=True).execute().films
    (exposed,) = [each for each in films if Path(each["path"]).name.startswith("other")]
    assert exposed["sha256"] == alone["sha256"]


def test_an_excerpt_has_the_same_bits_whatever_the_store_has(studio: Any, new_store: Any, tmp_path: Path) -> None:
    store, digests = new_store(), []
    for part, span in enumerate([("6", "9"), ("3", "14"), ("0", "20")]):
        for kept in (new_store(), store):
            report = excerpt(studio, kept, tmp_path / f"{part}", FLASHING, span)
            digests.append(report.films[0]["sha256"])
    assert digests[0::2] == digests[1::2] and len(set(digests)) == 3


# What a node says of how far it looks


CLOCK = Clock(FPS, 300, 120.0)
LOOKING: dict[type[Resident], tuple[Resident, dict[str, tuple[int, ...]]]] = {
    MeanLight: (MeanLight.model_construct(histogram=None, look=Number(0.7)), {"histogram": (300, 32)}),
    Value: (Value(value=0), {"value": (300,)}),
}


def test_every_node_that_says_how_far_it_looks_is_tried() -> None:
    found, waiting = set(), [Resident]
    while waiting:
        cls = waiting.pop()
        waiting += cls.__subclasses__()
        found |= {cls} if cls.__module__.startswith("n2s.") and cls.around is not Resident.around else set()
    assert found == set(LOOKING)


@pytest.mark.parametrize("cls", LOOKING, ids=lambda cls: cls.__name__)
def test_nothing_further_decides_a_value(cls: type[Resident]) -> None:
    rng = np.random.default_rng(5)
    node, shapes = LOOKING[cls]
    scene = Scene(CLOCK, 0, (48, 32), None, None, None)
    around = node.around(CLOCK)
    given = {name: rng.uniform(0, 0.01, shape).astype(np.float32) for name, shape in shapes.items()}
    value = np.asarray(node.compute(scene, **given))
    for at in (0, 150, 299):
        inside = slice(max(0, at - around), at + around + 1)
        other = {name: rng.uniform(0, 0.01, shape).astype(np.float32) for name, shape in shapes.items()}
        for name, signal in given.items():
            other[name][inside] = signal[inside]
        made = np.asarray(node.compute(scene, **other))
        assert made[at] == value[at] and (made != value).any()
