"""What settings and parameters may be written as: numbers, units, times, links, expressions; and names of files."""

from __future__ import annotations

import os
import re
from difflib import get_close_matches
from pathlib import PurePath
from typing import Annotated, Any, cast

from pydantic import BeforeValidator, WithJsonSchema

from n2s.graph.expressions import TIME_UNITS, Expression, ExpressionError, Number, mistaken
from n2s.graph.landmarks import MOMENTS, Moment
from n2s.graph.links import Link
from n2s.graph.numbers import plain_number
from n2s.graph.paths import FOLDER, MUSIC, OR_NAME, PATH, PICTURE, VIDEO
from n2s.graph.times import TIME_SCHEMA, parse_time


def parse_param(value: Any) -> Any:
    """Read what may stand for a number: 0.4, "4 beats", "-6 dB", "features.onset", "= 0.2 + pulse", or a Python output.

    Returns
    -------
    Number, Link, Expression or an output of the Python API.
    """
    value = plain_number(value)
    if hasattr(value, "__link__") and (problem := value._signal_problem()):
        raise ValueError(f"a signal was wanted, but {value!r} {problem}")
    if hasattr(value, "__link__") or isinstance(value, Number | Link | Expression):
        return value
    if isinstance(value, bool) or value is None:
        raise ValueError(f"a number, a signal or an expression was wanted, not {in_yaml(value)}")
    if isinstance(value, int | float):
        number = Number(float(value) if abs(value) < 2**1023 else float("inf"))
    elif isinstance(value, str) and value.lstrip().startswith("="):
        return _simplify(_parse_expression(value.strip()[1:]))
    elif isinstance(value, str):
        if link := Link.parse(value.strip()):
            return link
        number, pair = _clock_time(value), _pair(value)
        way_out = pair or number_in(value, may_be_time=True) or mistaken(value.replace("=", ""))
        try:
            number = number or Expression.parse(value).tree
            way_out = "; it is a time" if isinstance(number, Moment) else pair or f'; write "= {value.strip()}"'
        except ExpressionError:
            pass
        if not isinstance(number, Number):
            raise ValueError(
                f'{value!r} is neither a number, nor "features.onset", nor an expression like "= 0.5 * pulse"{way_out}'
            )
    else:
        raise ValueError(f"a number, a signal or an expression was wanted, not {_in_brackets(value)}")
    if not abs(number.value) < float("inf"):
        raise ValueError(f"a finite number was wanted, not {value!r}")
    return number


def _pair(text: str) -> str:
    """Say how the output of a node is written, where two names stand side by side in another way."""
    found = re.fullmatch(r"\s*([A-Za-z_]\w*)\s*([/:,])\s*([A-Za-z_]\w*)\s*", text)
    if not found:
        return ""
    divide = f' To divide, write "= {text.strip()}"' if found[2] == "/" else ""
    return f'; did you mean "{found[1]}.{found[3]}"?{divide}'


def _in_brackets(value: Any) -> str:
    """Return a list, or what else is no number, for a message; one thing alone with what to write in its place."""
    is_braced = isinstance(value, dict) and all(each is None for each in value.values())  # of {0.5}
    one = next(iter(value)) if (is_braced or isinstance(value, list)) and len(value) == 1 else None
    if not isinstance(one, str | int | float) or isinstance(one, bool):
        return repr(value)
    return f"{{{one}}}; write {one}, without braces" if is_braced else f"{value!r}; write {one}, without brackets"


def _clock_time(text: str) -> Number | None:
    """Return a time with a colon, which a parameter of seconds takes, and another one is told of; None for others."""
    try:
        return cast(Number, parse_time(text)) if ":" in text else None  # a moment has no colon
    except ValueError:
        return None


def _simplify(expression: Expression) -> Any:
    """An expression that is only a number or only a link is that number or that link."""
    if isinstance(expression.tree, Number | Link) or hasattr(expression.tree, "__link__"):
        return expression.tree
    return expression


def _parse_expression(text: str) -> Expression:
    try:
        return Expression.parse(text)
    except ExpressionError as error:
        shown = text.strip() if len(text) <= 80 else text.strip()[:60] + "…"
        raise ValueError(f'in "= {shown}": {error}') from None


def parse_musical_time(value: Any) -> Number | None:
    """Read a constant duration: 0.18, "0.5 s", "0:02", "4 beats"; None stays None where a setting may be left out.

    Milliseconds become seconds, so that whoever reads ``value`` alone reads seconds; the text stays as it was written.
    """
    if isinstance(value, str) and ":" in value:
        return cast(Number, parse_time(value))  # a moment has no colon
    if str(value).split()[:1] == ["at"] and len(str(value).split()) > 1:  # at("drop") in Python too
        raise ValueError(f'a length of time was wanted, like 0.5, "0.5 s" or "4 beats"; "{value}" is a place')
    if value is None:
        return None
    wanted = f'a constant time was wanted, like 0.5, "0.5 s" or "4 beats", not {in_yaml(value)}'
    try:
        number = parse_param(value)
    except ValueError:  # which says what else a parameter takes
        raise ValueError(f"{wanted}{number_in(value, may_be_time=True)}") from None
    if not isinstance(number, Number) or number.unit == "dB":
        raise ValueError(wanted)
    return Number(number.resolve(120.0), "s", str(number)) if number.unit == "ms" else number


