"""Tables that pixel code reads: what a node declares of each, and what arrays may be given for it."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import Any, ClassVar

import numpy as np


@dataclass(frozen=True)
class Table(ABC):
    """A table of numbers that pixel code reads by a function of `n2s.graph.shader`.

    ``reader`` is the name of that function, ``wanted`` the shape of the arrays in words.
    """

    reader: ClassVar[str] = ""
    wanted: ClassVar[Any] = ""  # which arrays may be given, in words

    @abstractmethod
    def takes(self, shape: tuple[int, ...]) -> bool:
        """Say whether an array of a shape may be given."""

    def packed(self, values: np.ndarray) -> np.ndarray:
        """Return tables of several frames as kernels take them: float32, colours padded to four numbers.

        A processor reads four neighbouring numbers at once.
        """
        made = np.zeros((*values.shape[:-1], 4), np.float32)
        made[..., :3] = values
        return made


@dataclass(frozen=True)
class Line(Table):
    """A row of colours (n, 3), read by `read_line(line, t)`: t from 0 to 1, linear between the rows."""

    reader, wanted = "read_line", "(n, 3) with n from 2 to 65536"

    def takes(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 2 and shape[1] == 3 and 2 <= shape[0] <= 1 << 16


@dataclass(frozen=True)
class Cube(Table):
    """A colour (n, n, n, 3) for each red, green and blue, in this order, read by `read_cube(cube, r, g, b)`."""

    reader, wanted = "read_cube", "(n, n, n, 3) with n from 2 to 129"

    def takes(self, shape: tuple[int, ...]) -> bool:
        return len(shape) == 4 and shape[0] == shape[1] == shape[2] and 2 <= shape[0] <= 129 and shape[3] == 3


@dataclass(frozen=True)
class Tile(Table):
    """A picture that is repeated for ever, read by `read_tile(tile, x, y)` at whole pixels.

    With three ``channels`` it is (h, w, 3), and a colour is read; with one it is (h, w), and a number is read.
    """

    channels: int = 3
    reader = "read_tile"

    def __post_init__(self) -> None:
        if self.channels not in (1, 3):
            raise ValueError(f"a Tile has 1 or 3 channels, not {self.channels!r:.40}")

    @property
    def wanted(self) -> str:  # pyright: ignore[reportIncompatibleVariableOverride] its channels say
        return f"{'(h, w, 3)' if self.channels == 3 else '(h, w)'} with sides from 1 to 4096"

    def takes(self, shape: tuple[int, ...]) -> bool:
        return (
            len(shape) == (3 if self.channels == 3 else 2)
            and all(1 <= side <= 4096 for side in shape[:2])
            and shape[2:] in ((), (3,))
        )

    def packed(self, values: np.ndarray) -> np.ndarray:
        return super().packed(values) if self.channels == 3 else np.array(values, np.float32, order="C")
