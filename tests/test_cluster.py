"""A cluster: the same bytes as at home, workers that die, that are left out, and what is said of both."""

from __future__ import annotations

import os
import signal
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import Any
from unittest.mock import Mock

import pytest
import toys
from clusters import Cluster, take_instructions, take_jobs
from distributed import Client
from distributed.comm import CommClosedError
from places import POSIX, Place
from test_executors import carry_out
from test_processes import children

from n2s.graph.errors import ArgumentError, OtherCode, RenderError
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events
from n2s.runtime.executors.cluster import crew as crew_module
from n2s.runtime.executors.cluster import executor as executor_module
from n2s.runtime.executors.cluster import standing as standing_module
from n2s.runtime.executors.cluster.executor import DaskExecutor
from n2s.runtime.executors.cluster.local import LocalWorkers
from n2s.runtime.executors.cluster.standing import differences, standing
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.executors.registry import choose_executor
from n2s.runtime.executors.threads import ThreadExecutor


class Killer(Events):
    """Kills a process, once, when a frame was rendered; counts frames."""

    def __init__(self, victim: Any):
        self.victim, self.killed, self.frames = victim, 0, 0

    def rendered(self, frames: int) -> None:
        self.frames += frames
        if not self.killed:
            self.killed = self.victim()
            os.kill(self.killed, signal.SIGKILL)


@POSIX
def test_all_engines_make_the_same_bytes_though_a_worker_dies(
    cluster: Cluster,
    place: Place,
    new_store: Any,
) -> None:
    films, before = [], children()
    makers = [
        (ThreadExecutor(1), Events()),
        (ProcessExecutor(1), Killer(lambda: (children() - before).pop())),
        (cluster.executor(), Killer(lambda: cluster.pids().popitem()[1])),
    ]
    for executor, events in makers:
        place.store = new_store()
        place.run(executor=executor, events=events)
        films.append(place.film.read_bytes())
        place.film.unlink()
        assert place.rubbish() == []
        assert isinstance(executor, ThreadExecutor) or events.killed and events.frames == 30
    assert films[0] == films[1] == films[2]


def test_all_tasks_are_done_and_each_is_told_of_once(cluster: Cluster, store: Any) -> None:
    tasks = toys.tasks(5)
    ended = carry_out(cluster.executor(), toys.Squares(), tasks, store)
    assert sorted(ended, key=lambda task: task.start) == tasks
    assert toys.results(store, tasks) == [1, 4, 9, 16, 25]


