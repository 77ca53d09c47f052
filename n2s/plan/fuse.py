"""The fifth pass: runs of pointwise nodes, and what the sink's format stores, become kernels; a long run is cut."""

from __future__ import annotations

import dis
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import FunctionType

from n2s.graph.types import PICTURES
from n2s.plan.shape import stage_name
from n2s.plan.stages import FULL, Kernel, Plan, Read, Size, Stage, stages_up_to, widen

# A kernel of this size compiles in about two seconds, during which it cannot be interrupted.
MOST_PICTURES = 8  # steps and inputs: a chain of seven nodes behind a decoder
MOST_INPUTS = 3  # each may have to be resampled, which compiles as long as two or three steps
MOST_INSTRUCTIONS = 3500


def fuse(plan: Plan, together: bool = True) -> Plan:
    """Return the plan with its stages: streamed nodes as they are, pointwise nodes in kernels, the sink's codes.

    A source of frames keeps its own size until it is read: a kernel crops and resamples while it reads, and for a
    streamed node a kernel without steps does nothing else.

    Parameters
    ----------
    together : bool
        False gives every pointwise node a kernel of its own; the bits are the same.
    """
    fusion = _Fusion(plan, together)
    stages: list[Stage] = []
    for stage in plan.nodes:
        if fusion.is_pointwise(stage.name):
            if stage.name in fusion.roots:
                stages.append(fusion.kernel_stage(stage))
        elif stage.makes == "codes":
            stages.append(fusion.codes_stage(stage))
        else:
            reads, fitted = fusion.fit_reads(stage)
            stages += [fit for fit in fitted if all(fit.name != other.name for other in stages)]
            stages.append(replace(stage, reads=reads))
    last = stages[-1]
    if last.is_picture and last.kernel is None and last.size is None:  # seen by itself: in the film's size
        stages.append(_fit(last, plan.graph.header.size))
    return replace(plan, stages=widen(stages_up_to(stages, stages[-1].name)))


def _fit(source: Stage, size: Size) -> Stage:
    """Return the stage that brings a source of pictures to a size."""
    kernel = Kernel((), (source.value,), (), ("input", 0))
    name, reads = stage_name(source.name, size), {"0": Read(source.name)}
    return replace(source, name=name, reads=reads, grid=None, size=size, kernel=kernel, keep=False)


