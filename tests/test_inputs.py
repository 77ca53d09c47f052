"""Keys hold what was read: files that change between runs or during a run, and the track's clock."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import harness
import numpy as np
import pytest
import tiny
from conftest import shared_store
from places import Place
from stills_read import picture, replace_alike, shown, still
from third_party import node, python, write_package

from n2s.graph.context import Block
from n2s.graph.declare import FRAMES_OUTPUT, FilePath, FolderPath, Streamed, port, setting
from n2s.graph.errors import ChangedFileError, GraphError, MediaError
from n2s.graph.types import Frames
from n2s.runtime.events import Events
from n2s.runtime.inputs import InputFiles
from n2s.runtime.store import Store


class During(Events):
    """Do something once, when the frames to render are known."""

    def __init__(self, act: Callable[[], None]):
        self.act = act

    def planned(self, frames: int, stored: int) -> None:
        self.act()


@pytest.mark.parametrize("side", [32, 700], ids=["small", "large"])
def test_a_picture_of_the_same_size_and_time_is_another(side: int, tmp_path: Path, new_store: Any) -> None:
    """A table of sizes and times cannot tell them apart; neither may the film."""
    path, films, store = tmp_path / "picture.ppm", [], new_store()
    for grey in (50, 200, 50):
        data = f"P6\n{side} {side}\n255\n".encode() + bytes([grey]) * (3 * side * side)
        if films:
            replace_alike(path, data)
        else:
            path.write_bytes(data)
            os.utime(path, (1e9, 1e9))
        harness.run(still(tmp_path, name="picture.ppm"), tmp_path, store)
        films.append(shown(tmp_path))
    assert films[0] == films[2] != films[1]
    harness.run(still(tmp_path, name="picture.ppm"), tmp_path / "anew", new_store(), force=True)
    assert shown(tmp_path / "anew") == films[2]


def test_force_reads_files_again(tmp_path: Path, new_store: Any) -> None:
    store = new_store()
    path = tmp_path / "picture.png"
    data = picture(path, 90).read_bytes()
    path.write_bytes(data + bytes(2 << 20))
    os.utime(path, (1e9, 1e9))
    state = path.stat()
    subject = {"path": str(path), "state": [state.st_ino, state.st_size, state.st_mtime_ns, state.st_ctime_ns]}
    right = InputFiles().digest(path)
    assert InputFiles(store).digest(path) == right
    store.note("digests", subject, "a digest that the disk made up")
    assert InputFiles(store, fresh=True).digest(path) == right


def test_a_table_is_asked_for_large_settled_files_alone(
    tmp_path: Path, new_store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    store, path = new_store(), tmp_path / "large"
    path.write_bytes(bytes(2 << 20))
    monkeypatch.setattr("n2s.runtime.inputs.time.time", lambda: path.stat().st_ctime + 10)
    first = InputFiles(store).digest(path)
    monkeypatch.setattr("n2s.runtime.inputs.digest_of", lambda path: pytest.fail("it was read again"))
    assert InputFiles(store).digest(path) == first
    monkeypatch.setattr("n2s.runtime.inputs.time.time", lambda: path.stat().st_ctime + 1)
    with pytest.raises(pytest.fail.Exception):
        InputFiles(store).digest(path)


def test_a_decoder_replaced_with_its_card_is_another_model(place: Place, model: Path) -> None:
    place.run()
    before = place.film.read_bytes()
    decoder = model / "decoder.fp32.onnx"
    data = decoder.read_bytes()
    weights = np.random.default_rng(5).normal(0, 0.6, (3, tiny.CHANNELS, 1, 1)).astype(np.float32).tobytes()
    assert weights in data
    replace_alike(decoder, data.replace(weights, np.frombuffer(weights, np.float32)[::-1].tobytes()))
    tiny.write_card(model)
    assert place.run().rendered == 2
    assert place.film.read_bytes() != before


SWAPS: dict[str, Callable[[Path], None]] = {
    "replaced": lambda path: picture(path, 200) and None,
    "removed": Path.unlink,
    "cut off": lambda path: path.write_bytes(path.read_bytes()[:50]) and None,
}


@pytest.mark.parametrize("swap", SWAPS)
def test_a_picture_that_changes_under_a_run(swap: str, tmp_path: Path, new_store: Any) -> None:
    store, path = new_store(), picture(tmp_path / "picture.png", 50)
    with pytest.raises(MediaError, match="picture.png"):
        harness.run(still(tmp_path), tmp_path, store, events=During(lambda: SWAPS[swap](path)))
    assert not (tmp_path / "frames.txt").exists()
    picture(path, 200)
    harness.run(still(tmp_path), tmp_path, store)
    new = shown(tmp_path)
    picture(path, 50)
    harness.run(still(tmp_path), tmp_path, store)
    harness.run(still(tmp_path), tmp_path / "anew", new_store())
    assert shown(tmp_path) == shown(tmp_path / "anew") != new


@pytest.mark.parametrize("when", ["planned", "rendering"])
def test_music_that_changes_under_a_run(when: str, place: Place) -> None:
    class Swap(Events):
        done = False

        def planned(self, frames: int, stored: int) -> None:
            self.act("planned")

        def rendered(self, frames: int) -> None:
            self.act("rendering")

        def act(self, now: str) -> None:
            if now == when and not self.done:
                self.done = True
                tiny.write_wav(place.music, tiny.clicks(1, 170))

    place.refused(ChangedFileError, "music.wav was changed during the run. Run again", events=Swap())
    place.run()
    other = place.film.read_bytes()
    place.store = Store(place.folder / "anew")
    place.run()
    assert place.film.read_bytes() == other


def test_a_model_that_changes_under_a_run(place: Place, model: Path) -> None:
    def swap() -> None:
        shutil.rmtree(model)
        tiny.tiny_model(model)
        decoder = model / "decoder.fp32.onnx"
        decoder.write_bytes(decoder.read_bytes().replace(b"tiny", b"tinY"))
        tiny.write_card(model)

    place.refused(ChangedFileError, "was changed during the run", events=During(swap))
    place.run()


def test_anchors_that_are_added_do_not_stop_a_run(place: Place, model: Path) -> None:
    def add() -> None:
        with np.load(model / "anchors.npz") as arrays:
            more = dict(arrays) | {"new": np.ones((8, 16, 16), np.float32)}
        np.savez(model / "anchors.npz", **more)
        tiny.write_card(model)

    assert place.run(events=During(add)).rendered == 2
    assert place.run().rendered == 0


def test_a_file_that_held_something_else_for_a_moment(tmp_path: Path, new_store: Any) -> None:
    """Between two looks it may have been read, so that it holds the same again says nothing."""
    store, path = new_store(), picture(tmp_path / "picture.png", 50)
    data = path.read_bytes()

    class Flicker(Events):
        def planned(self, frames: int, stored: int) -> None:
            picture(path, 200)

        def rendered(self, frames: int) -> None:
            path.write_bytes(data)

    with pytest.raises(MediaError, match="picture.png was changed during the run"):
        harness.run(still(tmp_path), tmp_path, store, events=Flicker())
    assert harness.run(still(tmp_path), tmp_path, store).rendered == 3


class Names(Streamed):
    """As bright as there are files in a folder."""

    frames: Frames = port("what is multiplied")
    folder: FolderPath = setting(help="the files")

    outputs = FRAMES_OUTPUT

    def open(self, scene: Any, grid: Any) -> int:
        return sum(1 for path in Path(scene.path(self.folder)).rglob("*") if path.is_file())

    def compute(self, block: Block, frames: np.ndarray) -> np.ndarray:
        return frames * np.float32(block.resources / 4)


def test_files_that_come_into_a_folder(tmp_path: Path, new_store: Any) -> None:
    store = new_store()
    picture(tmp_path / "picture.png", 100)
    inner = tmp_path / "folder/inner"
    inner.mkdir(parents=True)
    (inner / "a").write_text("1")
    graph = still(tmp_path, Names(folder="folder"))
    with pytest.raises(MediaError, match="inner was changed during the run"):
        harness.run(graph, tmp_path, store, events=During(lambda: (inner / "b").write_text("2") and None))
    assert harness.run(graph, tmp_path, store).rendered == 3
    (tmp_path / "other").mkdir()
    (tmp_path / "other/c").write_text("3")
    (inner / "link").symlink_to(tmp_path / "other")
    assert harness.run(graph, tmp_path, store).rendered == 3
    (tmp_path / "other/c").write_text("4")
    assert harness.run(graph, tmp_path, store).rendered == 3
    assert harness.run(graph, tmp_path, store).rendered == 0


LATE = """
import json, sys
from pathlib import Path
import acme
from n2s import Graph, render
from n2s.graph.errors import MediaError
from n2s.nodes import DigestSink, ImageSource
from n2s.runtime.events import Events
from n2s.runtime.store import Store

