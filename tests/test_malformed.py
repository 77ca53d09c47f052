"""Malformed and hostile graphs: each with its exact message, exit status 2, and none that keeps the parser busy."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from harness import ends
from malformed import BASE, CASES

from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph


def test_the_base_is_valid(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(BASE)
    assert len(Graph.load(tmp_path / "case.yaml").nodes) == 4


@pytest.mark.parametrize(("old", "new", "message"), [case[1:] for case in CASES], ids=[case[0] for case in CASES])
def test_malformed(old: str | None, new: str, message: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    if old is not None:
        assert old in BASE
    Path("case.yaml").write_text(new if old is None else BASE.replace(old, new), encoding="utf-8")
    with ends(), pytest.raises(GraphError) as caught:
        Graph.load("case.yaml")
    assert str(caught.value) == message.replace("FOLDER", str(tmp_path))
    assert caught.value.exit_status == 2


@pytest.mark.parametrize(
    ("data", "message"),
    [
        (
            b"\x00\x01\x02\xff\xfe" * 100,
            "The file is not UTF-8 text (byte 3). Save it as UTF-8. For a piece of music, n2s new writes a graph.",
        ),
        (
            BASE.encode("utf-16"),
            "The file is not UTF-8 text (byte 0). Save it as UTF-8. For a piece of music, n2s new writes a graph.",
        ),
        (
            BASE.replace("Base", "Bäse").encode("latin-1"),
            "The file is not UTF-8 text (byte 15). Save it as UTF-8. For a piece of music, n2s new writes a graph.",
        ),
        (
            BASE.encode() + b"#" * 2_000_000,
            "A graph file has at most 1 MB. Is this one? For a piece of music, n2s new writes a graph.",
        ),
        (
            b"\x89PNG\r\n\x1a\n",
            "The file is not UTF-8 text (byte 0). Save it as UTF-8. For a piece of music, n2s new writes a graph.",
        ),
    ],
)
def test_files_that_are_no_text(data: bytes, message: str, tmp_path: Path) -> None:
    path = tmp_path / "case.yaml"
    path.write_bytes(data)
    with pytest.raises(GraphError) as caught:
        Graph.load(path)
    assert str(caught.value) == f"{path}  {message}"


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_bytes(b"\xef\xbb\xbf" + BASE.replace("\n", "\r\n").encode())
    assert Graph.load(tmp_path / "case.yaml").header.title == "Base"


@pytest.mark.parametrize("command", ["check", "run", "draw"])
def test_the_command_line_says_it_and_exits_with_2(command: str, tmp_path: Path, n2s: Any) -> None:
    (tmp_path / "case.yaml").write_text(BASE.replace("frames: tone", "frames: tnoe"))
    tiny.write_png(tmp_path / "picture.png", np.zeros((2, 2, 3), np.uint8))
    status, _, said = n2s(command, "case.yaml")
    assert status == 2 and said == 'case.yaml:13:35  out.frames: "tnoe" names no node. Did you mean "tone"?\n'


@pytest.mark.parametrize(
    "path", ["http://example.org/a.wav", "concat:a.wav|b.wav", "/dev/zero", "pipe:0", "data:audio/wav;base64,AA=="]
)
def test_music_that_is_no_local_file_is_refused(path: str, tmp_path: Path, n2s: Any) -> None:
    text = BASE.replace("{node: ImageSource, path: picture.png}", f'{{node: AudioSource, path: "{path}"}}')
    text = text.replace("frames: picture", "frames: still").replace(
        "  out:", "  still: {node: ImageSource, path: p.png}\n  out:"
    )
    (tmp_path / "case.yaml").write_text(text.replace("path: film.mp4", "path: film.mp4, audio: picture"))
    status, _, said = n2s("run", "case.yaml")
    assert status in (1, 2) and "Traceback" not in said and said.strip()


def test_json_with_escaped_characters_is_a_graph(tmp_path: Path) -> None:
    (tmp_path / "case.yaml").write_text(BASE.replace("title: Base", 'title: "film \\ud83c\\udfac"'))
    assert Graph.load(tmp_path / "case.yaml").header.title == "film 🎬"


def test_circles_are_found_as_networkx_finds_them() -> None:
    import networkx

    from n2s.graph.walks import find_circle

    rng = np.random.default_rng(8)
    for _ in range(300):
        size = int(rng.integers(1, 9))
        edges = [(int(a), int(b)) for a, b in rng.integers(0, size, (int(rng.integers(0, 12)), 2))]
        sources = {name: [source for source, reader in edges if reader == name] for name in range(size)}
        circle = find_circle(sources)
        network = networkx.DiGraph(edges)
        assert bool(circle) != networkx.is_directed_acyclic_graph(network)
        for source, reader in zip(circle, [*circle[1:], *circle[:1]]):
            assert network.has_edge(source, reader)


def test_nodes_are_put_in_order_as_networkx_does() -> None:
    import networkx

    from n2s.graph.walks import inputs_first

    rng = np.random.default_rng(9)
    for _ in range(300):
        names = [int(name) for name in rng.permutation(int(rng.integers(1, 9)))]
        edges = [(int(min(a, b)), int(max(a, b))) for a, b in rng.integers(0, len(names), (12, 2)) if a != b]
        network = networkx.MultiDiGraph()
        network.add_nodes_from(names)
        network.add_edges_from(edges)
        wanted = networkx.lexicographical_topological_sort(network, key=names.index)
        sources = {name: [source for source, reader in edges if reader == name] for name in names}
        assert inputs_first(sources) == list(wanted)
