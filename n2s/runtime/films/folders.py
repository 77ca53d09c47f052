"""Films that are folders, beside films that are files: their state, size and digest, and how a folder is published.

A folder that n2s wrote holds a mark, a file that lists the length and the SHA-256 of every other file in it. What is
there as it is listed is n2s's own; one file, folder or link that is not, and the folder is somebody else's.
"""

from __future__ import annotations

import contextlib
import errno
import hashlib
import os
import re
import shutil
from collections.abc import Callable, Collection, Iterator
from pathlib import Path, PurePosixPath
from typing import Any

from n2s.graph.code.loaded import stamp
from n2s.graph.keys import digest
from n2s.graph.whole import is_abandoned, own_name, remove
from n2s.runtime.disk_errors import disk_error, told_as
from n2s.runtime.entries import STALE_SECONDS

MARK = ".n2s-film"
MOST_SWAPS = 10  # until runs that publish the same folder at once have let each other through
_LINE = re.compile(r"([0-9a-f]{64}) (\d+) ([^\n]+)")


def state(film: Path) -> list | None:
    """Return what tells whether a film was touched, as plain data: sizes and times of its files; None without one."""
    if not os.path.isdir(film):
        found = stamp(str(film))
        return list(found) if found else None
    return [digest([[name, list(stamp(str(film / name)) or ())] for name in _names(film)])]


def times(film: Path) -> str:
    """Return a digest of the lengths and times of a film's files, which stays when the film is renamed."""
    if os.path.isdir(film):
        states = [(name, (film / name).lstat()) for name in _names(film) if name != MARK]
    else:
        states = [("", film.stat())]
    return digest([[name, status.st_size, status.st_mtime_ns] for name, status in states])


def is_there(film: Path, written: str) -> bool:
    """Say whether what lies at a film's place has these `times`, and is no other run's."""
    try:
        return times(film) == written
    except OSError:
        return False


def size(film: Path) -> int:
    """Return the bytes of a film."""
    return sum((film / name).stat().st_size for name in _names(film)) if film.is_dir() else film.stat().st_size


def seal(film: Path) -> str:
    """Return the SHA-256 of a finished film; a folder gets its mark, and has the SHA-256 of that."""
    if film.is_dir():
        lines = [f"{sha256_of(film / name)} {(film / name).stat().st_size} {name}\n" for name in _names(film)]
        (film / MARK).write_text("".join(lines), encoding="utf-8")
        film = film / MARK
    return sha256_of(film)


def sha256_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _names(folder: Path) -> list[str]:
    """Return the files of a folder and of the folders in it, in a fixed order."""
    found = (Path(place, name) for place, _, names in os.walk(folder) for name in names)
    return sorted(path.relative_to(folder).as_posix() for path in found)


def _folders_in(folder: Path) -> list[str]:
    """Return the folders in a folder, at any depth, and the links to folders."""
    found = (Path(place, name) for place, names, _ in os.walk(folder) for name in names)
    return [path.relative_to(folder).as_posix() for path in found]


def is_own_folder(folder: Path, known_times: Collection[Any] = ()) -> bool:
    """Say whether everything in a folder is what n2s wrote there; True for an empty folder.

    Its files are read, unless their `times` are among those that are known to be n2s's.
    """
    if folder.is_symlink() or not folder.is_dir():
        return False
    try:
        lines = [_LINE.fullmatch(line) for line in (folder / MARK).read_text(encoding="utf-8").splitlines()]
        listed = {line[3]: (line[1], int(line[2])) for line in lines if line}
        there = {name: (folder / name).lstat().st_size for name in _names(folder) if name != MARK}
        around = {parent.as_posix() for name in listed for parent in PurePosixPath(name).parents}
        if any((folder / name).is_symlink() or name not in around for name in _folders_in(folder)):
            return False
        if any(name not in listed or listed[name][1] != length for name, length in there.items()):
            return False
        return times(folder) in known_times or all(sha256_of(folder / name) == listed[name][0] for name in there)
    except FileNotFoundError:
        return not any(folder.iterdir())
    except (OSError, ValueError):
        return False


@contextlib.contextmanager
def empty_beside(path: Path) -> Iterator[Path]:
    """Yield an empty folder beside a path, for what is not whole yet; what is left of it goes when the block ends.

    Raises
    ------
    RenderError
        When the disk fails in the block, in the name of the path.
    """
    temporary = _name_beside(path, "tmp")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary.mkdir()
        try:
            with told_as(path, temporary):
                yield temporary
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
    except OSError as error:
        raise disk_error(error, path) from error


def publish_folder(path: Path, write: Callable[[Path], None]) -> None:
    """Make a folder whole or not at all: ``write`` fills an empty one beside it, which is synced and takes its place.

    What lies at the path is moved aside first and deleted last, so that no failure loses it; `restore` brings it back
    after a run that was killed in between.
    """
    with empty_beside(path) as temporary:
        write(temporary)
        for name in _names(temporary):
            with open(temporary / name, "rb+") as file:
                os.fsync(file.fileno())
        _swap(temporary, path)
    for left in _beside(path, "old"):
        remove(left)


def _swap(new: Path, path: Path) -> None:
    """Rename a folder to a path, after what lies there was moved aside, which comes back if that fails."""
    for attempt in range(1, MOST_SWAPS + 1):
        aside = _name_beside(path, "old")
        try:
            with contextlib.suppress(FileNotFoundError):  # nothing lies there
                os.rename(path, aside)
            os.rename(new, path)
            return
        except BaseException as error:
            if not os.path.lexists(path):
                with contextlib.suppress(OSError):  # nothing lay there, or another run has just published its own
                    os.rename(aside, path)
            between = isinstance(error, OSError) and error.errno in (errno.ENOTEMPTY, errno.EEXIST)
            if not between or attempt == MOST_SWAPS:
                raise


def _name_beside(path: Path, ending: str) -> Path:
    """Return a name of this process beside a path, for what is not whole yet or is moved aside."""
    return path.with_name(f"{own_name(path)}.{ending}")


def restore(path: Path) -> None:
    """Bring back what a run that was killed while it published a folder had moved aside."""
    if os.path.lexists(path):
        return
    for aside in _beside(path, "old")[:1]:
        try:
            os.rename(aside, path)
        except OSError as error:
            raise disk_error(error, path) from error


def remove_unfinished(path: Path, now: float) -> None:
    """Delete what killed runs began to write beside a film's path; another machine's after a day.

    That is the film itself, a file or a folder, and what its format laid beside it: a list of segments, a palette.
    """
    for left in _beside(path, r"tmp(\.[^.]+)?"):
        with contextlib.suppress(OSError):  # another run took it away
            if is_abandoned(left.name) or now - left.lstat().st_mtime > STALE_SECONDS:
                remove(left)


def _beside(path: Path, ending: str) -> list[Path]:
    """Return what lies beside a path under such names of any process, the newest first; ``ending`` is a pattern."""
    name = re.compile(rf"\.{re.escape(path.name)}\.\d+\.[0-9a-f]{{8}}\.{ending}")
    found = []
    for other in path.parent.iterdir() if path.parent.is_dir() else ():
        with contextlib.suppress(FileNotFoundError):  # another run took it away
            if name.fullmatch(other.name):
                found.append((-other.lstat().st_ctime_ns, other))
    return [other for _, other in sorted(found)]
