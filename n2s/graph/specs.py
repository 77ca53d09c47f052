"""Specs: what the declaration of a port, parameter, setting or output says beyond its type."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import wraps
from string import ascii_uppercase
from typing import Any, ParamSpec, cast

from pydantic import Field
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from n2s.graph.errors import GraphError
from n2s.graph.signatures import definition_place
from n2s.graph.types import Kind
from n2s.graph.wording import listed


@dataclass(frozen=True)
class Spec:
    """What a declaration says beyond its type."""

    role: str  # port, param or setting
    help: str
    ge: float | None = None
    gt: float | None = None
    le: float | None = None
    lt: float | None = None
    unit: str = ""
    keyed: bool = True  # False for what cannot change a bit of the result, or is keyed by the bytes it names
    required: bool = False

    def allows(self, value: Any) -> Any:
        """Say, elementwise, whether a number lies in range (NaN does not)."""
        inside = value == value
        if self.ge is not None:
            inside = inside & (value >= self.ge)
        if self.gt is not None:
            inside = inside & (value > self.gt)
        if self.le is not None:
            inside = inside & (value <= self.le)
        if self.lt is not None:
            inside = inside & (value < self.lt)
        return inside

    def shown_outside(self, value: float) -> str:
        """Return a number that lies out of range, with as many digits as it takes to see that: 1.00004 of 0..1."""
        texts = (f"{value:.{digits}g}" for digits in range(4, 18))
        return next((text for text in texts if not self.allows(float(text))), repr(float(value)))

    def meets(self, least: float, most: float) -> bool:
        """Say whether some number from ``least`` to ``most`` lies in range."""
        low, high = self._ends
        return bool((low is None or most >= low) and (high is None or least <= high))

    @property
    def _ends(self) -> tuple[float | None, float | None]:
        return self.gt if self.ge is None else self.ge, self.lt if self.le is None else self.le

    @property
    def is_empty(self) -> bool:
        """Whether no number lies in the range."""
        low, high = self._ends
        closed = self.ge is not None and self.le is not None
        return low is not None and high is not None and (low > high or (low == high and not closed))

    @property
    def range(self) -> str:
        """The range in words: "within 0..1", "above 0", ""."""
        low, high = self._ends
        if self.ge is not None and self.le is not None:
            return f"within {low:g}..{high:g}"
        ends = []
        if low is not None:
            ends.append(f"above {low:g}" if self.ge is None else f"at least {low:g}")
        if high is not None:
            ends.append(f"below {high:g}" if self.le is None else f"at most {high:g}")
        return " and ".join(ends)


@dataclass(frozen=True)
class Output:
    """One output of a node: its kind, what it is, its unit and range, its number of columns where it has any.

    ``impulses``: it is 0 but in single frames. ``names`` are those of its columns, which links may use in place of
    their numbers: ``features.section_is.B``; None where they are not known before a sub-graph is in its place.
    """

    kind: Kind
    help: str = ""
    unit: str = ""
    columns: int = 0
    impulses: bool = False
    names: tuple[str, ...] | None = ()

    def __post_init__(self) -> None:
        if self.names and not self.columns:
            object.__setattr__(self, "columns", len(self.names))

    @property
    def column_words(self) -> str:
        """What its columns are called: "columns A to H", "columns left, right", "components 0 to 12"."""
        if self.names:
            return f"columns {names_in_words(self.names)}"
        return f"components 0 to {self.columns - 1}" if self.columns else "no columns with names"

    def like(self, link: Any) -> str:
        """Return what to write for one column of a link that names none."""
        return f"{link}.{self.names[0] if self.names else 0}"


def names_in_words(names: Sequence[str]) -> str:
    """Return names of columns: "A to H" for letters in their order, "left, right" for others."""
    letters = "".join(names)
    in_order = len(letters) == len(names) > 2 and letters in ascii_uppercase
    return f"{letters[0]} to {letters[-1]}" if in_order else ", ".join(names)


def chosen_output(outputs: Mapping[str, Output], named: str = "", wanted: Kind | None = None) -> str:
    """Return which of a node's outputs a link reads; "" where the link must name one, or names none that there is.

    Without a name it is the only one of the wanted kind; where none is of that kind, or any kind will do, the first,
    if no other is of its kind.
    """
    if named:
        return named if named in outputs else ""
    fits = [name for name, output in outputs.items() if output.kind is wanted]
    if not fits:
        kinds = [output.kind for output in outputs.values()]
        fits = [name for name, output in outputs.items() if output.kind is kinds[0]]
    return fits[0] if len(fits) == 1 else ""


def _field(default: Any, spec: Spec, **pydantic: Any) -> Any:
    required = default is PydanticUndefined or default is ...
    info = Field(default, description=spec.help, **pydantic)
    info.metadata.append(replace(spec, required=required))
    return info


Taken = ParamSpec("Taken")


def _checked(function: Callable[Taken, Any]) -> Callable[Taken, Any]:
    """Return a function that declares something, which tells what is left out or unknown with its place."""
    taken = inspect.signature(function).parameters.values()
    needed = [one.name for one in taken if one.default is one.empty]
    first = [one.name for one in taken if one.kind is not one.KEYWORD_ONLY]
    words = [one.name for one in taken if one.kind is one.KEYWORD_ONLY]

    @wraps(function)
    def declare(*given: Taken.args, **named: Taken.kwargs) -> Any:
        has = {*first[: len(given)], *named}
        said = [f"it needs {name}" for name in needed if name not in has]
        said += [f"there is no {name}; it takes {listed(words)}" for name in named if name not in (*first, *words)]
        if len(given) > len(first):
            said.append(f"what is given beside the {first[0]} needs a name, like {words[0]}=")
        if said:
            raise GraphError(f"{definition_place()}  {function.__name__}(…): {'; '.join(said)}")
        return function(*given, **named)

    return declare


@_checked
def port(help: str, *, optional: bool = False) -> Any:
    """Declare a port. Annotate it with its kind: `Audio`, `Signal`, `Latents`, `Frames`, `Matte`, `Films`."""
    info: FieldInfo = cast(Any, Field)(None, description=help)
    info.metadata.append(Spec("port", help, required=not optional))
    return info


@_checked
def param(default: float, *, help: str, ge=None, gt=None, le=None, lt=None, unit: str = "") -> Any:
    """Declare a parameter: a number that may move in time. Annotate it with `Param`."""
    return _field(default, Spec("param", help, ge, gt, le, lt, unit))


@_checked
def setting(
    default: Any = ..., *, help: str, ge=None, gt=None, le=None, lt=None, unit: str = "", keyed: bool = True,
    min_length: int | None = None,
) -> Any:  # fmt: skip
    """Declare a constant setting; without a default it must be given. ``min_length`` is that of a list."""
    return _field(default, Spec("setting", help, ge, gt, le, lt, unit, keyed), min_length=min_length)
