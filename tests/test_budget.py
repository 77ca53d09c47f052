"""A run keeps to a limit of memory: fewer chunks at a time, the same bytes, and words where one alone is too much."""

from __future__ import annotations

import gc
import subprocess
import sys
import threading
from typing import Any

import pytest
import toys
from places import Place

from n2s.graph.errors import ArgumentError, RenderError
from n2s.runtime import memory
from n2s.runtime.budget import SHARE, MemoryBudget, MemoryExceeded
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events
from n2s.runtime.executors.carrying import carry_out
from n2s.runtime.executors.cluster.crew import Crew
from n2s.runtime.executors.opened import OpenedJob, Order
from n2s.runtime.executors.packing import unpack_error
from n2s.runtime.memory import MemoryWatch, used_memory

MB = 10**6
EATEN = 150 * MB
HOLD = f"import sys; held = bytearray(b'x' * {100 * MB}); print(flush=True); sys.stdin.read()"


def test_memory_of_processes_below_counts() -> None:
    command = [sys.executable, "-c", HOLD]
    before = used_memory()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        during = used_memory()
        process.communicate()
    assert 100 * MB < during - before < 200 * MB
    assert used_memory() < before + 50 * MB


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere psutil tells")
def test_a_copy_of_a_process_that_is_about_to_become_another_counts_once() -> None:
    copied = f"import os, sys; held = bytearray(b'x' * {100 * MB}); os.fork(); print(flush=True); sys.stdin.read()"
    before = used_memory()
    with subprocess.Popen([sys.executable, "-c", copied], stdin=subprocess.PIPE, stdout=subprocess.PIPE) as process:
        process.stdout.readline()
        process.stdout.readline()  # both are there
        during = used_memory()
        process.communicate()
    assert 100 * MB < during - before < 180 * MB


class Readings:
    """Memory that goes as a test says."""

    def __init__(self, *values: int):
        self.values = list(values)

    def __call__(self) -> int:
        return self.values.pop(0) if len(self.values) > 1 else self.values[0]


def test_a_watch_keeps_the_peak() -> None:
    watch = MemoryWatch(Readings(50, 70, 60, 40, 45))
    assert watch.peak is None
    assert [watch.look() for _ in range(3)] == [50, 70, 60] and watch.peak == 70
    assert watch.peak_since() == 70 and watch.now == 40
    assert watch.peak_since() == 45 and watch.peak == 70  # since the last call, at which 40 were used


def budget(limit: int | None, *readings: int) -> MemoryBudget:
    made = MemoryBudget(limit, MemoryWatch(Readings(*readings)))
    made.begin()
    return made


def test_the_first_chunk_of_a_kind_is_alone_and_tells(store: Any) -> None:
    made = budget(1000, 100, 100, 400, 400)  # before, and while one chunk was under way
    assert made.admits("film", 0, 4, store) and not made.admits("film", 1, 4, store)
    made.ended("film", 1, 4)
    # Of 950 bytes, 850 are left for chunks of 300 each: two.
    assert [made.admits("film", flying, 4, store) for flying in range(4)] == [True, True, False, False]
    assert not made.admits("another", 1, 4, store)
    made.remember("film", store)
    later = budget(1100, 100, 100)
    assert [later.admits("film", flying, 4, store) for flying in range(4)] == [True, True, True, False]
    # Those that wait for one of two threads take nothing.
    assert [later.admits("film", flying, 2, store) for flying in (1, 2, 3, 9)] == [True] * 4


def test_what_chunks_take_together_is_shared_among_them(store: Any) -> None:
    made = budget(None, 100, 100, 900)
    assert made.admits("film", 3, 4, store)  # no limit
    made.ended("film", 4, 4)
    made.remember("film", store)
    assert made.at_once == 4 and store.noted("memory", "film") == 200


def test_a_small_difference_is_not_written_again(store: Any) -> None:
    for reading, noted in ((1100, 1000), (1130, 1000), (1300, 1200)):
        made = budget(None, 100, 100, reading)
        made.ended("film", 1, 1)
        made.remember("film", store)
        assert store.noted("memory", "film") == noted


def test_what_takes_too_much_before_the_first_chunk_is_refused() -> None:
    with pytest.raises(RenderError, match="960.0 MB of memory are used with models.*--max-memory allows 1.0 GB"):
        budget(1000 * MB, 960 * MB)


def test_a_system_that_tells_no_memory_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(memory, "used_memory", lambda: None)
    with pytest.raises(ArgumentError, match="pip install psutil"):
        MemoryBudget(1000)
    with MemoryWatch(memory.used_memory) as watch:
        assert watch.peak is None
    assert MemoryBudget(None, watch).summary()["peak"] is None


