"""Long chains of nodes: kernels of a size that compiles soon, no recursion, memory that does not grow."""

from __future__ import annotations

import json
import random
import signal
import subprocess
import time
import tracemalloc
from pathlib import Path
from typing import Any

import harness
import pytest
from places import N2S, POSIX

from n2s import Graph
from n2s.graph.describe.diagram import diagram
from n2s.graph.errors import GraphError
from n2s.graph.subgraph import MAX_NODES
from n2s.nodes import EMA, Anchors, Constant, DigestSink, ImageSource, LatentEMA, Tone, VAEDecode, Vignette, Weights
from n2s.plan.fuse import MOST_INPUTS, MOST_PICTURES
from n2s.runtime.seeing.explain import stages


def load(
    nodes: dict[str, Any], studio: Any, last: str, size: tuple[int, int] = (32, 16), name: str = "long.yaml"
) -> Graph:
    nodes["out"] = {"node": "DigestSink", "frames": last, "path": "f.txt"}
    return harness.load({"n2s": 1, "size": list(size), "duration": 0.3, "nodes": nodes}, studio.folder, name)


def chain(studio: Any, count: int, types: tuple[str, ...] = ("Vignette",), **more: Any) -> Graph:
    nodes: dict[str, Any] = {"n0": {"node": "ImageSource", "path": "picture.png"}}
    for i in range(1, count + 1):
        nodes[f"n{i}"] = {"node": types[i % len(types)], "frames": f"n{i - 1}"}
    return load(nodes, studio, f"n{count}", **more)


def tangle(studio: Any, count: int, seed: int) -> Graph:
    """A graph of pointwise nodes, each reading any of the last few before it."""
    dice = random.Random(seed)
    nodes: dict[str, Any] = {"n0": {"node": "ImageSource", "path": "picture.png"}}
    for i in range(1, count + 1):
        near = [f"n{j}" for j in range(max(0, i - 4), i)]
        kind = dice.choice(["Vignette", "Tone", "Mix", "Mix"])
        nodes[f"n{i}"] = (
            {"node": "Mix", "a": dice.choice(near), "b": dice.choice(near)}
            if kind == "Mix"
            else {"node": kind, "frames": near[-1]}
        )
    return load(nodes, studio, f"n{count}")


@pytest.mark.parametrize("seed", range(5))
def test_kernels_are_small_whatever_the_wiring(seed: int, studio: Any, store: Any) -> None:
    graph = tangle(studio, 80, seed)
    plan = harness.plan(graph, store)
    made = [stage for stage in plan.stages if stage.kernel]
    needed, roots = set(), {stage.name for stage in made}
    for stage in made:
        kernel = stage.kernel
        assert len(kernel.steps) + len(kernel.inputs) <= MOST_PICTURES and len(kernel.inputs) <= MOST_INPUTS
        assert kernel.steps[kernel.root[1]] == (stage.name if stage.makes == "frames" else "n80")
        assert {name for name in kernel.inputs if name != "n0"} <= roots
        needed |= set(kernel.steps)
    assert needed == {name for name in plan.order if name != "n0"}

    def rename(spec: dict[str, Any]) -> dict[str, Any]:
        return {
            field: value.replace("n", "z", 1) if field in ("a", "b", "frames") else value
            for field, value in spec.items()
        }

    specs = reversed(json.loads(graph.path.read_text())["nodes"].items())
    renamed = load({name.replace("n", "z", 1): rename(spec) for name, spec in specs if name != "out"}, studio, "z80")
    names = [stage.name.replace("z", "n") for stage in harness.plan(renamed, store).stages]
    assert names == [stage.name for stage in plan.stages]


def test_a_cut_changes_no_bit(studio: Any, store: Any) -> None:
    graph = tangle(studio, 12, 3)
    assert kernels(harness.plan(graph, store)) > 1
    assert harness.codes(graph, store).tobytes() == harness.codes(graph, store, fuse=False).tobytes()


def test_usual_films_are_one_kernel(studio: Any, store: Any) -> None:
    assert kernels(harness.plan(chain(studio, 7, ("Tone", "Vignette", "Grain")), store)) == 1
    assert kernels(harness.plan(chain(studio, 8), store)) == 2


def kernels(plan: Any) -> int:
    return sum(stage.kernel is not None for stage in plan.stages)


def test_the_plan_shows_the_parts(studio: Any, store: Any) -> None:
    shown = [stage for stage in stages(harness.plan(chain(studio, 20), store)) if "kernel" in stage]
    assert [len(stage["kernel"]["steps"]) for stage in shown] == [7, 7, 6]
    assert [name for stage in shown for name in stage["kernel"]["steps"]] == [f"n{i}" for i in range(1, 21)]
    assert [stage["kernel"]["inputs"] for stage in shown] == [["n0"], ["n7"], ["n14"]]


