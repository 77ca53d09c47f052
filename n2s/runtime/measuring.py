"""Measuring: frames are looked at before the film is planned, because signals are known before the first frame.

Whatever the store has is not measured again, and an executor makes the rest, chunk by chunk: so an interrupted run goes
on where it was, and after an edit only the chunks are measured whose frames changed.

A measure that declares what it says of frames that nobody looked at yet does not wait for them: a run looks at them
while it renders (`n2s.runtime.films.planned`), and plans once more.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Any, cast

import numpy as np

from n2s.graph.errors import RenderError
from n2s.graph.graph import Graph
from n2s.graph.values import Measured, Values
from n2s.graph.wording import counted
from n2s.plan.demand import Looked, chunks_to_measure
from n2s.plan.film import plan_film
from n2s.plan.keys import Chunk
from n2s.plan.measures import is_awaited
from n2s.plan.ranges import check_ranges
from n2s.plan.stages import Plan
from n2s.runtime.context import RunContext
from n2s.runtime.events import Events, as_interrupted
from n2s.runtime.executors.base import Executor, Task
from n2s.runtime.executors.carrying import carry_out
from n2s.runtime.executors.film import FilmJob
from n2s.runtime.models.sessions import ProviderExhausted
from n2s.runtime.pace import memory_subject
from n2s.runtime.render.analysis import behind_measures
from n2s.runtime.render.measures import KIND, Numbers, blank_signals, signals_of, unmeasured_numbers, unmeasured_signals
from n2s.runtime.render.tally import Tally

TELL_EVERY_SECONDS = 5.0
ALONE = "With --excerpt, these seconds are measured by themselves."


def plan_measure(graph: Graph, name: str, values: Values, context: RunContext, environment: Mapping[str, Any]) -> Plan:
    """Return the plan of the frames that a measure of a flat graph looks at.

    Its chunks are as long as those of the graph's first film, so that both keep the same frames.
    """
    plan = plan_film(graph, name, values, cast(Any, context), environment)
    check_ranges(plan)
    lengths = [length for sink in graph.sinks() if (length := getattr(graph.nodes[sink], "chunk", None))]
    return replace(plan, chunk_length=lengths[0]) if lengths else plan


def plans_of_measures(plan: Plan) -> dict[str, Plan]:
    """Return the plans of what the measures of a plan's graph look at."""
    graph, context = plan.graph, cast(Any, plan.scene.context)
    measures = [name for name, node in graph.nodes.items() if node.kind == "measure"]
    return {name: plan_measure(graph, name, plan.values, context, plan.environment) for name in measures}


def where_to_look(
    plans: Iterable[tuple[Plan, Mapping[str, Plan]]], frames: Collection[int], alone: bool = False
) -> Looked:
    """Return which chunks each measure has to look at for some frames of several films.

    Parameters
    ----------
    plans : iterable
        Of each film, its plan, not folded, and those of what its measures look at.
    frames : collection of int
    alone : bool
        Whether the frames are films of their own; see `n2s.plan.demand.chunks_to_measure`.
    """
    looked: Looked = {}
    for plan, measures in plans:
        found = chunks_to_measure(plan, frames, behind_measures(plan.graph), measures, alone)
        looked |= {name: looked.get(name, ()) + chunks for name, chunks in found.items()}
    return looked


def awaited_measures(graph: Graph) -> list[str]:
    """Return the measures of a flat graph that a film waits for before its first frame."""
    return [name for name, node in graph.nodes.items() if is_awaited(node)]


def tell_of_waiting(values: Values, say: Callable[[str], None]) -> None:
    """Tell of measures that look at frames while a film is rendered, and have not done so yet."""
    for name, measured in values.measured.items():
        if measured.waiting:
            count = f"{measured.frames - measured.stored} of {measured.frames}"
            say(
                f"Not shown here: what {name.partition(':')[0]} changes. It decides when n2s run has made all frames; "
                f"{count} are still to come."
            )


def frames_needed(plan: Plan, places: Sequence[int]) -> dict[str, int]:
    """Return how many frames of each streamed node that gives frames must be made for some frames of the plan's end."""
    needed, length = {}, plan.values.clock.frames
    for stage in plan.stages:
        if stage.is_computed and stage.makes == "frames":
            count, done = 0, 0
            for frame in places:
                start, stop = max(done, frame - stage.before), min(length, frame + 1 + stage.after)
                count, done = count + stop - start, stop
            needed[stage.node] = max(count, needed.get(stage.node, 0))
    return needed


