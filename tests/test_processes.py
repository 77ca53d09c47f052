"""Worker processes: killed ones, kept ones, code that they do not find, programs that start them."""

from __future__ import annotations

import io
import multiprocessing
import os
import signal
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import toys
from places import POSIX, Place, wait_until_nothing_runs
from test_executors import carry_out

from n2s.graph.errors import OtherCode, RenderError
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events
from n2s.runtime.executors.admission import submit_admitted
from n2s.runtime.executors.opened import OpenedJob, Order
from n2s.runtime.executors.pool import Worker
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.executors.threads import ThreadExecutor

SCALE = """
import os

FACTOR = float(os.environ.get("OTHERS_FACTOR", "1"))


class Scale(Streamed):
    \"\"\"Multiply.\"\"\"

    frames: Frames = port("what is multiplied")
    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        return frames * np.float32(FACTOR * OTHER)
"""


class Killer(Events):
    """Kills the first process that reports progress, once; counts frames."""

    def __init__(self, how: signal.Signals, others: set[int]):
        self.how, self.others, self.killed, self.frames = how, others, 0, 0

    def rendered(self, frames: int) -> None:
        self.frames += frames
        if not self.killed:
            self.killed = (children() - self.others).pop()
            os.kill(self.killed, self.how)


def children() -> set[int]:
    return {process.pid for process in multiprocessing.active_children()}


@POSIX
@pytest.mark.parametrize(
    ("how", "words"), [(signal.SIGKILL, "was ended by SIGKILL"), (signal.SIGTERM, "ended with status 143")]
)
def test_what_a_killed_worker_was_at_is_rendered_by_another(
    how: signal.Signals, words: str, place: Place, new_store: Any
) -> None:
    place.run()
    usual = place.film.read_bytes()
    place.store = new_store()
    place.film.unlink()
    killer = Killer(how, children())
    report = place.run(executor=ProcessExecutor(1), events=killer)
    assert killer.killed and killer.frames == report.frames == 30
    assert place.film.read_bytes() == usual
    log = (report.record.parent / "run.log").read_text()
    assert f"A worker process {words} while it rendered frames 0 to 14; another one begins them again." in log
    assert place.rubbish() == []
    assert children() == killer.others
    wait_until_nothing_runs(place.store.root)


@POSIX
def test_a_task_that_kills_every_worker_is_given_up(store: Any) -> None:
    others = children()
    with pytest.raises(RenderError, match="was ended by SIGKILL while it rendered frame 7, as 2 did before it. Memory"):
        carry_out(ProcessExecutor(1), toys.Deadly(), [toys.task("seven..")], store)
    assert children() == others


class Nursery:
    """Lends new workers, of which some are dead already."""

    def __init__(self, dead: list[bool]):
        self.dead = iter(dead)
        self.last: Worker | None = None

    def take(self) -> Worker:
        self.last = Worker()
        if next(self.dead):
            os.kill(self.last.pid, signal.SIGKILL)
        return self.last

    def give(self, worker: Worker) -> None:
        worker.kill()


@POSIX
def test_workers_that_die_at_their_start_count_since_one_was_heard_of(store: Any) -> None:
    with pytest.raises(
        RenderError, match="cannot be started: the last of 3 was ended by SIGKILL before it was heard of"
    ):
        carry_out(ProcessExecutor(1, Nursery([True] * 3)), toys.Squares(), [toys.task("one")], store)
    nursery, begun = Nursery([True, True, False, True, False]), []

    def kill_the_first(text: str) -> None:
        if text.endswith("begins") and not begun:
            begun.append(text)
            os.kill(nursery.last.pid, signal.SIGKILL)

    executor = ProcessExecutor(1, nursery)
    executor.start(toys.Squares(0.5), RunContext(store, kill_the_first), Events())
    executor.submit(toys.task("two"))
    assert [task for task, _ in executor.finished()] == [toys.task("two")]
    executor.stop()
    assert begun


class Talking:
    """A renderer that prints, and fails where it is to."""

    def __init__(self, fails: bool):
        self.fails = fails

    def render(self, task: Any, progress: Any) -> None:
        print("a line")
        print("and half of one", end="")
        if self.fails:
            raise RenderError("It failed.")