def parse_every(value: Any) -> Number | Moment | None:
    """Read how often something happens: "1 beat", "4 bars", 0.5; or with every "section", "drop", "A" … "H"."""
    if isinstance(value, Moment):
        return value
    if isinstance(value, str) and value.strip() in MOMENTS:
        return Moment(value.strip(), text=value.strip())
    try:
        return parse_musical_time(value)
    except ValueError:
        raise ValueError(
            f'a constant time or what the music has was wanted, like "1 beat", "4 bars", 0.5, "section" or "drop", '
            f"not {value if isinstance(value, Expression) else repr(value)}"
        ) from None


def parse_when(value: Any) -> Number | Moment | None:
    """Read a place in the track: 80, "1:20", "8 bars", "at drop"; None stays None where a setting may be left out."""
    return None if value is None else parse_time(value)


def parse_seconds(value: Any) -> Number:
    """Read a constant duration that does not depend on the music: 0.18, "0.5 s", "250 ms"."""
    number = parse_musical_time(value)
    if number is None or number.unit not in ("", "s"):
        raise ValueError(
            f'a time in seconds was wanted, like 0.5 or "250 ms", not {value!r}: its window is fixed before '
            "the music is heard"
        )
    return number


def path_text(value: Any) -> Any:
    """Return a path of Python's as a graph has it, text with slashes between its parts; anything else as it is."""
    if isinstance(value, os.PathLike) and isinstance(path := os.fspath(value), str):
        return (value if isinstance(value, PurePath) else PurePath(path)).as_posix()
    return value


def in_yaml(value: Any) -> str:
    """Return a value as YAML has it, for messages."""
    if value is None or isinstance(value, bool):  # and not 0 or 1, which are equal to these
        return {None: "nothing", True: "true", False: "false"}[value]
    return repr(value)


_NUMBER_OR_TEXT = {"anyOf": [{"type": "number"}, {"type": "string"}]}

Param = Annotated[Any, BeforeValidator(parse_param), WithJsonSchema(_NUMBER_OR_TEXT), "param"]
Seconds = Annotated[Any, BeforeValidator(parse_seconds), WithJsonSchema(_NUMBER_OR_TEXT), "seconds"]
Every = Annotated[Any, BeforeValidator(parse_every), WithJsonSchema(_NUMBER_OR_TEXT), "seconds", "every"]
MusicalTime = Annotated[Any, BeforeValidator(parse_musical_time), WithJsonSchema(_NUMBER_OR_TEXT), "seconds"]
# A place in the track: "1:20", "8 bars", "at drop".
When = Annotated[Any, BeforeValidator(parse_when), WithJsonSchema(TIME_SCHEMA), "seconds", "when"]
_AS_TEXT = BeforeValidator(path_text)
# A file or a folder, relative to the folder of the graph; alone or within lists, tuples and dicts (`n2s.graph.paths`).
FilePath = Annotated[str, _AS_TEXT, PATH]
FolderPath = Annotated[str, _AS_TEXT, PATH, FOLDER]
# A file of a still picture, which is looked at before any work.
PicturePath = Annotated[str, _AS_TEXT, PATH, PICTURE]
# A file of music, and of a video, whose beginning is looked at. A setting damaged: keep beside it lets damage pass.
MusicPath = Annotated[str, _AS_TEXT, PATH, MUSIC]
VideoPath = Annotated[str, _AS_TEXT, PATH, VIDEO]
# An anchor of a model by its name, or a picture by its path, which has a dot or a slash in it.
AnchorOrPicture = Annotated[str, _AS_TEXT, PATH, OR_NAME, PICTURE]


# Units by the words that people write for them.
_LONG_UNITS = {
    "ms": ("msec", "msecs", "millis", "millisecond", "milliseconds"),
    "s": ("sec", "secs", "second", "seconds"),
    "beats": ("quarter", "quarters"),
    "bars": ("measure", "measures"),
}


_COUNTED = "zero one two three four five six seven eight nine ten eleven twelve".split()
_WORDS = {word: str(number) for number, word in enumerate(_COUNTED)} | {"half": "0.5"}


def number_in(text: Any, may_be_time: bool = False) -> str:
    """Say how a number is written, where one stands in a text in another way."""
    if not isinstance(text, str):
        return ""
    plain = re.sub(r"\b(?:(?:one|an?) half|half an?)\b", "half", text, flags=re.IGNORECASE)
    digits = re.sub(r"[A-Za-z]+", lambda word: _WORDS.get(word[0].lower(), word[0]), plain, count=1)
    if not (found := re.fullmatch(r"\s*(-?\d+)(?:([.,])(\d+))?\s*([A-Za-z%°]*)\s*", digits)):
        return ""
    number, unit = f"{found[1]}.{found[3]}" if found[2] else found[1], found[4].lower()
    if meant := next((short for short, names in _LONG_UNITS.items() if unit in names), ""):
        return f'; write "{number} {meant}"'
    if unit == "%":
        return f"; write {float(number) / 100:g}"
    if near := get_close_matches(unit, TIME_UNITS, 1, 0.7) if unit else []:
        return f'; did you mean "{number} {near[0]}"?'
    said = f"; write {number}{', without a unit' if unit else ''}" if number != text else ""
    return f"{said}; of a time: {number} s, ms, beats or bars" if may_be_time and unit not in ("", "°") else said
