"""Filters: what Bloom, Blur and Sharpen cost beyond the chain that they join.

    python bench/filters.py --repeats 15

The chain is tone and grain over a picture of 1920x1080, to 8-bit yuv420p in BT.709. It is measured with and without the
filter between the two, in turns, on one thread; the table shows medians of processor time and of the differences
between neighbours in time. A filter also costs that its picture is made whole, and that of tone is in the figure.
"""

from __future__ import annotations

import argparse
import json
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

import numpy as np
from post import HEIGHT, WIDTH, pictures
from scipy.ndimage import gaussian_filter

from n2s.graph.declare import Filter
from n2s.graph.graph import Graph
from n2s.nodes import Bloom, Blur, FFmpegSink, Grain, ImageSource, Sharpen, Tone
from n2s.runtime.media.png import write_picture
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.session import Session
from n2s.runtime.store import Store

BLOOM = 15.0  # the target: ms of processor time per frame beyond the chain


def blocks(filter_: Filter | None, folder: Path, store: Store, count: int) -> Iterator[np.ndarray]:
    """Yield the codes of a film, a block at a time, with its kernels compiled."""
    picture = Tone(exposure=0.2)(ImageSource(path="still.png")())
    picture = Grain()(filter_(picture) if filter_ else picture)
    sink = FFmpegSink(path="film.mp4")(picture)
    frames = BLOCK * (count + 1)
    graph = Graph(sink, fps=25, size=(WIDTH, HEIGHT), duration=frames / 25, base=folder)
    with Session(graph, store) as session:
        maker = FrameMaker(session.plan(), store)
        maker.warm_up()
        yield from maker.blocks(0, frames)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=15)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    filters = {
        "the chain": None,
        "Bloom": Bloom(),
        "Blur by 0.1 heights": Blur(radius=0.1),
        "Blur by 0.01 heights": Blur(radius=0.01),
        "Blur by 0.001 heights": Blur(radius=0.001),
        "Sharpen": Sharpen(),
    }
    times: dict[str, list[float]] = {name: [] for name in filters}
    with tempfile.TemporaryDirectory() as name:
        folder, store = Path(name), Store(Path(name) / "store")
        noisy = pictures()[0].transpose(1, 2, 0) + np.random.default_rng(0).normal(0, 0.02, (HEIGHT, WIDTH, 3))
        write_picture(folder / "still.png", np.uint8(np.clip(noisy, 0, 1) * 255))
        films = {name: blocks(filter_, folder, store, options.repeats) for name, filter_ in filters.items()}
        for film in films.values():
            next(film)  # memory is taken with the first block
        for _ in range(options.repeats):
            for name, film in films.items():
                began = time.thread_time()
                next(film)
                times[name].append((time.thread_time() - began) / BLOCK * 1000)
    light = np.ascontiguousarray(noisy.transpose(2, 0, 1), np.float32)
    began = time.thread_time()
    for sigma in (108, 54, 27, 13.5, 6.75, 3.8):
        gaussian_filter(light, (0, sigma, sigma), mode="nearest")
    scipy = (time.thread_time() - began) * 1000
    print(f"{'':24}{'CPU ms/frame':>14}{'beyond the chain':>20}{'target':>10}")
    for name, values in times.items():
        beyond = f"{np.median(np.subtract(values, times['the chain'])):20.2f}" if filters[name] else ""
        print(f"{name:24}{np.median(values):14.2f}{beyond}{f'{BLOOM:10.1f}' if name == 'Bloom' else ''}")
    print(f"{'SciPy, the Gaussians of Bloom alone':38}{scipy:20.0f}")
    if options.json:
        options.json.write_text(json.dumps(times | {"SciPy": scipy}, indent=1))


if __name__ == "__main__":
    main()
