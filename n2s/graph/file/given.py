"""Values as they are given on a command line: YAML, as in a graph, but without comments; and how they are written."""

from __future__ import annotations

import json
from typing import Any

from n2s.graph.errors import GraphError, Problem
from n2s.graph.file.document import parse_document

_PRIVATE_USE = range(0xE000, 0xF900)  # characters that mean nothing, in Unicode and in YAML


def read_given(text: str) -> Any:
    """Read a value of a command line: "= 0.8 * pulse", "[1, 0, 0]", "#ff8800", "Song #1".

    Raises
    ------
    GraphError
        When it is not YAML.
    """
    if text.startswith(("=", "#")):  # an expression or a colour, in which YAML's marks are none
        return text
    sharp = next(chr(code) for code in _PRIVATE_USE if chr(code) not in text)  # "#", which begins no comment here
    try:
        values = parse_document(f"value: {text.replace('#', sharp)}\n").values
    except GraphError as error:
        problems = [Problem(each.position, each.text.replace(sharp, "#")) for each in error.problems]
        raise GraphError(problems) from None
    if len(values) > 1:
        raise GraphError("its lines are not one value; quote all of it")
    return _replaced(values["value"], sharp, "#")


def given_text(value: Any) -> str:
    """Return the text of which `read_given` makes a value: a text as it is where that is enough, all else as JSON."""
    if isinstance(value, str):
        try:
            is_plain = read_given(value.strip()) == value
        except GraphError:
            is_plain = False
        if is_plain:
            return value
    return json.dumps(value)


def _replaced(value: Any, old: str, new: str) -> Any:
    """Return a value with one character in place of another in all its texts and names."""
    if isinstance(value, str):
        return value.replace(old, new)
    if isinstance(value, list):
        return [_replaced(each, old, new) for each in value]
    if isinstance(value, dict):
        return {_replaced(key, old, new): _replaced(each, old, new) for key, each in value.items()}
    return value
