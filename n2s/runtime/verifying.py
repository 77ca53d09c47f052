"""Rendering a sample of kept chunks again, to see that they come out with the same bytes."""

from __future__ import annotations

import copy
import math
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

from n2s.graph.graph import Graph
from n2s.graph.keys import digest
from n2s.runtime.events import Events
from n2s.runtime.executors.base import Executor, Task
from n2s.runtime.films.planned import PlannedFilms
from n2s.runtime.session import Session
from n2s.runtime.store import SEGMENTS, Store


@dataclass
class Comparison:
    """How many chunks of a graph's films are kept, how many of them were rendered again, and which came out otherwise.

    ``differing`` has the film's name, the first and the last frame, and the key of each.
    """

    kept: int = 0
    rendered: int = 0
    differing: list[tuple[str, int, int, str]] = field(default_factory=list)


def verify_rendering(
    graph: Graph, store: Store, share: float, executor: Executor, events: Events, seed: int = 0
) -> Comparison:
    """Render a share of the kept chunks of a graph's films again, in a store of their own, and compare the bytes.

    Parameters
    ----------
    share : float
        Above 0 and at most 1; at least one chunk is rendered, if any is kept.
    seed : int
        Another seed, another sample.
    """
    with Session(graph, store, events.said, remember=False) as session, tempfile.TemporaryDirectory() as folder:
        planned = session.films(Path(folder) / "films", force=True, began=events.began)
        endings = {chunk.key: film.suffix for film in planned.films for _, chunk in film.parts}
        kept = [task for task in planned.missing_chunks() if store.find(SEGMENTS, task.key, endings[task.key])]
        count = math.ceil(share * len(kept) - 1e-9)
        chosen = sorted(sorted(kept, key=lambda task: digest([task.key, seed]))[:count], key=lambda task: task.start)
        found = Comparison(len(kept), len(chosen))
        if not chosen:
            return found
        apart = copy.copy(session.context)
        apart.store = Store(Path(folder) / "store")
        events.planned(sum(task.stop - task.start for task in chosen), 0)
        try:
            events.began("opening models and compiling kernels")
            executor.start(planned.job(chosen, apart), apart, events)
            events.began("rendering")
            for task in chosen:
                executor.submit(task)
            for task, _ in executor.finished():
                if not _is_same(task, store, apart.store, endings[task.key]):
                    found.differing.append((_film_of(planned, task), task.start, task.stop, task.key))
        finally:
            executor.stop()
            events.ended()
    found.differing.sort()
    return found


def _is_same(task: Task, store: Store, other: Store, ending: str) -> bool:
    own, others = (one.find(SEGMENTS, task.key, ending) for one in (store, other))
    return own is not None and others is not None and own.read_bytes() == others.read_bytes()


def _film_of(planned: PlannedFilms, task: Task) -> str:
    return next(planned.names[film.path] for film in planned.films if task.key in film.keys)
