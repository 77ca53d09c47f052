"""Work as plain data: jobs that need nothing of the process they come from, tasks that need each other."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import harness
import pytest
import toys
from conftest import shared_store
from places import Place

from n2s.commands.run import summary
from n2s.graph.errors import OtherCode, RenderError
from n2s.graph.graph import Graph
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events
from n2s.runtime.executors.admission import submit_admitted
from n2s.runtime.executors.base import Task
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.run import Report, Run


def carry_out(executor: Any, job: Any, tasks: list[Task], store: Any) -> list[Task]:
    """Let an executor do all tasks; return them in the order in which they ended."""
    context = RunContext(store, lambda text: None)
    executor.start(job, context, Events())
    try:
        return [task for task, _ in submit_admitted(executor, tasks)]
    finally:
        executor.stop()
        context.close()


def test_all_tasks_are_done_and_each_is_told_of_once(store: Any, executor: Any) -> None:
    tasks = toys.tasks(8)
    ended = carry_out(executor(3), toys.Squares(0.02), tasks, store)
    assert sorted(ended, key=lambda task: task.start) == tasks
    assert toys.results(store, tasks) == [1, 4, 9, 16, 25, 36, 49, 64]


def planned(graph: Graph, out: Path, store: Any) -> tuple[Run, list[Task]]:
    run = Run(graph, out, store)
    run.plan()
    return run, run.missing()


def test_a_pickled_job_renders_the_same_segments(place: Place, new_store: Any) -> None:
    run, tasks = planned(Graph.load(place.graph), place.out, place.store)
    data = pickle.dumps(run.planned.job(tasks, run.context))
    assert len(data) < 20_000  # no music, no model, no picture
    elsewhere = new_store()
    carry_out(ThreadExecutor(1), pickle.loads(data), tasks, elsewhere)
    place.run()
    for task in tasks:
        made = [store.find("segments", task.key, ".mp4").read_bytes() for store in (elsewhere, place.store)]
        assert made[0] == made[1]
        assert elsewhere.recipe("segments", task.key) == place.store.recipe("segments", task.key)


def test_a_task_that_would_become_something_else_is_refused(place: Place) -> None:
    run, tasks = planned(Graph.load(place.graph), place.out, place.store)
    job = run.planned.job(tasks, run.context)
    grain = job.parts[0].graph.nodes["grain"]
    job.parts[0].graph.nodes["grain"] = grain.model_copy(update={"seed": grain.seed + 1})
    with pytest.raises(OtherCode, match="out: frames 0 to 14 would not be made as planned.*grain.seed") as caught:
        carry_out(ThreadExecutor(1), job, tasks, place.store)
    assert "run again, or render in threads" in str(caught.value)
    assert place.entries("segments", ".mp4") == []


def test_frames_are_counted_node_by_node(studio: Any, tmp_path: Path, store: Any, executor: Any) -> None:
    values = harness.around("LatentEMA", studio.model, sink={"chunk": 20}, half_life=0.05)
    report = harness.run(harness.load(values, studio.folder), tmp_path, store, executor=executor(2))
    frames = report.frames
    assert report.computed["shown"] == report.computed["out"] == report.computed["subject"] == frames == 63
    assert report.computed["anchors"] > frames  # chunks share what their windows look back on
    nodes = json.loads(report.record.read_text())["nodes"]
    assert {name: about["frames"] + about["made_twice"] for name, about in nodes.items()} == report.computed
    assert {about["frames"] for about in nodes.values()} == {frames}


def test_frames_computed_more_than_once_are_told_of(tmp_path: Path) -> None:
    report = Report(rendered=1, frames=60, seconds=1.0, nodes={"film": 0.5, "tone": 0.2}, record=tmp_path)
    report.computed = {"film": 75, "tone": 60}
    assert "Time by node: film 0.5 s (60 frames, 15 made twice), tone 0.2 s." in summary(report)


class Backwards(Run):
    """Hands its tasks over in the other order."""

    def missing(self) -> list[Task]:
        return super().missing()[::-1]


@pytest.fixture(scope="module")
def film(studio: Any, kernel_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, bytes]:
    """A graph of five chunks with a window that reaches over their borders, and its film made by one thread."""
    folder = tmp_path_factory.mktemp("film")
    values = harness.around("LatentEMA", studio.model, half_life=0.05)
    values["nodes"]["out"] |= {"node": "FFmpegSink", "path": "film.mp4", "chunk": 13}
    path = harness.load(values, studio.folder, "executors.yaml").path
    harness.run(Graph.load(path), folder, shared_store(folder / "store", kernel_cache), executor=ThreadExecutor(1))
    return path, (folder / "film.mp4").read_bytes()


@pytest.mark.parametrize("count", [1, 2, 3, 4])
def test_films_are_the_same_bytes_whoever_renders(
    count: int, film: tuple[Path, bytes], tmp_path: Path, store: Any, executor: Any
) -> None:
    path, usual = film
    made = tmp_path / "out" / "film.mp4"
    kind = Backwards if count % 2 else Run
    assert kind(Graph.load(path), tmp_path / "out", store, executor(count)).execute().rendered == 5
    assert made.read_bytes() == usual
    made.unlink()
    store.find("segments", kind(Graph.load(path), tmp_path, store).plan()[0].parts[2][1].key, ".mp4").unlink()
    report = kind(Graph.load(path), tmp_path / "out", store, executor(count)).execute()
    assert (report.rendered, report.stored) == (1, 4)
    assert made.read_bytes() == usual


def test_a_failure_in_a_node_has_the_same_words_everywhere(
    packages: Any, place: Place, new_store: Any, pool: Any
) -> None:
    packages.install(FAILING)
    place.edit("frames: grain", "frames: broken")
    place.edit("  out:", "  broken: {node: Broken, frames: grain}\n  out:")
    said, logs = [], []
    for executor in (ThreadExecutor(1), ProcessExecutor(1, pool), ProcessExecutor(1)):
        place.store, before = new_store(), set(place.out.glob("*/run.log"))
        said.append(place.refused(RenderError, "track.yaml:22:3  broken (Broken): compute failed", executor=executor))
        logs.append((set(place.out.glob("*/run.log")) - before).pop().read_text())
    assert said[0] == said[1] == said[2]
    assert "at frames 8 to 11: ValueError: no luck (" in said[0] and "others_nodes.py:18)" in said[0]
    assert all("Traceback" in log and 'raise ValueError("no luck")' in log for log in logs)


def test_memory_of_cuda_that_is_gone_in_a_worker_hands_over_to_the_cpu(
    packages: Any, place: Place, executor: Any
) -> None:
    packages.install(HUNGRY)
    place.edit("frames: grain", "frames: hungry")
    place.edit("  out:", "  hungry: {node: Hungry, frames: grain}\n  out:")
    assert place.run(executor=executor(1)).rendered == 2
    assert place.said_.count("CUDA's memory does not hold one frame.") == 1


FAILING = """
class Broken(Streamed):
    \"\"\"Fail after a while.\"\"\"

    frames: Frames = port("pictures")
    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        if block.start >= 8:
            raise ValueError("no luck")
        return frames
"""

HUNGRY = """
from n2s.runtime.models.sessions import ProviderExhausted


class Hungry(Streamed):
    \"\"\"Need more memory than CUDA has.\"\"\"

    frames: Frames = port("pictures")
    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        if not block.scene.context.on_cpu:
            raise ProviderExhausted("CUDA's memory does not hold one frame.")
        return frames
"""