def test_a_thousand_pointwise_nodes(studio: Any, store: Any) -> None:
    codes = harness.codes(chain(studio, 1000), store)
    assert len(codes) == 9 and (codes == codes[0]).all()


def test_a_thousand_streamed_nodes(studio: Any, store: Any) -> None:
    nodes = {
        name: spec
        for name, spec in harness.surroundings(studio.model).items()
        if name in ("ramp", "weights", "anchors")
    }
    last = "anchors"
    for i in range(1000):
        nodes[f"e{i}"] = {"node": "LatentEMA", "latents": last, "half_life": 0}
        last = f"e{i}"
    nodes["film"] = {"node": "VAEDecode", "latents": last, "model": str(studio.model), "grid": [2, 3]}
    long = harness.codes(load(nodes, studio, "film"), store)
    nodes["film"]["latents"] = "anchors"
    assert long.tobytes() == harness.codes(load(nodes, studio, "film"), store).tobytes()


def test_memory_does_not_grow_with_the_chain(studio: Any, store: Any) -> None:
    peaks = []
    for count in (24, 24, 168):
        graph = chain(studio, count, size=(256, 128))
        plan = harness.plan(graph, store)
        maker = harness.FrameMaker(plan, store)
        maker.warm_up()
        tracemalloc.start()
        for _ in maker.blocks(0, 8):
            pass
        peaks.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.stop()
    assert peaks[2] < peaks[1] + 1.5 * 4 * 3 * 256 * 128 * 4, peaks


def test_two_thousand_nodes_in_python(tmp_path: Path) -> None:
    picture = ImageSource(path="picture.png")()
    for _ in range(2000):
        picture = Vignette()(picture)
    signal = Constant(value=0.5)()
    for _ in range(1000):
        signal = EMA()(signal)
    latents = Anchors(names=["dawn", "ember"])(Weights(count=2)(signal))
    for _ in range(1000):
        latents = LatentEMA()(latents)
    graph = Graph(DigestSink(path="a.txt")(picture), DigestSink(path="b.txt")(VAEDecode()(latents)), duration=1)
    assert len(graph.nodes) == 4007 and list(graph.nodes)[:3] == ["image_source", "vignette", "vignette_2"]
    graph.save(tmp_path / "long.yaml")
    back = Graph.load(tmp_path / "long.yaml")
    assert len(back.flat.nodes) == 4007 and back.to_yaml() == (tmp_path / "long.yaml").read_text()
    assert diagram(back).count(" -> ") == 4005


def test_too_many_nodes_are_refused_by_the_check(studio: Any, n2s: Any) -> None:
    with pytest.raises(
        GraphError, match=rf":\d+:\d+  A graph has at most {MAX_NODES} nodes, this one has {MAX_NODES + 2}"
    ):
        chain(studio, MAX_NODES)
    assert n2s("check", studio.folder / "long.yaml")[0] == 2


def test_expressions_that_nest_without_end() -> None:
    value: Any = Constant(value=0.5)()
    with pytest.raises(
        GraphError, match="an expression nests at most 220 operations deep; give parts of it nodes of their own"
    ):
        for _ in range(3000):
            value = value + 1
    assert str(Tone(exposure=value).exposure).count("+ 1") == 220


@POSIX
def test_an_interruption_is_heard_while_kernels_are_compiled(studio: Any, tmp_path: Path) -> None:
    dice = random.Random(7)
    nodes: dict[str, Any] = {"n0": {"node": "ImageSource", "path": "picture.png"}}
    for i in range(1, 101):
        nodes[f"n{i}"] = {"node": dice.choice(["Tone", "Vignette", "Grain"]), "frames": f"n{i - 1}"}
    file = load(nodes, studio, "n100", name="interrupted.yaml").path
    command = [str(N2S), "run", str(file), "--out", str(tmp_path / "out"), "--store", str(tmp_path / "store")]
    process = subprocess.Popen(command, stderr=subprocess.PIPE, text=True, start_new_session=True)
    said = ""
    while "compiling 9 kernels" not in said:  # neutral ones are not computed, and two are alike
        said = process.stderr.readline()
        assert said, "the run ended before it compiled anything"
    time.sleep(0.7)  # into the middle of a compilation
    process.send_signal(signal.SIGINT)
    rest = process.communicate(timeout=60)[1]
    assert process.wait(30) == 130
    assert "compiled 7 of 9" not in rest  # it ends long before the kernels do
    assert "Interrupted." in rest and "Traceback" not in rest
