"""A studio to test in: tiny music, a tiny model, a picture, stores that share compiled kernels."""

from __future__ import annotations

import compileall
import json
import os
import shutil
import signal
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import anchored
import numpy as np
import pytest
import tiny
import typer
import videos
from packages import Packages
from places import CHUNK, Place

from n2s import __path__ as package
from n2s.cli import main
from n2s.graph.code.identity import code_digest, engine_parts
from n2s.graph.code.text import facts_subject, known_facts
from n2s.graph.registry import node_types
from n2s.runtime.context import RunContext
from n2s.runtime.executors.pool import WorkerPool
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.media.video.frames import Video
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.store import Store

if "PYTEST_XDIST_WORKER" in os.environ:  # threads of torch that wait for each other take the core of other workers
    os.environ.setdefault("OMP_NUM_THREADS", "1")

if (
    signal.getsignal(signal.SIGINT) is signal.SIG_IGN
):  # so a shell starts what it puts in the background, and children inherit it
    signal.signal(signal.SIGINT, signal.default_int_handler)


def pytest_configure(config: pytest.Config) -> None:
    """Compile the library's modules once where Python is told not to keep them: tests start hundreds of processes."""
    if sys.dont_write_bytecode and not hasattr(config, "workerinput"):
        compileall.compile_dir(package[0], quiet=2)


@dataclass(frozen=True)
class Studio:
    """A folder with ``music.wav`` (2.1 s of clicks), ``picture.png``, ``video.mp4``, ``look.cube``, ``drums.mid``,
    ``levels.csv``, ``song.lrc`` and a tiny ``model``."""

    folder: Path

    @property
    def model(self) -> Path:
        return self.folder / "model"


@pytest.fixture(scope="session")
def studio(tmp_path_factory: pytest.TempPathFactory) -> Studio:
    folder = tmp_path_factory.mktemp("studio")
    tiny.tiny_model(folder / "model")
    tiny.write_wav(folder / "music.wav", tiny.clicks(2.1, channels=2))
    y, x = np.mgrid[0:50, 0:70]
    picture = np.stack([x * 3, y * 5, (x ^ y) * 2], axis=2).astype(np.uint8)
    tiny.write_png(folder / "picture.png", picture)
    videos.write_video(folder / "video.mp4", videos.numbered(40, 70, 50))
    tiny.write_cube(folder / "look.cube", 5, lambda r, g, b: (r * r, 0.2 + 0.7 * g, 0.9 - 0.5 * b))
    notes = [(0.25 * i, 36 + 2 * (i % 2), 100) for i in range(8)]
    tiny.write_midi(folder / "drums.mid", notes, controls=[(0.3, 2, 90)])
    (folder / "levels.csv").write_text("time,level,tilt\n0,0.1,-1\n1,0.8,0.5\n2,0.3,1\n")
    (folder / "song.lrc").write_text("[00:00.30]<00:00.30>one <00:00.90>two\n[00:01.40]three\n")
    return Studio(folder)


