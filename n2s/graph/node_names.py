"""Names of nodes: what they may be, in a file and in Python."""

from __future__ import annotations

import re

from n2s.graph.expressions import FUNCTIONS, UNITS, VARIABLES, WITH_COLUMNS
from n2s.graph.links import NAME

RESERVED = frozenset(FUNCTIONS) | frozenset(UNITS) | frozenset((*VARIABLES, *WITH_COLUMNS))


def node_name_problem(name: str, taken: bool = False) -> str:
    """Say why a node may not have a name, and which it could have; nothing where it may."""
    why, other = "is no identifier (letters, digits, _)", re.sub(r"\W", "_", name, flags=re.ASCII)
    if name in RESERVED:
        what = "a function" if name in FUNCTIONS else f"a unit, as in 2 {name}" if name in UNITS else "a variable"
        why, other = f"means something in expressions ({what})", f"{name}1"
    elif taken:
        why, other = "is one of the interface already", f"{name}1"
    elif NAME.match(name):
        return ""
    like = f', like "{other}".' if NAME.match(other) and other.strip("_") else "."
    return f'The name "{name}" {why}; choose another{like}'
