"""A store in a bucket (S3 and what speaks like it), with a folder of copies on each machine.

An entry is a payload and a card, as in a folder. The payload's name holds its checksum, so that it is never replaced by
other bytes; it is put first, and the card last, by a request that fails where there is one already. So an entry is
whole or not there, whoever else writes at the same time, and the first of two that make the same wins.

Notes are of one machine (where films lie, which files have not changed) and stay in its folder, but for those that
machines tell each other.
"""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from datetime import timedelta
from pathlib import Path
from typing import Any

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError, NotFoundError
from obstore.store import from_url

from n2s.graph.errors import ArgumentError, RenderError
from n2s.graph.keys import digest
from n2s.runtime.entries import STALE_SECONDS, is_as_stored
from n2s.runtime.store import SEGMENTS, Store, publish

SHARED = ("cluster", "costs")  # kinds of notes that machines tell each other; paces and memory are of one machine
RETRIES: Any = {"max_retries": 3, "retry_timeout": timedelta(seconds=20)}
MISSING = (NotFoundError, FileNotFoundError)
PIECE = 8 << 20  # bytes that are in memory at the same time


class BucketStore(Store):
    """Results in a bucket; what was read of them lies in a folder of this machine, too.

    Parameters
    ----------
    address : str
        "s3://bucket/prefix". Where it is and who may read it stands in the environment: AWS_ENDPOINT_URL, AWS_REGION,
        AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or what a cloud's machines have in their place.
    limit : int, optional
        Bytes that the folder may hold, as in `Store`. The bucket has no limit: a rule of its own lets old objects
        expire.
    """

    def __init__(self, address: str, limit: int | None = None):
        super().__init__(_copies_of(address), limit)
        self._address = address.rstrip("/")
        plain = os.environ.get("AWS_ENDPOINT_URL", "").startswith("http:")
        options: Any = {"connect_timeout": "5s", "allow_http": plain}
        try:
            self._bucket = from_url(self._address, client_options=options, retry_config=RETRIES)
            next(iter(obstore.list(self._bucket, prefix=f"{SEGMENTS}/", chunk_size=1)), None)
        except (BaseError, OSError, ValueError) as error:
            raise ArgumentError(
                f"The store {address} cannot be opened: {_in_short(error)} AWS_ENDPOINT_URL says where the bucket is, "
                "AWS_REGION in which region, AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY who asks."
            ) from error

    @property
    def address(self) -> str:
        return self._address

    @property
    def is_distant(self) -> bool:
        return True

    def has(self, kind: str, key: str, suffix: str) -> bool:
        """Say whether an entry is there, without copying it."""
        return super().find(kind, key, suffix) is not None or self.has_for_others(kind, key, suffix)

    def has_for_others(self, kind: str, key: str, suffix: str) -> bool:
        """Say whether the bucket has an entry; a card alone is none, as payloads may expire first."""
        with suppress(ValueError, KeyError, TypeError, *MISSING):
            about = json.loads(self._read(_card(kind, key)) or b"")
            with self._told():
                found = obstore.head(self._bucket, _payload(kind, key, about["checksum"], suffix))
            return found["size"] == about["bytes"]
        return False

    def find(self, kind: str, key: str, suffix: str) -> Path | None:
        found = super().find(kind, key, suffix)
        return found if found is not None else self._fetch(kind, key, suffix)

    def _fetch(self, kind: str, key: str, suffix: str) -> Path | None:
        """Copy an entry of the bucket to this machine; None where there is none, or it is damaged and was removed.

        Bytes are compared before they are published: this machine's copy may be trimmed at any moment, and what became
        of it says nothing about the bucket's.
        """
        card = self._read(_card(kind, key))
        if card is None:
            return None
        payload = self.path(kind, key, suffix)
        with suppress(ValueError, KeyError, TypeError, *MISSING):
            about = json.loads(card)
            with self._told():
                found = obstore.get(self._bucket, _payload(kind, key, about["checksum"], suffix))
                publish(payload, lambda path: _download(found, path, about))
            publish(payload.with_suffix(".json"), lambda path: path.write_bytes(card))
            return payload
        with self._told(), suppress(*MISSING):
            obstore.delete(self._bucket, _card(kind, key))
        return None

    def _read(self, name: str) -> bytes | None:
        """Return a small object; None where there is none."""
        with self._told(), suppress(*MISSING):
            return bytes(obstore.get(self._bucket, name).bytes())
        return None

    def add(self, kind: str, key: str, suffix: str, recipe: Mapping[str, Any], write: Callable[[Path], object]) -> Path:
        payload = super().add(kind, key, suffix, recipe, write)
        card = payload.with_suffix(".json").read_bytes()
        about = json.loads(card)
        with self._told():
            obstore.put(self._bucket, _payload(kind, key, about["checksum"], suffix), payload)
            try:
                obstore.put(self._bucket, _card(kind, key), card, mode="create")
            except AlreadyExistsError:
                if self._stored_checksum(kind, key) != about["checksum"]:
                    obstore.put(self._bucket, _card(kind, key), card)  # rendered again, because it was asked for
        return payload

    def _stored_checksum(self, kind: str, key: str) -> str | None:
        """Return the checksum that the bucket's card of an entry tells; None without one, or where it is damaged."""
        with suppress(ValueError, KeyError, TypeError):
            return json.loads(self._read(_card(kind, key)) or b"")["checksum"]
        return None

    def recipe(self, kind: str, key: str) -> dict[str, Any] | None:
        if (known := super().recipe(kind, key)) is not None:
            return known
        with suppress(ValueError, KeyError, TypeError):
            return json.loads(self._read(_card(kind, key)) or b"")["recipe"]
        return None

    def note(self, kind: str, subject: Any, value: Any, replace: bool = True) -> None:
        super().note(kind, subject, value, replace)
        if kind in SHARED:
            self._share(kind, digest(subject), replace)

    def _share(self, kind: str, key: str, replace: bool) -> None:
        with self._told(), suppress(AlreadyExistsError):
            mode = "overwrite" if replace else "create"
            obstore.put(self._bucket, _card(kind, key), self.path(kind, key, ".json"), mode=mode)

    def agree(self, kind: str, subject: Any, value: Any) -> Any:
        if kind in SHARED and self._read(_card(kind, digest(subject))) is None:
            self.note(kind, subject, value, replace=False)  # where the bucket's has expired, what this machine knows
        return super().agree(kind, subject, value)

    def noted(self, kind: str, subject: Any) -> Any:
        if kind in SHARED and (found := self._read(_card(kind, digest(subject)))) is not None:
            publish(self.path(kind, digest(subject), ".json"), lambda path: path.write_bytes(found))
        return super().noted(kind, subject)

    def size(self) -> tuple[int, int]:
        """Return how many entries the bucket has, and their bytes."""
        with self._told():
            listed = [about for page in obstore.list(self._bucket) for about in page]
        return sum(about["path"].endswith(".json") for about in listed), sum(about["size"] for about in listed)

    def leave(self) -> None:
        self.trim(time.time(), STALE_SECONDS)

    @contextmanager
    def _told(self) -> Iterator[None]:
        """Tell in one sentence what went wrong with the bucket; that there is no such object is no fault."""
        try:
            yield
        except (*MISSING, AlreadyExistsError):
            raise
        except (BaseError, OSError) as error:
            raise RenderError(
                f"The store {self._address} failed: {_in_short(error)} What is finished is kept; run again to go on."
            ) from error


def _copies_of(address: str) -> Path:
    """Return the folder for what this machine reads of a bucket; N2S_COPIES names another parent."""
    from platformdirs import user_cache_path  # not needed where the folder is named

    parent = os.environ.get("N2S_COPIES") or user_cache_path("n2s", appauthor=False) / "copies"
    return Path(parent) / digest({"store": address.rstrip("/")})[:12]


def _card(kind: str, key: str) -> str:
    return f"{kind}/{key[:2]}/{key}.json"


def _payload(kind: str, key: str, its_checksum: str, suffix: str) -> str:
    return f"{kind}/{key[:2]}/{key}-{its_checksum[:16]}{suffix}"


def _download(found: Any, path: Path, about: Mapping[str, Any]) -> None:
    """Write a payload to a file; ValueError where it is not what its card tells."""
    with open(path, "wb") as file:
        for piece in found.stream(min_chunk_size=PIECE):
            file.write(piece)
    if not is_as_stored(path, about):
        raise ValueError("other bytes than were stored")


def _in_short(error: Exception) -> str:
    """Return the first sentence of an error: a whole report follows it."""
    text = str(error).partition("\n")[0].partition(": <?xml")[0].strip().rstrip(".")
    return f"{text}."
