"""The graphs and programs of the documentation are right, and the small ones run."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import soundfile
import test_laws
import tiny
import videos
from conftest import shared_store
from interpreter import Interpreter
from pages import ROOT, Block, blocks

from n2s import Graph, N2SError
from n2s.graph.check import warnings
from n2s.graph.file.document import parse_document
from n2s.graph.registry import node_types
from n2s.runtime.readiness import check_inputs
from n2s.runtime.render import kernels, rehearsal
from n2s.runtime.run import Run
from n2s.runtime.session import Session
from n2s.runtime.store import Store

# Pages with graphs; those of docs/choreography.md and docs/signals.md have tests of their own.
WITH_GRAPHS = ["README.md", *(f"docs/{name}.md" for name in (
    "tutorial", "graphs", "looks", "cookbook", "performance", "sizes", "flash-safety"))]  # fmt: skip
COOKBOOK = sorted((ROOT / "examples" / "cookbook").glob("*.yaml"))
SMALL = [64, 36]

# What nodes of a page that has no whole graph stand in.
STAND_IN = """\
n2s: 1
nodes:
  track: {node: AudioSource, path: song.flac}
  features: {node: Features, audio: track}
  pulse: {node: EMA, signal: features.onset, half_life: 0.1}
  place: {node: LatentPath, names: [dawn, ember], place: = bar / 8}
  drift: {node: Wander, latents: place}
  film: {node: VAEDecode, latents: place}
  tone: {node: Tone, frames: film}
  grain: {node: Grain, frames: film}
  out: {node: FFmpegSink, frames: film, audio: track, path: film.mp4}
"""


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the files that the pages speak of: two seconds of music, a picture, a video, notes."""
    folder = tmp_path_factory.mktemp("desk")
    soundfile.write(folder / "song.flac", tiny.clicks(2.1, channels=2), 22050)
    (folder / "audio").mkdir()
    for name in ("song.wav", "drums.wav", "voice.wav", "audio/ember.flac"):
        soundfile.write(folder / name, tiny.clicks(2.1), 22050)
    tiny.write_png(folder / "logo.png", np.full((20, 30, 3), 200, np.uint8))
    videos.write_video(folder / "clip.mp4", videos.numbered(10, 70, 50))
    tiny.write_midi(folder / "drums.mid", [(0.5 * i, 36, 100) for i in range(4)], controls=[(0.3, 2, 90)])
    return folder


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory, kernel_cache: Path) -> Store:
    """A store for all of these graphs, so that music is heard once."""
    return shared_store(tmp_path_factory.mktemp("kept") / "store", kernel_cache)


def whole(block: Block) -> bool:
    return bool(re.search(r"^n2s:", block.text, re.M))


def named(block: Block) -> str:
    """Return the path that a block names in its first line; "" where it names none."""
    match = re.match(r"# (\S+\.yaml)\n", block.text)
    return match[1] if match else ""


def around(page: str, block: Block) -> str:
    """Return the graph that a block of nodes belongs to: the last whole one of the page, or the stand-in."""
    films = [each.text for each in blocks(page, "yaml") if whole(each) and not named(each)]
    return (films or [STAND_IN])[-1]


def with_nodes(graph: str, block: Block) -> str:
    """Return a graph, as text, with the nodes of a block in place of its own of the same names."""
    given = parse_document(block.text).values
    entries = {entry: value for entry, value in given.items() if entry != "nodes"} if "nodes" in given else {}
    nodes = given.get("nodes", given)
    read = parse_document(graph).values
    return json.dumps(
        {**read, **entries, "nodes": {**parse_document(STAND_IN).values["nodes"], **read["nodes"], **nodes}}
    )


def place(block: Block, desk: Path) -> Path:
    """Return the folder for a graph: one from which it finds the music that it names."""
    folder = desk / "graphs" / "tracks" if "../../audio" in block.text else desk
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def render(graph: Graph, store: Store, out: Path) -> None:
    """Render three small frames of a graph's film, and see that they are there."""
    wide, high = graph.header.size
    small = graph.edit({"size": SMALL if wide > high else SMALL[::-1]})
    report = Run(small, out, store, span=(0, "0.1 s")).execute()
    (film,) = report.films
    assert film["frames"] == 3 and report.rendered == 1 and Path(film["path"]).stat().st_size > 500


