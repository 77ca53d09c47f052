"""Tables in kernels: what Palette and Lut cost beyond the chain that they join.

    python bench/tables.py --repeats 15

The chain is that of `post.py`: tone, vignette and grain over float32 planar RGB of 1920x1080, to 8-bit yuv420p in
BT.709. It is measured with and without the node, in turns, on one thread; the table shows medians of processor time and
of the differences between neighbours in time.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from chain import in_turns
from post import HEIGHT, WIDTH, pictures

from n2s.graph.declare import Pointwise
from n2s.nodes import Grain, Lut, Palette, Tone, Vignette
from n2s.plan.stages import Kernel
from n2s.runtime.render import kernels
from n2s.runtime.render.opened import BLOCK

TARGETS = {"Palette": 8.0, "Lut": 10.0}  # ms of processor time per frame beyond the chain


def write_look(path: Path, size: int) -> None:
    """Write a .cube file: a curve for each colour."""
    step = np.linspace(0, 1, size)
    rows = (f"{r**1.2:.6f} {g:.6f} {b**0.8:.6f}" for b in step for g in step for r in step)
    path.write_text(f"LUT_3D_SIZE {size}\n" + "\n".join(rows) + "\n", encoding="utf-8")


class Folder:
    """As much of a scene as `fill` needs."""

    def path(self, text: str) -> Path:
        return Path(text)


def runner(nodes: Sequence[Pointwise], frames: np.ndarray, folder: Path) -> Callable[[], None]:
    """Return a function that runs a chain over a block of frames, compiled."""
    wiring = tuple((("step", i - 1) if i else ("input", 0),) for i in range(len(nodes)))
    kernel = Kernel(tuple(map(str, range(len(nodes)))), ("film",), wiring, ("step", len(nodes) - 1))
    picture = kernels.Picture(half=False, shape=(HEIGHT, WIDTH))
    program = kernels.program_of(kernel, dict(zip(kernel.steps, nodes)), [picture], "yuv8", (WIDTH, HEIGHT))
    run = kernels.compile_program(program, folder)
    columns, tables = [], []
    for node in nodes:
        params = {field: np.full(BLOCK, getattr(node, field).value, np.float32) for field in node.params()}
        given, code = node.fill(Folder()) | node.prepare(**params), (type(node), node.pixel_code())
        columns += [np.full(BLOCK, given[name], np.float32) for name in kernels.uniform_names(*code)]
        tables += [node.tables[name].packed(given[name][None]) for name in kernels.table_names(*code)]
    seeds = np.array([kernels.node_seed(7, node) for node in nodes], np.uint32)
    uniforms, thresholds = np.stack(columns, axis=1), kernels.dither_pattern(True, WIDTH)
    out = np.empty((BLOCK, WIDTH * HEIGHT * 3 // 2), np.uint8)

    def work() -> None:
        run(0, seeds, uniforms, thresholds, [frames], out, tables)

    work()
    return work


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--size", type=int, default=33, help="steps of the cube")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    noise = np.random.default_rng(0).normal(0, 0.02, (BLOCK, 3, HEIGHT, WIDTH)).astype(np.float32)
    frames = pictures()[:BLOCK] + noise  # as a film has it: neighbours lie in other cells of the cube
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        write_look(folder / "look.cube", options.size)
        tone, vignette, grain = Tone(exposure=0.2), Vignette(), Grain()
        palette, lut = Palette(strength=0.7), Lut(path=str(folder / "look.cube"), strength=0.7)
        chains = {
            "the chain": [tone, vignette, grain],
            "Palette after tone": [tone, palette, vignette, grain],
            "Palette at the end": [tone, vignette, grain, palette],
            "Lut after tone": [tone, lut, vignette, grain],
            "Lut at the end": [tone, vignette, grain, lut],
        }
        works = {name: runner(nodes, frames, folder) for name, nodes in chains.items()}
        times = in_turns(works, options.repeats)
    print(f"{'':24}{'CPU ms/frame':>14}{'beyond the chain':>20}{'target':>10}")
    for name, values in times.items():
        beyond = np.median(np.subtract(values, times["the chain"]))
        target = TARGETS.get(name.split()[0])
        tail = f"{beyond:20.2f}{target:10.1f}" if target else ""
        print(f"{name:24}{np.median(values):14.2f}{tail}")
    if options.json:
        options.json.write_text(json.dumps(times, indent=1))


if __name__ == "__main__":
    main()
