"""Room in a store is made without listing it for each chunk, and what others do with the store is seen later."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest

from n2s.runtime import room
from n2s.runtime.entries import Entry, entries_of
from n2s.runtime.store import Store

DAY = 86400
Listed = list[float]


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    """A clock that stands still until it is set; listing a store takes ``listing`` seconds of it."""
    clock = SimpleNamespace(now=0.0, listing=0.0)
    monkeypatch.setattr(room, "time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


@pytest.fixture
def listed(clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> Listed:
    """When a store was listed."""
    moments: Listed = []

    def entries(root: Path) -> Iterator[Entry]:
        moments.append(clock.now)
        clock.now += clock.listing
        return entries_of(root)

    monkeypatch.setattr("n2s.runtime.store.entries_of", entries)
    return moments


def add(store: Store, key: int, size: int, kind: str = "frames", age: float | None = None) -> Path:
    """Add an entry that takes so many bytes, its card included, or up to three fewer; return its card."""
    name = f"{key:040x}"
    for least in (0, size):
        card = store.path(kind, name, ".json")
        bare = card.stat().st_size + 3 if least else 0  # the card tells the size in up to three digits more
        store.add(kind, name, ".bin", {}, lambda path, count=least - bare: path.write_bytes(bytes(count)))
    used = card.stat().st_mtime if age is None else time.time() - age
    os.utime(card, (used, used))
    return card


def keys(store: Store) -> set[int]:
    return {int(entry.key, 16) for entry in entries_of(store.root)}


def size_of(store: Store) -> int:
    return sum(entry.bytes for entry in entries_of(store.root))


def test_a_run_lists_the_store_once_and_keeps_to_its_limit(tmp_path: Path, listed: Listed) -> None:
    store, began = Store(tmp_path, limit=20_000), time.time() - 1
    for key in range(10):
        add(store, key, 1000, age=100 + key)
    for key in range(10, 40):
        fits = store.make_room("frames", 1000, began)
        assert fits == (key < 30)  # first beside the old ones, then in their place, then they are used up
        if fits:
            add(store, key, 1000)
            assert size_of(store) <= store.limit
    assert len(listed) == 1 and keys(store) == set(range(10, 30))


def test_all_that_a_process_publishes_counts_and_what_it_replaces_does_not_count_twice(
    tmp_path: Path, listed: Listed
) -> None:
    store = Store(tmp_path, limit=10_000)
    add(store, 0, 3000, "segments")
    began = time.time() - 1
    assert store.make_room("frames", 7000, began) and not store.make_room("frames", 7100, began)
    for _ in range(3):
        add(store, 0, 4000, "segments")
    assert store.make_room("frames", 6000, began) and not store.make_room("frames", 6100, began)
    store.note("video", "a", "b" * 900)
    assert store.make_room("frames", 4900, began) and not store.make_room("frames", 5100, began)
    assert len(listed) == 1


def test_what_others_write_is_seen_later(tmp_path: Path, listed: Listed, clock: SimpleNamespace) -> None:
    store, other, began = Store(tmp_path, limit=10_000), Store(tmp_path), time.time() - 1
    clock.listing = 3
    assert store.make_room("frames", 5000, began)
    add(other, 1, 8000, "segments")
    clock.now += 59  # twenty times as long as it took to list it
    assert store.make_room("frames", 5000, began) and len(listed) == 1
    clock.now += 2
    assert not store.make_room("frames", 5000, began) and len(listed) == 2
    clock.listing = 0
    clock.now += 61
    other.limit = 0
    other.trim(time.time())
    assert store.make_room("frames", 5000, began)
    counted = len(listed)
    clock.now += 9  # at least so long
    assert store.make_room("frames", 5000, began) and len(listed) == counted
    clock.now += 2
    assert store.make_room("frames", 5000, began) and len(listed) == counted + 1


def test_what_was_used_since_the_store_was_listed_stays(tmp_path: Path, listed: Listed) -> None:
    store, began = Store(tmp_path, limit=10_000), time.time() - 1
    for key in range(4):
        add(store, key, 2000, age=100 - key)
    assert store.make_room("frames", 2000, began) and keys(store) == {0, 1, 2, 3}
    assert Store(tmp_path).find("frames", f"{0:040x}", ".bin")  # by another process
    for path in tmp_path.glob(f"*/*/{1:040x}.*"):  # and this one is taken away by another
        path.unlink()
    assert store.make_room("frames", 4000, began) and keys(store) == {0, 2, 3}
    assert store.make_room("frames", 6000, began) and keys(store) == {0, 3}
    assert not store.make_room("frames", 9000, began) and keys(store) == {0}
    assert len(listed) == 1


def test_younger_work_may_take_what_older_work_published(tmp_path: Path, listed: Listed) -> None:
    store, began = Store(tmp_path, limit=10_000), time.time()
    assert store.make_room("frames", 1, began - 100)
    add(store, 1, 6000, age=50)
    for _ in range(5):
        assert not store.make_room("frames", 6000, began - 100)
    assert len(listed) == 1
    assert store.make_room("frames", 6000, began) and not keys(store)
    assert not store.make_room("frames", 16_000, began) and len(listed) == 2


def test_other_kinds_go_a_day_later_and_the_oldest_first(tmp_path: Path, listed: Listed) -> None:
    store, now = Store(tmp_path, limit=8000), time.time()
    for key, (kind, age) in enumerate(
        [("segments", 3 * DAY), ("frames", 2 * DAY), ("numbers", 1.5 * DAY), ("segments", 0.9 * DAY), ("frames", 60)]
    ):
        add(store, key, 1000, kind, age)
    gone = []
    for size in range(4000, 9000, 1000):
        store.make_room("frames", size, now)
        gone.append({0, 1, 2, 3, 4} - keys(store))
    assert gone == [{0}, {0, 1}, {0, 1, 2}, {0, 1, 2, 4}, {0, 1, 2, 4}] and len(listed) == 1
