"""What makes hidden stages: one class for each part that pixel code reads beside its pictures."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Protocol

import numpy as np

from n2s.plan.stages import Stage
from n2s.runtime.render.opened import Opened
from n2s.runtime.render.past import Light, Past
from n2s.runtime.render.soft import Soft


class Part(Protocol):
    """Makes the values of one hidden stage, for one piece of work; it may keep memory from block to block."""

    reads_in_place: bool  # whether it is given the frames where they lie, without a copy

    def make(self, given: Any, span: tuple[int, int], params: Mapping[str, np.ndarray], out: np.ndarray) -> None:
        """Write the stage's value for frames start..stop, the ``span``, into ``out``.

        Parameters
        ----------
        given : float32 (B, 3, H, W), or InPlace
            What the stage reads, with the frames before and after that its read asks for.
        span : pair of int
        params : mapping of str to float32 (B,)
            The node's parameters for the frames of the span.
        out : float32 (B, 3, h, w)
            Of the stage's size; overwritten.
        """
        ...


PARTS: dict[str, Callable[[Opened, Stage], Part]] = {"light": Light, "past": Past, "soft": Soft}
