"""A store that was damaged, emptied or deleted between two runs heals by rendering again."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import tiny
from places import MINIMAL, Place, flip, forgotten_kernels

from n2s.graph.errors import RenderError
from n2s.graph.graph import Graph
from n2s.runtime import store as stores
from n2s.runtime.entries import checksum, is_as_stored
from n2s.runtime.events import Events
from n2s.runtime.foresee import foresee
from n2s.runtime.run import Run
from n2s.runtime.seeing.explain import Explainer, describe_film
from n2s.runtime.store import Store


def damage(change: Callable[[bytes], bytes]) -> Callable[[Path], None]:
    return lambda path: path.write_bytes(change(path.read_bytes())) and None


FLIPPED = damage(lambda data: flip(data, len(data) // 2))
CUT = damage(lambda data: data[: len(data) // 2])
EMPTIED = damage(lambda _: b"")
GARBAGE = damage(lambda _: b"\xff\xfe garbage")
LISTED = damage(lambda _: b"[]")
CURT = damage(lambda _: b'{"bytes": 1}')


@pytest.mark.parametrize(
    ("kind", "suffix", "how", "rendered"),
    [
        *[("segments", ".mp4", how, 1) for how in (FLIPPED, CUT, EMPTIED, Path.unlink)],
        *[("segments", ".json", how, 1) for how in (CUT, EMPTIED, GARBAGE, LISTED, CURT, Path.unlink)],
        *[("analysis", ".npz", how, 0) for how in (FLIPPED, CUT, Path.unlink)],
        *[("analysis", ".json", how, 0) for how in (GARBAGE, Path.unlink)],
        *[("audio-tracks", ".mp4", how, 0) for how in (FLIPPED, Path.unlink)],
        *[(kind, ".json", how, 0) for kind in ("films", "audio") for how in (GARBAGE, CURT, LISTED)],
    ],
)
def test_a_store_that_was_damaged_between_two_runs(
    place: Place, kind: str, suffix: str, how: Any, rendered: int
) -> None:
    place.run()
    film = place.film.read_bytes()
    how(place.entries(kind, suffix)[0])
    place.film.unlink()
    report = place.run()
    assert (report.rendered, report.stored) == (rendered, 2 - rendered)
    assert place.film.read_bytes() == film
    assert place.rubbish() == []
    assert place.run().rendered == 0


def test_a_store_that_was_deleted(place: Place) -> None:
    place.run()
    film = place.film.read_bytes()
    for folder in place.store.root.iterdir():
        if not folder.is_symlink():
            shutil.rmtree(folder)
    assert place.run().rendered == 2
    assert place.film.read_bytes() == film


def test_a_segment_that_vanishes_before_the_film_is_joined(place: Place) -> None:
    class Thief(Events):
        def began(self, what: str) -> None:
            if what.startswith("joining"):
                place.entries("segments", ".mp4")[0].unlink()

    words = ["A finished segment vanished from the store", "before track.mp4 was joined. Run again"]
    place.refused(RenderError, *words, events=Thief())
    report = place.run()
    assert (report.rendered, report.stored) == (1, 1)


def test_segments_are_read_once_to_plan_and_once_to_join(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[str] = []

    def reading(payload: Path, about: Any) -> bool:
        read.extend([payload.stem] if payload.parts[-3] == "segments" else [])
        return is_as_stored(payload, about)

    monkeypatch.setattr(stores, "is_as_stored", reading)
    place.run()
    assert len(read) == len(set(read)) == 2  # joined, and counted for the next estimate
    place.film.unlink()
    read.clear()
    assert place.run().stored == 2
    assert sorted(read.count(key) for key in set(read)) == [2, 2]
    read.clear()
    job = Run(Graph.load(place.graph), place.out, place.store)
    assert place.film.unlink() is None and foresee(job).missing == set()
    Explainer(job.planned).film(job.films[0])
    describe_film(job.planned, job.films[0])
    assert sorted(read.count(key) for key in set(read)) == [1, 1]


def test_a_plan_sees_what_was_rendered_since(place: Place) -> None:
    job = Run(Graph.load(place.graph), place.out, place.store)
    (film,) = job.plan()
    assert job.planned.stored(film) == [False, False] and len(job.missing()) == 2
    place.run()
    assert job.planned.stored(film) == [True, True]


def test_a_run_that_was_planned_ahead_looks_again_when_its_turn_comes(place: Place) -> None:
    class Thief(Events):
        def began(self, what: str) -> None:
            if what.startswith("joining"):
                taken.unlink()

    place.run()
    taken = place.entries("segments", ".mp4")[0]
    place.film.unlink()
    other = {"grain.amount": 0.3, "out.path": "other.mp4"}
    first, second = (
        Run(Graph.load(place.graph, changes), place.out, place.store, events=events)
        for changes, events in ((other, Thief()), ({}, place))
    )
    first.later = [second]
    assert first.execute().rendered == 2
    report = second.execute()
    assert (report.rendered, report.stored) == (1, 1)


@pytest.mark.parametrize("interrupted", [False, True])
def test_a_run_that_ends_takes_nothing_from_another_one(place: Place, interrupted: bool) -> None:
    """All films together are larger than the store's limit, and a short one is made while a longer one is."""
    place.store.limit = 1
    kept = []

    class Meanwhile(Events):
        def began(self, what: str) -> None:
            if what.startswith("joining") and not kept:
                kept.extend(place.entries("segments", ".mp4"))
                assert place.run(out=place.folder / "short", span=(0, 0.3)).rendered == 1
                if interrupted:
                    raise KeyboardInterrupt

    try:
        place.run(events=Meanwhile())
    except KeyboardInterrupt:
        assert interrupted
    assert len(kept) == 2 and all(path.exists() for path in kept)
    assert place.run().rendered == 0 and place.film.exists()
    place.store.trim(time.time())  # asked for, it spares nothing
    assert not list(place.store.entries())


