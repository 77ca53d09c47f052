"""Small graphs around one node, for laws that hold for every node type."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np

from n2s.graph.declarations import PIXELWISE
from n2s.graph.declare import Node
from n2s.graph.graph import Graph
from n2s.graph.registry import node_types
from n2s.graph.types import AUDIO, FILM, FRAMES, LATENTS, MATTE, SIGNAL
from n2s.plan.film import plan_film, towards
from n2s.plan.stages import Plan
from n2s.runtime import machine
from n2s.runtime.context import RunContext
from n2s.runtime.executors.threads import ThreadExecutor
from n2s.runtime.measuring import Measurer
from n2s.runtime.render.analysis import analyse
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.run import Run
from n2s.runtime.store import Store

TYPES = node_types()
ENDLESS = 20.0  # seconds of processor time that nothing takes which ends


@contextmanager
def ends() -> Iterator[None]:
    """Fail where the body's work explodes; how fast it is on this machine is no matter of a test."""
    began = time.process_time()
    yield
    assert time.process_time() - began < ENDLESS


MOVING = ("streamed", "lens", "pick", *PIXELWISE)  # kinds of nodes that make frames, latents or mattes
RENDERING = [name for name, cls in TYPES.items() if cls.kind in ("resident", "measure", *MOVING)]
SINKS = [name for name, cls in TYPES.items() if cls.kind == "sink"]
STREAMED = [name for name, cls in TYPES.items() if cls.kind in MOVING]

GRID = [3, 4]  # of the decoder: its frames are 128 x 96, the film's 96 x 64

OWN = ("letters", "shade", "field", "dust")  # mattes that nodes make themselves
INPUTS = {AUDIO: "track", SIGNAL: "ramp", LATENTS: "anchors", FRAMES: "decoded", MATTE: "disc"}


def surroundings(model: Path) -> dict[str, dict[str, Any]]:
    """Return nodes that give every kind of value."""
    return {
        "track": {"node": "AudioSource", "path": "music.wav"},
        "ramp": {"node": "Keyframes", "points": [[0, 0], [1.1, 1], [2, 0.3]], "interpolate": "linear"},
        "weights": {"node": "Weights", "signal": "ramp", "count": 3},
        "anchors": {"node": "Anchors", "weights": "weights", "names": ["red", "green", "blue"], "model": str(model)},
        "decoded": {"node": "VAEDecode", "latents": "anchors", "model": str(model), "grid": GRID},
        "picture": {"node": "ImageSource", "path": "picture.png"},
        "disc": {"node": "RadialMatte", "radius": "= clamp(ramp, -2, 2)", "softness": 0.4},
    }


def subject(cls: type[Node], model: Path, **settings: Any) -> dict[str, Any]:
    """Return the minimal valid use of a node type as an entry of a graph."""
    spec: dict[str, Any] = {"node": cls.__name__, **cls.example, **settings}
    frames = iter(["decoded", "picture"])
    for port, kind in cls.ports.items():
        if port not in settings and (cls.specs[port].required or (kind is MATTE and port not in OWN)):
            spec[port] = "weights" if port == "weights" else next(frames) if kind is FRAMES else INPUTS[kind]
    if "model" in cls.model_fields:
        spec.setdefault("model", str(model))
    return spec


def around(name: str, model: Path, sink: dict[str, Any] | None = None, **settings: Any) -> dict[str, Any]:
    """Return a graph, as plain data, whose pictures depend on a node of the named type."""
    cls = TYPES[name]
    nodes = surroundings(model) | {"subject": subject(cls, model, **settings)}
    output, declared = next(iter(cls.outputs.items()))
    link = "subject" if declared.kind.streamed or len(cls.outputs) == 1 else f"subject.{output}"
    seen = "subject"
    if declared.kind is AUDIO:
        nodes["track"] = {"node": "Features", "audio": "subject"}
        link, seen = "track.onset", ""
    if declared.kind in (AUDIO, SIGNAL):
        component = ".0" if name == "Weights" or declared.columns else ""
        nodes["shown"] = {"node": "Tone", "frames": "decoded", "exposure": f"= clamp({link}{component}, -2, 2)"}
        seen = "shown"
    elif declared.kind is MATTE:
        nodes["shown"] = {"node": "Over", "back": "decoded", "front": "picture", "matte": "subject"}
        seen = "shown"
    elif declared.kind is LATENTS:
        nodes["shown"] = {"node": "VAEDecode", "latents": "subject", "model": str(model), "grid": GRID}
        seen = "shown"
    audio = "subject" if declared.kind is AUDIO else "track"
    nodes["out"] = {"node": "DigestSink", "frames": seen, "audio": audio, "path": "frames.txt", **(sink or {})}
    return {"n2s": 1, "seed": 3, "fps": 30, "size": [96, 64], "nodes": nodes}


