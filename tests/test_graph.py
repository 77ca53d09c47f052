"""A graph is a value: complete when it is made, changed by making another."""

from __future__ import annotations

from dataclasses import FrozenInstanceError, fields
from pathlib import Path

import pytest

from n2s.graph.graph import Graph
from n2s.graph.parts import GraphParts
from n2s.graph.tracks import coded_track, load_track
from n2s.nodes import AudioSource, FFmpegSink, ImageSource, Tone

GRAPHS = Path(__file__).resolve().parent.parent / "graphs"


def made_in_python() -> Graph:
    toned = Tone(exposure=0.2)(ImageSource(path="a.png")())
    return Graph(FFmpegSink(path="a.mp4")(toned, AudioSource(path="a.wav")()), fps=25, seed=3)


@pytest.mark.parametrize(
    "graph", [made_in_python(), Graph.load(GRAPHS / "tracks" / "ember.yaml")], ids=["python", "yaml"]
)
def test_a_graph_and_all_that_comes_of_it_is_complete(graph: Graph) -> None:
    for each in (graph, graph.flat, graph.edit({"seed": 5}), graph.replaced(base=Path("elsewhere"))):
        assert type(each) is Graph
        assert all(part.name in vars(each) for part in fields(GraphParts))
        for part in fields(GraphParts):
            with pytest.raises(FrozenInstanceError):
                setattr(each, part.name, None)


def test_another_part_makes_another_graph() -> None:
    graph = made_in_python()
    first = list(graph.order), list(graph.flat.nodes)
    more = graph.replaced(nodes=graph.nodes | {"other": ImageSource(path="b.png")})
    assert more.order[-1] == "other" and "other" in more.flat.nodes
    assert (graph.order, list(graph.flat.nodes)) == first and "other" not in graph.nodes
    assert more.header == graph.header and more.base == graph.base


def test_a_flattened_graph_knows_where_its_nodes_are_written() -> None:
    graph = Graph.load(GRAPHS / "tracks" / "ember.yaml")
    assert graph.flat.flat is graph.flat
    inside = next(name for name in graph.flat.nodes if "/" in name and ":" not in name)
    written_in, name = graph.flat.origin(inside)
    assert written_in.path != graph.path and name in written_in.nodes
    assert graph.flat.where(inside, key=True) == written_in.where(name, key=True)


def test_a_track_is_read_once_for_its_album_and_its_flattened_form() -> None:
    album = Graph.load(GRAPHS / "album.yaml")
    name = next(name for name, node in album.nodes.items() if node.kind == "track")
    track = load_track(album, name)
    assert load_track(album, name) is track and load_track(album.flat, name) is track
    assert load_track(album.edit({"fps": 24}), name).header.fps == 24 != track.header.fps
    coded, sink = coded_track(album, album.sinks()[0], name)
    assert coded is not track and coded.nodes[sink] is not track.nodes[sink]


def test_a_graph_as_a_network_has_an_edge_for_each_link() -> None:
    network = made_in_python().network
    assert {(a, b, edge["port"], edge["kind"].name) for a, b, edge in network.edges(data=True)} == {
        ("image_source", "tone", "frames", "Frames"),
        ("tone", "ffmpeg_sink", "frames", "Frames"),
        ("audio_source", "ffmpeg_sink", "audio", "Audio"),
    }
    assert set(network) == set(made_in_python().nodes)
