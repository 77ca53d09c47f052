"""Files are written whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from n2s.graph.whole import write_whole


def test_what_fails_half_way_leaves_what_was_there(tmp_path: Path) -> None:
    path = tmp_path / "film.txt"
    path.write_text("before")

    def fail(temporary: Path) -> None:
        assert temporary.suffix == ".txt" and temporary.parent == tmp_path
        temporary.write_text("half", encoding="utf-8")
        raise OSError("the disk is full")

    with pytest.raises(OSError, match="the disk is full"):
        write_whole(path, fail)
    assert path.read_text() == "before" and os.listdir(tmp_path) == ["film.txt"]


@pytest.mark.skipif(os.name != "posix", reason="permissions and devices of POSIX")
def test_permissions_stay_and_devices_are_written_into(tmp_path: Path) -> None:
    path = tmp_path / "film.txt"
    write_whole(path, lambda temporary: temporary.write_text("first"))
    path.chmod(0o440)
    write_whole(path, lambda temporary: temporary.write_text("second"))
    assert path.read_text() == "second" and path.stat().st_mode & 0o777 == 0o440
    read, write = os.pipe()
    write_whole(Path(f"/dev/fd/{write}"), lambda target: target.write_text("into a pipe"))
    assert os.read(read, 100) == b"into a pipe"
    os.close(read)
    os.close(write)
