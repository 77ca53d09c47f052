"""Walks along the links of a graph, over the nodes that each node reads.

networkx has them too, but importing it takes as long as all the rest of a check.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from graphlib import CycleError, TopologicalSorter
from heapq import heappop, heappush

Sources = Mapping[str, list[str]]  # the nodes that each node reads, in the order of the file


def inputs_first(sources: Sources) -> list[str]:
    """Return the names of the nodes, each after those that it reads, otherwise in the order of the file."""
    names, ready, order = list(sources), [], []
    position = {name: i for i, name in enumerate(names)}
    sorter = TopologicalSorter(sources)
    sorter.prepare()
    while sorter.is_active():
        for name in sorter.get_ready():
            heappush(ready, position[name])
        order.append(names[heappop(ready)])
        sorter.done(order[-1])
    return order


def find_circle(sources: Sources) -> list[str]:
    """Return the nodes of one circle of links, each before the one that reads it; nothing when there is none."""
    try:
        TopologicalSorter(sources).prepare()
    except CycleError as error:
        return error.args[1][:-1]  # its last is its first again
    return []


def needed_by(ends: Iterable[str], sources: Sources) -> set[str]:
    """Return the nodes that some nodes need, themselves included."""
    needed: set[str] = set()
    waiting = list(ends)
    while waiting:
        name = waiting.pop()
        if name not in needed:
            needed.add(name)
            waiting += sources[name]
    return needed
