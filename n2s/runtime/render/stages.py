"""In which order the values of a block are made: every value once, each after those it reads, none by recursion."""

from __future__ import annotations

from dataclasses import dataclass, field

from n2s.graph.types import FRAMES, LATENTS
from n2s.plan.film import FilmPlan
from n2s.plan.fuse import Kernel

# What a value is: a node's "own" frames or latents as its compute returned them; its frames brought to the film's size
# and rounded as their node promises ("film"); or the codes of the sink ("codes").
Key = tuple[str, str]


@dataclass
class Stage:
    """One value of a block, and what it is made from.

    Attributes
    ----------
    key : Key
    kernel : Kernel or None
        What makes it, where it is a kernel.
    sources : dict of str to Key
        By port, or by the number of a kernel's input.
    window : pair of int
        How many frames around its own it reads of its sources.
    before, after : int
        How many frames around the block's are made of it.
    done_with : list of Stage
        Those that nothing reads after this one.
    own_buffer : bool
        Only kernels read it, so that its memory may be used again when they are done.
    """

    key: Key
    kernel: Kernel | None
    sources: dict[str, Key]
    window: tuple[int, int] = (0, 0)
    before: int = 0
    after: int = 0
    done_with: list[Stage] = field(default_factory=list)
    own_buffer: bool = True

    @property
    def name(self) -> str:
        return self.key[1]

    @property
    def overlaps(self) -> bool:
        """Whether neighbouring blocks need some of the same frames of it."""
        return bool(self.before or self.after)


def stages(plan: FilmPlan, root: Key) -> list[Stage]:
    """Return what must be made for a value, in order; the value itself is the last."""
    found: dict[Key, Stage] = {}
    first = _stage(plan, root)
    waiting = [(first, iter(first.sources.values()))]
    while waiting:
        stage, rest = waiting[-1]
        key = next((key for key in rest if key not in found), None)
        if key is not None:
            below = _stage(plan, key)
            waiting.append((below, iter(below.sources.values())))
        else:
            found[stage.key] = stage
            waiting.pop()
    ordered = list(found.values())
    done: set[Key] = set()
    for stage in reversed(ordered):
        for key in stage.sources.values():
            source = found[key]
            source.before = max(source.before, stage.before + stage.window[0])
            source.after = max(source.after, stage.after + stage.window[1])
            source.own_buffer &= stage.kernel is not None
            if key not in done:
                done.add(key)
                stage.done_with.append(source)
    return ordered


def _stage(plan: FilmPlan, key: Key) -> Stage:
    what, name = key
    nodes = plan.graph.nodes
    if what == "codes":
        return _of_kernel(plan, key, plan.kernel(nodes[name].frames.node))
    node = nodes[name]
    if what == "film":
        return _of_kernel(plan, key, plan.kernel(name))
    sources: dict[str, Key] = {}
    for port, link in node.links().items():
        kind = node.ports.get(port)
        if kind is FRAMES or kind is LATENTS:
            sources[port] = ("film" if kind is FRAMES else "own", link.node)
    return Stage(key, None, sources, plan.windows[name])


def _of_kernel(plan: FilmPlan, key: Key, kernel: Kernel) -> Stage:
    nodes = plan.graph.nodes
    sources = {
        str(i): ("own" if nodes[name].kind == "streamed" else "film", name) for i, name in enumerate(kernel.inputs)
    }
    return Stage(key, kernel, sources)
