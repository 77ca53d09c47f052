"""Diagrams of graphs as Graphviz draws them: every text as it was written, every link at its port."""

from __future__ import annotations

import base64
import errno
import os
import re
import shutil
import subprocess
from html import unescape
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest

from n2s import Graph
from n2s.graph.describe.diagram import diagram, render_diagram
from n2s.graph.errors import N2SError
from n2s.nodes import DigestSink, ImageSource, Table, Tone
from n2s.runtime.media.png import write_picture

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


def driven_everywhere(name: str, studio: Any) -> Graph:
    """Return a graph whose subject is a node of the named type, with all its parameters driven."""
    driven: dict[str, Any] = dict.fromkeys(harness.TYPES[name].params(), "= 0.001 * ramp")
    return harness.load(harness.around(name, studio.model, **driven), studio.folder, f"driven-{name}.yaml")


def edges_of_subject(graph: Graph) -> set[tuple[str, str]]:
    """Return what the subject of a graph reads, as (node, port), by the values of its file."""
    node = graph.nodes["subject"]
    ports = [(port, given if isinstance(given := getattr(node, port), list) else [given]) for port in node.ports]
    given = {(item.node, port) for port, items in ports for item in items if item is not None}
    return given | {("ramp", param) for param in node.params()}


def drawn_edges_of_subject(graph: Graph, source: str) -> set[tuple[str, str]]:
    """Return the same as a diagram has it."""
    names = dict(re.findall(r"^\s*(n\d+) \[label=.*?<b>([^<]*)</b>", source, re.MULTILINE))
    assert set(names.values()) == set(graph.nodes), "nodes that the author did not write"
    edges = re.findall(r"^\s*(n\d+) -> (n\d+):(\w+):w", source, re.MULTILINE)
    return {(names[reads], port) for reads, by, port in edges if names[by] == "subject"}


def test_nodes_are_drawn_as_their_author_wrote_them(studio: Any) -> None:
    """Of every type, with every parameter driven: a row for each, an edge to each, and nothing of what it brings."""
    sources = []
    for name in harness.RENDERING:
        graph = driven_everywhere(name, studio)
        sources.append(source := diagram(graph))
        assert drawn_edges_of_subject(graph, source) == edges_of_subject(graph), name
        box = source.partition("<b>subject</b>")[2].partition("</table>")[0]
        rows = re.findall(r'port="(\w+)"[^>]*><font[^>]*>\w+</font>  <font[^>]*>= 0.001 \* ramp<', box)
        assert sorted(rows) == sorted(harness.TYPES[name].params()), name
    tool = shutil.which("dot") or "graphviz-pure"
    done = subprocess.run([tool, "-Tsvg"], input="".join(sources).encode(), capture_output=True, check=True)
    assert done.stdout.count(b"<svg") == len(sources)
    assert not re.findall("port .* unrecognized", done.stderr.decode())


def test_expressions_at_ports_and_musical_time_are_drawn(tmp_path: Path) -> None:
    """A port with an expression shows it; what reads the beat is linked to what hears it."""
    nodes = {
        "track": {"node": "AudioSource", "path": "a.wav"},
        "features": {"node": "Features", "audio": "track"},
        "pulse": {"node": "EMA", "signal": "= 2 * features.rms", "half_life": 1},
        "still": {"node": "ImageSource", "path": "a.png"},
        "tone": {"node": "Tone", "frames": "still", "exposure": "= 0.1 * beat + pulse"},
        "out": {"node": "DigestSink", "frames": "tone", "path": "film.txt"},
    }
    source = diagram(harness.load({"n2s": 1, "size": [32, 32], "duration": 1, "nodes": nodes}, tmp_path))
    assert ">= 2 * features.rms<" in source and ">= 0.1 * beat + pulse<" in source
    wanted = {"features.rms → pulse.signal", "features.beat → tone.exposure", "pulse → tone.exposure"}
    assert wanted <= set(re.findall(r'style=dashed tooltip="([^"]*?) \(', source))


@pytest.mark.parametrize("ending", ["svg", "dot"])
def test_a_drawing_stays_where_the_next_one_cannot_be_written(
    ending: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    graph = Graph(DigestSink(path="film.txt")(ImageSource(path="a.png")()), duration=1)
    target = graph.draw(tmp_path / f"graph.{ending}")
    kept, write = target.read_bytes(), Path.write_bytes

    def write_half(path: Path, data: bytes) -> int:
        write(path, data[: len(data) // 2])
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Path, "write_bytes", write_half)
    with pytest.raises(N2SError, match="cannot be written: No space left on device"):
        graph.draw(target)
    assert target.read_bytes() == kept and list(tmp_path.iterdir()) == [target]


def test_pictures_are_drawn_from_a_folder_of_any_name(tmp_path: Path) -> None:
    """They are in the SVG itself, which refers to no file."""
    folder = tmp_path / ('a&amp; "b"' if os.name == "posix" else "a&amp; b")
    folder.mkdir()
    picture = folder / "0.png"
    write_picture(picture, np.full((4, 6, 3), 200, np.uint8))
    source = diagram(
        Graph(DigestSink(path="film.txt")(ImageSource(path="a.png")(name="still"))), {}, {"still": picture}
    )
    render_diagram(source, tmp_path / "graph.svg", folder)
    references = re.findall('href="([^"]*)"', (tmp_path / "graph.svg").read_text(encoding="utf-8"))
    assert references == [f"data:image/png;base64,{base64.b64encode(picture.read_bytes()).decode()}"]