class Frames(Events):
    """Squares up the frames that are told of."""

    total = 0

    def rendered(self, frames: int) -> None:
        self.total += frames


def settled_memory() -> int:
    """Return what is used when there is no garbage, which a run collects where memory runs short."""
    gc.collect()
    return used_memory()


def eat(
    executor: Any, store: Any, limit: int | None, known: int | None = None, waits: float = 0.25
) -> tuple[MemoryBudget, Frames, list[str]]:
    """Let four tasks be done at a time that hold memory; ``known`` is what the store says that each takes."""
    said: list[str] = []
    context, events = RunContext(store, said.append), Frames()
    context.memory = MemoryBudget(limit)
    if known is not None:
        store.note("memory", "toy", known)
    tasks = [toys.task("x" * length) for length in range(1, 7)]
    try:
        with context.memory.watch:
            done = [
                task
                for task, _ in carry_out(
                    executor, toys.Hungry(EATEN, waits), tasks, context, events, lambda task: "toy"
                )
            ]
    finally:
        executor.stop()
        context.close()
    assert sorted(task.start for task in done) == [1, 2, 3, 4, 5, 6]
    assert toys.results(store, tasks) == [EATEN] * 6
    return context.memory, events, said


def test_as_many_tasks_at_once_as_memory_holds(store: Any, new_store: Any, executor: Any) -> None:
    free, _, said = eat(executor(4), store, None)
    assert free.at_once == getattr(executor(4), "most_at_once", 4) and not said
    need = store.noted("memory", "toy")
    limit = round((settled_memory() + 2.5 * need) / SHARE)
    kept, events, said = eat(executor(4), new_store(), limit, need)
    assert kept.at_once == 2 and kept.watch.peak < limit and not said and events.total == 6
    alone, _, _ = eat(executor(4), new_store(), limit)  # where nothing is known, the first one tells
    assert alone.at_once >= 2 and alone.watch.peak < limit  # workers that were kept take less than new ones


def test_tasks_that_take_more_than_was_known_are_begun_anew(store: Any, executor: Any) -> None:
    limit = round((settled_memory() + 2.5 * EATEN) / SHARE)
    kept, events, said = eat(executor(4), store, limit, known=1, waits=1.0)
    assert kept.at_once in (1, 2)
    assert "chunks at a time, and --max-memory allows" in said[0] and "the rest is rendered" in said[0]
    assert events.total == 6  # what was lost was taken back


def test_one_task_that_takes_too_much_ends_the_run(store: Any, executor: Any) -> None:
    limit = round((settled_memory() + 0.5 * EATEN) / SHARE)
    with pytest.raises(RenderError, match="with one chunk at a time, and --max-memory allows") as caught:
        eat(executor(4), store, limit, waits=1.0)
    assert not isinstance(caught.value, MemoryExceeded)


def test_a_worker_of_a_cluster_keeps_to_its_share(store: Any) -> None:
    said: list[tuple] = []
    context = RunContext(store, lambda text: None)
    order = Order.of(toys.Hungry(EATEN), context, used_memory() + EATEN // 2)
    opened = OpenedJob(order, lambda text: None, threading.Event())
    opened.do(toys.task("x"), lambda *answer: said.append(answer))
    opened.close()
    assert [what for what, _ in said] == ["rendered", "failed"]
    with pytest.raises(RenderError, match="its share of --max-memory is .* fewer workers on a machine"):
        raise unpack_error(said[-1][1])


def test_workers_of_one_machine_share_its_memory(store: Any) -> None:
    crew = Crew(None, lambda text: None, store)
    assert crew.most_per_machine == 1
    crew.fit = {"tcp://10.0.0.2:1": 1, "tcp://10.0.0.2:2": 1, "tcp://10.0.0.3:1": 1, "tls://[::1]:2": 1}
    assert crew.most_per_machine == 2


def test_a_film_within_a_limit_has_the_same_bytes(place: Place, n2s: Any) -> None:
    free = place.run()
    assert free.memory["peak"] > 50 * MB and free.memory["limit"] is None
    (film,) = place.out.glob("*.mp4")
    made = film.read_bytes()
    status, out, _ = n2s("run", place.graph, "--out", place.out, "--force", "--max-memory", "16 GB")
    assert status == 0 and " of 16.0 GB, with " in out
    assert film.read_bytes() == made


def test_a_limit_that_nothing_keeps_is_told(place: Place, n2s: Any) -> None:
    status, _, err = n2s("run", place.graph, "--out", place.out, "--max-memory", "1 MB")
    assert status == 1 and "--max-memory allows 1.0 MB. Give more, or a smaller --size." in err
    status, _, err = n2s("run", place.graph, "--max-memory", "much")
    assert status == 2 and '--max-memory: a size like 5GB or 500 MB was wanted, not "much".' in err