class _Fusion:
    """Which pointwise nodes are computed together."""

    def __init__(self, plan: Plan, together: bool):
        self.graph = plan.graph
        self.stages = {stage.name: stage for stage in plan.nodes}
        self._sources = {name: self._pictures(stage) for name, stage in self.stages.items() if self._pixel(stage)}
        self.cuts = self._cut() if together else set(self._sources)
        self.cuts |= {name for name in self._sources if self.stages[name].keep}
        self.roots = self.cuts | self._read_as_frames(plan)

    def is_pointwise(self, name: str) -> bool:
        return name in self._sources

    def _pixel(self, stage: Stage) -> bool:
        return self.graph.nodes[stage.node].kind == "pointwise"

    def _pictures(self, stage: Stage) -> list[str | None]:
        """Return the stages that a pointwise stage reads, one per port; None for a matte that is left unconnected."""
        return [
            stage.reads[port].stage if port in stage.reads else None
            for port, kind in self.graph.nodes[stage.node].ports.items() if kind in PICTURES
        ]  # fmt: skip

    def _read_as_frames(self, plan: Plan) -> set[str]:
        """Return the pointwise stages that streamed nodes read, or that are wanted themselves."""
        read = {
            read.stage
            for stage in plan.nodes
            if not self._pixel(stage) and stage.makes != "codes"
            for read in stage.reads.values()
        }
        return {name for name in self._sources if name in read or name == plan.nodes[-1].name}

    def _cut(self) -> set[str]:
        """Return where to cut: where a node's kernel would be too large, at its largest input, the first of equals."""
        cuts: set[str] = set()
        steps: dict[str, dict[str, None]] = {}  # the kernel that ends at each node
        for name, sources in self._sources.items():
            while True:
                joined = [source for source in dict.fromkeys(sources) if source in steps and source not in cuts]
                own = dict.fromkeys(step for source in joined for step in steps[source])
                own[name] = None
                if not joined or self._fits(own):
                    break
                cuts.add(max(joined, key=lambda source: len(steps[source])))
            steps[name] = own
        return cuts

    def _fits(self, steps: Mapping[str, None]) -> bool:
        inputs = {source for step in steps for source in self._sources[step] if source and source not in steps}
        code = sum(count_instructions(type(self.graph.nodes[self.stages[step].node])) for step in steps)
        return len(inputs) <= MOST_INPUTS and len(steps) + len(inputs) <= MOST_PICTURES and code <= MOST_INSTRUCTIONS

    def kernel_stage(self, stage: Stage) -> Stage:
        """Return the stage that computes a pointwise node, and those before it that are computed with it."""
        kernel, sources = self._kernel(stage.name)
        return replace(stage, nodes=kernel.steps, reads=_numbered(sources), kernel=kernel)

    def codes_stage(self, end: Stage) -> Stage:
        """Return the stage that makes what the sink's format stores."""
        source = next(iter(end.reads.values())).stage
        kernel, sources = self._kernel(source, take_in=not self.stages[source].keep)
        return replace(end, nodes=(*kernel.steps, end.node), reads=_numbered(sources), kernel=kernel)

    def fit_reads(self, stage: Stage) -> tuple[dict[str, Read], list[Stage]]:
        """Return what a streamed node reads, and the stages that bring sources of frames to the size that it takes."""
        reads, fits = dict(stage.reads), []
        for port, read in stage.reads.items():
            source = self.stages[read.stage]
            if source.is_picture and source.size is None:
                fit = _fit(source, read.size)
                fits.append(fit)
                reads[port] = replace(read, stage=fit.name)
        return reads, fits

    def _kernel(self, root: str, take_in: bool = True) -> tuple[Kernel, list[str]]:
        """Return the kernel that ends at a stage, and the stages whose frames it reads."""
        if root not in self._sources or not take_in:
            return Kernel((), (self.stages[root].value,), (), ("input", 0)), [root]
        steps: dict[str, int] = {}
        inputs: dict[str, int] = {}

        def is_inside(name: str) -> bool:
            return name in self._sources and (name == root or name not in self.cuts)

        waiting = [(root, iter(self._sources[root]))]
        while waiting:
            name, rest = waiting[-1]
            for source in rest:
                if source is None:
                    continue
                if is_inside(source) and source not in steps:
                    waiting.append((source, iter(self._sources[source])))
                    break
                if not is_inside(source):
                    inputs.setdefault(source, len(inputs))
            else:
                waiting.pop()
                steps[name] = len(steps)
        wiring = tuple(
            tuple(
                FULL if source is None
                else ("step", steps[source]) if is_inside(source)
                else ("input", inputs[source])
                for source in self._sources[step]
            )
            for step in steps
        )  # fmt: skip
        nodes, read = (tuple(self.stages[name].value for name in names) for names in (steps, inputs))
        return Kernel(nodes, read, wiring, ("step", steps[root])), list(inputs)


def _numbered(sources: list[str]) -> dict[str, Read]:
    return {str(i): Read(source) for i, source in enumerate(sources)}


@cache
def count_instructions(cls: type) -> int:
    """Return the size of a pixel function, with those that it calls, in instructions of Python's bytecode."""
    return _count(cls.pixel, {})


def _count(function: FunctionType, known: dict[FunctionType, int]) -> int:
    if function not in known:
        known[function] = 0  # a function that calls itself is refused when it is compiled
        for instruction in dis.get_instructions(function):
            called = function.__globals__.get(instruction.argval) if instruction.opname == "LOAD_GLOBAL" else None
            known[function] += 1 + (_count(called, known) if isinstance(called, FunctionType) else 0)
    return known[function]
