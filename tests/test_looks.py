"""The looks that come with the library, and n2s looks."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import tiny
from typer.testing import CliRunner

from n2s.cli import app
from n2s.commands.looks import AGAIN, Ahead
from n2s.graph.check import warnings
from n2s.graph.describe.diagram import diagram
from n2s.graph.describe.looks import describe_look, films
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.graph.looks import look_file, look_names, looks_folder
from n2s.runtime.media.png import png_size
from n2s.runtime.session import Session

PARTS = [name for name in look_names() if name.startswith("parts/")]


def n2s(*arguments: Any) -> Any:
    """Run a command in this process; what it raises is raised here."""
    done = CliRunner().invoke(app, [str(argument) for argument in arguments], standalone_mode=False)
    if done.exception:
        raise done.exception
    return done.output


def one_line(folder: Path, look: str, size: tuple[int, int] = (640, 360), more: str = "", seconds: float = 2) -> Graph:
    tiny.write_wav(folder / "music.wav", tiny.clicks(seconds, channels=2))
    path = folder / f"{look}.yaml"
    path.write_text(
        f"n2s: 1\nsize: {list(size)}\nnodes:\n"
        "  track: {node: AudioSource, path: music.wav}\n"
        f"  look: {{node: Graph, look: {look}, audio: track{more}}}\n"
        "  out: {node: FFmpegSink, frames: look, audio: track, path: film.mp4}\n"
    )
    return Graph.load(path)


def test_there_are_at_least_eight() -> None:
    assert len(films()) >= 8 and set(films()).isdisjoint(PARTS) and PARTS
    assert look_file("liquid") == looks_folder() / "liquid.yaml"


@pytest.mark.parametrize("look", films())
def test_a_look_takes_music_and_at_most_eight_numbers_each_explained(look: str, tmp_path: Path) -> None:
    graph = Graph.load(look_file(look))
    assert not warnings(graph)
    assert {name: given.kind for name, given in graph.interface.inputs.items()} == {"audio": "Audio"}
    assert list(graph.interface.outputs) == ["frames"]
    params = graph.interface.params
    assert 1 <= len(params) <= 8 and {"energy", "pace", "scene"} <= set(params)
    for name, param in params.items():
        assert param.ge is not None and param.le is not None and param.ge <= param.default <= param.le, name
    assert len(graph.document.values["presets"]) >= 2 and len(graph.header.title) < 100
    assert "n2s check" not in n2s("check", one_line(tmp_path, look).path)


@pytest.mark.parametrize("look", films())
def test_every_preset_can_be_chosen(look: str, tmp_path: Path) -> None:
    for preset in Graph.load(look_file(look)).document.values["presets"]:
        assert one_line(tmp_path, look, more=f", preset: {preset}").nodes["look"].preset == preset


@pytest.mark.parametrize("look", films())
def test_every_look_is_guarded_and_exposed(look: str, tmp_path: Path) -> None:
    """The last node of its film keeps it safe from flashes; its light is evened."""
    flat = one_line(tmp_path, look).flat
    types = [type(node).__name__ for node in flat.nodes.values()]
    assert types.count("Guard") == 1 and "Exposure" in types
    last = flat.nodes["out"].frames.node
    assert type(flat.nodes[last]).__name__ == "Guard"


@pytest.mark.parametrize("part", PARTS)
def test_a_part_is_used(part: str) -> None:
    graph = Graph.load(look_file(part))
    assert graph.interface and not warnings(graph)
    assert any(f"look: {part}," in look_file(look).read_text() or f"look: {part}\n" in look_file(look).read_text()
               for look in films())  # fmt: skip


def test_the_command_lists_and_explains() -> None:
    listed = n2s("looks")
    assert all(f"\n{look} " in f"\n{listed}" for look in films()) and "presets: lava, deep" in listed
    told = n2s("looks", "liquid")
    assert "How far currents carry the colours.\n" in told and "0..4, default 1" in told
    assert "look: {node: Graph, look: liquid, audio: track}" in told
    rows = [json.loads(line) for line in n2s("looks", "--json").splitlines()]
    assert [row["name"] for row in rows] == films() and rows == [describe_look(look) for look in films()]
    with pytest.raises(GraphError, match='There is no look "liquit". Did you mean "liquid"?'):
        n2s("looks", "liquit")


def test_a_look_can_be_copied_and_changed(tmp_path: Path) -> None:
    """In any folder: the parts that it shares with others are named, not found beside it."""
    mine = tmp_path / "deep" / "mine.yaml"
    mine.parent.mkdir()
    assert "use it as {node: Graph, path: mine.yaml, audio: track}" in n2s("looks", "ink", "-o", mine)
    assert mine.read_text() == look_file("ink").read_text()
    graph = one_line(mine.parent, "ink")
    graph.path.write_text(graph.path.read_text().replace("look: ink", "path: mine.yaml"))
    assert set(Graph.load(graph.path).flat.nodes) == set(graph.flat.nodes)
    told = n2s("looks", "ink", "-o", tmp_path / "a: b, c.yaml")
    assert '{node: Graph, path: "a: b, c.yaml", audio: track}' in told
    with pytest.raises(GraphError, match="exists already"):
        n2s("looks", "ink", "-o", mine)
    with pytest.raises(GraphError, match="-o writes the graph of one look"):
        n2s("looks", "-o", tmp_path / "all.yaml")


@pytest.mark.parametrize(
    ("given", "told"),
    [("look: lquid", 'there is no look "lquid". Did you mean "liquid"?'),
     ("look: ../../secret", 'there is no look "../../secret".'),
     ("look: liquid, path: a.yaml", "give one, not both"), ("preset: lava", "a sub-graph needs its file"),
     ("look: 7", "a sub-graph needs its file"),
     ("look: liquid, preset: lav", 'There is no preset "lav". Did you mean "lava"?')],
)  # fmt: skip
def test_a_look_that_cannot_be_found(given: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(GraphError) as caught:
        path = one_line(tmp_path, "liquid").path
        path.write_text(path.read_text().replace("look: liquid", given))
        Graph.load(path)
    assert told in str(caught.value) and "liquid.yaml:5" in str(caught.value)


@pytest.mark.parametrize("size", [(64, 36), (36, 64), (48, 48)])
def test_looks_are_drawn_on_any_music_in_any_shape(size: tuple[int, int], tmp_path: Path) -> None:
    """One look in all shapes: every kernel is compiled once; bench/looks.py makes whole films of all."""
    graph = one_line(tmp_path, "fields", size)
    n2s("preview", graph.path, "--at", "1", "-o", tmp_path / "frame.png", "--set", "look.journey.drifting.scale=4")
    assert png_size(tmp_path / "frame.png") == size


def test_looks_are_shown_on_a_piece_of_music(tmp_path: Path) -> None:
    one_line(tmp_path, "fields", seconds=1)
    out = tmp_path / "looks.png"
    said = n2s("looks", "fields", "--music", tmp_path / "music.wav", "-o", out)
    assert (
        said.endswith(f"{out}: a row for each look: fields\n")
        and "1 look, 8 pictures of each, take about " in said
        and re.search(r"drawing fields, about [0-9:]+( s)? left …", said)
        and png_size(out)[0] > 1500
    )
    with pytest.raises(GraphError, match="written as .png"):
        n2s("looks", "--music", tmp_path / "music.wav", "-o", tmp_path / "looks.jpg")


def test_how_long_looks_take_is_told_before(store: Any) -> None:
    ahead = Ahead(store, ["ink", "film"], 30.0)
    assert ahead.text() == (
        "2 looks, 8 pictures of each, take about 1:30: 2 looks for the first time, whose kernels are compiled and kept."
    )
    ahead.done("ink", 65.0)
    assert ahead.seconds_left == pytest.approx(55), "what is as new is taken to need about as long"
    ahead.done("film", 40.0)
    assert ahead.seconds_left == 0
    again = Ahead(store, ["ink", "film"], 60.0)
    assert again.seconds_left == pytest.approx(2 * AGAIN * 105), "music that is twice as long"
    assert again.text().endswith(", by the last time.")
    again.done("ink", 20.0)
    assert Ahead(store, ["ink"], 60.0).seconds_left == pytest.approx(20)


def test_a_diagram_calls_a_look_by_its_own_file_and_not_by_a_part_of_it(tmp_path: Path) -> None:
    flat = one_line(tmp_path, "liquid").flat
    titles = [flat.origin_title(instance) for instance in ("look", "look/heard", "look/journey")]
    assert titles == ["look · liquid.yaml", "heard · hearing.yaml", "journey · journey.yaml"]


def test_a_diagram_names_files_as_they_are_seen_from_its_graph(tmp_path: Path) -> None:
    """A path that is given to a part of a look is whole there, and says nothing of the machine in a picture."""
    (tmp_path / "beats.txt").write_text("0.5\n1\n1.5\n")
    drawn = diagram(one_line(tmp_path, "liquid", more=", set: {heard.features.beats: beats.txt}").flat)
    assert ">beats.txt<" in drawn and str(tmp_path) not in drawn


def test_controls_are_explained_by_what_is_seen_and_heard() -> None:
    statistics = re.compile(r"deviation|percentile|half-life|variance|display value|gaussian|attacks", re.IGNORECASE)
    for name in films():
        for control in Graph.load(look_file(name)).interface.params.values():
            assert len(control.help.split()) > 2 and not statistics.search(control.help), (name, control.help)


@pytest.mark.parametrize("look", ["ink", "fields", "tunnel"])
def test_energy_is_a_plain_factor(look: str, tmp_path: Path) -> None:
    """Looks multiply by it how far they move with drums, so that it must not be in what they hear of drums."""
    pushed = [
        Session(one_line(tmp_path, look, more=f", energy: {energy}")).signal("look/heard/punch") for energy in (0.5, 2)
    ]
    assert pushed[0].max() > 0.01
    np.testing.assert_array_equal(*pushed)


@pytest.mark.parametrize("zoom", [-4, 4])
def test_feedback_stays_in_range_within_its_own_ranges(zoom: int, tmp_path: Path) -> None:
    graph = one_line(tmp_path, "feedback", (64, 36), more=f", energy: 4, zoom: {zoom}")
    with Session(graph) as session:
        moved = session.values.params["look/loop", "zoom"]
        assert session.plan().chunks() and 4 < np.abs(moved).max() <= 8


def test_a_film_can_begin_with_each_of_nine_pictures(tmp_path: Path) -> None:
    begun = [
        float(Session(one_line(tmp_path, "liquid", more=f", scene: {scene}")).signal("look/journey/first")[0]) % 9
        for scene in range(9)
    ]
    assert sorted(begun) == list(range(9)), begun
