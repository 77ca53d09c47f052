"""The files that a run reads: what was found out about each, and whether each still is what it was.

A fact that takes time to compute, such as the digest of a file's samples, is remembered under the digest of the file's
bytes. That digest itself is remembered under the file's path, inode, size and times, but not for small files, and not
for files that were changed within the last seconds: a further change might leave the times as they are.
"""

from __future__ import annotations

import errno
import hashlib
import os
import stat
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n2s.graph.code.files import files_below
from n2s.graph.code.loaded import Stamp, stamp
from n2s.graph.errors import ChangedFileError, MediaError, MissingFileError
from n2s.runtime.store import Store

SMALL = 1 << 20  # bytes; smaller files are always read again
SETTLED = 2.0  # seconds after which a further change of a file certainly changes its times


@dataclass
class _Fact:
    """What was found out about a file in a certain state; what is guarded may not change while the run is under way."""

    state: Stamp | None
    value: Any
    guarded: bool


class InputFiles:
    """What one run knows of the files it reads. Every run starts with nothing known, apart from facts in the store.

    Parameters
    ----------
    store : Store, optional
        Remembers facts from run to run.
    fresh : bool
        Read every file again, whatever is remembered.
    """

    def __init__(self, store: Store | None = None, fresh: bool = False):
        self._store, self._fresh = store, fresh
        self._facts: dict[tuple[str, Path], _Fact] = {}
        self._lock = threading.RLock()

    def about(
        self,
        kind: str,
        path: Path,
        find_out: Callable[[], Any],
        *,
        guarded: bool = True,
        keep: bool = False,
        **beside: Any,
    ) -> Any:
        """Return a fact about a file: what ``find_out`` returns, or returned before for the same state of the file.

        Parameters
        ----------
        guarded : bool
            False where the run may go on when the fact is not true any more.
        keep : bool
            Remember the fact from run to run; it is plain data then.
        beside : plain data
            What else a remembered fact depends on.

        Raises
        ------
        OSError
            When there is no such file, or it is a folder, a pipe or a device.
        MediaError
            When the file changes while it is read.
        """
        with self._lock:
            state = _state(path)
            known = self._known(kind, path, state)
            if known is None:
                subject = {"bytes": self._digest(path, state)} | beside if keep and self._store else None
                value = self._remembered(kind, subject)
                if value is None:
                    value = self._find(path, state, find_out)
                    if subject and self._store:
                        self._store.note(kind, subject, value)
                known = self._facts[kind, path] = _Fact(state, value, guarded)
            return known.value

    def _known(self, kind: str, path: Path, state: Stamp | None) -> _Fact | None:
        """Return what is known of a file, if it still holds; what is guarded may not have changed since."""
        fact = self._facts.get((kind, path))
        if fact is None or fact.state == state:
            return fact
        if not fact.guarded:
            return None
        if state is None:
            raise ChangedFileError(
                f"{path} was removed during the run. Put it back and run again; what is finished is kept."
            )
        # Even if it holds the same bytes again: it may have held others in between, and been read.
        raise ChangedFileError(
            f"{path} was changed during the run. Run again: what was finished before is kept, and what needs the new "
            "file is rendered."
        )

    def _find(self, path: Path, state: Stamp, find_out: Callable[[], Any]) -> Any:
        value = find_out()
        if stamp(str(path)) != state:
            raise ChangedFileError(f"{path} was changed while it was read. Run again when it is complete.")
        return value

    def _remembered(self, kind: str, subject: dict[str, Any] | None) -> Any:
        return self._store.noted(kind, subject) if subject and self._store and not self._fresh else None

    def _digest(self, path: Path, state: Stamp) -> str:
        """Return the SHA-256 of a file's bytes, from the store where that is safe."""
        settled = time.time() - max(state[2], state[3]) / 1e9 > SETTLED
        subject = {"path": str(path), "state": list(state)} if self._store and settled and state[1] > SMALL else None
        value = self._remembered("digests", subject)
        if value is None:
            value = self._find(path, state, lambda: digest_of(path))
            if subject and self._store:
                self._store.note("digests", subject, value)
        return value

    def digest(self, path: Path, guarded: bool = True) -> str:
        """Return a digest of a file's bytes, or of those of all files below a folder and their names.

        Parameters
        ----------
        guarded : bool
            False where the run may go on when the file is not the same any more.

        Raises
        ------
        MediaError
            When it is not there, or changes while it is read.
        """
        try:
            if path.is_dir():
                self._watch_folders(path, guarded)
                files = files_below(path)
                listed = "".join(
                    f"{file.relative_to(path).as_posix()}\n{self.digest(file, guarded)}\n" for file in files
                )
                return hashlib.sha256(listed.encode("utf-8", "surrogateescape")).hexdigest()
            with self._lock:
                state = _state(path)
                known = self._known("bytes", path, state)
                if known is None:
                    known = _Fact(state, self._digest(path, state), guarded)
                    self._facts["bytes", path] = known
                known.guarded |= guarded
                return known.value
        except (FileNotFoundError, NotADirectoryError) as error:
            raise MissingFileError(f"{path} cannot be read: {error.strerror}.") from None
        except OSError as error:
            raise MediaError(f"{path} cannot be read: {error.strerror}.") from None

    def _watch_folders(self, path: Path, guarded: bool) -> None:
        """Note the state of a folder and of all folders in it, so that added and removed files are noticed."""
        with self._lock:
            for folder in {path, *(file.parent for file in files_below(path))}:
                state = stamp(str(folder))
                if self._known("folder", folder, state) is None:
                    self._facts["folder", folder] = _Fact(state, None, guarded)

    def paths(self) -> set[Path]:
        """Return every file that something was found out about."""
        with self._lock:
            return {path for kind, path in self._facts if kind != "folder"}

    def check_unchanged(self) -> None:
        """Refuse to go on when a file has changed since something was found out about it.

        Results are kept under keys that describe the files as they were, so no others may be stored under them.

        Raises
        ------
        MediaError
            Naming the file.
        """
        with self._lock:
            for kind, path in list(self._facts):
                self._known(kind, path, stamp(str(path)))


def _state(path: Path) -> Stamp:
    status = os.stat(path)
    if not stat.S_ISREG(status.st_mode):  # reading a pipe or a device may never end
        raise OSError(errno.EINVAL, "it is not a regular file")
    return status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns


def digest_of(path: Path) -> str:
    """Return the SHA-256 of a file's bytes."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
