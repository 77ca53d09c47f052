"""All mistakes of a graph are told in one go: one hides no other that does not depend on it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny

LOOK = """\
n2s: 1
interface:
  inputs: {frames: {kind: Frames, help: pictures}}
  outputs: {frames: grain}
  params: {amount: {default: 0.3, ge: 0, le: 1, help: how much}}
nodes:
  tone: {node: Tone, frames: frames, exposure: = amount}
  grain: {node: Grain, frames: tone, amount: 0.1}
"""
GRAPH = """\
n2s: 1
duration: 1
nodes:
  p: {node: ImageSource, path: p.png}
  look:
    node: Graph
    path: look.yaml
    frames: p
    {of_look}
    strenght: 3
    amount: = nothing
  late: {node: Tone, frames: look, exposur: 1}
  out: {node: DigestSink, frames: late.x, path: f.txt}
"""
ALWAYS = (
    'look.strenght: look.yaml has no such setting.',
    'look.amount: "nothing" names no node.',
    "late.exposur: Tone has no such setting.",
    "out.frames: ",
)  # fmt: skip
OF_LOOK = {
    "set": ("set: {tone.exposur: 3, grain.amount: [1], nope.x: 3}", ["tone.exposur: ", "grain.amount: ", '"nope"']),
    "preset": ("preset: soft", ['There is no preset "soft".']),
    "both": ("{preset: soft, set: {tone.exposur: 3}}", ['There is no preset "soft".']),
    "a set of no settings": ("set: [3]", ["look.set: settings by name were wanted"]),
    "a preset of no name": ("preset: 4", ["look.preset: text was wanted"]),
}


@pytest.fixture
def written(tmp_path: Path) -> Path:
    tiny.write_png(tmp_path / "p.png", np.zeros((2, 2, 3), np.uint8))
    (tmp_path / "look.yaml").write_text(LOOK)
    return tmp_path / "graph.yaml"


@pytest.mark.parametrize("what", OF_LOOK)
def test_a_mistake_in_the_settings_of_a_look_hides_none_in_its_parameters(what: str, written: Path, n2s: Any) -> None:
    text, told = OF_LOOK[what]
    given = "preset: soft\n    set: {tone.exposur: 3}" if what == "both" else text
    written.write_text(GRAPH.replace("{of_look}", given), encoding="utf-8")
    status, _, err = n2s("check", written)
    assert status == 2
    for words in (*told, *ALWAYS):
        assert err.count(words) == 1, (words, err)


def test_a_mistake_in_a_setting_hides_no_file(written: Path, n2s: Any) -> None:
    (written.parent / "p.png").write_text("la la")
    written.write_text(GRAPH.replace("    {of_look}\n", ""), encoding="utf-8")
    status, _, err = n2s("check", written)
    assert status == 2 and "p.path: " in err and "cannot be read as a picture" in err
    assert all(words in err for words in ALWAYS)


def test_a_mistake_in_an_album_hides_none_in_its_tracks(written: Path, n2s: Any) -> None:
    written.write_text(GRAPH.replace("    {of_look}\n", ""), encoding="utf-8")
    album = written.with_name("album.yaml")
    nodes = "  one: {node: Track, path: graph.yaml}\n  two: {node: Track, path: nowhere.yaml}\n"
    album.write_text(f"n2s: 1\nnodes:\n{nodes}  out: {{node: Album, tracks: [one, two], path: a.mp4, gapp: 1}}\n")
    status, _, err = n2s("check", album)
    assert status == 2
    assert all(words in err for words in ("out.gapp: Album has no such setting", "two.path: ", *ALWAYS))


def test_every_override_that_is_none_is_told(written: Path, n2s: Any) -> None:
    written.write_text(GRAPH, encoding="utf-8")
    status, _, err = n2s("check", written, "--set", "a", "--set", "b.c", "--set", "p.x={")
    assert status == 2 and 'not "a"' in err and 'not "b.c"' in err and "--set p.x: " in err
