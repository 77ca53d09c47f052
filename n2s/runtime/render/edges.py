"""Checks of what nodes hand to each other: arrays of the right kind and shape, which nobody can write into."""

from __future__ import annotations

import inspect
import warnings
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import numpy as np

from n2s.graph import authors
from n2s.graph.declare import Output
from n2s.graph.graph import Graph
from n2s.graph.time import Clock
from n2s.graph.types import AUDIO, LATENTS, MATTE, SIGNAL, Kind
from n2s.graph.values import quantise
from n2s.plan.stages import node_of


def read_only(value: Any) -> Any:
    """Return a view of an array that cannot be written into; anything else as it is."""
    if isinstance(value, np.ndarray):
        value = value.view()
        value.flags.writeable = False
    return value


def resident_outputs(graph: Graph, name: str, made: Any, clock: Clock) -> dict[str, Any]:
    """Return what a resident node's ``compute`` returned, by output: signals as float32, music as its handle.

    Raises
    ------
    RenderError
        When an output is missing or is not what its declaration says.
    """
    outputs, made = type(graph.nodes[name]).outputs, by_output(graph, name, made)
    return {
        output: _resident(graph, name, output, declared, made[output], clock) for output, declared in outputs.items()
    }


def by_output(graph: Graph, name: str, made: Any) -> dict[str, Any]:
    """Return what a node's ``compute`` returned, by output, whose names must be those that its class declares."""
    outputs = type(graph.nodes[name]).outputs
    if not isinstance(made, dict):
        if len(outputs) > 1:
            raise authors.wrong(
                graph, name, f"compute gave {describe(made)}; its outputs by name were wanted: {', '.join(outputs)}."
            )
        return {next(iter(outputs)): made}
    if made.keys() != outputs.keys():
        missing, extra = [o for o in outputs if o not in made], [str(key) for key in made if key not in outputs]
        told = [f"nothing for {', '.join(missing)}"] if missing else []
        told += [f"{', '.join(extra)}, which it does not declare"] if extra else []
        raise authors.wrong(graph, name, f"compute gave {' and '.join(told)}; its outputs are {', '.join(outputs)}.")
    return made


def _resident(graph: Graph, name: str, output: str, declared: Output, value: Any, clock: Clock) -> Any:
    label = f"the output {output} is" if len(type(graph.nodes[name]).outputs) > 1 else "compute gave"
    if declared.kind is AUDIO:
        if problem := _audio_problem(value):
            raise authors.wrong(
                graph,
                name,
                f"{label} {describe(value)}; music was wanted, like scene.context.audio gives it: {problem}.",
            )
        return value
    if declared.kind is SIGNAL:
        return _signal(graph, name, label, declared, value, clock)
    raise authors.wrong(graph, name, f"{output} is {declared.kind}; a resident node gives Signal or Audio.")


def _audio_problem(handle: Any) -> str:
    """Say what a piece of music lacks."""
    if not isinstance(getattr(handle, "digest", None), str) or not callable(getattr(handle, "read", None)):
        return "it needs a digest and a read"
    for field in ("rate", "channels", "samples"):
        value = getattr(handle, field, None)
        if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < (field != "samples"):
            return f"its {field} is {value!r:.40}"
    return ""


def _signal(graph: Graph, name: str, label: str, declared: Output, value: Any, clock: Clock) -> np.ndarray:
    columns = f" of {declared.columns} columns" if declared.columns else ""
    wanted = f"a row of numbers{columns} for each of {clock.frames} frames was wanted"
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # of what numpy would rather not do: ragged lists
            array = np.asarray(value)
    except Exception:
        array = None
    if array is None or isinstance(value, np.ma.MaskedArray) or array.dtype.kind not in "biuf":
        raise authors.wrong(graph, name, f"{label} {describe(value)}; {wanted}.")
    right = array.ndim in (1, 2) and len(array) == clock.frames and array.size
    if not right or (declared.columns and (array.shape[1:] or (1,)) != (declared.columns,)):
        raise authors.wrong(graph, name, f"{label} {describe(array)}; {wanted}.")
    with np.errstate(over="ignore", invalid="ignore"):
        signal = quantise(array)
    if not np.isfinite(signal).all():
        frame = int(np.argmax(~np.isfinite(signal).reshape(len(signal), -1).all(axis=1)))
        text = (
            f"{label} not a finite number at frame {frame}"
            if label.endswith(" is")
            else f"{label} no finite number at frame {frame}"
        )
        raise authors.wrong(graph, name, f"{text}; {wanted}.")
    signal.flags.writeable = False
    return signal


