"""One kernel for CUDA: what it takes by name, how many threads it has, and its text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kernel:
    """One kernel of a program.

    Attributes
    ----------
    arguments : tuple of (str, str)
        The type in C and the name of each.
    threads : tuple
        How many there are across and down: numbers, or names of numbers that it takes. There are as many layers of them
        as frames.
    body : str
        What a thread does, which knows its x and y, and f, its frame.
    functions : str
        Those that it alone calls.
    """

    name: str
    arguments: tuple[tuple[str, str], ...]
    threads: tuple[int | str, int | str]
    body: str
    functions: str = ""

    @classmethod
    def of(
        cls,
        name: str,
        arguments: Mapping[str, str],
        threads: tuple[int | str, int | str],
        body: str,
        functions: str = "",
    ) -> Kernel:
        """Return a kernel that takes some names, of the types that these have, and the numbers of its threads."""
        numbers = {limit: "int" for limit in threads if isinstance(limit, str)}
        given = tuple((kind, name) for name, kind in (numbers | dict(arguments)).items())
        return cls(name, given, threads, body, functions)

    @property
    def text(self) -> str:
        across, down = self.threads
        given = ", ".join(f"{kind}{'' if kind.endswith('*') else ' '}{name}" for kind, name in self.arguments)
        lines = "".join(f"    {line}\n" for line in self.body.splitlines())
        return f"""\
{self.functions}
extern "C" __global__ void {self.name}({given}) {{
    const int x = blockIdx.x * blockDim.x + threadIdx.x, y = blockIdx.y * blockDim.y + threadIdx.y;
    const int f = blockIdx.z;
    if (x >= {across} || y >= {down}) return;
{lines}}}"""