GRAPHS = [(page, block) for page in WITH_GRAPHS for block in blocks(page, "yaml")]


@pytest.mark.parametrize(("page", "block"), GRAPHS, ids=[f"{page}:{block.line}" for page, block in GRAPHS])
def test_a_graph_of_a_page_is_right(page: str, block: Block, desk: Path) -> None:
    if named(block).startswith("examples/"):
        assert block.text.partition("\n")[2] == (ROOT / named(block)).read_text(encoding="utf-8")
        path = ROOT / named(block)
    else:
        for other in blocks(page, "yaml"):
            if named(other) and not named(other).startswith("examples/"):
                (desk / named(other)).write_text(other.text, encoding="utf-8")
        path = place(block, desk) / (named(block) or "page.yaml")
        path.write_text(block.text if whole(block) else with_nodes(around(page, block), block), encoding="utf-8")
    graph = Graph.load(path)
    if graph.interface is None:
        check_inputs(graph)
    if whole(block):  # what a page leaves out around some nodes may be used by nothing
        assert not warnings(graph) and graph.flat.nodes


@pytest.fixture
def interpreted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the second back end make pixels: it gives the same bits, and has made small frames before others compile."""
    monkeypatch.setattr(rehearsal, "missing_kernels", lambda opened: [])  # none is compiled
    monkeypatch.setattr(kernels, "compile_program", Interpreter().compile)


@pytest.mark.parametrize("path", COOKBOOK, ids=lambda path: path.stem)
def test_a_recipe_renders(path: Path, kept: Store, tmp_path: Path, interpreted: None) -> None:
    graph = Graph.load(path)
    if graph.sinks() == ["album"]:
        assert [Path(graph.nodes[track].path).stem for track in ("one", "two")] == ["kick", "fade"]
        return  # its tracks are recipes too, and tests/test_albums.py joins films
    render(graph, kept, tmp_path)


@pytest.mark.parametrize("page", ["README.md", "docs/graphs.md"])
def test_the_film_of_a_page_renders(page: str, desk: Path, kept: Store, tmp_path: Path, interpreted: None) -> None:
    """Those of the other pages show looks, which take half a minute to compile: they are checked, and laid flat."""
    (film,) = [block for block in blocks(page, "yaml") if whole(block) and not named(block)]
    path = place(film, desk) / "film.yaml"
    path.write_text(film.text, encoding="utf-8")
    render(Graph.load(path), kept, tmp_path)


def test_the_programs_of_a_page_run(desk: Path, kept: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch,
                                    capsys: pytest.CaptureFixture) -> None:  # fmt: skip
    """The blocks of docs/python.md, one after the other, as a reader would run them."""
    shutil.copy(desk / "song.flac", tmp_path)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("N2S_STORE", str(kept.root))
    known: dict[str, Any] = {"__name__": "page"}
    for block in blocks("docs/python.md", "python"):
        exec(compile("\n" * block.line + block.text, "docs/python.md", "exec"), known)
    assert known["frame"].shape == (3, 180, 320) and len(known["several"]) == 3
    assert known["kick"].shape == (63,) and (known["brighter"] != known["frame"]).any()
    assert Path(known["report"].films[0]["path"]).name.startswith("fire") and known["picture"].shape == (180, 320, 3)
    assert "tone" in str(known["calmer"].nodes) and known["loaded"].header.seed == 7
    assert "contrast" in capsys.readouterr().out


def test_the_program_of_the_readme_makes_its_graph() -> None:
    """All of it but the rendering: a film of 34 s."""
    (first, *_) = blocks("README.md", "python")
    known: dict[str, Any] = {}
    exec(first.text.replace("render(graph)", ""), known)
    assert known["graph"].header.title == "Ember" and len(known["graph"].nodes) == 11


def test_a_wrong_graph_of_a_page_would_be_found(desk: Path) -> None:
    (desk / "wrong.yaml").write_text(STAND_IN.replace("VAEDecode", "VAEDecoder"), encoding="utf-8")
    with pytest.raises(N2SError, match="VAEDecoder"):
        Graph.load(desk / "wrong.yaml")


def test_the_signal_of_the_guide_is_its_formula(packages: Any, desk: Path, kept: Store) -> None:
    page = "docs/writing-nodes.md"
    code = next(block.text for block in blocks(page, "python") if "class Hold(" in block.text)
    nodes = next(block for block in blocks(page, "yaml") if "node: Hold" in block.text)
    packages.install(code, module="n2s_hold")
    (desk / "hold.yaml").write_text(with_nodes(STAND_IN, nodes), encoding="utf-8")
    for length in ("0.5 beats", 0.2, 0):
        with Session(Graph.load(desk / "hold.yaml", {"up.length": length}), kept) as session:
            kick, clock = session.signal("features.kick"), session.clock
            count = session.graph.nodes["up"].frames(clock)
            wanted = [kick[max(frame - count, 0) : frame + 1].max() for frame in range(len(kick))]
            np.testing.assert_array_equal(session.signal("up"), wanted)
    assert kick.max() > 0 and count == 0


def test_the_test_of_the_guide_passes(packages: Any, tmp_path: Path) -> None:
    shown = blocks("docs/writing-nodes.md", "python")
    packages.install(next(block.text for block in shown if "class Hold(" in block.text), module="n2s_hold")
    known: dict[str, Any] = {}
    exec(next(block.text for block in shown if "def test_hold_is_its_formula" in block.text), known)
    known["test_hold_is_its_formula"](tmp_path)


def test_a_setting_that_is_felt_elsewhere_says_so(
    packages: Any, studio: Any, store: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the guide shows: by felt_with in the class, which the law's message names where it is missing."""
    page = blocks("docs/writing-nodes.md", "python")
    told = next(block.text for block in page if "class Peaks(" in block.text)
    head = next(block.text for block in page if "class Hold(" in block.text).partition("class Hold")[0]
    code = (
        head.replace("MusicalTime", "Seconds")
        + told
        + """
    def compute(self, scene, signal):
        count = max(1, round(scene.clock.seconds(self.length) * float(scene.clock.fps)))
        before = [signal[max(k - count, 0) : k].max(initial=-9) for k in range(len(signal))]
        return (signal > np.array(before)).astype(np.float32)
"""
    )
    packages.install(code, module="n2s_peaks")
    peaks = node_types()["Peaks"]
    monkeypatch.setitem(harness.TYPES, "Peaks", peaks)
    test_laws.test_every_setting_that_can_change_pixels_changes_the_key("Peaks", studio, store)
    monkeypatch.setattr(peaks, "felt_with", {})
    with pytest.raises(AssertionError, match=r"Peaks.length = .* felt_with = .*docs/writing-nodes.md"):
        test_laws.test_every_setting_that_can_change_pixels_changes_the_key("Peaks", studio, store)


