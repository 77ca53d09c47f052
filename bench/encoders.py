"""Frames to H.264: float32 RGB of 1920x1080 as a decoder gives it, written by n2s and by other libraries.

    python bench/encoders.py
    python bench/encoders.py --moviepy-python movie/bin/python --repeats 5 --json encoders.json

All get the same frames, the same x264 settings (veryfast, crf 18) and the same processors. n2s turns floats into
dithered yuv420p by its generated kernel, and writes segments of two seconds, each by an encoder of one thread; the
others turn them into 8-bit RGB with numpy, and write one file by an encoder of as many threads as there are cores. Rows
in parentheses get 8-bit RGB that was made before, which is less than the task. Each row is a process of its own, whose
start is not counted. Smooth frames show what is around the encoder, frames with grain the encoder.
"""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from functools import partial
from pathlib import Path

import numpy as np
from encoders_others import FPS, LIBRARIES, clocks
from post import HEIGHT, WIDTH
from timed import hold_to, in_turns, median, ratio, table, versions

POOL, SEGMENT = 12, 2 * FPS


def frames(grain: float) -> np.ndarray:
    """A few pictures that drift, float32 (12, 3, H, W)."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    rng, found = np.random.default_rng(1), np.empty((POOL, 3, HEIGHT, WIDTH), np.float32)
    for k in range(POOL):
        noise = grain * rng.standard_normal((HEIGHT, WIDTH), np.float32)
        for plane in range(3):
            found[k, plane] = 0.5 + 0.35 * np.sin((x + 2 * k) / (90 + 17 * plane)) * np.cos(y / (70 + 11 * plane))
            found[k, plane] += noise
    return found


def by_n2s(folder: Path, source: Path, count: int, cores: int) -> dict[str, float]:
    """Kernel and encoder as a run has them: a segment a thread, blocks of a few frames."""
    from n2s.formats.video import Video
    from n2s.graph.format import Shape
    from n2s.nodes import FFmpegSink
    from n2s.plan.stages import Kernel
    from n2s.runtime.render import kernels
    from n2s.runtime.render.opened import BLOCK

    pool = np.load(source)
    kernel = Kernel((), ("film",), (), ("input", 0))
    picture = kernels.Picture(half=False, shape=(HEIGHT, WIDTH))
    program = kernels.program_of(kernel, {}, [picture], "yuv8", (WIDTH, HEIGHT))
    convert = kernels.compile_program(program, folder / "kernels")
    thresholds = kernels.dither_pattern(True, WIDTH)
    sink, shape, video = FFmpegSink(path="film.mp4"), Shape((WIDTH, HEIGHT), Fraction(FPS)), Video()

    def blocks(start: int, stop: int) -> Iterator[np.ndarray]:
        for first in range(start, stop, BLOCK):
            size, at = min(BLOCK, stop - first), first % len(pool)  # a block does not go round: 12 is three of them
            out = np.empty((size, WIDTH * HEIGHT * 3 // 2), np.uint8)
            uniforms, seeds = np.zeros((size, 0), np.float32), np.zeros(0, np.uint32)
            convert(first, seeds, uniforms, thresholds, [pool[at : at + size]], out)
            yield out

    def segment(start: int, stop: int) -> None:
        video.write_segment(folder / f"{start}.mp4", sink, shape, blocks(start, stop))

    segment(0, BLOCK)
    bounds = list(range(0, count, SEGMENT))
    began = clocks()
    with ThreadPoolExecutor(cores) as threads:
        list(threads.map(segment, bounds, [*bounds[1:], count]))
    wall, cpu = clocks() - began
    return {"wall_s": wall, "cpu_s": cpu}


def told(command: list[str]) -> dict[str, float]:
    """Run a contestant, and return what its last line says."""
    done = subprocess.run(command, capture_output=True, text=True)
    if done.returncode:
        raise RuntimeError((done.stderr.strip().splitlines() or ["it failed"])[-1])
    figures = json.loads(done.stdout.splitlines()[-1])
    return {name: value for name, value in figures.items() if name != "version"}


def contestants(folder: Path, source: Path, options: argparse.Namespace) -> dict[str, partial]:
    """Return who is there; the others are named, with the reason."""
    script, count, cores = Path(__file__), str(options.frames), str(options.cores)
    found = {"n2s": [sys.executable, str(script), "--source", str(source), "--frames", count, "--cores", cores]}
    for name in LIBRARIES:
        python = options.moviepy_python if name == "moviepy" else sys.executable
        for given, row in (("floats", name), ("codes", f"({name}, 8-bit RGB in)")):
            found[row] = [python, str(script.with_name("encoders_others.py")), name, given, str(source), count, cores,
                          str(folder / "film.mp4")]  # fmt: skip
    works = {}
    for row, command in found.items():
        try:
            told([*command[:-3], "4", *command[-2:]] if row != "n2s" else [*command[:4], "--frames", "4", *command[6:]])
            works[row] = partial(told, command)
        except (OSError, RuntimeError) as error:
            print(f"{row} is left out: {error}", file=sys.stderr)
    return works


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=2)
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--frames", type=int, default=240, help="frames of each measurement")
    parser.add_argument("--moviepy-python", default=sys.executable, metavar="PATH", help="an interpreter that has it")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    parser.add_argument("--source", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    hold_to(options.cores)
    if options.source:
        print(json.dumps(by_n2s(options.source.parent, options.source, options.frames, options.cores)))
        return
    about, found = versions("av", "imageio-ffmpeg", "moviepy", "numpy"), {}
    print(", ".join(f"{name} {version}" for name, version in about.items()))
    for kind, grain in (("smooth", 0.0), ("grain", 0.02)):
        with tempfile.TemporaryDirectory() as name:
            folder = Path(name)
            np.save(folder / "frames.npy", frames(grain))
            found[kind] = in_turns(contestants(folder, folder / "frames.npy", options), options.repeats)
        ours = found[kind]["n2s"]
        rows = [
            [name, f"{options.frames / median(taken, 'wall_s'):.1f}",
             f"{1000 * median(taken, 'cpu_s') / options.frames:.1f}", f"{ratio(taken, ours, 'wall_s'):.2f}",
             f"{ratio(taken, ours, 'cpu_s'):.2f}"]
            for name, taken in found[kind].items()
        ]  # fmt: skip
        print(f"\n{kind}: {options.frames} frames of {WIDTH}x{HEIGHT}, {options.cores} processors\n")
        print(table(["", "frames/s", "CPU ms/frame", "time to n2s", "CPU to n2s"], rows))
    if options.json:
        options.json.write_text(json.dumps({"versions": about, "all": found}, indent=1))


if __name__ == "__main__":
    main()
