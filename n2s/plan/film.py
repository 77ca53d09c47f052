"""The plan of a film: what must be computed for each chunk of its frames, and the key that names each result.

A chunk's recipe holds all that decides its bytes: the code, constants and files of every node on the way to the sink
(the same for all chunks: the *static* part), and the bytes of every driving signal over the frames that the chunk
needs. Its key is the recipe's digest. Names, titles, paths and executors are not in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import count
from numbers import Integral
from typing import Any

import numpy as np

from n2s.graph import authors
from n2s.graph.code.identity import code_digest, engine_parts
from n2s.graph.context import Context, Scene
from n2s.graph.declare import Node
from n2s.graph.errors import GraphError, Problem
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.keys import digest, digest_array, plain
from n2s.graph.paths import change_paths, path_settings, paths
from n2s.graph.time import chunk_spans
from n2s.graph.timecodes import timecode
from n2s.graph.types import LATENTS
from n2s.graph.values import Values
from n2s.plan.fuse import Fusion, Kernel

RECIPE_FORMAT = 2
GRID_ROWS = 16
MAX_WINDOW = 100_000  # frames before or after; far more than memory holds of anything


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
        What else decides bits: the library's own code, versions of other libraries, the processor's instruction set.
    fuse : bool
        False computes every pointwise node by itself; the bits are the same.
    """

    def __init__(
        self,
        graph: Graph,
        sink: str,
        values: Values,
        context: Context,
        environment: Mapping[str, Any],
        fuse: bool = True,
    ):
        self.graph, self.sink, self.values, self.fuse = graph, sink, values, fuse
        self.scene = Scene(values.clock, graph.header.seed, graph.header.size, context, graph.base, graph.model_folder)
        self.environment = environment
        self._codes: dict[type, str] = {}
        self.order = _streamed_order(graph, sink)
        self.grids = _latent_grids(graph, self.order)
        self.windows = {name: _window(graph, name) for name in self.order if graph.nodes[name].kind == "streamed"}
        self.margins = _margins(graph, self.order, sink, self.windows)
        self.fusion = Fusion(graph, self.order, fuse)

    @property
    def node(self) -> Node:
        """The sink itself."""
        return self.graph.nodes[self.sink]

    def kernel(self, root: str) -> Kernel:
        """Return the kernel whose result is the frames of ``root``, a streamed or pointwise node."""
        return self.fusion.kernel(root)

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
                value = _numbered_paths(node, field) if field in path_settings(node) else getattr(node, field)
                settings[field] = value.resolve(self.values.clock.tempo) if isinstance(value, Number) else plain(value)
        params = {}
        for field in node.params() if node.kind != "sink" else []:
            value = self.values.params[name, field]
            params[field] = "driven" if np.ndim(value) else float(value)
        inputs = {
            field: place[link.node] if link.node in place else "signal"
            for field, link in node.links().items()
            if field in node.ports
        }
        if node.kind == "sink":
            inputs.pop("audio", None)  # the music is joined to the film later; segments hold pictures alone
        description = {
            "type": type(node).__name__,
            "code": self._code(name),
            "settings": settings,
            "params": params,
            "inputs": inputs,
        }
        if files := self._files(node) | node_digests(self.graph, name, self.scene):
            description["files"] = files
        if clock := {what: getattr(self.scene.clock, what) for what in sorted(getattr(node, "reads", ()))}:
            description["clock"] = clock
        if name in self.grids:
            description["grid"] = list(self.grids[name])
        return description

    def _files(self, node: Node) -> dict[str, str]:
        """The digests of the files that a node's settings name, but for those it looks after itself."""
        found = {}
        for field in path_settings(node):
            if node.specs[field].keyed and (named := paths(node, field)):
                found[field] = " ".join(self.scene.context.file_digest(self.scene.path(path.text)) for path in named)
        return found

    def _code(self, name: str) -> str:
        """The digest of a node's code; nodes of one type share it."""
        cls = type(self.graph.nodes[name])
        if cls not in self._codes:
            try:
                self._codes[cls] = code_digest(cls, self.scene.context.file_digest, self._engine)
            except GraphError as error:
                raise authors.wrong(self.graph, name, str(error)) from None
        return self._codes[cls]

    @cached_property
    def _engine(self) -> frozenset[str]:
        return frozenset(engine_parts())

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
        # What looks ahead of the last frame sees it stand still, so where that is decides pixels before it.
        ahead = max((after for _, after in self.margins.values()), default=0)
        if (beyond := stop + ahead - self.values.clock.frames) > 0 and ahead:
            recipe["beyond"] = beyond
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
                    wrap = (
                        f" Wrap it: = clamp({source}, {low:g}, {high:g})."
                        if low is not None and high is not None
                        else ""
                    )
                    problems.append(
                        Problem(
                            self.graph.where(name, field),
                            f"{name}.{field} is driven by = {source} and reaches {values[frame]:.4g} at frame {frame} "
                            f"({timecode(frame, self.graph.header.fps)}); it must be {spec.range}.{wrap}",
                        )
                    )
        if problems:
            raise GraphError(problems)