def streamed_output(
    graph: Graph,
    value: str,
    made: Any,
    span: tuple[int, int],
    wanted: tuple[int | None, ...],
    alike: tuple[int, ...] | None,
) -> np.ndarray:
    """Return what a streamed node's ``compute`` returned, as it is where it is float32 of the wanted shape.

    Parameters
    ----------
    value : str
        The node, or one of its outputs: "picture.matte".
    wanted : tuple
        The shape of a frame; None where it is not known beforehand.
    alike : tuple of int, optional
        The shape of the frames that it gave before.

    Raises
    ------
    RenderError
        When it is anything else.
    """
    name = node_of(value)
    if type(made) is not np.ndarray and (not isinstance(made, np.ndarray) or isinstance(made, np.ma.MaskedArray)):
        raise _wrong_block(graph, value, made, span, wanted)
    if made.dtype != np.float32 or made.ndim != 4 or len(made) != span[1] - span[0] or not made.size:
        raise _wrong_block(graph, value, made, span, wanted)
    if any(side is not None and side != have for side, have in zip(wanted, made.shape[1:])):
        raise _wrong_block(graph, value, made, span, wanted)
    if alike is not None and made.shape[1:] != alike:
        before = "x".join(map(str, alike))
        raise authors.wrong(
            graph,
            name,
            f"compute gave {describe(made)} at frame {span[0]}, but frames of {before} elsewhere; "
            "all frames of a node are alike.",
        )
    return made


def _wrong_block(graph: Graph, value: str, made: Any, span: tuple[int, int], wanted: tuple) -> Exception:
    letters = ("C", "h", "w") if _kind(graph, value) is LATENTS else ("", "H", "W")
    output = value.partition(".")[2]
    shape = ", ".join(
        [str(span[1] - span[0]), *(letter if side is None else str(side) for side, letter in zip(wanted, letters))]
    )
    given = f"{describe(made)} as its {output}" if output else describe(made)
    return authors.wrong(
        graph,
        node_of(value),
        f"compute gave {given} for {authors.in_words(span)}; a float32 array ({shape}) was wanted.",
    )


def check_finite(graph: Graph, value: str, made: np.ndarray, start: int) -> None:
    """Refuse a block of latents, frames or mattes that begins at frame ``start`` and has NaN or infinity in it."""
    sound = np.isfinite(made)
    if not sound.all():
        frame = int(np.argmax(~sound.reshape(len(made), -1).all(axis=1)))
        what = "NaN" if np.isnan(made[frame]).any() else "infinity"
        kind = _kind(graph, value)
        kind = "mattes" if kind is MATTE else kind.name.lower()
        raise authors.wrong(
            graph, node_of(value), f"its {kind} hold {what} at frame {start + frame}; finite numbers were wanted."
        )


def prepared_columns(
    graph: Graph, name: str, made: Any, names: list[str], span: tuple[int, int], count: int = 0, method: str = "pixel"
) -> list[np.ndarray]:
    """Return the numbers that a node's ``prepare`` made for its pixel code, a float32 scalar or (B,) for each name.

    ``count`` is how many it was given of each parameter, where that is not one per frame; ``method`` is what takes
    them, whose place is told with that of ``prepare``.
    """
    count = count or span[1] - span[0]
    cls = type(graph.nodes[name])
    place = authors.defined(cls, "prepare")
    if not isinstance(made, dict) or any(wanted not in made for wanted in names):
        has = ", ".join(map(str, made)) if isinstance(made, dict) else describe(made)
        takes = f"its pixel code takes {', '.join(names)}{authors.defined(cls, method)}"
        raise authors.wrong(graph, name, f"prepare gave {has or 'nothing'}{place}; {takes}.")
    columns = []
    for wanted in names:
        value = made[wanted]
        if type(value) is not np.ndarray or value.dtype != np.float32 or value.ndim != 1:
            try:
                value = np.asarray(value)
            except Exception:
                value = np.asarray(None)
            if value.dtype.kind not in "biuf":
                raise authors.wrong(
                    graph, name, f"prepare gave {describe(made[wanted])} for {wanted}; numbers were wanted{place}."
                )
        if value.shape not in ((), (count,)):
            raise authors.wrong(
                graph,
                name,
                f"prepare gave {describe(value)} for {wanted} at {authors.in_words(span)}; "
                f"one number, or {count} of them, was wanted{place}.",
            )
        columns.append(value)
    return columns


