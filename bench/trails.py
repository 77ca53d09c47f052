"""Trails: what a chain at 1920x1080 takes with trails over 12 frames beyond what it takes without, on one core.

    python bench/trails.py [--repeats 5] [--json trails.json]

The chain is a picture, a Tone that is driven, Trails, and the codes of 8-bit film; blocks are made as in a run, by one
thread. Beside it numpy joins the same 12 frames, in light, without a map. Medians, in milliseconds of processor time
per frame, because other work on the machine counts less in it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np
from PIL import Image

from n2s import Graph
from n2s.graph.graph import Graph as Loaded
from n2s.nodes import FFmpegSink, ImageSource, Keyframes, Tone, Trails
from n2s.plan.film import plan_film
from n2s.runtime import machine
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.store import Store

WIDTH, HEIGHT, COPIES = 1920, 1080, 12
LIMITS = {"full": 24.0, "half, moved": 45.0}  # milliseconds
CASES: dict[str, dict[str, Any] | None] = {
    "without": None,
    "full": {"size": "full"},
    "full, sum": {"size": "full", "blend": "sum"},
    "half": {"size": "half"},
    "half, moved": {"size": "half", "zoom": 0.6, "turn": 20},
    "full, moved": {"size": "full", "zoom": 0.6, "turn": 20},
}


def film(folder: Path, settings: dict[str, Any] | None) -> Loaded:
    exposure = Keyframes(points=[[0, 0], [60, 1]], interpolate="linear")()
    frames = Tone(exposure=exposure)(ImageSource(path="picture.png")())
    if settings is not None:
        frames = Trails(length=COPIES / 30, copies=COPIES, **settings)(frames)
    return Graph(FFmpegSink(path="film.mp4")(frames), fps=30, size=(WIDTH, HEIGHT), duration=60, base=folder)


def maker(folder: Path, settings: dict[str, Any] | None) -> FrameMaker:
    graph = film(folder, settings).flat
    store = Store(folder / "store")
    context = RunContext(store, lambda text: None)
    plan = plan_film(graph, graph.sinks()[0], analyse(graph, context), context, machine.environment())
    return FrameMaker(plan, store)


def milliseconds(made: FrameMaker, blocks: int) -> list[float]:
    """Return what each block takes per frame, in the middle of a chunk; its first one also makes the window."""
    times, began = [], 0.0
    for codes in made.blocks(100, 100 + BLOCK * (blocks + 1)):
        if began:
            times.append(1000 * (time.process_time() - began) / len(codes))
        began = time.process_time()
    return times


def by_numpy(frames: np.ndarray, weights: np.ndarray) -> np.ndarray:
    """Join frames (K, 3, H, W), oldest first, as Trails do without a map: the brightest of all."""
    total = np.zeros_like(frames[0])
    for frame, weight in zip(frames, weights):
        np.maximum(total, weight * frame * np.abs(frame), out=total)
    now = frames[-1] * np.abs(frames[-1])
    return np.sqrt(now + np.maximum(total - now, 0))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    rng = np.random.default_rng(1)
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        Image.fromarray(rng.integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)).save(folder / "picture.png")
        makers = {case: maker(folder, settings) for case, settings in CASES.items()}
        for made in makers.values():
            list(made.blocks(100, 104))  # compiled before the clock starts
        times: dict[str, list[float]] = {case: [] for case in [*CASES, "numpy, full"]}
        past = rng.random((COPIES + 1, 3, HEIGHT, WIDTH), np.float32)
        for _ in range(options.repeats):
            for case, made in makers.items():
                times[case] += milliseconds(made, options.blocks)
            began = time.process_time()
            by_numpy(past, np.linspace(0.1, 1, COPIES + 1, dtype=np.float32))
            times["numpy, full"].append(1000 * (time.process_time() - began))
    without = median(times["without"])
    for case, found in times.items():
        beyond = median(found) - (0 if case == "numpy, full" else without)
        limit = f"  at most {LIMITS[case]:g}" if case in LIMITS else ""
        print(f"{case:14} {median(found):7.1f} ms per frame, {beyond:7.1f} of them for the trails{limit}")
    if options.json:
        options.json.write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
