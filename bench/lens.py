"""Lenses and the other kinds of picture node: 1920x1080, float32 in, 8-bit yuv420p out, on one processor.

    python bench/lens.py --repeats 5 --opencv-python cv/bin/python

Each row is a film of n2s: pictures that are in memory already, some nodes, and the codes that an encoder would get.
*beyond* is what its nodes add to the film that it is compared with. OpenCV and numpy do the like in `lens_others.py`.
All are held to one processor and take turns, so that a busy moment hits each of them; the table shows medians of
processor time, which other work on the machine disturbs least.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
import wave
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from post import HEIGHT, POOL, WIDTH, clocks, pictures

from n2s import Graph
from n2s.graph.declare import FRAMES_OUTPUT, Streamed
from n2s.graph.registry import node_types
from n2s.nodes import AudioSource, DigestSink
from n2s.plan.film import plan_film
from n2s.runtime import machine
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.store import Store

SECONDS = 40  # of silence, which gives the films their length

# Every frame has other numbers, as in a film.
ZOOM = {"zoom": "= 1.3 + 0.1 * sin(time)", "pan_x": "= 0.1 * sin(2 * time)", "pan_y": 0.05}
TURNED = ZOOM | {"turn": "= 20 + 5 * time"}
OUT = {"zoom": "= 0.4 + 0.05 * sin(time)"}
PUNCH = {"zoom": "= 1.1 + 0.5 * (1 - fract(2 * time))", "shutter": 180}
FIVE = [
    ("Camera", TURNED),
    ("Swirl", {"angle": "= 60 * sin(time)"}),
    ("Ripple", {"phase": "= 2 * time"}),
    ("Barrel", {}),
    ("Kaleidoscope", {"turn": "= 10 * time"}),
]


@dataclass(frozen=True)
class Row:
    """A film: its nodes, the row it goes beyond, and the most that its nodes may take, in ms or in times of a row."""

    nodes: list[tuple[str, dict[str, Any]]]
    beyond: str = "the film alone"
    most: float = 0
    times: str = ""
    others: str = ""  # what `lens_others.py` calls it


ROWS = {
    "the film alone": Row([]),
    "Camera: zoom and pan": Row([("Camera", ZOOM)], most=8, others="zoom"),
    "Camera: turned": Row([("Camera", TURNED)], most=30, others="turned"),
    "Camera, four more lenses": Row(FIVE, most=2, times="Camera: turned", others="five"),
    "Camera: zoomed out": Row([("Camera", OUT)], others="out"),
    "Camera: zoom, shutter 180": Row([("Camera", PUNCH)], others="shutter"),
    "ChromaShift": Row([("ChromaShift", {"radial": "= 0.006 + 0.002 * sin(time)"})], others="chroma"),
    "Swirl": Row([("Swirl", {"angle": "= 60 * sin(time)"})], most=30),
    "Ripple": Row([("Ripple", {"phase": "= 2 * time"})], most=30),
    "Barrel": Row([("Barrel", {"strength": "= 0.2 + 0.05 * sin(time)"})], most=30),
    "Kaleidoscope": Row([("Kaleidoscope", {"turn": "= 10 * time"})], most=30),
    "Tile": Row([("Tile", {"move_x": "= 0.1 * time"})], most=30),
    "Tunnel": Row([("Tunnel", {"travel": "= 0.1 * time"})], most=30),
    "Polar": Row([("Polar", {"turn": "= 10 * time"})], most=30),
    "EndlessZoom": Row([("EndlessZoom", {"phase": "= 0.1 * time"})], most=30),
    "Flow": Row([("Flow", {"phase": "= time / 20"})], most=30),
    "Tone": Row([("Tone", {"exposure": 0.2})]),
    "Tone, Palette": Row([("Tone", {"exposure": 0.2}), ("Palette", {})], beyond="Tone", most=8),
    "Tone, Lut": Row([("Tone", {"exposure": 0.2}), ("Lut", {"path": "look.cube"})], beyond="Tone", most=10),
    "Blur": Row([("Blur", {})], others="blur"),
    "Bloom": Row([("Bloom", {})], most=15, others="bloom"),
    "Trails: 12 frames": Row([("Trails", {"copies": 12, "size": "full"})], most=24, others="trails"),
    "Trails: 12 frames, map, half": Row([("Trails", {"copies": 12, "zoom": 0.5, "size": "half"})], most=45),
}


class Pictures(Streamed):
    """Give a few pictures, over and over, without copying any."""

    outputs = FRAMES_OUTPUT
    reads = frozenset()

    def open(self, scene, grid):
        return np.concatenate([pictures()] * 2)

    def compute(self, block):
        first = block.start % POOL
        if first + block.count <= 2 * POOL:
            return block.resources[first : first + block.count]
        return block.resources[np.arange(block.start, block.stop) % POOL]


def write_files(folder: Path) -> None:
    """Write what the films read: silence, and a table with a curve for each colour."""
    with wave.open(str(folder / "silence.wav"), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(8000)
        file.writeframes(bytes(2 * 8000 * SECONDS))
    steps = np.linspace(0, 1, 33)
    lines = [f"{r**1.2:.6f} {g:.6f} {b**0.8:.6f}" for b in steps for g in steps for r in steps]
    (folder / "look.cube").write_text("\n".join(["LUT_3D_SIZE 33", *lines]) + "\n")


def n2s_film(row: Row, folder: Path, store: Store) -> tuple[FrameMaker, float]:
    """Return what makes the codes of a film, and how many seconds its kernels took to compile."""
    types = node_types()
    handle = Pictures()(name="film")
    for i, (name, settings) in enumerate(row.nodes):
        handle = types[name](**settings)(handle, name=f"node{i}")
    sink = DigestSink(path="frames.txt")(handle, AudioSource(path="silence.wav")())
    graph = Graph(sink, fps=30, size=(WIDTH, HEIGHT), seed=3, base=folder).flat
    context = RunContext(store, lambda text: None)
    plan = plan_film(graph, graph.sinks()[0], analyse(graph, context), context, machine.environment())
    maker = FrameMaker(plan, store)
    began = time.perf_counter()
    maker.warm_up()
    return maker, time.perf_counter() - began


def n2s_contestant(maker: FrameMaker) -> Callable[[int], np.ndarray]:
    def measure(count: int) -> np.ndarray:
        start = 8 * BLOCK  # far enough from the beginning for a look back
        for _ in maker.blocks(start, start + BLOCK):
            pass
        began = clocks()
        for _ in maker.blocks(start, start + count):
            pass
        return (clocks() - began) / count

    return measure


def other_contestant(python: str, who: str, task: str) -> Callable[[int], np.ndarray]:
    script = Path(__file__).with_name("lens_others.py")

    def measure(count: int) -> np.ndarray:
        command = [python, str(script), who, task, str(max(1, count // (2 if who == "opencv" else 24)))]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        return np.array(json.loads(done.stdout))

    return measure


def others(python: str) -> dict[str, list[str]]:
    """Return what each of the others can do, and say why one is left out."""
    found: dict[str, list[str]] = {}
    for who, interpreter in (("opencv", python), ("numpy", sys.executable)):
        command = [interpreter, str(Path(__file__).with_name("lens_others.py")), who]
        done = subprocess.run(command, capture_output=True, text=True, check=False)
        if done.returncode:
            reason = done.stderr.strip().splitlines()[-1]
            print(f"{who} is left out ({reason}); --opencv-python names an interpreter that has it.", file=sys.stderr)
        else:
            found[who] = json.loads(done.stdout)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--frames", type=int, default=24, help="frames a measurement; OpenCV gets half, numpy one")
    parser.add_argument(
        "--rows", default="", metavar="TEXT", help="only rows with this in their names, and their bases"
    )
    parser.add_argument(
        "--opencv-python", default=sys.executable, metavar="PATH", help="an interpreter that has OpenCV"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])

    there = set(node_types())
    rows = {name: row for name, row in ROWS.items() if {node for node, _ in row.nodes} <= there}
    for name in ROWS.keys() - rows.keys():
        print(f"{name}: left out, a node of it is not installed.", file=sys.stderr)
    chosen = [name for name in rows if options.rows in name]
    wanted = {*chosen, *(rows[name].beyond for name in chosen), *(rows[name].times or name for name in chosen)}
    rows = {name: row for name, row in rows.items() if name in wanted}
    abilities = others(options.opencv_python)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_files(folder)
        store = Store(folder / "store")
        contestants, compiled = {}, {}
        for name, row in rows.items():
            maker, compiled[name] = n2s_film(row, folder, store)
            contestants["n2s", name] = n2s_contestant(maker)
            for who, tasks in abilities.items():
                if row.others in tasks:
                    python = options.opencv_python if who == "opencv" else sys.executable
                    contestants[who, name] = other_contestant(python, who, row.others)
        times: dict[tuple[str, str], list[np.ndarray]] = {key: [] for key in contestants}
        for _ in range(options.repeats):
            for key, measure in contestants.items():
                times[key].append(measure(options.frames) * 1000)

    medians = {key: np.median(values, axis=0) for key, values in times.items()}
    cpu = {key: float(value[1]) for key, value in medians.items()}
    print(f"\n{'':32}{'ms/frame':>9}{'spread':>16}{'beyond':>9}{'opencv':>9}{'numpy':>9}{'compiled':>10}  target")
    for name, row in rows.items():
        values = [value[1] for value in times["n2s", name]]
        beyond = cpu["n2s", name] - cpu["n2s", row.beyond] if row.nodes else 0.0
        said = ""
        if row.most:
            against = cpu["n2s", row.times] if row.times else 1.0
            reached = (cpu["n2s", name] if row.times else beyond) / against
            unit = f" times {row.times}" if row.times else " ms beyond"
            said = f"{row.most:g}{unit}: {'met' if reached <= row.most else 'missed'} ({reached:.3g})"
        rivals = "".join(f"{cpu[who, name]:9.1f}" if (who, name) in cpu else f"{'':9}" for who in ("opencv", "numpy"))
        print(f"{name:32}{cpu['n2s', name]:9.2f}{f'{min(values):.2f}-{max(values):.2f}':>16}{beyond:9.2f}{rivals}"
              f"{compiled[name]:9.1f}s  {said}")  # fmt: skip
    if options.json:
        record = {
            "frames": options.frames,
            "columns": ["ms of wall clock time per frame", "ms of processor time per frame"],
            "medians": {", ".join(key): value.tolist() for key, value in medians.items()},
            "all": {", ".join(key): np.array(value).tolist() for key, value in times.items()},
            "seconds to compile": compiled,
        }
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