def spoil(path: Path) -> None:
    """Give a file other bytes as a disk may: of the same length, and with the time that it had."""
    before = path.stat()
    path.write_bytes(b"x" * before.st_size)
    os.utime(path, ns=(before.st_atime_ns, before.st_mtime_ns))


@pytest.mark.parametrize("change", [spoil, Path.unlink, EMPTIED])
def test_a_film_that_was_spoilt_is_joined_again(place: Place, change: Any) -> None:
    place.run()
    film = place.film.read_bytes()
    time.sleep(0.02)
    change(place.film)
    report = place.run()
    assert (report.rendered, report.stored) == (0, 2)
    assert place.film.read_bytes() == film


@pytest.fixture(scope="module")
def minimal(studio: Any, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the minimal graph's film and a store with its kernels."""
    folder = tmp_path_factory.mktemp("minimal")
    tiny.write_wav(folder / "music.wav", tiny.clicks(1))
    (folder / "graph.yaml").write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    with forgotten_kernels():
        Run(Graph.load(folder / "graph.yaml"), out=folder, store=Store(folder / "store")).execute()
    return folder


@pytest.mark.parametrize(
    ("suffix", "how"),
    [
        (".nbi", GARBAGE), (".nbi", EMPTIED), (".nbc", GARBAGE), (".nbc", CUT), (".py", CUT),
        (".py", GARBAGE),
    ],
    ids=["index garbage", "index emptied", "code garbage", "code cut", "source cut", "source garbage"],
)  # fmt: skip
def test_kernels_that_were_damaged(place: Place, studio: Any, minimal: Path, suffix: str, how: Any) -> None:
    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    shutil.copytree(minimal / "store" / "kernels", place.folder / "copy" / "kernels")
    spoilt = list((place.folder / "copy" / "kernels").rglob(f"k*{suffix}"))
    assert spoilt
    for path in spoilt:
        how(path)
    place.store = Store(place.folder / "copy")
    with forgotten_kernels():
        assert place.run().rendered == 2
    assert (place.out / "film.mp4").read_bytes() == (minimal / "film.mp4").read_bytes()


def test_kernels_that_another_process_removes_meanwhile(
    place: Place, studio: Any, minimal: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    place.graph.write_text(MINIMAL.format(size="96, 64", grid="2, 3", model=studio.model))
    shutil.copytree(minimal / "store" / "kernels", place.folder / "copy" / "kernels")
    place.store = Store(place.folder / "copy")
    removed = []

    def too_late(path: Path) -> str:
        if len(removed) < 3:
            removed.append(path.name)
            path.unlink()
        return checksum(path)

    monkeypatch.setattr("n2s.runtime.render.kernels.kept.checksum", too_late)
    with forgotten_kernels():
        assert place.run().rendered == 2
    assert len(removed) == 3
    assert (place.out / "film.mp4").read_bytes() == (minimal / "film.mp4").read_bytes()
