"""Frames of a film, a few at a time: streamed nodes and kernels, evaluated in the order of their wiring.

Frames between nodes have the film's size, whoever reads them. What a source of frames gives in another size is cropped
at its centre and resampled, and rounded to float16 where the source promises it; a kernel does that while it reads.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph import authors
from n2s.graph.context import Block
from n2s.graph.types import FRAMES, LATENTS
from n2s.plan.film import FilmPlan, Kernel
from n2s.runtime.render import kernels
from n2s.runtime.render.compiled import forget_kept_code
from n2s.runtime.render.edges import finite, prepared_columns, read_only, streamed_output
from n2s.runtime.render.stages import Key, Stage, stages
from n2s.runtime.render.tally import Tally

BLOCK = 4  # frames in memory at once, for each chunk in flight
MOST_BYTES = 4 << 30  # of the frames a node's window covers


class FrameMaker:
    """Makes the frames of one film plan; what its nodes opened is shared by all threads."""

    def __init__(self, plan: FilmPlan, cache: Path):
        self.plan, self.cache = plan, cache
        self.width, self.height = plan.graph.header.size
        forget_kept_code(plan.graph.nodes[name] for name in plan.order)
        self.scenes = {
            name: plan.scene.seen_by(node) for name in plan.order if (node := plan.graph.nodes[name]).kind == "streamed"
        }
        self.resources = {
            name: authors.call(plan.graph, name, "open", node.open, self.scenes[name], plan.grids.get(name))
            for name in plan.order
            if (node := plan.graph.nodes[name]).kind == "streamed"
        }
        channels = self._channels()
        self.shapes = {name: self._shape(name, channels.get(name)) for name in self.resources}
        self.given: dict[str, tuple[int, ...]] = {}  # the shape of what each streamed node gave first
        self._stages: dict[Key, list[Stage]] = {}
        self._kernels: dict[tuple, tuple] = {}
        self._lock = threading.Lock()
        self._compiling: Callable[[Kernel], None] = lambda kernel: None

    def _shape(self, name: str, channels: int | None) -> tuple[int | None, ...]:
        """The shape that a streamed node's frame must have; None for a side that its node may choose."""
        node = self.plan.graph.nodes[name]
        if next(iter(type(node).outputs.values())).kind is LATENTS:
            return (channels, *self.plan.grids[name])
        sized = FRAMES in node.ports.values()  # a source of frames has frames of its own size
        return (3, self.height, self.width) if sized else (3, None, None)

    def _channels(self) -> dict[str, int]:
        """The channels of latents, where the decoder they end in tells."""
        found: dict[str, int] = {}
        for name in reversed(self.plan.order):
            node = self.plan.graph.nodes[name]
            channels = getattr(self.resources.get(name), "channels", None) if LATENTS in node.ports.values() else None
            channels = found.get(name) if channels is None else channels
            if isinstance(channels, int):
                for port, link in node.links().items():
                    if node.ports.get(port) is LATENTS:
                        found.setdefault(link.node, channels)
        return found

    def blocks(
        self, start: int, stop: int, tally: Tally | None = None, check: Callable[[], None] = lambda: None
    ) -> Iterator[np.ndarray]:
        """Yield the sink's codes for frames start..stop, a block at a time: (B, 3/2 H W) planar yuv420p, uint8 or uint16.

        ``tally`` counts what each node costs; ``check`` is called between nodes, and may raise to give up.
        """
        work = _Work(self, ("codes", self.plan.sink), tally or Tally(), check)
        for first in range(start, stop, BLOCK):
            yield work.make(first, min(first + BLOCK, stop))

    def frames(self, name: str, start: int, stop: int) -> np.ndarray:
        """Return what a node gives for frames start..stop: latents, or frames of the film's size."""
        return _Work(self, self._key(name), Tally()).make(start, stop)

    def pick(self, name: str, frames: Sequence[int]) -> Iterator[np.ndarray]:
        """Yield what a node gives for some rising frame numbers, runs of neighbours a block at a time, and nothing else."""
        work = _Work(self, self._key(name), Tally())
        at = 0
        while at < len(frames):
            count = 1
            while count < min(BLOCK, len(frames) - at) and frames[at + count] == frames[at] + count:
                count += 1
            yield work.make(frames[at], frames[at] + count)
            at += count

    def _key(self, name: str) -> Key:
        kind = next(iter(type(self.plan.graph.nodes[name]).outputs.values())).kind
        return ("film" if kind is FRAMES else "own", name)

    def warm_up(self, say: Callable[[str], None] = lambda text: None) -> None:
        """Make the first frame, so that kernels are compiled and models opened before threads share them.

        ``say`` is told of each kernel before it is compiled, where there are several.
        """
        many = {stage.kernel for stage in self.stages(("codes", self.plan.sink)) if stage.kernel is not None}
        begun: set[Kernel] = set()

        def compiling(kernel: Kernel) -> None:
            begun.add(kernel)
            if len(many) > 1:
                say(f"compiling kernel {len(begun)} of {len(many)}")

        self._compiling = compiling
        try:
            next(self.blocks(0, 1))
        finally:
            self._compiling = lambda kernel: None

    def stages(self, root: Key) -> list[Stage]:
        if root not in self._stages:
            made = stages(self.plan, root)
            self._refuse_vast(made)
            self._stages[root] = made
        return self._stages[root]

    def _refuse_vast(self, made: list[Stage]) -> None:
        """Refuse windows that cover more frames than memory holds."""
        for stage in made:
            frame = self.shapes.get(stage.name, ()) if stage.key[0] == "own" else ()
            sides = (3, self.height, self.width) if None in frame[1:] or not frame else (frame[0] or 8, *frame[1:])
            size = (stage.before + BLOCK + stage.after) * 4 * math.prod(sides)
            if stage.overlaps and size > MOST_BYTES:
                widest = max(made, key=lambda stage: sum(stage.window))
                raise authors.wrong(self.plan.graph, widest.name, f"its window of {widest.window[0]} frames before and {widest.window[1]} "
                                    f"after holds {size / 2**30:.0f} GiB of {stage.name}; at most {MOST_BYTES >> 30} are held.")  # fmt: skip

    def kernel(self, kernel: Kernel, shapes: tuple[tuple[int, int], ...], output: str) -> tuple:
        """Return a compiled kernel and the resampling tables of each input, whose pictures have the given shapes."""
        key = (kernel, shapes, output)
        if key in self._kernels:
            return self._kernels[key]
        with self._lock:
            if key not in self._kernels:
                self._compiling(kernel)
                nodes = self.plan.graph.nodes
                taps = [kernels.taps_for(shape, (self.width, self.height)) for shape in shapes]
                forms = [
                    kernels.Picture(self.is_half(name), (t[0].weights.shape[1], t[1].weights.shape[1]) if t else (0, 0))
                    for name, t in zip(kernel.inputs, taps)
                ]
                try:
                    source = kernels.generate(kernel, [type(nodes[step]) for step in kernel.steps], forms, output)
                except kernels.PixelError as error:
                    step = next(step for step in kernel.steps if type(nodes[step]) is error.cls)
                    raise authors.wrong(self.plan.graph, step, f"{error.text}.") from error
                compiled = kernels.compile_kernel(source, self.cache)
                tables = [
                    (t[0].first, t[0].weights, t[1].first.astype(np.uint64), np.ascontiguousarray(t[1].weights.T))
                    if t
                    else ()
                    for t in taps
                ]
                self._kernels[key] = (compiled, tables)
            return self._kernels[key]

    def is_half(self, name: str) -> bool:
        """Say whether a node's frames are float16 by definition."""
        return bool(getattr(self.plan.graph.nodes[name], "half", False))


