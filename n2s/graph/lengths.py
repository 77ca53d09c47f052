"""Lengths of time in beats and bars, which lie in the range of what they are given to or not, as the tempo is."""

from __future__ import annotations

from collections.abc import Iterator

from n2s.graph.expressions import Number
from n2s.graph.node import Node
from n2s.graph.time import Clock
from n2s.graph.times import is_musical


def wrong_lengths(node: Node, clock: Clock, units: tuple[str, ...] = ("beat", "bar")) -> Iterator[tuple[str, str]]:
    """Yield the settings and parameters whose lengths lie outside their range at a clock's tempo, and what is wrong."""
    for field in (*node.settings(), *node.params()):
        number, spec = getattr(node, field), node.specs[field]
        if not isinstance(number, Number) or not is_musical(number) or not number.unit.startswith(units):
            continue
        seconds = clock.seconds(number)
        if spec.unit == "s" and not spec.allows(seconds):
            meant = f"{spec.shown_outside(seconds)} s at {clock.tempo:.4g} beats per minute"
            yield field, f"{number}, which is {meant}, was given; it must be {spec.range}, in s."
