"""What an album shows while one track dissolves into the next: frames of both, mixed, and their music likewise."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import numpy as np
from pydantic import PrivateAttr

from n2s.graph.authors import in_words
from n2s.graph.code.identity import code_digest
from n2s.graph.context import Block, Scene
from n2s.graph.declare import FRAMES_OUTPUT, Node, Streamed, setting
from n2s.graph.errors import OtherCode
from n2s.graph.graph import Graph
from n2s.graph.header import Header
from n2s.graph.keys import digest
from n2s.graph.links import Link
from n2s.graph.parts import GraphParts
from n2s.graph.registry import node_types
from n2s.plan.film import towards
from n2s.plan.stages import Plan
from n2s.runtime import machine
from n2s.runtime.context import Music, RunContext
from n2s.runtime.executors.parts import FilmPart
from n2s.runtime.films.films import Passage
from n2s.runtime.media.convert import AT_ONCE, write_floats
from n2s.runtime.media.music.layouts import USUAL, mix, mixing_matrix
from n2s.runtime.media.sound import speakers
from n2s.runtime.render.frames import FrameMaker
from n2s.runtime.render.kept import RecentFrames
from n2s.runtime.store import Store

MEMORY = 256 << 20  # bytes of decoded frames that each of the two films keeps, for what looks back in time
KIND, SUFFIX = "crossed-music", ".wav"


class FilmFrames(Streamed):
    """Show frames of another film: those from ``first`` on. It is made by albums, and is in no file.

    ``shown`` is the key of these frames, which stands in the recipe of what is made of them.
    """

    first: int = setting(ge=0, keyed=False, help="the other film's frame that is shown first")
    frames: int = setting(ge=1, keyed=False, help="how many of its frames are shown")
    shown: str = setting(help="the key of these frames")

    outputs = FRAMES_OUTPUT
    reads = frozenset()
    _part: FilmPart = PrivateAttr()

    @classmethod
    def of(cls, plan: Plan, first: int, count: int) -> FilmFrames:
        """Return a node that shows so many frames of a film, as its sink is given them."""
        given = towards(plan, str(plan.node.frames))
        made = cls(first=first, frames=count, shown=given.keys.chunk(first, first + count).key)
        made._part = FilmPart.of(given)
        return made

    def carrying(self, part: FilmPart) -> FilmFrames:
        made = self.model_copy()
        made._part = part
        return made

    @property
    def film_part(self) -> FilmPart:
        """The plan of the other film, as plain data."""
        return self._part

    def open(self, scene: Scene, grid: None) -> FrameMaker:
        """Open the other film.

        Raises
        ------
        OtherCode
            When its frames would be others in this process than where they were planned.
        """
        context = cast(RunContext, scene.context)
        plan = self._part.plan(context, machine.environment())
        if plan.keys.chunk(self.first, self.first + self.frames).key != self.shown:
            raise OtherCode(
                f"{self._part.graph.header.title or 'A track'}: {in_words((self.first, self.first + self.frames))} "
                "would not be made as planned in this process: code or files changed while the run was under way, or "
                "differ there. Run again, or render in threads (--jobs)."
            )
        return FrameMaker(plan, context.store, RecentFrames(MEMORY))

    def compute(self, block: Block) -> np.ndarray:
        start = min(self.first + block.start, self.first + self.frames - 1)
        stop = min(self.first + block.stop, self.first + self.frames)
        made = block.resources.frames(start, stop)
        missing = block.count - len(made)  # past the last one, which is repeated
        return np.concatenate([made, np.repeat(made[-1:], missing, 0)]) if missing else made


def crossing_graph(album: Graph, before: tuple[Plan, int], after: tuple[Plan, int], count: int) -> Graph:
    """Return a graph of ``count`` frames in which one film dissolves into another, coded as the second one's sink does.

    Frame k is a mix, in light, with (k + 1/2) / count of the second film.

    Parameters
    ----------
    before, after : (Plan, int)
        The two films, and which of their frames is shown first.
    """
    header, types, plan = album.header, node_types(), after[0]
    share = [[float(k / header.fps), (k + 0.5) / count] for k in dict.fromkeys((0, count - 1))]
    nodes: dict[str, Node] = {
        "before": FilmFrames.of(*before, count),
        "after": FilmFrames.of(*after, count),
        "share": types["Keyframes"](points=share, interpolate="linear"),
        "mix": types["Mix"](a=Link("before", "frames"), b=Link("after", "frames"), amount=Link("share", "signal")),
        "out": plan.node.model_copy(update={"frames": Link("mix", "frames"), "audio": None}),
    }
    names = " and ".join(film.graph.header.title or "a track" for film, _ in (before, after))
    made = cast(Any, Header)(
        title=f"the crossfade of {names}",
        fps=header.fps,
        size=header.size,
        duration=float((count + 1) / header.fps),  # a frame more than is shown: a length in seconds is rounded
        seed=header.seed,
    )
    return Graph(parts=GraphParts(nodes=nodes, header=made, base=album.base))


def crossed(before: Passage, after: Passage, store: Store, open_music: Callable[[Path], Music]) -> Music:
    """Return two passages of the same length and rate as one piece of 32-bit floats, one fading into the other.

    Sample k of n is a cos(f pi / 2) + b sin(f pi / 2), f = (k + 1/2) / n: of equal power throughout. Passages of
    different speakers become stereo; the gains of both are in it.
    """
    recipe: dict[str, Any] = {
        "passages": [[p.music.digest, p.start, p.stop, p.gain] for p in (before, after)],
        "speakers": [speakers(p.music) for p in (before, after)],
        "ffmpeg": machine.ffmpeg_version(),
        "code": code_digest(__name__),
    }
    key = digest(recipe)
    path = store.find(KIND, key, SUFFIX) or store.add(
        KIND, key, SUFFIX, recipe, lambda path: _write_crossed(before, after, path)
    )
    return open_music(path)


def _write_crossed(before: Passage, after: Passage, path: Path) -> None:
    layouts = {speakers(passage.music) for passage in (before, after)}
    places = layouts.pop() if len(layouts) == 1 else USUAL[2]
    matrices = [
        None if speakers(p.music) == places else mixing_matrix(speakers(p.music), places) for p in (before, after)
    ]
    count = after.stop - after.start

    def blocks() -> Generator[np.ndarray]:
        with before.music.reader() as first, after.music.reader() as second:
            for start in range(0, count, AT_ONCE):
                n = min(AT_ONCE, count - start)
                angle = (np.arange(start, start + n) + 0.5) / count * (np.pi / 2)
                sides = []
                for passage, reader, matrix in zip((before, after), (first, second), matrices):
                    samples = reader.read(passage.start + start, n)
                    sides.append((samples if matrix is None else mix(samples, matrix)) * np.float64(passage.gain))
                yield sides[0] * np.cos(angle) + sides[1] * np.sin(angle)

    write_floats(path, blocks(), before.music.rate, places)
    for passage in (before, after):
        passage.music.check()
