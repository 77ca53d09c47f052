"""Files of colour tables (.cube), read with care: they come from anywhere."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from n2s.graph.errors import GraphError

SMALLEST, LARGEST = 2, 129
MOST_BYTES = 256 << 20  # 129**3 rows of three long numbers, and then some
_OTHER = ("LUT_1D_SIZE", "LUT_1D_INPUT_RANGE", "LUT_3D_INPUT_RANGE")


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
        self.corners = {"DOMAIN_MIN": (0.0, 0.0, 0.0), "DOMAIN_MAX": (1.0, 1.0, 1.0)}

    def read(self, text: str) -> ColourCube:
        rows: list[tuple[float, ...]] = []
        number = 0
        for number, line in enumerate(text.replace("\r\n", "\n").replace("\r", "\n").split("\n"), 1):
            line = line.partition("#")[0].strip()
            if not line:
                continue
            if line[0].isalpha() and not re.match(r"(?i)(nan|inf)", line):
                if rows:
                    raise self._wrong(number, f"{_shown(line)} stands among the numbers; words come before them")
                self._word(number, line)
                continue
            if not self.size:
                raise self._wrong(number, "numbers come before LUT_3D_SIZE; it says how many there are")
            if len(rows) == self.size**3:
                raise self._wrong(number, f"there are more than the {self.size**3} rows that LUT_3D_SIZE asks for")
            rows.append(self._numbers(number, line))
        if not self.size:
            raise self._wrong(number, "LUT_3D_SIZE is missing, so this is no three-dimensional .cube")
        if len(rows) != self.size**3:
            wanted = f"{self.size**3} rows were wanted, for LUT_3D_SIZE {self.size}"
            raise self._wrong(number, f"the file ends after {len(rows)} rows of numbers; {wanted}")
        low, high = self.corners["DOMAIN_MIN"], self.corners["DOMAIN_MAX"]
        if any(a >= b for a, b in zip(low, high)):
            raise self._wrong(number, f"DOMAIN_MIN {low} is not below DOMAIN_MAX {high}")
        by_blue = np.array(rows).reshape(self.size, self.size, self.size, 3)  # red runs fastest
        return ColourCube(np.ascontiguousarray(by_blue.transpose(2, 1, 0, 3)), low, high)

    def _word(self, number: int, line: str) -> None:
        word, _, rest = line.partition(" ") if " " in line else line.partition("\t")
        if word == "TITLE":
            return
        if word in self.corners:
            self.corners[word] = self._numbers(number, rest)
        elif word == "LUT_3D_SIZE":
            if self.size:
                raise self._wrong(number, "LUT_3D_SIZE stands twice")
            if not re.fullmatch(r"\s*[0-9]{1,6}\s*", rest) or not SMALLEST <= int(rest) <= LARGEST:
                raise self._wrong(number, f"LUT_3D_SIZE is {_shown(rest)}; {SMALLEST} to {LARGEST} was wanted")
            self.size = int(rest)
        elif word in _OTHER:
            raise self._wrong(number, f"{word} is not read; a table of LUT_3D_SIZE over DOMAIN_MIN..DOMAIN_MAX is")
        else:
            raise self._wrong(number, f"{_shown(line)} is nothing that a .cube has")

    def _numbers(self, number: int, text: str) -> tuple[float, ...]:
        parts = text.split()
        try:
            if "_" in text or len(parts) != 3:
                raise ValueError
            found = tuple(float(part) for part in parts)
        except ValueError:
            raise self._wrong(number, f"{_shown(text)} was read; three numbers were wanted") from None
        if not all(math.isfinite(value) and abs(value) <= 1e6 for value in found):
            raise self._wrong(number, f"{_shown(text)} was read; finite numbers within a million were wanted")
        return found

    def _wrong(self, number: int, text: str) -> CubeError:
        return CubeError(f"{self.path}:{number}: {text}. Export the look again as a 3D .cube.")


def _shown(text: str) -> str:
    text = " ".join(text.split())
    text = "".join(letter if letter.isprintable() else "?" for letter in text)
    return f'"{text[:40]}…"' if len(text) > 40 else f'"{text}"'
