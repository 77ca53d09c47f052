"""Two workers of a cluster beside two threads at home, and forecasts beside what runs then took.

    python bench/cluster.py                      the shipped model, 20 s at 512x512, 30 frames/s, median of 5
    python bench/cluster.py --tiny --seconds 6   a try-out with the tests' tiny decoder

Speed: the same film by `--engine dask` with two workers of one thread, and by two threads, in turns. Counted is the
rendering (from the first task to the last one), with and without opening; workers have rendered one film before, so
that their imports are not counted. Processor time is that of all processes, and of the FFmpegs that they started.

Rules: tasks that wait, of uneven length, on one and on two workers, beside the forecast of the same tasks.

Forecasts: a film of half the length is rendered before and after the whole one, with 1 and with 2 threads; what both
have noted foretells the whole one, so that a machine that gets slower or faster meanwhile counts on both sides.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path

import psutil
from run import prepare
from waiting import Waits

from n2s.graph.graph import Graph
from n2s.runtime.context import RunContext
from n2s.runtime.costs import known_costs
from n2s.runtime.events import Events
from n2s.runtime.executors.admission import submit_admitted
from n2s.runtime.executors.base import Task
from n2s.runtime.executors.cluster.executor import DaskExecutor
from n2s.runtime.executors.cluster.local import LocalWorkers
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.forecast import Film, forecast
from n2s.runtime.models.cards import shipped_folder
from n2s.runtime.run import Run
from n2s.runtime.store import Store

COUNT = 2
EACH = 0.02  # s a frame, of tasks that wait
SHARE, WITHIN = 0.9, 0.15  # targets


class Counted(Run):
    """A run that notes when its tasks end."""

    def __init__(self, *arguments: object, **options: object):
        super().__init__(*arguments, **options)
        self.ends: list[tuple[float, int]] = []

    def _note(self, task, rendered, film) -> None:
        super()._note(task, rendered, film)
        self.ends.append((time.perf_counter(), task.stop - task.start))

    @property
    def steady(self) -> float:
        """Frames per second between the ends of the first tasks and of the last one."""
        began = self.ends[COUNT - 1][0]
        return sum(count for _, count in self.ends[COUNT:]) / (self.ends[-1][0] - began)


def used() -> float:
    """Return the processor seconds of this process and all below it, those that have ended included."""
    here = psutil.Process()
    total = 0.0
    for process in [here, *here.children(recursive=True)]:
        try:
            times = process.cpu_times()
        except psutil.Error:
            continue
        total += times.user + times.system + times.children_user + times.children_system
    return total


def render(folder: Path, executor: object, graph: str = "film.yaml") -> dict:
    began, wall = used(), time.perf_counter()
    run = Counted(Graph.load(folder / graph), folder, Store(folder / "store"), executor, force=True)
    report = run.execute()
    return {
        "wall_s": time.perf_counter() - wall,
        "frames_per_s": report.frames / report.seconds,
        "steady_per_s": run.steady,
        "cpu_ms": 1000 * (used() - began) / report.frames,
    }


def speed(folder: Path, repeats: int) -> list[dict]:
    workers = LocalWorkers(COUNT)
    found = []
    try:
        kinds = {
            "dask": lambda: DaskExecutor(address=workers.address.removeprefix("tcp://")),
            "threads": lambda: ThreadExecutor(COUNT),
        }
        for turn in range(repeats + 1):  # the first one is not counted
            for kind, make in list(kinds.items())[:: 1 if turn % 2 else -1]:
                measured = render(folder, make())
                if turn:
                    found.append({"kind": kind} | measured)
                    print(kind, {name: round(value, 2) for name, value in measured.items()}, file=sys.stderr)
    finally:
        workers.close()
    return found


def foretold(folder: Path, jobs: int) -> float:
    """Return how many seconds the whole film should take."""
    store = Store(folder / "store")
    run = Run(Graph.load(folder / "film.yaml"), folder, store, force=True)
    [film] = run.plan()
    run.context.close()
    costs = known_costs(store, film.parts[0][0], "cpu", jobs)
    chunks = tuple(chunk.count * costs.frame for _, chunk in film.parts)
    made = Film(film.frames * costs.planning, chunks, film.frames * costs.joining)
    return forecast([made], jobs, costs.opening).seconds


def forecasts(folder: Path, repeats: int) -> list[dict]:
    found = []
    render(folder, ThreadExecutor(1), "half.yaml")  # kernels are compiled by then
    for _ in range(repeats):
        for jobs in (1, 2):
            told = []
            render(folder, ThreadExecutor(jobs), "half.yaml")
            told.append(foretold(folder, jobs))
            took = render(folder, ThreadExecutor(jobs))["wall_s"]
            render(folder, ThreadExecutor(jobs), "half.yaml")
            told.append(foretold(folder, jobs))
            found.append({"jobs": jobs, "foretold_s": statistics.mean(told), "took_s": took})
            print(found[-1], file=sys.stderr)
    return found


def rules(folder: Path, repeats: int) -> list[dict]:
    lengths = [60, 20, 40, 60, 10, 60, 30, 60, 60, 50] * 4  # frames
    tasks = [Task(0, 0, length, f"{number:040x}") for number, length in enumerate(lengths)]
    found = []
    for count in (1, 2):
        workers = LocalWorkers(count)
        told = forecast([Film(0, tuple(EACH * length for length in lengths), 0)], count).seconds
        try:
            for turn in range(repeats + 1):  # the first one is not counted
                executor = DaskExecutor(address=workers.address.removeprefix("tcp://"))
                context = RunContext(Store(folder / "store"), lambda text: None)
                executor.start(Waits(EACH), context, Events())
                began = time.perf_counter()
                list(submit_admitted(executor, tasks))
                took = time.perf_counter() - began
                executor.stop()
                if turn:
                    found.append({"workers": count, "foretold_s": told, "took_s": took})
                    print(found[-1], file=sys.stderr)
        finally:
            workers.close()
    return found


def median(found: list[dict], name: str, **where: object) -> float:
    return statistics.median(each[name] for each in found if all(each[key] == value for key, value in where.items()))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=20)
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--tiny", action="store_true", help="take the tests' tiny decoder")
    parser.add_argument("--part", choices=["speed", "rules", "forecasts"], help="this alone")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        model = shipped_folder()
        if options.tiny:
            sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
            import tiny  # of the tests

            tiny.tiny_model(folder / "model")
            model = folder / "model"
        prepare(folder, model, options.seconds)
        text = (folder / "film.yaml").read_text().replace("size:", f"duration: {options.seconds / 2}\nsize:", 1)
        (folder / "half.yaml").write_text(text.replace("bench.mp4", "half.mp4"))
        parts = {"speed": speed, "rules": rules, "forecasts": forecasts}
        found = {
            name: part(folder, options.repeats) if options.part in (None, name) else [] for name, part in parts.items()
        }
    show(found)
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


def show(found: dict[str, list[dict]]) -> None:
    for what in ("frames_per_s", "steady_per_s", "cpu_ms", "wall_s") if found["speed"] else ():
        ours, theirs = (median(found["speed"], what, kind=kind) for kind in ("dask", "threads"))
        print(f"{what:14} dask {ours:8.2f}  threads {theirs:8.2f}  ratio {ours / theirs:.3f}")
    print(f"target: at least {SHARE} of the frames per second")
    for part, by in (("rules", "workers"), ("forecasts", "jobs")):
        for count in (1, 2) if found[part] else ():
            ratios = [each["foretold_s"] / each["took_s"] for each in found[part] if each[by] == count]
            listed = ", ".join(f"{ratio:.2f}" for ratio in ratios)
            print(f"{part}, {count} {by}: foretold / took {listed}; median {statistics.median(ratios):.3f}")
    print(f"target: within {WITHIN:.0%}")


if __name__ == "__main__":
    main()
