"""The job of a film run: its plans as plain data, and how their chunks are rendered from that."""

from __future__ import annotations

import importlib
import os
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from n2s.graph import authors
from n2s.graph.code.files import OWN
from n2s.graph.code.identity import code_parts
from n2s.graph.errors import OtherCode
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan
from n2s.runtime import machine
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events
from n2s.runtime.executors.base import Rendered, Task, default_count
from n2s.runtime.executors.packing import IN_THREADS
from n2s.runtime.executors.parts import CarriesFilm, FilmPart
from n2s.runtime.executors.sources import Sent, placed_sources, send_sources
from n2s.runtime.films.luminance import ChunkLuminance
from n2s.runtime.models.decoder import MOST_AT_ONCE
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kept import SeenFrames
from n2s.runtime.render.measures import KIND, ChunkMeasure, measure_chunk
from n2s.runtime.render.rehearsal import compile_missing
from n2s.runtime.render.tally import Tally
from n2s.runtime.render.together import Output, write_chunk
from n2s.runtime.store import ARRAYS, write_arrays


@dataclass(frozen=True)
class Modules:
    """Modules of packages of others; another process imports them when it unpickles their names.

    Keys hold the present values of a module's constants if it was imported when its package was first looked at, so the
    same modules must be there.
    """

    names: tuple[str, ...]

    @classmethod
    def of(cls, plans: Iterable[Plan], context: RunContext) -> Modules:
        nodes = [plan.graph.nodes[name] for plan in plans for name in [*plan.order, plan.end]]
        # A node may show frames of another film, whose plan it carries.
        nodes += [
            inner for node in nodes if isinstance(node, CarriesFilm) for inner in node.film_part.graph.nodes.values()
        ]
        classes = dict.fromkeys(map(type, nodes))
        others = [node_type for node_type in classes if node_type.__module__.partition(".")[0] != OWN]
        valued = [
            part for node_type in others for part in code_parts(node_type, context.file_digest) if part.endswith(" =")
        ]
        names = [name for name in list(sys.modules) if name.partition(".")[0] != OWN]
        return cls(tuple(name for name in names if any(part.startswith(f"{name}.") for part in valued)))

    def __reduce__(self) -> tuple:
        return _import_all, (self.names,)


def _import_all(names: tuple[str, ...]) -> Modules:
    for name in names:
        try:
            importlib.import_module(name)
        except Exception as error:  # the module may fail in any way while it is imported
            raise OtherCode(
                f"{name} cannot be imported in another process ({type(error).__name__}: {error}). Mend that, "
                f"{IN_THREADS}."
            ) from error
    return Modules(names)


@dataclass(frozen=True)
class FilmJob:
    """What a run renders, as data that can be pickled.

    Attributes
    ----------
    modules : Modules
        Stand first, because what follows is made of their classes.
    parts : dict of int to FilmPart
        By the number that tasks have in ``plan``.
    cuda_frames : int
        How many frames CUDA decodes at once at most; 0: its memory was too small, and the CPU decodes.
    sources : mapping of Path to Sent
        Files and folders that lie in the store for machines that do not see them.
    """

    modules: Modules
    parts: Mapping[int, FilmPart]
    cuda_frames: int = MOST_AT_ONCE
    sources: Mapping[Path, Sent] = field(default_factory=dict)

    @classmethod
    def of(cls, plans: Mapping[int, Plan], context: RunContext) -> FilmJob:
        """Return the job that renders plans, by the numbers that tasks have for them."""
        parts = {number: FilmPart.of(plan) for number, plan in plans.items()}
        return cls(Modules.of(plans.values(), context), parts, context.cuda_frames)

    def for_others(self, context: RunContext) -> FilmJob:
        if not context.store.is_distant:
            return self
        named = {path: None for part in self.parts.values() for path in part.graph.sources()}
        return replace(self, sources=send_sources(named, context))

    def open(self, context: RunContext, events: Events) -> FilmRenderer:
        context.step_down(self.cuda_frames)
        if not self.sources:
            return FilmRenderer(self.parts, context, events)
        placed = placed_sources(self.sources, context, context.folder())
        parts = {number: replace(part, graph=part.graph.with_sources(placed)) for number, part in self.parts.items()}
        return FilmRenderer(parts, context, events)


