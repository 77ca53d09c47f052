"""PNG films: every picture exact, the folder swapped whole, files of others left as they are."""

from __future__ import annotations

import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s.graph.errors import ArgumentError, GraphError, RenderError
from n2s.graph.graph import Graph
from n2s.runtime.films import folders
from n2s.runtime.media.pictures import read_picture
from n2s.runtime.media.png import encode_png

FRAMES, PRECIOUS = 15, b"precious"


@pytest.fixture
def graph(tmp_path: Path) -> Path:
    """A picture that gets brighter, half a second in three chunks."""
    picture = np.random.default_rng(3).integers(0, 256, (48, 64, 3), np.uint8)
    tiny.write_png(tmp_path / "picture.png", picture)
    nodes = {
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "tone": {"node": "Tone", "frames": "picture", "exposure": "= 0.1 * frame"},
        "out": {"node": "PNGSink", "frames": "tone", "path": "frames", "chunk": 6},
    }
    harness.load({"n2s": 1, "size": [64, 48], "fps": 30, "duration": 0.5, "nodes": nodes}, tmp_path)
    return tmp_path / "graph.yaml"


def run(graph: Path, store: Any, **options: Any) -> Any:
    return harness.run(Graph.load(graph), graph.parent / "out", store, **options)


def files(folder: Path) -> dict[str, bytes | None]:
    """Return the bytes of the files in a folder; None for what is a folder there."""
    return {path.name: None if path.is_dir() else path.read_bytes() for path in sorted(folder.iterdir())}


def names() -> set[str]:
    return {f"{i:06d}.png" for i in range(FRAMES)} | {folders.MARK}


@pytest.mark.parametrize("kind", [np.uint8, np.uint16])
@pytest.mark.parametrize("shape", [(1, 1), (5, 7), (48, 64)])
def test_png_is_read_as_it_was_written(kind: type, shape: tuple[int, int], tmp_path: Path) -> None:
    most = np.iinfo(kind).max
    ramp = np.linspace(0, most, shape[0] * shape[1] * 3).reshape(*shape, 3).astype(kind)
    for pixels in (ramp, np.random.default_rng(1).integers(0, most, (*shape, 3), kind, endpoint=True)):
        (tmp_path / "p.png").write_bytes(encode_png(pixels))
        read = read_picture(tmp_path / "p.png").transpose(1, 2, 0)
        np.testing.assert_array_equal(np.round(read.astype(np.float64) * most).astype(kind), pixels)


@pytest.mark.parametrize("depth", [8, 16])
def test_pictures_hold_the_display_values(depth: int, graph: Path, store: Any) -> None:
    tiny.edit(graph, '"chunk": 6', f'"chunk": 6, "dither": false, "depth": {depth}')
    report = run(graph, store)
    folder = graph.parent / "out/frames"
    assert set(files(folder)) == names() and report.films[0]["frames"] == FRAMES
    assert report.films[0]["bytes"] == sum(map(len, files(folder).values()))
    shown = harness.frames(Graph.load(graph), store, "tone", [(0, FRAMES)])
    most = 2**depth - 1
    for i in range(FRAMES):
        codes = read_picture(folder / f"{i:06d}.png").astype(np.float64) * most
        exact = np.clip(shown[i].astype(np.float64), 0, 1) * most
        assert np.abs(codes - exact).max() <= 0.5 + 1e-2 * (depth == 16), i


def test_dither_keeps_the_mean_of_a_picture(graph: Path, store: Any) -> None:
    run(graph, store)
    shown = harness.frames(Graph.load(graph), store, "tone", [(0, FRAMES)])
    made = np.stack([read_picture(graph.parent / f"out/frames/{i:06d}.png") for i in range(FRAMES)])
    assert abs((made - np.clip(shown, 0, 1)).mean()) < 2e-5
    tiny.edit(graph, '"chunk": 6', '"chunk": 6, "dither": false')
    run(graph, store)
    plain = np.stack([read_picture(graph.parent / f"out/frames/{i:06d}.png") for i in range(FRAMES)])
    assert (plain != made).mean() > 0.1


