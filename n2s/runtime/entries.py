"""What lies in the folder of a store: its entries, found by the names of their files, and whether they are whole."""

from __future__ import annotations

import hashlib
import json
import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from n2s.graph.keys import digest

STALE_SECONDS = 24 * 3600  # what nobody used for so long is in no run's way
KEY = re.compile(r"[0-9a-f]{40}")


def checksum(path: Path) -> str:
    """Return the BLAKE2 digest of a file."""
    with open(path, "rb") as file:
        return hashlib.file_digest(file, lambda: hashlib.blake2b(digest_size=20)).hexdigest()


def is_as_stored(payload: Path, about: Mapping[str, Any]) -> bool:
    """Return whether a payload has the length and the checksum that its card tells.

    Raises
    ------
    OSError
        When it cannot be read, which says nothing about its bytes.
    ValueError, KeyError, TypeError
        When what it is compared with is no card.
    """
    return payload.stat().st_size == about["bytes"] and checksum(payload) == about["checksum"]


@dataclass(frozen=True)
class Entry:
    """What lies in the store under one key: a card and its payload, or a noted fact, which is a card alone."""

    kind: str
    key: str
    card: Path
    payloads: tuple[Path, ...]
    bytes: int
    used: float

    def remove(self) -> None:
        """Remove it, the card first: without a card there is no entry."""
        for path in (self.card, *self.payloads):
            path.unlink(missing_ok=True)

    def whole(self) -> bool:
        """Return whether its bytes are those that were stored.

        Raises
        ------
        OSError
            When they cannot be read: they may be whole.
        """
        try:
            about = json.loads(self.card.read_bytes())
            if "value" in about:
                return about["checksum"] == digest(about["value"])
            return any(is_as_stored(path, about) for path in self.payloads)
        except (FileNotFoundError, ValueError, KeyError, TypeError):
            return False


def entries_of(root: Path) -> Iterator[Entry]:
    """Yield the entries of a store's folder; other files are ignored, and so is what belongs to users who hide it."""
    if not os.path.isdir(root):
        return
    for folder in root.glob("*/[0-9a-f][0-9a-f]"):
        beside: dict[str, list[os.DirEntry[str]]] = {}
        try:
            with os.scandir(folder) as files:
                for file in files:
                    stem = os.path.splitext(file.name)[0]
                    if KEY.fullmatch(stem) and stem.startswith(folder.name):
                        beside.setdefault(stem, []).append(file)
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            continue
        for key, found in sorted(beside.items()):
            card, payloads, size, used = None, [], 0, 0.0
            try:
                for file in found:
                    if file.name == f"{key}.json":
                        card = Path(file.path)
                        status = card.stat()  # of the file: what Windows tells of it in its folder may be older
                        size, used = size + status.st_size, status.st_mtime
                    else:
                        size += file.stat().st_size
                        payloads.append(Path(file.path))
            except (FileNotFoundError, PermissionError):  # taken away meanwhile
                continue
            if card is not None:
                yield Entry(folder.parent.name, key, card, tuple(payloads), size, used)
