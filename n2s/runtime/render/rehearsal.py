"""A walk over a plan that makes no frame, so that all kernels that are missing can be compiled at the same time.

A kernel is compiled when it is run first, for what it is given then; and what it is given, kernels before it make. The
walk lets them make black frames at once.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from contextlib import closing, suppress
from typing import Any, cast

import numpy as np

from n2s.graph.wording import counted
from n2s.plan.stages import Kernel, Size, Stage
from n2s.runtime.render.calls import KernelCalls
from n2s.runtime.render.courses import Course
from n2s.runtime.render.kept import NothingKept
from n2s.runtime.render.kernels.compiling import compile_together
from n2s.runtime.render.kernels.kept import Wanted, asking
from n2s.runtime.render.opened import Opened
from n2s.runtime.render.tally import Tally
from n2s.runtime.render.work import Work

LEAST = 6000  # characters of kernels beside the longest: compiling these takes longer than starting a process


def compile_missing(plans: Sequence[Opened], processes: int, say: Callable[[str], None] = lambda text: None) -> None:
    """Compile the kernels that the first frames of some plans need, and that are missing, if there are several.

    ``say`` is told how far it is. What was not found is compiled when it is run first.
    """
    if processes == 1:
        return
    wanted = {kernel.path: kernel for opened in plans if not opened.gpus for kernel in missing_kernels(opened)}
    work = [kernel.work for kernel in wanted.values()]
    if work and sum(work) - max(work) >= LEAST:
        many = counted(len(wanted), "kernel")
        say(f"compiling {many}")
        compile_together(wanted.values(), processes, lambda done: say(f"compiled {done} of {many}"))


def missing_kernels(opened: Opened) -> list[Wanted]:
    """Return the kernels that the first frame of a plan needs and whose machine code is not there."""
    # What is wrong with a node is found, and told, when the first frame is made in earnest.
    with asking() as wanted, suppress(Exception), closing(Rehearsal(opened)) as walk:
        walk.make(0, 1)
    opened.given.clear()
    return wanted


class Rehearsal(Work):
    """Work whose nodes and kernels give black frames."""

    def __init__(self, opened: Opened, course: Course | None = None, asking: Work | None = None):
        super().__init__(opened, NothingKept(), Tally(), course=course, asking=asking)
        self._calls = _Calls(opened, self.tally)

    def _work_for(self, course: Course) -> Work:
        return Rehearsal(self.opened, course, self)

    def _compute(self, stage: Stage, start: int, stop: int) -> np.ndarray:
        shape = self.opened.shapes[stage.name]
        if None not in shape:
            return np.zeros((stop - start, *cast(Any, shape)), np.float32)
        if scale := getattr(self.opened.resources[stage.node], "scale", None):  # of a decoder
            sides = (scale * side for side in cast(Any, stage.grid))
            return np.zeros((stop - start, cast(Any, shape[0]), *sides), np.float32)
        return super()._compute(stage, start, stop)  # a picture or a matte of any size, which is soon made


class _Calls(KernelCalls):
    def _call(
        self, kernel: Kernel, pictures: list[np.ndarray], start: int, size: Size, output: str, out: np.ndarray
    ) -> bool:
        super()._call(kernel, pictures, start, size, output, out)
        out[:] = 0
        return False
