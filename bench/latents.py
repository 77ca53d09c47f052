"""Latents: what each node that moves or joins them takes, and what five of them take from a film, on one core.

    python bench/latents.py [--repeats 5] [--json latents.json]

Chains of one film at 640x360 (16 x 29 cells), made as in a run by one thread up to the codes of 8-bit film: blends of
anchors that drift, then one node more, then five; their own time is what a run's tally says. Medians, in milliseconds
of processor time per frame, because other work on the machine counts less in it.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from pathlib import Path
from statistics import median
from typing import Any

from n2s import Graph
from n2s.nodes import (
    Anchors,
    FFmpegSink,
    Keyframes,
    LatentBands,
    LatentCamera,
    LatentEcho,
    LatentMask,
    LatentPath,
    LatentWarp,
    VAEDecode,
    Wander,
    Weights,
)
from n2s.plan.film import plan_film
from n2s.runtime import machine
from n2s.runtime.context import RunContext
from n2s.runtime.render.analysis import analyse
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.render.tally import Tally
from n2s.runtime.store import Store

SIZE, NAMES = (640, 360), ["ember", "tide", "fern"]
LIMIT, LEAST_SPEED = 0.5, 0.95  # milliseconds of a node; frames per second with five of them, as a share
CASES = ("without", "path", "mask", "wipe", "bands", "warp", "camera", "scroll", "beyond", "echo", "five")


def latents(case: str) -> Any:
    """Return the latents of a case."""
    ramp = Keyframes(points=[[0, 0], [60, 1]], interpolate="linear")(name="ramp")
    place = Anchors(names=NAMES)(Weights(count=3)(ramp))
    path = LatentPath(names=NAMES, place=3 * ramp)(name="path")
    seen = Wander()(path if case in ("path", "five") else place)
    if case in ("mask", "five"):
        seen = LatentMask(amount=ramp)(seen, place, name="mask")
    if case == "wipe":
        seen = LatentMask(mask="wipe", amount=ramp)(seen, path, name="wipe")
    if case in ("bands", "five"):
        seen = LatentBands()(seen, path, name="bands")
    if case in ("warp", "five"):
        seen = LatentWarp()(seen, name="warp")
    if case == "echo":
        seen = LatentEcho()(seen, name="echo")
    if case in ("camera", "five"):
        seen = LatentCamera(zoom=1 + ramp, turn=30 * ramp, shift_x=ramp)(seen, name="camera")
    if case == "scroll":
        seen = LatentCamera(shift_x=6 * ramp)(seen, name="scroll")
    if case == "beyond":
        seen = LatentCamera(shift_x=6 * ramp + 2, ground="hash")(seen, name="beyond")
    return seen


def maker(folder: Path, case: str) -> FrameMaker:
    frames = VAEDecode()(latents(case))
    graph = Graph(FFmpegSink(path="film.mp4")(frames), fps=30, size=SIZE, duration=60, base=folder).flat
    store = Store(folder / "store")
    context = RunContext(store, lambda text: None)
    plan = plan_film(graph, graph.sinks()[0], analyse(graph, context), context, machine.environment())
    return FrameMaker(plan, store)


def milliseconds(made: FrameMaker, blocks: int) -> tuple[list[float], Tally]:
    """Return what each block takes per frame, in the middle of a chunk, and what each node took."""
    times, began, tally = [], 0.0, Tally()
    with made.working(100, 100 + BLOCK * (blocks + 1), tally) as work:
        for first in range(100, 100 + BLOCK * (blocks + 1), BLOCK):
            began = time.process_time()
            work.make(first, first + BLOCK)
            times.append(1000 * (time.process_time() - began) / BLOCK)
    return times[1:], tally


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--blocks", type=int, default=6)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as text:
        makers = {case: maker(Path(text), case) for case in CASES}
        for made in makers.values():
            list(made.blocks(100, 104))  # compiled before the clock starts
        times: dict[str, list[float]] = {case: [] for case in CASES}
        own: dict[str, list[float]] = {case: [] for case in CASES}
        for _ in range(options.repeats):
            for case, made in makers.items():
                found, tally = milliseconds(made, options.blocks)
                times[case] += found
                if tally.frames[case]:
                    own[case].append(1000 * tally.seconds[case] / tally.frames[case])
    for case in CASES:
        said = f", {median(own[case]):5.2f} by its node; at most {LIMIT:g}" if own[case] else ""
        print(f"{case:8} {median(times[case]):6.1f} ms per frame{said}")
    share = median(times["without"]) / median(times["five"])
    print(
        f"frames per second with five nodes: {100 * share:.1f} % of those without; at least {100 * LEAST_SPEED:.0f} %"
    )
    if options.json:
        options.json.write_text(json.dumps({"film": times, "node": own}, indent=1))


if __name__ == "__main__":
    main()
