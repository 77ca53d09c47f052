"""What parameters are driven by: the values over all frames of what is written there."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, cast

import numpy as np

from n2s.graph.errors import GraphError, Problem
from n2s.graph.expressions import Expression, Number
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.types import SIGNAL
from n2s.graph.values import Values, quantise


def first_output(graph: Graph, name: str) -> str:
    """Return the output of a node that is meant where none is named."""
    return next(iter(type(graph.nodes[name]).outputs), "")


def links_of(value: Any) -> list[Link]:
    """Return the links that a parameter's value reads."""
    return [value] if isinstance(value, Link) else value.links() if isinstance(value, Expression) else []


def given(graph: Graph, instance: str, field: str, values: Values) -> np.ndarray | None:
    """Return what a parameter of a sub-graph's interface is given; None where something it reads has no values yet.

    A signal that is given whole has all its columns, of which nodes inside may name one.

    Raises
    ------
    GraphError
        As `driven` does.
    """
    value = getattr(graph.instances[instance], field)
    if any(
        (link.node, link.output or first_output(graph, link.node)) not in values.outputs for link in links_of(value)
    ):
        return None
    if isinstance(value, Link):
        return carried(graph, instance, field, value, values)
    return driven(graph, instance, field, values)


def carried(graph: Graph, name: str, field: str, link: Link, values: Values) -> Any:
    """Return what a link carries, where it has the component that is named."""
    if link.component is not None:
        shape = values.read(replace(link, component=None)).shape
        if len(shape) == 1 or link.component >= shape[1]:
            has = f"has components 0 to {shape[1] - 1}" if len(shape) > 1 else "has no components"
            text = f'{name}.{field}: "{link}" names no component; {replace(link, component=None)} {has}.'
            raise GraphError([Problem(graph.where(name, field), text)])
    return values.read(link)


def driven(graph: Graph, name: str, field: str, values: Values) -> np.ndarray:
    """Return the values of a parameter of a node, or of an instance of a sub-graph, over all frames.

    Raises
    ------
    GraphError
        Where a value is no finite number, or something that it reads is not there.
    """
    value = getattr(graph.instances[name] if name in graph.instances else graph.nodes[name], field)
    clock = values.clock
    if isinstance(value, Number):
        return quantise(clock.seconds(value))
    links = [value] if isinstance(value, Link) else value.links()
    signals = {link: _column(graph, name, field, link, values) for link in links}
    if isinstance(value, Link):
        return signals[value]
    variables = {
        "time": clock.times(0, clock.frames),
        "frame": clock.numbers(0, clock.frames),
        "duration": np.float64(clock.duration),
    }
    precise = {link: signal.astype(np.float64) for link, signal in signals.items()}
    try:
        result = quantise(value.evaluate(variables, precise, clock))
    except GraphError as error:  # a moment that the music does not have
        raise GraphError([Problem(graph.where(name, field), f"{name}.{field}: {error}")]) from None
    result = np.broadcast_to(result, clock.frames) if result.ndim == 0 and _moves(value) else result
    if not np.isfinite(result).all():
        frame = int(np.argmax(~np.isfinite(np.atleast_1d(result))))
        text = (
            f"{name}.{field} is driven by = {value} and is no finite number at frame {frame}: it divides by 0, takes "
        )
        text += "the log or sqrt of a number below 0, or gets too large."
        raise GraphError([Problem(graph.where(name, field), text)])
    return np.ascontiguousarray(result) if result.ndim else result  # ascontiguousarray would give a scalar an axis


def _moves(expression: Expression) -> bool:
    return bool(expression.links())


def _column(graph: Graph, name: str, field: str, link: Link, values: Values) -> np.ndarray:
    signal = carried(graph, name, field, link, values)
    if signal.ndim == 1:
        return signal
    if signal.shape[1] == 1:
        return np.ascontiguousarray(signal[:, 0])
    like = cast(Any, graph.output(link, SIGNAL)).like(link)
    text = f'{name}.{field}: "{link}" has {signal.shape[1]} components; name one, like "{like}".'
    raise GraphError([Problem(graph.where(name, field), text)])
