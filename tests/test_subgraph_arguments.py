"""What sub-graphs are given: held to the range of their interface where a film needs them, else never looked at."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import harness
import pytest
from harness import load
from test_subgraphs import LEVEL, write

from n2s.graph.errors import GraphError
from n2s.graph.graph import Graph
from n2s.plan.ranges import check_ranges

# Inside, each bounds what it is given, so that all its own nodes have finite values in their ranges.
BOUNDED = LEVEL | {"nodes": {"own": {"node": "Value", "value": "= max(k, 0.5)"}}}
UNREAD = LEVEL | {"nodes": {"own": {"node": "Value", "value": "1"}}}
WRONG = [
    ("= log(time)", BOUNDED, "instance.k is driven by = log(time) and is no finite number at frame 0: "),
    ("= -3 * time", BOUNDED, "instance.k is driven by = -3 * time and reaches -5.9 at frame 59 (00:01.96); "),
    ("= 0.5 * pair", UNREAD, 'instance.k: "pair" has 2 components; name one, like "pair.0".'),
    ("pair.2", UNREAD, 'instance.k: "pair.2" names no component; pair has components 0 to 1.'),
]


def lit(folder: Path, given: str, look: dict[str, Any], exposure: str) -> Graph:
    """A graph of two seconds with a sub-graph that is given ``given``, and a grey that ``exposure`` lightens."""
    write(folder, "level.yaml", look)
    (folder / "pair.csv").write_text("time,a,b\n0,1,1\n2,1,1\n", encoding="utf-8")
    nodes = {
        "pair": {"node": "Table", "path": "pair.csv"},
        "instance": {"node": "Graph", "path": "level.yaml", "k": given},
        "grey": {"node": "Solid", "colour": "#808080"},
        "shown": {"node": "Tone", "frames": "grey", "exposure": exposure},
        "out": {"node": "DigestSink", "frames": "shown", "path": "frames.txt"},
    }
    return load({"n2s": 1, "fps": 30, "size": [32, 32], "duration": 2, "nodes": nodes}, folder)


@pytest.mark.parametrize(("given", "look", "told"), WRONG)
def test_what_a_needed_sub_graph_is_given_is_held_to_its_interface(
    given: str, look: dict[str, Any], told: str, store: Any, tmp_path: Path
) -> None:
    plan = harness.plan(lit(tmp_path, given, look, "= 0.2 * instance"), store)
    with pytest.raises(GraphError) as caught:
        check_ranges(plan)
    (problem,) = caught.value.problems
    assert problem.text.startswith(told)
    assert problem.position and Path(problem.position.path).name == "graph.yaml"
    lines = (tmp_path / "graph.yaml").read_text(encoding="utf-8").splitlines()
    assert json.dumps(given) in lines[problem.position.line - 1]


@pytest.mark.parametrize(("given", "look", "told"), WRONG)
def test_what_a_sub_graph_is_given_that_nothing_needs_stops_no_film(
    given: str, look: dict[str, Any], told: str, store: Any, tmp_path: Path
) -> None:
    check_ranges(harness.plan(lit(tmp_path, given, look, "= 0.2 * time"), store))


def test_all_that_is_wrong_is_told_at_once(store: Any, tmp_path: Path) -> None:
    """A value without an end hid what else leaves its range."""
    plan = harness.plan(lit(tmp_path, "= log(time)", BOUNDED, "= 20 * instance"), store)
    with pytest.raises(GraphError) as caught:
        check_ranges(plan)
    assert [problem.text.partition(" ")[0] for problem in caught.value.problems] == ["instance.k", "shown.exposure"]


def test_many_values_out_of_range_are_told_with_one_walk_over_the_links(
    store: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each walked over all links of the graph: 800 of them took seconds to be told."""
    write(tmp_path, "level.yaml", LEVEL)
    names = [f"instance{number}" for number in range(12)]
    nodes = {name: {"node": "Graph", "path": "level.yaml", "k": "= 3 * time"} for name in names}
    nodes |= {
        "grey": {"node": "Solid", "colour": "#808080"},
        "shown": {"node": "Tone", "frames": "grey", "exposure": f"= 9 * ({' + '.join(names)})"},
        "out": {"node": "DigestSink", "frames": "shown", "path": "frames.txt"},
    }
    graph = load({"n2s": 1, "fps": 30, "size": [32, 32], "duration": 2, "nodes": nodes}, tmp_path)
    plan = harness.plan(graph, store)
    kind, walks = type(plan.graph), []
    walk = kind.sources
    monkeypatch.setattr(kind, "sources", lambda graph: walks.append(graph) or walk(graph))
    with pytest.raises(GraphError) as caught:
        check_ranges(plan)
    assert [problem.text.partition(" ")[0] for problem in caught.value.problems] == [
        *(f"{name}.k" for name in names),
        "shown.exposure",
    ]
    assert len(walks) == 1
