"""Threads without a chunk decode for those that have one, and the last few chunks begin beside the others."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import CancelledError
from contextlib import suppress
from pathlib import Path
from typing import Any

import harness
import pytest
import toys

from n2s.graph.errors import Cancelled, RenderError
from n2s.plan.decoders import decoders
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events
from n2s.runtime.executors.admission import submit_admitted
from n2s.runtime.executors.base import Rendered, Task
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.models.folder import SessionDecoder
from n2s.runtime.render.helpers import Helpers

DECODE = SessionDecoder.decode


@pytest.fixture
def decoding(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """The thread of each call of a decoder, and how many frames it was asked for."""
    calls: list[tuple[str, int]] = []

    def decode(self: Any, latents: Any) -> Any:
        calls.append((threading.current_thread().name.partition("_")[0], len(latents)))
        return DECODE(self, latents)

    monkeypatch.setattr(SessionDecoder, "decode", decode)
    return calls


def helped(calls: list[tuple[str, int]]) -> int:
    return sum(frames for thread, frames in calls if thread == "helper")


GRAPHS: dict[str, dict[str, Any]] = {
    "LatentEMA": {"half_life": 0.05},
    "Trails": {},
    "VAEDecode": {},
    "LatentCamera": {},
    "Stutter": {},
    "Guard": {},
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_film_has_the_same_bytes_whoever_decodes(
    name: str, studio: Any, tmp_path: Path, new_store: Any, decoding: list[tuple[str, int]]
) -> None:
    graph = harness.load(harness.around(name, studio.model, sink={"chunk": 40}, **GRAPHS[name]), studio.folder)
    films, computed = [], []
    for threads in (1, 3):
        del decoding[:]
        report = harness.run(graph, tmp_path / str(threads), new_store(), executor=ThreadExecutor(threads))
        films.append({path.name: path.read_bytes() for path in (tmp_path / str(threads)).glob("*.*")})
        computed.append(report.computed)
        assert (helped(decoding) > 0) is (threads > 1 and name != "Stutter")  # what is picked comes in no order
    assert films[0] == films[1] and films[0]
    assert dict(computed[0]) == dict(computed[1])  # what helpers decode counts, too


def test_what_may_be_decoded_apart(studio: Any, store: Any) -> None:
    def found(name: str, **settings: Any) -> set[str]:
        graph = harness.load(harness.around(name, studio.model, **settings), studio.folder)
        return decoders(harness.plan(graph, store))

    assert found("Tone") == {"decoded"}
    assert found("ImageSource", path="picture.png") == set()


def test_an_error_of_a_decoder_is_told_as_if_nobody_helped(
    studio: Any, tmp_path: Path, new_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph, calls, told = harness.load(harness.around("Tone", studio.model), studio.folder), [0], []

    def decode(self: Any, latents: Any) -> Any:
        calls[0] += 1
        if calls[0] > 4:
            raise RenderError("The decoder is tired.")
        return DECODE(self, latents)

    monkeypatch.setattr(SessionDecoder, "decode", decode)
    for threads in (1, 4):
        calls[0] = 0
        with pytest.raises(RenderError) as caught:
            harness.run(graph, tmp_path / str(threads), new_store(), executor=ThreadExecutor(threads))
        told.append(str(caught.value))
    assert told[0] == told[1] and "The decoder is tired." in told[0]


def test_threads_are_lent_while_they_are_free() -> None:
    helpers, go = Helpers(2), threading.Event()
    with helpers.busy():
        lent = helpers.lend(go.wait)
        assert lent is not None and helpers.free == 0 and helpers.lend(go.wait) is None
        with helpers.busy():
            assert helpers.free == -1 and helpers.lend(go.wait) is None
        go.set()
        assert lent.result(10) is True
    assert helpers.lend(go.wait) is not None
    helpers.close()
    assert helpers.free == 0 and helpers.lend(go.wait) is None


class Meeting:
    """A job whose tasks wait until so many are under way; it keeps how many that were at most."""

    def __init__(self, wanted: int):
        self.wanted, self.here, self.most = wanted, 0, 0
        self.changed = threading.Condition()

    def open(self, context: Any, events: Any) -> Meeting:
        return self

    def warm_up(self) -> None:
        pass

    def render(self, task: Task, progress: Callable[[int], None]) -> Rendered:
        with self.changed:
            self.here += 1
            self.most = max(self.most, self.here)
            self.changed.notify_all()
            try:
                while not self.changed.wait_for(lambda: self.most >= self.wanted, 0.05):
                    progress(0)
                return Rendered()
            finally:
                self.here -= 1


def suppressed(executor: ThreadExecutor) -> None:
    with suppress(Cancelled, CancelledError):
        list(executor.finished())


def meet(threads: int, tasks: int, wanted: int, store: Any) -> int:
    executor, context, job = ThreadExecutor(threads), RunContext(store, lambda text: None), Meeting(wanted)
    executor.start(job, context, Events())  # type: ignore[arg-type]
    try:
        done = list(submit_admitted(executor, [toys.task("x" * (i + 1)) for i in range(tasks)]))
        assert len(done) == tasks
        return job.most
    finally:
        executor.stop()
        context.close()


@pytest.mark.parametrize(("threads", "tasks", "together"), [(4, 5, 5), (8, 10, 10), (2, 3, 2), (4, 4, 4)])
def test_the_last_few_tasks_begin_beside_the_others(threads: int, tasks: int, together: int, store: Any) -> None:
    assert meet(threads, tasks, together, store) == together


def test_many_tasks_wait_for_a_thread(store: Any) -> None:
    executor, job = ThreadExecutor(4), Meeting(6)  # more than may ever meet
    executor.start(job, RunContext(store, lambda text: None), Events())  # type: ignore[arg-type]
    for i in range(20):
        executor.submit(toys.task("x" * (i + 1)))
    asking = threading.Thread(target=lambda: suppressed(executor), daemon=True)
    asking.start()
    with job.changed:
        met = job.changed.wait_for(lambda: job.here == 4, 10)
        more = job.changed.wait_for(lambda: job.here > 4, 0.2)
    executor.stop()  # those that wait for their turn give up, too
    asking.join(10)
    assert met and not more and job.most == 4 and job.here == 0