class Measurer:
    """Gives the signals of measures as far as they are known, for `n2s.runtime.render.analysis.analyse`.

    Parameters
    ----------
    context : RunContext
    environment : mapping
        What decides bits beside the graphs.
    executor : Executor
        Makes what the store lacks; it is started and stopped for each measure.
    began : callable
        Told what is measured, and every few seconds how far it is.
    looked : mapping, optional
        By measure, the only chunks that are measured where the store lacks them; by default all are. Without any
        numbers a signal is 0 everywhere. A measure that a film does not wait for looks at all, where it is not named.
    """

    def __init__(
        self,
        context: RunContext,
        environment: Mapping[str, Any],
        executor: Executor,
        began: Callable[[str], None],
        looked: Looked | None = None,
    ):
        self.context, self.environment, self.executor, self.began = context, environment, executor, began
        self.looked = looked
        self.looked_in: dict[int, Looked | None] = {}  # by the id of a flat graph, which is looked at otherwise
        self.for_part = False  # of a film, who asked for it should know before it takes as long as the whole

    def __call__(self, graph: Graph, name: str, values: Values) -> dict[str, np.ndarray]:
        """Return the signals of a measure by output; ``values`` has all that its frames need, and notes the cost.

        Raises
        ------
        N2SError
            When something failed; what was measured is in the store.
        KeyboardInterrupt
            When interrupted; likewise.
        """
        plan = plan_measure(graph, name, values, self.context, self.environment)
        chunks = [chunk for chunk in plan.chunks() if chunk.recipe["measured"]]
        found = {chunk.key: self.context.store.arrays(KIND, chunk.key) for chunk in chunks}
        missing = [chunk for chunk in chunks if found[chunk.key] is None]
        waits = type(graph.nodes[name]).unmeasured is not None
        looked = self.looked_in.get(id(graph), self.looked)
        if looked is not None and (not waits or name in looked):
            wanted = set(looked.get(name, ()))
            # What waits looks at nothing else, or bits would depend on what the store has by chance.
            left = chunks if waits else missing
            unwanted = {chunk.key for chunk in left if (chunk.start, chunk.stop) not in wanted}
            missing = [chunk for chunk in missing if chunk.key not in unwanted]
            chunks = [chunk for chunk in chunks if chunk.key not in unwanted]
        tally = Tally()
        if missing and not waits:
            try:
                self._measure(plan, missing, tally)
            except ProviderExhausted as error:  # the key of a chunk names what decodes it
                self.context.say(str(error))
                self.context.step_down(error.frames)
                return self(graph, name, values)
        count, made = _count(chunks), _count(missing)
        sources = frames_needed(plan, [frame for chunk in chunks for frame in chunk.recipe["measured"]])
        waiting = {chunk.key: (chunk.start, chunk.stop) for chunk in missing} if waits else {}
        values.measured[name] = Measured(count, count - made, sources, tally.seconds, tally.frames, waiting)
        if not chunks:
            return blank_signals(graph, name, values.clock)
        if waits and len(missing) == len(chunks):
            return unmeasured_signals(graph, name, values.clock)
        numbers = [
            found[chunk.key] or (unmeasured_numbers(graph, name, chunk) if waits else self._just_measured(chunk))
            for chunk in chunks
        ]
        return signals_of(graph, name, chunks, numbers, values.clock)

    def _measure(self, plan: Plan, missing: list[Chunk], tally: Tally) -> None:
        """Measure some chunks into the store."""
        if self.for_part:
            self.context.say(f"The whole film is measured, so that its part has the same pictures. {ALONE}")
            self.for_part = False
        progress = _Progress(self.context.say, self.began, plan.end, _count(missing))
        try:
            job, kind = FilmJob.of({0: plan}, self.context), memory_subject(self.executor, [plan])
            tasks = [Task(0, chunk.start, chunk.stop, chunk.key) for chunk in missing]
            with as_interrupted():
                for _, rendered in carry_out(self.executor, job, tasks, self.context, progress, lambda task: kind):
                    tally.seconds.update(rendered.seconds)
                    tally.frames.update(rendered.frames)
        finally:
            self.executor.stop()

    def _just_measured(self, chunk: Chunk) -> Numbers:
        numbers = self.context.store.arrays(KIND, chunk.key)
        if numbers is None:
            raise RenderError(
                f"Numbers that were just measured vanished from the store {self.context.store.address}. Run again."
            )
        return numbers


def measuring_text(frames: int, span: tuple) -> str:
    """Return in words that so many frames are made to be measured, and for no film; ``span`` is what was asked for."""
    cure = "" if span == (None, None) else f" {ALONE}"
    return f"For measuring alone: {counted(frames, 'frame')}. What a part shows depends on frames around it.{cure}"


def _count(chunks: list[Chunk]) -> int:
    return sum(len(chunk.recipe["measured"]) for chunk in chunks)


class _Progress(Events):
    """Tells how many frames of a measure are done."""

    def __init__(self, say: Callable[[str], None], began: Callable[[str], None], name: str, frames: int):
        setattr(self, "said", say)
        setattr(self, "began", began)
        self._name, self._all, self._done = name, frames, 0
        self._lock, self._last = threading.Lock(), time.monotonic()
        began(f"measuring {counted(frames, 'frame')} for {name}")

    def rendered(self, frames: int) -> None:
        with self._lock:
            self._done += frames
            if (now := time.monotonic()) - self._last >= TELL_EVERY_SECONDS:
                self._last = now
                self.began(f"measuring {self._done} of {self._all} frames for {self._name}")
