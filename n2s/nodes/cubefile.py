"""Files of colour tables (.cube), read with care: they come from anywhere."""

from __future__ import annotations

import io
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from pathlib import Path
from typing import cast

import numpy as np

from n2s.graph.errors import GraphError

SMALLEST, LARGEST = 2, 129  # steps
LARGEST_NUMBER = 1e6
MOST_BYTES = 128 << 20  # 129**3 rows of three long numbers
_COUNTS = {2: "two", 3: "three"}
_ONE_DIMENSION = ("LUT_1D_SIZE", "LUT_1D_INPUT_RANGE")


@dataclass(frozen=True)
class ColourCube:
    """What a .cube file holds: the colour for each red, green and blue (n, n, n, 3), which run from low to high."""

    colours: np.ndarray
    low: tuple[float, float, float]
    high: tuple[float, float, float]


class CubeError(GraphError):
    """A file that is no usable .cube."""


def read_cube_file(path: Path) -> ColourCube:
    """Return what a .cube file holds (Adobe's Cube LUT Specification 1.0, three-dimensional tables).

    LUT_3D_INPUT_RANGE a b, which DaVinci Resolve writes, is read as DOMAIN_MIN a a a and DOMAIN_MAX b b b.

    Raises
    ------
    CubeError
        With the file and its line, when it is not as the specification says, or too large.
    """
    try:
        size = path.stat().st_size
        if size > MOST_BYTES:
            raise CubeError(
                f"{path} has {size >> 20} MiB; a .cube of {LARGEST} steps has less than {MOST_BYTES >> 20}. "
                f"Export it with at most {LARGEST} steps."
            )
        text = path.read_bytes().decode("utf-8-sig", "replace")
    except OSError as error:
        raise CubeError(f"{path} cannot be read: {error.strerror}. Check the path.") from None
    return _Reading(path).read(text)


