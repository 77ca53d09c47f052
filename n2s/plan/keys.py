"""The last pass: what names the value of a stage over some frames.

A recipe holds all that decides the bytes of a stage's value over some frames: the code, settings and files of every
node on the way to it (the same for all frames: the *static* part), and the bytes of every driving signal over the
frames that it needs. A parameter that stands still over these is its number there, whether it is written as one or
driven: a number equals a constant signal. A key is the digest of a recipe. Names, titles, paths and executors are not
in it.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from functools import cached_property
from itertools import count
from typing import Any, cast

import numpy as np

from n2s.graph import authors
from n2s.graph.code.identity import code_digest, engine_names
from n2s.graph.context import Scene
from n2s.graph.declare import Node
from n2s.graph.errors import GraphError
from n2s.graph.expressions import Number
from n2s.graph.graph import Graph
from n2s.graph.keys import digest, digest_array, plain
from n2s.graph.paths import change_paths, path_settings, paths
from n2s.plan.formats import format_recipe, resolved_sink
from n2s.plan.framesets import FrameSet
from n2s.plan.measures import measured_frames
from n2s.plan.picks import Picked, picked
from n2s.plan.stages import Chunk, Plan, Read, Stage, stages_up_to, widen

RECIPE_FORMAT = 4


def key(plan: Plan) -> Plan:
    """Return the plan with the keys of its stages, which are worked out when they are asked for."""
    return replace(plan, keys=Keys(plan))


@dataclass(frozen=True)
class Signal:
    """A signal that drives a node: its place and port in a recipe, its values, and what it is needed for.

    ``stage`` is whose frames it drives, and ``around`` how many of its values before and after these it needs.
    ``is_param`` says that it drives a parameter, which a number may stand for; not where a shutter is open, as more
    moments are drawn of what is driven.
    """

    name: str
    values: np.ndarray
    stage: str
    around: int = 0
    is_param: bool = False


def stands_still(values: np.ndarray) -> bool:
    """Say whether all values of a parameter have the same bits, so that 0 and -0 are two numbers."""
    bits = values.view(np.uint32)
    return len(bits) > 0 and bool((bits == bits[0]).all())


class Keys:
    """The recipes and keys of a plan's stages.

    Raises, from all of its methods, GraphError and RenderError where a node's code or files cannot be known.
    """

    def __init__(self, plan: Plan):
        self.plan = plan
        self._codes: dict[type, str] = {}
        self._described: dict[str, dict[str, Any]] = {}
        self._of: dict[tuple[str, str], _Ancestry] = {}
        self._picked: dict[str, Picked] = {}

    def chunk(self, start: int, stop: int, stage: str | None = None) -> Chunk:
        """Return the recipe and the key of frames start..stop of a stage, the last one by default."""
        of, clock = self._ancestry(stage), self.plan.values.clock
        needed = of.frames_needed(start, stop)
        shown = {name for name, frames in needed.items() if frames.stop > frames.first}
        signals: dict[str, str | float] = {
            name: value for stage, numbers in of.constants.items() if stage in shown for name, value in numbers.items()
        }
        for signal in of.signals:
            if signal.stage not in shown:  # behind a Switch that shows another picture
                continue
            values = signal.values[needed[signal.stage].widened(signal.around, signal.around).inside]
            stands = signal.is_param and not signal.around and stands_still(values)
            signals[signal.name] = float(values[0]) if stands else digest_array(values)
        recipe = {"static": of.digest, "start": start, "stop": stop, "signals": signals}
        if of.part:
            recipe["part"] = of.part
        # Windows past the last frame repeat it, so the place of the last frame decides pixels before it.
        if (beyond := stop + of.ahead - clock.frames) > 0 and of.ahead:
            recipe["beyond"] = beyond
        if (node := self.plan.graph.nodes[of.stages[-1].node]).kind == "measure":
            recipe["measured"] = measured_frames(cast(Any, node), clock, start, stop)
        return Chunk(start, stop, recipe, digest(recipe))

    @property
    def static(self) -> dict[str, Any]:
        """The part of the last stage's recipes that does not depend on time."""
        return self._ancestry(None).static

    def span(self, signal: Signal, start: int, stop: int) -> tuple[int, int]:
        """Return from where to where a signal's values count for frames start..stop of the last stage."""
        return self._ancestry(None).frames_needed(start, stop)[signal.stage].widened(signal.around, signal.around).span

    def frames_needed(self, start: int, stop: int) -> dict[str, FrameSet]:
        """Return which frames of each stage frames start..stop of the last one are made of."""
        return self._ancestry(None).frames_needed(start, stop)

    def picked(self, name: str) -> Picked:
        """Return which frames of its pictures a node shows."""
        if name not in self._picked:
            self._picked[name] = picked(self.plan, name)
        return self._picked[name]

    def of_stage(self, stage: str) -> dict[str, Any]:
        """Return the part of a stage's recipes that does not depend on time."""
        return self._ancestry(stage).static

    def digest_of(self, stage: str) -> str:
        """Return a digest of what does not depend on time: the static part, and the parameters that are numbers."""
        return digest([self._ancestry(stage).digest, self._ancestry(stage).constants])

    @property
    def signals(self) -> list[Signal]:
        """Every signal that the last stage depends on."""
        return self._ancestry(None).signals

    def _ancestry(self, stage: str | None) -> _Ancestry:
        """Return what a stage is made of.

        A stage that only resizes frames counts as the node that it reads, a hidden one as a part of its node.
        """
        plan, part = self.plan, ""
        node = next((s for s in plan.nodes if s.name == stage), None) if stage else plan.nodes[-1]
        if node is None:
            made = next(s for s in plan.stages if s.name == stage)
            part, name = made.part, made.owner if made.part else made.reads["0"].stage
            node = next(s for s in plan.nodes if s.name == name)
        if (node.name, part) not in self._of:
            self._of[node.name, part] = _Ancestry(self, widen(stages_up_to(plan.nodes, node.name)), part)
        return self._of[node.name, part]

    def describe(self, stage: Stage) -> dict[str, Any]:
        """Return what of a node decides bits, but for what it reads of other nodes."""
        if stage.name not in self._described:
            self._described[stage.name] = self._describe(stage)
        return self._described[stage.name]

    def _describe(self, stage: Stage) -> dict[str, Any]:
        name, plan = stage.node, self.plan
        node, scene = plan.graph.nodes[name], plan.scene
        written = resolved_sink(plan.graph, name) if node.kind == "sink" else node
        settings = {}
        for field in node.settings():
            if node.specs[field].keyed:
                value = _numbered_paths(node, field) if field in path_settings(node) else getattr(written, field)
                settings[field] = scene.clock.seconds(value) if isinstance(value, Number) else plain(value)
        described = {"type": type(node).__name__, "code": self._code(name), "settings": settings}
        if node.kind == "sink":
            described["format"] = format_recipe(plan.graph, name, scene.context.file_digest, engine_names())
        if files := self._files(node) | node_digests(plan.graph, name, stage.scene_in(scene)):
            described["files"] = files
        if clock := {what: getattr(scene.clock, what) for what in sorted(getattr(node, "reads", ()))}:
            described["clock"] = clock
        if stage.grid is not None:
            described["grid"] = list(stage.grid)
        if stage.framing is not None:
            described["shown"] = list(stage.framing.shown)
        own = stage.size or (stage.shown if stage.is_picture else None)
        if own not in (None, plan.graph.header.size):
            described["size"] = list(own)
        return described

    def _files(self, node: Node) -> dict[str, str]:
        """Return the digests of the files that a node's settings name, but for those it looks after itself."""
        found, scene = {}, self.plan.scene
        for field in path_settings(node):
            if node.specs[field].keyed and (named := paths(node, field)):
                found[field] = " ".join(scene.context.file_digest(scene.path(path.text)) for path in named)
        return found

    def _code(self, name: str) -> str:
        """Return the digest of a node's code; nodes of one type share it."""
        cls = type(self.plan.graph.nodes[name])
        if cls not in self._codes:
            try:
                self._codes[cls] = code_digest(cls, self.plan.scene.context.file_digest, engine_names())
            except GraphError as error:
                raise authors.wrong(self.plan.graph, name, str(error)) from None
        return self._codes[cls]


