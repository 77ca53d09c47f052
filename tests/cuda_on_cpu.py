"""A device that is none: kernels for CUDA, compiled for the processor, their threads one after the other."""

from __future__ import annotations

import ctypes
import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from n2s.runtime.render.kernels.cuda_device import Memory
from n2s.runtime.render.kernels.cuda_kernel import Kernel

COMPILER = next(filter(None, map(shutil.which, ("g++", "clang++"))), None)
FLAGS = ["-std=c++17", "-O1", "-ffp-contract=off", "-fPIC", "-shared", "-w"]
SHIM = """\
#include <cmath>
#include <cstring>
#define __device__
#define __global__
struct Triple { int x, y, z; };
static thread_local Triple blockIdx, threadIdx;
static const Triple blockDim = {1, 1, 1};
static inline int __float_as_int(float x) { int made; memcpy(&made, &x, 4); return made; }
static inline float __int_as_float(int x) { float made; memcpy(&made, &x, 4); return made; }
"""


class OnCpu:
    """A device for tests. ``folder`` keeps what was compiled."""

    identity = {"device": "processor"}
    provider = "cpu"

    def __init__(self, folder: Path):
        self.folder = folder
        self.launched: list[str] = []
        self.bytes = {"up": 0, "down": 0}
        self._ahead: dict[str, tuple[str, ctypes.CDLL]] = {}

    def compile(self, source: str, kernels: Sequence[Kernel]) -> Mapping[str, Any]:
        if source not in self._ahead:
            self.compile_all([(source, kernels)])
        space, library = self._ahead[source]
        return {kernel.name: getattr(library, f"{space}_{kernel.name}") for kernel in kernels}

    def compile_all(self, programs: Sequence[tuple[str, Sequence[Kernel]]]) -> None:
        """Compile many programs at once, each in a namespace of its own."""
        made, spaces = self.library(programs)
        library = ctypes.CDLL(str(made))
        self._ahead |= {source: (space, library) for source, space in spaces.items()}

    def library(self, programs: Sequence[tuple[str, Sequence[Kernel]]]) -> tuple[Path, dict[str, str]]:
        """Return the library of some programs, and the namespace of each."""
        parts, spaces = [SHIM], {}
        for number, (source, kernels) in enumerate(programs):
            space = spaces[source] = f"n{number}"
            inner = source.replace('extern "C" __global__', "static")
            parts += [f"namespace {space} {{\n{inner}\n}}", *(_entry(space, kernel) for kernel in kernels)]
        text = "\n".join(parts)
        name = hashlib.sha256(text.encode()).hexdigest()[:24]
        made = self.folder / f"cuda{name}.so"
        if not made.is_file():
            with tempfile.TemporaryDirectory(dir=self.folder) as folder:  # several threads may want it
                source, library = Path(folder) / "kernels.cpp", Path(folder) / "kernels.so"
                source.write_text(text)
                subprocess.run([COMPILER, *FLAGS, str(source), "-o", str(library)], check=True)
                library.replace(made)
        return made, spaces

    def empty(self, size: int) -> Memory:
        held = np.full(max(1, size), 0xAB, np.uint8)  # no kernel may count on zeros
        return Memory(held.ctypes.data, size, held)

    def upload(self, array: np.ndarray, into: Memory | None = None) -> Memory:
        held = np.ascontiguousarray(array)
        memory = into or self.empty(held.nbytes)
        assert held.nbytes <= memory.size
        ctypes.memmove(memory.address, held.ctypes.data, held.nbytes)
        self.bytes["up"] += held.nbytes
        return memory

    def download(self, memory: Memory, out: np.ndarray) -> None:
        self.bytes["down"] += out.nbytes
        assert out.flags.c_contiguous and out.nbytes <= memory.size
        ctypes.memmove(out.ctypes.data, memory.address, out.nbytes)

    def clear(self, memory: Memory) -> None:
        ctypes.memset(memory.address, 0, memory.size)

    def wait(self) -> None:
        """All is done already."""

    def host_array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        return np.empty(shape, dtype)

    def launch(self, function: Any, kernel: Kernel, threads: tuple[int, int, int], values: Sequence[int]) -> None:
        self.launched.append(kernel.name)
        kinds = [ctypes.c_void_p if kind.endswith("*") else ctypes.c_int for kind, _ in kernel.arguments]
        held = [kind(value) for kind, value in zip(kinds, values, strict=True)]
        given = (ctypes.c_void_p * len(held))(*(ctypes.addressof(value) for value in held))
        function(*map(ctypes.c_int, threads), given)


def _entry(space: str, kernel: Kernel) -> str:
    """Return a function that goes through all threads of a kernel."""
    given = ", ".join(f"*({kind} *)given[{i}]" for i, (kind, _) in enumerate(kernel.arguments))
    sizes = ", ".join(f"sizeof({kind})" for kind, _ in kernel.arguments)
    return f"""\
extern "C" {{ int {space}_{kernel.name}_sizes[] = {{{len(kernel.arguments)}, {sizes}}}; }}
extern "C" void {space}_{kernel.name}(int across, int down, int frames, void **given) {{
    for (int f = 0; f < frames; f++) for (int y = 0; y < down; y++) for (int x = 0; x < across; x++) {{
        blockIdx = {{x, y, f}};
        {space}::{kernel.name}({given});
    }}
}}"""
