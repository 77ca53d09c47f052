"""What kernels for CUDA need of a device: memory, copies, and threads that run.

`cuda_driver` is the real one. Tests have another, which compiles the same source for the processor.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from n2s.runtime.render.kernels.cuda_kernel import Kernel


@dataclass(frozen=True)
class Memory:
    """Some bytes on a device; ``owner`` keeps them while this is held."""

    address: int
    size: int
    owner: Any = None


@dataclass(frozen=True)
class OnDevice:
    """An array of floats that lies on a device, contiguous: what a kernel takes in place of one of numpy."""

    memory: Memory
    shape: tuple[int, ...]

    def __len__(self) -> int:
        return self.shape[0]


class Device(Protocol):
    """A device, which threads share. What one thread asks for is done in the order in which it asks.

    Memory that there is no more of raises `MemoryError`.
    """

    @property
    def identity(self) -> dict[str, str]:
        """What decides bits, for keys: the kind of device, its compiler and driver."""
        ...

    def compile(self, source: str, kernels: Sequence[Kernel]) -> Mapping[str, Any]:
        """Return what `launch` takes for each kernel, by name. Raises `CompileError`."""
        ...

    def empty(self, size: int) -> Memory: ...

    def upload(self, array: np.ndarray) -> Memory: ...

    def download(self, memory: Memory, out: np.ndarray) -> None:
        """Wait for what was asked for, and copy memory into a contiguous array."""
        ...

    def clear(self, memory: Memory) -> None:
        """Make all bytes 0."""
        ...

    def launch(self, function: Any, kernel: Kernel, threads: tuple[int, int, int], values: Sequence[int]) -> None:
        """Run a kernel with a value for each of its arguments, addresses for pointers."""
        ...
