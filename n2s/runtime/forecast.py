"""How long films take on so many workers: the rules of a run, with a clock that runs as fast as it can.

A run is planned at home; its chunks wait in the order of the film; a worker that is free takes the next one, whichever
run it is of; when all are done, the film is joined at home, and the next run begins there. A worker has one chunk at a
time, and opens models and kernels before its first one of each run. Chunks of films need nothing of each other.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass
from heapq import heappop, heappush


@dataclass(frozen=True)
class Film:
    """What one run does, in seconds: at home before, on workers for each chunk, at home after."""

    planning: float
    chunks: tuple[float, ...]
    joining: float


@dataclass(frozen=True)
class Forecast:
    """How long it all takes, and what the workers do meanwhile.

    Attributes
    ----------
    workers : int
    seconds : float
        From start to end.
    rendering, opening, waiting : float
        Seconds of all workers together: at chunks, at opening what these need, and without a chunk.
    """

    workers: int
    seconds: float
    rendering: float
    opening: float

    @property
    def waiting(self) -> float:
        return max(0.0, self.workers * self.seconds - self.rendering - self.opening)

    @property
    def busy(self) -> float:
        """The share of the time that workers render."""
        return self.rendering / (self.workers * self.seconds) if self.seconds else 0.0

    @property
    def worker_hours(self) -> float:
        """Hours that workers are there, busy or not."""
        return self.workers * self.seconds / 3600


def forecast(films: Sequence[Film], workers: int, opening: float = 0.0, homes: int = 1) -> Forecast:
    """Return how long films take, one after the other at each of so many homes, which share the workers.

    Parameters
    ----------
    films : sequence of Film
    workers : int
    opening : float
        Seconds that each worker needs before its first chunk of a run.
    homes : int
        How many runs there are at the same time.
    """
    waiting: deque[tuple[int, float]] = deque()  # chunks: which film, how long
    coming = deque(range(len(films)))
    left = [len(film.chunks) for film in films]
    free, opened = deque(range(workers)), [set() for _ in films]  # which workers have opened what a film needs
    now, rendering, opened_for, number = 0.0, 0.0, 0.0, 0
    events: list[tuple[float, int, str, int, int]] = []  # when, a number that keeps the order, what, film, worker

    def later(seconds: float, what: str, film: int, worker: int = 0) -> None:
        nonlocal number
        number += 1
        heappush(events, (now + seconds, number, what, film, worker))

    def begin() -> None:
        if coming:
            film = coming.popleft()
            later(films[film].planning, "planned", film)

    for _ in range(homes):
        begin()
    while events:
        now, _, what, film, worker = heappop(events)
        if what == "planned":
            waiting.extend((film, seconds) for seconds in films[film].chunks)
            if not films[film].chunks:
                later(films[film].joining, "joined", film)
        elif what == "rendered":
            free.append(worker)
            left[film] -= 1
            if not left[film]:
                opened[film].clear()
                later(films[film].joining, "joined", film)
        else:
            begin()
        while waiting and free:
            (film, seconds), worker = waiting.popleft(), free.popleft()
            extra = 0.0 if worker in opened[film] else opening
            opened[film].add(worker)
            rendering += seconds
            opened_for += extra
            later(extra + seconds, "rendered", film, worker)
    return Forecast(workers, now, rendering, opened_for)
