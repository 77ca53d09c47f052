"""Many cores, imitated: how evenly the work on a film divides among them.

    python bench/cores.py [--cores 2 16] [--seconds 2 6 34 120] [--costs 14.7 2.9 7.9] [--slower 4] [--json FILE]

Decoding, drawing and encoding a frame are replaced by waits of their measured length (``--costs``, in ms), each of
which holds one of so many cores. Everything else is real: plan, executor, threads, store. What is told is the share of
linear: the waits of all frames, divided by the cores and by the time that the rendering took. So this measures how work
is shared out, and not what threads fight for in memory or in locks; a machine with so many cores shows that. All waits
are ``--slower`` than measured, so that what is real hardly counts on the few cores that there are.

Each length is rendered with and without threads that decode for others (`n2s.runtime.render.ahead`), in turns.
"""

from __future__ import annotations

import argparse
import json
import sys
import tempfile
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from queue import Queue
from statistics import median
from typing import Any

import numpy as np

ROOT = Path(__file__).resolve().parent.parent
sys.path[:0] = [str(ROOT / "tests"), str(ROOT / "bench")]

import memory  # noqa: E402  a module of this folder
import tiny  # noqa: E402  a module of the tests

from n2s.formats.digests import Digests  # noqa: E402
from n2s.graph.graph import Graph  # noqa: E402
from n2s.runtime.events import Events  # noqa: E402
from n2s.runtime.executors.threads import ThreadExecutor  # noqa: E402
from n2s.runtime.models.folder import SessionDecoder  # noqa: E402
from n2s.runtime.render.helpers import Helpers  # noqa: E402
from n2s.runtime.run import Run  # noqa: E402

WRITE, LEND = Digests.write_segment, Helpers.lend


class Cores:
    """So many cores, of which each frame's work holds one for as long as it takes."""

    def __init__(self, count: int):
        self._free = threading.Semaphore(count)

    def work(self, milliseconds: float, frames: int) -> None:
        for _ in range(frames):
            with self._free:
                time.sleep(milliseconds / 1000)


def imitate(cores: Cores, decode: float, draw: float, encode: float) -> None:
    """Let decoders and encoders of this process wait."""

    def decoded(self: Any, latents: np.ndarray) -> np.ndarray:
        cores.work(decode, len(latents))
        n, _, rows, columns = latents.shape
        return np.zeros((n, 3, rows * self.scale, columns * self.scale), np.float32)

    def written(self: Any, path: Path, sink: Any, shape: Any, blocks: Iterator[np.ndarray]) -> None:
        """Hand frames to a thread that stands for FFmpeg: it encodes one while the next one is drawn."""
        pipe: Queue = Queue(1)

        def encoding() -> None:
            while (codes := pipe.get()) is not None:
                cores.work(encode, len(codes))

        def drawn() -> Iterator[np.ndarray]:
            for codes in blocks:
                cores.work(draw, len(codes))
                pipe.put(codes)
                yield codes

        encoder = threading.Thread(target=encoding, daemon=True)
        encoder.start()
        WRITE(self, path, sink, shape, drawn())
        pipe.put(None)
        encoder.join()

    SessionDecoder.decode = decoded  # type: ignore[method-assign]
    Digests.write_segment = written  # type: ignore[method-assign]


class Moment(Events):
    """Notes when the rendering begins, after models are opened and kernels compiled, and when its last chunk ends."""

    def __init__(self) -> None:
        self.start = self.end = 0.0

    def began(self, what: str) -> None:
        if what == "rendering":
            self.start = time.perf_counter()

    def finished(self, chunk: int) -> None:
        self.end = time.perf_counter()


def render(folder: Path, cores: int, helped: bool, turn: str) -> tuple[int, float]:
    """Render the film of a folder; return its frames, and the seconds that the rendering took."""
    Helpers.lend = LEND if helped else lambda self, work: None  # type: ignore[method-assign]
    moment = Moment()
    report = Run(
        Graph.load(folder / "film.yaml"), folder, folder / f"store-{turn}", ThreadExecutor(cores), events=moment
    ).execute()
    return report.frames, moment.end - moment.start


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cores", type=int, nargs="+", default=[2, 16])
    parser.add_argument("--seconds", type=float, nargs="+", default=[2, 6, 34, 120])
    parser.add_argument("--costs", type=float, nargs=3, default=[14.7, 2.9, 7.9], metavar="MS")
    parser.add_argument("--slower", type=float, default=4, metavar="TIMES")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    found, costs = [], [given.slower * each for each in given.costs]
    for count in given.cores:
        imitate(Cores(count), *costs)
        for seconds in given.seconds:
            with tempfile.TemporaryDirectory() as name:
                folder = Path(name)
                tiny.tiny_model(folder / "model")
                (folder / "film").mkdir()
                tiny.write_wav(folder / "film" / "music.wav", tiny.clicks(seconds))
                (folder / "film" / "film.yaml").write_text(
                    memory.graph_text([]).replace("size: [1280, 720]", "size: [96, 54]")
                )
                shares: dict[bool, list[float]] = {False: [], True: []}
                for turn in range(given.turns):
                    for helped in shares:
                        frames, took = render(folder / "film", count, helped, f"{turn}-{helped}")
                        shares[helped].append(frames * sum(costs) / 1000 / count / took)
            row = {"cores": count, "seconds": seconds, "frames": frames, "alone": median(shares[False])}
            found.append(row | {"helped": median(shares[True])})
            print(
                f"{count:3} cores  {seconds:5g} s  {frames:5} frames  {row['alone']:.2f} of linear, "
                f"{median(shares[True]):.2f} with threads that decode for others",
                flush=True,
            )
    if given.json:
        given.json.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
