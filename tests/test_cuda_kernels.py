"""Kernels for CUDA, compiled for the processor: the bits of all nodes and layouts are those of the rows for numba."""

from __future__ import annotations

import copy
import itertools
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import cuda_on_cpu
import harness
import numpy as np
import pytest
from harness import RENDERING, around, load
from test_kernels import SHAPES, chain, given, mixed

from n2s.nodes.grain import Grain
from n2s.nodes.tone import Tone, Vignette
from n2s.runtime.render import kernels
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kernels import LAYOUTS, Program, compile_program
from n2s.runtime.render.kernels.cuda_program import cuda_program_of
from n2s.runtime.render.kernels.cuda_run import CudaRuns

pytestmark = pytest.mark.skipif(cuda_on_cpu.COMPILER is None, reason="there is no compiler of C++")


@dataclass
class Made:
    """A run of a kernel: what it was given, and what the rows for numba made of it."""

    program: Program
    given: dict[str, Any]
    out: np.ndarray


@pytest.fixture(scope="session")
def device(tmp_path_factory: pytest.TempPathFactory) -> cuda_on_cpu.OnCpu:
    return cuda_on_cpu.OnCpu(tmp_path_factory.mktemp("cuda"))


def recorded(monkeypatch: pytest.MonkeyPatch) -> list[Made]:
    """Return a list that gets every run of a kernel from now on."""
    made: list[Made] = []

    def compile_(program: Program, folder: Path) -> Any:
        run = compile_program(program, folder)

        def recording(first: int, seeds: Any, uniforms: Any, thresholds: Any, pictures: Any, out: Any, *rest: Any) -> bool:
            names = ("seeds", "uniforms", "thresholds", "pictures", "tables", "moves", "offsets")
            taken = copy.deepcopy(dict(zip(names, (seeds, uniforms, thresholds, pictures, *rest))))
            unsound = run(first, seeds, uniforms, thresholds, pictures, out, *rest)
            made.append(Made(program, {"first": first} | taken, out.copy()))
            return unsound

        return recording

    monkeypatch.setattr(kernels, "compile_program", compile_)
    return made


def assert_same_on(device: cuda_on_cpu.OnCpu, runs: dict[str, list[Made]]) -> None:
    """Run all of some runs for CUDA, to the same bits."""
    programs = {made.program: cuda_program_of(made.program) for made in itertools.chain(*runs.values())}
    device.compile_all([(program.source, program.kernels) for program in programs.values()])
    for name, each in runs.items():
        for made in each:
            out = np.zeros_like(made.out)
            assert not CudaRuns(device).compile(made.program, Path())(out=out, **made.given), name
            assert out.tobytes() == made.out.tobytes(), f"{name}\n{made.program}"


def test_all_nodes_have_the_bits_of_the_processor(
    studio: Any, store: Any, device: cuda_on_cpu.OnCpu, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs, made = {}, recorded(monkeypatch)
    for name in RENDERING:
        maker = FrameMaker(harness.plan(load(around(name, studio.model), studio.folder), store), store)
        maker.frames(30, 32)
        runs[name] = made[:]
        made.clear()
    assert_same_on(device, runs)
