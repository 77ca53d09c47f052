"""The films of a graph with every chunk's key, and what the store and the folder of films have of them."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property
from typing import Any, cast

from n2s.plan.measures import measured_frames
from n2s.plan.stages import Plan
from n2s.runtime.context import RunContext
from n2s.runtime.executors.base import Task
from n2s.runtime.executors.film import FilmJob
from n2s.runtime.films.films import Film, FilmMaker
from n2s.runtime.measuring import plan_measure
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
        self.plans: list[Plan] = list({id(plan): plan for film in films for plan in film.plans}.values())

    @cached_property
    def _waiting(self) -> list[tuple[Plan, Mapping[str, tuple[int, int]]]]:
        """The plan of each measure that waits for frames, with its chunks by their keys."""
        return [
            (
                plan_measure(plan.graph, name, plan.values, cast(Any, plan.scene.context), plan.environment),
                measured.waiting,
            )
            for plan in {id(plan.values): plan for plan in self.plans}.values()
            for name, measured in plan.values.measured.items()
            if measured.waiting
        ]

    @property
    def awaits_measures(self) -> bool:
        """Whether measures look at frames while the films are rendered, so that these must be planned once more."""
        return any(measured.waiting for plan in self.plans for measured in plan.values.measured.values())

    def finished(self, film: Film) -> dict[str, Any] | None:
        """Return the record of a film that is in its place, unchanged; None without one."""
        return self.maker.finished(film)

    def stored(self, film: Film) -> list[bool]:
        """Say of each chunk of a film whether the store has it."""
        found: dict[str, bool] = {}
        for _, chunk in film.parts:
            if chunk.key not in found:
                found[chunk.key] = self.store.has(SEGMENTS, chunk.key, film.suffix)
        return [found[chunk.key] for _, chunk in film.parts]

    def tasks(self, done: Collection[str] = ()) -> list[Task]:
        """Return what must be done now: chunks to render, each once, in the order of the films.

        Where measures wait for frames, these are the chunks that they look at: rendered and measured at the same time,
        or measured alone where the store has them already. What the other chunks are is decided by the numbers.

        ``done`` are keys of chunks that need not be rendered, forced or not.
        """
        tasks = [task for task in self.missing_chunks() if task.key not in done]
        if not self.awaits_measures:
            return tasks
        measuring: list[Task] = []
        places = {(id(self.plans[task.plan].values), task.start, task.stop): i for i, task in enumerate(tasks)}
        for number, (plan, waiting) in enumerate(self._waiting, len(self.plans)):
            for key, (start, stop) in waiting.items():
                place = places.get((id(plan.values), start, stop))
                if place is None:
                    measuring.append(Task(number, start, stop, key))
                else:
                    tasks[place] = replace(tasks[place], measures=(*tasks[place].measures, (number, key)))
        return [*(task for task in tasks if task.measures), *measuring]

    def missing_chunks(self) -> list[Task]:
        """Return the films' chunks that the store lacks, each once, in the order of the films."""
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
        wanted = {number for task in tasks for number in (task.plan, *(measure for measure, _ in task.measures))}
        plans = [*self.plans, *(plan for plan, _ in self._waiting)]
        return FilmJob.of({number: plan for number, plan in enumerate(plans) if number in wanted}, context)

    def renders(self, task: Task) -> bool:
        """Say whether a task renders frames of a film; else it only measures some."""
        return task.plan < len(self.plans)

    def looked_at(self, task: Task) -> int:
        """Return how many frames a task measures, alone or on the way to the film."""
        measures = [plan for plan, _ in self._waiting]
        numbers = [measure for measure, _ in task.measures] if self.renders(task) else [task.plan]
        looking = [measures[number - len(self.plans)] for number in numbers]
        return sum(len(measured_frames(cast(Any, m.node), m.values.clock, task.start, task.stop)) for m in looking)
