"""Files written whole or not at all, in folders that one command at a time writes into."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator
from pathlib import Path

from .errors import TrainingError


def whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` make a file under a temporary name in the same folder, of the same suffix; flush it to disk, then rename it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.stem}.{os.getpid()}.part{path.suffix}")
    try:
        write(partial)
        with open(partial, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(partial, path)
    finally:
        partial.unlink(missing_ok=True)


@contextlib.contextmanager
def alone(folder: Path) -> Iterator[None]:
    """Make a folder and hold it, where the system has such locks; they end with the process.

    Raises
    ------
    TrainingError
        When another command holds it: the two would write over each other's files.
    """
    folder.mkdir(parents=True, exist_ok=True)
    try:
        import fcntl
    except ImportError:  # Windows
        yield
        return
    handle = os.open(folder, os.O_RDONLY)
    try:
        with contextlib.suppress(OSError):  # some network folders have no locks
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise TrainingError(
                    f"Another command is writing into {folder}. Wait until it ends, or name another folder."
                ) from None
        yield
    finally:
        os.close(handle)
