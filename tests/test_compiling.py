"""Kernels that are missing are compiled at the same time, by processes of their own; frames are the same."""

from __future__ import annotations

import errno
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import harness
import numpy as np
import pytest

from n2s.runtime.render import rehearsal
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kernels import compiling
from n2s.runtime.render.kernels.compiling import compile_together
from n2s.runtime.render.kernels.kept import Wanted, compile_kernel
from n2s.runtime.render.rehearsal import compile_missing, missing_kernels
from n2s.runtime.store import Store

SOURCE = """\
from numba import njit

@njit(nogil=True, cache=True)
def kernel(number):
    {body}
"""
SOUND, WRONG = "return number + {}", "return number.nothing + {}"


@pytest.fixture(autouse=True)
def nothing_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    """Forget what other tests compiled: kernels are known by their text alone."""
    for name in [name for name in sys.modules if name.startswith("n2s_kernels.")]:
        monkeypatch.delitem(sys.modules, name)


@pytest.fixture
def said() -> list[Any]:
    return []


def wanted(folder: Path, *bodies: str) -> list[Wanted]:
    """Return kernels whose sources lie in a folder, each longer than the one before."""
    import numba

    found = []
    for number, body in enumerate(bodies):
        kept: Any = compile_kernel(SOURCE.format(body=body.format(number)), folder)
        found.append(Wanted(kept.path, (numba.int64,), number))
    return found


def codes(folder: Path) -> int:
    return len(list(folder.rglob("*.nbc")))


def test_what_processes_compile_is_loaded_and_not_compiled_again(tmp_path: Path, said: list) -> None:
    kernels = wanted(tmp_path, SOUND, SOUND, SOUND)
    compile_together(kernels, 2, said.append)
    assert said == [1, 2, 3] and codes(tmp_path) == 3
    kept: Any = sys.modules[f"n2s_kernels.{kernels[2].path.stem}"].kernel
    assert kept(40) == 42
    assert kept.kernel.stats.cache_hits == {kernels[2].signature: 1} and not kept.kernel.stats.cache_misses


def test_what_cannot_be_compiled_is_left_to_who_runs_it(tmp_path: Path, said: list) -> None:
    compile_together(wanted(tmp_path, WRONG, SOUND), 1, said.append)
    assert said == [1, 2] and codes(tmp_path) == 1


def again(folder: Path) -> Any:
    """Return the kernel of a folder as a new process loads it."""
    for name in [name for name in sys.modules if name.startswith("n2s_kernels.")]:
        del sys.modules[name]
    return compile_kernel(SOURCE.format(body=SOUND.format(2)), folder)


@pytest.fixture
def make_read_only(monkeypatch: pytest.MonkeyPatch) -> Any:
    """Let files be read alone, as on a disk that is mounted so; also for root, whom permissions do not hinder."""

    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EROFS, "Read-only file system")

    def make() -> None:
        monkeypatch.setattr(Path, "unlink", refuse)
        monkeypatch.setattr("n2s.runtime.store.write_whole", refuse)

    return make


def test_whole_kernels_of_a_store_that_is_read_only_are_loaded(tmp_path: Path, make_read_only: Any) -> None:
    assert again(tmp_path)(40) == 42
    make_read_only()
    kept = again(tmp_path)
    assert kept(40) == 42
    assert sum(kept.kernel.stats.cache_hits.values()) == 1 and codes(tmp_path) == 1


@pytest.mark.parametrize("damaged", [".nbc", ".nbi", ".sums"])
def test_damaged_kernels_that_cannot_be_removed_are_not_run(damaged: str, tmp_path: Path, make_read_only: Any) -> None:
    assert again(tmp_path)(40) == 42
    for path in tmp_path.rglob(f"*{damaged}"):
        path.write_bytes(b"[]")
    make_read_only()
    kept = again(tmp_path)
    assert kept(40) == 42 and not kept.kernel.stats.cache_hits


