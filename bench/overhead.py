"""What the engine itself costs: planning a large graph, and what a node adds to a chunk.

Planning: 100 nodes over 10 minutes at 30 frames per second, every key of every chunk, from resident values to the last
digest. A node: the same film with few and with many cheap nodes; the difference in CPU time, for each node and chunk,
without the pixels' own time, because frames are as small as they can be.

    python bench/overhead.py [--repeats 5] [--json FILE]
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
import tiny

from n2s.graph.graph import Graph
from n2s.plan.film import plan_film, towards
from n2s.plan.stages import Plan
from n2s.runtime import machine
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.store import Store


def chain(folder: Path, nodes: int, seconds: float, kind: str) -> Graph:
    """A graph of ``nodes`` nodes: a still picture, and a chain of driven Tone or Wander nodes behind it."""
    tiny.write_png(folder / "picture.png", tiny.np.full((16, 16, 3), 90, tiny.np.uint8))
    specs: dict[str, Any] = {"ramp": {"node": "Keyframes", "points": [[0, 0], [seconds, 1]]}}
    if kind == "Tone":
        specs["n0"] = {"node": "ImageSource", "path": "picture.png"}
        for i in range(1, nodes - 3):
            specs[f"n{i}"] = {"node": "Tone", "frames": f"n{i - 1}", "exposure": f"= {i / 1000} * ramp"}
    else:
        specs["flat"] = {"node": "Weights", "signal": "ramp", "count": 3}
        specs["n0"] = {"node": "Anchors", "weights": "flat", "names": ["red", "green", "blue"], "model": "model"}
        for i in range(1, nodes - 4):
            specs[f"n{i}"] = {"node": "Wander", "latents": f"n{i - 1}", "amount": "= 0.1 * ramp", "seed": i}
        specs["decoded"] = {"node": "VAEDecode", "latents": f"n{nodes - 5}", "model": "model", "grid": [2, 2]}
    last = list(specs)[-1]
    specs["out"] = {"node": "DigestSink", "frames": last, "path": "out.txt"}
    path = folder / f"{kind}{nodes}.yaml"
    path.write_text(json.dumps({"n2s": 1, "size": [16, 16], "duration": seconds, "nodes": specs}))
    return Graph.load(path)


def plan(graph: Graph, store: Store) -> Plan:
    context = RunContext(store, print)
    return plan_film(graph.flat, graph.sinks()[0], analyse(graph.flat, context), context, machine.environment())


def planning(folder: Path, store: Store) -> float:
    """CPU seconds to plan 100 nodes over 10 minutes."""
    graph = chain(folder, 100, 600, "Tone")
    began = time.process_time()
    chunks = plan(graph, store).chunks()
    assert len(chunks) == 300
    return time.process_time() - began


def rendering(folder: Path, store: Store, nodes: int) -> tuple[float, int]:
    """CPU seconds to evaluate the latents of a long chain over ten chunks of one block each, without the decoder."""
    film = plan(chain(folder, nodes, 10, "Wander"), store)
    maker = FrameMaker(towards(film, film.order[-2]), store)
    maker.frames(0, 4)
    began = time.process_time()
    for chunk in range(10):
        maker.frames(4 * chunk, 4 * chunk + 4)
    return time.process_time() - began, 10


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        folder = Path(text)
        tiny.tiny_model(folder / "model")
        store = Store(folder / "store")
        plans = [planning(folder, store) for _ in range(options.repeats)]
        single = statistics.median(_wander_alone(folder, store) for _ in range(options.repeats))
        steps = []
        for _ in range(options.repeats):
            few, chunks = rendering(folder, store, 10)
            many, _ = rendering(folder, store, 60)
            steps.append((many - few) / 50 / chunks)
    each = statistics.median(steps)
    figures = {
        "planning 100 nodes x 10 minutes, s": statistics.median(plans),
        "a Wander node and a chunk of one block, us": each * 1e6,
        "of which its own arithmetic, us": single * 1e6,
        "the engine's part, us": (each - single) * 1e6,
    }
    for name, value in figures.items():
        print(f"{name:48} {value:10.3f}")
    if options.json:
        options.json.write_text(json.dumps(figures, indent=1))


def _wander_alone(folder: Path, store: Store) -> float:
    """CPU seconds of one call of Wander's own code on four frames of a 2 x 2 grid."""
    from fractions import Fraction

    from n2s.graph.context import Block, Scene
    from n2s.graph.time import Clock
    from n2s.nodes import Wander

    node = Wander(seed=1, model="model")
    scene = Scene(Clock(Fraction(30), 300), 0, (16, 16), RunContext(store, print), folder)
    block = Block(scene, 0, 4, (2, 2), node.open(scene, (2, 2)))
    latents, amount = tiny.np.zeros((4, 8, 2, 2), tiny.np.float32), tiny.np.full(4, 0.1, tiny.np.float32)
    node.compute(block, latents, amount)
    began = time.process_time()
    for _ in range(200):
        node.compute(block, latents, amount)
    return (time.process_time() - began) / 200


if __name__ == "__main__":
    main()
