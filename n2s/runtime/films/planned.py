"""The films of a graph with every chunk's key, and what the store and the folder of films have of them."""

from __future__ import annotations

from typing import Any

from n2s.plan.stages import Plan
from n2s.runtime.context import RunContext
from n2s.runtime.executors.base import Task
from n2s.runtime.executors.film import FilmJob
from n2s.runtime.films.films import Film, FilmMaker
from n2s.runtime.store import Store

SEGMENTS = "segments"  # the kind of their entries in the store


class PlannedFilms:
    """Films that are planned, and not rendered yet.

    Parameters
    ----------
    films : list of Film
    store : Store
    maker : FilmMaker
        Knows which films are finished and in their place.
    force : bool
        Treat every chunk as missing.
    """

    def __init__(self, films: list[Film], store: Store, maker: FilmMaker, force: bool = False):
        self.films, self.store, self.maker, self.force = films, store, maker, force
        # Each plan once; a task's ``plan`` is a place in this list.
        self.plans: list[Plan] = list({id(plan): plan for film in films for plan, _ in film.parts}.values())

    def finished(self, film: Film) -> dict[str, Any] | None:
        """Return the record of a film that is in its place, unchanged; None without one."""
        return self.maker.finished(film)

    def stored(self, film: Film) -> list[bool]:
        """Say of each chunk of a film whether the store has it."""
        found: dict[str, bool] = {}
        for _, chunk in film.parts:
            if chunk.key not in found:
                found[chunk.key] = self.store.find(SEGMENTS, chunk.key, film.suffix) is not None
        return [found[chunk.key] for _, chunk in film.parts]

    def tasks(self) -> list[Task]:
        """Return the chunks that must be rendered, each once, in the order of the films."""
        numbers = {id(plan): number for number, plan in enumerate(self.plans)}
        tasks: dict[str, Task] = {}
        known: set[str] = set()
        for film in self.films:
            if not self.force and self.finished(film):
                continue
            stored = [False] * len(film.parts) if self.force else self.stored(film)
            for (plan, chunk), there in zip(film.parts, stored):
                if chunk.key not in known and not there:
                    tasks[chunk.key] = Task(numbers[id(plan)], chunk.start, chunk.stop, chunk.key)
                known.add(chunk.key)
        return list(tasks.values())

    def job(self, tasks: list[Task], context: RunContext) -> FilmJob:
        """Return, as plain data, what whoever renders some tasks must know."""
        wanted = {task.plan for task in tasks}
        return FilmJob.of({number: plan for number, plan in enumerate(self.plans) if number in wanted}, context)
