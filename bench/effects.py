"""Effects: frames per second of whole films with a look, and of the same films without its effects.

    python bench/effects.py --look film --size 1280x720 --seconds 10 --repeats 3

Both films have the same latents, decoder, grain and encoder, and are rendered in turns, each into an empty store whose
kernels are compiled. The film without effects is the look's graph with everything between the decoder and the sink
taken out but the grain. Beside the ratio of frames per second stands the processor time of each part, by node, in
milliseconds per frame. Target: 0.6 for a look of ten effects at 1280x720 on two cores.
"""

from __future__ import annotations

import argparse
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from n2s.graph.looks import look_file

MUSIC = Path(__file__).resolve().parent.parent / "audio" / "ember.flac"
GRAPH = """\
n2s: 1
size: {size}
seed: 5
nodes:
  track: {{node: AudioSource, path: {music}}}
  look: {{node: Graph, path: {path}, audio: track}}
  grain: {{node: Grain, frames: {end}, amount: 0.03}}
  out: {{node: FFmpegSink, frames: grain, audio: track, path: {name}.mp4}}
"""


def write_graphs(folder: Path, look: str, size: list[int]) -> dict[str, Path]:
    """Write the graph of the film with the look's effects, and of that without them."""
    text = look_file(look).read_text()
    (folder / "with.look.yaml").write_text(text)
    (folder / "without.look.yaml").write_text(text.replace("outputs: {frames: guarded}", "outputs: {frames: film}"))
    graphs = {}
    for name in ("without", "with"):
        graphs[name] = folder / f"{name}.yaml"
        graphs[name].write_text(GRAPH.format(size=size, music=json.dumps(str(MUSIC)), path=f"{name}.look.yaml",
                                             end="look", name=name))  # fmt: skip
    return graphs


def render(graph: Path, folder: Path, seconds: float, jobs: int) -> dict[str, Any]:
    """Render a part of a film into an empty store, and return the record of the run."""
    out, store = folder / "out", folder / "store"
    for kind in store.glob("*"):
        if kind.name != "kernels":
            shutil.rmtree(kind) if kind.is_dir() else kind.unlink()
    shutil.rmtree(out, ignore_errors=True)
    command = [sys.executable, "-m", "n2s", "run", graph, "--out", out, "--store", store, "--jobs", str(jobs)]
    done = subprocess.run([*command, "--from", "4", "--to", str(4 + seconds)], capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(done.stderr + done.stdout)
    (record,) = out.glob("*/run.json")
    return json.loads(record.read_text())


def parts(run: dict[str, Any]) -> dict[str, float]:
    """Return the milliseconds per frame of what decodes, of the encoder, and of everything else."""
    found = {"decode": 0.0, "encode": 0.0, "effects": 0.0}
    for node, work in run["nodes"].items():
        part = "encode" if "encoder" in node else "decode" if node == "look/film" else "effects"
        found[part] += 1000 * work["seconds"] / run["frames"]["rendered"]
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--look", action="append", help="one look, may be repeated; default: film")
    parser.add_argument("--size", default="1280x720")
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--json", type=Path, help="write every measurement there")
    chosen = parser.parse_args()
    size, every = [int(side) for side in chosen.size.split("x")], {}
    print(
        f"{'look':<14}{'film':<10}{'frames/s':>10}{'decode':>9}{'effects':>9}{'encode':>9}  ms per frame, all threads"
    )
    for look in chosen.look or ["film"]:
        with tempfile.TemporaryDirectory() as folder:
            graphs = write_graphs(Path(folder), look, size)
            for graph in graphs.values():  # kernels are compiled
                render(graph, Path(folder), 2, chosen.jobs)
            runs: dict[str, list[dict[str, Any]]] = {name: [] for name in graphs}
            for _ in range(chosen.repeats):
                for name, graph in graphs.items():
                    run = render(graph, Path(folder), chosen.seconds, chosen.jobs)
                    runs[name].append({"rate": run["frames_per_second"], **parts(run)})
        every[look] = runs
        middle = {
            name: {part: statistics.median(run[part] for run in of_graph) for part in of_graph[0]}
            for name, of_graph in runs.items()
        }
        for name, found in middle.items():
            figures = "".join(f"{found[part]:>9.1f}" for part in ("decode", "effects", "encode"))
            print(f"{look:<14}{name:<10}{found['rate']:>10.1f}{figures}", flush=True)
        print(f"{look:<14}{'ratio':<10}{middle['with']['rate'] / middle['without']['rate']:>10.2f}", flush=True)
    if chosen.json:
        chosen.json.write_text(json.dumps(every, indent=1))


if __name__ == "__main__":
    main()
