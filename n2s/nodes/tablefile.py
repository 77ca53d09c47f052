"""Tables of numbers over time: .csv and .json files."""

from __future__ import annotations

import csv
import json
import math
from collections import Counter
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import MediaError
from n2s.graph.textlines import lines_of

MOST_ROWS, MOST_COLUMNS = 1_000_000, 64


def read_table(path: Path) -> tuple[list[str], np.ndarray, str]:
    """Return the names of a table's columns, its rows as float64 (N, 1 + K), and what its times count, where it says.

    Raises
    ------
    MediaError
        With the line, or the row of a .json file, where a row has a gap, a text or a time that is not later than the
        one before; and where two columns have one name.
    """
    try:
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise MediaError(f"{path} cannot be read: {error.strerror or error}.") from None
    except UnicodeDecodeError:
        raise MediaError(f"{path} is no text in UTF-8; save it as such.") from None
    if path.suffix.lower() == ".json":
        names, listed, unit = _json_rows(path, text)
        where = f"{path}: row "  # what is parsed has no lines
    else:
        names, listed = _csv_rows(path, text)
        where, unit = f"{path}:", ""
    if not listed:
        raise MediaError(f"{path} has no rows of numbers.")
    if not 2 <= len(names) <= MOST_COLUMNS:
        raise MediaError(f"{path} has {len(names)} columns; a time and 1 to {MOST_COLUMNS - 1} numbers were wanted.")
    _check_names(path, names[1:])
    rows = []
    for place, row in listed[:MOST_ROWS]:
        if len(row) != len(names):
            raise MediaError(f"{where}{place}: a row of {len(row)} values; {len(names)} were wanted, as in the first.")
        try:
            numbers = [float(value) for value in row]
        except (TypeError, ValueError):
            bad = next(value for value in row if not _is_number(value))
            raise MediaError(f"{where}{place}: {str(bad)[:40]!r} is no number.") from None
        if not all(map(math.isfinite, numbers)):
            raise MediaError(f"{where}{place}: a number is not finite.")
        if rows and not numbers[0] > rows[-1][0]:
            raise MediaError(f"{where}{place}: time {numbers[0]:g} comes after {rows[-1][0]:g}; times must rise.")
        rows.append(numbers)
    return names, np.array(rows, np.float64), unit


def _check_names(path: Path, names: list[str]) -> None:
    """Refuse names that repeat: a name stands for one column, and nobody could tell which."""
    repeated = [name for name, count in Counter(names).items() if count > 1]
    if repeated:
        raise MediaError(f"{path} has several columns named {repeated[0]!r}; give each a name of its own.")


def _is_number(value: Any) -> bool:
    try:
        float(value)
    except (TypeError, ValueError):
        return False
    return True


def _csv_rows(path: Path, text: str) -> tuple[list[str], list[tuple[int, list[str]]]]:
    first = text.split("\n", 1)[0]
    mark = next((mark for mark in ("\t", ";", ",") if mark in first), ",")
    reader = csv.reader(lines_of(text), delimiter=mark)
    try:
        listed = [(reader.line_num, row) for row in reader if any(cell.strip() for cell in row)]
    except csv.Error as error:
        raise MediaError(f"{path}:{reader.line_num}: {error}.") from None
    if listed and not all(map(_is_number, listed[0][1])):
        return [name.strip() for name in listed[0][1]], listed[1:]
    width = len(listed[0][1]) if listed else 0
    return ["time", *map(str, range(width - 1))], listed


def _json_rows(path: Path, text: str) -> tuple[list[str], list[tuple[int, list[Any]]], str]:
    def one_of_each(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
        if len(row := dict(pairs)) < len(pairs):
            _check_names(path, [name for name, _ in pairs])
        return row

    try:
        data = json.loads(text, object_pairs_hook=one_of_each)
    except (ValueError, RecursionError) as error:
        line = getattr(error, "lineno", 1)
        raise MediaError(f"{path}:{line}: this is no JSON that can be read ({getattr(error, 'msg', error)}).") from None
    unit = ""
    if isinstance(data, dict) and "rendered_frames" in data:
        data, unit = data["rendered_frames"], "frames"
    if not isinstance(data, list) or not data:
        raise MediaError(f"{path}: a list of rows was wanted, like [[0, 0.2], [1.5, 1]].")
    if isinstance(data[0], dict):
        names = [name for name, value in data[0].items() if _is_number(value)]
        time = next((name for name in ("frame", "time", "timestamp", "t") if name in names), names[0] if names else "")
        names = [time, *(name for name in names if name != time)]
        listed = [(i, [_get(row, name) for name in names]) for i, row in enumerate(data, 1)]
    else:
        listed = [(i, row if isinstance(row, list) else [row]) for i, row in enumerate(data, 1)]
        names = ["time", *map(str, range(len(listed[0][1]) - 1))]
    return names, listed, unit


def _get(row: Any, name: str) -> Any:
    return row.get(name) if isinstance(row, dict) else None