@dataclass(frozen=True)
class Talk:
    """A job whose tasks print, and fail where they are to."""

    fails: bool

    def open(self, context: Any, events: Any) -> Talking:
        return Talking(self.fails)


@pytest.mark.parametrize("fails", [False, True])
def test_what_was_printed_is_shown_before_a_task_is_told_of(
    fails: bool, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A worker may be ended as soon as it has told of its last task."""
    order = Order.of(Talk(fails), RunContext(store, lambda text: None))
    opened, shown, told = OpenedJob(order, print, threading.Event()), io.BytesIO(), []
    buffered = io.TextIOWrapper(io.BufferedWriter(shown), encoding="utf-8", write_through=False)
    monkeypatch.setattr(sys, "stdout", buffered)
    opened.do(toys.task("one"), lambda what, value: told.append((what, shown.getvalue())))
    assert told == [("failed" if fails else "done", b"a line\nand half of one")]


def test_workers_are_kept_and_work_for_the_next_job(store: Any, pool: Any) -> None:
    def do(name: str) -> str:
        executor = ProcessExecutor(1, pool)
        executor.start(toys.Squares(), RunContext(store, lambda text: None), Events())
        [(_, rendered)] = submit_admitted(executor, [toys.task(name)])
        executor.stop()
        return rendered.where

    assert do("one") == do("two") != f"process {os.getpid()}"


def test_a_task_that_is_given_up_leaves_its_worker_fit_for_more(store: Any, pool: Any) -> None:
    def interrupt(text: str) -> None:
        raise KeyboardInterrupt

    slow, quick = toys.task("slow"), toys.task("quick")
    carry_out(ProcessExecutor(1, pool), toys.Squares(), [toys.task("another")], store)
    before = children()
    executor = ProcessExecutor(1, pool)
    executor.start(toys.Squares(600), RunContext(store, interrupt), Events())
    executor.submit(slow)
    with pytest.raises(KeyboardInterrupt):
        list(executor.finished())
    executor.stop()
    carry_out(ProcessExecutor(1, pool), toys.Squares(), [quick], store)
    assert children() == before
    assert store.find("toys", slow.key, ".txt") is None


def test_an_interruption_that_cuts_off_a_message_ends_the_task_in_order(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    receive = Worker.receive

    def interrupted(worker: Worker) -> tuple:
        if (tmp_path / "begun").exists():
            with worker._message():
                raise KeyboardInterrupt
        return receive(worker)

    monkeypatch.setattr(Worker, "receive", interrupted)
    executor = ProcessExecutor(1)
    executor.start(toys.Endless(tmp_path), RunContext(store, lambda text: None), Events())
    executor.submit(toys.task("endless"))
    with pytest.raises(KeyboardInterrupt):
        list(executor.finished())
    assert not (tmp_path / "ended").exists()
    executor.stop()
    assert (tmp_path / "ended").exists()


def test_kept_workers_with_other_code_are_replaced(
    packages: Any, place: Place, new_store: Any, pool: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.edit("frames: grain", "frames: scaled")
    place.edit("  out:", "  scaled: {node: Scale, frames: grain}\n  out:")
    place.edit("node: FFmpegSink", "node: DigestSink")
    place.edit("path: track.mp4, chunk: 15, crf: 20", "path: frames.txt, chunk: 15")
    frames = []
    for other, factor in (("1", "1"), ("0.5", "1"), ("0.5", "0.5")):
        packages.remove()  # the same name in another folder, or another value in the same text
        packages.install(f"OTHER = {other}\n{SCALE}", folder=f"{other}-{factor}")
        monkeypatch.setenv("OTHERS_FACTOR", factor)
        for executor in (ThreadExecutor(1), ProcessExecutor(1, pool)):
            place.store = new_store()
            place.run(executor=executor)
            frames.append((place.out / "frames.txt").read_text())
    assert frames[0] == frames[1] and frames[2] == frames[3] and frames[4] == frames[5]
    assert len({frames[0], frames[2], frames[4]}) == 3


ALONE = """
import io
import multiprocessing

if multiprocessing.current_process().name != "MainProcess":
    raise ValueError("here I am not at home")
"""


def test_a_package_that_only_the_first_process_can_import_is_told_of(packages: Any, place: Place, pool: Any) -> None:
    place.edit("frames: grain", "frames: scaled")
    place.edit("  out:", "  scaled: {node: Scale, frames: grain}\n  out:")
    packages.install(f"{ALONE}\nOTHER = 1\n{SCALE}")
    words = "others_nodes cannot be imported in another process (ValueError: here I am not at home). Mend that, or"
    place.refused(OtherCode, words, executor=ProcessExecutor(1, pool))


FIRST = """
from pathlib import Path
from n2s.runtime.executors.opened import OpenedJob, Order
from n2s.runtime.executors.pool import Worker

worker = Worker()
status = Path(f"/proc/{worker.pid}/status").read_text()
worker.kill()
print(int(status.partition("SigBlk:")[2].split()[0], 16) >> 1 & 1)
"""


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="reads /proc")
def test_the_first_worker_too_is_started_with_interruptions_held_back() -> None:
    done = subprocess.run([sys.executable, "-c", FIRST], capture_output=True, text=True, check=True)
    assert done.stdout == "1\n"


PROGRAM = """
import sys
from n2s import Graph, render
from n2s.graph.declare import FRAMES_OUTPUT, Streamed, port
from n2s.graph.types import Frames
from n2s.nodes import DigestSink, ImageSource

print("the program runs")


class Same(Streamed):
    '''Copy.'''

    frames: Frames = port("pictures")
    outputs = FRAMES_OUTPUT

    def compute(self, block, frames):
        return frames


picture = ImageSource(path=sys.argv[1])()
picture = Same()(picture) if "own" in sys.argv else picture
graph = Graph(DigestSink(path="frames.txt", chunk=5)(picture), fps=30, size=(64, 32), duration=0.5)
report = render(graph, out=sys.argv[2], store=sys.argv[3], workers=2)
print("rendered", report.rendered)
"""


def run_program(studio: Any, folder: Path, store: Any, *more: str) -> subprocess.CompletedProcess:
    (folder / "program.py").write_text(PROGRAM)
    words = [folder / "program.py", studio.folder / "picture.png", folder / "out", store.root, *more]
    return subprocess.run([sys.executable, *map(str, words)], capture_output=True, text=True, check=False)


def test_a_program_without_a_guard_runs_once(studio: Any, tmp_path: Path, store: Any) -> None:
    done = run_program(studio, tmp_path, store)
    assert done.returncode == 0, done.stderr
    assert done.stdout.splitlines() == ["the program runs", "rendered 3"]


def test_a_node_of_the_program_itself_is_refused_with_a_way_out(studio: Any, tmp_path: Path, store: Any) -> None:
    done = run_program(studio, tmp_path, store, "own")
    assert done.returncode == 1 and done.stdout.splitlines() == ["the program runs"]
    assert (
        "Same is defined in the program that was started, which other processes do not run. Put it into" in done.stderr
    )
    assert "or render in threads (--jobs" in done.stderr


@pytest.mark.parametrize("way", [("--workers", "1"), ("--engine", "dask")])
def test_python_files_beside_a_graph_are_not_run(way: tuple[str, str], place: Place) -> None:
    """A stranger's graph may come in a folder with files that are named like modules of Python."""
    if "dask" in way:
        pytest.importorskip("distributed")
    beside = place.graph.parent
    for name in ("signal", "socket", "types", "numpy"):
        (beside / f"{name}.py").write_text("open('ran', 'a').write(__name__)\n")
    program = place.folder / "bin" / "program.py"
    program.parent.mkdir()
    program.write_text("from n2s.cli import main\nif __name__ == '__main__':\n    main()\n")
    words = [sys.executable, program, "run", place.graph.name, "--out", place.out, "--store", place.store.root, *way]
    done = subprocess.run(list(map(str, words)), cwd=beside, capture_output=True, text=True, check=False)
    assert (done.returncode, (beside / "ran").exists()) == (0, False), done.stderr
    assert place.film.is_file()
