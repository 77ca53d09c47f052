"""The kernels of echoes, compiled: for each class of nodes what its own code makes, and what is the same for all."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import Any, cast

from n2s.graph.declare import Echo
from n2s.runtime.render.kernels import numba_echo
from n2s.runtime.render.kernels.kept import compile_kernel
from n2s.runtime.render.kernels.pixels import read_pixel, uniform_names


def light(folder: Path) -> Callable:
    """Return the kernel that turns frames into pictures of light."""
    return compile_kernel(numba_echo.light_source(), folder)


class Echoes:
    """The kernels of one class of echoes; see `numba_echo` for what each takes.

    Attributes
    ----------
    names : list of str
        The numbers that are given for each frame and age, in their order.
    """

    def __init__(self, cls: type[Echo], folder: Path):
        self._folder = folder
        self._step, self._step_names = read_pixel(cls, "step"), uniform_names(cls, "step")
        self._moves = hasattr(cls, "where")
        self._where, self._where_names = (
            (read_pixel(cls, "where"), uniform_names(cls, "where")) if self._moves else (None, [])
        )
        self.names = list(dict.fromkeys([*self._step_names, *self._where_names]))

    def still(self, is_light: bool) -> Callable:
        """Return the kernel for past frames that stay in place; they are pictures of light, or frames."""
        return self._still_light if is_light else self._still_frames

    @cached_property
    def _still_light(self) -> Callable:
        return self._compile(numba_echo.still_source(self._step, self._step_names, self.names, True))

    @cached_property
    def _still_frames(self) -> Callable:
        return self._compile(numba_echo.still_source(self._step, self._step_names, self.names, False))

    @cached_property
    def moving(self) -> Callable:
        """The kernel for past frames that are read at other places."""
        return self._compile(
            numba_echo.moving_source(
                self._step, self._step_names, cast(Any, self._where), self._where_names, self.names
            )
        )

    def _compile(self, source: str) -> Callable:
        return compile_kernel(source, self._folder)
