"""Measures that look at frames while the film is rendered: the same film, frames decoded once."""

from __future__ import annotations

import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import harness
import numpy as np
import pytest
from harness import load
from test_measure_mistakes import declare
from test_measures import FRAMES, film

from n2s.commands.run import spent_text
from n2s.graph.declare import DeclarationError
from n2s.graph.errors import GraphError, RenderError
from n2s.graph.graph import Graph
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.records import Report
from n2s.runtime.render.measures import signals_of, unmeasured_numbers, unmeasured_signals

CHUNK, CHUNKS = 10, 7
IMPORTS = "from n2s.graph.declare import Measure, Seconds\n"
LIMIT = """
class {name}(Measure):
    \"\"\"Say by how much a frame is too light.\"\"\"

    frames: Frames = port("what is looked at")
    every: Seconds = setting({every}, ge=0, le=1, help="every frame")
    outputs = SIGNAL_OUTPUT
    {unmeasured}

    def measure(self, frame):
        return max(0.0, float(frame.mean(dtype=np.float64)) - 0.6)
"""

AHEAD = """
class Ahead(Streamed):
    \"\"\"Show the mean of the next frames.\"\"\"

    frames: Frames = port("what is shown")
    outputs = FRAMES_OUTPUT

    def window(self, fps):
        return 0, 2

    def compute(self, block, frames):
        return np.stack([frames[i : i + 3].mean(axis=0) for i in range(block.count)])
"""


@pytest.fixture
def limits(packages: Any) -> None:
    """Install `Limit`, which looks at frames while they are rendered, and `Before`, which does so before."""
    kinds = {"Limit": (0, "unmeasured = 0"), "Before": (0, ""), "Seldom": (0.1, "unmeasured = 0")}
    nodes = [LIMIT.format(name=name, every=every, unmeasured=line) for name, (every, line) in kinds.items()]
    packages.install(IMPORTS + "".join(nodes))


def limited(studio: Any, kind: str = "Limit", **changed: Any) -> Graph:
    """Return a film that is darkened where a measure finds it too light: for frames 16 to 44, of chunks 1 to 4."""
    nodes = {
        "meter": {"node": kind, "frames": "lit", "every": 0.1 if kind == "Seldom" else 0},
        "light": {"node": "Keyframes", "points": [[0, -2], [0.5, -2], [1, 4], [1.5, -2], [2, -2]]},
        "shown": {"node": "Tone", "frames": "lit", "exposure": "= -2 * meter"},
    }
    return load(film(studio, chunk=CHUNK, **nodes | changed), studio.folder)


def changed_chunks(graph: Graph, store: Any) -> int:
    """Return how many chunks of a measured film are not what they would be without its measure."""
    numbers = harness.plan(graph, store).values.outputs["meter", "signal"]
    return sum(bool(numbers[start : start + CHUNK].any()) for start in range(0, FRAMES, CHUNK))


def test_the_film_is_that_of_a_measure_that_looked_before(
    limits: None, studio: Any, new_store: Any, tmp_path: Path
) -> None:
    before = harness.run(limited(studio, "Before"), tmp_path / "before", new_store(), executor=ThreadExecutor(1))
    store = new_store()
    report = harness.run(limited(studio), tmp_path / "film", store, executor=ThreadExecutor(1))
    assert report.films[0]["sha256"] == before.films[0]["sha256"]
    again = changed_chunks(limited(studio), store)
    assert 2 <= again <= 4
    assert (report.measured, report.rendered, report.stored) == (FRAMES, CHUNKS + again, 0)
    assert report.computed["meter"] == FRAMES, "no frame is looked at twice"
    assert report.computed["decoded"] == report.frames == FRAMES + again * CHUNK, "and none is decoded to be looked at"
    assert before.computed["decoded"] == 2 * FRAMES
    twice = harness.run(limited(studio), tmp_path / "film", store)
    assert (twice.measured, twice.rendered, twice.stored) == (0, 0, CHUNKS)


def test_threads_and_processes_make_the_same(
    limits: None, executor: Any, studio: Any, new_store: Any, tmp_path: Path
) -> None:
    usual = harness.run(limited(studio), tmp_path / "usual", new_store(), executor=ThreadExecutor(1))
    for count in (1, 2):
        report = harness.run(limited(studio), tmp_path / str(count), new_store(), executor=executor(count))
        assert (report.measured, report.rendered) == (usual.measured, usual.rendered)
        assert report.films[0]["sha256"] == usual.films[0]["sha256"]


