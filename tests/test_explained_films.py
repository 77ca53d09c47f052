"""Films that are explained whatever they are called."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import harness
import pytest

import n2s as n2s_package
from n2s.graph.graph import Graph
from n2s.runtime.seeing.provenance import read_comment


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def plain(folder: Path, sink: str, **settings: Any) -> Graph:
    """A film of one colour, which gets lighter."""
    nodes = {
        "colour": {"node": "Solid", "colour": "#204080"},
        "lit": {"node": "Tone", "frames": "colour", "exposure": "= time"},
        "out": {"node": sink, "frames": "lit", **settings},
    }
    return harness.load({"n2s": 1, "size": [32, 16], "fps": 10, "duration": 0.4, "nodes": nodes}, folder)


@pytest.mark.parametrize("name", ["take:2.mp4", "-take.mp4", "file:take.mp4", "a=b, c.mp4", "100%d.mp4"])
def test_metadata_are_read_of_films_of_any_name(name: str, folder: Path, store: Any) -> None:
    harness.run(plain(folder, "FFmpegSink", path="film.mp4"), folder / "renders", store)
    Path("renders/film.mp4").rename(name)
    assert re.fullmatch(r"n2s \S+ graph=\w{12} seed=0", read_comment(Path(name)))


def test_a_film_whose_name_has_a_colon_is_found(folder: Path, store: Any, n2s: Any) -> None:
    harness.run(plain(folder, "FFmpegSink", path="film.mp4"), folder / "renders", store)
    tagged = Path("renders/film.mp4").read_bytes() + b"\0\0\0\x08free"  # it is known by its metadata alone
    Path("take:2.mp4").write_bytes(tagged)
    status, said, err = n2s("explain", "take:2.mp4")
    assert status == 0 and "CHANGED since; it is known by its metadata" in said, err


def test_ffmpeg_takes_no_path_for_a_protocol() -> None:
    """Without "file:" before it, FFmpeg takes "take:2.mp4" for something of a protocol "take"."""
    bare = re.compile(r'"-(?:i|attach)", (?!f?"(?:file:|pipe:)|"color=)')
    sources = Path(n2s_package.__file__).parent.rglob("*.py")
    assert [path.name for path in sources if bare.search(path.read_text(encoding="utf-8"))] == []
