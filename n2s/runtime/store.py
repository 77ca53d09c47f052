"""The store: a folder of results under the keys of their recipes, safe for several runs at once.

An entry is a payload and beside it a JSON file with the payload's length, its checksum and the readable recipe. The
payload is published first and the JSON last, each under a temporary name and by rename, so that an entry is whole or
not there. What fails its checksum is a miss. The least recently used entries go when the store outgrows its limit.
"""

from __future__ import annotations

import errno
import hashlib
import io
import json
import os
import uuid
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.errors import RenderError
from n2s.graph.keys import digest

LIMIT = 20 * 10**9
STALE_SECONDS = 24 * 3600


def default_root() -> Path:
    """Return the user's cache folder for this library; N2S_STORE names another."""
    from platformdirs import user_cache_dir

    return Path(os.environ.get("N2S_STORE") or user_cache_dir("n2s", appauthor=False))


def disk_error(error: OSError, what: Path) -> RenderError:
    """Say what a failed write means and how to go on."""
    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return RenderError(f"The disk is full: {what} cannot be written. What is finished is kept; free some space, or "
                           "name a folder on another disk with --store and --out, and run again.")
    if error.errno in (errno.EACCES, errno.EPERM, errno.EROFS, errno.ENOTDIR, errno.EEXIST):
        return RenderError(f"{what} cannot be written: {error.strerror}. Choose another folder with --store or --out.")
    return RenderError(f"{what} cannot be written: {error.strerror}.")


def publish(path: Path, write: Callable[[Path], None]) -> None:
    """Make a file whole or not at all: ``write`` fills a temporary name beside it, which is synced and renamed."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.{uuid.uuid4().hex[:8]}.tmp{path.suffix}")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write(temporary)
        with open(temporary, "rb+") as file:
            os.fsync(file.fileno())
        os.replace(temporary, path)
    except OSError as error:
        raise disk_error(error, path) from error
    finally:
        temporary.unlink(missing_ok=True)


def checksum(path: Path) -> str:
    """Return the BLAKE2 digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


class Store:
    """Results by kind ("segments", "analysis", …) and key."""

    def __init__(self, root: Path | None = None, limit: int = LIMIT):
        self.root = Path(root or default_root()).expanduser().resolve()
        self.limit = limit

    @property
    def kernels(self) -> Path:
        """The folder of generated kernels and of numba's cache beside them."""
        return self.root / "kernels"

    def path(self, kind: str, key: str, suffix: str) -> Path:
        return self.root / kind / key[:2] / f"{key}{suffix}"

    def find(self, kind: str, key: str, suffix: str) -> Path | None:
        """Return the payload of an entry after checking it, or None; a damaged entry is removed."""
        payload = self.path(kind, key, suffix)
        card = payload.with_suffix(".json")
        try:
            about = json.loads(card.read_bytes())
            if payload.stat().st_size == about["bytes"] and checksum(payload) == about["checksum"]:
                os.utime(card)
                return payload
        except FileNotFoundError:
            return None
        except (OSError, ValueError, KeyError, TypeError):
            pass
        card.unlink(missing_ok=True)
        return None

    def add(self, kind: str, key: str, suffix: str, recipe: Mapping[str, Any], write: Callable[[Path], None]) -> Path:
        """Publish an entry; ``write`` makes the payload at the path it is given."""
        payload = self.path(kind, key, suffix)
        publish(payload, write)
        about = {"bytes": payload.stat().st_size, "checksum": checksum(payload), "recipe": recipe}
        text = json.dumps(about, sort_keys=True, indent=1)
        publish(payload.with_suffix(".json"), lambda path: path.write_text(text))
        return payload

    def recipe(self, kind: str, key: str) -> dict[str, Any] | None:
        """Return the recipe that an entry was made by."""
        try:
            return json.loads(self.path(kind, key, ".json").read_bytes())["recipe"]
        except (OSError, ValueError, KeyError):
            return None

    def keep_arrays(
        self, kind: str, recipe: Mapping[str, Any], make: Callable[[], dict[str, np.ndarray]]
    ) -> dict[str, np.ndarray]:
        """Return some arrays by their recipe, made now or before."""
        key = digest(recipe)
        if path := self.find(kind, key, ".npz"):
            try:
                with np.load(path, allow_pickle=False) as arrays:
                    return dict(arrays)
            except (OSError, ValueError):
                pass
        arrays = make()
        buffer = io.BytesIO()
        np.savez(buffer, **arrays)
        self.add(kind, key, ".npz", recipe, lambda path: path.write_bytes(buffer.getvalue()))
        return arrays

    def note(self, kind: str, subject: Any, value: Any) -> None:
        """Remember a small fact (plain data) about a subject (plain data)."""
        text = json.dumps({"subject": subject, "value": value, "checksum": digest(value)}, indent=1)
        publish(self.path(kind, digest(subject), ".json"), lambda path: path.write_text(text))

    def noted(self, kind: str, subject: Any) -> Any:
        """Return what was noted about a subject, or None."""
        try:
            entry = json.loads(self.path(kind, digest(subject), ".json").read_bytes())
            return entry["value"] if entry["checksum"] == digest(entry["value"]) else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def about_file(self, kind: str, path: Path, find_out: Callable[[], Any]) -> Any:
        """Return a fact about a file, found out anew when its size or time of change differs."""
        status = path.stat()
        subject = {"path": str(path), "bytes": status.st_size, "changed": status.st_mtime_ns}
        value = self.noted(kind, subject)
        if value is None:
            value = find_out()
            self.note(kind, subject, value)
        return value

    def trim(self, now: float) -> int:
        """Remove the least recently used entries above the limit, and temporary files left by killed runs.

        Returns
        -------
        int
            How many bytes were freed.
        """
        entries, total = [], 0
        for card in self.root.glob("*/*/*.json"):
            files = [path for path in card.parent.glob(f"{card.stem}.*")]
            try:
                size = sum(path.stat().st_size for path in files)
                entries.append((card.stat().st_mtime, size, files))
            except FileNotFoundError:
                continue
            total += size
        for path in self.root.glob("*/*/.*.tmp*"):
            if now - path.stat().st_mtime > STALE_SECONDS:
                path.unlink(missing_ok=True)
        freed = 0
        for _, size, files in sorted(entries, key=lambda entry: entry[:2]):
            if total - freed <= self.limit:
                break
            for path in sorted(files, key=lambda path: path.suffix != ".json"):  # the card first: no card, no entry
                path.unlink(missing_ok=True)
            freed += size
        return freed
