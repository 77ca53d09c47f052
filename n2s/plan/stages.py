"""A plan as data: which values a film is made of, what each is made from, how far around a frame, in which shape."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any

from n2s.graph.context import Scene
from n2s.graph.declare import Node
from n2s.graph.format import Format, Pixels
from n2s.graph.format_registry import format_of
from n2s.graph.graph import Graph
from n2s.graph.links import Link
from n2s.graph.specs import chosen_output
from n2s.graph.time import chunk_spans
from n2s.graph.values import Values
from n2s.plan.formats import pixels_of

Size = tuple[int, int]  # width and height


@dataclass(frozen=True)
class Read:
    """What a stage reads: the stage that makes it, how many frames around its own, and its frames in which size.

    ``composed``: a lens reads no frames of it, which is a lens too: their maps are one. ``picked``: only the frames
    that `n2s.plan.picks` tells are read, wherever they are.
    """

    stage: str
    before: int = 0
    after: int = 0
    size: Size | None = None
    composed: bool = False
    picked: bool = False


@dataclass(frozen=True)
class Lensing:
    """How a kernel reads one of its inputs: through lenses, of which the last in the film is the first here.

    Attributes
    ----------
    lenses : tuple of str
        The lens nodes.
    pictures : tuple of tuple of int
        For each lens the numbers of the kernel's inputs that it looks at beside, all before the input itself.
    """

    lenses: tuple[str, ...]
    pictures: tuple[tuple[int, ...], ...]


@dataclass(frozen=True)
class Framing:
    """How decoded pictures are shown whose latents leave the part of a shift below a cell to their decoder.

    Attributes
    ----------
    camera : str
        The node of the latents, whose `Streamed.remainder` says by which parts of a cell each frame is moved.
    grid : pair of int
        The rows and columns of the latents.
    shown : pair of int
        How many of them are shown: one less along an axis on which the film is ever moved.
    """

    camera: str
    grid: tuple[int, int]
    shown: tuple[int, int]

    def loose(self, shape: tuple[int, int]) -> tuple[int, int]:
        """Return how many rows and columns of a picture (height, width) are not shown."""
        rows, columns = (side * (cells - seen) // cells for side, cells, seen in zip(shape, self.grid, self.shown))
        return rows, columns


FULL = ("full", 0)  # in a kernel's wiring: a matte that covers everything


@dataclass(frozen=True)
class Kernel:
    """Pointwise and lens nodes that one generated function computes in one pass over memory.

    Attributes
    ----------
    steps : tuple of str
        The pointwise nodes, inputs first.
    inputs : tuple of str
        The values that it reads, "picture" or "picture.matte", of nodes that are streamed or that another kernel
        computes; and stages that are no node's value, by their names: hidden ones, and those that brought a source of
        pictures to the film's size.
    wiring : tuple
        For each step, its pictures: ("input", i), ("step", i), or `FULL` where an optional matte is left unconnected.
    root : tuple
        What comes out: ("step", i), or ("input", 0) where there are no steps.
    lensings : tuple of Lensing or None
        For each input how it is read; None: each pixel where it is. None of them in a kernel without lenses.
    framings : tuple of Framing or None
        For each input how it is shown where it is a decoder's that moves it; none of them in other kernels.
    """

    steps: tuple[str, ...]
    inputs: tuple[str, ...]
    wiring: tuple[tuple[tuple[str, int], ...], ...]
    root: tuple[str, int]
    lensings: tuple[Lensing | None, ...] = ()
    framings: tuple[Framing | None, ...] = ()

    @property
    def lenses(self) -> tuple[str, ...]:
        """The lens nodes in it, in the film's order."""
        found = (name for lensing in self.lensings if lensing for name in reversed(lensing.lenses))
        return tuple(dict.fromkeys(found))

    @property
    def nodes(self) -> tuple[str, ...]:
        """The nodes that it computes, inputs first."""
        return (*self.lenses, *self.steps)


