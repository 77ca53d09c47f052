"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
from collections.abc import Callable
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object]) -> None:
    """Let ``write`` fill a file under a temporary name beside it, of the same ending; sync it to disk, then rename it.

    It has the permissions of the file that it replaces. What is there and is no file, as /dev/stdout, is written into.

    Raises
    ------
    OSError
        When the file cannot be written; what was there before is left as it was.
    """
    mode = _mode(path)
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        write(path)
        return
    temporary = temporary_name(path)
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if mode is not None:
            with contextlib.suppress(OSError):  # a system without permissions
                os.chmod(temporary, stat.S_IMODE(mode))
        os.replace(temporary, path)
    finally:
        with contextlib.suppress(OSError):  # it was never made: its folder or its name cannot be
            remove(temporary)


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with all that is in it; what is not there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def temporary_name(path: Path) -> Path:
    """Return another name for a file on its way to ``path``, beside it and of the same ending."""
    return path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}.tmp{path.suffix}")


def _mode(path: Path) -> int | None:
    """Return the type and the permissions of what is there; None for nothing."""
    try:
        return os.stat(path).st_mode
    except OSError:
        return None
