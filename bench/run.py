"""A whole film: how much a run costs beyond decoding and encoding, and how near it comes to what two cores allow.

    python bench/run.py                      the shipped model, 60 s at 512x512, 30 frames/s, median of 5
    python bench/run.py --model FOLDER
    python bench/run.py --tiny --seconds 10 --repeats 1        a try-out with the tests' tiny decoder

Each repeat renders the film from an empty store (only the compiled kernels are kept), then decodes alone, then encodes
alone: the same latents, batches and one-thread session; the same frames, arguments and segments. Every measurement is
a process of its own, so that its processor time, and that of the FFmpegs it started, can be read off at its end.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
SIZE, FPS, RATE, SAMPLE = 512, 30, 44100, 10  # SAMPLE: the seconds of the film that decoder and encoder get alone
OVERHEAD = 4.0  # target: at most so many ms of processor time per frame
SHARE = 0.8  # target: at least this part of what two cores allow

GRAPH = """\
n2s: 1
title: Bench
seed: 7
fps: 30
size: [512, 512]
nodes:
  track: {{node: AudioSource, path: music.wav}}
  features: {{node: Features, audio: track}}
  level: {{node: EMA, signal: features.low, half_life: 0.3}}
  pulse: {{node: EMA, signal: features.onset, half_life: 0.1}}
  weights: {{node: Weights, signal: level, count: 3}}
  anchors: {{node: Anchors, weights: weights, names: [{names}], model: {model}}}
  drift: {{node: Wander, latents: anchors, amount: 0.35, period: 6}}
  film: {{node: VAEDecode, latents: drift, model: {model}, grid: [16, 16], provider: cpu}}
  tone:
    node: Tone
    frames: film
    exposure: = 0.5 * pulse
    contrast: = 1 + 0.2 * level
  vignette: {{node: Vignette, frames: tone, amount: 0.35}}
  grain: {{node: Grain, frames: vignette, amount: 0.04}}
  out: {{node: FFmpegSink, frames: grain, audio: track, path: bench.mp4}}
