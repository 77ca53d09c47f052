"""A session: a graph to look at and edit; it answers what its films are made of and what its nodes give."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from contextlib import contextmanager
from functools import cached_property
from pathlib import Path
from typing import Any, cast

import numpy as np

from n2s.graph.check import refuse_album
from n2s.graph.declare import Output
from n2s.graph.errors import GraphError, MediaError, N2SError, checked_name
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.lookup import find_output
from n2s.graph.time import Clock
from n2s.graph.types import SIGNAL
from n2s.graph.values import Values
from n2s.plan.demand import Looked
from n2s.plan.film import as_value, last_nodes, plan_film, towards
from n2s.plan.ranges import check_ranges
from n2s.plan.stages import Plan
from n2s.runtime import machine
from n2s.runtime.arguments import check_graph, frame_numbers
from n2s.runtime.checks import Checks
from n2s.runtime.context import RunContext
from n2s.runtime.executors.base import Executor, default_count
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.films.films import FilmMaker
from n2s.runtime.films.planned import PlannedFilms
from n2s.runtime.films.productions import Planner, Span
from n2s.runtime.films.profiled import WHOLE
from n2s.runtime.films.targets import Targets
from n2s.runtime.films.wanted import film_sinks, frames_by_themselves, wanted_films
from n2s.runtime.measuring import Measurer, awaited_measures, plans_of_measures, tell_of_waiting, where_to_look
from n2s.runtime.recent import Recent
from n2s.runtime.render.analysis import analyse, behind_measures
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kept import RecentFrames
from n2s.runtime.render.rehearsal import compile_missing
from n2s.runtime.shared import Shared
from n2s.runtime.store import Store
from n2s.runtime.stores import open_store

MEMORY = 512 << 20  # bytes of decoded frames that are kept
VALUES, OPENED = 500, 100  # nodes whose values, and whose tables and models, are kept from edit to edit
NEAR = 8  # parts of a film whose measures are kept apart from the film's


class Session:
    """A graph with its values, its plans and what was opened for them; safe for threads.

    Where code of its nodes is loaded again, by a notebook for one, it begins anew.

    Parameters
    ----------
    graph : Graph
    store : Store or path of its folder, optional
        The user's own by default.
    say : callable, optional
        Takes sentences for the user.
    memory : int
        Bytes that are kept of decoded frames, and as many of values and of pictures and tables; the least recently used
        are dropped first.
    fresh : bool
        Read every file again, whatever the store remembers of it.
    remember : bool
        False keeps no values for sessions of edits, and costs a little less.
    executor : Executor, optional
        Makes the frames that measures look at; a `ThreadExecutor` by default.

    Attributes
    ----------
    graph : Graph
    context : RunContext
    """

    def __init__(
        self,
        graph: Graph,
        store: Store | str | Path | None = None,
        say: Callable[[str], None] = lambda text: None,
        memory: int = MEMORY,
        fresh: bool = False,
        remember: bool = True,
        executor: Executor | None = None,
    ):
        check_graph(graph)
        store = open_store(store)
        self._begin(
            graph,
            RunContext(store, say, fresh),
            Shared(
                store,
                RecentFrames(memory),
                Recent(VALUES, memory) if remember else None,
                Recent(OPENED, memory),
                executor or ThreadExecutor(),
            ),
        )

    def _begin(self, graph: Graph, context: RunContext, shared: Shared, looked: Looked | None = None) -> None:
        self.graph, self.context, self._shared = graph, context, shared
        self.checks = Checks(graph)
        self._plans: dict[tuple[str, bool], Plan] = {}
        self._makers: dict[str, FrameMaker] = {}
        self._code: list[str] = []
        self._looked = looked  # the only chunks that measures look at
        self._near = Recent(NEAR, MEMORY)

    @contextmanager
    def _locked(self) -> Iterator[None]:
        """Let one thread at a time work, on the code that is loaded: a notebook may have loaded some again."""
        with self._shared.lock:
            if self._shared.known is None:  # a single look, which no reloading comes between
                yield
                return
            code = self._shared.code.of(self.graph.flat)
            if self._code and self._code != code:
                for held in ("_values", "environment"):
                    self.__dict__.pop(held, None)
                self._begin(self.graph, self.context.renewed(), self._shared)
            self._code = code
            yield

    def edited(self, changes: dict[str, Any]) -> Session:
        """Return a session of the graph with changes, as `Graph.edit` takes them; what is the same is shared.

        This session stays as it is. Files that changed meanwhile are read again.
        """
        return self.of(self.graph.edit(changes))

    def of(self, graph: Graph) -> Session:
        """Return a session of another graph, which shares what is the same."""
        made = Session.__new__(Session)
        try:
            self.context.inputs.check_unchanged()
            context = self.context
        except MediaError:
            context = self.context.renewed()
        made._begin(graph, context, self._shared)
        return made

    @property
    def store(self) -> Store:
        return self._shared.store

    @cached_property
    def environment(self) -> dict[str, str]:
        """What decides bits beside the graph."""
        return machine.environment()

    @property
    def values(self) -> Values:
        """The resident values of the graph; the music is heard when they are first asked for."""
        with self._locked():
            return self._values

    @cached_property
    def _values(self) -> Values:
        self.checks.track()
        try:
            values = analyse(
                self.graph.flat, cast(Any, self.context), self._shared.known, self._measurer(self.context.say)
            )
        finally:
            self.context.close_music()
        if self._looked != {}:  # nothing is shown of a guess
            tell_of_waiting(values, self.context.say)
        return values

    @property
    def heard(self) -> Values:
        """The resident values that no measure takes part in, for which no frame has to be made."""
        with self._locked():
            return self._heard

    @cached_property
    def _heard(self) -> Values:
        if "_values" in self.__dict__:
            return self._values
        self.checks.track()
        graph = self.graph.flat
        try:
            return analyse(graph, cast(Any, self.context), self._shared.known, without=behind_measures(graph))
        finally:
            self.context.close_music()

    def _measurer(self, began: Callable[[str], None]) -> Measurer:
        return Measurer(self.context, self.environment, self._shared.executor, began, self._looked)

    @property
    def clock(self) -> Clock:
        return self.heard.clock

    def plan(self, end: str | None = None) -> Plan:
        """Return the plan of a film, or of what a node of latents or frames gives; of the first film by default.

        A node's frames have the size of the film that it takes part in, its latents the grid that the film's decoder
        wants. Where no film needs it, these are the header's size and the grid that goes with it.

        Raises
        ------
        GraphError
            When there is no such node, or it gives neither latents nor frames.
        """
        with self._locked():
            return self._plan(end)

    def _plan(self, end: str | None, folding: bool = True) -> Plan:
        refuse_album(self.graph)
        graph = self.graph.flat
        films = film_sinks(graph)
        if end is None and not films:
            raise GraphError("The graph makes no film.")
        end = checked_name("A node or an output", end or films[0])
        # What no film needs is planned with the last node behind it: a decoder there has the grid.
        wanted = Link(*end.partition(".")[::2])
        output = graph.output(wanted) if wanted.node in graph.nodes else None
        if end in films:
            return cast(Plan, self._part(end, end, folding))
        if output is not None and output.kind.streamed:
            for film in [*films, *last_nodes(graph), end]:
                if plan := self._part(film, end, folding):
                    return plan
        raise GraphError(f'"{end}" gives neither latents nor frames.')

    def _part(self, film: str, end: str, folding: bool = True) -> Plan | None:
        """Return the part of a film's plan that ends at one of its nodes, or at the film; None for other nodes."""
        plan = self._planned(film, folding)
        value = as_value(plan.graph, end)
        if value in plan.unused:
            plan = self._planned(film, folding=False)
        if end != film and value not in plan.streamed_values:
            return None
        check_ranges(plan)
        return towards(plan, end)

    def _planned(self, end: str, folding: bool = True) -> Plan:
        if (end, folding) not in self._plans:
            graph, context = self.graph.flat, cast(Any, self.context)
            self._plans[end, folding] = plan_film(graph, end, self.values, context, self.environment, folding=folding)
        return self._plans[end, folding]

    def check_films(self) -> None:
        """Refuse a graph whose films cannot be rendered, before any work, by its files as they are now.

        Raises
        ------
        GraphError
            With everything that is wrong.
        """
        self.checks = Checks(self.graph)
        self.checks.films()

    def films(
        self,
        out: Path,
        span: Span = (None, None),
        force: bool = False,
        began: Callable[[str], None] = lambda step: None,
        only: Collection[str] = (),
        excerpt: bool = False,
    ) -> PlannedFilms:
        """Return the films of the graph, those of an album's tracks first, with every chunk's key.

        Parameters
        ----------
        out : Path
            The folder that films are written to.
        span : pair of Number or None
            The times to begin and to end at.
        force : bool
            Treat every chunk as missing.
        began : callable
            Told when a step begins that may take a moment.
        only : collection of str
            The tracks of an album whose films are wanted, without the album's own; none: all.
        excerpt : bool
            Take the span of a track as a film of its own, outside of which nothing is looked at.
        """
        self.checks.films()
        with self._locked():
            measurer, known = self._measurer(began), self._shared.known
            measurer.for_part = span != WHOLE and not excerpt
            frames = frames_by_themselves(self.graph, span, excerpt, lambda: self.heard.clock, self.context)
            if frames is not None:
                measurer.looked = self._chunks_to_measure(film_sinks(self.graph.flat), frames, alone=True)

            def look(graph: Graph, sink: str, frames: range) -> None:
                measurer.looked_in[id(graph.flat)] = self.of(graph)._chunks_to_measure([sink], frames, alone=True)

            planner = Planner(self.context, self.environment, out, began, known, measurer, only, excerpt, look)
            films = wanted_films(planner, self.graph, span)
        return PlannedFilms(films, self.store, FilmMaker(self.store, Targets(self.store, out)), force)

    def forget_plans(self) -> None:
        """Plan again from here on, because something else runs the decoders."""
        with self._shared.lock:
            self._plans.clear()
            self._makers.clear()
            self._shared.opened.clear()

    def maker(self, end: str) -> FrameMaker:
        """Return what makes the frames or latents of a node, or a film's codes."""
        with self._locked():
            if end not in self._makers:
                plan = self._plan(end)
                maker = FrameMaker(plan, self.store, self._shared.recent, self._shared.opened)
                compile_missing([maker.opened], default_count())
                self._makers[end] = maker
            return self._makers[end]

    def frame(self, end: str, number: int) -> np.ndarray:
        """Return what a node, or an output, gives for one frame: float32 (3, H, W) or (C, h, w); see `pick`."""
        return next(self.pick(end, [number]))[0]

    def pick(self, end: str, numbers: Iterable[int]) -> Iterator[np.ndarray]:
        """Return an iterator over what a node gives for some rising frame numbers, a few at a time: (n, C, H, W).

        ``end`` is any name that `n2s.graph.lookup.find_output` knows.

        Raises
        ------
        ArgumentError
            When the track has no frame of one of these numbers.
        GraphError
            When there is no such node, or it gives neither latents nor frames.
        """
        end = str(find_output(self.graph, end))
        numbers = frame_numbers(numbers, self.clock.frames)
        return self._nearby(end, numbers).maker(end).pick(numbers)

    def signal(self, name: str) -> np.ndarray:
        """Return the values of a signal: float32, (frames,) or (frames, columns).

        Raises
        ------
        GraphError
            When there is no such node or output, or it gives no signal.
        """
        link = find_output(self.graph, name)
        if cast(Output, self.graph.flat.output(link)).kind is not SIGNAL:
            raise GraphError(f'"{name}" gives no signal. Ask for its frames or latents with frame or pick.')
        return (self.values if link.node in behind_measures(self.graph.flat) else self.heard).read(link)

    def _nearby(self, end: str, numbers: Sequence[int]) -> Session:
        """Return a session in which measures look no further than some frames of a node need.

        Its signals are right where these frames read them, and its frames have the bits of the film's.
        """
        with self._locked():
            if "_values" in self.__dict__ or not awaited_measures(self.graph.flat):
                return self
            looked = self._chunks_to_measure([end], numbers)
            return self if looked is None else self._looking(looked)

    def _chunks_to_measure(self, ends: Iterable[Any], numbers: Collection[int], alone: bool = False) -> Looked | None:
        """Return where measures have to look for some frames, of which a film alone may be made; None: everywhere."""
        try:
            plans = [self._looking({})._plan(end, folding=False) for end in ends]
            with_measures = [(plan, plans_of_measures(plan)) for plan in plans]
        except N2SError:  # by a guess of zeros, which an expression may divide by
            return None
        return where_to_look(with_measures, numbers, alone)

    def _looking(self, looked: Looked) -> Session:
        """Return a session of the same graph whose measures look at some chunks alone."""
        if (key := tuple(sorted(looked.items()))) not in self._near:
            near = self._near[key] = Session.__new__(Session)
            near._begin(self.graph, self.context, self._shared, looked)
            near.checks = self.checks
        return self._near[key]

    def changed(self, other: Session, end: str | None = None) -> list[tuple[int, int]]:
        """Return the frames start..stop of a film that another session's graph shows otherwise, chunk by chunk.

        Frames that one film alone has are among them.
        """
        ours, theirs = ({(c.start, c.stop): c.key for c in session.plan(end).chunks()} for session in (self, other))
        changed = [span for span, key in theirs.items() if ours.get(span) != key]
        return changed + [(max(start, last), stop) for start, stop in ours if stop > (last := other.clock.frames)]

    def _repr_svg_(self) -> str | None:
        """Return what a notebook shows of a session: its graph."""
        return self.graph._repr_svg_()

    def close(self) -> None:
        """Close the files that are open."""
        self.context.close()

    def __enter__(self) -> Session:
        return self

    def __exit__(self, *_: Any) -> None:
        self.close()
