"""What is written over: one's own films, and never files of others or what a graph is made of, unless it is ordered."""

from __future__ import annotations

import json
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from packages import TABLES
from places import Place, flip
from test_films import write_album
from test_targets import PRECIOUS, names

from n2s.graph.errors import ArgumentError, GraphError, RenderError
from n2s.graph.graph import Graph
from n2s.runtime.events import Events
from n2s.runtime.films import folders
from n2s.runtime.films.folders import sha256_of
from n2s.runtime.films.targets import Targets
from n2s.runtime.store import Store


@pytest.mark.parametrize("path", ["track.mp4", "frames.txt"])
def test_a_file_of_others_is_not_replaced_unasked(place: Place, path: str) -> None:
    if path == "frames.txt":
        place.edit("node: FFmpegSink", "node: DigestSink")
        place.edit("path: track.mp4, chunk: 15, crf: 20", "path: frames.txt, chunk: 15")
    film = place.out / path
    place.out.mkdir()
    film.write_bytes(PRECIOUS)
    text = place.refused(
        ArgumentError, str(film), "exists and was not written by n2s, or changed since; add --overwrite to replace it"
    )
    assert film.read_bytes() == PRECIOUS and ArgumentError(text).exit_status == 2
    assert place.entries("segments", film.suffix) == []  # before there was any work
    place.run(overwrite=True)
    assert film.read_bytes() != PRECIOUS
    place.edit("contrast: 1.1", "contrast: 1.2")
    place.run()  # now it is n2s's own


