"""What `fill` gives once for a run, and `prepare` takes by name."""

from __future__ import annotations

from typing import Any

import harness
import numpy as np
import pytest

from n2s import Graph
from n2s.graph.declare import Param, Pointwise, param, port
from n2s.graph.errors import RenderError
from n2s.graph.types import Frames
from n2s.nodes import AudioSource, DigestSink, ImageSource


def graph_of(film: Any, studio: Any) -> Graph:
    sink = DigestSink(path="frames.txt")(film, AudioSource(path="music.wav")())
    return Graph(sink, fps=30, size=(96, 64), base=studio.folder)


class Continued(Pointwise):
    """What `fill` gives and only `prepare` takes: a list, of which it makes numbers."""

    frames: Frames = port("what is dimmed")
    amount: Param = param(0.5, ge=0, le=1, help="how much")

    def fill(self, scene: Any) -> dict[str, Any]:
        return {"gains": [0.5, scene.size[0]], "lift": 0.25}

    def prepare(self, amount: np.ndarray, gains: list[float]) -> dict[str, Any]:
        return {"gain": amount * gains[0] * gains[1]}

    @staticmethod
    def pixel(rgb, at, gain, lift):
        return gain / at.width, lift, rgb[2]


def test_prepare_takes_what_fill_gave(studio: Any, store: Any) -> None:
    graph = graph_of(Continued(amount=0.75)(ImageSource(path="picture.png")(), name="made"), studio)
    made = harness.frames(graph, store, "made", [(0, 2)])
    assert (made[:, 0] == 0.375).all() and (made[:, 1] == 0.25).all()


def test_what_fill_did_not_give_is_told(studio: Any, store: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Continued, "fill", lambda self, scene: {"lift": 0.25})
    graph = graph_of(Continued()(ImageSource(path="picture.png")(), name="made"), studio)
    with pytest.raises(RenderError, match=r"made \(Continued\).*prepare.*gains"):
        harness.frames(graph, store, "made", [(0, 2)])
