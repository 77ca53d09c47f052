"""Colours as graphs write them, "#rrggbb": how they are read, and the numbers that nodes make of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Annotated, Any

from pydantic import BeforeValidator, WithJsonSchema

from n2s.graph.parsing import in_yaml

FORM = "#[0-9a-fA-F]{6}"
LIKE = 'like "#ff8800"'
WANTED = f"#rrggbb was wanted, {LIKE}"


def parse_colour(value: Any) -> str:
    """Read a colour: six hexadecimal digits behind #, two each for the display values of red, green and blue.

    Raises
    ------
    ValueError
        When it is anything else.
    """
    if isinstance(value, str) and re.fullmatch(FORM, value):
        return value
    if isinstance(value, str):
        shown = f'"{value[:40]}"'
    else:
        shown = in_yaml(value) if value is None or isinstance(value, bool | int | float) else "this"
    raise ValueError(f"{shown} is no colour; {WANTED}")


# The annotation of a setting that is a colour. `color-hex` lets an editor show and choose it.
Colour = Annotated[
    str,
    BeforeValidator(parse_colour),
    WithJsonSchema(
        {
            "type": "string",
            "format": "color-hex",
            "pattern": f"^{FORM}$",
            "patternErrorMessage": f"A colour was wanted, {LIKE}.",
        }
    ),
]


def display_of(colour: str) -> list[float]:
    """Return red, green and blue of a colour, display values 0..1."""
    return [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def light_of(colour: str) -> list[float]:
    """Return the light of red, green and blue of a colour, 0..1 (`n2s.graph.shader.to_light`)."""
    return [value * value for value in display_of(colour)]


def by_channel(name: str, values: Sequence[float]) -> dict[str, float]:
    """Return red, green and blue by the names that pixel code has for them: ``name_r``, ``name_g``, ``name_b``."""
    return {f"{name}_{channel}": value for channel, value in zip("rgb", values)}
