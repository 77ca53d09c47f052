"""How large the results are that a node keeps while it computes."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from n2s.graph.context import Context
from n2s.graph.keys import digest


class NotingContext:
    """A context that also notes in ``sizes`` how many bytes are in each result that is kept, by a digest of what it is.

    Two nodes that keep the same note it under the same digest.
    """

    def __init__(self, context: Context):
        self._context = context
        self.sizes: dict[str, int] = {}

    def __getattr__(self, name: str) -> Any:
        return getattr(self._context, name)

    def keep(
        self, name: str, recipe: Mapping[str, Any], make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        arrays = self._context.keep(name, dict(recipe), make)
        self.sizes[digest([name, dict(recipe)])] = sum(array.nbytes for array in arrays.values())
        return arrays
