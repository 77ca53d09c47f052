"""What Python gives a run or a session is looked at before any work, as the command line's arguments are."""

from __future__ import annotations

import operator
from collections.abc import Collection, Iterable
from typing import Any

from n2s.graph.errors import ArgumentError
from n2s.graph.parts import GraphParts


def check_graph(graph: Any) -> None:
    """Refuse what is no graph, such as the path of one."""
    if not isinstance(graph, GraphParts):
        raise ArgumentError(f"graph: a Graph was wanted, not {graph!r}; of a file: Graph.load(path).")


def check_count(name: str, value: Any) -> None:
    """Refuse what is no whole number from 1 on; None stands for nothing given."""
    if value is not None and (isinstance(value, bool) or not hasattr(value, "__index__") or value < 1):
        raise ArgumentError(f"{name}: a whole number from 1 on was wanted, not {value!r}.")


def check_names(name: str, value: Any) -> None:
    """Refuse a text where several names are wanted, of which its letters would be taken."""
    if isinstance(value, str) or not isinstance(value, Collection):
        raise ArgumentError(f"{name}: a list of names was wanted, not {value!r}.")


def frame_numbers(numbers: Iterable[Any], frames: int) -> list[int]:
    """Return the numbers of some of a track's frames as plain ones.

    Raises
    ------
    ArgumentError
        When one is no whole number, or the track has no such frame.
    """
    found = list(numbers)
    for number in found:
        if isinstance(number, bool) or not hasattr(number, "__index__"):
            raise ArgumentError(f"A frame is a whole number, not {number!r}.")
        if not 0 <= number < frames:
            raise ArgumentError(f"There is no frame {number}: the track has frames 0 to {frames - 1}.")
    return list(map(operator.index, found))
