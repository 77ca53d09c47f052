"""Every node type of pictures and latents: what it takes for a frame, alone and beyond the chain that it joins.

    python bench/nodes.py                     # all that are registered; half a minute and more, most of it compiling
    python bench/nodes.py --node Bloom Hue    # some of them
    python bench/nodes.py --size 3840x2160 --json nodes.json

Types come from the registry, and their settings from `tests/harness.py`, as those of the laws do: a new node appears by
itself. The chain is tone and grain over float32 pictures in memory, to 8-bit yuv420p. It is made with and without the
node between the two, in turns, by one thread; *beyond* is the median of the differences between neighbours in time,
*alone* the median of a film of the node and nothing else. All is processor time.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np

sys.path.insert(1, str(Path(__file__).parent.parent / "tests"))

import harness
import tiny
from tables import write_look

from n2s.graph.declare import FRAMES_OUTPUT, Node, Streamed
from n2s.graph.errors import N2SError
from n2s.graph.types import FRAMES, LATENTS, MATTE
from n2s.plan.film import towards
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kernels.pixels import read_pixel
from n2s.runtime.render.opened import BLOCK
from n2s.runtime.store import Store

POOL = 4
SECONDS = 20
# What a node may take for a frame of 1920x1080 beyond its chain, in ms; of latents, of 16 x 29 cells.
LIMITS = {"arithmetic": 2.5, "curves, noise, tables": 8, "lens, separable": 12, "lens": 30, "filter": 15, "echo": 24,
          "measure": 1, "latents": 0.5}  # fmt: skip
DEAR = {"log2", "exp2", "atan2", "cube_root", "noise", "value_noise", "line_place", "cube_place", "tile_place"}
APART = {"Loop"}  # it shows two moments, for which all before it is made twice: that is no cost of pixels
CHAIN, ROW = 0.7, 2.0  # all pointwise nodes against the sum of them; all lenses in a row against the dearest


class Pictures(Streamed):
    """Give a few pictures, over and over, without copying any."""

    outputs = FRAMES_OUTPUT
    reads = frozenset()

    def open(self, scene, grid):
        return _pictures(*scene.size)

    def compute(self, block):
        first = block.start % POOL
        return block.resources[first : first + block.count]


@cache
def _pictures(width: int, height: int) -> np.ndarray:
    """Return the pictures, twice one behind the other: 200 MB at 1920x1080, which all films of a run share."""
    y, x = np.mgrid[0:height, 0:width].astype(np.float32) * np.float32(1080 / height)
    waves = [np.sin(x / (90 + 17 * k) + k) * np.cos(y / (70 + 11 * k)) for k in range(3 * POOL)]
    noise = np.random.default_rng(0).normal(0, 0.02, (3 * POOL, height, width)).astype(np.float32)
    made = (np.float32(0.5) + np.float32(0.35) * np.stack(waves) + noise).astype(np.float32)
    return np.concatenate([made.reshape(POOL, 3, height, width)] * 2)


@dataclass
class Row:
    """A node type, what makes its films, and what they took in ms per frame."""

    name: str
    kind: str
    alone: Any = None
    within: Any = None
    without: Any = None
    times: dict[str, list[float]] = field(default_factory=lambda: {"alone": [], "within": [], "without": []})

    @property
    def alone_ms(self) -> float:
        return float(np.median(self.times["alone"])) if self.times["alone"] else float("nan")

    @property
    def beyond_ms(self) -> float:
        pairs = np.subtract(self.times["within"], self.times["without"])
        return float(np.median(pairs)) if len(pairs) else float("nan")

    @property
    def counted(self) -> float:
        """What is held against the limit."""
        return self.alone_ms if self.kind == "measure" else self.beyond_ms


class Bench:
    """Makes films of nodes in a folder with all the files that sample settings name."""

    def __init__(self, folder: Path, size: tuple[int, int]):
        self.folder, self.size, self.store = folder, size, Store(folder / "store")
        tiny.tiny_model(folder / "model")
        tiny.write_wav(folder / "music.wav", tiny.clicks(SECONDS, channels=2))
        steps = np.linspace(0, 255, 256).astype(np.uint8)
        tiny.write_png(folder / "picture.png", np.repeat(steps[None, :, None], 144, axis=0).repeat(3, axis=2))
        write_look(folder / "look.cube", 33)
        (folder / "song.lrc").write_text("[00:00.00]one\n[00:10.00]two\n")

    def film(self, nodes: list[tuple[str, dict[str, Any]]], chain: bool) -> FrameMaker:
        """Return what makes a film of some nodes one behind the other, with a chain around them or without one."""
        listed = harness.surroundings(self.folder / "model")
        del listed["decoded"]
        listed["decoded"] = listed["picture"] = {"node": "Pictures"}
        last = "decoded"
        chained = [("Tone", {"exposure": 0.2}), *nodes, ("Grain", {})] if chain else nodes
        for number, (name, settings) in enumerate(chained):
            cls, entry = harness.TYPES[name], dict(settings)
            spec = harness.subject(cls, self.folder / "model", **entry)
            if port := next((port for port, kind in cls.ports.items() if kind is FRAMES), None):
                spec[port] = last
            listed[f"node{number}"], made = spec, next(iter(cls.outputs.values())).kind
            if made is MATTE:
                listed[f"over{number}"] = {"node": "Over", "back": last, "front": "picture", "matte": f"node{number}"}
            last = f"over{number}" if made is MATTE else f"node{number}"
        return self._maker(listed, last, self.size)

    def latents(self, nodes: list[tuple[str, dict[str, Any]]]) -> FrameMaker:
        """Return what makes latents that drift, with a node behind them or without one."""
        listed = harness.surroundings(self.folder / "model")
        listed["start"] = {"node": "Wander", "latents": "anchors"}
        last = "start"
        for name, settings in nodes:
            cls = harness.TYPES[name]
            listed["made"] = harness.subject(cls, self.folder / "model", **settings)
            if port := next((port for port, kind in cls.ports.items() if kind is LATENTS), None):
                listed["made"][port] = last
            last = "made"
        listed["shown"] = {
            "node": "VAEDecode",
            "latents": last,
            "model": str(self.folder / "model"),
            "grid": [16, 29],
        }
        return self._maker(listed, "shown", (640, 360), towards_=last)

    def _maker(self, nodes: dict[str, Any], last: str, size: tuple[int, int], towards_: str = "") -> FrameMaker:
        nodes["out"] = {"node": "DigestSink", "frames": last, "audio": "track", "path": "frames.txt"}
        values = {"n2s": 1, "seed": 3, "fps": 30, "size": list(size), "nodes": nodes}
        plan = harness.plan(harness.load(values, self.folder), self.store, fold=True)
        maker = FrameMaker(towards(plan, towards_) if towards_ else plan, self.store)
        maker.warm_up()
        return maker


def milliseconds(maker: FrameMaker, latents: bool = False) -> float:
    """Return the processor time of a frame in ms, in the middle of a film, where a node may look far back."""
    start, count = 60 * BLOCK, (4 if latents else 1) * BLOCK
    if latents:
        began = time.thread_time()
        maker.frames(start, start + count)
    else:
        made = maker.blocks(start, start + 2 * BLOCK)
        next(made)  # memory is taken, and frames before it are made
        began = time.thread_time()
        next(made)
    return (time.thread_time() - began) / count * 1000


def moved(cls: type[Node]) -> dict[str, Any]:
    """Return values of parameters with which a node does something: one that does nothing is left out of a film."""
    if cls.neutral is None:
        return {}
    neutral = cls.neutral or {name: cls.model_fields[name].default for name in cls.params()}
    given = {name: cls.example.get(name, cls.model_fields[name].default) for name in neutral}
    if given != neutral:
        return {}
    name = next((name for name in neutral if cls.specs[name].role == "param"), None)
    return {name: harness.near(cls.specs[name], float(given[name]), 0.137)} if name else {}


def kind_of(cls: type[Node]) -> str:
    """Return the kind of a node in `LIMITS`; "" for one that is not timed."""
    made = next(iter(cls.outputs.values())).kind if cls.outputs else None
    if cls.kind in ("filter", "echo", "measure"):
        return cls.kind
    if cls.kind == "pointwise":
        used = {name for name, _ in read_pixel(cls).helpers}
        return "curves, noise, tables" if cls.tables or used & DEAR else "arithmetic"
    if cls.kind == "lens":
        return "lens, separable" if is_separable(cls) else "lens"
    return "latents" if cls.kind == "streamed" and made is LATENTS and LATENTS in cls.ports.values() else ""


def is_separable(cls: type[Node]) -> bool:
    """Say whether the place a lens shows has an x that y does not change, and a y that x does not change."""
    lens = cls(**cls.example, **moved(cls))
    params = {name: np.full(1, getattr(lens, name).value, np.float32) for name in cls.params()}
    numbers = {name: np.float32(np.ravel(value)[0]) for name, value in lens.prepare(**params).items()}
    at = SimpleNamespace(width=np.float32(1920), height=np.float32(1080), aspect=np.float32(16 / 9),
                         frame=np.uint32(7), seed=np.uint32(3), channel=np.uint32(0))  # fmt: skip
    beside = [(np.float32(0.4),) * 3] * (list(cls.ports.values()).count(FRAMES) - 1)
    places = np.float32([-0.41, 0.03, 0.37])
    with np.errstate(all="ignore"):
        seen = np.array([[cls.where(x, y, *beside, at, **_taken(cls, numbers)) for x in places] for y in places])
    return bool((seen[:, :, 0] == seen[:1, :, 0]).all() and (seen[:, :, 1] == seen[:, :1, 1]).all() and not beside)


def _taken(cls: type[Node], numbers: dict[str, Any]) -> dict[str, Any]:
    code = cls.where.__code__
    names = code.co_varnames[: code.co_argcount]
    return {name: numbers[name] for name in names if name in numbers}


def rows_of(bench: Bench, names: list[str]) -> list[Row]:
    """Return a row for each node type that is timed, its kernels compiled."""
    rows, chain, over = [], bench.film([], True), bench.film([("Over", {})], True)
    for name in names:
        cls, kind = harness.TYPES[name], ""
        try:
            kind = kind_of(cls)
            if not kind:
                continue
            print(f"\r{name:30}", end="", file=sys.stderr, flush=True)
            row = Row(name, kind)
            if kind == "latents":
                row.within = bench.latents([(name, moved(cls))])
            elif kind != "measure":
                row.alone, row.within = (bench.film([(name, moved(cls))], around) for around in (False, True))
                shows = [("Over", {})] if next(iter(cls.outputs.values())).kind is MATTE else []
                row.without = over if shows else chain
            rows.append(row)
        except (N2SError, KeyError, TypeError, ValueError) as error:
            print(f"\n{name} is left out: {error}", file=sys.stderr)
    print(f"\r{'':30}\r", end="", file=sys.stderr)
    return rows


def measure(bench: Bench, rows: list[Row], repeats: int) -> dict[str, list[float]]:
    """Time all rows, and all nodes of a kind together; each row's chain is timed beside it."""
    start = bench.latents([]) if any(row.kind == "latents" for row in rows) else None
    together = {}
    pointwise = [row for row in rows if row.alone and harness.TYPES[row.name].kind == "pointwise"]
    lenses = [row for row in rows if row.kind.startswith("lens")]
    for label, found in (("pointwise", pointwise), ("lenses", lenses)):
        found = [row for row in found if FRAMES in harness.TYPES[row.name].ports.values()]
        if len(found) > 1:
            together[label] = bench.film([(row.name, moved(harness.TYPES[row.name])) for row in found], False)
    times: dict[str, list[float]] = {label: [] for label in together}
    for _ in range(repeats):
        for row in rows:
            if row.kind == "measure":
                row.times["alone"].append(looked_at(row.name, bench.size))
                continue
            latents = row.kind == "latents"
            row.times["without"].append(milliseconds(start if latents else row.without, latents))
            row.times["within"].append(milliseconds(row.within, latents))
            if row.alone:
                row.times["alone"].append(milliseconds(row.alone))
        for label, maker in together.items():
            times[label].append(milliseconds(maker))
    return times


