"""The plan of a film: what must be computed for each chunk of its frames, and the key that names each result.

A chunk's recipe holds all that decides its bytes: the code, constants and files of every node on the way to the sink
(the same for all chunks: the *static* part), and the bytes of every driving signal over the frames that the chunk
needs. Its key is the recipe's digest. Names, titles, paths and executors are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import numpy as np

from n2s.graph.context import Context, Scene
from n2s.graph.declare import Node
from n2s.graph.errors import GraphError, Problem
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.keys import code_digest, digest, digest_array, plain
from n2s.graph.time import chunk_spans
from n2s.graph.types import FRAMES, LATENTS, Link
from n2s.graph.values import Values

RECIPE_FORMAT = 1
GRID_ROWS = 16


@dataclass(frozen=True)
class Chunk:
    """Frames start..stop of a track, one encoded segment; ``key`` names its bytes."""

    start: int
    stop: int
    recipe: Mapping[str, Any]
    key: str

    @property
    def count(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Kernel:
    """A run of pointwise nodes that one generated kernel computes in one pass.

    Attributes
    ----------
    steps : tuple of str
        The pointwise nodes, inputs first.
    inputs : tuple of str
        The streamed nodes whose frames it reads.
    wiring : tuple
        For each step, its pictures: ("input", i) or ("step", i).
    root : tuple
        What comes out: ("step", i), or ("input", 0) where there are no steps.
    """

    steps: tuple[str, ...]
    inputs: tuple[str, ...]
    wiring: tuple[tuple[tuple[str, int], ...], ...]
    root: tuple[str, int]


class FilmPlan:
    """What one sink of one graph makes.

    Parameters
    ----------
    graph, sink : Graph and the name of one of its sinks
    values : Values
        The resident values of the graph.
    context : Context
        Asked for digests of files and models.
    environment : mapping
        What else decides bits: versions of the libraries, the processor's instruction set.
    fuse : bool
        False computes every pointwise node by itself; the bits are the same.
    """

    def __init__(
        self, graph: Graph, sink: str, values: Values, context: Context, environment: Mapping[str, Any], fuse: bool = True
    ):
        self.graph, self.sink, self.values, self.fuse = graph, sink, values, fuse
        self.scene = Scene(values.clock, graph.header.seed, graph.header.size, context, graph.base, graph.model_folder)
        self.environment = environment
        self.order = _streamed_order(graph, sink)
        self.grids = _latent_grids(graph, self.order)
        self.margins = _margins(graph, self.order, sink, graph.header.fps)

    @property
    def node(self) -> Node:
        """The sink itself."""
        return self.graph.nodes[self.sink]

    def kernel(self, root: str) -> Kernel:
        """Return the kernel whose result is the frames of ``root``, a streamed or pointwise node."""
        steps: list[str] = []
        inputs: list[str] = []

        def place(name: str) -> tuple[str, int]:
            fused = self.graph.nodes[name].kind == "pointwise" and (self.fuse or name == root)
            if fused and name not in steps:
                wires = [place(link.node) for link in _frame_links(self.graph.nodes[name])]
                steps.append(name)
                wiring.append(tuple(wires))
            elif not fused and name not in inputs:
                inputs.append(name)
            return ("step", steps.index(name)) if fused else ("input", inputs.index(name))

        wiring: list[tuple] = []
        out = place(root)
        return Kernel(tuple(steps), tuple(inputs), tuple(wiring), out)

    @cached_property
    def static(self) -> dict[str, Any]:
        """The part of every chunk's recipe that does not depend on time."""
        header = self.graph.header
        return {
            "format": RECIPE_FORMAT,
            "nodes": [self._describe(name) for name in [*self.order, self.sink]],
            "fps": str(header.fps),
            "size": list(header.size),
            "seed": header.seed,
            "environment": dict(self.environment),
        }

    def _describe(self, name: str) -> dict[str, Any]:
        node = self.graph.nodes[name]
        place = {other: i for i, other in enumerate(self.order)}
        settings = {}
        for field in node.settings():
            if node.specs[field].keyed:
                value = getattr(node, field)
                settings[field] = value.resolve(self.values.clock.tempo) if isinstance(value, Number) else plain(value)
        params = {}
        for field in node.params() if node.kind != "sink" else []:
            value = self.values.params[name, field]
            params[field] = "driven" if np.ndim(value) else float(value)
        inputs = {field: place[link.node] if link.node in place else "signal" for field, link in node.links().items() if field in node.ports}
        if node.kind == "sink":
            inputs.pop("audio", None)  # the music is joined to the film later; segments hold pictures alone
        description = {"type": type(node).__name__, "code": code_digest(type(node)), "settings": settings, "params": params, "inputs": inputs}
        if files := node.digests(self.scene):
            description["files"] = files
        if name in self.grids:
            description["grid"] = list(self.grids[name])
        return description

    @cached_property
    def _static_digest(self) -> str:
        return digest(self.static)

    @cached_property
    def driven(self) -> list[tuple[str, np.ndarray, int, int]]:
        """Every signal that the pictures depend on: (place and port, values, frames before, frames after)."""
        found = []
        for place, name in enumerate(self.order):
            node = self.graph.nodes[name]
            before, after = self.margins[name]
            for field in node.params():
                if np.ndim(values := self.values.params[name, field]):
                    found.append((f"{place}.{field}", values, before, after))
            for field, link in node.links().items():
                if field in node.ports and not node.ports[field].streamed:
                    found.append((f"{place}.{field}", self.values.read(link), before, after))
        return found

    def chunk(self, start: int, stop: int) -> Chunk:
        """Return the chunk of frames start..stop with its recipe and key."""
        signals = {
            field: digest_array(values[max(0, start - before) : stop + after])
            for field, values, before, after in self.driven
        }
        recipe = {"static": self._static_digest, "start": start, "stop": stop, "signals": signals}
        return Chunk(start, stop, recipe, digest(recipe))

    def chunks(self, start: int = 0, stop: int | None = None, length: int | None = None) -> list[Chunk]:
        """Return the chunks of frames start..stop, cut on the grid of ``length`` frames (the sink's by default)."""
        stop = self.values.clock.frames if stop is None else stop
        length = length or self.chunk_length
        return [self.chunk(a, b) for a, b in chunk_spans(start, stop, length)]

    @property
    def chunk_length(self) -> int:
        """The sink's ``chunk``, or two seconds."""
        return getattr(self.node, "chunk", None) or max(1, 2 * round(self.graph.header.fps))

    def check_ranges(self) -> None:
        """Refuse driven parameters that leave their range.

        Raises
        ------
        GraphError
            With every such parameter, the frame and the value it reaches.
        """
        from n2s.graph.time import timecode

        problems = []
        for name in self.order:
            node = self.graph.nodes[name]
            for field in node.params():
                values, spec = self.values.params[name, field], node.specs[field]
                outside = ~np.atleast_1d(spec.allows(values))
                if outside.any():
                    # The frame where it is furthest off tells more than the first.
                    middle = (max(spec.ge or spec.gt or 0, -1e9) + min(spec.le or spec.lt or 0, 1e9)) / 2
                    values = np.atleast_1d(values)
                    frame = int(np.argmax(np.where(outside, np.abs(values - middle), -1)))
                    source = str(getattr(node, field))
                    low, high = spec.ge if spec.ge is not None else spec.gt, spec.le if spec.le is not None else spec.lt
                    wrap = f" Wrap it: = clamp({source}, {low:g}, {high:g})." if low is not None and high is not None else ""
                    problems.append(Problem(
                        self.graph.where(name, field),
                        f"{name}.{field} is driven by = {source} and reaches {values[frame]:.4g} at frame {frame} "
                        f"({timecode(frame, self.graph.header.fps)}); it must be {spec.range}.{wrap}",
                    ))
        if problems:
            raise GraphError(problems)


