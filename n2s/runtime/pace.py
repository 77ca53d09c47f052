"""How long a run may take and how much it may write, by how it went the last time that such frames were made."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from n2s.graph.timecodes import minutes
from n2s.plan.formats import call_format
from n2s.plan.stages import Plan, Stage
from n2s.runtime.executors.base import Task
from n2s.runtime.films.luminance import FRAME_BYTES
from n2s.runtime.render.measures import KIND as NUMBERS
from n2s.runtime.store import ARRAYS, SEGMENTS, Store, bytes_of

KIND = "paces"  # of what the store notes
FEWEST = 30  # frames; fewer tell nothing
COPIES = 2  # of pictures and of sound: in the store, and in the film
# What a frame takes in any size is as much as for so many pixels: measured with the shipped looks, 128x72 to 640x360.
FIXED_PIXELS = 25_000
CODED = 0.85  # the power of the pixels by which a film's bytes grow, measured likewise, with H.264


@dataclass(frozen=True)
class Estimate:
    """How long the rendering may take, in seconds, and how many bytes it may write.

    ``alike``: such frames were made before; else frames of the same nodes in another size or coding were.
    """

    seconds: float
    bytes: int
    alike: bool = True

    def text(self) -> str:
        """Return it in words: "about 2:30 and 120 MB"."""
        time = "some seconds" if self.seconds < 10 else minutes(self.seconds, 0)
        amount = f"{time} and {max(1, round(self.bytes / 1e6))} MB"
        if not self.alike:
            return f"very roughly {amount}, by the last time that such frames were made in another size or coding"
        return f"about {amount}, by the last time that such frames were made"


def subject(plan: Plan, jobs: int, beside: Sequence[Plan] = ()) -> dict[str, Any]:
    """Return what frames are alike by: the kinds of nodes that make them, size, coding, how many jobs there are.

    Names and settings are left out, so that another song under the same look is known already. ``beside`` are plans of
    films that are made of the same frames.
    """
    about = _frames(plan) | {"jobs": jobs}
    return about | {"beside": [subject(other, jobs) for other in beside]} if beside else about


def _of_any_size(plan: Plan) -> dict[str, Any]:
    """Return what frames are alike by whose size or coding may differ."""
    return {"nodes": _frames(plan)["nodes"]}


def memory_subject(executor: Any, plans: Sequence[Plan]) -> dict[str, Any]:
    """Return what chunks are alike by that take as much memory: who renders them, and the frames of each plan."""
    return {"executor": type(executor).__name__, "frames": [_frames(plan) for plan in plans]}


def _frames(plan: Plan) -> dict[str, Any]:
    nodes = plan.graph.nodes
    kinds = [type(nodes[stage.node]).__name__ for stage in plan.nodes if stage.node in nodes]
    stored = plan.node.kind == "sink"  # else they are measured
    coded = call_format(plan.graph, plan.end, plan.format.describe, plan.node) if stored else None
    return {"nodes": kinds, "size": list(plan.graph.header.size), "coded": coded}


@dataclass
class PaceTally:
    """Collects what the tasks of a run make."""

    made: dict[tuple[int, ...], Sequence[Plan]] = field(default_factory=dict)  # plans that have tasks, by identity
    frames: int = 0  # of tasks: those that are made once for several films count once
    measured: int = 0  # frames that are made to be looked at alone
    segments: dict[str, str] = field(default_factory=dict)  # the suffix of each, by its key
    numbers: set[str] = field(default_factory=set)  # keys of what measures found
    seconds: dict[str, float] = field(default_factory=dict)  # of workers, in each node
    sound: float = 0.0  # bytes for a frame

    def add(self, plans: Sequence[Plan], task: Task, seconds: Mapping[str, float]) -> None:
        """Add a task that made the chunks of some films, and the seconds that a worker spent in each node."""
        self.made[tuple(map(id, plans))] = plans
        self.frames += task.stop - task.start
        self.segments.update((key, plan.format.suffix) for plan, (_, key) in zip(plans, task.chunks))
        self.numbers.update(key for _, key in task.measures)
        self._add_seconds(seconds)

    def add_measured(self, task: Task, frames: int, seconds: Mapping[str, float]) -> None:
        """Add a task that looked at so many frames, for no film."""
        self.measured += frames
        self.numbers.add(task.key)
        self._add_seconds(seconds)

    def add_sound(self, written: int, frames: int) -> None:
        """Add a film of so many frames, which has so many bytes beside those of its segments."""
        if frames and written > 0:
            self.sound = max(self.sound, written / frames)

    def _add_seconds(self, seconds: Mapping[str, float]) -> None:
        for name, each in seconds.items():
            self.seconds[name] = self.seconds.get(name, 0.0) + each

    def note(self, store: Store, jobs: int, seconds: float) -> None:
        """Note what each frame took, of the run's seconds and of bytes."""
        if self.frames < FEWEST:
            return
        made = self.frames + self.measured
        written = sum(_bytes_in(store, SEGMENTS, key, suffix) for key, suffix in self.segments.items())
        numbers = sum(_bytes_in(store, NUMBERS, key, ARRAYS) for key in sorted(self.numbers))
        for plan, *beside in self.made.values():
            about, decoders = subject(plan, jobs, beside), {stage.name for stage in _decoders(plan)}
            known = store.noted(KIND, about) or {}
            spent = sum(self.seconds.values())
            pace = {
                "seconds": seconds / made,
                "decoding": sum(self.seconds.get(name, 0.0) for name in sorted(decoders)) / spent if spent else 0.0,
                "bytes": written / self.frames,
                "sound": max(self.sound, known.get("sound", 0.0)),
                "numbers": max(numbers / made, known.get("numbers", 0.0)),  # known ones are not written again
            }
            store.note(KIND, about, pace)
            if not beside:
                sizes = {"pixels": _pixels(plan), "decoded": _decoded(plan)}
                store.note(KIND, _of_any_size(plan), pace | {"jobs": jobs} | sizes)


