"""Measures: their numbers, what of them is kept and made again, what they cost; what nodes bring along."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
from harness import load, surroundings
from places import N2S, POSIX, wait_until_nothing_runs
from test_out_of_memory import is_probe, make_hungry

from n2s.graph.errors import GraphError
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.time import Clock
from n2s.nodes import LightMeter
from n2s.nodes.measures import STEPS
from n2s.plan.film import plan_film
from n2s.plan.measures import measured_frames
from n2s.runtime.context import RunContext
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.models.folder import ModelFolder
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.session import Session
from n2s.runtime.store import Store

FRAMES = 63  # of the studio's music at 30 frames a second
LOOKED = 21  # of them are looked at: one in each tenth of a second, the last one being one of them


def film(studio: Any, meter: dict[str, Any] | None = None, chunk: int = 10, **changed: Any) -> dict[str, Any]:
    """Return a film of latents whose brightness drives its contrast, as plain data; ``changed`` are further nodes."""
    nodes = surroundings(studio.model) | {
        "lit": {"node": "Tone", "frames": "decoded", "exposure": "light"},
        "light": {"node": "Keyframes", "points": [[0, 0], [1, 1], [1.5, -1], [2, 0]]},
        "meter": {"node": "LightMeter", "frames": "lit", "every": 0.1, **(meter or {})},
        "shown": {"node": "Tone", "frames": "lit", "contrast": "= 1 + meter.luma"},
        "out": {"node": "DigestSink", "frames": "shown", "audio": "track", "path": "film.txt", "chunk": chunk},
        **changed,
    }
    return {"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}


def signals(graph: Graph, store: Store) -> dict[str, bytes]:
    """Return the bytes of each signal of the graph's meter."""
    return {name[1]: value.tobytes() for name, value in outputs(graph, store).items()}


def outputs(graph: Graph, store: Store) -> dict[tuple[str, str], np.ndarray]:
    return {name: value for name, value in harness.plan(graph, store).values.outputs.items() if name[0] == "meter"}


# What is looked at, and its numbers


