"""Work as plain data: jobs that need nothing of the process they come from, tasks that need each other."""

from __future__ import annotations

import json
import pickle
from pathlib import Path
from typing import Any

import harness
import pytest
import toys
from places import Place

from n2s.graph.errors import RenderError
from n2s.graph.graph import Graph
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events
from n2s.runtime.executors.base import OtherCode, Task, in_order_of_needs
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.run import Run


def carry_out(executor: Any, job: Any, tasks: list[Task], store: Any) -> list[Task]:
    """Let an executor do all tasks; return them in the order in which they ended."""
    executor.start(job, RunContext(store, lambda text: None), Events())
    try:
        return [task for task, _ in in_order_of_needs(executor, tasks)]
    finally:
        executor.stop()


def test_tasks_wait_for_those_they_need(store: Any) -> None:
    tasks = toys.chain(8)
    ended = carry_out(ThreadExecutor(3), toys.Sums(0.02), tasks, store)
    assert ended == tasks[::-1]
    assert toys.results(store, tasks[::-1]) == [1, 2, 4, 7, 12, 20, 33, 54]


def test_what_is_needed_and_no_task_lies_in_the_store(store: Any) -> None:
    first, second = toys.task("first"), toys.task("second", "first")
    carry_out(ThreadExecutor(1), toys.Sums(), [first], store)
    carry_out(ThreadExecutor(1), toys.Sums(), [second], store)
    assert toys.results(store, [second]) == [2]


def test_tasks_in_a_circle_are_told_of(store: Any) -> None:
    tasks = [toys.task("hen", "egg"), toys.task("egg", "hen"), toys.task("nest")]
    with pytest.raises(RenderError, match="need each other in a circle"):
        carry_out(ThreadExecutor(2), toys.Sums(), tasks, store)


def planned(graph: Graph, out: Path, store: Any) -> tuple[Run, list[Task]]:
    run = Run(graph, out, store)
    run.plan()
    return run, run.missing()


def test_a_pickled_job_renders_the_same_segments(place: Place, new_store: Any) -> None:
    run, tasks = planned(Graph.load(place.graph), place.out, place.store)
    data = pickle.dumps(run.job(tasks))
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
    job = run.job(tasks)
    grain = job.parts[0].graph.nodes["grain"]
    job.parts[0].graph.nodes["grain"] = grain.model_copy(update={"seed": grain.seed + 1})
    with pytest.raises(OtherCode, match="out: frames 0 to 14 would not be made as planned.*grain.seed") as caught:
        carry_out(ThreadExecutor(1), job, tasks, place.store)
    assert "Run again, or render in threads" in str(caught.value)
    assert place.entries("segments", ".mp4") == []


def test_frames_are_counted_node_by_node(studio: Any, tmp_path: Path, store: Any) -> None:
    values = harness.around("LatentEMA", studio.model, sink={"chunk": 20}, half_life=0.05)
    report = harness.run(harness.load(values, studio.folder), tmp_path, store)
    frames = report.frames
    assert report.computed["shown"] == report.computed["out"] == report.computed["subject"] == frames == 63
    assert report.computed["anchors"] > frames  # chunks share what their windows look back on
    nodes = json.loads(report.record.read_text())["nodes"]
    assert {name: about["frames"] for name, about in nodes.items()} == report.computed
