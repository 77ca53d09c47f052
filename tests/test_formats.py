"""Formats: found by entry point, known by their code, reported with their place; that of the docs is a package."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny
from packages import Packages
from test_films import write_album
from third_party import python, write_package

from n2s.graph.errors import GraphError, RenderError
from n2s.graph.format import Pixels
from n2s.graph.graph import Graph
from n2s.graph.registry import registry
from n2s.graph.tracks import coded_track, coding
from n2s.runtime.run import Run
from n2s.runtime.seeing.explain import describe_film

DOCS = Path(__file__).resolve().parent.parent / "docs/writing-nodes.md"
SIZE, FRAMES = (64, 48), 15


def example() -> str:
    """Return the package that docs/writing-nodes.md shows."""
    section = DOCS.read_text(encoding="utf-8").partition("## A format of your own")[2]
    return re.search(r"```python\n(.*?)```", section, re.DOTALL)[1]


def write_graph(folder: Path, sink: str = "RawSink", path: str = "film.raw") -> Path:
    """A film of grey frames, half a second in three chunks."""
    nodes = {
        "grey": {"node": "ImageSource", "path": "grey.png"},
        "tone": {"node": "Tone", "frames": "grey", "exposure": "= 0.1 * frame"},
        "out": {"node": sink, "frames": "tone", "path": path},
    }
    tiny.write_png(folder / "grey.png", np.full((48, 64, 3), 90, np.uint8))
    place = folder / "graph.yaml"
    values = {"n2s": 1, "size": SIZE, "fps": 3, "duration": FRAMES / 3, "nodes": nodes}
    place.write_text(json.dumps(values, indent=1))
    return place


RUN = """
import json, sys
from n2s.graph.graph import Graph
from n2s.runtime.run import Run
run = Run(Graph.load(sys.argv[1]), out=sys.argv[2], store=sys.argv[3])
report = run.execute()
print(json.dumps([report.rendered, report.stored, report.films[0]["frames"]]))
"""


def test_the_format_of_the_docs_renders_and_an_edit_of_it_renders_again(tmp_path: Path) -> None:
    text = example()
    assert len(text.splitlines()) < 40
    graph, site = write_graph(tmp_path), tmp_path / "site"
    (tmp_path / "other").mkdir()
    other = write_graph(tmp_path / "other", "DigestSink", "frames.txt")

    def run(text: str, graph: Path) -> list[int]:
        write_package(site, "n2s_raw", {"n2s_raw.py": text}, formats={"raw": "n2s_raw:Raw"})
        return python(site, RUN, graph, tmp_path / "out", tmp_path / "store")

    assert run(text, graph) == [3, 0, FRAMES]
    film = (tmp_path / "out/film.raw").read_bytes()
    head, _, codes = film.partition(b"\n")
    assert head == b"raw yuv420p 64x48 15" and len(codes) == FRAMES * 64 * 48 * 3 // 2
    assert run(text, graph) == [0, 3, FRAMES]
    assert run(text, other) == [3, 0, FRAMES]
    edited = text.replace("raw yuv420p", "raw planar yuv420p")
    assert run(edited, graph) == [3, 0, FRAMES]
    assert (tmp_path / "out/film.raw").read_bytes() == film.replace(b"raw yuv420p", b"raw planar yuv420p")
    assert run(edited, other) == [0, 3, FRAMES]  # only films of this format


BARE = """
from n2s.graph.format import Format
class Raw(Format):
    pixels = describe = write_segment = check_segment = join = verify = lambda self, *_: None
