"""cache: the store shown, checked and trimmed."""

from __future__ import annotations

import errno
import os
import shutil
from pathlib import Path
from typing import Any

import pytest

from n2s.graph.amounts import parse_amount
from n2s.runtime.entries import Entry


def test_cache_shows_checks_and_trims_the_store_and_nothing_else(
    store: Any, tmp_path: Path, n2s: Any, n2s_json: Any
) -> None:
    shutil.rmtree(store.root / "code")
    assert "Nothing is kept yet." in n2s("cache", "info")[1]
    foreign = [store.root / "notes" / "ab" / "todo.json", store.root / "segments" / "ab" / "mine.mp4",
               store.root / "a.json",
               store.root / "segments" / "cd" / f"{'ab' * 20}.json"]  # fmt: skip
    for path in foreign:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("{}")
    keys = [f"{i:02x}" * 20 for i in range(4)]
    for i, key in enumerate(keys):
        store.add("segments", key, ".mp4", {"a": 1}, lambda path: path.write_bytes(bytes(1000)))
        os.utime(store.path("segments", key, ".json"), (1e9 + i, 1e9 + i))
    store.note("films", "a film", {"b": 2})
    (about,) = n2s_json("cache", "info")
    assert about["kinds"]["segments"]["entries"] == 4 and about["kinds"]["segments"]["bytes"] > 4000
    assert about["entries"] == 5 and about["oldest_use"] < about["newest_use"] and about["limit"] == 20 * 10**9
    assert "segments" in n2s("cache", "info")[1]
    assert "All 5 entries are whole." in n2s("cache", "verify")[1]
    store.path("segments", keys[1], ".mp4").write_bytes(bytes(999) + b"x")
    note = next((store.root / "films").glob("*/*.json"))
    note.write_text(note.read_text().replace("2", "3"))
    status, out, _ = n2s("cache", "verify")
    assert status == 0 and f"damaged, removed: segments {keys[1]}" in out and "damaged, removed: films" in out
    assert "2 of 5 entries were damaged" in out and not store.path("segments", keys[1], ".mp4").exists()
    assert n2s_json("cache", "verify") == [{"entries": 3, "checked": str(store.root), "removed": [], "unread": []}]
    orphan = store.path("segments", "ee" * 20, ".mp4")
    orphan.parent.mkdir()
    orphan.write_bytes(bytes(10))
    os.utime(orphan, (1e9, 1e9))
    (about,) = n2s_json("cache", "trim", "--to", "2.5kB")
    assert [store.find("segments", key, ".mp4") is not None for key in keys] == [False, False, True, True]
    assert not orphan.exists() and about["left"] <= 2500
    assert "Freed" in n2s("cache", "trim", "--to", "0")[1]
    assert list(store.entries()) == [] and all(path.read_text() == "{}" for path in foreign)


def test_what_cannot_be_removed_is_told_with_the_reason(
    store: Any, n2s: Any, n2s_json: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(entry: Entry) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))

    shutil.rmtree(store.root / "code", ignore_errors=True)
    store.note("films", "a film", {"b": 2})
    store.note("films", "another film", {"b": 3})
    monkeypatch.setattr(Entry, "remove", refuse)
    said = n2s("cache", "trim", "--to", "0")[1]
    assert "Freed 0 bytes" in said and "2 entries could not be removed: Read-only file system." in said
    assert n2s_json("cache", "trim", "--to", "0")[0]["stayed"] == 2
    assert "could not be removed" not in n2s("cache", "trim", "--to", "1GB")[1]


def test_cache_tells_what_compiled_effects_take_and_leaves_them(store: Any, n2s: Any, n2s_json: Any) -> None:
    kernel = store.kernels / "__pycache__" / "k1.nbc"
    store.kernels.unlink()  # a link to those of all tests
    for arguments in (("info",), ("trim", "--to", "0")):
        assert "Compiled effects" not in n2s("cache", *arguments)[1]
    kernel.parent.mkdir(parents=True)
    kernel.write_bytes(bytes(3000))
    (kernel.parent.parent / "k1.py").write_bytes(bytes(2000))
    for arguments in (("info",), ("trim", "--to", "0")):
        shown = n2s("cache", *arguments)[1]
        assert "Compiled effects take 5.0 kB more; they are not trimmed." in shown
        (about,) = n2s_json("cache", *arguments)
        assert about["kernel_bytes"] == 5000 and kernel.exists()


@pytest.mark.parametrize(
    ("text", "size"),
    [("5GB", 5 * 10**9), ("500 MB", 5 * 10**8), ("1.5 GiB", 3 * 2**29), ("12", 12), ("7k", 7000), ("0b", 0)],
)
def test_sizes(text: str, size: int) -> None:
    assert parse_amount(text) == size


@pytest.mark.parametrize("text", ["", "five", "-1GB", "5XB", "1e9", "5 GB please"])
def test_sizes_that_are_none(text: str) -> None:
    with pytest.raises(ValueError, match="a size like 5GB or 500 MB was wanted, not"):
        parse_amount(text)
