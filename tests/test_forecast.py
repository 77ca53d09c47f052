"""Plans for machines that are not there: the rules of a run with a clock of its own, and costs that runs have noted."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import pytest

from n2s.commands.simulated import read_asked, span_text
from n2s.graph.errors import ArgumentError
from n2s.graph.graph import Graph
from n2s.runtime.costs import CostTally, known_costs
from n2s.runtime.executors.base import Rendered, Task
from n2s.runtime.forecast import Film, forecast
from n2s.runtime.session import Session


@pytest.mark.parametrize(
    ("films", "workers", "opening", "homes", "seconds", "busy"),
    [
        ([Film(0, (1,) * 8, 0)], 1, 0, 1, 8, 1.0),
        ([Film(0, (1,) * 8, 0)], 2, 0, 1, 4, 1.0),
        ([Film(0, (1,) * 8, 0)], 3, 0, 1, 3, 8 / 9),  # the last round has two
        ([Film(0, (1,) * 8, 0)], 64, 0, 1, 1, 8 / 64),
        ([Film(0, (3, 1, 1, 1), 0)], 2, 0, 1, 3, 1.0),  # who is free takes the next one
        ([Film(0, (1, 1, 1, 3), 0)], 2, 0, 1, 4, 6 / 8),  # in the order of the film, not by length
        ([Film(2, (1, 1), 3)], 2, 5, 1, 11, 2 / 22),
        ([Film(2, (1, 1), 3)] * 2, 2, 5, 1, 22, 4 / 44),  # one after the other, and each is opened
        ([Film(2, (1, 1), 3)] * 2, 2, 0, 2, 7, 4 / 14),  # both wait for workers together
        ([Film(2, (), 3)], 2, 0, 1, 5, 0.0),
        ([], 2, 0, 1, 0, 0.0),
    ],
)
def test_what_a_run_takes(
    films: list[Film], workers: int, opening: float, homes: int, seconds: float, busy: float
) -> None:
    found = forecast(films, workers, opening, homes)
    assert (found.seconds, found.busy) == pytest.approx((seconds, busy))
    assert found.worker_hours == pytest.approx(workers * seconds / 3600)


@pytest.mark.parametrize(
    ("film", "workers", "opening", "rendering", "waiting"),
    [
        (Film(0, (1,) * 8, 0), 2, 5, 8, 0),
        (Film(2, (1, 1), 3), 2, 5, 2, 10),  # both at home
        (Film(0, (1,), 0), 3, 5, 1, 12),  # two have nothing to do
    ],
)
def test_what_workers_do_meanwhile(film: Film, workers: int, opening: float, rendering: float, waiting: float) -> None:
    found = forecast([film], workers, opening)
    opened = min(workers, len(film.chunks)) * opening
    assert (found.rendering, found.opening, found.waiting) == pytest.approx((rendering, opened, waiting))


def test_a_large_catalogue_is_busy_work() -> None:
    found = forecast([Film(1, (2,) * 30, 0.5)] * 500, 16, 0.0, 8)
    assert found.seconds == pytest.approx(500 * 60 / 16, rel=0.02) and found.busy > 0.98
    assert forecast([Film(1, (2,) * 30, 0.5)] * 500, 1000, 0.0, 8).seconds == pytest.approx(500 / 8 * 3.5, rel=0.02)


def note(store: Any, plan: Any, jobs: int, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """Note a run of ten chunks of 30 frames each, as if this machine had two processors."""
    monkeypatch.setattr("os.cpu_count", lambda: 2)
    tally = CostTally()
    for i in range(10):
        spent = {"film": seconds, "out (encoder)": seconds / 2}
        tally.add([plan], Task(0, 30 * i, 30 * i + 30, ""), Rendered(spent, {}, "here", 1.5 * seconds + 0.3))
    rendering = 10 * (1.5 * seconds + 0.3) / jobs + 2.0
    for planning in (3.0, 1.2):  # the music is new, and then known
        tally.note(store, jobs, planning, rendering, joining=0.6, frames=300)


def test_costs_are_those_of_the_run_that_kept_processors_as_busy(
    graph: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    with Session(Graph.load(graph), store) as session:
        plan = session.plan()
    assert known_costs(store, [plan], "cpu", 1) is None
    note(store, plan, 1, 3.0, monkeypatch)
    note(store, plan, 2, 4.0, monkeypatch)
    alone, beside, many = (known_costs(store, [plan], "cpu", workers) for workers in (1, 2, 64))
    assert (alone.jobs, beside, many.jobs) == (1, many, 2)
    assert alone.stages == pytest.approx({"film": 0.1, "out (encoder)": 0.05, "(storing)": 0.01})
    assert (alone.opening, alone.joining) == pytest.approx((2.0, 0.002))
    assert (alone.planning, alone.hearing) == pytest.approx((0.004, 0.006))
    assert beside.frame == pytest.approx(0.21)
    assert known_costs(store, [plan], "cuda", 8) is None


def test_a_simulation_of_a_run(graph: Path, store: Any, n2s: Any, n2s_json: Any, monkeypatch: Any) -> None:
    status, _, said = n2s("plan", graph, "--simulate", "workers=2")
    assert status == 1 and "What such frames cost is not known yet. Render some first" in said
    with Session(Graph.load(graph), store) as session:
        note(store, session.plan(), 2, 4.0, monkeypatch)
    [found] = n2s_json("plan", graph, "--simulate", "workers=2,gpu=1,tracks=100,price=36")
    [here, card] = found["kinds"]
    # Planning 120 frames, opening, four chunks of 30 frames by two, joining.
    assert here["seconds"] == pytest.approx(120 * 0.01 + 2 + 2 * 30 * 0.21 + 120 * 0.002)
    assert here["cost"] == pytest.approx(2 * here["seconds"] / 100) and card["costs"] is None
    assert [row["workers"] for row in found["catalogue"]] == [1, 2, 4, 8]
    assert found["catalogue"][1]["seconds"] == pytest.approx(100 * here["seconds"])
    out = n2s("plan", graph, "--simulate", "workers=2,gpu=1,tracks=100")[1]
    assert "2 workers             0:16, 0.01 worker hours, 79% busy" in out
    assert "1 with a card    unknown: this store has seen no run of such frames by them" in out
    assert "a frame takes 210 ms (film 133, out (encoder) 66.7, (storing) 10) and 12 ms at home" in out
    assert "a worker begins after 2.0 s" in out
    assert "100 tracks like these, one after the other" in out


@pytest.mark.parametrize(
    ("asked", "seconds", "told"),
    [
        ("workers=4,tracks=100", 4.0, ["  8 or 16 workers: the rest is mostly waiting for tracks", "more homes."]),
        ("workers=8,tracks=3,homes=200", 4.0, ["8 or 16 or 32 workers: the rest is mostly waiting, though all tracks"]),
        ("workers=4,tracks=300,homes=300", 0.1, ["2 or 4 or 8 or 16 workers: the rest is mostly opening models"]),
        ("workers=4,tracks=300,homes=8", 0.1, ["workers: the rest is mostly opening models"]),
        ("workers=1,tracks=300,homes=8", 4.0, []),
    ],
)
def test_advice_is_such_that_it_helps(
    asked: str, seconds: float, told: list[str], graph: Path, store: Any, n2s: Any, monkeypatch: Any
) -> None:
    with Session(Graph.load(graph), store) as session:
        note(store, session.plan(), 2, seconds, monkeypatch)
    out = n2s("plan", graph, "--simulate", asked)[1]
    assert all(words in out for words in told), out
    assert ("more homes" in out) == any("more homes" in words for words in told)
    assert ("the rest is" in out) == bool(told)


def test_a_run_notes_what_it_cost(graph: Path, tmp_path: Path, store: Any) -> None:
    report = harness.run(Graph.load(graph), tmp_path / "out", store)
    with Session(Graph.load(graph), store) as session:
        costs = known_costs(store, [session.plan()], "cpu", 1)
    assert costs.frame * report.frames >= 0.99 * sum(report.nodes.values())
    assert costs.stages.keys() == {*report.nodes, "(storing)"}
    assert min(costs.opening, costs.planning, costs.hearing, costs.joining) >= 0


@pytest.mark.parametrize(
    "text",
    [
        "",
        "workers",
        "workers=",
        "workers=many",
        "cpus=3",
        "workers=-1",
        "tracks=5",
        "homes=0",
        "workers=4,price=nan",
        "workers=4,price=inf",
        "workers=4,gpu_price=-1",
        "workers=nan",
    ],
)
def test_what_makes_no_sense_is_told(text: str) -> None:
    with pytest.raises(ArgumentError, match="--simulate takes"):
        read_asked(text)


@pytest.mark.parametrize("text", ["workers=4,workers=8", "workers=4, price=1,price =1"])
def test_a_name_that_is_given_twice_is_told(text: str) -> None:
    with pytest.raises(ArgumentError, match="--simulate names (workers|price) twice"):
        read_asked(text)


def test_a_graph_that_makes_no_film_takes_no_time(tmp_path: Path, n2s: Any) -> None:
    path = tmp_path / "nofilm.yaml"
    path.write_text("n2s: 1\nnodes: {pulse: {node: Constant, value: 1}}\n")
    status, _, said = n2s("plan", path, "--simulate", "workers=4")
    assert status == 2 and "--simulate tells how long films take, and" in said and "nofilm.yaml makes none" in said


@pytest.mark.parametrize(("seconds", "words"), [(83, "1:23"), (18_240, "5:04 h"), (200_000, "2.3 days")])
def test_long_times_in_words(seconds: float, words: str) -> None:
    assert span_text(seconds) == words