class _Work:
    """The evaluation of one value over a stretch of frames.

    Values that overlapping windows share are kept from block to block, so that they are computed once; all others live
    within a block, and what only kernels read is written over as soon as they are done.
    """

    def __init__(self, maker: FrameMaker, root: Key, tally: Tally, check: Callable[[], None] = lambda: None):
        self.maker, self.plan, self.tally, self.check = maker, maker.plan, tally, check
        self.stages = maker.stages(root)
        self.root = root
        self._length = self.plan.values.clock.frames
        self._values: dict[Key, tuple[int, np.ndarray]] = {}  # the first frame, and the frames from there on
        self._free: list[np.ndarray] = []
        coded = root[0] == "codes"  # of all that is seen, films alone have bits and a dither
        self._depth = self.plan.node.depth if coded else 0
        self._thresholds = kernels.dither_pattern(coded and self.plan.node.dither, maker.width)

    def make(self, first: int, last: int) -> np.ndarray:
        """Return the value for frames first..last.

        An album may show a track's last frame once more. Beyond its end signals and streamed nodes stand still, while
        pixel code goes on counting frames; so each frame is the same however its kernels are cut.
        """
        begin = min(first, self._length - 1)
        for stage in self.stages:
            end = self._length if stage.kernel is None else max(self._length, last)
            start, stop = max(0, begin - stage.before), min(end, last + stage.after)
            at, kept = self._values.get(stage.key, (start, None))
            if kept is None or not at <= start <= at + len(kept):
                at, kept = start, None
            end = at if kept is None else at + len(kept)
            if end < stop:
                self.check()
                made = self._make(stage, end, stop)
                if kept is None and stage.overlaps:
                    made = made.copy()  # its node may use the same memory for the next block
                self._values[stage.key] = (at, made if kept is None else np.concatenate([kept, made]))
            for source in stage.done_with:
                self._let_go(source, last)
        at, made = self._values.pop(self.root)
        return made[first - at : last - at]

    def _let_go(self, stage: Stage, last: int) -> None:
        """Keep of a value what the block from frame ``last`` on may need, and give the rest of its memory back."""
        at, kept = self._values[stage.key]
        if stage.overlaps:
            begin = max(0, last - stage.before - at)
            self._values[stage.key] = (at + begin, kept[begin:])
            return
        del self._values[stage.key]
        if stage.own_buffer and stage.kernel is not None and kept.flags.owndata:
            self._free.append(kept)

    def _read(self, key: Key, start: int, stop: int, end: int) -> np.ndarray:
        """Return frames of a value that was made; before 0 its first frame stands still, and from ``end`` on the one before."""
        at, kept = self._values[key]
        inside = max(start, 0), min(stop, end)
        if inside == (start, stop):
            return kept[start - at : stop - at]
        index = np.clip(np.arange(start, stop), inside[0], inside[1] - 1) - at
        return kept[index]

    def _make(self, stage: Stage, start: int, stop: int) -> np.ndarray:
        if stage.kernel is None:
            return self._compute(stage, start, stop)
        if stage.key[0] == "codes":
            size = self.maker.width * self.maker.height * 3 // 2
            out = np.empty((stop - start, size), np.uint8 if self._depth == 8 else np.uint16)
            self._run_kernel(stage.kernel, self._pictures(stage, start, stop), start, f"yuv{self._depth}", out)
            return out
        if not stage.kernel.steps:
            given = self._read(stage.sources["0"], start, stop, self._length)
            if given.shape[2:] == (self.maker.height, self.maker.width) and not self.maker.is_half(stage.name):
                finite(self.plan.graph, stage.name, given, start)
                return given
        out = self._buffer(stop - start)
        self._run_kernel(stage.kernel, self._pictures(stage, start, stop), start, "frames", out)
        return out

    def _buffer(self, count: int) -> np.ndarray:
        """Return memory for some frames of the film's size."""
        for i, free in enumerate(self._free):
            if len(free) == count:
                return self._free.pop(i)
        return np.empty((count, 3, self.maker.height, self.maker.width), np.float32)

    def _pictures(self, stage: Stage, start: int, stop: int) -> list[np.ndarray]:
        # Kernels are compiled for plain arrays; what an author returns may be of any strides, or a view of its input.
        ends = [self._length if key[0] == "own" else stop for key in stage.sources.values()]
        pictures = [self._read(key, start, stop, end) for key, end in zip(stage.sources.values(), ends)]
        return [np.require(picture, np.float32, ("C", "A", "W")) for picture in pictures]

    def _compute(self, stage: Stage, start: int, stop: int) -> np.ndarray:
        """Return what a streamed node gives for frames start..stop."""
        plan, maker, name = self.plan, self.maker, stage.name
        graph, node = plan.graph, plan.graph.nodes[name]
        before, after = stage.window
        inputs: dict[str, Any] = {}
        for port, link in node.links().items():
            if port in stage.sources:
                inputs[port] = read_only(self._read(stage.sources[port], start - before, stop + after, self._length))
            elif port in node.ports:
                inputs[port] = read_only(plan.values.read(link)[start:stop])
        for field in node.params():
            inputs[field] = read_only(self._param(name, field, start, stop))
        block = Block(maker.scenes[name], start, stop, plan.grids.get(name), maker.resources[name])
        began = time.perf_counter()
        made = authors.call(graph, name, "compute", node.compute, block, span=(start, stop), **inputs)
        self.tally.add(name, time.perf_counter() - began, stop - start)
        made = streamed_output(graph, name, made, (start, stop), maker.shapes[name], maker.given.get(name))
        maker.given.setdefault(name, made.shape[1:])
        if next(iter(type(node).outputs.values())).kind is LATENTS:
            finite(graph, name, made, start)
        return made

    def _param(self, name: str, field: str, start: int, stop: int) -> np.ndarray:
        values = self.plan.values.params[name, field]
        if not np.ndim(values):
            return np.full(stop - start, values, np.float32)
        return (
            values[start:stop] if stop <= self._length else values[np.minimum(np.arange(start, stop), self._length - 1)]
        )

    def _run_kernel(self, kernel: Kernel, pictures: list[np.ndarray], start: int, output: str, out: np.ndarray) -> None:
        """Run a kernel into ``out``, whose first frame is ``start``.

        Raises
        ------
        RenderError
            When what it reads or makes is not finite, or the code of one of its nodes fails.
        """
        began = time.perf_counter()
        if self._call_kernel(kernel, pictures, start, output, out):
            self._find_culprit(kernel, pictures, start, start + len(out))
        label = "+".join(kernel.steps) if output == "frames" else "+".join([*kernel.steps, self.plan.sink])
        self.tally.add(label, time.perf_counter() - began, len(out))

    def _call_kernel(
        self, kernel: Kernel, pictures: list[np.ndarray], start: int, output: str, out: np.ndarray
    ) -> bool:
        """Run a kernel; say whether anything in it may not be finite."""
        plan, maker, span = self.plan, self.maker, (start, start + len(out))
        nodes = [plan.graph.nodes[step] for step in kernel.steps]
        columns = []
        for step, node in zip(kernel.steps, nodes):
            params = {field: read_only(self._param(step, field, *span)) for field in node.params()}
            prepared = authors.call(plan.graph, step, "prepare", node.prepare, span=span, **params)
            columns += prepared_columns(plan.graph, step, prepared, kernels.uniform_names(type(node)), span)
        uniforms = np.zeros((len(out), len(columns)), np.float32)
        for i, column in enumerate(columns):
            uniforms[:, i] = column
        seeds = np.array([kernels.node_seed(plan.scene.seed, node) for node in nodes] or [0], np.uint32)
        run, tables = maker.kernel(kernel, tuple(picture.shape[2:] for picture in pictures), output)
        arguments = [argument for picture, table in zip(pictures, tables) for argument in (picture, *table)]
        try:
            return run(start, seeds, uniforms, self._thresholds, out, *arguments, maker.height, maker.width)
        except kernels.CompileError as error:
            self._find_uncompilable(kernel, pictures, start, error)
            raise

    def _singles(self, kernel: Kernel) -> Iterator[tuple[int, Kernel, list[tuple[str, int]]]]:
        """Yield for each step its number, a kernel of it alone, and the pictures that this reads."""
        for i, (step, wires) in enumerate(zip(kernel.steps, kernel.wiring)):
            sources = list(dict.fromkeys(wires))
            names = tuple(kernel.inputs[j] if what == "input" else kernel.steps[j] for what, j in sources)
            yield (
                i,
                Kernel((step,), names, (tuple(("input", sources.index(wire)) for wire in wires),), ("step", 0)),
                sources,
            )

    def _find_culprit(self, kernel: Kernel, pictures: list[np.ndarray], start: int, stop: int) -> None:
        """Name the first node of a kernel whose frames are not finite; nothing when all are."""
        graph, made = self.plan.graph, {}
        for i, (name, picture) in enumerate(zip(kernel.inputs, pictures)):
            finite(graph, name, picture, start)
            made["input", i] = picture
        for i, single, sources in self._singles(kernel):
            out = made["step", i] = np.empty((stop - start, 3, self.maker.height, self.maker.width), np.float32)
            self._call_kernel(single, [made[source] for source in sources], start, "frames", out)
            finite(graph, kernel.steps[i], out, start)

    def _find_uncompilable(
        self, kernel: Kernel, pictures: list[np.ndarray], start: int, error: kernels.CompileError
    ) -> None:
        """Name the first node of a kernel whose pixel code cannot be compiled."""
        graph = self.plan.graph
        if len(kernel.steps) == 1:
            code = type(graph.nodes[kernel.steps[0]]).pixel.__code__
            place = f"{code.co_filename}:{code.co_firstlineno}"
            raise authors.wrong(
                graph, kernel.steps[0], f"pixel cannot be compiled: {error} ({place})"
            ) from error.__cause__
        blank = np.zeros((1, 3, self.maker.height, self.maker.width), np.float32)
        for _, single, sources in self._singles(kernel):
            given = [pictures[j][:1] if what == "input" else blank for what, j in sources]
            self._call_kernel(single, given, start, "frames", blank.copy())