def step_numbers(graph: Graph, name: str, made: Any, names: list[str], shape: tuple[int, int]) -> np.ndarray:
    """Return the numbers that an echo made for the steps of its frames and ages, float32 (B, K, N)."""
    cls = type(graph.nodes[name])
    place = authors.defined(cls, "prepare_steps")
    if not isinstance(made, dict) or any(wanted not in made for wanted in names):
        has = ", ".join(map(str, made)) if isinstance(made, dict) else describe(made)
        takes = f"its steps take {', '.join(names)}{authors.defined(cls, 'step')}"
        raise authors.wrong(graph, name, f"prepare_steps gave {has or 'nothing'}{place}; {takes}.")
    numbers = np.empty((*shape, len(names)), np.float32)
    for i, wanted in enumerate(names):
        try:
            numbers[:, :, i] = made[wanted]
        except (TypeError, ValueError):
            text = f"prepare_steps gave {describe(made[wanted])} for {wanted}; numbers of {shape} were wanted{place}."
            raise authors.wrong(graph, name, text) from None
    return numbers


def filled_tables(graph: Graph, name: str, made: Any) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """Return what a node's ``fill`` gave: its tables as kernels take them, for one frame, and its numbers, by name.

    Raises
    ------
    RenderError
        When a table is not of the shape that its declaration says, or not finite.
    """
    if not isinstance(made, dict) or not all(isinstance(key, str) for key in made):
        raise authors.wrong(graph, name, f"fill gave {describe(made)}; tables by name were wanted.")
    declared = type(graph.nodes[name]).tables
    tables = {key: _table(graph, name, "fill", key, made[key], None) for key in declared if key in made}
    return tables, {key: value for key, value in made.items() if key not in declared}


def wanted_by(prepare: Callable, numbers: Mapping[str, Any]) -> dict[str, Any]:
    """Return what of a node's ``fill`` its ``prepare`` takes by name."""
    names = _names_of(prepare)
    return {name: value for name, value in numbers.items() if name in names}


@cache
def _names_of(function: Callable) -> tuple[str, ...]:
    return tuple(inspect.signature(function).parameters)


def prepared_tables(
    graph: Graph,
    name: str,
    filled: dict[str, np.ndarray],
    prepared: dict[str, Any],
    names: list[str],
    span: tuple[int, int],
) -> list[np.ndarray]:
    """Return the tables that a node's pixel code takes: those ``prepare`` made for some frames, else the filled ones.

    Raises
    ------
    RenderError
        When there is none, or it is not of the shape that its declaration says, or not finite.
    """
    tables = []
    for wanted in names:
        if wanted in prepared:
            tables.append(_table(graph, name, "prepare", wanted, prepared[wanted], span))
        elif wanted in filled:
            tables.append(filled[wanted])
        else:
            place = authors.defined(type(graph.nodes[name]), "pixel")
            text = f"neither fill nor prepare gave the table {wanted}, which pixel reads{place}."
            raise authors.wrong(graph, name, text)
    return tables


def _table(graph: Graph, name: str, method: str, table: str, value: Any, span: tuple[int, int] | None) -> np.ndarray:
    """Return a table as kernels take it; ``span`` are the frames that it moves in, None where it stands still."""
    declared, at = type(graph.nodes[name]).tables[table], authors.defined(type(graph.nodes[name]), method)
    count = 1 if span is None else span[1] - span[0]
    place = f"{method} gave {describe(value)} for the table {table}"
    wanted = f"a {type(declared).__name__} {declared.wanted}"
    if span is not None:
        place, wanted = f"{place} at {authors.in_words(span)}", f"{count} of them, each {wanted},"
    if not isinstance(value, np.ndarray) or isinstance(value, np.ma.MaskedArray) or value.dtype.kind not in "biuf":
        raise authors.wrong(graph, name, f"{place}; {wanted} was wanted{at}.")
    shape = value.shape if span is None else value.shape[1:]
    if not declared.takes(shape) or (span is not None and value.shape[:1] != (count,)):
        raise authors.wrong(graph, name, f"{place}; {wanted} was wanted{at}.")
    with np.errstate(over="ignore"):
        packed = declared.packed(value[None] if span is None else value)
    if not np.isfinite(packed).all():
        what = "NaN" if np.isnan(packed).any() else "infinity"
        raise authors.wrong(graph, name, f"{place}, with {what} in it; finite numbers were wanted{at}.")
    return packed


def describe(value: Any) -> str:
    """Return what something is, in a few words: "float64 (4, 3, 64, 96)", "a list", "nothing"."""
    if value is None:
        return "nothing"
    if isinstance(value, np.ndarray):
        masked = "masked " if isinstance(value, np.ma.MaskedArray) else ""
        return f"{masked}{value.dtype} ({', '.join(map(str, value.shape))})"
    kind = type(value).__name__
    return f"{'an' if kind[:1].lower() in 'aeiou' else 'a'} {kind}"


def _kind(graph: Graph, value: str) -> Kind:
    outputs = type(graph.nodes[node_of(value)]).outputs
    return outputs[value.partition(".")[2] or next(iter(outputs))].kind
