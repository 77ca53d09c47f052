"""What notebooks show of graphs, nodes and films; the tutorial notebook runs from its first cell to its last."""

from __future__ import annotations

import json
import re
from html import unescape
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import soundfile
import tiny
from pages import ROOT
from third_party import python

from n2s import Graph, preview
from n2s.graph.describe import diagram
from n2s.graph.errors import ArgumentError, GraphError, N2SError
from n2s.nodes import EMA, AudioSource, DigestSink, Features, ImageSource, Tone
from n2s.runtime.session import Session

NOTEBOOK = ROOT / "examples" / "notebook" / "first-film.ipynb"
CELLS = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
RUN = """
import json, os, sys
from IPython.core.interactiveshell import InteractiveShell

os.chdir(sys.argv[1])
shell, shown = InteractiveShell.instance(), []
shell.display_formatter.active_types = shell.display_formatter.format_types
for text in json.loads(sys.argv[2]):
    ran = shell.run_cell(text)
    ran.raise_error()
    made = shell.display_formatter.format(ran.result)[0] if ran.result is not None else {}
    shown.append(sorted(set(made) - {"text/plain"}))
print()
known = shell.user_ns
print(json.dumps([shown, known["report"].films[0]["frames"], known["session"].changed(known["edited"])]))
"""


def test_the_tutorial_runs(tmp_path: Path, store: Any) -> None:
    """In a folder like its own, with music of two seconds."""
    folder = tmp_path / "examples" / "notebook"
    folder.mkdir(parents=True)
    (tmp_path / "audio").mkdir()
    soundfile.write(tmp_path / "audio" / "ember.flac", tiny.clicks(2.1, channels=2), 22050)
    cells = ["".join(cell["source"]) for cell in CELLS if cell["cell_type"] == "code"]
    environment = {"IPYTHONDIR": str(tmp_path / "ipython"), "N2S_STORE": str(store.root)}
    shown, frames, changed = python(None, RUN, folder, json.dumps(cells), **environment)
    drawn = {"svg": ["image/svg+xml"], "png": ["image/png"], "html": ["text/html"], "": []}
    wanted = ["", "svg", "html", "svg", "svg", "", "png", "png", "png", "", "html", "html", ""]
    assert shown == [drawn[kind] for kind in wanted]
    assert frames == 30 and changed == [[0, 60], [60, 63]]
    assert Graph.load(folder / "renders" / "fire.yaml").nodes["tone"].contrast.value == 1.2


def test_the_tutorial_is_kept_without_what_it_shows() -> None:
    """So that a change of it can be read, and no picture of it needs a licence."""
    assert all(not cell["outputs"] and cell["execution_count"] is None for cell in CELLS if "outputs" in cell)
    assert len({cell["id"] for cell in CELLS}) == len(CELLS)


@pytest.fixture
def graph(studio: Any) -> Graph:
    features = Features()(AudioSource(path="music.wav")(), name="heard")
    pulse = EMA(half_life=0.1)(features.onset, name="pulse")
    tone = Tone(exposure=0.5 * pulse, contrast=1.2)(ImageSource(path="picture.png")(), name="tone")
    sink = DigestSink(path="frames.txt")(tone, name="out")
    return Graph(sink, title="A & B", size=(64, 48), duration=2, base=studio.folder)


def words(html: str) -> list[str]:
    """Return the texts of a table's cells."""
    return [unescape(re.sub("<[^>]*>", "", cell)) for cell in re.findall(r"<t[dh][^>]*>(.*?)</t[dh]>", html)]


