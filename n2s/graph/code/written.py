"""What this library itself wrote among the files of a package or a script: no code, whenever it appears."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from pathlib import Path

_RUN = re.compile(r"\d{8}-\d{6}-\d{6}-[0-9a-f]{4}")  # the folder of a run's record
# Known by their names alone, as they come and go while films are rendered: records of runs, entries of a store with
# its kernels, and files under temporary names.
_WRITTEN = re.compile(
    rf"(^|/)({_RUN.pattern}/|[0-9a-f]{{2}}/\.?[0-9a-f]{{40}}\b|kernels/\.?k[0-9a-f]{{20,40}}\b"
    r"|\.([^/]*\.)?[0-9]{1,7}\.[0-9a-f]{8}(\.tmp[^/]*)?(/|$))"
)


def without_written(root: Path, files: Iterable[Path]) -> Iterator[Path]:
    """Yield the files below a folder that this library did not write.

    Films are those that the record of a run names: it lies in a folder of its own beside them, or above them.
    """
    films: dict[Path, frozenset[str]] = {}
    for file in files:
        place = file.relative_to(root)
        if _WRITTEN.search(place.as_posix()):
            continue
        for depth, part in enumerate(reversed(place.parents)):
            if (folder := root / part) not in films:
                films[folder] = _films_recorded_in(folder)
            if not films[folder].isdisjoint(place.parts[depth:]):
                break
        else:
            yield file


def _films_recorded_in(folder: Path) -> frozenset[str]:
    """Return the names of the films that runs wrote to a folder, or to folders in it, and of the folders of frames."""
    found: frozenset[str] = frozenset()
    try:
        runs = [name for name in os.listdir(folder) if _RUN.fullmatch(name)]
    except OSError:
        return found
    for name in runs:
        record = folder / name / "run.json"
        try:
            found |= _films_of(str(record), record.stat().st_mtime_ns)
        except (OSError, ValueError, KeyError, TypeError):  # a run that goes on, or no record of ours
            continue
    return found


@lru_cache(maxsize=10_000)
def _films_of(record: str, time: int) -> frozenset[str]:
    films = [Path(film["path"]) for film in json.loads(Path(record).read_bytes())["films"]]
    return frozenset(name for film in films for name in (film.name, f"{film.stem}-frames"))