@pytest.mark.parametrize("command", ["no such program", "/"])
def test_without_processes_nothing_is_compiled(
    command: str, tmp_path: Path, said: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", command)
    compile_together(wanted(tmp_path, SOUND), 2, said.append)
    assert said == [] and codes(tmp_path) == 0


def test_a_process_that_breaks_down_ends_the_wait(tmp_path: Path, said: list, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(compiling, "_COMMAND", "import sys; sys.stdin.buffer.read(1)")
    compile_together(wanted(tmp_path, SOUND, SOUND, SOUND), 2, said.append)
    assert said == [] and codes(tmp_path) == 0


def test_an_interruption_ends_the_processes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    started: list[subprocess.Popen] = []

    def start() -> subprocess.Popen:
        started.append(compiling_start())
        return started[-1]

    def interrupted(done: int) -> None:
        raise KeyboardInterrupt

    compiling_start = compiling._start
    monkeypatch.setattr(compiling, "_start", start)
    with pytest.raises(KeyboardInterrupt):
        compile_together(wanted(tmp_path, SOUND, SOUND, SOUND), 2, interrupted)
    assert len(started) == 2 and all(process.returncode is not None for process in started)


def test_no_file_of_the_working_folder_is_taken_for_a_module(
    tmp_path: Path, said: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("json", "numba", "n2s", "pickle"):
        (tmp_path / f"{name}.py").write_text(f"open({str(tmp_path / 'taken')!r}, 'w')\n")
    monkeypatch.chdir(tmp_path)
    compile_together(wanted(tmp_path / "kernels", SOUND), 1, said.append)
    assert said == [1] and not (tmp_path / "taken").exists()


# What a rehearsal walks through: decoded, resampled, lensed, softened, picked, past, measured and matted frames.
GRAPHS: dict[str, dict[str, Any]] = {
    "VAEDecode": {},
    "Bloom": {},
    "Camera": {"zoom": 0.9},
    "Stutter": {},
    "Trails": {"turn": 3.0},
    "RadialMatte": {},
    "Title": {},
}


@pytest.mark.parametrize("name", GRAPHS)
def test_a_rehearsal_finds_all_kernels_of_the_first_frame(name: str, studio: Any, tmp_path: Path) -> None:
    graph = harness.load(harness.around(name, studio.model, **GRAPHS[name]), studio.folder)
    store = Store(tmp_path / "store")
    maker = FrameMaker(harness.plan(graph, store), store)
    found = missing_kernels(maker.opened)
    assert found and not list(store.kernels.rglob("*.nbc"))
    expected = FrameMaker(maker.plan, store).frames(0, 1)
    compiled = {path.name.partition(".")[0] for path in store.kernels.rglob("*.nbi")}
    assert compiled == {kernel.path.stem for kernel in found}
    assert not missing_kernels(maker.opened)
    np.testing.assert_array_equal(maker.frames(0, 1), expected)  # nothing of the rehearsal is left


def test_few_kernels_are_compiled_where_they_are_run(
    tmp_path: Path, said: list, monkeypatch: pytest.MonkeyPatch
) -> None:
    kernels = wanted(tmp_path, SOUND, SOUND)
    monkeypatch.setattr(rehearsal, "missing_kernels", lambda opened: kernels)
    on_cpu, on_gpu = (cast(Any, SimpleNamespace(gpus=gpus)) for gpus in ({}, {"kernel": "a GPU"}))
    compile_missing([on_cpu], 2, said.append)  # they are small
    monkeypatch.setattr(rehearsal, "LEAST", 0)
    compile_missing([on_cpu], 1, said.append)
    compile_missing([on_gpu], 2, said.append)
    assert said == [] and codes(tmp_path) == 0
    compile_missing([on_cpu], 2, said.append)
    assert said == ["compiling 2 kernels", "compiled 1 of 2 kernels", "compiled 2 of 2 kernels"]
    assert codes(tmp_path) == 2
