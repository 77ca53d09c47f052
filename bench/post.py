"""Post effects: tone, vignette and grain over float32 planar RGB of 1920x1080, to 8-bit yuv420p in BT.709.

    python bench/post.py --cores 2 --repeats 5 --vapoursynth-python vs/bin/python

Exposure and contrast are both driven: every frame has others. n2s is measured against FFmpeg's filters, VapourSynth and
numpy. All are held to the same processors, and take turns, so that a busy moment hits each of them; the table shows
medians. Starting a program, reading its input and making its graph are not counted. On a busy machine the processor
time is the figure to look at; on a quiet one both say the same.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path

import numpy as np

WIDTH, HEIGHT, POOL = 1920, 1080, 4
# What is wanted against whom. The rows in parentheses do less than the task and are there to be seen: eq works on 8-bit
# codes, plain grain does not follow the picture's luma as n2s's does.
TARGETS = {"ffmpeg curves": 5.0, "VapourSynth": 2.5}

Contestant = Callable[[int], np.ndarray]  # a number of frames to the seconds (wall clock, processor) that they take


def pictures() -> np.ndarray:
    """A few smooth pictures, float32 (4, 3, H, W): the input of everyone."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32)
    waves = [np.sin(x / (90 + 17 * k) + k) * np.cos(y / (70 + 11 * k)) for k in range(3 * POOL)]
    return (0.5 + 0.35 * np.stack(waves)).astype(np.float32).reshape(POOL, 3, HEIGHT, WIDTH)


def driven(start: int, stop: int) -> tuple[np.ndarray, np.ndarray]:
    """Exposure and contrast of some frames."""
    k = np.arange(start, stop, dtype=np.float32)
    return np.float32(0.5) * np.sin(k / np.float32(7)), np.float32(1) + np.float32(0.2) * np.sin(k / np.float32(11))


def clocks(who: int = resource.RUSAGE_SELF) -> np.ndarray:
    """Return the wall clock and the processor time of this process or of its finished children, in seconds."""
    used = resource.getrusage(who)
    return np.array([time.perf_counter(), used.ru_utime + used.ru_stime])


