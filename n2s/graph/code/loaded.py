"""Which code this process really runs: every module's code as it was executed, not as its file reads by now.

A file may be edited after it was imported, and a module may be executed again (``importlib.reload``, a notebook's
autoreload). Python tells an audit hook of every code object that is executed, so each execution of a module is noted
here, with the state its file was in. What was imported before this library is noted by the state of its file alone.
"""

from __future__ import annotations

import os
import sys
from types import CodeType, FrameType
from typing import NamedTuple

Stamp = tuple[int, int, int, int]  # inode, size, time of change of the content, of the inode


class Execution(NamedTuple):
    """One execution of a module: its place in the order of all, its code, and the state of its file at that time."""

    order: int
    code: CodeType
    stamp: Stamp | None


_executions: dict[str, list[Execution]] = {}  # by the name of the file
_earlier: dict[str, Stamp | None] = {}  # files of modules that were imported before this one
_count = 0


def stamp(file: str) -> Stamp | None:
    """Return what tells one state of a file from another; None where there is no file."""
    try:
        status = os.stat(file)
    except (OSError, ValueError):
        return None
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def now() -> int:
    """Return the number of executions so far: a moment that `executions` understands."""
    return _count


def executions(file: str, since: int = 0) -> list[Execution]:
    """Return the executions of a module that may still be in use by whoever came into being at ``since``.

    That is the last one before that moment, and all later ones: whoever imported a module before it was reloaded may
    hold names of both.
    """
    found = _executions.get(file, [])
    before = [execution for execution in found if execution.order <= since]
    return [*before[-1:], *(execution for execution in found if execution.order > since)]


def imported_earlier(file: str) -> tuple[bool, Stamp | None]:
    """Say whether a module was imported before this one, and in which state its file was then."""
    return file in _earlier, _earlier.get(file)


def _note(code: CodeType) -> None:
    global _count
    _count += 1
    _executions.setdefault(code.co_filename, []).append(Execution(_count, code, stamp(code.co_filename)))


def _hear(event: str, arguments: tuple) -> None:
    if event == "exec" and getattr(arguments[0], "co_name", None) == "<module>":
        if arguments[0].co_filename[:1] != "<":  # what has no file is made by programs, and often
            _note(arguments[0])


def _begin() -> None:
    """Note what is being imported right now, and the files of all that was; then listen."""
    frame: FrameType | None = sys._getframe()
    while frame is not None:
        if frame.f_code.co_name == "<module>" and frame.f_code.co_filename[:1] != "<":
            _note(frame.f_code)
        frame = frame.f_back
    for module in list(sys.modules.values()):
        file = getattr(module, "__file__", None)
        if isinstance(file, str) and file not in _executions:
            _earlier[file] = stamp(file)
    sys.addaudithook(_hear)


_begin()
