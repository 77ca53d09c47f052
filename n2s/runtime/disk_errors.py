"""Errors of disks and of folders of a network, in words that say how to go on."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from n2s.graph.errors import RenderError

WAY = "with --out or -o, or the store's with --store"  # commands have one or the other for what they write
# What disks and folders of a network say that were there before.
GONE = frozenset(
    getattr(errno, name)
    for name in ("EIO", "ENXIO", "ENODEV", "ESTALE", "ETIMEDOUT", "EHOSTDOWN", "EHOSTUNREACH", "ENETDOWN",
                 "ENETUNREACH", "ENOTCONN", "ECONNRESET", "ECONNABORTED", "EREMOTEIO")
    if hasattr(errno, name)
)  # fmt: skip


def disk_error(error: OSError, what: Path) -> RenderError:
    """Return an error that says why a write failed, and how to go on."""
    told = RenderError(_disk_text(error, what))
    told.of_disk = error, what
    return told


def _disk_text(error: OSError, what: Path) -> str:
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return (
            f"The disk is full: {what} cannot be written. What is finished is kept; free some space, or "
            f"name a folder on another disk {WAY}, and run again."
        )
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EISDIR, errno.EEXIST, errno.ENOENT):
        return f"{what} cannot be written: {error.strerror}. Choose another folder {WAY}."
    if error.errno in GONE:
        return (
            f"The folder of {what} does not answer: {error.strerror}. What is finished is kept; run again when its "
            f"disk or network is there again, or name a folder on another one {WAY}."
        )
    return f"{what} cannot be written: {error.strerror}."


@contextmanager
def told_as(path: Path, temporary: Path) -> Iterator[None]:
    """Tell errors of the disk under the name that a file is to have, not under the hidden one that it is written by.

    What its writer lays beside it, as a palette, begins with the same name, and goes by that of the file, too.
    """
    try:
        yield
    except RenderError as error:
        reason, file = error.of_disk or (None, path)
        if reason is None or not str(file).startswith(str(temporary.with_suffix(""))):
            raise
        raise disk_error(reason, path) from error
