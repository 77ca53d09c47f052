"""The types of numbers in kernels for CUDA: which numba gives the same code, so that the bits are the same.

A type is the name of a number type of numpy in short (``f32``), a tuple of types, or `Record` or `TableType`. Two types
of numbers meet as numba lets them meet: whole numbers are computed in 64 bits, and those that meet float32 make
float64.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np

from n2s.runtime.render.kernels.kept import CompileError

C_NAMES = {
    "f32": "float", "f64": "double", "i32": "int", "u32": "unsigned int", "i64": "long long",
    "u64": "unsigned long long", "bool": "bool",
}  # fmt: skip
DTYPES = {name: np.dtype(name if name == "bool" else name.replace("32", "4").replace("64", "8")) for name in C_NAMES}
FLOATS = ("f32", "f64")
COLOUR = ("f32", "f32", "f32")


class Refused(CompileError):
    """Code that cannot be translated for a GPU: such a kernel runs on the CPU."""

    def __init__(self, what: str):
        super().__init__(f"{what}, which is not translated for a GPU; the kernel runs on the CPU")


@dataclass(frozen=True)
class Record:
    """A struct of `cuda_prelude` with named numbers."""

    name: str
    fields: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class TableType:
    """A table of pixel code, by the name of its reader and its channels."""

    reader: str
    channels: int


class Value(NamedTuple):
    """A piece of C and the type of what it gives."""

    text: str
    type: Any


def _record(name: str, floats: str, numbers: str) -> Record:
    return Record(name, (*((field, "f32") for field in floats.split()), *((field, "u32") for field in numbers.split())))


AT = _record("At", "x y u v width height radius", "row column frame seed")
PLACE = _record("Place", "width height aspect channel", "frame seed")


def is_number(type_: Any) -> bool:
    return isinstance(type_, str)


def unified(a: Any, b: Any) -> Any:
    """Return the type of a value that is one or the other."""
    if a == b:
        return a
    if is_number(a) and is_number(b):
        made = np.promote_types(DTYPES[a], DTYPES[b])
        return next(name for name, dtype in DTYPES.items() if dtype == made)
    if isinstance(a, tuple) and isinstance(b, tuple) and len(a) == len(b):
        return tuple(map(unified, a, b))
    raise Refused(f"it gives {described(a)} here and {described(b)} there")


def computed(a: Any, b: Any) -> str:
    """Return the type in which two numbers are added, multiplied and so on."""
    if a not in C_NAMES or b not in C_NAMES:
        raise Refused(f"it computes with {described(a)} and {described(b)}")
    if a in FLOATS or b in FLOATS:
        return "f32" if {a, b} <= {"f32", "bool"} else "f64"
    return "u64" if a[0] == b[0] == "u" else "i64"


def c_name(type_: Any) -> str:
    """Return the name of a type in C."""
    if isinstance(type_, tuple):
        return f"Tuple_{code(type_)}"
    return C_NAMES[type_] if isinstance(type_, str) else type_.name if isinstance(type_, Record) else "Table"


def code(type_: Any) -> str:
    """Return a type in letters that may stand in a name."""
    if isinstance(type_, tuple):
        return f"{len(type_)}{''.join(map(code, type_))}"
    if isinstance(type_, str):
        return {"f32": "f", "f64": "d", "i32": "i", "u32": "u", "i64": "l", "u64": "w", "bool": "b"}[type_]
    return type_.name if isinstance(type_, Record) else f"{type_.reader}{type_.channels}"


def described(type_: Any) -> str:
    if isinstance(type_, tuple):
        return f"({', '.join(map(described, type_))})"
    return str(DTYPES[type_]) if isinstance(type_, str) else type(type_).__name__


def literal(number: float, type_: str) -> str:
    """Return a number as C writes it, rounded to a type."""
    if type_ in FLOATS:
        with np.errstate(over="ignore"):
            rounded = DTYPES[type_].type(number)
        if not np.isfinite(rounded):
            raise Refused(f"it has the number {number}, which {DTYPES[type_]} does not hold")
        return f"{rounded!s}{'' if any(sign in str(rounded) for sign in '.e') else '.0'}{'f' if type_ == 'f32' else ''}"
    held = int(np.array(int(number)).astype(DTYPES[type_]))
    return f"{held}{ {'i32': '', 'u32': 'u', 'i64': 'll', 'u64': 'ull', 'bool': ''}[type_] }"


def cast(value: Value, type_: Any) -> str:
    """Return a value as one of another type; a float beyond a whole number's range gives what processors give."""
    text, given = value
    if given == type_:
        return text
    if isinstance(given, tuple) and isinstance(type_, tuple):
        parts = (cast(Value(f"{text}._{i}", a), b) for i, (a, b) in enumerate(zip(given, type_)))
        return f"{c_name(type_)}{{{', '.join(parts)}}}"
    if not (is_number(given) and is_number(type_)):
        raise Refused(f"it turns {described(given)} into {described(type_)}")
    if given in FLOATS and type_ not in FLOATS:
        if type_ == "u64":
            raise Refused(f"it turns {described(given)} into {described(type_)}")
        return f"whole_{code(type_)}({text})"
    return f"(({c_name(type_)})({text}))"