@POSIX
def test_a_task_that_kills_its_workers_is_given_up(
    cluster: Cluster,
    store: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(cluster.local._cluster.scheduler, "allowed_failures", 0)
    with pytest.raises(RenderError, match="1 workers died one after the other while they had frame 7 to render. Their"):
        carry_out(cluster.executor(), toys.Deadly(), [toys.task("seven..")], store)


def test_a_run_that_is_interrupted_leaves_workers_fit_for_more(cluster: Cluster, store: Any) -> None:
    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    slow, executor = toys.task("slow"), cluster.executor()
    executor.start(toys.Squares(600), RunContext(store, interrupt), Events())
    executor.submit(slow)
    with pytest.raises(KeyboardInterrupt):
        list(executor.finished())
    executor.stop()
    pids = cluster.pids()
    assert carry_out(cluster.executor(), toys.Squares(), [toys.task("quick")], store)
    assert store.find("toys", slow.key, ".txt") is None
    assert cluster.pids() == pids


@contextmanager
def stopping(executor: DaskExecutor) -> Iterator[None]:
    try:
        yield
    finally:
        executor.stop()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """A process that stands still for a while."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


@POSIX
def test_a_worker_that_has_not_answered_is_named_once_and_taken_when_it_does(
    cluster: Cluster, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(crew_module, "ANSWER_SECONDS", 0.2)
    said: list[str] = []
    crew = crew_module.Crew(cluster.client, said.append, store)
    (address, pid), (other, _) = sorted(cluster.pids().items())
    with frozen(pid):
        crew.look_round(1)
        crew.look_round(0)
        assert said == [f"The worker {address} has not answered yet. It gets no tasks until it does."]
        assert list(crew.fit) == crew.chosen == [other] and not crew.unfit
    end = time.monotonic() + 30
    while address not in crew.fit and time.monotonic() < end:
        crew.look_round(0)
        time.sleep(0.05)
    assert crew.fit.keys() == {address, other} and crew.chosen == []


@POSIX
def test_a_worker_that_is_frozen_holds_up_neither_an_interruption_nor_the_next_run(
    cluster: Cluster, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begun: list[str] = []

    def interrupt(text: str) -> None:
        begun.append(text)
        if len(begun) == 2:
            raise KeyboardInterrupt

    executor, pid = cluster.executor(), cluster.pids().popitem()[1]
    executor.start(toys.Squares(600), RunContext(store, interrupt), Events())
    for name in ("one", "three", "seven..", "thirteen....."):
        executor.submit(toys.task(name))
    with pytest.raises(KeyboardInterrupt):
        list(executor.finished())
    monkeypatch.setattr(executor_module, "STOP_SECONDS", 0.5)
    monkeypatch.setattr(executor_module, "ANSWER_SECONDS", 0.5)
    with frozen(pid):
        begin = time.monotonic()
        executor.stop()
        assert carry_out(cluster.executor(), toys.Squares(), [toys.task("quick")], store)
        assert time.monotonic() - begin < 20
    calls = [thread for thread in threading.enumerate() if thread.name == "n2s-cluster-call"]
    for thread in calls:
        thread.join(5)
    assert not any(thread.is_alive() for thread in calls)


@pytest.fixture
def other(cluster: Cluster) -> Iterator[str]:
    """The address of a worker that has another class of CPU."""
    address = min(cluster.pids())
    cluster.client.run(take_instructions, "x86_64+mmx", workers=[address])
    yield address
    cluster.client.run(take_instructions, "", workers=[address])


def where(cluster: Cluster, but: str) -> set[int]:
    return {pid for address, pid in cluster.pids().items() if address != but}


def test_a_worker_of_another_class_of_cpu_gets_no_tasks(cluster: Cluster, store: Any, other: str) -> None:
    said, tasks = [], [toys.task(name) for name in ("one", "three", "seven..")]
    executor = cluster.executor()
    executor.start(toys.Squares(), RunContext(store, said.append), Events())
    for task in tasks:
        executor.submit(task)
    done = {rendered.where for _, rendered in executor.finished()}
    executor.stop()
    assert any(f"{other} gets no tasks: another class of CPU (without" in text and "with mmx)" in text for text in said)
    assert done == {f"process {pid}" for pid in where(cluster, other)}


@pytest.fixture
def jobless(cluster: Cluster) -> Iterator[str]:
    """The address of a worker that cannot take jobs."""
    address = min(cluster.pids())
    cluster.client.run(take_jobs, False, workers=[address])
    yield address
    cluster.client.run(take_jobs, True, workers=[address])


def places_of_work(cluster: Cluster, store: Any, said: list[str]) -> set[str]:
    executor = cluster.executor()
    with stopping(executor):
        executor.start(toys.Squares(0.1), RunContext(store, said.append), Events())
        for name in ("one", "three", "seven..", "thirteen....."):
            executor.submit(toys.task(name))
        return {rendered.where for _, rendered in executor.finished()}


def test_that_a_worker_which_is_left_out_cannot_take_the_job_is_no_error(
    cluster: Cluster, store: Any, other: str, jobless: str
) -> None:
    said: list[str] = []
    assert other == jobless
    assert places_of_work(cluster, store, said) == {f"process {pid}" for pid in where(cluster, other)}
    assert not any("the job did not come" in text for text in said)


def test_a_fit_worker_that_cannot_take_the_job_gets_no_more_tasks(cluster: Cluster, store: Any, jobless: str) -> None:
    said: list[str] = []
    assert places_of_work(cluster, store, said) == {f"process {pid}" for pid in where(cluster, jobless)}
    assert f"The worker {jobless} gets no tasks: the job did not come to it, and its log says why." in said


def test_workers_whose_code_for_tasks_differs_are_told_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    here = standing()
    assert differences(here, standing()) == ""
    monkeypatch.setattr(standing_module, "code_digest", lambda name: "of other code")
    assert differences(here, standing()) == "n2s has other code"


def test_a_worker_whose_keys_are_others_gets_no_more_tasks(
    cluster: Cluster, place: Place, other: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As where a card decodes on one of them, which is found out with its first task."""
    monkeypatch.setattr(crew_module, "differences", lambda here, there: "")
    report = place.run(executor=cluster.executor())
    [pid] = where(cluster, other)
    log = (report.record.parent / "run.log").read_text()
    assert report.rendered == 2 and log.count(f"of process {pid}") == 2
    assert f"{other} gets no tasks: out: frames" in log and "a processor with other instruction sets" in log


def test_a_cluster_of_which_every_worker_differs_is_refused(
    cluster: Cluster,
    store: Any,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    here = standing() | {"numpy": "1.0", "instructions": "x86_64+avx"}
    monkeypatch.setattr(crew_module, "standing", lambda: here)
    with pytest.raises(OtherCode, match="No worker would render what was planned here:\ntcp.*numpy is .* and 1.0 here"):
        carry_out(cluster.executor(), toys.Squares(), [toys.task("one")], store)


def test_a_store_that_workers_do_not_see_is_told_of(
    cluster: Cluster, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    executor = cluster.executor()
    monkeypatch.setattr(crew_module, "name_of", lambda store: "that of another folder")
    with pytest.raises(OtherCode, match=f"the store {store.root} is not there, or is another one"):
        carry_out(executor, toys.Squares(), [toys.task("one")], store)


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({}, ""),
        ({"numpy": "1.0"}, "numpy is 1.0 there and 2.0 here"),
        ({"onnxruntime": ""}, "onnxruntime is missing there and 1.20 here"),
        ({"python": "3.9", "engine": "b"}, "python is 3.9 there and 3.11 here, n2s has other code"),
        ({"n2s": "2", "engine": "b"}, "n2s is 2 there and 1 here"),
        ({"instructions": "x86_64+avx"}, "another class of CPU (without avx2, with nothing else)"),
        ({"instructions": "aarch64+sve"}, "another class of CPU (without x86_64, avx, avx2, with aarch64, sve)"),
    ],
)
def test_differences_in_words(changed: dict[str, str], words: str) -> None:
    here = {"python": "3.11", "n2s": "1", "engine": "a", "numpy": "2.0", "onnxruntime": "1.20"}
    here["instructions"] = "x86_64+avx+avx2"
    assert differences(here, here | changed) == words


def test_a_scheduler_that_does_not_answer_is_told_of(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(executor_module, "CONNECT_SECONDS", 0.2)
    with pytest.raises(ArgumentError, match="The scheduler tcp://127.0.0.1:1 does not answer .* Is it running"):
        choose_executor("dask://127.0.0.1:1")


@pytest.mark.parametrize("call", ["nthreads", "run", "submit"])
def test_a_scheduler_that_goes_away_during_a_call_is_told_of(
    call: str, cluster: Cluster, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: Any, **__: Any) -> None:
        raise CommClosedError("in <TCP (closed)>: reset by peer")

    executor = cluster.executor()
    monkeypatch.setattr(Client, call, fail)
    if call == "nthreads":
        with pytest.raises(RenderError, match="The scheduler is gone .*reset by peer"):
            cluster.executor()
    with stopping(executor), pytest.raises(RenderError, match="The scheduler is gone .*reset by peer"):
        executor.start(toys.Squares(), RunContext(store, lambda text: None), Events())
        executor.submit(toys.task("one"))
        list(executor.finished())


def test_a_client_that_gave_its_scheduler_up_is_told_of(cluster: Cluster, store: Any) -> None:
    executor = cluster.executor()
    with stopping(executor), pytest.raises(RenderError, match="The scheduler is gone"):
        executor.start(toys.Squares(), RunContext(store, lambda text: None), Events())
        executor._client.close()
        executor.submit(toys.task("one"))
        list(executor.finished())


def test_without_the_extra_the_cure_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "distributed", None)
    for name in [name for name in sys.modules if name.startswith("n2s.runtime.executors.cluster.")]:
        monkeypatch.delitem(sys.modules, name)
    with pytest.raises(
        ArgumentError, match=r"dask needs distributed, which is not installed. Cure: pip install 'n2s\[clu"
    ):
        choose_executor("dask")


def test_clusters_stand_beside_each_other() -> None:
    """Each takes ports that are free, on this machine alone."""
    with closing(LocalWorkers(1)) as one, closing(LocalWorkers(1)) as other:
        assert one.address != other.address
        assert all(cluster.address.startswith("tcp://127.0.0.1:") for cluster in (one, other))


def test_a_local_cluster_is_closed_though_its_end_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("os.killpg", lambda *_: None, raising=False)
    local = object.__new__(LocalWorkers)
    local._process, local._cluster, local._folder = Mock(), Mock(), Mock()
    local._process.wait.side_effect = KeyboardInterrupt
    with pytest.raises(KeyboardInterrupt):
        local.close()
    local._cluster.close.assert_called_once_with()
    local._folder.cleanup.assert_called_once_with()


def test_the_local_cluster_ends_though_leaving_it_is_interrupted(monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupt(*_: Any) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("n2s.runtime.executors.cluster.executor.wait", interrupt)
    executor, client, local = DaskExecutor(1), Mock(), Mock()
    executor._client, executor._local, executor._flying, executor._run = client, local, {}, "run"
    with pytest.raises(KeyboardInterrupt):
        executor.stop()
    client.close.assert_called_once_with()
    local.close.assert_called_once_with()