def test_the_first_node_of_the_guide_renders(
    packages: Any, desk: Path, kept: Store, tmp_path: Path, interpreted: None
) -> None:
    """All of its steps but pip: the code in a package, its nodes in a graph, frames that the node has changed."""
    page = "docs/writing-nodes.md"
    code = next(block.text for block in blocks(page, "python") if "class Ring(" in block.text)
    nodes = next(block for block in blocks(page, "yaml") if "node: Ring" in block.text)
    assert 'ring = "n2s_ring"' in blocks(page, "toml")[0].text and code.startswith("# n2s_ring/__init__.py")
    packages.install(code, module="n2s_ring")
    out = {"node": "FFmpegSink", "frames": "ring", "audio": "track", "path": "ring.mp4"}
    graph = json.loads(with_nodes(STAND_IN, nodes))
    graph["nodes"]["ring"]["frames"] = "film"  # what the desk has in place of a look
    path = desk / "ring.yaml"
    path.write_text(json.dumps(graph | {"nodes": graph["nodes"] | {"out": out}}), encoding="utf-8")
    graph = Graph.load(path, {"size": SMALL, "ring.light": 1, "ring.where": 0.5})
    with Session(graph, kept) as session:
        added = session.frame("ring", 0) - session.frame("film", 0)
    wide, high = SMALL
    assert (added[:, high // 2, wide // 2] == 0).all() and (added >= 0).all() and added.max() > 0.5
    render(graph, kept, tmp_path)
