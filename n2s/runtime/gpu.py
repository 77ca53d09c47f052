"""The GPU that computes kernels where it decodes: whether there is one, its name in keys, and its runs.

All code for GPUs is imported from here. It is no part of the keys of films that a processor makes: `identity` names
it, in the keys of those that a GPU makes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.code.identity import code_digest
from n2s.runtime.models.sessions import ProviderExhausted
from n2s.runtime.render.kernels import CompileError, Program, Run, compile_program
from n2s.runtime.render.kernels.cuda_device import Device, OnDevice, on_host


def find_gpu() -> Device | None:
    """Return the GPU that kernels run on; None where there is none, or what it needs is not installed."""
    # Needed by few, and it looks for a driver.
    from n2s.runtime.render.kernels import cuda_driver

    return cuda_driver.find_gpu()


def identity(device: Device) -> dict[str, str]:
    """Return what names the kernels of a GPU in keys."""
    return {"back_end": "cuda", "kernels": code_digest(__name__)} | device.identity


def compile_for(device: Device, program: Program, folder: Path, say: Callable[[str], None] = lambda text: None) -> Run:
    """Return a program that runs on a GPU; on the processor where its code cannot be translated, and ``say`` so."""
    # The translator and all it needs; most films are rendered without it.
    from n2s.runtime.render.kernels.cuda_run import CudaRuns

    try:
        return _handing_over(CudaRuns(device).compile(program, folder))
    except CompileError as error:
        say(f"{' + '.join(pixel.node for pixel in program.pixels) or 'Lenses'}: {error}.")
        return _on_processor(compile_program(program, folder))


def _handing_over(run: Run) -> Run:
    """Return a run that hands over to the CPU when the GPU's memory is full."""

    def handing_over(*arguments: Any, **named: Any) -> bool:
        try:
            return run(*arguments, **named)
        except MemoryError:
            raise ProviderExhausted(
                "The memory of CUDA is too small for the pictures; the CPU makes them from here on."
            ) from None

    return handing_over


def _on_processor(run: Run) -> Run:
    """Return a run whose pictures may lie on a GPU, and what it stores, too."""

    def fetching(
        first: int,
        seeds: Any,
        uniforms: Any,
        thresholds: Any,
        pictures: Sequence[Any],
        out: Any,
        *rest: Any,
        **named: Any,
    ) -> bool:
        stays = isinstance(out, OnDevice)
        made = np.empty(out.shape, np.float32) if stays else out
        fetched = [on_host(picture) for picture in pictures]
        unsound = run(first, seeds, uniforms, thresholds, fetched, made, *rest, **named)
        if stays:
            out.device.upload(made, out.memory)
        return unsound

    return fetching