def _streamed_inputs(node: Node) -> list[str]:
    return [link.node for port, link in node.links().items() if port in node.ports and node.ports[port].streamed]


def _streamed_order(graph: Graph, sink: str) -> list[str]:
    """The streamed nodes that a sink needs, inputs first, in an order that comes from the wiring and not from names."""
    order: dict[str, None] = {}
    waiting = [(sink, iter(_streamed_inputs(graph.nodes[sink])))]
    while waiting:
        name, rest = waiting[-1]
        source = next((source for source in rest if source not in order), None)
        if source is not None:
            waiting.append((source, iter(_streamed_inputs(graph.nodes[source]))))
        else:
            order[name] = None
            waiting.pop()
    order.pop(sink)
    return list(order)


def _numbered_paths(node: Node, field: str) -> Any:
    """Return a setting's value with a number for each path: what a recipe has beside the digests of the files."""
    numbers = count()
    return change_paths(node, field, lambda path: f"file {next(numbers)}")


def node_digests(graph: Graph, name: str, scene: Scene) -> dict[str, str]:
    """Return what names the bytes that a node reads from outside the graph, as its author says."""
    files = authors.call(graph, name, "digests", graph.nodes[name].digests, scene)
    if not isinstance(files, dict) or not all(_is_text(text) for item in files.items() for text in item):
        raise authors.wrong(graph, name, f"digests gave {authors.shown(files)}; texts by name were wanted.")
    return files


def _is_text(value: Any) -> bool:
    """Say whether something is a text that can be written: half a character, a lone surrogate, cannot."""
    return isinstance(value, str) and not any(0xD800 <= ord(character) < 0xE000 for character in value)


def _window(graph: Graph, name: str) -> tuple[int, int]:
    """How many frames before and after a streamed node looks at, as its author says; asked once."""
    window = authors.call(graph, name, "window", graph.nodes[name].window, graph.header.fps)
    if (
        not isinstance(window, tuple | list)
        or len(window) != 2
        or any(isinstance(n, bool) or not isinstance(n, Integral) for n in window)
    ):
        raise authors.wrong(
            graph,
            name,
            f"window gave {authors.shown(window)}; two whole numbers of frames, before and after, were wanted.",
        )
    before, after = (int(number) for number in window)
    if not (0 <= before <= MAX_WINDOW and 0 <= after <= MAX_WINDOW):
        raise authors.wrong(
            graph, name, f"window gave {before}, {after} frames before and after; they must be within 0..{MAX_WINDOW}."
        )
    return before, after


def _margins(
    graph: Graph, order: list[str], sink: str, windows: Mapping[str, tuple[int, int]]
) -> dict[str, tuple[int, int]]:
    """How many frames around a chunk each streamed node must give, summed over the windows on the way to the sink."""
    margins = {name: (0, 0) for name in [*order, sink]}
    for name in [sink, *reversed(order)]:
        before, after = windows.get(name, (0, 0))
        for source in _streamed_inputs(graph.nodes[name]):
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
        own = own if isinstance(own, tuple | list) and len(own) == 2 else None
        if own or name not in grids:
            grids[name] = tuple(own) if own else default_grid(graph.header.size)
        for source in _streamed_inputs(node):
            if grids.setdefault(source, grids[name]) != grids[name]:
                text = f"{source} feeds decoders of two grids, {grids[source]} and {grids[name]}; give each its own."
                raise GraphError([Problem(graph.where(source, key=True), text)])
    return grids
