"""Executors by name: the library's own, those that packages bring, and what is said of others."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from places import Place, n2s
from third_party import write_package

from n2s.graph.errors import ArgumentError
from n2s.runtime.executors.processes import ProcessExecutor
from n2s.runtime.executors.registry import choose_executor
from n2s.runtime.executors.threads import ThreadExecutor

BACKWARDS = (Path(__file__).parent / "backwards.py").read_text()


def install(site: Path, name: str, source: str, executor: str) -> dict[str, str]:
    """Install a package with an executor; return the environment in which it is found."""
    entries = f"[n2s.executors]\n{executor} = {name}:Backwards\n"
    write_package(site, name, {f"{name}.py": source}, entries=entries)
    return {"PYTHONPATH": os.pathsep.join([str(site), os.environ.get("PYTHONPATH", "")])}


def test_an_executor_of_another_package(place: Place, tmp_path: Path) -> None:
    assert len(BACKWARDS.splitlines()) < 40
    environment = install(tmp_path / "site", "backwards_executor", BACKWARDS, "backwards")
    place.run()
    usual = place.film.read_bytes()
    place.film.unlink()
    options = ("--out", place.out, "--store", place.store.root, "--executor", "backwards", "--force")
    done = n2s("run", place.graph, *options, **environment)
    assert done.returncode == 0, done.stderr
    assert place.film.read_bytes() == usual
    log = max(place.out.glob("*/run.log"), key=lambda path: path.stat().st_mtime).read_text()
    assert re.findall(r"frames (\d+) to (\d+)", log) == [("15", "30"), ("0", "15")]


def test_an_executor_with_an_address(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    source = BACKWARDS.replace(
        "count: int | None = None):", "count: int | None, where: str):\n        self.where = where"
    )
    install(tmp_path / "site", "distant_executor", source, "farm")
    monkeypatch.syspath_prepend(tmp_path / "site")
    assert choose_executor("farm://host:1234").executor.where == "host:1234"


def test_an_executor_that_cannot_be_loaded_or_told_apart(place: Place, tmp_path: Path) -> None:
    broken = install(tmp_path / "broken", "broken_executor", "import nothing_of_that_name", "farm")
    done = n2s("run", place.graph, "--executor", "farm", **broken)
    assert done.returncode == 2
    assert "The executor farm (broken_executor:Backwards) cannot be loaded: ModuleNotFoundError" in done.stderr
    install(tmp_path / "two", "one_executor", BACKWARDS, "farm")
    two = install(tmp_path / "two", "other_executor", BACKWARDS, "farm")
    done = n2s("run", place.graph, "--executor", "farm", **two)
    assert done.returncode == 2
    assert "farm is defined by one_executor:Backwards and by other_executor:Backwards; uninstall all" in done.stderr


@pytest.mark.parametrize(
    ("verb", "code", "status", "told"),
    [
        ("__init__", "1 / 0", 2, "The executor farm (farm_executor:Backwards) cannot be loaded: ZeroDivisionError"),
        ("start", "1 / 0", 1, "The executor farm failed in start: ZeroDivisionError: division by zero ("),
        ("submit", "1 / 0", 1, "The executor farm failed in submit: ZeroDivisionError: division by zero ("),
        ("submit", "return", 1, "The executor ended and told nothing of 2 of its tasks"),
        ("finished", "1 / 0", 1, "The executor farm failed in finished: ZeroDivisionError: division by zero ("),
        ("finished", "yield 3", 1, "The executor farm gave 3 in finished; a Task and a Rendered were wanted"),
        ("stop", "1 / 0", 1, "The executor farm failed in stop: ZeroDivisionError: division by zero ("),
        ("start", "self.stop = lambda: 1 / 0; raise KeyError('first')", 1, "failed in start: KeyError: 'first'"),
    ],
)
def test_what_fails_in_an_executor_is_told_with_its_name(
    place: Place, tmp_path: Path, verb: str, code: str, status: int, told: str
) -> None:
    source = re.sub(rf"(    def {verb}\(.*\n)", rf"\1        {code}\n", BACKWARDS)
    assert source != BACKWARDS
    environment = install(tmp_path / "site", "farm_executor", source, "farm")
    options = ("--out", place.out, "--store", place.store.root, "--executor", "farm")
    done = n2s("run", place.graph, *options, **environment)
    assert (done.returncode, told in done.stderr) == (status, True), done.stderr
    assert place.rubbish() == []


def test_an_executor_without_its_verbs_is_refused(place: Place, tmp_path: Path) -> None:
    source = "class Backwards:\n    def __init__(self, count):\n        pass\n    def stop(self):\n        pass\n"
    environment = install(tmp_path / "site", "farm_executor", source, "farm")
    done = n2s("run", place.graph, "--executor", "farm", **environment)
    assert done.returncode == 2
    assert "farm (farm_executor:Backwards) is none: it has no start, submit, finished." in done.stderr


def test_the_librarys_own() -> None:
    kinds = {"threads": ThreadExecutor, "processes": ProcessExecutor}
    for name, kind in kinds.items():
        assert type(choose_executor(name)) is kind
    assert choose_executor(jobs=3).threads == choose_executor("threads", jobs=3).threads == 3
    assert choose_executor(workers=3).workers == choose_executor("processes", workers=3).workers == 3
    assert type(choose_executor()) is ThreadExecutor


@pytest.mark.parametrize(
    ("asked", "words"),
    [
        ({"jobs": 2, "workers": 2}, "--jobs counts threads of one process, --workers counts processes; give one"),
        ({"name": "processes", "jobs": 2}, "with --executor processes give --workers"),
        ({"name": "threads", "workers": 2}, "with --executor threads give --jobs"),
        ({"name": "thread"}, 'There is no executor "thread". Did you mean "threads"?'),
        ({"name": "moon"}, "There are: threads, processes, dask"),
        ({"name": "threads://10.0.0.2:8786"}, "The executor threads is on this machine and takes no address."),
        ({"name": "dask://"}, "dask:// has no host and port; name a scheduler's: dask://10.0.0.2:8786"),
        ({"name": "dask://10.0.0.2"}, "dask://10.0.0.2 has no host and port"),
        ({"name": "dask://10.0.0.2:8786", "workers": 2}, "dask://10.0.0.2:8786 has workers of its own"),
    ],
)
def test_what_makes_no_sense_is_told(asked: dict[str, Any], words: str) -> None:
    with pytest.raises(ArgumentError) as caught:
        choose_executor(**asked)
    assert words in str(caught.value)


def test_arguments_that_contradict_each_other_end_with_status_2(place: Place) -> None:
    done = n2s("run", place.graph, "--jobs", 1, "--workers", 1)
    assert done.returncode == 2 and "give one of them" in done.stderr
