"""Signals in graphs: at any frame rate, between points, of any columns, on their page."""

from __future__ import annotations

import json
import math
import re
from fractions import Fraction
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
from harness import load
from test_nodes import scene
from test_signals import envelope, full, noise

from n2s.graph.check import warnings
from n2s.graph.context import Scene
from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.graph.node import DeclarationError
from n2s.graph.registry import node_types
from n2s.graph.time import Clock
from n2s.nodes import (
    LFO,
    Crossfade,
    Delay,
    Envelope,
    Gate,
    Integrate,
    Keyframes,
    Quantise,
    Random,
    Relative,
    Remap,
    Select,
    Sequence,
    Smooth,
    Spring,
    Threshold,
)  # fmt: skip
from n2s.nodes.easing import ease
from n2s.runtime.context import RunContext
from n2s.runtime.render import analysis
from n2s.runtime.render.analysis import analyse
from n2s.runtime.session import Session

# In graphs


def values_of(studio: Any, store: Any, tmp_path: Path, fps: Any, **nodes: Any) -> Any:
    heard = {
        "track": {"node": "AudioSource", "path": str(studio.folder / "music.wav")},
        "heard": {"node": "Features", "audio": "track", "tempo": 120, "first_beat": 0},
    }
    graph = load({"n2s": 1, "fps": fps, "size": [32, 32], "nodes": heard | nodes}, tmp_path)
    return analyse(graph.flat, RunContext(store, print))


