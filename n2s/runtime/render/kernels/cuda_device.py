"""What kernels for CUDA need of a device: memory, copies, and threads that run.

`cuda_driver` is the real one. Tests have another, which compiles the same source for the processor.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

if TYPE_CHECKING:
    from n2s.runtime.render.kernels.cuda_kernel import Kernel


@dataclass(frozen=True)
class Memory:
    """Some bytes on a device; ``owner`` keeps them while this is held."""

    address: int
    size: int
    owner: Any = None


@dataclass(frozen=True)
class OnDevice:
    """Frames of float32 that lie on a device, (T, ...): what a kernel takes in place of an array of numpy."""

    device: Device
    memory: Memory
    shape: tuple[int, ...]

    @classmethod
    def empty(cls, device: Device, shape: tuple[int, ...]) -> OnDevice:
        """Return memory for frames of a shape (T, ...)."""
        return cls(device, device.empty(4 * math.prod(shape)), shape)

    def __len__(self) -> int:
        return self.shape[0]

    def __getitem__(self, frames: Any) -> Any:
        """Return neighbouring frames where they lie; others, by their numbers, as an array."""
        if not isinstance(frames, slice):
            return self.numpy()[frames]
        start, stop, _ = frames.indices(len(self))
        size = self.memory.size // max(1, len(self))
        memory = Memory(self.memory.address + start * size, max(0, stop - start) * size, self.memory.owner)
        return OnDevice(self.device, memory, (max(0, stop - start), *self.shape[1:]))

    def numpy(self) -> np.ndarray:
        """Return the frames as an array."""
        out = np.empty(self.shape, np.float32)
        self.device.download(self.memory, out)
        return out


def on_host(frames: Any) -> np.ndarray:
    """Return frames as an array, wherever they lie."""
    return frames.numpy() if isinstance(frames, OnDevice) else frames


class Device(Protocol):
    """A device, which threads share. What one thread asks for is done in the order in which it asks.

    Memory that there is no more of raises `MemoryError`.
    """

    provider: str  # by which ONNX Runtime knows its memory

    @property
    def identity(self) -> dict[str, str]:
        """What decides bits, for keys: the kind of device, its compiler and driver."""
        ...

    def compile(self, source: str, kernels: Sequence[Kernel]) -> Mapping[str, Any]:
        """Return what `launch` takes for each kernel, by name. Raises `CompileError`."""
        ...

    def empty(self, size: int) -> Memory: ...

    def upload(self, array: np.ndarray, into: Memory | None = None) -> Memory:
        """Return memory that holds an array: new memory, or what is given."""
        ...

    def download(self, memory: Memory, out: np.ndarray) -> None:
        """Wait for what was asked for, and copy memory into a contiguous array."""
        ...

    def clear(self, memory: Memory) -> None:
        """Make all bytes 0."""
        ...

    def wait(self) -> None:
        """Wait for all that this thread asked for."""
        ...

    def host_array(self, shape: tuple[int, ...], dtype: Any) -> np.ndarray:
        """Return an array of any content, into which `download` is fastest."""
        ...

    def launch(self, function: Any, kernel: Kernel, threads: tuple[int, int, int], values: Sequence[int]) -> None:
        """Run a kernel with a value for each of its arguments, addresses for pointers."""
        ...
