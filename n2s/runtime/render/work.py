"""The evaluation of a plan over a stretch of frames, block by block.

Frames between nodes have the film's size, whoever reads them, or the size that their reader takes. What a source of
frames gives in another size is cropped at its centre and resampled, and rounded to float16 where the source promises
it; a kernel does that while it reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import Any

import numpy as np

from n2s.graph import authors
from n2s.graph.context import Block
from n2s.plan.stages import Kernel, Size, Stage
from n2s.runtime.render import kernels
from n2s.runtime.render.edges import check_finite, prepared_columns, prepared_tables, read_only, streamed_output
from n2s.runtime.render.kept import KeptFrames, Piece
from n2s.runtime.render.opened import Opened
from n2s.runtime.render.tally import Tally


class Work:
    """The evaluation of a plan over a stretch of frames.

    Values that overlapping windows share are kept from block to block, so that they are computed once; all others live
    within a block, and what only kernels read is overwritten as soon as they are done.
    """

    def __init__(self, opened: Opened, kept: KeptFrames, tally: Tally, check: Callable[[], None] = lambda: None):
        self.opened, self.plan, self.kept, self.tally, self.check = opened, opened.plan, kept, tally, check
        self.stages = self.plan.stages
        self._length = self.plan.values.clock.frames
        self._values: dict[str, tuple[int, np.ndarray]] = {}  # the first frame, and the frames from there on
        self._free: list[np.ndarray] = []
        end = self.stages[-1]
        coded = end.makes == "codes"  # only films have bits and a dither
        width = (end.size or self.plan.scene.size)[0]
        self._thresholds = kernels.dither_pattern(coded and self.plan.pixels.dither, width)

    def make(self, first: int, last: int) -> np.ndarray:
        """Return the value of the plan's end for frames first..last.

        An album may show a track's last frame once more. Beyond its end signals and streamed nodes stand still, while
        pixel code goes on counting frames; so each frame is the same however its kernels are cut.
        """
        missing, done_with = self._missing(first, last), self.opened.done_with
        for stage in self.stages:
            if pieces := missing.get(stage.name):
                self._extend(stage, pieces)
            for source in done_with[stage.name]:
                if source.name in self._values:
                    self._let_go(source, last)
        at, made = self._values.pop(self.stages[-1].name)
        return made[first - at : last - at]

    def _missing(self, first: int, last: int) -> dict[str, list[Piece]]:
        """Return the frames of each stage that must be loaded or computed for frames first..last of the end.

        What a reader loads, or has from the block before, it does not ask of its sources.
        """
        wanted = {self.stages[-1].name: (first, last)}
        missing: dict[str, list[Piece]] = {}
        for stage in reversed(self.stages):
            if (span := wanted.get(stage.name)) is None:
                continue
            limit = self._length if stage.kernel is None else max(self._length, last)
            start, stop = max(0, min(span[0], limit - 1)), min(limit, span[1])  # beyond the end, the last frame is read
            if (value := self._values.get(stage.name)) is not None:
                have = value[0] + len(value[1])
                if value[0] <= start <= have:
                    start = have
                else:
                    del self._values[stage.name]
            if start >= stop:
                continue
            missing[stage.name] = pieces = self.kept.pieces(stage, start, stop)
            computed = [piece for piece in pieces if piece.load is None] if len(pieces) > 1 else pieces
            if not computed or computed[0].load is not None:
                continue
            for read in stage.reads.values():
                begin, end = computed[0].start - read.before, computed[-1].stop + read.after
                if known := wanted.get(read.stage):
                    begin, end = min(known[0], begin), max(known[1], end)
                wanted[read.stage] = begin, end
        return missing

    def _extend(self, stage: Stage, pieces: list[Piece]) -> None:
        """Load or compute the frames of a stage that are missing, and put them behind those that are there."""
        for piece in pieces:
            self.check()
            if piece.load is not None:
                made = piece.load()
                if stage.kernel is None:
                    made = self._alike(stage, made, piece.start, piece.stop)
            else:
                made = self._make(stage, piece.start, piece.stop)
                self.kept.add(stage, piece.start, made)
                if stage.overlaps:
                    made = made.copy()  # its node may use the same memory for the next block
            at, before = self._values.get(stage.name, (piece.start, None))
            self._values[stage.name] = at, made if before is None else np.concatenate([before, made])

    def _let_go(self, stage: Stage, last: int) -> None:
        """Keep of a value what the block from frame ``last`` on may need, and give the rest of its memory back."""
        at, kept = self._values[stage.name]
        if stage.overlaps:
            begin = max(0, last - stage.before - at)
            self._values[stage.name] = (at + begin, kept[begin:])
            return
        del self._values[stage.name]
        if stage.name in self.opened.own_buffers and kept.flags.owndata:
            self._free.append(kept)

    def _read(self, name: str, start: int, stop: int, end: int) -> np.ndarray:
        """Return frames of a value that was made. Frames before 0 repeat the first; from ``end`` on, the last one."""
        at, kept = self._values[name]
        inside = max(start, 0), min(stop, end)
        if inside == (start, stop):
            return kept[start - at : stop - at]
        index = np.clip(np.arange(start, stop), inside[0], inside[1] - 1) - at
        return kept[index]

    def _make(self, stage: Stage, start: int, stop: int) -> np.ndarray:
        if stage.kernel is None:
            return self._compute(stage, start, stop)
        width, height = stage.size
        if stage.makes == "codes":
            stored = self.plan.pixels.stored
            layout = kernels.LAYOUTS[stored]
            out = np.empty((stop - start, *layout.shape(stage.size)), layout.dtype)
            self._run_kernel(stage, self._pictures(stage, start, stop), start, stored, out)
            return out.reshape(stop - start, -1)
        if not stage.kernel.steps:
            given = self._read(stage.reads["0"].stage, start, stop, self._length)
            if given.shape[2:] == (height, width) and not self.opened.is_half(stage.node):
                check_finite(self.plan.graph, stage.node, given, start)
                return given
        out = self._buffer(stop - start, stage.size)
        self._run_kernel(stage, self._pictures(stage, start, stop), start, "frames", out)
        return out

    def _buffer(self, count: int, size: Size) -> np.ndarray:
        """Return memory for some frames of a size."""
        shape = (count, 3, size[1], size[0])
        for i, free in enumerate(self._free):
            if free.shape == shape:
                return self._free.pop(i)
        return np.empty(shape, np.float32)

    def _pictures(self, stage: Stage, start: int, stop: int) -> list[np.ndarray]:
        # Kernels are compiled for plain arrays; what an author returns may be of any strides, or a view of its input.
        pictures = []
        for read in stage.reads.values():
            end = self._length if read.stage in self.opened.shapes else stop
            pictures.append(np.require(self._read(read.stage, start, stop, end), np.float32, ("C", "A", "W")))
        return pictures

    def _compute(self, stage: Stage, start: int, stop: int) -> np.ndarray:
        """Return what a streamed node gives for frames start..stop."""
        plan, opened, name = self.plan, self.opened, stage.node
        graph, node = plan.graph, plan.graph.nodes[name]
        inputs: dict[str, Any] = {}
        for port, link in node.links().items():
            if port in stage.reads:
                read = stage.reads[port]
                inputs[port] = read_only(self._read(read.stage, start - read.before, stop + read.after, self._length))
            elif port in node.ports:
                inputs[port] = read_only(plan.values.read(link)[start:stop])
        for field in node.params():
            inputs[field] = read_only(self._param(name, field, start, stop))
        block = Block(opened.scenes[name], start, stop, stage.grid, opened.resources[name], stage.size)
        began = time.perf_counter()
        made = authors.call(graph, name, "compute", node.compute, block, span=(start, stop), **inputs)
        self.tally.add(name, time.perf_counter() - began, stop - start)
        made = self._alike(stage, made, start, stop)
        if stage.makes == "latents" or stage.name in opened.read_by_nodes:  # what kernels read, they look at themselves
            check_finite(graph, name, made, start)
        return made

    def _alike(self, stage: Stage, made: Any, start: int, stop: int) -> np.ndarray:
        """Return what a streamed node gave, now or when it was kept, where its frames are alike in shape."""
        graph, opened = self.plan.graph, self.opened
        wanted, given = opened.shapes[stage.name], opened.given.get(stage.name)
        made = streamed_output(graph, stage.node, made, (start, stop), wanted, given)
        opened.given.setdefault(stage.name, made.shape[1:])
        return made

    def _param(self, name: str, field: str, start: int, stop: int) -> np.ndarray:
        values = self.plan.values.params[name, field]
        if not np.ndim(values):
            return np.full(stop - start, values, np.float32)
        return (
            values[start:stop] if stop <= self._length else values[np.minimum(np.arange(start, stop), self._length - 1)]
        )

    def _run_kernel(self, stage: Stage, pictures: list[np.ndarray], start: int, output: str, out: np.ndarray) -> None:
        """Run a stage's kernel into ``out``, whose first frame is ``start``.

        Raises
        ------
        RenderError
            When what it reads or makes is not finite, or the code of one of its nodes fails.
        """
        began = time.perf_counter()
        if self._call_kernel(stage.kernel, pictures, start, stage.size, output, out):
            self._find_culprit(stage.kernel, pictures, start, start + len(out), stage.size)
        label = "+".join([*stage.kernel.steps, self.plan.end] if stage.makes == "codes" else stage.kernel.steps)
        self.tally.add(label or stage.name, time.perf_counter() - began, len(out))

    def _call_kernel(
        self, kernel: Kernel, pictures: list[np.ndarray], start: int, size: Size, output: str, out: np.ndarray
    ) -> bool:
        """Run a kernel; say whether anything in it may not be finite."""
        plan, span = self.plan, (start, start + len(out))
        nodes = [plan.graph.nodes[step] for step in kernel.steps]
        columns, tables = [], []
        for step, node in zip(kernel.steps, nodes):
            params = {field: read_only(self._param(step, field, *span)) for field in node.params()}
            prepared = authors.call(plan.graph, step, "prepare", node.prepare, span=span, **params)
            filled, numbers = self.opened.filled.get(step, ({}, {}))
            prepared = numbers | prepared if isinstance(prepared, dict) else prepared
            columns += prepared_columns(plan.graph, step, prepared, kernels.uniform_names(type(node)), span)
            tables += prepared_tables(plan.graph, step, filled, prepared, kernels.table_names(type(node)), span)
        uniforms = np.zeros((len(out), len(columns)), np.float32)
        for i, column in enumerate(columns):
            uniforms[:, i] = column
        seeds = np.array([kernels.node_seed(plan.scene.seed, node) for node in nodes] or [0], np.uint32)
        run = self.opened.kernel(kernel, tuple(picture.shape[2:] for picture in pictures), size, output)
        try:
            return run(start, seeds, uniforms, self._thresholds, pictures, out, tables)
        except kernels.CompileError as error:
            self._find_uncompilable(kernel, pictures, start, size, error)
            raise

    def _singles(self, kernel: Kernel) -> Iterator[tuple[int, Kernel, list[tuple[str, int]]]]:
        """Yield for each step its number, a kernel of it alone, and the pictures that this reads."""
        for i, (step, wires) in enumerate(zip(kernel.steps, kernel.wiring)):
            sources = list(dict.fromkeys(wires))
            names = tuple(kernel.inputs[j] if what == "input" else kernel.steps[j] for what, j in sources)
            wiring = (tuple(("input", sources.index(wire)) for wire in wires),)
            yield i, Kernel((step,), names, wiring, ("step", 0)), sources

    def _find_culprit(self, kernel: Kernel, pictures: list[np.ndarray], start: int, stop: int, size: Size) -> None:
        """Name the first node of a kernel whose frames are not finite; nothing when all are."""
        graph, made = self.plan.graph, {}
        for i, (name, picture) in enumerate(zip(kernel.inputs, pictures)):
            check_finite(graph, name, picture, start)
            made["input", i] = picture
        for i, single, sources in self._singles(kernel):
            out = made["step", i] = np.empty((stop - start, 3, size[1], size[0]), np.float32)
            self._call_kernel(single, [made[source] for source in sources], start, size, "frames", out)
            check_finite(graph, kernel.steps[i], out, start)

    def _find_uncompilable(
        self, kernel: Kernel, pictures: list[np.ndarray], start: int, size: Size, error: kernels.CompileError
    ) -> None:
        """Name the first node of a kernel whose pixel code cannot be compiled."""
        graph = self.plan.graph
        if len(kernel.steps) == 1:
            code = type(graph.nodes[kernel.steps[0]]).pixel.__code__
            text = f"pixel cannot be compiled: {error} ({code.co_filename}:{code.co_firstlineno})"
            raise authors.wrong(graph, kernel.steps[0], text) from error.__cause__
        blank = np.zeros((1, 3, size[1], size[0]), np.float32)
        for _, single, sources in self._singles(kernel):
            given = [pictures[j][:1] if what == "input" else blank for what, j in sources]
            self._call_kernel(single, given, start, size, "frames", blank.copy())
