"""Where frames are looked for before they are computed: in the store, for nodes with ``cache: frames``, or in memory.

Frames are kept in the precision that their definition has: float16 behind a decoder, float32 elsewhere. So what is read
back has the bits of what was computed.
"""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np

from n2s.graph.time import chunk_spans
from n2s.plan.keys import Chunk
from n2s.plan.stages import Plan, Stage
from n2s.runtime.render.framefile import FrameReader, FrameWriter
from n2s.runtime.store import Store

KIND = "frames"  # of the store's entries


@dataclass(frozen=True)
class Piece:
    """Frames start..stop of a stage: ``load`` returns them, or they must be computed where it is None."""

    start: int
    stop: int
    load: Callable[[], np.ndarray] | None = None


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
    return np.float16 if getattr(plan.graph.nodes[stage.node], "half", False) and stage.kernel is None else np.float32


class StoredFrames:
    """Keeps the frames of nodes with ``cache: frames`` in the store, one entry per chunk of frames.

    One object serves one thread at a time; entries are shared through the store.
    """

    def __init__(self, plan: Plan, store: Store):
        self.plan, self.store = plan, store
        self._chunks: dict[tuple[str, int, int], Chunk] = {}
        self._readers: dict[str, FrameReader | None] = {}
        self._writers: dict[str, FrameWriter] = {}

    @contextmanager
    def chunk(self, start: int, stop: int) -> Iterator[None]:
        """Keep what is computed of frames start..stop, where these are a whole chunk, when all of them were."""
        stop = min(stop, self.plan.values.clock.frames)
        stages = [stage for stage in self.plan.stages if stage.keep and (start, stop) in self._grid(start, stop)]
        missing = [stage for stage in stages if self._reader(stage, start, stop) is None]
        try:
            for stage in missing:
                self._writers[stage.name] = FrameWriter(self.store, start, defined_type(self.plan, stage))
            yield
            for stage in missing:
                if (writer := self._writers[stage.name]).count == stop - start:
                    self.plan.scene.context.check_unchanged()  # the key speaks of files as they were
                    chunk = self._chunk(stage, start, stop)
                    recipe = {**chunk.recipe, "static": self.plan.keys.of_stage(stage.name)}
                    self.store.add(KIND, chunk.key, ".frames", recipe, writer.move_to)
        finally:
            for writer in self._writers.values():
                writer.close()
            self._writers.clear()
            self._close_readers()

    def _grid(self, start: int, stop: int) -> list[tuple[int, int]]:
        """Return the chunks that some frames lie in."""
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
            path = self.store.find(KIND, key, ".frames")
            self._readers[key] = FrameReader(path) if path else None
        return self._readers[key]

    def _close_readers(self) -> None:
        for reader in self._readers.values():
            if reader is not None:
                reader.close()
        self._readers.clear()

    def pieces(self, stage: Stage, start: int, stop: int) -> list[Piece]:
        if not stage.keep:
            return [Piece(start, stop)]
        found = []
        for first, last in self._grid(start, stop):
            a, b = max(first, start), min(last, stop)
            reader = self._reader(stage, first, last)
            load = None if reader is None else lambda reader=reader, a=a - first, b=b - first: reader.read(a, b)
            found.append(Piece(a, b, load))
        return found

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

    def of(self, plan: Plan) -> KeptFrames:
        """Return the frames that are kept, as those of a plan."""
        return _RecentFramesOf(self, plan)

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


class _RecentFramesOf(NothingKept):
    def __init__(self, recent: RecentFrames, plan: Plan):
        self.recent, self.plan = recent, plan

    def _is_kept(self, stage: Stage) -> bool:
        return stage.kernel is None and stage.makes == "frames"

    def _key(self, stage: Stage, frame: int) -> str:
        return self.plan.keys.chunk(frame, frame + 1, stage.name).key

    def pieces(self, stage: Stage, start: int, stop: int) -> list[Piece]:
        if not self._is_kept(stage):
            return [Piece(start, stop)]
        found: list[Piece] = []
        for frame in range(start, stop):
            kept = self.recent.get(self._key(stage, frame))
            if kept is not None:
                found.append(Piece(frame, frame + 1, lambda kept=kept: kept[None].astype(np.float32)))
            elif found and found[-1].load is None:
                found[-1] = Piece(found[-1].start, frame + 1)
            else:
                found.append(Piece(frame, frame + 1))
        return found

    def add(self, stage: Stage, start: int, made: np.ndarray) -> None:
        if self._is_kept(stage):
            for i, frame in enumerate(made):
                self.recent.put(self._key(stage, start + i), frame.astype(defined_type(self.plan, stage)))