def test_a_folder_is_up_to_date_until_it_is_touched(graph: Path, store: Any) -> None:
    first = run(graph, store)
    again = run(graph, store)
    assert (first.rendered, again.rendered) == (3, 0) and again.films == first.films
    before = files(graph.parent / "out/frames")
    (graph.parent / "out/frames/000003.png").unlink()
    assert run(graph, store).rendered == 0  # joined again out of the store
    assert files(graph.parent / "out/frames") == before
    tiny.edit(graph, "0.1 * frame", "0.1 * frame + 0.01")
    assert run(graph, store).rendered == 3
    assert files(graph.parent / "out/frames") != before and set(files(graph.parent / "out/frames")) == names()
    assert [path.name for path in (graph.parent / "out").iterdir() if path.name.startswith(".")] == []


def test_a_shorter_film_leaves_no_frames_of_the_longer_one(graph: Path, store: Any) -> None:
    run(graph, store)
    tiny.edit(graph, '"duration": 0.5', '"duration": 0.2')
    run(graph, store)
    assert len(list((graph.parent / "out/frames").glob("*.png"))) == 6


@pytest.mark.parametrize(
    "change", ["more", "a folder", "a link within", "edited", "swapped", "all of it", "a link", "no mark"]
)
def test_a_folder_with_files_of_others_is_not_replaced_unasked(change: str, graph: Path, store: Any) -> None:
    folder = graph.parent / "out/frames"
    if change == "all of it":
        folder.mkdir(parents=True)
    else:
        run(graph, store)
    if change in ("more", "all of it"):
        (folder / "notes.txt").write_bytes(PRECIOUS)
    elif change == "a folder":
        (folder / "retouched").mkdir()
    elif change == "a link within":
        (folder / "music").symlink_to(graph.parent)
    elif change == "edited":
        (folder / "000002.png").write_bytes(PRECIOUS)
    elif change == "swapped":  # bytes of the same length, with a time before that of the list
        picture = folder / "000002.png"
        data = picture.read_bytes()
        picture.write_bytes(data[:-1] + bytes([data[-1] ^ 1]))
        os.utime(picture, (1, 1))
    elif change == "no mark":
        (folder / folders.MARK).unlink()
    else:
        folder.rename(graph.parent / "elsewhere")
        folder.symlink_to(graph.parent / "elsewhere")
    tiny.edit(graph, "0.1 * frame", "0.2 * frame")
    before = files(folder)
    with pytest.raises(
        ArgumentError, match="frames exists and was not written by n2s, or changed since; add --overwrite to replace it"
    ):
        run(graph, store)
    assert files(folder) == before
    run(graph, store, overwrite=True)
    assert set(files(folder)) == names() and not folder.is_symlink()
    if change == "a link":
        assert files(graph.parent / "elsewhere") == before  # the link was replaced, not what it leads to


@pytest.mark.parametrize("how", ["", "an emptied store", "emptied", "moved"])
def test_an_own_folder_is_replaced(how: str, graph: Path, store: Any, new_store: Any) -> None:
    run(graph, store)
    folder = graph.parent / "out/frames"
    if how == "emptied":
        shutil.rmtree(folder)
        folder.mkdir()
    elif how == "moved":
        folder.rename(graph.parent / "kept")
        shutil.copytree(graph.parent / "kept", folder)
    tiny.edit(graph, "0.1 * frame", "0.2 * frame")
    run(graph, new_store() if how == "an emptied store" else store)
    assert set(files(folder)) == names()


def test_a_folder_that_a_run_reads_is_not_written_over(graph: Path, store: Any) -> None:
    (graph.parent / "out/frames").mkdir(parents=True)
    (graph.parent / "picture.png").rename(graph.parent / "out/frames/000000.png")
    tiny.edit(graph, '"path": "picture.png"', '"path": "out/frames/000000.png"')
    with pytest.raises(GraphError, match="is read by this run and would be overwritten"):
        run(graph, store, overwrite=True)


