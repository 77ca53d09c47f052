"""Memory: how much a run takes at its most, for music of one and of twenty minutes at 1280x720.

    python bench/memory.py [--minutes 1 20] [--jobs 2] [--nodes Trails "Trails, size: full"]

``--nodes`` puts more nodes behind the last one of the chain, each with its settings as they stand in a graph.

The films are lists of digests of frames that the tests' tiny decoder makes, so that neither an encoder nor a large
model hides what frames and signals take. Every film is a process of its own, whose run tells its peak.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np
import soundfile

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))

import tiny  # noqa: E402  a module of the tests

RATE = 22050
GRAPH = """\
n2s: 1
fps: 30
size: [1280, 720]
nodes:
  track: {node: AudioSource, path: music.wav}
  features: {node: Features, audio: track}
  weights: {node: Weights, signal: features.low, count: 3}
  anchors: {node: Anchors, weights: weights, names: [red, green, blue], model: ../model}
  drift: {node: Wander, latents: anchors, model: ../model}
  smooth: {node: LatentEMA, latents: drift}
  film: {node: VAEDecode, latents: smooth, model: ../model}
  tone: {node: Tone, frames: film, exposure: = 0.5 * features.onset}
  grain: {node: Grain, frames: tone, amount: 0.04}
"""
SINK = "  out: {{node: DigestSink, frames: {last}, audio: track, path: frames.txt}}\n"


def graph_text(nodes: list[str]) -> str:
    """Return the graph, with more nodes in a row behind its last one."""
    text, last = GRAPH, "grain"
    for i, node in enumerate(nodes):
        text += f"  more{i}: {{node: {node}, frames: {last}}}\n"
        last = f"more{i}"
    return text + SINK.format(last=last)


def write_music(path: Path, minutes: float) -> None:
    """Write clicks twice per second over a low tone, a minute at a time."""
    t = np.arange(60 * RATE) / RATE
    minute = (0.3 * np.sin(2 * np.pi * 110 * t) + 0.5 * (t % 0.5 < 0.01)).astype(np.float32)
    with soundfile.SoundFile(path, "w", RATE, 1) as file:
        for _ in range(max(1, round(minutes))):
            file.write(minute)


def render(folder: Path, jobs: int) -> None:
    """Render the film of a folder, and print the peak of this process in MiB."""
    from n2s.graph.graph import Graph
    from n2s.runtime.run import render as run

    report = run(Graph.load(folder / "film.yaml"), out=folder, store=folder / "store", jobs=jobs)
    print(json.dumps({"frames": report.frames, "mib": (report.memory["peak"] or 0) / 2**20}))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, nargs="+", default=[1, 20])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--nodes", nargs="+", default=[], metavar="NODE")
    parser.add_argument("--json", type=Path)
    parser.add_argument("--folder", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.folder:
        render(options.folder, options.jobs)
        return
    figures = []
    with tempfile.TemporaryDirectory() as text:
        tiny.tiny_model(Path(text) / "model")
        for minutes in options.minutes:
            folder = Path(text) / f"{minutes:g}"
            folder.mkdir()
            (folder / "film.yaml").write_text(graph_text(options.nodes))
            write_music(folder / "music.wav", minutes)
            command = [sys.executable, __file__, "--folder", str(folder), "--jobs", str(options.jobs)]
            made = json.loads(subprocess.run(command, check=True, capture_output=True, text=True).stdout)
            figures.append({"minutes": minutes, **made})
            print(f"{minutes:5g} min  {made['frames']:6} frames  {made['mib']:7.1f} MiB", flush=True)
    print(f"the longest takes {figures[-1]['mib'] / figures[0]['mib'] - 1:+.2%} of the shortest")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


if __name__ == "__main__":
    main()
