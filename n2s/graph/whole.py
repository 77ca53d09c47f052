"""Files that are written whole or not at all."""

from __future__ import annotations

import contextlib
import errno
import hashlib
import itertools
import os
import platform
import re
import shutil
import stat
from collections.abc import Callable
from functools import cache
from pathlib import Path


def write_whole(path: Path, write: Callable[[Path], object], replace: bool = True) -> None:
    """Let ``write`` fill a file under a temporary name beside it, of the same ending; sync it to disk, then rename it.

    It has the permissions of the file that it replaces; without ``replace``, a file that is there by then stays. What
    is there and is no file, as /dev/stdout, is written into. A folder that is missing is made.

    Raises
    ------
    OSError
        When the file cannot be written; what was there before is left as it was.
    """
    mode = _mode(path)
    if not path.name:  # "" or ".", which no name can stand beside
        raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR), str(path))
    if mode is not None and not stat.S_ISREG(mode) and not stat.S_ISDIR(mode):
        write(path)
        return
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = temporary_name(path)
    try:
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        if mode is not None:
            with contextlib.suppress(OSError):  # a system without permissions
                os.chmod(temporary, stat.S_IMODE(mode))
        _place(temporary, path, replace)
    finally:
        with contextlib.suppress(OSError):  # it was never made: its folder or its name cannot be
            remove(temporary)


def _place(temporary: Path, path: Path, replace: bool) -> None:
    if not replace:
        try:
            os.link(temporary, path)  # of several at the same time one succeeds, where each could rename
            return
        except FileExistsError:
            return
        except OSError:  # a file system without links
            if path.exists():
                return
    os.replace(temporary, path)


def remove(path: Path) -> None:
    """Delete a file, a link, or a folder with all that is in it; what is not there is no error."""
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path, ignore_errors=True)
    else:
        path.unlink(missing_ok=True)


def temporary_name(path: Path) -> Path:
    """Return another name for a file on its way to ``path``, beside it and of the same ending.

    It tells the process, and by four hexadecimal digits the machine, that writes it; see `is_abandoned`.
    """
    return path.with_name(f"{own_name(path)}.tmp{path.suffix}")


def own_name(path: Path) -> str:
    """Return a hidden name beside a path that no other process, and no other call, uses; it has no ending."""
    return f".{path.name}.{os.getpid()}.{_machine()}{next(_calls) % 0x10000:04x}"


# Calls are counted, so that no two threads have one name; from anywhere on, as a process that was killed may have had
# the same number and left its files.
_calls = itertools.count(int.from_bytes(os.urandom(2)))


def is_abandoned(name: str) -> bool:
    """Say whether a temporary name is one of this machine, and the process that made it has ended.

    Of other machines, which may share the folder, nothing is known.
    """
    found = _TEMPORARY.search(name)
    return found is not None and found["machine"] == _machine() and not _lives(int(found["process"]))


_TEMPORARY = re.compile(r"\.(?P<process>[0-9]{1,7})\.(?P<machine>[0-9a-f]{4})[0-9a-f]{4}\.tmp")


@cache
def _machine() -> str:
    name = platform.node()
    with contextlib.suppress(OSError):  # where there is one, machines of one name are told apart
        name += Path("/etc/machine-id").read_text(encoding="utf-8")
    with contextlib.suppress(OSError):  # and containers, which count their processes apart
        name += f":{os.stat('/proc/self/ns/pid').st_ino}"
    return hashlib.sha256(name.encode()).hexdigest()[:4]


def _lives(process: int) -> bool:
    if os.name != "posix":  # where asking would end it
        return True
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    except OSError:  # somebody else's
        return True
    return True


def _mode(path: Path) -> int | None:
    """Return the type and the permissions of what is there; None for nothing."""
    try:
        return os.stat(path).st_mode
    except OSError:
        return None