def looked_at(name: str, size: tuple[int, int]) -> float:
    """Return the processor time in ms that a measure takes to look at a frame."""
    node = harness.TYPES[name](**harness.TYPES[name].example)
    width, height = node.input_size(size)
    frame = np.random.default_rng(1).random((3, height, width), np.float32)
    node.measure(frame)
    began = time.thread_time()
    for _ in range(5):
        node.measure(frame)
    return (time.thread_time() - began) / 5 * 1000


def verdict(reached: float, most: float) -> str:
    return "met" if reached <= most else "MISSED"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--node", nargs="+", default=[], metavar="NAME", help="these types alone")
    parser.add_argument("--size", default="1920x1080", help="of frames; limits are stated for 1920x1080")
    parser.add_argument("--repeats", type=int, default=7)
    parser.add_argument("--json", type=Path, metavar="FILE", help="write every measurement there")
    options = parser.parse_args()
    if unknown := [name for name in options.node if name not in harness.TYPES]:
        parser.error(f"there is no node type {unknown[0]}")
    size = tuple(int(side) for side in options.size.split("x"))
    if hasattr(os, "sched_setaffinity"):
        os.sched_setaffinity(0, sorted(os.sched_getaffinity(0))[:1])
    names = [name for name in harness.TYPES if name not in APART]
    harness.TYPES["Pictures"] = Pictures  # graphs may name it now
    with tempfile.TemporaryDirectory() as folder:
        bench = Bench(Path(folder), size)
        rows = rows_of(bench, options.node or names)
        together = measure(bench, rows, options.repeats)
    print(f"{'':18}{'kind':24}{'alone':>9}{'beyond':>9}{'limit':>8}   ms/frame, {options.size}")
    for kind, limit in LIMITS.items():
        for row in sorted((row for row in rows if row.kind == kind), key=lambda row: -row.counted):
            alone, beyond = (f"{ms:9.2f}" if ms == ms else f"{'':9}" for ms in (row.alone_ms, row.beyond_ms))
            print(f"{row.name:18}{kind:24}{alone}{beyond}{limit:8g}   {verdict(row.counted, limit)}")
    alone = {label: [row.alone_ms for row in rows if row.alone and (row.kind.startswith("lens")) == (label == "lenses")
                     and harness.TYPES[row.name].kind in ("pointwise", "lens")
                     and FRAMES in harness.TYPES[row.name].ports.values()] for label in together}  # fmt: skip
    if "pointwise" in together:
        share = np.median(together["pointwise"]) / sum(alone["pointwise"])
        print(f"all {len(alone['pointwise'])} pointwise nodes in a chain: {np.median(together['pointwise']):.1f} ms, "
              f"{share:.2f} of their sum alone; at most {CHAIN:g}: {verdict(share, CHAIN)}")  # fmt: skip
    if "lenses" in together:
        times = np.median(together["lenses"]) / max(alone["lenses"])
        print(f"all {len(alone['lenses'])} lenses in a row: {np.median(together['lenses']):.1f} ms, "
              f"{times:.2f} times the dearest alone; at most {ROW:g}: {verdict(times, ROW)}")  # fmt: skip
    if options.json:
        record = {row.name: {"kind": row.kind, "limit": LIMITS[row.kind], **row.times} for row in rows}
        options.json.write_text(json.dumps({"size": options.size, "nodes": record, "together": together}, indent=1))


if __name__ == "__main__":
    main()
