"""How full a store is, as far as one process knows, and how room is made without listing the store each time."""

from __future__ import annotations

import math
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from operator import attrgetter

from n2s.runtime.entries import STALE_SECONDS, Entry

BELIEVED_SECONDS = 10  # for so long at least
BELIEVED_TIMES = 20  # and so many times as long as it took a listing is believed


class Room:
    """The bytes of a store, and which entries were used longest ago; for threads.

    A store may have a hundred thousand files, and listing them takes seconds. So it is listed once, and what this
    process publishes is added. What other processes write and remove is seen when it is listed again: a while later,
    so that listing takes a twentieth of the time at most, or where nothing is left that may go and younger work asks.

    Parameters
    ----------
    entries : callable
        Lists the store's entries.
    """

    def __init__(self, entries: Callable[[], Iterable[Entry]]):
        self._entries = entries
        self._lock = threading.Lock()
        self._bytes = 0
        self._published: deque[int] = deque()  # taken over when room is made, so that who publishes need not wait
        self._oldest: dict[str, deque[Entry]] = {}  # by kind
        self._believed_until = self._since = -math.inf

    def published(self, size: int) -> None:
        """Take over that the store has grown by so many bytes."""
        if self._since > -math.inf:
            self._published.append(size)

    def make(self, kind: str, size: int, since: float, limit: int) -> bool:
        """Remove entries until some bytes more fit; see `Store.make_room`."""
        with self._lock:
            if time.monotonic() >= self._believed_until:
                self._list(since)
            if self._fits(kind, limit - size, since):
                return True
            if since <= self._since:
                return False
            self._list(since)  # what older work has published may go by now
            return self._fits(kind, limit - size, since)

    def _list(self, since: float) -> None:
        began, self._since = time.monotonic(), max(since, self._since)
        self._published.clear()  # what is published from here on may count twice, which errs on the safe side
        self._bytes, found = 0, {}
        for entry in self._entries():
            self._bytes += entry.bytes
            found.setdefault(entry.kind, []).append(entry)
        self._oldest = {kind: deque(sorted(found[kind], key=attrgetter("used", "bytes"))) for kind in found}
        ended = time.monotonic()
        self._believed_until = ended + max(BELIEVED_SECONDS, BELIEVED_TIMES * (ended - began))

    def _fits(self, kind: str, most: int, since: float) -> bool:
        while self._published:
            self._bytes += self._published.popleft()
        while self._bytes > most:
            fronts = [entries[0] for entries in self._oldest.values() if entries]
            may_go = [
                entry for entry in fronts if entry.used < (since if entry.kind == kind else since - STALE_SECONDS)
            ]
            if not may_go:
                return False
            entry = min(may_go, key=attrgetter("used", "bytes"))
            self._oldest[entry.kind].popleft()
            self._bytes -= _remove(entry)
        return True


def _remove(entry: Entry) -> int:
    """Remove an entry that nobody has used since it was listed; return by how many bytes the store got smaller."""
    try:
        if entry.card.stat().st_mtime != entry.used:
            return 0
        entry.remove()
    except FileNotFoundError:  # another process has removed it
        pass
    except OSError:  # another user's
        return 0
    return entry.bytes
