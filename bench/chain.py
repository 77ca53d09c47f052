"""What benches of single nodes share: a chain that a node joins, and processor time that is measured in turns."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from post import HEIGHT, WIDTH

from n2s.graph.declare import Node
from n2s.graph.graph import Graph
from n2s.nodes import FFmpegSink, Grain, ImageSource, Tone
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.session import Session
from n2s.runtime.store import Store

FPS = 25
STILL = "still.png"  # in the folder of the films: the picture that the chain is laid over


def films_in_turns(
    nodes: Mapping[str, Node | None], folder: Path, repeats: int, begin: int = 0
) -> dict[str, list[float]]:
    """Return what each node costs in a film of tone, itself and grain: ms per frame, a number for each repeat.

    Frames are made from ``begin`` on, in seconds. None is the chain alone.
    """
    store = Store(folder / "store")
    films = {name: _blocks(node, folder, store, begin, repeats + 1) for name, node in nodes.items()}
    try:
        for film in films.values():
            next(film)  # memory is taken with the first block
        return in_turns({name: partial(next, film) for name, film in films.items()}, repeats)
    finally:
        for film in films.values():
            film.close()


def in_turns(works: Mapping[str, Callable[[], Any]], repeats: int) -> dict[str, list[float]]:
    """Return the processor time of works that make a block of frames each: ms per frame, a number for each repeat."""
    times: dict[str, list[float]] = {name: [] for name in works}
    for _ in range(repeats):
        for name, work in works.items():
            began = time.thread_time()
            work()
            times[name].append((time.thread_time() - began) / BLOCK * 1000)
    return times


def _blocks(node: Node | None, folder: Path, store: Store, begin: int, count: int) -> Iterator[np.ndarray]:
    """Yield the codes of a film, a block at a time, with its kernels compiled."""
    picture = Tone(exposure=0.2)(ImageSource(path=STILL)())
    picture = Grain()(node(picture) if node else picture)
    sink = FFmpegSink(path="film.mp4")(picture)
    frames = BLOCK * count
    graph = Graph(sink, fps=FPS, size=(WIDTH, HEIGHT), duration=begin + frames / FPS, base=folder)
    with Session(graph, store) as session:
        maker = FrameMaker(session.plan(), store)
        maker.warm_up()
        yield from maker.blocks(begin * FPS, begin * FPS + frames)
