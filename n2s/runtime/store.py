"""The store: a folder of results under the keys of their recipes, safe for several runs at once.

An entry is a payload and beside it a JSON file with the payload's length, its checksum and the readable recipe. The
payload is published first and the JSON last, each under a temporary name and by rename, so that an entry is whole or
not there. What fails its checksum is a miss. The least recently used entries go when the store outgrows its limit.
"""

from __future__ import annotations

import errno
import io
import json
import os
import time
import uuid
from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, cast

import numpy as np

from n2s.graph.amounts import parse_amount
from n2s.graph.arrays import read_arrays
from n2s.graph.errors import ArgumentError, RenderError
from n2s.graph.keys import digest
from n2s.graph.whole import is_abandoned, remove, write_whole
from n2s.runtime.disk_errors import WAY, disk_error, told_as
from n2s.runtime.entries import KEY, STALE_SECONDS, Entry, checksum, entries_of, is_as_stored
from n2s.runtime.obstacles import obstacle
from n2s.runtime.room import Room

LIMIT = 20 * 10**9
ARRAYS = ".npz"  # the ending of entries that are arrays
SEGMENTS = "segments"  # the kind of chunks of films; modules whose code is part of keys spell it out
MARK_SECONDS = 3600  # runs ask for notes many times; what goes first is a matter of days


def default_root() -> Path:
    """Return the user's cache folder for this library; N2S_STORE names another."""
    from platformdirs import user_cache_dir  # not needed where the store is named

    return Path(os.environ.get("N2S_STORE") or user_cache_dir("n2s", appauthor=False))


def default_limit() -> int:
    """Return how many bytes a store may hold; N2S_STORE_LIMIT names another amount.

    Raises
    ------
    ArgumentError
        When that is none.
    """
    named = os.environ.get("N2S_STORE_LIMIT")
    try:
        return parse_amount(named) if named else LIMIT
    except ValueError as error:
        raise ArgumentError(f"N2S_STORE_LIMIT: {error}.") from None


def absolute(path: str | Path) -> Path:
    """Return a path made absolute; a path through a circle of links is left, and fails where it is opened."""
    return Path(os.path.realpath(path))


def publish(path: Path, write: Callable[[Path], object], replace: bool = True) -> None:
    """Write a file completely or not at all, as `write_whole` does; errors of the disk say what to do."""

    def told(temporary: Path) -> None:
        with told_as(path, temporary):
            write(temporary)

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, told, replace)
    except OSError as error:
        raise disk_error(error, path) from error


def check_folder(folder: Path) -> None:
    """Make a folder, and a file in it for a moment, so that a folder that cannot be written fails before the work.

    Raises
    ------
    RenderError
        When it cannot be written.
    """
    probe = folder / f".{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp"
    try:
        folder.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        if error.errno in (errno.EEXIST, errno.ENOTDIR) and (what := obstacle(folder)):
            text = f"{folder} cannot be written: {what}. Choose another folder {WAY}."
            raise RenderError(text) from error
        raise disk_error(error, folder) from error


