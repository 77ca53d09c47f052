"""What was meant by names and expressions that are nearly right."""

from __future__ import annotations

from difflib import get_close_matches
from pathlib import Path
from typing import Any

import harness
import pytest

from n2s.graph import entries
from n2s.graph.check import warnings
from n2s.graph.errors import GraphError

HEARD = {"track": {"node": "AudioSource", "path": "a.wav"}, "features": {"node": "Features", "audio": "track"}}
PULSE = {"node": "Constant", "value": 1}


def graph_of(folder: Path, exposure: str, **nodes: Any) -> Any:
    tone = {"node": "Tone", "frames": "base", "exposure": exposure}
    out = {"node": "DigestSink", "frames": "tone", "path": "f.txt"}
    nodes = {"base": {"node": "Solid"}, **nodes, "tone": tone, "out": out}
    return harness.load({"n2s": 1, "duration": 1, "nodes": nodes}, folder)


@pytest.mark.parametrize(
    ("exposure", "nodes", "told"),
    [
        ("= heard.rms", {}, "A Features node hears that; add heard: {node: Features, audio: track}."),
        ("= heard.rms", {"song": HEARD["track"]}, "add heard: {node: Features, audio: song}."),
        ("= heard.rms", HEARD, 'Did you mean "features.rms"?'),
        ("= 1 + heard.chroma.C", HEARD, 'Did you mean "features.chroma.C"?'),
        ("= my-pulse", {"my_pulse": PULSE}, '"my-pulse" means my minus pulse, because no name has a dash. Did you mean '
                                            '"my_pulse"?'),
        ("= 0.2 * (my-puls)", {"my_pulse": PULSE}, 'Did you mean "my_pulse"?'),
        ("= my-pulse", {"mypulse": PULSE, "pulse": PULSE}, 'Did you mean "mypulse"?'),
        ("= my_pulse", {"mypulse": PULSE}, '"my_pulse" names no node. Did you mean "mypulse"?'),
    ],
)  # fmt: skip
def test_a_name_that_is_nearly_right(exposure: str, nodes: dict[str, Any], told: str, tmp_path: Path) -> None:
    with pytest.raises(GraphError) as caught:
        graph_of(tmp_path, exposure, **nodes)
    (problem,) = caught.value.problems
    assert told in problem.text and problem.position.line > 1


@pytest.mark.parametrize(
    ("name", "told"),
    [
        ("s", "(a unit, as in 2 s); choose another, like \"s1\"."),
        ("dB", "(a unit, as in 2 dB); choose another, like \"dB1\"."),
        ("sin", "(a function); choose another, like \"sin1\"."),
        ("bar", "(a unit, as in 2 bar); choose another"),
        ("time", "(a variable); choose another, like \"time1\"."),
        ("my-pulse", "is no identifier (letters, digits, _); choose another, like \"my_pulse\"."),
    ],
)  # fmt: skip
def test_a_name_that_is_taken_says_what_it_means(name: str, told: str, tmp_path: Path) -> None:
    with pytest.raises(GraphError) as caught:
        graph_of(tmp_path, "= time", **{name: PULSE})
    assert told in str(caught.value)


@pytest.mark.parametrize("sum_", ["base2 + 1 beats", "0.5 s + base2", "1 + 2 * (base2 - 250 ms)", "beat + 1 bar"])
def test_a_length_of_time_in_a_sum_is_doubted(sum_: str, tmp_path: Path) -> None:
    graph = graph_of(tmp_path, f"= {sum_}", base2={"node": "LFO"}, **HEARD)
    told = [problem.text for problem in warnings(graph) if "length of time" in problem.text]
    assert len(told) == 1 and "leave the unit out. A Delay node moves a signal in time." in told[0]


@pytest.mark.parametrize("right", ["sin(time + 1 beat)", "sin(time / 2 s)", "sin(6 * (duration - 2 s) / 1 beat)"])
def test_a_length_of_time_beside_others_is_not(right: str, tmp_path: Path) -> None:
    graph = graph_of(tmp_path, f"= {right}", **HEARD)
    assert not [problem for problem in warnings(graph) if "length of time" in problem.text]


@pytest.mark.parametrize("value", ["= 0.5 * risin", "= other - risin"])
def test_a_name_that_many_nodes_read_wrong_is_compared_once(
    value: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same comparison for each of thousands of readers took seconds."""
    entries.closest.cache_clear()
    compared: list[str] = []

    def compare(word: str, *rest: Any) -> list[str]:
        compared.append(word)
        return get_close_matches(word, *rest)

    monkeypatch.setattr(entries, "get_close_matches", compare)
    nodes = {f"node{number}": {"node": "Value", "value": value} for number in range(100)}
    named = {"rising": {"node": "Value", "value": 1}, "other": {"node": "Value", "value": 1}}
    with pytest.raises(GraphError) as caught:
        harness.load({"n2s": 1, "size": [32, 32], "duration": 2, "nodes": named | nodes}, tmp_path)
    assert [problem.text for problem in caught.value.problems] == [
        f'{name}.value: "risin" names no node. Did you mean "rising"?' for name in nodes
    ]
    assert compared and len(compared) == len(set(compared))