class _Ancestry:
    """What a stage is made of: the stages on the way to it, with what is needed around its frames of each."""

    def __init__(self, keys: Keys, stages: tuple[Stage, ...], part: str):
        self.keys, self.stages, self.part = keys, stages, part
        self.picks = [stage for stage in stages if stage.is_picked]
        self.ahead = max(stage.after for stage in stages) + sum(stage.after for stage in self.picks)

    def frames_needed(self, start: int, stop: int) -> dict[str, FrameSet]:
        """Return which frames of each stage frames start..stop of the last one are made of."""
        length = self.keys.plan.values.clock.frames
        if not self.picks:
            return {s.name: FrameSet(length, start - s.before, stop + s.after) for s in self.stages}
        found = {self.stages[-1].name: FrameSet(length, start, stop)}
        for stage in reversed(self.stages):
            own = found[stage.name]
            shown = self._shown(stage, own) if stage.is_picked else {}
            for port, read in stage.reads.items():
                frames = shown[port] if read.picked else own.widened(read.before, read.after)
                found[read.stage] = found[read.stage].joined(frames) if read.stage in found else frames
        return found

    def _shown(self, stage: Stage, frames: FrameSet) -> dict[str, FrameSet]:
        """Return the frames of each of its pictures that a stage shows in some of its own."""
        picks, ports = self.keys.picked(stage.node), list(self.keys.plan.graph.nodes[stage.node].ports)
        number, frame = picks.port[frames.inside], picks.frame[frames.inside]
        return {port: FrameSet.of(frames.length, frame[number == i]) for i, port in enumerate(ports)}

    @cached_property
    def static(self) -> dict[str, Any]:
        """What does not depend on time. Nodes are known by their place in the wiring, not by their names."""
        plan = self.keys.plan
        header, place = plan.graph.header, {stage.name: i for i, stage in enumerate(self.stages)}
        nodes = []
        for stage in self.stages:
            node, inputs = plan.graph.nodes[stage.node], {}
            for port in node.links():
                if port in node.ports and not (node.kind == "sink" and port not in stage.reads):
                    # A sink's music is joined to the film later; segments hold pictures alone.
                    inputs[port] = _place_of(stage.reads[port], place) if port in stage.reads else "signal"
            output = {"output": stage.output} if stage.output else {}
            nodes.append(self.keys.describe(stage) | {"inputs": inputs} | output)
        return {
            "format": RECIPE_FORMAT,
            "nodes": nodes,
            "fps": str(header.fps),
            "size": list(header.size),
            "seed": header.seed,
            "environment": dict(plan.environment),
        }

    @cached_property
    def digest(self) -> str:
        return digest(self.static)

    @cached_property
    def constants(self) -> dict[str, dict[str, float]]:
        """The parameters that are numbers, by stage, and by place and name as signals are."""
        nodes, params = self.keys.plan.graph.nodes, self.keys.plan.values.params
        return {
            stage.name: {
                f"{place}.{field}": float(value)
                for field in nodes[stage.node].params()
                if not np.ndim(value := params[stage.node, field])
            }
            for place, stage in enumerate(self.stages)
            if nodes[stage.node].kind != "sink"
        }

    @cached_property
    def signals(self) -> list[Signal]:
        values, found, opened = self.keys.plan.values, [], self._opened()
        for place, stage in enumerate(self.stages):
            node = self.keys.plan.graph.nodes[stage.node]
            if node.kind == "sink":
                continue
            between = 1 if stage.name in opened else 0  # frames around its own, of which the parameters are read
            for field in node.params():
                if np.ndim(driven := values.params[stage.node, field]):
                    found.append(Signal(f"{place}.{field}", driven, stage.name, between, True))
            for field, link in node.links().items():
                if field in node.ports and field not in stage.reads:
                    found.append(Signal(f"{place}.{field}", values.read(link), stage.name))
        return found

    def _opened(self) -> set[str]:
        """Return the lenses whose parameters are read between frames: their shutter is open, or any of their run."""
        nodes, found = self.keys.plan.graph.nodes, set()
        lenses = [stage for stage in self.stages if nodes[stage.node].kind == "lens"]
        composed = {stage.name: [read.stage for read in stage.reads.values() if read.composed] for stage in lenses}
        for stage in lenses:  # those behind one in a run
            if nodes[stage.node].shutter > 0 or not found.isdisjoint(composed[stage.name]):
                found.add(stage.name)
        for stage in reversed(lenses):  # and those before
            if stage.name in found:
                found.update(composed[stage.name])
        return found


def _place_of(read: Read, place: Mapping[str, int]) -> int | list:
    """Return where what is read stands among the nodes of a recipe, and whether a lens is composed with it."""
    return [place[read.stage], "composed"] if read.composed else place[read.stage]


def _numbered_paths(node: Node, field: str) -> Any:
    """Return a setting's value with a number for each path: what a recipe has beside the digests of the files."""
    numbers = count()
    return change_paths(node, field, lambda path: f"file {next(numbers)}")


def node_digests(graph: Graph, name: str, scene: Scene) -> dict[str, str]:
    """Return what names the bytes that a node reads from outside the graph, as its author says."""
    files = authors.call(graph, name, "digests", graph.nodes[name].digests, scene)
    if not isinstance(files, dict) or not all(_is_text(text) for item in files.items() for text in item):
        raise authors.wrong(graph, name, f"digests gave {authors.shown(files)}; texts by name were wanted.")
    return files


def _is_text(value: Any) -> bool:
    """Say whether something is a text that can be written: half a character, a lone surrogate, cannot."""
    return isinstance(value, str) and not any(0xD800 <= ord(character) < 0xE000 for character in value)
