"""Standard output and error that never stop a command.

Output that cannot be written is dropped; characters that cannot be shown are replaced.
"""

from __future__ import annotations

import errno
import io
import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, TextIO


class GivingUp(io.FileIO):
    """A file handle that drops what cannot be written: to a closed pipe, a full disk, a terminal that is gone."""

    def __init__(self, handle: int):
        super().__init__(handle, "wb", closefd=False)
        self.failure: OSError | None = None

    def write(self, data: Any) -> int | None:
        if self.failure is None:
            try:
                return super().write(data)
            except OSError as error:
                self.failure = error
        return len(data)


_ends: dict[str, GivingUp] = {}
_done: list[bool] = []
_lines: list[TextIO] = []
_writing = threading.Lock()


def protect_streams() -> None:
    """Make standard output and error drop what they cannot write, and replace characters that they cannot show.

    Closed streams are first opened on the null device. Otherwise the next file that is opened, a film perhaps, would
    get their number, and with it all that is printed.
    """
    for name, handle in (("stdin", 0), ("stdout", 1), ("stderr", 2)):
        try:
            os.fstat(handle)
        except OSError:
            _open_on_nothing(handle)
        stream, original = getattr(sys, name), getattr(sys, f"__{name}__")
        if name == "stdin" or stream is not original:  # another stream in its place belongs to whoever put it there
            continue
        if stream is not None:
            stream.flush()
        _ends[name] = GivingUp(handle)
        setattr(sys, name, io.TextIOWrapper(
            io.BufferedWriter(_ends[name]), encoding=getattr(stream, "encoding", None) or "utf-8", errors="replace",
            line_buffering=name == "stderr" or _ends[name].isatty(),
        ))  # fmt: skip


@contextmanager
def reserved_for_lines() -> Iterator[None]:
    """Keep standard output for structured lines, which `write_line` writes.

    What anybody else prints meanwhile, nodes of others and processes that are started too, goes to standard error.
    """
    usual = sys.stdout
    handle, lines, own = -1, usual, getattr(usual, "buffer", None) is not None and "stdout" in _ends
    if own:  # and not another stream in its place
        usual.flush()
        handle = os.dup(1)
        os.dup2(2, 1)
        _ends["stdout"] = GivingUp(handle)
        lines = io.TextIOWrapper(io.BufferedWriter(_ends["stdout"]), encoding=usual.encoding, errors="replace")
    _lines.append(lines)
    sys.stdout = sys.stderr
    try:
        yield
    finally:
        lines.flush()
        _lines.pop()
        sys.stdout = usual
        if own:
            os.dup2(handle, 1)
            os.close(handle)


def write_line(values: Any) -> None:
    """Write values as one line of JSON, whole, whatever other threads write."""
    import json  # not needed by those who read

    stream = lines_stream()
    text = json.dumps(values, ensure_ascii=escape_needed()) + "\n"
    with _writing:
        stream.write(text)
        stream.flush()


def lines_stream() -> TextIO:
    """Return what structured lines are written to: standard output, also where it is reserved for them."""
    return _lines[-1] if _lines else sys.stdout


def _open_on_nothing(handle: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != handle:
        os.dup2(opened, handle)
        os.close(opened)


def work_is_done() -> None:
    """Note that the command has done its work; from now on, lost output is not an error."""
    _done.append(True)


def lost_output() -> str:
    """Return why the output could not be written, if the output was the command's only result; "" otherwise.

    A pipe that was closed by its reader is no error.
    """
    try:
        lines_stream().flush()
    except (OSError, ValueError):
        pass
    failure = _ends["stdout"].failure if "stdout" in _ends else None
    if failure is None or failure.errno == errno.EPIPE or _done:
        return ""
    return f"The output cannot be written: {failure.strerror}."


def escape_needed() -> bool:
    """Return whether JSON has to be ASCII, because the output cannot write all characters."""
    encoding = (getattr(lines_stream(), "encoding", "") or "").lower().replace("-", "").replace("_", "")
    return encoding not in ("utf8", "utf16", "utf32", "")