def test_an_edit_measures_and_renders_what_it_changes(limits: None, studio: Any, store: Any, tmp_path: Path) -> None:
    harness.run(limited(studio), tmp_path, store)
    light = {"node": "Keyframes", "points": [[0, -2], [0.5, -2], [1, 4], [1.5, -2], [2, -1]]}
    edited = harness.run(limited(studio, light=light), tmp_path, store, executor=ThreadExecutor(1))
    assert (edited.measured, edited.rendered) == (FRAMES - 40, 3), "what lies behind frame 45"
    stronger = {"node": "Tone", "frames": "lit", "exposure": "= -3 * meter"}
    edited = harness.run(limited(studio, shown=stronger), tmp_path, store)
    assert (edited.measured, edited.rendered) == (0, changed_chunks(limited(studio), store))


def test_lost_numbers_are_measured_without_rendering(limits: None, studio: Any, store: Any, tmp_path: Path) -> None:
    first = harness.run(limited(studio), tmp_path, store)
    for path in sorted(store.root.glob("measures/*/*.npz"))[:2]:
        path.unlink()
    report = harness.run(limited(studio), tmp_path, store)
    assert report.rendered == 0 and report.stored == CHUNKS and report.measured in (13, 20)
    assert report.films[0]["sha256"] == first.films[0]["sha256"]


def test_a_forced_run_renders_each_chunk_once(limits: None, studio: Any, store: Any, tmp_path: Path) -> None:
    first = harness.run(limited(studio), tmp_path, store)
    report = harness.run(limited(studio), tmp_path, store, force=True)
    assert (report.rendered, report.stored) == (CHUNKS, 0)
    assert report.films[0]["sha256"] == first.films[0]["sha256"]


def test_a_forced_run_ends_where_a_measure_follows_another(
    limits: None, studio: Any, store: Any, tmp_path: Path
) -> None:
    graph = limited(
        studio,
        side={"node": "Tone", "frames": "lit", "exposure": "= -meter"},
        second={"node": "Limit", "frames": "side", "every": 0},
        shown={"node": "Tone", "frames": "lit", "exposure": "= -second"},
    )
    first = harness.run(graph, tmp_path, store, force=True)
    assert first.films[0]["sha256"] == harness.run(graph, tmp_path, store, force=True).films[0]["sha256"]


def test_chunks_that_no_measure_waits_for_are_not_taken_for_stored(
    limits: None, studio: Any, n2s: Any, tmp_path: Path
) -> None:
    meter = {"node": "Limit", "frames": "lit", "every": 1}
    graph = limited(studio, meter=meter)
    assert "7 of 7 chunks (63 of 63 frames) to render" in n2s("run", graph.path, "--dry-run", "--out", tmp_path)[1]
    status, _, err = n2s("run", graph.path, "--out", tmp_path / "films")
    assert status == 0 and "0 in the store" in err and "40 in the store" not in err


def test_a_part_tells_what_is_measured_for_it_before_it_is(
    limits: None, studio: Any, n2s: Any, n2s_json: Any, tmp_path: Path
) -> None:
    part = ["run", limited(studio).path, "--from", "1", "--to", "2", "--out", tmp_path]
    others = FRAMES - 3 * CHUNK
    planned = n2s_json(*part, "--dry-run")
    assert [line.get("frames_to_measure", line.get("frames_to_render")) for line in planned[-2:]] == [3 * CHUNK, others]
    alone = f"For measuring alone: {others} frames."
    dry, said = n2s(*part, "--dry-run")[1], n2s(*part)[2]
    assert "(30 of 30 frames) to render\n" + alone in dry and alone in said
    again = n2s_json(*part, "--dry-run")[-1]
    assert again == {"event": "estimate", "frames_to_measure": 0, "seconds": 0.0, "bytes": 0}


def test_what_looks_ahead_leaves_no_gap_in_what_is_kept(
    limits: None, packages: Any, studio: Any, store: Any, tmp_path: Path
) -> None:
    packages.install(AHEAD, module="ahead_nodes")
    decoded = film(studio)["nodes"]["decoded"] | {"cache": "frames"}
    nodes = {"ahead": {"node": "Ahead", "frames": "decoded"}, "meter": {"node": "Limit", "frames": "ahead", "every": 0}}
    harness.run(limited(studio, decoded=decoded, **nodes), tmp_path, store, executor=ThreadExecutor(1))
    assert len(list(store.root.glob("frames/*/*.frames"))) == CHUNKS


def test_a_measure_before_the_film_that_sees_one_on_the_way_is_counted(
    limits: None, studio: Any, store: Any, tmp_path: Path
) -> None:
    graph = limited(
        studio,
        light_after={"node": "Before", "frames": "shown", "every": 0},
        last={"node": "Tone", "frames": "shown", "warmth": "= light_after"},
        out={"node": "DigestSink", "frames": "last", "audio": "track", "path": "film.txt", "chunk": CHUNK},
    )
    report = harness.run(graph, tmp_path, store)
    assert report.measured == report.computed["meter"] + report.computed["light_after"] > 2 * FRAMES


