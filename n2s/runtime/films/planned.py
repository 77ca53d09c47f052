"""The films of a graph with every chunk's key, and what the store and the folder of films have of them."""

from __future__ import annotations

import os
from bisect import bisect
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cached_property
from itertools import accumulate
from pathlib import Path
from typing import Any, cast

from n2s.plan.measures import measured_frames
from n2s.plan.stages import Plan
from n2s.runtime.context import RunContext
from n2s.runtime.executors.base import Task
from n2s.runtime.executors.film import FilmJob
from n2s.runtime.films.films import Film, FilmMaker
from n2s.runtime.films.sharing import join_tasks, sharing_plans
from n2s.runtime.films.targets import shown_names
from n2s.runtime.measuring import plan_measure
from n2s.runtime.store import SEGMENTS, Store


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
        # Each plan once; a task's ``plan`` is a place in this list, or behind them in those of measures and `beside`.
        self.plans: list[Plan] = list({id(plan): plan for film in films for plan in film.plans}.values())
        self._found: set[tuple[str, str]] = set()  # chunks that were there; to look again is to read all their bytes
        self.beside: list[PlannedFilms] = []  # films of other runs, whose chunks are rendered where frames are the same

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
        """Say of each chunk of a film whether the store has it.

        What was there once counts as there, and what was missing is looked for again. Joining looks at the bytes.
        """
        entries = [(chunk.key, film.suffix) for _, chunk in film.parts]
        for entry in entries:
            if entry not in self._found and self.store.has(SEGMENTS, *entry):
                self._found.add(entry)
        return [entry in self._found for entry in entries]

    def forget_found(self) -> None:
        """Look into the store anew from here on: time has passed, in which chunks may have gone."""
        self._found.clear()

    @property
    def all_plans(self) -> list[Plan]:
        """The plans of films, of measures that wait, and of films beside these, by the numbers that tasks have."""
        beside = [plan for other in self.beside for plan in other.plans]
        return [*self.plans, *(plan for plan, _ in self._waiting), *beside]

    def tasks(self, done: Collection[str] = ()) -> list[Task]:
        """Return what must be done now: chunks to render, each once, in the order of the films.

        Chunks of the same frames are one task. Where measures wait for frames, these are the chunks that they look at:
        rendered and measured at the same time, or measured alone where the store has them already. What the other
        chunks are is decided by the numbers.

        ``done`` are keys of chunks that need not be rendered, forced or not.
        """
        tasks = self.joined([task for task in self.missing_chunks() if task.key not in done], done)
        if not self.awaits_measures:
            return tasks
        measuring: list[Task] = []
        places = {
            (id(self.plans[number].values), task.start, task.stop): i
            for i, task in enumerate(tasks)
            for number, _ in task.chunks
            if self.renders(number)
        }
        for number, (plan, waiting) in enumerate(self._waiting, len(self.plans)):
            for key, (start, stop) in waiting.items():
                place = places.get((id(plan.values), start, stop))
                if place is None:
                    measuring.append(Task(number, start, stop, key))
                else:
                    tasks[place] = replace(tasks[place], measures=(*tasks[place].measures, (number, key)))
        return [*(task for task in tasks if task.measures), *measuring]

    def measuring_alone(self, done: Collection[str] = ()) -> list[Task]:
        """Return what of `tasks` renders nothing: frames outside what is rendered, or stored, that measures look at."""
        return [task for task in self.tasks(done) if not self.renders(task.plan) and self.beside_of(task.plan) is None]

    def frames_to_make(self, tasks: list[Task]) -> tuple[Counter[tuple[int, ...]], Counter[int]]:
        """Return how many frames tasks render, by the places of their films' plans, and how many they measure alone, by
        the place of the film that these belong to."""
        rendered, measured = Counter[tuple[int, ...]](), Counter[int]()
        places = {id(plan.values): number for number, plan in reversed(list(enumerate(self.plans)))}
        for task in tasks:
            if self.renders(task.plan):
                rendered[tuple(number for number, _ in task.chunks)] += task.stop - task.start
            elif self.beside_of(task.plan) is None:
                measured[places[id(self.all_plans[task.plan].values)]] += self.looked_at(task)
        return rendered, measured

    def joined(self, missing: list[Task], done: Collection[str] = ()) -> list[Task]:
        """Return chunks to render as tasks: those of the same frames as one, with those of films beside these."""
        first, others = len(self.plans) + len(self._waiting), []
        known = {task.key for task in missing} | set(done)
        for other in self.beside:
            waits = other.awaits_measures and not self.awaits_measures  # what its chunks are is not known yet
            for task in () if waits else other.missing_chunks():
                if task.key not in known:
                    known.add(task.key)
                    others.append(replace(task, plan=first + task.plan))
            first += len(other.plans)
        return join_tasks(missing, others, self.all_plans)

    def all_chunks(self) -> list[Task]:
        """Return the films' chunks, each once, in the order of the films."""
        numbers = {id(plan): number for number, plan in enumerate(self.plans)}
        tasks: dict[str, Task] = {}
        for film in self.films:
            for plan, chunk in film.parts:
                if chunk.key not in tasks:
                    tasks[chunk.key] = Task(numbers[id(plan)], chunk.start, chunk.stop, chunk.key)
        return list(tasks.values())

    def missing_chunks(self) -> list[Task]:
        """Return the films' chunks that the store lacks, each once, in the order of the films."""
        missing: set[str] = set()
        known: set[str] = set()
        for film in self.films:
            if not self.force and self.finished(film):
                continue
            stored = [False] * len(film.parts) if self.force else self.stored(film)
            missing |= {chunk.key for (_, chunk), there in zip(film.parts, stored) if not there} - known
            known |= film.keys
        return [task for task in self.all_chunks() if task.key in missing]

    @cached_property
    def names(self) -> dict[Path, str]:
        """What the films are called, by their paths."""
        return shown_names((film.path for film in self.films), self.maker.targets.out)

    def like(self, path: Path) -> Film | None:
        """Return the film of a file name, of several the one whose folders are called most alike; None without one."""

        def alike(film: Film) -> int:
            return len(os.path.commonprefix([film.path.parts[::-1], path.parts[::-1]]))

        return max((film for film in self.films if film.path.name == path.name), key=alike, default=None)

    @cached_property
    def sharing(self) -> dict[str, dict[str, int]]:
        """Return for each film, by its name, how many of its chunks are made of the same frames as another film's."""
        names = {key: self.names[film.path] for film in reversed(self.films) for key in film.keys}
        found: dict[str, dict[str, int]] = {name: {} for name in self.names.values()}
        for task in self.joined(self.all_chunks()):
            among = dict.fromkeys(names[key] for _, key in task.chunks)
            for name in among:
                for other in among.keys() - {name}:
                    found[name][other] = found[name].get(other, 0) + 1
        return {name: dict(sorted(others.items())) for name, others in found.items()}

    def job(self, tasks: list[Task], context: RunContext) -> FilmJob:
        """Return, as plain data, what whoever renders some tasks must know."""
        numbers = {number for task in tasks for number, _ in (*task.chunks, *task.measures)}
        plans = {number: plan for number, plan in enumerate(self.all_plans) if number in numbers}
        return FilmJob.of(sharing_plans(plans, tasks), context)

    def renders(self, plan: int) -> bool:
        """Say whether a task's plan is that of a film here; else it only measures, or it is a film beside these."""
        return plan < len(self.plans)

    def beside_of(self, plan: int) -> int | None:
        """Return which of the films beside these a task's plan is of, as a place in ``beside``; None: of these."""
        ends = list(accumulate([len(self.plans) + len(self._waiting), *(len(other.plans) for other in self.beside)]))
        return bisect(ends, plan) - 1 if plan >= ends[0] else None

    def looked_at(self, task: Task) -> int:
        """Return how many frames a task measures, alone or on the way to the film."""
        measures = [plan for plan, _ in self._waiting]
        numbers = [measure for measure, _ in task.measures] if self.renders(task.plan) else [task.plan]
        looking = [measures[number - len(self.plans)] for number in numbers]
        return sum(len(measured_frames(cast(Any, m.node), m.values.clock, task.start, task.stop)) for m in looking)
