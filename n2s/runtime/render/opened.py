"""What the work on one plan shares: what its nodes opened, the shapes of their frames, the compiled kernels."""

from __future__ import annotations

import math
import threading
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np

from n2s.graph import authors
from n2s.graph.declare import Pointwise, Streamed
from n2s.graph.keys import digest
from n2s.graph.types import LATENTS
from n2s.plan.stages import Kernel, Plan, Size, Stage
from n2s.runtime.render import kernels
from n2s.runtime.render.compiled import forget_kept_code
from n2s.runtime.render.edges import filled_tables
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
        computed = [stage for stage in plan.stages if stage.kernel is None]
        names = dict.fromkeys([*(stage.node for stage in computed), *_steps(plan.stages)])
        nodes = {name: plan.graph.nodes[name] for name in names}
        forget_kept_code(plan.graph.nodes[name] for name in plan.order)
        self.scenes = {name: plan.scene.seen_by(node) for name, node in nodes.items()}
        self.resources = {stage.node: self._open(stage, opened) for stage in computed}
        self.filled = self._fill(opened)
        channels = self._channels()
        self.shapes = {stage.name: self._shape(stage, channels.get(stage.name)) for stage in computed}
        self.given: dict[str, tuple[int, ...]] = {}  # the shape of what each streamed node gave first
        self.done_with = _last_readers(plan.stages)
        self.read_by_nodes = _read_by_nodes(plan.stages)
        # Kernels whose memory may be used again when their readers, all of them kernels, are done.
        self.own_buffers = {stage.name for stage in plan.stages if stage.kernel is not None} - self.read_by_nodes
        self._kernels: dict[tuple, kernels.Run] = {}
        self._lock = threading.Lock()
        self.compiling: Callable[[Kernel], None] = lambda kernel: None
        self._refuse_vast()

    def _open(self, stage: Stage, opened: dict[str, Any] | None) -> Any:
        """Return what a streamed node opens for a run."""
        node, scene = self.plan.graph.nodes[stage.node], self.scenes[stage.node]
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
            return (channels, *stage.grid)
        return (3, stage.size[1], stage.size[0]) if stage.size else (3, None, None)

    def _channels(self) -> dict[str, int]:
        """The channels of latents, where the decoder they end in tells."""
        found: dict[str, int] = {}
        for stage in reversed(self.plan.stages):
            ports = self.plan.graph.nodes[stage.node].ports
            if stage.kernel is not None or LATENTS not in ports.values():
                continue
            channels = getattr(self.resources[stage.node], "channels", None)
            channels = found.get(stage.name) if channels is None else channels
            if isinstance(channels, int):
                for port, read in stage.reads.items():
                    if ports.get(port) is LATENTS:
                        found.setdefault(read.stage, channels)
        return found

    def _refuse_vast(self) -> None:
        """Refuse windows that cover more frames than memory holds."""
        width, height = self.plan.graph.header.size
        for stage in self.plan.stages:
            frame = self.shapes.get(stage.name, ())
            sides = (3, height, width) if None in frame[1:] or not frame else (frame[0] or 8, *frame[1:])
            size = (stage.before + BLOCK + stage.after) * 4 * math.prod(sides)
            if stage.overlaps and size > MOST_BYTES:
                reads = [(other.node, read) for other in self.plan.stages for read in other.reads.values()]
                widest, read = max(reads, key=lambda item: item[1].before + item[1].after)
                raise authors.wrong(
                    self.plan.graph,
                    widest,
                    f"its window of {read.before} frames before and {read.after} after holds {size / 2**30:.0f} GiB "
                    f"of {stage.node}; at most {MOST_BYTES >> 30} are held.",
                )

    def kernel(self, kernel: Kernel, shapes: tuple[tuple[int, int], ...], size: Size, output: str) -> kernels.Run:
        """Return a compiled kernel for pictures of the given (height, width) and a result of ``size``."""
        key = (kernel, shapes, size, output)
        if key in self._kernels:
            return self._kernels[key]
        with self._lock:
            if key not in self._kernels:
                self.compiling(kernel)
                nodes = self.plan.graph.nodes
                pictures = [kernels.Picture(self.is_half(name), shape) for name, shape in zip(kernel.inputs, shapes)]
                classes = [type(nodes[step]) for step in kernel.steps]
                try:
                    program = kernels.program_of(kernel, classes, pictures, output, size)
                except kernels.PixelError as error:
                    step = next(step for step in kernel.steps if type(nodes[step]) is error.cls)
                    raise authors.wrong(self.plan.graph, step, f"{error.text}.") from error
                self._kernels[key] = kernels.compile_program(program, self.store.kernels)
            return self._kernels[key]

    def is_half(self, name: str) -> bool:
        """Say whether a node's frames are float16 by definition."""
        return bool(getattr(self.plan.graph.nodes[name], "half", False))


def _steps(stages: Sequence[Stage]) -> list[str]:
    """Return the pointwise nodes that the kernels of some stages compute."""
    return [step for stage in stages if stage.kernel is not None for step in stage.kernel.steps]


def _last_readers(stages: Sequence[Stage]) -> dict[str, list[Stage]]:
    """Return, for each stage, those that nothing reads after it."""
    found: dict[str, list[Stage]] = {stage.name: [] for stage in stages}
    by_name, done = {stage.name: stage for stage in stages}, set()
    for stage in reversed(stages):
        for read in stage.reads.values():
            if read.stage not in done:
                done.add(read.stage)
                found[stage.name].append(by_name[read.stage])
    return found


def _read_by_nodes(stages: Sequence[Stage]) -> set[str]:
    """Return the stages that a streamed node's own code reads."""
    return {read.stage for stage in stages if stage.kernel is None for read in stage.reads.values()}