@dataclass(frozen=True)
class Stage:
    """One value of a film, made a few frames at a time.

    Attributes
    ----------
    name : str
        Of the value that it makes; "tone at 320x180" where a node is read in several sizes; of a hidden stage that and
        its part, "bloom soft".
    nodes : tuple of str
        The nodes that are computed in it, inputs first.
    makes : str
        "latents", "frames", "matte", "codes": what the sink's format stores, or "numbers" of a measure.
    output : str
        Which output of its node it makes; "" for the first.
    reads : dict of str to Read
        By port, or by the number of a kernel's input.
    before, after : int
        How many frames of it are made around those that are made of the plan's end.
    grid : pair of int or None
        Rows and columns of its latents, or of those that it decodes.
    size : pair of int or None
        Width and height of its frames or matte; None for latents, and where a source of frames decides.
    kernel : Kernel or None
        What makes it; where it is None, a streamed node's ``compute``, or what makes its ``part``.
    shown : pair of int or None
        For a node that decides the size of what it makes: the width and height in which that is shown.
    looked_at : pair of int or None
        For such a node, where a measure looks at its pictures before the film is made: in which width and height.
    keep : bool
        Whether the store keeps its frames.
    part : str
        "" for the value of a node. A hidden stage makes what the node's own pixel code reads beside its pictures:
        "soft" is the spread light of a filter; "past" is what an echo makes of past frames, perhaps from their
        "light". It is in no `Plan.nodes`.
    ages : tuple of int
        How many frames before its own an echo reads, rising; () elsewhere.
    framing : Framing or None
        How the frames of a decoder are shown, where its latents move by parts of a cell.
    """

    name: str
    nodes: tuple[str, ...]
    makes: str
    reads: Mapping[str, Read] = field(default_factory=dict)
    before: int = 0
    after: int = 0
    grid: tuple[int, int] | None = None
    size: Size | None = None
    kernel: Kernel | None = None
    keep: bool = False
    part: str = ""
    ages: tuple[int, ...] = ()
    output: str = ""
    framing: Framing | None = None
    shown: Size | None = None
    looked_at: Size | None = None

    @property
    def node(self) -> str:
        """The node whose value it is."""
        return self.nodes[-1]

    @property
    def value(self) -> str:
        """What it makes, whatever its size: "picture", or "picture.matte" where it is not its node's first output."""
        return f"{self.node}.{self.output}" if self.output else self.node

    def scene_in(self, scene: Scene) -> Scene:
        """Return a scene as the node sees it: with the size in which it is shown, where it decides its own."""
        return replace(scene, size=self.shown, looked_at=self.looked_at) if self.shown else scene

    @property
    def is_picture(self) -> bool:
        """Whether it makes frames or mattes, which kernels compute and resample."""
        return self.makes in ("frames", "matte")

    @property
    def owner(self) -> str:
        """The name of the stage whose value it is, or is a part of."""
        return self.name.removesuffix(f" {self.part}") if self.part else self.name

    @property
    def is_computed(self) -> bool:
        """Whether the ``compute`` of a streamed node makes it."""
        return self.kernel is None and not self.part and not self.is_picked

    @property
    def is_picked(self) -> bool:
        """Whether its frames are frames of the stages that it reads."""
        return any(read.picked for read in self.reads.values())


@dataclass(frozen=True)
class Chunk:
    """Frames start..stop of a stage's value; ``key`` names its bytes."""

    start: int
    stop: int
    recipe: Mapping[str, Any]
    key: str

    @property
    def count(self) -> int:
        return self.stop - self.start


