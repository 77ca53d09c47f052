"""Frames that are kept beside a film, as players show them: a folder of PNG files, in which others may lie, too.

A mark in the folder lists each frame that n2s wrote there: its SHA-256, length and time. What has the name of
a frame and is not as it is listed was changed, or is somebody's own, and the folder is not written to unasked.
"""

from __future__ import annotations

import os
import re
import stat
from collections.abc import Callable, Iterable
from pathlib import Path

from n2s.graph.errors import RenderError
from n2s.graph.whole import write_whole
from n2s.runtime.films.folders import empty_beside, sha256_of

MARK = ".n2s-frames"
_NAME = re.compile(r"\d{6,}\.png")
_LINE = re.compile(r"([0-9a-f]{64}) (\d+) (\d+) ([^\n]+)")


def frames_folder(film: Path) -> Path:
    """Return the folder of a film's frames."""
    return film.with_name(f"{film.stem}-frames")


def may_keep_frames(folder: Path) -> bool:
    """Say whether nothing but frames that n2s wrote can be lost in a folder of frames."""
    if not os.path.lexists(folder):
        return True
    if not os.path.isdir(folder) or folder.is_symlink():
        return False
    names = os.listdir(folder)
    if MARK not in names:
        return not names
    known: dict[str, list[re.Match[str]]] = {}
    for line in filter(None, map(_LINE.fullmatch, _listed(folder))):
        known.setdefault(line[4], []).append(line)
    return all(_is_own(folder / name, known.get(name, [])) for name in names if _NAME.fullmatch(name))


def publish_frames(folder: Path, write: Callable[[Path], None], count: int) -> None:
    """Put frames into a folder in place of its old ones; whatever else lies in it stays.

    ``write`` fills an empty folder beside it. The old frames go when all ``count`` new ones are whole. Until the last
    one is there the mark lists old and new ones, so that all are known to whoever comes after an interruption.
    """
    with empty_beside(folder) as temporary:
        write(temporary)
        made = sorted(path for path in temporary.iterdir() if _NAME.fullmatch(path.name))
        if len(made) != count:
            raise RenderError(f"{folder} would have {len(made)} frames instead of {count}; run again.")
        lines = [_line(path) for path in made]
        folder.mkdir(exist_ok=True)
        _write_mark(folder, [*_listed(folder), *lines])
        for path in made:
            path.replace(folder / path.name)
        names = {path.name for path in made}
        for old in folder.iterdir():
            if _NAME.fullmatch(old.name) and old.name not in names:
                old.unlink(missing_ok=True)  # another run may keep frames here at the same time
        _write_mark(folder, lines)


def _line(frame: Path) -> str:
    status = frame.stat()
    return f"{sha256_of(frame)} {status.st_size} {status.st_mtime_ns} {frame.name}"


def _listed(folder: Path) -> list[str]:
    """Return the lines of a folder's mark; none where there is no mark, or it cannot be read."""
    try:
        return (folder / MARK).read_text(encoding="utf-8").splitlines()
    except (OSError, ValueError):
        return []


def _write_mark(folder: Path, lines: Iterable[str]) -> None:
    text = "".join(f"{line}\n" for line in dict.fromkeys(lines))
    write_whole(folder / MARK, lambda path: path.write_text(text, encoding="utf-8"))


def _is_own(frame: Path, lines: Iterable[re.Match[str]]) -> bool:
    """Say whether a frame is as a line says; it is read only where its time is another one, as after a copy."""
    status = frame.lstat()
    sized = [line for line in lines if int(line[2]) == status.st_size and stat.S_ISREG(status.st_mode)]
    if any(int(line[3]) == status.st_mtime_ns for line in sized):
        return True
    return bool(sized) and sha256_of(frame) in {line[1] for line in sized}