"""


def music(seconds: float) -> np.ndarray:
    """Return a bass that moves in steps, a chord that swells, and a tick twice per second; float32 (samples, 2)."""
    t = np.arange(round(seconds * RATE)) / RATE
    bass = np.sin(2 * np.pi * np.array([55.0, 65.4, 49.0, 73.4])[(t // 2 % 4).astype(int)] * t) * (
        0.5 + 0.5 * np.sin(t / 3)
    )
    chord = sum(np.sin(2 * np.pi * note * t + k) for k, note in enumerate((220, 277.2, 329.6))) * (
        0.5 - 0.5 * np.cos(t / 5)
    )
    tick = np.random.default_rng(3).standard_normal(len(t)) * np.exp(-(t % 0.5) / 0.02)
    left = 0.3 * bass + 0.08 * chord + 0.15 * tick
    return np.stack([left, 0.3 * bass + 0.1 * chord + 0.12 * tick], axis=1).astype(np.float32)


def prepare(folder: Path, model: Path, seconds: float) -> None:
    """Write the music and the graph."""
    import soundfile

    soundfile.write(folder / "music.wav", music(seconds), RATE, subtype="PCM_16")
    with np.load(model / "anchors.npz") as anchors:
        names = ", ".join(f'"{name}"' for name in sorted(anchors.files)[:3])
    (folder / "film.yaml").write_text(GRAPH.format(names=names, model=json.dumps(str(model))))


def empty(store: Path) -> None:
    """Remove everything from a store but the compiled kernels."""
    for entry in store.iterdir() if store.exists() else ():
        if entry.name != "kernels":
            shutil.rmtree(entry)


# What follows runs in processes of its own, each doing one part.


def film(folder: Path, jobs: int) -> dict:
    """Render the film."""
    from n2s.graph.graph import Graph
    from n2s.runtime.run import render
    from n2s.runtime.store import Store

    began = time.perf_counter()
    report = render(Graph.load(folder / "film.yaml"), out=folder, store=Store(folder / "store"), jobs=jobs)
    return {"frames": report.frames, "render_s": time.perf_counter() - began, "rendering_s": report.seconds,
            "nodes_s": report.nodes}  # fmt: skip


def _plan(folder: Path) -> tuple:
    from n2s.graph.graph import Graph
    from n2s.runtime.run import Run
    from n2s.runtime.store import Store

    run = Run(Graph.load(folder / "film.yaml"), out=folder, store=Store(folder / "store"))
    parts = run.plan()[0].parts
    count = min(len(parts), SAMPLE * FPS // parts[0][1].count)
    spread = [parts[len(parts) * i // count][1] for i in range(count)]
    return run, parts[0][0], spread


def record(folder: Path, jobs: int) -> dict:
    """Save the latents and finished frames of some chunks, spread over the film."""
    from n2s.plan.film import towards
    from n2s.runtime.render.frames import FrameMaker

    run, plan, chunks = _plan(folder)
    maker, drift = FrameMaker(plan, run.store), FrameMaker(towards(plan, "drift"), run.store)
    np.save(folder / "latents.npy", np.concatenate([drift.frames(chunk.start, chunk.stop) for chunk in chunks]))
    codes = [np.concatenate(list(maker.blocks(chunk.start, chunk.stop))) for chunk in chunks]
    np.save(folder / "codes.npy", np.concatenate(codes))
    (folder / "chunks.json").write_text(json.dumps([chunk.count for chunk in chunks]))
    return {"frames": sum(map(len, codes))}


def decode(folder: Path, jobs: int) -> dict:
    """Decode the latents, ``jobs`` threads side by side, as blocks of a run are decoded."""
    from n2s.runtime.render.opened import BLOCK

    run, plan, _ = _plan(folder)
    node, scene = plan.graph.nodes["film"], plan.scene
    grid = next(stage.grid for stage in plan.stages if stage.name == "film")
    decoder = node.open(scene, grid)
    latents = np.load(folder / "latents.npy")

    def work(start: int) -> None:
        for first in range(start, len(latents), BLOCK * jobs):
            decoder.decode(latents[first : first + BLOCK])

    decoder.decode(latents[:BLOCK])
    began = _used(), time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(work, [BLOCK * i for i in range(jobs)]))
    return {"frames": len(latents), "cpu_s": _used() - began[0], "wall_s": time.perf_counter() - began[1]}


def encode(folder: Path, jobs: int) -> dict:
    """Encode the frames, segment by segment, ``jobs`` encoders side by side."""
    from n2s.formats.video import Video
    from n2s.graph.format import Shape
    from n2s.graph.graph import Graph
    from n2s.runtime.render.opened import BLOCK

    sink = Graph.load(folder / "film.yaml").nodes["out"]
    shape, video = Shape((SIZE, SIZE), Fraction(FPS)), Video()
    codes = np.load(folder / "codes.npy")
    bounds = np.cumsum([0, *json.loads((folder / "chunks.json").read_text())])

    def work(index: int) -> None:
        stop = bounds[index + 1]
        blocks = (codes[first : min(first + BLOCK, stop)] for first in range(bounds[index], stop, BLOCK))
        video.write_segment(folder / f"segment{index}.mp4", sink, shape, blocks)

    began = _used(), time.perf_counter()
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(work, range(len(bounds) - 1)))
    return {"frames": len(codes), "cpu_s": _used() - began[0], "wall_s": time.perf_counter() - began[1]}


def _used() -> float:
    """The processor time of this process and of the children it has waited for."""
    both = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(used.ru_utime + used.ru_stime for used in both)


PARTS = {part.__name__: part for part in (film, record, decode, encode)}


def measure(part: str, folder: Path, jobs: int) -> dict:
    """Run a part in a process of its own; add its processor time and its wall clock, from start to end."""
    before, began = resource.getrusage(resource.RUSAGE_CHILDREN), time.perf_counter()
    command = [
        sys.executable,
        str(Path(__file__).resolve()),
        "--part",
        part,
        "--folder",
        str(folder),
        "--jobs",
        str(jobs),
    ]
    process = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=True)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return {"process_cpu_s": used, "process_wall_s": wall} | json.loads(process.stdout.splitlines()[-1])


def bench(folder: Path, options: argparse.Namespace) -> dict:
    """Take all measurements in turn; return figures per frame, one row per repeat."""
    store, jobs = folder / "store", options.jobs
    measure("record", folder, jobs)  # compiles the kernels too
    rows = []
    for i in range(options.repeats):
        empty(store)
        whole = measure("film", folder, jobs)
        one = measure("decode", folder, 1), measure("encode", folder, 1)
        beside = measure("decode", folder, jobs), measure("encode", folder, jobs)
        row = {
            "run": whole["process_cpu_s"] / whole["frames"] * 1000,
            "decode": one[0]["cpu_s"] / one[0]["frames"] * 1000,
            "encode": one[1]["cpu_s"] / one[1]["frames"] * 1000,
            "decode beside": beside[0]["cpu_s"] / beside[0]["frames"] * 1000,
            "encode beside": beside[1]["cpu_s"] / beside[1]["frames"] * 1000,
            "frames/s": whole["frames"] / whole["process_wall_s"],
            "frames/s rendering": whole["frames"] / whole["rendering_s"],
            "before and after": (whole["process_wall_s"] - whole["rendering_s"]) * 1000,
            "nodes": {name: seconds / whole["frames"] * 1000 for name, seconds in whole["nodes_s"].items()},
            "frames": whole["frames"],
        }
        row["overhead"] = row["run"] - row["decode"] - row["encode"]
        row["overhead beside"] = row["run"] - row["decode beside"] - row["encode beside"]
        row["share"] = row["frames/s"] * (row["decode"] + row["encode"]) / 1000 / jobs
        row["share beside"] = row["frames/s"] * (row["decode beside"] + row["encode beside"]) / 1000 / jobs
        rows.append(row)
        print(
            f"{i + 1}/{options.repeats}: {row['frames/s']:.1f} frames/s, overhead {row['overhead']:.2f} ms",
            file=sys.stderr,
        )
    return {"rows": rows, "median": {k: statistics.median(row[k] for row in rows) for k in rows[0] if k != "nodes"}}


def show(found: dict, jobs: int) -> None:
    """Print the table."""
    rows, median = found["rows"], found["median"]

    def line(text: str, key: str, note: str = "") -> None:
        values = [row[key] for row in rows]
        print(f"{text:52}{median[key]:9.2f}   {f'{min(values):.2f}-{max(values):.2f}':>15}   {note}")

    print(f"\n{median['frames']:.0f} frames, {SIZE}x{SIZE}, medians of {len(rows)}, {jobs} chunks in flight")
    print(f"{'ms of processor time per frame':52}{'median':>9}   {'spread':>15}")
    line("the whole run, with its encoders", "run")
    line("decode alone, one thread", "decode")
    line("encode alone, one encoder", "encode")
    line("overhead: run - decode - encode", "overhead", f"target: at most {OVERHEAD:g}")
    line(f"decode, {jobs} threads side by side", "decode beside")
    line(f"encode, {jobs} encoders side by side", "encode beside")
    line("overhead by those", "overhead beside")
    print("frames/s")
    line("the whole run, from starting Python to its end", "frames/s")
    line(f"as a part of {jobs} / (decode + encode)", "share", f"target: at least {SHARE:g}")
    line("as a part of the same, side by side", "share beside")
    line("while rendering", "frames/s rendering")
    line("ms before and after the rendering", "before and after")
    print("ms of wall clock time per frame in each node, summed over threads (last repeat)")
    for name, spent in rows[-1]["nodes"].items():
        print(f"    {name:48}{spent:9.2f}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=60, help="length of the film")
    parser.add_argument(
        "--model", type=Path, default=ROOT / "models", help="folder of a model; the shipped one by default"
    )
    parser.add_argument("--tiny", action="store_true", help="take the tests' tiny decoder")
    parser.add_argument("--jobs", type=int, default=2, help="processors, and chunks in flight")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    parser.add_argument("--part", choices=PARTS, help=argparse.SUPPRESS)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(PARTS[options.part](options.folder, options.jobs)))
        return
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.jobs])
    with tempfile.TemporaryDirectory() as name:
        folder, model = Path(name), options.model.resolve()
        if options.tiny:
            sys.path.insert(0, str(ROOT / "tests"))
            from tiny import tiny_model

            model = tiny_model(folder / "model")
        elif not (model / "meta.json").exists():
            sys.exit(f"There is no model in {model}; name one with --model, or take --tiny.")
        prepare(folder, model, options.seconds)
        found = bench(folder, options)
    show(found, options.jobs)
    if options.json:
        options.json.write_text(json.dumps({"jobs": options.jobs, **found}, indent=1))


if __name__ == "__main__":
    main()