@dataclass(frozen=True)
class Plan:
    """What one sink of a graph makes, or one node gives: the stages on the way to it, inputs first.

    Attributes
    ----------
    graph : Graph
        Flat: its sub-graphs are in place.
    end : str
        The sink, or the value that is wanted: "tone", "picture.matte".
    values : Values
        The resident values of the graph.
    scene : Scene
    environment : mapping
        What else decides bits: the library's own code, versions of others, the processor's instruction sets.
    chunk_length : int
        Frames in a chunk: the film's ``chunk``, or two seconds.
    nodes : tuple of Stage
        A stage for each value of a streamed node and the sink; what `fuse` makes stages of, and keys speak of.
    stages : tuple of Stage
        What is computed; the last makes the value of the end, or the frames that a measure at the end looks at.
    folded : dict of str to str
        For each value of a node that computes nothing of its own, the one that is the same.
    unused : tuple of str
        The values that only folded nodes read.
    keys : n2s.plan.keys.Keys or None
    """

    graph: Graph
    end: str
    values: Values
    scene: Scene
    environment: Mapping[str, Any]
    chunk_length: int
    nodes: tuple[Stage, ...] = ()
    stages: tuple[Stage, ...] = ()
    folded: Mapping[str, str] = field(default_factory=dict)
    unused: tuple[str, ...] = ()
    keys: Any = None

    @property
    def node(self) -> Node:
        """The sink, or the node whose value is wanted."""
        return self.graph.nodes[node_of(self.end)]

    @property
    def format(self) -> Format:
        """How the sink stores its frames."""
        return format_of(self.node)

    @cached_property
    def pixels(self) -> Pixels:
        """Which codes of its frames the sink stores."""
        return pixels_of(self.graph, self.end)

    @property
    def order(self) -> list[str]:
        """The streamed nodes that are computed, inputs first; their order depends on the links, not on names."""
        names = dict.fromkeys(stage.node for stage in self.nodes)
        return [name for name in names if self.graph.nodes[name].kind != "sink"]

    @property
    def streamed_values(self) -> list[str]:
        """Every value of streamed nodes on the way to the end, whether it is computed or not."""
        made = dict.fromkeys(stage.value for stage in self.nodes if stage.makes != "codes")
        return [*made, *self.folded, *self.unused]

    @property
    def streamed_nodes(self) -> list[str]:
        """The nodes of these values."""
        return list(dict.fromkeys(map(node_of, self.streamed_values)))

    def chunks(self, start: int = 0, stop: int | None = None, length: int | None = None) -> list[Chunk]:
        """Return the chunks of frames start..stop, cut on the grid of ``length`` frames (the sink's by default)."""
        stop = self.values.clock.frames if stop is None else stop
        return [self.keys.chunk(a, b) for a, b in chunk_spans(start, stop, length or self.chunk_length)]


def node_of(value: str) -> str:
    """Return the node of a value: "picture" of "picture.matte"."""
    return value.partition(".")[0]


def value_read(graph: Graph, link: Link) -> str:
    """Return the value that a link reads: its node, and the output where it is not the node's first."""
    outputs = type(graph.nodes[link.node]).outputs
    output = chosen_output(outputs, link.output)
    return link.node if output in ("", next(iter(outputs))) else f"{link.node}.{output}"


def stages_up_to(stages: Iterable[Stage], end: str, picked: bool = True) -> tuple[Stage, ...]:
    """Return one of the stages and those it needs, in their order.

    ``picked``: also what it needs for the frames that it picks.
    """
    stages = list(stages)
    wanted = {end}
    found = []
    for stage in reversed(stages):
        if stage.name in wanted:
            wanted.update(read.stage for read in stage.reads.values() if picked or not read.picked)
            found.append(stage)
    return tuple(reversed(found))


def widen(stages: Iterable[Stage]) -> tuple[Stage, ...]:
    """Return stages with the frames that each must make around those of the last, from the windows of their readers.

    For those of which frames are picked, they are the frames around these.
    """
    stages = list(stages)
    margins: dict[str, tuple[int, int]] = {}
    for stage in reversed(stages):
        before, after = margins.setdefault(stage.name, (0, 0))
        for read in stage.reads.values():
            own = margins.get(read.stage, (0, 0))
            around = (0, 0) if read.picked else (before + read.before, after + read.after)
            margins[read.stage] = max(own[0], around[0]), max(own[1], around[1])
    return tuple(replace(stage, before=margins[stage.name][0], after=margins[stage.name][1]) for stage in stages)
