"""Full disks, folders without permission, and folders where files should be."""

from __future__ import annotations

import errno
import os
import pickle
import re
import shutil
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from places import FRAMES, MINIMAL, POSIX, Place, forgotten_kernels

from n2s.graph.errors import N2SError, RenderError
from n2s.runtime.disk_errors import disk_error
from n2s.runtime.films.folders import publish_folder
from n2s.runtime.store import Store, publish


@pytest.mark.parametrize(
    ("where", "kept"),
    [
        ("/audio/", 0),
        ("/analysis/", 0),
        ("/segments/", 0),
        (2, 1),
        ("/audio-tracks/", 2),
        ("track.mp4", 2),
        ("/films/", 2),
        ("run.json", 2),
    ],
)
def test_a_full_disk(place: Place, monkeypatch: pytest.MonkeyPatch, where: Any, kept: int) -> None:
    real, written = os.replace, []

    def replace(source: Any, target: Any) -> None:
        written.append(str(target))
        count = sum("/segments/" in name and name.endswith(".mp4") for name in written)
        if (where == count and "/segments/" in str(target)) if isinstance(where, int) else where in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        if where in ("/films/", "run.json"):  # the film itself is whole then
            with pytest.raises(RenderError) as caught:
                place.run()
            text = str(caught.value)
            assert place.rubbish() == []
        else:
            text = place.refused(RenderError)
    assert text.startswith("The disk is full: ")
    assert "What is finished is kept; free some space, or name a folder on another disk with --out or -o" in text
    report = place.run()
    assert (report.rendered, report.stored) == (2 - kept, kept)
    assert report.films[0]["frames"] == FRAMES


@pytest.mark.parametrize("reason", ["EIO", "ESTALE", "ETIMEDOUT", "ENOTCONN"])
def test_a_folder_of_a_network_that_is_gone(place: Place, monkeypatch: pytest.MonkeyPatch, reason: str) -> None:
    real = os.replace
    number = getattr(errno, reason)

    def replace(source: Any, target: Any) -> None:
        if "/segments/" in str(target) and list((place.store.root / "segments").glob("*/*.mp4")):
            raise OSError(number, os.strerror(number))
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        text = place.refused(RenderError)
    assert text.startswith("The folder of ") and f"does not answer: {os.strerror(number)}." in text
    assert "What is finished is kept; run again when its disk or network is there again" in text
    report = place.run()
    assert report.stored <= 1 and report.films[0]["frames"] == FRAMES
    assert place.rubbish() == []


def test_a_folder_of_a_network_that_stalls(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    """Every file comes late: the film is the same."""
    film = place.out / "track.mp4"
    place.run()
    undisturbed = film.read_bytes()
    film.unlink()
    place.store = Store(place.folder / "slow")
    real = os.replace

    def replace(source: Any, target: Any) -> None:
        time.sleep(0.05)
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "replace", replace)
        place.run()
    assert film.read_bytes() == undisturbed and place.rubbish() == []


