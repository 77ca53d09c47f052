"""What names of nodes and outputs mean to a session: those of the graph as it is written, and of what lies inside."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import harness
import numpy as np
import pytest
import tiny

from n2s import preview
from n2s.graph.errors import ArgumentError, GraphError
from n2s.runtime.session import Session


@pytest.fixture
def journey(studio: Any, tmp_path: Path, store: Any) -> Session:
    """A look's hearing and journey, on 24 s at 120 beats per minute in two sections, the second from 8 s on."""
    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(24))
    (tmp_path / "labels.txt").write_text("0\t0\tA\n8\t8\tB\n", encoding="utf-8")
    reads = {name: f"heard.{name}" for name in ("steps", "last", "travel", "body", "build")}
    graph = {
        "n2s": 1,
        "fps": 10,
        "size": [64, 64],
        "nodes": {
            "track": {"node": "AudioSource", "path": "music.wav"},
            "heard": {
                "node": "Graph", "look": "parts/hearing", "audio": "track",
                "set": {"features.tempo": 120, "features.first_beat": 0, "features.beats": "labels.txt"},
            },
            "journey": {"node": "Graph", "look": "parts/journey", "bars": 2} | reads,
            "decoded": {"node": "VAEDecode", "latents": "journey"},
            "out": {"node": "FFmpegSink", "frames": "decoded", "path": "film.mp4"},
        },
    }  # fmt: skip
    return Session(harness.load(graph, tmp_path), store)


def test_pictures_grow_until_the_film_ends_but_hold_before_another_section(journey: Session) -> None:
    """A bar lasts 2 s: in the last two bars of the first section nothing grows, in those of the film something does."""
    last, count = journey.signal("heard.last"), journey.signal("heard/features.section_count")
    assert (count == 2).all() and not last[:78].any() and last[82:].all()
    grown = journey.heard.params["journey/grown", "amount"]
    assert not grown[42:78].any()
    assert (np.diff(grown[201:238]) >= 0).all() and grown[205] == 0 and grown[235] > 0.8


def test_names_of_the_graph_and_of_what_lies_inside(journey: Session) -> None:
    for name in ("journey", "journey.latents", "journey/view", "journey/view.latents"):
        np.testing.assert_array_equal(journey.frame(name, 3), journey.frame("journey/view", 3))
    np.testing.assert_array_equal(journey.frame("out", 3), journey.frame("decoded", 3))
    parts = list(journey.pick("out", [0, 2, 5]))
    assert sum(len(part) for part in parts) == 3 and parts[0].shape[1:] == (3, 64, 64)
    letters = journey.signal("heard/features.section_is")
    np.testing.assert_array_equal(journey.signal("heard/features.section_is.B"), letters[:, 1])


@pytest.mark.parametrize(
    "name, problem",
    [
        ("jurney", '"jurney" names no node. Did you mean "journey"?'),
        ("journey.frames", '"journey.frames" names no output. There are: latents'),
        ("heard", '"heard" names no output. Name one: heard.punch'),
        ("journey.view.latents", 'Nodes inside "journey" are named with a slash: journey/view.latents.'),
        ("journey.here", 'Nodes inside "journey" are named with a slash: journey/here.'),
        ("journey.scene", '"journey.scene" is a parameter of a sub-graph, no output: name what reads it'),
        ("heard.kick", '"heard.kick" gives neither latents nor frames'),
    ],
)
def test_names_that_mean_no_frames(journey: Session, name: str, problem: str) -> None:
    with pytest.raises(GraphError, match=problem.replace("?", "[?]")):
        journey.frame(name, 0)


def test_frames_are_no_signal(journey: Session) -> None:
    with pytest.raises(GraphError, match='"decoded" gives no signal. Ask for its frames or latents with frame or pick'):
        journey.signal("decoded")


@pytest.mark.parametrize("name", [5, ["journey"], None])
def test_names_that_are_no_texts(journey: Session, name: Any) -> None:
    """None is the film to plan and preview, which take it, and nothing to others."""
    asked = [lambda: journey.frame(name, 0), lambda: journey.pick(name, [0]), lambda: journey.signal(name)]
    if name is not None:
        asked += [lambda: preview(journey, name), lambda: journey.plan(name)]
    for ask in asked:
        with pytest.raises(ArgumentError, match="^A node or an output is named by a text, not by "):
            ask()
