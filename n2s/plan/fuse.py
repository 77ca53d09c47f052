"""The fifth pass: runs of pointwise and lens nodes, and what the sink's format stores, become kernels.

A long run of pointwise nodes is cut. Lenses that follow each other are one sample, which begins a kernel: it reads
frames from anywhere, so what it reads is made before.
"""

from __future__ import annotations

import dis
from collections.abc import Collection, Mapping
from dataclasses import replace
from functools import cache
from types import FunctionType
from typing import Any, cast

from n2s.graph.declare import Lens, Pointwise
from n2s.graph.shader import fma
from n2s.graph.types import MATTE, PICTURES
from n2s.plan.echoes import echo_stages
from n2s.plan.shape import stage_name
from n2s.plan.stages import FULL, Kernel, Lensing, Plan, Read, Size, Stage, stages_up_to, widen

# A kernel of this size compiles in about two seconds, during which it cannot be interrupted.
MOST_PICTURES = 8  # steps and inputs: a chain of seven nodes behind a decoder
MOST_INPUTS = 3  # each may have to be resampled, which compiles as long as two or three steps
MOST_OPERATIONS = 1000
# What of Python's bytecode is an operation of pixel code; versions of Python differ in the instructions around them.
OPERATIONS = frozenset({"BINARY_OP", "COMPARE_OP", "CALL", "CALL_KW", "UNARY_NEGATIVE", "UNARY_NOT"})
SUBSCRIPT = "[]"  # a BINARY_OP from Python 3.14 on, an instruction of its own before


def fuse(plan: Plan, together: bool = True, shared: Collection[str] = ()) -> Plan:
    """Return the plan with its stages: streamed nodes as they are, pointwise nodes in kernels, the sink's codes.

    A source of frames keeps its own size until it is read: a kernel crops and resamples while it reads, and for what
    reads whole frames a kernel without steps does nothing else. A measure is no stage: the last one makes what it looks
    at.

    A node whose pixel code reads more than its pictures, such as a filter, gets a hidden stage that makes this from
    the whole frames of its first picture, and is then fused like any pointwise node, with one picture more.

    Parameters
    ----------
    together : bool
        False gives every pointwise node a kernel of its own; the bits are the same.
    shared : collection of str
        Stages whose frames others than this plan read, so that a kernel ends there.
    """
    fusion = _Fusion(plan, together, shared)
    stages: list[Stage] = []
    for stage in plan.nodes:
        if fusion.is_in_kernels(stage.name):
            if stage.name in fusion.hidden:
                stages += fusion.hidden[stage.name]
            if stage.name in fusion.roots:
                stages.append(fusion.kernel_stage(stage))
        elif stage.makes == "codes":
            stages.append(fusion.codes_stage(stage))
        else:
            stages.append(fusion.streamed[stage.name])
            stages += fusion.fits_of(stage.name)
    if stages[-1].makes == "numbers":  # made of whole frames, one at a time, when these are there
        stages = list(stages_up_to(stages, next(iter(stages.pop().reads.values())).stage))
    last = stages[-1]
    if last.is_picture and last.kernel is None and last.size is None:  # seen by itself: in the film's size
        stages.append(_fit(last, plan.graph.header.size))
    return replace(plan, stages=widen(stages_up_to(stages, stages[-1].name)))


def _fit(source: Stage, size: Size) -> Stage:
    """Return the stage that brings a source of pictures to a size."""
    framings = (source.framing,) if source.framing else ()
    kernel = Kernel((), (source.value,), (), ("input", 0), framings=framings)
    name, reads = stage_name(source.name, size), {"0": Read(source.name)}
    return replace(source, name=name, reads=reads, grid=None, size=size, kernel=kernel, keep=False, framing=None)


