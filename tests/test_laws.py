"""The laws, over every registered node type: a new node gets them free.

All of them stand here, and so it is longer than other files.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import typing
from pathlib import Path
from types import SimpleNamespace
from typing import Any, get_args

import harness
import numpy as np
import pytest
from harness import RENDERING, SINKS, STREAMED, TYPES, around, codes, film_bytes, keys, load, near, with_sink
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from places import POSIX

from n2s.graph.declarations import PIXELWISE
from n2s.graph.expressions import Expression
from n2s.graph.format_registry import find_format
from n2s.graph.graph import Graph
from n2s.graph.handles import call
from n2s.graph.links import Link
from n2s.graph.time import Clock
from n2s.graph.types import FILM, FRAMES, LATENTS, MATTE
from n2s.plan.measures import measured_frames
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kernels.pixels import uniform_names

FRAMES_IN_ALL = 63


@pytest.mark.parametrize("name", TYPES)
def test_every_node_is_documented(name: str) -> None:
    cls = TYPES[name]
    assert cls.__doc__ and len(cls.__doc__.strip().splitlines()[0]) <= 120, (
        f"{name} needs a docstring that begins with a line"
    )
    for field, spec in cls.specs.items():
        assert spec.help, f"{name}.{field} needs help"
        annotation = str(cls.model_fields[field].annotation)
        numeric = (
            spec.role == "param"
            or cls.is_type(field, "seconds")
            or annotation.startswith(("<class 'int'", "<class 'float'"))
        )
        if numeric:
            low = spec.ge is not None or spec.gt is not None
            high = spec.le is not None or spec.lt is not None
            assert low and high, f"{name}.{field} is a number and needs a range"


@pytest.mark.parametrize("name", RENDERING)
def test_examples_render(name: str, studio: Any, store: Any) -> None:
    """As frames, whose kernels other laws need as well; `test_fused_equals_unfused` makes codes of every node."""
    graph = load(around(name, studio.model), studio.folder)
    pictures = harness.frames(graph, store, harness.shown(graph), [(0, FRAMES_IN_ALL)])
    assert pictures.shape == (FRAMES_IN_ALL, 3, 64, 96)
    if name != "Solid":  # which is black
        assert pictures.std() > 1 / 255, "the example shows nothing"


@pytest.mark.parametrize("name", STREAMED)
@settings(max_examples=3, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture], derandomize=True)
@given(cuts=st.sets(st.integers(1, FRAMES_IN_ALL - 1), max_size=5))
def test_values_do_not_depend_on_the_pieces(name: str, cuts: set[int], studio: Any, store: Any) -> None:
    graph = load(around(name, studio.model), studio.folder)
    edges = [0, *sorted(cuts), FRAMES_IN_ALL]
    whole = harness.frames(graph, store, "subject", [(0, FRAMES_IN_ALL)])
    pieces = harness.frames(graph, store, "subject", list(zip(edges, edges[1:])))
    assert whole.tobytes() == pieces.tobytes()


@pytest.mark.parametrize("name", STREAMED)
def test_a_frame_can_be_made_alone(name: str, studio: Any, store: Any) -> None:
    graph = load(around(name, studio.model), studio.folder)
    whole = harness.frames(graph, store, "subject", [(0, FRAMES_IN_ALL)])
    alone = harness.frames(graph, store, "subject", [(41, 42)])
    assert whole[41:42].tobytes() == alone.tobytes()


@pytest.mark.parametrize(("name", "param"), [(name, param) for name in STREAMED for param in TYPES[name].params()])
def test_a_number_equals_a_constant_signal(name: str, param: str, studio: Any, store: Any) -> None:
    spec, default = TYPES[name].specs[param], TYPES[name].model_fields[param].default
    number = near(spec, default, 0.137)
    fixed = load(around(name, studio.model, **{param: number}), studio.folder)
    values = around(name, studio.model, **{param: "steady"})
    values["nodes"]["steady"] = {"node": "Constant", "value": number}
    driven = load(values, studio.folder)
    made = (harness.frames(graph, store, "subject", [(0, FRAMES_IN_ALL)]) for graph in (fixed, driven))
    assert next(made).tobytes() == next(made).tobytes()
    assert keys(fixed, store) == keys(driven, store)
    computed = load(around(name, studio.model, **{param: f"= {number} + 0 / duration"}), studio.folder)
    assert keys(fixed, store) == keys(computed, store)


def test_a_parameter_that_stands_still_for_a_while_is_a_number_there(studio: Any, store: Any) -> None:
    """So that an expression in place of a number renders only what it changes, and back again."""
    found = []
    for exposure in (0.5, "= where(time > 1.5, 0.25, 0.5)", "= where(time > 1.5, 0.25, 0.5 + 0.1 * time)"):
        values = around("Tone", studio.model, {"chunk": 10}, exposure=exposure)
        found.append(keys(load(values, studio.folder), store))
    number, later, always = found
    still = [one == other for one, other in zip(number, later)]
    assert still.index(False) == 4 and not any(still[5:]) and len(still) > 5  # 1.5 s are 45 frames
    assert set(always[:4]).isdisjoint(number) and always[5:] == later[5:]


@pytest.mark.parametrize("shutters", [(360, 0), (0, 360), (20, 0)])
def test_a_lens_in_a_run_with_an_open_shutter_is_keyed_by_the_frames_around(
    shutters: tuple[int, int], studio: Any, store: Any
) -> None:
    found = []
    for turn in (20, "= where(time >= 1, 90, 20)", "= where(time >= 1, 90, 20) + 0 * time"):
        values = around("Camera", studio.model, {"chunk": 10}, turn=turn, shutter=shutters[1])
        values["nodes"]["first"] = {"node": "Camera", "frames": "decoded", "zoom": 1.1, "shutter": shutters[0]}
        values["nodes"]["subject"]["frames"] = "first"
        found.append(keys(load(values, studio.folder), store))
    number, later, same = found
    assert later == same and set(number).isdisjoint(later)  # frame 29 shows what frame 30 is turned by


def test_pictures_that_are_not_shown_decide_nothing(studio: Any, store: Any) -> None:
    found = []
    for exposure in (0.1, 0.2, "= 0.1 * time"):
        values = around("Switch", studio.model, {"chunk": 10}, index="= where(time > 1.5, 1, 0)")
        values["nodes"]["other"] = {"node": "Tone", "frames": "decoded", "exposure": exposure}
        values["nodes"]["subject"] |= {"a": "decoded", "b": "other"}
        found.append(keys(load(values, studio.folder), store))
    assert found[0][:4] == found[1][:4] == found[2][:4]
    assert len({made[-1] for made in found}) == 3


@pytest.mark.parametrize("name", [name for name in STREAMED if TYPES[name].neutral is not None])
def test_neutral_settings_return_the_input(name: str, studio: Any, store: Any) -> None:
    graph = load(around(name, studio.model, **TYPES[name].neutral), studio.folder)
    source = next(
        link.node
        for port, link in graph.nodes["subject"].links().items()
        if TYPES[name].ports.get(port) in (FRAMES, LATENTS, MATTE)
    )
    made = harness.frames(graph, store, "subject", [(0, 20)])
    given_ = harness.frames(graph, store, source, [(0, 20)])
    np.testing.assert_array_equal(made, given_)


@pytest.mark.parametrize("name", [name for name in TYPES if getattr(TYPES[name], "neutral_mattes", ())])
def test_a_picture_is_passed_on_where_neutral_mattes_are_0(name: str) -> None:
    cls, number = TYPES[name], np.float32
    random = np.random.default_rng(2)
    for colour in ([-0.0, 0.0, 1.5], [0.3, -2.0, -0.0], *random.normal(0.5, 0.7, (50, 3)).tolist()):
        others = iter(random.random(50).tolist())
        picture, below = (tuple(map(number, values)) for values in (colour, (0.7, 0.1, -0.0)))
        given: list[Any] = []
        for port, kind in cls.ports.items():
            if kind is MATTE:
                given.append(number(0 if port in cls.neutral_mattes else next(others)))
            elif kind is FRAMES:
                given.append(picture if not given else below)
        numbers = [number(next(others)) for _ in uniform_names(cls)]
        made = cls.pixel(*given, SimpleNamespace(u=number(0.3), v=number(0.6), radius=number(0.5)), *numbers)
        assert np.array(made, np.float32).tobytes() == np.array(picture).tobytes()


MEASURES = [name for name in TYPES if TYPES[name].kind == "measure"]


def measured(values: dict[str, Any], studio: Any, store: Any) -> dict[str, np.ndarray]:
    """Return the signals of the measure that a graph is around."""
    outputs = harness.plan(load(values, studio.folder), store).values.outputs
    return {output: made for (name, output), made in outputs.items() if name == "subject"}


def assert_alike(some: dict[str, np.ndarray], others: dict[str, np.ndarray]) -> None:
    assert some.keys() == others.keys()
    for output, values in some.items():
        np.testing.assert_array_equal(values, others[output], err_msg=output)


@pytest.mark.parametrize("name", MEASURES)
def test_measures_do_not_depend_on_the_pieces(name: str, studio: Any, new_store: Any) -> None:
    whole, cut = (
        measured(around(name, studio.model, {"chunk": chunk}), studio, new_store()) for chunk in (FRAMES_IN_ALL, 7)
    )
    assert_alike(whole, cut)


@pytest.mark.parametrize("name", MEASURES)
def test_what_is_measured_of_a_frame_depends_on_no_other(name: str, studio: Any, store: Any) -> None:
    every = measured(around(name, studio.model, every=0), studio, store)
    some = measured(around(name, studio.model, every=0.3), studio, store)
    node, clock = TYPES[name](**{**TYPES[name].example, "every": 0.3}), Clock(30, FRAMES_IN_ALL, 120.0)
    places = measured_frames(node, clock, 0, FRAMES_IN_ALL)
    assert 5 < len(places) < 15
    assert_alike(*({output: values[places] for output, values in found.items()} for found in (every, some)))


@pytest.mark.parametrize("name", MEASURES)
def test_measures_see_a_number_as_a_constant_signal(name: str, studio: Any, new_store: Any) -> None:
    found = []
    for exposure in (0.25, "steady"):
        values = around(name, studio.model)
        values["nodes"]["steady"] = {"node": "Constant", "value": 0.25}
        values["nodes"]["lit"] = {"node": "Tone", "frames": "decoded", "exposure": exposure}
        values["nodes"]["subject"] |= {next(iter(TYPES[name].ports)): "lit"}
        found.append(measured(values, studio, new_store()))
    assert_alike(*found)


def test_neutral_signals_return_the_input(studio: Any, store: Any) -> None:
    graph = load(around("EMA", studio.model, half_life=0), studio.folder)
    values = harness.plan(graph, store).values
    np.testing.assert_array_equal(values.outputs["subject", "signal"], values.outputs["ramp", "signal"])


def type_made(name: str) -> Any:
    """Return the kind of what a node type gives first."""
    return next(iter(TYPES[name].outputs.values())).kind


FUSED = [name for name in STREAMED if TYPES[name].kind in ("lens", *PIXELWISE)]


# Every node in one chain of three. Each kernel of these is compiled for its chain alone, so that more take minutes: all
# night, every node stands before the next one and before the fourth from it, two of these steps in each chain.
ONCE = [(FUSED[i], FUSED[(i + 1) % len(FUSED)], FUSED[(i + 2) % len(FUSED)]) for i in range(0, len(FUSED), 3)]
EACH_STEP = [(name, FUSED[(i + 1) % len(FUSED)], FUSED[(i + 5) % len(FUSED)]) for i, name in enumerate(FUSED)]
CHAINS = EACH_STEP if os.environ.get("N2S_NIGHTLY") else ONCE


@pytest.mark.parametrize("names", CHAINS, ids="-".join)
def test_fused_equals_unfused(names: tuple[str, ...], studio: Any, store: Any) -> None:
    values = around(names[0], studio.model)
    before, kind = "subject", type_made(names[0])
    for i, name in enumerate(names[1:]):
        values["nodes"][f"more{i}"] = harness.subject(TYPES[name], studio.model)
        if port := next((port for port, taken in TYPES[name].ports.items() if taken is kind), None):
            values["nodes"][f"more{i}"][port] = before
        before, kind = f"more{i}", type_made(name)
        both = {"node": "Mix", "a": values["nodes"]["out"]["frames"], "b": "picture"}
        values["nodes"][f"both{i}"] = both | {"b" if kind is FRAMES else "matte": before}
        values["nodes"]["out"]["frames"] = f"both{i}"
    graph = load(values, studio.folder)
    assert codes(graph, store, fuse=True).tobytes() == codes(graph, store, fuse=False).tobytes()


BY_SECTIONS = {("Random", "alike"), ("Sequence", "alike")}  # tests/test_signals.py has music with sections


def shown_by(values: dict[str, Any], output: str) -> dict[str, Any]:
    """Return a graph in which another output of the node in question shows."""
    if output:
        values["nodes"]["shown"]["exposure"] = f"= 0.01 * subject.{output}"
    return values


def other_values(cls: type, field: str, example: Any) -> list[Any]:
    """Return a value of a setting that is valid and differs from the one in use."""
    spec, info = cls.specs[field], cls.model_fields[field]
    now = example.get(field, info.default)
    choices = [
        c
        for part in (info.annotation, *get_args(info.annotation))
        if typing.get_origin(part) is typing.Literal
        for c in get_args(part)
    ]
    if field == "metre":
        return ["3/4"]  # which a few clicks are not heard in
    if choices:
        return [choice for choice in choices if choice != now][:1]
    if isinstance(now, bool):
        return [not now]
    if field == "index":
        return [1]
    if spec.role == "param" or cls.is_type(field, "seconds") or isinstance(now, int | float):
        number = now if isinstance(now, int | float) else getattr(now, "value", 0.27)
        step = 1 if isinstance(now, int) or info.annotation is int else 0.1
        return [near(spec, number, step)]
    if cls.__name__ == "Solid":
        return ["#20406a"]
    if cls.__name__ == "Curves":
        return [[[0, 0], [0.5, 0.7], [1, 1]]]
    return {
        "points": [[[0, 0.1], [1.5, 1.0], [4, 0.25]]],
        "names": [["red", "green", "green"]],
        "grid": [[4, 6]],
        "colours": [["#000000", "#ffcc00"]],
        "text": ["0:(0.5), 20:(0.1)"],
        "columns": [["tilt"]],
    }.get(field, [])


def not_felt(name: str, field: str, value: Any) -> str:
    """Say that a setting changed nothing, and how its author tells what it does change something with."""
    return (
        f"{name}.{field} = {value} does not change the key: with the node's example, on a ramp from 0 to 1 and back to "
        f"0.3, it changes no value. If that is right, the class says with which settings or inputs it does: "
        f'felt_with = {{"{field}": {{"signal": "= sin(40 * time)"}}}}, or at which output, where not at the first: '
        f'felt_at = {{"{field}": "OUTPUT"}}. See "How it is tested" in docs/writing-nodes.md.'
    )


@pytest.mark.parametrize("name", RENDERING)
def test_every_setting_that_can_change_pixels_changes_the_key(name: str, studio: Any, store: Any) -> None:
    cls = TYPES[name]
    tried = 0
    for field in [*cls.settings(), *cls.params()]:
        if (not cls.specs[field].keyed and field != "names") or (name, field) in BY_SECTIONS:
            continue
        for value in other_values(cls, field, cls.example):
            tried += 1
            output, felt = cls.felt_at.get(field, ""), cls.felt_with.get(field, {})
            before, after = (
                keys(load(shown_by(around(name, studio.model, **given), output), studio.folder), store)
                for given in (felt, felt | {field: value})
            )
            assert set(after).isdisjoint(before) or cls.kind in ("resident", "measure"), (
                f"{name}.{field} = {value} does not change every key"
            )
            assert after != before, not_felt(name, field, value)
    assert tried or not [f for f in [*cls.settings(), *cls.params()] if cls.specs[f].keyed]


def test_header_and_sink_settings_change_the_key(studio: Any, store: Any) -> None:
    values = around("Grain", studio.model, sink={"node": "FFmpegSink", "path": "a.mp4"})
    before = keys(load(values, studio.folder), store)
    for change in ({"seed": 4}, {"fps": 25}, {"size": [64, 64]}):
        assert set(keys(load(values | change, studio.folder), store)).isdisjoint(before), change
    for change in ({"crf": 19}, {"preset": "fast"}, {"depth": 10}, {"dither": False}):
        changed = around("Grain", studio.model, sink={"node": "FFmpegSink", "path": "a.mp4", **change})
        assert set(keys(load(changed, studio.folder), store)).isdisjoint(before), change


def test_what_cannot_change_pixels_does_not_change_the_key(studio: Any, store: Any, tmp_path: Path) -> None:
    sink = {"node": "FFmpegSink", "path": "a.mp4"}
    values = around("Grain", studio.model, sink=sink)
    before = keys(load(values, studio.folder), store)
    renamed = around("Grain", studio.model, sink=sink | {"path": "other/b.mp4", "audio_bitrate": 96})
    renamed |= {"title": "Another name", "artist": "Nobody"}
    renamed["nodes"]["zebra"] = renamed["nodes"].pop("decoded")
    renamed["nodes"]["subject"]["frames"] = "zebra"
    renamed["nodes"] = dict(sorted(renamed["nodes"].items(), reverse=True))
    renamed["nodes"]["unused"] = {"node": "Constant", "value": 3}
    assert keys(load(renamed, studio.folder), store) == before
    path = studio.folder / "commented.yaml"
    path.write_text("# a comment\n" + json.dumps(values))
    assert keys(Graph.load(path), store) == before


@pytest.mark.parametrize(
    ("stated", "same"),
    [
        ({}, {"crf": 18, "depth": 8, "chroma": "4:2:0", "preset": "veryfast", "chunk": 60}),
        ({"codec": "h265"}, {"crf": 20, "depth": 10}),
        ({"codec": "h265", "bitrate": 900}, {"depth": 10}),
        ({"codec": "prores", "path": "a.mov"}, {"depth": 10, "chroma": "4:2:2", "profile": None}),
        ({"crf": 26, "preset": "ultrafast"}, {"profile": "draft", "depth": 8}),
        ({"codec": "ffv1", "depth": 10, "chroma": "4:4:4", "path": "a.mkv"}, {"profile": "archive"}),
    ],
)
def test_a_default_that_is_written_down_does_not_change_the_key(
    stated: dict[str, Any], same: dict[str, Any], studio: Any, store: Any
) -> None:
    sink = {"node": "FFmpegSink", "path": "a.mp4", **stated}
    one, other = (load(around("Grain", studio.model, sink=made), studio.folder) for made in (sink, sink | same))
    assert keys(one, store) == keys(other, store)
    changed = load(around("Grain", studio.model, sink=sink | {"dither": False}), studio.folder)
    assert set(keys(changed, store)).isdisjoint(keys(one, store))


@pytest.mark.parametrize("name", RENDERING)
def test_the_same_graph_in_yaml_and_in_python_has_the_same_keys(name: str, studio: Any, store: Any) -> None:
    values = around(name, studio.model)
    handles: dict[str, Any] = {}

    def build(node_name: str) -> Any:
        if node_name not in handles:
            spec = dict(values["nodes"][node_name])
            cls = TYPES[spec.pop("node")]
            ports = {port: connect(spec.pop(port)) for port in cls.ports if port in spec}
            driven = {field: drive(spec.pop(field)) for field in cls.params() if isinstance(spec.get(field), str)}
            handles[node_name] = cls(**spec, **driven)(name=node_name, **ports)
        return handles[node_name]

    def connect(text: str) -> Any:
        link = Link.parse(text)
        handle = build(link.node)
        handle = getattr(handle, link.output) if link.output else handle
        return handle if link.component is None else handle[link.component]

    def drive(text: str) -> Any:
        source = next(iter(Expression.parse(text.lstrip("= ")).links()))
        return call("clamp", connect(str(source)), -2, 2)

    graph = Graph(build("out"), fps=30, size=(96, 64), seed=3, base=studio.folder)
    assert keys(graph, store) == keys(load(values, studio.folder), store)


@pytest.mark.parametrize("length", [15, 30, 60, 90])
@pytest.mark.parametrize("jobs", [1, 2])
def test_frames_are_the_same_for_any_chunking_and_workers(
    length: int, jobs: int, executor: Any, studio: Any, store: Any, tmp_path: Path
) -> None:
    def digests(chunk: int, name: str, executor: Any) -> str:
        values = around("Wander", studio.model, sink={"chunk": chunk, "path": f"{name}.txt"})
        values["nodes"]["smooth"] = {"node": "LatentEMA", "latents": "subject", "half_life": 0.1}
        values["nodes"]["shown"]["latents"] = "smooth"
        harness.run(load(values, studio.folder), tmp_path, store, executor=executor)
        return (tmp_path / f"{name}.txt").read_text()

    assert digests(length, "some", executor(jobs)) == digests(7, "usual", ThreadExecutor(1))


@pytest.mark.parametrize("name", SINKS)
def test_a_film_is_the_same_whatever_was_there_and_how_many_work(
    name: str, studio: Any, new_store: Any, tmp_path: Path
) -> None:
    graph = with_sink(name, studio.folder, studio.model)
    store = new_store()
    cold = harness.run(graph, tmp_path / "cold", store, executor=ThreadExecutor(1))
    tracks = sum(node.kind == "track" for node in graph.nodes.values()) or 1
    assert cold.films[-1]["frames"] == tracks * FRAMES_IN_ALL and cold.rendered
    warm = harness.run(graph, tmp_path / "warm", store)
    assert warm.rendered == 0
    two = harness.run(graph, tmp_path / "two", new_store(), executor=ThreadExecutor(2))
    for other in (warm, two):
        assert list(map(film_bytes, other.films)) == list(map(film_bytes, cold.films))
        assert [film["sha256"] for film in other.films] == [film["sha256"] for film in cold.films]


@pytest.mark.parametrize("name", [name for name in SINKS if "chunk" in TYPES[name].settings()])
def test_a_film_of_other_chunks_shows_the_same(name: str, studio: Any, new_store: Any, tmp_path: Path) -> None:
    made = []
    for chunk in (17, 40):
        graph = with_sink(name, studio.folder, studio.model, chunk=chunk)
        made.append(harness.run(graph, tmp_path / str(chunk), new_store()).films[-1])
    assert made[0]["frames"] == made[1]["frames"]
    if find_format(TYPES[name].format).any_chunk:
        assert film_bytes(made[0]) == film_bytes(made[1])


@pytest.mark.parametrize("name", [name for name in SINKS if FRAMES in TYPES[name].ports.values()])
def test_a_sink_gets_the_same_codes_in_any_pieces(name: str, studio: Any, store: Any) -> None:
    film = harness.plan(with_sink(name, studio.folder, studio.model), store)
    maker = FrameMaker(film, store)
    whole = np.concatenate([codes.copy() for codes in maker.blocks(0, FRAMES_IN_ALL)])
    edges = [0, 7, 8, 31, FRAMES_IN_ALL]
    pieces = [codes.copy() for start, stop in zip(edges, edges[1:]) for codes in maker.blocks(start, stop)]
    assert whole.tobytes() == np.concatenate(pieces).tobytes()
    assert whole.shape == (FRAMES_IN_ALL, film.pixels.count(96, 64)) and whole.std() > 1


KILLED = """
import os, signal, sys
from n2s.graph.graph import Graph
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.run import Run
from n2s.runtime.store import Store
add = Store.add
def add_and_die(self, kind, *arguments):
    add(self, kind, *arguments)
    if kind == "segments":
        os.kill(os.getpid(), signal.SIGKILL)
