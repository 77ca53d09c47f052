"""The device that kernels for CUDA run on: the first GPU, through its driver.

Each thread has a stream of its own, so that what it asks for is done in order, and beside what others ask for. Memory
comes from the driver's pool, which keeps what was given back.
"""

from __future__ import annotations

import ctypes
import threading
import weakref
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

import numpy as np

from n2s.graph.errors import RenderError
from n2s.runtime.render.kernels import cuda_compiler
from n2s.runtime.render.kernels.cuda_device import Memory
from n2s.runtime.render.kernels.cuda_kernel import Kernel

BLOCK = 32, 8, 1  # threads
MOST_KEPT = (1 << 64) - 1  # bytes that the pool does not give back to the system


@cache
def find_gpu() -> CudaDevice | None:
    """Return the first GPU, None where there is none or the packages of the extra [gpu] are not installed."""
    try:
        cuda_compiler.version()  # it is there, too
        return CudaDevice()
    except (ImportError, RenderError, RuntimeError, OSError):  # the bindings raise RuntimeErrors where a library lacks
        return None


class CudaDevice:
    """A GPU; see `n2s.runtime.render.kernels.cuda_device.Device`."""

    provider = "cuda"  # by which ONNX Runtime knows its memory

    def __init__(self) -> None:
        # Of the extra [gpu], and heavy.
        from cuda.bindings import driver  # pyright: ignore[reportMissingImports]

        self._cu = driver
        self._call("cuInit", 0)
        self._gpu = self._call("cuDeviceGet", 0)
        self._context = self._call("cuDevicePrimaryCtxRetain", self._gpu)
        attribute = driver.CUdevice_attribute
        capability = [
            self._call("cuDeviceGetAttribute", getattr(attribute, f"CU_DEVICE_ATTRIBUTE_COMPUTE_CAPABILITY_{part}"),
                       self._gpu) for part in ("MAJOR", "MINOR")
        ]  # fmt: skip
        self.architecture = f"sm_{capability[0]}{capability[1]}"
        self._local = threading.local()
        pool = self._call("cuDeviceGetDefaultMemPool", self._gpu)
        threshold = driver.CUmemPool_attribute.CU_MEMPOOL_ATTR_RELEASE_THRESHOLD
        self._call("cuMemPoolSetAttribute", pool, threshold, driver.cuuint64_t(MOST_KEPT))
        self._pinned: dict[int, list[int]] = {}  # addresses that were given back, by their size
        self._lock = threading.Lock()
        self._kernels: dict[str, Mapping[str, Any]] = {}

    @property
    def identity(self) -> dict[str, str]:
        driver = self._call("cuDriverGetVersion")
        return {"architecture": self.architecture, "nvrtc": cuda_compiler.version(), "driver": str(driver)}

    def _call(self, name: str, *arguments: Any) -> Any:
        """Return what a function of the driver gave."""
        status, *given = getattr(self._cu, name)(*arguments)
        if status == self._cu.CUresult.CUDA_ERROR_OUT_OF_MEMORY:
            raise MemoryError("CUDA is out of memory")
        if status != self._cu.CUresult.CUDA_SUCCESS:
            raise RenderError(f"CUDA says {status.name} to {name}.")
        return given[0] if given else None

    @property
    def _stream(self) -> Any:
        """This thread's stream; its context is the current one from here on."""
        self._call("cuCtxSetCurrent", self._context)
        if not hasattr(self._local, "stream"):
            self._local.stream = self._call("cuStreamCreate", self._cu.CUstream_flags.CU_STREAM_NON_BLOCKING.value)
        return self._local.stream

    def compile(self, source: str, kernels: Sequence[Kernel]) -> Mapping[str, Any]:
        with self._lock:
            if source not in self._kernels:
                code = cuda_compiler.cubin_of(source, self.architecture)
                self._call("cuCtxSetCurrent", self._context)
                module = self._call("cuModuleLoadData", code)
                found = {k.name: self._call("cuModuleGetFunction", module, k.name.encode()) for k in kernels}
                self._kernels[source] = found
            return self._kernels[source]

    def empty(self, size: int) -> Memory:
        stream = self._stream
        address = self._call("cuMemAllocAsync", max(1, size), stream)
        owner = _Owner()
        weakref.finalize(owner, self._free, address, stream).atexit = False
        return Memory(int(address), size, owner)

    def _free(self, address: Any, stream: Any) -> None:
        self._cu.cuCtxSetCurrent(self._context)
        self._cu.cuMemFreeAsync(address, stream)

    def upload(self, array: np.ndarray, into: Memory | None = None) -> Memory:
        array = np.ascontiguousarray(array)
        memory = into or self.empty(array.nbytes)
        if array.nbytes:
            self._call("cuMemcpyHtoDAsync", memory.address, array.ctypes.data, array.nbytes, self._stream)
            self._call("cuStreamSynchronize", self._stream)  # the array may be another's as soon as this returns
        return memory

    def download(self, memory: Memory, out: np.ndarray) -> None:
        self._call("cuMemcpyDtoHAsync", out.ctypes.data, memory.address, out.nbytes, self._stream)
        self.wait()

    def clear(self, memory: Memory) -> None:
        self._call("cuMemsetD8Async", memory.address, 0, memory.size, self._stream)

    def wait(self) -> None:
        self._call("cuStreamSynchronize", self._stream)

    def launch(self, function: Any, kernel: Kernel, threads: tuple[int, int, int], values: Sequence[int]) -> None:
        kinds = [ctypes.c_uint64 if kind.endswith("*") else ctypes.c_int for kind, _ in kernel.arguments]
        held = [kind(value) for kind, value in zip(kinds, values, strict=True)]
        pointers = np.array([ctypes.addressof(value) for value in held], np.uint64)
        grid = [-(-count // side) for count, side in zip(threads, BLOCK)]
        self._call("cuLaunchKernel", function, *grid, *BLOCK, 0, self._stream, pointers.ctypes.data, 0)

    def host_array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return memory of the computer that the GPU writes into by itself; it is used again when nobody holds it."""
        size = int(np.prod(shape, dtype=np.int64)) * np.dtype(dtype).itemsize
        with self._lock:
            back = self._pinned.setdefault(size, [])
            address = back.pop() if back else 0
        if not address:
            self._call("cuCtxSetCurrent", self._context)
            address = int(self._call("cuMemAllocHost", max(1, size)))
        held = (ctypes.c_byte * max(1, size)).from_address(address)
        weakref.finalize(held, back.append, address).atexit = False
        return np.frombuffer(held, dtype, count=int(np.prod(shape, dtype=np.int64))).reshape(shape)


class _Owner:
    """What holds memory of a GPU; when it goes, the memory is given back."""
