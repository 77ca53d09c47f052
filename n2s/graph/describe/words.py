"""What help, docs and schema say of a declaration, in the same words."""

from __future__ import annotations

import json
from inspect import cleandoc
from typing import Any, get_args

from n2s.graph.declare import Node, Spec
from n2s.graph.parsing import parse_seconds


def summary(cls: type) -> str:
    """Return the sentence a docstring begins with."""
    return text(cls).partition("\n")[0]


def text(cls: type) -> str:
    """Return a docstring as Markdown: plain names between single backticks."""
    return cleandoc(cls.__doc__ or f"{cls.__name__}: its class has no docstring that says what it does.").replace(
        "``", "`"
    )


def sentence(words: str) -> str:
    """Begin with a capital, where it is a word and not a name like x264, and end with a full stop."""
    first = words.split(" ", 1)[0].strip(",;:").replace("-", "")
    return f"{words[:1].upper() if first.isalpha() else words[:1]}{words[1:]}."


def span(spec: Spec) -> str:
    """Return a range in words; a whole number's open end, as that of a seed, is written as its last value."""
    if spec.lt is not None and isinstance(spec.lt, int) and spec.lt >= 2**16 and spec.ge is not None:
        return f"within {spec.ge}..{spec.lt - 1}"
    return spec.range


def default(cls: type[Node], name: str) -> Any:
    """Return a field's default as plain data; a whole number without ".0"."""
    value = cls.model_fields[name].default
    value = getattr(value, "value", value)
    return int(value) if isinstance(value, float) and value.is_integer() else value


def facts(cls: type[Node], name: str) -> str:
    """Return what a number or setting takes: its range, unit and default."""
    spec = cls.specs[name]
    said = [span(spec), f"in {spec.unit}" if spec.unit else ""]
    if not spec.required and (value := default(cls, name)) is not None:
        said.append(f"default {shown(value)}")
    return ", ".join(filter(None, said))


def help_line(cls: type[Node], name: str) -> str:
    """Return a field's help with all that it takes."""
    spec = cls.specs[name]
    moves = " May move in time." if spec.role == "param" else ""
    known = "" if spec.role == "port" else facts(cls, name)
    return sentence(spec.help) + moves + (f" {sentence(known)}" if known else "")


def shown(value: Any) -> str:
    """Return a value as it stands in a graph file."""
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def seconds_only(cls: type[Node], name: str) -> bool:
    """Say whether a time may not be in beats, because its window is fixed before the music is heard."""
    info = cls.model_fields[name]
    marks = [
        *info.metadata,
        *(mark for part in get_args(info.annotation) for mark in getattr(part, "__metadata__", ())),
    ]
    return any(getattr(mark, "func", None) is parse_seconds for mark in marks)
