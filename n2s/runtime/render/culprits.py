"""Whose fault it is that a kernel fails: each of its nodes runs alone, in their order, until one is found."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import cast

import numpy as np

from n2s.graph import authors
from n2s.plan.stages import FULL, Kernel, Lensing, Size
from n2s.runtime.render import kernels
from n2s.runtime.render.edges import check_finite
from n2s.runtime.render.opened import Opened

# Runs a kernel: of pictures, from a frame on, in a size and a layout, into an array. Says whether any of it may not be
# finite.
Call = Callable[[Kernel, list[np.ndarray], int, Size, str, np.ndarray], bool]


def find_not_finite(
    opened: Opened, call: Call, kernel: Kernel, pictures: list[np.ndarray], span: tuple[int, int], size: Size
) -> None:
    """Name the first node of a kernel whose frames are not finite; nothing when all are."""
    graph, (start, stop), made = opened.plan.graph, span, {}
    for i, (name, picture) in enumerate(zip(kernel.inputs, pictures)):
        for frame, (value, number) in enumerate(_origins(opened, name, span)):
            check_finite(graph, value, picture[frame : frame + 1], number)
        made["input", i] = picture
    for i, lensing in enumerate(kernel.lensings):
        for lens, single, sources in _single_lenses(kernel, i, lensing):
            out = made["input", i] = np.empty((stop - start, 3, size[1], size[0]), np.float32)
            call(single, [pictures[source] for source in sources], start, size, "frames", out)
            check_finite(graph, lens, out, start)
    for i, single, sources in _single_steps(kernel):
        kind = _makes(opened, kernel.steps[i])
        out = made["step", i] = np.empty((stop - start, *kernels.LAYOUTS[kind].shape(size)), np.float32)
        given = [made[source] for source in sources]
        unsound = call(single, given, start, size, kind, out)
        for f in range(stop - start) if unsound and kind == "matte" else ():  # what is stored is held within 0..1
            alone = [picture[f : f + 1] for picture in given]
            if call(single, alone, start + f, size, kind, out[f : f + 1]):
                text = f"its mattes hold NaN or infinity at frame {start + f}; finite numbers were wanted."
                raise authors.wrong(graph, kernel.steps[i], text)
        check_finite(graph, kernel.steps[i], out, start)


def _origins(opened: Opened, name: str, span: tuple[int, int]) -> Iterator[tuple[str, int]]:
    """Yield for each frame of an input of a kernel whose it is, and its number there: of a pick, what it shows."""
    stages = {stage.value: stage for stage in opened.plan.stages if stage.is_picked}
    ports = {value: list(opened.plan.graph.nodes[stage.node].ports) for value, stage in stages.items()}
    for frame in range(*span):
        value, number = opened.value_of(name), frame
        while value in stages:
            shown, numbers = opened.picked[stages[value].name].at(np.array([number]))
            if shown[0] < 0:
                break
            read = stages[value].reads[ports[value][shown[0]]]
            value, number = opened.value_of(read.stage), int(numbers[0])
        yield value, number


def find_uncompilable(
    opened: Opened,
    call: Call,
    kernel: Kernel,
    pictures: list[np.ndarray],
    start: int,
    size: Size,
    error: kernels.CompileError,
) -> None:
    """Name the first node of a kernel whose pixel code cannot be compiled; nothing when each alone can."""
    if len(kernel.nodes) == 1:
        raise _uncompilable(opened, kernel, error) from error.__cause__
    blank = {kind: np.zeros((1, *kernels.LAYOUTS[kind].shape(size)), np.float32) for kind in ("frames", "matte")}

    def try_alone(single: Kernel, given: list[np.ndarray], kind: str) -> None:
        try:
            call(single, given, start, size, kind, blank[kind].copy())
        except kernels.CompileError as wrong:
            raise _uncompilable(opened, single, wrong) from wrong.__cause__

    for i, lensing in enumerate(kernel.lensings):
        for _, single, sources in _single_lenses(kernel, i, lensing, alone=True):
            try_alone(single, [pictures[source][:1] for source in sources], "frames")
    for i, single, sources in _single_steps(kernel):
        given = [pictures[j][:1] if what == "input" else blank[_makes(opened, kernel.steps[j])] for what, j in sources]
        try_alone(single, given, _makes(opened, kernel.steps[i]))


def _uncompilable(opened: Opened, kernel: Kernel, error: kernels.CompileError) -> Exception:
    """Return the error that names the one node of a kernel, and where its pixel code stands."""
    (name,) = kernel.nodes
    node = opened.plan.graph.nodes[name]
    method = node.pixel_code() if kernel.steps else "where"
    code = getattr(type(node), method).__code__
    wanted = "x and y" if method == "where" else "red, green and blue, or one value of a matte"
    why = f"it must give {wanted}, and read no others" if "tuple index out of range" in str(error) else error
    text = f"{method} cannot be compiled: {why} ({code.co_filename}:{code.co_firstlineno})"
    return authors.wrong(opened.plan.graph, name, text)


def _single_steps(kernel: Kernel) -> Iterator[tuple[int, Kernel, list[tuple[str, int]]]]:
    """Yield for each step its number, a kernel of it alone, and the pictures that this reads."""
    for i, (step, wires) in enumerate(zip(kernel.steps, kernel.wiring)):
        sources = [wire for wire in dict.fromkeys(wires) if wire != FULL]
        names = tuple(kernel.inputs[j] if what == "input" else kernel.steps[j] for what, j in sources)
        wiring = (tuple(wire if wire == FULL else ("input", sources.index(wire)) for wire in wires),)
        yield i, Kernel((step,), names, wiring, ("step", 0)), sources


def _single_lenses(
    kernel: Kernel, number: int, lensing: Lensing | None, alone: bool = False
) -> Iterator[tuple[str, Kernel, list[int]]]:
    """Yield for each lens of an input, the first in the film first, a kernel of its view, and the inputs it reads.

    Parameters
    ----------
    alone : bool
        Each lens by itself, and not on what those before it show.
    """
    for i in reversed(range(len(lensing.lenses) if lensing else 0)):
        lensing = cast(Lensing, lensing)
        stop = i + 1 if alone else None
        beside = lensing.pictures[i:stop]
        sources = list(dict.fromkeys(j for pictures in beside for j in pictures))
        numbered = tuple(tuple(sources.index(j) for j in pictures) for pictures in beside)
        view = Lensing(lensing.lenses[i:stop], numbered)
        sources.append(number)
        names = tuple(kernel.inputs[j] for j in sources)
        yield (
            lensing.lenses[i],
            Kernel((), names, (), ("input", len(sources) - 1), (*(None,) * (len(sources) - 1), view)),
            sources,
        )


def _makes(opened: Opened, step: str) -> str:
    """Return what a pointwise node makes, "frames" or "matte"."""
    return next(iter(type(opened.plan.graph.nodes[step]).outputs.values())).kind.name.lower()
