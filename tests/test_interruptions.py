"""Runs that are killed or interrupted, and two runs at once: the next one goes on, with the same bytes."""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
import tiny
from places import MINIMAL, N2S, POSIX, Place, film_in_peace, wait_until_nothing_runs

from n2s.runtime.ending import interruptions_held_back
from n2s.runtime.executors.pool import Worker
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.publishing import Publishing
from n2s.runtime.store import Store

if os.name == "posix":
    import fcntl
    import termios

LONG = {"size": "256, 256", "grid": "20, 20"}


@pytest.fixture
def long_place(place: Place, studio: Any) -> Place:
    """Three seconds with much to decode: six chunks, of which each takes a while."""
    tiny.write_wav(place.music, tiny.clicks(3))
    place.graph.write_text(MINIMAL.format(**LONG, model=studio.model))
    return place


@pytest.fixture(scope="module")
def undisturbed(studio: Any, kernel_cache: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The film of the long place, made in peace elsewhere; its kernels are compiled by then."""
    return film_in_peace(tmp_path_factory.mktemp("peace"), kernel_cache, studio.model, LONG)


MANY = pytest.mark.parametrize("many", ["--jobs", "--workers"])


def start(place: Place, out: Path, many: str = "--jobs") -> subprocess.Popen:
    return subprocess.Popen(
        [str(N2S), "run", str(place.graph), "--out", str(out), "--store", str(place.store.root), many, "1"],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, start_new_session=True,
    )  # fmt: skip


def wait_for_a_segment(process: subprocess.Popen, place: Place) -> None:
    end = time.monotonic() + 60
    while not place.entries("segments", ".json"):
        assert process.poll() is None and time.monotonic() < end, process.communicate()
        time.sleep(0.005)


@POSIX
@MANY
def test_a_killed_run_goes_on(long_place: Place, undisturbed: bytes, many: str) -> None:
    process = start(long_place, long_place.out, many)
    wait_for_a_segment(process, long_place)
    os.killpg(process.pid, signal.SIGKILL)
    process.communicate()
    wait_until_nothing_runs(long_place.store.root, process.pid)
    assert process.returncode == -signal.SIGKILL
    assert not (long_place.out / "film.mp4").exists()
    report = long_place.run()
    assert 1 <= report.stored < 6 and report.rendered == 6 - report.stored
    assert (long_place.out / "film.mp4").read_bytes() == undisturbed
    long_place.store.trim(time.time() + 25 * 3600)  # what the killed run left is swept up a day later
    assert long_place.rubbish() == []
    assert long_place.run().rendered == 0


@POSIX
def test_workers_end_with_the_process_that_started_them(long_place: Place, undisturbed: bytes) -> None:
    process = start(long_place, long_place.out, "--workers")
    wait_for_a_segment(process, long_place)
    process.kill()  # alone: its workers find out by themselves
    process.communicate()
    wait_until_nothing_runs(long_place.store.root, process.pid)
    assert long_place.rubbish() == []
    report = long_place.run()
    assert 1 <= report.stored <= 6 and report.rendered == 6 - report.stored
    assert (long_place.out / "film.mp4").read_bytes() == undisturbed


@POSIX
@MANY
@pytest.mark.parametrize("how", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_goes_on(long_place: Place, undisturbed: bytes, how: signal.Signals, many: str) -> None:
    process = start(long_place, long_place.out, many)
    wait_for_a_segment(process, long_place)
    if how == signal.SIGINT:
        os.killpg(process.pid, how)  # as a terminal does: workers hear it too
    else:
        process.send_signal(how)
    _, said = process.communicate(timeout=30)
    assert process.returncode == 130
    wait_until_nothing_runs(long_place.store.root, process.pid)
    assert "Interrupted. What is finished is kept: run the same command again to go on." in said
    assert "Traceback" not in said
    assert long_place.rubbish() == []
    assert not (long_place.out / "film.mp4").exists()
    record = json.loads(next(long_place.out.glob("*/run.json")).read_text())
    assert record["status"] == "interrupted"
    report = long_place.run()
    assert 1 <= report.stored < 6 and report.rendered == 6 - report.stored
    assert (long_place.out / "film.mp4").read_bytes() == undisturbed


def in_a_terminal() -> None:
    """Let the terminal on standard input be that of this process, which hears of its end even below nohup."""
    signal.signal(signal.SIGHUP, signal.SIG_DFL)
    fcntl.ioctl(0, termios.TIOCSCTTY, 0)


@POSIX
@MANY
def test_a_run_whose_terminal_is_closed_goes_on_later(long_place: Place, undisturbed: bytes, many: str) -> None:
    ours, theirs = os.openpty()
    command = [str(N2S), "run", str(long_place.graph), "--out", str(long_place.out)]
    process = subprocess.Popen(
        [*command, "--store", str(long_place.store.root), many, "1"],
        stdin=theirs, stdout=theirs, stderr=theirs, start_new_session=True,
        preexec_fn=in_a_terminal,
    )  # fmt: skip
    os.close(theirs)
    os.set_blocking(ours, False)
    end, shown = time.monotonic() + 60, b""
    while not long_place.entries("segments", ".json"):
        assert process.poll() is None and time.monotonic() < end, shown
        time.sleep(0.005)
        with contextlib.suppress(BlockingIOError):
            shown += os.read(ours, 1 << 16)
    os.close(ours)
    assert process.wait(timeout=30) == 130
    wait_until_nothing_runs(long_place.store.root, process.pid)
    assert not (long_place.out / "film.mp4").exists()
    report = long_place.run()
    assert 1 <= report.stored < 6 and report.rendered == 6 - report.stored
    assert (long_place.out / "film.mp4").read_bytes() == undisturbed
    assert long_place.rubbish() == []


@POSIX
def test_nohup_keeps_a_run_at_work(place: Place, studio: Any) -> None:
    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    command = ["nohup", str(N2S), "run", str(place.graph), "--out", str(place.out), "--store", str(place.store.root)]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    while process.poll() is None and not place.out.exists():
        time.sleep(0.005)
    assert process.poll() is None
    process.send_signal(signal.SIGHUP)
    _, said = process.communicate(timeout=120)
    assert process.returncode == 0 and (place.out / "film.mp4").exists(), said


@POSIX
def test_two_runs_at_once_on_one_empty_store(place: Place, studio: Any) -> None:
    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    place.store = Store(place.folder / "shared")  # without kernels: both compile
    outs = [place.folder / "a", place.folder / "b"]
    processes = [start(place, out) for out in outs]
    for process in processes:
        _, said = process.communicate(timeout=120)
        assert process.returncode == 0, said
        assert "Traceback" not in said
    films = [(out / "film.mp4").read_bytes() for out in outs]
    assert films[0] == films[1]
    assert place.rubbish() == []
    assert place.run(out=outs[0]).rendered == 0


class Interrupted(ThreadExecutor):
    """Is interrupted as soon as it renders, and counts how often it is stopped."""

    stops = 0

    def finished(self) -> Any:
        raise KeyboardInterrupt

    def stop(self) -> None:
        super().stop()
        self.stops += 1


def interrupt(*_: Any, **__: Any) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize("where", ["music", "chunks"])
def test_a_run_that_is_interrupted_twice_ends_and_has_its_record(
    where: str, place: Place, studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    executor, stop, unstopped = Interrupted(1), Publishing.stop, []

    def interrupt_stop(publishing: Publishing) -> None:
        unstopped.append(publishing)
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        if where == "music":
            patch.setattr(Publishing, "stop", interrupt_stop)
        else:
            patch.setattr(executor, "stop", interrupt)
        with pytest.raises(KeyboardInterrupt):
            place.run(executor=executor)
    assert json.loads(next(place.out.glob("*/run.json")).read_text())["status"] == "interrupted"
    assert executor.stops == (where == "music")
    executor.stop()
    for publishing in unstopped:  # its thread encodes on, as nobody told it to stop
        stop(publishing)
    assert place.rubbish() == []


@pytest.mark.parametrize("raised", [KeyboardInterrupt, ValueError])
def test_a_run_is_interrupted_whatever_its_end_raises(
    raised: type[BaseException], place: Place, studio: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Either a run that was done is interrupted while it stops, or an interrupted one fails then."""
    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    executor = ThreadExecutor(1) if raised is KeyboardInterrupt else Interrupted(1)
    stopped = executor.stop

    def stop() -> None:
        stopped()
        raise raised

    monkeypatch.setattr(executor, "stop", stop)
    with pytest.raises(raised):
        place.run(executor=executor)
    assert json.loads(next(place.out.glob("*/run.json")).read_text())["status"] == "interrupted"


def test_workers_hear_that_nobody_is_left_when_their_end_is_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    left: list[Worker] = []
    monkeypatch.setattr(Worker, "closed", interrupt)
    monkeypatch.setattr(Worker, "send", lambda *_: None)
    monkeypatch.setattr(Worker, "leave", lambda worker: left.append(worker))
    executor, crew = ProcessExecutor(2), [object.__new__(Worker) for _ in range(2)]
    for worker in crew:
        worker.ready = worker.whole = True
    executor._crew = list(crew)
    with pytest.raises(KeyboardInterrupt):
        executor.stop()
    assert left == crew


def test_an_interruption_waits_for_a_short_step() -> None:
    done = []
    with pytest.raises(KeyboardInterrupt), interruptions_held_back():  # noqa: PT012
        signal.raise_signal(signal.SIGINT)
        done.append("written")
    assert done == ["written"]
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler
