"""Times as people write them, the same wherever one is given: in graphs, in their headers, on the command line.

80      80.5      "80 s"      "250 ms"          seconds
"1:20"  "1:20.5"  "1:02:03"                     minutes and seconds; hours, minutes and seconds
"32 beats"        "8 bars"                      as long as the music has them
"at drop"         "at B 2 - 2 bars"             where the music has them: a drop, a section, one with a letter
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace
from fractions import Fraction
from typing import Annotated, Any

from pydantic import WithJsonSchema, WrapValidator

from n2s.graph.expressions import CURLY, STRAIGHT, Expression, ExpressionError, Number, leaves
from n2s.graph.landmarks import MOMENTS, Moment
from n2s.graph.numbers import plain_number
from n2s.graph.time import frame_begun
from n2s.graph.timecodes import minutes

UNITS = ("s", "ms", "beat", "beats", "bar", "bars")
LIKE = '80, "1:20", "80 s", "250 ms", "32 beats", "8 bars" or "at drop"'

# The text of a time, as a regular expression that means the same in Python and in ECMA 262.
CLOCK = r"([0-9]{1,4}:[0-5][0-9]|[0-9]{1,6}):[0-5][0-9](\.[0-9]{1,9})?"
QUANTITY = rf"([0-9]{{1,40}}(\.[0-9]{{0,40}})?|\.[0-9]{{1,40}})([eE][-+]?[0-9]{{1,3}})?(\s*({'|'.join(UNITS)}))?"
LENGTH = rf"([0-9]{{1,40}}(\.[0-9]{{0,40}})?|\.[0-9]{{1,40}})\s*({'|'.join(UNITS)})"
MOMENT = rf"at\s+({'|'.join(MOMENTS)})(\s+[1-9][0-9]{{0,2}})?(\s*[-+]\s*{LENGTH})?"
PATTERN = rf"^\s*({CLOCK}|{QUANTITY}|{MOMENT})\s*$"

_CLOCK = re.compile(rf"{CLOCK}\Z", re.ASCII)
_QUANTITY = re.compile(rf"(?P<number>[^\sa-df-zA-DF-Z]+)\s*(?P<unit>{'|'.join(UNITS)})?\Z", re.ASCII)
_WHOLE = re.compile(rf"{QUANTITY}\Z", re.ASCII)
_MOMENT = re.compile(rf"{MOMENT}\Z", re.ASCII)


def parse_time(value: Any) -> Number | Moment:
    """Read a time that is not negative.

    Returns
    -------
    Number or Moment
        In seconds, beats or bars, or where something of the music begins; it keeps the text that it was read from.

    Raises
    ------
    ValueError
        When it is no time, negative or not finite.
    """
    value = as_moment(plain_number(value))
    if isinstance(value, Moment):
        return value
    if isinstance(value, Number):
        if value.unit != "dB" and 0 <= value.value < float("inf"):
            return value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if 0 <= value < 2**1023:
            return Number(float(value))
    elif isinstance(value, str):
        text = value.strip()
        if _CLOCK.match(text):
            return Number(_seconds(text), "s", text)
        match = _QUANTITY.match(text) if _WHOLE.match(text) else None
        if match and (number := float(match["number"])) < float("inf"):
            return Number(number, match["unit"] or "", text)
        if text.split(maxsplit=1)[:1] == ["at"]:
            return _read_moment(text)
        if text in MOMENTS:
            raise ValueError(f'a time from 0 on was wanted, like {LIKE}, not "{text}"; did you mean "at {text}"?')
        if ":" in text and "," in text:
            raise ValueError(f'a time alone was wanted, like "1:20" or "1:20.5", not "{_short(text)}"')
        if ":" in text:
            raise ValueError(
                f'a time was wanted, like "1:20", "1:20.5" or "1:02:03", not "{_short(text)}": minutes and '
                "seconds have two digits and go up to 59"
            )
    shown = (
        f'"{_short(value)}"'
        if isinstance(value, str)
        else str(value if isinstance(value, Expression) else repr(value))[:80]
    )
    cure = f"; {STRAIGHT}" if isinstance(value, str) and not set(CURLY).isdisjoint(value) else ""
    raise ValueError(f"a time from 0 on was wanted, like {LIKE}, not {shown}{cure}")


def as_moment(value: Any) -> Any:
    """Return the moment that at("drop") of n2s.functions is an expression of; other values as they are."""
    return value.tree if isinstance(value, Expression) and isinstance(value.tree, Moment) else value


def _read_moment(text: str) -> Moment:
    if _MOMENT.match(text):
        return replace(Expression.parse(text).tree, text=text)
    try:
        Expression.parse(text)
    except ExpressionError as error:
        raise ValueError(f'a time from 0 on was wanted, not "{_short(text)}": {error}') from None
    raise ValueError(
        f'a time from 0 on was wanted, like "at drop", "at B 2" or "at drop - 2 bars", not "{_short(text)}"'
    )


def _short(text: str) -> str:
    return text if len(text) <= 40 else f"{text[:37]}…"


def _seconds(text: str) -> float:
    """Return the seconds of a time with colons, rounded once."""
    total = Fraction(0)
    for part in text.split(":"):
        total = total * 60 + Fraction(part)
    return float(total)


def is_musical(value: Any) -> bool:
    """Say whether a time is counted in beats or bars, whose length the music has; for a list, whether one in it is."""
    if isinstance(value, list | tuple):
        return any(map(is_musical, value))
    return isinstance(value, Moment) or isinstance(value, Number) and value.unit.startswith(("beat", "bar"))


def frame_of(time: Any, seconds: float, fps: Fraction) -> int:
    """Return the frame that a time means: the nearest; where something of the music begins, the first one of it."""
    return frame_begun(seconds, fps) if is_musical(time) else round(seconds * float(fps))


def moments(value: Any) -> list[Moment]:
    """Return the moments of the music that a setting or parameter names, those within a list too."""
    if isinstance(value, list | tuple):
        return [moment for item in value for moment in moments(item)]
    if isinstance(value, Expression):
        return [leaf for leaf in leaves(value.tree) if isinstance(leaf, Moment)]
    return [value] if isinstance(value, Moment) else []


def check_rising(times: list[Any], place: Callable[[Any], float]) -> list[float]:
    """Return times in seconds, where ``place`` puts them; each of them must be later than the one before it.

    Raises
    ------
    ValueError
        When one is not.
    """
    seconds = [place(time) for time in times]
    for i in range(1, len(times)):
        if not seconds[i] > seconds[i - 1]:
            later, earlier = (
                str(time) if isinstance(time, Number | Moment) else f"{time:g} s" for time in (times[i], times[i - 1])
            )
            where = ""
            if isinstance(times[i], Moment) or isinstance(times[i - 1], Moment):
                where = f": {minutes(seconds[i])} after {minutes(seconds[i - 1])}"
            raise ValueError(f"times must rise; {later} comes after {earlier}{where}")
    return seconds


def _read_point(value: Any, read: Any) -> list:
    """Read a point in time: text is a time of any kind, a plain number stays the number of seconds that it is."""
    first = value[0] if isinstance(value, list | tuple) and value else None
    first = as_moment(first)
    if isinstance(first, Number | Moment) or (isinstance(first, str) and not _is_plain(first)):
        return [parse_time(first), *read([0.0, *value[1:]])[1:]]
    return read(value)


def _is_plain(text: str) -> bool:
    try:
        float(text)
    except ValueError:
        return False
    return True


TIME_SCHEMA = {
    "type": ["number", "string"],
    "pattern": PATTERN,
    "patternErrorMessage": f"A time was wanted, like {LIKE}.",
}

# A point in time with its values: [seconds or a time as text, value, …].
Point = Annotated[
    list[float],
    WrapValidator(_read_point),
    WithJsonSchema({"type": "array", "prefixItems": [TIME_SCHEMA], "items": {"type": "number"}, "minItems": 2}),
]


class WrittenSeconds(float):
    """Seconds that know the text they were written as."""

    text: str = ""

    @classmethod
    def of(cls, number: Number, tempo: float = 120.0) -> WrittenSeconds:
        seconds = cls(number.resolve(tempo))
        seconds.text = number.text
        return seconds
