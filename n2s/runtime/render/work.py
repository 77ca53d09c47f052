"""The evaluation of a plan over a stretch of frames, block by block.

Frames between nodes have the film's size, whoever reads them, or the size that their reader takes. What a source of
frames gives in another size is cropped at its centre and resampled, and rounded to float16 where the source promises
it; a kernel does that while it reads.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from functools import partial
from typing import Any, cast

import numpy as np

from n2s.graph import authors
from n2s.graph.context import Block
from n2s.graph.types import MATTE
from n2s.plan.stages import Read, Stage
from n2s.runtime.render import kernels
from n2s.runtime.render.ahead import Ahead
from n2s.runtime.render.calls import KernelCalls
from n2s.runtime.render.courses import Course
from n2s.runtime.render.edges import by_output, check_finite, read_only, streamed_output
from n2s.runtime.render.helpers import Helpers
from n2s.runtime.render.kept import KeptFrames, MadeFrames, NothingKept, Piece
from n2s.runtime.render.kernels.cuda_device import OnDevice
from n2s.runtime.render.opened import BLOCK, Opened
from n2s.runtime.render.parts import PARTS, Part
from n2s.runtime.render.picking import Picking
from n2s.runtime.render.rings import InPlace, Ring, Span
from n2s.runtime.render.tally import Tally


class Work:
    """The evaluation of a plan over a stretch of frames.

    Values that overlapping windows share are held from block to block in rings, so that they are computed once; all
    others live within a block, and what only kernels read is overwritten as soon as they are done.

    Frames that a stage picks of others are made by works of their own, which ``course`` tells; these take what the
    work that asks for them, ``asking``, has already made of the block.
    """

    def __init__(
        self,
        opened: Opened,
        kept: KeptFrames,
        tally: Tally,
        check: Callable[[], None] = lambda: None,
        course: Course | None = None,
        asking: Work | None = None,
        helpers: Helpers | None = None,
        stop: int = 0,
    ):
        self.opened, self.plan, self.tally, self.check = opened, opened.plan, tally, check
        self.course, self.asking = course or opened.course, asking
        self.kept = MadeFrames(asking.made, kept) if asking else kept
        self.stages = self.course.stages
        self._length = self.plan.values.clock.frames
        self._values: dict[str, Any] = {}  # a `Span`, or a `Ring` for stages that are held
        self._siblings: dict[tuple, dict[str, Any]] = {}  # outputs that were computed and wait for their stages
        self._free: list[np.ndarray] = asking._free if asking else []
        self._parts: dict[str, Part] = {}  # what makes hidden stages, by their names
        self._calls = KernelCalls(opened, tally)
        self._pickings: dict[str, Picking] = {}
        self._lent: dict[str, Stage] = {}
        self._on_gpu = opened.on_gpu if isinstance(self.kept, NothingKept) else set()
        self._apart = opened.decoders - self._on_gpu  # what a GPU decodes stays there
        self._ahead = Ahead(helpers, stop, tally, check, self._begin_latents, self._call) if helpers else None

    def close(self) -> None:
        """End what free threads do for it, and let go of all frames: works and what runs ahead know each other."""
        if self._ahead is not None:
            self._ahead.close()
            self._ahead = None
        # Such a ring of objects would stay until Python's collector comes by, which does not count bytes.
        for held in (self._values, self._siblings, self._free, self._parts, self._pickings):
            held.clear()

    def lend(self, stage: Stage) -> None:
        """Hold a stage's frames of each block until the next one is made: others read them, by `made`."""
        self._lent[stage.name] = stage
        self._on_gpu = self._on_gpu - {stage.name}

    def make(self, first: int, last: int) -> np.ndarray:
        """Return the value of the plan's end for frames first..last.

        An album may show a track's last frame once more. Beyond its end signals and streamed nodes stand still, while
        pixel code goes on counting frames; so each frame is the same however its kernels are cut.
        """
        for name, stage in self._lent.items():
            if name in self._values:
                self._let_go(stage)
        missing = self._missing(first, last)
        for end in self._rounds(first, last, missing):
            for stage in self.stages:
                if pieces := missing.get(stage.name):
                    now, missing[stage.name] = _cut(pieces, end + stage.after)
                    if now:
                        self._extend(stage, now)
                for source in self.course.done_with[stage.name]:
                    if source.name in self._values and source.name not in self._lent:
                        self._let_go(source)
        end = self.stages[-1]
        made = self._read(end.name, first, last, self._length if end.is_computed else max(self._length, last))
        del self._values[end.name]
        rings = [value for value in self._values.values() if isinstance(value, Ring)]
        return made.copy() if any(np.may_share_memory(made, ring.slots) for ring in rings) else made

    def _rounds(self, first: int, last: int, missing: dict[str, list[Piece]]) -> list[int]:
        """Return up to which frame of the end to make all stages, round by round; the last round ends at ``last``.

        The first block of a chunk needs the windows before it too. They are made like blocks before the first one, so
        that no more frames are in memory at once. There is one round at the end of the track, where windows are not cut
        by the same rule.
        """
        if last + max(stage.after for stage in self.stages) > self._length:
            return [last]
        frames = [stage for stage in self.stages if stage.makes == "frames" and stage.name in missing]
        begin = min((missing[stage.name][0].start - stage.after for stage in frames), default=first)
        if begin >= first:
            return [last]
        return [*range(first - (first - begin - 1) // BLOCK * BLOCK, first + 1, BLOCK), last]

    def _missing(self, first: int, last: int) -> dict[str, list[Piece]]:
        """Return the frames of each stage that must be loaded or computed for frames first..last of the end.

        What a reader loads, or has from the block before, it does not ask of its sources.
        """
        wanted = {self.stages[-1].name: (first, last)}
        missing: dict[str, list[Piece]] = {}
        for stage in reversed(self.stages):
            if (span := wanted.get(stage.name)) is None:
                continue
            limit = self._length if stage.is_computed else max(self._length, last)
            start, stop = max(0, min(span[0], limit - 1)), min(limit, span[1])  # beyond the end, the last frame is read
            if (value := self._values.get(stage.name)) is not None:
                if value.first <= start <= value.stop:
                    value.forget(start)
                    start = value.stop
                else:
                    del self._values[stage.name]
            if start >= stop:
                continue
            missing[stage.name] = pieces = self.kept.pieces(stage, start, stop)
            computed = [piece for piece in pieces if piece.load is None] if len(pieces) > 1 else pieces
            if not computed or computed[0].load is not None:
                continue
            for read in stage.reads.values():
                if read.picked:
                    continue
                begin, end = computed[0].start - read.before, computed[-1].stop + read.after
                if known := wanted.get(read.stage):
                    begin, end = min(known[0], begin), max(known[1], end)
                wanted[read.stage] = begin, end
        return missing

    def _extend(self, stage: Stage, pieces: list[Piece]) -> None:
        """Load or compute the frames of a stage that are missing, and put them behind those that are there."""
        if (held := self.course.held.get(stage.name)) is not None:
            if stage.name in self._values:
                self._values[stage.name].forget(self._values[stage.name].stop - held)
            for piece in pieces:
                self._extend_ring(stage, piece, pieces[-1].stop)
            return
        made = [self._load(stage, piece) for piece in pieces]
        self._values[stage.name] = Span(pieces[0].start, made[0] if len(made) == 1 else np.concatenate(made))

    def _extend_ring(self, stage: Stage, piece: Piece, stop: int) -> None:
        """Put frames into a stage's ring; those that are drawn are drawn into it."""
        ring = self._values.get(stage.name)
        if piece.load is None and self._is_drawn(stage):
            self.check()
            ring = ring or self._ring(
                stage, kernels.LAYOUTS[stage.makes].shape(cast(Any, stage.size)), piece.start, stop
            )
            for start, _, slots in ring.extend(piece.stop):
                self._draw(stage, start, slots)
                self.kept.add(stage, start, slots)
            return
        made = self._load(stage, piece)
        ring = ring or self._ring(stage, made.shape[1:], piece.start, stop)
        ring.append(made)  # a copy: its node may use the same memory for the next block

    def _ring(self, stage: Stage, shape: tuple[int, ...], start: int, stop: int) -> Ring:
        """Return a new ring for a stage whose first block has frames start..stop."""
        wanted = max(stop - start, self.course.held[stage.name] + BLOCK)
        ring = self._values[stage.name] = Ring(shape, -(-wanted // BLOCK) * BLOCK, start, stop)
        return ring

    def _load(self, stage: Stage, piece: Piece) -> np.ndarray:
        """Return frames that are kept somewhere, or else are computed."""
        self.check()
        if piece.load is None:
            made = self._make(stage, piece.start, piece.stop)
            self.kept.add(stage, piece.start, made)
            return made.copy() if stage.node in self.opened.called_again else made  # its code may use it again
        made = piece.load(piece.start, piece.stop)
        return self._alike(stage, made, piece.start, piece.stop) if stage.is_computed else made

    def _let_go(self, stage: Stage) -> None:
        """Give the memory of a value back when its last reader is done; rings are held for the next block."""
        if isinstance(value := self._values[stage.name], Ring):
            return
        del self._values[stage.name]
        if isinstance(value.slots, OnDevice):
            return
        if stage.name in self.opened.own_buffers and value.slots.flags.owndata and len(value.slots) <= BLOCK:
            self._free.append(value.slots)

    def _read(self, name: str, start: int, stop: int, end: int) -> np.ndarray:
        """Return frames of a value that was made. Frames before 0 repeat the first; from ``end`` on, the last one."""
        value = self._values[name]
        inside = max(start, 0), min(stop, end)
        if inside == (start, stop):
            return value.window(start, stop)
        return value.take(np.clip(np.arange(start, stop), inside[0], inside[1] - 1))

    def _make(self, stage: Stage, start: int, stop: int) -> np.ndarray:
        if stage.is_computed:
            return self._compute(stage, start, stop)
        if stage.makes == "codes":
            stored = self.plan.pixels.stored
            layout = kernels.LAYOUTS[stored]
            out = self.opened.memory(
                cast(Any, stage.kernel), (stop - start, *layout.shape(cast(Any, stage.size))), layout.dtype
            )
            self._calls.run(stage, self._pictures(stage, start, stop), start, stored, out)
            codes = out.reshape(stop - start, -1)
            if not self.plan.pixels.alpha:
                return codes
            (opaque,) = (read.stage for port, read in stage.reads.items() if port in self._mattes(stage))
            matte = np.clip(self._read(opaque, start, stop, self._length), np.float32(0), np.float32(1))
            alpha = (matte * np.float32(layout.largest) + np.float32(0.5)).astype(layout.dtype)
            return np.concatenate([codes, alpha.reshape(stop - start, -1)], axis=1)
        if stage.is_picked and (made := self._picking(stage).whole(start, stop)) is not None:
            return made
        if not self._is_drawn(stage):
            given = self._read(stage.reads["0"].stage, start, stop, self._length)
            check_finite(self.plan.graph, stage.value, given, start)
            return given
        shape = stop - start, *kernels.LAYOUTS[stage.makes].shape(cast(Any, stage.size))
        on_gpu = stage.name in self._on_gpu
        out: Any = OnDevice.empty(self.opened.gpus[cast(Any, stage.kernel)], shape) if on_gpu else self._buffer(shape)
        self._draw(stage, start, out)
        return out

    def _draw(self, stage: Stage, start: int, out: np.ndarray) -> None:
        """Make the frames of a kernel or a hidden stage, from frame ``start`` on, in ``out``."""
        if stage.is_picked:
            self._picking(stage).write(start, out)
        elif stage.part:
            self._make_part(stage, start, out)
        else:
            self._calls.run(stage, self._pictures(stage, start, start + len(out)), start, stage.makes, out)

    def _is_drawn(self, stage: Stage) -> bool:
        """Say whether a stage's frames are drawn into memory of ours, and are not those that it reads as they are."""
        if stage.is_computed or stage.makes == "codes":
            return False
        if stage.is_picked or stage.part:
            return True
        kernel = cast(Any, stage.kernel)
        if kernel.nodes or kernel.framings or self.opened.is_half(stage.node):
            return True
        if self.opened.placing(kernel.inputs[0]):
            return True
        return self._values[stage.reads["0"].stage].slots.shape[2:] != cast(Any, stage.size)[::-1]

    def _buffer(self, shape: tuple[int, ...]) -> np.ndarray:
        """Return memory for some frames or mattes."""
        for i, free in enumerate(self._free):
            if free.shape == shape:
                return self._free.pop(i)
        return np.empty(shape, np.float32)

    def _pictures(self, stage: Stage, start: int, stop: int) -> list[np.ndarray]:
        # Kernels are compiled for plain arrays; what an author returns may be of any strides, or a view of its input.
        pictures, beside = [], self._mattes(stage)
        for port, read in stage.reads.items():
            if port in beside:
                continue
            end = self._length if read.stage in self.opened.shapes else max(self._length, stop)
            frames = self._read(read.stage, start - read.before, stop + read.after, end)
            pictures.append(frames if isinstance(frames, OnDevice) else np.require(frames, np.float32, ("C", "A", "W")))
        return pictures

    def _mattes(self, stage: Stage) -> set[str]:
        """Return the ports by which a sink is told how opaque its pictures are, which no kernel reads."""
        ports = self.plan.graph.nodes[stage.node].ports if stage.makes == "codes" else {}
        return {port for port, kind in ports.items() if kind is MATTE}

    def _picking(self, stage: Stage) -> Picking:
        """Return what gives the frames that a stage shows of others."""
        if stage.name not in self._pickings:
            ports = list(self.plan.graph.nodes[stage.node].ports)
            courses = self.course.picked.items()
            works = {ports.index(port): self._work_for(of) for (name, port), of in courses if name == stage.name}
            make = {port: work.make for port, work in works.items()}
            self._pickings[stage.name] = Picking(self.opened.picked[stage.name], make, self._free)
        return self._pickings[stage.name]

    def _work_for(self, course: Course) -> Work:
        """Return the work that makes what is picked on a course."""
        return Work(self.opened, self.kept, self.tally, self.check, course, self)

    def made(self, stage: Stage, start: int, stop: int) -> np.ndarray | None:
        """Return frames of a stage from ``start`` on, up to ``stop`` at most, if the first is there now."""
        value = self._values.get(stage.name)
        if value is None or not value.first <= start < value.stop:
            return None
        return value.window(start, min(stop, value.stop))

    def _make_part(self, stage: Stage, start: int, out: np.ndarray) -> None:
        """Make what a hidden stage gives to the pixel code of its node, from frame ``start`` on."""
        name, began, stop = stage.node, time.perf_counter(), start + len(out)
        fields = self.plan.graph.nodes[name].params()
        params = {field: read_only(self.opened.param(name, field, start, stop)) for field in fields}
        if stage.name not in self._parts:
            self._parts[stage.name] = PARTS[stage.part](self.opened, stage)
        part = self._parts[stage.name]
        if part.reads_in_place:
            (read,) = stage.reads.values()
            last = (self._length if read.stage in self.opened.shapes else max(self._length, stop)) - 1
            part.make(InPlace(self._values[read.stage], last), (start, stop), params, out)
        else:
            (given,) = self._pictures(stage, start, stop)
            part.make(given, (start, stop), params, out)
        self.tally.add(stage.name, time.perf_counter() - began, stop - start)

    def _compute(self, stage: Stage, start: int, stop: int) -> np.ndarray:
        """Return what a streamed node gives for frames start..stop, which for all of its outputs is computed once."""
        plan, opened, name = self.plan, self.opened, stage.node
        graph, node = plan.graph, plan.graph.nodes[name]
        outputs = list(type(node).outputs)
        output, asked = stage.output or outputs[0], (name, start, stop, stage.size)
        if asked in self._siblings and output in self._siblings[asked]:
            return self._checked(stage, self._siblings[asked].pop(output), start, stop)
        self._siblings = {other: waiting for other, waiting in self._siblings.items() if other[0] != name}
        made = self._ahead.take(stage, start, stop) if self._ahead and stage.name in self._apart else None
        if made is None:
            call, began = self._call(stage, start, stop, partial(self._window, start, stop)), time.perf_counter()
            made = call()
            self.tally.add(name, time.perf_counter() - began, stop - start)
        if len(outputs) > 1:
            made = by_output(graph, name, made)
            self._siblings[asked] = {other: made[other] for other in opened.read_outputs[name] if other != output}
            made = made[output]
        return self._checked(stage, made, start, stop)

    def _window(self, start: int, stop: int, read: Read) -> np.ndarray:
        """Return what a node reads of another for its frames start..stop."""
        return self._read(read.stage, start - read.before, stop + read.after, self._length)

    def _call(self, stage: Stage, start: int, stop: int, frames: Callable[[Read], np.ndarray]) -> Callable[[], Any]:
        """Return what computes frames start..stop of a streamed node; ``frames`` gives what it reads of others."""
        plan, opened, name = self.plan, self.opened, stage.node
        graph, node = plan.graph, plan.graph.nodes[name]
        inputs: dict[str, Any] = {}
        for port, link in node.links().items():
            if port in stage.reads:
                inputs[port] = read_only(frames(stage.reads[port]))
            elif port in node.ports:
                inputs[port] = read_only(plan.values.read(link)[start:stop])
        for field in node.params():
            inputs[field] = read_only(self.opened.param(name, field, start, stop))
        resources = opened.resources[name].on_device if stage.name in self._on_gpu else opened.resources[name]
        block = Block(opened.scenes[name], start, stop, cast(Any, stage.grid), resources, stage.size)
        return partial(authors.call, graph, name, "compute", node.compute, block, span=(start, stop), **inputs)

    def _begin_latents(self, name: str) -> Callable[[int, int], np.ndarray]:
        """Return what makes the latents of a stage for rising frames, beside those that this work makes of it."""
        return Work(self.opened, NothingKept(), Tally(), course=Course(self.plan.stages, name)).make

    def _checked(self, stage: Stage, made: Any, start: int, stop: int) -> np.ndarray:
        """Return what a streamed node gave for a stage; mattes are held within 0..1."""
        if isinstance(made, OnDevice):
            return cast(Any, made)  # of the shape that its decoder was checked for; kernels look for NaN
        made = self._alike(stage, made, start, stop)
        if stage.makes == "latents" or stage.name in self.opened.looked_at:
            check_finite(self.plan.graph, stage.value, made, start)
        if stage.makes == "matte" and not (made.min() >= 0 and made.max() <= 1):
            made = np.clip(made, np.float32(0), np.float32(1))  # leaves NaN, which is found later
        return made

    def _alike(self, stage: Stage, made: Any, start: int, stop: int) -> np.ndarray:
        """Return what a streamed node gave, now or when it was kept, where its frames are alike in shape."""
        graph, opened = self.plan.graph, self.opened
        wanted, given = opened.shapes[stage.name], opened.given.get(stage.name)
        made = streamed_output(graph, stage.value, made, (start, stop), wanted, given)
        opened.given.setdefault(stage.name, made.shape[1:])
        return made


def _cut(pieces: list[Piece], stop: int) -> tuple[list[Piece], list[Piece]]:
    """Return pieces up to a frame, and what is left of them."""
    before = [Piece(piece.start, min(piece.stop, stop), piece.load) for piece in pieces if piece.start < stop]
    return before, [Piece(max(piece.start, stop), piece.stop, piece.load) for piece in pieces if piece.stop > stop]