def side_by_side(work: Callable[[int, int], None], frames: int, cores: int) -> np.ndarray:
    """Return the seconds for frames that ``work`` makes from start to stop, one stretch per processor."""
    bounds = [frames * i // cores for i in range(cores + 1)]
    with ThreadPoolExecutor(cores) as pool:
        began = clocks()
        list(pool.map(work, bounds, bounds[1:]))
        return clocks() - began


def n2s_contestant(frames: np.ndarray, cores: int, folder: Path) -> Contestant:
    """The generated kernel, called with blocks of frames as in a run."""
    from n2s.nodes.grain import Grain
    from n2s.nodes.tone import Tone, Vignette
    from n2s.plan.stages import Kernel
    from n2s.runtime.render import kernels
    from n2s.runtime.render.opened import BLOCK

    nodes = [Tone(), Vignette(), Grain()]
    wiring = ((("input", 0),), (("step", 0),), (("step", 1),))
    kernel = Kernel(("tone", "vignette", "grain"), ("film",), wiring, ("step", 2))
    pictures = [kernels.Picture(half=False, shape=(HEIGHT, WIDTH))]
    named = dict(zip(kernel.steps, nodes))
    program = kernels.program_of(kernel, named, pictures, "yuv8", (WIDTH, HEIGHT))
    run = kernels.compile_program(program, folder)
    thresholds = kernels.dither_pattern(True, WIDTH)

    def block(start: int, stop: int) -> None:
        exposure, contrast = driven(start, stop)
        columns = []
        for node in nodes:
            params = {field: np.full(stop - start, getattr(node, field).value, np.float32) for field in node.params()}
            params |= {"exposure": exposure, "contrast": contrast} if isinstance(node, Tone) else {}
            prepared = node.prepare(**params)
            columns += [prepared[name] for name in kernels.uniform_names(type(node))]
        uniforms = np.stack(columns, axis=1).astype(np.float32)
        seeds = np.array([kernels.node_seed(7, node) for node in nodes], np.uint32)
        out = np.empty((stop - start, WIDTH * HEIGHT * 3 // 2), np.uint8)
        run(start, seeds, uniforms, thresholds, [frames[: stop - start]], out)

    def work(start: int, stop: int) -> None:
        for first in range(start, stop, BLOCK):
            block(first, min(first + BLOCK, stop))

    work(0, BLOCK)  # compiled, or loaded, before the clock starts
    return lambda count: side_by_side(work, count, cores)


def numpy_contestant(frames: np.ndarray, cores: int) -> Contestant:
    """The same formulas, written down with numpy."""
    y, x = np.mgrid[0:HEIGHT, 0:WIDTH].astype(np.float32) + np.float32(0.5)
    radius = np.hypot(x - WIDTH / 2, y - HEIGHT / 2) / np.float32(math.hypot(WIDTH, HEIGHT) / 2)
    t = np.clip((radius - np.float32(0.4)) / np.float32(0.6), 0, 1)
    vignette = (1 - np.float32(0.35) * t * t * (3 - 2 * t)).astype(np.float32)
    weights = np.array([0.2126, 0.7152, 0.0722], np.float32)[:, None, None]

    def one(index: int) -> None:
        (exposure,), (contrast,) = driven(index, index + 1)
        gain, pivot = np.exp2(exposure / 2) * contrast, np.float32(0.4)
        rgb = (frames[index % POOL] * gain + pivot * (1 - contrast)) * vignette
        luma = np.clip((rgb * weights).sum(0), 0, 1)
        noise = np.random.default_rng(index).standard_normal(luma.shape, np.float32)
        rgb = np.clip(rgb + np.float32(0.04) * 4 * luma * (1 - luma) * noise, 0, 1)
        luma = (rgb * weights).sum(0)
        blue, red = (rgb[2] - luma) / np.float32(1.8556), (rgb[0] - luma) / np.float32(1.5748)
        planes = [np.float32(16.5) + 219 * luma]
        for chroma in (blue, red):
            rows = chroma[0::2] + chroma[1::2]
            left = np.concatenate([rows[:, :1], rows[:, 1:-1:2]], axis=1)
            planes.append(np.float32(128.5) + 28 * (left + 2 * rows[:, 0::2] + rows[:, 1::2]))
        np.concatenate([plane.astype(np.uint8).ravel() for plane in planes])

    def work(start: int, stop: int) -> None:
        for index in range(start, stop):
            one(index)

    return lambda count: side_by_side(work, count, cores)


def ffmpeg_contestants(frames: np.ndarray, cores: int, folder: Path) -> dict[str, Contestant]:
    """FFmpeg's filters. A few frames are read once and looped in memory; the same run without filters is taken away."""
    from n2s.runtime.machine import ffmpeg_path

    floats, codes = folder / "pictures.gbrpf32", folder / "pictures.yuv"
    frames[:, [1, 2, 0]].tofile(floats)  # FFmpeg's planes are green, blue, red
    (np.random.default_rng(1).integers(60, 180, (POOL, WIDTH * HEIGHT * 3 // 2)).astype(np.uint8)).tofile(codes)

    def run(count: int, path: Path, pixels: str, chain: str) -> np.ndarray:
        looped = f"loop=loop=-1:size={POOL},settb=1/30,setpts=N,{chain}"
        command = [ffmpeg_path(), "-v", "error", "-nostdin", "-filter_threads", str(cores), "-threads", str(cores),
                   "-f", "rawvideo", "-pix_fmt", pixels, "-s", f"{WIDTH}x{HEIGHT}", "-framerate", "30", "-i", str(path),
                   "-vf", looped, "-frames:v", str(count), "-f", "null", "-"]  # fmt: skip
        began = clocks(resource.RUSAGE_CHILDREN)
        subprocess.run(command, check=True)
        return clocks(resource.RUSAGE_CHILDREN) - began

    def measure(path: Path, pixels: str, chain: str, count: int) -> np.ndarray:
        return run(count, path, pixels, chain) - run(count, path, pixels, "null")

    to_yuv = "scale=out_color_matrix=bt709:out_range=tv:flags=bilinear,format=yuv420p"
    eq = "eq=eval=frame:contrast='1+0.2*sin(n/11)':brightness='0.1*sin(n/7)':saturation='1+0.17*sin(n/7)'"
    rest = "vignette=PI/5,noise=alls=10:allf=t"
    commands = folder / "curves.commands"
    commands.write_text("".join(_curve(k) for k in range(2000)))
    curves = f"sendcmd=f={commands},curves=all='0/0 1/1',{rest}"
    return {
        "(ffmpeg eq+vignette+noise)": partial(measure, floats, "gbrpf32le", f"{to_yuv},{eq},{rest}"),
        "ffmpeg curves+vignette+noise": partial(measure, floats, "gbrpf32le", f"scale,format=rgb24,{curves},{to_yuv}"),
        "(ffmpeg, 8-bit yuv420p in)": partial(measure, codes, "yuv420p", f"{eq},{rest}"),
    }


def _curve(k: int) -> str:
    """A command that gives frame ``k`` a curve of its own."""
    exposure, contrast = (float(values[0]) for values in driven(k, k + 1))
    low, high = (min(max(0.4 + (v * 2 ** (exposure / 2) - 0.4) * contrast, 0), 1) for v in (0.0, 1.0))
    return f"{k / 30:.6f} curves all '0/{low:.4f} 1/{high:.4f}';\n"


def vapoursynth_contestants(python: str, cores: int) -> dict[str, Contestant]:
    """Return VapourSynth, run by another interpreter; nothing where it cannot be imported."""
    script = Path(__file__).with_name("post_vapoursynth.py")

    def ask(kind: str, count: int) -> dict:
        process = subprocess.run(
            [python, str(script), str(cores), str(count), kind], capture_output=True, text=True, check=True
        )
        return json.loads(process.stdout)

    try:
        how = ask("full", 1)["expr"]
    except (OSError, subprocess.CalledProcessError) as error:
        reason = (getattr(error, "stderr", "") or str(error)).strip().splitlines()[-1]
        print(
            f"VapourSynth is left out ({reason}); --vapoursynth-python names an interpreter that has it.",
            file=sys.stderr,
        )
        return {}
    return {
        f"VapourSynth {how}, grain by luma": lambda count: np.array(ask("full", count)["seconds"]),
        f"(VapourSynth {how}, plain grain)": lambda count: np.array(ask("plain", count)["seconds"]),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, default=1, choices=(1, 2), help="processors that everyone may use")
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--frames", type=int, default=96, help="frames a measurement; numpy gets an eighth")
    parser.add_argument(
        "--vapoursynth-python", default=sys.executable, metavar="PATH", help="an interpreter that has it"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    options = parser.parse_args()
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[: options.cores])

    with tempfile.TemporaryDirectory() as name:
        folder, frames = Path(name), pictures()
        contestants = {"n2s": n2s_contestant(frames, options.cores, folder / "kernels")}
        contestants |= ffmpeg_contestants(frames, options.cores, folder)
        contestants |= vapoursynth_contestants(options.vapoursynth_python, options.cores)
        contestants["numpy"] = numpy_contestant(frames, options.cores)
        times: dict[str, list[np.ndarray]] = {name: [] for name in contestants}
        for _ in range(options.repeats):
            for name, measure in contestants.items():
                count = options.frames if name != "numpy" else max(options.cores, options.frames // 8)
                times[name].append(measure(count) / count * 1000)

    medians = {name: np.median(values, axis=0) for name, values in times.items()}
    ours = medians["n2s"]
    print(f"\n{'':40}{'ms/frame':>9}{'spread':>16}{'to n2s':>8}{'CPU ms/frame':>14}{'to n2s':>8}{'cores':>7}")
    for name, (wall, cpu) in medians.items():
        walls = [value[0] for value in times[name]]
        print(f"{name:40}{wall:9.2f}{f'{min(walls):.2f}-{max(walls):.2f}':>16}{wall / ours[0]:8.1f}{cpu:14.2f}"
              f"{cpu / ours[1]:8.1f}{options.cores:7}")  # fmt: skip
    print()
    ratios = {}
    for rival, wanted in TARGETS.items():
        rows = [value / ours for name, value in medians.items() if name.startswith(rival)]
        if rows:
            ratios[rival] = np.min(rows, axis=0).tolist()
            print(
                f"n2s is {ratios[rival][0]:.1f} times as fast as {rival} ({ratios[rival][1]:.1f} by processor time); "
                f"target: {wanted:g}"
            )
    if options.json:
        record = {
            "cores": options.cores,
            "frames": options.frames,
            "columns": ["ms of wall clock time per frame", "ms of processor time per frame"],
            "medians": {name: value.tolist() for name, value in medians.items()},
            "all": {name: np.array(values).tolist() for name, values in times.items()},
            "ratios": ratios,
        }
        options.json.write_text(json.dumps(record, indent=1))


if __name__ == "__main__":
    main()