def test_the_frames_that_are_looked_at() -> None:
    meter, clock = LightMeter(every=0.4), Clock(30, 1000, 120.0)
    found = measured_frames(meter, clock, 0, 1000)
    assert [frame // 12 for frame in found[:-1]] == list(range(83)), "one in every whole stretch"
    assert found[0] == 0 and found[-1] == 999
    cut = [frame for start in range(0, 1000, 7) for frame in measured_frames(meter, clock, start, start + 7)]
    assert cut == found
    minute = measured_frames(meter, Clock(30, 1800, 120.0), 0, 1800)
    for beat in (2, 3, 4, 6, 12):  # a flash that repeats after so many frames is met at all of its phases
        phases = np.bincount([frame % beat for frame in minute], minlength=beat) / len(minute) * beat
        assert 0.75 < phases.min() and phases.max() < 1.25, (beat, phases)
    assert measured_frames(LightMeter(every=0), clock, 5, 9) == [5, 6, 7, 8]
    assert measured_frames(LightMeter(every=600), clock, 0, 1000) == [0, 999]
    assert measured_frames(LightMeter(every=Number(100, "ms")), Clock(30, 2, 120.0), 0, 60) == [0, 1]


def test_the_light_meter_against_plain_loops() -> None:
    frame = np.random.default_rng(4).normal(0.4, 0.5, (3, 18, 33)).astype(np.float32)
    made = LightMeter().measure(frame)
    pixels = [tuple(frame[:, i, j].astype(np.float64)) for i in range(18) for j in range(33)]
    weights = 0.2126, 0.7152, 0.0722
    y = [min(max(sum(w * c for w, c in zip(weights, p)), 0), 1) for p in pixels]
    light = [max(sum(w * c * abs(c) for w, c in zip(weights, p)), 0) for p in pixels]
    grid = np.array(y).reshape(18, 33)
    histogram = [0.0] * STEPS
    for p, value in zip(pixels, light):
        histogram[min(int(min(max(*p, 0), 1) * STEPS), STEPS - 1)] += value / len(pixels)
    wanted = {
        "luma": sum(y) / len(y),
        "light": sum(light) / len(light),
        "low": sorted(y)[6],
        "high": sorted(y)[587],
        "dark": sum(value < 10 / 255 for value in y) / len(y),
        "burnt": sum(max(p) >= 250 / 255 for p in pixels) / len(pixels),
        "redness": sum(max(p[0] - max(p[1], p[2]), 0) for p in pixels) / len(pixels),
        "colour": sum(max(p) - min(p) for p in pixels) / len(pixels),
        "sharpness": sum((grid[i, j + 1] - grid[i, j]) ** 2 for i in range(18) for j in range(32)) / (18 * 32)
        + sum((grid[i + 1, j] - grid[i, j]) ** 2 for i in range(17) for j in range(33)) / (17 * 33),
        "grid": [
            np.mean(grid[2 * row : 2 * row + 2, 33 * column // 16 : 33 * (column + 1) // 16])
            for row in range(9) for column in range(16)
        ],
        "histogram": histogram,
    }  # fmt: skip
    assert made.keys() == wanted.keys() == LightMeter.outputs.keys()
    for name, value in wanted.items():
        np.testing.assert_allclose(made[name], value, atol=1e-6, err_msg=name)


@pytest.mark.parametrize(
    ("size", "looked_at"), [((1280, 720), (114, 64)), ((96, 64), (96, 64)), ((720, 1280), (36, 64)), ((16, 4), (36, 9))]
)
def test_the_size_that_is_looked_at(size: tuple[int, int], looked_at: tuple[int, int]) -> None:
    assert LightMeter().input_size(size) == looked_at


def test_numbers_are_those_of_the_film_and_are_joined_by_lines(studio: Any, store: Any) -> None:
    graph = load(film(studio), studio.folder)
    pictures = harness.frames(graph, store, "lit", [(0, FRAMES)])
    places = measured_frames(graph.nodes["meter"], Clock(30, FRAMES, 120.0), 0, FRAMES)
    luma = [LightMeter().measure(pictures[frame])["luma"] for frame in places]  # 64 rows are its size
    found = outputs(graph, store)["meter", "luma"]
    np.testing.assert_allclose(found, np.interp(np.arange(FRAMES), places, luma), atol=2**-17 + 1e-9)
    assert (found * 65536 == np.round(found * 65536)).all()


# Laws


@pytest.mark.parametrize("every", [0, 0.1, 0.7])
def test_signals_do_not_depend_on_chunks(every: float, studio: Any, new_store: Any) -> None:
    made = [
        signals(load(film(studio, {"every": every}, chunk), studio.folder), new_store()) for chunk in (7, 10, 63, 100)
    ]
    assert made[0] == made[1] == made[2] == made[3]


def test_what_is_looked_at_is_the_same_fused_or_not(studio: Any, store: Any) -> None:
    more = {"node": "Vignette", "frames": "lit", "radius": 0.2}
    graph = load(film(studio, {"frames": "more"}, more=more), studio.folder).flat
    values, context = harness.plan(graph, store).values, RunContext(store, print)
    plans = [plan_film(graph, "meter", values, context, {}, fusing=fusing) for fusing in (True, False)]
    assert [len(plan.stages) for plan in plans] == [3, 4]
    one, other = (FrameMaker(plan, store).frames(20, 26) for plan in plans)
    assert one.shape == (6, 3, 64, 96) and one.tobytes() == other.tobytes()
    assert plans[0].keys.chunk(20, 26).key == plans[1].keys.chunk(20, 26).key


def test_threads_and_processes_measure_alike(executor: Any, studio: Any, new_store: Any, tmp_path: Path) -> None:
    graph = load(film(studio), studio.folder)
    usual = harness.run(graph, tmp_path / "usual", new_store(), executor=ThreadExecutor(1))
    for count in (1, 2):
        report = harness.run(graph, tmp_path / str(count), new_store(), executor=executor(count))
        assert report.measured == usual.measured == LOOKED
        assert report.films[0]["sha256"] == usual.films[0]["sha256"]


def test_a_setting_changes_what_is_measured(studio: Any, store: Any, tmp_path: Path) -> None:
    harness.run(load(film(studio), studio.folder), tmp_path, store)
    report = harness.run(load(film(studio, {"every": 0.14}), studio.folder), tmp_path, store)
    assert report.measured > 0


# What is kept, and made again


def test_an_edit_measures_the_chunks_that_it_changes(studio: Any, store: Any, tmp_path: Path) -> None:
    first = harness.run(load(film(studio), studio.folder), tmp_path, store)
    assert (first.measured, first.rendered) == (LOOKED, 7)
    assert harness.run(load(film(studio), studio.folder), tmp_path, store).measured == 0
    behind = film(studio, shown={"node": "Tone", "frames": "lit", "contrast": "= 1 + 0.5 * meter.luma"})
    again = harness.run(load(behind, studio.folder), tmp_path, store)
    assert (again.measured, again.rendered) == (0, 7)
    before = film(studio, light={"node": "Keyframes", "points": [[0, 0], [1, 1], [1.5, -0.5], [2, 0]]})
    edited = harness.run(load(before, studio.folder), tmp_path, store)
    # Frames 31 to 59 have another exposure: chunks 3 to 5. Lines lead there from the last frame that was looked at in
    # chunk 2, and from there to the first in chunk 6.
    assert edited.measured == edited.computed["meter"] == 10
    assert edited.rendered == 5


def test_what_rounds_away_renders_nothing_again(studio: Any, store: Any, tmp_path: Path) -> None:
    def with_light(by: float) -> Graph:
        return load(
            film(
                studio,
                light={"node": "Constant", "value": by},
                shown={"node": "Tone", "frames": "decoded", "contrast": "= 1 + meter.dark"},
            ),
            studio.folder,
        )

    harness.run(with_light(0.5), tmp_path, store)
    report = harness.run(with_light(0.5 + 2**-16), tmp_path, store)
    assert (report.measured, report.rendered) == (LOOKED, 0)


def test_kept_frames_are_made_once(studio: Any, store: Any, tmp_path: Path) -> None:
    """Where every frame is looked at, and the decoder's are kept, measuring and rendering decode each once."""
    values = film(studio, {"every": 0})
    values["nodes"]["decoded"] |= {"cache": "frames"}
    report = harness.run(load(values, studio.folder), tmp_path, store, executor=ThreadExecutor(1))
    assert report.measured == report.computed["decoded"] == FRAMES


KILLED = """
import os, signal, sys
from n2s.graph.graph import Graph
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.run import Run
from n2s.runtime.store import Store
add, added = Store.add, []
def add_and_die(self, kind, *arguments):
    path = add(self, kind, *arguments)
    added.append(kind)
    if added.count("measures") == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    return path
Store.add = add_and_die
Run(Graph.load(sys.argv[1]), out=sys.argv[2], store=sys.argv[3], executor=ThreadExecutor(1)).execute()
"""


@POSIX
@pytest.mark.parametrize("many", ["--jobs", "--workers"])
def test_an_interrupted_measure_goes_on(many: str, studio: Any, new_store: Any, tmp_path: Path) -> None:
    values = film(studio, {"every": 0}, chunk=3)
    values["nodes"]["decoded"] |= {"grid": [24, 24]}
    graph, store = load(values, studio.folder), new_store()
    harness.run(graph, tmp_path / "usual", new_store())
    words = ["run", graph.path, "--out", tmp_path / "out", "--store", store.root, many, "1"]
    process = subprocess.Popen(
        [str(N2S), *map(str, words)], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True
    )
    end = time.monotonic() + 60
    while not list(store.root.glob("measures/*/*.json")):
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.005)
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130 and "Traceback" not in said, said
    assert "Interrupted. What is finished is kept: run the same command again to go on." in said
    wait_until_nothing_runs(store.root, process.pid)
    report = harness.run(graph, tmp_path / "out", store)
    assert 0 < report.measured < FRAMES and report.rendered == FRAMES / 3
    assert (tmp_path / "out" / "film.txt").read_bytes() == (tmp_path / "usual" / "film.txt").read_bytes()


def test_cuda_without_memory_hands_over_to_the_cpu(
    studio: Any, store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, said = load(film(studio), studio.folder), []
    with monkeypatch.context() as patch:
        make_hungry(patch, lambda provider, shape: provider != "cpu" and not is_probe(shape))
        patch.setattr(ModelFolder, "provider", lambda self, wanted: "cpu" if self.force_cpu else "cuda")
        with Session(graph, store, said.append) as session:
            session.frame("shown", 3)
    assert said.count("The memory of CUDA is too small for one frame; the CPU decodes from here on.") == 1
    assert "measuring 7 frames for meter" in said
    assert harness.run(graph, tmp_path, store).measured == LOOKED - 7, "what the CPU measured has the keys of the CPU"


@POSIX
def test_what_a_killed_run_measured_is_kept(studio: Any, new_store: Any, tmp_path: Path) -> None:
    graph, store = load(film(studio), studio.folder), new_store()
    words = [sys.executable, "-c", KILLED, str(graph.path), str(tmp_path / "out"), str(store.root)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    report = harness.run(graph, tmp_path / "out", store)
    assert report.measured == LOOKED - 10, "three chunks of ten frames, three stretches in each"
    assert report.films[0]["sha256"] == harness.run(graph, tmp_path / "peace", new_store()).films[0]["sha256"]


def test_damaged_numbers_are_measured_again(studio: Any, store: Any, tmp_path: Path) -> None:
    graph = load(film(studio), studio.folder)
    harness.run(graph, tmp_path, store)
    path = next(store.root.glob("measures/*/*.npz"))
    path.write_bytes(path.read_bytes()[:-1] + b"?")
    assert 1 <= harness.run(graph, tmp_path, store).measured <= 4


# In a graph


def test_measures_of_measured_films(studio: Any, store: Any, tmp_path: Path) -> None:
    values = film(
        studio,
        after={"node": "LightMeter", "frames": "shown", "every": 0.2},
        last={"node": "Tone", "frames": "shown", "warmth": "= after.redness - 0.1"},
        out={"node": "DigestSink", "frames": "last", "audio": "track", "path": "film.txt", "chunk": 10},
    )
    graph = load(values, studio.folder)
    report = harness.run(graph, tmp_path, store)
    assert report.measured == LOOKED + 11
    found = harness.plan(graph, store).values
    assert found.measured["meter"][:2] == (LOOKED, LOOKED) and found.measured["after"][:2] == (11, 11)
    driven = found.params["last", "warmth"]
    np.testing.assert_allclose(driven, found.outputs["after", "redness"] - 0.1, atol=2**-16)


def test_a_measure_of_what_it_drives_is_a_circle(studio: Any) -> None:
    values = film(studio, lit={"node": "Tone", "frames": "decoded", "exposure": "= meter.luma"})
    with pytest.raises(GraphError, match="wait for each other in a circle: lit → meter → lit"):
        load(values, studio.folder)


def test_an_edit_in_a_session_measures_what_changed(studio: Any, store: Any) -> None:
    said: list[str] = []
    with Session(load(film(studio), studio.folder), store, said.append) as session:
        before = session.frame("shown", 40)
        assert "measuring 7 frames for meter" in said, "in the two chunks beside it"
        count = len(said)
        edited = session.edited({"shown.contrast": "= 1 + 2 * meter.luma"})
        assert np.abs(edited.frame("shown", 40) - before).max() > 0.01
        assert said[count:] == []


def test_plan_tells_what_a_measure_costs(studio: Any, n2s: Any, n2s_json: Any) -> None:
    graph = load(film(studio), studio.folder)
    status, out, err = n2s("plan", graph.path)
    assert status == 0
    assert "measure meter (LightMeter) looks at 21 frames, 33 % of the film's: 0 from the store, 21 measured now" in out
    assert f"measuring {LOOKED} frames for meter" in err
    (about,) = n2s_json("plan", graph.path)
    assert about["measures"] == [
        {
            "node": "meter",
            "type": "LightMeter",
            "frames": 21,
            "stored": 21,
            "share": pytest.approx(1 / 3),
            "on_the_way": False,
            "sources": {"decoded": 21},
            "unkept": [],
        }
    ]


BEHIND = """
class Behind(Streamed):
    \"\"\"Show the mean of the last frames.\"\"\"

    frames: Frames = port("what is shown")
    outputs = FRAMES_OUTPUT

    def window(self, fps):
        return 4, 0

    def compute(self, block, frames):
        return np.stack([frames[i : i + 5].mean(axis=0) for i in range(block.count)])
"""


def test_plan_tells_of_windows_and_of_what_is_made_twice(packages: Any, studio: Any, n2s: Any) -> None:
    packages.install(BEHIND)
    values = film(studio, {"frames": "behind"}, behind={"node": "Behind", "frames": "lit"})
    status, out, _ = n2s("plan", load(values, studio.folder).path)
    assert status == 0 and "looks at 21 frames, 33 % of the film's, made of 63 of decoded: 0 from the store" in out
    assert "          cache: frames on decoded keeps what is otherwise made for the film again\n" in out
    values["nodes"]["decoded"] |= {"cache": "frames"}
    assert "otherwise" not in n2s("plan", load(values, studio.folder).path)[1]


def test_who_asks_for_a_part_is_told_first_that_the_whole_film_is_measured(
    studio: Any, n2s: Any, tmp_path: Path
) -> None:
    path, said = (
        load(film(studio), studio.folder).path,
        "The whole film is measured, so that its part has the same pictures.",
    )
    part, out = ["--from", "0", "--to", "0.2"], ["--out", tmp_path]
    err = n2s("run", path, *part, *out)[2]
    assert err.count(said) == 1 and err.index(said) < err.index("measuring")
    assert said not in n2s("run", path, *part, *out)[2]
    assert said not in n2s("run", path, "--set", "lit.gamma=1.1", *out)[2]


def test_check_measures_nothing(studio: Any, n2s: Any, no_frames: None) -> None:
    assert n2s("check", load(film(studio), studio.folder).path)[0] == 0


def test_preview_of_a_measure(studio: Any, n2s: Any, tmp_path: Path) -> None:
    graph = load(film(studio), studio.folder)
    status, out, err = n2s("preview", graph.path, "--node", "meter.luma", "-o", tmp_path / "luma.png")
    assert status == 0 and "meter.luma" in out and f"measuring {LOOKED} frames for meter" in err