Store.add = add_and_die
Run(Graph.load(sys.argv[1]), out=sys.argv[2], store=sys.argv[3], executor=ThreadExecutor(1)).execute()
"""


@POSIX
@pytest.mark.parametrize("name", SINKS)
def test_a_killed_run_goes_on_to_the_same_film(name: str, studio: Any, new_store: Any, tmp_path: Path) -> None:
    graph, store = with_sink(name, studio.folder, studio.model), new_store()
    words = [sys.executable, "-c", KILLED, str(graph.path), str(tmp_path / "killed"), str(store.root)]
    assert subprocess.run(words, check=False).returncode == -signal.SIGKILL
    resumed = harness.run(graph, tmp_path / "killed", store)
    assert resumed.stored >= 1 and resumed.rendered >= 1
    peace = harness.run(graph, tmp_path / "peace", new_store())
    assert list(map(film_bytes, resumed.films)) == list(map(film_bytes, peace.films))


def test_only_declared_node_kinds_are_registered() -> None:
    kinds = {"resident", "measure", "streamed", "lens", "pick", *PIXELWISE, "sink", "track"}
    assert {cls.kind for cls in TYPES.values()} <= kinds
    assert all(out.kind for cls in TYPES.values() for out in cls.outputs.values())
    assert FILM in {out.kind for out in TYPES["FFmpegSink"].outputs.values()}
