"""Which pointwise nodes are computed together: a run of them is one kernel, and a long run is cut into several."""

from __future__ import annotations

import dis
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from types import FunctionType
from typing import Any

from n2s.graph.types import FRAMES

# A kernel of this size compiles in about two seconds, during which nothing hears an interruption.
MOST_PICTURES = 8  # steps and inputs: a chain of seven nodes behind a decoder
MOST_INPUTS = 3  # each may have to be resampled, which compiles as long as two or three steps
MOST_INSTRUCTIONS = 3500


@dataclass(frozen=True)
class Kernel:
    """A run of pointwise nodes that one generated kernel computes in one pass.

    Attributes
    ----------
    steps : tuple of str
        The pointwise nodes, inputs first.
    inputs : tuple of str
        The nodes whose frames it reads: streamed ones, and pointwise ones that another kernel computes.
    wiring : tuple
        For each step, its pictures: ("input", i) or ("step", i).
    root : tuple
        What comes out: ("step", i), or ("input", 0) where there are no steps.
    """

    steps: tuple[str, ...]
    inputs: tuple[str, ...]
    wiring: tuple[tuple[tuple[str, int], ...], ...]
    root: tuple[str, int]


class Fusion:
    """The kernels of a graph.

    Parameters
    ----------
    graph : Graph
    order : iterable of str
        The nodes that are computed, inputs first, in an order that comes from the wiring.
    fuse : bool
        False gives every pointwise node a kernel of its own.

    Attributes
    ----------
    cuts : dict of str to None
        The pointwise nodes whose frames go from one kernel to others, inputs first.
    """

    def __init__(self, graph: Any, order: Iterable[str], fuse: bool = True):
        self.graph = graph
        pointwise = [name for name in order if graph.nodes[name].kind == "pointwise"]
        self._sources = {name: frame_sources(graph.nodes[name]) for name in pointwise}
        self.cuts: dict[str, None] = dict.fromkeys(pointwise) if not fuse else {}
        if fuse:
            cut = self._cut()
            self.cuts = {name: None for name in pointwise if name in cut}

    def _cut(self) -> set[str]:
        """Return where to cut: where a node's kernel would be too large, at its largest input, the first of equals."""
        cuts: set[str] = set()
        steps: dict[str, dict[str, None]] = {}  # the kernel that ends at each node
        for name, sources in self._sources.items():
            while True:
                own = dict.fromkeys(
                    [step for source in sources if source in steps and source not in cuts for step in steps[source]]
                )
                own[name] = None
                joined = [source for source in dict.fromkeys(sources) if source in steps and source not in cuts]
                if not joined or self._fits(own):
                    break
                cuts.add(max(joined, key=lambda source: len(steps[source])))
            steps[name] = own
        return cuts

    def _fits(self, steps: dict[str, None]) -> bool:
        inputs = {source for step in steps for source in self._sources[step] if source not in steps}
        code = sum(instructions(type(self.graph.nodes[step])) for step in steps)
        return len(inputs) <= MOST_INPUTS and len(steps) + len(inputs) <= MOST_PICTURES and code <= MOST_INSTRUCTIONS

    def kernel(self, root: str) -> Kernel:
        """Return the kernel whose result is the frames of ``root``, a streamed or pointwise node."""
        if root not in self._sources:
            return Kernel((), (root,), (), ("input", 0))
        steps: dict[str, int] = {}
        inputs: dict[str, int] = {}

        def inside(name: str) -> bool:
            return name in self._sources and (name == root or name not in self.cuts)

        waiting = [(root, iter(self._sources[root]))]
        while waiting:
            name, rest = waiting[-1]
            for source in rest:
                if inside(source) and source not in steps:
                    waiting.append((source, iter(self._sources[source])))
                    break
                if not inside(source):
                    inputs.setdefault(source, len(inputs))
            else:
                waiting.pop()
                steps[name] = len(steps)
        wiring = tuple(
            tuple(
                ("step", steps[source]) if inside(source) else ("input", inputs[source])
                for source in self._sources[step]
            )
            for step in steps
        )
        return Kernel(tuple(steps), tuple(inputs), wiring, ("step", steps[root]))


def frame_sources(node: Any) -> list[str]:
    """Return the nodes that a node reads frames from, ports in their order."""
    links = [getattr(node, port) for port, kind in node.ports.items() if kind is FRAMES]
    return [link.node for link in links if link is not None]


@cache
def instructions(cls: type) -> int:
    """Return the size of a pixel function, with those that it calls, in instructions of Python's bytecode."""
    return _instructions(cls.pixel, {})


def _instructions(function: FunctionType, known: dict[FunctionType, int]) -> int:
    if function not in known:
        known[function] = 0  # a function that calls itself is refused when it is compiled
        for instruction in dis.get_instructions(function):
            called = function.__globals__.get(instruction.argval) if instruction.opname == "LOAD_GLOBAL" else None
            known[function] += 1 + (_instructions(called, known) if isinstance(called, FunctionType) else 0)
    return known[function]
