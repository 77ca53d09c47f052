"""A run: plan the films of a graph, render the chunks the store lacks, join and publish, keep a record."""

from __future__ import annotations

import time
from collections.abc import Collection
from itertools import chain, repeat
from pathlib import Path
from typing import Any

from n2s.graph.authors import whole_traceback
from n2s.graph.errors import ArgumentError, N2SError, RenderError
from n2s.graph.graph import Graph
from n2s.graph.wording import counted
from n2s.runtime.arguments import check_count, check_graph, check_names
from n2s.runtime.budget import MemoryBudget
from n2s.runtime.destinations import check_destinations
from n2s.runtime.ending import Ending, interruptions_held_back
from n2s.runtime.entries import STALE_SECONDS
from n2s.runtime.events import Apart, Events, as_interrupted, as_watchers_raise
from n2s.runtime.executors.base import Executor, Rendered, Task, parallel_tasks
from n2s.runtime.executors.carrying import carry_out
from n2s.runtime.executors.registry import choose_executor
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.films.films import Film, FilmMaker
from n2s.runtime.films.planned import PlannedFilms
from n2s.runtime.films.profiled import parse_span
from n2s.runtime.films.targets import Targets
from n2s.runtime.measuring import measuring_text
from n2s.runtime.models.sessions import ProviderExhausted
from n2s.runtime.pace import Estimate, estimate, lack_of_room, memory_subject
from n2s.runtime.progress import shown_progress
from n2s.runtime.publishing import Publishing
from n2s.runtime.readiness import input_files
from n2s.runtime.record_values import Sources, record_values
from n2s.runtime.records import Report, RunRecord
from n2s.runtime.rounds import Rounds
from n2s.runtime.seeing.gates import refuse_flaws
from n2s.runtime.session import Session
from n2s.runtime.spent import Spent
from n2s.runtime.store import Store, absolute, check_folder
from n2s.runtime.stores import open_store

LONG_RUN = 10.0  # s, from which on the user is told how long it may take


