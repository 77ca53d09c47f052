"""The functions of expressions, for graphs made in Python: ``clamp(1 + features.low, 1, 1.4)``.

from n2s.functions import at, clamp, smoothstep, time
Tone(contrast=clamp(1 + features.low, 1, 1.4))(film)
Tone(exposure=smoothstep(at("drop - 2 bars"), at("drop"), time))(film)
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from n2s.graph.errors import GraphError
from n2s.graph.expressions import FUNCTIONS, VARIABLES, Expression, Variable
from n2s.graph.handles import call
from n2s.graph.times import parse_time

__all__ = sorted([*FUNCTIONS, *VARIABLES, "at"])  # pyright: ignore[reportUnsupportedDunderAll] no list twice


def at(what: str) -> Expression:
    """Return the time of a moment in the music, in seconds: ``at("drop")``, ``at("B 2")``, ``at("drop - 2 bars")``."""
    try:
        return Expression(parse_time(f"at {what}"))
    except ValueError as error:
        raise GraphError(f"at: {error}") from None


def __getattr__(name: str) -> Any:
    if name in VARIABLES:
        return Expression(Variable(name))
    if name in FUNCTIONS:
        globals()[name] = function = _function(name)
        return function
    raise AttributeError(f"there is no function {name!r}; there are {', '.join(FUNCTIONS)}")


def __dir__() -> list[str]:
    return __all__


def _function(name: str) -> Callable[..., Expression]:
    fewest, most, _ = FUNCTIONS[name]
    wanted = fewest if fewest == most else f"{fewest} to {most}"

    def function(*arguments: Any) -> Expression:
        if not fewest <= len(arguments) <= most:
            raise GraphError(f"{name} takes {wanted} arguments, not {len(arguments)}")
        return call(name, *arguments)

    function.__name__ = function.__qualname__ = name
    function.__doc__ = f"``{name}`` of {wanted} numbers, signals or expressions, as in the expressions of a graph file."
    return function
