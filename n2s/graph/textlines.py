"""The lines of a text as editors count them: they end at \\n, \\r\\n and \\r.

Python's ``splitlines`` also ends them at a vertical tab, a form feed, U+0085, U+2028 and others, which editors show
within a line; numbers of lines in messages would be others than those that the user sees.
"""

from __future__ import annotations

import re
from bisect import bisect_right

_END = re.compile(r"\r\n|\r|\n")


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, without what ends them; the last one is "" where the text ends with a line's end."""
    return _END.split(text)


def line_starts(text: str) -> list[int]:
    """Return where each line of a text begins, counted in characters."""
    return [0, *(found.end() for found in _END.finditer(text))]


def place_of(starts: list[int], at: int) -> tuple[int, int]:
    """Return the line and the column of a character, both from 1, of a text whose lines begin at ``starts``."""
    line = bisect_right(starts, at)
    return line, at - starts[line - 1] + 1