def test_other_columns_than_declared_are_refused(packages: Any, studio: Any, store: Any, tmp_path: Path) -> None:
    packages.install(IMPORTS + LIMIT.format(name="Limit", every=0, unmeasured="unmeasured = [0, 0]"))
    shown = {"node": "Tone", "frames": "lit", "exposure": "= -meter.signal.0"}
    with pytest.raises(
        RenderError, match=r"measure gave float64 \(\) for signal at frame \d+, and unmeasured has float64 \(2\)"
    ):
        harness.run(limited(studio, shown=shown), tmp_path, store)


def test_what_nobody_looked_at_is_named_where_it_leaves_a_range(
    packages: Any, studio: Any, store: Any, tmp_path: Path
) -> None:
    packages.install(IMPORTS + LIMIT.format(name="Limit", every=0, unmeasured="unmeasured = 50"))
    with pytest.raises(GraphError, match="meter has not looked at all frames yet, and says 50 of the others"):
        harness.run(limited(studio), tmp_path, store)


@pytest.mark.parametrize("unmeasured", ["0.3", "[1e-5, -7.77, 40000.1]"])
def test_where_nobody_looked_at_all_signals_are_made_at_once(
    unmeasured: str, packages: Any, studio: Any, store: Any
) -> None:
    """They are those that joining the numbers of all frames would give."""
    packages.install(IMPORTS + LIMIT.format(name="Limit", every=0, unmeasured=f"unmeasured = {unmeasured}"))
    graph = limited(studio)
    clock = harness.plan(load(film(studio, chunk=CHUNK), studio.folder), store).values.clock
    chunks: Any = [SimpleNamespace(recipe={"measured": range(at, at + CHUNK)}) for at in range(0, FRAMES, CHUNK)]
    joined = signals_of(graph, "meter", chunks, [unmeasured_numbers(graph, "meter", chunk) for chunk in chunks], clock)
    at_once = unmeasured_signals(graph, "meter", clock)
    assert joined.keys() == at_once.keys() == {"signal"}
    np.testing.assert_array_equal(joined["signal"], at_once["signal"], strict=True)
    assert not at_once["signal"].flags.writeable and at_once["signal"].flags.c_contiguous


def test_a_part_of_a_film_has_its_bits(limits: None, studio: Any, new_store: Any, tmp_path: Path) -> None:
    known, unknown = new_store(), new_store()
    harness.run(limited(studio), tmp_path / "whole", known)
    parts = [
        harness.run(limited(studio), tmp_path / str(i), store, span=(0.7, 1.5))
        for i, store in enumerate((known, unknown))
    ]
    assert parts[0].films[0]["sha256"] == parts[1].films[0]["sha256"]
    assert (parts[0].measured, parts[1].measured) == (0, FRAMES)


def test_what_is_only_measured_and_what_depends_on_it_is_said(
    limits: None, studio: Any, n2s: Any, tmp_path: Path
) -> None:
    path, out = limited(studio).path, ["--out", tmp_path / "out"]
    status, _, err = n2s("run", path, *out, "--from", "0", "--to", "0.2")
    assert status == 0, err
    assert f"For measuring alone: {FRAMES} frames. What a part shows depends on frames around it." in err
    assert re.search(r"Now come 6 frames that depend on what was measured: about \d+ s more\.", err), err
    status, _, err = n2s("run", path, *out)
    assert status == 0 and "measur" not in err, err


def test_frames_that_come_again_are_announced_and_counted_apart(
    limits: None, studio: Any, store: Any, n2s: Any, n2s_json: Any, tmp_path: Path
) -> None:
    path, out = limited(studio).path, ["--out", tmp_path / "out"]
    ahead = "Frames that meter changes come once more; how many is known when all are made.\n"
    assert ahead in n2s("run", path, *out, "--dry-run")[1]
    status, told, err = n2s("run", path, *out)
    assert status == 0 and ahead in err and " 0 s left" not in err, err
    again = CHUNK * changed_chunks(limited(studio), store)
    announced = f"Now come {again} of {FRAMES} frames again, in chunks with some that meter changes: about "
    assert announced in err and f"{again}/{again} frames again, " in err and f"{again} frames to render" not in err
    assert f"({FRAMES + again} frames, {again} of these made twice)" in told
    assert f"Measured {FRAMES} frames, all of them while they were rendered." in told
    forced = n2s_json("run", path, *out, "--force", "--set", "shown.exposure== -3 * meter")
    assert not [line for line in forced if line["event"] == "announced"], "of numbers that are known"
    lines = n2s_json("run", path, *out, "--set", "lit.exposure== light - 0.01")
    first, second = [line for line in lines if line["event"] == "announced"]
    assert first == {"event": "announced", "frames_again": 0, "more_may_follow": True}
    assert second["frames_again"] > 0 and not second["more_may_follow"]
    planned = [line["frames"] for line in lines if line["event"] == "planned"]
    assert planned == [FRAMES, second["frames_again"]]


