"""What stands where a folder should be: a file, or a link to nothing."""

from __future__ import annotations

import errno
import os
from pathlib import Path

from n2s.graph.errors import ArgumentError


def obstacle(folder: Path) -> str:
    """Say what stands where a folder, or one on the way to it, should be: "films is a file"; "" where nothing does."""
    there = next((path for path in (folder, *folder.parents) if os.path.lexists(path)), None)
    if there is None or there.is_dir():
        return ""
    try:
        there.stat()
    except OSError as error:
        if there.is_symlink() and error.errno == errno.ELOOP:
            return f"{there} is a link in a circle of links"
        if there.is_symlink() and error.errno in (errno.ENOENT, errno.ENOTDIR):
            return f"{there} is a link to {os.readlink(there)}, which is not there"
    return f"{there} is a file"


def refuse_file(folder: Path, option: str) -> None:
    """Refuse what stands where the folder of an option should be and is none.

    Raises
    ------
    ArgumentError
    """
    if what := obstacle(folder):
        raise ArgumentError(f"{what}, and no folder can be there. Name a folder with {option}.")