def test_a_graph_is_drawn(graph: Graph, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    shown = graph._repr_svg_()
    assert shown and "A &amp; B" in shown and all(f">{name}<" in shown for name in graph.nodes)
    assert repr(graph) == '<Graph "A & B", 6 nodes, makes frames.txt>'
    assert graph.draw(tmp_path / "graph.svg").read_text(encoding="utf-8") == shown
    assert graph.draw(tmp_path / "graph.dot").read_text(encoding="utf-8").startswith("digraph")
    with pytest.raises(N2SError, match=r"written as \.svg, \.png, \.pdf or \.dot"):
        graph.draw(tmp_path / "graph.jpg")
    monkeypatch.setattr(diagram.shutil, "which", lambda *_, **__: None)
    assert graph._repr_svg_() is None, "a notebook then shows its text"


def test_a_connected_node_tells_what_it_was_given_and_gives() -> None:
    features = Features()(AudioSource(path="music.wav")())
    pulse = EMA(half_life=0.1)(features.onset, name="pulse<1>")
    tone = Tone(exposure=0.5 * pulse)(ImageSource(path="a.png")())
    assert words(pulse._repr_html_())[:2] == ["EMA named pulse<1>", ""]
    cells = words(tone._repr_html_())
    given = dict(zip(cells[1::2], cells[2::2]))
    assert list(given) == ["", "frames", "exposure", "gives frames"]
    assert (given["frames"], given["exposure"]) == ("<ImageSource>", "= 0.5 * <EMA>")
    everything, onset = words(features._repr_html_()), words(features.onset._repr_html_())
    assert len(everything) > 2 * len(onset) and [cell for cell in onset if cell.startswith("gives")] == ["gives onset"]


def test_frames_are_shown_as_pictures(graph: Graph, tmp_path: Path, store: Any) -> None:
    with Session(graph, store) as session:
        shown = preview(session, "tone", at="1 s")
        frame = np.rint(np.clip(session.frame("tone", 30), 0, 1) * 255).transpose(1, 2, 0)
        assert session._repr_svg_() == graph._repr_svg_()
    assert np.array_equal(shown.pixels, frame) and repr(shown) == "<Preview of tone, frames 30>"
    assert shown._repr_svg_() is None and shown.save(tmp_path / "a.png").read_bytes() == shown._repr_png_()
    with pytest.raises(ArgumentError, match=r"written as \.png, not"):
        shown.save(tmp_path / "a.svg")
    assert preview(graph, store=store).frames == (30,), "the middle of the film"
    several = preview(graph, "tone", at=[1.5, "0:00.5"], store=store)
    assert several.frames == (15, 45) and preview(graph, sheet=2, store=store).frames == (15, 45)
    assert np.array_equal(several.pixels, preview(graph, sheet=2, store=store).pixels)


def test_signals_are_shown_as_plots(graph: Graph, tmp_path: Path, store: Any) -> None:
    with Session(graph, store) as session:
        for name in ("pulse", "tone.exposure", "heard", "heard.onset"):
            shown = preview(session, name, at=1)
            assert shown._repr_png_() is None and name in shown._repr_svg_() and shown.frames == (30,)
    assert shown.save(tmp_path / "a.svg").read_text(encoding="utf-8") == shown._repr_svg_()
    assert tiny.read_png(shown.save(tmp_path / "a.png")).ndim == 3
    with pytest.raises(ArgumentError, match=r"written as \.png or \.svg, not"):
        shown.save(tmp_path / "a.jpg")


@pytest.mark.parametrize(
    ("asked", "error", "said"),
    [
        ({"at": "soon"}, ArgumentError, "at: a time from 0 on was wanted"),
        ({"at": 9}, GraphError, "at 9 lies outside the track, which lasts 2.00 s"),
        ({"sheet": 0}, ArgumentError, "1 to 400"),
        ({"sheet": 2, "at": 1}, ArgumentError, "in place of at"),
        ({"node": "tune"}, GraphError, 'Did you mean "tone"?'),
    ],
)
def test_what_cannot_be_shown(asked: dict, error: type[Exception], said: str, graph: Graph, store: Any) -> None:
    with pytest.raises(error) as caught:
        preview(graph, **asked, store=store)
    assert said in str(caught.value)


def test_a_report_names_its_films(graph: Graph, tmp_path: Path, store: Any) -> None:
    from n2s import render

    cells = words(render(graph, out=tmp_path / "out", store=store)._repr_html_())
    assert cells[:2] == [str(tmp_path / "out" / "frames.txt"), "60 frames"]
    assert re.fullmatch(r"1 chunk rendered in \d+\.\d s, 0 from the store", cells[2])


@pytest.mark.parametrize(
    "terminal, asked, shown",
    [(False, None, False), (True, None, True), (False, True, True), (True, False, False)],
    ids=["read later", "terminal", "asked", "declined"],
)
def test_progress_is_shown_in_a_terminal_or_where_it_is_asked_for(
    terminal: bool, asked: bool | None, shown: bool, graph: Graph, tmp_path: Path, store: Any,
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture,
) -> None:  # fmt: skip
    from n2s import render

    monkeypatch.setattr("sys.stderr.isatty", lambda: terminal)
    preview(graph, at=0, store=store, progress=asked)
    said = capsys.readouterr()
    assert ("drawing the film" in said.err) == shown and not said.out
    render(graph, out=tmp_path, store=store, span=(0, "0.2 s"), progress=asked)
    said = capsys.readouterr()
    assert ("rendering" in said.err or "frames/s" in said.err) == shown and not said.out
