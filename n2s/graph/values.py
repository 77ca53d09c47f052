"""The resident values of one track: everything that is small enough to be computed before its first frame."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, NamedTuple

import numpy as np

from n2s.graph.errors import GraphError
from n2s.graph.links import Link
from n2s.graph.time import Clock

STEP = np.float64(2.0**-16)


def quantise(values: Any) -> Any:
    """Round to multiples of 2**-16, then to float32.

    Every signal and every constant parameter passes here, so that a recursion's history fades to nothing and a number
    equals a constant signal. What is beyond float32 becomes infinity without a warning of numpy's: whoever asks for
    finite numbers says where they came from.
    """
    with np.errstate(over="ignore", invalid="ignore"):
        return (np.round(np.asarray(values, np.float64) / STEP) * STEP).astype(np.float32)


class Measured(NamedTuple):
    """What a measure's signals cost.

    Attributes
    ----------
    frames, stored : int
        How many frames it looks at, and of how many of them the store had the numbers.
    sources : dict of str to int
        How many frames of each decoder and each other streamed node all of them are made of, windows included.
    seconds : dict of str to float
        Spent now in each node or fused run of nodes, summed over threads and processes.
    computed : dict of str to int
        Frames that each of them computed.
    waiting : dict of str to (int, int)
        By the key of its numbers, each chunk whose frames nobody looked at yet: they will be while the film is
        rendered, and the signals have what the measure declares as ``unmeasured`` there.
    """

    frames: int
    stored: int
    sources: Mapping[str, int]
    seconds: Mapping[str, float]
    computed: Mapping[str, int]
    waiting: Mapping[str, tuple[int, int]]


@dataclass
class Values:
    """What analysis found.

    Attributes
    ----------
    clock : Clock
    outputs : dict
        (node, output) → float32 (T,) or (T, K) array, or audio handle.
    params : dict
        (node, parameter) → float32 scalar where constant, float32 (T,) where driven.
    measured : dict
        measure → what its signals cost.
    kept : dict
        What nodes keep in the store of what they read, the music for one: a digest of what it is → its bytes.
    """

    clock: Clock
    outputs: dict[tuple[str, str], Any] = field(default_factory=dict)
    params: dict[tuple[str, str], np.ndarray] = field(default_factory=dict)
    measured: dict[str, Measured] = field(default_factory=dict)
    kept: dict[str, int] = field(default_factory=dict)

    def read(self, link: Link) -> Any:
        """Return what a link of a flattened graph carries, in which columns have their numbers."""
        names = [output for node, output in self.outputs if node == link.node] if not link.output else [link.output]
        value = self.outputs[link.node, names[0]]
        columns = value.shape[1] if link.component is not None and value.ndim == 2 else 0
        if isinstance(link.component, str) or (link.component is not None and link.component >= columns):
            has = f"has components 0 to {columns - 1}" if columns else "has no components"
            raise GraphError(f'"{Link(link.node, link.output)}" {has}; there is no "{link}".')
        return value if link.component is None else np.ascontiguousarray(value[:, link.component])