@pytest.fixture(scope="session")
def kernel_cache(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of all kernels that tests compile; workers of pytest-xdist share it.

    It is empty at the beginning, unless N2S_TEST_KERNELS names one that is kept from run to run.
    """
    if kept := os.environ.get("N2S_TEST_KERNELS"):
        Path(kept).mkdir(parents=True, exist_ok=True)
        return Path(kept).resolve()
    base = tmp_path_factory.getbasetemp()
    folder = (base.parent if hasattr(request.config, "workerinput") else base) / "kernels"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture
def store(tmp_path: Path, kernel_cache: Path) -> Store:
    """A store with nothing but kernels, which tests share, and what the library's code says: no key knows of them."""
    return shared_store(tmp_path / "store", kernel_cache)


@pytest.fixture
def new_store(tmp_path: Path, kernel_cache: Path):
    """Make further empty stores."""
    made = iter(range(1000))
    return lambda: shared_store(tmp_path / f"store{next(made)}", kernel_cache)


def shared_store(root: Path, kernels: Path) -> Store:
    root.mkdir(parents=True)
    (root / "kernels").symlink_to(kernels)
    place, noted = noted_facts()
    (root / place).parent.mkdir(parents=True)
    (root / place).write_bytes(noted)
    return Store(root)


@cache
def noted_facts() -> tuple[Path, bytes]:
    """Return the entry of a store that tells what the texts of this library's code say, and its place there.

    A command in a process of its own would read them again, which takes a quarter of the time of a short film.
    """
    engine_parts()
    for cls in node_types().values():
        code_digest(cls)
    with tempfile.TemporaryDirectory() as folder:
        store = Store(Path(folder))
        store.note("code", facts_subject(), known_facts())
        (path,) = store.root.glob("code/*/*.json")
        return path.relative_to(store.root), path.read_bytes()


@pytest.fixture(scope="session")
def pool():
    """Worker processes that are kept from test to test: starting one takes as long as its imports."""
    with WorkerPool() as pool:
        yield pool


@pytest.fixture(params=["threads", "processes"])
def executor(request: pytest.FixtureRequest, pool: WorkerPool):
    """Make executors for so many chunks in flight; a test that asks for this runs over threads and over processes."""

    def make(count: int | None = None) -> ThreadExecutor | ProcessExecutor:
        return ThreadExecutor(count) if request.param == "threads" else ProcessExecutor(count, pool)

    return make


@pytest.fixture(scope="session")
def running():
    """A cluster of two workers on this machine, kept from test to test."""
    from clusters import Cluster  # slow to import, and only needed by tests of clusters

    with Cluster() as made:
        yield made


@pytest.fixture
def cluster(running: Any) -> Any:
    """The cluster with all of its workers, whatever was done to them before."""
    running.wait()
    return running


@pytest.fixture(scope="session")
def buckets():
    """A server on this machine that speaks S3."""
    from buckets import Buckets  # slow to import, and only needed by tests of stores in buckets

    with Buckets() as made:
        yield made


@pytest.fixture
def packages(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """Install packages of nodes for one test."""
    made = Packages(tmp_path / "packages", monkeypatch)
    yield made
    made.remove()


@pytest.fixture
def place(tmp_path: Path, studio: Any, store: Store) -> Place:
    """One second of music, two chunks of 15 frames, pictures that need no resampling."""
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(1))
    graph = tiny.write_graph(tmp_path, studio.model, settings=f"chunk: {CHUNK}, crf: 20")
    made = Place(tmp_path, graph, store)
    made.edit("latents: drift, model", "latents: drift, grid: [2, 3], model")
    return made


@pytest.fixture
def model(place: Place, studio: Any) -> Path:
    """A copy of the model that the place's graph uses, to be spoilt."""
    folder = place.folder / "model"
    shutil.copytree(studio.model, folder)
    place.edit(str(studio.model), str(folder))
    return folder


built = cache(typer.main.get_command)  # from a hundred functions, which takes longer than many a command


@pytest.fixture
def n2s(tmp_path: Path, store: Any, capsys: pytest.CaptureFixture, monkeypatch: pytest.MonkeyPatch):
    """Run a command in this process, with the test's store; return its status and what it said."""
    monkeypatch.setattr(signal, "signal", lambda *_: None)
    monkeypatch.setattr(typer.main, "get_command", built)
    monkeypatch.chdir(tmp_path)

    def call(*arguments: Any) -> tuple[int, str, str]:
        words = [str(word) for word in arguments]
        if words[0] not in ("check", "draw"):
            words += ["--store", str(store.root)]
        monkeypatch.setattr(sys, "argv", ["n2s", *words])
        status = 0
        try:
            main()
        except SystemExit as end:
            status = end.code
        said = capsys.readouterr()
        return status, said.out, said.err

    return call


@pytest.fixture
def full_model(tmp_path: Path) -> Path:
    """A tiny model with an encoder."""
    folder = tiny.tiny_model(tmp_path / "model")
    anchored.tiny_encoder(folder)
    tiny.write_card(folder)
    return folder


@pytest.fixture
def patches_picture(tmp_path: Path) -> Path:
    """Patches of 32 x 32 pixels, whose latents have a spread of 0.85."""
    return tiny.write_png(tmp_path / "patches.png", anchored.patches())


@pytest.fixture
def anchors_command(n2s: Any):
    """Run n2s anchors; return its status and what it said."""
    return lambda *arguments: n2s("anchors", *arguments)


@pytest.fixture
def add_anchor(anchors_command: Any, full_model: Path):
    """Add to the model, pictures at the size of the patches where no other is given."""

    def run(*arguments: Any) -> tuple[int, str, str]:
        size = () if "--size" in arguments else ("--size", anchored.SIZE)
        return anchors_command("add", *arguments, *size, "--model", full_model)

    return run


@pytest.fixture
def read_video(tmp_path: Path):
    """Return the videos in files, each read by a run of its own."""

    def make(path: Path, keep: bool = False, store: Store | None = None) -> Video:
        return RunContext(store or Store(tmp_path / "videos"), lambda text: None).video(path, keep)

    return make


@pytest.fixture
def graph(studio: Any, tmp_path: Path) -> Path:
    """A track of 4 s, four chunks of 30 frames."""
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(4))
    return tiny.write_graph(tmp_path, studio.model, settings="crf: 30, preset: ultrafast, chunk: 30")


@pytest.fixture
def n2s_json(n2s: Any):
    def call(*arguments: Any) -> list[dict[str, Any]]:
        status, out, _ = n2s(*arguments, "--json")
        lines = [json.loads(line) for line in out.splitlines()]
        assert status == 0, lines
        return lines

    return call


@pytest.fixture
def no_frames(monkeypatch: pytest.MonkeyPatch) -> None:
    def made(*_: Any) -> None:
        raise AssertionError("frames were made")

    monkeypatch.setattr(FrameMaker, "__init__", made)
