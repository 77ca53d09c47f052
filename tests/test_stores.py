"""A folder of results that is shared, read-only, or cannot be read at this moment: what is whole stays and serves."""

from __future__ import annotations

import errno
import os
import time
from pathlib import Path
from typing import Any

import pytest

from n2s.graph.errors import ArgumentError, RenderError
from n2s.graph.keys import digest
from n2s.runtime import entries
from n2s.runtime.entries import STALE_SECONDS
from n2s.runtime.obstacles import refuse_file
from n2s.runtime.store import Store
from n2s.runtime.stores import open_store

KEY = "ab" * 20


@pytest.fixture
def bare(tmp_path: Path) -> Store:
    """A store with one segment and one note."""
    store = Store(tmp_path / "bare")
    store.add("segments", KEY, ".mp4", {"a": 1}, lambda path: path.write_bytes(bytes(1000)))
    store.note("films", "a film", {"b": 2})
    return store


def refuse(patch: pytest.MonkeyPatch, owner: Any, name: str, below: str, reason: int) -> None:
    """Let what asks the system fail for paths that have ``below`` in them."""
    real = getattr(owner, name)

    def refused(path: Any, *arguments: Any, **options: Any) -> Any:
        if below in str(path):
            raise OSError(reason, os.strerror(reason), str(path))
        return real(path, *arguments, **options)

    patch.setattr(owner, name, refused)


REASONS = [errno.EMFILE, errno.EIO, errno.ESTALE, errno.EACCES, errno.EPERM]
CALLS: dict[str, tuple[Any, str, str]] = {
    "card": (Path, "read_bytes", ".json"),
    "length": (Path, "stat", ".mp4"),
    "payload": (entries, "checksum", ".mp4"),
}


@pytest.mark.parametrize("reason", REASONS, ids=errno.errorcode.get)
@pytest.mark.parametrize("call", CALLS)
def test_what_cannot_be_read_now_is_a_miss_and_stays(
    bare: Store, call: str, reason: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, *CALLS[call], reason)
        assert bare.find("segments", KEY, ".mp4") is None and not bare.has("segments", KEY, ".mp4")
    found = bare.find("segments", KEY, ".mp4")
    assert found is not None and found.read_bytes() == bytes(1000)


