"""Frames of a film, a few at a time: streamed nodes and kernels, evaluated from the sink backwards."""

from __future__ import annotations

import time
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.context import Block
from n2s.graph.errors import RenderError
from n2s.graph.plan import FilmPlan, Kernel
from n2s.runtime import kernels

BLOCK = 4  # frames in memory at once, for each chunk in flight


class FrameMaker:
    """Makes the frames of one film plan; what its nodes opened is shared by all threads."""

    def __init__(self, plan: FilmPlan, cache: Path):
        self.plan, self.cache = plan, cache
        self.width, self.height = plan.graph.header.size
        self.sink_source = next((link.node for port, link in plan.node.links().items() if port == "frames"), None)
        self._resources = {
            name: node.open(plan.scene, plan.grids.get(name))
            for name in plan.order
            if (node := plan.graph.nodes[name]).kind == "streamed"
        }
        self._kernels: dict[tuple, tuple] = {}

    def blocks(self, start: int, stop: int, seconds: Counter | None = None) -> Iterator[np.ndarray]:
        """Yield the sink's codes for frames start..stop, a block at a time: (B, 3/2 H W) planar yuv420p, uint8 or uint16."""
        work = _Work(self, Counter() if seconds is None else seconds)
        depth, dither = self.plan.node.depth, self.plan.node.dither
        thresholds = kernels.dither_pattern(dither, self.width)
        for first in range(start, stop, BLOCK):
            last = min(first + BLOCK, stop)
            out = np.empty((last - first, self.width * self.height * 3 // 2), np.uint8 if depth == 8 else np.uint16)
            work.run_kernel(self.sink_source, first, last, f"yuv{depth}", thresholds, out)
            yield out

    def frames(self, name: str, start: int, stop: int) -> np.ndarray:
        """Return what a streamed or pointwise node gives for frames start..stop."""
        return _Work(self, Counter()).value(name, start, stop)

    def pick(self, name: str, frames: Sequence[int], shown: bool = False) -> Iterator[np.ndarray]:
        """Yield what a node gives for some rising frame numbers, runs of neighbours a block at a time, and nothing else.

        Parameters
        ----------
        shown : bool
            Bring frames to the film's size, as the film shows them, where the node gives others.
        """
        work = _Work(self, Counter())
        at = 0
        while at < len(frames):
            count = 1
            while count < min(BLOCK, len(frames) - at) and frames[at + count] == frames[at] + count:
                count += 1
            start, stop = frames[at], frames[at] + count
            if shown:
                out = np.empty((count, 3, self.height, self.width), np.float32)
                work.run_kernel(name, start, stop, "frames", kernels.dither_pattern(False, 1), out)
                yield out
            else:
                yield work.value(name, start, stop)
            at += count

    def warm_up(self) -> None:
        """Make the first frame, so that kernels are compiled and models opened before threads share them."""
        next(self.blocks(0, 1))


class _Work:
    """The evaluation of one chunk: what was computed last is kept, so that overlapping windows are computed once."""

    def __init__(self, maker: FrameMaker, seconds: Counter):
        self.maker, self.plan, self.seconds = maker, maker.plan, seconds
        self._kept: dict[str, tuple[int, np.ndarray]] = {}

    def value(self, name: str, start: int, stop: int) -> np.ndarray:
        """Return a streamed node's value for frames start..stop, which lie within the track."""
        first, kept = self._kept.get(name, (start, None))
        end = first + (0 if kept is None else len(kept))
        if kept is None or not first <= start < end:
            kept = self._make(name, start, stop)
        else:
            kept = kept[start - first :]
            if end < stop:
                kept = np.concatenate([kept, self._make(name, end, stop)])
        self._kept[name] = (start, kept)
        return kept[: stop - start]

    def _make(self, name: str, start: int, stop: int) -> np.ndarray:
        plan, node = self.plan, self.plan.graph.nodes[name]
        if node.kind == "pointwise":
            out = np.empty((stop - start, 3, self.maker.height, self.maker.width), np.float32)
            self.run_kernel(name, start, stop, "frames", kernels.dither_pattern(False, 1), out)
            return out
        before, after = node.window(plan.graph.header.fps)
        inputs: dict[str, Any] = {}
        for port, link in node.links().items():
            if port in node.ports and node.ports[port].streamed:
                inputs[port] = self._windowed(link.node, start - before, stop + after)
            elif port in node.ports:
                inputs[port] = plan.values.read(link)[start:stop]
        for field in node.params():
            inputs[field] = self._param(name, field, start, stop)
        block = Block(plan.scene, start, stop, plan.grids.get(name), self.maker._resources[name])
        began = time.perf_counter()
        made = node.compute(block, **inputs)
        self.seconds[name] += time.perf_counter() - began
        if made.ndim != 4 or len(made) != stop - start or made.dtype != np.float32:
            raise RenderError(f"{name} ({type(node).__name__}) gave {made.dtype} {made.shape} for {stop - start} frames; "
                              "float32 of four axes was wanted.")
        return made

    def _windowed(self, name: str, start: int, stop: int) -> np.ndarray:
        """A value over a window; beyond the ends of the track its first and last frame stand still."""
        inside = max(start, 0), min(stop, self.plan.values.clock.frames)
        value = self.value(name, *inside)
        if inside != (start, stop):
            index = np.clip(np.arange(start, stop), *(inside[0], inside[1] - 1)) - inside[0]
            value = value[index]
        return value

    def _param(self, name: str, field: str, start: int, stop: int) -> np.ndarray:
        values = self.plan.values.params[name, field]
        return values[start:stop] if np.ndim(values) else np.full(stop - start, values, np.float32)

    def run_kernel(self, root: str, start: int, stop: int, output: str, thresholds: np.ndarray, out: np.ndarray) -> None:
        plan = self.plan
        kernel = plan.kernel(root)
        nodes = [plan.graph.nodes[step] for step in kernel.steps]
        columns = []
        for step, node in zip(kernel.steps, nodes):
            params = {field: self._param(step, field, start, stop) for field in node.params()}
            prepared = node.prepare(**params)
            columns += [prepared[name] for name in kernels.uniform_names(type(node))]
        uniforms = np.zeros((stop - start, len(columns)), np.float32)
        for i, column in enumerate(columns):
            uniforms[:, i] = column
        seeds = np.array([kernels.node_seed(plan.scene.seed, node) for node in nodes] or [0], np.uint32)
        pictures = [np.ascontiguousarray(self.value(name, start, stop)) for name in kernel.inputs]
        run, tables = self.maker_kernel(kernel, nodes, pictures, output)
        began = time.perf_counter()
        arguments = [argument for picture, table in zip(pictures, tables) for argument in (picture, *table)]
        run(start, seeds, uniforms, thresholds, out, *arguments, self.maker.height, self.maker.width)
        label = "+".join(kernel.steps) if output == "frames" else "+".join([*kernel.steps, plan.sink])
        self.seconds[label] += time.perf_counter() - began

    def maker_kernel(self, kernel: Kernel, nodes: list, pictures: list[np.ndarray], output: str) -> tuple:
        """Return the compiled kernel and the resampling tables of each input."""
        maker = self.maker
        shapes = tuple(picture.shape[2:] for picture in pictures)
        key = (kernel, shapes, output)
        if key not in maker._kernels:
            taps = [kernels.taps_for(shape, (maker.width, maker.height)) for shape in shapes]
            halves = [getattr(self.plan.graph.nodes[name], "half", False) for name in kernel.inputs]
            forms = [
                kernels.Picture(half, (t[0].weights.shape[1], t[1].weights.shape[1]) if t else (0, 0))
                for half, t in zip(halves, taps)
            ]
            source = kernels.generate(kernel, [type(node) for node in nodes], forms, output)
            compiled = kernels.compile_kernel(source, maker.cache)
            tables = [
                (t[0].first, t[0].weights, t[1].first.astype(np.uint64), np.ascontiguousarray(t[1].weights.T)) if t else ()
                for t in taps
            ]
            maker._kernels[key] = (compiled, tables)
        return maker._kernels[key]