def near(spec: Any, number: float, step: float) -> float:
    """Return another number that a field takes: a step away, or where its range is smaller than that, less."""
    while not (spec.allows(number + step) or spec.allows(number - step)):
        step /= 2
    return number + step if spec.allows(number + step) else number - step


def with_sink(name: str, folder: Path, model: Path, **settings: Any) -> Graph:
    """Return a graph whose film a sink of the named type makes; an album joins two such tracks of its own format."""
    cls = TYPES[name]
    settings = {"node": name, **cls.example, **settings}
    if FILM not in cls.ports.values():
        return load(around("Wander", model, settings), folder, f"{name}.yaml")
    film = next(other for other in SINKS if other != name and TYPES[other].format == cls.format)
    nodes = {}
    for i in range(2):
        path = f"track{i}{Path(TYPES[film].example['path']).suffix}"
        load(around("Wander", model, {"node": film, **TYPES[film].example, "path": path}), folder, f"track{i}.yaml")
        nodes[f"track{i}"] = {"node": "Track", "path": f"track{i}.yaml"}
    nodes["out"] = {**settings, next(iter(cls.ports)): list(nodes)}
    return load({"n2s": 1, "fps": 30, "size": [96, 64], "nodes": nodes}, folder, f"{name}.yaml")


def film_bytes(film: dict[str, Any]) -> dict[str, bytes]:
    """Return the files of a published film by name: of a folder several."""
    path = Path(film["path"])
    files = sorted(path.iterdir()) if path.is_dir() else [path]
    return {file.name: file.read_bytes() for file in files}


def load(values: dict[str, Any], folder: Path, name: str = "graph.yaml") -> Graph:
    """Write a graph as a file (JSON is YAML) and load it; paths in it start from ``folder``."""
    path = folder / name
    path.write_text(json.dumps(values, indent=1))
    return Graph.load(path)


def plan(graph: Graph, store: Store, fuse: bool = True, fold: bool = False) -> Plan:
    graph = graph.flat
    context = RunContext(store, lambda text: None)
    sink = graph.sinks()[0]
    environment = machine.environment()
    measure = Measurer(context, environment, ThreadExecutor(1), lambda step: None)
    values = analyse(graph, context, measure=measure)
    return plan_film(graph, sink, values, context, environment, folding=fold, fusing=fuse)


def keys(graph: Graph, store: Store) -> list[str]:
    return [chunk.key for chunk in plan(graph, store).chunks()]


def frames(graph: Graph, store: Store, name: str, pieces: list[tuple[int, int]], fuse: bool = True) -> np.ndarray:
    """Return what a streamed node gives, made in the given pieces."""
    maker = FrameMaker(towards(plan(graph, store, fuse), name, fuse), store)
    return np.concatenate([maker.frames(start, stop) for start, stop in pieces])


def shown(graph: Graph) -> str:
    """Return the name of the node that the film shows."""
    return graph.nodes["out"].links()["frames"].node


def codes(graph: Graph, store: Store, fuse: bool = True) -> np.ndarray:
    """Return all frames as the sink gets them."""
    film = plan(graph, store, fuse)
    maker = FrameMaker(film, store)
    return np.concatenate([block.copy() for block in maker.blocks(0, film.values.clock.frames)])


def run(graph: Graph, out: Path, store: Store, **options: Any):
    return Run(graph, out=out, store=store, **options).execute()


def assert_same(a: Graph, b: Graph) -> None:
    assert a.header == b.header
    assert a.nodes.keys() == b.nodes.keys()
    for name, node in a.nodes.items():
        assert node == b.nodes[name], name