class _Reading:
    """Reads the lines of one file: words first, then numbers."""

    def __init__(self, path: Path):
        self.path = path
        self.size = 0
        self.corners: dict[str, tuple[float, ...]] = {}  # as stated
        self.stated: dict[str, tuple[int, str]] = {}  # the line and the word that state each

    def read(self, text: str) -> ColourCube:
        number, has_numbers = 1, False
        for number, line in _lines(text):
            if has_numbers := not _is_word(line):
                break
            self._word(number, line)
        if not self.size:
            said = "numbers come before LUT_3D_SIZE" if has_numbers else "LUT_3D_SIZE is missing"
            raise self._wrong(number, f"{said}, which says how many steps a three-dimensional .cube has")
        if not has_numbers:
            raise self._wrong(number, "the file ends before its first row of numbers")
        low, high = (
            cast(tuple[float, float, float], self.corners.get(word, (default,) * 3))
            for word, default in (("DOMAIN_MIN", 0.0), ("DOMAIN_MAX", 1.0))
        )
        if any(a >= b for a, b in zip(low, high)):
            line, word = max(self.stated.values())
            if word == "LUT_3D_INPUT_RANGE":
                raise self._wrong(line, f"{word} begins at {low[0]:g}, which is not below its end, {high[0]:g}")
            raise self._wrong(line, f"DOMAIN_MIN {low} is not below DOMAIN_MAX {high}")
        rows = self._rows_at_once(text, number)
        rows = np.array(self._rows(text, number)) if rows is None else rows
        by_blue = rows.reshape(self.size, self.size, self.size, 3)  # red runs fastest
        return ColourCube(np.ascontiguousarray(by_blue.transpose(2, 1, 0, 3)), low, high)

    def _rows_at_once(self, text: str, first: int) -> np.ndarray | None:
        """Return the rows of numbers where all is well; None where it takes a look at each line to say what is not."""
        lines = [line for _, line in islice(_lines(text, first), self.size**3 + 1)]
        if len(lines) != self.size**3:
            return None
        try:
            rows = np.loadtxt(lines, ndmin=2)
        except ValueError:
            return None
        return rows if rows.shape[1] == 3 and (abs(rows) <= LARGEST_NUMBER).all() else None

    def _rows(self, text: str, first: int) -> list[tuple[float, ...]]:
        """Return the rows of numbers, or say which line is wrong."""
        rows: list[tuple[float, ...]] = []
        number = first
        for number, line in _lines(text, first):
            if _is_word(line):
                raise self._wrong(number, f"{_shown(line)} stands among the numbers; words come before them")
            if len(rows) == self.size**3:
                raise self._wrong(number, f"there are more than the {self.size**3} rows that LUT_3D_SIZE asks for")
            rows.append(self._numbers(number, line))
        if len(rows) != self.size**3:
            wanted = f"{self.size**3} rows were wanted, for LUT_3D_SIZE {self.size}"
            raise self._wrong(number, f"the file ends after {len(rows)} rows of numbers; {wanted}")
        return rows

    def _word(self, number: int, line: str) -> None:
        word, rest = (*line.split(None, 1), "")[:2]
        if word == "TITLE":
            return
        if word in ("DOMAIN_MIN", "DOMAIN_MAX"):
            self._corner(number, word, word, self._numbers(number, rest))
        elif word == "LUT_3D_INPUT_RANGE":
            for corner, value in zip(("DOMAIN_MIN", "DOMAIN_MAX"), self._numbers(number, rest, 2)):
                self._corner(number, word, corner, (value,) * 3)
        elif word == "LUT_3D_SIZE":
            if self.size:
                raise self._wrong(number, "LUT_3D_SIZE stands twice")
            if not re.fullmatch(r"\s*[0-9]{1,6}\s*", rest) or not SMALLEST <= int(rest) <= LARGEST:
                raise self._wrong(number, f"LUT_3D_SIZE is {_shown(rest)}; {SMALLEST} to {LARGEST} was wanted")
            self.size = int(rest)
        elif word in _ONE_DIMENSION:
            raise self._wrong(number, f"{word} is not read; a table of LUT_3D_SIZE over DOMAIN_MIN..DOMAIN_MAX is")
        else:
            raise self._wrong(number, f"{_shown(line)} is nothing that a .cube has")

    def _corner(self, number: int, word: str, corner: str, value: tuple[float, ...]) -> None:
        """Note a corner of the domain, by the word and the line that state it."""
        line, other = self.stated.setdefault(corner, (number, word))
        if (known := self.corners.setdefault(corner, value)) != value:
            text = f"by {word}, {corner} would be {value}, and by {other} of line {line} it is {known}"
            raise self._wrong(number, text)

    def _numbers(self, number: int, text: str, count: int = 3) -> tuple[float, ...]:
        parts = text.split()
        try:
            if "_" in text or len(parts) != count:
                raise ValueError
            found = tuple(float(part) for part in parts)
        except ValueError:
            raise self._wrong(number, f"{_shown(text)} was read; {_COUNTS[count]} numbers were wanted") from None
        if not all(math.isfinite(value) and abs(value) <= LARGEST_NUMBER for value in found):
            raise self._wrong(number, f"{_shown(text)} was read; finite numbers within a million were wanted")
        return found

    def _wrong(self, number: int, text: str) -> CubeError:
        return CubeError(f"{self.path}:{number}: {text}. Export the look again as a 3D .cube.")


def _lines(text: str, first: int = 1) -> Iterator[tuple[int, str]]:
    """Yield the lines from number ``first`` on that hold something, without comments, each with its number."""
    for number, line in enumerate(io.StringIO(text, newline=None), 1):
        if number >= first and (line := line.partition("#")[0].strip()):
            yield number, line


def _is_word(line: str) -> bool:
    """Say whether a line begins with a word, and not with a number, even if that is none."""
    return line[:1].isalpha() and not re.match(r"(?i)(nan|inf)", line)


def _shown(text: str) -> str:
    text = " ".join(text.split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f'"{text[:40]}…"' if len(text) > 40 else f'"{text}"'