@pytest.mark.parametrize("reason", [errno.EPERM, errno.EROFS], ids=errno.errorcode.get)
def test_what_cannot_be_written_serves(bare: Store, reason: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """As of another user, or on a disk that is read-only."""
    for path in bare.root.glob("*/*/*.json"):
        os.utime(path, (1e9, 1e9))
    for owner, name in ((os, "utime"), (os, "unlink"), (os, "replace"), (Path, "unlink")):
        refuse(monkeypatch, owner, name, "", reason)
    for _ in range(2):
        assert bare.find("segments", KEY, ".mp4") is not None and bare.noted("films", "a film") == {"b": 2}


def test_damage_where_nothing_can_be_removed_is_a_miss(bare: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    bare.path("segments", KEY, ".mp4").write_bytes(bytes(999) + b"x")
    with monkeypatch.context() as patch:
        refuse(patch, Path, "unlink", "", errno.EROFS)
        assert bare.find("segments", KEY, ".mp4") is None
        with pytest.raises(RenderError, match=r"cannot be written: Read-only file system\. Choose another folder"):
            bare.verify()
    assert bare.path("segments", KEY, ".json").exists()
    assert bare.find("segments", KEY, ".mp4") is None and not bare.path("segments", KEY, ".json").exists()


@pytest.mark.parametrize("call", CALLS)
def test_verify_tells_what_cannot_be_read_and_leaves_it(
    bare: Store, call: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, *CALLS[call], errno.EIO)
        count, damaged, unread = bare.verify()
    assert (count, damaged) == (2, []) and {reason.errno for _, reason in unread} == {errno.EIO}
    kinds = ["films", "segments"] if call == "card" else ["segments"]  # a note is a card alone
    assert sorted(entry.kind for entry, _ in unread) == kinds and bare.verify() == (2, [], [])


def test_the_command_tells_what_cannot_be_read(
    store: Store, n2s: Any, n2s_json: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store.add("segments", KEY, ".mp4", {"a": 1}, lambda path: path.write_bytes(bytes(1000)))
    (before,) = n2s_json("cache", "verify")
    with monkeypatch.context() as patch:
        refuse(patch, *CALLS["payload"], errno.EIO)
        status, out, err = n2s("cache", "verify")
    assert status == 1 and f"cannot be read: segments {KEY} (Input/output error)" in out and "whole" not in out
    assert f"1 of {before['entries']} entries cannot be read now, and stay as they are: Input/output error." in err
    assert n2s_json("cache", "verify") == [before] and before["removed"] == before["unread"] == []


def test_what_other_users_hide_is_passed_by(bare: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patch:
        refuse(patch, os, "scandir", f"segments{os.sep}ab", errno.EACCES)
        assert [entry.kind for entry in bare.entries()] == ["films"]
    with monkeypatch.context() as patch:
        refuse(patch, os, "scandir", f"segments{os.sep}ab", errno.EIO)
        with pytest.raises(RenderError, match="does not answer: Input/output error"):
            list(bare.entries())


def age(card: Path, seconds: float) -> float:
    """Let a card be so old; return its time."""
    then = time.time() - seconds
    os.utime(card, (then, then))
    return card.stat().st_mtime


def test_notes_in_use_outlast_what_nobody_uses(bare: Store) -> None:
    note, segment = bare.path("films", digest("a film"), ".json"), bare.path("segments", KEY, ".json")
    age(note, 5 * 86400)
    age(segment, 4 * 86400)
    assert bare.noted("films", "a film") == {"b": 2}
    bare.limit = 1000
    bare.trim(time.time())
    assert [entry.kind for entry in bare.entries()] == ["films"]


def test_of_two_that_note_at_once_the_first_wins(bare: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    other = Store(bare.root)
    noted, seen = bare.noted, []

    def hurried(kind: str, subject: Any) -> Any:
        found = noted(kind, subject)
        if not seen:  # the other one is done between looking and writing
            seen.append(other.agree(kind, subject, "theirs"))
        return found

    monkeypatch.setattr(bare, "noted", hurried)
    assert bare.agree("cluster", "who", "ours") == "theirs" and seen == ["theirs"]
    assert list(bare.root.rglob("*.tmp*")) == []


def test_a_damaged_note_is_agreed_anew(bare: Store) -> None:
    bare.agree("cluster", "who", "first")
    bare.path("cluster", digest("who"), ".json").write_text("{")
    assert bare.agree("cluster", "who", "second") == Store(bare.root).noted("cluster", "who") == "second"


def test_where_files_cannot_be_linked_one_is_renamed(bare: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(os, "link", refuse)
    assert bare.agree("cluster", "who", "first") == bare.agree("cluster", "who", "second") == "first"


@pytest.mark.parametrize(
    ("target", "below", "words"),
    [
        ("nowhere", "", "is a link to nowhere, which is not there"),
        ("nowhere", "sub", "is a link to nowhere, which is not there"),
        ("file/sub", "", "is a link to file/sub, which is not there"),
        ("link", "", "is a link in a circle of links"),
        ("file", "", "is a file"),
    ],
)
def test_a_link_in_the_way_of_a_folder_is_told_from_a_file(target: str, below: str, words: str, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("precious")
    link = tmp_path / "link"
    link.symlink_to(target)
    for name, refused in (
        ("--out", lambda: refuse_file(link / below, "--out")),
        ("N2S", lambda: open_store(link / below)),
    ):
        with pytest.raises(ArgumentError) as caught:
            refused()
        assert str(caught.value).startswith(f"{link} {words}, and no folder") and name in str(caught.value)


@pytest.mark.parametrize("target", [".", "folder"])
def test_a_link_to_a_folder_is_a_folder(target: str, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "link").symlink_to(target)
    refuse_file(tmp_path / "link" / "new", "--out")
    open_store(tmp_path / "link")


def test_the_use_of_a_note_is_marked_once_an_hour(bare: Store) -> None:
    note = bare.path("films", digest("a film"), ".json")
    for seconds, marked in ((3000, False), (4000, True), (-3000, False), (-4000, True)):
        then = age(note, seconds)
        assert bare.noted("films", "a film") == {"b": 2}
        assert (note.stat().st_mtime != then) == marked and (not marked or abs(note.stat().st_mtime - time.time()) < 60)
    then = age(note, 4000)
    note.write_text(note.read_text().replace("2", "3"))
    os.utime(note, (then, then))
    assert bare.noted("films", "a film") is None and note.stat().st_mtime == then


def test_what_was_used_within_a_day_is_spared(bare: Store) -> None:
    bare.limit = 0
    note, segment = bare.path("films", digest("a film"), ".json"), bare.path("segments", KEY, ".json")
    age(note, 23 * 3600)
    age(segment, 25 * 3600)
    assert bare.trim(time.time(), STALE_SECONDS) > 1000
    assert [entry.kind for entry in bare.entries()] == ["films"]
    age(note, -3600)  # by the clock of another machine
    assert bare.trim(time.time(), STALE_SECONDS) == 0 < bare.trim(time.time()) and not list(bare.entries())


def test_what_cannot_be_removed_stays_and_the_rest_goes(bare: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    left, notes = bare.root / "segments" / "ab" / f".{KEY}.mp4.1.tmp", list(bare.root.glob("films/*/*"))
    left.touch()
    os.utime(left, (1e9, 1e9))
    bare.limit = 0
    size = sum(path.stat().st_size for path in notes)
    with monkeypatch.context() as patch:
        refuse(patch, Path, "unlink", f"segments{os.sep}ab", errno.EACCES)
        assert bare.trim(time.time()) == size
    assert [entry.kind for entry in bare.entries()] == ["segments"]
    bare.trim(time.time())
    assert not list(bare.entries()) and not left.exists()


@pytest.mark.parametrize("said", [{"N2S_STORE_LIMIT": "50GB"}, {"N2S_STORE_LIMIT": ""}, {}])
def test_the_limit_is_set_by_the_environment(
    said: dict[str, str], tmp_path: Path, n2s_json: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("N2S_STORE_LIMIT", raising=False)
    for name, value in said.items():
        monkeypatch.setenv(name, value)
    limit = 50 * 10**9 if said.get("N2S_STORE_LIMIT") else 20 * 10**9
    assert Store(tmp_path / "a").limit == open_store(tmp_path / "a").limit == limit
    assert open_store(tmp_path / "a", 7).limit == 7
    assert n2s_json("cache", "info")[0]["limit"] == limit


def test_cache_trim_keeps_to_the_limit_of_the_environment(
    store: Store, n2s_json: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("N2S_STORE_LIMIT", "0")
    assert n2s_json("cache", "trim")[0]["left"] == 0


@pytest.mark.parametrize("command", ["info", "trim", "verify"])
def test_a_limit_that_is_none_is_refused(command: str, n2s: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("N2S_STORE_LIMIT", "plenty")
    status, _, err = n2s("cache", command)
    assert status == 2 and 'N2S_STORE_LIMIT: a size like 5GB or 500 MB was wanted, not "plenty".' in err