"""


@pytest.mark.parametrize(
    ("entries", "module", "told"),
    [
        ("", "", 'there is no format "raw"'),
        ("raws = others_raw:Raw", "", 'Did you mean "raws"?'),
        ("raw = others_raw:Raw", "1 / 0", 'the format "raw" is in a package that cannot be loaded: others-raw 1.0'),
        ("raw = others_raw:Raw", "Raw = 3", "is no format: a class that inherits from n2s.graph.format.Format"),
        (
            "raw = others_raw:Raw",
            "from n2s.graph.format import Format\nclass Raw(Format):\n    def pixels(self, sink): ...\n"
            "    def join(self, path, film, segments, sound): ...",
            "is no format yet: it has no check_segment, describe, verify, write_segment.",
        ),
        ("raw = others_raw:Raw", BARE + "    suffix = '.json'\n", "its suffix is '.json'; a dot, small letters"),
        ("raw = others_raw:Raw", BARE + "    suffix = '/raw'\n", "its suffix is '/raw'; a dot, small letters"),
        ("raw = others_raw:Raw", BARE + "    sound_suffix = None\n", "its sound_suffix is None; a dot, small"),
        ("raw = others_raw:Raw", BARE + "    endings = '.raw'\n", "its endings are '.raw'; a tuple of words"),
        ("raw = others_raw:Raw", BARE + "    def __init__(self): 1 / 0\n", "cannot be made: ZeroDivisionError"),
        ("raw = others_raw:Raw", BARE + "    carries_sound = True\n", "promises what it has no write_sound for"),
        ("raw = others_raw:Raw\nraw = third_raw:Raw\n", "", 'the format "raw" is defined by'),
    ],
)
def test_a_format_that_cannot_be_found_is_told_at_its_sink(
    entries: str, module: str, told: str, packages: Packages, tmp_path: Path
) -> None:
    sink = example().partition("class Raw(Format)")[0].replace("from n2s.graph.format import Format, Pixels\n", "")
    packages.install(sink, "others_sinks")
    packages.install(module, "others_raw", formats=entries)
    path = write_graph(tmp_path)
    line = next(i for i, text in enumerate(path.read_text().splitlines(), 1) if '"out"' in text)
    with pytest.raises(GraphError) as caught:
        Graph.load(path)
    assert str(caught.value).startswith(f"{path}:{line}:") and told in str(caught.value), str(caught.value)


def test_a_sink_without_a_format_or_what_it_shows_is_told_of(packages: Packages, tmp_path: Path) -> None:
    text = example().partition("class Raw(Format)")[0]
    packages.install(text.replace('    format = "raw"\n', ""), "others_sinks")
    with pytest.raises(GraphError, match=r"out: RawSink names no format; its class needs one: format: ClassVar"):
        Graph.load(write_graph(tmp_path))
    wrong = {"frames": "a sink needs what it shows", "path": "a sink needs a place to write to"}
    for field, told in wrong.items():
        lines = [line for line in text.splitlines() if not line.strip().startswith(f"{field}:")]
        packages.install("\n".join(lines), f"others_{field}")
        assert any(told in said for said in registry().broken), registry().broken


@pytest.mark.parametrize(
    ("old", "new", "told"),
    [
        ('Pixels("yuv420p", 8, dither=True)', "1 / 0", "out (RawSink): pixels failed: ZeroDivisionError"),
        ('Pixels("yuv420p", 8, dither=True)', '"yuv"', "out (RawSink): pixels gave 'yuv'; Pixels were wanted"),
        ('Pixels("yuv420p", 8, dither=True)', 'Pixels("yuv411p", 8)', "there are no pixels 'yuv411p' of 8 bits"),
        ("path.write_bytes(b", "path.write_byte(b", "out (RawSink): write_segment failed: AttributeError"),
        ("for codes in blocks)", "for codes in [next(blocks)])", "A segment has another length than its frames"),
        ("segment.read_bytes() for", "segment.read_text() for", "out (RawSink): join failed: UnicodeDecodeError"),
        ("segment.read_bytes() for segment in segments", "", "film.raw is too short and was not published"),
        ("path.write_bytes(b", "len(b", "out (RawSink): write_segment wrote no file at the path"),
        ("path.write_bytes(b", "open('/none/x').write(b", "write_segment failed: FileNotFoundError: "),
        ("path.write_bytes(head + ", "len(head + ", "out (RawSink): join wrote no file at the path"),
        ("path.write_bytes(b", "path.mkdir(), len(b", "A segment has another length than its frames"),
        (
            "    def describe",
            "    def recipe(self, sink):\n        return {'a': Raw}\n\n    def describe",
            "recipe failed: TypeError",
        ),
        ("    def describe", "    def recipe(self, sink):\n        return 3\n\n    def describe", "recipe gave 3"),
    ],
)
def test_what_fails_in_a_format_is_told_with_its_sink(
    old: str, new: str, told: str, packages: Packages, store: Any, tmp_path: Path
) -> None:
    text = example()
    assert old in text
    changed = text.replace(old, new) if new else text.replace(f'b"".join({old})', 'b""')
    assert changed != text
    packages.install(changed, "n2s_raw", formats="raw = n2s_raw:Raw")
    with pytest.raises(RenderError) as caught:
        harness.run(Graph.load(write_graph(tmp_path)), tmp_path / "out", store)
    assert told in str(caught.value)
    assert not list((tmp_path / "out").glob("*.raw")) and not list(tmp_path.rglob("*.tmp*"))


def test_frames_that_a_format_cannot_write_and_words_that_are_none(
    packages: Packages, store: Any, tmp_path: Path
) -> None:
    more = "    gives_frames = True\n\n    def write_frames(self, film, folder):\n        1 / 0\n\n    def describe"
    text = example().replace("    def describe", more).replace('return "raw codes"', "return 3")
    packages.install(text, "n2s_raw", formats="raw = n2s_raw:Raw")
    graph = write_graph(tmp_path)
    with pytest.raises(RenderError, match=r"out \(RawSink\): write_frames failed: ZeroDivisionError"):
        harness.run(Graph.load(graph), tmp_path / "out", store, keep_frames=True)
    run = Run(Graph.load(graph), tmp_path / "out", store)
    film = run.plan()[0]
    with pytest.raises(RenderError, match=r"out \(RawSink\): describe gave 3; a few words were wanted"):
        describe_film(run.planned, film)


def test_the_codes_of_a_frame() -> None:
    assert Pixels("yuv420p", 10, False).stored == "yuv10" and Pixels("rgb", 16).stored == "rgb16"
    assert Pixels("rgb", 8).count(6, 4) == 72 and Pixels("yuv420p", 8).count(6, 4) == 36
    assert Pixels("yuv422p", 8).count(6, 4) == 48 and Pixels("yuv444p", 10).count(6, 4) == 72
    assert Pixels("yuv422p", 10).stored == "yuv422p10"
    assert str(Pixels("rgb", 8)) == "rgb of 8 bits, dithered" and str(Pixels("rgb", 8, False)) == "rgb of 8 bits"
    for wrong in (("rgb", 10), ("yuv420p", 16), ("grey", 8)):
        with pytest.raises(ValueError, match="there are no pixels"):
            Pixels(*wrong)


def test_an_album_takes_the_film_of_its_own_format(tmp_path: Path, studio: Any) -> None:
    path = write_album(tmp_path, studio.model, [4410])
    tiny.edit(
        tmp_path / "track0.yaml", "  out:", "  more: {node: PNGSink, frames: grain, path: pictures, depth: 16}\n  out:"
    )
    album = Graph.load(path)
    graph, sink = coded_track(album, "album", "track0")
    assert sink == "out" and graph.nodes["out"].crf == 28
    coded = ["profile", "codec", "crf", "maxrate", "bitrate", "preset", "depth", "chroma", "gop", "b_frames", "dither",
             "chunk", "edit_list", "audio_codec", "audio_bitrate", "audio_rate", "loudness"]  # fmt: skip
    assert coding(album.nodes["album"], graph.nodes["out"]) == coded
    assert coding(album.nodes["album"], graph.nodes["more"]) == []
    tiny.edit(tmp_path / "track0.yaml", "node: FFmpegSink, frames: grain, audio: track, path: track0.mp4, crf: 28",
              "node: PNGSink, frames: grain, audio: track, path: others")  # fmt: skip
    told = (
        "track0.yaml has 0 sinks of Album's format, beside more (PNGSink), out (PNGSink), whose films it cannot join;"
    )
    with pytest.raises(GraphError, match=re.escape(f"{told} a track has exactly one.")):
        coded_track(Graph.load(path), "album", "track0")
