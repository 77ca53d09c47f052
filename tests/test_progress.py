"""What a run shows of itself while it works: a picture of its chunks on a terminal, plain lines elsewhere."""

from __future__ import annotations

import io
from pathlib import Path
from typing import Any

import harness
import pytest
import tiny
from rich.console import Console

from n2s.graph.graph import Graph
from n2s.runtime.events import Events
from n2s.runtime.progress import BarEvents, Count, draw_chunks, time_text


@pytest.mark.parametrize(
    ("done", "width", "drawn"),
    [
        ([], 8, ""),
        ([True, False, True], 8, "█░█"),
        ([True] * 4 + [True, False] + [False] * 2, 4, "██▒░"),
        ([False] * 99 + [True], 10, "░░░░░░░░░▒"),
        ([True] * 7, 3, "███"),
    ],
)
def test_chunks_are_drawn_in_their_order(done: list[bool], width: int, drawn: str) -> None:
    assert draw_chunks(done, width) == drawn


@pytest.mark.parametrize(("encoding", "signs"), [("utf-8", "░▒█"), ("ascii", ".+#")])
def test_a_terminal_shows_one_line(monkeypatch: pytest.MonkeyPatch, encoding: str, signs: str) -> None:
    shown = io.TextIOWrapper(io.BytesIO(), encoding)
    console = Console(file=shown, force_terminal=True, width=80, _environ={"TERM": "xterm"})
    monkeypatch.setattr("rich.console.Console", lambda **_: console)
    bar = BarEvents()
    bar.planned(120, 60)
    bar.laid_out([True, True, False, False])
    bar.began("rendering")
    bar.rendered(30)
    bar.finished(3)
    bar.said("A sentence.")
    bar._progress.refresh()
    bar.ended()
    shown.seek(0)
    text = shown.buffer.getvalue().decode(encoding)
    assert signs[2] * 2 + signs[0] + signs[2] in text and "30/120 frames" in text and "A sentence." in text
    assert all(len(line) < 400 for line in text.split("\r"))


def test_the_time_left_is_never_too_little(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.monotonic", lambda: 110.0)
    count = Count(began=100.0)
    count.planned(400)
    assert count.text() == "0/400 frames, 0.0 frames/s"
    count.done = 100
    assert count.text() == "100/400 frames, 10.0 frames/s, 30 s left"
    count.announced(0, True)
    assert count.text() == "100/400 frames, 10.0 frames/s, at least 30 s left"
    count.done = 399
    assert count.text().endswith(", at least 1 s left")
    count.done = 400
    assert count.text() == "400/400 frames, 40.0 frames/s"
    count.announced(40, False)
    count.planned(40)
    count.done = 10
    assert count.text() == "10/40 frames again, 1.0 frames/s, 30 s left"


def test_first_frames_that_come_late_do_not_tell_how_long_the_rest_takes(monkeypatch: pytest.MonkeyPatch) -> None:
    now = 100.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    count = Count(began=100.0)
    count.planned(204)
    now = 120.0
    count.add(4)
    assert count.seconds_left == 1000
    now = 121.0
    count.add(10)
    assert count.seconds_left == pytest.approx(190 / (14 / 21)), "one second tells too little"
    now = 124.0
    count.add(30)
    assert count.seconds_left == pytest.approx(160 / (40 / 4)) and count.speed == pytest.approx(44 / 24)
    count.add(-20)
    assert count.seconds_left == pytest.approx(180 / (20 / 4))
    count.planned(10)
    assert count.seconds_left is None


@pytest.mark.parametrize(
    ("seconds", "text"), [(0.0, "1 s"), (0.2, "1 s"), (44.1, "45 s"), (59.5, "1:00"), (150, "2:30"), (3700, "61:40")]
)
def test_times_in_words(seconds: float, text: str) -> None:
    assert time_text(seconds) == text


def test_a_run_tells_which_chunks_are_done(tmp_path: Path, store: Any, studio: Any) -> None:
    class Heard(Events):
        def __init__(self) -> None:
            self.stored: list[list[bool]] = []
            self.done: list[int] = []

        def laid_out(self, stored: Any) -> None:
            self.stored.append(list(stored))

        def finished(self, chunk: int) -> None:
            self.done.append(chunk)

    tiny.write_wav(tmp_path / "music.wav", tiny.clicks(3))
    graph = Graph.load(tiny.write_graph(tmp_path, studio.model, settings="chunk: 15"))
    part, whole = Heard(), Heard()
    harness.run(graph, tmp_path / "out", store, span=(1, 2), events=part)
    assert part.stored == [[False, False]] and sorted(part.done) == [0, 1]
    harness.run(graph, tmp_path / "out", store, events=whole)
    assert whole.stored == [[False, False, True, True, False, False]] and sorted(whole.done) == [0, 1, 4, 5]
