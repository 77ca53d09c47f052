"""Where frames are looked for before they are computed: in the store, for nodes with ``cache: frames``, or in memory.

Frames are kept in the precision that their definition has: float16 behind a decoder, float32 elsewhere. So what is read
back has the bits of what was computed.
"""

from __future__ import annotations

import json
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, NamedTuple, Protocol

import numpy as np

from n2s.graph.time import chunk_spans
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan, Stage
from n2s.runtime.render.framefile import FrameReader, FrameWriter
from n2s.runtime.store import Store

_ROOM = threading.Lock()  # what fits when it is asked for must fit when it is written
KIND, ENDING = "frames", ".frames"  # of the store's entries


class Piece(NamedTuple):
    """Frames start..stop of a stage: ``load`` returns some of them, from one up to another, or they must be computed
    where it is None."""

    start: int
    stop: int
    load: Callable[[int, int], np.ndarray] | None = None


class KeptFrames(Protocol):
    """Keeps frames of some stages of a plan."""

    def chunk(self, start: int, stop: int) -> Any:
        """Return a context within which frames start..stop of the plan's end are made, in order."""
        ...

    def pieces(self, stage: Stage, start: int, stop: int) -> list[Piece]:
        """Return where to take frames start..stop of a stage from, in order."""
        ...

    def add(self, stage: Stage, start: int, made: np.ndarray) -> None:
        """Take frames of a stage that were computed, from frame ``start`` on; they may be overwritten afterwards."""
        ...


class NothingKept:
    """Keeps nothing."""

    @contextmanager
    def chunk(self, start: int, stop: int) -> Iterator[None]:
        yield

    def pieces(self, stage: Stage, start: int, stop: int) -> list[Piece]:
        return [Piece(start, stop)]

    def add(self, stage: Stage, start: int, made: np.ndarray) -> None:
        pass


def defined_type(plan: Plan, stage: Stage) -> type:
    """Return the precision that a stage's frames have by definition."""
    return np.float16 if getattr(plan.graph.nodes[stage.node], "half", False) and stage.is_computed else np.float32