def test_measures_of_measured_films(limits: None, studio: Any, new_store: Any, tmp_path: Path) -> None:
    def made(kind: str) -> Any:
        graph = limited(
            studio,
            kind,
            after={"node": kind, "frames": "shown"},
            last={"node": "Tone", "frames": "shown", "warmth": "= 4 * after"},
            out={"node": "DigestSink", "frames": "last", "audio": "track", "path": "film.txt", "chunk": CHUNK},
        )
        return harness.run(graph, tmp_path / kind, new_store())

    reports = {kind: made(kind) for kind in ("Before", "Limit", "Seldom")}
    assert reports["Limit"].films[0]["sha256"] == reports["Before"].films[0]["sha256"]
    assert 2 * FRAMES < reports["Limit"].measured < 3 * FRAMES, "what was darkened is looked at once more"
    assert reports["Seldom"].measured < FRAMES and reports["Seldom"].films[0]["sha256"]


@pytest.mark.parametrize(
    "node", [{"node": "Blur", "frames": "lit", "radius": 0.02}, {"node": "Trails", "frames": "lit"}]
)
def test_what_is_measured_may_look_around(
    node: dict[str, Any], limits: None, studio: Any, new_store: Any, tmp_path: Path
) -> None:
    """A window or a whole picture before the measure needs frames that the film does not."""
    made = []
    for kind in ("Before", "Limit"):
        graph = limited(studio, kind, meter={"node": kind, "frames": "more", "every": 0}, more=node)
        made.append(harness.run(graph, tmp_path / kind, new_store()))
    assert made[0].films[0]["sha256"] == made[1].films[0]["sha256"]


def test_kept_frames_are_kept(limits: None, studio: Any, store: Any, tmp_path: Path) -> None:
    values = film(studio)["nodes"]["decoded"] | {"cache": "frames"}
    report = harness.run(limited(studio, decoded=values), tmp_path, store, executor=ThreadExecutor(1))
    assert report.computed["decoded"] == report.measured == FRAMES
    assert report.rendered > CHUNKS


def test_plan_and_previews_say_what_was_not_looked_at(limits: None, studio: Any, n2s: Any, tmp_path: Path) -> None:
    path = limited(studio).path
    status, out, _ = n2s("plan", path)
    assert status == 0 and (
        "measure meter (Limit) looks at 63 frames, 100 % of the film's: 0 from the store, 63 while the film is "
        "rendered; chunks that they change are rendered again" in out
    )
    status, _, err = n2s("preview", path, "--at", "1", "-o", tmp_path / "film.png")
    assert status == 0
    assert "Not shown here: what meter changes." in err and "; 63 of 63 are still to come." in err


@pytest.mark.parametrize(
    ("unmeasured", "told"),
    [
        ({"other": 0}, "unmeasured: it has other; the outputs are signal"),
        ("none", "unmeasured: signal is 'none'; a number, or a row of numbers, all finite, was wanted"),
        (float("nan"), "unmeasured: signal is nan"),
        ((), r"unmeasured: signal is \(\)"),
    ],
)
def test_mistakes_in_what_is_declared(unmeasured: Any, told: str) -> None:
    with pytest.raises(DeclarationError, match=told):
        declare(measure=lambda self, frame: 0.0, unmeasured=unmeasured)


def test_frames_that_are_made_twice_are_told_apart() -> None:
    nodes = {"meter": 0.4, "bloom": 0.3, "echo": 0.2, "fast": 0.01}
    report = Report(frames=350, frames_again=50, measured=300, nodes=nodes)
    report.computed = {"meter": 300, "bloom": 600, "echo": 310, "fast": 300}
    assert [report.made_twice(name) for name in nodes] == [(300, 0), (300, 300), (300, 10), (300, 0)]
    said = "meter 0.4 s, bloom 0.3 s (300 frames, 300 made twice), echo 0.2 s (300 frames, 10 made twice)"
    assert spent_text(report) == said
    report.measured = report.frames = report.frames_again = 0
    report.computed["bloom"] = 0
    assert report.made_twice("bloom") == (0, 0)
