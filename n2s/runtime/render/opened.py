"""What the work on one plan shares: what its nodes opened, the shapes of their frames, the compiled kernels."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from typing import Any, cast

import numpy as np

from n2s.graph import authors
from n2s.graph.declare import Pointwise, Streamed
from n2s.graph.keys import digest
from n2s.graph.placing import Placing
from n2s.graph.types import LATENTS
from n2s.plan.decoders import decoders
from n2s.plan.hold import held_frames
from n2s.plan.picks import picked
from n2s.plan.stages import Kernel, Plan, Size, Stage, node_of
from n2s.runtime import gpu
from n2s.runtime.render import kernels
from n2s.runtime.render.compiled import forget_kept_code
from n2s.runtime.render.courses import Course
from n2s.runtime.render.edges import filled_tables
from n2s.runtime.render.residence import gpus_of, stages_on_gpu
from n2s.runtime.store import Store

BLOCK = 4  # frames in memory at once, per chunk that is being rendered
MOST_BYTES = 4 << 30  # of the frames a node's window covers


class Opened:
    """What the nodes of one plan opened, shared by all threads.

    Parameters
    ----------
    plan : Plan
    store : Store
        Which has the folder of compiled kernels.
    opened : dict, optional
        What nodes have opened for other plans of the same files.
    """

    def __init__(self, plan: Plan, store: Store, opened: dict[str, Any] | None = None):
        self.plan, self.store = plan, store
        computed = [stage for stage in plan.stages if stage.is_computed]
        names = dict.fromkeys([*(stage.node for stage in computed), *_steps(plan.stages)])
        nodes = {name: plan.graph.nodes[name] for name in names}
        forget_kept_code(plan.graph.nodes[name] for name in plan.order)
        self.scenes = {name: plan.scene.seen_by(node) for name, node in nodes.items()}
        first = {stage.node: stage for stage in reversed(computed)}  # a node of several outputs is opened once
        self.resources = {name: self._open(stage, opened) for name, stage in first.items()}
        self.filled = self._fill(opened)
        channels = self._channels()
        self.shapes = {stage.name: self._shape(stage, channels.get(stage.name)) for stage in computed}
        self.given: dict[str, tuple[int, ...]] = {}  # the shape of what each streamed node gave first
        self.course = Course(plan.stages, plan.stages[-1].name)
        self.picked = {stage.name: picked(plan, stage.node) for stage in plan.stages if stage.is_picked}
        # The outputs of each node that are read, in their order; nodes that are called more than once for a block.
        self.read_outputs: dict[str, dict[str, None]] = {}
        for stage in computed:
            name = stage.output or next(iter(type(nodes[stage.node]).outputs))
            self.read_outputs.setdefault(stage.node, {})[name] = None
        self.called_again = _called_again(computed, self.course)
        self.decoders = decoders(plan)
        # Pictures as their sources give them; what was brought to a size from there has another name.
        self._sources = {stage.value for stage in computed if stage.is_picture and stage.size is None}
        self.read_by_nodes = _read_by(stage for stage in plan.stages if stage.is_computed)
        # What kernels read they look at themselves; what others read is looked at when it is made.
        self.looked_at = _read_by(stage for stage in plan.stages if stage.kernel is None and not stage.is_picked)
        # Stages whose memory may be used again when their readers, none of them code of nodes, are done.
        self.own_buffers = {stage.name for stage in plan.stages if not stage.is_computed} - self.read_by_nodes
        self.hidden = {stage.name for stage in plan.stages if stage.part}
        self.gpus = gpus_of(plan, self.resources)
        self.on_gpu = stages_on_gpu(plan, self.resources, self.gpus, self.course, self.called_again)
        self._kernels: dict[tuple, kernels.Run] = {}
        self._made: dict[Any, Any] = {}
        self._lock = threading.Lock()
        self._refuse_vast()

    def _open(self, stage: Stage, opened: dict[str, Any] | None) -> Any:
        """Return what a streamed node opens for a run."""
        node, scene = self.plan.graph.nodes[stage.node], stage.scene_in(self.scenes[stage.node])
        if type(node).open is Streamed.open:
            opened = None
        graph, name = self.plan.graph, stage.node
        return self._once(stage, opened, partial(authors.call, graph, name, "open", node.open, scene, stage.grid))

    def _fill(self, opened: dict[str, Any] | None) -> dict[str, tuple[dict[str, np.ndarray], dict[str, Any]]]:
        """Return what pointwise nodes fill for a run: their tables and their numbers, by name."""
        graph, filled = self.plan.graph, {}
        steps = set(_steps(self.plan.stages))
        for stage in self.plan.nodes:
            node = graph.nodes[stage.node]
            if stage.node in steps and stage.node not in filled and type(node).fill is not Pointwise.fill:
                filled[stage.node] = self._once(stage, opened, partial(self._filled, stage.node))
        return filled

    def _filled(self, name: str) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
        graph, node = self.plan.graph, self.plan.graph.nodes[name]
        return filled_tables(graph, name, authors.call(graph, name, "fill", node.fill, self.scenes[name]))

    def _once(self, stage: Stage, opened: dict[str, Any] | None, make: Callable[[], Any]) -> Any:
        """Return what a node makes for a run, or made before for the same settings, files and scene."""
        if opened is None:
            return make()
        plan, node, scene = self.plan, self.plan.graph.nodes[stage.node], self.scenes[stage.node]
        clock = plan.values.clock
        unkeyed = {field: repr(getattr(node, field)) for field in node.settings() if not node.specs[field].keyed}
        of_scene = [
            str(clock.fps),
            clock.frames,
            scene.seed,
            list(scene.size),
            str(scene.base),
            str(scene.model_folder),
        ]
        key = digest([plan.keys.describe(stage), unkeyed, of_scene])
        if key not in opened:
            opened[key] = make()
        return opened[key]

    def _shape(self, stage: Stage, channels: int | None) -> tuple[int | None, ...]:
        """The shape that a streamed node's frame must have; None for a side that its node may choose."""
        if stage.makes == "latents":
            return (channels, *cast(Any, stage.grid))
        channels = kernels.LAYOUTS[stage.makes].channels
        return (channels, stage.size[1], stage.size[0]) if stage.size else (channels, None, None)

    def _channels(self) -> dict[str, int]:
        """The channels of latents, where the decoder they end in tells."""
        found: dict[str, int] = {}
        for stage in reversed(self.plan.stages):
            ports = self.plan.graph.nodes[stage.node].ports
            if not stage.is_computed or LATENTS not in ports.values():
                continue
            channels = getattr(self.resources[stage.node], "channels", None)
            channels = found.get(stage.name) if channels is None else channels
            if isinstance(channels, int):
                for port, read in stage.reads.items():
                    if ports.get(port) is LATENTS:
                        found.setdefault(read.stage, channels)
        return found

    def _refuse_vast(self) -> None:
        """Refuse windows that cover more frames than memory holds.

        Where frames are kept, or needed ahead of time, the first block of a chunk is made at once, with all frames of
        all windows behind a stage, though few are held.
        """
        width, height = self.plan.graph.header.size
        at_once = any(stage.keep or stage.after for stage in self.plan.stages)
        held = held_frames(self.plan.stages)
        for stage in self.plan.stages:
            planes = 1 if stage.makes == "matte" else 3
            frame = self.shapes.get(stage.name, (planes, *stage.size[::-1]) if stage.size else ())
            sides = (planes, height, width) if None in frame[1:] or not frame else (frame[0] or 8, *frame[1:])
            around = stage.before + stage.after if at_once else held.get(stage.name, 0)
            size = (around + BLOCK) * 4 * math.prod(cast(Any, sides))
            if (stage.before or stage.after) and size > MOST_BYTES:
                reads = [(other.node, read) for other in self.plan.stages for read in other.reads.values()]
                widest, read = max(reads, key=lambda item: item[1].before + item[1].after)
                raise authors.wrong(
                    self.plan.graph,
                    widest,
                    f"its window of {read.before} frames before and {read.after} after holds {size / 2**30:.0f} GiB "
                    f"of {stage.node}; at most {MOST_BYTES >> 30} are held.",
                )

    def param(self, name: str, field: str, start: int, stop: int) -> np.ndarray:
        """Return a node's param at frames start..stop; beyond the end it stands still."""
        values, length = self.plan.values.params[name, field], self.plan.values.clock.frames
        if not np.ndim(values):
            return np.full(stop - start, values, np.float32)
        return values[start:stop] if stop <= length else values[np.minimum(np.arange(start, stop), length - 1)]

    def kernel(self, kernel: Kernel, shapes: tuple[tuple[int, int, int], ...], size: Size, output: str) -> kernels.Run:
        """Return a compiled kernel for pictures of the given (channels, height, width) and a result of ``size``."""
        key = (kernel, shapes, size, output)
        if key in self._kernels:
            return self._kernels[key]
        with self._lock:
            if key not in self._kernels:
                nodes = self.plan.graph.nodes
                framings = kernel.framings or (None,) * len(shapes)
                pictures = []
                for value, (channels, *sides), framing in zip(kernel.inputs, shapes, framings):
                    loose = framing.loose(cast(Any, tuple(sides))) if framing else (0, 0)
                    half, hidden = self.is_half(value), value in self.hidden
                    placing = None if hidden else self.placing(value)
                    pictures.append(kernels.Picture(half, cast(Any, tuple(sides)), channels, hidden, loose, placing))
                try:
                    program = kernels.program_of(kernel, nodes, pictures, output, size)
                except kernels.PixelError as error:
                    wrong = next(name for name in kernel.nodes if type(nodes[name]) is error.cls)
                    raise authors.wrong(self.plan.graph, wrong, f"{error.text}.") from error
                device = self.gpus.get(kernel)
                self._kernels[key] = (
                    gpu.compile_for(device, program, self.store.kernels, self.plan.scene.context.say)
                    if device
                    else kernels.compile_program(program, self.store.kernels)
                )
            return self._kernels[key]

    def memory(self, kernel: Kernel, shape: tuple[int, ...], dtype: type) -> np.ndarray:
        """Return memory for what a kernel stores."""
        device = self.gpus.get(kernel)
        return device.host_array(shape, dtype) if device else np.empty(shape, dtype)

    def once(self, key: Any, make: Callable[[], Any]) -> Any:
        """Return what was made for a key, which all threads share."""
        with self._lock:
            if key not in self._made:
                self._made[key] = make()
            return self._made[key]

    def source_of(self, name: str, size: Size, half_size: bool) -> kernels.Run:
        """Return the compiled kernel of what a filter spreads, of a picture of ``size``."""
        key = (name, size, half_size)
        with self._lock:
            if key not in self._kernels:
                try:
                    program = kernels.program_of_source(cast(Any, type(self.plan.graph.nodes[name])), size, half_size)
                except kernels.PixelError as error:
                    raise authors.wrong(self.plan.graph, name, f"{error.text}.") from error
                self._kernels[key] = kernels.compile_program(program, self.store.kernels)
            return self._kernels[key]

    def is_half(self, value: str) -> bool:
        """Say whether frames are float16 by definition: those of some nodes, and no other inputs of kernels."""
        return bool(getattr(self.plan.graph.nodes.get(node_of(value)), "half", False))

    def placing(self, value: str) -> Placing | None:
        """Return where a source's picture lies in the frame; None where it covers it, cropped at its centre."""
        if value not in self._sources:
            return None
        name = node_of(value)
        node = self.plan.graph.nodes[name]
        return authors.call(self.plan.graph, name, "placing", node.placing, self.resources[name])

    def value_of(self, name: str) -> str:
        """Return the value that an input of a kernel has, whatever its size; of a hidden stage, its node."""
        return next((stage.value for stage in self.plan.stages if stage.name == name), name)


def _called_again(stages: Sequence[Stage], course: Course) -> set[str]:
    """Return the nodes whose code is called for several spans of frames or sizes, and may use its memory again.

    So is that of all nodes of which frames are picked, and of those whose latents are made ahead.
    """
    calls: dict[str, set] = {}
    for stage in stages:
        calls.setdefault(stage.node, set()).add((stage.before, stage.after, stage.size))
    picked = {name for other in course.picked.values() for name in other.nodes}
    latents = {stage.node for stage in stages if stage.makes == "latents"}
    return picked | latents | {node for node, spans in calls.items() if len(spans) > 1}


def _steps(stages: Sequence[Stage]) -> list[str]:
    """Return the pointwise nodes that the kernels of some stages compute."""
    return [step for stage in stages if stage.kernel is not None for step in stage.kernel.steps]


def _read_by(stages: Iterable[Stage]) -> set[str]:
    """Return the stages that some stages read."""
    return {read.stage for stage in stages for read in stage.reads.values()}
