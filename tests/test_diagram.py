"""Diagrams of graphs as Graphviz draws them: every text as it was written, every link at its port."""

from __future__ import annotations

import re
from html import unescape
from pathlib import Path

import harness
import pytest

from n2s import Graph
from n2s.nodes import DigestSink, ImageSource, Table, Tone

TEXTS = [
    "<Intro> & <Outro>",
    "ends\\",
    "AC\\DC \\N \\G",
    'C:\\New "x"',
    "AT&amp;T &lt; &#65;",
    "<b>",
    "a\x01b",
    "",
]


def drawn_texts(graph: Graph, folder: Path) -> list[str]:
    """Return what an SVG of a graph says, a line each."""
    shown = graph.draw(folder / "graph.svg").read_text(encoding="utf-8")
    return [unescape(text).replace("\xa0", " ") for text in re.findall("<text[^>]*>(.*?)</text>", shown)]


@pytest.mark.parametrize("text", TEXTS)
def test_texts_are_drawn_as_they_are_written(text: str, tmp_path: Path) -> None:
    """In titles and in settings; what Graphviz would take for an escape, an entity or HTML is none of these."""
    steps = Table(path="a.csv", columns=[text])(name="steps")
    still = Tone(exposure=steps)(ImageSource(path="a.png")())
    graph = Graph(DigestSink(path="film.txt")(still), title=text, size=(32, 32), duration=1, base=tmp_path)
    said, wanted = drawn_texts(graph, tmp_path), text.replace("\x01", "\ufffd")
    assert any(line.startswith(f"{wanted or 'untitled'}   ·") for line in said), said
    assert not wanted or wanted in said
    assert graph._repr_svg_()
    assert graph.draw(tmp_path / "graph.png").read_bytes().startswith(b"\x89PNG")


def test_a_sub_graph_by_itself_is_drawn_under_any_title(tmp_path: Path) -> None:
    inputs = {"film": {"kind": "Frames", "help": "a film"}}
    interface = {"inputs": inputs, "outputs": {"frames": "tone"}}
    nodes = {"tone": {"node": "Tone", "frames": "film"}}
    graph = harness.load({"n2s": 1, "title": "ends\\", "interface": interface, "nodes": nodes}, tmp_path)
    said = drawn_texts(graph, tmp_path)
    assert any(line.startswith("ends\\   ·") for line in said) and "tone" in said
