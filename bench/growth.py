"""How cost grows: with the length of the music, the frame, nodes, tracks and workers.

    python bench/growth.py                              all of it: a table, and with --plot a picture
    python bench/growth.py --only nodes tracks --repeats 3 --json growth.json
    python bench/growth.py --from-json growth.json --plot docs/images/growth.svg

Each film is a process of its own, with an empty store of which only the compiled kernels are kept; processor time is
that of the whole process and of its FFmpegs, start included. Where length, nodes or tracks grow, frames are small and
the tests' tiny decoder makes them, at 10 frames/s, so that nothing hides what else there is; sizes and workers take the
shipped decoders. Up to two workers are measured; more are what ``n2s plan --simulate`` foretells from those runs.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import soundfile
from growth_plot import draw
from run import RATE, ROOT, empty, music
from timed import hold_to, median, said, table, versions

sys.path.insert(0, str(ROOT / "tests"))

import tiny  # noqa: E402  a module of the tests

CORES, FPS, SLOW = 2, 30, 10
NAMES = ["ember", "crystal", "fern"]
MINUTES, NODES, TRACKS = (1, 4, 15, 60), (5, 10, 20, 50, 100), (1, 3, 10, 30, 100)
SIZES = {"640x360": 8, "1280x720": 6, "1920x1080": 4, "2560x1440": 3, "3840x2160": 2}  # seconds of film
WORKERS, SIMULATED, LONG = (1, 2), (4, 8, 16, 32, 64), 240  # LONG: s, the film that is simulated
CATALOGUE = {16: 1, 64: 4, 256: 16, 1024: 64}  # workers, and how many films are heard and joined at the same time
PRICE = 0.05  # of a worker for an hour, an example


def film_nodes(model: Path, names: list[str], more: int = 0, grid: list[int] | None = None) -> dict[str, Any]:
    """Return a film of nine nodes, and ``more``: a third signals, a third latents, a third pictures, in rows."""
    model, signal = str(model), "features.onset"
    nodes: dict[str, Any] = {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "features": {"node": "Features", "audio": "track"},
        "weights": {"node": "Weights", "signal": "features.rms", "count": len(names)},
        "z": {"node": "Anchors", "weights": "weights", "names": names, "model": model},
    }
    latents, frames = "z", "film"
    for i in range(-(-more // 3)):
        nodes[f"e{i}"] = {"node": "EMA", "signal": signal, "half_life": 0.1}
        signal = f"e{i}"
    for i in range((more + 1) // 3):
        nodes[f"w{i}"] = {"node": "Wander", "latents": latents, "amount": f"= 0.1 * {signal}", "seed": i}
        latents = f"w{i}"
    nodes["drift"] = {"node": "Wander", "latents": latents, "amount": 0.3, "period": 6, "seed": more}
    nodes["film"] = {"node": "VAEDecode", "latents": "drift", "model": model, "provider": "cpu"}
    if grid:
        nodes["film"]["grid"] = grid
    for i in range(more // 3):
        nodes[f"t{i}"] = {"node": "Tone", "frames": frames, "exposure": f"= {0.01 + i / 1000} * {signal}"}
        frames = f"t{i}"
    nodes["tone"] = {"node": "Tone", "frames": frames, "exposure": f"= 0.3 * {signal}"}
    nodes["grain"] = {"node": "Grain", "frames": "tone", "amount": 0.04}
    return nodes | {"out": {"node": "FFmpegSink", "frames": "grain", "audio": "track", "path": "film.mp4"}}


def write(path: Path, nodes: dict[str, Any], size: tuple[int, int], fps: int) -> None:
    graph = {"n2s": 1, "seed": 7, "fps": fps, "size": list(size), "nodes": nodes}
    path.write_text(json.dumps(graph), encoding="utf-8")


def write_music(path: Path, seconds: float, number: int = 0) -> None:
    """Write generated music, a minute at a time, each minute a little lower than the one before."""
    minute = music(min(seconds, 60))
    with soundfile.SoundFile(path, "w", RATE, 2) as file:
        for k in range(round(max(seconds, 60) / 60)):
            file.write(minute * np.float32(1 - 0.002 * (k + number)))


def render(folder: Path, jobs: int, again: bool) -> None:
    """Render the film of a folder, in this process; print what it took."""
    from n2s.graph.graph import Graph
    from n2s.runtime.run import render as run

    began = time.perf_counter()
    report = run(Graph.load(folder / "film.yaml"), out=folder, store=folder.parent / "store", jobs=jobs, force=again)
    taken = time.perf_counter() - began
    print(json.dumps({"frames": report.frames, "beside_s": taken - report.seconds}))


class Growth:
    """The cases; each returns rows of what grows and what was measured."""

    def __init__(self, folder: Path, repeats: int):
        self.folder, self.repeats, self.number = folder, repeats, 0
        self.tiny, self.models = tiny.tiny_model(folder / "model"), ROOT / "models"

    def place(self, seconds: float = 10) -> Path:
        self.number += 1
        place = self.folder / str(self.number)
        place.mkdir()
        write_music(place / "music.wav", seconds)
        return place

    def measure(self, place: Path, jobs: int = CORES, again: bool = False) -> dict[str, float]:
        """Return medians of films that are rendered from an empty store, or again, beside what the store has noted."""
        rows = []
        for _ in range(self.repeats):
            if not again:
                empty(self.folder / "store")
            command = [sys.executable, __file__, "--film", place, "--jobs", jobs]
            rows.append(said(command + ["--again"] * again))
        found = {name: median(rows, name) for name in rows[0]}
        found["cpu_ms"], found["fps"] = 1000 * found["cpu_s"] / found["frames"], found["frames"] / found["wall_s"]
        print({name: round(value, 2) for name, value in found.items()}, file=sys.stderr, flush=True)
        return found

    def small(self, more: int = 0) -> dict[str, Any]:
        return film_nodes(self.tiny, ["red", "green", "blue"], more, [2, 2])

    def compiled(self, place: Path) -> None:
        said([sys.executable, __file__, "--film", place, "--jobs", 1])

    def length(self) -> list[dict]:
        self.compiled(self._small_film(self.place(4)))
        found = []
        for minutes in MINUTES:
            place, nodes = self.place(60 * minutes), self.small()
            nodes["out"]["chunk"] = 20 * SLOW  # so that FFmpegs that start are not all that is seen
            write(place / "film.yaml", nodes, (64, 64), SLOW)
            found.append({"x": minutes} | self.measure(place))
        return found

    def _small_film(self, place: Path, more: int = 0) -> Path:
        write(place / "film.yaml", self.small(more), (64, 64), SLOW)
        return place

    def nodes(self) -> list[dict]:
        found = []
        for count in NODES:
            place = self.place(60)
            if count < 9:  # a picture of one colour, its grain, and the music
                nodes = {name: spec for name, spec in self.small().items() if name in ("track", "features", "out")}
                nodes |= {"film": {"node": "Solid", "colour": "#506070"}, "grain": {"node": "Grain", "frames": "film"}}
                write(place / "film.yaml", nodes, (64, 64), SLOW)
            else:
                self._small_film(place, count - len(self.small()))
            began = time.perf_counter()
            self.compiled(place)
            first = time.perf_counter() - began
            found.append({"x": count} | self.measure(place) | {"first_s": first})
        return found

    def tracks(self) -> list[dict]:
        self.compiled(self._small_film(self.place(4)))
        found = []
        for count in TRACKS:
            place = self.place(4)
            nodes: dict[str, Any] = {}
            for number in range(count):
                write_music(place / f"{number}.wav", 10, number)
                track = self.small()
                track["track"]["path"], track["out"]["path"] = f"{number}.wav", f"{number}.mp4"
                write(place / f"{number}.yaml", track, (64, 64), SLOW)
                nodes[f"t{number}"] = {"node": "Track", "path": f"{number}.yaml", "title": f"{number}"}
            nodes["album"] = {"node": "Album", "tracks": list(nodes), "path": "album.mp4"}
            write(place / "film.yaml", nodes, (64, 64), SLOW)
            found.append({"x": count} | self.measure(place))
        return found

    def sizes(self) -> list[dict]:
        found = []
        for size, seconds in SIZES.items():
            width, height = (int(side) for side in size.split("x"))
            places = self.place(0.3), self.place(seconds)  # the first one is for the kernels
            for place in places:
                write(place / "film.yaml", film_nodes(self.models, NAMES), (width, height), FPS)
            self.compiled(places[0])
            found.append({"x": width * height / 1e6, "size": size} | self.measure(places[1]))
        return found

    def _long(self) -> Path:
        """Return the film of one song at 512x512 that workers are simulated with; a part of it is rendered here."""
        nodes = film_nodes(self.models, NAMES, grid=[16, 16])
        place, whole = self.place(LONG / 12), self.place(LONG)
        for folder in (place, whole):
            write(folder / "film.yaml", nodes, (512, 512), FPS)
        self.compiled(place)
        self.measured = {jobs: self.measure(place, jobs, again=jobs > 1) for jobs in WORKERS}
        return whole

    def workers(self) -> list[dict]:
        whole = self._long()
        found = [{"x": jobs, "how": "measured"} | row for jobs, row in self.measured.items()]
        for count in (*WORKERS, *SIMULATED):
            [kind] = self._simulated(whole, f"workers={count}")["kinds"]
            found.append({"x": count, "how": "simulated", "fps": LONG * FPS / kind["seconds"], "busy": kind["busy"]})
        return found

    def catalogue(self) -> list[dict]:
        whole, found = self._long(), []
        for count, homes in CATALOGUE.items():
            told = self._simulated(whole, f"workers={count},tracks=10000,homes={homes},price={PRICE}")
            found.append({"x": count, "homes": homes}
                         | next(row for row in told["catalogue"] if row["workers"] == count))  # fmt: skip
        return found

    def _simulated(self, place: Path, asked: str) -> dict[str, Any]:
        command = [sys.executable, "-m", "n2s", "plan", place / "film.yaml", "--store", self.folder / "store", "--json",
                   "--simulate", asked]  # fmt: skip
        done = subprocess.run([str(word) for word in command], capture_output=True, text=True, check=True)
        lines = [json.loads(line) for line in done.stdout.splitlines() if line.startswith("{")]
        return next(line for line in lines if "kinds" in line)


COLUMNS: dict[str, list[tuple[str, Callable[[dict], str]]]] = {
    "length": [("minutes", lambda r: f"{r['x']}"), ("frames", lambda r: f"{r['frames']:,.0f}"),
               ("frames/s", lambda r: f"{r['fps']:.0f}"), ("CPU ms/frame", lambda r: f"{r['cpu_ms']:.2f}"),
               ("s before and after a minute", lambda r: f"{r['beside_s'] / r['x']:.2f}")],
    "sizes": [("size", lambda r: r["size"]), ("frames/s", lambda r: f"{r['fps']:.1f}"),
              ("CPU ms/frame", lambda r: f"{r['cpu_ms']:.0f}"),
              ("CPU ms/megapixel", lambda r: f"{r['cpu_ms'] / r['x']:.0f}")],
    "nodes": [("nodes", lambda r: f"{r['x']}"), ("frames/s", lambda r: f"{r['fps']:.0f}"),
              ("CPU ms/frame", lambda r: f"{r['cpu_ms']:.2f}"), ("first run, s", lambda r: f"{r['first_s']:.1f}")],
    "tracks": [("tracks", lambda r: f"{r['x']}"), ("frames/s", lambda r: f"{r['fps']:.0f}"),
               ("CPU ms/frame", lambda r: f"{r['cpu_ms']:.2f}"),
               ("CPU s a track", lambda r: f"{r['cpu_s'] / r['x']:.2f}")],
    "workers": [("workers", lambda r: f"{r['x']}, {r['how']}"), ("frames/s", lambda r: f"{r['fps']:.1f}"),
                ("busy", lambda r: f"{r['busy']:.0%}" if "busy" in r else "")],
    "catalogue": [("workers", lambda r: f"{r['x']:,}"), ("films at a time", lambda r: f"{r['homes']}"),
                  ("days", lambda r: f"{r['seconds'] / 86400:.1f}"), ("busy", lambda r: f"{r['busy']:.0%}"),
                  ("worker hours", lambda r: f"{r['worker_hours']:,.0f}"), ("price", lambda r: f"{r['cost']:,.0f}")],
}  # fmt: skip


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", nargs="+", choices=COLUMNS, default=list(COLUMNS), metavar="NAME")
    parser.add_argument("--repeats", type=int, default=1)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every figure there, beside those it has")
    parser.add_argument("--from-json", type=Path, metavar="FILE", help="measure nothing, and show what was measured")
    parser.add_argument("--plot", type=Path, metavar="FILE", help="the .svg to draw; needs the extra [train]")
    parser.add_argument("--film", type=Path, help=argparse.SUPPRESS)
    parser.add_argument("--jobs", type=int, default=CORES, help=argparse.SUPPRESS)
    parser.add_argument("--again", action="store_true", help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.film:
        render(options.film, options.jobs, options.again)
        return
    found = json.loads(options.json.read_text(encoding="utf-8")) if options.json and options.json.exists() else {}
    if options.from_json:
        found = json.loads(options.from_json.read_text(encoding="utf-8"))
    else:
        hold_to(CORES)
        found["versions"] = versions("onnxruntime", "numpy", "numba")
        for name in options.only:
            with tempfile.TemporaryDirectory() as folder:
                found[name] = getattr(Growth(Path(folder), options.repeats), name)()
            if options.json:
                options.json.write_text(json.dumps(found, indent=1))
    for name in options.only:
        if name in found:
            header, cells = zip(*COLUMNS[name])
            print(f"\n{name}\n\n{table(header, [[cell(row) for cell in cells] for row in found[name]])}")
    if options.plot:
        draw(found, options.plot)


if __name__ == "__main__":
    main()