def _frame_links(node: Node) -> list[Link]:
    return [getattr(node, port) for port, kind in node.ports.items() if kind is FRAMES]


def _streamed_inputs(node: Node) -> list[str]:
    return [link.node for port, link in node.links().items() if port in node.ports and node.ports[port].streamed]


def _streamed_order(graph: Graph, sink: str) -> list[str]:
    """The streamed nodes that a sink needs, inputs first, in an order that comes from the wiring and not from names."""
    order: list[str] = []

    def visit(name: str) -> None:
        for source in _streamed_inputs(graph.nodes[name]):
            if source not in order:
                visit(source)
                order.append(source)

    visit(sink)
    return order


def _margins(graph: Graph, order: list[str], sink: str, fps: Any) -> dict[str, tuple[int, int]]:
    """How many frames around a chunk each streamed node must give, summed over the windows on the way to the sink."""
    margins = {name: (0, 0) for name in [*order, sink]}
    for name in [sink, *reversed(order)]:
        node = graph.nodes[name]
        before, after = node.window(fps) if node.kind == "streamed" else (0, 0)
        for source in _streamed_inputs(node):
            own, wanted = margins[source], margins[name]
            margins[source] = (max(own[0], wanted[0] + before), max(own[1], wanted[1] + after))
    return margins


def default_grid(size: tuple[int, int]) -> tuple[int, int]:
    """Return the latent grid of a picture: 16 rows, and as many columns as cover its width (rows where it is tall)."""
    width, height = size
    if width >= height:
        return GRID_ROWS, -(-GRID_ROWS * width // height)
    return -(-GRID_ROWS * height // width), GRID_ROWS


def _latent_grids(graph: Graph, order: list[str]) -> dict[str, tuple[int, int]]:
    """The latent grid of each node of latents and each decoder: the decoder's, handed up to what feeds it."""
    grids: dict[str, tuple[int, int]] = {}
    for name in reversed(order):
        node = graph.nodes[name]
        makes_latents = any(output.kind is LATENTS for output in type(node).outputs.values())
        if LATENTS not in node.ports.values() and not makes_latents:
            continue
        own = getattr(node, "grid", None)
        if own or name not in grids:
            grids[name] = tuple(own) if own else default_grid(graph.header.size)
        for source in _streamed_inputs(node):
            if grids.setdefault(source, grids[name]) != grids[name]:
                text = f'{source} feeds decoders of two grids, {grids[source]} and {grids[name]}; give each its own.'
                raise GraphError([Problem(graph.where(source, key=True), text)])
    return grids
