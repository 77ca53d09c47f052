"""What lies wholly outside the film never shows, and is told: a title after the end, points behind the last frame."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path
from typing import Any

import harness
import music_files as files
import numpy as np
import pytest
import tiny

from n2s.graph.time import Clock, outside
from n2s.runtime.media.glance import music_length
from n2s.runtime.timing import time_warnings, unheard_clock

WORDS = "after the film's end at 0:03, and never shows."
LATE = {
    "title": ({"node": "Title", "text": "Hi", "at": "1:10"}, "late.at: it begins at 1:10"),
    "a title's matte": ({"node": "TitleMatte", "text": "Hi", "at": 3}, "late.at: it begins at 0:03"),
    "credits": ({"node": "Credits", "credits": [["Music", "Ada"]], "at": 4}, "late.at: it begins at 0:04"),
    "lyrics": ({"node": "Lyrics", "path": "a.lrc"}, 'late.path: "two" begins at 0:03.5'),
    "points": ({"node": "Keyframes", "points": [[0, 0], [5, 1], [6, 0]]}, "late.points: this point begins at 0:06"),
    "one point": ({"node": "Keyframes", "points": [[5, 1]]}, "late.points: this point begins at 0:05"),
    "schedule": ({"node": "Schedule", "text": "90:(1), 99:(2)"}, "late.text: its first number begins at 0:03"),
    "table": ({"node": "Table", "path": "t.csv"}, "late.path: its first row begins at 0:07"),
    "loop": ({"node": "Loop", "start": 3}, "late.start: the stretch begins at 0:03"),
    "video": ({"node": "VideoSource", "path": "v.mp4", "start": -3, "beyond": "black"}, "late.start: the video begins"),
}
IN_TIME = {
    "title": {"node": "Title", "text": "Hi", "at": 2.9},
    "credits": {"node": "Credits", "credits": [["Music", "Ada"]]},
    "whole credits": {"node": "Credits", "credits": [["Music", "Ada"]], "at": 1, "length": 2},
    "whole loop": {"node": "Loop", "start": 1, "length": 2},
    "loop without a dissolve": {"node": "Loop", "length": 8, "blend": 0},
    "title that is cut off": {"node": "Title", "text": "Hi", "at": 1, "length": 8},
    "points": {"node": "Keyframes", "points": [[0, 0], [5, 1]]},
    "spline": {"node": "Keyframes", "points": [[0, 0], [4, 1], [5, 0]], "interpolate": "spline"},
    "schedule": {"node": "Schedule", "text": "0:(1), 99:(2)"},
    "video": {"node": "VideoSource", "path": "v.mp4", "start": -3},
}


def graph_with(node: dict[str, Any], folder: Path) -> Any:
    tiny.write_png(folder / "p.png", np.zeros((4, 4, 3), np.uint8))
    (folder / "a.lrc").write_text("[00:01.00]one\n[00:04.00]two\n[00:05.00]three\n")
    (folder / "t.csv").write_text("time,level\n7,1\n8,2\n")
    frames = {"frames": "p"} if node["node"] in ("Title", "Credits", "Lyrics", "Loop") else {}
    nodes = {"p": {"node": "ImageSource", "path": "p.png"}, "late": node | frames}
    return harness.load({"n2s": 1, "fps": 30, "duration": 3, "size": [32, 24], "nodes": nodes}, folder)


@pytest.mark.parametrize("what", LATE)
def test_what_begins_after_the_end_is_told_with_its_place(what: str, tmp_path: Path) -> None:
    node, said = LATE[what]
    graph = graph_with(node, tmp_path)
    (told,) = time_warnings(graph, unheard_clock(graph))
    assert told.text.startswith(said) and WORDS in told.text.replace(", like 1 later line", "")
    assert told.position.line > 1


CUT_OFF = {
    "loop": {"node": "Loop", "start": 1, "length": 8},
    "credits": {"node": "Credits", "credits": [["Music", "Ada"]], "at": 1, "length": 8},
}


@pytest.mark.parametrize("what", CUT_OFF)
def test_what_needs_its_end_is_told_where_that_is_cut_off(what: str, tmp_path: Path) -> None:
    graph = graph_with(CUT_OFF[what], tmp_path)
    (told,) = time_warnings(graph, unheard_clock(graph))
    assert told.text.startswith("late.length: ") and "ends at 0:09, after the film's end at 0:03, and " in told.text


def test_a_loop_before_which_nothing_lies_is_told(tmp_path: Path) -> None:
    graph = graph_with({"node": "Loop", "length": 2}, tmp_path)
    (told,) = time_warnings(graph, unheard_clock(graph))
    assert told.text == "late.start: nothing lies before the stretch for its end to dissolve into; begin it later."


@pytest.mark.parametrize("what", IN_TIME)
def test_what_shows_in_part_is_not(what: str, tmp_path: Path) -> None:
    graph = graph_with(IN_TIME[what], tmp_path)
    assert time_warnings(graph, unheard_clock(graph)) == []


def test_what_only_hearing_tells_waits_for_it(tmp_path: Path) -> None:
    graph = graph_with({"node": "Title", "text": "Hi", "at": "400 bars", "length": 2}, tmp_path)
    assert time_warnings(graph, unheard_clock(graph)) == []
    (told,) = time_warnings(graph, Clock(Fraction(30), 90))
    assert told.text.startswith("late.at: it begins at 13:20")
    said = outside(Clock(Fraction(30), 90), "it", -9.0, -2.0)
    assert said == "it ends at -0:02, before the film begins, and never shows"


def test_check_and_plan_say_it(place: Any, n2s: Any) -> None:
    place.edit("frames: grain, audio", "frames: late, audio")
    place.edit("  out: ", "  late: {node: Title, frames: grain, text: Hi, at: 2:10}\n  out: ")
    said = "late.at: it begins at 2:10, after the film's end at 0:0"
    for command in (["check"], ["plan"]):
        status, _, err = n2s(*command, place.graph)
        assert status == 0 and "warning: " in err and said in err, command


@pytest.mark.parametrize("kind", ["wav", "flac", "ogg", "mp3", "opus"])
def test_the_length_of_music_is_told_by_its_header(kind: str, tmp_path: Path) -> None:
    piece = files.noise(2.0)
    path = files.encode(tmp_path / f"a.{kind}", piece)
    assert music_length(path) == pytest.approx(2.0, abs=0.1)
    if kind in ("flac", "ogg", "mp3"):  # a header speaks of the first of several
        files.join(tmp_path / f"b.{kind}", *[path] * (40 if kind == "mp3" else 2))
        assert music_length(tmp_path / f"b.{kind}") is None
