"""Sub-graphs: a file with an interface is a node; flattened, it is what one would have written by hand."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import harness
import pytest
from harness import load
from packages import TABLES

from n2s.graph.entries import suggest
from n2s.graph.errors import GraphError, Position
from n2s.graph.graph import Graph
from n2s.graph.lookup import find_output
from n2s.plan.ranges import check_ranges
from n2s.runtime.readiness import tool_problems

LOOK = {
    "n2s": 1,
    "interface": {
        "inputs": {
            "frames": {"kind": "Frames", "help": "the picture"},
            "beat": {"kind": "Signal", "help": "the pulse"},
        },
        "params": {"light": {"default": 0.5, "ge": 0, "le": 2, "unit": "stops", "help": "how bright"}},
        "outputs": {"frames": "grain"},
    },
    "presets": {"soft": {"grain.amount": 0.01, "light": 0.2}},
    "nodes": {
        "calm": {"node": "EMA", "signal": "beat", "half_life": 0.3},
        "tone": {"node": "Tone", "frames": "frames", "exposure": "= light * calm", "contrast": "= 1 + light / 10"},
        "grain": {"node": "Grain", "frames": "tone", "amount": 0.04, "seed": 5},
    },
}


def write(folder: Path, name: str, values: dict[str, Any]) -> Path:
    path = folder / name
    path.write_text(json.dumps(values, indent=1))
    return path


def using(studio: Any, instance: dict[str, Any], look: dict[str, Any] | None = None) -> dict[str, Any]:
    """A graph that shows a picture through a look."""
    write(studio.folder, "look.yaml", look or LOOK)
    values = harness.around("Grain", studio.model)
    values["nodes"]["subject"] = {"node": "Graph", "path": "look.yaml", "frames": "decoded", "beat": "ramp"} | instance
    return values


def by_hand(studio: Any, light: Any, amount: float = 0.04, signal: str = "ramp", seed: int = 5) -> dict[str, Any]:
    values = harness.around("Grain", studio.model)
    values["nodes"] |= {
        "calm": {"node": "EMA", "signal": signal, "half_life": 0.3},
        "tone": {
            "node": "Tone",
            "frames": "decoded",
            "exposure": f"= {light} * calm",
            "contrast": f"= 1 + {light} / 10",
        },
        "subject": {"node": "Grain", "frames": "tone", "amount": amount, "seed": seed},
    }
    return values


@pytest.mark.parametrize("default", [3, -0.5])
def test_a_default_outside_its_own_range_is_told_in_the_sub_graph(default: float, studio: Any) -> None:
    look = copy.deepcopy(LOOK)
    look["interface"]["params"]["light"]["default"] = default
    with pytest.raises(GraphError) as caught:
        load(using(studio, {}, look), studio.folder)
    line = next(
        i for i, text in enumerate((studio.folder / "look.yaml").read_text().splitlines(), 1) if '"default"' in text
    )
    said = f"interface.params.light.default: {default:.1f} was given; it must be within 0..2."
    assert str(caught.value).startswith(f"{studio.folder / 'look.yaml'}:{line}:") and said in str(caught.value)


@pytest.mark.parametrize(
    ("instance", "hand"),
    [
        ({}, {"light": 0.5}),
        ({"light": 0.7}, {"light": 0.7}),
        ({"light": "ramp"}, {"light": "ramp"}),
        ({"light": "= 0.2 + ramp"}, {"light": "(0.2 + ramp)"}),
        ({"beat": "= 1 - ramp"}, {"light": 0.5, "signal": "= 1 - ramp"}),
        ({"preset": "soft"}, {"light": 0.2, "amount": 0.01}),
        ({"preset": "soft", "light": 1}, {"light": 1, "amount": 0.01}),
        ({"set": {"grain.amount": 0.1}}, {"light": 0.5, "amount": 0.1}),
        ({"preset": "soft", "set": {"grain.amount": 0.1}}, {"light": 0.2, "amount": 0.1}),
    ],
)
def test_a_subgraph_is_what_one_would_write_by_hand(instance: dict, hand: dict, studio: Any, store: Any) -> None:
    used = harness.keys(load(using(studio, instance), studio.folder), store)
    assert used == harness.keys(load(by_hand(studio, **hand), studio.folder, "hand.yaml"), store)


def test_paths_within_settings_start_from_the_sub_graphs_folder(studio: Any, packages: Any, tmp_path: Path) -> None:
    packages.install(TABLES)
    given = {
        "listed": ["a.csv"],
        "named": {"x": "../a.csv"},
        "weighed": ["a.csv", 0.5],
        "nested": [["a.csv"]],
        "folders": [["a", "b"]],
    }
    look = {"n2s": 1, "interface": {"outputs": {"signal": "tables"}}, "nodes": {"tables": {"node": "Tables", **given}}}
    outer = {
        "n2s": 1,
        "nodes": {"look": {"node": "Graph", "path": "looks/deep/look.yaml"}, "ema": {"node": "EMA", "signal": "look"}},
    }
    (tmp_path / "looks" / "deep").mkdir(parents=True)
    (tmp_path / "looks" / "deep" / "look.yaml").write_text(json.dumps(look))
    (tmp_path / "outer.yaml").write_text(json.dumps(outer))
    tables, folder = Graph.load(tmp_path / "outer.yaml").flat.nodes["look/tables"], tmp_path.resolve() / "looks"
    assert tables.listed == [str(folder / "deep" / "a.csv")] and tables.named == {"x": str(folder / "a.csv")}
    assert tables.weighed == (str(folder / "deep" / "a.csv"), 0.5) and tables.nested == [
        [str(folder / "deep" / "a.csv")]
    ]
    assert tables.folders == [("a", str(folder / "deep" / "b"))]


def test_an_instance_has_a_seed_of_its_own(studio: Any, store: Any) -> None:
    graphs = [load(using(studio, {"seed": seed}), studio.folder) for seed in (0, 1, 2)]
    assert len({tuple(harness.keys(graph, store)) for graph in graphs}) == 3
    assert graphs[0].flat.nodes["subject/grain"].seed == 5


def test_subgraphs_nest_and_give_several_outputs(studio: Any, store: Any) -> None:
    using(studio, {})
    outer = {
        "n2s": 1,
        "interface": {"inputs": {"picture": {"kind": "Frames", "help": "it"},
                                 "drive": {"kind": "Signal", "help": "what drives"}},
                      "params": {"much": {"default": 0.4, "help": "how much"}},
                      "outputs": {"frames": "inner", "slow": "slow"}},
        "nodes": {
            "slow": {"node": "EMA", "signal": "drive", "half_life": 1},
            "inner": {"node": "Graph", "path": "look.yaml", "frames": "picture", "beat": "slow", "light": "= 2 * much"},
        },
    }  # fmt: skip
    write(studio.folder, "outer.yaml", outer)
    values = harness.around("Grain", studio.model)
    values["nodes"]["subject"] = {"node": "Graph", "path": "outer.yaml", "picture": "decoded", "drive": "ramp"}
    values["nodes"]["again"] = {"node": "Tone", "frames": "subject.frames", "saturation": "subject.slow"}
    values["nodes"]["out"]["frames"] = "again"
    flat = load(values, studio.folder).flat
    assert {"subject/slow", "subject/inner/tone", "subject/inner/grain"} <= set(flat.nodes)
    assert str(flat.nodes["again"].saturation) == "subject/slow"
    assert str(flat.nodes["subject/inner/tone"].exposure) == "2 * 0.4 * subject/inner/calm"
    assert harness.codes(load(values, studio.folder), store).std() > 1


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"preset": "sfot"}, 'There is no preset "sfot". Did you mean "soft"?'),
        ({"light": 3}, "subject.light: 3 was given; it must be within 0..2"),
        ({"lihgt": 1}, 'subject.lihgt: look.yaml has no such setting. Did you mean "light"?'),
        ({"frames": "ramp"}, 'subject.frames takes Frames, but "ramp" gives Signal.'),
        ({"frames": None}, "subject.frames: look.yaml needs it: the picture."),
        ({"set": {"grian.amount": 1}}, 'the graph has no node "grian". Did you mean "grain"?'),
        ({"path": "nothing.yaml"}, "There is no such file. Check the path."),
    ],
)
def test_wrong_uses(change: dict, words: str, studio: Any) -> None:
    with pytest.raises(GraphError) as caught:
        load(using(studio, change), studio.folder)
    assert words in str(caught.value)


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"interface": None}, "interface"),
        ({"fps": 30}, "fps: a sub-graph takes it from the graph that uses it"),
        (
            {"interface": LOOK["interface"] | {"outputs": {"frames": "nobody"}}},
            'interface.outputs.frames: "nobody" names no output',
        ),
        ({"interface": LOOK["interface"] | {"colour": 1}}, "interface.colour: an interface has no such entry."),
        (
            {"nodes": LOOK["nodes"] | {"frames": {"node": "Constant"}}},
            'The name "frames" is one of the interface already',
        ),
        ({"nodes": LOOK["nodes"] | {"grain": {"node": "Grain", "frames": "tnoe"}}}, 'Did you mean "tone"?'),
    ],
)
def test_wrong_subgraphs(change: dict, words: str, studio: Any) -> None:
    with pytest.raises(GraphError) as caught:
        load(using(studio, {}, LOOK | change), studio.folder)
    assert words in str(caught.value) and "look.yaml:" in str(caught.value)


def test_graphs_that_include_each_other_are_refused(studio: Any) -> None:
    def including(other: str) -> dict[str, Any]:
        inner = {"node": "Graph", "path": other, "frames": "frames", "beat": "beat"}
        return LOOK | {"nodes": LOOK["nodes"] | {"inner": inner}}

    write(studio.folder, "a.yaml", including("b.yaml"))
    write(studio.folder, "b.yaml", including("a.yaml"))
    values = using(studio, {})
    values["nodes"]["subject"]["path"] = "a.yaml"
    with pytest.raises(GraphError, match="include each other in a circle: a.yaml → b.yaml → a.yaml"):
        load(values, studio.folder)
    write(studio.folder, "self.yaml", including("self.yaml"))
    values["nodes"]["subject"]["path"] = "self.yaml"
    with pytest.raises(GraphError, match="in a circle"):
        load(values, studio.folder)


def test_a_mistake_inside_is_reported_where_it_is_written(studio: Any, store: Any) -> None:
    values = using(studio, {"light": "= 30 * ramp"})
    graph = load(values, studio.folder)
    with pytest.raises(GraphError) as caught:
        check_ranges(harness.plan(graph, store))
    assert "look.yaml" in str(caught.value) and "subject/tone.exposure" in str(caught.value)


LEVEL = {
    "n2s": 1,
    "interface": {"params": {"k": {"default": 0.5, "ge": 0, "le": 2, "help": "a level"}}, "outputs": {"level": "own"}},
    "nodes": {"own": {"node": "Value", "value": "= k"}},
}
AROUND = {
    "n2s": 1,
    "interface": {"params": {"k": {"default": 0.5, "ge": 0, "le": 9, "help": "a level"}}, "outputs": {"level": "in"}},
    "nodes": {"in": {"node": "Graph", "path": "level.yaml", "k": "= k"}},
}


def levelled(folder: Path, level: str, look: dict[str, Any] = LEVEL, read: str = "= 0.2 * instance") -> Graph:
    """A graph of two seconds whose grey a sub-graph lightens, by a parameter that is given ``level``."""
    write(folder, "level.yaml", LEVEL)
    write(folder, "look.yaml", look)
    nodes = {
        "instance": {"node": "Graph", "path": "look.yaml", "k": level},
        "rising": {"node": "Value", "value": "= time"},
        "grey": {"node": "Solid", "colour": "#808080"},
        "shown": {"node": "Tone", "frames": "grey", "exposure": read},
        "out": {"node": "DigestSink", "frames": "shown", "path": "frames.txt"},
    }
    return load({"n2s": 1, "fps": 30, "size": [32, 32], "duration": 2, "nodes": nodes}, folder)


@pytest.mark.parametrize(
    ("level", "look", "told"),
    [
        ("= 3 * time", LEVEL, "instance.k is driven by = 3 * time and reaches 5.9 at frame 59 (00:01.96)"),
        ("= rising - 1", LEVEL, "instance.k is driven by = rising - 1 and reaches -1 at frame 0 (00:00.00)"),
        ("= 4 * time", AROUND, "instance/in.k is driven by = 4 * time and reaches 7.867 at frame 59 (00:01.96)"),
        ("5", AROUND, "instance/in.k is driven by = 5 and reaches 5 at frame 0 (00:00.00)"),
        # An output that is the parameter itself.
        ("= 3 * time", LEVEL | {"interface": LEVEL["interface"] | {"outputs": {"level": "k"}}}, "instance.k is driven"),
    ],
)  # fmt: skip
def test_what_moves_a_parameter_of_a_sub_graph_stays_in_its_range(
    level: str, look: dict[str, Any], told: str, store: Any, tmp_path: Path
) -> None:
    graph = levelled(tmp_path, level, look)
    with pytest.raises(GraphError) as caught:
        check_ranges(harness.plan(graph, store))
    (problem,) = caught.value.problems
    assert problem.text.startswith(told) and "it must be within 0..2. Wrap it: = clamp(" in problem.text
    line, where = ('"k": "= k"', "look.yaml") if look is AROUND else (json.dumps(level), "graph.yaml")
    assert problem.position and Path(problem.position.path).name == where
    assert line in Path(problem.position.path).read_text(encoding="utf-8").splitlines()[problem.position.line - 1]
    check_ranges(harness.plan(levelled(tmp_path, "= clamp(3 * time, 0, 2)", look), store))


def test_a_parameter_that_nothing_needs_is_not_held_to_its_range(store: Any, tmp_path: Path) -> None:
    check_ranges(harness.plan(levelled(tmp_path, "= 3 * time", read="= 0.2 * rising"), store))


def test_an_output_that_is_a_parameter_gives_what_that_is_given(store: Any, tmp_path: Path) -> None:
    look = LEVEL | {"interface": LEVEL["interface"] | {"outputs": {"level": "k"}}}
    for level in ("= 0.5 * time", "rising", "1.5"):
        graph = levelled(tmp_path, level, look)
        lit = harness.plan(graph, store).values.params["shown", "exposure"]
        own = harness.plan(levelled(tmp_path, level), store).values.params["shown", "exposure"]
        assert (abs(lit - own) < 1e-4).all()
    with pytest.raises(GraphError, match=r'"instance" is what a parameter of "instance" is given, 1.5; a Value node'):
        find_output(graph, "instance")


@pytest.mark.parametrize("name", ["time", "frame", "duration", "pi", "beat", "section_is"])
@pytest.mark.parametrize("part", ["inputs", "params"])
def test_an_interface_has_no_names_that_its_expressions_own(part: str, name: str, tmp_path: Path) -> None:
    """Where one reads such a name, what the interface is given would be lost. Ports and parameters read it plainly."""
    entry = {"kind": "Signal", "help": "x"} if part == "inputs" else {"default": 1, "help": "x"}
    read = f"{name}.A" if name == "section_is" else name
    values = LEVEL | {
        "interface": {part: {name: entry}, "outputs": {"level": "own"}},
        "nodes": {"own": {"node": "Value", "value": f"= 2 * {read}"}},
    }
    with pytest.raises(GraphError) as caught:
        Graph.load(write(tmp_path, "level.yaml", values))
    (problem,) = [problem for problem in caught.value.problems if "interface" in problem.text]
    assert problem.text == (
        f'interface.{part}: "{name}" means something else in expressions, which own.value reads; choose another name, '
        f'like "{name}1".'
    )
    lines = (tmp_path / "level.yaml").read_text(encoding="utf-8").splitlines()
    assert problem.position and lines[problem.position.line - 1].strip().startswith(f'"{name}":')
    values["nodes"]["own"]["value"] = name
    Graph.load(write(tmp_path, "level.yaml", values))


@pytest.mark.parametrize(
    ("written", "number"), [("-6 dB", 0.501187), ("1.5", 1.5), ("250 ms", 0.25), ("2 beats", 1.0), (1, 1.0)]
)
def test_a_preset_gives_a_parameter_what_a_graph_could(written: Any, number: float, store: Any, tmp_path: Path) -> None:
    interface = copy.deepcopy(LEVEL["interface"])
    interface["params"]["k"]["unit"] = "s"
    look = LEVEL | {"interface": interface, "presets": {"soft": {"k": written}}}
    values = json.loads(levelled(tmp_path, "1", look).path.read_text(encoding="utf-8"))
    values["tempo"], values["nodes"]["instance"] = 120, {"node": "Graph", "path": "look.yaml", "preset": "soft"}
    found = harness.plan(load(values, tmp_path), store).values.params["instance/own", "value"]
    assert found == pytest.approx(number, abs=1e-4)


@pytest.mark.parametrize("written", ["250 ms", "2 beats"])
def test_a_preset_gives_no_time_to_a_parameter_that_is_none(written: str, tmp_path: Path) -> None:
    path = write(tmp_path, "level.yaml", LEVEL | {"presets": {"soft": {"k": written}}})
    with pytest.raises(GraphError, match=f"level.yaml:.*  k: {written} was given, which is a time; it takes a number"):
        Graph.load(path, preset="soft")


@pytest.mark.parametrize(
    ("node", "told"),
    [
        ({"node": "Value", "value": "= k + at A"}, 'own.value: "at A"'),
        ({"node": "Keyframes", "points": [[0, 0], ["at drop", 1]]}, 'own.points: "at drop"'),
        ({"node": "Value", "value": "= k + bar"}, 'own: "bar"'),
    ],
)
def test_what_only_music_tells_needs_a_node_that_hears_around_a_sub_graph(
    node: dict[str, Any], told: str, tmp_path: Path
) -> None:
    look = LEVEL | {"nodes": {"own": node}}
    graph = levelled(tmp_path, "1", look)
    with pytest.raises(GraphError, match=f"look.yaml:.*  {told} is heard in the music; add a Features node to the"):
        tool_problems(graph)
    assert not tool_problems(Graph.load(tmp_path / "look.yaml"))  # by itself nobody knows what hears it
    (tmp_path / "music.wav").write_bytes(b"")
    heard = {"track": {"node": "AudioSource", "path": "music.wav"}, "heard": {"node": "Features", "audio": "track"}}
    values = json.loads((tmp_path / "graph.yaml").read_text(encoding="utf-8"))
    assert not tool_problems(load(values | {"nodes": heard | values["nodes"]}, tmp_path))


def test_a_path_that_a_graph_sets_inside_starts_from_its_own_folder(tmp_path: Path) -> None:
    """One that the look's own preset gives, from the look's; one of the command line, from the outer graph's."""
    inner = {
        "n2s": 1,
        "interface": {"inputs": {"audio": {"kind": "Audio", "help": "music"}}, "outputs": {"rms": "features.rms"}},
        "presets": {"own": {"features.beats": "inside.txt"}},
        "nodes": {"features": {"node": "Features", "audio": "audio"}},
    }
    write(tmp_path, "inner.yaml", inner)
    (tmp_path / "looks").mkdir()
    write(tmp_path, "looks/inner.yaml", inner)
    middle = inner | {
        "interface": inner["interface"] | {"outputs": {"rms": "deep.rms"}},
        "presets": {},
        "nodes": {"deep": {"node": "Graph", "path": "inner.yaml", "audio": "audio"}},
    }
    write(tmp_path, "looks/middle.yaml", middle)
    track = {"node": "AudioSource", "path": "music.wav"}

    def beats(spec: dict[str, Any], name: str, overrides: dict[str, Any] | None = None) -> Path:
        nodes = {"track": track, "a": {"node": "Graph", "audio": "track"} | spec}
        write(tmp_path, "outer.yaml", {"n2s": 1, "nodes": nodes})
        places = {key: Position(f"--set {key}", argument=True) for key in overrides or {}}
        flat = Graph.load(tmp_path / "outer.yaml", overrides, places=places).flat
        return flat.resolve(flat.nodes[name].beats)

    path = {"path": "looks/inner.yaml"}
    assert beats(path | {"set": {"features.beats": "x.txt"}}, "a/features") == tmp_path / "x.txt"
    assert beats(path | {"preset": "own"}, "a/features") == tmp_path / "looks" / "inside.txt"
    assert beats(path, "a/features", {"a.features.beats": "y.txt"}) == tmp_path / "y.txt"
    deep = {"path": "looks/middle.yaml", "set": {"deep.features.beats": "../z.txt"}}
    assert beats(deep, "a/deep/features") == tmp_path.parent / "z.txt"


def test_a_node_inside_is_suggested_by_the_last_part_of_its_name() -> None:
    known = ["track", "look", "look/heard/features", "look/film", "other/heard/features"]
    assert suggest("features", known) == suggest("feature", known) == 'Did you mean "look/heard/features"?'
    assert suggest("featuring", known).startswith("There are: track, ")
