"""Files that are no pictures, tables or looks are told of by `check`, with the line of the graph, before any work."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import harness
import pytest
import tiny

from n2s.runtime.readiness import input_problems, picture_problem

PICTURE = {"node": "ImageSource", "path": "file.png"}
BAD: dict[str, tuple[dict[str, Any], bytes, str]] = {
    "a picture that is text": (PICTURE, b"not a picture", "path: .*file.png cannot be read as a picture"),
    "a picture of no bytes": (PICTURE, b"", "path: .*file.png cannot be read as a picture: it has 0 bytes"),
    "a picture as an anchor": (
        {"node": "Anchors", "names": ["red", "green", "./file.png"], "weights": "weights"}, b"GIF89a?",
        r"names.2: .*file.png cannot be read as a picture",
    ),
    "a look that is cut short": (
        {"node": "Lut", "frames": "decoded", "path": "file.cube"}, b"LUT_3D_SIZE 3\n0 0 0\n1 1 1\n",
        "path: .*file.cube:3: the file ends after 2 rows of numbers; 27 rows were wanted",
    ),
    "a look of one step": (
        {"node": "Lut", "frames": "decoded", "path": "file.cube"}, b"LUT_3D_SIZE 1\n0 0 0\n", "path: .*file.cube:1: ",
    ),
    "a table with a word": (
        {"node": "Table", "path": "file.csv"}, b"time,level\n0,1\n1,loud\n", "path: .*file.csv:3: 'loud' is no number",
    ),
    "a table without the column": (
        {"node": "Table", "path": "file.csv", "columns": ["bass"]}, b"time,level\n0,1\n", "has no column 'bass'",
    ),
    "no MIDI": ({"node": "Midi", "path": "file.mid"}, b"MThd", "path: .*file.mid cannot be read as MIDI"),
}  # fmt: skip


@pytest.mark.parametrize("case", BAD)
def test_a_file_that_cannot_be_read_is_told_of_before_any_work(case: str, studio: Any, tmp_path: Path) -> None:
    node, content, wanted = BAD[case]
    nodes = harness.surroundings(studio.folder / "model") | {"bad": dict(node)}
    if node["node"] == "Anchors":
        nodes["bad"]["model"] = str(studio.folder / "model")
    path = next(str(value) for value in (node.get("path"), *node.get("names", ())) if value and "file" in str(value))
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(2, channels=2))
    (tmp_path / "picture.png").write_bytes((studio.folder / "picture.png").read_bytes())
    (tmp_path / path).write_bytes(content)
    nodes["out"] = {"node": "DigestSink", "frames": "decoded", "audio": "track", "path": "film.txt"}
    graph = harness.load({"n2s": 1, "size": [64, 36], "nodes": nodes}, tmp_path)
    problem = input_problems(graph)[0]  # the tiny model has no encoder either
    assert str(problem).startswith(str(tmp_path / "graph.yaml")) and ":" in str(problem.position)
    assert re.search(wanted, str(problem)), str(problem)


def test_a_picture_that_was_mended_is_read_again(studio: Any, tmp_path: Path) -> None:
    good, path = (studio.folder / "picture.png").read_bytes(), tmp_path / "file.png"
    for content, wanted in ((b"no picture", True), (good, False), (good[:60], True)):
        path.write_bytes(content)
        assert bool(picture_problem(path)) is wanted