def test_another_frame_rate_shows_the_same_motion(studio: Any, store: Any, tmp_path: Path) -> None:
    """Springs, integrals, envelopes and averages of attacks, at frames that 24, 30 and 60 per second have in common."""
    nodes = {
        "spring": {"node": "Spring", "kick": "heard.onset", "period": 0.6},
        "way": {"node": "Integrate", "speed": "= 1 + 3 * heard.rms"},
        "swell": {"node": "Envelope", "trigger": "heard.onset", "attack": 0.1, "decay": 0.5},
        "soft": {"node": "Smooth", "signal": "= heard.onset * 2", "width": 0.15},
        "chain": {"node": "Smooth", "signal": "bent", "width": 0.1},
        "bent": {"node": "Remap", "signal": "spring", "from_low": -1, "to_low": 1, "to_high": 0},
    }
    found = {fps: values_of(studio, store, tmp_path, fps, **nodes) for fps in (24, 30, 60)}
    for name in ("spring", "way", "swell", "soft", "chain"):
        some = {fps: values.outputs[name, "signal"][:: fps // 6] for fps, values in found.items()}
        count = min(map(len, some.values()))
        scale = np.ptp(some[60])
        assert scale > 0.05, name
        for fps in (24, 30):
            off = np.abs(some[fps][:count] - some[60][:count]).max() / scale
            assert off < 0.12, (name, fps, off)


def test_nodes_of_one_module_keep_their_own_values(store: Any, tmp_path: Path) -> None:
    """A session takes what nodes gave before, also for another node like it: not for one of another type."""
    nodes = {
        "rising": {"node": "Remap", "signal": "= 2 * time", "from_high": 4, "to_high": 4},
        "above": {"node": "Threshold", "signal": "rising", "on": 1},
        "passed": {"node": "Gate", "signal": "rising", "on": 1},
        "grey": {"node": "Solid", "colour": "#808080"},
        "shown": {"node": "Tone", "frames": "grey", "exposure": "= 0.3 * passed + 0 * above"},
        "out": {"node": "DigestSink", "frames": "shown", "path": "frames.txt"},
    }
    with Session(load({"n2s": 1, "fps": 30, "size": [32, 32], "duration": 2, "nodes": nodes}, tmp_path), store) as made:
        assert made.signal("above")[45] == 1
        assert made.signal("passed")[45] == pytest.approx(3)


def test_no_two_types_of_nodes_share_what_they_gave(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(analysis, "node_digests", lambda graph, name, scene: {})
    monkeypatch.setattr(analysis, "path_settings", lambda node: [])
    around = Scene(Clock(Fraction(30), 60), 0, (32, 32), RunContext(store, print), tmp_path, tmp_path)
    types: dict[str, str] = {}
    for name, cls in node_types().items():
        monkeypatch.setattr(cls, "settings", classmethod(lambda cls: []))  # so that all have equal ones
        subject = analysis._subject(
            cast(Any, SimpleNamespace(nodes={"node": cls.model_construct()})), "node", around, {}
        )
        assert types.setdefault(subject, name) == name


def test_sections_need_a_node_that_hears(tmp_path: Path) -> None:
    nodes = {"moods": {"node": "Sequence", "values": [0, 1], "every": "section"}}
    with pytest.raises(GraphError, match=r"graph.yaml:\d+:\d+  moods.every: .*heard in the music; add a Features node"):
        load({"n2s": 1, "size": [32, 32], "duration": 3, "nodes": nodes}, tmp_path)


def test_keyframes_take_every_easing() -> None:
    points = [[0, 0.0], [1, 1.0]]
    made = Keyframes(points=points, interpolate="out_bounce").compute(scene(31))
    np.testing.assert_allclose(made, ease("out_bounce", np.arange(31) / 30))
    with pytest.raises(DeclarationError, match="interpolate"):
        Keyframes(points=points, interpolate="wobble")


@pytest.mark.parametrize(
    ("points", "told"),
    [([[0, math.inf]], "within -1e6..1e6"), ([[math.nan, 1]], "within -1e6..1e6"), ([[0, -1e7]], "within -1e6..1e6"),
     ([["at A", math.nan]], "within -1e6..1e6"), ([[0, 1], [0, 2]], "times must rise")],
)  # fmt: skip
def test_keyframes_that_are_no_curve(points: list, told: str) -> None:
    with pytest.raises(DeclarationError, match=f"Keyframes.points: .*{told}"):
        Keyframes(points=points)


@pytest.mark.parametrize("how", ["linear", "spline", "hold", "out_back"])
def test_keyframes_that_are_nearly_at_once(how: str) -> None:
    with np.errstate(all="raise", under="ignore"):
        made = Keyframes(points=[[0, 0], [5e-324, 1], [1e-310, 0], [2, 1]], interpolate=how).compute(scene(90))
    assert np.isfinite(made).all() and made[-1] == 1


def test_an_unknown_way_between_points_is_told_once() -> None:
    with pytest.raises(DeclarationError) as caught:
        Keyframes(points=[[0, 1]], interpolate="out_cube")
    assert str(caught.value).count("out_cube") == 1


@pytest.mark.parametrize(
    ("node", "field"), [(LFO, "period"), (Random, "every"), (Integrate, "per"), (Relative, "slow"), (Sequence, "every")]
)
def test_periods_that_no_number_counts(node: Any, field: str) -> None:
    more = {"values": [1]} if node is Sequence else {}
    for time in (1e-300, "1e-9 bars", "0.0001 s"):
        with pytest.raises(DeclarationError, match=rf"{node.__name__}.{field}: .* must be within 0.001..3600"):
            node(**more, **{field: time})
    assert node(**more, **{field: "1 ms"})


def test_smoothing_by_less_than_a_frame_changes_nothing() -> None:
    signal = noise(50)
    for width in (1e-310, 1e-200, 1e-4):
        with np.errstate(all="raise"):
            np.testing.assert_array_equal(Smooth(width=width).compute(scene(50, 100), signal), signal)


def test_select_without_a_signal_chooses_the_nearest() -> None:
    a, b, d = (full(value, np.zeros(7)) for value in (1, 2, 4))
    index = np.float32([0, 0.5, 1, 1.9, 2, 2.4, 3])
    np.testing.assert_array_equal(Select().compute(scene(7), a, b, index, d=d), [1, 2, 2, 2, 4, 4, 4])
    np.testing.assert_array_equal(Select().compute(scene(7), a, b, index), [1, 2, 2, 2, 2, 2, 2])


@pytest.mark.parametrize("node", [{"node": "Select"}, {"node": "Crossfade"}])
def test_signals_of_other_columns_are_found_by_the_check(node: dict, tmp_path: Path, n2s: Any) -> None:
    nodes = {
        "rows": {"node": "Sequence", "values": [[1, 0, 2], [0, 1, 3]], "every": 1}, "one": {"node": "LFO", "period": 2},
        "more": node | {"a": "rows", "b": "one"}, "fits": node | {"a": "rows.0", "b": "one"},
    }  # fmt: skip
    path = load({"n2s": 1, "size": [32, 32], "duration": 3, "nodes": nodes}, tmp_path).path
    status, _, said = n2s("check", path)
    assert status == 2 and re.search(
        r"graph.yaml:\d+:\d+  more.b: b has 1 column, a has 3 columns; they must have as many each.", said
    )
    assert "fits" not in said.replace("fits is used by nothing", "")


def test_many_notes_are_each_that_of_one_and_do_not_take_long() -> None:
    """An hour at the fine rate with a note each quarter second: the work must not grow with its square."""
    one = np.zeros(22, np.float32)
    one[3] = 0.8
    settings = {"attack": 0.05, "decay": 0.1}
    alone = envelope(one, 86, **settings)
    assert alone[-1] == 0 and alone.max() > 0.7
    whole = envelope(np.tile(one, 14_000), 86, **settings)
    np.testing.assert_allclose(whole, np.tile(alone, 14_000), atol=1e-6)
    whole = envelope(np.tile(one, 14_000), 86, **settings, sustain=0.4, release=5.0)
    np.testing.assert_allclose(whole[22_000:44_000], whole[44_000:66_000], atol=1e-6)


def test_every_signal_node_has_its_page_and_plot() -> None:
    """docs/signals.md: `python docs/draw_signals.py` draws what is missing."""
    folder = Path(__file__).parents[1] / "docs"
    text = (folder / "signals.md").read_text(encoding="utf-8")
    nodes = [LFO, Crossfade, Delay, Envelope, Gate, Integrate, Keyframes, Quantise, Random, Relative, Remap, Select,
             Sequence, Smooth, Spring, Threshold]  # fmt: skip
    for name in [node.__name__ for node in nodes]:
        assert f"images/signals/{name}.svg" in text and name in text.replace("images/", "")
        assert (folder / "images" / "signals" / f"{name}.svg").read_bytes().startswith(b"<svg")


def test_the_examples_of_the_page_are_right(tmp_path: Path) -> None:
    text = (Path(__file__).parents[1] / "docs" / "signals.md").read_text(encoding="utf-8")
    lines = "\n".join(re.findall(r"```yaml\n(.*?)```", text, re.S))
    (tmp_path / "film.png").write_bytes(b"")
    head = (
        "n2s: 1\nnodes:\n  track: {node: AudioSource, path: a.wav}\n  features: {node: Features, audio: track}\n"
        "  film: {node: ImageSource, path: film.png}\n"
    )
    path = tmp_path / "page.yaml"
    path.write_text(head + "".join(f"  {line}\n" for line in lines.splitlines()), encoding="utf-8")
    assert len(Graph.load(path).nodes) > 18


@pytest.mark.parametrize("depth", [1, 2])
def test_what_hears_is_used_by_what_names_the_music_in_a_sub_graph(depth: int, tmp_path: Path) -> None:
    part = {"node": "Value", "value": "= bar_phase"}
    for level in range(depth):
        values = {"interface": {"outputs": {"level": "part"}}, "nodes": {"part": part}}
        (tmp_path / f"part{level}.yaml").write_text(json.dumps({"n2s": 1, **values}))
        part = {"node": "Graph", "path": f"part{level}.yaml"}
    nodes = {
        "track": {"node": "AudioSource", "path": "a.wav"}, "heard": {"node": "Features", "audio": "track"},
        "part": part, "film": {"node": "Solid"}, "moved": {"node": "Tone", "frames": "film", "exposure": "part.level"},
        "out": {"node": "FFmpegSink", "frames": "moved", "audio": "track", "path": "a.mp4"},
    }  # fmt: skip
    made = load({"n2s": 1, "size": [32, 32], "nodes": nodes}, tmp_path)
    assert not [problem for problem in warnings(made) if "used by nothing" in problem.text]