def _bytes_in(store: Store, kind: str, key: str, suffix: str) -> int:
    """Return the size of a payload; it is read only where a bucket alone has it."""
    return bytes_of(store.path(kind, key, suffix)) or bytes_of(*filter(None, [store.find(kind, key, suffix)]))


def _pixels(plan: Plan) -> int:
    width, height = plan.graph.header.size
    return width * height


def _decoders(plan: Plan) -> list[Stage]:
    """Return the stages that turn latents into frames."""
    return [stage for stage in plan.stages if stage.makes == "frames" and stage.grid is not None]


def _decoded(plan: Plan) -> int:
    """Return how much the decoders of a plan draw for each frame: their latents' cells, each by its pixels.

    Of small films it is as much as of larger ones: latents have a least number of rows, and pictures are made smaller
    when they are there.
    """
    found = 0
    for node in plan.keys.static["nodes"]:
        if "decoder" in (files := node.get("files", {})):
            rows, columns = node["grid"]
            found += rows * columns * int(files.get("detail", "x1").removeprefix("x")) ** 2
    return found


def _known(store: Store, plans: Sequence[Plan], jobs: int) -> tuple[Mapping[str, float], bool] | None:
    """Return the pace of frames of some films, and whether such frames were made; None: unknown.

    Else it is taken from frames of the same nodes in another size. Decoders take as long for each cell of latents, all
    other nodes for each pixel, beside what they do for a frame of any size; a codec saves less where frames are small.
    """
    plan, *beside = plans
    if (known := store.noted(KIND, subject(plan, jobs, beside))) is not None:
        return known, True
    other = None if beside else store.noted(KIND, _of_any_size(plan))
    if other is None:
        return None
    pixels, before = _pixels(plan), other["pixels"]
    decoding = other["decoding"] * _decoded(plan) / max(1, other["decoded"])
    drawing = (1 - other["decoding"]) * (pixels + FIXED_PIXELS) / (before + FIXED_PIXELS)
    seconds = other["seconds"] * (decoding + drawing) * other["jobs"] / jobs
    return other | {"seconds": seconds, "bytes": other["bytes"] * (pixels / before) ** CODED}, False


def estimate(
    store: Store,
    frames: Mapping[tuple[int, ...], int],
    measured: Mapping[int, int],
    plans: list[Plan],
    jobs: int,
) -> Estimate | None:
    """Return how long so many frames may take, by the places in ``plans`` of the films that are made of them; None
    where that is unknown for one. ``measured`` are frames that are looked at alone, by the film that they belong to:
    they take no more than its frames do, and only the numbers are kept."""
    seconds, written, alike = 0.0, 0.0, True
    made = [(numbers, count, True) for numbers, count in frames.items()]
    made += [((number,), count, False) for number, count in measured.items()]
    for numbers, count, stored in made:
        found = _known(store, [plans[number] for number in numbers], jobs)
        if found is None:
            return None
        known, alike = found[0], alike and found[1]
        seconds += count * known["seconds"]
        written += count * known["numbers"]
        if stored:
            written += count * (COPIES * (known["bytes"] + known["sound"]) + len(numbers) * FRAME_BYTES)
    return Estimate(seconds, round(written), alike) if made else None


def lack_of_room(wanted: Estimate, folders: Iterable[Path]) -> str:
    """Say where there may be too little room; "" where there is enough."""
    for folder in folders:
        there = next(parent for parent in (folder, *folder.parents) if os.path.isdir(parent))
        free = shutil.disk_usage(there).free
        if free < wanted.bytes:
            return f"{there} has {free / 1e6:.0f} MB left, and about {wanted.bytes / 1e6:.0f} MB may be written."
    return ""