class FilmRenderer:
    """Renders chunks into the store; each plan is made and opened when its first chunk is asked for."""

    def __init__(self, parts: Mapping[int, FilmPart], context: RunContext, events: Events):
        self.parts, self.context, self.events = parts, context, events
        self._environment = machine.environment()
        self._planned_makers: dict[int, FrameMaker] = {}
        self._makers: dict[int, FrameMaker] = {}  # those that have made a frame
        self._opened: dict[str, Any] = {}
        self._lock = threading.Lock()

    def warm_up(self) -> None:
        with self._lock:
            planned = [self._planned_maker(number) for number in self.parts]
            compile_missing([maker.opened for maker in planned], default_count(), self.events.began)
        for number in self.parts:
            self._maker(number)

    def _planned_maker(self, number: int) -> FrameMaker:
        if number not in self._planned_makers:
            plan = self.parts[number].plan(self.context, self._environment)
            self._planned_makers[number] = FrameMaker(plan, self.context.store, opened=self._opened)
        return self._planned_makers[number]

    def _maker(self, number: int) -> FrameMaker:
        if number not in self._makers:
            with self._lock:
                if number not in self._makers:
                    maker = self._planned_maker(number)
                    maker.warm_up()
                    maker.helpers = self.context.helpers
                    self._makers[number] = maker
        return self._makers[number]

    def render(self, task: Task, progress: Callable[[int], None]) -> Rendered:
        """Render a chunk of films, and what is measured on the way, or measure a chunk alone, into the store.

        Raises
        ------
        OtherCode
            When a key is another in this process than where it was planned; then nothing is kept.
        """
        films, began = [self._planned(number, task, key) for number, key in task.chunks], time.perf_counter()
        (maker, chunk), tallies = films[0], [Tally() for _ in films]
        if maker.plan.node.kind == "measure":
            self._add(maker, chunk, lambda path: write_arrays(path, measure_chunk(maker, chunk, tallies[0], progress)))
        else:
            self._render_films(task, films, tallies, progress)
        where = f"{threading.current_thread().name} of process {os.getpid()}"
        took = time.perf_counter() - began
        own, *others = (
            Rendered(dict(tally.seconds), dict(tally.frames), where, sum(tally.seconds.values())) for tally in tallies
        )
        return replace(own, took=took, beside=tuple(others))

    def _render_films(
        self,
        task: Task,
        films: list[tuple[FrameMaker, Chunk]],
        tallies: list[Tally],
        progress: Callable[[int], None],
    ) -> None:
        """Render a chunk of films; the frames of the first are measured as they are made, and decoded once for all."""
        planned = [self._planned(number, task, key) for number, key in task.measures]
        seen = SeenFrames(measuring.plan for measuring, _ in planned) if planned else None
        measures = [
            ChunkMeasure(measuring, of_measure, tallies[0], lambda frames: progress(0), seen)
            for measuring, of_measure in planned
        ]

        def look(stop: int) -> None:
            for measure in measures:
                measure.look(stop)
            if seen is not None:
                seen.forget(stop)

        outputs = [self._output(maker, chunk, tally) for (maker, chunk), tally in zip(films, tallies)]
        with ExitStack() as stack:
            for measure in measures:
                stack.enter_context(measure.begun())
            write_chunk(outputs, progress, seen, look)
        for measure in measures:
            self._add(measure.maker, measure.chunk, partial(write_arrays, arrays=measure.numbers()))

    def _output(self, maker: FrameMaker, chunk: Chunk, tally: Tally) -> Output:
        """Return where a chunk of a film goes: into the store, with its luminance beside it."""
        luminance = ChunkLuminance(maker.plan.pixels, maker.plan.graph.header.size)

        def add(write: Callable[[Path], None]) -> None:
            self._add(maker, chunk, write, lambda: luminance.keep(self.context.store, chunk.key))

        return Output(maker, chunk, add, luminance.look, tally)

    def _planned(self, number: int, task: Task, key: str) -> tuple[FrameMaker, Chunk]:
        """Return what makes a task's frames for one of the job's plans, and their chunk, whose key is as planned."""
        maker = self._maker(number)
        chunk = maker.plan.keys.chunk(task.start, task.stop)
        if chunk.key != key:
            raise self._other(number, chunk, maker.plan)
        return maker, chunk

    def _add(
        self,
        maker: FrameMaker,
        chunk: Chunk,
        write: Callable[[Path], None],
        keep_beside: Callable[[], None] = lambda: None,
    ) -> None:
        """Put what was made of a chunk into the store, after what is kept beside it."""

        def write_whole(path: Path) -> None:
            write(path)
            self.context.inputs.check_unchanged()  # its key speaks of the files as they were
            keep_beside()  # first, so that it is never missing where the chunk itself is there

        plan = maker.plan
        kind, ending = (KIND, ARRAYS) if plan.node.kind == "measure" else ("segments", plan.format.suffix)
        self.context.store.add(kind, chunk.key, ending, {**chunk.recipe, "static": plan.keys.static}, write_whole)

    def _other(self, number: int, chunk: Chunk, plan: Plan) -> OtherCode:
        from n2s.runtime.seeing.differences import compare  # for this error alone

        part = self.parts[number]
        planned, found = ({**chunk.recipe, "static": static} for static in (part.static, plan.keys.static))
        difference = compare(planned, found, [stage.node for stage in plan.nodes])
        causes = "; ".join(cause["text"] for cause in difference.causes) if difference else ""
        span = authors.in_words((chunk.start, chunk.stop))
        return OtherCode(
            f"{plan.end}: {span} would not be made as planned in process {os.getpid()}"
            f"{f': {causes}' if causes else ''}. Code or files changed while the run was under way, or differ "
            "there: run again, or render in threads (--jobs)."
        )