class Run:
    """One run over one graph.

    Parameters
    ----------
    graph : Graph
    out : path
        The folder for films and records.
    store : Store or path of its folder, optional
        The user's own by default.
    executor : Executor, optional
        A `ThreadExecutor` by default.
    span : pair of time or None
        When to begin and to end: 80, "1:20", "8 bars"; see `n2s.graph.times`.
    force : bool
        Render every chunk, whatever the store holds.
    overwrite : bool
        Replace files that n2s did not write, where films go.
    keep_frames : bool
        Keep each film's frames beside it, as PNG.
    strict : bool
        Raise a `RenderError` where a film breaks a quality gate; see `n2s.runtime.seeing.gates`.
    only : collection of str
        The tracks of an album whose films are wanted, without the album's own; none: all.
    max_memory : int, optional
        The most bytes that this process and all that it starts may use: fewer chunks are rendered at a time, and a run
        that cannot keep to it ends with a `RenderError`. Workers of a running cluster share it machine by machine.
    excerpt : bool
        Take the span of a track as a film of its own: `Guard` looks at nothing outside of it, so that its frames may
        be others than those of the whole film.
    events : Events, optional
        Told of progress.
    """

    def __init__(
        self,
        graph: Graph,
        out: str | Path = "renders",
        store: Store | str | Path | None = None,
        executor: Executor | None = None,
        span: tuple[Any, Any] = (None, None),
        force: bool = False,
        events: Events | None = None,
        overwrite: bool = False,
        keep_frames: bool = False,
        strict: bool = False,
        only: Collection[str] = (),
        max_memory: int | None = None,
        excerpt: bool = False,
    ):
        check_count("max_memory", max_memory)
        check_names("only", only)
        self.graph, self.out, self.span, self.force = graph, absolute(out), parse_span(span), force
        self.store = open_store(store)
        self.executor = executor or ThreadExecutor()
        self.events = Apart(events or Events())
        self.session = Session(graph, self.store, self._say, fresh=force, remember=False, executor=self.executor)
        self.context = self.session.context
        self.memory = self.context.memory = MemoryBudget(max_memory)
        self.targets = Targets(self.store, self.out, overwrite)
        self.maker = FilmMaker(self.store, self.targets)
        self.keep_frames, self.strict = keep_frames, strict
        self.only, self.excerpt = tuple(only), excerpt
        self.record: RunRecord | None = None
        self.planned = PlannedFilms([], self.store, self.maker)
        self.later: list[Run] = []  # whose chunks are rendered on the way, where they show the same frames
        self._begin_anew()
        self._places: dict[str, int] = {}  # of each chunk's key among those of all films

    def _begin_anew(self) -> None:
        """Forget what an earlier execution has done and told, which is none of this one's."""
        self.report = Report()
        self.planned_ahead = False  # whether it was planned for another run
        self.sources: Sources | None = None
        self._spent, self._rounds = Spent(), Rounds()
        self._publishing = Publishing(self.maker, self.force, self._spent, self._began, self._log)
        self.done: set[str] = set()  # keys that are in the store, forced or not
        self.is_rendered = False  # whether all chunks are, so that what fails now is about these films alone
        self._early: list[str] = []  # what is to stand in the record, before there is one

    def _log(self, text: str) -> None:
        if self.record:
            self.record.log(text)
        else:
            self._early.append(text)

    def _say(self, text: str) -> None:
        self.events.said(text)
        self._log(text)

    def _began(self, what: str) -> None:
        self.events.began(what)
        self._log(what)
        self.memory.check(f"before {what}")

    def plan(self) -> list[Film]:
        """Hear the music and return the films with every chunk's key; renders nothing.

        Raises
        ------
        GraphError
            With everything that is wrong, before any work.
        """
        with as_watchers_raise():
            self.session.checks.films()
            self.sources = self.sources or Sources.of(self.graph)  # where it is planned again, they are as they were
            self.planned = self.session.films(self.out, self.span, self.force, self._began, self.only, self.excerpt)
        return self.planned.films

    def plan_later(self) -> None:
        """Plan the runs whose chunks are rendered on the way, those that were not planned yet."""
        for run in self.later:
            if not run.planned_ahead:
                run.plan()
                run.planned_ahead = True
        self.planned.beside = [run.planned for run in self.later]

    @property
    def films(self) -> list[Film]:
        return self.planned.films

    def missing(self) -> list[Task]:
        """Return what must be done now: chunks to render, each once, in the order of the films."""
        return self.planned.tasks(self.done.union(*(run.done for run in self.later)))

    def execute(self) -> Report:
        """Render what is missing, publish the films, write the record.

        Raises
        ------
        N2SError
            When something failed; what was finished is in the store.
        KeyboardInterrupt
            When interrupted; likewise.
        """
        with as_watchers_raise(), self.memory.watch:
            return self._execute()

    def _execute(self) -> Report:
        began, status = time.perf_counter(), "failed"
        if self.record:
            self._begin_anew()
        try:
            self.session.check_films()
            for run in (self, *self.later):
                check_folder(run.out)
            check_folder(self.store.root)
            self.record = RunRecord(self.out)
            for text in self._early:
                self.record.log(text)
            for run in (self, *self.later):  # planned for another run, which took its time
                run.planned.forget_found()
            if not self.planned_ahead:
                self.plan()
            self.plan_later()
            self.report.measured += self._spent.add_measures(self.planned.plans)
            self.check_targets()
            self._publishing.start_music(self.films)
            planned = time.perf_counter()
            self._render()
            self.is_rendered = True
            self._publish_films()
            beside = planned - began, self.report.seconds, time.perf_counter() - planned - self.report.seconds
            self._spent.remember(self.store, self._jobs, *beside, sum(film.frames for film in self.films))
            if self.keep_frames:
                self._publishing.keep_frames(self.films)
            if self.strict:
                refuse_flaws(self.report.films)
            status = "done"
        except KeyboardInterrupt:
            status = "interrupted"
            raise
        except N2SError as error:
            self._log("\n".join(filter(None, [str(error), whole_traceback(error)])))
            raise
        finally:
            ending = Ending(status)
            try:
                # All is told to end before any of it is waited for: a second interruption cuts a wait short.
                ending.stop(self._publishing.give_up, self.executor.stop, self._publishing.stop)
            finally:
                try:
                    self.context.close()
                    self.events.ended()
                finally:  # films that are finished have their record, whatever a watcher raises
                    with interruptions_held_back():
                        self._write_record(ending.status, began)
        if self.report.rendered or self._publishing.has_joined:
            self.store.trim(time.time(), STALE_SECONDS)
        return self.report

    def _write_record(self, status: str, began: float) -> None:
        self._spent.tell(self.report)
        self.memory.watch.look()
        self.report.memory = self.memory.summary()
        if self.films and self.record and self.sources:
            asked, took = (self.span, self.excerpt, self.only), time.perf_counter() - began
            told = record_values(self.sources, asked, self.planned, self.context, self.report, took)
            self.report.record = self.record.write(status=status, **told)

    def _publish_films(self) -> None:
        """Write the films; where one cannot be joined, the others are written before this is told."""
        failed: list[N2SError] = []
        for film in self.films:
            try:
                self.report.films.append(self._publishing.publish(film))
                self.events.published(str(film.path))
            except (RenderError, ArgumentError) as error:  # such as a file of others that has appeared there
                failed.append(error)
        for error in failed[1:]:
            self._say(str(error))
        if failed:
            raise failed[0]

    def check_targets(self) -> None:
        """Refuse what cannot be written where it should go, of this run and of those whose chunks it renders."""
        for run in (self, *self.later):
            new = [film for film in run.films if run._publishing.finished(film) is None]
            sources = input_files(run.graph) | run.context.files()
            check_destinations(run.targets, run.films, new, sources, run.keep_frames)

    def _render(self) -> None:
        """Render what is missing; where measures looked at frames on the way, plan anew and render what they change."""
        began = time.perf_counter()
        try:
            self._render_round()
            while self.planned.awaits_measures:
                self._plan_again()
                self._rounds.tell_next(self.missing(), sum(film.frames for film in self.films), self._say)
                self._render_round()
        finally:
            self.report.seconds = time.perf_counter() - began

    def _render_round(self) -> None:
        tasks = self.missing()
        stored = self._lay_out()
        self.report.stored, self.report.frames_stored = len(stored), sum(stored)
        renders, looked_at = self.planned.renders, self.planned.looked_at
        frames = sum(task.stop - task.start if renders(task.plan) else looked_at(task) for task in tasks)
        if expected := self.estimate(tasks):
            if expected.seconds >= LONG_RUN and not self._rounds.again(tasks):  # of these the speed so far tells
                self._say(f"{counted(frames, 'frame')} to render: {expected.text()}.")
            if lack := lack_of_room(expected, (self.out, self.store.root)):
                self._say(lack)
        self._rounds.begin(self.planned, tasks, self.events, self._say)
        self.events.planned(frames, self.report.frames_stored)
        if only := sum(looked_at(task) for task in tasks if not renders(task.plan)):
            self._say(measuring_text(only, self.span))
        while tasks:
            try:
                self._render_tasks(tasks)
                self._rounds.end(frames)
                break
            except ProviderExhausted as error:
                # The key of a chunk names what decodes it, so the rest is planned again.
                self._say(str(error))
                for run in (self, *self.later):
                    run.context.step_down(error.frames)
                self._plan_again()
                tasks = self.missing()
                self._lay_out()

    def _lay_out(self) -> list[int]:
        """Tell of which chunks the films are made, and return the frames of each that is in the store."""
        keys = {chunk.key: chunk.count for film in self.films for _, chunk in film.parts}
        missing = {task.key for task in self.planned.missing_chunks()} - self.done
        self._places = {key: place for place, key in enumerate(keys)}
        self.events.laid_out([key not in missing for key in keys])
        return [count for key, count in keys.items() if key not in missing | self.done]

    @property
    def _jobs(self) -> int:
        """How many chunks are in flight."""
        return parallel_tasks(self.executor) or 1

    def estimate(self, tasks: list[Task]) -> Estimate | None:
        """Return how long tasks may take and how much they may write; None where such frames were never made."""
        return estimate(self.store, *self.planned.frames_to_make(tasks), self.planned.all_plans, self._jobs)

    def _plan_again(self) -> None:
        self.executor.stop()
        for run in (self, *self.later):
            run.session.forget_plans()
            run.plan()
        self.plan_later()
        self.report.measured += self._spent.add_measures(self.planned.plans)

    def _render_tasks(self, tasks: list[Task]) -> None:
        self._began("opening models and compiling kernels")
        job, heard = self.planned.job(tasks, self.context), _Heard(self)
        with as_interrupted():
            for done in carry_out(self.executor, job, tasks, self.context, heard, self._memory_kind, self._ready):
                self._note(*done)

    def _ready(self) -> None:
        self._began("rendering")
        self._rounds.ready()

    def _memory_kind(self, task: Task) -> Any:
        """Return what a task's chunks are alike by that take as much memory."""
        return memory_subject(self.executor, [self.planned.all_plans[number] for number, _ in task.chunks])

    def _note(self, task: Task, rendered: Rendered) -> None:
        """Note a task that is done."""
        self.report.measured += (looked_at := self.planned.looked_at(task))
        if not self.planned.renders(task.plan):
            self.done.add(task.key)
            self._spent.add_looking(task, looked_at, rendered)
            self._log(f"measured: frames {task.start} to {task.stop}, {task.key}, by {rendered.where}")
            return
        self.report.measured_beside += looked_at
        plans = [self.planned.all_plans[number] for number, _ in task.chunks]
        self._spent.add_task(plans, task, rendered)
        self._rounds.note(task, self.report)
        costs = chain([rendered], rendered.beside, repeat(Rendered()))  # executors of others may tell less
        for (number, key), cost in zip(task.chunks, costs):
            whose = self.planned.beside_of(number)
            (self if whose is None else self.later[whose])._note_chunk(task, key, cost, whose is not None)

    def _note_chunk(self, task: Task, key: str, cost: Rendered, beside: bool) -> None:
        """Note a chunk of one of the films that a task of this run, or of one beside it, has rendered."""
        count = task.stop - task.start
        self.done.add(key)
        self.report.rendered += 1
        self.report.frames += count
        self._spent.add(cost)
        if beside:
            self.report.beside += 1
            self.report.frames_beside += count
        else:
            self.events.finished(self._places[key])
        film = next(self.planned.names[film.path] for film in self.films if key in film.keys)
        self._log(f"{film}: frames {task.start} to {task.stop}, {key}, by {cost.where}")


class _Heard(Events):
    """Hands on what an executor tells: sentences once, steps into the record too."""

    def __init__(self, run: Run):
        self.said, self.began, self.rendered = run.context.say, run._began, run.events.rendered


def render(graph: Graph, progress: bool | None = None, **options: Any) -> Report:
    """Render a graph's films; takes what `Run` takes, and a number of threads, ``jobs``, or processes, ``workers``.

    ``progress``: whether it is shown on standard error, without ``events``; by default where that is a terminal.
    """
    jobs, workers = options.pop("jobs", None), options.pop("workers", None)
    check_graph(graph)
    check_count("jobs", jobs)
    check_count("workers", workers)
    executor = options.pop("executor", None) or choose_executor(None, jobs, workers)
    with shown_progress(progress, options.pop("events", None)) as events:
        return Run(graph, executor=executor, events=events, **options).execute()