@pytest.mark.parametrize("path", ["track.mp4", "frames"])
def test_a_film_that_another_run_replaces_at_once_is_not_taken_for_ones_own(
    place: Place, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if path == "frames":
        place.edit("node: FFmpegSink", "node: PNGSink")
        place.edit("path: track.mp4, chunk: 15, crf: 20", "path: frames, chunk: 15")
    film, others = place.out / path, []
    remove = folders.remove_unfinished

    def publish_another(*given: Any) -> None:
        remove(*given)
        if not others:  # between the moments at which the first film is published and noted
            others.append(True)
            place.edit("contrast: 1.1", "contrast: 1.2")
            place.run()
            others.append(digest_of(film))

    monkeypatch.setattr(folders, "remove_unfinished", publish_another)
    place.run()
    assert digest_of(film) == others[1]
    place.edit("contrast: 1.2", "contrast: 1.1")
    place.run()
    assert digest_of(film) != others[1]


def digest_of(film: Path) -> str:
    return sha256_of(film / folders.MARK if film.is_dir() else film)


class Meddler(Events):
    """Does something to the folder of films while a run is under way."""

    def __init__(self, meddle: Callable[[], object]):
        self.planned = lambda frames, stored: meddle()  # type: ignore[method-assign]


@pytest.mark.parametrize("before", ["nothing", "an own film"])
def test_a_file_that_others_write_meanwhile_is_not_replaced_unasked(place: Place, before: str) -> None:
    def write() -> None:
        place.out.mkdir(exist_ok=True)
        place.film.write_bytes(PRECIOUS)

    if before == "an own film":
        place.run()
        place.edit("contrast: 1.1", "contrast: 1.2")
    with pytest.raises(ArgumentError, match="exists and was not written by n2s, or changed since; add --overwrite"):
        place.run(events=Meddler(write))
    assert place.film.read_bytes() == PRECIOUS and place.rubbish() == []
    assert place.run(overwrite=True).rendered == 0  # all of it was in the store
    assert place.film.read_bytes() != PRECIOUS


def test_a_folder_that_appears_where_a_film_goes_is_told_with_a_way_out(place: Place) -> None:
    with pytest.raises(RenderError, match="Is a directory. Choose another folder with --out or -o"):
        place.run(events=Meddler(lambda: place.film.mkdir(parents=True)))


def test_pictures_of_others_are_kept_where_frames_go_meanwhile(place: Place) -> None:
    folder = place.out / "track-frames"

    def write() -> None:
        folder.mkdir(parents=True)
        (folder / "000000.png").write_bytes(PRECIOUS)

    with pytest.raises(ArgumentError, match="track-frames exists and was not written by n2s"):
        place.run(events=Meddler(write), keep_frames=True)
    assert names(folder) == {"000000.png"} and (folder / "000000.png").read_bytes() == PRECIOUS


@pytest.mark.parametrize("change", ["longer", "cut", "a link", "of the same length"])
def test_a_film_that_somebody_changed_is_theirs(place: Place, change: str) -> None:
    place.run()
    data = place.film.read_bytes()
    if change == "a link":
        (place.folder / "elsewhere.mp4").write_bytes(data)
        place.film.unlink()
        place.film.symlink_to(place.folder / "elsewhere.mp4")
    else:
        changed = {"longer": data + b"more", "cut": data[: len(data) // 2]}.get(change, flip(data, len(data) // 2))
        place.film.write_bytes(changed)
        os.utime(place.film, ns=(0, place.film.stat().st_mtime_ns + 1))  # however coarse the clock of a file system is
    place.edit("contrast: 1.1", "contrast: 1.2")
    place.refused(ArgumentError, "exists and was not written by n2s")


@pytest.mark.parametrize("how", ["", "touched", "moved", "another store", "an emptied store", "emptied", "spoilt"])
def test_an_own_film_is_replaced(place: Place, how: str, new_store: Any) -> None:
    place.run()
    options: dict[str, Any] = {}
    if how == "touched":
        os.utime(place.film, (1, 1))
    elif how == "emptied":
        place.film.write_bytes(b"")
    elif how == "spoilt":
        before = place.film.stat()
        place.film.write_bytes(b"x" * before.st_size)
        os.utime(place.film, ns=(before.st_atime_ns, before.st_mtime_ns))  # a disk that fails sets no time
    elif how == "moved":
        place.out.rename(place.folder / "moved")
        options["out"] = place.folder / "moved"
    elif how == "another store":
        options["store"] = new_store()
    elif how == "an emptied store":
        for folder in place.store.root.iterdir():
            if not folder.is_symlink():
                shutil.rmtree(folder)
    place.edit("contrast: 1.1", "contrast: 1.2")
    before = (options.get("out", place.out) / "track.mp4").read_bytes()
    place.run(**options)
    assert (options.get("out", place.out) / "track.mp4").read_bytes() != before


def test_what_an_older_version_noted_counts_by_its_length(place: Place, tmp_path: Path) -> None:
    film, targets = tmp_path / "film.mp4", Targets(place.store, place.out)
    film.write_bytes(b"bits")
    place.store.note("written", {"path": str(film)}, [5, 4])
    assert targets.is_own(film)
    place.store.note("written", {"path": str(film)}, [4])
    targets.note(film, film, sha256_of(film))
    film.write_bytes(b"beat")
    os.utime(film, (1, 1))
    assert not targets.is_own(film)  # once more is known of this length, it is not enough


def test_a_film_is_read_only_where_its_time_is_another_one(
    place: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    film = tmp_path / "film.mp4"
    film.write_bytes(b"bits")
    targets = Targets(place.store, place.out)
    targets.note(film, film, sha256_of(film))
    with monkeypatch.context() as patch:
        patch.setattr("n2s.runtime.films.targets.sha256_of", lambda path: pytest.fail("it was read"))
        assert targets.is_own(film)
    os.utime(film, (1, 1))
    assert targets.is_own(film)
    film.write_bytes(b"beat")
    os.utime(film, (1, 1))
    assert not targets.is_own(film)


def test_records_that_are_none_make_no_film_ones_own(place: Place, new_store: Any) -> None:
    place.run()
    for i, text in enumerate(("", "[]", '{"films": 3}', '{"films": [{"path": 4}]}')):
        (place.out / str(i)).mkdir()
        (place.out / str(i) / "run.json").write_text(text)
    for record in place.out.glob("20*/run.json"):
        values = json.loads(record.read_text())
        values["films"][0]["sha256"] = "0" * 64
        record.write_text(json.dumps(values))
    place.edit("contrast: 1.1", "contrast: 1.2")
    place.refused(ArgumentError, "exists and was not written by n2s", store=new_store())


def test_all_files_of_others_are_told_at_once(studio: Any, tmp_path: Path, store: Store, n2s: Any) -> None:
    album = write_album(tmp_path, studio.model, [4410, 4410])
    (tmp_path / "renders").mkdir()
    for name in ("track1.mp4", "album.mp4"):
        (tmp_path / "renders" / name).write_bytes(PRECIOUS)
    for arguments in ([], ["--dry-run"]):
        status, _, err = n2s("run", album, *arguments)
        assert status == 2 and "track1.mp4, " in err and "album.mp4 exist and were not written by n2s" in err
    assert names(tmp_path / "renders") == {"track1.mp4", "album.mp4"}


def test_what_a_sub_graph_or_an_album_is_made_of_is_not_written_over(studio: Any, tmp_path: Path, store: Store) -> None:
    album = write_album(tmp_path, studio.model, [4410, 4410])
    os.link(tmp_path / "music0.wav", tmp_path / "album.mp4")
    from harness import run

    with pytest.raises(GraphError, match=r"album\.mp4 is read by this run and would be overwritten"):
        run(Graph.load(album), tmp_path, store, overwrite=True)


def test_pictures_and_numbers_are_not_written_over_what_the_graph_is_made_of(place: Place, n2s: Any) -> None:
    picture = place.folder / "picture.png"
    picture.write_bytes(PRECIOUS)
    place.edit(
        "film: {node: VAEDecode, latents: drift,",
        "still: {node: ImageSource, path: picture.png}\n  film: {node: VAEDecode, latents: drift,",
    )
    for command in (["preview", place.graph, "--node", "travel"], ["draw", place.graph]):
        status, _, err = n2s(*command, "-o", "picture.png")
        assert status == 2 and "picture.png is read by the graph and would be overwritten" in err
    assert picture.read_bytes() == PRECIOUS


@pytest.mark.parametrize(
    "settings",
    [
        "listed: [a.csv, b.csv]",
        "named: {x: b.csv}",
        "weighed: [b.csv, 1]",
        "nested: [[b.csv]]",
        "folders: [[x, tables]]",
    ],
)
def test_files_that_are_named_within_settings_are_not_written_over(
    settings: str, place: Place, packages: Any, n2s: Any
) -> None:
    packages.install(TABLES)
    file = place.folder / ("tables/b.csv" if "tables" in settings else "b.csv")
    file.parent.mkdir(exist_ok=True)
    (place.folder / "a.csv").touch()
    file.write_bytes(PRECIOUS)
    place.edit(
        "film: {node: VAEDecode, latents: drift,",
        f"tables: {{node: Tables, {settings}}}\n  film: {{node: VAEDecode, latents: drift,",
    )
    status, _, err = n2s("draw", place.graph, "-o", file)
    assert status == 2 and "b.csv is read by the graph and would be overwritten" in err
    assert file.read_bytes() == PRECIOUS


def test_paths_that_lead_nowhere_name_no_file_of_the_graph(place: Place, packages: Any, n2s: Any) -> None:
    packages.install(TABLES)
    wrong = (
        f"{{node: Tables, listed: [{'x' * 5000}], named: {{a: loop}}}}\n  still: {{node: ImageSource, path: "
        f"{'x' * 5000}}}"
    )
    (place.folder / "loop").symlink_to("loop")
    place.edit(
        "film: {node: VAEDecode, latents: drift,", f"tables: {wrong}\n  film: {{node: VAEDecode, latents: drift,"
    )
    (place.folder / "a.svg").touch()
    assert n2s("draw", place.graph, "-o", "a.svg")[0] == 0


def test_a_file_that_was_not_named_is_written_only_over_ones_own(place: Place, n2s: Any) -> None:
    for arguments, name in (
        (["preview", place.graph, "--node", "travel"], "renders/track-travel.png"),
        (["draw", place.graph], "track.svg"),
    ):
        path = place.folder / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(PRECIOUS)
        status, _, err = n2s(*arguments)
        assert status == 2 and f"{name} exists and was not written by n2s" in err and path.read_bytes() == PRECIOUS
        assert n2s(*arguments, "-o", path)[0] == 0 and path.read_bytes() != PRECIOUS  # an order is an order
        assert n2s(*arguments)[0] == 0