class _Fusion:
    """Which pointwise and lens nodes are computed together.

    Attributes
    ----------
    streamed : dict of str to Stage
    hidden : dict of str to list of Stage
        Both by the stage of the node.
    mattes : dict of str to Read
        By port, what the sink stores beside its pictures: how opaque they are.
    cuts, roots : set of str
        Stages whose frames lie in memory, because a kernel ends or because others read them there.
    """

    def __init__(self, plan: Plan, together: bool, shared: Collection[str]):
        self.graph, self._shared = plan.graph, shared
        self.stages = {stage.name: stage for stage in plan.nodes}
        self._fits: dict[tuple[str, Size | None], Stage] = {}
        self._sources: dict[str, list[Any]] = {}  # what each node in kernels reads
        self.hidden: dict[str, list[Stage]] = {}
        self.streamed: dict[str, Stage] = {}
        self.mattes: dict[str, Read] = {}
        for stage in plan.nodes:
            self._take_in(plan, stage)
            if stage.name in shared and stage.name in self.streamed and stage.is_picture:
                self._whole(Read(stage.name), plan.graph.header.size)  # brought there once for all
        cuts = (self._sources.keys() & shared) | self._of_other_sizes()
        self.cuts = self._cut(cuts) if together else set(self._sources)
        self.cuts |= {name for name in self._sources if self.stages[name].keep}
        self.cuts |= self._shared_lenses()
        self.roots = self.cuts | self._read_as_frames(plan)

    def _take_in(self, plan: Plan, stage: Stage) -> None:
        node = self.graph.nodes[stage.node]
        if isinstance(node, Lens):
            self._sources[stage.name] = [
                read.stage if read.composed else self._whole(read, stage.size).stage for read in self._pictures(stage)
            ]
        elif isinstance(node, Pointwise):
            self._sources[stage.name] = [read and read.stage for read in self._pictures(stage)]
            if node.part:
                self.hidden[stage.name] = self._hidden_stages(plan, stage)
                self._sources[stage.name].append(self.hidden[stage.name][-1].name)
        elif stage.makes == "codes":
            self.mattes |= {
                port: self._whole(read, plan.graph.header.size)
                for port, read in stage.reads.items()
                if node.ports[port] is MATTE
            }
        else:
            reads = {port: self._whole(read, read.size) for port, read in stage.reads.items()}
            self.streamed[stage.name] = replace(stage, reads=reads)

    def _pictures(self, stage: Stage) -> list[Any]:
        """Return the `Read` of each picture of a stage, by port; None for a matte that is left unconnected."""
        ports = self.graph.nodes[stage.node].ports
        return [stage.reads.get(port) for port, kind in ports.items() if kind in PICTURES]

    def _whole(self, read: Read, size: Size | None) -> Read:
        """Return what is read where whole pictures of a size are wanted, which a source of them may not give."""
        source = self.stages[read.stage]
        if not source.is_picture or source.size is not None:
            return read
        return replace(read, stage=self._fits.setdefault((read.stage, size), _fit(source, cast(Size, size))).name)

    def _hidden_stages(self, plan: Plan, stage: Stage) -> list[Stage]:
        """Return the stages that make what a node's pixel code reads beside its pictures; it reads the last one."""
        node = self.graph.nodes[stage.node]
        read = self._whole(self._pictures(stage)[0], stage.size)
        if node.kind == "echo":
            return echo_stages(plan, stage, read)
        size = node.part_size(stage.size)
        return [Stage(f"{stage.name} {node.part}", (stage.node,), "frames", {"0": read}, size=size, part=node.part)]

    def fits_of(self, source: str) -> list[Stage]:
        """Return the stages that bring a source of frames to the sizes in which it is read whole."""
        return [fit for (name, _), fit in self._fits.items() if name == source]

    def is_in_kernels(self, name: str) -> bool:
        return name in self._sources

    def _is_lens(self, name: str) -> bool:
        return name in self._sources and isinstance(self.graph.nodes[self.stages[name].node], Lens)

    def _is_composed(self, name: str) -> bool:
        """Say whether a lens reads no frames, but the map of the lens before it."""
        return self._pictures(self.stages[name])[0].composed

    def _read_as_frames(self, plan: Plan) -> set[str]:
        """Return the stages of kernels that others than pointwise nodes read, or that are wanted themselves."""
        read = {read.stage for stage in self.streamed.values() for read in stage.reads.values()}
        read |= {matte.stage for matte in self.mattes.values()}
        for name, sources in self._sources.items():
            if self._is_lens(name):
                read |= set(sources[1:] if self._is_composed(name) else sources)
        return {name for name in self._sources if name in read or name == plan.nodes[-1].name}

    def _shared_lenses(self) -> set[str]:
        """Return the lenses whose frames several kernels or nodes read: a sample costs more than memory."""
        readers: dict[str, list[str]] = {}
        for stage in self.stages.values():
            for read in stage.reads.values():
                if not read.composed:
                    readers.setdefault(read.stage, []).append(stage.name)
        shared: set[str] = set()
        ends: dict[str, set[str]] = {}  # where the kernels end that read each stage
        for name in reversed(self.stages):
            ends[name] = set().union(*(ends[reader] for reader in readers.get(name, ())))
            if self._is_lens(name) and len(ends[name]) > 1:
                shared.add(name)
            if not ends[name] or name in self.cuts | shared or name not in self._sources:
                ends[name] = {name}
        return shared

    def _of_other_sizes(self) -> set[str]:
        """Return the stages that pixel code reads in another size than its own: they are enlarged as they are read."""
        pairs = ((name, source) for name, sources in self._sources.items() for source in sources)
        return {
            source for name, source in pairs
            if source in self._sources and self.stages[source].size != self.stages[name].size
        }  # fmt: skip

    def _cut(self, cuts: set[str]) -> set[str]:
        """Return where to cut, beside ``cuts``: where a node's kernel would be too large, at its largest input, the
        first of equals."""
        # What a hidden stage reads whole lies in memory; the node's own kernel reads it from there.
        cuts |= {hidden[0].reads["0"].stage for hidden in self.hidden.values()} & self._sources.keys()
        steps: dict[str, dict[str, None]] = {}  # the kernel that ends at each node
        for name, sources in self._sources.items():
            if self._is_lens(name):  # an input of kernels, whatever it reads
                continue
            while True:
                joined = [source for source in dict.fromkeys(sources) if source in steps and source not in cuts]
                own = dict.fromkeys(step for source in joined for step in steps[source])
                own[name] = None
                if not joined or self._is_small(own):
                    break
                cuts.add(max(joined, key=lambda source: sum(map(self._count_operations, steps[source]))))
            steps[name] = own
        return cuts

    def _is_small(self, steps: Mapping[str, None]) -> bool:
        inputs = {source for step in steps for source in self._sources[step] if source and source not in steps}
        code = sum(map(self._count_operations, (*steps, *filter(self._is_lens, inputs))))
        return len(inputs) <= MOST_INPUTS and len(steps) + len(inputs) <= MOST_PICTURES and code <= MOST_OPERATIONS

    def _count_operations(self, name: str) -> int:
        """Return the size of a node's code in a kernel, with that of all lenses which compose it."""
        if not self.is_in_kernels(name):
            return 0
        if self._is_lens(name):
            lenses = (self.graph.nodes[self.stages[each].node] for each in self._run(name))
            return sum(count_operations(cast(Any, type(lens)), "where") for lens in lenses)
        node = self.graph.nodes[self.stages[name].node]
        return count_operations(cast(Any, type(node)), node.pixel_code())

    def _run(self, name: str) -> list[str]:
        """Return the lenses that are composed into one, the last in the film first."""
        run = [name]
        while self._is_composed(run[-1]):
            run.append(self._sources[run[-1]][0])
        return run

    def kernel_stage(self, stage: Stage) -> Stage:
        """Return the stage that computes a node, and those before it that are computed with it."""
        kernel, reads = self._kernel(stage.name)
        return replace(stage, nodes=kernel.nodes, reads=reads, kernel=kernel, ages=())

    def codes_stage(self, end: Stage) -> Stage:
        """Return the stage that makes what the sink's format stores."""
        source = next(read for port, read in end.reads.items() if port not in self.mattes).stage
        in_memory = self.stages[source].keep or source in self._shared
        kernel, reads = self._kernel(source, take_in=not in_memory)
        return replace(end, nodes=(*kernel.nodes, end.node), reads=reads | self.mattes, kernel=kernel)

    def _kernel(self, root: str, take_in: bool = True) -> tuple[Kernel, dict[str, Read]]:
        """Return the kernel that ends at a stage, and what it reads."""
        inputs = _Inputs(self.stages)
        size = self.stages[root].size or (self.graph.header.size if root in self._shared else None)

        def is_inside(name: str) -> bool:
            return take_in and name in self._sources and (name == root or name not in self.cuts)

        def number_of(name: str) -> int:
            if not (is_inside(name) and self._is_lens(name)):
                return inputs.number_of(self._in_size(name, size))
            run = self._run(name)
            beside = [tuple(inputs.number_of(other) for other in self._sources[lens][1:]) for lens in run]
            lenses = tuple(self.stages[lens].node for lens in run)
            return inputs.number_of(self._sources[run[-1]][0], Lensing(lenses, tuple(beside)))

        def is_step(name: str) -> bool:
            return is_inside(name) and not self._is_lens(name)

        if not is_step(root):
            return inputs.kernel((), (), ("input", number_of(root)))
        steps: dict[str, int] = {}
        waiting = [(root, iter(self._sources[root]))]
        while waiting:
            name, rest = waiting[-1]
            for source in rest:
                if source is None:
                    continue
                if is_step(source) and source not in steps:
                    waiting.append((source, iter(self._sources[source])))
                    break
                if not is_step(source):
                    number_of(source)
            else:
                waiting.pop()
                steps[name] = len(steps)
        wiring = tuple(
            tuple(
                FULL if source is None
                else ("step", steps[source]) if is_step(source)
                else ("input", number_of(source))
                for source in self._sources[step]
            )
            for step in steps
        )  # fmt: skip
        return inputs.kernel(tuple(self.stages[name].node for name in steps), wiring, ("step", steps[root]))

    def _in_size(self, name: str, size: Size | None) -> str:
        """Return the stage that has a source's frames in a size already, or the source."""
        fit = self._fits.get((name, size))
        return fit.name if fit else name


