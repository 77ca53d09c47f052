"""The runs of kernels: what they are given for a stretch of frames, and whose fault it is when one fails."""

from __future__ import annotations

import time
from typing import Any, cast

import numpy as np

from n2s.graph import authors
from n2s.plan.frame import remainder_at
from n2s.plan.stages import Kernel, Size, Stage
from n2s.runtime.render import culprits, kernels
from n2s.runtime.render.edges import prepared_columns, prepared_tables, read_only, wanted_by
from n2s.runtime.render.kernels.cuda_device import on_host
from n2s.runtime.render.moves import lens_moves
from n2s.runtime.render.opened import Opened
from n2s.runtime.render.tally import Tally


class KernelCalls:
    """Runs the kernels of a plan, and counts the time of their nodes."""

    def __init__(self, opened: Opened, tally: Tally):
        self.opened, self.plan, self.tally = opened, opened.plan, tally
        end = self.plan.stages[-1]
        coded = end.makes == "codes"  # only films have bits and a dither
        width = (end.size or self.plan.scene.size)[0]
        self._thresholds = kernels.dither_pattern(coded and self.plan.pixels.dither, width)

    def run(self, stage: Stage, pictures: list[np.ndarray], start: int, output: str, out: np.ndarray) -> None:
        """Run a stage's kernel into ``out``, whose first frame is ``start``.

        Parameters
        ----------
        output : str
            The layout of ``out``: a key of `kernels.LAYOUTS`.

        Raises
        ------
        RenderError
            When what it reads or makes is not finite, or the code of one of its nodes fails.
        """
        began, kernel, size = time.perf_counter(), cast(Any, stage.kernel), cast(Any, stage.size)
        try:
            if self._call(kernel, pictures, start, size, output, out):
                span = start, start + len(out)
                culprits.find_not_finite(self.opened, self._call, kernel, list(map(on_host, pictures)), span, size)
        except kernels.CompileError as error:
            culprits.find_uncompilable(self.opened, self._call, kernel, pictures, start, size, error)
            raise
        label = "+".join([*kernel.nodes, self.plan.end] if stage.makes == "codes" else kernel.nodes)
        self.tally.add(label or stage.name, time.perf_counter() - began, len(out))

    def _call(
        self, kernel: Kernel, pictures: list[np.ndarray], start: int, size: Size, output: str, out: np.ndarray
    ) -> bool:
        """Run a kernel; say whether anything in it may not be finite."""
        plan, span = self.plan, (start, start + len(out))
        nodes = [plan.graph.nodes[step] for step in kernel.steps]
        columns, tables = [], []
        for step, node in zip(kernel.steps, nodes):
            params = {field: read_only(self.opened.param(step, field, *span)) for field in node.params()}
            filled, numbers = self.opened.filled.get(step, ({}, {}))
            params |= wanted_by(type(node).prepare, numbers)
            prepared = authors.call(plan.graph, step, "prepare", node.prepare, span=span, **params)
            prepared = numbers | prepared if isinstance(prepared, dict) else prepared
            code = type(node), node.pixel_code()
            columns += prepared_columns(plan.graph, step, prepared, kernels.uniform_names(*code), span, method=code[1])
            tables += prepared_tables(plan.graph, step, filled, prepared, kernels.table_names(*code), span)
        uniforms = np.zeros((len(out), len(columns)), np.float32)
        for i, column in enumerate(columns):
            uniforms[:, i] = column
        lensings = [lensing for lensing in kernel.lensings if lensing]
        lenses = [plan.graph.nodes[name] for lensing in lensings for name in lensing.lenses]
        seeds = np.array(
            [kernels.node_seed(plan.scene.seed, cast(Any, node)) for node in [*lenses, *nodes]] or [0], np.uint32
        )
        moves = [lens_moves(plan, lensing, span) for lensing in lensings]
        offsets = [
            remainder_at(plan, framing, span) * np.divide(picture.shape[2:], framing.grid)
            for framing, picture in zip(kernel.framings, pictures)
            if framing
        ]
        run = self.opened.kernel(kernel, tuple(picture.shape[1:] for picture in pictures), size, output)
        return run(start, seeds, uniforms, self._thresholds, pictures, out, tables, moves, offsets)
