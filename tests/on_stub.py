"""Kernels on the driver of `stub_driver.cpp`, in a process of its own: ``python on_stub.py FOLDER``; says ``equal``."""

from __future__ import annotations

import gc
import sys
import threading
from pathlib import Path
from typing import Any

import cuda_on_cpu
import numpy as np
from lensed import through
from test_kernels import SIZE, THROUGH, chain, given

from n2s.nodes.grain import Grain
from n2s.nodes.tone import Tone
from n2s.runtime.render.kernels import Program, cuda_compiler, cuda_driver, cuda_run
from n2s.runtime.render.kernels.cuda_device import OnDevice
from n2s.runtime.render.kernels.cuda_program import cuda_program_of
from n2s.runtime.render.kernels.cuda_run import CudaRuns

folder = Path(sys.argv[1])
kernels: dict[str, Any] = {}  # by their source


def noted(program: Program) -> Any:
    made = cuda_program_of(program)
    kernels[made.source] = made.kernels
    return made


def library_of(source: str, architecture: str) -> bytes:
    assert architecture == "sm_90"
    path, _ = cuda_on_cpu.OnCpu(folder).library([(source, kernels[source])])
    return str(path).encode() + b"\0"


cuda_compiler.cubin_of, cuda_compiler.version = library_of, lambda: "13.0"
cuda_run.cuda_program_of = noted
device: Any = cuda_driver.find_gpu()
assert device.identity == {"architecture": "sm_90", "nvrtc": "13.0", "driver": "13000"}


def frames(back: Any, program: Program, arguments: dict[str, Any]) -> np.ndarray:
    run, layout = CudaRuns(back).compile(program, folder), program.store.layout
    for _ in range(3):
        out = back.host_array((2, *layout.shape(program.size)), layout.dtype)
        assert not run(5, out=out, **arguments)
    return out


def check() -> None:
    for program, arguments, wanted in cases:
        np.testing.assert_array_equal(frames(device, program, arguments), wanted)
        picture = OnDevice(device, device.upload(arguments["pictures"][0]), arguments["pictures"][0].shape)
        there = arguments | {"pictures": [picture, *arguments["pictures"][1:]]}
        np.testing.assert_array_equal(frames(device, program, there), wanted)
        np.testing.assert_array_equal(picture[1:].numpy(), arguments["pictures"][0][1:])
    checked.append(True)


checked: list[bool] = []
seen, moves = through(THROUGH["one of two moves"], SIZE)
tone = chain([Tone, Grain], "larger", True, "yuv8")
given_each = [(tone, given(tone)), (seen, {"thresholds": given(tone)["thresholds"], **moves})]
cases = [(*each, frames(cuda_on_cpu.OnCpu(folder), *each)) for each in given_each]
threads = [threading.Thread(target=check) for _ in range(2)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
gc.collect()
device.wait()
try:
    device.empty(1 << 40)
except MemoryError as error:
    print("equal" if len(checked) == 2 else "not equal", error)
