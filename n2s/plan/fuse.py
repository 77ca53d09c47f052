"""The fifth pass: runs of pointwise and lens nodes, and what the sink's format stores, become kernels.

A long run of pointwise nodes is cut. Lenses that follow each other are one sample, which begins a kernel: it reads
frames from anywhere, so what it reads is made before.
"""

from __future__ import annotations

import dis
from collections.abc import Mapping
from dataclasses import replace
from functools import cache
from types import FunctionType

from n2s.graph.types import FRAMES
from n2s.plan.shape import stage_name
from n2s.plan.stages import Kernel, Lensing, Plan, Read, Size, Stage, stages_up_to, widen

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
        if fusion.is_inside_kernels(stage.name):
            if stage.name not in fusion.roots:
                continue
            made, fitted = fusion.kernel_stage(stage)
        elif stage.makes == "codes":
            made, fitted = fusion.codes_stage(stage)
        else:
            made, fitted = fusion.streamed_stage(stage)
        stages += [fit for fit in fitted if all(fit.name != other.name for other in stages)]
        stages.append(made)
    last = stages[-1]
    if last.makes == "frames" and last.kernel is None and last.size is None:  # seen by itself: in the film's size
        stages.append(_fit(last, plan.graph.header.size))
    return replace(plan, stages=widen(stages_up_to(stages, stages[-1].name)))


def _fit(source: Stage, size: Size) -> Stage:
    """Return the stage that brings a source of frames to a size."""
    kernel = Kernel((), (source.node,), (), ("input", 0))
    return Stage(
        stage_name(source.name, size), (source.node,), "frames", {"0": Read(source.name)}, size=size, kernel=kernel
    )


class _Fusion:
    """Which pointwise and lens nodes are computed together."""

    def __init__(self, plan: Plan, together: bool):
        self.graph = plan.graph
        self.stages = {stage.name: stage for stage in plan.nodes}
        self._sources = {name: self._pictures(stage) for name, stage in self.stages.items() if self._kind(name)}
        self.cuts = self._cut() if together else set(self._sources)
        self.cuts |= {name for name in self._sources if self.stages[name].keep}
        self.cuts |= self._shared_lenses()
        self.roots = self.cuts | self._read_as_frames(plan)

    def is_inside_kernels(self, name: str) -> bool:
        return name in self._sources

    def _kind(self, name: str) -> str:
        """Return "pointwise" or "lens" for what kernels compute, "" for all else."""
        kind = self.graph.nodes[self.stages[name].node].kind
        return kind if kind in ("pointwise", "lens") else ""

    def _pictures(self, stage: Stage) -> list[str]:
        ports = self.graph.nodes[stage.node].ports
        return [stage.reads[port].stage for port, kind in ports.items() if kind is FRAMES and port in stage.reads]

    def _read_as_frames(self, plan: Plan) -> set[str]:
        """Return the stages of kernels that others than pointwise nodes read, or that are wanted themselves."""
        read = {
            read.stage
            for stage in plan.nodes
            if self._kind(stage.name) != "pointwise" and stage.makes != "codes"
            for read in stage.reads.values()
            if not read.composed
        }
        return {name for name in self._sources if name in read or name == plan.nodes[-1].name}

    def _shared_lenses(self) -> set[str]:
        """Return the lenses whose frames several nodes read: a sample costs more than memory."""
        readers = [
            read.stage for stage in self.stages.values() for read in stage.reads.values() if not read.composed
        ]
        return {name for name in self._sources if self._kind(name) == "lens" and readers.count(name) > 1}

    def _cut(self) -> set[str]:
        """Return where to cut: where a node's kernel would be too large, at its largest input, the first of equals."""
        cuts: set[str] = set()
        steps: dict[str, dict[str, None]] = {}  # the kernel that ends at each node
        for name, sources in self._sources.items():
            if self._kind(name) == "lens":  # an input of kernels, whatever it reads
                continue
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
        inputs = {source for step in steps for source in self._sources[step] if source not in steps}
        code = sum(self._count_instructions(name) for name in (*steps, *inputs))
        return len(inputs) <= MOST_INPUTS and len(steps) + len(inputs) <= MOST_PICTURES and code <= MOST_INSTRUCTIONS

    def _count_instructions(self, name: str) -> int:
        """Return the size of a node's code, with that of the lenses which compose it."""
        if kind := self._kind(name):
            names = self._run(name) if kind == "lens" else [name]
            method = "where" if kind == "lens" else "pixel"
            return sum(count_instructions(type(self.graph.nodes[self.stages[n].node]), method) for n in names)
        return 0

    def _run(self, name: str) -> list[str]:
        """Return the lenses that are composed into one, the last in the film first."""
        run = [name]
        while (read := self._first_read(run[-1])).composed:
            run.append(read.stage)
        return run

    def _first_read(self, name: str) -> Read:
        stage = self.stages[name]
        return stage.reads[next(iter(self.graph.nodes[stage.node].ports))]

    def kernel_stage(self, stage: Stage) -> tuple[Stage, list[Stage]]:
        """Return the stage that computes a node, and those before it that are computed with it."""
        kernel, reads, fitted = self._kernel(stage.name)
        return replace(stage, nodes=_computed(kernel), reads=reads, kernel=kernel), fitted

    def codes_stage(self, end: Stage) -> tuple[Stage, list[Stage]]:
        """Return the stage that makes what the sink's format stores."""
        source = next(iter(end.reads.values())).stage
        kernel, reads, fitted = self._kernel(source, take_in=not self.stages[source].keep)
        return replace(end, nodes=(*_computed(kernel), end.node), reads=reads, kernel=kernel), fitted

    def streamed_stage(self, stage: Stage) -> tuple[Stage, list[Stage]]:
        """Return the stage of a streamed node, and those that bring sources of frames to the size that it takes."""
        reads, fitted = dict(stage.reads), []
        for port, read in stage.reads.items():
            reads[port] = self._fitted(read, read.size, fitted)
        return replace(stage, reads=reads), fitted

    def _fitted(self, read: Read, size: Size | None, fitted: list[Stage]) -> Read:
        """Return what is read in a size, where a source of frames has its own from a stage that is added."""
        source = self.stages[read.stage]
        if source.makes != "frames" or source.size is not None:
            return read
        fitted.append(_fit(source, size))
        return replace(read, stage=fitted[-1].name)

    def _kernel(self, root: str, take_in: bool = True) -> tuple[Kernel, dict[str, Read], list[Stage]]:
        """Return the kernel that ends at a stage, what it reads, and stages that bring this to its size."""
        inputs = _Inputs(self)
        if root not in self._sources or not take_in:
            inputs.number_of(root)
            return inputs.kernel((), (), ("input", 0))

        def is_inside(name: str) -> bool:
            return name in self._sources and (name == root or name not in self.cuts)

        def is_step(name: str) -> bool:
            return is_inside(name) and self._kind(name) == "pointwise"

        if self._kind(root) == "lens":
            return inputs.kernel((), (), ("input", inputs.number_of(root, through=True)))
        steps: dict[str, int] = {}
        waiting = [(root, iter(self._sources[root]))]
        while waiting:
            name, rest = waiting[-1]
            for source in rest:
                if is_step(source) and source not in steps:
                    waiting.append((source, iter(self._sources[source])))
                    break
                if not is_step(source):
                    inputs.number_of(source, through=is_inside(source))
            else:
                waiting.pop()
                steps[name] = len(steps)
        wiring = tuple(
            tuple(
                ("step", steps[source]) if is_step(source) else ("input", inputs.number_of(source, is_inside(source)))
                for source in self._sources[step]
            )
            for step in steps
        )
        return inputs.kernel(tuple(self.stages[name].node for name in steps), wiring, ("step", steps[root]))


