"""Kernels on a GPU and on one processor: the time of a frame of 1920x1080, and whether bits agree.

    python bench/gpu.py --blocks 50 --json gpu.json

Pictures lie on the GPU already, as a decoder leaves them there, and codes of 8-bit yuv420p arrive in memory that the
GPU writes into. The processor takes them from memory. Both take turns, a block of frames each; the table shows medians
of the wall clock. Without a GPU it says so and ends.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

sys.path.insert(1, str(Path(__file__).parent.parent / "tests"))

from lensed import lens, through

from n2s.graph.declare import Pointwise
from n2s.nodes.camera import Camera
from n2s.nodes.grading import Filmic, Hue
from n2s.nodes.grain import Grain
from n2s.nodes.tone import Tone, Vignette
from n2s.plan.stages import Kernel
from n2s.runtime import gpu
from n2s.runtime.render import kernels
from n2s.runtime.render.kernels.cuda_device import OnDevice
from n2s.runtime.render.opened import BLOCK

SIZE = WIDTH, HEIGHT = 1920, 1080
DECODED = 512, 928
CHAINS: dict[str, list[type[Pointwise]]] = {
    "a decoded picture": [],
    "tone, vignette, grain": [Tone, Vignette, Grain],
    "tone, film, hue, grain": [Tone, Filmic, Hue, Grain],
}
LENSES = {
    "a camera": [lens(Camera, turn=7, zoom=1.3)],
    "a camera, farther away": [lens(Camera, turn=7, zoom=0.4)],
    "a camera that moves, 16 samples": [lens(Camera, turn=(0, 20))],
}


def chain(classes: list[type[Pointwise]]) -> tuple[kernels.Program, dict[str, Any]]:
    """Return the program of nodes behind a decoder, and what a run is given."""
    nodes = {f"node{i}": cls() for i, cls in enumerate(classes)}
    wiring = tuple((("step", i - 1) if i else ("input", 0),) for i in range(len(classes)))
    kernel = Kernel(tuple(nodes), ("film",), wiring, ("step", len(classes) - 1) if classes else ("input", 0))
    program = kernels.program_of(kernel, nodes, [kernels.Picture(True, DECODED)], "yuv8", SIZE)
    columns = []
    for node in nodes.values():
        params = {field: np.full(BLOCK, getattr(node, field).value, np.float32) for field in node.params()}
        prepared = node.prepare(**params)
        columns += [np.broadcast_to(prepared[name], BLOCK) for name in kernels.uniform_names(type(node))]
    return program, {
        "seeds": np.arange(max(1, len(classes)), dtype=np.uint32),
        "uniforms": np.stack(columns, axis=1).astype(np.float32) if columns else np.zeros((BLOCK, 0), np.float32),
        "pictures": [np.random.default_rng(5).random((BLOCK, 3, *DECODED), np.float32)],
    }


def measured(program: kernels.Program, given: dict[str, Any], device: Any, blocks: int, folder: Path) -> dict[str, Any]:
    """Return milliseconds of a frame on both, and whether the bits agree."""
    layout, given = program.store.layout, given | {"thresholds": kernels.dither_pattern(True, WIDTH)}
    shape = BLOCK, *layout.shape(SIZE)
    there = given | {"pictures": [OnDevice(device, device.upload(each), each.shape) for each in given["pictures"]]}
    outs = device.host_array(shape, layout.dtype), np.empty(shape, layout.dtype)
    runs: list[Callable] = [gpu.compile_for(device, program, folder), kernels.compile_program(program, folder)]
    times: tuple[list[float], list[float]] = [], []
    for block in range(blocks + 1):
        for run, arguments, out, taken in zip(runs, (there, given), outs, times):
            began = time.perf_counter()
            run(block * BLOCK, out=out, **arguments)
            taken.append((time.perf_counter() - began) * 1000 / BLOCK)
    on_gpu, on_processor = (statistics.median(taken[1:]) for taken in times)
    return {"gpu": on_gpu, "processor": on_processor, "same bits": bool(np.array_equal(*outs))}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--blocks", type=int, default=25)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if (device := gpu.find_gpu()) is None:
        raise SystemExit("There is no GPU, or the extra gpu is not installed.")
    found: dict[str, Any] = {"gpu": device.identity}
    programs = {name: chain(classes) for name, classes in CHAINS.items()}
    programs |= {name: through(lenses, SIZE, BLOCK) for name, lenses in LENSES.items()}
    print(f"{'ms/frame of 1920x1080':34}{'GPU':>10}{'processor':>12}  same bits")
    with tempfile.TemporaryDirectory() as folder:
        for name, (program, given) in programs.items():
            found[name] = row = measured(program, given, device, options.blocks, Path(folder))
            print(f"{name:34}{row['gpu']:10.2f}{row['processor']:12.2f}  {'yes' if row['same bits'] else 'NO'}")
    if options.json:
        options.json.write_text(json.dumps(found, indent=1))


if __name__ == "__main__":
    main()
