"""Source code that is written block by block: what is inside a block is indented by the block itself."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager


class Writer:
    """Lines of Python that were written so far."""

    def __init__(self) -> None:
        self._lines: list[str] = []
        self._indent = ""

    def add(self, *lines: str) -> None:
        """Write lines into the block that is open."""
        self._lines += [self._indent + line for line in lines]

    @contextmanager
    def block(self, opening: str) -> Iterator[None]:
        """Open a block (``for x in range(width):``) for the lines that are written inside the ``with`` statement."""
        self.add(opening)
        outside, self._indent = self._indent, self._indent + "    "
        yield
        self._indent = outside

    @property
    def text(self) -> str:
        return "".join(f"{line}\n" for line in self._lines)