class StoredFrames:
    """Keeps the frames of nodes with ``cache: frames`` in the store, one entry per chunk of frames.

    One object serves one thread; entries are shared through the store. When the store is full of what was used since
    the beginning, nothing more is kept, because what is kept last would push out what is wanted first.

    Parameters
    ----------
    plan : Plan
    store : Store
    since : float
        When the work began, in seconds of the system's clock.
    """

    def __init__(self, plan: Plan, store: Store, since: float):
        self.plan, self.store, self.since = plan, store, since
        self._chunks: dict[tuple[str, int, int], Chunk] = {}
        self._readers: dict[str, FrameReader | None] = {}
        self._writers: dict[str, FrameWriter] = {}

    @contextmanager
    def chunk(self, start: int, stop: int) -> Iterator[None]:
        """Keep what is computed of frames start..stop, where these are a whole chunk, when all of them were."""
        stop = min(stop, self.plan.values.clock.frames)
        whole = start < stop and (start, stop) in self._grid(start, stop)
        try:
            for stage in self.plan.stages if whole else ():
                if stage.keep and self._reader(stage, start, stop) is None:
                    path = self.store.path(KIND, self._chunk(stage, start, stop).key, ENDING)
                    self._writers[stage.name] = FrameWriter(path, start, stop, defined_type(self.plan, stage))
            yield
            for stage in self.plan.stages:
                writer = self._writers.get(stage.name)
                if writer is not None and writer.whole:
                    self._publish(stage, self._chunk(stage, start, stop), writer)
        finally:
            for writer in self._writers.values():
                writer.close()
            for reader in self._readers.values():
                if reader is not None:
                    reader.close()
            self._writers.clear()
            self._readers.clear()

    def _publish(self, stage: Stage, chunk: Chunk, writer: FrameWriter) -> None:
        context = self.plan.scene.context
        recipe = {**chunk.recipe, "static": self.plan.keys.of_stage(stage.name)}
        with _ROOM:
            if self.store.make_room(KIND, writer.bytes + len(json.dumps(recipe)), self.since):
                context.check_unchanged()  # the key speaks of files as they were
                self.store.add(KIND, chunk.key, ENDING, recipe, writer.move_to)
                return
        context.say(
            f"The store is full ({self.store.limit / 1e9:.3g} GB), so not all frames of {stage.node} are kept; make "
            "room with n2s cache trim, let it hold more with N2S_STORE_LIMIT, or keep those of a shorter part."
        )

    def _grid(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the chunks of the track that some frames lie in."""
        length, frames = self.plan.chunk_length, self.plan.values.clock.frames
        return chunk_spans(start // length * length, min(frames, -(-stop // length) * length), length)

    def _chunk(self, stage: Stage, start: int, stop: int) -> Chunk:
        at = (stage.name, start, stop)
        if at not in self._chunks:
            self._chunks[at] = self.plan.keys.chunk(start, stop, stage.name)
        return self._chunks[at]

    def _reader(self, stage: Stage, start: int, stop: int) -> FrameReader | None:
        key = self._chunk(stage, start, stop).key
        if key not in self._readers:
            path = self.store.find(KIND, key, ENDING)
            try:
                self._readers[key] = FrameReader(path) if path else None
            except OSError:  # another run has just made room, or it cannot be read any more
                self._readers[key] = None
        return self._readers[key]

    def pieces(self, stage: Stage, start: int, stop: int) -> list[Piece]:
        if not stage.keep:
            return [Piece(start, stop)]
        found, frames = [], self.plan.values.clock.frames
        for first, last in self._grid(start, stop) if start < frames else ():
            a, b = max(first, start), min(last, stop)
            reader = self._reader(stage, first, last)
            load = None if reader is None else lambda a, b, reader=reader, at=first: reader.read(a - at, b - at)
            found.append(Piece(a, b, load))
        if stop > frames:  # an album shows the last one once more, of which pixel code makes another
            found.append(Piece(max(start, frames), stop))
        return join_computed(found)

    def add(self, stage: Stage, start: int, made: np.ndarray) -> None:
        if (writer := self._writers.get(stage.name)) is not None:
            writer.add(start, made)


class RecentFrames:
    """Keeps the frames of decoders and sources in memory and drops the least recently used first; for threads.

    Parameters
    ----------
    limit : int
        Bytes.
    """

    def __init__(self, limit: int):
        self.limit, self.bytes = limit, 0
        self._frames: OrderedDict[str, np.ndarray] = OrderedDict()
        self._lock = threading.Lock()

    def get(self, key: str) -> np.ndarray | None:
        with self._lock:
            if key in self._frames:
                self._frames.move_to_end(key)
            return self._frames.get(key)

    def put(self, key: str, frame: np.ndarray) -> None:
        with self._lock:
            if key in self._frames or frame.nbytes > self.limit:
                return
            self._frames[key] = frame
            self.bytes += frame.nbytes
            while self.bytes > self.limit:
                _, gone = self._frames.popitem(last=False)
                self.bytes -= gone.nbytes


class RecentOrStored:
    """Looks for frames in memory, then in the store; what is computed is kept in memory."""

    def __init__(self, plan: Plan, recent: RecentFrames, stored: StoredFrames):
        self.plan, self.recent, self.stored = plan, recent, stored

    def chunk(self, start: int, stop: int) -> Any:
        return self.stored.chunk(0, 0)

    def _key(self, stage: Stage, frame: int) -> str:
        return self.plan.keys.chunk(frame, frame + 1, stage.name).key

    def pieces(self, stage: Stage, start: int, stop: int) -> list[Piece]:
        if not _is_source(stage):
            return self.stored.pieces(stage, start, stop)
        found: list[Piece] = []
        for frame in range(start, stop):
            kept = self.recent.get(self._key(stage, frame))
            if kept is not None:
                found.append(Piece(frame, frame + 1, lambda a, b, kept=kept: kept[None].astype(np.float32)))
            else:
                found += self.stored.pieces(stage, frame, frame + 1)
        return join_computed(found)

    def add(self, stage: Stage, start: int, made: np.ndarray) -> None:
        if _is_source(stage):
            for i, frame in enumerate(made):
                self.recent.put(self._key(stage, start + i), frame.astype(defined_type(self.plan, stage)))


class SeenFrames:
    """The frames of decoders and sources that one thread has just made for one plan and needs for others.

    The plans are of one graph with the same values, so that a node's name says what its frames are.

    Parameters
    ----------
    plans : iterable of Plan
        Of those who look for frames.
    """

    def __init__(self, plans: Iterable[Plan]):
        self._before: dict[tuple, int] = {}  # how long frames of each stage are wanted
        self._frames: dict[tuple, dict[int, np.ndarray]] = {}
        for stage in (stage for plan in plans for stage in plan.stages if _is_source(stage)):
            name = _identity(stage)
            self._before[name] = max(stage.before, self._before.get(name, 0))
            self._frames[name] = {}

    def put(self, stage: Stage, start: int, made: np.ndarray) -> None:
        """Take copies of frames of a stage, where someone wants them."""
        if (frames := self._frames.get(_identity(stage))) is not None:
            frames.update((start + i, frame.copy()) for i, frame in enumerate(made))

    def get(self, stage: Stage, frame: int) -> np.ndarray | None:
        return self._frames.get(_identity(stage), {}).get(frame)

    def forget(self, first: int) -> None:
        """Drop what nobody needs who makes frame ``first`` and those after it."""
        for name, frames in self._frames.items():
            for frame in [frame for frame in frames if frame < first - self._before[name]]:
                del frames[frame]


def _identity(stage: Stage) -> tuple:
    return stage.value, stage.grid, stage.size


class SharedFrames:
    """Looks among frames that other work has just made, then elsewhere; what is computed is shared."""

    def __init__(self, seen: SeenFrames, kept: KeptFrames):
        self.seen, self.kept = seen, kept

    def chunk(self, start: int, stop: int) -> Any:
        return self.kept.chunk(start, stop)

    def pieces(self, stage: Stage, start: int, stop: int) -> list[Piece]:
        found: list[Piece] = []
        for frame in range(start, stop):
            seen = self.seen.get(stage, frame)
            if seen is not None:
                found.append(Piece(frame, frame + 1, partial(self._hand_on, stage, seen[None])))
            else:
                found += self.kept.pieces(stage, frame, frame + 1)
        return join_computed(found)

    def _hand_on(self, stage: Stage, seen: np.ndarray, frame: int, _: int) -> np.ndarray:
        """Return a frame that other work has computed, after it was kept like one of this work."""
        self.kept.add(stage, frame, seen)
        return seen

    def add(self, stage: Stage, start: int, made: np.ndarray) -> None:
        self.seen.put(stage, start, made)
        self.kept.add(stage, start, made)


class MadeFrames:
    """Looks among the frames that other work has made of the same block, then elsewhere.

    Parameters
    ----------
    made : callable
        Returns frames of a stage from a number on, up to another at most; None where the first is not there.
    kept : KeptFrames
    """

    def __init__(self, made: Callable[[Stage, int, int], np.ndarray | None], kept: KeptFrames):
        self.made, self.kept = made, kept

    def chunk(self, start: int, stop: int) -> Any:
        return self.kept.chunk(start, stop)

    def pieces(self, stage: Stage, start: int, stop: int) -> list[Piece]:
        found: list[Piece] = []
        while start < stop:
            made = self.made(stage, start, stop)
            if made is not None:
                found.append(Piece(start, start + len(made), partial(_cut_out, made, start)))
            else:
                found += self.kept.pieces(stage, start, start + 1)
            start = found[-1].stop
        return join_computed(found)

    def add(self, stage: Stage, start: int, made: np.ndarray) -> None:
        self.kept.add(stage, start, made)


def _cut_out(made: np.ndarray, first: int, start: int, stop: int) -> np.ndarray:
    """Return frames start..stop of those that begin with frame ``first``, as a view."""
    return made[start - first : stop - first]


def _is_source(stage: Stage) -> bool:
    """Say whether a stage makes pictures from what are none, or takes its time over other frames: a node's own code."""
    return stage.is_computed and stage.is_picture


def join_computed(pieces: list[Piece]) -> list[Piece]:
    """Return pieces with neighbours that must be computed as one."""
    joined: list[Piece] = []
    for piece in pieces:
        if joined and piece.load is None and joined[-1].load is None:
            joined[-1] = Piece(joined[-1].start, piece.stop)
        else:
            joined.append(piece)
    return joined