class _Inputs:
    """What a kernel reads, numbered in the order in which it was asked for."""

    def __init__(self, fusion: _Fusion):
        self._fusion = fusion
        self._numbers: dict[tuple[str, bool], int] = {}
        self._reads: list[Read] = []
        self._nodes: list[str] = []
        self._lensings: list[Lensing | None] = []
        self._fitted: list[Stage] = []

    def number_of(self, name: str, through: bool = False) -> int:
        """Return the number of a stage that is read where it is, or ``through`` the lenses that end at it."""
        if (name, through) not in self._numbers:
            if through:
                self._take_in_lenses(name)
            else:
                self._add(name, through, Read(name), None)
        return self._numbers[name, through]

    def _take_in_lenses(self, name: str) -> None:
        """Add what lenses read, which must be frames of their own size: first what they look at beside."""
        fusion = self._fusion
        run = fusion._run(name)
        beside, size = [], fusion.stages[name].size
        for lens in run:
            first, *others = fusion._sources[lens]
            beside.append(tuple(self._number_fitted(other, size) for other in others))
        read = fusion._fitted(Read(fusion._first_read(run[-1]).stage), size, self._fitted)
        lensing = Lensing(tuple(fusion.stages[lens].node for lens in run), tuple(beside))
        self._add(name, True, read, lensing, fusion.stages[fusion._first_read(run[-1]).stage].node)

    def _number_fitted(self, name: str, size: Size | None) -> int:
        read = self._fusion._fitted(Read(name), size, self._fitted)
        key = (read.stage, False)
        if key not in self._numbers:
            self._add(read.stage, False, read, None, self._fusion.stages[name].node)
        return self._numbers[key]

    def _add(self, name: str, through: bool, read: Read, lensing: Lensing | None, node: str = "") -> None:
        self._numbers[name, through] = len(self._reads)
        self._reads.append(read)
        self._nodes.append(node or self._fusion.stages[name].node)
        self._lensings.append(lensing)

    def kernel(
        self, steps: tuple[str, ...], wiring: tuple, root: tuple[str, int]
    ) -> tuple[Kernel, dict[str, Read], list[Stage]]:
        """Return the kernel over these inputs, what it reads, and the stages that bring this to its size."""
        lensings = tuple(self._lensings) if any(self._lensings) else ()
        reads = {str(i): read for i, read in enumerate(self._reads)}
        return Kernel(steps, tuple(self._nodes), wiring, root, lensings), reads, self._fitted


def _computed(kernel: Kernel) -> tuple[str, ...]:
    """Return the nodes that a kernel computes, inputs first."""
    return (*kernel.lenses, *kernel.steps)


@cache
def count_instructions(cls: type, method: str = "pixel") -> int:
    """Return the size of a pixel function, with those that it calls, in instructions of Python's bytecode."""
    return _count(getattr(cls, method), {})


def _count(function: FunctionType, known: dict[FunctionType, int]) -> int:
    if function not in known:
        known[function] = 0  # a function that calls itself is refused when it is compiled
        for instruction in dis.get_instructions(function):
            called = function.__globals__.get(instruction.argval) if instruction.opname == "LOAD_GLOBAL" else None
            known[function] += 1 + (_count(called, known) if isinstance(called, FunctionType) else 0)
    return known[function]