def test_a_file_in_the_place_of_a_folder_is_found_before_the_render(graph: Path, store: Any) -> None:
    (graph.parent / "out").mkdir()
    (graph.parent / "out/frames").write_bytes(PRECIOUS)
    with pytest.raises(RenderError, match="frames cannot be written: Not a directory"):
        run(graph, store, overwrite=True)
    assert (graph.parent / "out/frames").read_bytes() == PRECIOUS
    assert not list(store.root.glob("segments/*/*"))


@pytest.mark.parametrize("failing", [1, 2])
def test_what_lies_there_survives_a_failed_swap(
    failing: int, graph: Path, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(graph, store)
    folder = graph.parent / "out/frames"
    before = files(folder)
    tiny.edit(graph, "0.1 * frame", "0.2 * frame")
    real, calls = os.rename, []

    def rename(source: Any, target: Any) -> None:
        calls.append(target)
        if len(calls) == failing:
            raise PermissionError(13, "Permission denied")
        real(source, target)

    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", rename)
        with pytest.raises(RenderError, match="frames cannot be written: Permission denied"):
            run(graph, store)
    assert files(folder) == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []
    assert run(graph, store).rendered == 0 and files(folder) != before


def test_what_a_killed_run_moved_aside_comes_back(graph: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    run(graph, store)
    folder = graph.parent / "out/frames"
    before = files(folder)
    folder.rename(folder.with_name(".frames.123.0123abcd.old"))
    folders.restore(folder)
    assert files(folder) == before
    folder.rename(folder.with_name(".frames.123.0123abcd.old"))
    assert run(graph, store).rendered == 0 and files(folder) == before
    assert [path.name for path in folder.parent.iterdir() if path.name.startswith(".")] == []


def test_runs_that_publish_one_folder_at_once_all_succeed(tmp_path: Path) -> None:
    film = tmp_path / "frames"

    def publish(number: int) -> None:
        for _ in range(60):
            folders.publish_folder(film, lambda path: (path / "000000.png").write_text(str(number)))

    with ThreadPoolExecutor(3) as pool:
        list(pool.map(publish, range(3)))
    assert [path.name for path in tmp_path.iterdir()] == ["frames"]
    assert (film / "000000.png").read_text() in ("0", "1", "2")


def test_a_folder_that_another_run_is_writing_is_left_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Should two runs ever choose one name, the second is told, and takes nothing away from the first."""
    monkeypatch.setattr(folders, "own_name", lambda path: f".{path.name}.1.00000000")
    others = tmp_path / ".frames.1.00000000.tmp"
    others.mkdir()
    (others / "000000.png").write_text("half a picture")
    with pytest.raises(RenderError, match="frames cannot be written"):
        folders.publish_folder(tmp_path / "frames", lambda path: None)
    assert (others / "000000.png").read_text() == "half a picture"


def test_names_of_parts_and_shapes_of_a_folder(graph: Path, store: Any) -> None:
    tiny.edit(graph, '"path": "frames"', '"path": "takes/one.2"')
    run(graph, store, span=(0.1, 0.4))
    assert len(list((graph.parent / "out/takes/one.2-0m00.1s-0m00.4s").glob("*.png"))) == 9
    assert not (graph.parent / "out/takes/one.2").exists()


def test_a_segment_that_is_short_is_refused(graph: Path, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    from n2s.formats.png import PNG

    real = PNG.write_segment

    def short(self: Any, path: Path, sink: Any, shape: Any, blocks: Any) -> None:
        real(self, path, sink, shape, (codes[:-1] for codes in blocks))

    with monkeypatch.context() as patch:
        patch.setattr(PNG, "write_segment", short)
        with pytest.raises(RenderError, match="A segment does not have its 6 pictures"):
            run(graph, store)
    run(graph, store)
    spoilt = next(store.root.glob("segments/*/*.zip"))
    monkeypatch.setattr(PNG, "join", lambda self, path, film, segments, sound: shutil.unpack_archive(spoilt, path))
    shutil.rmtree(graph.parent / "out/frames")
    with pytest.raises(RenderError, match="frames has .* whole pictures instead of 15 and was not published"):
        run(graph, store)
    assert not (graph.parent / "out/frames").exists()
