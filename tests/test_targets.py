"""Where films go: parts and other shapes beside the whole film, frames beside films, and folders in the way."""

from __future__ import annotations

import errno
import os
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from fractions import Fraction
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from places import FRAMES, Place
from test_films import write_album

from n2s.formats.mp4 import read_mp4
from n2s.graph.errors import GraphError, RenderError
from n2s.graph.graph import Graph
from n2s.graph.timecodes import time_in_name
from n2s.runtime.films.kept_frames import may_keep_frames, publish_frames
from n2s.runtime.store import Store

PRECIOUS = b"precious"


def frames(path: Path) -> int:
    return next(track.samples for track in read_mp4(path) if track.handler == "vide")


def names(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_file()}


@pytest.mark.parametrize(
    ("arguments", "name", "count"),
    [
        (["--to", "0.5"], "track-0m00s-0m00.5s.mp4", 15),
        (["--from", "0.5"], "track-0m00.5s-0m01s.mp4", 15),
        (["--from", "0.1", "--to", "0.9"], "track-0m00.1s-0m00.9s.mp4", 24),
        (["--size", "64x48"], "track-64x48.mp4", 30),
        (["--fps", "24"], "track-24fps.mp4", 24),
        (["--fps", "23.976"], "track-23.976fps.mp4", 24),
        (["--size", "64x48", "--fps", "15", "--to", "0.4"], "track-64x48-15fps-0m00s-0m00.4s.mp4", 6),
        (["--set", "size=[64, 48]"], "track-64x48.mp4", 30),
        (["--set", "duration=0.5"], "track-0m00.5s.mp4", 15),
        (["--draft", "--to", "0.4"], "draft/track-0m00s-0m00.4s.mp4", 6),
        (["--draft", "--size", "64x48"], "draft/track-32x24.mp4", 15),
        (["--draft", "--fps", "24"], "draft/track-12fps.mp4", 12),
        (["--draft", "--set", "size=[64, 48]"], "draft/track-32x24.mp4", 15),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_part_or_another_shape_leaves_the_film_as_it_is(
    place: Place, arguments: list[str], name: str, count: int, n2s: Any
) -> None:
    out = place.folder / "renders"
    for whole in ("track.mp4", "draft/track.mp4"):
        (out / whole).parent.mkdir(parents=True, exist_ok=True)
        (out / whole).write_bytes(PRECIOUS)
    status, said, err = n2s("run", place.graph, *arguments)
    assert status == 0, err
    assert f"renders/{name}  {count} frames" in said and frames(out / name) == count
    assert (out / "track.mp4").read_bytes() == (out / "draft/track.mp4").read_bytes() == PRECIOUS


@pytest.mark.parametrize(
    ("arguments", "name"),
    [
        ([], "track.mp4"), (["--size", "96x64"], "track.mp4"), (["--fps", "30"], "track.mp4"),
        (["--to", "1"], "track.mp4"),
        (["--to", "9"], "track.mp4"), (["--from", "0"], "track.mp4"), (["--set", "grain.amount=0.1"], "track.mp4"),
        (["--draft"], "draft/track.mp4"), (["--draft", "--size", "96x64", "--fps", "30"], "draft/track.mp4"),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)  # fmt: skip
def test_the_whole_film_in_its_own_shape_has_its_own_name(
    place: Place, arguments: list[str], name: str, n2s: Any
) -> None:
    assert n2s("run", place.graph, *arguments)[0] == 0
    assert (place.folder / "renders" / name).is_file() and names(place.folder / "renders") <= {"track.mp4"}


def test_an_albums_films_of_another_shape_have_names_of_their_own(studio: Any, tmp_path: Path, n2s: Any) -> None:
    album = write_album(tmp_path, studio.model, [4410, 4410])
    for arguments in ([], ["--size", "64x48"], ["--draft"], ["--set", "fps=15"]):
        status, _, err = n2s("run", album, *arguments)
        assert status == 0, err
    whole = {"track0", "track1", "album"}
    shapes = {f"{name}{ending}.mp4" for name in whole for ending in ("", "-64x48", "-15fps")}
    assert names(tmp_path / "renders") == shapes and names(tmp_path / "renders/draft") == {
        f"{name}.mp4" for name in whole
    }


def test_frames_are_kept_beside_the_film_they_belong_to(place: Place, n2s: Any) -> None:
    place.edit("path: track.mp4", "path: 'a %d 100%.mp4'")
    assert n2s("run", place.graph, "--keep-frames")[0] == 0
    whole = place.folder / "renders/a %d 100%-frames"
    assert len(list(whole.glob("*.png"))) == FRAMES
    assert n2s("run", place.graph, "--keep-frames", "--to", "0.1")[0] == 0
    assert len(list((place.folder / "renders/a %d 100%-0m00s-0m00.1s-frames").glob("*.png"))) == 3
    assert len(list(whole.glob("*.png"))) == FRAMES
    (whole / "notes.txt").write_bytes(PRECIOUS)
    assert (
        n2s("run", place.graph, "--keep-frames", "--set", "duration=0.5", "--set", "out.path='a %d 100%.mp4'")[0] == 0
    )
    assert n2s("run", place.graph, "--keep-frames")[0] == 0
    assert (whole / "notes.txt").read_bytes() == PRECIOUS


def test_frames_of_before_stay_until_all_new_ones_are_whole(tmp_path: Path) -> None:
    folder = tmp_path / "film-frames"
    publish_frames(folder, lambda empty: (empty / "000000.png").write_bytes(b"old"), 1)

    def fail(empty: Path) -> None:
        (empty / "000000.png").write_bytes(b"cut")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(RenderError, match="film-frames cannot be written"):
        publish_frames(folder, fail, 2)
    with pytest.raises(RenderError, match="film-frames would have 1 frames instead of 2"):
        publish_frames(folder, lambda empty: (empty / "000000.png").write_bytes(b"new"), 2)
    assert (folder / "000000.png").read_bytes() == b"old" and os.listdir(tmp_path) == ["film-frames"]
    publish_frames(folder, lambda empty: (empty / "000000.png").write_bytes(b"new"), 1)
    assert (folder / "000000.png").read_bytes() == b"new" and os.listdir(tmp_path) == ["film-frames"]


@pytest.mark.parametrize("sink", ["FFmpegSink", "PNGSink"])
def test_what_a_killed_run_had_begun_goes_after_a_day(place: Place, sink: str) -> None:
    place.edit("node: FFmpegSink", f"node: {sink}")
    if sink == "PNGSink":
        place.edit("track.mp4, chunk: 15, crf: 20", "track")
    path = place.out / ("track.mp4" if sink == "FFmpegSink" else "track")
    unfinished = [path.with_name(f".{path.name}.123.0123abc{i}.tmp{path.suffix}") for i in range(2)]
    unfinished.append(path.with_name(f".other{unfinished[0].name}"))
    # What formats lay beside it.
    beside = [path.with_name(f".{path.name}.123.0123abc0.tmp{ending}") for ending in (".list", ".meta", ".pal")]
    for left in unfinished:
        left.parent.mkdir(exist_ok=True)
        left.write_bytes(b"half") if path.suffix else left.mkdir()
    for left in [unfinished[0], unfinished[2], *beside]:
        left.touch()
        os.utime(left, (0, 0))
    place.run()
    assert path.exists() and [left.exists() for left in unfinished] == [False, True, True]
    assert not any(left.exists() for left in beside)


def test_a_folder_of_other_pictures_is_not_taken_for_frames(place: Place, n2s: Any) -> None:
    folder = place.folder / "renders/track-frames"
    folder.mkdir(parents=True)
    (folder / "000001.png").write_bytes(PRECIOUS)
    status, _, err = n2s("run", place.graph, "--keep-frames")
    assert status == 2 and f"{folder} exists and was not written by n2s, or changed since; add --overwrite" in err
    assert (folder / "000001.png").read_bytes() == PRECIOUS and not (place.folder / "renders/track.mp4").exists()
    assert n2s("run", place.graph, "--keep-frames", "--overwrite")[0] == 0
    assert len(list(folder.glob("*.png"))) == FRAMES


@pytest.mark.parametrize("change", ["changed", "added", "replaced by a folder"])
def test_pictures_that_somebody_puts_among_kept_frames_are_not_lost(place: Place, n2s: Any, change: str) -> None:
    folder = place.folder / "renders/track-frames"
    assert n2s("run", place.graph, "--keep-frames")[0] == 0
    touched = folder / ("000099.png" if change == "added" else "000002.png")
    if change == "replaced by a folder":
        touched.unlink()
        touched.mkdir()
    else:
        touched.write_bytes(PRECIOUS)
    status, _, err = n2s("run", place.graph, "--keep-frames")
    assert status == 2 and f"{folder} exists and was not written by n2s, or changed since; add --overwrite" in err
    assert touched.is_dir() or touched.read_bytes() == PRECIOUS
    if change != "replaced by a folder":
        assert n2s("run", place.graph, "--keep-frames", "--overwrite")[0] == 0
        assert len(list(folder.glob("*.png"))) == FRAMES and n2s("run", place.graph, "--keep-frames")[0] == 0


def test_kept_frames_that_were_copied_are_ones_own(tmp_path: Path) -> None:
    folder, copy = tmp_path / "film-frames", tmp_path / "copy-frames"
    publish_frames(folder, lambda empty: (empty / "000000.png").write_bytes(b"old"), 1)
    shutil.copytree(folder, copy, copy_function=shutil.copyfile)
    os.utime(copy / "000000.png", (0, 0))
    assert may_keep_frames(copy)
    (copy / "000000.png").write_bytes(b"own")
    assert not may_keep_frames(copy)


def test_frames_that_several_runs_keep_at_once_are_whole(tmp_path: Path) -> None:
    folder, together = tmp_path / "film-frames", threading.Barrier(3)

    def write(empty: Path) -> None:
        for number in range(40):
            (empty / f"{number:06d}.png").write_bytes(b"%d" % number)
        together.wait(20)

    with ThreadPoolExecutor(3) as pool:
        for done in [pool.submit(publish_frames, folder, write, 40) for _ in range(3)]:
            done.result()
    assert may_keep_frames(folder)
    assert [path.read_bytes() for path in sorted(folder.glob("*.png"))] == [b"%d" % number for number in range(40)]


def test_frames_of_a_run_that_was_killed_in_between_are_ones_own(tmp_path: Path, monkeypatch: Any) -> None:
    folder = tmp_path / "film-frames"

    def write(empty: Path) -> None:
        for number in range(3):
            (empty / f"{number:06d}.png").write_bytes(b"%d" % len(list(tmp_path.iterdir())))

    publish_frames(folder, write, 3)
    replace = Path.replace

    def killed(path: Path, target: Path) -> Any:
        if path.name == "000001.png":
            raise KeyboardInterrupt
        return replace(path, target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            publish_frames(folder, write, 3)
    assert may_keep_frames(folder) and len(list(folder.glob("*.png"))) == 3


@pytest.mark.parametrize(
    ("more", "told"),
    [
        ("node: PNGSink, frames: grain, path: track-frames", "where a film of this run would lie"),
        ("node: FFmpegSink, frames: tone, path: track.m4v", "where the frames of track.m4v would lie"),
        ("node: ImageSource, path: renders/track-frames/000000.png", "holds files that this run reads"),
    ],
)
def test_frames_are_not_kept_where_something_else_lies(place: Place, n2s: Any, more: str, told: str) -> None:
    folder = place.folder / "renders/track-frames"
    folder.mkdir(parents=True)
    (folder / ".n2s-frames").touch()
    tiny.write_png(folder / "000000.png", np.zeros((64, 96, 3), np.uint8))
    if "ImageSource" in more:
        place.edit("frames: vignette", "frames: more")
    place.edit("  out:", f"  more: {{{more}}}\n  out:")
    status, _, err = n2s("run", place.graph, "--keep-frames", "--overwrite")
    assert status == 2 and f"would be kept in {folder}" in err and told in err
    assert len(list(folder.iterdir())) == 2 and not (place.folder / "renders/track.mp4").exists()
    if "PNG" not in more:
        assert n2s("run", place.graph, "--dry-run")[0] == 0


def test_a_folder_or_a_file_in_the_way_is_found_before_the_render(place: Place) -> None:
    place.edit("path: track.mp4", "path: sub/track.mp4")
    place.out.mkdir()
    (place.out / "sub").write_bytes(PRECIOUS)
    place.refused(RenderError, f"{place.out / 'sub'} cannot be written: Not a directory")
    (place.out / "sub").unlink()
    (place.out / "sub/track.mp4").mkdir(parents=True)
    place.refused(RenderError, "track.mp4 cannot be written: Is a directory")
    assert place.entries("segments", ".mp4") == []


def test_a_folder_that_cannot_be_written_is_found_before_the_render(
    place: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    locked, real = place.out / "locked", os.access
    locked.mkdir(parents=True)
    place.edit("path: track.mp4", "path: locked/2026/track.mp4")
    # Not by permissions, which do not hold for the system's administrator.
    monkeypatch.setattr(os, "access", lambda path, mode: Path(path) != locked and real(path, mode))
    place.refused(RenderError, f"{locked} cannot be written: Permission denied")
    assert not place.entries("segments", ".mp4") and not list(locked.iterdir())


def test_a_name_that_is_too_long_with_its_part_is_found_before_the_render(place: Place) -> None:
    place.edit("path: track.mp4", f"path: {'x' * 220}.mp4")
    place.refused(GraphError, "is too long a name for its file system", span=(0, 0.5))
    assert place.entries("segments", ".mp4") == []
    assert place.run().films[0]["frames"] == FRAMES


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0m00s"),
        (Fraction(1001, 1000), "0m01.001s"),
        (Fraction(119999, 2000), "1m00s"),
        (10, "0m10s"),
        (Fraction(125, 2), "1m02.5s"),
        (6000, "100m00s"),
    ],
)
def test_times_in_names(seconds: Any, text: str) -> None:
    assert time_in_name(Fraction(seconds)) == text


def test_a_store_may_be_named_by_its_folder(place: Place) -> None:
    from n2s.runtime.run import render

    folder = place.folder / "another store"
    for store, rendered in ((str(folder), True), (folder, False), (Store(folder), False)):
        shutil.rmtree(place.out, ignore_errors=True)
        assert bool(render(Graph.load(place.graph), out=str(place.out), store=store).rendered) is rendered
        assert list(folder.glob("segments/*/*.mp4"))


def test_nodes_that_took_no_time_are_not_told_of(tmp_path: Path) -> None:
    from n2s.commands.run import summary
    from n2s.runtime.run import Report

    report = Report(rendered=1, frames=2, seconds=1.0, nodes={"tone": 0.01}, record=tmp_path)
    assert "Time by node" not in summary(report)
    report.nodes["film"] = 0.5
    assert "Time by node: film 0.5 s." in summary(report)


def test_the_dearest_nodes_are_named_and_the_others_added_up(tmp_path: Path) -> None:
    from n2s.commands.run import DEAREST, summary
    from n2s.runtime.run import Report

    nodes = {f"n{i}": 1.0 + i for i in range(DEAREST + 2)}
    told = summary(Report(rendered=1, frames=2, seconds=1.0, nodes=nodes, record=tmp_path))
    first = ", ".join(f"n{i} {1 + i:.1f} s" for i in reversed(range(2, DEAREST + 2)))
    assert f"Time by node: {first}, 2 others 3.0 s." in told


def test_commands_are_asked_about_the_same_film(place: Place, n2s: Any, n2s_json: Any) -> None:
    shape = ("--size", "64x48", "--fps", "15")
    assert n2s("run", place.graph, *shape)[0] == 0
    (about,) = n2s_json("plan", place.graph, *shape)
    assert (about["film"], about["size"], about["fps"], about["up_to_date"]) == (
        "track-64x48-15fps.mp4",
        [64, 48],
        "15",
        True,
    )
    assert n2s("why", place.graph, *shape)[1] == "track-64x48-15fps.mp4: nothing to render.\n"
    assert "track.mp4: 2 of 2 chunks to render" in n2s("why", place.graph)[1]
    assert n2s("export", place.graph, "--port", "grain", "-o", "f.npz", *shape)[0] == 0
    with np.load(place.folder / "f.npz") as made:
        assert made["values"].shape == (15, 3, 48, 64) and made["fps"] == 15
    assert n2s("preview", place.graph, "-o", "f.png", *shape)[0] == 0
    assert tiny.read_png(place.folder / "f.png").shape == (48, 64, 3)
    for command in (["plan"], ["why"], ["preview"], ["export", "--port", "grain", "-o", "f.npz"]):
        status, _, err = n2s(command[0], place.graph, *command[1:], "--size", "101x51")
        assert status == 2 and err.startswith("--size: width and height must be even")
