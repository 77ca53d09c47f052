"""Rendering a sample of what is kept again: the same bytes, or it is told which chunks came out otherwise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import pytest
import tiny

from n2s.commands.cache import read_share
from n2s.graph.errors import ArgumentError
from n2s.graph.graph import Graph
from n2s.runtime.events import Events
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.store import Store
from n2s.runtime.verifying import verify_rendering


@pytest.fixture
def graph(studio: Any, tmp_path: Path) -> Path:
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(4))
    path = tiny.write_graph(tmp_path, studio.model)
    tiny.edit(path, "crf: 20", "crf: 20, chunk: 15")
    return path


def check(graph: Path, store: Store, share: float, seed: int = 0) -> Any:
    return verify_rendering(Graph.load(graph), store, share, ThreadExecutor(2), Events(), seed)


def segments(store: Store) -> list[Path]:
    return sorted(store.root.glob("segments/*/*.mp4"))


def test_what_is_kept_comes_out_the_same(graph: Path, tmp_path: Path, store: Store) -> None:
    assert vars(check(graph, store, 1)) == {"kept": 0, "rendered": 0, "differing": []}
    harness.run(Graph.load(graph), tmp_path / "out", store)
    before = {path: path.read_bytes() for path in segments(store)}
    assert vars(check(graph, store, 0.3)) == {"kept": 8, "rendered": 3, "differing": []}
    assert vars(check(graph, store, 1)) == {"kept": 8, "rendered": 8, "differing": []}
    assert check(graph, store, 1e-6).rendered == 1
    assert {path: path.read_bytes() for path in segments(store)} == before
    assert not list(tmp_path.glob("out/*/draft*"))


def test_a_chunk_that_is_another_is_told(graph: Path, tmp_path: Path, store: Store, n2s: Any) -> None:
    harness.run(Graph.load(graph), tmp_path / "out", store)
    first, second = segments(store)[:2]
    key, other = first.stem, second.read_bytes()
    store.add("segments", key, ".mp4", {}, lambda path: path.write_bytes(other))  # whole, and not what the key says
    found = check(graph, store, 1)
    ((film, start, stop, differing),) = found.differing
    assert (film, stop - start, differing, found.rendered) == ("track.mp4", 15, key, 8)
    status, _, said = n2s("cache", "verify", graph, "--render", "100%")
    assert status == 1 and f"track.mp4: frames {start} to {stop}, {key}" in said
    assert "1 of 8 chunks came out otherwise than they are kept" in said


def test_on_the_command_line(graph: Path, tmp_path: Path, store: Store, n2s: Any) -> None:
    harness.run(Graph.load(graph), tmp_path / "out", store)
    status, out, said = n2s("cache", "verify", graph, "--render", "25%")
    assert status == 0, said
    assert "2 of 8 kept chunks were rendered again, and all have the same bytes." in out
    assert n2s("cache", "verify")[0] == 0
    for arguments, words in (
        ([graph], "--render and a graph go together"),
        (["--render", "2%"], "--render and a graph go together"),
        ([graph, "--render", "2 of 8"], '--render takes a share, like 2% or 0.02, not "2 of 8".'),
        ([graph, "--render", "0"], "--render takes a share"),
    ):
        status, _, said = n2s("cache", "verify", *arguments)
        assert status == 2 and words in said


@pytest.mark.parametrize(("text", "share"), [("2%", 0.02), ("0.5", 0.5), (" 100 %", 1.0), ("1", 1.0)])
def test_shares(text: str, share: float) -> None:
    assert read_share(text) == share


@pytest.mark.parametrize("text", ["", "%", "-1%", "101%", "2%%", "two", "nan", "inf"])
def test_what_is_no_share(text: str) -> None:
    with pytest.raises(ArgumentError):
        read_share(text)
