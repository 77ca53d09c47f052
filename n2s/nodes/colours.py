"""Colours as graphs write them: "#rrggbb"."""

from __future__ import annotations

import re


def checked_colour(text: str) -> str:
    """Return a colour's text; ValueError where it is none."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ValueError(f'"{text[:40]}" is no colour; #rrggbb was wanted, like "#ff8800"')
    return text


def parts(text: str) -> list[float]:
    """Return red, green and blue of a colour, display values 0..1."""
    return [int(text[i : i + 2], 16) / 255 for i in (1, 3, 5)]


def light_of(text: str) -> list[float]:
    """Return the light of red, green and blue of a colour, 0..1 (`n2s.graph.shader.to_light`)."""
    return [part * part for part in parts(text)]