class _Inputs:
    """What a kernel reads, numbered in the order in which it was asked for."""

    def __init__(self, stages: Mapping[str, Stage]):
        self._stages = stages
        self._numbers: dict[tuple[str, Lensing | None], int] = {}

    def number_of(self, name: str, lensing: Lensing | None = None) -> int:
        """Return the number of a stage that is read where each pixel is, or through lenses."""
        return self._numbers.setdefault((name, lensing), len(self._numbers))

    def kernel(
        self, steps: tuple[str, ...], wiring: tuple[tuple[tuple[str, int], ...], ...], root: tuple[str, int]
    ) -> tuple[Kernel, dict[str, Read]]:
        """Return the kernel over these inputs, and what it reads."""
        values = tuple(self._stages[name].value if name in self._stages else name for name, _ in self._numbers)
        lensings = tuple(lensing for _, lensing in self._numbers)
        framings = tuple(self._stages[name].framing if name in self._stages else None for name, _ in self._numbers)
        reads = {str(i): Read(name) for i, (name, _) in enumerate(self._numbers)}
        beside = (lensings if any(lensings) else (), framings if any(framings) else ())
        return Kernel(steps, values, wiring, root, *beside), reads


@cache
def count_operations(cls: type, method: str = "pixel") -> int:
    """Return the size of a pixel function, with those that it calls, in operations: the same on every Python."""
    return _count(getattr(cls, method), {fma: 1})  # with its call, a product and a sum


def _count(function: FunctionType, known: dict[FunctionType, int]) -> int:
    if function not in known:
        known[function] = 0  # a function that calls itself is refused when it is compiled
        for instruction in dis.get_instructions(function):
            called = function.__globals__.get(instruction.argval) if instruction.opname == "LOAD_GLOBAL" else None
            known[function] += instruction.opname in OPERATIONS and instruction.argrepr != SUBSCRIPT
            known[function] += _count(called, known) if isinstance(called, FunctionType) else 0
    return known[function]
