"""Sentences in this library's words: pydantic's errors, choices, numbers of things."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError

from n2s.graph.parsing import in_yaml, number_in


def explain(error: ValidationError, cls: Any) -> list[tuple[str, str]]:
    """Turn pydantic's errors into (field, sentence) pairs in this library's words."""
    said = []
    for item in error.errors(include_url=False):
        field = str(item["loc"][0]) if item["loc"] else ""
        text = item["msg"].removeprefix("Value error, ")
        if not field and (named := re.match(r"(\w+): ", text)) and named[1] in cls.model_fields:
            field, text = named[1], text[named.end() :]  # what settings make together is told of one of them
        if item["type"] == "extra_forbidden":
            near = get_close_matches(field, list(cls.model_fields), 1, 0.6)
            known = ", ".join(cls.model_fields) or "none"
            text = f"{told_as(cls)} has no such setting. " + (
                f'Did you mean "{near[0]}"?' if near else f"It has: {known}."
            )
        elif item["type"] == "missing":
            text = f"{told_as(cls)} needs it: {cls.specs[field].help}."
        elif not item["type"].startswith("value_error"):
            text = wanted(item)
            if item["type"] in ("list_type", "tuple_type") and len(item["loc"]) > 1:  # of a list of lists
                text += f"; the setting is {cls.specs[field].help}"
        said.append((field, text))
    return said


def told_as(cls: Any) -> str:
    """Return what a type of node is called in sentences: a graph that is used as a node by its file."""
    path = getattr(getattr(cls, "inner", None), "path", None)
    return path.name if path else cls.__name__


# pydantic's words for what was wanted, in this library's.
_WANTED = {
    "int_type": "a whole number was wanted",
    "int_parsing": "a whole number was wanted",
    "int_from_float": "a whole number was wanted",
    "float_type": "a number was wanted",
    "float_parsing": "a number was wanted",
    "bool_type": "true or false was wanted",
    "bool_parsing": "true or false was wanted",
    "string_type": "text was wanted",
    "list_type": "a list was wanted",
    "tuple_type": "a list was wanted",
    "dict_type": "settings by name were wanted",
    "greater_than": "it must be above {gt:g}",
    "greater_than_equal": "it must be at least {ge:g}",
    "less_than": "it must be below {lt:g}",
    "less_than_equal": "it must be at most {le:g}",
    "literal_error": "{expected} was wanted",
    "too_short": "at least {min_length} was wanted",
    "finite_number": "a finite number was wanted",
}


_NUMBERS = ("int_type", "int_parsing", "float_type", "float_parsing")
_FORMS = {list: "a list", dict: "settings by name"}


def listed(words: Iterable[Any]) -> str:
    """Return choices as a sentence has them: "a, b or c"."""
    *most, last = map(str, words)
    return f"{', '.join(most)} or {last}" if most else last


def counted(number: int, what: str) -> str:
    """Return a number of things in words: "1 chunk", "2 chunks"."""
    return f"{number} {what}{'' if number == 1 else 's'}"


def wanted(item: Mapping[str, Any]) -> str:
    """Return one of pydantic's errors in this library's words: what was wanted, what came."""
    form, context = _WANTED.get(item["type"]), dict(item.get("ctx", {}))
    if item["type"] == "literal_error":  # None is what a setting is when it is left out
        context["expected"] = listed(each for each in re.split(r", | or ", context["expected"]) if each != "None")
    text = form.format(**context) if form else f"{item['msg'][:1].lower()}{item['msg'][1:]}"
    came = item["input"]
    if item["type"] == "literal_error" and isinstance(came, str):
        choices = re.findall(r"'([^']+)'", context["expected"])
        if near := get_close_matches(came, choices, 1, 0.7):
            text = f'did you mean "{near[0]}"? {text}'
    short = came is None or (isinstance(came, bool | int | float | str) and len(str(came)) < 80)
    what = in_yaml(came) if short else _FORMS.get(type(came), type(came).__name__)
    said = f"{text}, not {what}{number_in(came) if 'number' in text else ''}"
    if item["type"] in ("list_type", "tuple_type") and isinstance(came, str) and short and re.search(r"[A-Za-z]", came):
        items = came if "," in came else ", ".join(came.split())
        return f"{said}; a list stands in brackets: [{items}]"
    if item["type"] in _NUMBERS and isinstance(came, str) and re.match(r"\s*=|[A-Za-z_]\w*\.[A-Za-z_]\w*$", came):
        return f"{said}; a setting cannot move in time"
    return f"{said}; {_in_quotes(came)}" if item["type"] == "string_type" and short else said


def _in_quotes(value: Any) -> str:
    """Say how a word or a number that YAML takes for something else is written as text."""
    if value is None:
        return "null and ~ are text in quotes alone"
    return f'in quotes it is text: "{in_yaml(value)}"'