@POSIX
def test_a_full_disk_while_a_kernel_is_kept(place: Place, studio: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from numba.core.caching import IndexDataCacheFile

    def full(*_: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    place.store = Store(place.folder / "bare")
    monkeypatch.setattr(IndexDataCacheFile, "_save_data", full)
    try:  # a kernel that cannot be kept can still be used
        with forgotten_kernels():
            place.run()
    except RenderError as error:
        assert "The disk is full" in str(error)


@pytest.mark.parametrize("at", ["write", "sync"])
def test_a_full_disk_that_shows_early(place: Place, monkeypatch: pytest.MonkeyPatch, at: str) -> None:
    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(*((Path, "write_text") if at == "write" else (os, "fsync")), full)
        place.refused(RenderError, "The disk is full")
    assert place.run().rendered == 2


@pytest.mark.parametrize("beside", ["", ".pal"])
@pytest.mark.parametrize("publishes", [publish, publish_folder])
def test_a_full_disk_is_told_under_the_name_that_is_wanted(publishes: Any, beside: str, tmp_path: Path) -> None:
    def encode(path: Path) -> None:
        raise disk_error(OSError(errno.ENOSPC, "No space left on device"), path.with_suffix(beside or path.suffix))

    with pytest.raises(RenderError) as caught:
        publishes(tmp_path / "ember.mp4", encode)
    assert str(caught.value).startswith(f"The disk is full: {tmp_path / 'ember.mp4'} cannot be written. What")
    assert str(pickle.loads(pickle.dumps(caught.value))) == str(caught.value)  # it may come from another process


def test_a_full_disk_of_another_file_is_told_under_its_own_name(tmp_path: Path) -> None:
    other = tmp_path / "copies" / "music.wav"

    def encode(_: Path) -> None:
        raise disk_error(OSError(errno.ENOSPC, "No space left on device"), other)

    with pytest.raises(RenderError, match=f"The disk is full: {re.escape(str(other))} cannot be written"):
        publish(tmp_path / "ember.mp4", encode)


@POSIX
def test_a_disk_that_is_really_full(place: Place) -> None:
    disk = place.folder / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=160k", "tmpfs", str(disk)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("may not mount a small disk")
    try:
        place.edit("crf: 20", "crf: 0")  # about 200 kB per segment
        place.edit("amount: 0.04", "amount: 0.5")
        (disk / "store").mkdir()
        (disk / "store" / "kernels").symlink_to(place.store.kernels.resolve())
        place.store = Store(disk / "store")
        text = place.refused(RenderError, "The disk is full", "free some space")
        assert ".tmp" not in text
        subprocess.run(["mount", "-o", "remount,size=64m", str(disk)], check=True)
        report = place.run()
        assert report.rendered + report.stored == 2
        assert report.films[0]["frames"] == FRAMES
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


@pytest.mark.parametrize("below", ["", "sub/sub"])
@pytest.mark.parametrize("which", ["out", "store"])
def test_a_folder_that_is_a_file(place: Place, which: str, below: str) -> None:
    file = place.folder / "file"
    file.write_text("precious")
    folder = file / below
    options = {"out": folder} if which == "out" else {"store": Store(folder)}
    way = "Choose another folder with --out or -o, or the store's with --store."
    place.refused(RenderError, f"{folder} cannot be written: {file} is a file.", way, **options)
    assert file.read_text() == "precious"
    report = place.run()
    assert report.rendered + report.stored == 2


@pytest.mark.skipif(os.name != "posix" or os.geteuid() == 0, reason="root may write everywhere")
@pytest.mark.parametrize("which", ["out", "store"])
def test_a_folder_without_permission(place: Place, which: str) -> None:
    folder = place.folder / "closed"
    folder.mkdir(mode=0o500)
    options = {"out": folder} if which == "out" else {"store": Store(folder)}
    place.refused(RenderError, str(folder), "cannot be written: Permission denied", "Choose another folder", **options)
    assert place.run().films[0]["frames"] == FRAMES


def test_an_output_folder_that_cannot_be_written_is_found_before_the_render(place: Place) -> None:
    (place.folder / "file").write_text("x")
    with pytest.raises((RenderError, OSError)):
        place.run(out=place.folder / "file")
    assert place.entries("segments", ".mp4") == []


def test_a_folder_where_the_film_should_go(place: Place) -> None:
    (place.film / "precious").mkdir(parents=True)
    place.refused(RenderError, "track.mp4 cannot be written: Is a directory")
    assert (place.film / "precious").is_dir()
    shutil.rmtree(place.film)
    assert place.entries("segments", ".mp4") == []
    assert place.run().rendered == 2


@pytest.mark.parametrize("name", ["music.wav", "track.yaml", "model/meta.json"])
def test_a_film_is_not_written_over_what_it_is_made_of(place: Place, model: Path, name: str) -> None:
    before = (place.folder / name).read_bytes()
    place.edit("path: track.mp4", f"path: {name}")
    before = (place.folder / name).read_bytes()
    with pytest.raises(N2SError, match=re.escape(name)):
        place.run(out=place.folder)
    assert (place.folder / name).read_bytes() == before