class Store:
    """Results by kind ("segments", "analysis", …) and key.

    Parameters
    ----------
    root : str or path, optional
        Its folder; that of N2S_STORE, or the user's own, when left out.
    limit : int, optional
        Bytes that it may hold when a run has ended, beside what was used within a day; those of N2S_STORE_LIMIT, or 20
        GB, when left out.
    """

    def __init__(self, root: str | Path | None = None, limit: int | None = None):
        self.root = absolute(os.path.expanduser(root or default_root()))
        self.limit = default_limit() if limit is None else limit
        self._room = Room(self.entries)

    @property
    def address(self) -> str:
        """By what other processes open it; see `n2s.runtime.stores`."""
        return str(self.root)

    def size(self) -> tuple[int, int]:
        """Return how many entries there are, and their bytes."""
        sizes = [entry.bytes for entry in self.entries()]
        return len(sizes), sum(sizes)

    @property
    def is_distant(self) -> bool:
        """Whether machines use it that may have no other files in common."""
        return False

    @property
    def kernels(self) -> Path:
        """The folder of generated kernels and of numba's cache beside them."""
        return self.root / "kernels"

    def kernel_bytes(self) -> int:
        """Return the bytes of kernels, which are no entries: they do not count for the limit, and are not trimmed."""
        return bytes_of(*(Path(folder, name) for folder, _, names in os.walk(self.kernels) for name in names))

    def path(self, kind: str, key: str, suffix: str) -> Path:
        return self.root / kind / key[:2] / f"{key}{suffix}"

    def has(self, kind: str, key: str, suffix: str) -> bool:
        """Say whether an entry is there; see `find`."""
        return self.find(kind, key, suffix) is not None

    def has_for_others(self, kind: str, key: str, suffix: str) -> bool:
        """Say whether an entry is where all who use the store find it, not only this machine."""
        return self.has(kind, key, suffix)

    def find(self, kind: str, key: str, suffix: str) -> Path | None:
        """Return the payload of an entry after checking it, or None; a damaged entry is removed.

        What cannot be read, as the file of another user or on a disk that does not answer, is a miss, and stays.
        """
        payload = self.path(kind, key, suffix)
        card = payload.with_suffix(".json")
        try:
            whole = is_as_stored(payload, json.loads(card.read_bytes()))
        except OSError:
            return None
        except (ValueError, KeyError, TypeError):  # no card
            whole = False
        if whole:
            mark_used(card)
            return payload
        with suppress(OSError):  # where it has to stay it stays a miss, and `add` says what cannot be written
            card.unlink()
        return None

    def add(self, kind: str, key: str, suffix: str, recipe: Mapping[str, Any], write: Callable[[Path], object]) -> Path:
        """Publish an entry; ``write`` makes the payload at the path it is given."""
        payload = self.path(kind, key, suffix)
        card = payload.with_suffix(".json")
        before = bytes_of(payload, card)
        publish(payload, write)
        about = {"bytes": payload.stat().st_size, "checksum": checksum(payload), "recipe": recipe}
        text = json.dumps(about, sort_keys=True, indent=1)
        publish(card, lambda path: path.write_text(text, encoding="utf-8"))
        self._room.published(bytes_of(payload, card) - before)
        return payload

    def make_room(self, kind: str, size: int, since: float) -> bool:
        """Remove entries, the least recently used ones first, until some bytes more fit.

        Those of the kind go that nothing has used since a moment, and all that nothing has used for a day before it;
        what a run that is under way has made or found stays. What other processes did within the last seconds may not
        be seen yet.

        Returns
        -------
        bool
            Whether they fit within the limit.
        """
        return self._room.make(kind, size, since, self.limit)

    def leave(self) -> None:
        """Let go of it, in a process that renders for another one."""

    def forget_unfinished(self, key: str, pid: int) -> None:
        """Remove what a process that is gone had begun to write under a key."""
        for path in self.root.glob(f"*/{key[:2]}/.{key}*.{pid}.*.tmp*"):
            remove(path)

    def recipe(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return the recipe that an entry was made by."""
        try:
            return json.loads(self.path(kind, key, ".json").read_bytes())["recipe"]
        except (OSError, ValueError, KeyError):
            return None

    def keep_arrays(
        self, kind: str, recipe: Mapping[str, Any], make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Return the arrays of a recipe, from the store or made now."""
        key = digest(recipe)
        arrays = self.arrays(kind, key)
        if arrays is None:
            arrays = make()
            self.add(kind, key, ARRAYS, recipe, lambda path: write_arrays(path, arrays))
        return arrays

    def arrays(self, kind: str, key: str) -> dict[str, np.ndarray] | None:
        """Return the arrays of an entry; None where there is none, or it cannot be read."""
        path = self.find(kind, key, ARRAYS)
        if path is None:
            return None
        try:
            with open(path, "rb") as file:
                return read_arrays(file)
        except Exception:  # numpy and zipfile raise many errors; the arrays are made again
            return None

    def note(self, kind: str, subject: Any, value: Any, replace: bool = True) -> None:
        """Store a small fact (plain data) about a subject (plain data); without ``replace``, what is there stays."""
        text = json.dumps({"subject": subject, "value": value, "checksum": digest(value)}, indent=1)
        card = self.path(kind, digest(subject), ".json")
        before = bytes_of(card)
        publish(card, lambda path: path.write_text(text, encoding="utf-8"), replace)
        self._room.published(bytes_of(card) - before)

    def agree(self, kind: str, subject: Any, value: Any) -> Any:
        """Return what is noted about a subject; where nothing is, note a value, of several at once the first one's."""
        if self.noted(kind, subject) is None:
            self.note(kind, subject, value, replace=False)
        if self.noted(kind, subject) is None:  # a damaged note is in the way
            self.note(kind, subject, value)
        return self.noted(kind, subject)

    def noted(self, kind: str, subject: Any) -> Any:
        """Return what was noted about a subject, or None."""
        card = self.path(kind, digest(subject), ".json")
        try:
            entry = json.loads(card.read_bytes())
            value = entry["value"] if entry["checksum"] == digest(entry["value"]) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None
        if value is not None:
            mark_used(card, MARK_SECONDS)
        return value

    def entries(self) -> Iterator[Entry]:
        """Yield every entry; other files are ignored, and so is what other users hide."""
        try:
            yield from entries_of(self.root)
        except OSError as error:
            raise disk_error(error, self.root) from error

    def verify(self) -> tuple[int, list[Entry], list[tuple[Entry, OSError]]]:
        """Check the bytes of every entry and remove those that are damaged.

        Returns
        -------
        tuple
            How many entries there were, the damaged ones, and those that could not be read and stay, each with the
            reason.

        Raises
        ------
        RenderError
            When a damaged one cannot be removed.
        """
        count, damaged, unread = 0, [], []
        for entry in self.entries():
            try:
                whole = entry.whole()
            except OSError as error:
                whole = True
                unread.append((entry, error))
            if not whole:
                try:
                    if not entry.card.exists():  # another run trimmed it meanwhile
                        continue
                    entry.remove()
                except OSError as error:
                    raise disk_error(error, entry.card) from error
                damaged.append(entry)
            count += 1
        return count, damaged, unread

    def trim(self, now: float, spare: float = 0, stayed: list[OSError] | None = None) -> int:
        """Remove the least recently used entries above the limit, and what killed runs left behind a day ago.

        Runs spare a day when they end: another run that is under way needs what it has made until its film is joined,
        and one that was interrupted goes on from there, also where its film is larger than the limit. Who is used by
        whom is not known, so the time has to tell; for a film that takes longer than a day the limit must be large
        enough. What cannot be removed, as another user's, stays.

        Parameters
        ----------
        now : float
            Seconds of the system's clock.
        spare : float
            What was used within so many seconds stays.
        stayed : list of OSError, optional
            Is given why each entry stays that could not be removed.

        Returns
        -------
        int
            How many bytes were freed.
        """
        entries = sorted(self.entries(), key=lambda entry: (entry.used, entry.bytes))
        total = sum(entry.bytes for entry in entries)
        self._room = Room(self.entries)  # whatever was known is over
        freed = self._sweep(now)
        removed = 0
        for entry in entries:
            if total - removed <= self.limit or (spare and entry.used > now - spare):
                break
            try:
                entry.remove()
                removed += entry.bytes
            except OSError as error:
                if stayed is not None:
                    stayed.append(error)
        return freed + removed

    def _sweep(self, now: float) -> int:
        """Remove what ended processes of this machine left; after a day that of others, and payloads without a card."""
        freed = 0
        for path in self.root.glob("*/[0-9a-f][0-9a-f]/*") if os.path.isdir(self.root) else ():
            temporary = path.name.startswith(".") and KEY.match(path.name[1:]) and ".tmp" in path.name
            try:
                orphan = KEY.fullmatch(path.stem) and path.suffix != ".json" and not path.with_suffix(".json").exists()
                status = path.stat()
                left = temporary and is_abandoned(path.name)
                if left or (temporary or orphan) and now - status.st_mtime > STALE_SECONDS:
                    path.unlink()
                    freed += status.st_size
            except OSError:  # another run took it away, or it is another user's
                continue
        return freed


def bytes_of(*paths: Path) -> int:
    """Return the bytes of files; those that are not there have none."""
    size = 0
    for path in paths:
        with suppress(OSError):
            size += path.stat().st_size
    return size


def mark_used(card: Path, after: float = 0) -> None:
    """Set the time of a card, by which entries go that were not used for long; where it is so many seconds old.

    Where it cannot be set, for a store that is read-only or another user's file, the entry serves all the same.
    """
    with suppress(OSError):
        if not after or abs(time.time() - card.stat().st_mtime) >= after:  # a clock that went wrong is put right
            os.utime(card)


def write_arrays(path: Path, arrays: Mapping[str, np.ndarray]) -> None:
    """Write arrays as a file of the store."""
    buffer = io.BytesIO()
    cast(Any, np.savez)(buffer, **arrays)
    path.write_bytes(buffer.getvalue())