folder = Path(sys.argv[1])

class Edit(Events):
    def planned(self, frames, stored):
        path = Path(acme.__file__).with_name("late.py")
        path.write_text(path.read_text().replace("2.0", "2.5"))

film = DigestSink(path="a.txt")(acme.N()(ImageSource(path="picture.png")()))
graph = Graph(film, size=(32, 32), duration=0.1, base=folder)
try:
    render(graph, out=folder, store=Store(folder / "store"), events=Edit() if sys.argv[2] == "edit" else None)
    print(json.dumps((folder / "a.txt").read_text()))
except MediaError as error:
    print(json.dumps(str(error)))
"""


def test_a_module_that_is_imported_late_and_edited_meanwhile(tmp_path: Path, kernel_cache: Path) -> None:
    late = "\n\ndef gain():\n    import acme.late\n    return acme.late.GAIN\n"
    write_package(
        tmp_path / "site", "acme", {"acme/__init__.py": node("N", "gain()", late), "acme/late.py": "GAIN = 2.0\n"}
    )
    picture(tmp_path / "picture.png", 50)
    shared_store(tmp_path / "store", kernel_cache)
    assert "late.py was changed during the run" in python(tmp_path / "site", LATE, tmp_path, "edit")
    after = python(tmp_path / "site", LATE, tmp_path, "")
    shutil.rmtree(tmp_path / "store")
    shared_store(tmp_path / "store", kernel_cache)
    assert python(tmp_path / "site", LATE, tmp_path, "") == after


def test_kept_machine_code_of_other_values_is_not_used(tmp_path: Path, kernel_cache: Path) -> None:
    """numba keeps what a function took from other files compiled into it."""
    jitted = "from numba import njit\nfrom .late import GAIN\n@njit(cache=True)\ndef gain(x):\n    return x * GAIN\n"
    late = "from .jitted import gain\n"
    files = {"acme/__init__.py": node("N", "gain(1.0)", late), "acme/jitted.py": jitted, "acme/late.py": "GAIN = 2.0\n"}
    write_package(tmp_path / "site", "acme", files)
    picture(tmp_path / "picture.png", 50)
    films = []
    shared_store(tmp_path / "store", kernel_cache)
    for gain in ("2.0", "2.5", "2.0"):
        (tmp_path / "site/acme/late.py").write_text(f"GAIN = {gain}\n")
        films.append(python(tmp_path / "site", LATE, tmp_path, "", PYTHONDONTWRITEBYTECODE="1"))
    assert films[0] == films[2] != films[1]


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="no named pipes here")
def test_pipes_and_devices_are_not_waited_for(tmp_path: Path, store: Any) -> None:
    picture(tmp_path / "picture.png", 100)
    os.mkfifo(tmp_path / "number.txt")
    with pytest.raises(GraphError, match="number.txt is not a regular file"):
        harness.run(still(tmp_path, Scale(table="number.txt")), tmp_path, store)
    for other in (os.mkfifo, lambda path: os.symlink("/dev/zero", path)):
        os.unlink(tmp_path / "picture.png")
        other(tmp_path / "picture.png")
        with pytest.raises(GraphError, match="regular file"):
            harness.run(still(tmp_path), tmp_path, store)


class Scale(Streamed):
    """Multiply frames by a number in a file."""

    frames: Frames = port("what is multiplied")
    table: FilePath = setting(help="the number")
    unkeyed: FilePath | None = setting(None, help="no number of this film", keyed=False)

    outputs = FRAMES_OUTPUT

    def open(self, scene: Any, grid: Any) -> float:
        return float(scene.path(self.table).read_text())

    def compute(self, block: Block, frames: np.ndarray) -> np.ndarray:
        return frames * np.float32(block.resources)


def test_a_file_that_a_setting_names_counts_by_its_bytes(tmp_path: Path, new_store: Any) -> None:
    store = new_store()
    picture(tmp_path / "picture.png", 100)
    for name, number in (("a.txt", "0.5"), ("b.txt", "0.8"), ("c.txt", "0.5")):
        (tmp_path / name).write_text(number)
    rendered = [
        harness.run(still(tmp_path, Scale(table=table, unkeyed=other)), tmp_path, store).rendered
        for table, other in (("a.txt", None), ("b.txt", None), ("c.txt", None), ("a.txt", "b.txt"))
    ]
    assert rendered == [3, 3, 0, 0]
    with pytest.raises(MediaError, match="a.txt was changed during the run"):
        harness.run(still(tmp_path, Scale(table="a.txt"), duration=0.6), tmp_path, store,
                    events=During(lambda: (tmp_path / "a.txt").write_text("0.9") and None))  # fmt: skip
    with pytest.raises(GraphError, match="nothing.txt does not exist"):
        harness.run(still(tmp_path, Scale(table="nothing.txt")), tmp_path, store)


class Tables(Streamed):
    """Multiply frames by the numbers in files, wherever their paths stand."""

    frames: Frames = port("what is multiplied")
    listed: list[FilePath] | None = setting(None, help="numbers")
    named: dict[str, FilePath] = setting({}, help="numbers by name")
    nested: list[list[FilePath]] = setting([], help="numbers in groups")
    weighed: tuple[FilePath, float] | None = setting(None, help="a number and its exponent")
    chosen: Literal["none"] | FilePath | float = setting("none", help="a number, or where it stands")

    outputs = FRAMES_OUTPUT

    def open(self, scene: Any, grid: Any) -> float:
        def read(text: str) -> float:
            return float(scene.path(text).read_text())

        numbers = [read(text) for text in [*(self.listed or []), *self.named.values(), *sum(self.nested, [])]]
        numbers += [read(self.weighed[0]) ** self.weighed[1]] if self.weighed else []
        numbers += [] if self.chosen == "none" else [read(self.chosen) if isinstance(self.chosen, str) else self.chosen]
        return float(np.prod(numbers))

    def compute(self, block: Block, frames: np.ndarray) -> np.ndarray:
        return frames * np.float32(block.resources)


@pytest.mark.parametrize(
    ("settings", "other", "alike"),
    [
        ({"listed": ["a.txt", "b.txt"]}, [["b.txt", "b.txt"], ["a.txt"], None], ["c.txt", "b.txt"]),
        ({"named": {"x": "a.txt", "y": "b.txt"}}, [{"x": "b.txt", "y": "a.txt"}, {"x": "a.txt", "z": "b.txt"}],
         {"x": "c.txt", "y": "b.txt"}),
        ({"nested": [["a.txt"], ["b.txt", "a.txt"]]}, [[["a.txt", "b.txt"], ["a.txt"]], [["a.txt"]]],
         [["c.txt"], ["b.txt", "a.txt"]]),
        ({"weighed": ["a.txt", 2.0]}, [["b.txt", 2.0], ["a.txt", 3.0], None], ["c.txt", 2.0]),
        ({"chosen": "a.txt"}, ["b.txt", "none", 0.5], "c.txt"),
    ],
    ids=lambda value: next(iter(value)) if isinstance(value, dict) else "",
)  # fmt: skip
def test_files_count_by_their_bytes_wherever_their_paths_stand(
    settings: dict, other: list, alike: Any, tmp_path: Path, store: Any
) -> None:
    picture(tmp_path / "picture.png", 100)
    for name, number in (("a.txt", "0.5"), ("b.txt", "0.8"), ("c.txt", "0.5")):
        (tmp_path / name).write_text(number)
    name, value = next(iter(settings.items()))

    def keys(value: Any) -> list[str]:
        return harness.keys(still(tmp_path, Tables(**{name: value})), store)

    before = keys(value)
    assert keys(alike) == before
    assert all(keys(each) != before for each in other)
    (tmp_path / "a.txt").write_text("0.6")
    assert keys(value) != before
