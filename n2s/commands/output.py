"""Standard output and error that no work is lost over: what cannot be written is given up, what is strange is replaced."""

from __future__ import annotations

import errno
import io
import os
import sys
from typing import Any


class GivingUp(io.FileIO):
    """The end of a stream that gives up when it cannot be written: a closed pipe, a full disk, a terminal that is gone."""

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
_made: list[bool] = []


def protect_streams() -> None:
    """Let standard output and error give up instead of failing, and replace characters that they cannot show.

    Streams that are closed are opened on nothing first: else the next file that is opened, a film perhaps, would take
    their number and get what is written to them.
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


def _open_on_nothing(handle: int) -> None:
    opened = os.open(os.devnull, os.O_RDWR)
    if opened != handle:
        os.dup2(opened, handle)
        os.close(opened)


def work_is_done() -> None:
    """Note that the command has made what it was asked for: whether it can say so does not matter any more."""
    _made.append(True)


def lost_output() -> str:
    """Return why a command failed whose only result was its output; nothing when it was read, or not wanted any more."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        pass
    failure = _ends["stdout"].failure if "stdout" in _ends else None
    if failure is None or failure.errno == errno.EPIPE or _made:
        return ""
    return f"The output cannot be written: {failure.strerror}."


def escape_needed() -> bool:
    """Say whether JSON has to escape characters, because the output cannot write them all."""
    encoding = (getattr(sys.stdout, "encoding", "") or "").lower().replace("-", "").replace("_", "")
    return encoding not in ("utf8", "utf16", "utf32", "")
